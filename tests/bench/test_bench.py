"""The benchmarks run, name what they measure and leave out, and their candidates do the same task; no test looks at a time."""
from __future__ import annotations

import re

import numpy as np
import pytest

from labelnb import bench, cli
from labelnb.bench.measure import interleaved

SMALL = {
    "knn": 1500, "knn_exact": 600, "propagate": 600, "sinkhorn": 3000, "kmeans": 1500, "probe": 800, "out_of_fold": 600,
    "confident_learning": 500, "dawid_skene": 1000, "project": 300,
}
PACE = {"knn", "project", "dawid_skene"}                          # peers that compile or import for long


def test_every_kernel_is_tried_here():
    assert set(SMALL) == set(bench.KERNELS)


@pytest.mark.parametrize("name", sorted(set(SMALL) - PACE))
def test_ours_and_the_peers_do_the_same(name):
    lines, case = bench.compare(name, SMALL[name], repeats=1)
    assert lines[0].candidate.startswith("labelnb") and lines[0].ratio == 1
    assert len(lines) == len(case.runs) >= (1 if case.missing else 2)     # alone where its only peer is not installed
    assert all(line.seconds > 0 and line.quality and line.first == line.seconds for line in lines)
    figures = [float(re.search(r"(\.?\d[\d.]*(e-?\d+)?)( flagged)?$", line.quality)[1]) for line in lines if "sum 1" not in line.quality]
    if name in ("sinkhorn", "propagate"):
        assert max(figures) < 2e-3
    else:
        assert figures == pytest.approx([figures[0]] * len(figures), rel=0.1)


@pytest.mark.parametrize("name", sorted(PACE))
def test_ours_alone(name):
    lines, _ = bench.compare(name, SMALL[name], repeats=2, peers=False)
    assert lines and all(line.candidate.startswith("labelnb") for line in lines)


def test_rounds_take_turns_and_memory_is_seen():
    order, kept = [], []

    def take() -> int:
        order.append("b")
        kept.append(np.ones(20_000_000))
        return len(kept)

    made = interleaved({"a": lambda: order.append("a"), "b": take}, 2)
    assert order == ["a", "b", "a", "b"]
    assert made["b"].result == 2
    assert np.isnan(made["b"].memory) or made["b"].memory > 100 > made["a"].memory


def test_the_command_prints_a_table_and_appends_markdown(tmp_path, capsys):
    out = tmp_path / "results.md"
    asked = ["bench", "sinkhorn", "propagate", "--n", "400", "--repeats", "1", "--alone", "--markdown", str(out)]
    assert cli.main(asked) == 0
    printed, written = capsys.readouterr().out, out.read_text(encoding="utf8")
    assert "sinkhorn: 400 x 1000" in printed and "propagate: 400 nodes" in printed and "seconds" in printed
    assert written.count("| kernel | task |") == 2 and re.search(r"^\d{4}-\d\d-\d\d, .* cores", written)
    rows = [line for line in written.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1


@pytest.mark.parametrize(("arguments", "message"), [
    (["bench", "teleport"], "kernel: got 'teleport', expected one of knn"), (["bench", "sinkhorn", "--n", "0"], "n: got 0"),
    (["bench", "sinkhorn", "--repeats", "0"], "repeats: got 0"), (["bench", "--threads", "0"], "threads: got 0"),
])
def test_what_cannot_be_measured_is_refused(arguments, message, capsys):
    assert cli.main(arguments) == 1
    assert message in capsys.readouterr().err


def test_peers_that_are_not_installed_are_named(monkeypatch, capsys):
    monkeypatch.setattr("labelnb.bench.fits.find_spec", lambda name: None)
    lines, case = bench.compare("sinkhorn", 200, repeats=1)
    assert case.missing == ("POT",) and [line.candidate for line in lines] == ["labelnb", "plain loop in torch"]
    assert cli.main(["bench", "sinkhorn", "--n", "200", "--repeats", "1"]) == 0
    assert "left out, as not installed: POT" in capsys.readouterr().out
