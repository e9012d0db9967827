"""Certificates of labels: the audit that an export rests on is found in the journal, and what changed since is counted against it."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from labelnb.audit import Audit
    from labelnb.session import Session

__all__ = ["Standing", "standing", "bound_left", "kept_audits", "certificate_for"]


def bound_left(bound: float, n_population: int, n_gone: int, n_gone_wrong: int) -> float:
    """The accuracy of what is left of an audited population at least, from the `bound` on all of it.

    If at least a share `bound` of all is right, at most (1 - bound) n_population are wrong; those that were found wrong and are gone are
    counted off, and all the others may be among what is left.

    Parameters
    ----------
    bound : lower bound on the share of right labels among all `n_population`
    n_gone : items of it whose label is another one by now
    n_gone_wrong : those of them that a check found wrong

    Returns
    -------
    0 to 1; 0 where nothing is left.

    Examples
    --------
    >>> bound_left(0.9, 100, 0, 0), round(bound_left(0.9, 100, 50, 0), 3), round(bound_left(0.9, 100, 5, 5), 3)
    (0.9, 0.8, 0.947)
    """
    left = n_population - n_gone
    if left <= 0:
        return 0.0
    wrong = max((1.0 - bound) * n_population - n_gone_wrong, 0.0)
    return max(0.0, 1.0 - wrong / left)


class Standing(NamedTuple):
    """How labels stand to the audit that vouches for them."""

    covered: np.ndarray
    """(N,) bool: the label is the one that was audited."""
    corrected: np.ndarray
    """(N,) bool: a check found the audited class wrong, and the label is another one."""
    changed: np.ndarray
    """(N,) bool: audited and another label, or none, by now, though no check said so."""
    outside: np.ndarray
    """(N,) bool: has a label of one class, and was not audited."""


def standing(audit: Audit, labels: Any) -> Standing:
    """Compare `labels` with what was audited, by class name."""
    names = np.array([*labels.classes.names, ""], dtype=object)
    audited = np.array([*audit.classes, None], dtype=object)[audit.proposed]
    asked = audit.proposed >= 0
    covered = np.array(names[labels.values] == audited, bool)
    checked = np.zeros(len(asked), bool)
    checked[audit.positions[audit.checked]] = True
    return Standing(covered, asked & ~covered & checked, asked & ~covered & ~checked, ~asked & (labels.values >= 0))


def kept_audits(session: Session) -> list[Audit]:
    """The audits that the session's journal holds, the latest first; those of an older labelnb, which say too little, are left out."""
    from labelnb.audit import Audit, draw_sample

    found = []
    for event in reversed(session.journal.notes("audit")):
        said = event.details["audit"]
        kept = session.folder.store.get(said["key"]) if "n" in said else None
        if kept is None or len(kept["proposed"]) != len(session.items):
            continue
        proposed = np.array(kept["proposed"])
        positions, in_sample = draw_sample(proposed, said["n"], per_class=said["per_class"], seed=said["seed"])
        found.append(Audit(
            session, proposed, tuple(said["classes"]), positions, in_sample, int(said.get("begun", event.number)), said["confidence"],
            said["about"], said["target"], said["seed"],
        ))
    return found


def certificate_for(session: Session, wanted: Any = None) -> Audit | None:
    """The audit whose certificate goes into an export of the session's labels.

    Parameters
    ----------
    wanted : an Audit, which is taken as it is; False for none; None to find the latest whose sample is checked and that still vouches for
        labels as they stand

    Notes
    -----
    One line says which audit was taken, and how many labels it does not cover; or why one that is there was not taken.
    """
    if wanted is not None:
        return wanted or None
    for audit in kept_audits(session):
        unfinished = int((audit.in_sample & ~audit.checked).sum())
        if unfinished:
            session.say(f"no certificate from the audit of {audit.about}: {unfinished} of its sample are not checked")
            continue
        now, bound = standing(audit, session.labels), audit.certificate().values["accuracy_bound"]
        asked, gone, wrong = int((audit.proposed >= 0).sum()), int((now.corrected | now.changed).sum()), int(now.corrected.sum())
        left = bound_left(bound, asked, gone, wrong)
        if left <= 0:
            session.say(f"no certificate from the audit of {audit.about}: {gone} of the {asked} labels it was drawn from are others by now")
            continue
        said = f"certificate: at least {left:.1%} of {asked - gone} labels are right ({audit.confidence:.0%} sure, audit of {audit.about})"
        notes = [f"{int(mask.sum())} {why}" for mask, why in ((now.changed, "labels changed since"), (now.outside, "were never audited"))
                 if mask.any()]
        session.say(f"{said}; it does not cover {' and '.join(notes)}" if notes else said)
        return audit
    return None
