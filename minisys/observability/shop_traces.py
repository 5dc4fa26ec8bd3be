"""Traces of a small shop, made to order: healthy ones, and ones in which a known thing is wrong.

Who looks for a fault in traces for the first time should know afterwards whether they found it. These traces come from
a seeded model of one page of a shop: prices, stock and recommendations are asked side by side, then comes the payment.

    case = draw("slow query", count=40, seed=3); case.before, case.after, case.cause

Promised: one seed, the same traces; the cause is where the time was added, nowhere else. Not done: clocks that differ,
missing spans, sampling; and a shop's spans are not independent, as these are.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from minisys.observability.traces import Span

Cause = tuple[str, str]


@dataclass(frozen=True)
class Call:
    """What one service does when asked for *name*: its own work (mean *own_s* seconds, in equal parts before, between
    and after), and *steps*: one after the other, the calls of a step side by side. *waits*: False for calls whose
    answer nobody needs. *repeat*: asked so often, one after the other.
    """

    service: str
    name: str
    own_s: float
    steps: tuple[tuple[Call, ...], ...] = ()
    waits: bool = True
    repeat: int = 1


SHOP = Call("web", "GET /checkout", 0.006, (
    (Call("users", "session", 0.004),),
    (
        Call("prices", "quote", 0.006, ((Call("prices-db", "SELECT price", 0.008),),)),
        Call("stock", "reserve", 0.007, ((Call("stock-db", "UPDATE stock", 0.010, repeat=2),),)),
        Call("recommend", "rank", 0.020, ((Call("model", "score", 0.030),),), waits=False),
    ),
    (Call("payment", "charge", 0.008, ((Call("bank", "POST /charge", 0.045),),)),),
    (Call("mail", "confirm", 0.060, waits=False),),
))  # fmt: skip

FAULTS: dict[str, Cause] = {
    "slow query": ("stock-db", "UPDATE stock"),
    "slow service": ("prices", "quote"),
    "one by one": ("prices-db", "SELECT price"),
    "slow partner": ("bank", "POST /charge"),
    "busy front": ("web", "GET /checkout"),
    "slow session": ("users", "session"),
}
DECOYS: dict[str, Cause] = {"model": ("model", "score"), "mail": ("mail", "confirm")}  # slower too, and nobody waits


@dataclass(frozen=True)
class Case:
    """Traces *before* and *after* something went wrong at *cause*, a (service, name); *fault*: its kind."""

    fault: str
    cause: Cause
    before: list[list[Span]]
    after: list[list[Span]]


def draw(fault: str | None = None, *, count: int = 40, seed: int = 0) -> Case:
    """*count* healthy traces and as many with *fault* (None: one of FAULTS by the seed).

    Beside the fault, something that nobody waits for became slower still. Raises ValueError for an unknown fault or
    count < 1.
    """
    rng = random.Random(f"shop traces {seed}")
    chosen = rng.choice(sorted(FAULTS)) if fault is None else fault
    if chosen not in FAULTS or count < 1:
        raise ValueError(f"need count >= 1 and a fault of {', '.join(FAULTS)}; got {count} and {chosen!r}")
    cause, decoy = FAULTS[chosen], rng.choice(sorted(DECOYS.values()))
    ill = _changed(_changed(SHOP, cause, 8 if chosen == "one by one" else 1, 6.0), decoy, 1, 12.0)
    return Case(chosen, cause, [one(SHOP, rng) for _ in range(count)], [one(ill, rng) for _ in range(count)])


def one(call: Call, rng: random.Random) -> list[Span]:
    """The spans of one request for *call*."""
    trace, spans = f"{rng.getrandbits(128):032x}", []

    def answer(call: Call, parent: str, start_s: float) -> float:
        """Make the span of *call*, from *start_s*, and those below it; when it ended."""
        me, here_s = f"{rng.getrandbits(64):016x}", start_s
        work_s = _work_s(call.own_s, rng) / (len(call.steps) + 1)
        for step in call.steps:
            here_s += work_s
            done = [_repeated(each, me, here_s) for each in step]
            here_s = max([here_s, *(end_s for end_s, each in zip(done, step, strict=True) if each.waits)])
        here_s += work_s
        spans.append(Span(trace, me, parent, call.service, call.name, start_s, here_s))
        return here_s

    def _repeated(call: Call, parent: str, start_s: float) -> float:
        for _ in range(call.repeat):
            start_s = answer(call, parent, start_s)
        return start_s

    answer(call, "", rng.uniform(0, 1000))
    return sorted(spans, key=lambda span: span.start_s)


def _work_s(mean_s: float, rng: random.Random, sigma: float = 0.3) -> float:
    """Log-normal work with this mean."""
    return rng.lognormvariate(math.log(mean_s) - sigma**2 / 2, sigma)


def _changed(call: Call, where: Cause, repeat: int, factor: float) -> Call:
    """*call* with the work at *where* *factor* times as long, or done *repeat* times if that is above 1."""
    steps = tuple(tuple(_changed(each, where, repeat, factor) for each in step) for step in call.steps)
    if (call.service, call.name) != where:
        return replace(call, steps=steps)
    return replace(call, steps=steps, repeat=repeat) if repeat > 1 else replace(call, own_s=call.own_s * factor)


def durations_s(traces: Sequence[Sequence[Span]], where: Cause) -> list[float]:
    """The duration of every span of *where*, a (service, name), in *traces*."""
    return [span.duration_s for spans in traces for span in spans if (span.service, span.name) == where]
