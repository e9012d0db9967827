"""Rows of a table as vectors: numbers standardised, categories one-hot, missing values at the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from labelnb.items import Items

__all__ = ["table_vectors"]


def table_vectors(items: Items, *, most_categories: int = 50) -> np.ndarray:
    """(N, D) float32 vectors of the rows of a table.

    A column of numbers becomes one column of mean 0 and deviation 1 (a missing number stands at the mean); a column of text or truth values
    becomes one column a category, scaled so that a category weighs as much as a number. Columns with more than `most_categories`
    categories (names, free text) and constant columns are left out. A last constant column gives a row at the mean of every column
    a direction.

    Raises
    ------
    ValueError
        If no column is left.
    """
    import pandas

    if items.frame is None:
        raise ValueError("these items have no columns; expected rows of a table")
    frame = items.frame.to_pandas()
    columns: list[np.ndarray] = []
    for name in frame.columns:
        column = frame[name]
        if pandas.api.types.is_bool_dtype(column) or not pandas.api.types.is_numeric_dtype(column):
            columns += _categories(column, most_categories)
            continue
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        spread = np.nanstd(values) if np.isfinite(values).any() else 0.0
        if spread > 0:
            columns.append(np.nan_to_num((values - np.nanmean(values)) / spread))
    if not columns:
        raise ValueError(
            f"none of the columns {list(frame.columns)[:10]} holds numbers or a few categories; "
            "give vectors with s.embed(array), or name text="
        )
    return np.column_stack([*columns, np.ones(len(frame))]).astype(np.float32)


def _categories(column: object, most: int) -> list[np.ndarray]:
    import pandas

    codes, names = pandas.factorize(pandas.Series(column).astype("string"), sort=True)
    if not 2 <= len(names) <= most:
        return []
    onehot = np.eye(len(names))[np.where(codes < 0, 0, codes)] * (codes >= 0)[:, None]
    deviation = onehot.std(axis=0)
    return list(((onehot - onehot.mean(axis=0)) / np.sqrt((deviation**2).sum())).T)
