"""What a session hands to a method by name: the closed vocabulary, and how each ingredient is had.

A method names its ingredients as parameters, as a test names its fixtures. An ingredient that can be computed is computed once and
kept; one that cannot be had is an error that names the cure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.results import Proposal, Result, Votes

if TYPE_CHECKING:
    from labelnb.session import Session

__all__ = ["INGREDIENTS", "MissingIngredient", "Ingredients"]

INGREDIENTS = (
    "embeddings",
    "class_embeddings",
    "labels",
    "probabilities",
    "graph",
    "graph_edits",
    "votes",
    "candidates",
    "multi_labels",
    "classes",
    "texts",
    "images",
    "annotator",
    "domains",
    "bags",
    "times",
    "patches",
)
"""The closed vocabulary of what a session hands to a method by name."""

_CURES = {
    "votes": "give them: votes= an (N, M) array of class positions, -1 where a source abstains",
    "annotator": "give one: annotator= a callable that takes items and returns class names (labelnb.annotators holds some)",
    "domains": "give them: domains= one domain an item",
    "bags": "give them: bags= one bag an item",
    "times": "give them: times= one time an item",
    "patches": "give them: patches= an (N, P, D) array of patch vectors",
}


class MissingIngredient(ValueError):
    """An ingredient cannot be had; the message says what to do."""


class Ingredients:
    """Ingredients of one session: computed when first asked for, kept until what they rest on changes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._kept: dict[str, tuple[str, Any]] = {}

    def get(self, name: str) -> Any:
        """The ingredient `name` as a NumPy array, sparse matrix, LabelSpace or Items.

        Raises
        ------
        MissingIngredient
            If it can neither be read nor computed; the message says how to provide it.
        """
        reader = getattr(self, f"_{name}", None)
        if reader is None:
            raise MissingIngredient(_CURES.get(name, f"give it: {name}="))
        return reader()

    @staticmethod
    def given(name: str, value: Any) -> Any:
        """What a caller handed over under an ingredient's name: results stand for the array that fits the name."""
        if isinstance(value, Proposal) and name == "labels":
            return value.predictions
        if isinstance(value, Proposal | Result) and hasattr(value, name):
            return getattr(value, name)
        if isinstance(value, Votes) and name == "votes":
            return value.votes
        return value

    def keep(self, name: str, basis: str, make: Any) -> Any:
        """The value made from `basis` (a fingerprint), made anew only when the basis has changed."""
        held = self._kept.get(name)
        if held is None or held[0] != basis:
            held = (basis, make())
            self._kept[name] = held
        return held[1]

    def _embeddings(self) -> Any:
        return self._session.embeddings.vectors

    def _class_embeddings(self) -> Any:
        made = self._session.class_embeddings()
        if made is None:
            raise MissingIngredient(
                "call s.embed() with an image-text or text encoder and give s.classes names, or hand over class_embeddings= (K, D)"
            )
        return made

    def _labels(self) -> Any:
        labels = self._session.labels
        if not (labels.values >= 0).any():
            raise MissingIngredient("label some items first: s.label(ids, 'a class'), s.review() or s.explore(), or accept a proposal")
        return labels.values

    def _probabilities(self) -> Any:
        from labelnb.compute import out_of_fold
        from labelnb.store import fingerprint

        session, values = self._session, self._labels()
        known = values >= 0
        if len(np.unique(values[known])) < 2:
            raise MissingIngredient(
                "out-of-sample predictions need labels of two classes at least; label more, or hand over probabilities= (N, K)"
            )

        def make() -> np.ndarray:
            session.say("probabilities: 5-fold predictions of a linear probe on the labelled items")
            made = np.zeros((len(values), len(session.classes)), np.float32)
            fold = out_of_fold(
                session.on_device(session.embeddings.vectors[known]), values[known], seed=session.seed, n_classes=len(session.classes)
            )
            made[known] = fold.detach().cpu().numpy()
            return made

        return self.keep(
            "probabilities", fingerprint([fingerprint(values), fingerprint(session.embeddings.vectors), len(session.classes)]), make
        )

    def _graph(self) -> Any:
        return self._session.graph.matrix

    def _graph_edits(self) -> Any:
        return self._session.graph.array()

    def _candidates(self) -> Any:
        return self._session.labels.candidates

    def _multi_labels(self) -> Any:
        return self._session.labels.multi_labels

    def _classes(self) -> Any:
        if not len(self._session.classes):
            raise MissingIngredient("name the classes: Session(items, classes=['cat', 'dog']), or s.add_class('cat')")
        return self._session.classes

    def _texts(self) -> Any:
        if self._session.items.modality != "text":
            raise MissingIngredient(f"the items are of modality {self._session.items.modality}; hand over texts=, one an item")
        return self._session.items

    def _images(self) -> Any:
        if self._session.items.modality != "image":
            raise MissingIngredient(f"the items are of modality {self._session.items.modality}; hand over images=, one an item")
        return self._session.items

