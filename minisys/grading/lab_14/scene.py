"""What happens on one evening, as data: traffic, faults, a seed; and what the riders got.

"It broke in the test" helps nobody. A scene prints itself as the line of Python that plays it again, so that a learner
can look at the same run, part by part. Promised: one scene and one text give one answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.evidence import bad_shares
from minisys.design.parts import Cache, Design, Edge
from minisys.design.places import copies_of
from minisys.design.run import Run, run
from minisys.design.text import read, write
from minisys.design.traffic import Traffic
from minisys.grading.checks import Check, NotRun, Wrong
from minisys.grading.lab_14.business import P99_S, Text, design_of, respects

SURGE = "Traffic.flash_sale(times={times:g}, at_s={at_s:g}, hold_s={hold_s:g})"
SHIFT = "Traffic.region_shift({origin!r}, {to!r}, share={share:g}, at_s={at_s:g})"


@dataclass(frozen=True)
class Scene:
    """*faults* in *for_s* seconds of traffic, drawn with *seed*. surge, shift: arguments of the traffic, if any."""

    seed: int
    faults: tuple[Fault, ...] = ()
    for_s: float = 30.0
    surge: tuple[tuple[str, float], ...] = ()
    shift: tuple[tuple[str, str | float], ...] = ()

    @property
    def traffic(self) -> Traffic:
        """Who comes when."""
        if self.surge:
            return Traffic.flash_sale(**dict(self.surge))
        return Traffic.region_shift(**dict(self.shift)) if self.shift else Traffic.steady()  # type: ignore[arg-type]

    def __str__(self) -> str:
        crowd = (
            SURGE.format(**dict(self.surge)) if self.surge else SHIFT.format(**dict(self.shift)) if self.shift else ""
        )
        plan = ", ".join(map(_code, self.faults))
        return f"run(read(text), {crowd or 'None'}, FaultPlan([{plan}]), for_s={self.for_s:g}, seed={self.seed})"

    def play(self, design: Design) -> Run:
        """The run."""
        return _played(write(design), self)


@lru_cache(maxsize=32)
def _played(text: str, scene: Scene) -> Run:
    return run(read(text), scene.traffic, FaultPlan(scene.faults), for_s=scene.for_s, seed=scene.seed)


def _code(fault: Fault) -> str:
    more = "".join(f", {name}={value!r}" for name, value in fault.values.items() if name != "status")
    length = "" if math.isinf(fault.for_s) else f", {fault.for_s:g}"
    return f"Fault({fault.kind!r}, {fault.target!r}, {fault.at_s:g}{length}{more})"


def to_paste(each: Check) -> Check:
    """The check, whose lines to paste name the learner's own function and keep the run as `seen`."""

    def look(text: Text) -> str | None:
        if each.run is not respects:
            _readable(text)
        try:
            return each.run(text)
        except Wrong as wrong:
            name = getattr(text, "__name__", "")
            own = f"({name}())" if name.isidentifier() else "(text)"
            facts = {key: said.replace("read(text)", f"read{own}") for key, said in wrong.facts.items()}
            given = facts["given"].replace("design_of(text)", f"design_of{own.replace('()', '')}")
            wrong.facts = facts | {"given": f"seen = {given}" if given.startswith("run(") else given}
            raise

    return replace(each, run=look)


def _readable(text: Text) -> None:
    """Every check looks at a design by itself, but there must be one. Raises NotRun if there is none."""
    try:
        design_of(text)
    except Wrong:
        raise NotRun("waits until the text can be read and the facts are as given") from None


def bad(seen: Run, from_s: float = 0.0) -> float:
    """The share of the clicks sent from *from_s* seconds on that failed, or came after the promised p99."""
    return sum(bad_shares(seen, from_s, P99_S))


def well(seen: Run, write: bool) -> float:
    """The share of the reads, or of the writes, that was answered within the promised p99."""
    asked, kept = seen.requests, seen.tally.requests
    mine = asked.write == write
    good = (kept["outcome"] == 0) & (kept["finished_s"] - asked.arrival_s <= P99_S)
    return float(good[mine].mean()) if mine.any() else 1.0


def unpaid(seen: Run) -> tuple[int, int]:
    """Of the writes that riders were told are done, how many were never charged; and how many there were."""
    done = int(((seen.requests.write == 1) & (seen.tally.requests["outcome"] == 0)).sum())
    to_bank = seen.arrows[seen.arrows["to"] == "bank"]
    return max(0, done - int((to_bank["calls"] - to_bank["failed"]).sum())), done


def caches(design: Design) -> list[str]:
    """The names of the caches that a flush can empty."""
    return [part.name for part in design.of(Cache) if part.hits > 0]


def trouble(design: Design, name: str, at_s: float) -> list[Fault]:
    """The cache *name* is empty; and one of our own is gone altogether (an edge stands in a hundred cities)."""
    gone = [] if isinstance(design[name], Edge) else [Fault("kill", name, at_s)]
    return [Fault("cache flush", name, at_s), *gone]


def zones_used(design: Design) -> list[str]:
    """The zones in which something of ours stands."""
    return sorted({copy.zone for part in design.parts for copy in copies_of(design, part)})
