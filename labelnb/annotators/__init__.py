"""Annotators: whoever answers which class an item has, for a price: a language model, a person, a classifier, a simulation.

An annotator is any callable that takes items and returns one answer for each: a class name, None, `(name, confidence)` or an `Answer`.
`ask` puts the questions, reads the answers and never loses one that was paid for. Nothing heavy is imported before it is used.
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_WHERE = {
    "Answer": "answers", "Answers": "answers", "AnnotatorError": "answers", "ask": "answers", "bind": "answers",
    "Remembered": "remembered", "SimulatedAnnotator": "simulated", "EmbeddingAnnotator": "embedding",
    "LanguageModelAnnotator": "language_model",
}

__all__ = [
    "Answer", "Answers", "AnnotatorError", "EmbeddingAnnotator", "LanguageModelAnnotator", "Remembered", "SimulatedAnnotator", "ask",
    "bind",
]

if TYPE_CHECKING:
    from labelnb.annotators.answers import AnnotatorError, Answer, Answers, ask, bind
    from labelnb.annotators.embedding import EmbeddingAnnotator
    from labelnb.annotators.language_model import LanguageModelAnnotator
    from labelnb.annotators.remembered import Remembered
    from labelnb.annotators.simulated import SimulatedAnnotator


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"labelnb.annotators has no {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"labelnb.annotators.{_WHERE[name]}"), name)
    globals()[name] = value
    return value
