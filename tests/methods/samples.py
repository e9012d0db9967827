"""A small input for every ingredient of the vocabulary, the same input in another order, and what is wrong with a broken one.

A new method is covered by the contract tests through the names of its parameters alone. A new ingredient is added here once.
"""
from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from labelnb.classes import LabelSpace
from labelnb.load import load

__all__ = ["BROKEN", "broken", "in_double", "items_in_order", "classes_in_order", "sample", "wanted"]


class Annotator:
    """Answers the class of an item by its position, always the right one."""

    reads = "positions"

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def __call__(self, positions: np.ndarray) -> list[str]:
        return [self.names[i] for i in positions]

    def __getitem__(self, order: np.ndarray) -> Annotator:
        return Annotator([self.names[i] for i in order])


ITEM_AXIS = ("embeddings", "labels", "probabilities", "votes", "candidates", "multi_labels", "domains", "bags", "times", "patches")
"""Ingredients whose first axis is the items."""
CLASS_COLUMNS = ("probabilities", "candidates", "multi_labels")
"""Ingredients whose second axis is the classes."""
CLASS_VALUES = ("labels", "votes")
"""Ingredients that hold class positions, -1 where there is none."""


def sample(names: tuple[str, ...], *, items: int = 80, classes: int = 4, width: int = 16, seed: int = 5) -> dict[str, Any]:
    """Ingredients by name: `classes` groups of unit vectors, well apart; two in three items labelled, one wrong label a class."""
    rng = np.random.default_rng(seed)
    centres = np.linalg.qr(rng.normal(size=(width, width)))[0][:classes]
    truth = np.arange(items) % classes
    embeddings = _unit(centres[truth] + 0.12 * rng.normal(size=(items, width)))
    class_embeddings = _unit(centres + 0.08 * rng.normal(size=(classes, width)))
    scores = np.exp(embeddings @ class_embeddings.T / 0.15)
    labels = np.where(np.arange(items) // classes % 3 < 2, truth, -1)
    labels[:classes] = (truth[:classes] + 1) % classes if items > 3 * classes else truth[:classes]
    votes = np.where(rng.random((items, 5)) < 0.8, truth[:, None], rng.integers(-1, classes, (items, 5)))
    near = embeddings @ embeddings.T
    reach = np.sort(near, axis=1)[:, [-min(7, items)]]
    adjacency = np.where((near >= reach) & ~np.eye(items, dtype=bool), np.clip(near, 0, 1), 0)
    # Each class is at home in one domain, where it is most frequent; every domain has an item.
    domains = np.where(np.arange(items) // classes % 5 < 4, truth, (truth + 1 + np.arange(items) // (5 * classes)) % classes)
    every = {
        "embeddings": embeddings.astype(np.float32),
        "class_embeddings": class_embeddings.astype(np.float32),
        "labels": labels.astype(np.int64),
        "probabilities": (scores / scores.sum(1, keepdims=True)).astype(np.float32),
        "graph": scipy.sparse.csr_array(np.maximum(adjacency, adjacency.T).astype(np.float32)),
        "votes": votes.astype(np.int64),
        "candidates": np.eye(classes, dtype=bool)[truth] | (rng.random((items, classes)) < 0.3),
        "multi_labels": np.where(rng.random((items, classes)) < 0.2, -1, np.eye(classes, dtype=np.int8)[truth]).astype(np.int8),
        "classes": LabelSpace(tuple(f"class {k}" for k in range(classes))),
        "texts": None, "images": None,
        "annotator": Annotator([f"class {t}" for t in truth]),
        "domains": domains, "bags": np.arange(items) // 4, "times": np.arange(items, dtype=np.float64),
        "patches": _unit(embeddings[:, None] + 0.1 * rng.normal(size=(items, 6, width))).astype(np.float32),
    }
    if "texts" in names:
        every["texts"] = load([f"item {i} of class {t}" for i, t in enumerate(truth)])
    if "images" in names:
        every["images"] = load(rng.integers(0, 255, (items, 12, 12, 3), dtype=np.uint8))
    return {name: every[name] for name in names}


def wanted(hyperparameters: Any, classes: int = 4) -> dict[str, Any]:
    """A value for every hyperparameter that has no default."""
    known = {"n_clusters": classes, "n_classes": classes}
    return {each.name: known[each.name] for each in hyperparameters if each.default is None}


def items_in_order(values: dict[str, Any], order: np.ndarray) -> dict[str, Any]:
    """The same ingredients with the items in another order."""
    made = dict(values)
    for name in values:
        if name in (*ITEM_AXIS, "texts", "images", "annotator"):
            made[name] = values[name][order]
        elif name == "graph":
            made[name] = scipy.sparse.csr_array(values[name][order][:, order])
    return made


def classes_in_order(values: dict[str, Any], order: np.ndarray) -> dict[str, Any]:
    """The same ingredients with the classes in another order: new position p holds what was class order[p]."""
    made, place = dict(values), np.argsort(order)
    for name in values:
        if name == "class_embeddings":
            made[name] = values[name][order]
        elif name in CLASS_COLUMNS:
            made[name] = values[name][:, order]
        elif name in CLASS_VALUES:
            made[name] = np.where(values[name] >= 0, place[values[name]], -1)
        elif name == "classes":
            made[name] = LabelSpace(tuple(values[name].names[k] for k in order))
    return made


def in_double(values: dict[str, Any]) -> dict[str, Any]:
    """The same ingredients in float64."""
    return {name: value.astype(np.float64) if getattr(value, "dtype", None) == np.float32 else value for name, value in values.items()}


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def _put(array: np.ndarray, value: float, where: Any = 3) -> np.ndarray:
    made = array.astype(np.float64) if isinstance(value, float) else array.copy()
    made[where] = value
    return made


BROKEN: dict[str, dict[str, Any]] = {
    "embeddings": {
        "NaN": lambda x: _put(x, np.nan), "infinity": lambda x: _put(x, np.inf), "a row of zeros": lambda x: _put(x, 0.0),
        "no rows": lambda x: x[:0], "no columns": lambda x: x[:, :0], "one axis": lambda x: x[0], "three axes": lambda x: x[None],
        "texts": lambda x: np.array([["a", "b"]] * len(x)), "one row too few": lambda x: x[:-1],
    },
    "class_embeddings": {
        "NaN": lambda x: _put(x, np.nan, 1), "a row of zeros": lambda x: _put(x, 0.0, 1),
        "no rows": lambda x: x[:0], "one axis": lambda x: x[0],
        "another space": lambda x: x[:, :-1], "texts": lambda x: np.array([["a", "b"]] * len(x)),
    },
    "labels": {
        "fractions": lambda y: _put(y, 0.5), "NaN": lambda y: _put(y, np.nan), "below -1": lambda y: _put(y, -2),
        "two axes": lambda y: y[:, None],
        "texts": lambda y: np.array(["a"] * len(y)), "one too few": lambda y: y[:-1], "none known": lambda y: np.full_like(y, -1),
    },
    "probabilities": {
        "NaN": lambda p: _put(p, np.nan), "negative": lambda p: _put(p, -0.5), "logits": lambda p: p * 7, "no rows": lambda p: p[:0],
        "one axis": lambda p: p[0], "one row too few": lambda p: p[:-1], "texts": lambda p: np.array([["a", "b"]] * len(p)),
    },
    "graph": {
        "not square": lambda g: g[:, :-1], "one node too few": lambda g: g[:-1, :-1], "NaN": lambda g: g * np.nan,
    },
    "votes": {
        "fractions": lambda v: _put(v, 0.5), "below -1": lambda v: _put(v, -2),
        "one axis": lambda v: v[:, 0], "one row too few": lambda v: v[:-1],
        "no sources": lambda v: v[:, :0],
    },
    "candidates": {"one axis": lambda c: c[:, 0], "one row too few": lambda c: c[:-1], "an item without any": lambda c: _put(c, False)},
    "multi_labels": {"a value of 2": lambda m: _put(m, 2), "one axis": lambda m: m[:, 0], "one row too few": lambda m: m[:-1]},
    "annotator": {"not callable": lambda a: "class 0"},
    "patches": {"NaN": lambda x: _put(x, np.nan), "two axes": lambda x: x[:, 0], "one row too few": lambda x: x[:-1]},
}
"""By ingredient: what can be wrong with it, and how to make it so."""
MISMATCH = ("one row too few", "one too few", "one node too few")
"""Wrong only beside another ingredient that counts the items."""
OPTIONAL_IS_FINE = ("none known",)
"""Wrong only where the method cannot do without the ingredient."""


def broken(needs: tuple[str, ...], takes: tuple[str, ...]) -> list[tuple[str, str]]:
    """Pairs of ingredient and fault that a method with these ingredients has to refuse."""
    counting = [name for name in (*needs, *takes) if name in (*ITEM_AXIS, "graph")]
    return [
        (name, fault) for name in (*needs, *takes) for fault in BROKEN.get(name, ())
        if not (fault in MISMATCH and len(counting) < 2) and not (fault in OPTIONAL_IS_FINE and name in takes)
    ]
