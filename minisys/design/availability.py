"""What share of the requests can a design serve, when each copy, zone and region fails now and then?

Three copies of the application, two zones, and one primary without a heir: the product of the boxes' availabilities is
wrong, because the copies share zones, and because nine reads of ten never see the database. Here a design becomes
availability.graph's components: copies, the zones and regions they share, and a coin for each branch of a request.

Promised: exact for failures that are independent, long against a request, and found at once (a failover's seconds are
counted, a balancer's ignorance is not); `sampled` gives the same share with its interval. Not here: overload (headroom,
run), unless *carry* asks that enough copies remain for today's load. A database is seen as one of its shards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from minisys.availability import graph, theory
from minisys.availability.graph import Estimate, Needs, Service, any_of, at_least
from minisys.design.flat import copy_name
from minisys.design.flow import flows
from minisys.design.hits import hit_share
from minisys.design.parts import Cache, Call, Clients, Database, Design, Dns, Edge, External, Part
from minisys.design.places import Copy, copies_of

# Google Cloud's infrastructure reliability guide, "Platform availability" (docs.cloud.google.com/architecture/
# infra-reliability-guide, read 2026-11-26): 99.9 % for a workload in one zone, 99.99 % for one in many zones.
ZONE, REGION = 0.999, 0.9999


class Ground(NamedTuple):
    """What copies stand on: the share of time a *zone* and a *region* are up; *carry*: enough copies for the load."""

    zone: float = ZONE
    region: float = REGION
    carry: bool = False


CLOUD = Ground()


@dataclass(frozen=True)
class _Drawn:
    """One kind of request ("reads" or "writes") of one group of users, as components. coins False: every call is made.

    A call that is made for some requests only needs a coin or its target: with probability 1 - share nobody asks.
    """

    design: Design
    on: str
    ground: Ground
    coins: bool
    service: Service

    def add(self, name: str, availability: float = 1.0, needs: Iterable[str | Needs] = ()) -> str:
        if name not in self.service.graph or "availability" not in self.service.graph.nodes[name]:
            self.service.add(name, availability, needs)
        return name

    def part(self, part: Part) -> str:
        """The node that works when the part can answer this kind of request; its calls below it."""
        name = f"[{part.name}]"
        if "availability" in self.service.graph.nodes.get(name, {}):
            return name
        if isinstance(part, Dns):
            routes = tuple(dict.fromkeys(f"[{call.to}]" for call in part.calls))
            self.add(name, needs=[any_of(*routes)] if routes else [])
            for call in part.calls:
                self.part(self.design[call.to])
            return name
        calls = self.calls(part)
        if isinstance(part, Cache) and part.calls and self.on == "reads":
            below = self.add(f"[behind {part.name}]", needs=calls)
            calls = [any_of(self.coin(f"{part.name} has it", hit_share(self.design, part)), below)]
        return self.add(name, needs=[*self.standing(part), *calls])

    def calls(self, part: Part) -> list[str | Needs]:
        """What the part needs of others: the calls it waits for and cannot do without."""
        needs: list[str | Needs] = []
        asked: Cache | None = None
        for place, call in enumerate(part.calls):
            target = self.design[call.to]
            if call.on in ("reads", "writes") and call.on != self.on:
                continue
            aside = asked
            if isinstance(target, Cache) and not target.calls:
                asked = target
            if call.waits and not call.optional:
                needs.append(self.one(part, place, call, target, aside))
        return needs

    def one(self, part: Part, place: int, call: Call, target: Part, aside: Cache | None) -> str | Needs:
        arrow = f"{part.name} to {target.name}" + (f" ({place + 1})" if place else "")
        if isinstance(target, External):
            works = 1 - (1 - target.available) ** max(1, call.attempts)
            need = self.add(arrow if works < 1 else f"[{target.name}]", works ** max(1, call.times))
        else:
            need = self.part(target)
        ways = [need]
        if call.on == "misses" and aside is not None and self.on == "reads":
            ways.append(
                self.coin(f"{part.name} finds it in {aside.name}", hit_share(self.design, aside), [self.part(aside)])
            )
        if call.share < 1:
            ways.append(self.coin(f"no {arrow}", 1 - call.share))
        return any_of(*ways) if len(ways) > 1 else need

    def coin(self, name: str, share: float, needs: Iterable[str] = ()) -> str:
        return self.add(f"[{name}]", share if self.coins else 0.0, needs)

    def standing(self, part: Part) -> list[str | Needs]:
        """The copies of the part that must be up, each with its zone and its region."""
        copies, each = copies_of(self.design, part), theory.from_repair(part.mtbf, part.mttr)
        if not copies:
            return [self.add(part.name, 1 - (1 - each) ** part.copies)] if isinstance(part, Edge) else []
        if isinstance(part, Database):
            return self.stored(part, copies, each)
        now = flows(self.design)
        k = math.ceil(min(now.busy(part) / part.workers, len(copies)) - 1e-9) if self.ground.carry else 1
        if 1 < k <= len(copies):
            return [at_least(k, *(self.copy(copy_name(part, copy.number), copy, each) for copy in copies))]
        zones: dict[str, list[Copy]] = {}
        for copy in copies:
            zones.setdefault(copy.zone, []).append(copy)
        names = []
        for zone, there in zones.items():  # one of them is enough: all copies of a zone are one component
            label = copy_name(part, there[0].number) if len(there) == 1 else f"{part.name} in {zone}"
            names.append(self.copy(label, there[0], 1 - (1 - each) ** len(there)))
        return [any_of(*names)]

    def stored(self, part: Database, copies: list[Copy], each: float) -> list[str | Needs]:
        """A shard: its primary, whoever may take its place, and a majority where one is asked."""
        names = [copy_name(part, copy.number) for copy in copies]
        for name, copy in zip(names, copies, strict=True):
            self.copy(name, copy, each)
        if part.replication == "none":
            return [names[0]]
        if part.replication == "raft":
            enough = at_least(len(names) // 2 + 1, *names)
        elif self.on == "reads" and part.read_replicas:
            return [any_of(*names)]
        else:
            enough = at_least(1, *names)
        if part.failover is None:
            return [enough, names[0]]
        pause = theory.from_repair(part.mtbf, min(part.failover, part.mttr)) if part.failover > 0 else 1.0
        return [enough, self.add(f"{part.name}'s failover", pause if self.coins else 1.0)]

    def copy(self, name: str, copy: Copy, availability: float) -> str:
        region = self.add(f"region {copy.region}", self.ground.region)
        zone = self.add(f"zone {copy.zone}", self.ground.zone, [region])
        return self.add(name, availability, [zone])


def components(
    design: Design, clients: Clients, on: str = "reads", ground: Ground = CLOUD, coins: bool = True
) -> Service:
    """The components that *clients*' requests of the kind *on* ("reads" or "writes") need, as availability.graph's.

    coins: branches are taken with their probability; False: every call is made, as for the worst request (cut sets).
    Raises ValueError for calls in a circle, KeyError for a call to a part that is not there.
    """
    if on not in ("reads", "writes"):
        raise ValueError(f"on must be reads or writes, got {on!r}")
    service = Service()
    drawn = _Drawn(design, on, ground, coins, service)
    if circle := _circle(design, clients):
        raise ValueError(f"the calls go in a circle: {' → '.join(circle)}; let one of them be sent and forgotten")
    needs = [f"[{clients.name}]"]
    service.add("users", needs=needs)
    drawn.part(clients)
    return service


def exact(design: Design, ground: Ground = CLOUD) -> float:
    """The share of requests that a design can serve in the long run; 1 without clients. Raises ValueError as above."""
    return _exact(design, ground)


@lru_cache(maxsize=64)
def _exact(design: Design, ground: Ground) -> float:
    return _weighted(design, lambda clients, on: graph.availability(components(design, clients, on, ground)))


def sampled(design: Design, n: int = 100_000, *, seed: int = 0, ground: Ground = CLOUD) -> Estimate:
    """The same share from *n* random states for each kind of request, with a 99 % interval."""
    found = {
        (clients.name, on): graph.sampled(components(design, clients, on, ground), n, seed=seed)
        for clients in design.of(Clients)
        for on in ("reads", "writes")
    }
    low, share, high = (_weighted(design, lambda c, on, i=i: found[c.name, on][i]) for i in range(3))
    return Estimate(low, share, high)


def cut_sets(design: Design, most: int = 2) -> list[frozenset[str]]:
    """The smallest sets of copies, zones and regions whose common failure fails some kind of request; short ones first.

    Only sets of at most *most* components. An external service's failures are its own.
    """
    found: set[frozenset[str]] = set()
    for clients in design.of(Clients):
        for on in ("reads", "writes"):
            service = components(design, clients, on, CLOUD, coins=False)
            found |= {cut for cut in graph.minimal_cut_sets(service) if not any("[" in name for name in cut)}
    smallest = {cut for cut in found if len(cut) <= most and not any(other < cut for other in found)}
    return sorted(smallest, key=lambda cut: (len(cut), sorted(cut)))


def single_points(design: Design) -> list[str]:
    """Each copy, zone or region ("app/1", "zone eu-a", "region eu") whose failure alone fails some kind of request."""
    return [next(iter(cut)) for cut in cut_sets(design, 1)]


def _weighted(design: Design, value) -> float:  # type: ignore[no-untyped-def]
    """The mean of value(clients, kind of request) over all requests."""
    total, whole = 0.0, 0.0
    for clients in design.of(Clients):
        for on, share in (("reads", 1 - clients.writes), ("writes", clients.writes)):
            weight = clients.rate * share
            if weight > 0:
                total, whole = total + weight * value(clients, on), whole + weight
    return total / whole if whole else 1.0


def _circle(design: Design, start: Part, above: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The first circle of waiting calls from *start*, as names; () if there is none."""
    known: set[str] = set()

    def visit(part: Part, above: tuple[str, ...]) -> tuple[str, ...]:
        if part.name in above:
            return (*above[above.index(part.name) :], part.name)
        if part.name in known:
            return ()
        for call in part.calls:
            if call.waits and (found := visit(design[call.to], (*above, part.name))):
                return found
        known.add(part.name)
        return ()

    return visit(start, above)
