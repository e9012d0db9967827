"""load: every source becomes Items; bad items are set aside by name; what cannot be meant is refused with what to do."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.sparse import csr_matrix

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
        ("a.mp4", r"\.mp4 are not read"),
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


# Tables -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table, dict])
def test_tables_of_every_make(make):
    items = load(make({"text": ["a", "b"], "n": [1, 2]}), label="n")
    assert [*items] == ["a", "b"] and items.given.tolist() == ["1", "2"] and items.frame.column_names == ["text", "n"]
    kind = {pd.DataFrame: "pandas", pl.DataFrame: "polars", pa.table: "arrow", dict: "pandas"}[make]
    assert items.frame_kind == kind


def test_records():
    with pytest.warns(ItemWarning, match="item 1: got None"):
        items = load([{"text": "a", "x": 1}, None, {"text": "b", "y": [1, 2]}])
    assert [*items] == ["a", "b"] and items.frame.to_pylist()[1] == {"text": "b", "x": None, "y": [1, 2]}


def test_a_frame_of_numbers_is_rows():
    items = load(pd.DataFrame({"a": [1, 2], "b": [0.5, None]}))
    assert items.modality == "row" and items[1] == {"a": 2, "b": None} and items.ids[0] != items.ids[1]
    assert load(pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}), modality="vector").vectors.tolist() == [[1, 0.5], [2, 1.5]]


def test_the_text_is_guessed_only_where_it_is_clear():
    assert load(pd.DataFrame({"headline": ["a"], "n": [1]})).modality == "text"
    assert [*load(pd.DataFrame({"text": ["a"], "author": ["b"]}))] == ["a"]
    frame = pd.DataFrame({"title": ["a", "c"], "body": ["b", None]})
    with pytest.raises(ItemError, match=r"\['title', 'body'\] could each be the text; say which: load\(..., text='title'\)"):
        load(frame)
    assert [*load(frame, text=["title", "body"])] == ["a\nb", "c"]
    assert load(frame, modality="row").modality == "row"
    assert [*load(pd.DataFrame({"n": [1, 2]}), text="n")] == ["1", "2"]


def test_columns_that_are_not_there_name_close_ones():
    frame = pd.DataFrame({"text": ["a"], "label": ["x"]})
    for role in ("text", "image", "id", "label"):
        with pytest.raises(ItemError, match=rf"{role}='labl': no such column; did you mean \['label'\]"):
            load(frame, **{role: "labl"})
    with pytest.raises(ItemError, match="has none"):
        load(["a"], label="label")


def test_labels_of_a_table_are_taken_only_when_named():
    frame = pd.DataFrame({"text": ["a", "b", "c"], "label": [1.0, None, 2.0]})
    assert load(frame).given is None
    assert load(frame, label="label").given.tolist() == ["1", None, "2"]
    assert load(frame, label=["x", "y", None]).given.tolist() == ["x", "y", None]
    with pytest.raises(ItemError, match="got 2 values for 3 items"):
        load(frame, label=["x", "y"])


def test_ids_of_a_table():
    frame = pd.DataFrame({"text": ["a", "b"], "id": [7, 8], "twice": ["q", "q"]})
    assert load(frame).ids.tolist() == ["7", "8"] and load(frame, id=["x", "y"]).ids.tolist() == ["x", "y"]
    with pytest.raises(ItemError, match="'q'"):
        load(frame, id="twice")
    assert len(load(frame.assign(id=[7, 7])).ids[0]) == 12  # not unique and not asked for: the content's


def test_image_columns(folder: Path):
    paths = [str(folder / "top.webp"), str(folder / "cats" / "a2.png")]
    data = [Path(path).read_bytes() for path in paths]
    by_path = load(pd.DataFrame({"photo": paths, "n": [1, 2]}))
    assert by_path.modality == "image" and by_path.frame.column_names == ["photo", "n"]
    by_bytes = load(pa.table({"photo": pa.array(data, pa.binary()), "n": [1, 2]}))
    structs = load(pa.table({"image": [{"bytes": data[0], "path": "x"}, {"bytes": None, "path": paths[1]}]}))
    assert by_path.ids.tolist() == by_bytes.ids.tolist() == structs.ids.tolist() and by_bytes.frame.column_names == ["n"]
    pil = load(pd.DataFrame({"picture": [Image.open(path) for path in paths], "n": [1, 2]}))
    assert pil.modality == "image" and pil.frame.column_names == ["n"] and pil[1].size == (12, 10)
    assert load(pd.DataFrame({"photo": paths, "caption": ["a", "b"]}), text="caption").modality == "text"
    with pytest.raises(ItemError, match="could each be the image"):
        load(pd.DataFrame({"left": paths, "right": paths}))


def test_image_columns_with_holes(folder: Path):
    frame = pd.DataFrame({"image": [str(folder / "top.webp"), None, "https://example.org/a.png", str(folder / "gone.png")]})
    with pytest.warns(ItemWarning):
        items = load(frame)
    said = [problem.message for problem in items.problems]
    assert len(items) == 1 and said[0] == "no image" and "download it first" in said[1] and "no such file" in said[2]


def test_mixed_columns_do_not_stop_a_table():
    frame = pd.DataFrame({"text": ["a", "b"], "mixed": [1, "x"], "odd": [{"k": 1}, [2]], "huge": [2**80, 1]})
    assert load(frame).frame.column("mixed").to_pylist() == ["1", "x"]


def test_names_that_are_not_texts():
    assert load(pd.DataFrame({0: ["a", "b"]}))[1] == "b"
    with pytest.raises(ItemError, match="more than once"):
        load(pd.DataFrame([["a", "b"]], columns=["x", "x"]))


def test_hugging_face_datasets(folder: Path, tmp_path: Path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    made = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, 1]}, features=features)
    assert load(made, label="label").given.tolist() == ["pos", "neg", "pos"] and load(made).given is None
    assert [*load(made.select([2, 0]))] == ["c", "a"]
    made.save_to_disk(tmp_path / "saved")
    assert load(tmp_path / "saved", label="label").given.tolist() == ["pos", "neg", "pos"]
    images = datasets.Dataset.from_dict({"image": [str(folder / "top.webp")]}).cast_column("image", datasets.Image())
    assert load(images)[0].size == (12, 10)
    with pytest.raises(ItemError, match=r"\['train'\]"):
        load(datasets.DatasetDict({"train": made}))
    with pytest.raises(ItemError, match="no length"):
        load(made.to_iterable_dataset())


# Files of tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "jsonl", "json", "csv.gz", "arrow"])
def test_files_of_tables(ending: str, tmp_path: Path):
    frame = pd.DataFrame({"id": ["007", "008"], "text": ["a, b", 'c "d"\ne'], "label": ["01", None], "n": [1, 2]})
    path = tmp_path / f"data.{ending}"
    table = pa.Table.from_pandas(frame)
    match ending:
        case "csv" | "csv.gz":
            frame.to_csv(path, index=False)
        case "tsv":
            frame.to_csv(path, index=False, sep="\t")
        case "parquet":
            pq.write_table(table, path)
        case "jsonl":
            frame.to_json(path, orient="records", lines=True)
        case "json":
            frame.to_json(path, orient="records")
        case "arrow":
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
    items = load(path, label="label")
    assert [*items] == ["a, b", 'c "d"\ne'] and items.ids.tolist() == ["007", "008"] and items.given.tolist() == ["01", None]
    assert items.frame.column("n").to_pylist() == [1, 2] and load(path).given is None


def test_csv_of_every_make(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("\ufefftext;n\nä;1\n", encoding="utf-8")  # a spreadsheet's export: byte order mark, semicolons
    assert load(path)[0] == "ä" and load(path).frame.column_names == ["text", "n"]
    path.write_bytes("text,n\nü,1\n".encode("latin-1"))
    with pytest.raises(ItemError, match="not UTF-8"):
        load(path)
    path.write_text("text,text\na,b\n")
    with pytest.raises(ItemError, match="more than once"):
        load(path)
    path.write_text("")
    with pytest.raises(ItemError, match="empty"):
        load(path)
    path.write_text("text,n\n")
    with pytest.raises(ItemError, match="nothing to label"):
        load(path)


def test_lines_that_do_not_fit_are_set_aside(tmp_path: Path):
    (tmp_path / "a.csv").write_text("text,n\na,1\nb,2,3\nc,4\n")
    with pytest.warns(ItemWarning, match="1 of 3"):
        items = load(tmp_path / "a.csv")
    assert [*items] == ["a", "c"] and "line 3" in items.problems[0].name and "3 cells, expected 2" in items.problems[0].message
    (tmp_path / "a.jsonl").write_text('{"text": "a", "id": "x"}\n{broken\n[1]\n\n{"text": "d", "id": "y"}\n')
    with pytest.warns(ItemWarning, match="2 of 4"):
        items = load(tmp_path / "a.jsonl")
    assert (
        [*items] == ["a", "d"]
        and items.ids.tolist() == ["x", "y"]
        and [problem.name[-6:] for problem in items.problems] == ["line 2", "line 3"]
    )


def test_paths_in_a_table_are_read_from_where_it_lies(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (folder / "list.csv").write_text("image,label\ncats/a2.png,cat\ndogs/a1.jpg,dog\n")
    monkeypatch.chdir(tmp_path)
    items = load("data/list.csv", label="label")
    assert names(items) == ["a2.png", "a1.jpg"] and items[0].size == (12, 10) and items.given.tolist() == ["cat", "dog"]


def test_shards_of_a_folder(tmp_path: Path):
    for k in range(3):
        pq.write_table(pa.table({"text": [f"{k}a", f"{k}b"]}), tmp_path / f"part-{k}.parquet")
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "dataset_info.json").write_text("{}")
    assert [*load(tmp_path)] == ["0a", "0b", "1a", "1b", "2a", "2b"]
    pq.write_table(pa.table({"text": [1.5]}), tmp_path / "part-3.parquet")
    with pytest.raises(ItemError, match="do not fit together"):
        load(tmp_path)


def test_numpy_files(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.eye(3, dtype=np.float32))
    assert load(tmp_path / "a.npy").vectors.shape == (3, 3)
    np.savez(tmp_path / "a.npz", vectors=np.eye(2), ids=np.array(["p", "q"]), y=np.array([1, 0]))
    items = load(tmp_path / "a.npz", label="y")
    assert items.ids.tolist() == ["p", "q"] and items.given.tolist() == ["1", "0"] and load(tmp_path / "a.npz").given is None
    np.save(tmp_path / "b.npy", np.array([{"any": "object"}], dtype=object), allow_pickle=True)
    with pytest.raises(ItemError, match="without pickle"):
        load(tmp_path / "b.npy")
    np.savez(tmp_path / "c.npz", left=np.eye(2), right=np.eye(2))
    with pytest.raises(ItemError, match=r"\['left', 'right'\]"):
        load(tmp_path / "c.npz")
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04broken")
    with pytest.raises(ItemError, match="cannot be read"):
        load(tmp_path / "d.npz")


def test_json_that_is_something_else(tmp_path: Path):
    for content, said in (("{", "not JSON"), ("3", "expected a list"), ("[]", "empty list"), ('[{"a": 1}, 2]', r"entries \[1\]")):
        (tmp_path / "a.json").write_text(content)
        with pytest.raises(ItemError, match=said):
            load(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"text": ["x", "y"]}')
    assert [*load(tmp_path / "a.json")] == ["x", "y"]


def test_label_studio_tasks(tmp_path: Path):
    tasks = [
        {"data": {"text": "a"}, "annotations": [{"result": [{"value": {"choices": ["pos"]}}]}]},
        {"data": {"text": "b"}, "annotations": [{"was_cancelled": True, "result": [{"value": {"choices": ["pos"]}}]}]},
        {"data": {"text": "c"}, "annotations": []},
        {"data": {"text": "d"}, "annotations": [{"result": [{"value": {"choices": ["pos", "neg"]}}]}]},
    ]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    items = load(tmp_path / "tasks.json")
    assert [*items] == ["a", "b", "c", "d"] and items.given.tolist() == ["pos", None, None, None]


def test_compressed_json_lines(tmp_path: Path):
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as file:
        file.write('{"text": "a"}\n"b"\n')
    assert [*load(tmp_path / "a.jsonl.gz")] == ["a", "b"]


# Graphs -------------------------------------------------------------------------------------------------------------------


def test_graphs():
    items = load(None, edges=np.array([[0, 1, 2], [1, 2, 3]]), features=np.eye(4), label=["a", None, "b", "a"])
    assert items.modality == "node" and items.ids.tolist() == ["0", "1", "2", "3"] and items.edges.shape == (2, 3)
    assert items.vectors.shape == (4, 4) and items[1].tolist() == [0, 1, 0, 0] and items.given.tolist() == ["a", None, "b", "a"]
    assert load(edges=[(0, 1), (1, 2), (2, 0)]).edges.tolist() == [[0, 1, 2], [1, 2, 0]]
    assert load(["t0", "t1", "t2"], edges=csr_matrix(([1, 1], ([0, 2], [1, 0])), shape=(3, 3))).edges.tolist() == [[0, 2], [1, 0]]
    assert load(["t0", "t1"], edges=[("x", "y")], id=["x", "y"]).edges.tolist() == [[0], [1]]
    frame = pd.DataFrame({"id": ["p", "q"], "title": ["first", "second"]})
    items = load(frame, text="title", edges=pd.DataFrame({"from": ["q"], "to": ["p"]}))
    assert items.text(0) == "first" and items.edges.tolist() == [[1], [0]] and items.ids.tolist() == ["p", "q"]


def test_graphs_of_networkx():
    networkx = pytest.importorskip("networkx")
    items = load(networkx.Graph([("a", "b"), ("b", "c")]))
    assert items.ids.tolist() == ["a", "b", "c"] and items.edges.tolist() == [[0, 1], [1, 2]] and items[2] == "c"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"edges": [[0], [5]], "features": np.eye(3)}, "positions from 0 to 5, but there are 3 nodes"),
        ({"edges": np.zeros((3, 3), int)}, r"\(2, E\)"),
        ({"edges": [["a"], ["b"]], "features": np.eye(2)}, "give the ids too"),
        ({"edges": [["a"], ["z"]], "features": np.eye(2), "id": ["a", "b"]}, r"\['z'\]"),
        ({"features": np.array([[1.0], [np.nan]]), "edges": [[0], [1]]}, r"nodes \[1\]"),
        ({"features": np.eye(3), "edges": [[0], [1]], "label": ["a"]}, "got 1 for 3 nodes"),
        ({"edges": np.empty((2, 0), int)}, "no nodes"),
        ({"edges": csr_matrix((2, 3))}, r"\(N, N\)"),
    ],
)
def test_graphs_that_cannot_be(options: dict, said: str):
    with pytest.raises(ItemError, match=said):
        load(None, **options)


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
