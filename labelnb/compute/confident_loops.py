"""The pass over all predictions of a confident count, compiled by numba once and kept on disk."""
from __future__ import annotations

from typing import Any

import numba

__all__ = ["guessed"]


@numba.njit(nogil=True, cache=True)
def guessed(low: int, high: int, p: Any, labels: Any, above: Any, close: Any, guess: Any, agreed: Any) -> None:
    """Of the rows from `low` to `high`: the class above its limit, the likeliest where there are several, -1 for none; and whether the
    given class, raised by `close`, is the likeliest. Of equal ones the first counts."""
    for i in range(low, high):
        row, mine = p[i], labels[i]
        number, first, best = 0, -1, 0
        for c in range(len(row)):
            if row[c] >= above[c]:
                number += 1
                if first < 0:
                    first = c
            if row[c] > row[best]:
                best = c
        guess[i] = best if number > 1 else first
        raised, fits = row[mine] + close, True
        for c in range(len(row)):
            if c != mine and (row[c] > raised or (row[c] == raised and c < mine)):
                fits = False
                break
        agreed[i] = fits
