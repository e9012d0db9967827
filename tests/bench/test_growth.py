"""The series of costs: what a line holds, how it is kept, and the slope."""
from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from labelnb.bench import growth


@pytest.mark.parametrize("kernel", growth.KERNELS)
def test_a_line_names_what_ran_and_how_well(kernel):
    line = growth.measured(kernel, 1500, dim=16)
    assert (line["kernel"], line["n"], line["dim"]) == (kernel, 1500, 16)
    assert line["seconds"] > 0 and line["cpu"] >= 0
    assert {"knn_graph": "recall", "propagate": "residual", "sinkhorn": "L1 error"}[kernel] in line["quality"]


def test_a_series_is_measured_printed_and_kept(tmp_path, capsys):
    path = tmp_path / "series.json"
    threads = torch.get_num_threads()
    growth.main(["sinkhorn", "--sizes", "1000", "4000", "--repeats", "2", "--threads", "1", "--to", str(path)])
    torch.set_num_threads(threads)
    kept = growth.recorded(path)
    assert [line["n"] for line in kept] == [1000, 4000] and all(line["date"] and "1 threads" in line["machine"] for line in kept)
    assert all(line["quality"].startswith("L1 error") and line["seconds"] > 0 for line in kept)
    assert f"sinkhorn: N^{growth.exponent(kept):.3f}" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="tells glibc's allocator")
def test_memory_given_back_is_kept_only_within():
    code = """
import numpy as np
from labelnb.bench.growth import kept_memory
from labelnb.bench.measure import _resident

def held():
    block = np.ones(50 << 20, np.uint8)
    del block
    return _resident() / 2**20

first = held()
with kept_memory():
    within = held()
print(within - first, held() - first)
"""
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    within, after = map(float, made.stdout.split())
    assert within > 40 and after < 10


def test_the_slope_of_a_power_law_is_its_exponent():
    lines = [{"n": n, "cpu": 3e-6 * n**1.3} for n in (10, 500, 20_000)]
    assert growth.exponent(lines) == pytest.approx(1.3)


def test_lines_are_kept_in_order_and_replaced(tmp_path):
    path = tmp_path / "series.json"
    for kernel, n, cpu in (("b", 10, 1.0), ("a", 20, 2.0), ("a", 10, 3.0), ("b", 10, 4.0)):
        growth.record({"kernel": kernel, "n": n, "dim": 2, "cpu": cpu}, path)
    assert [(line["kernel"], line["n"], line["cpu"]) for line in growth.recorded(path)] == [("a", 10, 3.0), ("a", 20, 2.0), ("b", 10, 4.0)]


def test_the_record_that_comes_along_says_where_it_is_from():
    lines = growth.recorded()
    assert {line["kernel"] for line in lines} == set(growth.KERNELS)
    assert all(line["date"] and "cores" in line["machine"] and line["n"] >= 10_000 for line in lines)


def test_an_unknown_kernel_is_refused():
    with pytest.raises(ValueError, match="kernel: got 'x'"):
        growth.measured("x", 10)
