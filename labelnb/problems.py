"""What can be wrong with items: one that is set aside, and an error that names it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ItemError", "ItemWarning", "ItemProblem"]


class ItemError(ValueError):
    """An item, or what should have become items, cannot be used; the message names it and says what to do."""


class ItemWarning(UserWarning):
    """Some items were set aside; they are listed in `items.problems`."""


@dataclass(frozen=True)
class ItemProblem:
    """One item that was set aside, or whose file has gone."""

    position: int
    """Where it stood in the source, from 0."""
    name: str
    """Its file, id or column; empty where it has none."""
    message: str
    """What is wrong, and what to do."""

    def __str__(self) -> str:
        return f"item {self.position}{', ' + self.name if self.name else ''}: {self.message}"
