"""The rules of the house, read from the sources: what holds for every file without running any of it."""
from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
JUNK_DRAWERS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "misc", "tools", "factory", "core"}
# Modules that a plain `import labelnb` or a look at the catalogue may touch: NumPy and the standard library at the top, all else late.
LIGHT = (
    "__init__", "session", "items", "load", "labels", "journal", "store", "places", "classes", "catalog", "results", "explain", "family",
    "ingredients", "lazy",
)
HEAVY = {
    "torch", "torchvision", "transformers", "sklearn", "scipy", "pandas", "pyarrow", "umap", "anywidget", "ipywidgets", "plotly",
    "PIL", "faiss", "numba",
}
GLOBAL_SEEDS = {
    "torch.manual_seed", "torch.cuda.manual_seed", "torch.cuda.manual_seed_all", "np.random.seed", "numpy.random.seed", "random.seed",
}
LEGACY_RANDOM = re.compile(r"^(np|numpy)\.random\.(rand|randn|randint|random|choice|shuffle|permutation|normal|uniform)$")
UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
# Written in pieces, so that this file does not name what no file may name.
HOSTS = (
    "py" + "pi.org", "python" + "hosted", "npm" + "js.", "deb." + "debian", "download.py" + "torch", "ana" + "conda.org", "un" + "pkg.com",
    "js" + "delivr", "esm" + ".sh", "cdn" + "js",
)
PLACES = (r"(?<![\w.])/" + "work/", r"\." + "library/", "/" + "root/", "/" + r"home/\w+/", "/" + r"Users/\w+/", "/opt/" + "pypi")
PRIVATE = re.compile("|".join(PLACES))


def tracked(*suffixes: str) -> list[Path]:
    """Files that git knows or would take, by suffix; all of them without one."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / line for line in listed.stdout.splitlines()]
    return [path for path in paths if path.is_file() and (not suffixes or path.suffix in suffixes)]


def python(folder: str = "labelnb") -> Iterator[tuple[str, ast.Module]]:
    for path in tracked(".py"):
        name = str(path.relative_to(ROOT))
        if name.startswith(folder):
            yield name, parsed(path)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf8"))


@cache
def nodes(tree: ast.AST) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))


def dotted(node: ast.AST) -> str:
    """`np.random.seed` of the expression that says so; empty where it is something else."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in nodes(tree):
        if isinstance(node, ast.Call) and (name := dotted(node.func)):
            yield name, node


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.lineno


def at_module_level(tree: ast.Module) -> Iterator[str]:
    """Top names of what is imported when the module is: not inside functions, not for type checkers only."""
    waiting: list[ast.AST] = [*tree.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and dotted(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
        waiting.extend(ast.iter_child_nodes(node))


def test_no_junk_drawers():
    assert [str(path.relative_to(ROOT)) for path in tracked(".py", ".ts") if path.stem in JUNK_DRAWERS] == []


def test_files_are_short_enough_to_be_read_at_once():
    paths = tracked(".py", ".ts", ".mjs", ".css")
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf8").splitlines()) for path in paths}
    assert {name: lines for name, lines in lengths.items() if lines >= 400} == {}


def test_functions_are_short_enough_to_be_understood():
    long = [
        f"{name}:{node.lineno} {node.name}: {lines} lines of code" for name, tree in python() for node in nodes(tree)
        if isinstance(node, ast.FunctionDef) and (lines := _lines_of_code(node)) >= 60
    ]
    assert long == []


def _lines_of_code(function: ast.FunctionDef) -> int:
    """Lines of a function, without its docstring."""
    first = function.body[0]
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return (function.end_lineno or 0) - function.lineno + 1 - ((first.end_lineno or 0) - first.lineno + 1 if text else 0)


def test_nothing_that_runs_what_it_reads():
    found = []
    for name, tree in python(""):
        found += [f"{name}:{line} imports {module}" for module, line in imports(tree) if module.partition(".")[0] in UNSAFE]
        for called, node in calls(tree):
            said = {keyword.arg: getattr(keyword.value, "value", ...) for keyword in node.keywords}
            if called == "torch.load" and said.get("weights_only") is not True:
                found.append(f"{name}:{node.lineno} torch.load without weights_only=True")
            if called in ("eval", "exec", "os.system", "compile") or called.endswith((".read_pickle", ".to_pickle")):
                found.append(f"{name}:{node.lineno} {called}")
            if called in ("np.load", "numpy.load") and said.get("allow_pickle") is not False:
                found.append(f"{name}:{node.lineno} {called} without allow_pickle=False")
            if said.get("shell", False) is not False:
                found.append(f"{name}:{node.lineno} {called} through a shell")
            if said.get("trust_remote_code", False) is not False:
                found.append(f"{name}:{node.lineno} {called} trusts remote code")
    assert found == []


def test_no_global_seed_and_no_global_generator():
    called = [(f"{name}:{node.lineno}", function) for name, tree in python() for function, node in calls(tree)]
    assert [(where, function) for where, function in called if function in GLOBAL_SEEDS or LEGACY_RANDOM.match(function)] == []


def test_no_error_is_swallowed():
    found = []
    for name, tree in python():
        for node in nodes(tree):
            if isinstance(node, ast.ExceptHandler) and (node.type is None or dotted(node.type) in ("Exception", "BaseException")):
                silent = all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
                if node.type is None or silent:
                    found.append(f"{name}:{node.lineno}")
    assert found == []


def test_no_stubs():
    found = [(name, node.lineno) for name, tree in python() for node in nodes(tree) if dotted(node) == "NotImplementedError"]
    assert found == []


def test_no_telemetry_and_no_network_at_import():
    never, where_data_is_fetched = ("requests", "httpx", "aiohttp", "urllib3"), ("labelnb/datasets/", "labelnb/encoders/")
    found = [(name, module) for name, tree in python() for module, _ in imports(tree) if module.partition(".")[0] in never]
    found += [
        (name, module) for name, tree in python() for module, _ in imports(tree)
        if module == "urllib.request" and not name.startswith(where_data_is_fetched)
    ]
    opened = ("socket.socket", "socket.create_connection")
    found += [(name, called) for name, tree in python() for called, _ in calls(tree) if called in opened]
    assert found == []
    assert [name for name, tree in python() if "huggingface_hub" in at_module_level(tree)] == []


def test_light_modules_import_nothing_heavy():
    found = {}
    for name, tree in python():
        path = Path(name)
        if path.parent == Path("labelnb") and path.stem in LIGHT and (heavy := HEAVY & set(at_module_level(tree))):
            found[name] = sorted(heavy)
    assert found == {}


OUTER = ("session", "journal", "labels", "widgets", "store", "folder", "export", "student", "encoders", "datasets")


# Law by law: which folder must not know which module.
@pytest.mark.parametrize(("folder", "forbidden"), [
    ("labelnb/methods/", OUTER),
    ("labelnb/compute/", (*OUTER, "methods", "results")),
    ("labelnb/widgets/", ("methods", "journal", "session", "student")),
    ("labelnb/encoders/", ("session", "journal", "widgets", "methods")),
    ("labelnb/export/", ("session", "journal", "widgets", "methods")),
])
def test_rooms_keep_to_themselves(folder: str, forbidden: tuple[str, ...]):
    found = []
    for name, tree in python(folder):
        checked = [node for node in nodes(tree) if isinstance(node, ast.If) and dotted(node.test) == "TYPE_CHECKING"]
        typing_only = {line for node in checked for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
        for module, line in imports(tree):
            if line not in typing_only and module.startswith("labelnb.") and module.split(".")[1] in forbidden:
                found.append(f"{name}:{line} imports {module}")
    assert found == []


def test_methods_hold_no_device_test():
    found = []
    for folder in ("labelnb/methods/", "labelnb/session.py", "labelnb/family.py"):
        for name, tree in python(folder):
            said = [(getattr(node, "attr", "") or getattr(node, "arg", ""), node) for node in nodes(tree)]
            found += [f"{name}:{node.lineno}" for word, node in said if word in ("is_cuda", "is_available", "use_gpu")]
    assert found == []


def test_every_public_thing_is_documented_and_typed():
    found = []
    for name, tree in python():
        if ast.get_docstring(tree) is None and Path(name).read_text(encoding="utf8").strip():
            found.append(f"{name} has no docstring")
        found += [f"{name}:{node.lineno} {why}" for node, why in _undocumented(tree)]
    assert found == []


def _undocumented(scope: ast.Module | ast.ClassDef) -> Iterator[tuple[ast.AST, str]]:
    for node in scope.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None and not any(dotted(mark).endswith((".setter", "overload")) for mark in node.decorator_list):
            yield node, f"{node.name} has no docstring"
        if isinstance(node, ast.ClassDef):
            yield from _undocumented(node)
        else:
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [arg.arg for arg in given if arg.annotation is None and arg.arg not in ("self", "cls")]
            if bare or node.returns is None:
                yield node, f"{node.name}: no type for {bare or 'what it returns'}"


def test_every_test_can_fail():
    found, checking = [], re.compile(r"(.*\.)?_?(raises|warns|assert|check|wait|fail|expect)")
    for name, tree in python("tests/"):
        functions = [node for node in nodes(tree) if isinstance(node, ast.FunctionDef)]
        asserting = {function.name for function in functions if any(isinstance(inner, ast.Assert) for inner in ast.walk(function))}
        for function in functions:
            if function.name.startswith("test_") and function.name not in asserting:
                called = [made for made, _ in calls(function)]
                if not any(checking.match(made) or made in asserting for made in called):
                    found.append(f"{name}:{function.lineno} {function.name}")
    assert found == []


def test_nothing_private_and_no_registry_is_named():
    found = []
    for path in tracked():
        if path.suffix in (".png", ".webp", ".jpg", ".jpeg", ".parquet", ".npy", ".npz", ".safetensors", ".gif", ".ico", ".woff2"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
            if len(line) < 100_000 and ((private := PRIVATE.search(line)) or any(host in line.lower() for host in HOSTS)):
                found.append(f"{path.relative_to(ROOT)}:{number} {private[0] if private else 'names a registry or a CDN'}")
    assert found == []


def test_front_end_fetches_nothing():
    fetching = re.compile(r"(?<![.\w])(?<!async )fetch\(|\b(?:window|globalThis|self)\.fetch\(|"
                          r"XMLHttpRequest|WebSocket\(|EventSource\(|sendBeacon|import\(\s*[\"'`]https?:|@import|src=[\"']https?:")
    paths = [*(ROOT / "labelnb" / "widgets" / "static").glob("*.js"), *(ROOT / "widgets" / "src").rglob("*.ts")]
    assert paths
    assert [str(path.relative_to(ROOT)) for path in paths if fetching.search(path.read_text(encoding="utf8"))] == []


def test_a_bundle_is_one_module_that_any_host_can_take():
    """VS Code and Colab hand the text of one ES module to the page: it imports nothing, opens no port, and stays small."""
    for path in (ROOT / "labelnb" / "widgets" / "static").glob("*.js"):
        text = path.read_text(encoding="utf8")
        name = path.name
        assert re.search(r"export\s*\{[^}]*\bdefault\b[^}]*\}|export default ", text), name
        assert not re.search(r"(?<![\w.$])import\s*[({\"'*]|(?<![\w.$])import\s+\w|\brequire\(", text), f"{name} imports a module"
        assert not re.search(r"localhost|127\.0\.0\.1|https?://(?!www\.w3\.org/)", text), f"{name} names a place on the network"
        assert not re.search(r"\beval\(|new Function\(|new (?:Shared)?Worker\(", text), f"{name} runs what a host may forbid"
        assert not re.search(r"localStorage|sessionStorage|indexedDB|document\.cookie", text), f"{name} keeps state outside the journal"
        assert len(text) < 200_000, name


def test_every_source_of_the_front_end_has_its_bundle():
    sources = {path.stem for path in (ROOT / "widgets" / "src").glob("*.ts") if not path.name.endswith(".d.ts")}
    bundles = {path.stem for path in (ROOT / "labelnb" / "widgets" / "static").glob("*.js")}
    assert sources == bundles


def test_notebooks_are_checked():
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert paths
    assert [path.name for path in paths if "NBVAL_CHECK_OUTPUT" not in path.read_text(encoding="utf8")] == []
