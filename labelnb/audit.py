"""Labels one can vouch for: a small random sample is checked by a person, and the accuracy of all is bounded from below.

Source: exact limits for a finite population: Wright 1991, Exact Confidence Bounds when Sampling from Small Finite Universes;
for an infinite population they become those of Clopper and Pearson 1934.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.results import Proposal, Report

if TYPE_CHECKING:
    from labelnb.session import Session

__all__ = ["accuracy_bound", "checks_needed", "draw_sample", "Audit", "audit"]


def accuracy_bound(n_correct: int, n_checked: int, n_population: int, confidence: float = 0.95) -> float:
    """The accuracy that a population has at least, from a simple random sample of it that was checked.

    Over repeated samples, the true accuracy lies below the bound in at most a share 1 - confidence of them, whatever the accuracy is.

    Parameters
    ----------
    n_correct : checked items that were right
    n_checked : items drawn at random, without replacement, and checked
    n_population : items that the statement is about, the checked ones included
    confidence : one-sided, in (0, 1)

    Returns
    -------
    The bound, 0 to 1: the smallest share of right items under which so many right ones are drawn with a probability above 1 - confidence.

    Raises
    ------
    ValueError
        If not 0 <= n_correct <= n_checked <= n_population, or the population is empty.

    Examples
    --------
    >>> round(accuracy_bound(95, 100, 10_000), 4)
    0.8981
    >>> accuracy_bound(20, 20, 20)
    1.0
    """
    from scipy.stats import hypergeom

    _check_counts(n_correct, n_checked, n_population, confidence)
    if n_checked == 0:
        return 0.0
    level = 1.0 - confidence
    low, high = n_correct, n_population - (n_checked - n_correct)  # right items that the sample leaves possible
    while low < high:  # the probability of as many right ones grows with the number of right items: bisection is exact
        middle = (low + high) // 2
        if hypergeom.sf(n_correct - 1, n_population, middle, n_checked) > level:
            high = middle
        else:
            low = middle + 1
    return low / n_population


def checks_needed(target: float, n_population: int, *, error_rate: float = 0.0, confidence: float = 0.95) -> int | None:
    """How many checks bring the bound to `target` if a share `error_rate` of them turns out wrong.

    Parameters
    ----------
    target : wanted lower bound on the accuracy, in (0, 1]
    error_rate : expected share of wrong labels; the observed one, or a guess

    Returns
    -------
    The number of checks; None where even checking all items would not do, because 1 - error_rate lies below the target.
    """
    if not 0 < target <= 1 or not 0 <= error_rate < 1:
        raise ValueError(f"got target {target} and error_rate {error_rate}; expected target in (0, 1], error_rate in [0, 1)")

    def reached(n: int) -> bool:
        return accuracy_bound(n - int(np.ceil(error_rate * n)), n, n_population, confidence) >= target

    if not reached(n_population):
        return None
    low, high = 1, n_population
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle + 1, high)
    # Rounding errors up makes the bound saw-toothed in n: step on to the first n from which the target holds for the next few too.
    while low < n_population and not all(reached(min(low + step, n_population)) for step in range(3)):
        low += 1
    return low


def draw_sample(classes: Any, n: int, *, per_class: int = 0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Positions to check: a simple random sample of all, and more of the classes that it touches too little.

    Parameters
    ----------
    classes : (N,) int class of each item, -1 for items the statement is not about
    n : size of the simple random sample, for the overall bound
    per_class : checks that every class gets at least (all of its items where it has fewer), for the bounds by class

    Returns
    -------
    positions (M,) int64 in the order to check, the simple random sample first; in_sample (M,) bool: part of it. Within a class both parts
    together are a simple random sample of that class, which makes its own bound valid; the overall one uses only `in_sample`.
    """
    rng = np.random.default_rng(seed)
    classes = np.asarray(classes, np.int64)
    population = rng.permutation(np.flatnonzero(classes >= 0))
    if n < 1 or per_class < 0:
        raise ValueError(f"got n={n} and per_class={per_class}; expected n of at least 1 and per_class of at least 0")
    first = population[:n]
    more = [population[:0]]
    for k in np.unique(classes[population]):
        lacking = per_class - int((classes[first] == k).sum())
        if lacking > 0:
            rest = population[n:]
            more.append(rest[classes[rest] == k][:lacking])
    positions = np.concatenate([first, *more])
    return positions, np.arange(len(positions)) < len(first)


@dataclass(frozen=True, eq=False, repr=False)
class Audit:
    """A sample to check, and what the checks so far vouch for. A check is a person's decision made on the item after the draw."""

    session: Session
    """Whose journal holds the checks."""
    proposed: np.ndarray
    """(N,) int64 classes under audit, -1 for items that are not."""
    classes: tuple[str, ...]
    """K class names."""
    positions: np.ndarray
    """(M,) int64 items to check, in order."""
    in_sample: np.ndarray
    """(M,) bool: part of the simple random sample."""
    event: int
    """Number of the draw in the journal; only decisions after it are checks."""
    confidence: float
    """One-sided confidence of every bound."""
    about: str
    """What is audited."""
    target: float | None = None
    """The bound that is wanted, if any."""
    seed: int = 0
    """Seed of the draw."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.certificate(self.target)._repr_mimebundle_()

    def __repr__(self) -> str:
        return f"Audit of {self.about}: {int(self.checked.sum())} of {len(self.positions)} items checked"

    def review(self, **options: Any) -> Any:
        """The sample in a ReviewGrid, in the order drawn and without the proposal, so that the answer is the person's own; the certificate
        stands in its head."""
        return self.session.review(None, audit=self, **options)

    def summary(self) -> dict[str, Any]:
        """The certificate in a few figures, JSON-ready, for a widget's head."""
        made = self.certificate(self.target)
        known = {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in made.values.items()}
        return {**known, "sample": int(self.in_sample.sum()), "left": int((~self.checked).sum()), "target": self.target}

    def stamp(self, labels: Any) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
        """What an export of `labels` says of this audit.

        Returns
        -------
        The certificate as JSON-ready values; (N,) float64 the overall bound, and (N,) that of the item's class, for the items whose
        label is the one that was audited; NaN for all others, such as those a person has corrected. Where labels were changed since
        without a check, the bounds of what is left are lower (`labelnb.certificates.bound_left`), and the certificate says so.
        """
        from labelnb.certificates import bound_left, standing

        made = self.certificate(self.target)
        rows = {row["class"]: {name: value for name, value in row.items() if name != "class"} for row in made.tables["by class"]}
        now, overall = standing(self, labels), made.values["accuracy_bound"]
        bounds = np.array([rows[name]["bound"] if name in rows else np.nan for name in self.classes] + [np.nan])
        warnings = list(made.warnings)
        if now.changed.any():
            asked, gone = self.proposed >= 0, now.changed | now.corrected
            overall = bound_left(overall, int(asked.sum()), int(gone.sum()), int(now.corrected.sum()))
            for k in np.unique(self.proposed[now.changed]).tolist():
                own = self.proposed == k
                bounds[k] = bound_left(bounds[k], int(own.sum()), int((own & gone).sum()), int((own & now.corrected).sum()))
            warnings.append(f"{int(now.changed.sum())} labels changed since the audit was drawn: it does not cover them, and bounds less")
        checked = self.positions[self.checked]
        said = {
            "about": self.about, **{name: None if value != value else value for name, value in made.values.items()},
            "method": "exact lower limits for a finite population, one-sided", "seed": self.seed, "drawn_as_event": self.event,
            "checked_by": sorted(set(self.session.labels.who[checked].tolist())), "items_covered": int(now.covered.sum()),
            "items_changed_since": int(now.changed.sum()), "labels_outside": int(now.outside.sum()), "accuracy_bound_of_covered": overall,
            "by_class": rows, "warnings": warnings,
        }
        return said, np.where(now.covered, overall, np.nan), np.where(now.covered, bounds[self.proposed], np.nan)

    @property
    def checked(self) -> np.ndarray:
        """(M,) bool: sampled items that a person has decided on since the draw."""
        return self._answers()[0]

    def _answers(self) -> tuple[np.ndarray, np.ndarray]:
        labels = self.session.labels
        fresh = labels.by_person & (labels.event > self.event)
        checked = fresh[self.positions]
        names = np.array([*self.session.classes.names, ""], dtype=object)
        right = checked & (
            names[labels.values[self.positions]] == np.array([*self.classes, None], dtype=object)[self.proposed[self.positions]]
        )
        return checked, right

    def certificate(self, target: float | None = None) -> Report:
        """What the checks vouch for: lower bounds on the accuracy, overall and by class.

        Parameters
        ----------
        target : a wanted overall bound; the report then says how many more checks it takes at the error rate seen

        Returns
        -------
        Report with values `accuracy_bound`, `observed_accuracy`, `checked`, `correct`, `population`, `confidence` and, with a target,
        `more_checks`; table `by class`. A class bound holds for that class by itself: over K classes, about K (1 - confidence) of them
        may lie above the truth.
        """
        checked, right = self._answers()
        kinds = self.proposed[self.positions]
        population = int((self.proposed >= 0).sum())
        seen, correct = int((checked & self.in_sample).sum()), int((right & self.in_sample).sum())
        values: dict[str, Any] = {
            "accuracy_bound": accuracy_bound(correct, seen, population, self.confidence),
            "observed_accuracy": correct / seen if seen else float("nan"),
            "checked": seen,
            "correct": correct,
            "population": population,
            "confidence": self.confidence,
        }
        if target is not None:
            needed = checks_needed(
                target, population, error_rate=min(1 - correct / seen, 0.99) if seen else 0.0, confidence=self.confidence
            )
            values["more_checks"] = None if needed is None else max(needed - seen, 0)
        rows = []
        for k, name in enumerate(self.classes):
            of, n, c = int((self.proposed == k).sum()), int((checked & (kinds == k)).sum()), int((right & (kinds == k)).sum())
            if of:
                rows.append({"class": name, "items": of, "checked": n, "correct": c, "bound": accuracy_bound(c, n, of, self.confidence)})
        unfinished = int((~checked & self.in_sample).sum())
        warnings = (
            (f"{unfinished} of {int(self.in_sample.sum())} sampled items are not checked yet: the bound is for a finished sample",)
            if unfinished
            else ()
        )
        return Report(
            title=f"Trust certificate: {self.about}", values=values, tables={"by class": rows}, warnings=warnings, session=self.session
        )


def audit(
    session: Session, result: Proposal | None, n: int, *, per_class: int = 0, above: float = 0.0, confidence: float = 0.95, seed: int = 0,
    target: float | None = None,
) -> Audit:
    """Draw a sample of `result` (or of the labels as they stand) for a person to check. The draw is journaled.

    Parameters
    ----------
    n : size of the simple random sample
    per_class : checks that every class gets at least, for the bounds by class
    above : only what is proposed with at least this confidence
    confidence : one-sided, of every bound
    seed : another seed draws another sample. The same one goes on with the audit that was begun, checks included, in a new kernel too; a
        larger `n` then adds to it. (Adding until the bound pleases weakens it: fix `n` beforehand, `checks_needed` says how large.)
    target : a wanted bound; widget and certificate then say how many more checks it takes

    Raises
    ------
    ValueError
        If nothing is proposed or labelled, so that there is nothing to vouch for.
    """
    names: Sequence[str] = session.classes.names if result is None else result.classes
    proposed = np.array(session.labels.values) if result is None else np.where(result.confidence >= above, result.predictions, -1)
    if not (proposed >= 0).any():
        raise ValueError("audit: no item has a label or a proposal; accept a proposal first, or hand one over")
    about = "the labels as they stand" if result is None else (result.provenance.method if result.provenance else "a proposal")
    drawn = {"n": n, "per_class": per_class, "confidence": confidence, "target": target}
    begun = _begun(session, proposed, names, about, seed)
    if begun is not None:
        number, proposed, said = begun
        positions, in_sample = draw_sample(proposed, n, per_class=per_class, seed=seed)
        if {name: said.get(name) for name in drawn} != drawn:
            details = {"audit": {**said, **drawn, "begun": number}}
            session.journal.note(f"audit: goes on with {len(positions)} items from {about}, seed {seed}", who=session.who, details=details)
        return Audit(session, proposed, tuple(names), positions, in_sample, number, confidence, about, target, seed)
    positions, in_sample = draw_sample(proposed, n, per_class=per_class, seed=seed)
    key = session.folder.store.key("audit", proposed=proposed, positions=positions, about=about, seed=seed)
    session.folder.store.put(key, {"proposed": proposed})
    event = session.journal.note(
        f"audit: {len(positions)} of {int((proposed >= 0).sum())} items drawn from {about}, seed {seed}", who=session.who,
        details={"audit": {"key": key, "about": about, "seed": seed, "classes": list(names), **drawn}},
    )
    return Audit(session, proposed, tuple(names), positions, in_sample, event.number, confidence, about, target, seed)


def _begun(
    session: Session, proposed: np.ndarray, names: Sequence[str], about: str, seed: int
) -> tuple[int, np.ndarray, dict[str, Any]] | None:
    """The audit of the same thing with the same seed that was drawn before: its event, the classes that it audits, and what was last said
    of it. What people have decided since the draw, such as its own checks, makes it no other thing."""
    decided = session.labels.event
    for event in reversed(session.journal.notes("audit")):
        said = event.details["audit"]
        number = int(said.get("begun", event.number))
        if (said["about"], said["seed"], said["classes"]) != (about, seed, list(names)):
            continue
        kept = session.folder.store.get(said["key"])
        if kept is None or len(kept["proposed"]) != len(proposed):
            continue
        same = (kept["proposed"] == proposed) | (session.labels.by_person & (decided > number))
        if same.all():
            return number, np.array(kept["proposed"]), said
    return None


def _check_counts(n_correct: int, n_checked: int, n_population: int, confidence: float) -> None:
    if not 0 <= n_correct <= n_checked <= n_population or n_population == 0:
        raise ValueError(
            f"got {n_correct} correct of {n_checked} checked in {n_population}; "
            "expected 0 <= correct <= checked <= population, population above 0"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: got {confidence}, expected a number between 0 and 1, such as 0.95")
