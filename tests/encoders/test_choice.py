"""Which encoder is taken, and what is said where none can be."""
from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from labelnb import encoders
from labelnb.encoders import EncoderError, choice, efficientnet, minilm, weights, wordllama


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch):
    """A machine on which nothing is installed, cached or reachable, but for what a test puts there."""
    class World:
        def has(self, module: ModuleType, name: str, value: object) -> None:
            monkeypatch.setattr(module, name, lambda *_, **__: value)

    made = World()
    made.has(efficientnet, "efficientnet_file", None)
    made.has(minilm, "minilm_folder", None)
    made.has(wordllama, "wordllama_files", None)
    made.has(weights, "online", False)
    made.has(weights, "cached_file", None)
    return made


FILE = Path("somewhere")


def test_images_offline_take_conse_with_the_better_text_encoder(world):
    world.has(efficientnet, "efficientnet_file", FILE)
    world.has(wordllama, "wordllama_files", (FILE, FILE))
    assert choice.plan("image").name == "conse:wordllama"
    world.has(minilm, "minilm_folder", FILE)
    assert choice.plan("image").name == "conse:minilm" and choice.plan("image").download == 0
    assert choice.plan("image", with_text=False).name == "efficientnet"


def test_images_take_clip_weights_that_are_here_before_all_else(world):
    world.has(efficientnet, "efficientnet_file", FILE)
    world.has(weights, "online", True)
    assert choice.plan("image") == choice.Plan(
        "open_clip:ViT-B-32/datacomp_xl_s13b_b90k", "the best at hand for images and text; 605 MB are fetched from the hub once", 605)
    world.has(weights, "cached_file", FILE)
    assert choice.plan("image").download == 0 and choice.plan("image").name.startswith("open_clip:")


def test_texts_take_minilm_then_the_hub_then_wordllama(world):
    world.has(wordllama, "wordllama_files", (FILE, FILE))
    assert choice.plan("text").name == "wordllama"
    world.has(weights, "online", True)
    assert choice.plan("text").name == "transformers:sentence-transformers/all-MiniLM-L6-v2" and choice.plan("text").download == 90
    world.has(weights, "cached_file", FILE)
    assert choice.plan("text").download == 0
    world.has(minilm, "minilm_folder", FILE)
    assert choice.plan("text").name == "minilm"


def test_nothing_above_a_gigabyte_is_ever_fetched_unasked(world):
    world.has(weights, "online", True)
    assert max(choice.plan(modality).download for modality in ("image", "text")) < 1000


def test_where_nothing_is_at_hand_the_extra_is_named(world):
    for modality in ("image", "text"):
        with pytest.raises(EncoderError, match=r"labelnb\[offline\]"):
            choice.plan(modality)
    with pytest.raises(EncoderError, match="their own embeddings"):
        choice.plan("vector")


def test_a_chosen_encoder_says_why(world, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    if wordllama.wordllama_files() is None:
        pytest.skip("wordllama is not installed")
    monkeypatch.setattr(choice, "_plan_texts", lambda: choice.Plan("wordllama", "because"))
    assert encoders.choose("text").why == "because"


@pytest.mark.parametrize(("name", "said"), [
    ("minilmm", "did you mean 'minilm'"), ("clip", "see labelnb.encoders.available()"), ("open_clip:", "open_clip:MODEL/TAG"),
    ("conse:bert", "there is no 'conse:bert'"), ("efficientnet:big", "expected a side in pixels"), ("", "there is no ''"),
])
def test_unknown_names_are_answered(name: str, said: str):
    with pytest.raises(EncoderError) as caught:
        encoders.get(name)
    assert said in str(caught.value)


def test_an_encoder_is_handed_back_and_anything_else_refused():
    class Mine:
        name, fingerprint, modalities, dim, temperature, templates = "mine", "1", ("text",), 3, 0.1, ("{}",)

    mine = Mine()
    assert encoders.get(mine) is mine
    with pytest.raises(EncoderError, match="got int, expected a name"):
        encoders.get(3)


def test_available_lists_every_kind_and_asks_no_network(world, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> bool:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(weights, "online", refuse)
    rows = encoders.available()
    assert {row["encoder"].partition(":")[0] for row in rows} == {name.partition(":")[0] for name in choice._MAKERS}
    assert not any(row["ready"] for row in rows) and all(row["needs"] for row in rows)


def test_offline_by_environment_is_believed_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setattr(weights, "_asked", [])
    monkeypatch.setattr(weights, "_ask", lambda answers: answers.append(True))
    assert weights.online()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not weights.online()


def test_a_network_that_never_answers_costs_three_seconds_at_most_and_is_asked_once(monkeypatch: pytest.MonkeyPatch):
    asked = []

    def hang(answers: list[bool]) -> None:
        asked.append(1)
        time.sleep(30)

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setattr(weights, "WAIT", 0.2)
    monkeypatch.setattr(weights, "_asked", [])
    monkeypatch.setattr(weights, "_ask", hang)
    assert not weights.online() and not weights.online()
    assert asked == [1]


def test_the_hub_counts_as_there_when_it_answers_anything(monkeypatch: pytest.MonkeyPatch):
    import urllib.error
    import urllib.request

    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.HTTPError("https://hub.invalid", 403, "no", None, None)  # type: ignore[arg-type]

    answers: list[bool] = []
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    weights._ask(answers)
    monkeypatch.undo()
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    weights._ask(answers)
    assert answers == [True, False]


def test_importing_the_encoders_brings_in_no_framework():
    code = (
        "import sys, numpy, labelnb.encoders as e\n"
        "e.get, e.available, e.embed, e.embed_classes, e.EncoderError\n"
        "heavy = {'torch', 'transformers', 'timm', 'torchvision', 'open_clip', 'sentence_transformers', 'PIL', 'tqdm'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert made.stdout.strip() == "[]"
