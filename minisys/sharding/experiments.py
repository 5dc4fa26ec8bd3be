"""What users see while a sharded store is changed under them: moved, grown, and with a primary killed.

"Resharding is online" stands in every brochure. Here it is put to the test of chapter 06: clients that keep their own
books write and read through the official RedisCluster client, meanwhile the thing happens, and afterwards everything
that was acknowledged is asked for. The same call for our store and for Valkey:

    with cluster(shards=3) as running:                     # or valkey_cluster()
        print(reshard_live(running, "a").frame())          # every slot of shard a leaves

Promised: `lost` counts acknowledged writes that are not there afterwards, also those from before the load; `errors` is
what the client gave up on. Not promised: latencies that say something of another machine; users wait for their answer
and share this one's processors with all nodes.
"""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

import numpy as np
import pandas as pd
import psutil

from minisys.replication import harness
from minisys.replication.harness import Fault, Found, Load
from minisys.sharding import mover
from minisys.sharding.live import Cluster
from minisys.sharding.slots import key_slot
from minisys.sharding.users import ClusterStore

FILLED, VALUE_BYTES = 2_000, 200
AT_S = 1.0
_runs = count()  # each run has keys of its own


@dataclass(frozen=True)
class Watched:
    """What users saw of one change. *what* it was; it began *at_s* seconds after the load and took *took_s* seconds.

    vanished: how many keys of before the load are gone or wrong. prefix: of the load's keys in the store. slots: of the
    shard whose primary died, if one did. moved: how many slots changed their shard, of how many *shards* before.
    cpu_s: what the nodes that were there needed in the second before, and during the whole of the change.
    """

    what: str
    found: Found
    at_s: float
    took_s: float
    vanished: int
    prefix: str = ""
    slots: frozenset[int] = frozenset()
    moved: int = 0
    shards: int = 0
    cpu_s: tuple[float, float] = (math.nan, math.nan)

    @property
    def lost(self) -> int:
        """Acknowledged writes that nobody can read any more."""
        return len(self.found.lost) + self.vanished

    @property
    def errors(self) -> int:
        """Operations for which the client gave its user an error."""
        return sum(operation.outcome != "ok" for operation in self.found.history)

    @property
    def rto_s(self) -> float:
        """How long nobody's write to a key of the shard that was hit was acknowledged, in seconds; nan if none was."""
        if not self.slots:
            return math.nan
        acks = sorted(
            each.responded_s
            for each in self.found.history
            if each.kind == "write"
            and each.outcome == "ok"
            and key_slot((self.prefix + each.key).encode()) in self.slots
        )
        gaps = [after - before for before, after in zip(acks, acks[1:], strict=False) if after > self.at_s]
        return max(gaps, default=math.inf)

    def latency_s(self, share: float, during: bool) -> float:
        """A quantile of the latencies of answered operations, *during* the change or before it; nan without any."""
        first_s, last_s = (self.at_s, self.at_s + self.took_s) if during else (0.0, self.at_s)
        answered = (each for each in self.found.history if each.outcome == "ok" and first_s <= each.invoked_s < last_s)
        took = [each.responded_s - each.invoked_s for each in answered]
        return float(np.quantile(took, share)) if took else math.nan

    def frame(self) -> pd.DataFrame:
        """One row: what happened, what was lost, errors, latencies before and meanwhile, the checker's verdict."""
        verdict = self.found.verdict
        return pd.DataFrame([{
            "system": self.found.system, "what": self.what, "took_s": self.took_s,
            "acknowledged": self.found.acknowledged, "lost": self.lost, "errors": self.errors, "rto_s": self.rto_s,
            "p50_before_ms": 1000 * self.latency_s(0.5, False), "p99_before_ms": 1000 * self.latency_s(0.99, False),
            "p50_meanwhile_ms": 1000 * self.latency_s(0.5, True), "p99_meanwhile_ms": 1000 * self.latency_s(0.99, True),
            "verdict": "linearizable" if verdict.holds else verdict.anomaly,
        }])  # fmt: skip


@dataclass
class _Stage:
    """A running cluster as the harness sees it."""

    running: Cluster
    name: str
    mode: str
    repaired: bool = False
    prefix: str = ""

    def store(self) -> ClusterStore:
        return ClusterStore(partial(self.running.client, meets_newcomers=self.repaired), self.prefix)

    def kill_primary(self) -> None:
        self.running.kill(self.running.topology().shards[0].name)

    def pause_primary(self) -> None:
        self.running.pause(self.running.topology().shards[0].name)


def watch(
    running: Cluster,
    what: str,
    do: Callable[[], object],
    *,
    load: Load | None = None,
    shard: str = "",
    repaired: bool = False,
) -> Watched:
    """Put *load* on *running*, call *do* one second later, go on until both are done, and read everything back.

    shard: whose users' RTO is asked for. repaired: the client follows ASK to nodes that are new (users.redis_cluster).
    """
    load = load or Load(for_s=2 * AT_S, clients=4)
    filled = {f"filled-{number}": str(number).zfill(VALUE_BYTES) for number in range(FILLED)}
    owners = running.topology().owners
    with running.client() as client:
        client.mset_nonatomic(filled)
    spans: list[float] = []
    cpu_s = [_cpu_s(running)]

    def timed() -> None:
        cpu_s.append(_cpu_s(running, cpu_s[0]))
        begin = time.monotonic()
        do()
        spans.append(time.monotonic() - begin)
        cpu_s.append(_cpu_s(running, cpu_s[0]))

    prefix = f"{next(_runs)}:"
    found = harness.run(_Stage(running, running.name, "cluster", repaired, prefix), load, Fault(AT_S, what, timed))
    with running.client() as client:
        held = client.mget_nonatomic(list(filled))
    vanished = sum(value != want.encode() for value, want in zip(held, filled.values(), strict=True))
    slots = frozenset(slot for slot, owner in enumerate(owners) if owner == shard) if shard else frozenset()
    moved = sum(map(operator.ne, owners, running.topology().owners)) if not shard else 0
    start, before, after = (sum(each[port] for port in cpu_s[-1]) for each in cpu_s)
    worked = (before - start, after - before)
    return Watched(what, found, found.faults[0][1], spans[0], vanished, prefix, slots, moved, len(set(owners)), worked)


def _cpu_s(running: Cluster, of: Collection[int] | None = None) -> dict[int, float]:
    """CPU seconds used so far by each node (of those on the ports *of*) that is alive."""
    found = {}
    for port, node in running.members.items():
        if node.running and (of is None or port in of):
            found[port] = sum(psutil.Process(node.pid).cpu_times()[:2])
    return found


def reshard_live(
    running: Cluster,
    shard: str = "a",
    *,
    load: Load | None = None,
    most: int | None = None,
    at_once: int = 64,
    pause_s: float = 0.0,
    steps: Callable[[mover.Move], mover.Steps] = mover.steps,
) -> Watched:
    """Every slot of *shard* (at most *most*) leaves for the others, *at_once* at a time, then *pause_s* s of rest.

    steps: how one slot moves; the lab puts the reader's own here.
    """
    moves = mover.emptying(running.topology(), shard)[:most]
    moved = partial(mover.move, running.topology, moves, pause_s=pause_s, at_once=at_once, steps=steps)
    return watch(running, f"{len(moves):,} slots leave {shard}", moved, load=load)


def grow_live(running: Cluster, *, load: Load | None = None, repaired: bool = True) -> Watched:
    """A shard is added and all shards share the slots evenly again.

    repaired False: with redis-py as it is, whose users get errors until they have heard of the new shard.
    """

    def grow() -> None:
        running.add_shard()
        topology = running.topology()
        mover.move(running.topology, mover.plan(topology, [shard.name for shard in topology.shards]))

    return watch(running, "a shard is added and filled", grow, load=load, repaired=repaired)


def kill_live(running: Cluster, shard: str = "b", *, load: Load | None = None) -> Watched:
    """SIGKILL to the primary of *shard*; `rto_s` is what its users waited."""
    load = load or Load(for_s=AT_S + 3.0, clients=4)
    return watch(running, f"SIGKILL of {shard}'s primary", partial(running.kill, shard), load=load, shard=shard)


def side_by_side(watched: Sequence[Watched]) -> pd.DataFrame:
    """One row each."""
    return pd.concat([each.frame() for each in watched], ignore_index=True)
