"""What a ClusterBoard's work amounts to: the replay of its steps in the journal over the clusters that a method gave.

A step is a mapping with `do` and what it needs; see `BoardState.apply`. The first step on a subject carries `base`: the assignment it began
with and the names taken over, so that a later board can tell which of its clusters was which.
"""
from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from labelnb.cluster_matching import match_clusters
from labelnb.packed import pack, unpack
from labelnb.widgets.cluster_groups import Groups, purity

if TYPE_CHECKING:
    from labelnb.results import Clusters

__all__ = ["BoardState", "BoardHistory", "Kept", "KEPT_FROM", "known_classes"]

KEPT_FROM = 0.5
"""Jaccard overlap with a named cluster of before from which its name is kept."""


class Kept(NamedTuple):
    """A name taken over from a clustering before."""

    name: str
    """The name."""
    overlap: float
    """Jaccard overlap of the two clusters, 0 to 1."""
    broader: str = ""
    """The broader name, where it had one."""
    known: bool = False
    """Whether it is the name of a class that the method was told of: then there was no clustering before."""


class BoardState:
    """Groups, names, broader names and what was sent to review, at one moment."""

    def __init__(self, assignment: np.ndarray, n_clusters: int, kept: Mapping[int, Kept] | None = None) -> None:
        self.groups = Groups(assignment, n_clusters)
        self.kept = dict(kept or {})
        self.names: dict[int, str] = {cluster: one.name for cluster, one in self.kept.items()}
        """Name of a cluster, accepted or not."""
        self.broader: dict[int, str] = {cluster: one.broader for cluster, one in self.kept.items() if one.broader}
        """Name of what a cluster is a kind of."""
        self.sent: set[int] = set()
        """Positions sent to review."""
        self.made: list[int] = []
        """Clusters that the last step made or kept."""

    def apply(self, step: Mapping[str, Any]) -> None:
        """Do one step.

        Raises
        ------
        ValueError, KeyError
            If it does not fit, such as a merge with a cluster that another kernel has merged away.
        """
        do, cluster = step["do"], step.get("cluster")
        if do == "name":
            self._rename(int(step["cluster"]), step["name"])
        elif do == "merge":
            self._merge([int(one) for one in step["clusters"]])
        elif do == "split":
            self.made = self.groups.split(int(step["cluster"]), [unpack(part) for part in step["parts"]])
            for part in self.made:
                if int(step["cluster"]) in self.broader:
                    self.broader[part] = self.broader[int(step["cluster"])]
        elif do == "gather":
            self.made = [self.groups.gather(unpack(step["items"]))]
        elif do == "remove":
            self.groups.remove(int(step["cluster"]), unpack(step["items"]))
        elif do == "broader":
            for one in step["clusters"]:
                self.broader.pop(int(one), None)
                if step["name"]:
                    self.broader[int(one)] = step["name"]
        elif do == "accept":
            self._rename(int(step["cluster"]), step["name"])
            if "out" in step:
                self.groups.remove(int(step["cluster"]), unpack(step["out"]))
                if step.get("review"):
                    self.sent.update(unpack(step["out"]).tolist())
        elif do == "accept_all":
            self.made = [int(one) for one in step["clusters"]]  # names are there already; the labels are the decision's
        elif do == "moves":                                     # classes were renamed or merged: names follow
            for names in (self.names, self.broader):
                names.update({one: step["moves"][name][0] for one, name in names.items() if len(step["moves"].get(name, ())) == 1})
        elif do == "send":
            self.sent.update((self.groups.outliers if cluster is None else self.groups.members(cluster)).tolist())
        else:
            raise ValueError(f"a board knows no step {do!r}")

    def _rename(self, cluster: int, name: str) -> None:
        self.groups.members(cluster)
        self.names.pop(cluster, None)
        if name:
            self.names[cluster] = name

    def _merge(self, clusters: Sequence[int]) -> None:
        kept = self.groups.merge(clusters)
        for names in (self.names, self.broader):
            found = [names.pop(cluster) for cluster in dict.fromkeys(clusters) if cluster in names]
            if found:
                names[kept] = found[0]
        self.made = [kept]


class BoardHistory:
    """The steps on one subject, followed in the host's journal.

    Parameters
    ----------
    host : whoever keeps steps (a session)
    subject : what the work is about
    items : the part of the subject that stands for the items; boards with the same one are about the same items
    clusters : what the method gave
    known : names of clusters that stand for known classes, from `known_classes`
    """

    def __init__(self, host: Any, subject: str, items: str, clusters: Clusters, known: Mapping[int, str] | None = None) -> None:
        self.host, self.subject, self.items = host, subject, items
        self._assignment, self._n_clusters = np.asarray(clusters.assignment, np.int64), clusters.n_clusters
        self._applied: list[int] = []
        self.skipped = 0
        """Steps that did not fit where they stand, such as those of two kernels at the same moment."""
        steps = host.steps(subject, undone=True)
        base = next((step.content["base"] for step in steps if "base" in step.content), None)
        if base is None:
            told = {cluster: Kept(name, 1.0, known=True) for cluster, name in (known or {}).items()}
            self._kept = {**_former(host, subject, items, self._assignment), **told}
        else:
            self._kept = _kept_of(base)
        # Names that were taken over are those of that moment: what classes were renamed before then is behind them.
        latest = max((step.number for step in host.class_moves()), default=0)
        self._since = latest if base is None else int(base["since"])
        self.state = self._fresh()
        self.follow()

    def follow(self) -> bool:
        """Take in what was done or undone since, by whomever; True where something was."""
        steps = _with_moves(self.host, self.subject, self._since)
        numbers = [step.number for step in steps]
        if numbers == self._applied:
            return False
        if numbers[: len(self._applied)] != self._applied:
            self.state, self._applied, self.skipped = self._fresh(), [], 0
        for step in steps[len(self._applied):]:
            try:
                self.state.apply(step.content)
            except (ValueError, KeyError):
                self.skipped += 1
        self._applied = numbers
        return True

    @property
    def began(self) -> bool:
        """Whether anything was ever done on this subject, taken back or not."""
        return bool(self.host.steps(self.subject, undone=True))

    def check(self, step: Mapping[str, Any]) -> None:
        """Do a step on a copy, so that one that does not fit is refused before it is written."""
        copy.deepcopy(self.state).apply(step)

    def step(self, **content: Any) -> dict[str, Any]:
        """A step as it is written: with the base where it is the first on its subject."""
        if not self.began:
            names = {str(cluster): list(one) for cluster, one in self._kept.items()}
            base = {"assignment": pack(self._assignment), "n_clusters": self._n_clusters, "kept": names, "since": self._since}
            content["base"] = base
        return content

    def _fresh(self) -> BoardState:
        return BoardState(self._assignment, self._n_clusters, self._kept)


def known_classes(host: Any, clusters: Clusters) -> dict[int, str]:
    """Names of the clusters that stand for known classes, where the evidence says so (`classes` (C,): class position, -1 for a new group).

    Positions are those of the run. Where classes were renamed, merged or split since, what most of a cluster's labelled items are called
    now is its name.
    """
    told = clusters.evidence.get("classes")
    if told is None:
        return {}
    names, made = host.classes.names, clusters.provenance
    since = made.run if made is not None and made.run is not None else None
    moved = since is not None and any(step.number > since for step in host.class_moves())
    values = np.asarray(host.labels.values)
    found = {}
    for cluster, position in enumerate(np.asarray(told, np.int64).tolist()):
        if position >= 0 and moved:
            position = purity(np.flatnonzero(np.asarray(clusters.assignment) == cluster), values)[1]
        if 0 <= position < len(names):
            found[cluster] = names[position]
    return found


def _with_moves(host: Any, subject: str, since: int) -> list[Any]:
    """The steps that hold, and among them what became of classes' names after the event `since`, in the order of the journal."""
    moves = [step for step in host.class_moves() if step.number > since]
    steps = host.steps(subject)
    return sorted([*steps, *moves], key=lambda step: step.number) if moves else steps


def _kept_of(base: Mapping[str, Any]) -> dict[int, Kept]:
    return {int(cluster): Kept(*one) for cluster, one in base.get("kept", {}).items()}


def _former(host: Any, subject: str, items: str, assignment: np.ndarray) -> dict[int, Kept]:
    """Names of the board worked on last over the same items, for the clusters that are its clusters again."""
    for other in host.step_subjects(items):
        if other == subject:
            continue
        steps = host.steps(other, undone=True)
        base = next((step.content["base"] for step in steps if "base" in step.content), None)
        if base is None:
            continue
        before = BoardState(unpack(base["assignment"]), base["n_clusters"], _kept_of(base))
        for step in _with_moves(host, other, int(base["since"])):
            try:
                before.apply(step.content)
            except (ValueError, KeyError):
                continue
        if len(before.groups.assignment) != len(assignment):
            continue
        found = match_clusters(before.groups.assignment, assignment, minimum=KEPT_FROM)
        pairs = zip(found.before.tolist(), found.after.tolist(), found.overlap.tolist(), strict=True)
        named, broader = before.names, before.broader
        return {new: Kept(named[old], round(overlap, 4), broader.get(old, "")) for old, new, overlap in pairs if old in named}
    return {}
