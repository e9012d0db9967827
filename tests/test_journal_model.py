"""The journal against a plain model in memory: any mix of decisions, accepts, runs, undo and redo, by two connections."""
from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from labelnb.classes import LabelSpace
from labelnb.journal import Journal
from labelnb.labels import UNSURE, Label, not_

CLASSES = LabelSpace(("cat", "dog", "bird"))
IDS = np.array([f"i{n}" for n in range(8)], dtype=object)
KINDS = [None, ("decision", "accept"), ("run",), ("board",), ("decision", "accept", "board")]
CAT, DOG, BIRD = (Label("class", (name,)) for name in CLASSES.names)


@dataclass
class Step:
    """An event of the model that can be undone."""

    kind: str
    labels: dict[str, Label | None] = field(default_factory=dict)
    source: str = "person"
    holds: bool = True
    events: tuple[str, ...] = ()
    """Kinds of its events, the last first; the one kind where they are not given."""
    content: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        return self.events or (self.kind,)


class AgainstModel(RuleBasedStateMachine):
    """Two connections to one journal, used at will, against a list of steps that is replayed from the start each time."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.undone: list[Step] = []

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.sqlite"
        self.journals = [Journal(self.path), Journal(self.path)]

    def teardown(self) -> None:
        for journal in self.journals:
            journal.close()
        self.folder.cleanup()

    def add(self, step: Step) -> None:
        self.steps.append(step)
        self.undone.clear()

    def holding(self) -> dict[str, tuple[Label, str]]:
        made: dict[str, tuple[Label, str]] = {}
        for step in self.steps:
            if step.holds:
                for name, label in step.labels.items():
                    made.pop(name, None)
                    if label is not None:
                        made[name] = (label, step.source)
        return made

    @rule(
        which=st.integers(0, 1), person=st.booleans(),
        labels=st.dictionaries(st.sampled_from(IDS.tolist()), st.sampled_from([CAT, DOG, not_("cat"), UNSURE, None])),
    )
    def decide(self, which: int, labels: dict[str, Label | None], person: bool) -> None:
        source = "person" if person else "accept"
        self.journals[which].decide(list(labels), list(labels.values()), who="ada", source=source, kind="decision" if person else "accept")
        if labels:
            self.add(Step("decision" if person else "accept", labels, source))

    @rule(which=st.integers(0, 1))
    def accept_but_keep_people(self, which: int) -> None:
        people = {name for name, (_, source) in self.holding().items() if source == "person"}
        event = self.journals[which].decide(IDS, BIRD, who="clip", source="accept", kind="accept", keep_people=True)
        free = {name: BIRD for name in IDS.tolist() if name not in people}
        assert event.n_items == len(free)
        if free:
            self.add(Step("accept", free, "accept"))

    @rule(which=st.integers(0, 1))
    def run(self, which: int) -> None:
        self.journals[which].record_run("m", {}, "run")
        self.add(Step("run"))

    @rule(which=st.integers(0, 1), content=st.integers(1, 9))
    def work_on_a_board(self, which: int, content: int) -> None:
        self.journals[which].record("board", "board:a", {"content": content})
        self.add(Step("board", content=content))

    @rule(which=st.integers(0, 1), content=st.integers(1, 9), names=st.sets(st.sampled_from(IDS.tolist()), min_size=1))
    def work_joined_with_labels(self, which: int, content: int, names: set[str]) -> None:
        head = self.journals[which].decide(sorted(names), DOG, who="ada")
        self.journals[which].record("board", "board:a", {"content": content}, joined_to=head.number)
        self.add(Step("decision", dict.fromkeys(names, DOG), events=("board", "decision"), content=content))

    @rule(which=st.integers(0, 1), n=st.integers(1, 3), kinds=st.sampled_from(KINDS))
    def undo(self, which: int, n: int, kinds: tuple[str, ...] | None) -> None:
        among = set(kinds or ("decision", "accept", "run"))
        wanted = [step for step in reversed(self.steps) if step.holds and among & set(step.kinds)][:n]
        for step in wanted:
            step.holds = False
            self.undone.append(step)
        assert [event.kind for event in self.journals[which].undo(n, kinds=kinds)] == [kind for step in wanted for kind in step.kinds]

    @rule(which=st.integers(0, 1), n=st.integers(1, 3), kinds=st.sampled_from(KINDS))
    def redo(self, which: int, n: int, kinds: tuple[str, ...] | None) -> None:
        among = set(kinds or ("decision", "accept", "run"))
        wanted = [step for step in reversed(self.undone) if among & set(step.kinds)][:n]
        for step in wanted:
            step.holds = True
            self.undone.remove(step)
        assert [event.kind for event in self.journals[which].redo(n, kinds=kinds)] == [kind for step in wanted for kind in step.kinds]

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        self.journals[which].close()
        self.journals[which] = Journal(self.path)

    @rule(which=st.integers(0, 1))
    def look(self, which: int) -> None:
        self.compare(self.journals[which])

    @invariant()
    def runs_that_hold(self) -> None:
        assert len(self.journals[0].runs()) == sum(step.holds for step in self.steps if step.kind == "run")

    def compare(self, journal: Journal) -> None:
        work = [step.content for step in self.steps if step.holds and step.content]
        assert [step.content["content"] for step in journal.steps("board:a")] == work
        made, expected = journal.replay(IDS, CLASSES), self.holding()
        assert {name: (made.label(name), made.source[place]) for place, name in enumerate(IDS.tolist()) if made.known[place]} == expected
        assert journal.n_labelled() == len(expected)
        assert made.by_person.tolist() == [expected.get(name, ("", ""))[1] == "person" for name in IDS.tolist()]


AgainstModel.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
TestAgainstModel = AgainstModel.TestCase
