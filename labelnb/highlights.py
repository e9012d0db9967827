"""Which words of a text speak for a class: as a method's evidence says, else those of the highest class-based TF-IDF."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labelnb.cluster_keywords import WORD, Keywords
from labelnb.results import Proposal, Ranking

__all__ = ["Highlights", "WORDED"]

WORDED = ("text", "row", "node")
"""Modalities whose items are described by words of their own."""
MOST_WORDS = 5
"""Different words that are marked in one text; no more than every third word of a short one."""
FEWEST = 2
"""Times that a class must use a word: one that only this text uses says nothing of the class."""
KEYWORDS = 2_000
"""Words of a class that may be marked."""
SIGNS = 1_000_000
"""Signs of text that are counted to find the words of all classes; the surest items of each class come first."""


class Highlights:
    """Spans of texts that speak for a class.

    What a method says itself comes first: `evidence["spans"]`, for each item a sequence of (start, end) in signs of its text, which speak
    for the class that is proposed; or `evidence["word_weights"]`, a mapping of class name to a mapping of word to weight. Else words are
    weighed by class-based TF-IDF (see `labelnb.cluster_keywords`) over the items that are labelled or proposed as each class; a word is
    marked for the class in which it weighs most, if that class uses it more than once.

    Parameters
    ----------
    items, labels, class_names : of the session
    result : a Proposal or another result of these items, or None
    from_evidence : False leaves out what the result says of single items, where that would give away which items are planted

    Notes
    -----
    Words that are typical of a class are no reason why a method proposed it: they help to read, and may mislead where classes share their
    words. Texts beyond `SIGNS` signs in all are not counted.

    Examples
    --------
    >>> import labelnb as lnb
    >>> items = lnb.load(["the cat purrs", "a cat sleeps", "the dog barks", "a dog runs"])
    >>> made = lnb.Proposal(np.eye(2)[[0, 0, 1, 1]], classes=("cat", "dog"))
    >>> words = Highlights(items, None, ("cat", "dog"), made)
    >>> [items[0][start:end] for start, end in words.spans(0, "cat")], words.spans(0, "dog")
    (['cat'], [])
    """

    def __init__(self, items: Any, labels: Any, class_names: Sequence[str], result: Any = None, *, from_evidence: bool = True) -> None:
        self._items, self._names = items, tuple(class_names)
        evidence: Mapping[str, Any] = result.evidence if isinstance(result, Proposal | Ranking) else {}
        self._given = evidence.get("spans") if from_evidence and isinstance(result, Proposal) else None
        self._weights: dict[str, dict[str, float]] | None = None
        if isinstance(evidence.get("word_weights"), Mapping):
            given = evidence["word_weights"].items()
            self._weights = {str(name): {str(word).lower(): float(weight) for word, weight in of.items()} for name, of in given}
        self._labels, self._result = labels, result

    def spans(self, position: int, class_name: str, most: int = MOST_WORDS) -> list[tuple[int, int]]:
        """(start, end) of what is marked in the text of one item, in its order; empty where nothing speaks for the class.

        Parameters
        ----------
        position : of the item
        class_name : the class that it is shown as
        most : different words at most
        """
        if self._given is not None and self._proposed(position) == class_name:
            return _checked(self._given[position])
        text = str(self._items.text(position))
        found = [(match.start(), match.end(), match.group().lower()) for match in WORD.finditer(text)]
        weights = self.weights.get(class_name, {})
        others = [of for name, of in self.weights.items() if name != class_name]
        own = {word: weights[word] for _, _, word in found if word in weights}
        telling = [word for word, weight in own.items() if weight > 0 and all(weight > of.get(word, 0.0) for of in others)]
        most = min(most, -(-len(found) // 3))
        marked = set(sorted(telling, key=lambda word: (-own[word], word))[:most])
        return [(start, end) for start, end, word in found if word in marked]

    @property
    def weights(self) -> dict[str, dict[str, float]]:
        """Weight of each word by class name; counted when first asked for."""
        if self._weights is None:
            self._weights = self._counted()
        return self._weights

    def _proposed(self, position: int) -> str | None:
        k = int(self._result.probabilities[position].argmax())
        return str(self._result.classes[k]) if self._result.probabilities[position, k] > 0 else None

    def _counted(self) -> dict[str, dict[str, float]]:
        names = [*self._names, None]
        count = len(self._items)
        shown = np.full(count, -1, np.int64)
        sure = np.zeros(count)
        if isinstance(self._result, Proposal):
            places = np.array([self._names.index(name) if name in self._names else -1 for name in self._result.classes] + [-1])
            shown, sure = places[self._result.predictions], np.asarray(self._result.confidence, np.float64)
        if self._labels is not None:
            known = np.asarray(self._labels.values)
            shown, sure = np.where(known >= 0, known, shown), np.where(known >= 0, 2.0, sure)
        present = [k for k in range(len(self._names)) if (shown == k).any()]
        words = Keywords()
        for k in present:
            own = np.flatnonzero(shown == k)
            texts, room = [], SIGNS // len(present)
            for position in own[np.argsort(-sure[own], kind="stable")].tolist():
                texts.append(str(self._items.text(position))[: max(room, 1)])
                room -= len(texts[-1])
                if room <= 0:
                    break
            words.add(names[k], texts)
        return {str(names[k]): dict(words.best(names[k], KEYWORDS, FEWEST)) for k in present}


def _checked(given: Any) -> list[tuple[int, int]]:
    """Spans that do not overlap, in order; what a method said beyond start and end, such as a weight, is left out."""
    end, kept = 0, []
    for span in sorted((int(one[0]), int(one[1])) for one in given):
        if span[0] >= end and span[1] > span[0]:
            kept.append(span)
            end = span[1]
    return kept
