"""A run that was cut off goes on to the same bits; what follows a head (the teacher), and how the rate moves."""
from __future__ import annotations

import copy
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from labelnb.compute import train
from labelnb.compute.train import Head


class Cut(Exception):
    """The run ends here."""


def task(n: int = 50) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n)
    return torch.from_numpy(np.eye(3, 6)[y] + 0.3 * rng.normal(size=(n, 6))).float(), torch.from_numpy(y)


def run(path, *, cut: int = -1, every: int = 1, **kw):
    """A run with everything that has a state; with `cut`, it dies before that step."""
    x, y = task()
    held = task(20)
    head = Head(6, 3, hidden=5, seed=1)
    teacher = copy.deepcopy(head)
    steps = 0

    def view(at: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        nonlocal steps
        if steps == cut:
            raise Cut
        steps += 1
        return x[at] + 0.1 * torch.randn(len(at), 6, generator=draw)

    def relabel(seen: int) -> torch.Tensor | None:
        if seen != 66:
            return None
        return torch.where(torch.arange(50) % 7 == 0, teacher(x).argmax(1), y)         # the teacher's word for some

    options = {"epochs": 4, "batch_size": 16, "validation": held, "patience": 3, "warmup": 0.2, "seed": 3, **kw}
    done = train(head, x, y, view=view, relabel=relabel, teacher=teacher, ema=0.8, checkpoint=path, checkpoint_every=every, **options)
    return done, [*head.parameters(), *teacher.parameters()]


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize(("cut", "every"), [(1, 1), (4, 1), (6, 4), (7, 3), (15, 2)])
def test_cut_off_anywhere_it_ends_on_the_same_bits(tmp_path, optimizer, cut, every):
    whole, expected = run(tmp_path / "whole", optimizer=optimizer)
    with pytest.raises(Cut):
        run(tmp_path / "parts", optimizer=optimizer, cut=cut, every=every)
    done, found = run(tmp_path / "parts", optimizer=optimizer, every=every)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert done.history == whole.history and done.seen == whole.seen == 200 and done.best_epoch == whole.best_epoch
    behind = cut - cut % every                                   # an epoch is steps of 16, 16, 16 and 2 rows
    assert done.resumed == behind // 4 * 50 + behind % 4 * 16


def test_cut_off_twice_and_without_a_checkpoint_the_same(tmp_path):
    _, expected = run(None)
    for cut in (5, 5):
        with pytest.raises(Cut):
            run(tmp_path / "parts", cut=cut, every=2)
    done, found = run(tmp_path / "parts", every=2)
    assert done.resumed == 100                                   # two steps of four, then four of five
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


KILLED = """
import os, signal, sys, torch
from labelnb.compute import train
from labelnb.compute.train import Head
draw = torch.Generator().manual_seed(0)
x, y = torch.randn(64, 4, generator=draw), torch.arange(64) % 2
steps, die = 0, int(sys.argv[2])
def view(at, draw):
    global steps
    steps += 1
    if steps == die:
        os.kill(os.getpid(), signal.SIGKILL)
    return x[at]
head = Head(4, 2)
train(head, x, y, epochs=5, batch_size=16, view=view, checkpoint=sys.argv[1], checkpoint_every=1)
print(head.weight.flatten().tolist())
"""


def test_a_killed_process_goes_on_where_it_was(tmp_path):
    def lived(name: str, die: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / name), str(die)], capture_output=True, text=True, check=False)

    whole = lived("whole", 0)
    assert whole.returncode == 0, whole.stderr
    assert lived("parts", 9).returncode == -signal.SIGKILL
    rest = lived("parts", 13)                                    # 8 of the 20 steps are behind: the 13th is never reached
    assert rest.returncode == 0, rest.stderr
    assert rest.stdout == whole.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts", "whole"]


def test_a_finished_run_is_not_run_again(tmp_path):
    first, weights = run(tmp_path / "done")
    again, same = run(tmp_path / "done", cut=0)                  # a single step would raise
    assert again.history == first.history and again.resumed == again.seen == first.seen
    assert all(torch.equal(a, b) for a, b in zip(weights, same, strict=True))


@pytest.mark.parametrize("change", [{"lr": 0.2}, {"seed": 4}, {"epochs": 5}, {"schedule": "linear"}, {"weights": np.ones(50)}])
def test_another_run_does_not_go_on_from_it(tmp_path, change):
    run(tmp_path / "done")
    with pytest.raises(ValueError, match="of a run on other data or settings; remove it"):
        run(tmp_path / "done", **change)


def test_a_damaged_file_is_refused_by_name(tmp_path):
    path = tmp_path / "cut"
    run(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"checkpoint: .*cut is not one that can be read"):
        run(path)
    save_file({"a": torch.zeros(1)}, tmp_path / "other")
    with pytest.raises(ValueError, match=r"checkpoint: .*other is not one that can be read"):
        run(tmp_path / "other")


def test_the_teacher_is_the_running_mean_of_the_weights():
    x, y = task()
    head, student = Head(6, 3, seed=2, dtype=torch.float64), Head(6, 3, seed=2, dtype=torch.float64)
    teacher = Head(6, 3, seed=9, dtype=torch.float64)            # whatever it was: it begins as the head
    expected, seen = [head.weight.detach().clone()], []
    train(head, x.double(), y, epochs=3, batch_size=10, teacher=teacher, ema=0.75, callback=lambda row: None)
    train(student, x.double(), y, epochs=3, batch_size=10, relabel=lambda _: seen.append(student.weight.detach().clone()))
    for step, weight in enumerate([*seen[1:], student.weight.detach()], start=1):
        stays = min(0.75, step / (step + 1))
        expected.append(stays * expected[-1] + (1 - stays) * weight)
    assert torch.equal(head.weight, student.weight)
    torch.testing.assert_close(teacher.weight.detach(), expected[-1])
    torch.testing.assert_close(expected[2], (expected[0] + seen[1] + seen[2]) / 3)      # at first the plain mean


def test_validation_measures_the_teacher():
    x, y = task()
    head = Head(6, 3, seed=2, dtype=torch.float64)
    teacher = copy.deepcopy(head)
    done = train(head, x.double(), y, epochs=3, teacher=teacher, ema=1.0, lr=0.5, validation=(x.double(), y))
    measured = done.history[done.best_epoch]["validation"]
    with torch.no_grad():
        assert torch.nn.functional.cross_entropy(teacher(x.double()), y).item() == pytest.approx(measured)
        assert torch.nn.functional.cross_entropy(head(x.double()), y).item() != pytest.approx(measured)


@pytest.mark.parametrize(("schedule", "after"), [
    ("linear", lambda done: 1 - done), ("constant", lambda done: 1.0),
    ("cosine", lambda done: 0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * done))),
])
def test_the_rate_rises_evenly_and_then_falls(schedule, after):
    x, y = task(40)
    rates = [row["lr"] for row in train(Head(6, 3), x, y, epochs=10, batch_size=40, lr=0.5, schedule=schedule, warmup=0.4).history]
    expected = [0.5 * after(epoch / 10) * min(1.0, (epoch + 1) / 4) for epoch in range(10)]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_mixed_precision_is_for_cuda_and_what_ran_is_said():
    x, y = task()
    plain, mixed = Head(6, 3), Head(6, 3)
    assert train(plain, x, y, epochs=2).precision == train(mixed, x, y, epochs=2, precision="mixed").precision == "float32"
    assert torch.equal(plain.weight, mixed.weight)
    assert train(Head(6, 3, dtype=torch.float64), x.double(), y, epochs=1).precision == "float64"


@pytest.mark.parametrize(("change", "message"), [
    ({"schedule": "steps"}, "schedule: got 'steps', expected 'cosine', 'linear', 'constant'"),
    ({"warmup": 2.0}, "warmup: got 2.0"), ({"ema": -0.1}, "ema: got -0.1"), ({"precision": "half"}, "precision: got 'half'"),
    ({"checkpoint_every": 0}, "checkpoint_every: got 0"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        train(Head(6, 3), *task(), **change)
