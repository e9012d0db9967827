"""Many groups on one map in twelve colours: a group's colour goes by its number, unless a group beside it has that colour already.

Source: greedy colouring of a neighbour graph, as in map colouring (Welsh and Powell 1967, doi 10.1093/comjnl/10.1.85, without their
ordering: here the least numbers come first, so that old groups keep their colours when new ones come).
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelnb.widgets.palette import PALETTE

__all__ = ["MOST_GROUPS", "Numbered", "hues"]

MOST_GROUPS = 2_000
"""Groups with a colour of their own on a map; smaller ones are `other values`."""
NEAR = 6
"""Groups beside a group that are to differ from it."""


@dataclass(frozen=True)
class Numbered:
    """A column of groups with numbers of their own: the number decides the colour, the word is what is read."""

    numbers: np.ndarray
    """(N,) int64 number of each item's group, -1 for none."""
    words: Sequence[str]
    """Of each number; groups of one word are one group, that of the least number."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the column."""
        return tuple(self.numbers.shape)

    def coded(self) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """(N,) int64 place of each item's group, -1 for none; (G,) the groups' numbers, ascending; their words."""
        first: dict[str, int] = {}
        joined = np.array([*(first.setdefault(word, number) for number, word in enumerate(self.words)), -1], np.int64)
        own = joined[self.numbers]
        present = np.unique(own[own >= 0])
        place = np.full(len(self.words) + 1, -1, np.int64)
        place[present] = np.arange(len(present))
        return place[own], present, [self.words[number] for number in present.tolist()]


def hues(numbers: np.ndarray, xy: np.ndarray, groups: np.ndarray) -> tuple[int, ...]:
    """The place in the palette of each of G groups.

    Parameters
    ----------
    numbers : (G,) numbers of the groups, ascending
    xy : (N, 2) places on the map
    groups : (N,) which of the groups each point is in, -1 for none

    Notes
    -----
    A group is where its points' mean is. Each of its six nearest groups that has a colour already forbids that colour. G x G distances.

    >>> hues(np.array([0, 12]), np.array([[0, 0], [1, 0]]), np.array([0, 1]))
    (0, 1)
    """
    count, colours = len(numbers), len(PALETTE)
    wanted = [int(number) % colours for number in numbers]
    inside = groups >= 0
    sizes = np.bincount(groups[inside], minlength=count)
    if count < 2 or count > MOST_GROUPS:
        return tuple(wanted)
    sums = [np.bincount(groups[inside], weights=xy[inside, axis].astype(np.float64), minlength=count) for axis in (0, 1)]
    centres = np.stack(sums, axis=1) / np.maximum(sizes, 1)[:, None]
    apart = ((centres[:, None] - centres[None]) ** 2).sum(2)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1, kind="stable")[:, :NEAR]
    beside = np.zeros((count, count), bool)
    np.put_along_axis(beside, near[:, : count - 1], True, axis=1)
    beside |= beside.T                                            # to be near is mutual: who comes later must give way
    given = np.full(count, -1)
    for group in range(count):
        taken = np.bincount(given[beside[group] & (given >= 0)], minlength=colours)
        if taken[wanted[group]]:                                  # the least used from the wanted one on
            turn = (wanted[group] + np.arange(colours)) % colours
            given[group] = turn[taken[turn].argmin()]
        else:
            given[group] = wanted[group]
    return tuple(given.tolist())
