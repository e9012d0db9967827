"""Banks of texts that could be names of clusters, for where nobody has named a class yet.

They come with labelnb or with what it uses, none is fetched: names, tags and groups of emoji (emojibase-data, MIT, itself of the Unicode
CLDR), nouns and domains of WordNet 3.1 (WordNet licence), and the names of the 1,000 ImageNet classes as timm has them (WordNet).
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["BANKS", "name_bank"]

COMMON = 3
"""A tag of emoji is a name where so many of them have it: 'food', 'fruit', not 'potassium'."""


def name_bank(names: str | Sequence[str] = "emoji") -> tuple[str, ...]:
    """The texts of a bank, or of several joined by `+`; a list of names is its own bank. Each once, in a fixed order.

    Parameters
    ----------
    names : `"emoji"` (490 or so everyday things and kinds of them), `"imagenet"` (1,000 classes of photographs, fine ones),
        `"wordnet"` (2,000 nouns of ten domains, drawn at random: many are rare), `"emoji+imagenet"`, or the names themselves

    Raises
    ------
    ValueError
        If there is no such bank.

    Notes
    -----
    A name from a bank is no more than the nearest of these texts. Do not use a bank of things for texts about feelings: name them by their
    words. Each name costs one search through the items.

    Examples
    --------
    >>> name_bank("emoji")[:3], "fruit" in name_bank("emoji")
    (('banana', 'rocket', 'motor scooter'), True)
    """
    if not isinstance(names, str):
        return tuple(dict.fromkeys(text for text in (str(name).strip() for name in names) if text))
    wanted = [part.strip() for part in names.split("+")]
    unknown = [part for part in wanted if part not in BANKS]
    if unknown:
        known = ", ".join(map(repr, BANKS))
        raise ValueError(f"names: got the bank {unknown[0]!r}, expected {known}, some joined by '+', or a list of names")
    return name_bank([name for part in wanted for name in BANKS[part]()])


def _emoji() -> list[str]:
    items = _embedded("emoji")
    tags = Counter(tag for some in items.frame.column("tags").to_pylist() for tag in some)
    names: list[str] = items.frame.column("name").to_pylist()
    return [*names, *items.truth_names, *(tag for tag, count in tags.items() if count >= COMMON)]


def _wordnet() -> list[str]:
    items = _embedded("glosses")
    return [*items.truth_names, *items.frame.column("word").to_pylist()]


def _imagenet() -> list[str]:
    from labelnb.encoders.conse_tables import class_descriptions

    return [text.partition(",")[0] for text in class_descriptions()[0]]


def _embedded(name: str) -> Any:
    from labelnb import datasets

    return datasets.load(name)


BANKS: dict[str, Callable[[], list[str]]] = {"emoji": _emoji, "imagenet": _imagenet, "wordnet": _wordnet}
"""The banks by name; each is read when it is asked for."""
