"""Classes renamed, merged and split while labels go along; versions, conflicts, undo."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb import UNSURE, Session, any_of, not_
from labelnb.class_changes import moved_space
from labelnb.class_moves import moved
from labelnb.classes import LabelSpace
from labelnb.labels import Label


@pytest.fixture
def s(tmp_path):
    with Session([f"text {i}" for i in range(10)], classes=["cat", "dog", "bird"], path=tmp_path / "s.lnb", who="ada") as session:
        yield session


def said(session) -> list[str]:
    return [str(session.labels.label(i)) for i in range(len(session.items))]


def test_renaming_carries_labels_with_who_and_when(s):
    s.label([0, 1], "cat")
    s.label(2, not_("cat"))
    s.label(3, any_of("cat", "dog"))
    before = s.labels
    assert s.classes.version == 1
    told = s.rename_class("cat", "felis catus")
    assert s.classes.names == ("felis catus", "dog", "bird")
    assert s.classes.version == 2
    assert told.n_items == 4
    assert told.conflicts == ()
    assert said(s)[:5] == ["felis catus", "felis catus", "not felis catus", "dog or felis catus", "None"]
    assert s.labels.values.tolist()[:4] == [0, 0, -1, -1]
    assert s.labels.when.tolist() == before.when.tolist()
    assert s.labels.by_person.tolist() == before.by_person.tolist(), "a person's label stays a person's"


def test_undo_and_redo_of_a_change_of_classes(s):
    s.label([0, 1], "cat")
    s.rename_class("cat", "feline")
    s.label(2, "feline")
    s.undo(2)
    assert (s.classes.names[0], said(s)[:3]) == ("cat", ["cat", "cat", "None"])
    assert s.classes.version == 1
    s.redo(2)
    assert (s.classes.names[0], said(s)[:3]) == ("feline", ["feline", "feline", "feline"])
    s.undo(2)
    s.add_class("eel")
    assert s.classes.version == 3, "a version is never given twice"


def test_merging_lists_what_cannot_be_said_any_more(s):
    s.label([0, 1], "cat")
    s.label(2, "dog")
    s.label([3, 4, 5], not_("cat"))
    s.label(6, not_("cat", "dog"))
    s.label(7, any_of("cat", "dog"))
    s.label(8, UNSURE)
    told = s.merge_classes(["cat", "dog"], "pet")
    assert s.classes.names == ("pet", "bird")
    assert said(s) == ["pet", "pet", "pet", "None", "None", "None", "not pet", "pet", "unsure", "None"]
    assert [tuple(one) for one in told.conflicts] == [("not cat", 3, "", "'not cat' says nothing of pet")]
    assert s.labels.n_known == 6
    s.undo()
    assert said(s)[3] == "not cat"


def test_merging_into_one_of_them(s):
    s.label([0, 1, 2], ["cat", "dog", "bird"])
    s.label(3, not_("cat"))
    told = s.merge_classes(["cat", "dog"], "cat")
    assert s.classes.names == ("cat", "bird")
    assert said(s)[:4] == ["cat", "cat", "bird", "None"]
    assert [one.label for one in told.conflicts] == ["not cat"], "'not cat' would now say 'not dog' as well"


def test_splitting_leaves_open_which_part_where_it_is_not_said(s):
    s.label([0, 1, 2], "cat")
    s.label(3, not_("cat"))
    told = s.split_class("cat", {"tabby": [0], "siamese": ["1"]} if "1" in s.items.ids else {"tabby": [0], "siamese": [1]})
    assert s.classes.names == ("tabby", "siamese", "dog", "bird")
    assert said(s)[:4] == ["tabby", "siamese", "siamese or tabby", "not siamese, tabby"]
    assert s.labels.candidates[2].tolist() == [True, True, False, False]
    assert s.classes.parents == {"tabby": "cat", "siamese": "cat"}
    assert told.classes.version == 2
    assert len(s.undo()) == 2, "the classes and the items that were told apart are one step"
    assert said(s)[:4] == ["cat", "cat", "cat", "not cat"]


def test_another_kernel_and_a_reopened_session_read_the_same(s):
    s.label([0, 1], ["cat", "dog"])
    s.merge_classes(["cat", "dog"], "pet")
    with Session.open(s.folder.path) as other:
        assert other.classes.version == 2
        assert said(other) == said(s)
        other.rename_class("pet", "animal")
    assert said(s)[:2] == ["animal", "animal"]
    assert s.classes.version == 3


def test_a_name_given_again_is_another_class(s):
    s.label(0, "cat")
    s.rename_class("cat", "feline")
    s.add_class("cat")
    s.label(1, "cat")
    assert said(s)[:2] == ["feline", "cat"]


def test_refused_before_anything_is_written(s):
    events = len(s.history())
    with pytest.raises(KeyError, match="did you mean"):
        s.rename_class("cta", "feline")
    with pytest.raises(ValueError, match=r"s\.merge_classes"):
        s.rename_class("cat", "dog")
    with pytest.raises(ValueError, match="name it too"):
        s.merge_classes(["cat", "dog"], "bird")
    with pytest.raises(ValueError, match="two classes at least"):
        s.merge_classes(["cat"], "pet")
    with pytest.raises(ValueError, match="two different names"):
        s.split_class("cat", ["tabby"])
    with pytest.raises(ValueError, match="are classes already"):
        s.split_class("cat", ["tabby", "dog"])
    with pytest.raises(ValueError, match="expected a name"):
        s.rename_class("cat", "  ")
    assert len(s.history()) == events


def test_several_classes_an_item():
    both = Label("multi", ("cat",), ("dog",))
    pet = {"cat": ["pet"], "dog": ["pet"]}
    assert moved(both, pet).label == Label("multi", ("pet",))
    assert moved(Label("multi", ("bird",), ("cat",)), pet) == (Label("multi", ("bird",)), "'not cat' says nothing of pet")
    assert moved(Label("multi", (), ("cat", "dog")), pet).label == Label("multi", (), ("pet",))
    parts = {"cat": ["tabby", "siamese"]}
    assert moved(Label("multi", ("cat", "dog")), parts) == (Label("multi", ("dog",)), "cat: which of tabby, siamese is open")
    assert moved(Label("multi", ("dog",), ("cat",)), parts).label == Label("multi", ("dog",), ("siamese", "tabby"))


def test_prompts_descriptions_parents_and_metric_go_along():
    space = LabelSpace(
        ("cat", "dog", "bird"), prompts={"cat": "a cat"}, descriptions={"dog": "barks"}, parents={"cat": "pet"}, metric=np.zeros((3, 3)),
    )
    renamed = moved_space(space, {"dog": ["hound"]})
    assert renamed.descriptions == {"hound": "barks"}
    assert renamed.metric is not None
    merged = moved_space(space, {"cat": ["pet"], "dog": ["pet"]})
    assert (merged.names, dict(merged.prompts), merged.parents, merged.metric) == (("pet", "bird"), {"pet": ("a cat",)}, {}, None)
    split = moved_space(space, {"bird": ["owl", "hen"]})
    assert split.names == ("cat", "dog", "owl", "hen")
    assert split.parents == {"cat": "pet", "owl": "bird", "hen": "bird"}


def test_a_cell_that_is_run_again_does_not_go_back_to_the_first_classes(s, capsys):
    s.label([0, 1], "cat")
    s.rename_class("cat", "feline")
    s.add_class("eel")
    s.journal.close()
    texts = [f"text {i}" for i in range(10)]
    with Session(texts, classes=["cat", "dog", "bird"], path=s.folder.path) as again:
        assert again.classes.names == ("feline", "dog", "bird", "eel")
        assert again.classes.version == 3
        assert "classes are those of version 3" in capsys.readouterr().out
        again.classes = ["cat", "dog", "bird"]
        assert again.classes.version == 4, "set on purpose"
    with Session(texts, classes=["cat", "new"], path=s.folder.path) as other:
        assert other.classes.names == ("cat", "new")


def test_a_preview_of_each_change_is_what_the_change_then_does(s):
    s.label([0, 1, 2, 3], ["cat", "cat", "dog", not_("cat")])
    for change in (
        lambda **more: s.rename_class("cat", "felis", **more),
        lambda **more: s.merge_classes(["felis", "dog"], "pet", **more),
        lambda **more: s.split_class("pet", {"tame": [0, 2], "wild": []}, **more),
    ):
        events = len(s.history())
        before = said(s)
        told = change(preview=True)
        assert (len(s.history()), said(s)) == (events, before)
        done = change()
        assert (told.moves, told.n_items, told.conflicts) == (done.moves, done.n_items, done.conflicts)
        assert told.classes.names == s.classes.names
    assert said(s)[:4] == ["tame", "tame or wild", "tame", "None"]
    assert [tuple(one) for one in done.moves] == [("pet", 2, "tame"), ("pet", 1, "tame or wild")]


def test_parts_accepted_in_bulk_are_not_decided_by_hand(s):
    s.label([0, 1], "cat")
    s.decide([2, 3], "cat", source="accept")
    s.split_class("cat", {"tabby": [0, 2], "siamese": [1, 3]}, by_hand=False)
    assert said(s)[:4] == ["tabby", "siamese", "tabby", "siamese"]
    assert s.labels.by_person[:4].tolist() == [True, True, False, False]
    s.undo()
    assert said(s)[:4] == ["cat"] * 4
