"""Weaknesses of who waits for whom: slow dependencies, retries, empty caches, full queues, no room for one loss.

As in weak_places, structure and flow equations name the suspects here, and a simulation decides. Where a cure may be
worse than the illness (a timeout makes failures of late answers), the suspect carries the cured design, and only what
the cure saves is damage.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.evidence import AT_S, STEADY, Suspect, callers, changed, killed, ours, reached, with_calls
from minisys.design.flat import copy_name
from minisys.design.flow import flows
from minisys.design.headroom import headroom
from minisys.design.hits import hit_share
from minisys.design.parts import (
    Balancer,
    Cache,
    Clients,
    Database,
    Design,
    Dns,
    Edge,
    External,
    Part,
    Queue,
    Service,
    Workers,
)
from minisys.design.places import copies_of
from minisys.design.traffic import Traffic

SLOW_S = 10.0  # seconds more than usual: a dependency that hangs
SHORT_S = 8.0  # how long it hangs, when the question is what stays broken afterwards
ROOM = 100  # waiting requests at a copy: the limit that is set beside none
BUSY, TRIGGER_S = 0.7, 3.0  # an evening on which retries decide, and how long the callee stumbles
JUMP = 1.5  # times what the first part to break can do


def missing_timeout(design: Design) -> Iterator[Suspect]:
    """Calls that wait for ever for something that can hang: it hangs. Saved: by a timeout, and an answer without it."""
    for name in sorted(reached(design)):
        part = design[name]
        asked = [(who, call) for who, call in callers(design, name) if _waits_for_ever(who, call) and call.waits]
        if isinstance(part, External | Service | Database | Cache) and not isinstance(part, Edge) and asked:
            hangs = FaultPlan([Fault("slow answers", name, AT_S, delay_s=SLOW_S)])
            patience = min(max(0.2, min(1.0, 5 * part.takes)), 0.5 * (design.objectives.p99 or 2.0))
            cured = with_calls(design, name, timeout=patience, optional=True)
            said = {"who": asked[0][0].name, "slow": SLOW_S, "patience": patience, "keeps": isinstance(part, Database)}
            yield Suspect("missing timeout", name, hangs, kind="load", instead=cured, said=said)


def _waits_for_ever(who: Part, call: object) -> bool:
    timeout = getattr(call, "timeout", None)
    return (timeout is None or timeout > SLOW_S) and not isinstance(who, Clients | Dns | Balancer | Edge)


def retry_amplification(design: Design) -> Iterator[Suspect]:
    """Calls that are tried again without a budget: on a busy evening the callee stumbles. Saved: what one try saves.

    One's own callee is as slow as makes it busy to BUSY, and for TRIGGER_S seconds twice as much as it can do; counted
    is what comes long after: does it recover? (A metastable failure: Bronson 2021.) Somebody else's answers late.
    """
    now = flows(design)
    for name in sorted(reached(design)):
        tried = [call for _, call in callers(design, name) if call.attempts > 1 and call.budget is None]
        part = design[name]
        if not tried or isinstance(part, Clients | Dns | Queue):
            continue
        used, said = now.utilisation(part), {"attempts": max(call.attempts for call in tried)}
        cured = with_calls(design, name, attempts=1)
        if isinstance(part, External | Edge) or not used > 0:
            patience = max((call.timeout or 0.0 for call in tried), default=0.0)
            plan = FaultPlan([Fault("slow answers", name, AT_S, SHORT_S, delay_s=max(1.0, 2 * patience))])
            yield Suspect("retry amplification", name, plan, kind="load", instead=cured, said=said)
            continue
        evening, stumble = (min(0.99, max(0.01, used / busy)) for busy in (BUSY, 2.0))
        end_s = AT_S + TRIGGER_S
        plan = FaultPlan(
            [Fault("slow cpu", name, AT_S, TRIGGER_S, share=stumble), Fault("slow cpu", name, end_s, share=evening)]
        )
        yield Suspect("retry amplification", name, plan, kind="storm", instead=cured, said=said, from_s=end_s + 10.0)


def hard_dependency(design: Design) -> Iterator[Suspect]:
    """Somebody else's service, or a side service or cache, that requests cannot do without: it answers errors only."""
    for name in sorted(reached(design)):
        part = design[name]
        needed = [who for who, call in callers(design, name) if call.waits and not call.optional]
        leaf = isinstance(part, Service | Cache) and not isinstance(part, Edge) and not part.calls
        side = leaf and all(isinstance(who, Service) for who in needed)
        if needed and (isinstance(part, External) or side):
            down = FaultPlan([Fault("errors", name, AT_S, ratio=1.0)])
            cured = with_calls(design, name, optional=True)
            said = {"who": needed[0].name}
            yield Suspect(
                "hard dependency", name, down, kind="load", promised=not side, instead=cured, said=said
            )  # fmt: skip


def cold_cache(design: Design) -> Iterator[Suspect]:
    """A cache in front of something that could not do without it: it is emptied."""
    for cache in design.of(Cache):
        if cache.name not in reached(design) or not hit_share(design, cache):
            continue
        now, empty = flows(design), flows(changed(design, cache.name, hits=0.0, capacity=None))
        for part in ours(design):
            before, after = now.utilisation(part), empty.utilisation(part)
            if after > 1 and after > 1.2 * before:
                plan = FaultPlan([Fault("cache flush", cache.name, AT_S)])
                times = empty.rate(part.name) / max(1e-9, now.rate(part.name))
                said = {"store": part.name, "times": times, "after": after}
                yield Suspect("cold cache", cache.name, plan, kind="load", said=said)
                break


def no_headroom(design: Design) -> Iterator[Suspect]:
    """A part that is full once a zone, or one copy, is gone: those copies are killed."""
    now = flows(design)
    for part in ours(design):
        copies = copies_of(design, part)
        if len(copies) < 2 or isinstance(part, Database | Queue | Workers) or part.takes <= 0:
            continue
        zones = {copy.zone for copy in copies}
        if design.objectives.survive != "copy" and len(zones) > 1:
            lost = max(sorted(zones), key=lambda zone: sum(copy.zone == zone for copy in copies))
            gone, what = [copy for copy in copies if copy.zone == lost], f"zone {lost}"
        else:
            gone, what = copies[:1], "one copy"
        left = now.utilisation(part, Counter(copy.region for copy in gone))
        if left >= 0.98:
            plan = killed([copy_name(part, copy.number) for copy in gone])
            said = {"lost": what, "after": left, "before": now.utilisation(part)}
            yield Suspect("no headroom", part.name, plan, kind="load", said=said)


def bottleneck(design: Design) -> Iterator[Suspect]:
    """The part that is full first is full at less than the traffic that must be survived (*times*, else today's)."""
    room, times = headroom(design), design.objectives.times or 1.0
    if not room.breaks_first or room.at_times > times:
        return
    part = design[room.breaks_first]
    said = {"at": room.at_times, "times": times, "per_s": room.at_per_s}
    yield Suspect(
        "bottleneck", part.name, traffic=STEADY.times(times) if times != 1 else STEADY, kind="load", said=said
    )


def unbounded_queue(design: Design) -> Iterator[Suspect]:
    """What is full first lets everybody wait: traffic beyond what it can do. Saved: what a limit saves.

    Workers that are full delay messages, not users: so the first that users wait for is asked, too.
    """
    room, asked = headroom(design), False
    for name, at in zip(room.parts["part"], room.parts["at_times"].tolist(), strict=True):
        part = design[name]
        if asked or not 0.01 < at < 1e3:
            return
        asked = not isinstance(part, Workers)
        traffic = Traffic.steady().times(JUMP * at)
        said: dict[str, float | str] = {"at": at, "times": JUMP * at}
        if isinstance(part, Workers):
            queue = next((other for other in design.of(Queue) if other.name == part.source), None)
            if queue is not None and queue.limit is None:
                said |= {"taker": part.name}
                yield Suspect("unbounded queue", queue.name, traffic=traffic, kind="backlog", said=said)
        elif not isinstance(part, External) and part.queue is None and part.takes > 0:
            patience = design.objectives.p99 or 1.0
            limit = max(1, min(ROOM, math.floor(0.5 * patience * part.workers / max(1e-6, part.takes))))
            cured = changed(design, part.name, queue=limit)
            said |= {"limit": limit}
            yield Suspect("unbounded queue", part.name, traffic=traffic, kind="load", instead=cured, said=said)


CALLS = (
    missing_timeout, retry_amplification, hard_dependency, cold_cache, no_headroom, bottleneck, unbounded_queue
)  # fmt: skip
