"""The certificate's bound holds as often as it says, and is the exact one."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from labelnb.audit import accuracy_bound, checks_needed, draw_sample


def slow_bound(correct, checked, population, level=Fraction(5, 100)):
    """In whole numbers: the first number of right items under which as many or more are drawn with probability > level."""
    total = comb(population, checked)
    for right in range(population + 1):
        tail = sum(
            comb(right, c) * comb(population - right, checked - c) for c in range(correct, checked + 1) if checked - c <= population - right
        )
        if Fraction(tail, total) > level:
            return right / population
    raise AssertionError


@pytest.mark.parametrize(
    ("correct", "checked", "population"), [(0, 5, 20), (3, 5, 20), (5, 5, 20), (9, 10, 10), (17, 20, 60), (30, 30, 31), (1, 2, 3)]
)
def test_equals_the_definition_in_exact_arithmetic(correct, checked, population):
    assert accuracy_bound(correct, checked, population) == slow_bound(correct, checked, population)


def test_large_populations_tend_to_clopper_and_pearson():
    from scipy.stats import beta

    assert accuracy_bound(95, 100, 10**7) == pytest.approx(beta.ppf(0.05, 95, 6), abs=1e-5)


@pytest.mark.parametrize(
    ("population", "accuracy", "checked"), [(500, 0.9, 60), (2_000, 0.5, 40), (300, 0.99, 100), (12, 0.75, 6), (40, 0.98, 10)]
)
def test_the_stated_coverage_holds_over_a_thousand_simulations(population, accuracy, checked):
    rng = np.random.default_rng(7)
    right = round(accuracy * population)
    drawn = rng.hypergeometric(right, population - right, checked, size=1_000)
    bounds = {int(c): accuracy_bound(int(c), checked, population) for c in np.unique(drawn)}
    held = np.mean([bounds[int(c)] <= right / population for c in drawn])
    # 1,000 draws of an event of probability 0.95 or more: below 0.93 only with a probability of 0.003
    assert held >= 0.93


def test_rare_classes_are_covered_when_the_sample_is_topped_up():
    rng = np.random.default_rng(11)
    classes = np.array([0] * 950 + [1] * 40 + [2] * 10)
    wrong = np.zeros(1_000, bool)
    wrong[rng.choice(950, 50, replace=False)] = True
    wrong[950 + rng.choice(40, 10, replace=False)] = True
    wrong[[990, 995]] = True
    held = dict.fromkeys((-1, 0, 1, 2), 0)
    for seed in range(1_000):
        at, simple = draw_sample(classes, 60, per_class=8, seed=seed)
        held[-1] += accuracy_bound(int((~wrong[at] & simple).sum()), int(simple.sum()), 1_000) <= 1 - wrong.mean()
        for k in (0, 1, 2):
            mine = at[classes[at] == k]
            assert len(mine) >= 8
            held[k] += accuracy_bound(int((~wrong[mine]).sum()), len(mine), int((classes == k).sum())) <= 1 - wrong[classes == k].mean()
    assert min(held.values()) >= 930


def test_more_checks_give_a_higher_bound_and_all_checks_the_truth():
    assert accuracy_bound(47, 50, 1_000) < accuracy_bound(94, 100, 1_000) < 0.94
    assert accuracy_bound(188, 200, 200) == 0.94
    assert accuracy_bound(0, 0, 10) == 0.0


def test_checks_needed_reaches_the_target_and_not_much_earlier():
    n = checks_needed(0.95, 5_000)
    assert accuracy_bound(n, n, 5_000) >= 0.95 > accuracy_bound(n - 1, n - 1, 5_000)
    m = checks_needed(0.9, 5_000, error_rate=0.05)
    assert accuracy_bound(m - int(np.ceil(0.05 * m)), m, 5_000) >= 0.9
    assert m > checks_needed(0.9, 5_000)
    assert checks_needed(0.99, 1_000, error_rate=0.05) is None


def test_a_sample_is_drawn_once_each_from_what_is_asked():
    classes = np.array([0, 0, -1, 1, 1, 1, -1, 0])
    at, simple = draw_sample(classes, 3, per_class=3, seed=1)
    assert len(set(at.tolist())) == len(at) == 6 and (classes[at] >= 0).all() and simple.sum() == 3
    assert np.array_equal(at, draw_sample(classes, 3, per_class=3, seed=1)[0])


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((5, 4, 10), "expected 0 <= correct"),
        ((1, 4, 3), "expected 0 <= correct"),
        ((0, 0, 0), "population above 0"),
        ((1, 2, 3, 1.0), "confidence"),
    ],
)
def test_bad_counts_are_refused(args, words):
    with pytest.raises(ValueError, match=words):
        accuracy_bound(*args)


def test_a_session_draws_checks_and_certifies(tmp_path):
    import labelnb as lnb
    from labelnb.results import Proposal

    texts = [f"text {i}" for i in range(40)]
    truth = np.arange(40) % 2
    with lnb.Session(texts, classes=["even", "odd"], path=tmp_path / "s.lnb") as s:
        wrong = [3, 8]
        said = truth.copy()
        said[wrong] = 1 - said[wrong]
        proposal = Proposal(np.eye(2)[said] * 0.9 + 0.05, classes=("even", "odd"))
        s.label(0, "even")  # before the draw: not a check
        made = s.audit(proposal, n=40)
        assert made.certificate().values["checked"] == 0 and made.certificate().warnings
        s.label(made.positions[:30], [["even", "odd"][truth[i]] for i in made.positions[:30]])
        found = made.certificate(target=0.9)
        correct = sum(i not in wrong for i in made.positions[:30])
        assert found.values["checked"] == 30 and found.values["correct"] == correct
        assert found.values["accuracy_bound"] == accuracy_bound(correct, 30, 40)
        s.label(made.positions[30:], [["even", "odd"][truth[i]] for i in made.positions[30:]])
        done = made.certificate()
        assert done.values["accuracy_bound"] == 38 / 40 and not done.warnings
        assert [row["items"] for row in done.tables["by class"]] == [int((said == k).sum()) for k in (0, 1)]
        assert any("audit: 40 of 40" in event.summary for event in s.history())
        with pytest.raises(ValueError, match="no item has a label"):
            s.audit(Proposal(np.zeros((40, 2)), classes=("even", "odd")))


def sixty(tmp_path, who="ann"):
    import labelnb as lnb

    return lnb.Session([f"word {i}" for i in range(60)], classes=["a", "b"], path=tmp_path / "s.lnb", who=who)


def proposed(n=60):
    from labelnb.results import Proposal

    rows = np.tile(np.array([0.9, 0.1], np.float32), (n, 1))
    rows[40:] = rows[40:, ::-1]
    return Proposal(rows, classes=("a", "b"))


def test_an_audit_is_checked_blind_in_the_order_drawn_and_its_head_shows_the_certificate(tmp_path):
    s = sixty(tmp_path)
    s.accept(proposed())
    audit = s.audit(None, 20, target=0.8)
    grid = audit.review(page_size=20)
    assert grid.positions.tolist() == audit.positions.tolist()
    page = grid._page(0)
    assert {item["label"] for item in page["items"]} == {None}
    assert {item["filled"] for item in page["items"]} == {-1}
    assert page["quality"]["certificate"]["left"] == 20
    for position in audit.positions:
        grid.set(int(position), "a" if position < 40 else "b")
    certificate = grid.quality["certificate"]
    assert certificate["accuracy_bound"] == accuracy_bound(20, 20, 60)
    assert certificate["checked"] == 20
    assert certificate["more_checks"] == max(checks_needed(0.8, 60) - 20, 0)
    assert grid.counts["left"] == 0


def test_an_audit_goes_on_in_another_kernel(tmp_path):
    s = sixty(tmp_path)
    s.accept(proposed())
    first = s.audit(None, 10, seed=4)
    s.label(first.positions[:6], "a")
    s.close()
    s = sixty(tmp_path)
    again = s.audit(None, 10, seed=4)
    assert again.positions.tolist() == first.positions.tolist()
    assert again.proposed.tolist() == first.proposed.tolist()
    assert again.checked.sum() == 6
    larger = s.audit(None, 15, seed=4)
    assert larger.checked.sum() == 6
    assert larger.positions[:10].tolist() == first.positions.tolist()
    assert s.audit(None, 10, seed=5).checked.sum() == 0
    s.accept(flipped(proposed()))
    assert s.audit(None, 10, seed=4).checked.sum() == 0, "other labels need other checks"


def flipped(proposal):
    from labelnb.results import Proposal

    return Proposal(proposal.probabilities[:, ::-1], classes=proposal.classes)


@pytest.mark.parametrize("name", ["labels.csv", "labels.jsonl", "labels.parquet", "hub", "labels.json"])
def test_the_certificate_is_in_the_export(tmp_path, name):
    import json

    import pyarrow.parquet as pq

    import labelnb as lnb

    s = sixty(tmp_path)
    s.accept(proposed())
    audit = s.audit(None, 20, per_class=8)
    for position in audit.positions[1:].tolist():
        s.label(position, "a" if position < 40 else "b")
    wrong = int(audit.positions[0])
    s.label(wrong, "b" if wrong < 40 else "a")
    path = s.export(tmp_path / name, format="hf" if name == "hub" else None, certificate=audit)
    said = audit.certificate()
    by_class = {row["class"]: row["bound"] for row in said.tables["by class"]}
    if name == "labels.json":
        rows = [task["data"] for task in json.loads(path.read_text())]
    elif name == "hub":
        rows = pq.read_table(path / "data/train-00000-of-00001.parquet").to_pylist()
    else:
        rows = lnb.load(path).frame.to_pylist()
    right = 0 if wrong != 0 else 1
    assert float(rows[right]["accuracy_bound"]) == pytest.approx(said.values["accuracy_bound"])
    assert float(rows[right]["class_accuracy_bound"]) == pytest.approx(by_class["a"])
    assert rows[wrong]["accuracy_bound"] in (None, ""), "what a person corrected rests on no bound"
    kept = None
    if name.endswith(".parquet"):
        kept = json.loads(pq.read_schema(path).metadata[b"labelnb"])["certificate"]
    elif name == "hub":
        kept = json.loads(next(path.glob("*labelnb*")).read_text())["certificate"]
        assert f"at least {said.values['accuracy_bound']:.1%} are right" in (path / "README.md").read_text()
    if kept is not None:
        assert kept["by_class"]["b"]["bound"] == pytest.approx(by_class["b"])
        assert (kept["checked"], kept["correct"], kept["checked_by"]) == (20, 19, ["ann"])
