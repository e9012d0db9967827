"""Benchmarks of transport, clusters, probes, label errors and votes. POT, faiss, scikit-learn, cleanlab and crowd-kit as peers."""
from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np

from labelnb.bench.data import clustered, voted
from labelnb.bench.measure import Case

__all__ = ["confident_learning", "dawid_skene", "kmeans", "out_of_fold", "probe", "sinkhorn"]


def sinkhorn(n: int, places: int = 1000, temperature: float = 0.05, tolerance: float = 1e-3) -> Case:
    """Even marginals to an L1 error of 1e-3, the kernel's construction included, float32.

    POT stops by the L2 norm of the columns' error, so its threshold is set to reach the same L1 error.
    """
    import torch

    from labelnb.compute import sinkhorn as ours

    x, _, centres = clustered(n, 128, places)
    scores = torch.from_numpy(x @ centres.T)

    def pot() -> torch.Tensor:
        import ot

        row, column = np.full(n, 1 / n, np.float32), np.full(places, 1 / places, np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plan = ot.sinkhorn(row, column, (1 - scores).numpy(), temperature, stopThr=tolerance / np.sqrt(places), numItermax=5000)
        return torch.from_numpy(plan)

    def plain() -> torch.Tensor:
        kernel, v = ((scores - scores.amax(1, keepdim=True)) / temperature).exp_(), torch.full((places,), 1.0 / places)
        for _ in range(5000):
            u = (1.0 / n) / (kernel @ v)
            sums = u @ kernel
            if float((v * sums - 1.0 / places).abs().sum()) <= tolerance:
                break
            v = (1.0 / places) / sums
        return kernel.mul_(u[:, None]).mul_(v)

    def quality(plan: torch.Tensor) -> str:
        error = (plan.sum(0, dtype=torch.float64) - 1 / places).abs().sum() + (plan.sum(1, dtype=torch.float64) - 1 / n).abs().sum()
        return f"L1 error {float(error):.1e}"

    runs: dict[str, Any] = {"labelnb": lambda: ours(scores, temperature=temperature, tolerance=tolerance).plan}
    runs |= {"plain loop in torch": plain}
    runs |= {"POT": pot} if find_spec("ot") else {}
    return Case("sinkhorn", f"{n} x {places}, temperature {temperature:g}", n, runs, quality, () if find_spec("ot") else ("POT",))


def kmeans(n: int, k: int = 1000, steps: int = 10) -> Case:
    """So many Lloyd steps over all rows from random rows. faiss samples rows unless told otherwise: it is told."""
    from labelnb.compute import kmeans as ours

    x, _, _ = clustered(n, 512, k)

    def sklearn() -> float:
        from sklearn.cluster import KMeans

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(KMeans(k, init="random", n_init=1, max_iter=steps, tol=0, random_state=0).fit(x).inertia_)

    def faiss() -> float:
        import faiss
        import torch

        faiss.omp_set_num_threads(torch.get_num_threads())
        run = faiss.Kmeans(x.shape[1], k, niter=steps, seed=1, max_points_per_centroid=len(x))
        run.train(x)
        return float(run.index.search(x, 1)[0].sum(dtype=np.float64))

    runs: dict[str, Any] = {
        "labelnb": lambda: ours(x, k, init="random", max_iterations=steps, tolerance=0.0).inertia,
        "labelnb, batches": lambda: ours(x, k, init="random", batch_size=4096, max_iterations=2).inertia,
        "scikit-learn": sklearn,
    }
    runs |= {"faiss": faiss} if find_spec("faiss") else {}
    missing = () if find_spec("faiss") else ("faiss",)
    return Case("kmeans", f"{n} x 512, {k} clusters, {steps} steps", n, runs, lambda inertia: f"inertia {inertia:.0f}", missing)


def probe(n: int, k: int = 100) -> Case:
    """One fit with C = 1, to a loss not above that of scikit-learn's defaults; the loss is the objective both minimise, in float64."""
    from labelnb.compute import probe as ours

    x, y, _ = clustered(n, 512, k)
    wide = x.astype(np.float64)

    def fit() -> tuple[np.ndarray, np.ndarray]:
        made = ours(x, y, tolerance=1e-4)
        return made.weight.numpy(), made.bias.numpy()

    def loss(fitted: tuple[np.ndarray, np.ndarray]) -> str:
        weight, bias = (part.astype(np.float64) for part in fitted)
        scores = wide @ weight.T + bias
        top = scores.max(1)
        losses = top + np.log(np.exp(scores - top[:, None]).sum(1)) - scores[np.arange(n), y]
        return f"loss {float(losses.sum() + 0.5 * (weight**2).sum()) / n:.5f}"

    runs = {"labelnb": fit, "scikit-learn, float64": lambda: _logistic(wide, y), "scikit-learn, float32": lambda: _logistic(x, y)}
    return Case("probe", f"{n} x 512, {k} classes", n, runs, loss)


def out_of_fold(n: int, k: int = 100) -> Case:
    """Probabilities of five folds."""
    from labelnb.compute import out_of_fold as ours

    x, y, _ = clustered(n, 512, k)

    def peer() -> np.ndarray:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import cross_val_predict

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(cross_val_predict(LogisticRegression(max_iter=1000), x, y, cv=5, method="predict_proba"))

    def quality(p: np.ndarray) -> str:
        return f"held-out loss {-np.log(np.maximum(p[np.arange(n), y], 1e-12)).mean():.5f}"

    runs = {
        "labelnb, tolerance 1e-5": lambda: ours(x, y, tolerance=1e-5).numpy(), "labelnb": lambda: ours(x, y).numpy(), "scikit-learn": peer,
    }
    return Case("out_of_fold", f"{n} x 512, {k} classes, 5 folds", n, runs, quality)


def confident_learning(n: int, k: int = 10) -> Case:
    """Label errors beside cleanlab in one process, the same item by item, and beside the label check of its Datalab, which filters anew."""
    from labelnb.compute.confident import confident_counts, label_issues, label_quality
    from labelnb.methods.noisy.confident_learning import confident_learning as method

    rng = np.random.default_rng(0)
    truth = rng.integers(0, k, n)
    scores = rng.standard_normal((n, k), dtype=np.float32)
    scores[np.arange(n), truth] += 3.0
    p = np.exp(scores)
    p /= p.sum(1, keepdims=True)
    y = np.where(rng.random(n) < 0.05, rng.integers(0, k, n), truth)
    first: list[np.ndarray] = []

    def ours() -> np.ndarray:
        label_quality(y, p, "self_confidence")
        return label_issues(y, p, confident_counts(y, p))[0]

    def peer() -> np.ndarray:
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores

        get_label_quality_scores(y, p)
        return np.asarray(find_label_issues(y, p, n_jobs=1))

    def datalab() -> np.ndarray:
        from cleanlab import Datalab

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lab = Datalab({"label": y}, label_name="label", verbosity=0)
            lab.find_issues(pred_probs=p, issue_types={"label": {}})
        return np.asarray(lab.get_issues("label")["is_label_issue"])

    def quality(flagged: np.ndarray) -> str:
        first[:] = first or [flagged]
        return f"{int(flagged.sum())} flagged{'' if np.array_equal(flagged, first[0]) else ', not the same'}"

    runs: dict[str, Any] = {"labelnb": ours, "labelnb, with a sentence for every item": lambda: np.asarray(method(y, p).flagged)}
    runs |= {"cleanlab, n_jobs=1": peer}
    runs |= {"Datalab, label check": datalab} if find_spec("datasets") else {}
    missing = () if find_spec("datasets") else ("Datalab (datasets)",)
    return Case("confident_learning", f"{n} items, {k} classes", n, runs, quality, missing)


def dawid_skene(n: int) -> Case:
    """Twenty sources that vote on a fifth of the items each, five classes."""
    from labelnb.compute import dawid_skene as ours

    votes, y = voted(n)
    items, sources = np.nonzero(votes >= 0)
    seen = np.unique(items)

    def peer() -> np.ndarray:
        import pandas as pd
        from crowdkit.aggregation import DawidSkene

        frame = pd.DataFrame({"task": items, "worker": sources, "label": votes[items, sources]})
        return DawidSkene().fit_predict(frame).sort_index().to_numpy()

    runs: dict[str, Any] = {"labelnb": lambda: ours(votes).probabilities.argmax(1).numpy()[seen]}
    runs |= {"crowd-kit": peer} if find_spec("crowdkit") else {}
    missing = () if find_spec("crowdkit") else ("crowd-kit",)
    return Case("dawid_skene", f"{n} x 20 votes, 5 classes", n, runs, lambda found: f"accuracy {(found == y[seen]).mean():.4f}", missing)


def _logistic(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(max_iter=1000).fit(x, y)
    return model.coef_, model.intercept_
