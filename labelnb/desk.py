"""The desk at which widgets sit: what they read and write of a session, and how they hear of changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from labelnb.class_changes import ClassChanges
from labelnb.labels import Label
from labelnb.results import Result
from labelnb.selection import one_each

if TYPE_CHECKING:
    from labelnb.event_log import Step
    from labelnb.folder import SessionFolder
    from labelnb.items import Items
    from labelnb.journal import Event, Journal
    from labelnb.results import Embeddings
    from labelnb.session import Session
    from labelnb.session_graph import SessionGraph

__all__ = ["Desk"]

_DECISIONS = ("decision", "accept")


class Desk(ClassChanges):
    """The part of a session that widgets use. A widget decides through it and computes nothing."""

    if TYPE_CHECKING:
        folder: SessionFolder
        who: str
        _listeners: list[Callable[[Any], None]]

        @property
        def items(self) -> Items: ...
        @property
        def journal(self) -> Journal: ...
        @property
        def embeddings(self) -> Embeddings: ...
        @property
        def temperature(self) -> float | None: ...
        def positions(self, ids: Any) -> np.ndarray: ...
        def _changed(self) -> None: ...
        def _after(self, events: list[Event]) -> list[Event]: ...

    def decide(
        self,
        positions: Any,
        value: Any,
        *,
        proposal: Result | None = None,
        confidence: Any = None,
        who: str | None = None,
        source: Literal["person", "accept"] = "person",
        step: tuple[str, Mapping[str, Any]] | None = None,
        joined_to: int | None = None,
    ) -> int:
        """Record a decision made in a widget; on disk when this returns. `value` as in `label`; `source="accept"` where a person accepted
        in bulk, such as a whole cluster, without seeing every item. `step` and `joined_to` as in `Journal.decide`; the event's number comes
        back."""
        where = np.atleast_1d(np.asarray(positions, np.int64))
        labels = [Label.of(one, self.classes) for one in one_each(value, len(where))]
        made = proposal.provenance if proposal is not None else None
        event = self.journal.decide(
            self.items.ids[where].tolist(),
            labels,
            who=who or self.who,
            source=source,
            kind="accept" if source == "accept" else "decision",
            run=made.run if made else None,
            method=made.method if made else None,
            confidence=confidence,
            step=step,
            joined_to=joined_to,
        )
        self._changed()
        return event.number

    def record_step(
        self, kind: Literal["board", "graph"], subject: str, step: Mapping[str, Any], summary: str, n_items: int = 0,
        joined_to: int | None = None,
    ) -> int:
        """Keep work that is no label, see `Journal.record`; the event's number comes back."""
        number = self.journal.record(kind, subject, step, who=self.who, summary=summary, n_items=n_items, joined_to=joined_to).number
        self._tell()
        return number

    def steps(self, subject: str, *, undone: bool = False) -> list[Step]:
        """The steps on a subject that hold, in order; see `Journal.steps`."""
        return self.journal.steps(subject, undone=undone)

    def class_moves(self) -> list[Step]:
        """What became of classes' names; see `Journal.class_moves`."""
        return self.journal.class_moves()

    def step_subjects(self, prefix: str) -> list[str]:
        """Subjects that begin with `prefix`, the one worked on last first; see `Journal.subjects`."""
        return self.journal.subjects(prefix)

    @cached_property
    def graph(self) -> SessionGraph:
        """The graph over the items: how it is made, and what people have changed in it."""
        from labelnb.session_graph import SessionGraph

        return SessionGraph(cast("Session", self))

    def undo_decision(self, n: int = 1, also: Collection[str] = ()) -> int:
        """Take back the last `n` decisions or bulk accepts, or steps of the kinds in `also`; leaves runs alone. Returns how many events."""
        return len(self._after(self.journal.undo(n, kinds=(*_DECISIONS, *also), who=self.who)))

    def redo_decision(self, n: int = 1, also: Collection[str] = ()) -> int:
        """Bring back the last `n` undone decisions, or steps of the kinds in `also`. Returns how many events."""
        return len(self._after(self.journal.redo(n, kinds=(*_DECISIONS, *also), who=self.who)))

    def can_take_back(self, also: Collection[str] = ()) -> tuple[bool, bool]:
        """Whether there is something to undo, and to redo, among decisions and steps of the kinds in `also`."""
        kinds = (*_DECISIONS, *also)
        return self.journal.can_undo(kinds), self.journal.can_redo(kinds)

    @property
    def can_undo(self) -> bool:
        """Whether there is a decision to take back."""
        return self.journal.can_undo(_DECISIONS)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone decision to bring back."""
        return self.journal.can_redo(_DECISIONS)

    def subscribe(self, callback: Callable[[Any], None]) -> Callable[[], None]:
        """Call `callback(session)` after every change of labels or classes, until the returned function is called."""
        self._listeners.append(callback)

        def unsubscribe() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return unsubscribe

    def remark(self, text: str, details: dict[str, Any]) -> None:
        """Keep in the journal what changes no label, such as a person's answers on planted items."""
        self.journal.note(text, who=self.who, details=details)

    def remarked(self, about: str) -> list[Any]:
        """The entries `about` of what `remark` kept, the oldest first."""
        return [event.details[about] for event in self.journal.notes(about)]

    def planted_before(self) -> np.ndarray:
        """(n,) int64 items that were planted in a review before, for whomever."""
        seen = {found["item"] for event in self.journal.notes("planted") for found in event.details["planted"]}
        return np.flatnonzero(np.isin(self.items.ids.astype(str), list(seen))) if seen else np.empty(0, np.int64)

    def answered(self, who: str) -> np.ndarray:
        """(N,) bool: this person has looked at the item and answered, whatever others said later."""
        given = self.journal.answers(self.items.ids)
        found = np.zeros(len(self.items), bool)
        for position, label, person in zip(given.positions.tolist(), given.labels, given.who, strict=True):
            if person == who:
                found[position] = label is not None
        return found

    @property
    def has_map(self) -> bool:
        """Whether there are embeddings to make a map of."""
        return bool(self.folder.about.get("embeddings"))

    def map_places(self) -> np.ndarray:
        """(N, 2) places on the session's map, by PCA: at once, and cached."""
        from labelnb.embedding import projection

        return projection(cast("Session", self), "pca")

    def agreement(self, **options: Any) -> Any:
        """How far people agree on the items that several of them answered; see `labelnb.agreement.agreement`. Returns a Report."""
        from labelnb.agreement import agreement

        return agreement(cast("Session", self), **options)

    def conflicts(self) -> Any:
        """Items that people answered differently, to settle: `s.review(s.conflicts())`; see `labelnb.agreement.conflicts`. A Ranking."""
        from labelnb.agreement import conflicts

        return conflicts(cast("Session", self))

    @property
    def can_search_text(self) -> bool:
        """Whether the encoder reads text into the space of the items."""
        about = self.folder.about.get("embeddings") or {}
        return bool(about.get("encoder")) and self.temperature is not None

    def search(self, text: str) -> np.ndarray:
        """(N,) cosine of every item with `text`. ValueError where the encoder reads no text."""
        from labelnb.embedding import text_encoder

        encoder = text_encoder(cast("Session", self))
        if encoder is None:
            raise ValueError(
                "search: these embeddings come without a text encoder; search by example with s.similar(item), "
                "or s.embed() with an image-text encoder"
            )
        query = encoder.encode_texts([text])
        return self.embeddings.vectors @ np.asarray(query.detach().cpu(), np.float32)[0]

    def similar(self, ids: Any) -> np.ndarray:
        """(N,) cosine of every item with the mean of the given ones."""
        vectors = self.embeddings.vectors
        mean = vectors[self.positions(ids)].mean(axis=0)
        return vectors @ (mean / max(float(np.linalg.norm(mean)), 1e-12))

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener(self)
