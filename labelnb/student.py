"""The student: a small classifier trained from labels, on frozen embeddings; evaluated by cross-validation, saved without pickle.

Source: the linear probe of Radford et al. 2021 (section 3.2 and appendix A.3: L-BFGS, the strength of the penalty by validation).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from labelnb.checks import as_tensor, class_labels, unit_rows
from labelnb.classes import LabelSpace
from labelnb.results import Proposal, Report

if TYPE_CHECKING:
    from labelnb.items import Items

__all__ = ["Student", "train", "expected_calibration_error"]

FORMAT = 1
PENALTIES = (10.0, 1.0, 0.1, 0.01, 0.001)
"""What `l2="auto"` chooses from; unit rows want less than scikit-learn's 1."""
HIDDEN = 256


@dataclass(frozen=True, eq=False)
class Student:
    """A trained classifier over unit embeddings."""

    kind: Literal["probe", "mlp"]
    """Linear, or with one hidden layer."""
    classes: tuple[str, ...]
    """K class names."""
    tensors: Mapping[str, torch.Tensor]
    """`weight` (K, D), `bias` (K,); with `mlp` also `hidden_weight` (H, D), `hidden_bias` (H,) before them."""
    encoder: str
    """Name of the encoder whose vectors it reads."""
    l2: float
    """Strength of the penalty on the weights."""
    n_labels: int
    """Labels it was trained on."""
    seed: int = 0
    """Seed of the folds and, with `mlp`, of the first weights."""
    rows: tuple[torch.Tensor, torch.Tensor] | None = field(default=None, repr=False)
    """(N, D) and (N,) it was trained on, for `evaluate`; None once it has been loaded from disk."""

    def scores(self, embeddings: Any) -> torch.Tensor:
        """(N, K) scores before the softmax."""
        x = unit_rows(embeddings, keep_double=False)
        dim = self.tensors["hidden_weight" if self.kind == "mlp" else "weight"].shape[1]
        if x.shape[1] != dim:
            raise ValueError(f"embeddings: got vectors of {x.shape[1]} numbers, the student reads {dim}; embed with {self.encoder!r}")
        t = {name: tensor.to(x.device) for name, tensor in self.tensors.items()}
        if self.kind == "mlp":
            x = torch.relu(torch.nn.functional.linear(x, t["hidden_weight"], t["hidden_bias"]))
        return torch.nn.functional.linear(x, t["weight"], t["bias"])

    def predict(self, items: Items | Any) -> Proposal:
        """A proposal for new items, or for their embeddings.

        Parameters
        ----------
        items : (N, D) embeddings by the student's encoder, or Items, which are embedded with it

        Raises
        ------
        ValueError
            If the vectors are of another length than the student's, or it was trained on vectors made elsewhere and is given Items.
        """
        from labelnb.items import Items

        if isinstance(items, Items):
            from labelnb import encoders

            if self.encoder == "precomputed":
                raise ValueError(
                    "this student was trained on vectors made elsewhere; hand over the embeddings of the new items, made the same way"
                )
            items = encoders.embed(items, encoders.get(self.encoder)).vectors
        scores = self.scores(items)
        # A class without a single label has a bias of -inf, and so probability 0.
        return Proposal(torch.softmax(scores.double(), 1).float().cpu().numpy(), classes=self.classes, evidence={"scores": scores})

    def evaluate(self, embeddings: Any = None, labels: Any = None, *, folds: int = 5) -> Report:
        """How good the student is on labels it has not seen.

        Parameters
        ----------
        embeddings, labels : (N, D) and (N,) held-out items; without them the student's own training labels are cross-validated
        folds : parts of the cross-validation, at least 2

        Returns
        -------
        Report with values `accuracy`, `balanced_accuracy`, `macro_f1`, `expected_calibration_error`, `labels`; tables `by class`
        (precision, recall, F1, support) and `confusion`; figure `calibration`.

        Raises
        ------
        ValueError
            If a loaded student is given no data, or there are fewer than two labels of the commonest class.
        """
        if embeddings is None:
            if self.rows is None:
                raise ValueError("a loaded student does not carry its training data: hand over embeddings and labels to evaluate on")
            x, y = self.rows
            probabilities = _out_of_fold(x, y, len(self.classes), self.kind, self.l2, folds, self.seed).cpu().numpy()
            how = f"{folds}-fold cross-validation on {len(y)} labels"
        else:
            x = unit_rows(embeddings, keep_double=False)
            y = class_labels(labels, len(x), n_classes=len(self.classes))
            known = y >= 0
            probabilities, y = self.predict(x[known]).probabilities, y[known]
            how = f"{len(y)} held-out labels"
        return _report(probabilities, y.cpu().numpy(), self.classes, f"{'Linear probe' if self.kind == 'probe' else 'MLP'}, {how}")

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write `student.safetensors` and `student.json` into `folder`; each replaces its predecessor as a whole."""
        from safetensors.torch import save

        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        weights = save({name: tensor.detach().cpu().contiguous() for name, tensor in self.tensors.items()})
        about = {
            "format": FORMAT,
            "kind": self.kind,
            "classes": list(self.classes),
            "encoder": self.encoder,
            "l2": self.l2,
            "n_labels": self.n_labels,
            "seed": self.seed,
            "sha256": hashlib.sha256(weights).hexdigest(),
        }
        for name, content in (("student.safetensors", weights), ("student.json", json.dumps(about, indent=1).encode())):
            part = place / f"{name}.part"
            part.write_bytes(content)
            part.replace(place / name)
        return place

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Student:
        """The student that `save` wrote.

        Raises
        ------
        FileNotFoundError
            If none is there.
        ValueError
            If the files do not belong together, are damaged, or come from a newer version.
        """
        from safetensors.torch import load

        place = Path(folder)
        try:
            about, weights = json.loads((place / "student.json").read_text(encoding="utf8")), (place / "student.safetensors").read_bytes()
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{place}: no student here ({Path(error.filename or '').name} is missing); train one with s.train()"
            ) from error
        except ValueError as error:
            raise ValueError(f"{place / 'student.json'}: damaged ({error}); train the student again") from error
        if not isinstance(about, dict) or about.get("format", 0) > FORMAT:
            raise ValueError(f"{place}: written by a newer labelnb; update labelnb to read it")
        if hashlib.sha256(weights).hexdigest() != about.get("sha256"):
            raise ValueError(f"{place}: student.safetensors is not the file that student.json describes; copy both again, or train again")
        return cls(
            kind=about["kind"],
            classes=tuple(about["classes"]),
            tensors=load(weights),
            encoder=about["encoder"],
            l2=about["l2"],
            n_labels=about["n_labels"],
            seed=about["seed"],
        )

    def __repr__(self) -> str:
        return f"Student({self.kind}, {len(self.classes)} classes, {self.n_labels} labels, reads {self.encoder})"


def train(
    embeddings: Any,
    labels: Any,
    classes: Any,
    *,
    kind: Literal["probe", "mlp"] = "probe",
    weights: Any = None,
    l2: float | Literal["auto"] = "auto",
    seed: int = 0,
    encoder: str = "precomputed",
) -> Student:
    """Train a student.

    Parameters
    ----------
    embeddings : (N, D) vectors of all items
    labels : LabelSet, or (N,) class positions, -1 where unknown; only known ones are used
    classes : LabelSpace or K names
    kind : `probe`, logistic regression to its minimum; `mlp`, one hidden layer of 256, for hundreds of labels a class
    weights : (N,) weight of each item, such as how far its label is trusted; all 1 by default
    l2 : strength of the penalty; `auto` takes the one of least cross-validated loss
    seed : of the folds and of the first weights
    encoder : name of the encoder, kept so that the student can embed new items

    Raises
    ------
    ValueError
        If fewer than two classes have a label: they are named with their counts.
    """
    if kind not in ("probe", "mlp"):
        raise ValueError(f"kind: got {kind!r}, expected 'probe' or 'mlp'")
    names = LabelSpace.of(classes).names
    x = unit_rows(embeddings, keep_double=False)
    y = class_labels(getattr(labels, "values", labels), len(x), n_classes=len(names))
    known = (y >= 0).to(x.device)
    counts = torch.bincount(y[y >= 0], minlength=len(names)).tolist()
    if sum(count > 0 for count in counts) < 2:
        there = ", ".join(f"{name}: {count}" for name, count in zip(names, counts, strict=True) if count) or "none"
        raise ValueError(f"labels: only {there}; expected labels of two classes at least: label more")
    x, y = x[known], y.to(x.device)[known]
    w = None if weights is None else as_tensor(weights, "weights").to(x.device)[known]
    strength = _choose_penalty(x, y, len(names), seed) if l2 == "auto" else float(l2)
    tensors = _fit(x, y, len(names), kind, strength, seed, w)
    return Student(kind, names, tensors, encoder, strength, len(y), seed, (x, y))


def expected_calibration_error(probabilities: Any, labels: Any, bins: int = 15) -> tuple[float, list[dict[str, float]]]:
    """Mean gap between confidence and accuracy over equal-width bins, weighted by items (Guo et al. 2017), and the bins."""
    p, y = np.asarray(probabilities, np.float64), np.asarray(labels)
    confidence, right = p.max(1), p.argmax(1) == y
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = [
        {"confidence": float(confidence[place == b].mean()), "accuracy": float(right[place == b].mean()), "items": int((place == b).sum())}
        for b in range(bins)
        if (place == b).any()
    ]
    return float(sum(row["items"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / len(y)), rows


def _choose_penalty(x: torch.Tensor, y: torch.Tensor, k: int, seed: int) -> float:
    """The penalty of least cross-validated log loss; 0.1 where no class has two labels to hold one out."""
    from labelnb.compute import out_of_fold
    from labelnb.compute.probe import ProbeSpace

    if int(torch.bincount(y).max()) < 2:
        return 0.1
    space, losses = ProbeSpace(x), []
    for l2 in PENALTIES:
        p = out_of_fold(space, y, l2=l2, seed=seed, n_classes=k, tolerance=1e-5)
        losses.append(float(-p[torch.arange(len(y)), y].clamp_min(1e-6).log().mean()))
    return PENALTIES[int(np.argmin(losses))]


def _fit(
    x: torch.Tensor, y: torch.Tensor, k: int, kind: str, l2: float, seed: int, weights: torch.Tensor | None
) -> dict[str, torch.Tensor]:
    if kind == "probe":
        from labelnb.compute import probe

        fitted = probe(x, y, n_classes=k, l2=l2, weights=weights, tolerance=1e-6)
        return {"weight": fitted.weight.float(), "bias": fitted.bias.float()}
    from labelnb.compute.train import Head
    from labelnb.compute.train import train as loop

    head = Head(x.shape[1], k, hidden=HIDDEN, seed=seed, device=x.device)
    loop(head, x, y, epochs=60, lr=0.003, optimizer="adamw", weight_decay=l2 / max(len(y), 1), seed=seed, weights=weights)
    bias = head.bias.detach().clone()
    bias[torch.bincount(y, minlength=k) == 0] = -torch.inf  # a class without a label is never predicted, as with the probe
    assert head.hidden_weight is not None and head.hidden_bias is not None  # asked for above
    return {
        "hidden_weight": head.hidden_weight.detach(),
        "hidden_bias": head.hidden_bias.detach(),
        "weight": head.weight.detach(),
        "bias": bias,
    }


def _out_of_fold(x: torch.Tensor, y: torch.Tensor, k: int, kind: str, l2: float, folds: int, seed: int) -> torch.Tensor:
    if int(torch.bincount(y).max()) < 2:
        raise ValueError("evaluate: no class has two labels, so that nothing can be held out; label more items")
    if kind == "probe":
        from labelnb.compute import out_of_fold

        return out_of_fold(x, y, folds=folds, l2=l2, seed=seed, n_classes=k)
    from sklearn.model_selection import StratifiedKFold

    held = torch.zeros(len(y), k)
    parts = StratifiedKFold(min(folds, int(torch.bincount(y).max())), shuffle=True, random_state=seed)
    for rest, test in parts.split(np.zeros(len(y)), y.cpu().numpy()):
        made = Student("mlp", tuple(map(str, range(k))), _fit(x[rest], y[rest], k, "mlp", l2, seed, None), "", l2, len(rest))
        held[test] = torch.softmax(made.scores(x[test]), 1).cpu()
    return held


def _report(probabilities: np.ndarray, y: np.ndarray, names: tuple[str, ...], title: str) -> Report:
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    k = len(names)
    said = probabilities.argmax(1)
    precision, recall, f1, support = precision_recall_fscore_support(y, said, labels=range(k), zero_division=0)
    table = confusion_matrix(y, said, labels=range(k))
    error, bins = expected_calibration_error(probabilities, y)
    seen = support > 0
    values = {
        "accuracy": float((said == y).mean()),
        "balanced_accuracy": float(recall[seen].mean()),
        "macro_f1": float(f1[seen].mean()),
        "expected_calibration_error": error,
        "labels": len(y),
    }
    by_class = [
        {"class": names[i], "precision": float(precision[i]), "recall": float(recall[i]), "f1": float(f1[i]), "support": int(support[i])}
        for i in range(k)
    ]
    confusion = [{"class": names[i], **{names[j]: int(table[i, j]) for j in range(k)}} for i in range(k) if seen[i]]
    few = [names[i] for i in range(k) if support[i] < 5]
    warnings = (f"fewer than 5 labels in {', '.join(few[:6])}{', ...' if len(few) > 6 else ''}: their figures say little",) if few else ()
    figure = {
        "kind": "calibration",
        "x": [row["confidence"] for row in bins],
        "series": {"accuracy": [row["accuracy"] for row in bins]},
        "x_label": "confidence",
        "y_label": "accuracy",
    }
    return Report(
        title=title,
        values=values,
        tables={"by class": by_class, "confusion": confusion},
        figures={"calibration": figure},
        warnings=warnings,
        evidence={"probabilities": probabilities, "labels": y},
    )
