"""The linear probe beside scikit-learn: `python -m tests.benchmarks.bench_probe [N ...] [--dim 512] [--classes 100] [--l2 1] [--folds]`.

scikit-learn's lbfgs at its default tolerance in float32 and float64; the loss is the objective both minimise, computed in float64.
"""
from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import torch

from labelnb.compute import out_of_fold, probe
from tests.benchmarks.clustered import clustered
from tests.benchmarks.interleaved import interleaved, table


def objective(weight: np.ndarray, bias: np.ndarray, x: np.ndarray, y: np.ndarray, l2: float) -> float:
    """(sum of losses + l2 / 2 |weight|^2) / N in float64."""
    scores = x.astype(np.float64) @ weight.T.astype(np.float64) + bias
    top = scores.max(1)
    losses = top + np.log(np.exp(scores - top[:, None]).sum(1)) - scores[np.arange(len(y)), y]
    return float((losses.sum() + 0.5 * l2 * (weight.astype(np.float64) ** 2).sum()) / len(y))


def fits(x: np.ndarray, y: np.ndarray, l2: float) -> dict[str, Any]:
    """Each gives weight and bias."""
    from sklearn.linear_model import LogisticRegression

    wide = x.astype(np.float64)

    def peer(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression(C=1 / l2, max_iter=1000).fit(rows, y)
        return model.coef_, model.intercept_

    def ours() -> tuple[np.ndarray, np.ndarray]:
        fit = probe(x, y, l2=l2)
        return fit.weight.numpy(), fit.bias.numpy()

    return {"labelnb": ours, "scikit-learn float32": lambda: peer(x), "scikit-learn float64": lambda: peer(wide)}


def folds(x: np.ndarray, y: np.ndarray, l2: float) -> dict[str, Any]:
    """Each gives out-of-fold probabilities."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    def peer() -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return cross_val_predict(LogisticRegression(C=1 / l2, max_iter=1000), x, y, cv=5, method="predict_proba")

    return {"labelnb": lambda: out_of_fold(x, y, l2=l2).numpy(), "scikit-learn float32": peer}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", nargs="*", type=int, default=[50_000])
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--l2", type=float, default=1.0)
    parser.add_argument("--folds", action="store_true", help="out-of-fold probabilities instead of one fit")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for n in options.n:
        x, y, _ = clustered(n, options.dim, options.classes)
        timings = interleaved((folds if options.folds else fits)(x, y, options.l2), options.repeats)
        if options.folds:
            rows = np.arange(n)
            quality = {name: f"held-out loss {-np.log(np.maximum(t.result[rows, y], 1e-12)).mean():.5f}" for name, t in timings.items()}
        else:
            quality = {name: f"loss {objective(*t.result, x, y, options.l2):.6f}" for name, t in timings.items()}
        title = f"probe, {n} x {options.dim}, {options.classes} classes, l2 {options.l2:g}, {'5 folds' if options.folds else 'one fit'}"
        print(table(title, timings, quality, "labelnb"), flush=True)


if __name__ == "__main__":
    main()
