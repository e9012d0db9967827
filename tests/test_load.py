"""load: every source becomes Items; bad items are set aside by name; what cannot be meant is refused with what to do."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from labelnb.items import ItemError, Items, ItemWarning
from labelnb.load import load


def photo(path: Path, color: tuple[int, int, int] = (9, 99, 199)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 10), color).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k, name in enumerate(["cats/a10.png", "cats/a2.png", "dogs/a1.jpg", "top.webp"]):
        photo(tmp_path / "data" / name, (k, 50 * k, 200))
    (tmp_path / "data" / "notes.txt").write_text("not an image")
    (tmp_path / "data" / ".hidden.png").write_text("hidden")
    return tmp_path / "data"


def names(items: Items) -> list[str]:
    return [items.text(i) for i in range(len(items))]


# Places on disk -----------------------------------------------------------------------------------------------------------


def test_a_folder_is_searched_through_in_natural_order(folder: Path):
    items = load(folder)
    assert items.modality == "image" and names(items) == ["a2.png", "a10.png", "a1.jpg", "top.webp"] and items.problems == ()
    assert load(str(folder)).ids.tolist() == items.ids.tolist()
    assert items[0].mode == "RGB" and items[0].size == (12, 10)


def test_names_of_folders_are_labels_only_when_asked(folder: Path):
    assert load(folder).given is None and load(folder).truth is None and load(folder).frame is None
    assert not any("cats" in load(folder).text(i) or "cats" in load(folder).ids[i] for i in range(4))
    assert load(folder, label="folder").given.tolist() == ["cats", "cats", "dogs", None]
    with pytest.raises(ItemError, match="label='folder'"):
        load(folder, label="class")


def test_globs_and_lists_of_files(folder: Path):
    assert names(load(str(folder / "*" / "*.png"))) == ["a2.png", "a10.png"]
    assert names(load(str(folder / "**" / "*.*g"))) == ["a2.png", "a10.png", "a1.jpg"]
    assert len(load([folder / "top.webp", folder / "dogs" / "a1.jpg"])) == 2
    assert load([str(folder / "top.webp")]).modality == "image"  # every one of them is an image file that exists
    assert load(["top.webp", "no such.png"]).modality == "text"  # a list of str is texts
    assert load([str(folder / "top.webp")], modality="text").modality == "text"
    assert len(load(folder / "top.webp")) == 1
    with pytest.raises(FileNotFoundError, match="no file matches"):
        load(str(folder / "*.bmp"))


def test_links_are_followed_once_and_pipes_not_opened(folder: Path, tmp_path: Path):
    photo(tmp_path / "elsewhere" / "linked.png")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "dogs" / "round").symlink_to(folder)
    os.mkfifo(folder / "pipe.png")
    with pytest.warns(ItemWarning, match=r"pipe\.png: not a file"):
        items = load(folder)
    assert sorted(names(items)) == ["a1.jpg", "a10.png", "a2.png", "linked.png", "top.webp"]


def test_folders_that_cannot_be_read_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("dogs"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.warns(ItemWarning, match=r"dogs: the folder cannot be read \(Permission denied\)"):
        items = load(folder)
    assert names(items) == ["a2.png", "a10.png", "top.webp"]


def test_brackets_in_a_name_are_not_a_glob(tmp_path: Path):
    photo(tmp_path / "set [1]" / "a.png")
    assert len(load(str(tmp_path / "set [1]"))) == 1


def test_a_place_that_is_not_there_names_close_ones(folder: Path):
    with pytest.raises(FileNotFoundError, match=r"dat: no such file or folder; did you mean data\?"):
        load(str(folder)[:-1])
    with pytest.raises(FileNotFoundError, match=r"load\(\[text\]\)"):
        load("a single text is not a place on disk")
    with pytest.raises(FileNotFoundError, match=r"labelnb.datasets.load\('cifar10'\)"):
        load("cifar10")
    with pytest.raises(ItemError, match="fetches nothing"):
        load("https://example.org/a.csv")


def test_empty_and_useless_folders(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ItemError, match="nothing to label"):
        load(tmp_path / "empty")
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "a.mp3").write_text("x")
    with pytest.raises(ItemError, match=r"\.mp3"):
        load(tmp_path / "music")


def test_texts_in_files(tmp_path: Path):
    for name, text in (("b.txt", "second"), ("a.txt", "first"), ("c.txt", "")):
        (tmp_path / name).write_text(text)
    with pytest.warns(ItemWarning, match="1 of 3 items were set aside"):
        items = load(tmp_path)
    assert [*items] == ["first", "second"] and "c.txt" in str(items.problems[0])
    (tmp_path / "lines.txt").write_text("one\ntwo\n")
    assert [*load(tmp_path / "lines.txt")] == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.pkl", "any code"),
        ("a.pt", "any code"),
        ("a.zip", "unpack it"),
        ("a.xlsx", "spreadsheet"),
        ("a.mov", r"\.mov are not read"),
        ("a.mp4", "not a clip"),
        ("a", "nothing"),
    ],
)
def test_files_that_are_not_read_say_why(name: str, said: str, tmp_path: Path):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ItemError, match=said):
        load(tmp_path / name)


# One bad item never costs the others --------------------------------------------------------------------------------------


def test_bad_files_are_set_aside_by_name(folder: Path):
    whole = (folder / "dogs" / "a1.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "drawing.svg").write_text("<svg/>")
    (folder / "empty.png").touch()
    (folder / "lies.png").write_text("no image at all")
    with pytest.warns(ItemWarning, match="4 of 8 items"):
        items = load(folder)
    assert names(items) == ["a2.png", "a10.png", "a1.jpg", "top.webp"]
    said = {Path(problem.name).name: problem.message for problem in items.problems}
    assert set(said) == {"cut.jpg", "drawing.svg", "empty.png", "lies.png"}
    assert (
        "truncated" in said["cut.jpg"]
        and "SVG" in said["drawing.svg"]
        and "empty" in said["empty.png"]
        and "not an image" in said["lies.png"]
    )
    listed = sorted(path.name for path in folder.rglob("*") if path.suffix in (".jpg", ".svg", ".png", ".webp") and path.name[0] != ".")
    assert len(listed) == 8 and [problem.position for problem in items.problems] == [2, 4, 5, 6]
    assert str(items.problems[0]).startswith("item 2, ") and "cut.jpg: " in str(items.problems[0])


@pytest.mark.filterwarnings("ignore::labelnb.items.ItemWarning")
def test_labels_ids_and_frame_stay_with_their_items():
    frame = pd.DataFrame({"text": ["a", None, "c", "  ", "e"], "key": list("vwxyz"), "y": [1, 2, 3, 4, 5]})
    items = load(frame, id="key", label="y")
    assert items.ids.tolist() == ["v", "x", "z"] and items.given.tolist() == ["1", "3", "5"]
    assert items.frame.column("text").to_pylist() == ["a", "c", "e"]
    assert [(problem.position, problem.message) for problem in items.problems] == [(1, "no text"), (3, "the text is empty")]


def test_all_bad_and_empty_are_errors(tmp_path: Path):
    with pytest.raises(ItemError, match=r"none of the 2 items can be used: item 0: the text is empty"):
        load(["", " "])
    (tmp_path / "a.png").write_text("x")
    with pytest.raises(ItemError, match="none of the 1 items can be used"):
        load(tmp_path)
    for nothing in ([], pd.DataFrame({"text": []}), np.empty((0, 4)), np.empty((0, 8, 8), np.uint8), {"text": []}):
        with pytest.raises(ItemError, match="nothing to label"):
            load(nothing)


def test_mixed_types_are_set_aside_or_refused():
    with pytest.warns(ItemWarning, match="2 of 4"):
        items = load(["a", 3, "b", None])
    assert [*items] == ["a", "b"] and [str(problem) for problem in items.problems] == [
        "item 1: got a int, expected text as most items are",
        "item 3: got None, expected text as most items are",
    ]
    with pytest.raises(ItemError, match="load them apart"):
        load(["a", Image.new("RGB", (2, 2))])
    with pytest.raises(ItemError, match="a list of a set"):
        load([{1}, {2}])


def test_numbers_of_every_make():
    with pytest.warns(ItemWarning):
        items = load([[1.0, 2.0], [np.nan, 1.0], [3.0], [0, 0], None, [5, 6]])
    assert items.vectors.tolist() == [[1, 2], [5, 6]] and items.vectors.dtype == np.float32
    said = {problem.position: str(problem) for problem in items.problems}
    assert set(said) == {1, 2, 3, 4} and "row 1: NaN" in said[1] and "1 numbers, expected 2" in said[2] and "no direction" in said[3]
    assert load(np.eye(3, dtype=np.int32)).modality == "vector"


# Arrays -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 8, 6), (5, 8, 6, 1), (5, 8, 6, 3), (5, 8, 6, 4), (5, 3, 8, 6)])
def test_arrays_of_pixels(shape: tuple[int, ...]):
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    items = load(pixels)
    assert items.modality == "image" and items[1].size == (6, 8) and items[1].mode == "RGB"
    first = pixels[1, 0, 0] if shape != (5, 3, 8, 6) else pixels[1, :, 0, 0]
    if shape[-1] != 4:
        assert items[1].getpixel((0, 0)) == tuple(np.broadcast_to(first, 3).tolist())


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 8, 8, 3)), "astype"),
        (np.zeros((4, 8), np.uint8), "reshape"),
        (np.zeros((8, 8, 3), np.uint8), r"array\[None\]"),
        (np.zeros(4), "one number an item"),
        (np.zeros((4, 8, 8, 2), np.uint8), "C of 1, 3 or 4"),
        (np.zeros((4, 0)), "at least one number"),
        (np.zeros((2, 2), complex), "floats"),
    ],
)
def test_arrays_that_are_neither_images_nor_vectors_say_what_to_do(array: np.ndarray, said: str):
    with pytest.raises(ItemError, match=said):
        load(array)


def test_tensors():
    import torch

    assert load(torch.ones(3, 4)).vectors.shape == (3, 4)
    assert load(torch.zeros(2, 3, 8, 6, dtype=torch.uint8))[0].size == (6, 8)


def test_images_in_memory():
    array = np.full((4, 6, 3), 7, np.uint8)
    with pytest.warns(ItemWarning):
        items = load([Image.new("CMYK", (3, 3)), array, b"not an image", Image.new("RGBA", (2, 2)), np.zeros((2, 2), bool)])
    assert len(items) == 4 and items[1].getpixel((0, 0)) == (7, 7, 7) and items.problems[0].position == 2
    with pytest.raises(ItemError, match=r"load\(\[image\]\)"):
        load(Image.new("RGB", (2, 2)))
    with pytest.raises(ItemError, match="one bytes|one a bytes"):
        load(b"abc")


# All sources --------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_a_source():
    for source, said in ((None, "got None"), (3, "got a int"), (object(), "got a object"), ({"a": 1}, "columns of one length")):
        with pytest.raises(ItemError, match=said):
            load(source)
    items = load(["a"])
    assert load(items) is items
    assert [*load(text for text in ("a", "b"))] == ["a", "b"] and [*load(np.array(["a", "b"]))] == ["a", "b"]
    assert [*load(pd.Series(["a", "b"]))] == ["a", "b"]


def test_a_saved_folder_or_session_is_a_source(tmp_path: Path):
    load(["a"]).save(tmp_path / "session.lnb" / "items")
    assert [*load(tmp_path / "session.lnb")] == ["a"] and [*load(tmp_path / "session.lnb" / "items")] == ["a"]


@pytest.mark.filterwarnings("ignore::labelnb.items.ItemWarning")
@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=20), st.none(), st.integers(), st.binary(max_size=5)), max_size=8))
def test_any_list_gives_items_or_an_item_error(values: list):
    try:
        items = load(values)
    except ItemError:
        return
    assert 0 < len(items) == len(set(items.ids.tolist())) and len(items) + len(items.problems) == len(values)
    assert {problem.position for problem in items.problems}.isdisjoint(
        i for i, value in enumerate(values) if isinstance(value, str) and value.strip() and items.modality == "text"
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=30).filter(str.strip), min_size=1, max_size=10), st.randoms())
def test_ids_follow_the_content_and_not_the_order(texts: list[str], random):
    unique = list(dict.fromkeys(text.encode("utf-8", "replace").decode() for text in texts))
    first = dict(zip(unique, load(unique).ids.tolist(), strict=True))
    random.shuffle(unique)
    assert dict(zip(unique, load(unique).ids.tolist(), strict=True)) == first
