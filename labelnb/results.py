"""What methods return: frozen, array-valued results that propose and never write a label.

Every result carries the evidence it rests on, and, once it has come through a session, its provenance. Arrays are NumPy and
read-only. `.widget()` gives the paired interactive view; the plain representation is a static picture and table, so that a saved
notebook reads well after the kernel is gone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from labelnb.explain import Explanation

__all__ = ["Provenance", "Result", "Embeddings", "Proposal", "Clusters", "Ranking", "Votes", "Report"]


@dataclass(frozen=True)
class Provenance:
    """Where a result comes from; stamped by the session."""

    method: str
    """Family and name: `propagation.zlap`."""
    version: str
    """Version of labelnb."""
    parameters: Mapping[str, Any]
    """Every hyperparameter, defaults included."""
    seed: int | None
    """The seed given, or None where the method has no chance in it."""
    ingredients: Mapping[str, str]
    """Fingerprint (hex) of every ingredient by name."""
    device: str
    """`cpu`, `cuda`, `mps`."""
    seconds: float
    """Wall-clock seconds of the method itself, ingredients excluded."""
    run: int | None = None
    """Number of the run in the session's journal."""
    when: str = ""
    """UTC time at the end, ISO 8601 with microseconds."""

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON-ready values."""
        return {
            **dataclasses.asdict(dataclasses.replace(self, parameters={}, ingredients={})),
            "parameters": dict(self.parameters),
            "ingredients": dict(self.ingredients),
        }


def as_array(value: Any, dtype: Any = None) -> np.ndarray:
    """`value` (tensor on any device, array or list) as a read-only NumPy array that shares memory where it can."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    array = np.asarray(value, dtype=dtype)
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def _evidence(evidence: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if isinstance(evidence, MappingProxyType):
        return evidence
    made = {
        key: as_array(value) if hasattr(value, "detach") or isinstance(value, np.ndarray) else value
        for key, value in (evidence or {}).items()
    }
    return MappingProxyType(made)


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """What all results share: evidence, warnings, provenance and the ways to be seen."""

    evidence: Mapping[str, Any] = field(default_factory=dict)
    """What the result rests on: arrays, sparse matrices and plain values by name; `scores` are raw scores before normalising."""
    warnings: tuple[str, ...] = ()
    """What a careful reader must know, such as a solve that stopped before it converged."""
    provenance: Provenance | None = None
    """None for a method called on plain arrays."""
    session: Any = field(default=None, repr=False)
    """The session that made it, for the widgets; None on plain arrays."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "evidence", _evidence(self.evidence))
        object.__setattr__(self, "warnings", tuple(self.warnings))

    def widget(self, **options: Any) -> Any:
        """The paired interactive widget. Needs a result that came through a session, for the items and the journal."""
        from labelnb.widgets import widget_for

        return widget_for(self, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from labelnb.widgets.static_view import mimebundle

        return mimebundle(self)


@dataclass(frozen=True, eq=False)
class Embeddings(Result):
    """One vector an item, and one a class where the encoder reads both. Behaves as its (N, D) array."""

    vectors: np.ndarray
    """(N, D) float32, unit rows."""
    encoder: str = "precomputed"
    """Name and weights of the encoder."""
    class_embeddings: np.ndarray | None = None
    """(K, D) or (K, P, D) float32, in the same space; None where the encoder reads no text."""
    temperature: float | None = None
    """The softmax temperature over cosines that suits this encoder; None where it has no text side."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "vectors", as_array(self.vectors, np.float32))
        if self.class_embeddings is not None:
            object.__setattr__(self, "class_embeddings", as_array(self.class_embeddings, np.float32))

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, D)."""
        return self.vectors.shape

    @property
    def dtype(self) -> np.dtype:
        """float32."""
        return self.vectors.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy or (dtype is not None and np.dtype(dtype) != self.vectors.dtype):
            return np.array(self.vectors, dtype=dtype)
        return self.vectors

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, index: Any) -> np.ndarray:
        return self.vectors[index]


@dataclass(frozen=True, eq=False)
class Proposal(Result):
    """A class for every item, or none: what a method proposes. An all-zero row of probabilities abstains."""

    probabilities: np.ndarray
    """(N, K) float32; a row sums to 1, or is all zeros where the method abstains."""
    classes: tuple[str, ...] = ()
    """K class names; `0`, `1`, ... where none were given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        array = as_array(self.probabilities, np.float32)
        if array.ndim != 2:
            raise ValueError(f"probabilities: got shape {array.shape}, expected (N, K)")
        object.__setattr__(self, "probabilities", array)
        names = tuple(str(name) for name in self.classes) or tuple(str(k) for k in range(array.shape[1]))
        if len(names) != array.shape[1]:
            raise ValueError(f"classes: got {len(names)} names for {array.shape[1]} columns of probabilities")
        object.__setattr__(self, "classes", names)

    @classmethod
    def from_scores(cls, scores: Any, *, temperature: float | None = None, reached: Any = None, **fields: Any) -> Proposal:
        """Turn raw scores (N, K) into a proposal.

        With a `temperature`, a softmax over scores / temperature; without, non-negative scores divided by their row's sum (a
        row of zeros abstains). `reached` (N,) bool makes the other rows abstain. `evidence["scores"]` is set to the scores.
        """
        raw = as_array(scores)
        work = raw.astype(np.float64)
        if temperature is not None:
            work = np.exp((work - work.max(axis=1, keepdims=True)) / temperature)
        elif (work < 0).any():
            raise ValueError("scores: negative values cannot be normalised by their sum; give a temperature")
        if reached is not None:
            work = work * as_array(reached)[:, None]
        total = work.sum(axis=1, keepdims=True)
        probabilities = np.divide(work, total, out=np.zeros_like(work), where=total > 0)
        evidence = {"scores": raw, **dict(fields.pop("evidence", None) or {})}
        return cls(probabilities.astype(np.float32), evidence=evidence, **fields)

    @property
    def predictions(self) -> np.ndarray:
        """(N,) int64 class positions, -1 where the method abstains."""
        best = self.probabilities.argmax(axis=1).astype(np.int64)
        best[~(self.probabilities.max(axis=1) > 0)] = -1
        return best

    @property
    def confidence(self) -> np.ndarray:
        """(N,) float32, the largest probability of each row; 0 where the method abstains."""
        return self.probabilities.max(axis=1)

    @property
    def coverage(self) -> float:
        """Share of the items for which the method does not abstain."""
        return float((self.predictions >= 0).mean())

    def __len__(self) -> int:
        return len(self.probabilities)

    def explain(self, item: str | int) -> Explanation:
        """Why this item got its class: seeds and paths on a graph, prompts, votes or neighbours, whatever the evidence holds.

        `item` is an id (with a session) or a position.
        """
        from labelnb.explain import explain

        return explain(self, item)

    def compare(self, other: Proposal) -> Report:
        """Where two proposals agree: share of agreement, by class, and the items on which they differ, surest first."""
        from labelnb.explain import compare

        return compare(self, other)


@dataclass(frozen=True, eq=False)
class Clusters(Result):
    """Groups that no one has named yet."""

    assignment: np.ndarray
    """(N,) int64 cluster of each item, -1 for outliers."""
    probabilities: np.ndarray | None = None
    """(N, C) float32, or None where the method is hard."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "assignment", as_array(self.assignment, np.int64))
        if self.probabilities is not None:
            object.__setattr__(self, "probabilities", as_array(self.probabilities, np.float32))

    @property
    def n_clusters(self) -> int:
        """Number of clusters C, empty ones included."""
        if self.probabilities is not None:
            return self.probabilities.shape[1]
        return int(self.assignment.max(initial=-1)) + 1

    @property
    def sizes(self) -> np.ndarray:
        """(C,) int64 items in each cluster."""
        return np.bincount(self.assignment[self.assignment >= 0], minlength=self.n_clusters).astype(np.int64)

    def __len__(self) -> int:
        return len(self.assignment)


@dataclass(frozen=True, eq=False)
class Ranking(Result):
    """Items in the order in which they deserve a look."""

    scores: np.ndarray
    """(N,) float64; the higher, the sooner. NaN where the method has nothing to say."""
    flagged: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    """(N,) bool: what the method itself would act on; all False where it only ranks."""
    reasons: Sequence[str] = ()
    """(N,) one sentence an item; empty strings where there is none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "scores", as_array(self.scores, np.float64))
        flagged = self.flagged if np.size(self.flagged) else np.zeros(len(self.scores), bool)
        object.__setattr__(self, "flagged", as_array(flagged, bool))
        reasons = tuple(self.reasons) or ("",) * len(self.scores)
        if len(reasons) != len(self.scores) or len(self.flagged) != len(self.scores):
            raise ValueError(
                f"got {len(self.scores)} scores, {len(self.flagged)} flags and {len(reasons)} reasons; expected one of each an item"
            )
        object.__setattr__(self, "reasons", reasons)

    @property
    def order(self) -> np.ndarray:
        """(N,) int64 positions, flagged items first, then by falling score; items without a score last."""
        keys = np.where(np.isnan(self.scores), -np.inf, self.scores)
        return np.lexsort((np.arange(len(keys)), -keys, ~self.flagged)).astype(np.int64)

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, eq=False)
class Votes(Result):
    """What several sources say of each item: labelling functions, models, people, language models."""

    votes: np.ndarray
    """(N, M) int64 class positions, -1 where a source abstains."""
    sources: tuple[str, ...] = ()
    """M names of the sources."""
    classes: tuple[str, ...] = ()
    """K class names."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "votes", as_array(self.votes, np.int64))
        object.__setattr__(self, "sources", tuple(self.sources) or tuple(f"source {m}" for m in range(self.votes.shape[1])))

    @property
    def coverage(self) -> np.ndarray:
        """(M,) share of the items each source votes on."""
        return (self.votes >= 0).mean(axis=0)

    def __len__(self) -> int:
        return len(self.votes)


@dataclass(frozen=True, eq=False)
class Report(Result):
    """Figures and tables that answer one question."""

    title: str
    """One line."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Single figures by name, such as `accuracy`."""
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Tables by name; a table is a list of rows, a row a mapping of column to value."""
    figures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Charts by name, each `{"kind": "line" | "bar" | "calibration", "x": [...], "series": {name: [...]}, "x_label", "y_label"}`."""

    def __str__(self) -> str:
        from labelnb.widgets.static_view import report_text

        return report_text(self)
