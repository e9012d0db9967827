"""The classes that items can be given: names, prompts, descriptions, hierarchy, metric, attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["LabelSpace"]


@dataclass(frozen=True, eq=False)
class LabelSpace:
    """An ordered set of classes. Behaves as the tuple of its names; never changes: `with_...` gives a new one."""

    names: tuple[str, ...] = ()
    """K class names, unique, not empty."""
    prompts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Texts that stand for a class, by name; where a class has none, its name goes through the encoder's templates."""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    """What a person should know of a class, by name."""
    parents: Mapping[str, str] = field(default_factory=dict)
    """Name of the broader class, by name."""
    metric: np.ndarray | None = None
    """(K, K) distances between classes, zero on the diagonal."""
    attributes: np.ndarray | None = None
    """(K, A) one row of attribute strengths a class."""
    multi: bool = False
    """Whether an item can hold several classes at once."""
    version: int = 0
    """Which version of the session's classes this is, counted by the journal from 1; 0 where it is not recorded. Not compared."""

    def __post_init__(self) -> None:
        names: tuple[Any, ...] = tuple(self.names)
        for position, name in enumerate(names):
            if not isinstance(name, str) or not name.strip():
                raise ValueError(f"classes: position {position} holds {name!r}, expected a name (a text that is not empty)")
        repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if repeated:
            raise ValueError(f"classes: {repeated} appear more than once; expected unique names")
        object.__setattr__(self, "names", names)
        known = set(names)
        for what in ("prompts", "descriptions"):
            strange = [name for name in getattr(self, what) if name not in known]
            if strange:
                raise ValueError(f"classes: {what} for {strange}, which are not among the names {list(names)}")
        prompts = {name: (texts,) if isinstance(texts, str) else tuple(texts) for name, texts in self.prompts.items()}
        object.__setattr__(self, "prompts", prompts)
        for what, shape in (("metric", (len(names), len(names))), ("attributes", (len(names), -1))):
            array = getattr(self, what)
            if array is not None:
                array = np.asarray(array, dtype=np.float64)
                if array.ndim != 2 or array.shape[0] != shape[0] or (shape[1] >= 0 and array.shape[1] != shape[1]):
                    raise ValueError(f"classes: {what} of shape {array.shape} for {len(names)} classes")
                object.__setattr__(self, what, array)

    @classmethod
    def of(cls, value: Any) -> LabelSpace:
        """A LabelSpace from None (no classes yet), a list of names, a mapping of name to prompt(s), or a LabelSpace."""
        if isinstance(value, LabelSpace):
            return value
        if value is None:
            return cls()
        if isinstance(value, str):
            raise TypeError(f"classes: got the text {value!r}, expected a list of names, such as [{value!r}, ...]")
        if isinstance(value, Mapping):
            return cls(tuple(value), prompts={name: texts for name, texts in value.items() if texts})
        return cls(tuple(value))

    def position(self, name: str) -> int:
        """Where `name` stands; a KeyError that lists close names if it is not there."""
        try:
            return self.names.index(name)
        except ValueError:
            import difflib

            close = difflib.get_close_matches(str(name), self.names, 3) or list(self.names[:10])
            raise KeyError(
                f"class {name!r} is not among the {len(self.names)} classes; did you mean one of {close}? Add it with s.add_class({name!r})"
            ) from None

    def texts(self, templates: Sequence[str] = ("{}",)) -> list[list[str]]:
        """The prompts of every class: its own, or its name put into each template."""
        return [
            list(self.prompts.get(name) or [template.replace("{}", name.replace("_", " ")) for template in templates])
            for name in self.names
        ]

    def with_class(self, name: str, prompts: Sequence[str] | str = ()) -> LabelSpace:
        """A new LabelSpace with one class more at the end. Metric and attributes, which lack the new row, are dropped."""
        import dataclasses

        extra = {name: (prompts,) if isinstance(prompts, str) else tuple(prompts)} if prompts else {}
        return dataclasses.replace(self, names=(*self.names, name), prompts={**self.prompts, **extra}, metric=None, attributes=None)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values; `from_dict` reads them back. Without the version: the same classes are the same in any."""
        return {
            "names": list(self.names),
            "prompts": {name: list(texts) for name, texts in self.prompts.items()},
            "descriptions": dict(self.descriptions),
            "parents": dict(self.parents),
            "multi": self.multi,
            "metric": None if self.metric is None else self.metric.tolist(),
            "attributes": None if self.attributes is None else self.attributes.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LabelSpace:
        """The LabelSpace that `to_dict` wrote; what is not of a LabelSpace is left aside."""
        known = {name: value for name, value in values.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "names": tuple(values["names"])})

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __getitem__(self, position: int) -> str:
        return self.names[position]

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelSpace) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.names)
