"""Names proposed for clusters, each with its source and score: labels there are, the text encoder, a bank of texts, words, an annotator."""
from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from labelnb.cluster_banks import name_bank
from labelnb.cluster_keywords import Keywords
from labelnb.widgets.cluster_groups import Groups, purity

__all__ = ["NameProposal", "NameScores", "NameProposals"]

ROOM = 20_000_000
"""Scores of items kept at most, items times names; beyond that only the mean of each cluster is kept."""
NEAR = 0.5
"""Standard deviations nearer than items are on average from which a class or a text of the bank is proposed. On ten clusters of glosses of
ten WordNet domains, five words in the bank, names below it were wrong or said little."""
PATIENCE = 0.25
"""Seconds of work in one go, so that the kernel stays free for other requests."""
TEXTS = 100
"""Texts of a cluster whose words are counted."""
ASKED = 8
"""Items that an annotator sees of a cluster."""
WORDED = ("text", "row", "node")
"""Modalities whose items are described by words of their own."""


class NameProposal(NamedTuple):
    """A name for a cluster."""

    name: str
    """The name."""
    source: str
    """`known` class that the method was told of, `kept` from a clustering before, `labels` of its items, `encoder` (a class's name is
    near), `bank` (a text of the bank is near), `words` of its texts, `annotator`."""
    score: float
    """`known`: 1. `kept`: overlap; `labels`, `annotator`: share that agree (0 to 1). `encoder`, `bank`: standard deviations nearer than
    items are on average. `words`: weight of the first word."""


class NameScores:
    """How near the items are to each name, by the host's own text search, standardised by name.

    Without standardising, a class whose name is near to everything would be proposed for every cluster.
    """

    def __init__(self, host: Any, groups: Groups) -> None:
        self.host, self._groups = host, groups
        self._scores: dict[str, np.ndarray] = {}
        self._means: dict[str, np.ndarray] = {}
        self._keys: dict[int, tuple[int, int]] = {}

    def missing(self, names: Sequence[str]) -> list[str]:
        """Names that are not searched for yet; none where the host cannot search by text."""
        return [name for name in names if name not in self._scores and name not in self._means] if self.host.can_search_text else []

    def search(self, name: str, n_names: int) -> None:
        """Search for one name, among `n_names` in all."""
        found = np.asarray(self.host.search(name), np.float32)
        spread = float(found.std())
        found = (found - found.mean()) / spread if spread > 0 else np.zeros_like(found)
        if n_names * len(found) <= ROOM:
            self._scores[name] = found
            return
        groups = self._groups
        sums = np.bincount(groups.assignment + 1, weights=found, minlength=groups.count + 1)[1:]
        self._means[name] = sums / np.maximum(groups.sizes, 1)
        self._keys.update({cluster: groups.key(cluster) for cluster in range(groups.count) if cluster not in self._keys})

    def best(self, cluster: int, members: np.ndarray, names: Sequence[str]) -> tuple[str, float] | None:
        """The name that the members are nearest to, and how near; None where none stands out."""
        if not len(members):
            return None
        means = np.full(len(names), -np.inf)
        same = self._keys.get(cluster) == self._groups.key(cluster)
        for place, name in enumerate(names):
            if name in self._scores:
                means[place] = self._scores[name][members].mean()
            elif same and name in self._means and cluster < len(self._means[name]):
                means[place] = self._means[name][cluster]
        # Clearly nearer than the collection as a whole, or it says nothing.
        return (names[int(means.argmax())], float(means.max())) if len(names) and means.max() >= NEAR else None


class NameProposals:
    """All sources together.

    Parameters
    ----------
    host : the session
    bank : texts that could be names, or the name of a bank (`labelnb.cluster_banks`)
    annotator : takes a list of items (texts, or pictures) and gives a name, or one an item; asked only when told to
    """

    def __init__(self, host: Any, bank: str | Sequence[str], annotator: Callable[[list[Any]], Any] | None, groups: Groups) -> None:
        self.host, self.annotator = host, annotator
        self.bank = name_bank(bank)
        self.words = Keywords()
        self._asked: dict[tuple[int, int], NameProposal] = {}
        self.follow(groups)

    def follow(self, groups: Groups) -> None:
        """Work on these groups from now on; what is known of items stays."""
        self._groups = groups
        self.scores = getattr(self, "scores", None) or NameScores(self.host, groups)
        self.scores._groups = groups

    def look_in(self, bank: str | Sequence[str]) -> None:
        """Look for names in this bank too; the searching is done by `work`."""
        self.bank = tuple(dict.fromkeys((*self.bank, *name_bank(bank))))

    @property
    def worded(self) -> bool:
        """Whether items are described by words."""
        return self.host.items.modality in WORDED

    def work(self, patience: float = PATIENCE) -> tuple[int, int]:
        """Search and count for some time; what is done and what there is to do, equal once all is done."""
        end = time.monotonic() + patience
        names = [*self.host.classes.names, *self.bank]
        missing: list[Any] = list(self.scores.missing(names))
        keys = [self._groups.key(int(cluster)) for cluster in np.flatnonzero(self._groups.sizes > 0)] if self.worded else []
        self.words.keep(keys)
        uncounted = [key for key in keys if key not in self.words]
        left = len(missing) + len(uncounted)
        total = len(names) + len(keys)
        for task in (*missing, *uncounted):
            if isinstance(task, str):
                self.scores.search(task, len(names))
            else:
                members = self._groups.members(task[0])
                few = members[:: max(1, len(members) // TEXTS)][:TEXTS]
                self.words.add(task, [str(self.host.items.text(int(i))) for i in few])
            left -= 1
            if time.monotonic() > end:
                break
        return total - left, total

    def of(self, cluster: int, members: np.ndarray, labels: Any, kept: Any = None) -> list[NameProposal]:
        """Names for a cluster, the surest source first, each name once; no work is done."""
        found: list[NameProposal] = []
        if kept is not None:
            found.append(NameProposal(kept.name, "known" if kept.known else "kept", kept.overlap))
        share, commonest, known = purity(members, np.asarray(labels.values))
        if share is not None and share > 0.5 and known > 1:
            found.append(NameProposal(self.host.classes.names[commonest], "labels", share))
        key = self._groups.key(cluster)
        if key in self._asked:
            found.append(self._asked[key])
        for source, names in (("encoder", self.host.classes.names), ("bank", self.bank)):
            best = self.scores.best(cluster, members, names)
            if best is not None:
                found.append(NameProposal(best[0], source, best[1]))
        if key in self.words:
            words = self.words.best(key)
            if words:
                found.append(NameProposal(", ".join(word for word, _ in words), "words", words[0][1]))
        seen: set[str] = set()
        return [one for one in found if not (one.name in seen or seen.add(one.name))]  # type: ignore[func-returns-value]

    def ask(self, cluster: int, typical: np.ndarray) -> NameProposal:
        """Let the annotator name a cluster by its most typical items.

        Raises
        ------
        ValueError
            If there is no annotator, or it gives no name.
        """
        if self.annotator is None:
            raise ValueError("there is no annotator; give one: ClusterBoard(..., annotator=lambda items: 'a name')")
        items = self.host.items
        shown = [items.image(int(i)) if items.modality == "image" else str(items.text(int(i))) for i in typical[:ASKED]]
        said = self.annotator(shown)
        answers = [said] if isinstance(said, str) else [one for one in said if one is not None]
        names = Counter(str(one).strip() for one in answers if str(one).strip())
        if not names:
            raise ValueError(f"the annotator gave no name for cluster {cluster}; it returned {said!r}, expected a text, or one an item")
        name, votes = names.most_common(1)[0]
        made = NameProposal(name[:200], "annotator", votes / len(answers))
        self._asked[self._groups.key(cluster)] = made
        return made
