"""Moving data while users work, in virtual time: how fast may a shard be emptied before somebody notices?

A new shard is there and should take over a quarter of the keys. The copy costs the old shards reading and sending, the
new one receiving, and the users wait in the same lines. Fast means soon and painful; slow means that the shard which
was too full stays so for another hour. And large pieces hurt more than the same bytes in small ones.

Promised: requests and pieces wait in one line per shard, first come first served; a key is served where it is, before
its piece has moved and afterwards; the same requests meet every rate. Simplified: pieces leave on a timetable, whether
or not the one before has arrived; a request that finds its key moved is not sent twice.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import simpy
from simpy.events import Event

from minisys.sharding import fast
from minisys.sharding.comparison import shards_of
from minisys.sharding.policies import hash64, jump
from minisys.testbed.simulation import Request, Server
from minisys.testbed.simulation import simulate as run
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload


@dataclass(frozen=True)
class Move:
    """What is to be moved and how. Raises ValueError for a number that is not above 0.

    data_mb: megabytes that go to the new shard, in all; rate_mb_per_s: how fast; piece_mb: in pieces of how many;
    cost_s_per_mb: seconds of work that a megabyte costs the sender and the receiver; begin_s: when it starts.
    """

    data_mb: float = 200.0
    rate_mb_per_s: float = 20.0
    piece_mb: float = 1.0
    cost_s_per_mb: float = 0.01
    begin_s: float = 5.0

    def __post_init__(self) -> None:
        if not all(number > 0 for number in (self.data_mb, self.rate_mb_per_s, self.piece_mb, self.cost_s_per_mb)):
            raise ValueError(f"data, rate, piece and cost must be above 0, got {self}")

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return max(1, round(self.data_mb / self.piece_mb))

    @property
    def takes_s(self) -> float:
        """From the first piece to the last, in seconds, if the shards keep up."""
        return self.data_mb / self.rate_mb_per_s

    def times_s(self) -> np.ndarray:
        """When each piece is sent."""
        return self.begin_s + np.arange(self.pieces) * self.piece_mb / self.rate_mb_per_s

    def utilisation(self, shards: int) -> float:
        """What the move adds to an old shard's utilisation; the new one has *shards* times that, all the pieces."""
        return self.rate_mb_per_s * self.cost_s_per_mb / shards


@dataclass
class Run:
    """The users' trace, and when the last piece had arrived (infinity: the users were served before that)."""

    trace: Trace
    moved_s: float


def places(offered: Workload, move: Move, shards: int) -> tuple[np.ndarray, np.ndarray]:
    """For each request: its shard before the move, and its piece of it (-1: the key does not move). By jump hash."""
    keys, which = np.unique(offered.key, return_inverse=True)
    before, after, hashes = np.array([_homes(key, shards) for key in keys.tolist()]).T
    piece = hashes // 7919 % move.pieces
    return before[which], np.where(after == shards, piece, -1)[which]


@lru_cache(maxsize=200_000)  # a slider asks again and again
def _homes(key: int, shards: int) -> tuple[int, int, int]:
    """The shard of *key* among *shards*, among one more, and its hash."""
    hashed = hash64(f"item {key}")
    return jump(hashed, shards), jump(hashed, shards + 1), hashed


class Cluster:
    """*shards* old shards and a new one, all with one worker; pieces and requests in the same lines."""

    def __init__(self, env: simpy.Environment, offered: Workload, move: Move, shards: int) -> None:
        self.env, self.move, self.new = env, move, shards
        self.servers = [Server(env, name) for name in shards_of(shards + 1)]
        self.before, self.piece = places(offered, move, shards)
        self.gone = self.arrived = 0
        self.moved_s = math.inf
        env.process(self._send())

    def serve(self, request: Request) -> Event:
        """Serve request.key where it is now: a piece counts as moved from the moment in which it is sent."""
        piece = self.piece[request.index]
        here = self.new if 0 <= piece < self.gone else self.before[request.index]
        return self.servers[here].serve(request)

    def _send(self) -> Generator[Event, Any, None]:
        work_s = self.move.piece_mb * self.move.cost_s_per_mb
        for number, at_s in enumerate(self.move.times_s().tolist()):
            yield self.env.timeout(at_s - self.env.now)
            self.gone = number + 1
            for server in (self.servers[number % self.new], self.servers[self.new]):
                server.serve(Request(-1, self.env.now, work_s, -1, 0, 0.0)).callbacks.append(self._arrived)

    def _arrived(self, _: Event) -> None:
        self.arrived += 1
        if self.arrived == 2 * self.move.pieces:  # read at one shard and written at the other
            self.moved_s = self.env.now


def simulate(offered: Workload, move: Move, *, shards: int = 3, seed: int = 0) -> Run:
    """*offered* on *shards* shards while *move* fills one more. Raises ValueError if shards < 1."""
    if shards < 1:
        raise ValueError(f"shards must be at least 1, got {shards}")
    clusters: list[Cluster] = []

    def build(env: simpy.Environment, rng: np.random.Generator) -> Cluster:
        clusters.append(Cluster(env, offered, move, shards))
        return clusters[0]

    trace = run(offered, build, seed=seed)
    return Run(trace, clusters[0].moved_s)


def latencies(offered: Workload, move: Move, *, shards: int = 3) -> tuple[np.ndarray, float]:
    """simulate() without events, for sliders: the latency of each request in seconds, and when the move was over."""
    before, piece = places(offered, move, shards)
    at_s, work_s = move.times_s(), np.full(move.pieces, move.piece_mb * move.cost_s_per_mb)
    gone = np.searchsorted(at_s, offered.arrival_s, side="right")
    here = np.where((piece >= 0) & (piece < gone), shards, before)
    found, moved_s = np.empty(len(offered)), 0.0
    for shard in range(shards + 1):
        mine = np.flatnonzero(here == shard)
        theirs = np.arange(move.pieces) if shard == shards else np.arange(shard, move.pieces, shards)
        arrival = np.concatenate([offered.arrival_s[mine], at_s[theirs]])
        order = np.argsort(arrival, kind="stable")
        ended = np.empty(len(arrival))
        ended[order] = fast.finished_s(arrival[order], np.concatenate([offered.work_s[mine], work_s[theirs]])[order])
        found[mine] = ended[: len(mine)] - offered.arrival_s[mine]
        moved_s = max(moved_s, float(ended[len(mine) :].max(initial=0.0)))
    return found, moved_s


def wait_s(rate_per_s: float, service_s: float, pieces_per_s: float, piece_s: float) -> float:
    """A request's mean wait, in seconds, in a line of exponential requests and pieces of equal length, all at random.

    Pollaczek-Khinchine: (sum of rate x E[work^2]) / (2 (1 - utilisation)). A piece of twice the length, half as often,
    costs twice the wait. Raises ValueError at a utilisation of 1 or more. Source: Pollaczek 1930; Khinchine 1932.
    """
    busy = rate_per_s * service_s + pieces_per_s * piece_s
    if busy >= 1:
        raise ValueError(f"utilisation is {busy:.6g} with the pieces: at 1 or more the line grows for ever")
    return (rate_per_s * 2 * service_s**2 + pieces_per_s * piece_s**2) / (2 * (1 - busy))


def sweep(
    offered: Sequence[Workload], rates_mb_per_s: Sequence[float], pieces_mb: Sequence[float], *, shards: int = 3,
    **settings: float,
) -> pd.DataFrame:  # fmt: skip
    """p99 of the users' latency while data move, for each rate, size of a piece and workload (seed)."""
    rows = []
    for piece_mb in pieces_mb:
        for rate in rates_mb_per_s:
            move = Move(rate_mb_per_s=rate, piece_mb=piece_mb, **settings)
            for seed, one in enumerate(offered):
                found, moved_s = latencies(one, move, shards=shards)
                during = (one.arrival_s >= move.begin_s) & (one.arrival_s < moved_s)
                p99_s = float(np.percentile(found[during], 99))
                rows.append((rate, piece_mb, seed, p99_s, moved_s - move.begin_s))
    return pd.DataFrame(rows, columns=["rate_mb_per_s", "piece_mb", "seed", "p99_s", "takes_s"])
