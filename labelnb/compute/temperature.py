"""One number that makes shares as sure as they are right: temperature scaling.

Source: Guo, Pleiss, Sun and Weinberger 2017, On Calibration of Modern Neural Networks (arXiv 1706.04599).
"""
from __future__ import annotations

import math

import torch

__all__ = ["fit_temperature"]

_FROM, _TO = -3.0, 3.0
"""Logarithms between which the temperature is sought: from 1/20 to 20."""


def fit_temperature(scores: torch.Tensor, truth: torch.Tensor, *, prior: float = 0.0) -> float:
    """The temperature by which scores are divided so that the known classes are likeliest under their softmax.

    Parameters
    ----------
    scores : (N, K) logits, or logarithms of shares; minus infinity for a class that is out of the question
    truth : (N,) the right classes, of items that the scores were not fitted to
    prior : how many observations' worth is known beforehand for a temperature of 1, against few labels

    Returns
    -------
    Between 1/20 and 20; 1 where there is nothing to learn from. Rows whose right class is out of the question are left out.

    Notes
    -----
    Cross-entropy is convex in the inverse temperature: golden section over the logarithm finds its least value.
    """
    known = torch.isfinite(scores.gather(1, truth[:, None])[:, 0])
    if not bool(known.any()):
        return 1.0
    scores, truth = scores[known].double(), truth[known]

    def lost(log_t: float) -> float:
        return float(torch.nn.functional.cross_entropy(scores / math.exp(log_t), truth)) + prior * log_t**2 / len(truth)

    low, high, ratio = _FROM, _TO, (math.sqrt(5) - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    at_a, at_b = lost(a), lost(b)
    for _ in range(40):
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - ratio * (high - low)
            at_a = lost(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + ratio * (high - low)
            at_b = lost(b)
    return math.exp(0.5 * (low + high))
