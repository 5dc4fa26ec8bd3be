"""A cache beside a database in virtual time: the same requests through five patterns, and what went wrong.

"How stale can it get, and what do we lose if the cache dies?" Nobody can tell from the code of one request; it depends
on what the others do in between. Here a day of requests meets the patterns, and every stale answer and every lost
write is counted.

Promised: all patterns meet the same requests; a read is stale if it misses a write that had been confirmed before the
read was sent; a write is lost if it was confirmed and the database never got it or a later one. Simplified: one cache
process, messages take a fixed time, and requests under way survive the crash.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import simpy
from simpy.events import Event

from minisys.caching.cache import Cache
from minisys.caching.messages import CacheMessages, DatabaseMessages, Step
from minisys.caching.patterns import PATTERNS, Pattern, Steps, pattern
from minisys.testbed.simulation import OK, Request
from minisys.testbed.simulation import simulate as run
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload


@dataclass
class Counts:
    """What happened to the users of one run; times in seconds."""

    reads: int = 0
    writes: int = 0
    hits: int = 0
    stale: int = 0
    longest_stale_s: float = 0.0
    database_reads: int = 0
    database_writes: int = 0
    lost: int = 0


@dataclass
class Run:
    """The trace of a run and its counts; *steps*: every message."""

    pattern: str
    trace: Trace
    counts: Counts
    is_write: np.ndarray
    steps: list[Step] = field(default_factory=list)

    def row(self) -> dict[str, float | str]:
        """The run in one row, latencies as means."""
        c, latency = self.counts, self.trace.latency_s.to_numpy()
        return {
            "pattern": self.pattern,
            "hit_ratio": c.hits / c.reads if c.reads else float("nan"),
            "read_s": float(np.mean(latency[~self.is_write])),
            "write_s": float(np.mean(latency[self.is_write])),
            "database_reads": c.database_reads,
            "database_writes": c.database_writes,
            "stale_reads": c.stale,
            "longest_stale_s": c.longest_stale_s,
            "lost_writes": c.lost,
        }


class Shop:
    """Cache, database and the pattern between them; serves reads and writes, and keeps the account of both.

    A request whose luck is below *write_share* is a write; its work_s is what the database needs for it. The first
    five fields are those of simulate().
    """

    def __init__(
        self, env: simpy.Environment, chosen: Pattern, *, write_share: float, capacity: int, ttl_s: float | None,
        hop_s: float, workers: int, flush_s: float, crash_s: float | None, policy: str = "lru",
    ) -> None:  # fmt: skip
        self.env, self.chosen, self.write_share, self.ttl_s, self.hop_s = env, chosen, write_share, ttl_s, hop_s
        self.capacity, self.policy, self.workers = capacity, policy, simpy.Resource(env, workers)
        self.rows: dict[int, int] = {}  # the database: the number of the last write of each key
        self.confirmed: dict[int, list[tuple[int, float]]] = {}  # key: numbers and times of its confirmed writes
        self.counts, self.steps = Counts(), list[Step]()
        self.start_empty()
        if crash_s is not None:
            env.process(self._crash(crash_s))
        env.process(self._flush(flush_s))

    def start_empty(self) -> None:
        """A new cache process: nothing in its memory, also not what waited for the database."""
        self.store = Cache(self.policy, self.capacity)
        self.waiting: dict[int, tuple[int, float]] = {}  # key: number of the write, and the database's work for it
        self.tickets: dict[int, int] = {}  # key: how many deletes made earlier tickets void

    def serve(self, request: Request) -> Event:
        """Read or write request.key with the steps of the pattern."""
        request.started_s, request.server = self.env.now, "cache"
        return self.env.process(self._write(request) if request.luck < self.write_share else self._read(request))

    def _read(self, request: Request) -> Steps:
        self.counts.reads += 1
        sent_s = self.env.now
        value = yield from self.chosen.read(CacheMessages(self, request), DatabaseMessages(self, request), request.key)
        self.counts.hits += request.server == "cache"
        due = [at for number, at in self.confirmed.get(request.key, ()) if number > value and at <= sent_s]
        if due:
            self.counts.stale += 1
            self.counts.longest_stale_s = max(self.counts.longest_stale_s, sent_s - min(due))
        return OK

    def _write(self, request: Request) -> Steps:
        self.counts.writes += 1
        messages = CacheMessages(self, request), DatabaseMessages(self, request)
        number = request.index + 1  # 0 is what every row holds at the start
        yield from self.chosen.write(*messages, request.key, number)
        self.confirmed.setdefault(request.key, []).append((number, self.env.now))
        return OK

    def _crash(self, at_s: float) -> Steps:
        yield self.env.timeout(at_s)
        self.start_empty()

    def _flush(self, every_s: float) -> Steps:
        """Send what waits to the database, every *every_s* seconds; it stays in the cache until it is written."""
        while True:
            yield self.env.timeout(every_s)
            waiting = self.waiting
            for key, (number, work_s) in sorted(waiting.items()):
                if waiting is not self.waiting:
                    break  # the process died, and what it had not sent is gone
                request = Request(-1, self.env.now, work_s, key, 0, 0.0)
                yield from DatabaseMessages(self, request).write(key, number)
                if waiting is self.waiting and waiting[key][0] == number:
                    del waiting[key]
                    self.store.put(key, number, now=self.env.now, ttl_s=self.ttl_s)

    def settle_account(self) -> Counts:
        """Count the lost writes, when everybody has been served: what still waits in a living cache is not lost."""
        for key, writes in self.confirmed.items():
            safe = max(self.rows.get(key, 0), self.waiting.get(key, (0, 0.0))[0])
            self.counts.lost += sum(number > safe for number, _ in writes)
        return self.counts


def simulate(
    chosen: str | Pattern, offered: Workload, *, write_share: float = 0.1, capacity: int = 1000,
    ttl_s: float | None = 60.0, hop_s: float = 0.0005, workers: int = 16, flush_s: float = 1.0,
    crash_s: float | None = None, policy: str = "lru", seed: int = 0,
) -> Run:  # fmt: skip
    """*offered* through one pattern: requests with luck below *write_share* write, the others read.

    *capacity*: items in the cache, each for *ttl_s* seconds (None: for ever); *policy* says which goes; *hop_s*: one
    way to the cache or the database; *workers* of the database work side by side; *flush_s*: how often write-behind
    flushes; *crash_s*: when the cache dies and an empty one takes over. Raises ValueError for an unknown pattern or
    policy, or a number out of range.
    """
    numbers = capacity >= 1 and hop_s >= 0 and workers >= 1 and flush_s > 0 and 0 <= write_share <= 1
    if not numbers or (ttl_s is not None and not ttl_s > 0) or (crash_s is not None and not crash_s >= 0):
        raise ValueError(
            f"need capacity and workers >= 1, hop_s >= 0, flush_s and ttl_s > 0, write_share in [0, 1], crash_s >= 0, "
            f"got {capacity}, {workers}, {hop_s}, {flush_s}, {ttl_s}, {write_share}, {crash_s}"
        )
    shops: list[Shop] = []

    def build(env: simpy.Environment, rng: np.random.Generator) -> Shop:
        shops.append(
            Shop(
                env,
                pattern(chosen),
                write_share=write_share,
                capacity=capacity,
                ttl_s=ttl_s,
                hop_s=hop_s,
                workers=workers,
                flush_s=flush_s,
                crash_s=crash_s,
                policy=policy,
            )  # fmt: skip
        )
        return shops[0]

    trace = run(offered, build, seed=seed)
    return Run(pattern(chosen).name, trace, shops[0].settle_account(), offered.luck < write_share, shops[0].steps)


def compare(offered: list[Workload], **settings: float | None) -> pd.DataFrame:
    """Every pattern on the same requests, one row a pattern and workload (seed); *settings* as in simulate()."""
    rows = [
        simulate(name, one, **settings).row() | {"seed": seed}  # type: ignore[arg-type]
        for name in PATTERNS
        for seed, one in enumerate(offered)
    ]
    return pd.DataFrame(rows)
