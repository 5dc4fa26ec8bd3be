"""What of a design can run as real processes, and as which: one row a process, before any of them starts.

A design is a drawing of anything; the live form is a shop of this course's own parts on one machine. What it cannot do
it refuses with a sentence, instead of running something else under the drawing's name.

    for place in plan(SHOP): print(place.label, place.zone)

Live are: any edges, balancers, servers (with an autoscaler or not), a cache, a store of shards with Raft replicas, a
durable queue, workers, and the bank; besides, what a drawing leaves out: a supervisor and metrics. *takes* of servers
and workers is slept, as a constant; everything else takes what it really takes. Zones are names to kill by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from minisys.autoscaling.__main__ import RULES
from minisys.design.parts import (
    Autoscaler,
    Balancer,
    Cache,
    Call,
    Clients,
    Database,
    Design,
    Dns,
    Edge,
    External,
    Objectives,
    Part,
    Queue,
    Service,
    Workers,
)
from minisys.load_balancing.policies import NAMES

MOST = 40  # processes: each needs some 40 MB
NEEDED: tuple[type[Part], ...] = (Balancer, Service, Database, Queue, Workers)
KNOWN = (*NEEDED, Edge, Cache, External)

SHOP = Design(
    "shop",
    regions={"eu": ("eu-a", "eu-b", "eu-c")},
    objectives=Objectives(p99=0.5, availability=0.99, rpo=0.0, survive="zone"),
    parts=(
        Clients("users", region="eu", rate=50.0, writes=0.3, keys=20, calls=(Call("edge", timeout=5.0, attempts=4),)),
        Edge("edge", takes=0.001, workers=64, copies=2, hits=0.8, calls=(Call("balancer", timeout=4.0),)),
        Balancer("balancer", takes=0.001, workers=64, copies=2, check=0.3, calls=(Call("app", timeout=3.0),)),
        Service(
            "app", takes=0.005, workers=8, copies=2, policy="least connections", autoscaler=Autoscaler(2, 4, boot=1.0),
            calls=(
                Call("cache", on="reads", timeout=0.05, optional=True),
                Call("store", on="misses", timeout=3.0, attempts=5, backoff=0.02),
                Call("store", on="writes", timeout=3.0, attempts=5, backoff=0.02),
                Call("orders", on="writes", timeout=1.5, attempts=5, backoff=0.02),
            ),
        ),
        Cache("cache", takes=0.0002, workers=1, hits=0.9),
        Database("store", takes=0.001, write=0.004, workers=4, copies=3, shards=2, replication="raft", failover=1.0),
        Queue("orders", takes=0.002, workers=4),
        Workers("workers", source="orders", takes=0.005, workers=4, copies=2,
                calls=(Call("bank", timeout=1.0), Call("store", timeout=3.0, attempts=5, backoff=0.02))),
        External("bank", takes=0.005, workers=64),
    ),
)  # fmt: skip


class NotLive(ValueError):
    """The design has something that the live form does not; the message says what, and what to write instead."""


@dataclass(frozen=True)
class Place:
    """A process to be: *label* as in "app/1", the *part* and its *kind*, its *zone*, and its *number* from 1.

    shard: of a store, from 1, else 0.
    """

    label: str
    part: str
    kind: str
    zone: str
    number: int
    shard: int = 0

    @property
    def name(self) -> str:
        """The label where a "/" cannot be."""
        return self.label.replace("/", "-")


def one(design: Design, kind: type[Part]) -> Any:
    """The design's part of exactly that *kind*; None if it has none. Raises NotLive if there are several."""
    found = [part for part in design.parts if type(part) is kind]
    if len(found) > 1:
        names = ", ".join(part.name for part in found)
        raise NotLive(f"{design.name}: the live form has one {kind.kind}, not {len(found)} ({names}); keep one of them")
    return found[0] if found else None


def check(design: Design) -> None:
    """Raises NotLive for the first thing that cannot be live."""
    if len(design.regions) > 1:
        raise NotLive(
            f"{design.name}: the live form stands in one region, this design in {len(design.regions)}; take the parts "
            "of one region"
        )
    for part in design.parts:
        if type(part) not in (*KNOWN, Clients, Dns):
            raise NotLive(f"{part.name}: a {part.kind} has no live form; leave it out")
    for kind in KNOWN:
        if one(design, kind) is None and kind in NEEDED:
            raise NotLive(f"{design.name}: a live shop needs a {kind.kind}, and there is none; add one")
    for problem in _problems(design):
        raise NotLive(problem)


def _problems(design: Design) -> Iterator[str]:
    """What single parts ask for that is not there."""
    balancer, app, store, queue = (one(design, kind) for kind in (Balancer, Service, Database, Queue))
    if store.replication != "raft":
        yield (
            f'{store.name}: the live store is replicated by Raft, not "{store.replication}"; write replication: raft, '
            "or run it in virtual time"
        )
    if store.copies > 9:
        yield f"{store.name}: at most 9 replicas of a shard can be live, got {store.copies}"
    if not app.stateless:
        yield f"{app.name}: the live server keeps nothing; make it stateless, its state belongs into {store.name}"
    if app.policy not in NAMES:
        yield f"{app.name}: the live balancer knows {', '.join(NAMES)}; got {app.policy!r}"
    if app.autoscaler is not None and app.autoscaler.policy not in RULES:
        yield f"{app.name}: the live autoscaler knows {', '.join(RULES)}; got {app.autoscaler.policy!r}"
    if queue.limit is not None:
        yield f"{queue.name}: the live queue has no limit of messages; leave limit out"
    if queue.copies > 1 or any(part.copies > 1 for part in design.of(External)):
        yield f"{queue.name}: the live queue and the bank are one process each; write copies: 1"
    cache = one(design, Cache)
    if cache is not None and cache.copies > 1:
        yield f"{cache.name}: the live servers ask one cache; write copies: 1"


def plan(design: Design) -> list[Place]:
    """The processes of *design*, in the order in which they start. Raises NotLive if it cannot be live."""
    check(design)
    found = [place for kind in (Database, Cache, Queue) for place in _places(design, one(design, kind))]
    bank = one(design, External)
    found += _places(design, bank) if bank else [Place("bank/1", "bank", "external", "", 1)]
    found += [place for kind in (Service, Workers, Balancer, Edge) for place in _places(design, one(design, kind))]
    beside = ["metrics", *["autoscaler"] * (one(design, Service).autoscaler is not None), "supervisor"]
    found += [Place(f"{name}/1", name, name, "", 1) for name in beside]
    if len(found) > MOST:
        raise NotLive(f"{design.name}: {len(found)} processes are too many for one machine; write fewer copies")
    if len({place.label for place in found}) < len(found):
        raise NotLive(f"{design.name}: metrics, autoscaler and supervisor are the live form's own; name no part so")
    return found


def _places(design: Design, part: Any) -> list[Place]:
    if part is None:
        return []
    zones, shards = design.zones_of(part), part.shards if isinstance(part, Database) else 1
    return [
        Place(
            f"{part.name}/{number + 1}", part.name, part.kind, zones[number % part.copies % len(zones)], number + 1,
            number // part.copies + 1 if isinstance(part, Database) else 0,
        )
        for number in range(part.copies * shards)
    ]  # fmt: skip
