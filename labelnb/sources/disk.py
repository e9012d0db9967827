"""Places on disk: folders, globs and files of every kind that is read."""

from __future__ import annotations

import difflib
import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labelnb.items import Items, Modality
from labelnb.pictures import IMAGE_SUFFIXES, REFUSED_SUFFIXES
from labelnb.problems import ItemError, ItemProblem
from labelnb.sources.frames import from_frame, from_records
from labelnb.sources.images import from_files
from labelnb.sources.recordings import heard_or_seen
from labelnb.sources.tables import Frame, class_names
from labelnb.sources.texts import from_texts

__all__ = ["from_place", "natural", "MANIFEST"]

MANIFEST = "labelnb-export.json"
"""Marks a folder as written by labelnb.export, so that it may be written again."""
_TABLES = (".csv", ".tsv", ".tab", ".parquet", ".pq", ".jsonl", ".ndjson", ".json", ".arrow", ".feather")
_ABOUT = (MANIFEST, "dataset_info.json", "state.json")
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".joblib", ".ckpt")
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst")


def from_place(
    place: str, *, text: Any = None, image: Any = None, id: Any = None, label: Any = None, modality: Modality | None = None
) -> Items:
    """Items from a folder, a glob or a file; see `labelnb.load`."""
    columns = {"text": text, "image": image, "id": id, "label": label, "modality": modality}
    path = os.path.expanduser(place)
    if not place.strip():
        raise ItemError("source: got an empty text, expected a place on disk")
    if "://" in place[:12]:
        raise ItemError(f"{place}: an address on the web; download it first, labelnb fetches nothing by itself")
    if os.path.isdir(path):
        return _from_folder(Path(path), columns)
    if os.path.isfile(path):
        return _from_file(Path(path), columns)
    if any(sign in place for sign in "*?["):
        return _from_glob(path, columns)
    raise FileNotFoundError(f"{place[:200]}: no such file or folder{close(path)}{_hint(place)}")


def natural(name: str) -> list[tuple[int, int | str, str]]:
    """Sort key in which a2 comes before a10."""
    return [
        (0, int(part), part) if part.isascii() and part.isdigit() else (1, part.lower(), part) for part in re.split(r"(\d+)", name) if part
    ]


def close(path: str) -> str:
    """The names beside `path` that are close to its own, as a question."""
    try:
        names = os.listdir(os.path.dirname(path) or ".")
    except OSError:
        parent = os.path.dirname(path)
        return f"; {parent} is not there either" if parent and parent != path else ""
    found = difflib.get_close_matches(os.path.basename(path), names[:20_000], 3, 0.5)
    return f"; did you mean {' or '.join(found)}?" if found else ""


def _hint(place: str) -> str:
    from labelnb import datasets

    if place.replace("-", "_").lower() in datasets.names():
        return f". A data set has this name: labelnb.datasets.load({place!r})"
    return ". For one text, hand in a list: load([text])" if " " in place or len(place) > 100 else ""


def _from_glob(pattern: str, columns: dict[str, Any]) -> Items:
    found = sorted((name for name in glob.glob(pattern, recursive=True) if os.path.isfile(name)), key=natural)
    if not found:
        raise FileNotFoundError(f"{pattern}: no file matches; ** goes through sub-folders, as in photos/**/*.jpg")
    if len(found) == 1 and not _is_image(found[0]):
        return _from_file(Path(found[0]), columns)
    if all(name.lower().endswith(_TABLES) for name in found):
        return _from_tables([Path(name) for name in found], columns)
    return _from_listed(list(found), os.getcwd() if not os.path.isabs(pattern) else "", columns)


def _from_folder(folder: Path, columns: dict[str, Any]) -> Items:
    for kept in (folder, folder / "items"):
        if (kept / "items.json").is_file():
            return Items.open(kept)
    if (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file():
        return _from_saved_dataset(folder, columns)
    if (folder / MANIFEST).is_file() and (folder / "labels.jsonl").is_file():
        records, problems = _read_jsonl(folder / "labels.jsonl")
        columns["label"] = None if columns["label"] == "folder" else columns["label"]
        placed = [record for record in records if record is None or record.get("file_name")]  # the rest has no image in the folder
        return from_records(placed, problems, folder=str(folder), **{**columns, "image": columns["image"] or "file_name"})
    names, lost = _listing(folder)
    return _from_listed(sorted(names, key=natural), str(folder.absolute()), columns, lost)


def _listing(folder: Path) -> tuple[list[str], list[ItemProblem]]:
    """All files below, links to folders followed once; folders that cannot be read are problems. Hidden ones are left out."""
    names: list[str] = []
    lost: list[ItemProblem] = []
    seen: set[str] = set()

    def unreadable(error: OSError) -> None:
        lost.append(ItemProblem(0, str(error.filename), f"the folder cannot be read ({error.strerror})"))

    for where, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        real = os.path.realpath(where)
        folders[:] = [] if real in seen else [name for name in folders if not name.startswith((".", "__MACOSX"))]
        if real not in seen:
            inside = os.path.relpath(where, folder)
            names += [name if inside == "." else os.path.join(inside, name) for name in files if not name.startswith(".")]
        seen.add(real)
    return names, lost


def _from_listed(names: list[str], root: str, columns: dict[str, Any], lost: Sequence[ItemProblem] = ()) -> Items:
    """Images if there are any; else recordings or clips, whichever are more; else texts, else tables. `names` are relative to `root`."""
    modality = columns["modality"]
    where = root or "the glob"
    images = [name for name in names if _is_image(name)]
    texts = [name for name in names if name.lower().endswith((".txt", ".md"))]
    tables = [name for name in names if name.lower().endswith(_TABLES) and os.path.basename(name) not in _ABOUT]
    tables = [name for name in tables if not name.lower().endswith(".json")] or tables
    heard = {kind: [name for name in names if heard_or_seen([name]) == kind] for kind in ("audio", "clip")}
    if images and modality in (None, "image"):
        chosen = images
    elif any(files and modality in (None, kind) for kind, files in heard.items()):
        chosen = heard[modality or ("audio" if len(heard["audio"]) >= len(heard["clip"]) else "clip")]
    elif tables and not (texts and modality == "text"):
        return _from_tables([Path(root, name) for name in tables], columns)
    elif texts and modality in (None, "text"):
        chosen = texts
    elif names:
        endings = sorted({os.path.splitext(name)[1].lower() or "(no ending)" for name in names})
        raise ItemError(
            f"{where}: holds {len(names)} files, none of them usable; their endings are {endings[:12]}. Images are {sorted(IMAGE_SUFFIXES)}"
        )
    else:
        raise ItemError(f"{where}: the folder is empty; there is nothing to label")
    label = columns["label"]
    if isinstance(label, str):
        if label != "folder":
            raise ItemError(
                f"label={label!r}: files have no columns; use label='folder' for the names of the sub-folders, or one label an item"
            )
        label = [name.split(os.sep)[0] if os.sep in name else None for name in chosen]
    for role in ("text", "image", "id"):
        if isinstance(columns[role], str):
            raise ItemError(
                f"{role}={columns[role]!r}: names a column, but files have none; give a list, or load a table that names the files"
            )
    return from_files([Path(name) for name in chosen], root=root, id=columns["id"], label=label, modality=modality, lost=lost)


def _is_image(name: str) -> bool:
    ending = os.path.splitext(name)[1].lower()
    return ending in IMAGE_SUFFIXES or (ending in REFUSED_SUFFIXES and ending not in (".pdf", ".ps", ".eps"))


def _from_file(path: Path, columns: dict[str, Any]) -> Items:
    ending = path.suffix.lower()
    if ending in IMAGE_SUFFIXES or ending in REFUSED_SUFFIXES or heard_or_seen([path]):
        return from_files([path], label=None if isinstance(columns["label"], str) else columns["label"], id=columns["id"])
    if ending in _TABLES or path.name.lower().endswith((".csv.gz", ".tsv.gz", ".jsonl.gz")):
        return _from_tables([path], columns)
    if ending in (".npy", ".npz"):
        from labelnb.sources.numpy_files import from_numpy_file

        return from_numpy_file(path, columns)
    if ending in (".txt", ".md", ".text"):
        lines = _lines(path)
        names = [f"line {number}" for number in range(1, len(lines) + 1)]
        return from_texts(lines, names=names, id=columns["id"], label=columns["label"])
    if ending in _PICKLES:
        raise ItemError(f"{path}: pickle can run any code when it is read, so it is not; save it as .npy, .npz or .parquet")
    if ending in _ARCHIVES:
        raise ItemError(f"{path}: an archive; unpack it first and load the folder")
    if ending in (".xlsx", ".xls", ".ods"):
        raise ItemError(f"{path}: a spreadsheet; save it as CSV, or hand in pandas.read_excel({path.name!r})")
    raise ItemError(f"{path}: files ending in {ending or 'nothing'} are not read; see help(labelnb.load) for what is")


def _from_tables(paths: list[Path], columns: dict[str, Any]) -> Items:
    import pyarrow as pa

    folder = str(paths[0].absolute().parent)
    if len(paths) == 1 and paths[0].suffix.lower() == ".json":
        from labelnb.sources.labelstudio import from_json

        return from_json(paths[0], columns)
    if len(paths) == 1 and paths[0].name.lower().endswith((".jsonl", ".ndjson", ".jsonl.gz")):
        return from_records(*_read_jsonl(paths[0]), **columns, folder=folder)
    tables, problems = [], []
    for path in paths:
        table, more = read_table_file(path, columns)
        tables.append(table)
        problems += more
    try:
        table = tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ItemError(f"{folder}: {len(paths)} tables whose columns do not fit together ({error}); load one of them") from error
    return from_frame(Frame(table, "pandas", {}), **columns, folder=folder, lost=problems)


def read_table_file(path: Path, columns: dict[str, Any]) -> tuple[Any, list[ItemProblem]]:
    """One file as an Arrow table, and the lines of it that are set aside."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ending = path.suffix.lower()
    try:
        if ending in (".parquet", ".pq"):
            return class_names(pq.read_table(path)), []
        if ending in (".arrow", ".feather"):
            return _read_arrow(path), []
        if ending in (".jsonl", ".ndjson"):
            records, problems = _read_jsonl(path)
            return pa.Table.from_pylist([record for record in records if record is not None]), problems
        from labelnb.sources.delimited import read_delimited

        return read_delimited(path, columns)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise ItemError(f"{path}: cannot be read as {ending.lstrip('.')} ({str(error).splitlines()[0]})") from error


def _read_arrow(path: Path) -> Any:
    import pyarrow as pa

    source = pa.memory_map(str(path))
    try:
        return class_names(pa.ipc.open_file(source).read_all())
    except pa.ArrowInvalid:
        source.seek(0)
        return class_names(pa.ipc.open_stream(source).read_all())


def _from_saved_dataset(folder: Path, columns: dict[str, Any]) -> Items:
    import json

    import pyarrow as pa

    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        names = [part["filename"] for part in state["_data_files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ItemError(
            f"{folder}: its state.json cannot be read ({error}); load it with datasets.load_from_disk and hand that in"
        ) from error
    if state.get("_indices_data_files"):
        raise ItemError(f"{folder}: a data set with an index beside it; load it with datasets.load_from_disk and hand that in")
    table = pa.concat_tables([_read_arrow(folder / Path(name).name) for name in names])
    return from_frame(Frame(table, "pandas", {}), **columns, folder=str(folder))


def _lines(path: Path) -> list[str | None]:
    try:
        with _opened(path) as file:
            return [line.rstrip("\r\n") for line in file]
    except UnicodeDecodeError as error:
        raise ItemError(f"{path}: not UTF-8 text ({error}); save it as UTF-8") from error


def _opened(path: Path) -> Any:
    import gzip

    return gzip.open(path, "rt", encoding="utf-8-sig") if path.suffix == ".gz" else path.open(encoding="utf-8-sig")


def _read_jsonl(path: Path) -> tuple[list[dict[str, Any] | None], list[ItemProblem]]:
    """Records by line; a line that is not a JSON object is None, and a problem."""
    import json

    records: list[dict[str, Any] | None] = []
    problems = []
    for number, line in enumerate(_lines(path), 1):
        if not (line or "").strip():
            continue
        try:
            record = json.loads(line or "")
            if isinstance(record, str):
                record = {"text": record}
            if not isinstance(record, dict):
                raise ValueError(f"a {type(record).__name__}, expected an object")
        except (ValueError, RecursionError) as error:
            problems.append(ItemProblem(len(records), f"{path.name}, line {number}", f"not a JSON object ({error})"))
            record = None
        records.append(record)
    return records, problems
