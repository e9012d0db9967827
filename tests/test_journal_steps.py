"""Work that is no label in the journal: kept, found by subject, undone and redone, alone and joined with labels."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labelnb.classes import LabelSpace
from labelnb.event_log import STACKED
from labelnb.journal import Journal
from labelnb.labels import Label

IDS = np.array([f"i{n}" for n in range(4)], dtype=object)
CLASSES = LabelSpace(("cat", "dog"))
CAT = Label("class", ("cat",))
ALL = ("decision", "accept", "board")


@pytest.fixture
def journal(tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


def contents(journal: Journal, subject: str = "board:a") -> list[dict]:
    return [dict(step.content) for step in journal.steps(subject)]


def test_steps_are_found_by_subject_in_order_also_by_another_connection(journal):
    journal.record("board", "board:a", {"do": "merge"}, who="ada", summary="merged")
    journal.record("graph", "graph:b", {"do": "cut"})
    journal.record("board", "board:a", {"do": "split", "items": [1, 2]}, n_items=2)
    assert contents(journal) == [{"do": "merge"}, {"do": "split", "items": [1, 2]}]
    with Journal(journal.path) as other:
        assert contents(other) == contents(journal)
        assert [step.kind for step in other.steps("graph:b")] == ["graph"]
        assert other.subjects("board:") == ["board:a"]
        assert other.subjects() == ["board:a", "graph:b"], "the one worked on last first"
        event = other.history()[0]
        assert (event.kind, event.who, event.summary, event.n_items) == ("board", "ada", "merged", 0)


def test_undo_and_redo_by_kind(journal):
    journal.record("board", "board:a", {"n": 1})
    journal.decide(IDS[:2], CAT, who="ada")
    journal.record("board", "board:a", {"n": 2})
    assert [event.kind for event in journal.undo(kinds=("decision",))] == ["decision"]
    assert contents(journal) == [{"n": 1}, {"n": 2}]
    assert [event.kind for event in journal.undo(2, kinds=ALL)] == ["board", "board"]
    assert contents(journal) == []
    assert journal.subjects() == []
    assert [step.content["n"] for step in journal.steps("board:a", undone=True)] == [1, 2]
    journal.redo(3, kinds=ALL)
    assert contents(journal) == [{"n": 1}, {"n": 2}]
    assert journal.n_labelled() == 2


def test_undo_says_which_kinds_there_are(journal):
    journal.record("board", "board:a", {})
    assert journal.undo() == [], "without being told, undo leaves steps alone"
    with pytest.raises(ValueError, match="'board', 'graph'"):
        journal.undo(kinds=("colour",))
    with pytest.raises(ValueError, match="labels go through decide"):
        journal.record("decision", "board:a", {})


def test_a_step_travels_with_its_labels(journal):
    event = journal.decide(IDS, CAT, who="ada", source="accept", kind="accept", step=("board:a", {"do": "accept"}))
    assert event.details["step"] == {"do": "accept"}
    assert journal.history()[-1].details == event.details
    assert contents(journal) == [{"do": "accept"}]
    journal.undo()
    assert contents(journal) == []
    assert journal.n_labelled() == 0


def test_joined_events_are_one_step(journal):
    journal.decide(IDS[:1], CAT, who="ada")
    first = journal.record_classes(CLASSES)                     # the first classes are where a session begins: joined to in vain
    second = journal.record_classes(LabelSpace(("cat", "dog", "eel")))
    third = journal.decide(IDS[1:], CAT, who="ada", joined_to=second.number)
    fourth = journal.record("board", "board:a", {"n": 1}, joined_to=second.number)
    numbers = [fourth.number, third.number, second.number]
    assert [event.number for event in journal.undo(kinds=("decision",))] == numbers
    assert journal.classes().names == ("cat", "dog")
    assert journal.n_labelled() == 1
    assert {event.number for event in journal.redo(kinds=("board",))} == set(numbers)
    assert journal.n_labelled() == 4
    assert journal.classes().names == ("cat", "dog", "eel")
    assert contents(journal) == [{"n": 1}]
    assert len(journal.undo(2, kinds=STACKED)) == 4, "two steps: the three that are joined, and the first decision"
    assert journal.decide(IDS, CAT, who="ada", joined_to=first.number).number > first.number
    assert len(journal.undo(kinds=STACKED)) == 1


def test_what_is_joined_to_something_undone_meanwhile_stands_alone(journal):
    first = journal.decide(IDS[:1], CAT, who="ada")
    journal.undo()
    journal.decide(IDS[1:], CAT, who="ada", joined_to=first.number)
    assert [event.n_items for event in journal.undo()] == [3]
    with Journal(journal.path) as other:
        assert other.n_labelled() == 0


def test_a_new_step_ends_what_could_be_redone(journal):
    journal.decide(IDS, CAT, who="ada")
    journal.undo()
    assert journal.can_redo(ALL)
    journal.record("board", "board:a", {})
    assert not journal.can_redo(ALL)
