"""The kinds of boxes: clients, DNS, edge, balancer, service, cache, database, queue, workers, somebody else's service.

Each adds to a part (boxes.py) the few numbers that decide how that kind behaves. All are in base units once read:
seconds, per second, shares from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from minisys.design.boxes import Autoscaler, Part


@dataclass(frozen=True)
class Clients(Part):
    """Users in one *region*, who send *rate* requests per second (Poisson), a share of *writes* among them.

    keys: how many different things they ask for, skew: the exponent of their popularity (Zipf; 0 is uniform).
    """

    kind: ClassVar[str] = "clients"
    region: str = field(default="", kw_only=True)
    rate: float = field(default=100.0, kw_only=True)
    writes: float = field(default=0.1, kw_only=True)
    keys: int = field(default=10_000, kw_only=True)
    skew: float = field(default=0.8, kw_only=True)


@dataclass(frozen=True)
class Dns(Part):
    """Sends clients to one of its calls. route: "nearest" healthy one, "first" healthy one (failover), "anycast".

    A resolver keeps an answer for *ttl* seconds, even when the place has gone; anycast has no such memory. *check*:
    seconds until a dead place is known as dead.
    """

    kind: ClassVar[str] = "dns"
    route: str = field(default="nearest", kw_only=True)
    ttl: float = field(default=60.0, kw_only=True)
    check: float = field(default=30.0, kw_only=True)


@dataclass(frozen=True)
class Balancer(Part):
    """Passes requests on to its one call; *policy* chooses there. *check*: seconds until a dead copy is known as dead.

    copies of the balancer itself stand for the pair that shares an address.
    """

    kind: ClassVar[str] = "balancer"
    check: float = field(default=2.0, kw_only=True)


@dataclass(frozen=True)
class Service(Part):
    """An application tier. stateless: any copy can serve anybody; otherwise what a copy remembered dies with it."""

    kind: ClassVar[str] = "service"
    stateless: bool = field(default=True, kw_only=True)
    autoscaler: Autoscaler | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Cache(Part):
    """Answers a share *hits* of the reads itself; the others, and writes, go on to its calls (read-through).

    Without calls it is asked beside the store (cache-aside): a miss is an answer, too, and the caller's next call with
    on="misses" is taken then. After a flush or a restart it is empty and warms up over *warm_up* seconds.

    With *capacity* (items in one copy) it has no share but keys: each copy begins empty, keeps what was fetched for
    *ttl* seconds (None: for ever), and *eviction* says who goes, by a name of the caching room. See model_caches.py.
    """

    kind: ClassVar[str] = "cache"
    hits: float = field(default=0.9, kw_only=True)
    warm_up: float = field(default=60.0, kw_only=True)
    capacity: int | None = field(default=None, kw_only=True)
    eviction: str = field(default="lru", kw_only=True)
    ttl: float | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Edge(Cache):
    """A content delivery network in front: near the users in every region, so its arrow is short. Cached reads only."""

    kind: ClassVar[str] = "edge"


@dataclass(frozen=True)
class Database(Part):
    """Keeps data. Each of *shards* has *copies*: the first is its primary (writes), reads go to any if *read_replicas*.

    replication, as in its room: "none", "async" (with *lag* seconds), "semi-sync", "all" (synchronous), "raft".
    failover: seconds until another copy is primary (None: by hand, *mttr*). write: mean seconds of a write (0: takes).
    backup: seconds between two backups (None: never); personal: holds data that must stay in its region.
    """

    kind: ClassVar[str] = "database"
    replication: str = field(default="none", kw_only=True)
    shards: int = field(default=1, kw_only=True)
    read_replicas: bool = field(default=False, kw_only=True)
    write: float = field(default=0.0, kw_only=True)
    lag: float = field(default=0.2, kw_only=True)
    failover: float | None = field(default=None, kw_only=True)
    backup: float | None = field(default=None, kw_only=True)
    personal: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class Queue(Part):
    """Takes messages, answers once it has them, keeps at most *limit* (None: no limit). durable: on a disk.

    visibility: seconds for which a message that is out is hidden; whoever took it and has not said by then that it is
    done loses it to the next. None: the queue knows at once when a worker fails (its connection ends).
    """

    kind: ClassVar[str] = "queue"
    limit: int | None = field(default=None, kw_only=True)
    durable: bool = field(default=True, kw_only=True)
    visibility: float | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Workers(Part):
    """Take messages from the queue *source* at their own pace; a message that fails is tried *attempts* times.

    Then it is a dead letter. poison: share of messages whose work always fails, at its end. crashes: share of messages
    whose first worker dies after the work and before it says so; it is back *restart* seconds later.
    """

    kind: ClassVar[str] = "workers"
    source: str = field(default="", kw_only=True)
    attempts: int = field(default=3, kw_only=True)
    poison: float = field(default=0.0, kw_only=True)
    crashes: float = field(default=0.0, kw_only=True)
    restart: float = field(default=5.0, kw_only=True)
    autoscaler: Autoscaler | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class External(Part):
    """Somebody else's service: any number at once, up to *limit* requests per second; a share *available* works."""

    kind: ClassVar[str] = "external"
    available: float = field(default=1.0, kw_only=True)
    limit: float | None = field(default=None, kw_only=True)


MODEL_ONLY = ("capacity", "visibility", "poison", "crashes")  # fields that only the readable engine plays
KINDS: dict[str, type[Part]] = {
    part.kind: part for part in (Clients, Dns, Edge, Balancer, Service, Cache, Database, Queue, Workers, External)
}
