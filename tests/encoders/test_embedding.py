"""Items to vectors: order, resuming, failures, memory, with an encoder small enough to check by hand."""
from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import labelnb as lnb
from labelnb.encoders import EncoderError, embed
from labelnb.encoders.embedding import _halving, _runs
from labelnb.store import Store


class Hashing:
    """Texts to vectors made of their digest; counts what it is asked for."""

    name, fingerprint, modalities, dim, temperature, templates, batch_size = "hashing", "h1", ("text",), 16, 0.05, ("{}",), 8

    def __init__(self, *, stop_after: int | None = None) -> None:
        self.seen: list[str] = []
        self.stop_after = stop_after

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        if self.stop_after is not None and len(self.seen) + len(texts) > self.stop_after:
            raise KeyboardInterrupt
        self.seen += texts
        rows = np.stack([np.frombuffer(hashlib.sha256(text.encode()).digest()[:16], np.uint8) for text in texts]).astype(np.float32) - 127
        return torch.nn.functional.normalize(torch.from_numpy(rows), dim=1)


class Colour:
    """Images to their mean colour, through the two steps of a real image encoder."""

    name, fingerprint, modalities, dim, temperature, templates, batch_size = "colour", "c1", ("image",), 3, None, (), 4

    def prepare_image(self, image: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.asarray(image, np.float32).mean((0, 1)))

    def forward_images(self, batch: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(batch, dim=1)


def texts(n: int, modulus: int = 10**9) -> lnb.Items:
    return lnb.load([f"text number {i % modulus}" for i in range(n)])


def images(n: int) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(np.broadcast_to(rng.integers(1, 255, 3), (8, 8, 3)).astype(np.uint8)) for _ in range(n)]


def expected(items: lnb.Items) -> np.ndarray:
    return Hashing().encode_texts(list(items)).numpy()


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_rows_stand_in_the_items_order(batch_size: int):
    items = texts(300)
    outcome = embed(items, Hashing(), batch_size=batch_size, progress=False)
    assert outcome.failed == () and outcome.ok.all()
    assert outcome.vectors.dtype == np.float32 and not outcome.vectors.flags.writeable
    np.testing.assert_allclose(outcome.vectors, expected(items), atol=1e-6)


def test_a_text_that_occurs_often_is_encoded_once():
    encoder, items = Hashing(), texts(1000, modulus=50)
    outcome = embed(items, encoder, progress=False)
    assert sorted(encoder.seen) == sorted(set(items))
    np.testing.assert_allclose(outcome.vectors, expected(items), atol=1e-6)


def test_short_and_long_texts_do_not_share_a_batch():
    items = lnb.load(["a" * (500 if i % 2 else 3) + str(i) for i in range(64)])
    encoder = Hashing()
    embed(items, encoder, batch_size=32, progress=False)
    lengths = [len(text) for text in encoder.seen]
    assert lengths == sorted(lengths)


def test_images_keep_their_order_and_match_one_by_one():
    items = lnb.load(images(30))
    outcome = embed(items, Colour(), progress=False)
    alone = np.stack([Colour().forward_images(Colour().prepare_image(items[i])[None])[0].numpy() for i in range(30)])
    np.testing.assert_allclose(outcome.vectors, alone, atol=1e-6)


def test_an_encoder_without_the_two_steps_serves_as_well():
    class Plain(Colour):
        prepare_image = forward_images = None                   # type: ignore[assignment]

        def encode_images(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
            return Colour().forward_images(torch.stack([Colour().prepare_image(picture) for picture in pictures]))

    items = lnb.load(images(9))
    np.testing.assert_allclose(embed(items, Plain(), progress=False).vectors, embed(items, Colour(), progress=False).vectors)


def test_the_store_gives_the_same_rows_without_asking_the_encoder(tmp_path: Path):
    store, items = Store(tmp_path), texts(100)
    first = embed(items, Hashing(), store=store, progress=False)
    again = Hashing()
    second = embed(items, again, store=Store(tmp_path), progress=False)
    assert again.seen == [] and second.found == 100
    np.testing.assert_array_equal(first.vectors, second.vectors)
    assert not second.vectors.flags.owndata and not second.vectors.flags.writeable


def test_another_encoder_or_other_items_are_another_entry(tmp_path: Path):
    store = Store(tmp_path)
    embed(texts(20), Hashing(), store=store, progress=False)
    other = Hashing()
    other.fingerprint = "h2"
    embed(texts(20), other, store=store, progress=False)
    assert len(other.seen) == 20


def test_after_an_interrupt_it_goes_on_where_it_stopped(tmp_path: Path):
    items = texts(1000)
    with pytest.raises(KeyboardInterrupt):
        embed(items, Hashing(stop_after=600), store=Store(tmp_path), progress=False)
    later = Hashing()
    outcome = embed(items, later, store=Store(tmp_path), progress=False)
    assert outcome.found >= 500 and len(later.seen) == 1000 - outcome.found
    np.testing.assert_allclose(outcome.vectors, expected(items), atol=1e-6)


KILLED = """
import sys, time
sys.path.insert(0, sys.argv[2])
from tests.encoders.test_embedding import Hashing, texts
from labelnb.encoders import embed
from labelnb.store import Store

class Slow(Hashing):
    def encode_texts(self, some):
        time.sleep(0.02)
        print(len(self.seen), flush=True)
        return super().encode_texts(some)

embed(texts(2000), Slow(), store=Store(sys.argv[1]), batch_size=4, progress=False)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is of POSIX")
def test_after_kill_9_what_was_written_stays(tmp_path: Path):
    root = str(Path(__file__).parents[2])
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), root], stdout=subprocess.PIPE, text=True, cwd=root)
    assert child.stdout is not None
    seen = 0
    while seen < 400:
        seen = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    later, items = Hashing(), texts(2000)
    outcome = embed(items, later, store=Store(tmp_path), progress=False)
    assert outcome.found > 0 and len(later.seen) == 2000 - outcome.found
    np.testing.assert_allclose(outcome.vectors, expected(items), atol=1e-6)


def test_a_folder_that_has_grown_costs_only_what_is_new(tmp_path: Path):
    store = Store(tmp_path)
    embed(texts(50), Hashing(), store=store, progress=False)
    grown = lnb.load([f"text number {i}" for i in (70, *range(50), 71, 72)])
    encoder = Hashing()
    outcome = embed(grown, encoder, store=store, progress=False)
    assert sorted(encoder.seen) == ["text number 70", "text number 71", "text number 72"]
    np.testing.assert_allclose(outcome.vectors, expected(grown), atol=1e-6)


def test_a_broken_image_costs_no_other_one_anything(tmp_path: Path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, picture in enumerate(images(12)):
        picture.save(folder / f"{number:02}.png")
    items = lnb.load(folder)
    whole = embed(items, Colour(), progress=False)
    (folder / "05.png").write_bytes(b"not an image at all")
    store = Store(tmp_path / "store")
    first = embed(items, Colour(), store=store, progress=False)
    again = embed(items, Colour(), store=store, progress=False)
    for outcome in (first, again):
        assert [position for position, _ in outcome.failed] == [5] and "05.png" in outcome.failed[0][1]
        assert not outcome.vectors[5].any() and outcome.ok.sum() == 11
        np.testing.assert_array_equal(outcome.vectors[outcome.ok], whole.vectors[np.arange(12) != 5])


class Listed(list):
    """Texts that no loader has looked at."""

    modality, fingerprint = "text", "listed"


def test_empty_texts_are_set_aside():
    outcome = embed(Listed(["one", "  ", "two"]), Hashing(), progress=False)
    assert outcome.failed == ((1, "an empty text"),)


def test_nan_from_the_encoder_never_becomes_a_row():
    class Sick(Hashing):
        def encode_texts(self, some: Sequence[str]) -> torch.Tensor:
            rows = super().encode_texts(some)
            rows[[i for i, text in enumerate(some) if text.endswith(" 3")]] = float("nan")
            return rows

    outcome = embed(texts(9), Sick(), progress=False)
    assert [position for position, _ in outcome.failed] == [3] and "NaN" in outcome.failed[0][1]
    assert np.isfinite(outcome.vectors).all()


def test_not_one_readable_item_is_an_error():
    with pytest.raises(EncoderError, match="not one of 2 items could be read; the first: an empty text"):
        embed(Listed([" ", "   "]), Hashing(), progress=False)


@pytest.mark.parametrize(("items", "encoder", "message"), [
    (["a", "b"], Colour(), "colour reads image, the items are texts"),
    (np.eye(3, dtype=np.float32), Hashing(), "their vectors are their embeddings"),
])
def test_an_encoder_that_cannot_read_the_items_says_so(items: object, encoder: object, message: str):
    with pytest.raises(EncoderError, match=message):
        embed(lnb.load(items), encoder, progress=False)


def test_batch_size_must_be_positive():
    with pytest.raises(ValueError, match="batch_size: got 0"):
        embed(texts(3), Hashing(), batch_size=0)


def test_another_device_than_the_encoders_is_refused():
    encoder = Hashing()
    encoder.device = "cpu"                                      # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="device: got cuda, but hashing was made on cpu"):
        embed(texts(3), encoder, device="cuda", progress=False)


def test_when_memory_runs_out_the_batch_is_halved(monkeypatch: pytest.MonkeyPatch):
    sizes = []

    def encode(some: Sequence[str]) -> torch.Tensor:
        sizes.append(len(some))
        if len(some) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return torch.arange(len(some), dtype=torch.float32)[:, None] + int(some[0])

    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    np.testing.assert_array_equal(_halving(encode, [str(i) for i in range(8)])[:, 0], np.arange(8))
    assert sizes == [8, 4, 2, 2, 4, 2, 2]
    with pytest.raises(torch.OutOfMemoryError):
        _halving(lambda some: encode([*some, "0", "0"]), ["0"])


def test_runs_are_neighbours_of_limited_length():
    assert list(_runs(np.array([0, 1, 2, 5, 6, 9]), 2)) == [(0, 2), (2, 3), (5, 7), (9, 10)]
    assert list(_runs(np.array([], np.int64), 4)) == []


LONG = 120                                                      # seconds after which it can only be that nobody will come


class Meeting:
    """The model does not let go of a batch before the next one is decoded, and that is not decoded before the model has the former: the
    run ends only where both happen at the same time."""

    def __init__(self, batches: int) -> None:
        self.entered, self.ready = ([threading.Event() for _ in range(batches + 1)] for _ in range(2))
        self.order: list[str] = []

    def decode(self, batch: int, last: bool) -> None:
        if batch:
            assert self.entered[batch - 1].wait(LONG), f"batch {batch} could be decoded only after the model was done with the one before"
        if last:
            self.order.append(f"decoded {batch}")
            self.ready[batch].set()

    def model(self, batch: int, batches: int) -> None:
        self.order.append(f"model has {batch}")
        self.entered[batch].set()
        if batch + 1 < batches:
            assert self.ready[batch + 1].wait(LONG), f"nobody decodes batch {batch + 1} while the model has {batch}"
        self.order.append(f"model gives {batch}")


def overlapped(order: list[str], batches: int) -> bool:
    return all(
        order.index(f"model has {i}") < order.index(f"decoded {i + 1}") < order.index(f"model gives {i}") for i in range(batches - 1)
    )


def test_the_next_images_are_decoded_while_the_model_has_the_former():
    meeting, turns, lock, left = Meeting(5), iter(range(5)), threading.Lock(), [4] * 5
    numbered = [Image.new("RGB", (8, 8), (10 * i + 5, 100, 50)) for i in range(20)]

    class Meets(Colour):
        def prepare_image(self, image: Image.Image) -> torch.Tensor:
            batch = (image.getpixel((0, 0))[0] - 5) // 10 // 4
            with lock:
                left[batch] -= 1
                last = left[batch] == 0
            meeting.decode(batch, last)
            return super().prepare_image(image)

        def forward_images(self, batch: torch.Tensor) -> torch.Tensor:
            meeting.model(next(turns), 5)
            return super().forward_images(batch)

    found = embed(lnb.load(numbered), Meets(), progress=False)
    assert found.ok.all() and overlapped(meeting.order, 5)
    np.testing.assert_array_equal(found.vectors, embed(lnb.load(numbered), Colour(), progress=False).vectors)


def test_the_next_texts_are_cut_into_tokens_while_the_model_has_the_former():
    meeting, calls, turns = Meeting(5), iter(range(5)), iter(range(5))

    class Meets(Hashing):
        def prepare_texts(self, texts: Sequence[str]) -> list[str]:
            meeting.decode(next(calls), True)
            return list(texts)

        def forward_texts(self, tokens: list[str]) -> torch.Tensor:
            meeting.model(next(turns), 5)
            return super().encode_texts(tokens)

    found = embed(texts(40), Meets(), progress=False)
    assert found.ok.all() and overlapped(meeting.order, 5)
    np.testing.assert_array_equal(found.vectors, expected(texts(40)))


def test_only_a_few_batches_are_read_ahead():
    open_now, most = 0, 0

    class Watching(Colour):
        def prepare_image(self, image: Image.Image) -> torch.Tensor:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            return super().prepare_image(image)

        def forward_images(self, batch: torch.Tensor) -> torch.Tensor:
            nonlocal open_now
            time.sleep(0.005)
            open_now -= len(batch)
            return super().forward_images(batch)

    embed(lnb.load(images(200)), Watching(), progress=False)
    assert most <= 4 * (3 + 1)


def test_the_bar_stays_away_from_short_work_and_shows_for_long(capsys: pytest.CaptureFixture[str]):
    embed(texts(50), Hashing())
    assert "embedding" not in capsys.readouterr().err

    class Slow(Hashing):
        def encode_texts(self, some: Sequence[str]) -> torch.Tensor:
            time.sleep(0.3)
            return super().encode_texts(some)

    embed(texts(50), Slow())
    assert "embedding" in capsys.readouterr().err
