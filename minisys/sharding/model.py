"""A sharded store in virtual time: a router sends the pieces of each request to their shards, and waits for all.

Ten shards share 5,000 requests a second without trouble, until one key gets a third of them. Nothing is broken, nine
shards idle, and the tenth is drowning. Here the same requests meet every cure.

Promised: no request and no piece is lost; a request is done when its last piece is. Each shard (and each replica of
one) is one worker with one waiting line, as a Redis process is. Simplified: no network time, nothing fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import simpy
from simpy.events import Event

from minisys.sharding.comparison import shards_of
from minisys.sharding.cures import CURES, Cure
from minisys.sharding.placements import Placement, placement
from minisys.testbed.simulation import OK, Request, Server, refuse, settle
from minisys.testbed.simulation import simulate as run
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload, uniform_luck

READER = "reader's cache"
Pieces = Sequence[tuple[Server, float]]


def gather(env: simpy.Environment, request: Request, pieces: Pieces, then: Callable[[], None] | None = None) -> Event:
    """An event that succeeds when all *pieces* of *request*, (server, seconds of work) each, have been served.

    The request began when its first piece did, and counts for the server that ended last. *then* is called just
    before. No piece at all is an answer at once. The outcome is "ok", or that of the first piece that was not.
    """
    done, left, worst = Event(env), len(pieces), OK
    if not pieces:
        request.started_s, request.server = env.now, READER
        return refuse(done, OK)

    def answered(part: Request, event: Event) -> None:
        nonlocal left, worst
        left -= 1
        worst = event._value if worst == OK else worst
        if not request.started_s <= part.started_s:  # NaN before the first
            request.started_s = part.started_s
        request.server = part.server
        if not left:
            if then is not None:
                then()
            settle(done, worst)

    for server, work_s in pieces:
        part = Request(request.index, request.arrival_s, work_s, request.key, request.size, request.luck)
        server.serve(part).callbacks.append(partial(answered, part))
    return done


@dataclass
class Run:
    """The trace of a run, who wrote, the pieces and seconds of work of each server, and reads that were out of date."""

    trace: Trace
    is_write: np.ndarray
    pieces: Counter[str]
    work_s: dict[str, float]
    stale: int

    def busiest(self) -> float:
        """The most loaded server's share of the time in which it works (above 1: it never catches up)."""
        last = float(self.trace.frame["sent_s"].max())
        return max(self.work_s.values()) / last if last else 0.0


@dataclass(frozen=True)
class Setup:
    """What a run is made of: the cure, where a key is, the servers' names, and who writes."""

    cure: Cure
    placed: Callable[[str], str]
    servers: tuple[str, ...]
    is_write: np.ndarray

    def server(self, name: str, replica: int) -> str:
        """The server of one piece."""
        shard = self.placed(name)
        return shard if getattr(self.cure, "replicas", 1) == 1 else f"{shard}.{replica}"

    def reader(self, key: int, luck: float) -> int:
        """A number for the copy of *key* that a reader with this *luck* may hold."""
        readers = getattr(self.cure, "readers", 1)
        return key * readers + int(luck * readers)


class Router:
    """Sends the pieces of each request to their servers, and keeps account of work and of reads out of date."""

    def __init__(self, env: simpy.Environment, setup: Setup) -> None:
        self.env, self.setup = env, setup
        self.servers = {name: Server(env, name) for name in setup.servers}
        self.pieces: Counter[str] = Counter(dict.fromkeys(setup.servers, 0))
        self.work_s = dict.fromkeys(setup.servers, 0.0)
        self.written_s: dict[int, float] = {}  # key: when the last write that is confirmed was sent
        self.fetched_s: dict[int, float] = {}  # since when a reader holds its copy
        self.stale = 0

    def serve(self, request: Request) -> Event:
        """Read or write request.key."""
        write = bool(self.setup.is_write[request.index])
        chosen = self.setup.cure.pieces(request.key, write, request.luck, self.env.now)
        pieces = [(self.servers[self.setup.server(*piece)], request.work_s) for piece in chosen]
        for server, work_s in pieces:
            self.pieces[server.name] += 1
            self.work_s[server.name] += work_s
        if write:
            confirmed = {request.key: request.arrival_s}
            return gather(self.env, request, pieces, lambda: self.written_s.update(confirmed))
        self._notice_stale(request, bool(pieces))
        return gather(self.env, request, pieces)

    def _notice_stale(self, request: Request, asked: bool) -> None:
        """A read without any shard is stale if the key has been written since its reader fetched it."""
        reader = self.setup.reader(request.key, request.luck)
        if asked:
            self.fetched_s[reader] = self.env.now
        elif self.written_s.get(request.key, -1.0) > self.fetched_s[reader]:
            self.stale += 1


@lru_cache(maxsize=64)
def _placed(name: str, shards: int) -> Callable[[str], str]:
    """A look-up that remembers: the hash of a name does not change from run to run."""
    return lru_cache(maxsize=100_000)(placement(name, shards_of(shards)).place)


def writes(offered: Workload, share: float) -> np.ndarray:
    """Which requests of *offered* write: a *share* of them, by a second luck that belongs to the same requests."""
    return uniform_luck(len(offered), int(offered.luck[0] * 2**32)) < share


def setup(cure: str | Cure, offered: Workload, shards: int, placed: str | Placement, write_share: float) -> Setup:
    """What simulate() is asked for, checked. Raises ValueError as simulate() does."""
    if shards < 1 or not 0 <= write_share <= 1:
        raise ValueError(f"need shards >= 1 and write_share in [0, 1], got {shards} and {write_share}")
    if isinstance(cure, str) and cure not in CURES:
        raise ValueError(f"unknown cure {cure!r}; known: {', '.join(CURES)}")
    chosen = CURES[cure]() if isinstance(cure, str) else cure
    look_up = _placed(placed, shards) if isinstance(placed, str) else placed.place
    names = shards_of(shards) if isinstance(placed, str) else placed.shards
    replicas = getattr(chosen, "replicas", 1)
    servers = names if replicas == 1 else [f"{name}.{replica}" for name in names for replica in range(replicas)]
    return Setup(chosen, look_up, tuple(servers), writes(offered, write_share))


def simulate(
    cure: str | Cure, offered: Workload, *, shards: int = 10, placed: str | Placement = "ring",
    write_share: float = 0.05, seed: int = 0,
) -> Run:  # fmt: skip
    """*offered* through *shards* shards, with keys placed as *placed* says and a *cure* (one of CURES) for hot keys.

    A share *write_share* of the requests writes; with a Placement as *placed* its own shards count. A cure that keeps
    copies is used for one run only. Raises ValueError for an unknown cure or placement and for numbers out of range.
    """
    made, routers = setup(cure, offered, shards, placed, write_share), list[Router]()

    def build(env: simpy.Environment, rng: np.random.Generator) -> Router:
        routers.append(Router(env, made))
        return routers[0]

    trace = run(offered, build, seed=seed)
    router = routers[0]
    return Run(trace, made.is_write, router.pieces, router.work_s, router.stale)
