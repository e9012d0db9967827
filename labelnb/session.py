"""The session: items, classes, labels and embeddings of one collection, and the verbs of the work. It holds no algorithm."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from labelnb.class_changes import reopened_classes
from labelnb.classes import LabelSpace
from labelnb.desk import Desk
from labelnb.event_log import STACKED
from labelnb.family import Family
from labelnb.folder import SessionFolder
from labelnb.ingredients import Ingredients
from labelnb.intake import record_given, without
from labelnb.items import Items
from labelnb.journal import Event, Journal
from labelnb.labels import Label, LabelSet
from labelnb.load import load
from labelnb.methods import families
from labelnb.results import Clusters, Embeddings, Proposal, Ranking, Result
from labelnb.selection import check_fits, one_each, positions_of
from labelnb.widgets import warm_up

if TYPE_CHECKING:
    from labelnb.student import Student

__all__ = ["Session"]


class Session(Desk):
    """One collection on its way from no labels to labels one can trust. Opens the session at `path`, or makes it.

    Parameters
    ----------
    items : what `labelnb.load` takes (folder, files, texts, frame, array, ...), or Items
    classes : names, or a mapping of name to prompt(s), or a LabelSpace; None keeps what the session has, and so do classes that it had
        and has gone on from, so that a cell that is run again undoes nothing
    path : folder that keeps the session; without one it is kept in the user's data folder (`LABELNB_HOME`), in the same place for the
        same items
    device : `"auto"` takes CUDA, then Apple's MPS, then the CPU; or a torch device
    seed : seed of every method with chance in it, unless it is given its own
    who : name under which decisions are recorded; the user's login by default

    Raises
    ------
    ValueError
        If the folder holds the session of other items.
    FileNotFoundError
        If `items` is a place on disk that is not there.

    Notes
    -----
    Labels are never only in memory: a decision is on disk before it shows. Reopening runs no encoder: 100,000 items open
    in under a second.
    """

    def __init__(
        self,
        items: Any,
        *,
        classes: Any = None,
        path: str | Path | None = None,
        device: str = "auto",
        seed: int = 0,
        who: str | None = None,
    ) -> None:
        name = Path(items).name if isinstance(items, str | Path) else getattr(items, "modality", "items")
        loaded = load(items)
        folder = SessionFolder(path if path is not None else SessionFolder.default_path(loaded, name))
        resumed = not folder.is_new
        loaded, changed = folder.adopt(loaded)
        self._begin(folder, loaded, classes, device, seed, who)
        if resumed:
            self.say(f"session resumed from {folder.path}; {self.labels.n_known} labels kept")
        elif path is None:
            self.say(f"session kept in {folder.path}")
        for note in filter(None, (changed, f"{len(loaded.problems)} items set aside: see s.items.problems" if loaded.problems else "")):
            self.say(note)
        if not resumed and loaded.given is not None:
            record_given(self)

    @classmethod
    def open(cls, path: str | Path, *, device: str = "auto", seed: int = 0, who: str | None = None) -> Session:
        """The session kept at `path`, with its items, classes, labels and embeddings.

        Raises FileNotFoundError, with the sessions that there are, if none is there.
        """
        folder = SessionFolder.existing(path)
        session = cls.__new__(cls)
        session._begin(folder, folder.items(), None, device, seed, who)
        return session

    def _begin(self, folder: SessionFolder, items: Items, classes: Any, device: str, seed: int, who: str | None) -> None:
        self.folder, self._items, self.seed, self._device = folder, items, seed, device
        self.who = who or _login()
        self.encoder: Any = None
        self.ingredients = Ingredients(self)
        self._embeddings: Embeddings | None = None
        self._results: dict[int, Result] = {}
        self._listeners: list[Callable[[Session], None]] = []
        kept = self.journal.classes()
        wanted, aside = reopened_classes(kept, classes, self.journal)
        if aside:
            self.say(f"the classes are those of version {wanted.version}, changed since; to go back, set s.classes or undo")
        if kept is None and classes is None and items.given is not None:
            wanted = LabelSpace(tuple(sorted({value for value in items.given.tolist() if value is not None})))
        self._classes = wanted
        if wanted != (kept or LabelSpace()):
            self.journal.record_classes(wanted)
            self._classes = self.journal.classes() or wanted
        self._labels: LabelSet | None = None
        for family in families():
            setattr(self, family, Family(self, family))
        warm_up()

    # What the session holds -----------------------------------------------------------------------------------------------

    @property
    def journal(self) -> Journal:
        """The append-only record of decisions and runs: the one place where state changes."""
        return self.folder.journal

    @property
    def items(self) -> Items:
        """What is being labelled."""
        return self._items

    @property
    def classes(self) -> LabelSpace:
        """The classes an item can be given; setting them is journaled, and labels keep the names they were given."""
        return self._classes

    @classes.setter
    def classes(self, value: Any) -> None:
        space = LabelSpace.of(value)
        if space != self._classes:
            self.journal.record_classes(space, who=self.who)
            self._changed()

    @property
    def labels(self) -> LabelSet:
        """The labels as they stand: the replay of the journal, another kernel's decisions included."""
        if self.journal.changed() or self._labels is None:
            self._refresh()
        assert self._labels is not None
        return self._labels

    @property
    def embeddings(self) -> Embeddings:
        """One unit vector an item; made by `embed()` when first needed, found again when the session is reopened."""
        if self._embeddings is None:
            from labelnb.embedding import reopen

            self._embeddings = reopen(self)
        return self._embeddings if self._embeddings is not None else self.embed()

    @property
    def results(self) -> dict[int, Result]:
        """Results of this kernel's runs that are not undone, by the run's number."""
        return dict(self._results)

    @cached_property
    def device(self) -> Any:
        """The torch device that methods run on."""
        from labelnb.compute import choose_device

        return choose_device(self._device)

    @property
    def temperature(self) -> float | None:
        """The softmax temperature over cosines that suits the encoder; None where it says none."""
        return self._embeddings.temperature if self._embeddings is not None else None

    def history(self, limit: int | None = None) -> list[Event]:
        """What happened, oldest first: decisions, accepts, runs, undos."""
        return self.journal.history(limit)

    # The verbs ------------------------------------------------------------------------------------------------------------

    def embed(
        self, encoder: Any = None, *, class_embeddings: Any = None, batch_size: int | None = None, progress: bool = True
    ) -> Embeddings:
        """Embed every item; cached, and continued where it was interrupted.

        Parameters
        ----------
        encoder : name (`"open_clip:ViT-B-32/laion2b_s34b_b79k"`, see `labelnb.encoders.available()`), an Encoder, an (N, D) array of
            embeddings made elsewhere, or None to choose by modality and by what is installed
        class_embeddings : (K, D) or (K, P, D) in the same space, beside an array of embeddings
        batch_size : items at a time; chosen by the encoder by default
        progress : show a bar where it takes over a second
        """
        from labelnb.embedding import embed

        self._embeddings = embed(self, encoder, class_vectors=class_embeddings, batch_size=batch_size, progress=progress)
        return self._embeddings

    def label(self, ids: Any, value: Any, who: str | None = None, *, joined_to: int | None = None) -> Event:
        """Record what a person decided; on disk when this returns.

        Parameters
        ----------
        ids : an id, a position, or several of them (list, array, boolean mask, slice)
        value : class name; `lnb.not_("cat")`, `lnb.any_of("cat", "dog")`, `lnb.UNSURE`, `lnb.OUTSIDE`; a mapping of class to True, False or
            None for several classes an item; None to clear; or a list of these, one an item
        who : recorded as the decider; the session's `who` by default
        joined_to : number of the event with which this is one step to undo

        Raises
        ------
        KeyError
            If an id or a class is unknown; close names are listed, and nothing is recorded.
        """
        positions = self.positions(ids)
        labels = [Label.of(one, self.classes) for one in one_each(value, len(positions))]
        event = self.journal.decide(self.items.ids[positions].tolist(), labels, who=who or self.who, source="person", joined_to=joined_to)
        self._changed()
        return event

    def accept(self, proposal: Proposal, above: float = 0.0, ids: Any = None, *, overwrite: bool = False) -> Event | None:
        """Make labels of a proposal in bulk; one step to undo.

        Parameters
        ----------
        above : accept items whose confidence is at least this
        ids : only these items
        overwrite : also replace what people have decided; never done unless asked

        Returns
        -------
        Event with the number of items in `n_items`; None if no item was accepted.
        """
        if not isinstance(proposal, Proposal):
            raise TypeError(
                f"accept: got {type(proposal).__name__}, expected a Proposal; name clusters in the ClusterBoard (result.widget()) instead"
            )
        check_fits(proposal, self.items, self.classes)
        chosen = (proposal.predictions >= 0) & (proposal.confidence >= above)
        if ids is not None:
            chosen &= np.isin(np.arange(len(self.items)), self.positions(ids))
        if not overwrite:
            chosen &= ~self.labels.by_person
        positions = np.flatnonzero(chosen)
        if not len(positions):
            self.say("nothing accepted: no item is above the threshold and undecided")
            return None
        by_class = [Label.of(name, self.classes) for name in proposal.classes]
        made = proposal.provenance
        event = self.journal.decide(
            self.items.ids[positions].tolist(),
            [by_class[k] for k in proposal.predictions[positions]],
            who=self.who,
            source="accept",
            kind="accept",
            run=made.run if made else None,
            method=made.method if made else None,
            confidence=proposal.confidence[positions],
            keep_people=not overwrite,
        )
        self._changed()
        return event

    def undo(self, n: int = 1) -> list[Event]:
        """Take back the last `n` steps: decisions, accepts, runs, changes of classes, work on boards and graphs. Appends; see `redo`."""
        return self._after(self.journal.undo(n, kinds=STACKED, who=self.who))

    def redo(self, n: int = 1) -> list[Event]:
        """Bring back the last `n` steps that were undone."""
        return self._after(self.journal.redo(n, kinds=STACKED, who=self.who))

    def audit(self, result: Proposal | None = None, n: int = 100, **options: Any) -> Any:
        """Draw a random sample of a proposal (or of the labels as they stand) to check; see `labelnb.audit.audit`. Returns an `Audit`."""
        from labelnb.audit import audit

        return audit(self, result, n, **{"seed": self.seed, **options})

    def train(self, kind: Literal["probe", "mlp"] = "probe", **options: Any) -> Student:
        """Train a small classifier on the labels; kept in the session's folder. Returns a `Student`."""
        from labelnb import student

        x, encoder = self.on_device(self.embeddings.vectors), self.embeddings.encoder
        made = student.train(x, self.labels, self.classes, kind=kind, seed=self.seed, encoder=encoder, **options)
        made.save(self.folder.path / "student")
        self.journal.record_run(
            "student.train", {"kind": kind, "labels": int(self.labels.n_known)}, f"trained on {self.labels.n_known} labels"
        )
        return made

    def export(self, path: str | Path, *, format: str | None = None, proposal: Proposal | None = None, certificate: Any = None) -> Path:
        """Write the labels with where each comes from, and the certificate of the latest audit (False: none). Whole or not at all."""
        from labelnb.certificates import certificate_for
        from labelnb.export import write

        audit = certificate_for(self, certificate)
        return write(Path(path), self.items, self.labels, format=format, proposal=proposal, certificate=audit)

    # What is looked at ----------------------------------------------------------------------------------------------------

    def explore(self, result: Result | None = None, *, method: Literal["auto", "umap", "pca"] = "auto", **options: Any) -> Any:
        """The map of the collection (Explorer widget). `method`: `"umap"`, `"pca"`, or `"auto"`: PCA at once, UMAP when it is ready."""
        from labelnb.widgets.opening import open_explorer

        return open_explorer(self, result, method, **options)

    def review(self, result: Proposal | Ranking | Clusters | None = None, **options: Any) -> Any:
        """Items one page at a time, pre-filled with a proposal (ReviewGrid), or most suspicious first (Triage); clusters on their board."""
        from labelnb.widgets import widget_for
        from labelnb.widgets.review_grid import ReviewGrid

        if result is not None and not isinstance(result, Clusters):
            check_fits(result, self.items, self.classes)
        if isinstance(result, Clusters | Ranking):
            return widget_for(result, host=self, **options)
        return ReviewGrid(self, result, **options)

    # Small things ---------------------------------------------------------------------------------------------------------

    def positions(self, ids: Any) -> np.ndarray:
        """(n,) int64 positions of an id, a position, or several of them."""
        return positions_of(self.items, ids)

    def class_embeddings(self) -> np.ndarray | None:
        """(K, P, D) vectors of the classes' prompts; None where there is no text side or no class."""
        from labelnb.embedding import class_embeddings

        return class_embeddings(self)

    def on_device(self, array: Any) -> Any:
        """A tensor of `array` on the session's device."""
        from labelnb.checks import as_tensor

        return as_tensor(array, "array", dtype=None).to(self.device)

    def say(self, text: str) -> None:
        """One line to the person at the notebook."""
        print(f"labelnb: {text}")

    def keep_result(self, run: int, result: Result) -> None:
        """Hold a run's result until it is undone."""
        self._results[run] = result

    def set_aside(self, failed: Sequence[tuple[int, str]]) -> None:
        """Leave out items that could not be read; they are listed in `items.problems`, and their labels stay in the journal."""
        self._items, self._labels = without(self.items, failed), None
        self._items.save(self.folder.path / "items")
        self.say(f"{len(failed)} items could not be read and are set aside: see s.items.problems")

    def close(self) -> None:
        """Close the journal. Everything is on disk already."""
        self._listeners.clear()
        self.folder.close()

    def _after(self, events: list[Event]) -> list[Event]:
        self._refresh()
        alive = {event.number for event in self.journal.runs()}
        self._results = {run: result for run, result in self._results.items() if run in alive}
        self._tell()
        return events

    def _refresh(self) -> None:
        self._classes = self.journal.classes() or self._classes
        self._labels = self.journal.replay(self.items.ids, self._classes, self.items.frame_kind)

    def _changed(self) -> None:
        self._labels, self._classes = None, self.journal.classes() or self._classes
        self._tell()

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Family: ...

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        known = self.labels.n_known
        share = known / len(self.items)
        what = f"{len(self.items):,} {self.items.modality} items, {len(self.classes)} classes, {known:,} labelled ({share:.0%})"
        return f"Session of {what}, in {self.folder.path}"


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in this container
        return "person"
