"""Annotators: answers are read, counted, paid for and never lost; the simulated one errs as told; the others answer what they should."""
from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import labelnb as lnb
from labelnb import annotators
from labelnb.annotators import AnnotatorError, Answer, EmbeddingAnnotator, LanguageModelAnnotator, Remembered, SimulatedAnnotator, ask, bind
from labelnb.torchvision_mend import mend_torchvision

NAMES = ("cat", "dog", "owl")


def test_answers_of_every_form_are_read():
    forms = ["dog", None, ("owl", 0.7), Answer("cat", 0.2, "it purrs"), " DOG ", "wolf", ("cat", None)]
    made = ask(lambda positions: [forms[i] for i in positions], np.arange(7), NAMES)
    np.testing.assert_array_equal(made.classes, [1, -1, 2, 0, 1, -1, 0])
    np.testing.assert_array_equal(made.confidence, [np.nan, np.nan, 0.7, 0.2, np.nan, np.nan, np.nan])
    assert made.said[5] == "wolf"
    assert made.explanations[3] == "it purrs"
    np.testing.assert_array_equal(made.usable, made.classes >= 0)


def test_batches_have_the_annotators_size_and_every_answer_has_its_price():
    sizes = []

    class Priced:
        cost, batch_size = 0.25, 4

        def __call__(self, positions: np.ndarray) -> list[str]:
            sizes.append(len(positions))
            return ["cat"] * len(positions)

    made = ask(Priced(), [5, 3, 9, 1, 0, 2, 8, 7, 6], NAMES)
    assert sizes == [4, 4, 1]
    assert made.cost == pytest.approx(9 * 0.25)
    np.testing.assert_array_equal(made.positions, [5, 3, 9, 1, 0, 2, 8, 7, 6])


class Breaks:
    """Works for `until` items and then fails."""

    batch_size, cost = 2, 1.0

    def __init__(self, until: int) -> None:
        self.left, self.asked = until, []

    def __call__(self, positions: np.ndarray) -> list[str]:
        if self.left <= 0:
            raise ConnectionError("the line went dead")
        self.left -= len(positions)
        self.asked += positions.tolist()
        return [NAMES[i % 3] for i in positions]


def test_what_was_paid_for_survives_a_failure_and_is_never_asked_again():
    broken = Breaks(6)
    with pytest.raises(AnnotatorError, match=r"failed after 6 answers with ConnectionError: the line went dead; .*error\.answ") as caught:
        ask(broken, np.arange(10), NAMES)
    kept = caught.value.answers
    np.testing.assert_array_equal(kept.positions, np.arange(6))
    assert kept.cost == 6
    again = Breaks(100)
    whole = ask(Remembered(again, answers=kept), np.arange(10), NAMES)
    assert again.asked == [6, 7, 8, 9]
    np.testing.assert_array_equal(whole.classes, np.arange(10) % 3)


def test_a_file_of_answers_outlives_the_object(tmp_path):
    path = tmp_path / "answers.jsonl"
    with pytest.raises(AnnotatorError):
        ask(Remembered(Breaks(4), path=path), np.arange(9), NAMES)
    assert len(path.read_text(encoding="utf8").splitlines()) == 4
    again = Breaks(100)
    second = Remembered(again, path=path)
    assert len(second) == 4
    ask(second, np.arange(9), NAMES)
    assert again.asked == [4, 5, 6, 7, 8]
    assert second.spent == 5
    path.write_text(path.read_text(encoding="utf8") + "{not json\n", encoding="utf8")
    with pytest.raises(ValueError, match=r"answers\.jsonl, line 10: not an answer"):
        Remembered(again, path=path)


def test_a_hostile_answer_is_only_a_text(tmp_path):
    nasty = 'cat"}\n{"item": "1", "label": "dog"'
    made = Remembered(lambda positions: [nasty] * len(positions), path=tmp_path / "a.jsonl")
    ask(made, [0], NAMES)
    again = Remembered(made, path=tmp_path / "a.jsonl")
    assert len(again) == 1
    assert json.loads((tmp_path / "a.jsonl").read_text(encoding="utf8"))["label"] == nasty


@pytest.mark.parametrize(("given", "words"), [
    (lambda p: ["cat"], "got 1 answers for 3 items"), (lambda p: "cat", "got str for 3 items"), (lambda p: None, "got NoneType"),
    (lambda p: [3, 4, 5], "got 3 for item 0"), (lambda p: [("cat", 2.0)] * 3, r"got \('cat', 2.0\) for item 0"),
    (lambda p: [("cat", "sure")] * 3, "for item 0"),
])
def test_answers_that_cannot_be_read_are_refused_with_what_was_said_before(given, words):
    with pytest.raises(AnnotatorError, match=words) as caught:
        ask(given, np.arange(3), NAMES)
    assert len(caught.value.answers) == 0


def test_questions_that_cannot_be_put_are_refused():
    with pytest.raises(TypeError, match="annotator: got str, expected a callable"):
        ask("cat", [0], NAMES)
    with pytest.raises(ValueError, match="positions"):
        ask(lambda p: ["cat"] * len(p), [1, 1], NAMES)
    with pytest.raises(TypeError, match="annotator"):
        bind(3, ["a"])


def test_one_that_reads_items_is_bound_to_them():
    texts = ["a cat", "a dog", "an owl"]
    reader = bind(lambda batch: [text.split()[-1] for text in batch], texts)
    np.testing.assert_array_equal(ask(reader, [2, 0], NAMES).classes, [2, 0])
    items = lnb.load(texts)
    kept = Remembered(lambda batch: [batch.text(i).split()[-1] for i in range(len(batch))])
    made = bind(kept, items)
    np.testing.assert_array_equal(ask(made, [1, 2], NAMES).classes, [1, 2])
    np.testing.assert_array_equal(ask(made, [2, 0], NAMES).classes, [2, 0])
    assert len(kept) == 3
    here = SimulatedAnnotator([0, 1, 2], NAMES)
    assert bind(here, items) is here


def test_the_simulated_one_errs_as_often_and_where_it_was_told_to():
    truth = np.random.default_rng(0).integers(0, 3, 20_000)
    rate = np.where(np.arange(20_000) < 10_000, 0.1, 0.5)
    confusion = [[0, 3, 1], [1, 0, 1], [0, 1, 0]]
    made = SimulatedAnnotator(truth, NAMES, noise=rate, confusion=confusion, calibration=1.0, seed=3)
    wrong = made.answers != truth
    assert np.mean(wrong[:10_000]) == pytest.approx(0.1, abs=0.01)
    assert np.mean(wrong[10_000:]) == pytest.approx(0.5, abs=0.015)
    from_cat = made.answers[wrong & (truth == 0)]
    assert np.mean(from_cat == 1) == pytest.approx(0.75, abs=0.02)
    assert set(made.answers[wrong & (truth == 2)]) == {1}
    right, false = made.confidence[~wrong], made.confidence[wrong]
    above = np.mean(np.random.default_rng(1).choice(right, 5000) > np.random.default_rng(2).choice(false, 5000))
    assert 0.88 < above < 0.93
    flat = SimulatedAnnotator(truth, NAMES, noise=0.3, calibration=0.0, seed=3)
    assert flat.confidence[flat.answers == truth].mean() == pytest.approx(flat.confidence[flat.answers != truth].mean(), abs=0.01)
    one, two = ask(made, [5, 2, 7], NAMES), ask(made, [7, 5], NAMES)
    np.testing.assert_array_equal(one.classes[[2, 0]], two.classes)
    assert made.asked == 5


@pytest.mark.parametrize(("options", "words"), [
    ({"noise": 1.2}, "noise"), ({"noise": np.nan}, "noise"), ({"confusion": [[0, 1]]}, "confusion"),
    ({"confusion": [[0, 1, 0], [1, 0, 0], [0, 0, 5]]}, "class 2 has no wrong answer"), ({"calibration": 2.0}, "calibration"),
])
def test_a_simulation_that_means_nothing_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        SimulatedAnnotator([0, 1, 2], NAMES, **options)


def test_the_nearest_name_is_the_answer_of_the_embedding_annotator():
    rng = np.random.default_rng(0)
    x, c = rng.normal(size=(30, 8)), rng.normal(size=(3, 8))
    made = ask(EmbeddingAnnotator(x, c, NAMES, temperature=0.1), np.arange(30), NAMES)
    cosines = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ (c / np.linalg.norm(c, axis=1, keepdims=True)).T
    shares = np.exp(cosines / 0.1)
    shares /= shares.sum(1, keepdims=True)
    np.testing.assert_array_equal(made.classes, shares.argmax(1))
    np.testing.assert_allclose(made.confidence, shares.max(1), rtol=1e-5)
    with pytest.raises(ValueError, match="class_embeddings: got 3 rows for 2 classes"):
        EmbeddingAnnotator(x, c, NAMES[:2])


class Tokenizer:
    """One token a character: enough to check how names are scored."""

    def __call__(self, text: str, add_special_tokens: bool = False) -> dict[str, list[int]]:
        return {"input_ids": [ord(letter) % 96 + 1 for letter in text]}

    def decode(self, ids: list[int], skip_special_tokens: bool = True) -> str:
        return "".join(chr((i - 1) + 96 if i <= 32 else i - 1) for i in ids)


@pytest.fixture(scope="module")
def tiny():
    mend_torchvision()
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=98, n_positions=400, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return transformers.GPT2LMHeadModel(config).eval()


@pytest.mark.parametrize("score", ["mean", "sum", "pmi"])
def test_a_language_model_answers_the_likeliest_name(tiny, score):
    made = LanguageModelAnnotator(tiny, NAMES, tokenizer=Tokenizer(), score=score, prompt="Is {text} one of {classes}? ")
    text = "a {text} with {braces}"
    answers = made([text])
    tokens, filled = Tokenizer(), "Is a {text} with {braces} one of cat, dog, owl? "

    def slow(start: list[int], name: str) -> float:
        """Log-likelihood token by token, each with a call of its own."""
        total, option = 0.0, tokens(" " + name)["input_ids"]
        for at, token in enumerate(option):
            with torch.no_grad():
                logits = tiny(input_ids=torch.tensor([start + option[:at]])).logits[0, -1].double()
            total += float(logits[token] - logits.logsumexp(0))
        return total / (len(option) if score == "mean" else 1)

    values = np.array([slow(tokens(filled)["input_ids"], name) for name in NAMES])
    if score == "pmi":
        values -= [slow(tokens("Answer:")["input_ids"], name) for name in NAMES]
    shares = np.exp(values) / np.exp(values).sum()
    assert answers[0].label == NAMES[shares.argmax()]
    assert answers[0].confidence == pytest.approx(shares.max(), rel=1e-4)


def test_a_language_model_reads_items_of_texts(tiny):
    model = LanguageModelAnnotator(tiny, NAMES, tokenizer=Tokenizer(), cost=2.0, most_tokens=5)
    answers = ask(bind(model, lnb.load(["first text", "second text"])), [1, 0], NAMES)
    assert answers.cost == 4.0
    assert answers.usable.all()


@pytest.mark.parametrize(("options", "words"), [
    ({"prompt": "no place"}, "prompt"), ({"score": "max"}, "score"), ({"temperature": 0.0}, "temperature"), ({"most_tokens": 0},
    "most_tokens"),
])
def test_a_language_model_that_cannot_answer_is_refused(tiny, options, words):
    with pytest.raises(ValueError, match=words):
        LanguageModelAnnotator(tiny, NAMES, tokenizer=Tokenizer(), **options)
    with pytest.raises(ValueError, match="tokenizer"):
        LanguageModelAnnotator(tiny, NAMES)


def test_unknown_names_of_the_package_are_refused():
    with pytest.raises(AttributeError, match="it has Answer, Answers"):
        _ = annotators.Nobody
