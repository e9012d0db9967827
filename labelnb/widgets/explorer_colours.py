"""What the colours of the map mean: one code an item, for labels, proposals, confidence and columns."""
from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelnb.results import Proposal
from labelnb.widgets.explorer_columns import coded
from labelnb.widgets.map_first import NONE as NO_VALUE
from labelnb.widgets.map_first import SCALE
from labelnb.widgets.palette import PALETTE, RAMP, class_colour
from labelnb.widgets.panel import label_codes

__all__ = ["COLOURINGS", "Colouring", "colouring"]

COLOURINGS = ("label", "proposal", "confidence")
SURE = 254
"""Confidence 0 ... 1 is sent as 0 ... 254; 255 where the proposal abstains."""


@dataclass(frozen=True)
class Colouring:
    """One way to colour the map."""

    by: str
    """`label`, `proposal`, `confidence`, or the name of a column."""
    codes: np.ndarray
    """(N,) u8 or u16: class or category, or 0 ... 254 on a scale; `none`; `other`."""
    none: int
    """The code of what has no value."""
    other: int
    """The code of an answer that is not one class, or of a rare category; -1 where there is no such thing."""
    ramp: bool = False
    """A scale from low to high."""
    names: tuple[str, ...] | None = None
    """Of a column's categories; None where the groups are the classes."""
    low: float | None = None
    """What 0 means on a scale."""
    high: float | None = None
    """What 254 means."""
    hues: tuple[int, ...] | None = None
    """Place in the palette of each group, where it is not the group's own place."""

    @property
    def about(self) -> dict[str, Any]:
        """What the front end must know beside the codes."""
        names = None if self.names is None else list(self.names)
        about = {"by": self.by, "none": self.none, "other": self.other, "bytes": self.codes.itemsize, "ramp": self.ramp, "names": names}
        if self.hues is not None:
            about["hues"] = list(self.hues)
        return about if self.low is None else {**about, "low": self.low, "high": self.high}

    @property
    def groups(self) -> np.ndarray:
        """(N,) int64 position of each item's class, category or seventh of the scale; -1 for none and for other values."""
        codes = self.codes.astype(np.int64)
        groups = np.minimum(codes * len(RAMP) // SURE, len(RAMP) - 1) if self.ramp else codes
        return np.where((codes == self.none) | (codes == self.other), -1, groups)

    @property
    def looks(self) -> np.ndarray:
        """(N,) uint8 colour of each item among the 32 of the front end: the classes' twelve, none, other, and a scale's seven."""
        table = np.arange(self.none + 1)
        table = SCALE + np.minimum(table * len(RAMP) // SURE, len(RAMP) - 1) if self.ramp else table % len(PALETTE)
        if self.hues is not None:
            table[: len(self.hues)] = self.hues
        if self.other >= 0:
            table[self.other] = NO_VALUE + 1
        table[self.none] = NO_VALUE
        return table.astype(np.uint8)[self.codes]

    def group_names(self, classes: Sequence[str]) -> list[str]:
        """Names of the groups."""
        if not self.ramp:
            return list(classes if self.names is None else self.names)
        if self.by == "confidence":
            return [f"{100 * k / len(RAMP):.0f}–{100 * (k + 1) / len(RAMP):.0f}%" for k in range(len(RAMP))]
        edges = np.linspace(self.low or 0, self.high or 0, len(RAMP) + 1)
        between = " to " if edges[0] < 0 else "–"
        return [f"{low:.3g}{between}{high:.3g}" for low, high in itertools.pairwise(edges)]

    def colours(self, n_groups: int) -> list[str]:
        """`#rrggbb` of the groups."""
        return list(RAMP) if self.ramp else [class_colour(k if self.hues is None else self.hues[k]) for k in range(n_groups)]


def colouring(by: str, host: Any, proposal: Proposal | None, columns: Mapping[str, Any], xy: np.ndarray | None = None) -> Colouring:
    """The colouring of that name; `xy` (N, 2) are the places on the map.

    Raises
    ------
    ValueError
        If it shows a proposal and there is none.
    """
    if by in columns and by not in COLOURINGS:
        made = coded(columns[by], xy)
        ramp, none = not made.names and made.low is not None, np.iinfo(made.codes.dtype).max
        return Colouring(by, made.codes, none, -1 if ramp else none - 1, ramp, made.names, made.low, made.high, made.hues)
    if by != "label" and proposal is None:
        raise ValueError(f"colour by {by!r}: there is no proposal here; give one with w.proposal = ..., or colour by label")
    if by == "confidence":
        best = np.asarray(proposal.confidence)                                                      # type: ignore[union-attr]
        return Colouring(by, np.where(best > 0, np.round(np.clip(best, 0, 1) * SURE), 255).astype(np.uint8), 255, -1, True)
    values = label_codes(host.labels) if by == "label" else _class_positions(proposal, host)        # type: ignore[arg-type]
    wide = len(host.classes) > 250
    none = 65_535 if wide else 255
    codes = np.where(values >= 0, values, np.where(values == -1, none, none - 1)).astype("<u2" if wide else np.uint8)
    return Colouring(by, codes, none, none - 1)


def _class_positions(proposal: Proposal, host: Any) -> np.ndarray:
    """(N,) int64 predictions as positions among the host's classes, -1 where the proposal abstains."""
    places = np.array([*(host.classes.position(name) for name in proposal.classes), -1], np.int64)
    return places[proposal.predictions]
