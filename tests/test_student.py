"""The student learns, tells how well, and survives its file."""

import json

import numpy as np
import pytest
import torch

from labelnb import student
from labelnb.student import Student, expected_calibration_error, train

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(3, 12))
    truth = np.arange(150) % 3
    x = centres[truth] + 0.8 * rng.normal(size=(150, 12))
    labels = np.where(np.arange(150) < 90, truth, -1)
    return x, labels, truth


@pytest.mark.parametrize("kind", ["probe", "mlp"])
def test_learns_and_its_estimate_is_near_the_truth(data, kind):
    x, labels, truth = data
    made = train(x, labels, NAMES, kind=kind)
    held = (made.predict(x[90:]).predictions == truth[90:]).mean()
    report = made.evaluate()
    assert held > 0.8 and abs(report.values["accuracy"] - held) < 0.12
    assert report.values["labels"] == 90 == made.n_labels
    again = made.evaluate(x[90:], truth[90:])
    assert again.values["accuracy"] == pytest.approx(held)


def test_the_probe_is_scikit_learns(data):
    from sklearn.linear_model import LogisticRegression

    x, labels, _ = data
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    known = labels >= 0
    theirs = LogisticRegression(C=1 / 0.1, tol=1e-8, max_iter=1000).fit(unit[known], labels[known]).predict_proba(unit)
    ours = train(x, labels, NAMES, l2=0.1).predict(x).probabilities
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_report_agrees_with_scikit_learn_on_its_own_predictions(data):
    from sklearn.metrics import accuracy_score, f1_score

    x, labels, _ = data
    report = train(x, labels, NAMES).evaluate()
    said, y = report.evidence["probabilities"].argmax(1), report.evidence["labels"]
    assert report.values["accuracy"] == pytest.approx(accuracy_score(y, said))
    assert report.values["macro_f1"] == pytest.approx(f1_score(y, said, average="macro"))
    assert sum(sum(v for k, v in row.items() if k != "class") for row in report.tables["confusion"]) == len(y)
    assert [row["support"] for row in report.tables["by class"]] == [30, 30, 30]


def test_calibration_error_of_a_known_case():
    p = np.array([[0.8, 0.2]] * 10)
    error, bins = expected_calibration_error(p, [0] * 5 + [1] * 5)
    assert error == pytest.approx(0.3) and bins == [{"confidence": pytest.approx(0.8), "accuracy": 0.5, "items": 10}]
    assert expected_calibration_error(p, [0] * 8 + [1] * 2)[0] == pytest.approx(0)


def test_saved_and_loaded_it_predicts_the_same(data, tmp_path):
    x, labels, _ = data
    for kind in ("probe", "mlp"):
        made = train(x, labels, NAMES, kind=kind)
        back = Student.load(made.save(tmp_path / kind))
        np.testing.assert_array_equal(back.predict(x).probabilities, made.predict(x).probabilities)
        assert back.classes == NAMES and back.encoder == "precomputed" and back.n_labels == 90
        assert sorted(p.name for p in (tmp_path / kind).iterdir()) == ["student.json", "student.safetensors"]
        with pytest.raises(ValueError, match="hand over embeddings and labels"):
            back.evaluate()


def test_files_that_do_not_belong_together_are_refused(data, tmp_path):
    x, labels, _ = data
    place = train(x, labels, NAMES).save(tmp_path)
    weights = bytearray((place / "student.safetensors").read_bytes())
    weights[-1] ^= 1
    (place / "student.safetensors").write_bytes(weights)
    with pytest.raises(ValueError, match="not the file that student.json describes"):
        Student.load(place)
    (place / "student.json").write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        Student.load(place)
    (place / "student.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(ValueError, match="newer labelnb"):
        Student.load(place)
    with pytest.raises(FileNotFoundError, match="no student here"):
        Student.load(tmp_path / "nowhere")


def test_a_class_without_a_label_is_never_predicted(data, tmp_path):
    x, labels, _ = data
    for kind in ("probe", "mlp"):
        made = train(x, np.where(labels == 2, -1, labels), NAMES, kind=kind)
        assert (made.predict(x).probabilities[:, 2] == 0).all()
        assert (Student.load(made.save(tmp_path / kind)).predict(x).probabilities[:, 2] == 0).all()
        assert made.evaluate().warnings == ("fewer than 5 labels in c: their figures say little",)


def test_weights_count(data):
    x, labels, truth = data
    wrong = labels.copy()
    wrong[:30] = (truth[:30] + 1) % 3
    weights = np.ones(150)
    weights[:30] = 0
    clean = np.where(np.arange(150) < 30, -1, labels)
    np.testing.assert_allclose(
        train(x, wrong, NAMES, weights=weights, l2=0.1).predict(x).probabilities,
        train(x, clean, NAMES, l2=0.1).predict(x).probabilities,
        atol=1e-4,
    )


def test_too_little_is_refused_by_name(data):
    x, labels, _ = data
    with pytest.raises(ValueError, match="only a: 30; expected labels of two classes"):
        train(x, np.where(labels == 0, 0, -1), NAMES)
    with pytest.raises(ValueError, match="only none"):
        train(x, np.full(150, -1), NAMES)
    with pytest.raises(ValueError, match="no class has two labels"):
        train(x[:3], [0, 1, 2], NAMES).evaluate()
    with pytest.raises(ValueError, match="the student reads 12"):
        train(x, labels, NAMES).predict(np.ones((2, 5)))
    with pytest.raises(ValueError, match="expected 'probe' or 'mlp'"):
        train(x, labels, NAMES, kind="forest")


def test_the_global_generator_is_left_alone(data):
    x, labels, _ = data
    before = torch.random.get_rng_state()
    first = train(x, labels, NAMES, kind="mlp", seed=3).tensors["weight"]
    assert torch.equal(first, train(x, labels, NAMES, kind="mlp", seed=3).tensors["weight"])
    assert torch.equal(before, torch.random.get_rng_state())
    assert student.PENALTIES[0] > student.PENALTIES[-1]
