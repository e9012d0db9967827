"""zlap against the reference implementation's recorded scores and a slow twin of the equations."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from labelnb.compute import probe
from labelnb.methods.propagation import zlap
from labelnb.methods.propagation.left_out_choice import beside
from labelnb.methods.zero_shot import clip
from tests.methods.zlap_twin import RECORDED, collection, definitions, graph, planted, transductive

settings = pytest.mark.parametrize("setting", RECORDED, ids=lambda s: "rescale={} k={} gamma={} alpha={}".format(*s))
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@dtypes
@settings
def test_scores_are_those_of_the_reference_implementation(setting, dtype):
    rescale, k, gamma, alpha = setting
    x, c, _ = (part.astype(dtype) for part in collection())
    scores = zlap(x, c, k=k, gamma=gamma, alpha=alpha, rescale=rescale).evidence["scores"]
    *rows, total = RECORDED[setting]["transductive"]
    # The reference stops its solver at 1e-6 of the seed, so its own last digits are uncertain by that.
    np.testing.assert_allclose(scores[[0, 17, -1]], rows, atol=2e-6, rtol=1e-5)
    np.testing.assert_allclose(scores.sum(), total, rtol=1e-4)


@dtypes
@settings
def test_scores_are_those_of_the_slow_twin(setting, dtype):
    rescale, k, gamma, alpha = setting
    x, c, _ = collection()
    made = zlap(x.astype(dtype), c.astype(dtype), k=k, gamma=gamma, alpha=alpha, rescale=rescale)
    np.testing.assert_allclose(made.evidence["scores"], transductive(x, c, k, gamma, alpha, rescale), rtol=2e-4, atol=1e-7)


@settings
def test_on_real_features_too(setting):
    rescale, k, gamma, alpha = setting
    x, c, _ = definitions()
    made = zlap(x, c, k=k, gamma=gamma, alpha=alpha, rescale=rescale)
    np.testing.assert_allclose(made.evidence["scores"], transductive(x, c, k, gamma, alpha, rescale), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("k", [1, 2, 200])
def test_short_and_overlong_lists_are_those_of_the_slow_twin(k):
    x, c, _ = (part[:50] for part in collection())
    np.testing.assert_allclose(zlap(x, c, k=k).evidence["scores"], transductive(x, c, k, 5.0, 0.3), rtol=2e-4, atol=1e-7)


def test_labelled_items_are_seeds_as_in_the_slow_twin():
    x, c, _ = collection()
    labels = np.where(np.arange(200) % 9 == 0, np.arange(200) % 6, -1)
    made = zlap(x, c, labels=labels, k=5, alpha=0.6, label_weight=2.5, safe=False)
    s, _, _ = graph(x, c, 5, 5.0)
    strength = 2.5 * s[6:, :6].max(1).mean() / s[6:, 6:][s[6:, 6:] > 0].mean()
    assert made.evidence["label_strength"] == pytest.approx(strength, rel=1e-5)
    expected = transductive(x, c, 5, 5.0, 0.6, labels=labels, weight=strength)
    np.testing.assert_allclose(made.evidence["scores"], expected, rtol=2e-4, atol=1e-7)
    known = labels >= 0
    np.testing.assert_array_equal(made.predictions[known], labels[known])
    np.testing.assert_array_equal(made.confidence[known], 1)
    assert (made.confidence[~known] < 1).all()


def test_labels_of_no_weight_change_no_score():
    x, c, _ = collection()
    labels = np.where(np.arange(200) % 9 == 0, 2, -1)
    weightless = zlap(x, c, labels=labels, label_weight=0.0)
    np.testing.assert_allclose(weightless.evidence["scores"], zlap(x, c).evidence["scores"], atol=1e-12)
    np.testing.assert_array_equal(weightless.predictions[labels == 2], 2)


def test_recovers_groups_and_more_labels_help():
    x, c, truth = planted()
    rng = np.random.default_rng(0)
    order = rng.permutation(len(x))
    accuracies = []
    for many in (0, 10, 40, 160):
        labels = np.full(len(x), -1)
        labels[order[:many]] = truth[order[:many]]
        rest = order[160:]                                # judged on the same items each time, none of them ever labelled
        accuracies.append(float((zlap(x, c, labels=labels, k=10).predictions[rest] == truth[rest]).mean()))
    by_name = float((clip(x, c).predictions == truth).mean())
    assert accuracies[0] > by_name + 0.05
    assert accuracies[0] + 0.1 < accuracies[1] < accuracies[2] < accuracies[3]
    assert accuracies[3] > 0.85


def test_labels_and_names_keep_their_balance_however_far_the_names_lie():
    x, c, truth = planted()
    labels = np.where(np.arange(len(x)) < 25, truth, -1)

    def away(cosine: float) -> np.ndarray:
        """The names turned out of the items' space, so that every cosine between the two shrinks to this share."""
        unit = c / np.linalg.norm(c, axis=1, keepdims=True)
        return np.hstack([cosine * unit, np.full((len(c), 1), np.sqrt(1 - cosine**2))])

    padded = np.hstack([x, np.zeros((len(x), 1))])
    near, far = (zlap(padded, away(cosine), labels=labels, k=10) for cosine in (0.5, 0.1))
    assert far.evidence["label_strength"] < near.evidence["label_strength"] / 50
    assert np.mean(near.predictions == far.predictions) > 0.97


def test_order_of_items_and_classes_does_not_matter():
    x, c, _ = collection()
    rng = np.random.default_rng(0)
    p, r = rng.permutation(200), rng.permutation(6)
    np.testing.assert_allclose(zlap(x[p], c[r]).evidence["scores"], zlap(x, c).evidence["scores"][p][:, r], atol=1e-6)


def test_items_without_a_path_to_any_seed_abstain():
    c = np.eye(8)[:2]
    x = np.concatenate([np.tile(np.eye(8)[0] + 0.1 * np.eye(8)[1], (3, 1)), np.tile(np.eye(8)[5], (3, 1)) + 0.05 * np.eye(8)[[6, 7, 2]]])
    x[3:, :2] = -0.1                                      # away from both names, joined only among themselves
    made = zlap(x, c, k=3)
    np.testing.assert_array_equal(made.predictions, [0, 0, 0, -1, -1, -1])
    np.testing.assert_array_equal(made.evidence["reached"], [True] * 3 + [False] * 3)
    assert "3 items have no path" in made.warnings[0]
    labelled = zlap(x, c, k=3, labels=[-1, -1, -1, 1, -1, -1])
    np.testing.assert_array_equal(labelled.predictions[3:], 1)
    assert labelled.warnings == ()


def test_a_single_item_has_only_the_names():
    x, c, _ = collection()
    made = zlap(x[:1], c)
    np.testing.assert_allclose(made.evidence["scores"], transductive(x[:1], c, 5, 5.0, 0.3), rtol=2e-4, atol=1e-7)
    assert made.predictions[0] == (x[0] @ c.T).argmax()


def test_evidence_solves_the_system_it_claims():
    x, c, _ = collection()
    made = zlap(x, c, labels=np.where(np.arange(200) < 3, 1, -1), alpha=0.8)
    s, y = made.evidence["graph"].toarray().astype(np.float64), made.evidence["node_seeds"].toarray()
    f = np.linalg.solve(np.eye(206) - made.evidence["alpha"] * s, y)
    np.testing.assert_allclose(made.evidence["scores"], f[6:], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(made.evidence["class_scores"], f[:6], rtol=1e-4, atol=1e-7)
    assert made.evidence["residual"] <= 1e-7
    assert 0 < made.evidence["iterations"] < 60
    assert made.evidence["knn_recall"] == 1


def test_a_solve_that_did_not_converge_warns(monkeypatch):
    from labelnb.compute.seed_system import solve as whole

    monkeypatch.setitem(zlap.__globals__, "solve", lambda *args, **options: whole(*args, **{**options, "max_iterations": 2}))
    x, c, _ = collection()
    made = zlap(x, c, alpha=0.9)
    assert "stopped at a relative residual" in made.warnings[0]
    assert made.evidence["residual"] > 1e-3


def test_prompts_of_a_class_count_as_their_mean_direction():
    x, c, _ = collection()
    prompts = c[:, None, :] * np.array([1.0, 3.0])[None, :, None]
    np.testing.assert_allclose(zlap(x, prompts).evidence["scores"], zlap(x, c).evidence["scores"], atol=1e-6)


def test_tensors_are_taken_and_left_unchanged():
    x, c, _ = (torch.from_numpy(part) for part in collection())
    before = x.clone()
    made = zlap(x, c)
    assert torch.equal(x, before)
    np.testing.assert_array_equal(made.probabilities, zlap(x.numpy(), c.numpy()).probabilities)


@pytest.mark.parametrize(
    ("name", "value"), [("k", 0), ("k", 1.5), ("k", 1000), ("alpha", 1.0), ("alpha", -0.1), ("gamma", 0.0), ("label_weight", -1.0)],
)
def test_hyperparameters_that_mean_nothing_are_refused_by_name(name, value):
    x, c, _ = collection()
    with pytest.raises(ValueError, match=f"^{name}"):
        zlap(x, c, **{name: value})


def test_a_label_of_no_class_is_refused():
    x, c, _ = collection()
    with pytest.raises(ValueError, match="labels: items 0, 1, 2, 3, 4 and 195 more hold a class position of 6"):
        zlap(x, c, labels=np.full(200, 6))


# Safe, chosen, with proxies, with several classes ---------------------------------------------------------------------------------


def left_out_accuracy(x, c, labels, **options) -> float:
    """By solving anew without each label in turn."""
    right = []
    for item in np.flatnonzero(labels >= 0):
        less = labels.copy()
        less[item] = -1
        # The strength of a label does not depend on the labels, so that leaving one out changes nothing else.
        right.append(zlap(x, c, labels=less, safe=False, **options).predictions[item] == labels[item])
    return float(np.mean(right))


def test_left_out_accuracies_are_those_of_brute_force():
    x, c, truth = planted(n=200)
    labels = np.where(np.arange(200) < 40, truth, -1)
    made = zlap(x, c, labels=labels, k=10, alpha=0.9)
    assert made.evidence["left_out"]["zlap"] == pytest.approx(left_out_accuracy(x, c, labels, k=10, alpha=0.9))
    names = (clip(x, c).predictions == truth)[:40].mean()
    assert made.evidence["left_out"]["names"] == pytest.approx(names)


def test_the_graph_is_left_where_it_does_worse_and_kept_where_it_does_not():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    x = rng.normal(size=(400, 12))
    x[:, 0] = np.where(truth == 0, 1.5, -1.5)               # one direction tells the classes apart, neighbours do not
    x[:, 1:] *= 4
    labels = np.where(np.arange(400) < 200, truth, -1)
    names = rng.normal(size=(2, 12))
    made = zlap(x, names, labels=labels)
    assert made.evidence["chosen"] == "probe"
    assert "proposed by probe" in made.warnings[0]
    rest = labels < 0
    unsafe = zlap(x, names, labels=labels, safe=False)
    assert (made.predictions[rest] == truth[rest]).mean() > (unsafe.predictions[rest] == truth[rest]).mean()
    np.testing.assert_array_equal(made.predictions[~rest], labels[~rest])
    x, c, truth = planted()
    few = zlap(x, c, labels=np.where(np.arange(600) < 10, truth, -1))
    assert few.evidence["chosen"] == "blend"


def test_auto_takes_the_setting_that_gives_back_most_labels():
    x, c, truth = planted()
    labels = np.where(np.arange(600) < 40, truth, -1)
    made = zlap(x, c, labels=labels, k="search", alpha="search", gamma="search", safe=False)
    grid = made.evidence["grid"]
    assert len(grid) == 3 * 4 * 2
    top = max(point["accuracy"] for point in grid)
    chosen = {name: made.evidence[name] for name in ("k", "alpha", "gamma")}
    assert next(point["accuracy"] for point in grid if {name: point[name] for name in chosen} == chosen) == top
    point = grid[17]
    options = {name: point[name] for name in chosen}
    assert point["accuracy"] == pytest.approx(left_out_accuracy(x, c, labels, **options))
    np.testing.assert_array_equal(zlap(x, c, labels=labels, safe=False, **chosen).probabilities, made.probabilities)
    rest = labels < 0
    usual = zlap(x, c, labels=labels, k=5, alpha=0.3, safe=False)
    assert (made.predictions[rest] == truth[rest]).mean() >= (usual.predictions[rest] == truth[rest]).mean()
    assert "grid" not in zlap(x, c, k="search", alpha="search").evidence  # nothing to judge by


def test_auto_is_the_papers_setting_without_labels_and_reaches_farther_with_them():
    x, c, truth = planted()
    labels = np.where(np.arange(600) < 40, truth, -1)
    for given, expected in (
        ({}, (5, 0.3, 5.0)), ({"labels": labels}, (10, 0.9, 5.0)), ({"labels": labels, "label_weight": 0.0}, (5, 0.3, 5.0)),
    ):
        made = zlap(x, c, **given).evidence
        assert (made["k"], made["alpha"], made["gamma"]) == expected
    with pytest.raises(ValueError, match="k: got 'many', expected a number or 'auto'"):
        zlap(x, c, k="many")


def test_a_blend_is_half_of_the_graph_and_half_of_a_probe():
    x, c, truth = planted()
    labels = np.where(np.arange(600) < 40, truth, -1)
    made, graph = zlap(x, c, labels=labels), zlap(x, c, labels=labels, safe=False)
    assert made.evidence["chosen"] == "blend"
    words = probe(x[:40] / np.linalg.norm(x[:40], axis=1, keepdims=True), labels[:40], n_classes=5).probabilities(
        x / np.linalg.norm(x, axis=1, keepdims=True)).numpy()
    expected = ((graph.probabilities + words) / 2) ** (1 / made.evidence["temperature"])
    expected /= expected.sum(1, keepdims=True)
    expected[:40] = np.eye(5)[truth[:40]]
    np.testing.assert_allclose(made.probabilities, expected, atol=1e-4)
    np.testing.assert_allclose(made.evidence["scores"], graph.evidence["scores"], rtol=1e-5)


def test_the_only_label_of_its_class_is_judged_by_the_graph():
    x, c, truth = planted()
    labels = np.full(600, -1)
    first = np.unique(truth, return_index=True)[1]
    labels[first] = truth[first]                                    # one a class
    found = zlap(x, c, labels=labels).evidence["left_out"]
    assert found["blend"] == found["zlap"]
    assert found["probe"] == 0


def test_names_or_probe_take_over_only_where_the_lead_is_more_than_chance():
    """The rule on counted mistakes."""
    x, c, _ = planted()
    rows, right = torch.from_numpy(x[:50]), torch.from_numpy(c)
    known = np.full(600, -1)
    known[:50] = (rows @ right.T).argmax(1).numpy()                 # the names are right on every label
    system = zlap(x, c, labels=known, safe=False).evidence["system"]

    def chosen(wrong: int) -> str:
        scores = np.eye(5)[known[:50]]
        scores[:wrong] = np.roll(scores[:wrong], 1, axis=1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(beside.__globals__, "leave_one_out", lambda *_, **__: scores)
            patch.setitem(beside.__globals__, "out_of_fold", lambda *_, **__: torch.from_numpy(scores))
            return beside(system, torch.from_numpy(x), right, known).chosen

    assert chosen(0) == "blend"
    assert chosen(12) == "names"


def test_proxies_lie_where_a_slow_descent_ends_and_beat_poor_names():
    from labelnb.methods.propagation.class_proxies import learn_proxies, soft_labels

    rng = np.random.default_rng(2)
    centres, truth = rng.normal(size=(5, 16)), np.arange(600) % 5
    x, c = centres[truth] + rng.normal(size=(600, 16)), centres + rng.normal(size=(5, 16))
    x, c = (torch.from_numpy(part / np.linalg.norm(part, axis=1, keepdims=True)) for part in (x, c))
    target = soft_labels(x, c, 0.1)
    np.testing.assert_allclose(target.sum(1), 1, atol=1e-9)
    w = c.clone().requires_grad_(True)
    optimiser = torch.optim.SGD([w], lr=0.05)
    for _ in range(1000):
        optimiser.zero_grad()
        unit = torch.nn.functional.normalize(w, dim=1)
        loss = -(target * torch.log_softmax(x @ unit.T / 0.04, dim=1)).sum(1).mean()
        loss.backward()
        optimiser.step()
    made = learn_proxies(x, c, 0.1)
    np.testing.assert_allclose(made.norm(dim=1), 1, atol=1e-9)
    ours = float(-(target * torch.log_softmax(x @ made.T / 0.04, dim=1)).sum(1).mean())
    assert ours <= float(loss.detach()) + 5e-3
    by_names, by_proxies = (float(((x @ vectors.T).argmax(1).numpy() == truth).mean()) for vectors in (c, made))
    assert by_proxies > by_names + 0.02
    with_proxies = zlap(x, c, proxies=True, proxy_temperature=0.1)
    np.testing.assert_array_equal(with_proxies.predictions, zlap(x, made, rescale=True).predictions)


def test_several_classes_an_item():
    rng = np.random.default_rng(2)
    c = np.linalg.qr(rng.normal(size=(12, 12)))[0][:3]
    holds = rng.random((300, 3)) < 0.4
    holds[~holds.any(1), 0] = True
    x = holds @ c + 0.25 * rng.normal(size=(300, 12))
    given = np.where((np.arange(300) < 60)[:, None], holds, -1).astype(np.int8)
    made = zlap(x, c + 0.3 * rng.normal(size=c.shape), multi_labels=given, k=10, alpha=0.6)
    seeds = made.evidence["node_seeds"].toarray()
    np.testing.assert_array_equal(seeds[3:63] > 0, holds[:60])
    np.testing.assert_array_equal(made.evidence["holds"][:60], holds[:60])
    found, true = made.evidence["holds"][60:], holds[60:]
    f1 = 2 * (found & true).sum() / (found.sum() + true.sum())
    assert f1 > 0.8
    assert f1 > 2 * true.sum() / (true.size + true.sum())                 # better than to say that every item holds every class
    with pytest.raises(ValueError, match="multi_labels"):
        zlap(x, c, multi_labels=np.full((300, 2), 1))


def test_probabilities_are_as_sure_as_they_are_right():
    x, c, truth = planted()
    labels = np.where(np.arange(600) % 12 == 0, truth, -1)
    made = zlap(x, c, labels=labels)
    shares = made.probabilities[labels < 0].astype(np.float64) ** made.evidence["temperature"]
    shares /= shares.sum(1, keepdims=True)
    right = (made.predictions == truth)[labels < 0].mean()
    before, after = (abs(each.max(1).mean() - right) for each in (shares, made.probabilities[labels < 0]))
    assert after < 0.08
    assert after < before / 2
