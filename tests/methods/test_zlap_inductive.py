"""zlap_inductive, dense and sparse, against the reference implementation's recorded scores and a slow twin of the equations."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb.methods.propagation import zlap, zlap_inductive
from tests.methods.zlap_twin import RECORDED, collection, definitions, inductive, planted

settings = pytest.mark.parametrize("setting", RECORDED, ids=lambda s: "rescale={} k={} gamma={} alpha={}".format(*s))
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@dtypes
@settings
@pytest.mark.parametrize("form", ["inductive", "sparse"])
def test_scores_are_those_of_the_reference_implementation(form, setting, dtype):
    rescale, k, gamma, alpha = setting
    x, c, q = (part.astype(dtype) for part in collection())
    options = {"k": k, "gamma": gamma, "alpha": alpha, "rescale": rescale, "sparse": form == "sparse"}
    scores = zlap_inductive(x, c, new_embeddings=q, **options).evidence["scores"]
    *rows, total = RECORDED[setting][form]
    # The reference stops its solver at 1e-6 of the seed, so its own last digits are uncertain by that.
    np.testing.assert_allclose(scores[[0, 17, -1]], rows, atol=2e-6, rtol=1e-5)
    np.testing.assert_allclose(scores.sum(), total, rtol=1e-4)


@dtypes
@settings
@pytest.mark.parametrize("sparse", [False, True])
def test_scores_are_those_of_the_slow_twin(sparse, setting, dtype):
    rescale, k, gamma, alpha = setting
    x, c, q = collection()
    made = zlap_inductive(
        x.astype(dtype), c.astype(dtype), new_embeddings=q.astype(dtype), k=k, gamma=gamma, alpha=alpha, rescale=rescale, sparse=sparse,
    )
    np.testing.assert_allclose(made.evidence["scores"], inductive(x, c, q, k, gamma, alpha, rescale, sparse), rtol=2e-4, atol=1e-7)


@settings
@pytest.mark.parametrize("sparse", [False, True])
def test_on_real_features_too(sparse, setting):
    rescale, k, gamma, alpha = setting
    x, c, q = definitions()
    made = zlap_inductive(x, c, new_embeddings=q, k=k, gamma=gamma, alpha=alpha, rescale=rescale, sparse=sparse)
    np.testing.assert_allclose(made.evidence["scores"], inductive(x, c, q, k, gamma, alpha, rescale, sparse), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("k", [1, 2, 200])
def test_short_and_overlong_lists_are_those_of_the_slow_twin(k):
    x, c, q = (part[:50] for part in collection())
    made = zlap_inductive(x, c, new_embeddings=q, k=k)
    np.testing.assert_allclose(made.evidence["scores"], inductive(x, c, q, k, 5.0, 0.3), rtol=2e-4, atol=1e-7)


@pytest.mark.parametrize("sparse", [False, True])
def test_order_of_items_and_classes_does_not_matter(sparse):
    x, c, q = collection()
    rng = np.random.default_rng(0)
    p, r = rng.permutation(200), rng.permutation(6)
    got = zlap_inductive(x[p], c[r], new_embeddings=q, sparse=sparse).evidence["scores"]
    np.testing.assert_allclose(got, zlap_inductive(x, c, new_embeddings=q, sparse=sparse).evidence["scores"][:, r], atol=1e-6)


def test_items_seen_as_new_get_nearly_the_class_they_get_in_the_graph():
    x, c, truth = planted()
    known, new = zlap(x, c, k=10, alpha=0.9), zlap_inductive(x, c, k=10, alpha=0.9)
    assert len(new) == len(x)
    assert np.mean(known.predictions == new.predictions) > 0.9
    assert np.mean(new.predictions == truth) > 0.6


def test_labels_help_new_items_too():
    x, c, truth = planted()
    labels = np.where(np.arange(400) < 40, truth[:400], -1)
    plain, helped = (zlap_inductive(x[:400], c, new_embeddings=x[400:], k=10, labels=each) for each in (None, labels))
    assert np.mean(helped.predictions == truth[400:]) > np.mean(plain.predictions == truth[400:]) + 0.1


def test_columns_and_links_give_the_inductive_scores():
    x, c, q = collection()
    for sparse in (False, True):
        made = zlap_inductive(x, c, new_embeddings=q, sparse=sparse)
        scores = made.evidence["links"] @ made.evidence["columns"]
        np.testing.assert_allclose(scores.toarray() if sparse else scores, made.evidence["scores"], atol=1e-7)
    assert made.evidence["columns"].nnz <= 206


def test_new_items_that_nothing_joins_abstain():
    c, x = np.eye(6)[:2], np.eye(6)[[0, 1, 0]] + 0.1 * np.eye(6)[[2, 2, 3]]
    made = zlap_inductive(x, c, new_embeddings=np.stack([-np.ones(6), np.eye(6)[0]]))
    np.testing.assert_array_equal(made.predictions, [-1, 0])
    assert "1 new items" in made.warnings[0]


@pytest.mark.parametrize(
    ("name", "value"), [("k", 0), ("k", 1.5), ("k", 1000), ("alpha", 1.0), ("alpha", -0.1), ("gamma", 0.0), ("label_weight", -1.0)],
)
def test_hyperparameters_that_mean_nothing_are_refused_by_name(name, value):
    x, c, _ = collection()
    with pytest.raises(ValueError, match=f"^{name}"):
        zlap_inductive(x, c, **{name: value})


def test_new_items_of_another_space_are_refused():
    x, c, q = collection()
    with pytest.raises(ValueError, match="new_embeddings: vectors of 23 numbers, embeddings of 24"):
        zlap_inductive(x, c, new_embeddings=q[:, :-1])
