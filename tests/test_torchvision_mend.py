"""The work-around for a torchvision whose compiled operators do not load: in fresh processes, since an import happens once."""
from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
needs_torchvision = pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed")


def run(code: str) -> str:
    made = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert made.returncode == 0, made.stderr[-2000:]
    return made.stdout


@needs_torchvision
def test_torchvision_imports_and_resizes_after_the_mend():
    assert run(
        "from labelnb.torchvision_mend import mend_torchvision\n"
        "first = mend_torchvision(); assert mend_torchvision() == first\n"
        "import torch, torchvision\n"
        "from torchvision.transforms.v2.functional import resize\n"
        "assert (torchvision.extension._has_ops()) != first\n"
        "print(tuple(resize(torch.zeros(3, 8, 8), [4, 4]).shape))\n"
    ).strip() == "(3, 4, 4)"


@needs_torchvision
def test_it_helps_after_a_first_import_has_failed():
    run(
        "import contextlib\n"
        "with contextlib.suppress(RuntimeError):\n    import torchvision\n"
        "from labelnb.torchvision_mend import mend_torchvision\n"
        "mend_torchvision()\n"
        "import torchvision.transforms\n"
    )


def test_nothing_is_done_where_the_operators_load_or_there_is_no_torchvision():
    run(
        "import importlib.util, sys, torch\n"
        "from labelnb import torchvision_mend as mend\n"
        "mend._operators_load = lambda folder: True\n"
        "assert mend.mend_torchvision() is False and not mend._kept\n"
        "importlib.util.find_spec = lambda name: None\n"
        "mend._operators_load = lambda folder: False\n"
        "assert mend.mend_torchvision() is False and not mend._kept\n"
    )


def test_nothing_is_done_where_torchvision_is_imported_already():
    run(
        "import sys, types; sys.modules['torchvision'] = types.ModuleType('torchvision')\n"
        "from labelnb import torchvision_mend as mend\n"
        "assert mend.mend_torchvision() is False and not mend._kept\n"
    )
