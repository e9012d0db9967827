"""parameter_choice against solving anew without each label, setting by setting."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb.compute import knn_graph
from labelnb.methods.propagation import label_spreading, parameter_choice, zlap
from tests.methods.zlap_twin import planted


def left_out(predict, labels: np.ndarray) -> float:
    right = []
    for item in np.flatnonzero(labels >= 0):
        less = labels.copy()
        less[item] = -1
        right.append(predict(less)[item] == labels[item])
    return float(np.mean(right))


def test_every_setting_is_judged_as_by_brute_force():
    x, names, truth = planted(n=150)
    labels = np.where(np.arange(150) < 20, truth, -1)
    report = parameter_choice(x, labels, n_classes=5)
    grid = report.tables["grid"]
    assert len(grid) == 4 * 6 * 3
    for row in grid[5::17]:
        graph = knn_graph(x, row["k"]).to_scipy(gamma=row["gamma"])
        expected = left_out(lambda y, a=row["alpha"], g=graph: label_spreading(g, y, alpha=a, n_classes=5).predictions, labels)
        assert row["accuracy"] == pytest.approx(expected)
    with_names = parameter_choice(x, labels, names)
    for row in with_names.tables["grid"][4::31]:
        options = {name: row[name] for name in ("k", "alpha", "gamma")}
        expected = left_out(lambda y, o=options: zlap(x, names, labels=y, safe=False, **o).predictions, labels)
        assert row["accuracy"] == pytest.approx(expected)


def test_best_is_the_best_and_the_figures_show_the_grid():
    x, _, truth = planted(n=300)
    labels = np.where(np.arange(300) < 60, truth, -1)
    report = parameter_choice(x, labels)
    best = max(row["accuracy"] for row in report.tables["grid"])
    assert report.values["accuracy"] == best
    assert list(report.figures) == ["k = 5", "k = 10", "k = 20", "k = 40"]
    shown = [value for figure in report.figures.values() for line in figure["series"].values() for value in line]
    assert sorted(shown) == sorted(row["accuracy"] for row in report.tables["grid"])
    rest = labels < 0
    graph = knn_graph(x, report.values["k"]).to_scipy(gamma=report.values["gamma"])
    chosen = (label_spreading(graph, labels, alpha=report.values["alpha"]).predictions[rest] == truth[rest]).mean()
    worst = min(report.tables["grid"], key=lambda row: row["accuracy"])
    poor = label_spreading(knn_graph(x, worst["k"]).to_scipy(gamma=worst["gamma"]), labels, alpha=worst["alpha"]).predictions
    assert chosen > (poor[rest] == truth[rest]).mean()


def test_one_label_a_class_is_said_and_one_class_refused():
    x, _, truth = planted(n=100)
    labels = np.full(100, -1)
    for k in range(5):
        labels[np.flatnonzero(truth == k)[0]] = k
    assert "have one label" in parameter_choice(x, labels).warnings[0]
    with pytest.raises(ValueError, match="labels: fewer than two classes"):
        parameter_choice(x, np.where(np.arange(100) < 3, 1, -1))
