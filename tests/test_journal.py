"""The journal: decisions, undo and redo, and what two connections see of each other."""
from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from labelnb.classes import LabelSpace
from labelnb.journal import Event, Journal, JournalError
from labelnb.labels import Label, any_of, not_

CLASSES = LabelSpace(("cat", "dog", "bird"))
IDS = np.array([f"i{n}" for n in range(8)], dtype=object)
CAT, DOG, BIRD = (Label("class", (name,)) for name in CLASSES.names)


@pytest.fixture
def journal(tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as made:
        yield made


def values(journal: Journal) -> list[int]:
    return journal.replay(IDS, CLASSES).values.tolist()


# -- decisions

def test_a_decision_is_what_was_given(journal: Journal):
    event = journal.decide(["i1", "i3"], [CAT, not_("dog")], who="ada", confidence=[0.9, 0.25], method="zero_shot.clip", run=None)
    assert (event.number, event.kind, event.who, event.n_items, event.run, event.undone) == (1, "decision", "ada", 2, None, False)
    assert event.details == {"source": "person", "method": "zero_shot.clip"}
    made = journal.replay(IDS, CLASSES)
    assert [made.label(i) for i in range(8)] == [None, CAT, None, not_("dog"), None, None, None, None]
    assert made.who.tolist()[:4] == [None, "ada", None, "ada"]
    assert made.confidence[[1, 3]].tolist() == [0.9, 0.25]
    assert np.isnan(made.confidence[[0, 2, 4]]).all()
    assert made.method[1] == "zero_shot.clip"
    assert journal.history() == [event]


def test_later_decisions_win_and_none_clears(journal: Journal):
    journal.decide(IDS, CAT, who="ada")
    journal.decide(["i2"], DOG, who="bob")
    journal.decide(["i0", "i2"], [None, BIRD], who="cyd")
    made = journal.replay(IDS, CLASSES)
    assert made.values.tolist() == [-1, 0, 2, 0, 0, 0, 0, 0]
    assert made.who.tolist()[:3] == [None, "ada", "cyd"]
    assert made.n_known == journal.n_labelled() == 7


def test_ids_in_another_order_and_only_some_of_them(journal: Journal):
    journal.decide(IDS, [CAT, DOG, BIRD, CAT, DOG, BIRD, CAT, DOG], who="ada")
    assert journal.replay(np.array(["i5", "new", "i0"], dtype=object), CLASSES).values.tolist() == [2, -1, 0]
    assert journal.replay(np.array(["i5", "new", "i0"]), CLASSES).values.tolist() == [2, -1, 0]
    journal.decide(["new"], DOG, who="ada")
    assert journal.replay(np.array(["i5", "new", "i0"]), CLASSES).values.tolist() == [2, 1, 0]
    assert journal.replay(np.array([], dtype=object), CLASSES).values.tolist() == []


def test_labels_keep_their_names_when_classes_change(journal: Journal):
    journal.decide(["i0", "i1"], [CAT, DOG], who="ada")
    assert journal.replay(IDS, LabelSpace(("dog", "cat"))).values[:2].tolist() == [1, 0]
    made = journal.replay(IDS, LabelSpace(("dog",)))
    assert made.values[:2].tolist() == [-1, 0]
    assert made.label(0) == CAT
    assert made.known[:2].all()


def test_the_snapshot_does_not_change(journal: Journal):
    journal.decide(["i0"], CAT, who="ada")
    before = journal.replay(IDS, CLASSES)
    journal.decide(IDS, [DOG, not_("cat")] * 4, who="bob")
    journal.replay(IDS, CLASSES)
    journal.undo(2)
    assert before.values.tolist() == [0] + [-1] * 7
    assert before.who.tolist() == ["ada"] + [None] * 7
    assert before.n_known == 1


def test_a_decision_follows_a_run(journal: Journal):
    provenance = {"parameters": {"temperature": np.float32(0.5)}, "seed": None}
    run = journal.record_run("zero_shot.clip", provenance, "8 of 8 items proposed", result_key="r-1")
    assert run.number == run.run == 1
    assert run.details == {
        "provenance": {"parameters": {"temperature": 0.5}, "seed": None}, "result_key": "r-1", "method": "zero_shot.clip",
    }
    journal.decide(IDS[:2], CAT, who="ada", source="accept", kind="accept", run=run.number, confidence=np.array([0.5, 0.75], np.float32))
    made = journal.replay(IDS, CLASSES)
    assert made.proposal.tolist()[:3] == [1, 1, None]
    assert made.method.tolist()[:3] == ["zero_shot.clip"] * 2 + [None]
    assert made.source.tolist()[:3] == ["accept", "accept", None]
    assert not made.by_person.any()
    assert journal.runs() == [run]
    frame = made.to_frame()
    assert frame["run"].tolist()[:2] == [1, 1]
    assert frame["confidence"].tolist()[:2] == [0.5, 0.75]


def test_confidence_is_kept_exactly(journal: Journal):
    numbers = [0.1, 1 / 3, np.float32(0.1), np.nan, 0.0, 1.0]
    journal.decide([f"i{n}" for n in range(6)], CAT, who="a", confidence=numbers)
    assert np.array_equal(journal.replay(IDS, CLASSES).confidence[:6], np.array(numbers, float), equal_nan=True)
    journal.decide(["i0", "i1"], CAT, who="a", confidence=0.7)
    assert journal.replay(IDS, CLASSES).confidence[:2].tolist() == [0.7, 0.7]


def test_people_are_kept_by_a_bulk_accept_that_says_so(journal: Journal):
    journal.decide(["i0", "i1"], CAT, who="ada")
    journal.decide(["i1", "i2"], BIRD, who="rule", source="accept", kind="accept")
    event = journal.decide(IDS, [DOG] * 8, who="clip", source="accept", kind="accept", confidence=np.arange(8) / 10, keep_people=True)
    assert event.n_items == 7
    made = journal.replay(IDS, CLASSES)
    assert made.values.tolist() == [0] + [1] * 7
    assert made.by_person.tolist() == [True] + [False] * 7
    assert made.confidence[3] == 0.3
    journal.undo(2)
    assert journal.replay(IDS, CLASSES).by_person.tolist() == [True, True] + [False] * 6
    journal.undo()
    assert journal.decide(IDS, DOG, who="clip", source="accept", keep_people=True).n_items == 8


def test_people_are_kept_when_they_decide_in_another_process_at_the_last_moment(journal: Journal):
    journal.replay(IDS, CLASSES)
    with Journal(journal.path) as other:
        other.decide(["i3"], CAT, who="bob")
    journal.decide(IDS, DOG, who="clip", source="accept", kind="accept", keep_people=True)
    assert values(journal) == [1, 1, 1, 0, 1, 1, 1, 1]


def test_nobody_left_to_accept_for_is_no_step_to_undo(journal: Journal):
    journal.decide(["i0"], CAT, who="ada")
    journal.undo()
    journal.redo()
    event = journal.decide(["i0"], DOG, who="clip", source="accept", kind="accept", keep_people=True)
    assert event.n_items == 0
    assert journal.decide([], CAT, who="ada").n_items == 0
    assert [e.number for e in journal.undo()] == [1]
    assert journal.decide([], CAT, who="ada").n_items == 0
    assert [e.number for e in journal.redo()] == [1]
    assert values(journal)[0] == 0


@pytest.mark.parametrize(("arguments", "error", "says"), [
    ({"ids": "i0", "labels": CAT}, TypeError, r"\['i0'\]"),
    ({"ids": [0], "labels": CAT}, TypeError, "position 0 holds 0"),
    ({"ids": ["i0"], "labels": ["cat"]}, TypeError, "Label.of"),
    ({"ids": ["i0", "i1"], "labels": [CAT]}, ValueError, "1 for 2 ids"),
    ({"ids": ["i0", "i0"], "labels": [CAT, DOG]}, ValueError, "different labels"),
    ({"ids": ["i0"], "labels": CAT, "confidence": [0.1, 0.2]}, ValueError, "confidence"),
    ({"ids": ["i0"], "labels": CAT, "kind": "run"}, ValueError, "kind"),
    ({"ids": ["i0"], "labels": CAT, "who": None}, TypeError, "who"),
    ({"ids": ["a\ud800"], "labels": CAT}, ValueError, "no valid text"),
])
def test_refused_before_anything_is_written(journal: Journal, arguments, error, says):
    with pytest.raises(error, match=says):
        journal.decide(**{"who": "ada", **arguments})
    assert journal.history() == []
    journal.decide(["i0"], CAT, who="ada")
    assert values(journal)[0] == 0


def test_the_same_id_twice_with_the_same_label(journal: Journal):
    assert journal.decide(["i1", "i0", "i1"], [CAT, DOG, CAT], who="ada", confidence=[0.1, 0.2, 0.3]).n_items == 2
    assert values(journal)[:2] == [1, 0]


def test_ids_of_every_script(journal: Journal):
    ids = np.array(["", "é", "日本語", "a\0b", "x" * 5000, "'; DROP TABLE items; --", "🙂"], dtype=object)
    journal.decide(ids, CAT, who="Ünal")
    with Journal(journal.path) as other:
        assert other.replay(ids, CLASSES).values.tolist() == [0] * 7
        assert other.history()[0].who == "Ünal"


def test_repeated_ids_cannot_be_replayed(journal: Journal):
    with pytest.raises(ValueError, match="more than once"):
        journal.replay(np.array(["a", "a"], dtype=object), CLASSES)


def test_distinct_labels_are_kept_once(journal: Journal):
    journal.decide([f"item {n}" for n in range(3000)], [CAT, any_of("dog", "bird"), not_("cat")] * 1000, who="ada")
    journal.decide([f"item {n}" for n in range(3000)], any_of("bird", "dog"), who="ada")
    rows = sqlite3.connect(journal.path)
    assert rows.execute("SELECT count(*) FROM labels").fetchone() == (3,)
    assert rows.execute("SELECT length(items), length(labels) FROM decisions").fetchall() == [(12000, 12000), (12000, 4)]
    rows.close()


# -- undo and redo

def test_the_label_before_shows_again(journal: Journal):
    journal.decide(["i0"], CAT, who="ada")
    journal.decide(["i0"], DOG, who="bob")
    assert [event.who for event in journal.undo()] == ["bob"]
    made = journal.replay(IDS, CLASSES)
    assert (made.values[0], made.who[0]) == (0, "ada")
    journal.undo()
    assert values(journal)[0] == -1
    assert journal.undo() == []
    assert [event.undone for event in journal.redo()] == [False]
    assert values(journal)[0] == 0
    journal.redo()
    assert values(journal)[0] == 1
    assert journal.redo() == []


def test_undo_appends(journal: Journal):
    journal.decide(["i0"], CAT, who="ada")
    journal.undo(who="bob")
    journal.redo()
    history = journal.history()
    assert [(event.kind, event.undone) for event in history] == [("decision", False), ("undo", False), ("redo", False)]
    assert history[1].who == "bob"
    assert history[1].details == {"events": [1]}
    assert history[1].summary == "undo: 1 item: cat"


def test_undo_of_a_bulk_accept_and_of_a_run(journal: Journal):
    journal.decide(["i0"], CAT, who="ada")
    run = journal.record_run("propagation.zlap", {}, "8 of 8 items proposed")
    journal.decide(IDS[1:], DOG, who="ada", source="accept", kind="accept", run=run.number)
    assert values(journal) == [0] + [1] * 7
    assert [event.kind for event in journal.undo()] == ["accept"]
    assert values(journal) == [0] + [-1] * 7
    assert [event.kind for event in journal.undo()] == ["run"]
    assert journal.runs() == []
    assert values(journal)[0] == 0
    assert [event.kind for event in journal.redo(2)] == ["run", "accept"]
    assert [event.number for event in journal.runs()] == [run.number]
    assert values(journal) == [0] + [1] * 7


def test_undo_of_decisions_leaves_runs_alone(journal: Journal):
    journal.decide(["i0"], CAT, who="ada")
    journal.record_run("propagation.zlap", {}, "run")
    assert [event.kind for event in journal.undo(3, kinds=("decision", "accept"))] == ["decision"]
    assert len(journal.runs()) == 1
    assert values(journal)[0] == -1
    assert journal.redo(kinds="run") == []
    assert [event.kind for event in journal.redo(kinds=("decision", "accept"))] == ["decision"]
    journal.decide(["i0"], DOG, who="ada")
    assert [event.kind for event in journal.undo(kinds="run")] == ["run"]
    assert values(journal)[0] == 1


def test_undo_of_several_at_once(journal: Journal):
    for label in (CAT, DOG, BIRD):
        journal.decide(["i0"], label, who="ada")
    assert [event.number for event in journal.undo(2)] == [3, 2]
    assert values(journal)[0] == 0
    assert [event.number for event in journal.redo(5)] == [2, 3]
    assert values(journal)[0] == 2
    assert [event.number for event in journal.undo(99)] == [3, 2, 1]


def test_what_is_redone_stands_where_it_stood(journal: Journal):
    journal.decide(["i0"], CAT, who="ada")
    journal.decide(["i0"], DOG, who="ada")
    run = journal.record_run("m", {}, "run")
    journal.undo(2, kinds="decision")
    journal.undo(kinds="run")
    journal.redo(kinds="run")
    assert [event.number for event in journal.redo(2, kinds="decision")] == [1, 2]
    assert [event.number for event in journal.undo(3)] == [run.number, 2, 1]


@pytest.mark.parametrize("step", ["decide", "run", "classes"])
def test_a_new_step_ends_what_could_be_redone(journal: Journal, step: str):
    journal.record_classes(CLASSES)
    journal.decide(["i0"], CAT, who="ada")
    journal.undo()
    if step == "decide":
        journal.decide(["i1"], CAT, who="ada")
    elif step == "run":
        journal.record_run("m", {}, "run")
    else:
        journal.record_classes(LabelSpace(("cat", "dog")))
    assert journal.redo() == []
    assert values(journal)[0] == -1


def test_a_note_ends_nothing(journal: Journal):
    journal.decide(["i0"], CAT, who="ada")
    journal.undo()
    assert journal.note("look at i0 again", who="bob").kind == "note"
    assert [event.number for event in journal.redo()] == [1]
    assert journal.undo(kinds=("run",)) == []


@pytest.mark.parametrize(("n", "kinds"), [(0, None), (-1, None), (True, None), (1.0, None), (1, ("note",)), (1, ()), (1, "undo")])
def test_undo_of_nothing_sensible(journal: Journal, n, kinds):
    with pytest.raises(ValueError, match="expected"):
        journal.undo(n, kinds=kinds)


def test_classes_are_journaled(journal: Journal):
    assert journal.classes() is None
    first, second = LabelSpace(("cat",), prompts={"cat": ("a photo of a cat",)}), LabelSpace(("cat", "dog"), metric=np.eye(2), multi=True)
    journal.record_classes(first, who="ada")
    assert journal.classes() == first
    journal.record_classes(second)
    assert journal.classes() == second
    assert journal.undo() == []                                  # only when told so
    assert [event.kind for event in journal.undo(kinds=("decision", "classes"))] == ["classes"]
    assert journal.classes() == first
    assert journal.undo(kinds="classes") == []                   # what the session began with stays
    journal.redo(kinds="classes")
    assert journal.classes() == second


def test_history_and_its_end(journal: Journal):
    for n in range(5):
        journal.decide([f"i{n}"], CAT, who="ada", summary=f"step {n}")
    assert [event.summary for event in journal.history()] == [f"step {n}" for n in range(5)]
    assert [event.summary for event in journal.history(2)] == ["step 3", "step 4"]
    assert journal.history(0) == []
    assert journal.history()[0].when <= journal.history()[-1].when
    assert journal.last_change().isoformat(timespec="milliseconds") == journal.history(1)[0].when


# -- two connections

def test_two_connections_see_each_other(journal: Journal):
    with Journal(journal.path) as other:
        assert not journal.changed()
        assert not other.changed()
        journal.decide(["i0"], CAT, who="ada")
        assert not journal.changed()
        assert other.changed()
        assert not other.changed()
        assert values(other)[0] == 0
        other.decide(["i0", "i1"], DOG, who="bob")
        assert journal.changed()
        assert values(journal)[:2] == [1, 1]
        assert [event.who for event in journal.undo()] == ["bob"]
        assert values(other)[:2] == [0, -1]
        assert [event.who for event in other.redo()] == ["bob"]
        assert values(journal)[:2] == [1, 1]


def test_threads_share_a_journal(journal: Journal):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        events = list(pool.map(lambda n: journal.decide([f"i{n % 8}", f"t{n}"], CAT, who=f"thread {n}"), range(40)))
    assert sorted(event.number for event in events) == list(range(1, 41))
    assert values(journal) == [0] * 8
    assert journal.n_labelled() == 48


def test_closed_is_closed(journal: Journal):
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.decide(["i0"], CAT, who="ada")
    with pytest.raises(JournalError, match="closed"):
        journal.replay(IDS, CLASSES)


def test_events_are_plain_values(journal: Journal):
    event = journal.decide(["i0"], CAT, who="ada")
    assert isinstance(event, Event)
    with pytest.raises(AttributeError):
        event.who = "bob"
    assert repr(journal).startswith("Journal(")
