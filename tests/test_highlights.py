"""Highlights: what a method says comes first, then the words of the highest class-based TF-IDF, against the formula written out."""
from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

import labelnb as lnb
from labelnb.highlights import Highlights

TEXTS = ["the red boat sails", "a boat and a sail", "the drum is loud", "a loud drum beats", "the boat has a drum"]
NAMES = ("boat", "drum")


def made(**evidence: object) -> lnb.Proposal:
    return lnb.Proposal(np.eye(2)[[0, 0, 1, 1, 0]], classes=NAMES, evidence=evidence)


def marked(words: Highlights, position: int, name: str) -> list[str]:
    return [TEXTS[position][start:end] for start, end in words.spans(position, name)]


def test_words_are_those_that_weigh_most_in_the_class() -> None:
    words = Highlights(lnb.load(TEXTS), None, NAMES, made())
    groups = {"boat": [TEXTS[0], TEXTS[1], TEXTS[4]], "drum": [TEXTS[2], TEXTS[3]]}
    counts = {name: Counter(word for text in texts for word in text.split() if len(word) > 1) for name, texts in groups.items()}
    mean = sum(sum(of.values()) for of in counts.values()) / 2

    def weight(word: str, name: str) -> float:
        return counts[name][word] / sum(counts[name].values()) * math.log1p(mean / sum(of[word] for of in counts.values()))

    for name, other in (NAMES, NAMES[::-1]):
        assert {word for word, count in counts[name].items() if count > 1} == set(words.weights[name])
        for word, found in words.weights[name].items():
            assert found == pytest.approx(weight(word, name))
        for position, text in enumerate(TEXTS):
            telling = [word for word in text.split() if counts[name][word] > 1 and weight(word, name) > weight(word, other)]
            most = -(-sum(len(word) > 1 for word in text.split()) // 3)
            best = sorted(telling, key=lambda word: -weight(word, name))[:most]
            assert marked(words, position, name) == [word for word in telling if word in best]
    assert marked(words, 4, "drum") == ["drum"]
    assert marked(words, 0, "boat") == ["the", "boat"]


def test_labels_of_people_outweigh_the_proposal_and_planted_items_are_not_given_away() -> None:
    items = lnb.load(TEXTS)
    labels = lnb.LabelSet.of(items.ids, lnb.LabelSpace.of(NAMES), [1, 1, 0, 0, -1])
    turned = Highlights(items, labels, NAMES, made())
    assert "boat" in marked(turned, 0, "drum")
    assert "boat" not in marked(turned, 0, "boat")
    spans = made(spans=[[(4, 7)], [], [], [], [(8, 12), (4, 9, .5)]])
    assert marked(Highlights(items, None, NAMES, spans), 0, "boat") == ["red"]
    assert marked(Highlights(items, None, NAMES, spans), 4, "boat") == ["boat "], "overlapping spans are drawn once"
    assert "red" not in marked(Highlights(items, None, NAMES, spans), 2, "boat"), "it speaks for the proposed class alone"
    hidden = Highlights(items, None, NAMES, spans, from_evidence=False)
    assert marked(hidden, 0, "boat") == marked(Highlights(items, None, NAMES, made()), 0, "boat")


def test_word_weights_of_a_method_come_before_counting() -> None:
    words = Highlights(lnb.load(TEXTS), None, NAMES, made(word_weights={"boat": {"The": 2.0, "red": 1.0}, "drum": {"the": 3.0}}))
    assert marked(words, 0, "boat") == ["red"]
    assert marked(words, 2, "drum") == ["the"]
    assert words.spans(0, "no such class") == []


def test_a_class_alone_and_texts_without_words_mark_nothing() -> None:
    items = lnb.load(["boat", "?!", "Zürich boat", "Zürich"])
    one = lnb.Proposal(np.ones((4, 1)), classes=("boat",))
    assert Highlights(items, None, ("boat",), one).spans(0, "boat") == []
    two = lnb.Proposal(np.eye(2)[[0, 1, 1, 1]], classes=NAMES)
    words = Highlights(items, None, NAMES, two)
    assert words.spans(1, "drum") == []
    assert [items[2][start:end] for start, end in words.spans(2, "drum")] == ["Zürich"]
