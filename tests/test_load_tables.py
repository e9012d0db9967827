"""load: tables and files of tables."""

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
