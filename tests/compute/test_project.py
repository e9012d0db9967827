"""The map: principal components against the singular value decomposition, UMAP by what it has to keep."""
from __future__ import annotations

import subprocess
import sys

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
    """Computed once."""
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


def test_umap_searches_no_neighbours_a_second_time(umap, monkeypatch):
    from labelnb.compute.knn import knn_graph as ours

    def refuse(*args, **options):
        raise AssertionError("a second search")

    x, _ = groups()
    graph = ours(x, 14)
    monkeypatch.setitem(ours.__globals__, "knn_graph", refuse)
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
        (groups()[0], {"method": "trimap"}, "method: got 'trimap'"), (groups()[0], {"n_neighbors": 1}, "n_neighbors: got 1"),
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


@pytest.mark.nightly                                                # umap-learn compiles itself for half a minute
@pytest.mark.filterwarnings("ignore::ImportWarning")              # it says that TensorFlow is missing
def test_strengths_curve_and_layout_are_as_umap_learn_has_them(umap):
    from sklearn.manifold import trustworthiness
    from umap import umap_

    from labelnb.compute.fuzzy import curve, memberships
    from labelnb.compute.project import _pca

    x = groups()[0]
    x[7], x[9] = x[8], x[8]                                      # rows in one place
    indices, distances = _with_self(knn_graph(x, 14), 15)
    state = np.random.RandomState(0)
    theirs = umap_.fuzzy_simplicial_set(x, 15, state, "precomputed", knn_indices=indices, knn_dists=distances)[0]
    np.testing.assert_allclose(memberships(indices, distances).toarray(), theirs.toarray(), atol=2e-5)
    assert curve(0.1) == pytest.approx(umap_.find_ab_params(1.0, 0.1), rel=1e-6)
    xy, _ = umap_.simplicial_set_embedding(
        x, theirs, 2, 1.0, *curve(0.1), 1.0, 5, None, _pca(torch.from_numpy(x), 2).numpy(), state, "cosine", {}, False, {}, False,
    )
    ours, peer = (trustworthiness(x, made, n_neighbors=10, metric="cosine") for made in (umap.xy.numpy(), xy))
    assert ours > peer - 0.01


def test_strengths_are_those_of_the_equations():
    from scipy.optimize import brentq

    from labelnb.compute.fuzzy import memberships

    x = groups(60)[0]
    x[7], x[9] = x[8], x[8]                                      # rows in one place
    indices, distances = _with_self(knn_graph(x, 9), 10)
    directed = np.zeros((60, 60))
    for i in range(60):
        d = distances[i].astype(np.float64)
        beyond = np.maximum(d - d[d > 0].min(), 0)
        width = brentq(lambda s, b=beyond: np.exp(-b[1:] / s).sum() - np.log2(10), 1e-6, 1e3)
        directed[i, indices[i]] = np.exp(-beyond / max(width, 1e-3 * d.mean()))
        directed[i, i] = 0
    np.testing.assert_allclose(memberships(indices, distances).toarray(), directed + directed.T - directed * directed.T, atol=2e-4)


def test_the_forces_are_those_of_the_equations():
    from labelnb.compute.springs import _force, forces

    a, b = 1.58, 0.9
    pull, push = forces(a, b)
    for squared in np.random.default_rng(0).lognormal(0, 3, 300):
        if not 2.0**-20 < squared < 2.0**15:
            continue
        falling = 1 + a * squared**b
        assert _force(pull, np.float32(squared)) == pytest.approx(2 * a * b * squared ** (b - 1) / falling, rel=1e-4)
        assert _force(push, np.float32(squared)) == pytest.approx(2 * b / ((0.001 + squared) * falling), rel=1e-4)
    assert _force(pull, np.float32(0)) == pull[0] and _force(push, np.float32(1e9)) == push[-1]


@pytest.mark.parametrize("dims", [2, 3])
def test_epochs_pull_and_push_as_algorithm_five_says(dims):
    from labelnb.compute.springs import epochs, forces

    a, b, n = 1.58, 0.9, 12
    rng = np.random.default_rng(3)
    w = np.triu((rng.random((n, n)) < 0.4) * rng.random((n, n)), 1)
    graph = scipy.sparse.csr_array((w + w.T).astype(np.float32))
    rates = graph.data / graph.data.max()
    places = rng.normal(size=(n, dims)).astype(np.float32)
    due, state, left = np.zeros(len(rates)), 5, np.zeros_like(rates)
    parts = graph.indptr.astype(np.int64), graph.indices.astype(np.int32), rates, left, *forces(a, b)
    for epoch in range(4):
        slow, before = places.astype(np.float64), state           # each epoch by itself: what is very near makes much of a last digit
        for e, (i, j) in enumerate(zip(*graph.nonzero(), strict=True)):
            due[e] += rates[e]
            if due[e] < 1 - 1e-9:
                continue
            due[e] -= 1
            d = ((slow[i] - slow[j]) ** 2).sum()
            move = np.clip(2 * a * b * d ** (b - 1) / (1 + a * d**b) * (slow[j] - slow[i]), -4, 4) * (1 - epoch / 10)
            slow[i], slow[j] = slow[i] + move, slow[j] - move
            for _ in range(5):
                state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
                k = (state >> 32) * n >> 32
                d = ((slow[i] - slow[k]) ** 2).sum()
                if k != i:
                    slow[i] += np.clip(2 * b / ((0.001 + d) * (1 + a * d**b)) * (slow[i] - slow[k]), -4, 4) * (1 - epoch / 10)
        assert epochs(places, *parts, epoch, epoch + 1, 10, 1.0, np.uint64(before)) == state
        np.testing.assert_allclose(places, slow, atol=0.02)


def test_no_other_package_is_loaded_for_a_map():
    code = "import sys, numpy as np; from labelnb.compute import project; project(np.eye(20, 6) + 1); print('umap' in sys.modules)"
    lived = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert lived.stdout.strip() == "False"


def test_pictures_come_on_the_way_and_change_nothing(umap):
    seen = []
    made = project(groups()[0], show=seen.append, progress=False)
    assert torch.equal(made.xy, umap.xy)
    assert seen[0].method == "pca" and seen[0].done == 0 and seen[-1] is made and made.done == 1
    assert len(seen) >= 6 and [p.done for p in seen] == sorted(p.done for p in seen)
    assert all(p.xy.shape == (400, 2) and torch.isfinite(p.xy).all() for p in seen)
    steps = [float((p.xy - made.xy).norm()) for p in seen[1:-1]]
    assert steps[-1] < 0.5 * steps[0] and steps[0] > 0


def test_the_first_picture_of_many_rows_is_nearly_that_of_all_and_loads_nothing_compiled(umap, monkeypatch):
    x, _ = groups()
    monkeypatch.setitem(project.__globals__, "GLIMPSED", 100)
    seen = []
    made = project(x, show=seen.append, progress=False)
    whole = project(x, method="pca").xy
    for c in range(2):
        together = np.corrcoef(seen[0].xy[:, c], whole[:, c])[0, 1]
        assert 0.9 < together < 1 - 1e-9                              # of a sample of the rows, the right way round
    assert torch.equal(made.xy, umap.xy)
    code = (
        "import sys, numpy as np; from labelnb.compute import project\n"
        "def show(p): print('numba' in sys.modules, p.done); sys.exit()\n"
        "project(np.random.default_rng(0).normal(size=(9000, 8)), show=show)"
    )
    lived = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert lived.stdout.strip() == "False 0.0"


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_a_map_that_grows_leaves_what_was_there_in_its_place(umap, method):
    pytest.importorskip("openTSNE") if method == "tsne" else None
    x, truth = groups(500)
    first = project(x[:400], method=method, progress=False).xy
    before = torch.cat([first, torch.full((100, 2), torch.nan)])
    pictures = []
    grown = project(x, method=method, previous=before, show=pictures.append, progress=False).xy
    width = float((first.max(0).values - first.min(0).values).max())
    moved = (grown[:400] - first).norm(dim=1) / width
    assert float(moved.median()) < 0.06
    anew = project(x, method=method, progress=False, seed=1).xy
    assert float(((anew[:400] - first).norm(dim=1) / width).median()) > 2 * float(moved.median())
    nearest = knn_graph(grown, 5, metric="euclidean").indices.numpy()
    assert (truth[nearest[400:]] == truth[400:, None]).mean() > 0.9
    assert torch.isfinite(pictures[0].xy).sum() == 800 and pictures[0].done == 0


def test_turned_mirrored_and_moved_maps_are_brought_back():
    from labelnb.compute.layout import aligned

    rng = np.random.default_rng(0)
    before, turn = rng.normal(size=(50, 2)), np.array([[0.6, 0.8], [0.8, -0.6]])                 # a turn and a mirror
    np.testing.assert_allclose(aligned((before @ turn + [3, -8]).astype(np.float32), before), before, atol=1e-5)
    before[40:] = np.nan
    made = aligned((np.nan_to_num(before) @ turn + 1).astype(np.float32), before)
    np.testing.assert_allclose(made[:40], before[:40], atol=1e-5)


def test_new_rows_begin_among_their_neighbours():
    from labelnb.compute.layout import started_from

    graph = scipy.sparse.csr_array(np.array([[0, 0, 1, 0, 0], [0, 0, 3, 0, 0], [1, 3, 0, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0.0]]))
    before = np.array([[0, 0], [4, 8], [np.nan, np.nan], [np.nan, np.nan], [np.nan, np.nan]])
    made = started_from(before, graph, 0)
    np.testing.assert_array_equal(made[:2], before[:2])
    np.testing.assert_allclose(made[2:], [[3, 6], [3, 6], [2, 4]], atol=0.05)     # by weight, by way of it, and joined to nothing
    assert len(np.unique(made, axis=0)) == 5


@pytest.mark.nightly                                                # umap-learn compiles it for a minute
def test_densmap_keeps_densities_better_than_umap(umap):
    rng = np.random.default_rng(0)
    width = np.repeat([0.02, 0.1, 0.5], 130)
    x = (np.repeat(3 * rng.normal(size=(3, 12)), 130, axis=0) + width[:, None] * rng.normal(size=(390, 12))).astype(np.float32)
    made = {method: project(x, method=method, progress=False) for method in ("umap", "densmap")}
    assert made["densmap"].method == "densmap"

    def sizes(xy: torch.Tensor) -> np.ndarray:
        return np.array([float((xy[a:a + 130] - xy[a:a + 130].median(0).values).norm(dim=1).median()) for a in (0, 130, 260)])

    assert sizes(made["densmap"].xy)[2] / sizes(made["densmap"].xy)[0] > 1.5 * sizes(made["umap"].xy)[2] / sizes(made["umap"].xy)[0]


def test_tsne_keeps_neighbourhoods():
    pytest.importorskip("openTSNE")
    from sklearn.manifold import trustworthiness

    x, _ = groups()
    made = project(x, method="tsne", n_neighbors=31)
    assert made.method == "tsne" and made.xy.dtype == torch.float32
    assert trustworthiness(x, made.xy.numpy(), n_neighbors=10, metric="cosine") > 0.93
    assert torch.equal(project(x, method="tsne", n_neighbors=31).xy, made.xy)


@pytest.mark.parametrize(("options", "message"), [
    ({"previous": np.zeros((3, 2))}, r"previous: got shape \(3, 2\)"), ({"previous": np.full((400, 2), np.nan)}, "fewer than two rows"),
    ({"previous": np.zeros((400, 2)), "method": "pca"}, "begins anew always"),
    ({"method": "tsne", "graph": scipy.sparse.eye_array(400)}, "t-SNE takes the distances"),
    ({"method": "densmap", "graph": scipy.sparse.eye_array(400)}, "densMAP takes the distances"),
])
def test_what_a_map_cannot_grow_from_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        project(groups()[0], progress=False, **options)
