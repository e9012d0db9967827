"""Certificates without an Audit at hand: found in the journal, put beside labels that changed since, and said in one line."""
from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import labelnb as lnb
from labelnb.audit import accuracy_bound
from labelnb.certificates import bound_left, certificate_for, kept_audits, standing

TRUTH = ["a"] * 40 + ["b"] * 20


def sixty(folder: Path) -> lnb.Session:
    s = lnb.Session([f"item {i}" for i in range(60)], classes=["a", "b"], path=folder / "s.lnb", who="ann")
    chances = np.array([[.9, .1]] * 40 + [[.2, .8]] * 20)
    s.accept(lnb.Proposal(chances, classes=("a", "b"), session=s))
    return s


def check(s: lnb.Session, audit: Any, wrong: int = 0) -> None:
    for number, position in enumerate(audit.positions.tolist()):
        right = TRUTH[position]
        s.label(position, {"a": "b", "b": "a"}[right] if number < wrong else right)


def test_what_is_left_is_never_better_than_the_worst_that_the_bound_allows() -> None:
    for population, wrong, gone in itertools.product((4, 9), range(4), range(8)):
        for gone_wrong in range(min(wrong, gone) + 1):
            left = population - gone
            if left <= 0 or wrong - gone_wrong > left:
                continue
            accuracy = 1 - (wrong - gone_wrong) / left
            assert bound_left(1 - wrong / population, population, gone, gone_wrong) == pytest.approx(accuracy)
    assert bound_left(.9, 10, 10, 0) == bound_left(.2, 10, 9, 0) == 0


def test_the_bound_of_what_is_left_holds_though_only_right_labels_were_taken_away() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(1_000):
        wrong = np.zeros(300, bool)
        wrong[rng.choice(300, 30, replace=False)] = True
        sample = rng.choice(300, 80, replace=False)
        bound = accuracy_bound(int((~wrong[sample]).sum()), 80, 300)
        gone = np.flatnonzero(~wrong)[:90]
        held += bound_left(bound, 300, len(gone), 0) <= 1 - wrong.sum() / (300 - len(gone))
    assert held >= 930


def test_an_export_finds_the_audit_itself_in_another_kernel_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    s = sixty(tmp_path)
    audit = s.audit(n=20, per_class=8)
    check(s, audit, wrong=1)
    expected = audit.certificate().values["accuracy_bound"]
    s.close()
    again = lnb.Session.open(tmp_path / "s.lnb", who="ben")
    (found,) = kept_audits(again)
    assert (found.positions == audit.positions).all()
    assert found.event == audit.event
    capsys.readouterr()
    path = again.export(tmp_path / "labels.parquet")
    assert "certificate: at least" in capsys.readouterr().out
    said = json.loads(pq.read_schema(path).metadata[b"labelnb"])["certificate"]
    assert said["accuracy_bound"] == pytest.approx(expected)
    assert (said["items_changed_since"], said["labels_outside"], said["checked_by"]) == (0, 0, ["ann"])
    assert again.export(tmp_path / "bare.parquet", certificate=False)
    assert "certificate" not in json.loads(pq.read_schema(tmp_path / "bare.parquet").metadata[b"labelnb"])


def test_labels_changed_since_are_said_and_bound_less(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    s = sixty(tmp_path)
    audit = s.audit(n=25)
    check(s, audit)
    before = audit.certificate().values["accuracy_bound"]
    others = np.setdiff1d(np.arange(40), audit.positions)[:5]
    s.label(others, "b")
    capsys.readouterr()
    path = s.export(tmp_path / "labels.parquet")
    assert "it does not cover 5 labels changed since" in capsys.readouterr().out
    said = json.loads(pq.read_schema(path).metadata[b"labelnb"])["certificate"]
    assert said["items_changed_since"] == 5
    assert said["accuracy_bound_of_covered"] == pytest.approx(1 - (1 - before) * 60 / 55)
    assert any("5 labels changed since" in warning for warning in said["warnings"])
    rows = pq.read_table(path).to_pylist()
    assert rows[others[0]]["accuracy_bound"] is None
    assert rows[59]["accuracy_bound"] == pytest.approx(said["accuracy_bound_of_covered"])
    assert standing(audit, s.labels).changed.sum() == 5


def test_an_audit_that_is_not_finished_or_vouches_for_nothing_is_not_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    s = sixty(tmp_path)
    assert certificate_for(s) is None
    audit = s.audit(n=20)
    check(s, audit)
    s.audit(n=30)
    capsys.readouterr()
    taken = certificate_for(s)
    assert "10 of its sample are not checked" in capsys.readouterr().out
    assert taken is not None
    assert len(taken.positions) == 20
    s.label(np.arange(60), ["b"] * 40 + ["a"] * 20)
    assert certificate_for(s) is None
    assert "labels it was drawn from are others by now" in capsys.readouterr().out
    assert certificate_for(s, audit) is audit


def test_labels_given_after_the_draw_are_outside(tmp_path: Path) -> None:
    s = lnb.Session([f"item {i}" for i in range(12)], classes=["a", "b"], path=tmp_path / "s.lnb")
    s.label(np.arange(8), "a")
    audit = s.audit(n=8)
    for position in audit.positions.tolist():
        s.label(position, "a")
    s.label(9, "b")
    said, overall, _ = audit.stamp(s.labels)
    assert (said["labels_outside"], said["items_covered"], said["accuracy_bound"]) == (1, 8, 1.0)
    assert np.isnan(overall[9])
    assert overall[0] == 1.0
