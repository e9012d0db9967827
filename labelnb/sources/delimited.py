"""CSV and TSV: separators found, ids, labels and texts kept as written, lines that do not fit set aside."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from labelnb.problems import ItemError, ItemProblem
from labelnb.sources.tables import PROVENANCE

__all__ = ["read_delimited", "guarded", "unguarded"]

_AS_WRITTEN = ("id", "text", "sentence", "content", "document", "label", "value", "kind", "who", "source", "when", "method")
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def guarded(value: Any) -> Any:
    """A text that a spreadsheet could take for a formula, with an apostrophe in front (OWASP, CSV injection).

    Texts that begin with an apostrophe get one too, so that `unguarded` can take exactly one away.
    """
    return "'" + value if isinstance(value, str) and value.startswith(_RISKY) else value


def unguarded(value: Any) -> Any:
    """What `guarded` was given."""
    return value[1:] if isinstance(value, str) and value.startswith("'") and value[1:].startswith(_RISKY) else value


def read_delimited(path: Path, columns: dict[str, Any]) -> tuple[Any, list[ItemProblem]]:
    """The table in a CSV or TSV file (UTF-8, a header line), and the lines that do not have as many cells as the header."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    with pa.input_stream(str(path), compression="detect") as stream:
        raw = stream.read()
    try:
        start = raw[:1_000_000].decode("utf-8-sig", errors="strict" if len(raw) <= 1_000_000 else "ignore")
    except UnicodeDecodeError as error:
        raise ItemError(f"{path}: not UTF-8 ({error}); save it as UTF-8, or hand in pandas.read_csv(path, encoding=...)") from error
    if not start.strip():
        raise ItemError(f"{path}: the file is empty; there is nothing to label")
    separator = "\t" if path.name.lower().split(".csv")[0].endswith((".tsv", ".tab", ".tsv.gz")) else _separator(start)
    try:
        header = next(csv.reader(io.StringIO(start.lstrip("\r\n"), newline=""), delimiter=separator))
    except (csv.Error, StopIteration) as error:
        raise ItemError(f"{path}: its first line is no header of a CSV ({error})") from error
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise ItemError(f"{path}: columns {repeated} appear more than once in the first line; rename them")
    named = [columns.get(role) for role in ("id", "label", "image")] + (
        [columns["text"]] if isinstance(columns.get("text"), str) else list(columns.get("text") or ())
    )
    wanted = {name for name in (*named, *_AS_WRITTEN) if isinstance(name, str)}
    own = set(PROVENANCE[:6]) <= set(header)  # an export of labelnb: nothing between two commas is null, empty quotes are an empty text
    nulls: dict[str, Any] = {"null_values": [""], "strings_can_be_null": True, "quoted_strings_can_be_null": False} if own else {}
    problems: list[ItemProblem] = []

    def skip(row: Any) -> str:
        number = row.number or 0
        problems.append(
            ItemProblem(max(number - 2, 0), f"{path.name}, line {number}", f"{row.actual_columns} cells, expected {row.expected_columns}")
        )
        return "skip"

    try:
        table = arrow_csv.read_csv(
            io.BytesIO(raw),
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=max(len(raw) + 1, 1 << 20)),
            parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=skip),
            convert_options=arrow_csv.ConvertOptions(column_types={name: pa.string() for name in header if name in wanted}, **nulls),
        )
    except pa.ArrowInvalid as error:
        raise ItemError(f"{path}: cannot be read as CSV ({str(error).splitlines()[0][:300]})") from error
    if own:  # its guard against formulas comes off
        table = table.rename_columns([unguarded(name) for name in table.column_names])
        for i, name in enumerate(table.column_names):
            if pa.types.is_string(table.column(name).type):
                table = table.set_column(i, name, pa.array([unguarded(value) for value in table.column(name).to_pylist()], pa.string()))
    return table, problems


def _separator(start: str) -> str:
    line = start.split("\n", 1)[0]
    counts = {sign: line.count(sign) for sign in (",", ";", "\t", "|")}
    best = max(counts, key=lambda sign: counts[sign])
    return best if counts[best] else ","
