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
from itertools import product
from pathlib import Path
from typing import Any

from minisys.autoscaling.__main__ import RULES
from minisys.design.kinds import MODEL_ONLY
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
from minisys.design.text import read
from minisys.load_balancing.policies import NAMES

MOST = 40  # processes: each needs some 40 MB
NEEDED: tuple[type[Part], ...] = (Balancer, Service, Database, Queue, Workers)
KNOWN = (*NEEDED, Edge, Cache, External)

SHOP = read(Path(__file__).with_name("shop.yaml").read_text("utf-8"))


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
    for part, name in product(design.parts, MODEL_ONLY):
        if getattr(part, name, None):
            yield f"{part.name}: {name} is played in virtual time only; leave it out, or run it there"


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
