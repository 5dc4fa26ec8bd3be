"""The requirement that changes in the middle of an interview, as data: it is run and judged like everything else.

"And now the regulator wants the books to outlive a region." Most answers are a nod and a second box. Whether the design
still keeps its promises then, and which of them breaks, only a run says.

Promised: a change is other traffic, other objectives, a fault, or several of them; what the interviewer says about it
is made from the same figures; `breaks` says what the case's own reference does not keep under it, and is tested. Not
here: how to answer it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.evidence import AT_S, STEADY, Range, bad_shares, ours
from minisys.design.judge import Row, Verdict, judge, seconds
from minisys.design.parts import Cache, Clients, Design, External, Objectives
from minisys.design.places import copies_of
from minisys.design.quantities import settled, written
from minisys.design.weak_calls import SLOW_S

WATCHED_S = 15.0  # of a fault, after its grace
Text = Annotated[str, Field(min_length=1)]
FIELDS = {one.name: one for one in fields(Objectives)}
VALUES: dict[str, dict[str, float]] = {"errors": {"ratio": 1.0}, "slow answers": {"delay_s": SLOW_S}}


def _places(design: Design, what: str) -> list[str]:
    """The zones or regions (*what*) that a part of ours stands in, those of the design's text first."""
    used = {getattr(copy, what) for part in ours(design) for copy in copies_of(design, part)}
    there = design.regions if what == "region" else [zone for zones in design.regions.values() for zone in zones]
    return [name for name in there if name in used]


TARGETS: dict[str, Callable[[Design], list[str]]] = {
    "region loss": lambda design: _places(design, "region"),
    "zone loss": lambda design: _places(design, "zone"),
    "cache flush": lambda design: [part.name for part in design.of(Cache)],
    "errors": lambda design: [part.name for part in design.of(External)],
    "slow answers": lambda design: [part.name for part in design.of(External)],
}
WORDS = {
    "region loss": "each region lost in turn", "zone loss": "each zone lost in turn",
    "cache flush": "the caches emptied", "errors": "each third party failing every call",
    "slow answers": f"each third party {SLOW_S:g} s slower",
}  # fmt: skip


class Shock(BaseModel):
    """A fault that the design must stand: from *after* (a time, "60 s") on, the share *good* of requests is answered.

    In time, that is: within the p99 that is promised. It is tried at every target of its kind that the design has.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["region loss", "zone loss", "cache flush", "errors", "slow answers"]
    good: Text
    after: Text = "0 s"

    @property
    def wanted(self) -> float:
        """The share of requests that must be good."""
        return float(settled(FIELDS["single_fault"], self.good))

    @property
    def after_s(self) -> float:
        """Seconds of grace after the fault."""
        return float(settled(FIELDS["rto"], self.after))

    def told(self) -> str:
        """What is run and wanted, in words."""
        since = f"from {seconds(self.after_s)} after it on, " if self.after_s else ""
        return f"{WORDS[self.kind]}: {since}{self.good} of the requests answered in time"


class Change(BaseModel):
    """What changes: *says* in the interviewer's words; *traffic* times the clients; new *objectives*; a *fault*.

    breaks: the rows of the verdict that the case's reference misses under the change, in their order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    says: Text
    traffic: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 1.0
    objectives: dict[str, Any] = {}
    fault: Shock | None = None
    breaks: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _changes_something(self) -> Change:
        if self.traffic == 1 and not self.objectives and self.fault is None:
            raise ValueError("change: give traffic, objectives or a fault; words alone are not run")
        if unknown := [name for name in self.objectives if name not in FIELDS]:
            raise ValueError(f"change: no objective {unknown[0]!r}; there are {', '.join(FIELDS)}")
        replace(Objectives(), **self.objectives)
        if self.fault is not None:
            _ = self.fault.wanted, self.fault.after_s
        return self

    def applied(self, design: Design) -> Design:
        """*design* with the traffic and the objectives of the change."""
        parts = (
            replace(part, rate=part.rate * self.traffic) if isinstance(part, Clients) else part for part in design.parts
        )
        return replace(design, parts=tuple(parts), objectives=replace(design.objectives, **self.objectives))

    def told(self, before: Design) -> str:
        """What is run from now on, made from the figures. *before*: the reference as it was."""
        return f"From now on your design is run with that: {'; '.join(self.lines(before))}."

    def lines(self, before: Design) -> Iterator[str]:
        """One line for each thing that changes."""
        if self.traffic != 1:
            rate = sum(each.rate for each in before.of(Clients))
            yield f"{self.traffic:g} times the traffic, {self.traffic * rate:,.0f} requests a second"
        for name, value in self.objectives.items():
            was = getattr(before.objectives, name)
            old = "" if was is None else f" (before: {_said(name, was)})"
            yield f"{name} {_said(name, settled(FIELDS[name], value))}{old}"
        if self.fault is not None:
            yield self.fault.told()

    def judge(self, design: Design, *, seed: int = 0, requests: int = 8_000) -> Verdict:
        """The verdict on *design*, which has the traffic and objectives of the change; the fault is its last row."""
        found = judge(design, seed=seed, requests=requests)
        if self.fault is None:
            return found
        return Verdict(found.name, (*found.rows, stood(self.fault, design, seed=seed, requests=requests)))


def stood(shock: Shock, design: Design, *, seed: int = 0, requests: int = 8_000) -> Row:
    """Whether *design* stands *shock*: the worst of its targets, at full traffic."""
    place = Range(design, seed=seed, requests=requests)
    wanted, targets = f"{shock.good} good", TARGETS[shock.kind](place.design)
    if not targets:  # an empty cache hurts nobody who has none; a third party that was left out has not been survived
        calm = shock.kind == "cache flush"
        return Row(shock.kind, wanted, "nothing to break", calm, f"your design has no target for {shock.kind}", 1.0)
    for_s = AT_S + shock.after_s + WATCHED_S
    good = {}
    for name in targets:
        plan = FaultPlan([Fault(shock.kind, name, AT_S, **VALUES.get(shock.kind, {}))])
        seen = place.run(STEADY, plan, for_s)
        good[name] = 1 - sum(bad_shares(seen, AT_S + shock.after_s, place.late_s))
    worst = min(good, key=good.__getitem__)
    said = f"{worst} is the worst of {len(good)}, watched for {WATCHED_S:g} s from {seconds(shock.after_s)} after it on"
    return Row(shock.kind, wanted, f"{100 * good[worst]:.1f} % good", good[worst] >= shock.wanted, said, good[worst])


def _said(name: str, value: Any) -> str:
    """An objective as one writes it: "300 ms", "99.9 %", "eu"."""
    return value if isinstance(value, str) else written(FIELDS[name], value)
