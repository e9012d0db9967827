"""The package of kernels: what it exports, how late it loads, and that a name is the function whatever was imported before."""
from __future__ import annotations

import subprocess
import sys

import pytest

import labelnb.compute


@pytest.mark.parametrize("name", labelnb.compute.__all__)
def test_every_name_is_there_and_is_no_module(name):
    assert callable(getattr(labelnb.compute, name))
    assert name in dir(labelnb.compute)


def test_a_kernel_named_as_its_file_stays_the_function():
    code = (
        "import labelnb.compute.propagate, labelnb.compute.project, labelnb.compute.knn\n"
        "from labelnb.compute import propagate, project\n"
        "assert callable(propagate) and callable(project)\n"
        "from labelnb.compute.propagate import contributions\n"
        "assert callable(labelnb.compute.propagate)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_package_imports_nothing_heavy():
    code = "import sys, labelnb.compute; print([name for name in ('torch', 'scipy', 'umap', 'faiss', 'numba') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "[]"


def test_a_name_that_is_not_there_lists_those_that_are():
    with pytest.raises(AttributeError, match="labelnb.compute has no 'knn'; it has .*knn_graph"):
        labelnb.compute.__getattr__("knn")
