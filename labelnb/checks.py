"""Checks on what people hand in: got, expected, do this; before any work is done.

Every method starts by naming its ingredients through these functions. They accept NumPy arrays, torch tensors and nested
lists, return torch tensors on the device the input lives on, and refuse what cannot mean anything.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

__all__ = ["Range", "unit_rows", "finite_rows", "class_rows", "class_labels", "probability_rows", "within", "positive_int", "generator"]


@dataclass(frozen=True)
class Range:
    """The closed range of a hyperparameter, written in its type: `Annotated[float, Range(0.0, 1.0)]`.

    The catalogue reads it for the paired widget's control; `within` enforces it.
    """

    low: float
    """Smallest value allowed."""
    high: float
    """Largest value allowed."""


def as_tensor(value: Any, name: str, *, dtype: torch.dtype | None = torch.float32) -> torch.Tensor:
    """`value` as a tensor; NumPy memory is shared where it can be. `dtype=None` keeps the type."""
    if isinstance(value, torch.Tensor):
        tensor = value.detach()
    else:
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"{name}: rows of unequal length; expected one rectangular array") from error
        if array.dtype == object or array.dtype.kind in "USmM":
            raise TypeError(f"{name}: got an array of {array.dtype}, expected numbers; embed the items first (s.embed())")
        if isinstance(value, np.memmap) and array.flags.c_contiguous:
            with warnings.catch_warnings():                       # a read-only file stays on disk: a copy might not fit in memory
                warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
                tensor = torch.from_numpy(array)
        else:
            if any(stride < 0 for stride in array.strides) or not array.flags.writeable:
                array = array.copy()
            tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor if dtype is None or tensor.dtype == dtype else tensor.to(dtype)


def unit_rows(embeddings: Any, name: str = "embeddings", *, keep_double: bool = True) -> torch.Tensor:
    """`embeddings` as an (N, D) tensor of rows of length 1, float32 (float64 stays float64 unless told).

    Raises ValueError where it is not two-dimensional, is empty, or holds NaN, infinity or a row of zeros: the first such rows are named.
    """
    tensor = as_tensor(embeddings, name, dtype=None)
    if not (keep_double and tensor.dtype == torch.float64):
        tensor = tensor.to(torch.float32)
    if tensor.ndim != 2:
        raise ValueError(f"{name}: got shape {tuple(tensor.shape)}, expected (N, D): one vector an item")
    if tensor.shape[0] == 0 or tensor.shape[1] == 0:
        raise ValueError(f"{name}: got shape {tuple(tensor.shape)}, nothing to work on; expected at least one row and one column")
    lengths = tensor.norm(dim=1)
    bad = ~torch.isfinite(lengths)
    if bad.any():
        raise ValueError(f"{name}: NaN or infinity in rows {_first(bad)}; drop or repair these items")
    zero = lengths == 0
    if zero.any():
        raise ValueError(f"{name}: rows {_first(zero)} are all zeros and have no direction; drop these items")
    if torch.allclose(lengths, torch.ones_like(lengths), rtol=0, atol=1e-6):
        return tensor
    return tensor / lengths[:, None]


def finite_rows(value: Any, name: str = "x") -> torch.Tensor:
    """`value` as an (N, D) tensor of finite rows of any length, float32 (float64 stays float64).

    Raises ValueError where it is not two-dimensional, is empty, or holds NaN or infinity: the first such rows are named.
    """
    tensor = as_tensor(value, name, dtype=None)
    if tensor.dtype != torch.float64:
        tensor = tensor.to(torch.float32)
    if tensor.ndim != 2 or 0 in tensor.shape:
        raise ValueError(f"{name}: got shape {tuple(tensor.shape)}, expected (N, D) with at least one row and one column")
    if not bool(torch.isfinite(tensor.sum())):                    # one pass where all is well; only a bad sum is looked into
        bad = ~torch.isfinite(tensor).all(1)
        if bool(bad.any()):
            raise ValueError(f"{name}: NaN or infinity in rows {_first(bad)}; drop or repair these items")
    return tensor


def class_rows(class_embeddings: Any, embeddings: torch.Tensor, name: str = "class_embeddings") -> torch.Tensor:
    """`class_embeddings` (K, D), or (K, P, D) with one vector a prompt, as (K, D) unit rows on the embeddings' device and type.

    The P prompts of a class are normalised, averaged and normalised again (the prompt ensemble of Radford et al. 2021, section 3.1.4).
    Rows of NaN in the prompt axis are padding and are left out of the mean.
    """
    tensor = as_tensor(class_embeddings, name, dtype=None).to(device=embeddings.device, dtype=embeddings.dtype)
    if tensor.ndim == 3:
        if tensor.shape[0] == 0 or tensor.shape[1] == 0:
            raise ValueError(f"{name}: got shape {tuple(tensor.shape)}; expected at least one class and one prompt")
        padding = torch.isnan(tensor).all(dim=2, keepdim=True)
        if padding.all(dim=1).any():
            raise ValueError(f"{name}: classes {_first(padding.all(dim=1).flatten())} have no prompt at all")
        lengths = tensor.norm(dim=2, keepdim=True)
        if ((lengths == 0) & ~padding).any() or (torch.isnan(lengths) & ~padding).any():
            raise ValueError(f"{name}: a prompt vector is zero or holds NaN; expected finite vectors (K, P, D)")
        units = torch.where(padding, torch.zeros_like(tensor), tensor / lengths)
        tensor = units.sum(1) / (~padding).sum(1)
    if tensor.ndim != 2:
        raise ValueError(f"{name}: got shape {tuple(tensor.shape)}, expected (K, D) or (K, P, D): one vector a class or a prompt")
    rows = unit_rows(tensor, name)
    if rows.shape[1] != embeddings.shape[1]:
        raise ValueError(
            f"{name}: vectors of {rows.shape[1]} numbers, embeddings of {embeddings.shape[1]}; "
            "expected one space: embed items and class names with the same image-text encoder"
        )
    return rows


def class_labels(labels: Any, count: int, *, n_classes: int | None = None, name: str = "labels", unknown: bool = True) -> torch.Tensor:
    """`labels` as (N,) int64, -1 where unknown.

    Raises where the length is not `count`, a value is not a whole number, is below -1, or is not below `n_classes`; or, with
    `unknown=False`, where a label is -1.
    """
    tensor = as_tensor(labels, name, dtype=None)
    if tensor.ndim != 1 or tensor.shape[0] != count:
        raise ValueError(f"{name}: got shape {tuple(tensor.shape)}, expected ({count},): one label an item, -1 where unknown")
    if tensor.dtype.is_floating_point and not torch.equal(tensor, tensor.round()):
        raise ValueError(f"{name}: got fractions or NaN, expected whole class positions, -1 where unknown")
    tensor = tensor.to(torch.int64)
    if (tensor < -1).any():
        raise ValueError(f"{name}: items {_first(tensor < -1)} hold a value below -1; expected class positions, -1 where unknown")
    if n_classes is not None and (tensor >= n_classes).any():
        raise ValueError(
            f"{name}: items {_first(tensor >= n_classes)} hold a class position of {n_classes} or more; there are {n_classes} classes"
        )
    if not unknown and (tensor == -1).any():
        raise ValueError(f"{name}: items {_first(tensor == -1)} have no label; expected a label for every item")
    return tensor


def probability_rows(probabilities: Any, count: int | None = None, name: str = "probabilities") -> torch.Tensor:
    """`probabilities` as (N, K), float32 or float64: non-negative rows that sum to 1 (an all-zero row abstains)."""
    tensor = as_tensor(probabilities, name, dtype=None)
    if tensor.dtype != torch.float64:
        tensor = tensor.to(torch.float32)
    if tensor.ndim != 2 or tensor.shape[1] == 0 or (count is not None and tensor.shape[0] != count):
        wanted = "(N, K)" if count is None else f"({count}, K)"
        raise ValueError(f"{name}: got shape {tuple(tensor.shape)}, expected {wanted}: one row an item, one column a class")
    if tensor.shape[0] == 0:
        raise ValueError(f"{name}: no rows; expected one an item")
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{name}: NaN or infinity in rows {_first(~torch.isfinite(tensor).all(1))}")
    if (tensor < 0).any():
        raise ValueError(f"{name}: negative values in rows {_first((tensor < 0).any(1))}; expected probabilities, not scores or logits")
    total = tensor.sum(1)
    wrong = ((total - 1).abs() > 1e-3) & (total != 0)
    if wrong.any():
        raise ValueError(f"{name}: rows {_first(wrong)} do not sum to 1; apply a softmax, or divide by the row's sum")
    return tensor


def within(name: str, value: float, low: float, high: float, *, open_low: bool = False, open_high: bool = False) -> float:
    """`value` if it is a number from `low` to `high`; else a ValueError that names the hyperparameter."""
    bad = not isinstance(value, (int, float, np.number)) or isinstance(value, bool) or not np.isfinite(value)
    if not bad:
        bad = value < low or value > high or (open_low and value == low) or (open_high and value == high)
    if bad:
        left, right = "(" if open_low else "[", ")" if open_high else "]"
        raise ValueError(f"{name}: got {value!r}, expected a number in {left}{low:g}, {high:g}{right}")
    return float(value)


def positive_int(name: str, value: int, *, low: int = 1, high: int | None = None) -> int:
    """`value` if it is a whole number from `low` to `high`; else a ValueError that names the hyperparameter."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low or (high is not None and value > high):
        upper = "" if high is None else f" and at most {high}"
        raise ValueError(f"{name}: got {value!r}, expected a whole number of at least {low}{upper}")
    return int(value)


def generator(seed: int | None, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator of its own, so that no method touches the global one. `None` draws a fresh seed."""
    made = torch.Generator(device=device)
    if seed is None:
        made.seed()
    else:
        made.manual_seed(int(seed))
    return made


def _first(mask: torch.Tensor, most: int = 5) -> str:
    positions = torch.nonzero(mask).flatten().tolist()
    shown = ", ".join(str(p) for p in positions[:most])
    return f"{shown} and {len(positions) - most} more" if len(positions) > most else shown
