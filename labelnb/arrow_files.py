"""Arrow tables in files that are memory-mapped when they are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_table", "read_table", "column"]


def write_table(table: pa.Table, path: Path) -> None:
    """An Arrow table as an IPC file that can be memory-mapped."""
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())


def read_table(path: Path) -> pa.Table:
    """The table that `write_table` wrote, memory-mapped: nothing is read until it is needed."""
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def column(table: pa.Table, name: str) -> pa.Array:
    """One column as one array."""
    chunks = table.column(name)
    return chunks.chunk(0) if chunks.num_chunks == 1 else chunks.combine_chunks()
