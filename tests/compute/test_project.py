"""The map: principal components against the singular value decomposition, UMAP by what it has to keep."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch

from labelnb.compute import Projection, knn_graph, project
from labelnb.compute.project import _with_self


def groups(n: int = 400, d: int = 20, k: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres, truth = 3 * rng.normal(size=(k, d)), rng.integers(0, k, n)
    return (centres[truth] + rng.normal(size=(n, d))).astype(np.float32), truth


@pytest.fixture(scope="module")
def umap() -> Projection:
    """Computed once: umap-learn compiles itself first."""
    return project(groups()[0], progress=False)


@pytest.mark.parametrize("shape", [(300, 8), (6, 40), (50, 2)])
def test_pca_is_the_singular_value_decomposition(shape):
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    made = project(x, method="pca")
    u, s, _ = np.linalg.svd(x.astype(np.float64) - x.mean(0, dtype=np.float64), full_matrices=False)
    expected = u[:, :2] * s[:2]
    np.testing.assert_allclose(np.abs(made.xy.numpy()), np.abs(expected), atol=2e-4)
    assert (made.xy.numpy()[np.abs(made.xy.numpy()).argmax(0), [0, 1]] > 0).all()
    assert made.method == "pca"
    assert made.xy.dtype == torch.float32


def test_pca_moves_with_the_rows():
    x, _ = groups()
    p = np.random.default_rng(2).permutation(len(x))
    np.testing.assert_allclose(project(x[p], method="pca").xy, project(x, method="pca").xy[p], atol=1e-3)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_too_few_rows_for_umap_give_components_and_say_so(n):
    x, _ = groups()
    made = project(x[:n], method="umap")
    assert made.method == "pca"
    assert made.xy.shape == (n, 2)
    assert torch.isfinite(made.xy).all()


def test_one_column_and_equal_rows_are_no_trouble():
    made = project(np.arange(5.0)[:, None], method="pca").xy
    np.testing.assert_allclose(made, [[2, 0], [1, 0], [0, 0], [-1, 0], [-2, 0]], atol=1e-6)
    np.testing.assert_array_equal(project(np.ones((6, 3)), method="pca").xy, 0)


def test_umap_keeps_neighbourhoods(umap):
    from sklearn.manifold import trustworthiness

    x, truth = groups()
    assert umap.method == "umap"
    assert umap.xy.shape == (400, 2)
    assert umap.xy.dtype == torch.float32
    assert trustworthiness(x, umap.xy.numpy(), n_neighbors=10, metric="cosine") > 0.9
    nearest = knn_graph(umap.xy, 5, metric="euclidean").indices.numpy()
    assert (truth[nearest] == truth[:, None]).mean() > 0.97


def test_umap_is_the_same_for_the_same_seed_and_another_for_another(umap):
    x, _ = groups()
    assert torch.equal(project(torch.from_numpy(x), progress=False).xy, umap.xy)
    assert not torch.allclose(project(x, seed=1, progress=False).xy, umap.xy, atol=0.1)


def test_umap_searches_no_neighbours_of_its_own(umap, monkeypatch):
    from umap import umap_

    from labelnb.compute.project import knn_graph as ours

    def refuse(*args, **options):
        raise AssertionError("a second search")

    x, _ = groups()
    monkeypatch.setattr(umap_, "nearest_neighbors", refuse)
    graph = ours(x, 14)
    monkeypatch.setitem(project.__globals__, "knn_graph", refuse)
    assert torch.equal(project(x, graph=graph, progress=False).xy, umap.xy)
    longer = ours(x, 30)
    assert torch.equal(project(x, graph=longer, progress=False).xy, umap.xy)


@pytest.mark.parametrize("n", [4, 5, 15, 16])
def test_umap_of_few_rows(n, umap):
    made = project(groups()[0][:n], progress=False)
    assert made.method == "umap"
    assert torch.isfinite(made.xy).all()
    assert len(np.unique(made.xy.numpy(), axis=0)) == n


def test_umap_lays_out_a_graph_of_ones_own(umap):
    truth = groups()[1]
    own = (truth[:, None] == truth) & (np.random.default_rng(0).random((400, 400)) < 0.1)
    own = scipy.sparse.csr_array((own | own.T).astype(np.float32))
    xy = project(np.random.default_rng(1).normal(size=(400, 3)), graph=own, progress=False).xy.numpy()
    nearest = knn_graph(xy, 5, metric="euclidean").indices.numpy()
    assert (truth[nearest] == truth[:, None]).mean() > 0.95


def test_neighbours_are_handed_over_with_the_row_itself_first():
    x, _ = groups(30)
    graph = knn_graph(x, 5)
    indices, distances = _with_self(graph, 4)
    np.testing.assert_array_equal(indices, np.hstack([np.arange(30)[:, None], graph.indices[:, :3].numpy()]))
    np.testing.assert_allclose(distances[:, 1:], 1 - graph.similarities[:, :3].numpy(), atol=1e-7)
    np.testing.assert_array_equal(distances[:, 0], 0)
    far = knn_graph(x, 5, metric="euclidean")
    np.testing.assert_allclose(_with_self(far, 6)[1][:, 1:], -far.similarities.numpy(), atol=1e-7)


def test_no_global_generator_is_touched(umap):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    project(groups()[0], progress=False)
    project(groups()[0], method="pca")
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (groups()[0], {"method": "tsne"}, "method: got 'tsne'"), (groups()[0], {"n_neighbors": 1}, "n_neighbors: got 1"),
        (groups()[0][0], {}, "x: got shape"), (groups()[0][:0], {}, "x: got shape"),
        (np.full((5, 3), np.nan), {}, "x: NaN or infinity in 5 rows"),
        (groups()[0], {"graph": scipy.sparse.eye_array(7)}, "graph: got shape"),
        (groups()[0], {"graph": knn_graph(groups(20)[0], 3)}, "graph: neighbours of 20 rows"),
        (np.zeros((9, 3)), {}, "only zeros"),
    ],
)
def test_what_means_nothing_is_refused(x, options, message):
    with pytest.raises(ValueError, match=message):
        project(x, **options)
