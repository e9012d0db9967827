"""Exports: every format of every modality is read back with ids and labels; atomic; safe; nothing of others is written over."""

from __future__ import annotations

import csv
import json
import os
import xml.etree.ElementTree as ElementTree
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

from labelnb import export
from labelnb.classes import LabelSpace
from labelnb.export.sheet import Sheet, safe_name
from labelnb.items import Items
from labelnb.labels import OUTSIDE, UNSURE, Label, LabelSet, any_of, not_
from labelnb.load import load
from labelnb.results import Proposal, Provenance
from labelnb.sources.delimited import guarded, unguarded
from labelnb.sources.tables import PROVENANCE

SUFFIXES = {"csv": ".csv", "parquet": ".parquet", "jsonl": ".jsonl", "labelstudio": ".json", "hf": "", "imagefolder": ""}
CLASSES = ("cat", "=HYPERLINK(1)", "Sci/Tech, 'or' \"not\"")


def items_of(modality: str, tmp_path: Path) -> Items:
    rng = np.random.default_rng(0)
    match modality:
        case "files":
            for k in range(10):
                suffix = ("jpg", "png", "webp", "bmp")[k % 4]
                Image.new("RGB", (9, 8), (k, 20 * k, 99)).save(tmp_path / f"photo {k}.{suffix}")
            return load(sorted(path for path in tmp_path.iterdir() if path.name.startswith("photo")))
        case "pixels":
            return load(rng.integers(0, 256, (10, 6, 5, 3)).astype(np.uint8))
        case "text":
            texts = [f"=1+{k}\n'quoted', \"and\" <b>bold</b> & ü {chr(9)} tab" for k in range(10)]
            return load(pd.DataFrame({"text": texts, "n": range(10), "label": "old", "-x": [0.5, None] * 5}))
        case "row":
            return load(pl.DataFrame({"a": range(10), "b": [k / 3 for k in range(10)], "c": ["@cmd", None] * 5}), modality="row")
        case "vector":
            return load(rng.normal(size=(10, 4)))
        case _:
            return load([f"paper {k}" for k in range(10)], edges=[[0, 1], [1, 2]], id=[f"p{k}" for k in range(10)])


def labels_of(items: Items) -> tuple[LabelSet, list[str | None]]:
    values = [CLASSES[k % 3] if k % 4 else None for k in range(10)]
    others = {0: not_(CLASSES[0]), 4: any_of(*CLASSES[:2]), 8: UNSURE}
    mixed = [others.get(k, value) for k, value in enumerate(values)]
    mixed[9], values[9] = OUTSIDE, None
    return LabelSet.of(items.ids, LabelSpace(CLASSES), mixed, who="ann", frame_kind=items.frame_kind), values


MODALITIES = ["files", "pixels", "text", "row", "vector", "node"]


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("format", ["csv", "parquet", "jsonl", "labelstudio", "hf"])
def test_what_is_written_is_read_back(format: str, modality: str, tmp_path: Path):
    items = items_of(modality, tmp_path)
    labels, classes = labels_of(items)
    path = export.write(tmp_path / f"out{SUFFIXES[format]}", items, labels, format=format)
    back = load(path)
    assert path.exists() and back.ids.tolist() == items.ids.tolist() and back.given.tolist() == classes and back.problems == ()
    assert back.modality == {"node": "text"}.get(modality, items.modality)
    for k in (0, 1, 9):
        ours, theirs = items[k], back[k]
        if modality == "vector":
            assert np.allclose(ours, theirs, rtol=1e-6, atol=0)
        elif modality == "row":
            assert {name: theirs[name] for name in ours} == ours
        else:
            assert ours == theirs
    # Values beyond one class are kept whole.
    kept = [None if value is None else Label.from_json(value) for value in back.frame.column("value").to_pylist()]
    assert kept == [labels.label(i) for i in range(10)]
    # A second round of the same gives the same columns, none twice.
    again = load(
        export.write(tmp_path / f"again{SUFFIXES[format]}", back, LabelSet.of(back.ids, labels.classes, back.given), format=format)
    )
    assert again.frame.column_names == back.frame.column_names and again.given.tolist() == classes


@pytest.mark.parametrize("modality", ["files", "pixels"])
def test_image_folders(modality: str, tmp_path: Path):
    items = items_of(modality, tmp_path)
    labels, classes = labels_of(items)
    path = export.write(tmp_path / "out", items, labels, format="imagefolder")
    placed = [i for i in range(10) if classes[i] is not None]
    back = load(path)
    assert back.ids.tolist() == items.ids[placed].tolist() and back.given.tolist() == [classes[i] for i in placed]
    assert all(np.array_equal(back[k], items[i]) for k, i in enumerate(placed))
    folders = sorted(entry.name for entry in path.iterdir() if entry.is_dir())
    assert len(folders) == 3 and "cat" in folders and not any("/" in name or name.startswith(("=", ".")) for name in folders)
    assert sum(1 for entry in path.rglob("*") if entry.suffix in (".jpg", ".png", ".webp")) == len(placed)  # bmp is written as png
    rows = [json.loads(line) for line in (path / "labels.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == items.ids.tolist() and rows[0]["kind"] == "not" and rows[0]["file_name"] is None
    assert load(path, label="folder").given.tolist() == back.given.tolist()


def test_image_folders_hold_only_images_of_one_class(tmp_path: Path):
    with pytest.raises(ValueError, match="modality 'text'"):
        export.write(tmp_path / "out", *pair(["a"]), format="imagefolder")
    items = items_of("pixels", tmp_path)
    with pytest.raises(ValueError, match="no item has a label of one class"):
        export.write(tmp_path / "out", items, LabelSet.of(items.ids, LabelSpace(CLASSES), [None] * 10), format="imagefolder")
    assert not (tmp_path / "out").exists()


def pair(texts: list[str], names: tuple[str, ...] = ("x", "y"), **options: object) -> tuple[Items, LabelSet]:
    items = load(texts, **options)
    return items, LabelSet.of(items.ids, LabelSpace(names), [names[k % len(names)] for k in range(len(items))])


def test_provenance_is_in_every_format(tmp_path: Path):
    items, labels = pair(["a", "b"])
    for format in ("csv", "parquet", "jsonl", "labelstudio", "hf"):
        frame = load(export.write(tmp_path / f"{format}{SUFFIXES[format]}", items, labels, format=format)).frame
        assert frame.column_names[: len(PROVENANCE)] == list(PROVENANCE)
        assert frame.column("source").to_pylist() == ["person", "person"] and str(frame.column("when")[0].as_py()).startswith("20")


def test_a_proposal_goes_along(tmp_path: Path):
    items, labels = pair(["a", "b"])
    source = Provenance("propagation.zlap", "0", {}, None, {}, "cpu", 0.1)
    proposal = Proposal(np.array([[0.25, 0.75], [0, 0]], np.float32), classes=("x", "y"), provenance=source)
    for format in ("csv", "parquet", "jsonl", "hf"):
        row = load(export.write(tmp_path / f"p{SUFFIXES[format]}", items, labels, format=format, proposal=proposal)).frame.to_pylist()
        assert row[0]["proposed"] == "y" and row[0]["proposed_confidence"] == 0.75 and row[0]["proposed_by"] == "propagation.zlap"
        assert row[1]["proposed"] is None and row[1]["proposed_confidence"] is None
    export.write(tmp_path / "p.json", items, labels, proposal=proposal)
    tasks = json.loads((tmp_path / "p.json").read_text())
    assert tasks[0]["predictions"][0]["score"] == 0.75 and tasks[0]["predictions"][0]["result"][0]["value"] == {"choices": ["y"]}
    assert tasks[1]["predictions"] == []
    with pytest.raises(ValueError, match="3 rows for 2 items"):
        export.write(tmp_path / "q.csv", items, labels, proposal=Proposal(np.ones((3, 2), np.float32)))


def test_labels_of_other_items_are_refused(tmp_path: Path):
    items, labels = pair(["a", "b"])
    with pytest.raises(ValueError, match="ids are not those"):
        export.write(tmp_path / "a.csv", items[::-1], labels)
    with pytest.raises(ValueError, match="ids are not those"):
        export.write(tmp_path / "a.csv", items[:1], labels)


def test_formats_that_are_none(tmp_path: Path):
    items, labels = pair(["a"])
    for name, options, said in (
        ("a.xyz", {}, r"'\.xyz' says no format"),
        ("folder", {}, "format='hf'"),
        ("a.csv", {"format": "excel"}, "expected one of"),
    ):
        with pytest.raises(ValueError, match=said):
            export.write(tmp_path / name, items, labels, **options)
    assert list(tmp_path.iterdir()) == []


# Whole or not at all ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["csv", "parquet", "jsonl", "labelstudio", "hf", "imagefolder"])
def test_a_failure_leaves_the_earlier_export(format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    items = items_of("pixels", tmp_path)
    labels, _ = labels_of(items)
    path = tmp_path / f"out{SUFFIXES[format]}"
    export.write(path, items, labels, format=format)

    def state() -> dict[str, bytes]:
        return {str(entry): entry.read_bytes() for entry in tmp_path.rglob("*") if entry.is_file() and entry.suffix != ".xml"}

    before = state()
    real = Sheet.encoded
    monkeypatch.setattr(Sheet, "encoded", lambda self, i: real(self, i) if i < 6 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export.write(path, items, labels, format=format)
    assert state() == before and len(load(path)) in (10, 6)


@pytest.mark.parametrize("format", ["csv", "parquet", "jsonl", "labelstudio"])
def test_files_of_others_are_never_written_over(format: str, tmp_path: Path):
    items, labels = pair(["a", "b"])
    path = tmp_path / f"mine{SUFFIXES[format]}"
    own = {"csv": "id,label\n1,2\n", "jsonl": '{"id": 1}\n', "labelstudio": '[{"data": {"text": "a"}}]', "parquet": ""}
    if format == "parquet":
        pq.write_table(pa.table({"a": [1]}), path)
    else:
        path.write_text(own[format])
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="not an earlier export"):
        export.write(path, items, labels)
    assert path.read_bytes() == before
    path.unlink()
    export.write(path, items, labels)
    export.write(path, items[:1], labels_of_one(items))  # its own it may
    assert len(load(path)) == 1


def labels_of_one(items: Items) -> LabelSet:
    return LabelSet.of(items.ids[:1], LabelSpace(("x", "y")), ["y"])


@pytest.mark.parametrize("format", ["hf", "imagefolder"])
def test_folders_of_others_are_never_written_over(format: str, tmp_path: Path):
    items = items_of("pixels", tmp_path)
    labels, _ = labels_of(items)
    (tmp_path / "empty").mkdir()
    path = export.write(tmp_path / "empty", items, labels, format=format)
    export.write(path, items, labels, format=format)
    (path / "my notes.txt").write_text("precious")
    with pytest.raises(FileExistsError):
        export.write(path, items, labels, format=format)
    assert (path / "my notes.txt").read_text() == "precious"
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("precious")
    with pytest.raises(FileExistsError):
        export.write(tmp_path / "photos", items, labels, format=format)
    with pytest.raises(FileExistsError):
        export.write(path, items, labels, format="imagefolder" if format == "hf" else "hf")


# Safe ---------------------------------------------------------------------------------------------------------------------


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path):
    texts = ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(1)", "\tx", "\rx", "'='", "plain", "=1", "'plain"]
    frame = pd.DataFrame({"text": texts, "=col": texts, "n": np.arange(-5, 5)})
    items = load(frame, id=[f"-{k}" for k in range(10)])
    labels = LabelSet.of(items.ids, LabelSpace(("=evil()", "@b")), ["=evil()", "@b"] * 5, who="=who")
    export.write(tmp_path / "a.csv", items, labels)
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    risky = [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert all(cell.lstrip("-").isdigit() for cell in risky)  # numbers alone
    back = load(tmp_path / "a.csv")
    assert [*back] == texts and back.ids.tolist() == items.ids.tolist() and back.given.tolist() == ["=evil()", "@b"] * 5
    assert back.frame.column("=col").to_pylist() == texts and back.frame.column("who").to_pylist() == ["=who"] * 10


@given(st.text())
def test_the_guard_comes_off_as_it_went_on(text: str):
    assert unguarded(guarded(text)) == text and not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_label_studio_interface_is_sound_xml(tmp_path: Path):
    names = ("a<b", "say \"hi\" & 'bye'", "\x00ctrl\x1f", "</Choices><script>", "ü")
    items, labels = pair(["a", "b", "c", "d", "e"], names)
    export.write(tmp_path / "a.json", items, labels)
    tree = ElementTree.parse(tmp_path / "a.xml").getroot()
    choices = [choice.get("value") for choice in tree.iter("Choice")]
    assert choices == ["a<b", "say \"hi\" & 'bye'", "\ufffdctrl\ufffd", "</Choices><script>", "ü"] and len(list(tree.iter())) == 8
    tasks = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert tasks[0]["annotations"][0]["result"][0] == {
        "from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": ["a<b"]},
    }  # fmt: skip
    assert tree.find("Choices").get("name") == "label" and tree.find("Text").get("value") == "$text"


def test_label_studio_names_files_as_its_own(tmp_path: Path):
    items = items_of("files", tmp_path)
    labels, _ = labels_of(items)
    export.write(tmp_path / "a.json", items, labels)
    task = json.loads((tmp_path / "a.json").read_text())[0]
    assert task["data"]["image"] == "/data/local-files/?d=" + str(tmp_path / "photo 0.jpg").lstrip("/")


def test_several_classes_an_item(tmp_path: Path):
    items = load(["a", "b"])
    labels = LabelSet.of(items.ids, LabelSpace(("x", "y", "z"), multi=True), [{"x": True, "y": True, "z": False}, None])
    export.write(tmp_path / "a.json", items, labels)
    task = json.loads((tmp_path / "a.json").read_text())[0]
    assert task["annotations"][0]["result"][0]["value"]["choices"] == ["x", "y"]
    assert 'choice="multiple"' in (tmp_path / "a.xml").read_text()
    back = load(tmp_path / "a.json")
    assert back.given.tolist() == [None, None] and Label.from_json(back.frame.column("value")[0].as_py()) == labels.label(0)


def test_file_names_are_safe_and_unique():
    assert safe_name("abc-12.x_y") == "abc-12.x_y"
    strange = ["../../etc", "a/b", "a\\b", "CON", "nul.txt", "", ".", "..", "A", "a" * 300, "ü", "a:b", "x ", ".hidden"]
    made = [safe_name(name) for name in strange]
    assert len({name.lower() for name in made}) == len(strange) and all(len(name) < 100 for name in made)
    assert not any(os.sep in name or "\\" in name or ":" in name or name.startswith(".") or name.endswith((" ", ".")) for name in made)


def test_ids_that_are_paths_stay_inside_the_folder(tmp_path: Path):
    items = load(np.zeros((2, 4, 4, 3), np.uint8), id=["../../outside", "/etc/x"])
    labels = LabelSet.of(items.ids, LabelSpace(("../up", "ok")), ["../up", "ok"])
    path = export.write(tmp_path / "deep" / "out", items, labels, format="imagefolder")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["deep"] and [entry.name for entry in (tmp_path / "deep").iterdir()] == [
        "out"
    ]
    assert load(path).ids.tolist() == ["../../outside", "/etc/x"] and load(path).given.tolist() == ["../up", "ok"]


# Others read it -----------------------------------------------------------------------------------------------------------


def test_hugging_face_reads_the_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    datasets = pytest.importorskip("datasets")
    items = items_of("files", tmp_path)
    labels, classes = labels_of(items)
    export.write(tmp_path / "set", items, labels, format="huggingface")
    made = datasets.load_dataset(str(tmp_path / "set"), split="train", cache_dir=str(tmp_path / "cache"))
    assert made.features["label"].names == list(CLASSES) and made[1]["image"].size == (9, 8)
    assert [None if code is None else CLASSES[code] for code in made["label"]] == classes and made["id"][:] == items.ids.tolist()
    assert load(made, label="label").given.tolist() == classes
    folder = export.write(tmp_path / "folder", items, labels, format="imagefolder")
    found = datasets.load_dataset("imagefolder", data_dir=str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(found) == sum(value is not None for value in classes) and len(found.features["label"].names) == 3


def test_pandas_reads_csv_parquet_and_jsonl(tmp_path: Path):
    items, labels = pair(["a,b", 'c "d"'])
    for name, read in (("a.csv", pd.read_csv), ("a.parquet", pd.read_parquet), ("a.jsonl", lambda path: pd.read_json(path, lines=True))):
        frame = read(export.write(tmp_path / name, items, labels))
        assert frame["text"].tolist() == ["a,b", 'c "d"'] and frame["label"].tolist() == ["x", "y"]


def test_paths_inside_the_exports_folder_are_relative(tmp_path: Path):
    items = items_of("files", tmp_path)
    labels, _ = labels_of(items)
    export.write(tmp_path / "a.parquet", items, labels)
    export.write(tmp_path / "sub" / "b.parquet", items, labels)
    assert pq.read_table(tmp_path / "a.parquet").column("image")[0].as_py() == "photo 0.jpg"
    assert pq.read_table(tmp_path / "sub" / "b.parquet").column("image")[0].as_py() == str(tmp_path / "photo 0.jpg")
    moved = tmp_path.rename(tmp_path.with_name(tmp_path.name + "-moved"))
    assert load(moved / "a.parquet")[0].size == (9, 8)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=6),
    names=st.lists(TEXTS, min_size=1, max_size=3, unique=True),
    format=st.sampled_from(["csv", "parquet", "jsonl", "labelstudio", "hf"]),
)
def test_any_texts_and_names_come_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str], names: list[str], format: str):
    folder = tmp_path_factory.mktemp("any")
    items, labels = pair(texts, tuple(names))
    back = load(export.write(folder / f"a{SUFFIXES[format]}", items, labels, format=format))
    assert [*back] == texts and back.ids.tolist() == items.ids.tolist()
    assert back.given.tolist() == [names[k % len(names)] for k in range(len(texts))]
