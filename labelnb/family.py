"""A family of methods as an attribute of a session: tab completion, signatures, and the run itself."""

from __future__ import annotations

import dataclasses
import inspect
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.annotators.answers import bind
from labelnb.catalog import Catalog, Method, catalog
from labelnb.ingredients import INGREDIENTS, Ingredients, MissingIngredient
from labelnb.results import Clusters, Proposal, Provenance, Ranking, Result

if TYPE_CHECKING:
    from labelnb.session import Session

__all__ = ["Family", "rerun"]


class Family:
    """The methods of one family, bound to a session: `s.propagation.zlap(k=5)`."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name

    def __dir__(self) -> list[str]:
        return [method.name for method in catalog(self._name)]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        found = [method for method in catalog(self._name) if method.name == name]
        if not found:
            raise AttributeError(f"{self._name} has no method {name!r}; it has {', '.join(dir(self))}")
        return _bind(self._session, found[0])

    def __repr__(self) -> str:
        return repr(catalog(self._name))

    def _repr_html_(self) -> str:
        methods: Catalog = catalog(self._name)
        return methods._repr_html_()


def _bind(session: Session, method: Method) -> Callable[..., Any]:
    function = method.function
    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, default=None if parameter.name in INGREDIENTS else parameter.default)
        for parameter in inspect.signature(function).parameters.values()
    ]

    def bound(**given: Any) -> Any:
        return run(session, method, given)

    bound.__name__ = bound.__qualname__ = method.name
    bound.__doc__ = f"{function.__doc__ or ''}\n\nIngredients ({', '.join(method.needs)}) are the session's unless given by name."
    bound.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return bound


def run(session: Session, method: Method, given: dict[str, Any]) -> Any:
    """Run `method` with the session's ingredients, stamp its provenance, journal the run, and return the result.

    Raises
    ------
    TypeError
        If a name is given that the method does not take; close names are listed.
    MissingIngredient
        If an ingredient cannot be had; the message starts with the method's name and ends with what to do.
    """
    ingredients, hyperparameters = _assembled(session, method, given)
    start = time.perf_counter()
    result = method.function(**_on_device(session, ingredients), **hyperparameters)
    return stamp(session, result, method.full_name, hyperparameters, ingredients, time.perf_counter() - start)


def rerun(
    session: Session, made: Provenance, *, edits: np.ndarray | None = None, labels: Mapping[int, int] | None = None, graph: Any = None,
) -> Any:
    """The result of the method that `made` tells of, on the session as it is now with some changes; nothing is journaled.

    Parameters
    ----------
    edits : (E, 4) further edits of the graph, see `labelnb.compute.rewired`
    labels : class position by item position; -1 takes a label away
    graph : in place of the session's

    Raises
    ------
    ValueError
        If the method takes neither a graph nor labels, or was handed an array that the journal does not hold.
    """
    from labelnb.compute import rewired

    method = next((each for each in catalog() if each.full_name == made.method), None)
    if method is None or not {"graph", "graph_edits"} & {*method.needs, *method.takes}:
        raise ValueError(f"preview: {made.method} rests on no graph that can be changed; run it again after labelling")
    arrays = [name for name, value in made.parameters.items() if isinstance(value, str) and value.startswith("(")]
    if arrays:
        raise ValueError(f"preview: {made.method} was handed arrays ({', '.join(arrays)}) that are not kept; run it again")
    given: dict[str, Any] = {**made.parameters, **({} if made.seed is None else {"seed": made.seed})}
    taken = (*method.needs, *method.takes)
    if "graph" in taken and graph is not None:
        given["graph"] = graph
    if edits is not None and len(edits):
        if "graph" in taken:
            given["graph"] = rewired(session.graph.matrix if graph is None else graph, edits)
        if "graph_edits" in taken:
            given["graph_edits"] = np.concatenate([session.graph.array(), edits])
    if labels:
        values = np.array(session.labels.values)
        values[list(labels)] = list(labels.values())
        given["labels"] = values
    ingredients, hyperparameters = _assembled(session, method, given)
    result = method.function(**_on_device(session, ingredients), **hyperparameters)
    if isinstance(result, Proposal) and result.probabilities.shape[1] == len(session.classes):
        result = dataclasses.replace(result, classes=session.classes.names)
    return result


def _assembled(session: Session, method: Method, given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ingredients and hyperparameters of a call, as given or as the session has them."""
    signature = inspect.signature(method.function)
    _refuse_unknown(method, given, signature)
    ingredients, hyperparameters = {}, {}
    for name, parameter in signature.parameters.items():
        if name in INGREDIENTS:
            if given.get(name) is not None:
                value = bind(given[name], session.items) if name == "annotator" else given[name]
                ingredients[name] = Ingredients.given(name, value)
            elif name in method.needs or _wanted(session, name):
                ingredients[name] = _have(session, method, name)
        elif name in given:
            hyperparameters[name] = given[name]
        elif parameter.default is not inspect.Parameter.empty:
            hyperparameters[name] = _default(session, name, parameter.default)
    return ingredients, hyperparameters


def _on_device(session: Session, ingredients: dict[str, Any]) -> dict[str, Any]:
    return {name: session.on_device(value) if name in ("embeddings", "class_embeddings") else value for name, value in ingredients.items()}


def stamp(session: Session, result: Result, name: str, hyperparameters: dict[str, Any], ingredients: dict[str, Any], seconds: float) -> Any:
    """`result` with class names, provenance and session; the run is journaled."""
    from labelnb import __version__
    from labelnb.store import fingerprint

    seed = hyperparameters.get("seed")
    prints = {key: fingerprint(_plain(value)) for key, value in ingredients.items() if value is not None and _printable(value)}
    provenance = Provenance(
        method=name,
        version=__version__,
        parameters={k: _brief(v) for k, v in hyperparameters.items() if k != "seed"},
        seed=seed,
        ingredients=prints,
        device=str(session.device),
        seconds=round(seconds, 4),
        when=datetime.now(UTC).isoformat(timespec="microseconds"),  # what was decided in the same second, before or after, can be told
    )
    fields: dict[str, Any] = {"session": session}
    if isinstance(result, Proposal) and result.probabilities.shape[1] == len(session.classes):
        fields["classes"] = session.classes.names
    event = session.journal.record_run(name, provenance.to_dict(), _summary(result))
    fields["provenance"] = dataclasses.replace(provenance, run=event.number)
    stamped = dataclasses.replace(result, **fields)
    session.keep_result(event.number, stamped)
    return stamped


def _refuse_unknown(method: Method, given: dict[str, Any], signature: inspect.Signature) -> None:
    import difflib

    for name in given:
        if name not in signature.parameters:
            close = difflib.get_close_matches(name, signature.parameters, 2)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise TypeError(f"{method.full_name} takes no {name!r}{hint} It takes {', '.join(signature.parameters)}")


def _wanted(session: Session, name: str) -> bool:
    """Whether an optional ingredient is there without any work."""
    if name == "labels":
        return bool((session.labels.values >= 0).any())
    if name == "graph_edits":
        return bool(session.graph.edits)
    return name == "classes" and len(session.classes) > 0


def _have(session: Session, method: Method, name: str) -> Any:
    try:
        return session.ingredients.get(name)
    except MissingIngredient as error:
        raise MissingIngredient(f"{method.full_name} needs {name}: {error}") from error


def _default(session: Session, name: str, default: Any) -> Any:
    if name == "seed":
        return session.seed
    if name == "temperature" and session.temperature is not None:
        # A cosine means something else in every encoder's space: the encoder's own scale, where it has one, beats the paper's.
        return session.temperature
    if name == "n_classes" and default is None:
        return len(session.classes) or None
    return default


def _printable(value: Any) -> bool:
    return hasattr(value, "dtype") or hasattr(value, "to_dict") or isinstance(value, list | tuple | str | int | float)


def _brief(value: Any) -> Any:
    """A hyperparameter as provenance keeps it: an array by its shape and fingerprint."""
    from labelnb.store import fingerprint

    return f"{tuple(value.shape)} {fingerprint(value)}" if getattr(value, "shape", ()) else value


def _plain(value: Any) -> Any:
    return value.to_dict() if hasattr(value, "to_dict") else value


def _summary(result: Result) -> str:
    if isinstance(result, Proposal):
        return f"{int((result.predictions >= 0).sum())} of {len(result)} items proposed"
    if isinstance(result, Ranking):
        return f"{int(result.flagged.sum())} of {len(result)} items flagged"
    if isinstance(result, Clusters):
        return f"{len(result)} items in {result.n_clusters} clusters"
    return type(result).__name__
