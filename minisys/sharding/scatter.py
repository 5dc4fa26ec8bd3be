"""Finding rows by something that is not the shard key: ask all shards, or keep a second table, in virtual time.

Orders are sharded by their number. The customer wants to see her orders, and no shard knows which of the others has
some. Either every shard is asked (a local index each), or a second store, sharded by customer, is written with every
order (a global index), or the orders are sharded by customer in the first place.

Promised: the same requests, with the same work on every shard, for each design; a query that misses an order which had
been confirmed before it was sent is counted. Simplified: a query is one piece of work on each shard that it asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import simpy
from simpy.events import Event

from minisys.sharding.comparison import shards_of
from minisys.sharding.model import gather, writes
from minisys.sharding.policies import hash64, jump
from minisys.testbed.simulation import Request, Server
from minisys.testbed.simulation import simulate as run
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload, stream

Steps = Generator[Event, Any, None]
DESIGNS = ("local index", "global index", "global index, later", "sharded by customer")


@dataclass
class Run:
    """The trace of a run, who wrote, how many pieces of work the shards did, and queries that missed an order."""

    trace: Trace
    is_write: np.ndarray
    pieces: int
    missed: int

    def row(self) -> dict[str, float]:
        """Percentiles of reads and writes in seconds, pieces for each request, and the share of queries that missed."""
        latency, reads = self.trace.latency_s.to_numpy(), ~self.is_write
        return {
            "query_p50_s": float(np.percentile(latency[reads], 50)),
            "query_p99_s": float(np.percentile(latency[reads], 99)),
            "write_p99_s": float(np.percentile(latency[self.is_write], 99)) if self.is_write.any() else float("nan"),
            "pieces": self.pieces / len(latency),
            "missed": self.missed / max(1, int(reads.sum())),
        }


class Store:
    """*shards* one-worker shards; a write is an order, its key the customer, a query her orders.

    *work_s* has the seconds of work of request i on shard j, so that every design meets the same luck.
    """

    def __init__(
        self, env: simpy.Environment, design: str, shards: int, is_write: np.ndarray, work_s: np.ndarray, later_s: float
    ) -> None:
        self.env, self.design, self.is_write, self.work_s, self.later_s = env, design, is_write, work_s, later_s
        self.shards = [Server(env, name) for name in shards_of(shards)]
        self.confirmed: dict[int, int] = defaultdict(int)  # customer: orders that their writers were told are safe
        self.indexed: dict[int, int] = defaultdict(int)  # customer: orders that a query finds
        self.pieces = self.missed = 0

    def serve(self, request: Request) -> Event:
        """Write an order of the customer request.key, or list her orders."""
        if self.is_write[request.index]:
            return self._write(request)
        due = self.confirmed[request.key]
        asked = range(len(self.shards)) if self.design == "local index" else [self._of_customer(request.key)]
        return self._ask(request, asked, lambda: self._found(request.key, due))

    def _write(self, request: Request) -> Event:
        order, customer = self._of_order(request.index), self._of_customer(request.key)
        if self.design == "sharded by customer":
            return self._ask(request, [customer], lambda: self._confirm(request, indexed=True))
        if self.design == "global index":  # both tables, then the answer
            return self._ask(request, [order, customer], lambda: self._confirm(request, indexed=True))
        if self.design == "local index":
            return self._ask(request, [order], lambda: self._confirm(request, indexed=True))
        self.env.process(self._index_later(request, customer))
        return self._ask(request, [order], lambda: self._confirm(request, indexed=False))

    def _index_later(self, request: Request, customer: int) -> Steps:
        yield self.env.timeout(self.later_s)
        twin = Request(request.index, self.env.now, request.work_s, request.key, request.size, request.luck)
        yield self._ask(twin, [customer], lambda: self._index(request.key))

    def _ask(self, request: Request, asked: Sequence[int], then: Callable[[], None]) -> Event:
        self.pieces += len(asked)
        work = self.work_s[request.index]
        return gather(self.env, request, [(self.shards[i], float(work[i])) for i in asked], then)

    def _confirm(self, request: Request, *, indexed: bool) -> None:
        self.confirmed[request.key] += 1
        self.indexed[request.key] += indexed

    def _index(self, customer: int) -> None:
        self.indexed[customer] += 1

    def _found(self, customer: int, due: int) -> None:
        self.missed += self.indexed[customer] < due

    def _of_order(self, number: int) -> int:
        return jump(hash64(f"order {number}"), len(self.shards))

    def _of_customer(self, customer: int) -> int:
        return jump(hash64(f"customer {customer}"), len(self.shards))


def simulate(
    design: str, offered: Workload, *, shards: int = 10, write_share: float = 0.5, later_s: float = 0.05, seed: int = 0
) -> Run:
    """*offered* through one of DESIGNS: a share *write_share* places an order, the others list a customer's orders.

    Work on each shard is exponential around the requests' mean; *later_s*: how long "global index, later" waits before
    it writes the index, in seconds. Raises ValueError for an unknown design or a number out of range.
    """
    if design not in DESIGNS:
        raise ValueError(f"unknown design {design!r}; known: {', '.join(DESIGNS)}")
    if shards < 1 or not 0 <= write_share <= 1 or not later_s >= 0:
        raise ValueError(
            f"need shards >= 1, write_share in [0, 1], later_s >= 0, got {shards}, {write_share}, {later_s}"
        )
    stores, who = list[Store](), writes(offered, write_share)
    work_s = works(offered, shards)

    def build(env: simpy.Environment, rng: np.random.Generator) -> Store:
        stores.append(Store(env, design, shards, who, work_s, later_s))
        return stores[0]

    trace = run(offered, build, seed=seed)
    return Run(trace, who, stores[0].pieces, stores[0].missed)


def works(offered: Workload, shards: int) -> np.ndarray:
    """Seconds of work of each request (row) on each shard (column): exponential, with the mean of offered.work_s."""
    luck = stream(int(offered.luck[0] * 2**32), "work on shards")
    return luck.exponential(float(offered.work_s.mean()), (len(offered), shards))


def compare(offered: Sequence[Workload], **settings: int | float) -> pd.DataFrame:
    """Every design on the same requests; one row a design and seed; *settings* as in simulate()."""
    rows = [
        {"design": name, "seed": seed} | simulate(name, one, **settings).row()  # type: ignore[arg-type]
        for name in DESIGNS
        for seed, one in enumerate(offered)
    ]
    return pd.DataFrame(rows)
