"""Items: positions and ids, slices, reading, and keeping them on disk."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import labelnb.contents as contents
from labelnb.digests import WHOLE, hash_file
from labelnb.ids import content_ids, user_ids
from labelnb.items import ItemError, Items
from labelnb.load import load


def photo(path: Path, color: tuple[int, int, int], size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for k in range(12):
        photo(tmp_path / "photos" / f"p{k}.jpg", (k * 20, 255 - k * 20, 90))
    return tmp_path / "photos"


def made(modality: str, tmp_path: Path) -> Items:
    rng = np.random.default_rng(0)
    if modality == "files":
        return load([photo(tmp_path / f"a{k}.png", (k, 2 * k, 3 * k)) for k in range(6)])
    if modality == "blobs":
        return load([Image.new("RGB", (5 + k, 4), (k, 9, 9)) for k in range(6)])
    if modality == "pixels":
        return load(rng.integers(0, 255, (6, 8, 7, 3)).astype(np.uint8))
    if modality == "text":
        return load(pa.table({"text": [f"text {k}" for k in range(6)], "n": range(6)}))
    if modality == "row":
        return load(pa.table({"a": range(6), "b": [k / 2 for k in range(6)]}))
    if modality == "vector":
        return load(rng.normal(size=(6, 3)), label=["x", None, "y", "x", "y", ""])
    return load([f"paper {k}" for k in range(6)], edges=[[0, 1, 2], [1, 2, 5]], features=rng.normal(size=(6, 3)))


KINDS = ["files", "blobs", "pixels", "text", "row", "vector", "node"]


def same(a: object, b: object) -> bool:
    return bool(np.array_equal(np.asarray(a), np.asarray(b))) if not isinstance(a, (str, dict)) else a == b


@pytest.mark.parametrize("kind", KINDS)
def test_saved_items_open_as_they_were(kind: str, tmp_path: Path):
    items = made(kind, tmp_path)
    items.save(tmp_path / "kept")
    back = Items.open(tmp_path / "kept")
    assert back.ids.tolist() == items.ids.tolist() and back.modality == items.modality and back.fingerprint == items.fingerprint
    assert all(same(back[i], items[i]) for i in range(len(items))) and back.text(2) == items.text(2)
    for name in ("given", "truth", "vectors", "edges", "pixels"):
        ours, theirs = getattr(items, name), getattr(back, name)
        assert (ours is None) == (theirs is None) and (ours is None or np.array_equal(ours, theirs))
    assert (items.frame is None) == (back.frame is None) and (items.frame is None or items.frame.equals(back.frame))
    if kind != "blobs":  # a PIL image is told by its pixels, which PNG versions do not change
        assert Items(back._content, ids=back.ids, edges=back.edges).fingerprint == items.fingerprint  # computed anew


@pytest.mark.parametrize("kind", KINDS)
def test_slices_masks_and_positions(kind: str, tmp_path: Path):
    items = made(kind, tmp_path)
    for index in (slice(1, 4), np.array([False, True, True, True, False, False]), [1, 2, 3], np.array([1, 2, -3])):
        part = items[index]
        assert part.ids.tolist() == items.ids[1:4].tolist() and same(part[0], items[1]) and part.modality == items.modality
    assert len(items[np.zeros(6, bool)]) == 0 and items[[]].modality == items.modality
    part = items[[4, 2]]
    part.save(tmp_path / "part")
    assert Items.open(tmp_path / "part").ids.tolist() == items.ids[[4, 2]].tolist() and same(Items.open(tmp_path / "part")[0], items[4])
    empty = items[[]]
    empty.save(tmp_path / "empty")
    assert len(Items.open(tmp_path / "empty")) == 0


def test_bad_positions_are_refused(tmp_path: Path):
    items = made("text", tmp_path)
    with pytest.raises(IndexError, match="outside the 6 items"):
        items[6]
    with pytest.raises(IndexError, match="outside the 6 items"):
        items[[0, 9]]
    with pytest.raises(IndexError, match=r"expected \(6,\)"):
        items[np.array([True])]
    with pytest.raises(ItemError, match="more than once"):
        items[[1, 1]]
    with pytest.raises(TypeError, match=r"items.position\('x'\)"):
        items["x"]


def test_ids_are_found_and_close_ones_named():
    items = load(["one", "two", "three"], id=["alpha", "beta", "gamma"])
    assert items.position("beta") == 1 and items.positions(["gamma", "alpha"]).tolist() == [2, 0]
    assert items.positions(np.array(["beta"])).dtype == np.int64 and items.positions([]).tolist() == []
    with pytest.raises(KeyError, match="alpha"):
        items.position("alpa")
    with pytest.raises(KeyError, match="delta"):
        items.positions(["alpha", "delta"])
    with pytest.raises(TypeError, match="list of ids"):
        items.positions("alpha")


def test_nothing_can_be_written_to():
    items = load(np.eye(3), label=["a", "b", "c"])
    for array in (items.ids, items.given, items.digests):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = "x"


def test_equal_content_gets_a_suffix_and_the_same_ids_every_time():
    items = load(["same", "other", "same", "same"])
    first = items.ids[0]
    assert items.ids.tolist() == [first, items.ids[1], f"{first}-2", f"{first}-3"]
    assert load(["same", "other", "same", "same"]).ids.tolist() == items.ids.tolist()
    assert first == "0967115f2813"  # the beginning of the SHA-256 of b"same": ids stay the same over versions
    assert content_ids(np.array(["a" * 16, "a" * 12 + "b" * 4], dtype=object)).tolist() == ["a" * 12, "a" * 12 + "-2"]


def test_ids_of_the_user():
    assert user_ids([1, "b", 2.0, np.int64(7)]).tolist() == ["1", "b", "2", "7"]
    with pytest.raises(ItemError, match=r"'a', 'c'"):
        user_ids(["a", "b", "a", "c", "c"])
    for missing in (None, float("nan"), ""):
        with pytest.raises(ItemError, match=r"\[1\]"):
            user_ids(["a", missing])


def test_the_same_picture_in_files_bytes_and_a_moved_folder_has_one_id(photos: Path, tmp_path: Path):
    by_path = load(photos)
    by_bytes = load([path.read_bytes() for path in sorted(photos.iterdir(), key=lambda path: int(path.stem[1:]))])
    assert by_path.ids.tolist() == by_bytes.ids.tolist()
    moved = tmp_path / "elsewhere"
    shutil.copytree(photos, moved)
    assert load(moved).ids.tolist() == by_path.ids.tolist() and load(moved).fingerprint == by_path.fingerprint


def test_large_files_are_told_apart_without_reading_them_whole(tmp_path: Path):
    data = bytes(WHOLE + 100_000)
    places = {}
    for name, at in (("none", None), ("first", 0), ("last", len(data) - 1), ("middle", (len(data) - 65536) // 3 + 10)):
        changed = bytearray(data)
        if at is not None:
            changed[at] = 1
        (tmp_path / name).write_bytes(changed)
        places[name] = hash_file(str(tmp_path / name))[0]
    (tmp_path / "longer").write_bytes(data + b"\0")
    places["longer"] = hash_file(str(tmp_path / "longer"))[0]
    assert len(set(places.values())) == 5


def test_fingerprint_sees_order_ids_content_and_edges(tmp_path: Path):
    base = load(["a", "b"], id=["1", "2"])
    others = [load(["b", "a"], id=["1", "2"]), load(["a", "c"], id=["1", "2"]), load(["a", "b"]), load(["a", "b"], id=["1", "3"])]
    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == 5
    one, two = (load(["a", "b"], id=["1", "2"], edges=edges).fingerprint for edges in ([[0], [1]], [[1], [0]]))
    assert one != two and len(base.fingerprint) == 64


def test_a_file_that_went_keeps_its_place(photos: Path, tmp_path: Path):
    items = load(photos)
    items.save(tmp_path / "kept")
    (photos / "p3.jpg").unlink()
    back = Items.open(tmp_path / "kept")
    assert back.ids.tolist() == items.ids.tolist() and [problem.position for problem in back.problems] == [3]
    assert "p3.jpg" in str(back.problems[0]) and "not there any more" in str(back.problems[0])
    with pytest.raises(ItemError, match=r"item 3, .*p3\.jpg: the file is not there"):
        back[3]
    assert back[4].size == (40, 30)


def test_a_folder_moved_together_with_its_photos_opens(tmp_path: Path):
    photo(tmp_path / "project" / "photos" / "deep" / "a.png", (1, 2, 3))
    load(tmp_path / "project" / "photos").save(tmp_path / "project" / "session" / "items")
    shutil.move(tmp_path / "project", tmp_path / "moved")
    back = Items.open(tmp_path / "moved" / "session" / "items")
    assert back.problems == () and back[0].getpixel((0, 0)) == (1, 2, 3)


def test_saving_replaces_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    load(["first"]).save(tmp_path / "kept")
    load(["second", "third"]).save(tmp_path / "kept")
    assert [*Items.open(tmp_path / "kept")] == ["second", "third"]
    monkeypatch.setattr(contents.Texts, "save", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        load(["fourth"]).save(tmp_path / "kept")
    assert [*Items.open(tmp_path / "kept")] == ["second", "third"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]  # nothing half-made lies about


def test_open_says_what_is_wrong(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="load the source again"):
        Items.open(tmp_path / "nowhere")
    load(["a"]).save(tmp_path / "newer")
    meta = json.loads((tmp_path / "newer" / "items.json").read_text())
    (tmp_path / "newer" / "items.json").write_text(json.dumps({**meta, "format": 99}))
    with pytest.raises(ItemError, match="newer labelnb"):
        Items.open(tmp_path / "newer")
    for broken in ("items.arrow", "contents.arrow", "items.json"):
        load(["a", "b"]).save(tmp_path / broken)
        whole = (tmp_path / broken / broken).read_bytes()
        (tmp_path / broken / broken).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ItemError, match="damaged"):
            Items.open(tmp_path / broken)


def test_thumbnails(photos: Path):
    big = photo(photos / "big.png", (200, 10, 10), (640, 320))
    items = load([big, photos / "p0.jpg"])
    data, mime = items.thumbnail(0, 96)
    shown = Image.open(io.BytesIO(data))
    assert shown.size == (96, 48) and mime == f"image/{shown.format.lower()}"
    assert all(abs(a - b) < 12 for a, b in zip(shown.convert("RGB").getpixel((40, 20)), (200, 10, 10), strict=True))
    small, mime = items.thumbnail(1)
    assert mime == "image/png" and Image.open(io.BytesIO(small)).size == (40, 30)
    with pytest.raises(ValueError, match="at least 1"):
        items.thumbnail(0, 0)
    with pytest.raises(TypeError, match="modality 'text'"):
        load(["a"]).thumbnail(0)


def test_what_breaks_after_loading_names_the_item(photos: Path):
    items = load(photos)
    whole = (photos / "p5.jpg").read_bytes()
    (photos / "p5.jpg").write_bytes(whole[: len(whole) // 2])
    for read in (lambda: items[5], lambda: items.image(5), lambda: items.thumbnail(5)):
        with pytest.raises(ItemError, match=r"item 5, .*p5\.jpg: truncated image"):
            read()
    assert items.text(5) == "p5.jpg" and items.thumbnail(6)


def test_texts_for_people(tmp_path: Path):
    assert made("row", tmp_path).text(3) == "a: 3, b: 1.5"
    assert load(np.arange(8.0).reshape(1, 8)).text(0) == "(0, 1, 2, 3, 4, 5, ...)"
    assert made("pixels", tmp_path).text(0) == "image, 7 x 8"
    assert load(None, edges=[[0], [1]]).text(1) == "node 1"
    assert repr(made("vector", tmp_path)) == "Items(6 vectors; 4 with a given label)"


def test_an_image_in_memory_is_called_what_its_column_says():
    import pandas as pd
    from PIL import Image

    pictures = [Image.new("RGB", (8, 8), (n, 0, 0)) for n in range(3)]
    frame = pd.DataFrame({"picture": pictures, "Title": ["Grebe", None, " "], "size": [1, 2, 3]})
    items = load(frame, image="picture")
    assert items.text(0) == "Grebe" and items.text(-1) == items.text(1) == "image"
    assert items[np.array([2, 0])].text(1) == "Grebe"
    assert load(frame.drop(columns="Title"), image="picture").text(0) == "image"


def test_edges_of_a_part_are_those_inside_it(tmp_path: Path):
    items = made("node", tmp_path)
    part = items[[2, 1, 0]]
    assert part.edges.tolist() == [[2, 1], [1, 0]] and part.vectors.shape == (3, 3)
