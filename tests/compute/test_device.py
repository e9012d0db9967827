"""The choice of a device and of the memory a kernel may take."""
from __future__ import annotations

import pytest
import torch

from labelnb.compute import choose_device
from labelnb.compute.device import able_device, free_memory, working_memory


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(False, False, "cpu"), (True, False, "cuda"), (True, True, "cuda"), (False, True, "mps")],
)
def test_auto_takes_cuda_then_mps_then_the_cpu(cuda, mps, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto").type == expected
    assert choose_device().type == expected


def test_a_device_that_is_not_there_is_refused_and_those_there_are_listed(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device(torch.device("cpu")) == torch.device("cpu")
    with pytest.raises(ValueError, match=r"'cuda' is not there .* there is cpu$"):
        choose_device("cuda:0")
    with pytest.raises(ValueError, match="device: got 'gpu'"):
        choose_device("gpu")


def test_a_card_beyond_those_there_are_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(ValueError, match="has 1 CUDA device"):
        choose_device("cuda:1")


def test_work_that_mps_cannot_do_is_done_on_the_cpu():
    assert able_device("mps") == torch.device("cpu")
    assert able_device(torch.device("cuda:1")) == torch.device("cuda:1")


def test_memory_is_what_the_caller_says_or_a_bounded_share_of_what_is_free():
    assert working_memory(5 << 20, "cpu") == 5 << 20
    assert 64 << 20 <= working_memory(None, "cpu") <= 1 << 30
    assert free_memory() > 1 << 20
    for bad in (0, 1000, 2.5e9, True, "1G"):
        with pytest.raises(ValueError, match="memory: got"):
            working_memory(bad, "cpu")


def test_memory_that_only_caches_files_is_free(monkeypatch, tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemFree: 100 kB\nMemAvailable:    7000 kB\n", encoding="ascii")
    monkeypatch.setattr("labelnb.compute.device._MEMORY", str(tmp_path / "meminfo"))
    assert free_memory() == 7000 << 10
    (tmp_path / "meminfo").write_text("MemFree: 100 kB\n", encoding="ascii")
    assert free_memory() != 100 << 10                             # the system's own answer, where the file has none


def test_where_the_system_does_not_tell_a_modest_share_is_taken(monkeypatch, tmp_path):
    monkeypatch.setattr("labelnb.compute.device._MEMORY", str(tmp_path / "none"))
    monkeypatch.delattr("os.sysconf")
    assert free_memory() == 2 << 30
    assert working_memory(None, "cpu") == 512 << 20
