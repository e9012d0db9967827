"""Label values and the LabelSet: what they mean, against a slow twin; and the frames."""
from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelnb.classes import LabelSpace
from labelnb.labels import OUTSIDE, UNSURE, Label, LabelSet, any_of, not_

NAMES = ("cat", "dog", "bird", "fish")
ONE = LabelSpace(NAMES)
SEVERAL = LabelSpace(NAMES, multi=True)


def labels() -> st.SearchStrategy[Label]:
    name, some = st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES), min_size=1)
    states = st.dictionaries(name, st.booleans(), min_size=1)
    return st.one_of(
        st.just(UNSURE), st.just(OUTSIDE), name.map(lambda n: Label("class", (n,))),
        some.map(lambda s: not_(*s)), some.map(lambda s: any_of(*s)),
        states.map(lambda s: Label("multi", tuple(n for n in s if s[n]), tuple(n for n in s if not s[n]))),
    )


@pytest.mark.parametrize(("value", "expected"), [
    ("dog", Label("class", ("dog",))),
    (np.str_("dog"), Label("class", ("dog",))),
    (1, Label("class", ("dog",))),
    (np.int64(3), Label("class", ("fish",))),
    ({"dog"}, Label("class", ("dog",))),
    (frozenset({"dog", "cat"}), Label("any", ("cat", "dog"))),
    ({"cat": True, "dog": False, "bird": None}, Label("multi", ("cat",), ("dog",))),
    ({"cat": np.True_}, Label("multi", ("cat",))),
    ({"cat": None}, None),
    ({}, None),
    (None, None),
    (UNSURE, UNSURE),
    (not_("cat"), Label("not", ("cat",))),
])
def test_of_takes_what_people_write(value, expected):
    assert Label.of(value, ONE) == expected


def test_of_a_name_where_several_classes_can_hold_says_nothing_of_the_rest():
    assert Label.of("dog", SEVERAL) == Label("multi", ("dog",))
    assert Label.of(1, SEVERAL) == Label("multi", ("dog",))


@pytest.mark.parametrize(("value", "error", "says"), [
    ("dgo", KeyError, "dog"),
    (4, IndexError, "0 to 3"),
    (-1, IndexError, "None to clear"),
    (True, TypeError, "class name or position"),
    (1.0, TypeError, "class name or position"),
    (["cat", "dog"], TypeError, "set of names"),
    (set(), ValueError, "empty set"),
    ({"cat", "zebra"}, KeyError, "zebra"),
    (not_("zebra"), KeyError, "zebra"),
    (Label("multi", (), ("zebra",)), KeyError, "zebra"),
    ({"cat": 1}, TypeError, "True"),
    ({"zebra": None}, KeyError, "zebra"),
])
def test_of_refuses_what_means_nothing(value, error, says):
    with pytest.raises(error, match=says):
        Label.of(value, ONE)


@pytest.mark.parametrize(("kind", "classes", "absent", "says"), [
    ("maybe", ("cat",), (), "kind"),
    ("class", (), (), "expected one"),
    ("class", ("cat", "dog"), (), "expected one"),
    ("any", ("cat",), (), "two at least"),
    ("not", (), (), "one at least"),
    ("unsure", ("cat",), (), "expected none"),
    ("multi", (), (), "nothing of any class"),
    ("multi", ("cat",), ("cat",), "present and absent"),
    ("class", ("cat",), ("dog",), "only the kind 'multi'"),
])
def test_a_label_that_contradicts_itself_cannot_be_made(kind, classes, absent, says):
    with pytest.raises(ValueError, match=says):
        Label(kind, classes, absent)


def test_a_text_is_no_tuple_of_names():
    with pytest.raises(TypeError, match="tuple of class names"):
        Label("class", "cat")


def test_the_order_in_which_classes_are_named_does_not_matter():
    assert any_of("dog", "cat") == any_of("cat", "dog", "cat")
    assert hash(not_("dog", "cat")) == hash(not_("cat", "dog"))
    assert any_of("dog") == Label("class", ("dog",))


@given(labels())
def test_json_and_back(label: Label):
    assert Label.from_json(label.to_json()) == label
    assert Label.from_json(json.loads(label.to_json())) == label


@given(st.text(min_size=1))
def test_json_of_any_name(name: str):
    assert Label.from_json(Label("class", (name,)).to_json()) == Label("class", (name,))


def test_json_is_what_other_programs_were_promised():
    assert Label("class", ("cat",)).to_json() == '{"class":"cat"}'
    assert any_of("dog", "cat").to_json() == '{"any":["cat","dog"]}'
    assert Label("multi", ("dog",), ("cat",)).to_json() == '{"multi":{"cat":false,"dog":true}}'
    assert UNSURE.to_json() == '{"unsure":true}'


@pytest.mark.parametrize("text", [
    "", "cat", "[]", '{"class":["cat"]}', '{"what":"cat"}', '{"class":"cat","not":["dog"]}', "3", '{"any":["cat"]}',
])
def test_json_of_something_else_is_refused(text):
    with pytest.raises(ValueError, match="to_json"):
        Label.from_json(text)


def test_texts_for_people():
    assert [str(x) for x in (Label("class", ("cat",)), not_("cat", "dog"), any_of("cat", "dog"), UNSURE, OUTSIDE)] == [
        "cat", "not cat, dog", "cat or dog", "unsure", "outside",
    ]
    assert str(Label("multi", ("cat",), ("dog",))) == "cat, not dog"


def twin(label: Label | None, space: LabelSpace) -> tuple[int, list[bool], list[int]]:
    """Value, candidates and states of one label, class by class, from what the kinds mean."""
    value = space.names.index(label.classes[0]) if label is not None and label.kind == "class" and label.classes[0] in space.names else -1
    possible, states = [], []
    for name in space.names:
        named = label is not None and name in label.classes
        state = -1
        if label is None or label.kind == "unsure":
            state = -1
        elif label.kind == "outside":
            state = 0
        elif label.kind == "not":
            state = 0 if named else -1
        elif label.kind == "multi":
            state = 1 if named else 0 if name in label.absent else -1
        elif label.kind == "class":
            state = 1 if named else (-1 if space.multi else 0)
        elif label.kind == "any":
            state = -1 if named or space.multi else 0
        states.append(state)
        possible.append(state != 0)
    return value, possible, states


@settings(max_examples=60)
@given(st.lists(st.none() | labels(), max_size=12), st.sampled_from([ONE, SEVERAL, LabelSpace(("fish", "cat")), LabelSpace()]))
def test_arrays_equal_the_twin(given_labels, space):
    full = LabelSpace(NAMES, multi=space.multi)
    made = LabelSet.of([f"i{i}" for i in range(len(given_labels))], full, given_labels)
    seen = LabelSet(                                             # the same labels, seen among other classes
        made.ids, space, table=made._table, codes=made._codes, decisions=made._decisions, decision_of=made._decision_of,
        confidence=made.confidence,
    )
    expected = [twin(label, space) for label in given_labels]
    assert seen.values.tolist() == [value for value, _, _ in expected]
    assert seen.candidates.shape == seen.multi_labels.shape == (len(given_labels), len(space))
    assert seen.candidates.tolist() == [possible for _, possible, _ in expected]
    assert seen.multi_labels.tolist() == [states for _, _, states in expected]
    assert seen.known.tolist() == [label is not None for label in given_labels]
    assert [seen.label(i) for i in range(len(seen))] == given_labels


def some() -> LabelSet:
    return LabelSet.of(["a", "b", "c", "d", "e"], ONE, ["cat", None, not_("dog"), -1, {"cat": True, "fish": False}], who="ada")


def test_types_and_reading_only():
    made = some()
    assert made.values.dtype == np.int64
    assert made.multi_labels.dtype == np.int8
    assert made.candidates.dtype == made.known.dtype == made.by_person.dtype == bool
    assert made.when.dtype == np.dtype("datetime64[us]")
    for name in ("values", "known", "candidates", "multi_labels", "who", "when", "source", "proposal", "confidence", "by_person"):
        assert not getattr(made, name).flags.writeable, name


def test_who_and_when():
    made = some()
    assert made.who.tolist() == ["ada", None, "ada", None, "ada"]
    assert made.source.tolist() == ["person", None, "person", None, "person"]
    assert np.isnat(made.when).tolist() == [False, True, False, True, False]
    assert abs(made.when[0] - np.datetime64("now", "us")) < np.timedelta64(60, "s")
    assert made.by_person.tolist() == [True, False, True, False, True]
    assert made.proposal.tolist() == [None] * 5


def test_as_an_array_it_is_its_values():
    assert np.asarray(some()).tolist() == [0, -1, -1, -1, -1]
    assert np.asarray(some(), dtype=np.float32).dtype == np.float32
    assert some().counts.tolist() == [1, 0, 0, 0]
    assert len(some()) == 5


def test_label_by_id():
    assert some().label("c") == not_("dog")
    assert some().label("b") is None
    with pytest.raises(KeyError):
        some().label("z")


def test_shown_in_a_line_and_as_a_table():
    made = some()
    assert repr(made) == "LabelSet: 3 of 5 items labelled, 3 by people; cat 1; 2 of other kinds"
    odd = LabelSet.of(["a"], LabelSpace(("<b>",)), ["<b>"])
    shown = odd._repr_mimebundle_()
    assert "&lt;b&gt;" in shown["text/html"]
    assert "<b>" not in shown["text/html"]
    assert shown["text/plain"] == repr(odd)


COLUMNS = ["id", "label", "kind", "value", "who", "source", "when", "method", "run", "confidence"]


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_frames_of_the_callers_type(kind):
    module = pytest.importorskip({"arrow": "pyarrow"}.get(kind, kind))
    made = LabelSet.of(["a", "b", "c"], ONE, ["cat", None, not_("dog")], who="ada", frame_kind=kind)
    frame = made.to_frame()
    assert isinstance(frame, getattr(module, "Table" if kind == "arrow" else "DataFrame"))
    assert list(frame.column_names if kind == "arrow" else frame.columns) == COLUMNS
    rows = {
        "pandas": lambda: frame.astype(object).where(frame.notna(), None).to_dict("records"),
        "polars": lambda: frame.to_dicts(),
        "arrow": lambda: frame.to_pylist(),
    }[kind]()
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    assert [row["label"] for row in rows] == ["cat", None, "not dog"]
    assert [row["kind"] for row in rows] == ["class", None, "not"]
    assert Label.from_json(rows[2]["value"]) == not_("dog")
    assert [row["who"] for row in rows] == ["ada", None, "ada"]
    assert rows[0]["when"].utcoffset().total_seconds() == 0
    assert rows[1]["when"] is None
    assert [row["run"] for row in rows] == [None] * 3
    assert [row["confidence"] for row in rows] == [None] * 3


def test_frame_of_labels_only():
    pytest.importorskip("pandas")
    assert some().to_frame(known_only=True)["id"].tolist() == ["a", "c", "e"]
    assert len(LabelSet.of([], ONE, []).to_frame()) == 0


def test_frame_of_an_unknown_kind():
    with pytest.raises(ValueError, match="frame_kind"):
        LabelSet.of(["a"], ONE, ["cat"], frame_kind="excel").to_frame()


def test_as_many_labels_as_ids():
    with pytest.raises(ValueError, match="one an item"):
        LabelSet.of(["a", "b"], ONE, ["cat"])
