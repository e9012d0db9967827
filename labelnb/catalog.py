"""The table of methods, read from the sources in methods/ without importing any of them."""

from __future__ import annotations

import ast
import html
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from labelnb.ingredients import INGREDIENTS
from labelnb.methods import families

__all__ = ["Method", "Catalog", "catalog"]

_METHODS = Path(__file__).parent / "methods"


@dataclass(frozen=True)
class Hyperparameter:
    """A keyword-only parameter of a method."""

    name: str
    """As in the signature."""
    annotation: str
    """Its type as written, such as `Annotated[float, Range(0.0, 1.0)]`."""
    default: str | None
    """Its default as written; None where it must be given."""


@dataclass(frozen=True)
class Method:
    """One method, as its file describes it."""

    name: str
    """Name of the file and of its function."""
    family: str
    """Name of its folder."""
    title: str
    """First line of the file."""
    source: str
    """Paper: authors, year, where."""
    rows: tuple[int, ...]
    """Numbers of the papers in the list that labelnb builds on."""
    needs: tuple[str, ...]
    """Ingredients that must be there: positional parameters without a default."""
    takes: tuple[str, ...]
    """Ingredients it can use beside: positional parameters, or keywords named as an ingredient, with a default."""
    hyperparameters: tuple[Hyperparameter, ...]
    """Keyword-only parameters."""
    widget: str
    """The paired widget: review, clusters, propagation, triage, explorer, report."""
    returns: str
    """Name of the result type."""
    summary: str
    """First line of the function's docstring."""
    path: Path
    """The file."""

    @property
    def full_name(self) -> str:
        """`family.name`."""
        return f"{self.family}.{self.name}"

    @property
    def function(self) -> Callable[..., Any]:
        """The function itself; imports its file."""
        return getattr(importlib.import_module(f"labelnb.methods.{self.family}.{self.name}"), self.name)


class Catalog(Sequence[Method]):
    """An ordered table of methods. Iterate, index by position or by name, or show it."""

    def __init__(self, methods: Sequence[Method]) -> None:
        self._methods = tuple(methods)

    def __len__(self) -> int:
        return len(self._methods)

    def __iter__(self) -> Iterator[Method]:
        return iter(self._methods)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            found = [m for m in self._methods if key in (m.name, m.full_name)]
            if len(found) != 1:
                raise KeyError(f"{key!r} names {len(found)} methods; there are {', '.join(m.full_name for m in self._methods)}")
            return found[0]
        return Catalog(self._methods[key]) if isinstance(key, slice) else self._methods[key]

    def rows(self) -> list[dict[str, Any]]:
        """The table as a list of plain rows."""
        return [
            {
                "method": m.full_name,
                "needs": ", ".join(m.needs),
                "gives": m.returns,
                "widget": m.widget,
                "title": m.title,
                "source": m.source,
            }
            for m in self._methods
        ]

    def to_frame(self) -> Any:
        """The table as a pandas DataFrame."""
        import pandas

        return pandas.DataFrame(self.rows())

    def to_markdown(self) -> str:
        """The table as Markdown, as it stands in the README."""
        lines = ["| method | needs | gives | what it is |", "|---|---|---|---|"]
        for m in self._methods:
            needs = ", ".join(m.needs)
            lines.append(f"| `{m.full_name}` | {needs} | {m.returns} | {m.title.rstrip('.')} ({m.source.split(',')[0]}) |")
        return "\n".join(lines)

    def __repr__(self) -> str:
        width = max((len(m.full_name) for m in self._methods), default=0)
        return (
            "\n".join(f"{m.full_name:<{width}}  needs {', '.join(m.needs)}; gives {m.returns}. {m.title}" for m in self._methods)
            or "no methods"
        )

    def _repr_html_(self) -> str:
        rows = self.rows()
        head = "".join(f"<th style='text-align:left'>{html.escape(name)}</th>" for name in (rows[0] if rows else ()))
        body = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(str(cell))}</td>" for cell in row.values()) + "</tr>"
            for row in rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def catalog(family: str | None = None, needs: str | Sequence[str] | None = None) -> Catalog:
    """The table of methods; reads the sources and imports none of them.

    Parameters
    ----------
    family : only this family, such as `"propagation"`
    needs : only methods whose needed ingredients are all among these, such as `["embeddings", "labels"]`: what can be run now

    Raises
    ------
    ValueError
        If there is no such family; the families are listed.
    """
    if family is not None and family not in families():
        raise ValueError(f"family: got {family!r}, expected one of {', '.join(families())}")
    have = None if needs is None else {needs} if isinstance(needs, str) else set(needs)
    chosen = [m for m in _read_all() if family in (None, m.family) and (have is None or set(m.needs) <= have)]
    return Catalog(chosen)


@lru_cache(maxsize=1)
def _read_all() -> tuple[Method, ...]:
    return tuple(
        method
        for family in families()
        for path in sorted((_METHODS / family).glob("*.py"))
        if not path.stem.startswith("_") and (method := _read(path)) is not None
    )


def _read(path: Path) -> Method | None:
    tree = ast.parse(path.read_text(encoding="utf8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if path.stem not in functions:
        return None
    function = functions[path.stem]
    text = ast.get_docstring(tree) or ""
    constants = _constants(tree)
    row = constants.get("CATALOGUE", ())
    positional = [*function.args.posonlyargs, *function.args.args]
    n_needed = len(positional) - len(function.args.defaults)
    keywords = [
        Hyperparameter(arg.arg, ast.unparse(arg.annotation) if arg.annotation else "", None if default is None else ast.unparse(default))
        for arg, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    ]
    return Method(
        name=path.stem,
        family=path.parent.name,
        title=text.partition("\n")[0].strip(),
        source=_source(text),
        rows=(row,) if isinstance(row, int) else tuple(row),
        needs=tuple(arg.arg for arg in positional[:n_needed]),
        takes=tuple(arg.arg for arg in positional[n_needed:]) + tuple(h.name for h in keywords if h.name in INGREDIENTS),
        hyperparameters=tuple(h for h in keywords if h.name not in INGREDIENTS),
        widget=str(constants.get("WIDGET", "")),
        returns=ast.unparse(function.returns).strip("'\"") if function.returns else "",
        summary=(ast.get_docstring(function) or "").partition("\n")[0].strip(),
        path=path,
    )


def _constants(tree: ast.Module) -> Mapping[str, Any]:
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def _source(text: str) -> str:
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("Source:"):
            parts = [line.removeprefix("Source:").strip()]
            for more in lines[number + 1 :]:
                if not more.strip() or more.split(":")[0] in ("Reference code", "Code"):
                    break
                parts.append(more.strip())
            return " ".join(parts)
    return ""
