"""Class vectors moved from the names' side of a shared space to the items' side (InMaP): stand-ins for names as `zlap` takes them.

Source: Qian, Xu and Hu 2023, Intra-Modal Proxy Learning for Zero-Shot Visual Categorization with CLIP (NeurIPS, arXiv 2310.19752).
"""
from __future__ import annotations

import torch

from labelnb.checks import within

__all__ = ["learn_proxies", "soft_labels"]

_OWN_TEMPERATURE = 0.04
"""Of the softmax between items and proxies: vectors of one kind lie closer together than names and items (tau_I in the paper)."""
_HARD_ABOVE = 0.6
"""A class held this surely counts as certain, as in the authors' code."""


def soft_labels(x: torch.Tensor, classes: torch.Tensor, temperature: float) -> torch.Tensor:
    """(N, K) what names alone say of the items, with equal shares of all classes (20 Sinkhorn steps); sure ones made certain."""
    within("proxy_temperature", temperature, 1e-3, 1.0)
    cosines = x @ classes.T
    p = torch.softmax(cosines / temperature, dim=1)
    for _ in range(20):
        p = p / p.sum(0, keepdim=True).clamp_min(1e-30)
        p = p / p.sum(1, keepdim=True).clamp_min(1e-30)
    top, best = p.max(1)
    hard = top > _HARD_ABOVE
    return torch.where(hard[:, None], torch.nn.functional.one_hot(best, p.shape[1]).to(p.dtype), p)


def learn_proxies(x: torch.Tensor, classes: torch.Tensor, temperature: float, *, steps: int = 300) -> torch.Tensor:
    """(K, D) unit vectors W at which softmax(x W / 0.04) is nearest to `soft_labels` (least Kullback-Leibler divergence on the sphere).

    Parameters
    ----------
    x : (N, D) unit rows
    classes : (K, D) unit rows, the names; where the descent begins
    temperature : of the softmax between items and names (tau_T in the paper)
    steps : of projected gradient descent at most; a step that makes the fit worse is halved and taken anew
    """
    target = soft_labels(x, classes, temperature)
    w, rate = classes.clone(), 10.0
    loss, slope = _loss(x, w, target)
    for _ in range(steps):
        trial = torch.nn.functional.normalize(w - rate * _OWN_TEMPERATURE * slope, dim=1)
        value, after = _loss(x, trial, target)
        if value < loss:
            gain, w, loss, slope = loss - value, trial, value, after
            rate *= 1.2
            if gain < 1e-9 * max(1.0, abs(loss)):
                break
        else:
            rate *= 0.5
            if rate < 1e-6:
                break
    return w


def _loss(x: torch.Tensor, w: torch.Tensor, target: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Mean cross-entropy and its gradient by W."""
    logits = x @ w.T / _OWN_TEMPERATURE
    logp = torch.log_softmax(logits, dim=1)
    loss = -float((target * logp).sum(dtype=torch.float64)) / len(x)
    return loss, (logp.exp() - target).T @ x / (len(x) * _OWN_TEMPERATURE)
