"""Lab 14: the bicycle rental, its facts, and what every text must respect before it is run.

A design is quickly "fast" if its database takes no time. Here the work is given: who asks, how long each kind of part
needs at least, and what must not be skipped. Everything else is the learner's. Promised: each refusal names the part,
what was written and what is a fact. Not here: whether the design holds (the tasks).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from minisys.design.flow import flows
from minisys.design.parts import Clients, Database, Design, External, Objectives, Part, Queue, Service
from minisys.design.text import DesignError, read
from minisys.grading.checks import Wrong

Text = Callable[[], Any]
READS_PER_S, WRITES_PER_S, HITS = 270.0, 30.0, 0.7
P99_S, AVAILABILITY, RTO_S, BUDGET, TIMES = 0.4, 0.999, 20.0, 2_200.0, 1.5
OBJECTIVES = Objectives(
    p99=P99_S,
    availability=AVAILABILITY,
    rpo=0.0,
    rto=RTO_S,
    survive="zone",
    cost=BUDGET,
    times=TIMES,
    single_fault=0.75,
)
FACTS = """
design: facts
regions: {Frankfurt: [fra-a, fra-b, fra-c], Madrid: [mad-a, mad-b]}
parts:
  berlin: {kind: clients, region: Frankfurt, rate: 200/s, writes: 10 %, calls: [app]}
  lisbon: {kind: clients, region: Madrid, rate: 100/s, writes: 10 %, calls: [app]}
  app: {kind: service, takes: 30 ms, calls: [bank]}
  bank: {kind: external, takes: 250 ms, law: constant, available: 99.5 %, limit: 60/s}
"""
LEAST_TAKES = {
    "service": 0.030, "database": 0.003, "cache": 0.0005, "edge": 0.0005, "balancer": 0.0003, "queue": 0.001,
    "workers": 0.005,
}  # fmt: skip
LEAST = {"failover": 5.0, "warm_up": 30.0, "lag": 0.2, "ttl": 30.0, "check": 2.0}
BOOT_S = 30.0
FIXED = ("machine", "law", "cv", "mtbf", "mttr")


def design_of(text: Text) -> Design:
    """The learner's design with the objectives of this lab. Raises Wrong if it is none, or bends the facts."""
    design = written(text)
    for problem in (*_given(design), *_bent(design), *_skipped(design)):
        raise problem
    return replace(design, objectives=OBJECTIVES)


def written(text: Text) -> Design:
    """The learner's text, read. Raises Wrong with the place of the mistake."""
    came = text()
    if not isinstance(came, str):
        look = "is there a `return`?" if came is None else "return the text itself, between triple quotes"
        raise Wrong(repr(came)[:80], expected="the text of a design", look=look)
    try:
        return read(came)
    except DesignError as problem:
        raise Wrong(str(problem), expected="a text that can be read", look="chapter 14 shows the form") from None


def respects(text: Text) -> str:
    """The check that stands first in each task."""
    design = design_of(text)
    return f"{len(design.parts)} parts"


def _given(design: Design) -> Iterator[Wrong]:
    """Regions, riders and the bank are as given; what they call is the learner's."""
    facts = read(FACTS)
    if design.regions != facts.regions:
        yield Wrong(f"regions {_zones(design)}", expected=_zones(facts), look="copy the line `regions:` as it is given")
    for fact in facts.parts:
        if isinstance(fact, Service):
            continue
        mine = next((part for part in design.parts if part.name == fact.name), None)
        if mine is None or type(mine) is not type(fact):
            yield Wrong(f"no {fact.kind} {fact.name!r}", expected=f"{fact.name}, as it is given")
            return
        for one in fields(fact):
            if one.name != "calls" and getattr(mine, one.name) != getattr(fact, one.name):
                said = f"{one.name} {getattr(mine, one.name)}"
                expected = f"{one.name} {getattr(fact, one.name)}"
                yield Wrong(said, given=fact.name, expected=expected, look="that is a fact, not a decision")
    if extra := [part.name for part in design.of(Clients) if part.name not in ("berlin", "lisbon")]:
        yield Wrong(f"clients {extra[0]!r}", expected="berlin and lisbon only")


def _zones(design: Design) -> str:
    return "; ".join(f"{region}: {', '.join(zones)}" for region, zones in design.regions.items())


def _bent(design: Design) -> Iterator[Wrong]:
    """No part works faster than it can, and none is another machine than the bill says."""
    for part in design.parts:
        if isinstance(part, Clients | External):
            continue
        least = {"takes": LEAST_TAKES.get(part.kind, 0.0), **LEAST}
        if isinstance(part, Database):
            least["write"] = 0.006
        for name, wanted in least.items():
            came = _figure(part, name)
            if came is not None and came < wanted - 1e-12:
                said = f"{name}: {1000 * came:g} ms"
                look = (
                    "that is how long it takes; find another way" if came else f"write `{name}: {1000 * wanted:g} ms`"
                )
                yield Wrong(said, given=part.name, expected=f"{1000 * wanted:g} ms or more", look=look)
        scaler = getattr(part, "autoscaler", None)
        if scaler is not None and scaler.boot < BOOT_S:
            yield Wrong(f"boot: {scaler.boot:g} s", given=part.name, expected=f"{BOOT_S:g} s or more",
                        look="a machine needs that long to start")  # fmt: skip
        if getattr(part, "hits", 0.0) > HITS:
            yield Wrong(f"hits: {100 * getattr(part, 'hits', 0.0):g} %", given=part.name, expected="70 % or less",
                        look="bicycles move: what is older than a second is wrong")  # fmt: skip
        for one in fields(part):
            if one.name in FIXED and getattr(part, one.name) != one.default:
                said = f"{one.name}: {getattr(part, one.name)}"
                yield Wrong(said, given=part.name, expected=f"no `{one.name}`",
                            look="in this lab a worker is billed as one virtual CPU, whatever it is")  # fmt: skip


def _figure(part: Part, name: str) -> float | None:
    """A part's figure in seconds; a database that names no time for writes takes as long as for reads."""
    if name == "write":
        return getattr(part, "write", 0.0) or part.takes
    value = getattr(part, name, None)
    return None if value is None else float(value)


def _skipped(design: Design) -> Iterator[Wrong]:
    """Every click does its work: a service answers it, a database is asked, a ride is charged."""
    for part in design.parts:
        for call in part.calls:
            if isinstance(design[call.to], Database | Queue) and (call.optional or not call.waits):
                word = "optional" if call.optional else "not waited for"
                yield Wrong(f"the call from {part.name} to {call.to} is {word}", expected="one that is waited for",
                            look="a rider would see an empty map, or hear `unlocked`, written nowhere")  # fmt: skip
    now = flows(design)
    asked = {kind: [part.name for part in design.of(kind)] for kind in (Service, Database)}
    seen = [
        (
            "clicks a second answered by a service",
            sum(map(now.rate, asked[Service])),
            (1 - HITS) * READS_PER_S + WRITES_PER_S,
        ),
        ("reads a second that reach a database", sum(map(now.reads, asked[Database])), (1 - HITS) * READS_PER_S),
        ("writes a second that reach a database", sum(map(now.writes, asked[Database])), WRITES_PER_S),
        ("charges a second that reach the bank", now.rate("bank"), WRITES_PER_S),
    ]
    for what, came, wanted in seen:
        if came < 0.98 * wanted:
            yield Wrong(f"{came:.3g} {what}", expected=f"{wanted:.3g} or more",
                        look="follow a look and an unlock along your arrows: `on: reads`, `on: writes`")  # fmt: skip
