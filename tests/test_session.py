"""The session: what it keeps, what it refuses, and that decisions outlive it."""

import numpy as np
import pytest

import labelnb as lnb
from labelnb.results import Proposal

TEXTS = ["a red apple", "a green pear", "a fast car", "a slow truck", "a ripe plum", "a blue bus"]
VECTORS = np.array([[1, 0.1], [0.9, 0.2], [0.1, 1], [0.2, 0.9], [1, 0], [0, 1]], np.float32)


@pytest.fixture
def session(tmp_path):
    with lnb.Session(TEXTS, classes=["fruit", "vehicle"], path=tmp_path / "s.lnb") as made:
        made.embed(VECTORS, class_embeddings=[[1, 0], [0, 1]])
        yield made


def test_labels_outlive_the_session(tmp_path):
    with lnb.Session(TEXTS, classes=["fruit", "vehicle"], path=tmp_path / "s.lnb") as s:
        s.label(0, "fruit", who="ada")
        s.label([2, 3], "vehicle")
        s.embed(VECTORS)
    with lnb.Session.open(tmp_path / "s.lnb") as s:
        assert s.labels.values.tolist() == [0, -1, 1, 1, -1, -1]
        assert s.labels.who[0] == "ada" and s.classes.names == ("fruit", "vehicle")
        assert [s.items.text(i) for i in range(6)] == TEXTS
        np.testing.assert_allclose(s.embeddings.vectors, VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True), rtol=1e-6)


def test_running_the_notebook_again_resumes(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LABELNB_HOME", str(tmp_path))
    with lnb.Session(TEXTS, classes=["fruit", "vehicle"]) as s:
        s.label(1, "fruit")
        where = s.folder.path
    assert str(where) in capsys.readouterr().out
    with lnb.Session(TEXTS, classes=["fruit", "vehicle"]) as s:
        assert s.folder.path == where and s.labels.values.tolist() == [-1, 0, -1, -1, -1, -1]
    assert "1 labels kept" in capsys.readouterr().out
    assert [info.path for info in lnb.sessions()] == [where]


def test_the_folder_of_other_items_is_refused_and_left_alone(tmp_path, session):
    session.label(0, "fruit")
    with pytest.raises(ValueError, match="the session of 6 other items"):
        lnb.Session(["something else", "entirely"], path=session.folder.path)
    assert session.labels.values[0] == 0
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "draft.tex").write_text("x")
    with pytest.raises(FileExistsError, match="something else here"):
        lnb.Session(TEXTS, path=tmp_path / "thesis")
    with pytest.raises(FileNotFoundError, match="no session here"):
        lnb.Session.open(tmp_path / "nowhere")


def test_items_can_come_and_go_and_labels_stay(tmp_path, capsys):
    with lnb.Session(TEXTS[:4], classes=["fruit", "vehicle"], path=tmp_path / "s.lnb") as s:
        s.label([0, 3], ["fruit", "vehicle"])
    with lnb.Session(TEXTS[1:], path=tmp_path / "s.lnb") as s:
        assert s.labels.values.tolist() == [-1, -1, 1, -1, -1]
    assert "2 new items, 1 no longer there" in capsys.readouterr().out
    with lnb.Session(TEXTS, path=tmp_path / "s.lnb") as s:
        assert s.labels.values.tolist() == [0, -1, -1, 1, -1, -1]


def test_label_takes_ids_positions_masks_and_lists(session):
    session.label(session.items.ids[0], "fruit")
    session.label([True, False, True, False, False, False], ["fruit", "vehicle"])
    session.label(slice(4, 6), ["fruit", lnb.UNSURE])
    assert session.labels.values.tolist() == [0, -1, 1, -1, 0, -1]
    assert session.labels.label(5) == lnb.UNSURE
    session.label(0, None)
    assert session.labels.values[0] == -1


@pytest.mark.parametrize(
    ("ids", "value", "words"),
    [
        (0, "fruits", "did you mean one of .'fruit'"),
        ("no-such-id", "fruit", "no-such-id"),
        (99, "fruit", "expected 0 to 5"),
        ([0, 1], ["fruit"], "got 1 values for 2 items"),
        ([True], "fruit", r"expected \(6,\)"),
    ],
)
def test_label_refuses_and_records_nothing(session, ids, value, words):
    before = len(session.history())
    with pytest.raises((KeyError, ValueError, IndexError), match=words):
        session.label(ids, value)
    assert len(session.history()) == before


def test_accept_spares_what_people_decided(session):
    session.label(0, "vehicle")
    proposal = session.zero_shot.clip()
    event = session.accept(proposal)
    assert event.n_items == 5 and session.labels.values.tolist() == [1, 0, 1, 1, 0, 1]
    assert session.labels.source[1] == "accept" and session.labels.by_person.tolist() == [True] + [False] * 5
    assert session.accept(proposal, ids=[0], overwrite=True).n_items == 1
    assert session.labels.values[0] == 0


def test_accept_above_a_confidence_and_a_foreign_proposal(session):
    proposal = Proposal(np.array([[0.9, 0.1], [0.6, 0.4], [0, 0], [0.2, 0.8], [0.5, 0.5], [0.3, 0.7]]), classes=("fruit", "vehicle"))
    assert session.accept(proposal, above=0.75).n_items == 2
    assert session.labels.values.tolist() == [0, -1, -1, 1, -1, -1]
    np.testing.assert_allclose(session.labels.confidence[[0, 3]], [0.9, 0.8], rtol=1e-6)
    assert session.accept(proposal, above=0.99) is None
    with pytest.raises(ValueError, match="names classes .'fish'"):
        session.accept(Proposal(np.ones((6, 2)) / 2, classes=("fish", "fruit")))
    with pytest.raises(ValueError, match="over 2 items, the session has 6"):
        session.accept(Proposal(np.ones((2, 2)) / 2, classes=("fruit", "vehicle")))
    with pytest.raises(TypeError, match="expected a Proposal"):
        session.accept(session.clustering.sela(n_clusters=2))


def test_undo_and_redo_cover_decisions_accepts_runs_and_classes(session):
    session.label(0, "vehicle")
    proposal = session.zero_shot.clip()
    assert proposal.provenance.run in session.results
    session.accept(proposal)
    session.undo()
    assert session.labels.values.tolist() == [1, -1, -1, -1, -1, -1]
    session.undo()
    assert session.results == {} and session.labels.values[0] == 1
    session.redo(2)
    assert session.labels.values.tolist() == [1, 0, 1, 1, 0, 1]
    session.add_class("toy")
    assert session.classes.names == ("fruit", "vehicle", "toy")
    session.undo()
    assert session.classes.names == ("fruit", "vehicle")


def test_the_widgets_undo_leaves_runs_alone(session):
    session.decide([0], "fruit")
    session.zero_shot.clip()
    assert session.undo_decision() == 1 and session.labels.n_known == 0
    assert len(session.results) == 1
    assert session.can_redo and not session.can_undo
    assert session.redo_decision() == 1 and session.labels.values[0] == 0
    assert session.can_undo and not session.can_redo


def test_listeners_hear_of_every_change_and_can_leave(session):
    heard = []
    leave = session.subscribe(lambda s: heard.append(s.labels.n_known))
    session.label([0, 1], "fruit")
    session.undo()
    leave()
    session.label(3, "vehicle")
    assert heard == [2, 0]


def test_a_method_is_given_its_ingredients_and_stamped(session):
    proposal = session.zero_shot.clip(temperature=0.5)
    made = proposal.provenance
    assert (
        made.method == "zero_shot.clip"
        and made.parameters == {"temperature": 0.5}
        and set(made.ingredients) == {"embeddings", "class_embeddings"}
    )
    assert proposal.classes == ("fruit", "vehicle") and proposal.predictions.tolist() == [0, 0, 1, 1, 0, 1]
    assert [event.kind for event in session.history()][-1] == "run"
    with pytest.raises(TypeError, match="takes no 'temprature'; did you mean temperature"):
        session.zero_shot.clip(temprature=1)


def test_what_cannot_be_had_names_the_cure(tmp_path):
    with lnb.Session(TEXTS, path=tmp_path / "s.lnb") as s:
        s.embed(VECTORS)
        with pytest.raises(ValueError, match=r"zero_shot.clip needs class_embeddings: .*s.embed"):
            s.zero_shot.clip()
        with pytest.raises(ValueError, match=r"curriculum_labeling needs labels: .*s.label"):
            s.pseudo_label.curriculum_labeling()
        with pytest.raises(ValueError, match="search by example"):
            s.search("apple")
        with pytest.raises(ValueError, match="got 2 rows for 6 items"):
            s.embed(np.ones((2, 4)))
        assert s.can_search_text is False


def test_families_complete(session):
    assert {"zero_shot", "propagation", "clustering", "pseudo_label", "noisy"} <= set(dir(session))
    assert "zlap" in dir(session.propagation)
    import inspect

    parameters = inspect.signature(session.propagation.zlap).parameters
    assert parameters["alpha"].default == "auto" and parameters["embeddings"].default is None
    with pytest.raises(AttributeError, match="it has .*zlap"):
        session.propagation.nothing  # noqa: B018
    assert not hasattr(session, "nothing")


def test_similar_puts_the_item_itself_first(session):
    assert session.similar(2).argmax() in (2, 5) and session.similar(2)[2] > 0.99


def test_a_label_column_becomes_labels(tmp_path):
    import pandas

    frame = pandas.DataFrame({"what": TEXTS, "kind": ["fruit", None, "vehicle", None, None, None]})
    items = lnb.load(frame, text="what", label="kind")
    with lnb.Session(items, path=tmp_path / "s.lnb") as s:
        assert s.classes.names == ("fruit", "vehicle") and s.labels.values.tolist() == [0, -1, 1, -1, -1, -1]
        assert s.labels.source[0] == "given" and not s.labels.by_person.any()


def test_two_kernels_see_each_other(session):
    with lnb.Session.open(session.folder.path) as other:
        other.label(4, "fruit")
        assert session.labels.values[4] == 0
        session.label(5, "vehicle")
        assert other.labels.values[5] == 1


def test_an_array_given_as_hyperparameter_is_kept_by_its_fingerprint(session):
    later = session.propagation.zlap_inductive(new_embeddings=VECTORS[:2])
    assert len(later) == 2 and later.provenance.parameters["new_embeddings"].startswith("(2, 2) ")
    assert len(session.history()[-1].details["provenance"]["parameters"]["new_embeddings"]) < 100
