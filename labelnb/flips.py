"""What would change an item's class: the fewest labels or edges without which the same method would have said something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from labelnb.methods.propagation.system_proposal import blended
from labelnb.results import Proposal

__all__ = ["flips"]

MOST_SEEDS, MOST_EDGES = 50, 16
"""Labels and edges taken away at most before the search gives up."""
MOST_SINGLE = 30
"""Seeds of a harmonic system that are tried one by one: those with the largest part in the item's score."""


def flips(proposal: Proposal, position: int) -> tuple[Mapping[str, Any], ...]:
    """What would change the class of one item, fewest removals first.

    Parameters
    ----------
    proposal : one that is a linear solve on a graph (`evidence["system"]`)
    position : of the item, not negative

    Returns
    -------
    Mappings `kind` (`seed` or `edge`), `nodes` (seeds as positions, classes as -1 - class; edges as pairs), `becomes` (name of the class,
    None where the method would abstain), `smallest` (True where no smaller set does it, False for the best of a greedy search). Each one
    was checked: the item's scores were computed anew without what is named. Empty where nothing was found, or the method abstains.

    Notes
    -----
    What speaks beside the graph (the probe of a safe `zlap`) is held. Every single seed that suffices is listed (of harmonic systems, among
    the 30 of largest part), then the smallest set of seeds where none does, then edges. Seeds add up where the system is `spreading`, so
    that their smallest set is exact; elsewhere, and beside a probe, it is greedy, as it is for edges. Class weights of a harmonic proposal
    are held. An item that is labelled itself is flipped by its own label alone.
    """
    if "system" not in proposal.evidence or proposal.predictions[position] < 0:
        return ()
    item = _Item.of(proposal, position)
    if item.own_label:
        return item.without_its_label()
    single = item.single_seeds()
    several = () if single else item.seeds_together()
    return (*single, *several, *item.edges())


class _Item(NamedTuple):
    """One item, its system, and its scores as they are."""

    system: Any
    node: int
    z: np.ndarray
    """(M,) what a unit of seed at each node gives to the item."""
    row: np.ndarray
    """(K,) its scores."""
    weights: np.ndarray
    """(K,) by which scores are weighed before the largest is taken."""
    names: tuple[str, ...]
    own_label: bool
    words: np.ndarray | None
    """(1, K) what speaks beside the graph; held, whatever is taken away."""
    share: float
    """How loud that is."""

    @classmethod
    def of(cls, proposal: Proposal, position: int) -> _Item:
        from labelnb.compute.seed_system import green

        system = proposal.evidence["system"]
        node = position + system.first_item
        weights = np.asarray(proposal.evidence.get("class_weights", np.ones(len(proposal.classes))), dtype=np.float64)
        z = green(system, np.array([node]))[:, 0]
        words = proposal.evidence.get("beside")
        return cls(
            system, node, z, _row(system, node), weights, proposal.classes, bool(system.seeds.indptr[node + 1] > system.seeds.indptr[node]),
            None if words is None else np.asarray(words)[[position]], float(proposal.evidence.get("beside_share", 0.0)),
        )

    def says(self, row: np.ndarray) -> int:
        """The class that these scores lead to; -1 where there is nothing."""
        weighed = row * self.weights
        if self.words is not None:
            weighed = np.where(weighed > 1e-12 * max(float(weighed.max()), 1e-300), weighed, 0.0)
            weighed = blended(weighed[None], self.words, self.share)[0]
        if self.system.kind != "poisson":
            return int(weighed.argmax()) if weighed.max() > 1e-12 else -1
        return int(weighed.argmax()) if np.abs(weighed).max() > 1e-12 else -1

    def found(self, kind: str, nodes: list[Any], row: np.ndarray, smallest: bool) -> Mapping[str, Any]:
        """One entry of the answer."""
        becomes = self.says(row)
        return {"kind": kind, "nodes": nodes, "becomes": self.names[becomes] if becomes >= 0 else None, "smallest": smallest}

    def outer(self, node: int) -> int:
        """A node as answers name it."""
        return int(node) - self.system.first_item if node >= self.system.first_item else -1 - int(node)

    def without_its_label(self) -> tuple[Mapping[str, Any], ...]:
        """What a labelled item would be called without its label."""
        from labelnb.compute.leave_one_out import leave_one_out

        row, own = leave_one_out(self.system, np.array([self.node]))[0], self.system.seeds[[self.node]].toarray()[0]
        return (self.found("seed", [self.outer(self.node)], row, True),) if self.says(row) != int(own.argmax()) else ()

    def single_seeds(self) -> tuple[Mapping[str, Any], ...]:
        """Every seed that suffices by itself, the one of largest part first."""
        now, seeds = self.says(self.row), self.system.seed_nodes
        given = self.system.seeds[seeds].toarray()[:, now] * self.z[seeds]
        order = seeds[np.argsort(-given, kind="stable")]
        if self.system.kind == "harmonic":
            order = order[:MOST_SINGLE]
        rows = self.rows_without(order)
        return tuple(
            self.found("seed", [self.outer(seed)], row, True) for seed, row in zip(order, rows, strict=True) if self.says(row) != now
        )

    def rows_without(self, seeds: np.ndarray) -> np.ndarray:
        """(n, K) the item's scores without each of the seeds in turn: exact."""
        from labelnb.compute.leave_one_out import leave_one_out

        y = self.system.seeds[seeds].toarray()
        if self.system.kind == "poisson":
            return np.array([self.row_without(np.array([seed])) for seed in seeds])
        if self.system.kind == "spreading":
            return np.asarray(self.row - self.z[seeds][:, None] * y)
        left = leave_one_out(self.system, seeds)                # a seed let go takes the value that the rest gives to it
        return np.asarray(self.row + self.z[seeds][:, None] * (left - y))

    def row_without(self, seeds: np.ndarray) -> np.ndarray:
        """(K,) the item's scores without all of these seeds."""
        import scipy.sparse

        keep = np.ones(self.system.weights.shape[0])
        keep[seeds] = 0.0
        less = scipy.sparse.csr_array(scipy.sparse.diags_array(keep) @ self.system.seeds)
        less.eliminate_zeros()
        return _row(self.system._replace(seeds=less), self.node)

    def seeds_together(self) -> tuple[Mapping[str, Any], ...]:
        """The smallest set of seeds, over all classes that could take the item over."""
        now, seeds, best = self.says(self.row), self.system.seed_nodes, None
        y = self.system.seeds[seeds].toarray() * self.weights
        for rival in np.argsort(-self.row * self.weights, kind="stable"):
            if rival == now:
                continue
            gain = self.z[seeds] * (y[:, now] - y[:, rival])
            order = np.argsort(-gain, kind="stable")[:MOST_SEEDS]
            margin = (self.row * self.weights)[now] - (self.row * self.weights)[rival]
            if self.system.kind == "spreading":
                gone = np.cumsum(self.z[seeds[order]][:, None] * self.system.seeds[seeds[order]].toarray(), axis=0)
                if self.words is None:
                    enough = np.flatnonzero(np.cumsum(gain[order]) > margin + 1e-12)
                else:
                    enough = np.flatnonzero([self.says(row) != now for row in self.row - gone])
                size = int(enough[0]) + 1 if len(enough) else None
            else:
                size = next((n for n in range(1, min(len(order), 12) + 1) if self.says(self.row_without(seeds[order[:n]])) != now), None)
            if size is not None and (best is None or size < len(best)):
                best = seeds[order[:size]]
        if best is None:
            return ()
        exact = self.system.kind == "spreading" and self.words is None
        return (self.found("seed", [self.outer(s) for s in best], self.row_without(best), exact),)

    def edges(self) -> tuple[Mapping[str, Any], ...]:
        """Edges whose removal changes the class: the first-order effect ranks them, every step of the greedy search is solved anew."""
        import scipy.sparse

        now = self.says(self.row)
        weighed = self.row * self.weights
        rivals = [c for c in np.argsort(-weighed, kind="stable") if c != now]
        if not rivals:
            return ()
        rows, columns, effect = _effects(self.system, self.z, self.weights, now, int(rivals[0]))
        order = np.argsort(effect, kind="stable")[:MOST_EDGES]
        order = order[effect[order] < 0]
        taken: list[tuple[int, int]] = []
        w = self.system.weights.tolil()
        for i in order:
            a, b = int(rows[i]), int(columns[i])
            w[a, b] = w[b, a] = 0
            taken.append((a, b))
            edited = scipy.sparse.csr_array(w.tocsr())
            edited.eliminate_zeros()
            row = _row(self.system._replace(weights=edited), self.node)
            if self.says(row) != now:
                return (self.found("edge", [(self.outer(a), self.outer(b)) for a, b in taken], row, len(taken) == 1),)
        return ()


def _row(system: Any, node: int) -> np.ndarray:
    """(K,) scores of one node, by the adjoint system."""
    from labelnb.compute.seed_system import contributions

    _, classes, amounts = contributions(system, node)
    made = np.zeros(system.seeds.shape[1])
    np.add.at(made, classes, amounts)
    return made


def _effects(system: Any, z: np.ndarray, weights: np.ndarray, now: int, rival: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every edge, ends and the first-order change of the item's margin between two classes when the edge goes."""
    from labelnb.compute.propagate import normalised
    from labelnb.compute.seed_system import solve

    f = solve(system, tolerance=1e-9).scores.numpy().astype(np.float64)
    margin = f[:, now] * weights[now] - f[:, rival] * weights[rival]
    upper = system.weights.tocoo()
    keep = upper.coords[0] < upper.coords[1]
    rows, columns, w = upper.coords[0][keep], upper.coords[1][keep], upper.data[keep].astype(np.float64)
    if system.kind == "spreading":
        s = normalised(system.weights.astype(np.float64)).tocoo().data[keep]
        return rows, columns, -system.alpha * s * (z[rows] * margin[columns] + z[columns] * margin[rows])
    inner = z.copy()
    if system.kind == "harmonic":
        inner[system.seed_nodes] = 0.0
    return rows, columns, w * (inner[rows] - inner[columns]) * (margin[rows] - margin[columns])
