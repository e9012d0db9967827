"""load, given broken and hostile files: items, or an error that is about items; never anything else."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelnb.items import ItemError, Items
from labelnb.load import load

SUFFIXES = [".csv", ".tsv", ".jsonl", ".json", ".parquet", ".arrow", ".npy", ".npz", ".txt", ".png", ".jpg"]
BYTES = st.one_of(st.binary(max_size=200), st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")))
TABLE = pa.table({"id": ["a", "b", "c"], "text": ["one", "two", "three"], "n": [1, 2, 3], "image": ["x.png", "y.png", None]})


def sound(suffix: str) -> bytes:
    """A file that loads."""
    buffer = io.BytesIO()
    if suffix in (".csv", ".tsv"):
        buffer.write(TABLE.to_pandas().to_csv(index=False, sep="\t" if suffix == ".tsv" else ",").encode())
    elif suffix == ".jsonl":
        buffer.write("\n".join(json.dumps(row) for row in TABLE.to_pylist()).encode())
    elif suffix == ".json":
        buffer.write(json.dumps([{"data": row, "annotations": [{"result": []}]} for row in TABLE.to_pylist()]).encode())
    elif suffix == ".parquet":
        pq.write_table(TABLE, buffer)
    elif suffix == ".arrow":
        with pa.ipc.new_file(buffer, TABLE.schema) as writer:
            writer.write_table(TABLE)
    elif suffix == ".npy":
        np.save(buffer, np.ones((3, 2)))
    elif suffix == ".npz":
        np.savez(buffer, vectors=np.ones((3, 2)), ids=np.array(["a", "b", "c"]))
    else:
        buffer.write(b"first\nsecond\n")
    return buffer.getvalue()


def attempt(path: Path, **options: object) -> None:
    try:
        items = load(path, **options)
    except ItemError as error:
        said = str(error)
    else:
        said = repr(items)
        assert isinstance(items, Items) and len(items) > 0 and len(set(items.ids.tolist())) == len(items)
        assert isinstance(items.text(0), str)
    assert said


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_files(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    suffix = data.draw(st.sampled_from(SUFFIXES))
    content = bytearray(sound(suffix))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8)):
        content[at] = value
    path = tmp_path_factory.mktemp("fuzz") / f"a{suffix}"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    attempt(path, label=data.draw(st.sampled_from([None, "n", "text"])))


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(suffix=st.sampled_from(SUFFIXES), content=BYTES)
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes):
    path = tmp_path_factory.mktemp("fuzz") / f"a{suffix}"
    path.write_bytes(content)
    attempt(path)


NAMES = st.sampled_from(["id", "text", "image", "label", "x", "data", "vector", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.dictionaries(st.sampled_from(["id", "text", "image", "label", "x", "data", "vector", ""]), VALUES, max_size=5), max_size=5)
)
def test_any_records(tmp_path_factory: pytest.TempPathFactory, records: list[dict]):
    path = tmp_path_factory.mktemp("fuzz") / "a.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records))
    attempt(path)
    tasks = path.with_suffix(".json")
    tasks.write_text(json.dumps(records))
    attempt(tasks)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=80, deadline=None)
@given(st.text(max_size=40))
def test_any_text_as_a_place(tmp_path_factory: pytest.TempPathFactory, place: str):
    folder = tmp_path_factory.mktemp("fuzz")
    with pytest.raises((ItemError, FileNotFoundError), match="."):
        load(str(folder / "x" / place.lstrip("/")))
