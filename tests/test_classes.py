"""The space of classes."""

import pytest

from labelnb.classes import LabelSpace


def test_made_from_what_people_have():
    assert LabelSpace.of(None).names == ()
    assert LabelSpace.of(["a", "b"]).names == ("a", "b")
    space = LabelSpace.of({"a": "a photo of an a", "b": ["b one", "b two"], "c": None})
    assert space.prompts == {"a": ("a photo of an a",), "b": ("b one", "b two")}
    assert LabelSpace.of(space) is space
    assert list(space) == ["a", "b", "c"] and "b" in space and space[2] == "c" and len(space) == 3


def test_texts_are_own_prompts_or_templates():
    space = LabelSpace.of({"sea_bird": None, "cat": ["my cat"]})
    assert space.texts(["a photo of a {}.", "{}"]) == [["a photo of a sea bird.", "sea bird"], ["my cat"]]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["a", "a"], "more than once"),
        (["a", " "], "position 1 holds ' '"),
        (["a", 3], "position 1 holds 3"),
        ("cat", "expected a list of names"),
    ],
)
def test_bad_names_are_refused(value, words):
    with pytest.raises((ValueError, TypeError), match=words):
        LabelSpace.of(value)


def test_unknown_class_lists_close_names():
    with pytest.raises(KeyError, match="did you mean one of .'aeroplane'.*add_class"):
        LabelSpace.of(["aeroplane", "bird"]).position("airplane")


def test_round_trip_and_growth():
    space = LabelSpace(("a", "b"), prompts={"a": ("x",)}, metric=[[0, 1], [1, 0]], parents={"a": "root"})
    assert LabelSpace.from_dict(space.to_dict()) == space
    more = space.with_class("c", "see c")
    assert more.names == ("a", "b", "c") and more.prompts["c"] == ("see c",) and more.metric is None and more.parents == {"a": "root"}
    with pytest.raises(ValueError, match="metric of shape"):
        LabelSpace(("a", "b"), metric=[[0]])
    with pytest.raises(ValueError, match="prompts for"):
        LabelSpace(("a",), prompts={"z": ("x",)})
