"""How the rows and columns of a transport plan are held: exactly, in part, or by a penalty.

For column potentials h and W_i = sum_j exp(scores_ij / temperature + h_j), the best row potentials are known in closed form, so that the
dual is a function of h alone: sum_i A_i(log W_i) + B(h). A row then sums to R_i = A_i'(log W_i), a column should sum to -B'(h_j).
"""
from __future__ import annotations

from typing import Any, NamedTuple

import torch

from labelnb.checks import as_tensor, within

__all__ = ["Rows", "Columns", "masses"]


class Rows(NamedTuple):
    """R_i = r_i where held; min(r_i, W_i) for a part of the mass; r_i^s W_i^(1 - s), s = rho / (rho + temperature), under a penalty."""

    mass: torch.Tensor
    """(N,) r."""
    part: bool
    """Whether rows may sum to less."""
    hold: float
    """s: 1 where there is no penalty."""

    @classmethod
    def of(cls, mass: torch.Tensor, share: float, penalty: float | None, temperature: float) -> Rows:
        """Of masses (N,), the share of the mass that is assigned, and the penalty."""
        within("mass", share, 0.0, 1.0, open_low=True)
        hold = 1.0 if penalty is None else _hold("row_penalty", penalty, temperature)
        if share < 1 and penalty is not None:
            raise ValueError("mass: below 1 rows may sum to less already; give either mass or row_penalty")
        return cls(mass, share < 1, hold)

    @property
    def held(self) -> bool:
        """Whether R_i = r_i."""
        return not self.part and self.hold == 1.0

    def scale(self, weight: torch.Tensor, heights: torch.Tensor, shift: torch.Tensor, at: slice) -> torch.Tensor:
        """(B,) R_i / weight_i, where W_i = weight_i exp(heights_i + shift)."""
        r = self.mass[at]
        if self.held:
            return r / weight
        above = heights + shift
        if self.part:
            return torch.minimum(r / weight, above.exp().to(weight))
        # R / weight = r^s W^(1 - s) / weight, taken in logarithms: W may be far outside the range of its type.
        mass = self.hold * r.double().log() + (1 - self.hold) * (weight.double().log() + above)
        return (mass - weight.double().log()).exp().to(weight)

    def value(self, height: torch.Tensor) -> float:
        """The sum of A_i at log W (N,)."""
        r = self.mass.double()
        if self.part:
            low = r * (1 + height - r.clamp_min(1e-300).log())
            return float(torch.where(height.exp() <= r, height.exp(), low).sum())
        if self.hold == 1.0:
            return float(r @ torch.where(r > 0, height, 0.0))
        # temperature * sum R + rho * sum R, over the temperature
        return float((self.hold * r.log() + (1 - self.hold) * height).exp().sum()) / (1 - self.hold)


class Columns(NamedTuple):
    """Columns should sum to m c_j where held, to m c_j exp(-h_j temperature / rho) under a penalty."""

    mass: torch.Tensor
    """(K,) float64 m c."""
    slope: float
    """temperature / rho: 0 where there is no penalty."""

    @classmethod
    def of(cls, mass: torch.Tensor, share: float, penalty: float | None, temperature: float) -> Columns:
        """Of masses (K,), the share of the mass that is assigned, and the penalty."""
        hold = 1.0 if penalty is None else _hold("column_penalty", penalty, temperature)
        return cls(mass * share, (1 - hold) / hold)

    def wanted(self, h: torch.Tensor) -> torch.Tensor:
        """(K,) what the columns should sum to at h."""
        return self.mass * torch.exp(-self.slope * h) if self.slope else self.mass

    def value(self, h: torch.Tensor) -> float:
        """B(h)."""
        return float(self.wanted(h).sum()) / self.slope if self.slope else -float(self.mass @ h)

    def step(self, h: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Sinkhorn's step: the h at which the columns, rows kept as they are, sum to what they should."""
        sums = (gradient + self.wanted(h)).clamp_min(1e-300)
        return (h + torch.log(self.mass / sums)) / (1 + self.slope)

    def curvature(self) -> torch.Tensor:
        """(K,) a guess of the second derivatives."""
        return self.mass * (1 + self.slope)


def _hold(name: str, penalty: float, temperature: float) -> float:
    within(name, penalty, 0.0, 1e12, open_low=True)
    return penalty / (penalty + temperature)


def masses(name: str, mass: Any, count: int, scores: torch.Tensor) -> torch.Tensor:
    """Marginal of total 1: rows in the plan's type, columns in float64."""
    dtype = scores.dtype if name == "row" and scores.dtype == torch.float64 else torch.float32 if name == "row" else torch.float64
    if mass is None:
        return torch.full((count,), 1.0 / count, dtype=dtype, device=scores.device)
    tensor = as_tensor(mass, name, dtype=torch.float64).to(scores.device)
    if tensor.shape != (count,):
        raise ValueError(f"{name}: got shape {tuple(tensor.shape)}, expected ({count},): one mass each")
    if not bool(torch.isfinite(tensor).all()) or bool((tensor < 0).any()) or float(tensor.sum()) <= 0:
        raise ValueError(f"{name}: expected finite masses of 0 or more, not all zero")
    return (tensor / tensor.sum()).to(dtype)
