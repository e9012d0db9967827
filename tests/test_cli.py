"""The command line and the demo, run as a user runs them."""

import json
import subprocess
import sys

import numpy as np
import pytest

from labelnb import cli
from labelnb.demo import Step, report_html, table_text


def test_demo_runs_the_whole_job_and_writes_a_report(tmp_path, capsys):
    assert cli.main(["demo", "--limit", "150", "--per-class", "3", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    steps = {step["name"]: step for step in written["steps"]}
    assert [name.split()[0] for name in steps] == [
        "zero-shot",
        "propagation",
        "clusters",
        "propagation,",
        "curriculum,",
        "label",
        "student,",
    ]
    for step in steps.values():
        assert 0 <= step["value"] <= 1 and 0 <= step["baseline_value"] <= 1
        assert f"{step['value']:.3f}" in printed
    assert steps["zero-shot from class names"]["value"] > steps["zero-shot from class names"]["baseline_value"]
    assert next(s for n, s in steps.items() if n.startswith("student"))["extra"]["labels read back"] >= 37
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page and "label errors" in page
    # a second run starts afresh in the same place
    assert cli.main(["demo", "--limit", "150", "--per-class", "3", "--out", str(tmp_path / "out")]) == 0
    again = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [s["value"] for s in again["steps"]] == pytest.approx([s["value"] for s in written["steps"]], abs=1e-6)


def test_catalog_prints_every_method(capsys):
    assert cli.main(["catalog"]) == 0
    assert "propagation.zlap" in capsys.readouterr().out
    assert cli.main(["catalog", "--family", "noisy", "--markdown"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("| method |") and "zlap" not in out


def test_errors_are_one_line_and_a_status(capsys):
    assert cli.main(["catalog", "--family", "telepathy"]) == 1
    assert capsys.readouterr().err.startswith("labelnb: family: got 'telepathy'")
    assert cli.main(["demo", "--data", "no such set"]) == 1
    assert "no such set" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        cli.main(["frobnicate"])
    assert stop.value.code == 2


def test_sessions_are_listed(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LABELNB_HOME", str(tmp_path))
    assert cli.main(["sessions"]) == 0
    assert "no sessions" in capsys.readouterr().out
    import labelnb as lnb

    with lnb.Session(["one", "two"], classes=["a"], path=tmp_path / "x.lnb") as s:
        s.label(0, "a")
    assert cli.main(["sessions"]) == 0
    assert "1 of 2 labelled" in capsys.readouterr().out


def test_module_runs_from_a_shell():
    done = subprocess.run([sys.executable, "-m", "labelnb.cli", "catalog"], capture_output=True, text=True, check=True)
    assert "clustering.sela" in done.stdout


def test_reports_escape_and_mark_what_is_below_its_baseline():
    steps = [Step("<i>x</i>", "accuracy", 0.4, "plain", 0.5, 1.0, note="<script>"), Step("y", "accuracy", 0.6)]
    page = report_html(steps, "t & u", {"<k>": np.float32(1)})
    assert "<i>" not in page and "<script>" not in page and "&lt;k&gt;" in page and "class='n low'" in page
    text = table_text(steps)
    assert "is below its baseline (plain)" in text and text.count("below") == 1
