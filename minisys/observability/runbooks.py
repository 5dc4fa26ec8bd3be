"""Runbooks as data: which symptom asks for which steps, and how much a machine may do before a human is called.

At three in the morning the person on call restarts the thing, as last time. A program can do that in two seconds; it
can also do it four hundred times an hour, to all servers at once. So a runbook names the next step if the last one did
not help, and the limits that hold for all of them.

    book = Runbooks.from_yaml(text); book.for_symptom("silent").steps

Promised: validated when read, with the place of the mistake; YAML out is YAML in. Not done: anything; supervisor.py
decides by it. Models: Kubernetes' crash-loop back-off (10 s doubled up to 5 min), systemd's StartLimitBurst and
StartLimitIntervalSec, Erlang/OTP's restart intensity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import yaml

SYMPTOMS = ("dead", "silent", "slow", "failing")
ACTIONS = ("restart", "replace", "drain", "fail over", "page")


@dataclass(frozen=True)
class Runbook:
    """What to do about *symptom* once it was seen at *after* looks in a row: *steps*, one after the other.

    symptom: "dead" (no process), "silent" (no answer in time), "slow", "failing" (errors). A step is "restart",
    "replace" (a new one in, the old one out), "drain" (nothing new for it), "fail over" (the standby in its place) or
    "page" (a human; the machine leaves this one alone from then on). The next step comes if the symptom is there again
    after the wait. When the steps are at an end, a human is paged. Raises ValueError for an unknown word, no step, a
    step after a page, or after < 1.
    """

    symptom: str
    steps: tuple[str, ...]
    after: int = 2

    def __post_init__(self) -> None:
        if self.symptom not in SYMPTOMS:
            raise ValueError(f"unknown symptom {self.symptom!r}; known: {', '.join(SYMPTOMS)}")
        wrong = [step for step in self.steps if step not in ACTIONS]
        if wrong or not self.steps:
            raise ValueError(f"{self.symptom}: steps are {', '.join(ACTIONS)}; got {list(self.steps)}")
        if "page" in self.steps[:-1]:
            raise ValueError(f"{self.symptom}: after a page a human is in charge, so page comes last; got {self.steps}")
        if self.after < 1:
            raise ValueError(f"{self.symptom}: after counts looks, 1 or more; got {self.after}")


@dataclass(frozen=True)
class Limits:
    """What all runbooks together may do.

    steps: repairs of one target within *within_s* seconds; the next one is a page instead (a crash loop). wait_s: the
    wait after a repair before its effect is judged, doubled after each further one within *within_s*, at most
    longest_wait_s. at_once: the share of all targets that may be under repair or out of service at the same time (at
    least one). Raises ValueError unless steps >= 1, 0 < at_once <= 1 and 0 < wait_s <= longest_wait_s, within_s > 0.
    """

    steps: int = 3
    within_s: float = 300.0
    wait_s: float = 60.0
    longest_wait_s: float = 300.0
    at_once: float = 0.34

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 < self.at_once <= 1:
            raise ValueError(f"need steps >= 1 and 0 < at_once <= 1, got {self.steps} and {self.at_once}")
        if not (0 < self.wait_s <= self.longest_wait_s and self.within_s > 0):
            raise ValueError(
                f"need 0 < wait_s <= longest_wait_s and within_s > 0, got {self.wait_s}, {self.longest_wait_s} and "
                f"{self.within_s} s"
            )

    def targets(self, of: int) -> int:
        """How many of *of* targets may be under repair at once: the share, rounded down, at least one."""
        return max(1, math.floor(self.at_once * of + 1e-9))

    def wait_after_s(self, repairs: int) -> float:
        """The wait after so many *repairs* within the window."""
        return min(self.wait_s * 2.0 ** min(max(repairs - 1, 0), 64), self.longest_wait_s)


@dataclass(frozen=True)
class Runbooks:
    """One runbook a symptom, and the limits. A symptom without one is left to whoever looks at the dashboards.

    Raises ValueError for two runbooks of one symptom.
    """

    books: tuple[Runbook, ...]
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        names = [book.symptom for book in self.books]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"there are two runbooks for {twice!r}; put their steps into one")

    def for_symptom(self, symptom: str) -> Runbook | None:
        """The runbook for *symptom*, if there is one."""
        return next((book for book in self.books if book.symptom == symptom), None)

    def to_yaml(self) -> str:
        """As text: what `from_yaml` reads."""
        books = {book.symptom: {"steps": list(book.steps), "after": book.after} for book in self.books}
        return str(yaml.safe_dump({"runbooks": books, "limits": asdict(self.limits)}, sort_keys=False))

    @classmethod
    def from_yaml(cls, text: str) -> Runbooks:
        """Runbooks from YAML: ``runbooks: {dead: {steps: [restart, page], after: 1}}`` and ``limits: {…}``.

        Raises ValueError with the place of what is unknown, missing or out of range.
        """
        try:
            given = yaml.safe_load(text)
        except yaml.YAMLError as problem:
            raise ValueError(f"not YAML: {problem}") from None
        _known("the file", given, ("runbooks", "limits"))
        books = []
        for symptom, entry in _known("runbooks", given.get("runbooks") or {}, SYMPTOMS).items():
            entry = _known(f"runbooks: {symptom}", entry, ("steps", "after"))
            steps = entry.get("steps")
            if not isinstance(steps, Sequence) or isinstance(steps, str):
                raise ValueError(f"runbooks: {symptom}: steps must be a list, got {steps!r}")
            books.append(Runbook(symptom, tuple(map(str, steps)), int(_number(entry, "after", 2, symptom))))
        names = tuple(each.name for each in fields(Limits))
        limits = _known("limits", given.get("limits") or {}, names)
        values: dict[str, Any] = {name: _number(limits, name, 0, "limits") for name in limits}
        if "steps" in values:
            values["steps"] = int(values["steps"])
        return cls(tuple(books), Limits(**values))


def _known(place: str, given: Any, names: Sequence[str]) -> Mapping[str, Any]:
    """*given*, if it is a mapping with no other keys than *names*."""
    if not isinstance(given, Mapping):
        raise ValueError(f"{place}: expected a mapping of {', '.join(names)}, got {given!r}")
    for key in given:
        if key not in names:
            raise ValueError(f"{place}: {key!r} is unknown; known: {', '.join(names)}")
    return given


def _number(given: Mapping[str, Any], name: str, default: float, place: str) -> float:
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{place}: {name} must be a number, got {value!r}")
    return value


DEFAULT = Runbooks(
    (
        Runbook("dead", ("restart", "restart", "replace", "page"), after=1),
        Runbook("silent", ("restart", "replace", "page")),
        Runbook("slow", ("drain", "page"), after=5),
        Runbook("failing", ("restart", "page"), after=3),
    )
)
