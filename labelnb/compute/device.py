"""Where tensors live: the choice of a device, and how much of its memory a kernel may take."""
from __future__ import annotations

import os

import torch

__all__ = ["choose_device", "able_device", "free_memory", "working_memory"]

_MEMORY = "/proc/meminfo"


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """The device of that name; `"auto"` takes CUDA, then Apple's MPS, then the CPU.

    Raises
    ------
    ValueError
        If the name is unknown, or the machine or this build of torch has no such device: what there is is listed.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device: got {device!r}, expected 'auto', 'cpu', 'cuda', 'cuda:0' or 'mps'") from error
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not here.get(chosen.type, False):
        present = [name for name, there in here.items() if there]
        raise ValueError(f"device: {chosen.type!r} is not there on this machine or in this build of torch; there is {', '.join(present)}")
    if chosen.type == "cuda" and chosen.index is not None and chosen.index >= torch.cuda.device_count():
        raise ValueError(f"device: {str(chosen)!r} is not there; this machine has {torch.cuda.device_count()} CUDA device(s)")
    return chosen


def able_device(device: str | torch.device) -> torch.device:
    """Where a kernel that needs float64 or sparse products can work: the device itself, but the CPU for MPS, which has neither."""
    device = torch.device(device)
    return torch.device("cpu") if device.type == "mps" else device


def halves_are_fast(device: torch.device) -> bool:
    """Whether this is a processor that multiplies bfloat16 several times faster than single precision."""
    return device.type == "cpu" and bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def free_memory(device: str | torch.device = "cpu") -> int:
    """Bytes that are free on the device now, those with which the system only caches files among them; 2 GiB where it does not tell."""
    device = torch.device(device)
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        with open(_MEMORY, encoding="ascii") as file:
            return 1024 * next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        pass                                                      # not Linux
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 2 << 30


def working_memory(memory: int | None, device: str | torch.device) -> int:
    """Bytes that a kernel may take for its blocks: what the caller says, else a quarter of what is free, 64 MiB to 1 GiB on the CPU.

    Raises ValueError where the caller says less than 1 MiB.
    """
    if memory is None:
        most = (8 << 30) if torch.device(device).type == "cuda" else (1 << 30)
        return max(64 << 20, min(most, free_memory(device) // 4))
    if isinstance(memory, bool) or not isinstance(memory, int) or memory < 1 << 20:
        raise ValueError(f"memory: got {memory!r}, expected bytes as a whole number of at least 1048576 (1 MiB)")
    return memory
