"""A fault plan: what breaks, where, when and for how long, as data that a simulation and real processes both follow.

On Tuesday somebody paused the primary by hand for "about half a minute". On Wednesday nobody could say whether the fix
had helped, because nobody could do it again. A plan can be kept in a file, reviewed, drawn at random, made smaller, and
played twice: in virtual time (a second costs nothing) and against real processes.

    FaultPlan([Fault("latency", "app-prices", at_s=5, for_s=10, delay_s=0.2), Fault("kill", "cache", at_s=8)])

Promised: what does not make sense is refused with the value and a way out; text and back gives an equal plan; two
faults of one kind never overlap on one target, so that ending one cannot undo the other. Not here: breaking anything
(inject.py), nor whether the targets exist: the injector knows its own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import yaml

from minisys.chaos.kinds import checked

FIELDS = ("kind", "target", "at_s", "for_s")


@dataclass(frozen=True, init=False)
class Fault:
    """One thing that breaks: *kind* (kinds.py), at *target*, *at_s* seconds after the plan begins, for *for_s* seconds.

    for_s: inf (the default) until the plan ends. **values: the figures of that kind; those left out get their default.
    Raises ValueError for an unknown kind or value, one out of its range, an empty target, at_s < 0, or for_s <= 0.
    """

    kind: str
    target: str
    at_s: float
    for_s: float
    values: Mapping[str, Any]

    def __init__(self, kind: str, target: str, at_s: float = 0.0, for_s: float = math.inf, **values: Any) -> None:
        said = f"fault {kind!r} on {target!r}"
        if not isinstance(target, str) or not target.strip():
            raise ValueError(f"a fault needs a target, the name of what it breaks; got {target!r} for kind {kind!r}")
        if not _number(at_s) or not 0 <= at_s < math.inf:
            raise ValueError(f"{said}: at_s must be seconds from the start, 0 or more, got {at_s!r}")
        if not _number(for_s) or not for_s > 0:
            raise ValueError(f"{said}: for_s must be above 0 seconds (leave it out: to the end), got {for_s!r}")
        try:
            values = checked(kind, values)
        except ValueError as problem:
            raise ValueError(f"{said}: {problem}") from None
        for name, value in zip((*FIELDS, "values"), (kind, target, at_s, for_s, values), strict=True):
            object.__setattr__(self, name, value)

    def __hash__(self) -> int:
        return hash((self.kind, self.target, self.at_s, self.for_s, tuple(sorted(self.values.items()))))

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def end_s(self) -> float:
        """When it ends, in seconds after the plan's start; inf: with the plan."""
        return self.at_s + self.for_s

    def changed(self, **fields: Any) -> Fault:
        """The same fault with other fields or values."""
        return Fault(**{**self.to_dict(), **fields})

    def to_dict(self) -> dict[str, Any]:
        """Its fields and values in one mapping, as a plan's file holds them."""
        lasting = {} if math.isinf(self.for_s) else {"for_s": self.for_s}
        return {"kind": self.kind, "target": self.target, "at_s": self.at_s, **lasting, **self.values}

    @classmethod
    def from_dict(cls, given: Any) -> Fault:
        """A fault from such a mapping. Raises ValueError if it is none."""
        if not isinstance(given, Mapping):
            raise ValueError(f"a fault is a mapping with kind, target, at_s, for_s and its values; got {given!r}")
        if missing := [name for name in FIELDS[:2] if name not in given]:
            raise ValueError(f"a fault needs {' and '.join(missing)}; got {dict(given)!r}")
        if odd := [name for name in given if not isinstance(name, str)]:
            raise ValueError(f"a fault's names are words, got {odd[0]!r} in {dict(given)!r}")
        return cls(**given)


class Event(NamedTuple):
    """*fault* begins or ends (*what*) *at_s* seconds after the plan's start."""

    at_s: float
    what: str
    fault: Fault


@dataclass(frozen=True)
class FaultPlan:
    """Faults in the order of their beginning, and the *seed* of whatever they draw at random.

    Raises ValueError if two faults of one kind overlap on one target, or the seed is not a whole number.
    """

    faults: tuple[Fault, ...] = ()
    seed: int = 0

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 0) -> None:
        faults = tuple(sorted(faults, key=lambda fault: (fault.at_s, fault.target, fault.kind)))
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ValueError(f"the seed must be a whole number, got {seed!r}")
        last: dict[tuple[str, str], Fault] = {}
        for fault in faults:
            before = last.get((fault.kind, fault.target))
            if before is not None and before.end_s > fault.at_s:
                raise ValueError(
                    f"two {fault.kind!r} faults overlap on {fault.target!r}: one from {before.at_s:g} s to "
                    f"{before.end_s:g} s, one from {fault.at_s:g} s; end the first earlier, or make them one"
                )
            last[fault.kind, fault.target] = fault
        object.__setattr__(self, "faults", faults)
        object.__setattr__(self, "seed", seed)

    def __len__(self) -> int:
        return len(self.faults)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.faults)

    @property
    def end_s(self) -> float:
        """When the last thing begins or ends that has a time, in seconds."""
        return max((event.at_s for event in self.events() if math.isfinite(event.at_s)), default=0.0)

    @property
    def targets(self) -> tuple[str, ...]:
        """What it touches, each once, in alphabetical order: its blast radius."""
        return tuple(sorted({fault.target for fault in self.faults}))

    def events(self) -> list[Event]:
        """Beginnings and ends in time order; at one moment ends come first. A fault without an end has none here."""
        begins = [Event(fault.at_s, "begin", fault) for fault in self.faults]
        ends = [Event(fault.end_s, "end", fault) for fault in self.faults if math.isfinite(fault.for_s)]
        return sorted(ends + begins, key=lambda event: (event.at_s, event.what == "begin"))

    def with_faults(self, faults: Iterable[Fault]) -> FaultPlan:
        """Another plan of these *faults* with the same seed."""
        return replace(self, faults=faults)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain lists and mappings."""
        return {"seed": self.seed, "faults": [fault.to_dict() for fault in self.faults]}

    def to_json(self) -> str:
        """The plan as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    def to_yaml(self) -> str:
        """The plan as YAML."""
        return str(yaml.safe_dump(self.to_dict(), sort_keys=False))

    @classmethod
    def from_dict(cls, given: Any) -> FaultPlan:
        """A plan from such a mapping. Raises ValueError that says which fault is wrong and why."""
        if not isinstance(given, Mapping) or not isinstance(given.get("faults"), list):
            raise ValueError(f"a plan is a mapping with a list `faults` and maybe a `seed`; got {given!r}")
        if unknown := [name for name in given if name not in ("faults", "seed")]:
            raise ValueError(f"a plan has `faults` and `seed`, no {unknown[0]!r}")
        faults = []
        for number, one in enumerate(given["faults"], 1):
            try:
                faults.append(Fault.from_dict(one))
            except ValueError as problem:
                raise ValueError(f"fault {number}: {problem}") from None
        return cls(faults, given.get("seed", 0))

    @classmethod
    def from_yaml(cls, text: str) -> FaultPlan:
        """A plan from YAML, or JSON, which is YAML. Raises ValueError if it is neither, or no plan."""
        try:
            return cls.from_dict(json.loads(text))  # YAML 1.1 takes JSON's 5e-07 for a word
        except json.JSONDecodeError:
            pass
        try:
            given = yaml.safe_load(text)
        except yaml.YAMLError as problem:
            raise ValueError(f"this is no YAML: {problem}") from None
        return cls.from_dict(given)


def _number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and not math.isnan(given)
