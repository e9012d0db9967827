"""Linear probe: logistic regression on embeddings, to the minimum, and its out-of-fold probabilities.

Source: the objective of scikit-learn's LogisticRegression with C = 1 / l2 (intercept not penalised), minimised by L-BFGS.

Why it is faster than L-BFGS on the rows as they are: embeddings are strongly correlated, so that the objective is a narrow valley.
In the basis of their principal axes the Hessian is close to diagonal, and its diagonal is known beforehand up to a factor; steps
scaled by it reach the minimum in tens of passes instead of hundreds. A rotation changes neither the penalty nor the minimum, and
with fewer rows than columns it also leaves only as many coordinates as there are rows.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import torch

from labelnb.checks import as_tensor, class_labels, finite_rows, positive_int, within
from labelnb.compute.device import able_device, free_memory, working_memory
from labelnb.compute.kmeans import content_order
from labelnb.compute.lbfgs import Memory, minimise
from labelnb.compute.logistic import Objective, Stream, Streamed
from labelnb.compute.targets import Described, Targets, described, targets

__all__ = ["Probe", "ProbeSpace", "probe", "out_of_fold", "stratified_folds"]

WIDEST = 3000
"""Above so many coordinates the principal axes cost more than they save."""


class Probe(NamedTuple):
    """A fitted probe."""

    weight: torch.Tensor
    """(K, D)."""
    bias: torch.Tensor
    """(K,); -inf for a class without an example, which so gets probability 0."""
    loss: float
    """The objective at the end: mean loss of the rows by weight, plus l2 / 2 |weight|^2 over the total weight."""
    iterations: int
    """Passes over the rows."""
    gap: float
    """Estimate of how far the objective is above its minimum."""
    kind: str
    """`multinomial` or `multilabel`."""

    def scores(self, x: Any) -> torch.Tensor:
        """(N, K) scores before the softmax or sigmoid."""
        rows = as_tensor(x, "x", dtype=self.weight.dtype).to(self.weight.device)
        if rows.ndim != 2 or rows.shape[1] != self.weight.shape[1]:
            raise ValueError(f"x: got shape {tuple(rows.shape)}, expected (N, {self.weight.shape[1]}), as in the fit")
        return torch.addmm(self.bias, rows, self.weight.T)

    def probabilities(self, x: Any) -> torch.Tensor:
        """(N, K); rows sum to 1 for `multinomial`, each entry stands for itself for `multilabel`."""
        scores = self.scores(x)
        return torch.softmax(scores, dim=1) if self.kind == "multinomial" else torch.sigmoid(scores)


def probe(
    x: Any,
    y: Any,
    *,
    n_classes: int | None = None,
    weights: Any = None,
    l2: float = 1.0,
    loss: Literal["multinomial", "multilabel"] = "multinomial",
    tolerance: float = 1e-5,
    max_iterations: int = 1000,
    memory: int | None = None,
) -> Probe:
    """Fit a linear classifier on embeddings.

    Parameters
    ----------
    x : (N, D) rows, float16, float32 or float64, memory-mapped too: what does not fit in memory is read in blocks, once a pass
    y : (N,) int64 class positions, -1 leaves a row out; or (N, K) soft targets whose rows sum to 1, an all-zero row is left out;
        with `multilabel` (N, K) of 1, 0 and -1 (not known), or numbers from 0 to 1
    n_classes : K, where the largest class may have no example; default the largest position + 1
    weights : (N,) weight of each row, default 1
    l2 : strength of the penalty l2 / 2 |weight|^2 beside the sum of losses (1 / C of scikit-learn)
    loss : `multinomial`, one class a row; `multilabel`, one logistic regression a column
    tolerance : stop when the objective is estimated to be above its minimum by no more than this share of itself
    max_iterations : most steps
    memory : bytes for the work beside `x`, `y` and a few numbers a row; where two copies of the rows that count do not fit, they are read
        in blocks. None takes half of what is free

    Raises
    ------
    ValueError
        Where shapes do not fit, or fewer than two classes have an example.

    Notes
    -----
    With two classes the penalty acts on the difference of their weights, as in scikit-learn. Reading in blocks changes nothing but the
    order of summation.
    """
    within("l2", l2, 0.0, 1e12, open_low=True)
    within("tolerance", tolerance, 0.0, 1.0, open_low=True)
    positive_int("max_iterations", max_iterations)
    given = as_tensor(x, "x", dtype=None)
    device = able_device(given.device)
    room = free_memory(device) // 2 if memory is None else working_memory(memory, device)
    rest = l2, tolerance, max_iterations
    if 2 * given.numel() * max(4, given.element_size()) > room:
        return _streamed(Stream(given.to(device), room), y, n_classes, weights, loss, rest)
    rows = finite_rows(given).to(device)
    problem = targets(rows, y, n_classes, weights, loss)
    return _in_memory(rows[problem.kept], problem, rest)


def _in_memory(rows: torch.Tensor, problem: Targets, rest: tuple[float, float, int]) -> Probe:
    basis = _Basis.of(rows)
    z = basis.coordinates(rows)
    return basis.back(_fit(partial(Objective, z, problem, axes=basis.folded), basis, problem, *rest), problem)


def _streamed(stream: Stream, y: Any, n_classes: int | None, weights: Any, loss: str, rest: tuple[float, float, int]) -> Probe:
    """The same over rows that are read in blocks; in memory after all where few of them count."""
    stream.refuse_bad()
    problem = described(len(stream), y, n_classes, weights, loss, 2, stream.blocks, stream.dtype, stream.device)
    held = torch.nonzero(problem.kept).flatten()
    if 2 * len(held) * stream.row <= stream.room:
        return _in_memory(stream.take(held), problem.taken(held), rest)
    basis = _Basis.read(stream, problem.kept)
    return basis.back(_fit(lambda *scale: Streamed(stream, problem, basis.mean, basis.axes, *scale), basis, problem, *rest), problem)


def out_of_fold(
    x: Any,
    y: Any,
    *,
    folds: int = 5,
    l2: float = 1.0,
    seed: int = 0,
    n_classes: int | None = None,
    weights: Any = None,
    tolerance: float = 1e-6,
    max_iterations: int = 1000,
) -> torch.Tensor:
    """(N, K) probabilities of every row by a probe that has not seen it: stratified cross-validation with shared work.

    The principal axes are found once, and every fold starts from the fit to all rows, which is close to its own; each is run to
    `tolerance`, so that what it started from leaves no trace. Rows without a label (-1) get the mean of the folds' predictions.

    A class spread over fewer rows than folds is held out row by row; where a class has a single row, the probe that judges this row
    knows no example of the class and gives it probability 0. Which fold a row is in depends on its content and the seed.

    Parameters as in `probe`; `folds` at least 2; `x` may be a ProbeSpace of the rows, where several penalties are to be compared.
    """
    rows = x.rows if isinstance(x, ProbeSpace) else finite_rows(x)
    labels = class_labels(y, len(rows), n_classes=n_classes, name="y").to(rows.device)
    positive_int("folds", folds, low=2)
    within("l2", l2, 0.0, 1e12, open_low=True)
    problem = targets(rows, labels, n_classes, weights, "multinomial")
    k = problem.n_classes
    space = x if isinstance(x, ProbeSpace) else ProbeSpace(rows, labels >= 0)
    rows, labels = space.rows, labels.to(space.rows.device)
    start = space.fit(labels, l2=l2, n_classes=k, weights=weights, tolerance=max(tolerance, 1e-4), max_iterations=max_iterations)
    fold = stratified_folds(rows, labels, folds, seed)
    result = rows.new_zeros(len(rows), k)
    unlabelled, used = labels < 0, 0
    for held in range(folds):
        test = fold == held
        if not bool(test.any()):
            continue
        fit = space.fit(
            torch.where(test, -1, labels), l2=l2, n_classes=k, weights=weights, tolerance=tolerance, max_iterations=max_iterations,
            start=start,
        )
        result[test] = space.probabilities(fit, test)
        if bool(unlabelled.any()):
            result[unlabelled] += space.probabilities(fit, unlabelled)
        used += 1
    result[unlabelled] /= max(used, 1)
    return result


class ProbeSpace:
    """Embeddings in their principal axes, for many fits on the same rows: folds, cycles of pseudo-labels, choices of penalty."""

    def __init__(self, x: torch.Tensor, kept: torch.Tensor | None = None) -> None:
        """`kept` (N,) bool: the rows whose axes are taken; those are to span all rows that are ever fitted."""
        rows = finite_rows(x)
        self.rows = rows.to(able_device(rows.device))
        self.basis = _Basis.of(self.rows if kept is None else self.rows[kept])
        self.z = self.basis.coordinates(self.rows)

    def fit(
        self, y: torch.Tensor, *, l2: float, n_classes: int, weights: Any = None, tolerance: float = 1e-6, max_iterations: int = 1000,
        start: Fit | None = None,
    ) -> Fit:
        """Fit to the rows whose `y` (N,) is not -1, from the weights of an earlier fit where one is given."""
        problem = targets(self.rows, y, n_classes, weights, "multinomial", least=1)
        point = known = None
        if start is not None and bool(torch.isin(problem.present, start.present).all()):
            point = start.point[:, torch.isin(start.present, problem.present)]
            known = start.memory if len(problem.present) == len(start.present) else None
        z = self.z[problem.kept]
        objective = partial(Objective, z, problem, axes=self.basis.folded)
        return _fit(objective, self.basis, problem, l2, tolerance, max_iterations, point, known)

    def scores(self, fit: Fit, rows: torch.Tensor | slice = slice(None)) -> torch.Tensor:
        """(M, K) scores before the softmax, -inf for a class without an example."""
        z = self.z[rows]
        full = z.new_full((len(z), fit.n_classes), -float("inf"))
        full[:, fit.present] = torch.addmm(fit.point[-1].to(z.dtype), z, self.basis.inner(fit.point[:-1].to(z.dtype)))
        return full

    def probabilities(self, fit: Fit, rows: torch.Tensor | slice = slice(None)) -> torch.Tensor:
        """(M, K)."""
        return torch.softmax(self.scores(fit, rows), dim=1)


class Fit(NamedTuple):
    """A minimum in the coordinates of a ProbeSpace."""

    point: torch.Tensor
    """(R + 1, P) float64: coordinates' weights, and the bias in the last row."""
    present: torch.Tensor
    """(P,) positions of the classes that have an example."""
    n_classes: int
    loss: float
    iterations: int
    gap: float
    memory: Memory | None = None
    """What the way to the minimum told of the curvature, for a fit to nearly the same rows."""


class _Basis(NamedTuple):
    """Principal axes about the mean."""

    mean: torch.Tensor
    axes: torch.Tensor | None
    """(D, R) orthonormal, or None where the axes are the columns themselves."""
    spread: torch.Tensor
    """(R,) float64 sum of squares of each coordinate."""

    @classmethod
    def of(cls, x: torch.Tensor) -> _Basis:
        mean = x.mean(0)
        n, d = x.shape
        if min(n, d) > WIDEST:
            return cls(mean, None, ((x - mean) ** 2).sum(0, dtype=torch.float64))
        if n >= d:                                                # of many rows a part gives directions and scales that do as well
            every = max(1, min(4, n // (16 * d)))
            centred = x[::every] - mean
            spread, axes = torch.linalg.eigh((centred.T @ centred).double())
            return cls(mean, axes.to(x.dtype), spread.clamp_min(0) * (n / len(centred)))
        centred = x - mean
        spread, left = torch.linalg.eigh(centred.double() @ centred.T.double())
        real = spread > spread[-1] * 1e-12
        # An orthonormal basis of the rows' span: outside it the penalty keeps every weight at zero.
        axes = torch.linalg.qr(centred.double().T @ (left[:, real] / spread[real].sqrt())).Q
        return cls(mean, axes.to(x.dtype), spread[real])

    @classmethod
    def read(cls, stream: Stream, kept: torch.Tensor) -> _Basis:
        """The same in two passes over the rows of a stream that are kept."""
        mean = torch.zeros(stream.shape[1], dtype=torch.float64, device=stream.device)
        for at in stream.blocks:
            mean += stream.block(at)[kept[at]].sum(0, dtype=torch.float64) / int(kept.sum())
        about, wide = mean.to(stream.dtype), stream.shape[1] > WIDEST
        gram = torch.zeros((stream.shape[1],) * (1 if wide else 2), dtype=torch.float64, device=stream.device)
        for at in stream.blocks:
            centred = stream.block(at)[kept[at]] - about
            gram += (centred**2).sum(0, dtype=torch.float64) if wide else centred.T @ centred
        if wide:
            return cls(about, None, gram)
        spread, axes = torch.linalg.eigh(gram)
        return cls(about, axes.to(stream.dtype), spread.clamp_min(0))

    @property
    def folded(self) -> torch.Tensor | None:
        """The axes, where they are as many as columns: rows are then left as they are, and the axes taken into the weights."""
        return None if self.axes is None or self.axes.shape[0] > self.axes.shape[1] else self.axes

    def coordinates(self, x: torch.Tensor) -> torch.Tensor:
        """(M, R) along the axes, or (M, D) about the mean where these are folded into the weights."""
        centred = x - self.mean
        return centred if self.axes is None or self.folded is not None else centred @ self.axes

    def inner(self, weight: torch.Tensor) -> torch.Tensor:
        """Weights (R, P) of coordinates as weights of what `coordinates` gives."""
        return weight if self.folded is None else self.folded @ weight

    def back(self, fit: Fit, problem: Targets | Described) -> Probe:
        """The probe in the space of the embeddings, over all classes."""
        part = fit.point[:-1].to(self.mean.dtype)
        weight = (part if self.axes is None else self.axes @ part).T                 # (P, D)
        bias = fit.point[-1].to(self.mean.dtype) - weight @ self.mean
        if problem.kind == "multinomial":
            bias = bias - bias.mean()
        k = problem.n_classes
        full = weight.new_zeros(k, weight.shape[1])
        full[problem.present] = weight
        shifts = bias.new_full((k,), -float("inf")) if problem.constant is None else problem.constant.clone()
        shifts[problem.present] = bias
        return Probe(full, shifts, fit.loss, fit.iterations, fit.gap, problem.kind)


def _fit(
    make: Callable[[float, float], Objective | Streamed], basis: _Basis, problem: Targets | Described, l2: float, tolerance: float,
    max_iterations: int, start: torch.Tensor | None = None, known: Memory | None = None,
) -> Fit:
    """Minimise (sum of mass * loss + l2 / 2 |A|^2) / total mass over A (R, P) and the bias."""
    prior, spread = problem.shares(), basis.spread
    p = len(problem.present)
    total = problem.total() if problem.kind == "multinomial" else problem.total() / p
    penalty = (2.0 if problem.kind == "multinomial" and p == 2 else 1.0) * l2 / total
    objective = make(penalty, total)
    bent = (prior * (1 - prior)).clamp_min(1e-12)                 # the loss's second derivative by the score, before any fit
    curvature = torch.cat([spread[:, None] / objective.count * bent * 0.5 + penalty, bent[None]])
    noise = torch.finfo(basis.mean.dtype).eps * max(1.0, math.log(p))
    near = start is not None
    if start is None:
        start = torch.zeros(len(spread) + 1, p, dtype=torch.float64, device=spread.device)
        start[-1] = torch.log(prior) if problem.kind == "multinomial" else torch.log(prior / (1 - prior))
        if p < 2 and problem.kind == "multinomial":
            return Fit(start, problem.present, problem.n_classes, 0.0, 0, 0.0)
    for part, (enough, most) in objective.easier(near):
        small = minimise(
            part, start, tolerance=max(tolerance, enough), max_iterations=min(max_iterations, most), curvature=curvature, memory=20,
            known=known, relative=True, noise=enough if part.z.dtype == torch.bfloat16 else noise,
        )
        start, known = small.point, small.memory
    found = minimise(
        objective, start, tolerance=tolerance, max_iterations=max_iterations, curvature=curvature, memory=20, known=known,
        relative=True, noise=noise,
    )
    return Fit(found.point, problem.present, problem.n_classes, found.value, found.evaluations, found.gap, found.memory)


def stratified_folds(rows: torch.Tensor, labels: torch.Tensor, folds: int, seed: int) -> torch.Tensor:
    """(N,) fold of each labelled row, -1 without a label. Every class is dealt out in turn, each beginning at the emptiest fold."""
    order = content_order(rows, seed)
    fold = torch.full((len(rows),), -1, dtype=torch.int64, device=rows.device)
    filled = torch.zeros(folds, dtype=torch.int64)
    sorted_labels = labels[order]
    seen = sorted_labels[sorted_labels >= 0].unique()
    # Classes come in the order of their first row, so that renaming the classes changes no fold.
    firsts = [(int(torch.nonzero(sorted_labels == c)[0]), int(c)) for c in seen]
    for _, c in sorted(firsts):
        members = order[sorted_labels == c]
        turn = torch.argsort(filled, stable=True)
        dealt = turn[torch.arange(len(members)) % folds]
        fold[members] = dealt.to(fold.device)
        filled += torch.bincount(dealt, minlength=folds)
    return fold
