"""Words that tell a cluster of texts from the others: class-based TF-IDF.

Source: Grootendorst 2022 "BERTopic: Neural topic modeling with a class-based TF-IDF procedure" (arXiv 2203.05794), its eq. in section 3.3.
"""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable

import numpy as np

__all__ = ["Keywords"]

WORD = re.compile(r"[^\W\d_]{2,}(?:['’-][^\W\d_]+)*")
COMMON = 0.5
"""A word that more than this share of the clusters use says nothing of one of them; counted from `FEW` clusters on."""
FEW = 4


class Keywords:
    """Words by cluster: W = tf / sum(tf) x log(1 + A / f), with tf the word's count in the cluster, f in all, A the mean words a cluster.

    Add the texts of each cluster once, under a key; ask for any of them. Do not use it for one cluster alone, where nothing is told apart.

    >>> words = Keywords()
    >>> words.add("pets", ["a cat sleeps", "the cat eats"]); words.add("cars", ["a car drives", "the car stops"])
    >>> words.best("pets")[0][0], words.best("cars")[0][0]
    ('cat', 'car')
    """

    def __init__(self) -> None:
        self._counts: dict[Hashable, Counter[str]] = {}
        self._total: Counter[str] = Counter()
        self._spread: Counter[str] = Counter()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._counts

    def add(self, key: Hashable, texts: Iterable[str]) -> None:
        """The texts of one cluster; a key given again is counted anew."""
        self.drop(key)
        counts = Counter(word for text in texts for word in WORD.findall(text.lower()))
        self._counts[key] = counts
        self._total.update(counts)
        self._spread.update(counts.keys())

    def drop(self, key: Hashable) -> None:
        """Forget a cluster; nothing where there is none such."""
        counts = self._counts.pop(key, None)
        if counts is not None:
            self._total.subtract(counts)
            self._spread.subtract(counts.keys())

    def keep(self, keys: Iterable[Hashable]) -> None:
        """Forget all clusters but these."""
        for key in set(self._counts) - set(keys):
            self.drop(key)

    def best(self, key: Hashable, n: int = 3, fewest: int = 1) -> list[tuple[str, float]]:
        """The `n` words of the largest weight with their weights, the largest first; fewer where there are fewer. Words that the cluster
        uses less than `fewest` times are left out."""
        counts = self._counts[key]
        clusters = len(self._counts)
        limit = clusters * COMMON if clusters >= FEW else clusters
        words = [word for word in counts if self._spread[word] <= limit and counts[word] >= fewest]
        if not words or clusters < 2:
            return []
        mean = sum(self._total.values()) / clusters
        here = np.array([counts[word] for word in words], np.float64)
        weights = here / sum(counts.values()) * np.log1p(mean / np.array([self._total[word] for word in words], np.float64))
        order = sorted(range(len(words)), key=lambda i: (-weights[i], words[i]))[:n]
        return [(words[i], float(weights[i])) for i in order]
