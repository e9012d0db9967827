"""Sinkhorn beside its peers: `python -m tests.benchmarks.bench_sinkhorn [N ...] [--places 1000] [--repeats 3] [--threads 2]`.

Uniform marginals, L1 error 1e-3, float32, the kernel's construction included. POT stops by its own measure (the L2 norm of the
column error), so its threshold is set to reach the same L1 error. The plain loop is Sinkhorn's iteration on a stored kernel in torch.
"""
from __future__ import annotations

import argparse
import warnings

import numpy as np
import torch

from labelnb.compute import sinkhorn
from tests.benchmarks.clustered import clustered
from tests.benchmarks.interleaved import interleaved, table

TOLERANCE = 1e-3


def plain(scores: torch.Tensor, temperature: float) -> torch.Tensor:
    n, k = scores.shape
    kernel = ((scores - scores.amax(1, keepdim=True)) / temperature).exp_()
    v = torch.full((k,), 1.0 / k)
    for _ in range(5000):
        u = (1.0 / n) / (kernel @ v)
        sums = u @ kernel
        if float((v * sums - 1.0 / k).abs().sum()) <= TOLERANCE:
            break
        v = (1.0 / k) / sums
    return kernel.mul_(u[:, None]).mul_(v)


def pot(scores: torch.Tensor, temperature: float) -> np.ndarray:
    import ot

    n, k = scores.shape
    row, column = np.full(n, 1 / n, np.float32), np.full(k, 1 / k, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ot.sinkhorn(row, column, (1 - scores).numpy(), temperature, stopThr=TOLERANCE / np.sqrt(k), numItermax=5000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", nargs="*", type=int, default=[20_000])
    parser.add_argument("--places", type=int, default=1000)
    parser.add_argument("--temperature", type=float, default=0.05)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    t = options.temperature
    for n in options.n:
        x, _, centres = clustered(n, 128, options.places)
        scores = torch.from_numpy(x @ centres.T)
        runs = {
            "labelnb": lambda s=scores: sinkhorn(s, temperature=t, tolerance=TOLERANCE).plan,
            "plain loop in torch": lambda s=scores: plain(s, t),
        }
        try:
            import ot  # noqa: F401

            runs["POT"] = lambda s=scores: torch.from_numpy(pot(s, t))
        except ImportError:
            print("POT is not installed: left out")
        timings = interleaved(runs, options.repeats)
        best = timings["labelnb"].result.argmax(1)
        quality = {}
        for name, timing in timings.items():
            plan = timing.result.double()
            error = float((plan.sum(0) - 1 / options.places).abs().sum() + (plan.sum(1) - 1 / n).abs().sum())
            quality[name] = f"L1 error {error:.1e}, same place as labelnb {float((timing.result.argmax(1) == best).double().mean()):.4f}"
        passes = sinkhorn(scores, temperature=t, tolerance=TOLERANCE)
        quality["labelnb"] += f", {passes.iterations} passes, {passes.method}"
        print(table(f"sinkhorn, {n} items, {options.places} places, temperature {t:g}", timings, quality, "labelnb"), flush=True)


if __name__ == "__main__":
    main()
