"""One measure of damage for every attack, and the runs behind it, so that findings can be put in order.

"The database dies" and "traffic triples" hurt in different ways. What counts is what users got: requests that failed,
were refused, never answered or came too late, and acknowledged writes that are gone. Each run with a fault is set
against the same run without it: the same users at the same moments (common random numbers).

Promised: a proof can be played again, `Proof.run` says how. What the design's objectives allow is no damage: an outage
shorter than its RTO, writes younger than its RPO. Not here: what to try (weak_places, weak_calls), in which order
(attack).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.headroom import headroom
from minisys.design.mean_field import Slice, enough_of
from minisys.design.parts import Clients, Design, External, Queue, Workers
from minisys.design.run import Run, run
from minisys.design.traffic import Traffic

REQUESTS = 8_000  # of users in one run: a share of 1 % is known to 0.3 %
MOST_PER_S = 4_000.0  # above, a proportional slice of the design is attacked
AT_S = 5.0  # when a fault begins: until then the run is as usual
FEW = 0.01  # share of the requests that may be late in a crowd: what a p99 allows
LATE = 5.0  # without a p99 objective, five times the usual p99 is late
CALM = 0.7  # of what it can do: the usual day of a design that today's traffic is too much for
STEADY = Traffic.steady()
LONG = ("outage", "lost")


class Damage(NamedTuple):
    """Shares of the users' requests that *failed* (or were refused, or never answered) or were *late*, and of
    acknowledged writes the seconds' worth that were *lost* (1 at most); beyond the same run without the fault and
    beyond what is allowed. A second of lost writes weighs as much as a total outage of the watched time.
    """

    failed: float = 0.0
    late: float = 0.0
    lost: float = 0.0

    @property
    def total(self) -> float:
        """The damage: what was bad for users, plus what they lost. From 0 to 2."""
        return self.failed + self.late + self.lost


@dataclass(frozen=True)
class Suspect:
    """A weakness that the structure suggests, at *component*, and the *plan* and *traffic* that would show it.

    kind: "outage" (a long, thin run that sees the repair; "lost": only for the writes lost) or "load" (a short run at
    full load; "storm": a longer one; "backlog": only for the messages left). instead: the design with the cure; then
    only what the cure saves is damage. promised: the objectives say that this is survived. said: what a sentence about
    it needs. least: shares below are not worth a word. from_s: requests that were sent earlier are not counted
    (default: from the fault's beginning, or the end of the RTO).
    """

    weakness: str
    component: str
    plan: FaultPlan = FaultPlan()
    traffic: Traffic = STEADY
    kind: str = "outage"
    promised: bool = True
    instead: Design | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    least: float = 0.002
    from_s: float | None = None


@dataclass(frozen=True)
class Proof:
    """A suspect that was run: *attacked* beside *usual*, the same without the fault; *traffic* is what was sent."""

    suspect: Suspect
    attacked: Run
    usual: Run
    damage: Damage
    traffic: Traffic
    k: int


class Range:
    """Where one design is shot at: it knows what is late, keeps the usual runs, and sizes each run.

    *requests* of users in a run; *engine* as in run.
    """

    def __init__(self, design: Design, *, seed: int = 0, requests: int = REQUESTS, engine: str = "fast") -> None:
        self.whole, self.seed, self.requests, self.engine = design, seed, requests, engine
        self.slice: Slice = enough_of(design, MOST_PER_S)
        self.design = self.slice.design
        self.rate = sum(part.rate for part in self.design.of(Clients))
        self.runs = 0
        self._usual: dict[Any, Run] = {}
        self.grace_s = self.whole.objectives.rto or 0.0

    def for_s(self, kind: str, times: float = 1.0) -> float:
        """Seconds of a run: an outage is watched until after the RTO, load as long as the requests last.

        times: a crowd so many times as large; nothing breaks then, so that less time is enough for a queue to show.
        """
        if kind in LONG:
            return AT_S + min(600.0, self.grace_s + max(20.0, self.grace_s / 4))
        if kind == "storm":
            return 8 * AT_S
        wanted, least = self.requests / max(1e-9, self.rate * times), 4 * AT_S
        if times > 1:
            least = min(least, max(3.0, 8 * self.late_s))
        return min(60.0, max(least, wanted))

    def traffic(self, kind: str, traffic: Traffic) -> Traffic:
        """Thinner traffic for a long run: an outage is the same for fewer users."""
        expected = self.rate * self.for_s(kind)
        return traffic if kind not in LONG or expected <= self.requests else traffic.times(self.requests / expected)

    def run(self, traffic: Traffic, plan: FaultPlan, for_s: float, design: Design | None = None) -> Run:
        """One run, counted."""
        self.runs += 1
        return run(design or self.design, traffic, plan, for_s=for_s, seed=self.seed, engine=self.engine)

    def usual(self, kind: str, traffic: Traffic) -> Run:
        """The run without a fault, at the clients' own rates for "load" even if the attack is a jump of traffic."""
        key = kind, repr(traffic)
        if key not in self._usual:
            self._usual[key] = self.run(traffic, FaultPlan(), self.for_s(kind))
        return self._usual[key]

    @cached_property
    def late_s(self) -> float:
        """From how many seconds on an answer is late: the p99 objective, or LATE times the usual (CALM) p99."""
        wanted = self.whole.objectives.p99
        if wanted:
            return wanted
        full_at = headroom(self.design).at_times  # below 1 the usual day is late itself, and says nothing
        calm = STEADY if full_at >= 1 else STEADY.times(CALM * full_at)
        usual = self.usual("load", calm).latency_s(99)
        return LATE * usual if usual > 0 and math.isfinite(usual) else 1.0

    def prove(self, suspect: Suspect) -> Proof:
        """Run it, and measure the damage."""
        sent = self.traffic(suspect.kind, suspect.traffic)
        usual = self.usual(suspect.kind, self.traffic(suspect.kind, STEADY))
        for_s = self.for_s(suspect.kind, float(suspect.said.get("times", 1.0)) if not suspect.plan else 1.0)
        attacked = self.run(sent, suspect.plan, for_s)
        damage = self.damage(attacked, usual, suspect)
        if suspect.instead is not None:  # set against the cured design, not against the usual run
            cured = self.run(sent, suspect.plan, for_s, suspect.instead)
            hit, saved = (self.damage(each, None, suspect) for each in (attacked, cured))
            left = max(0.0, hit.failed + hit.late - saved.failed - saved.late)
            damage = Damage(0.0, left, max(0.0, hit.lost - saved.lost))
        return Proof(suspect, attacked, usual, damage, sent, self.slice.k)

    def damage(self, attacked: Run, usual: Run | None, suspect: Suspect) -> Damage:
        """What users suffered from the fault on, beyond the *usual* run (a crowd: beyond FEW) and the allowed."""
        if suspect.kind == "backlog":
            return Damage(late=left_over(attacked, suspect.component))
        begin = min((fault.at_s for fault in suspect.plan), default=0.0)
        begin += self.grace_s if suspect.kind == "outage" else 0.0
        begin = begin if suspect.from_s is None else suspect.from_s
        failed, late, lost = 0.0, 0.0, 0.0
        if suspect.kind != "lost":
            hit, before = bad_shares(attacked, begin, self.late_s), (0.0, 0.0 if suspect.plan else FEW)
            if usual is not None and suspect.plan:
                before = bad_shares(usual, begin, self.late_s)
            failed, late = max(0.0, hit[0] - before[0]), max(0.0, hit[1] - before[1])
        rpo = self.whole.objectives.rpo
        if suspect.kind in LONG and attacked.lost_writes and not (rpo is not None and attacked.rpo_s <= rpo):
            sent = sum(part.rate * part.writes for part in self.design.of(Clients)) / max(1e-9, self.rate)
            per_s = sent * len(attacked.trace) / attacked.for_s
            lost = min(1.0, attacked.lost_writes / max(1.0, per_s))
        return Damage(failed, late, lost)


def left_over(seen: Run, queue: str) -> float:
    """The share of a queue's messages that wait in it when the last user has come."""
    waiting = float(seen.in_queue()[queue].iloc[-1])
    return waiting / max(1.0, arrived(seen, queue))


def arrived(seen: Run, part: str) -> float:
    """How many requests came to a part in a run."""
    return float(seen.parts.loc[seen.parts["part"] == part, "arrived"].sum())


def bad_shares(seen: Run, from_s: float, late_s: float) -> tuple[float, float]:
    """Of the requests sent from *from_s* on: the shares that failed in any way, and that came after *late_s* seconds.

    Requests that are unanswered at the run's end count once they have waited *late_s*.
    """
    frame = seen.trace.frame
    frame = frame[frame.sent_s >= from_s]
    undecided = (frame.outcome == "unfinished") & (seen.for_s - frame.sent_s < late_s)
    frame = frame[~undecided]
    if not len(frame):
        return 0.0, 0.0
    well = frame.outcome == "ok"
    late = well & (frame.finished_s - frame.sent_s > late_s)
    return float((~well).mean()), float(late.mean())


def changed(design: Design, name: str, **new: Any) -> Design:
    """*design* with other values of the part *name*."""
    return replace(design, parts=tuple(replace(p, **new) if p.name == name else p for p in design.parts))


def with_calls(design: Design, to: str, **new: Any) -> Design:
    """*design* with other values of every call to the part *to*."""
    parts = (
        replace(part, calls=tuple(replace(call, **new) if call.to == to else call for call in part.calls))
        for part in design.parts
    )
    return replace(design, parts=tuple(parts))


def killed(names: list[str], at_s: float = AT_S) -> FaultPlan:
    """A plan in which these copies or parts die and stay dead."""
    return FaultPlan([Fault("kill", name, at_s) for name in names])


def reached(design: Design) -> set[str]:
    """The names of the parts that some client's requests come to, at once or by a queue."""
    found: set[str] = set()
    todo = [part.name for part in design.of(Clients)]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            part = design[name]
            todo += [call.to for call in part.calls]
            if isinstance(part, Queue):
                todo += [worker.name for worker in design.of(Workers) if worker.source == name]
    return found


def callers(design: Design, name: str) -> list[tuple[Any, Any]]:
    """Every (part, call) that leads to the part *name*."""
    return [(part, call) for part in design.parts for call in part.calls if call.to == name]


def ours(design: Design) -> list[Any]:
    """The parts that stand on machines of ours and are reached."""
    names = reached(design)
    return [part for part in design.parts if part.name in names and not isinstance(part, Clients | External)]
