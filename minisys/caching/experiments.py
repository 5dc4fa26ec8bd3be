"""What chapter 04 measures: real caches with real bytes, and a stampede with real readers.

The explorer said 54 % and single flight said "one". Here processes on 127.0.0.1 are asked: our cache server, Valkey
and Memcached for hit ratios; 500 readers through Locust, a front, a cache and a database for the stampede.

Promised: the same keys and the same readers for everybody, counted by the servers themselves. Not promised: timings
that hold on another machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from minisys.caching import explore, live, real, stampede_model, theory
from minisys.caching.live import Running
from minisys.caching.stampede import RULES, Copy, rule
from minisys.testbed import charts, nodes
from minisys.testbed.load import load
from minisys.testbed.tables import Table, table
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload, uniform_luck

PAGE_BYTES = 4_000
ROOMS_MB = (2, 4, 8)
WORK_S, WORKERS, TTL_S = 0.05, 4, 30.0


@contextmanager
def running(product: str, policy: str, megabytes: int) -> Iterator[Running]:
    """Our cache ("minisys") or a product with *megabytes* of memory, for a ``with`` block.

    Raises real.ProductMissing, or ValueError for an unknown product or policy.
    """
    memory = f"{megabytes}mb"
    with live.cache(policy, memory) if product == "minisys" else real.product(product, policy, memory) as server:
        yield server


def asked(product: str, policy: str, megabytes: int, *, requests: int = 9_000, seed: int = 9) -> dict[str, float]:
    """What one cache answered to *requests* for pages of 4,000 bytes, after half as many to warm up.

    items: how many it held at the end; hit_ratio; seconds for the measured requests.
    """
    keys = explore.pages(requests + requests // 2, 0.9, seed=seed)
    with running(product, policy, megabytes) as server, server.client() as client:
        live.replay(client, keys[: requests // 2], PAGE_BYTES)
        began = time.perf_counter()
        stats = live.replay(client, keys[requests // 2 :], PAGE_BYTES)
        return {
            "items": stats.keys, "hit_ratio": stats.hit_ratio, "evictions": stats.evictions,
            "seconds": time.perf_counter() - began,
        }  # fmt: skip


def hit_ratios_measured() -> pd.DataFrame:
    """Our cache server with LRU in three sizes of real memory: columns items and hit_ratio."""
    return pd.DataFrame([asked("minisys", "lru", megabytes) for megabytes in ROOMS_MB])


def products_side_by_side(megabytes: int = 4) -> Table:
    """The same pages through our cache, Valkey and Memcached with the same memory; what is missing is named."""
    rows = []
    for product, policies in {"minisys": ("lru", "sieve"), "valkey": ("lru", "lfu"), "memcached": ("lru",)}.items():
        for policy in policies:
            try:
                found = asked(product, policy, megabytes)
                exact = theory.che(theory.zipf(explore.KEYS, 0.9), int(found["items"])).hit_ratio
                figures = (f"{found['items']:,}", f"{100 * found['hit_ratio']:.1f}", f"{100 * exact:.1f}")
                rows.append((product, policy, *figures, ""))
            except real.ProductMissing as problem:
                rows.append((product, policy, "-", "-", "-", str(problem)))
    columns = ["cache", "policy", "items at the end", "hit ratio (%)", "LRU of that size, by formula (%)", "note"]
    return table(pd.DataFrame(rows, columns=columns), caption=f"9,000 requests for 5,000 pages, {megabytes} MB each")


def crowd(readers: int = 500, within_s: float = 0.3, seed: int = 1) -> Workload:
    """*readers* of one page, evenly spread over *within_s* seconds; to make the page takes 50 ms."""
    arrival_s = np.linspace(0.0, within_s, readers)
    same = np.zeros(readers)
    return Workload(arrival_s, same + WORK_S, same, same + 1000, uniform_luck(readers, seed))


@dataclass(frozen=True)
class Stampede:
    """What the readers saw, and when the database was asked for the page and had it (seconds from the first reader)."""

    protection: str
    trace: Trace
    offered: Workload
    expires_s: float
    made: list[tuple[float, float]]

    @property
    def peak(self) -> int:
        """The longest queue at the database, those at work counted."""
        return int(self.queue()["computations"].max())

    def queue(self) -> pd.DataFrame:
        """Computations at the database over time: columns second and computations."""
        made = np.array(self.made).reshape(-1, 2)
        at = np.linspace(-0.05, max(1.0, float(made.max(initial=0.0)) + 0.1), 300)
        inside = np.searchsorted(np.sort(made[:, 0]), at, "right") - np.searchsorted(np.sort(made[:, 1]), at, "right")
        return pd.DataFrame({"second": at, "computations": inside})


class Behind:
    """A running cache and database, for any number of stampedes; ends with its ``with`` block."""

    def __init__(self, product: str = "minisys") -> None:
        self.stack = ExitStack()
        try:
            self.cache = self.stack.enter_context(running(product, "lru", 8))
            self.client = self.stack.enter_context(self.cache.client())
            words = ("--workers", str(WORKERS), "--name", "database")
            self.database = self.stack.enter_context(nodes.start("minisys.caching.database", *words, name="database"))
        except BaseException:
            self.stack.close()
            raise

    def __enter__(self) -> Behind:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def put(self, left_s: float) -> None:
        """The page as a front keeps it, fresh for *left_s* seconds more; one clock for all of this machine."""
        self.client.set("0", json.dumps([WORK_S, time.monotonic() + left_s, "the old page\n"]).encode())

    def made(self, began_s: float) -> list[tuple[float, float]]:
        """When pages were asked for and made, in seconds from *began_s* on; and forget it."""
        counts = f"http://127.0.0.1:{self.database.admin_port}/counts"
        made = [(asked_s - began_s, done_s - began_s) for asked_s, done_s in json.loads(nodes.ask("GET", counts))]
        nodes.ask("POST", counts)
        return made

    def stampede(
        self, protection: str, *, readers: int = 500, within_s: float = 0.3, expires_s: float = 0.0, seed: int = 1
    ) -> Stampede:  # fmt: skip
        """*readers* ask within *within_s* seconds for a page that expires at *expires_s* (0: it is too old already).

        A front of its own, with *protection*, stands before cache and database. ValueError for an unknown protection.
        """
        rule(protection)
        places = ("--cache", f"127.0.0.1:{self.cache.port}", "--database", self.database.url, "--ttl", str(TTL_S))
        offered, began = crowd(readers, within_s, seed), list[float]()

        def begin() -> None:
            began.append(time.monotonic())
            if expires_s > 0:
                self.put(expires_s)

        with nodes.start("minisys.caching.front", *places, "--protect", protection, name="front") as front:
            self.put(TTL_S if expires_s > 0 else -0.01)
            trace = load(front.url, offered, at=[(0.0, begin)], progress=False)
        return Stampede(protection, trace, offered, expires_s, self.made(began[0]))


def stampede_chart(runs: list[Stampede]) -> alt.LayerChart:
    """The database's queue over time in each of *runs*."""
    frame = pd.concat([run.queue().assign(protection=run.protection) for run in runs])
    readers = len(runs[0].trace)
    title = f"{readers:,} readers of a page that expires: the queue at the database"
    return charts.over_time(
        frame, y="computations", by="protection", title=title, y_title="pages being made, or waiting"
    )


def in_the_model(run: Stampede) -> int:
    """How often the same readers have the page made in the model."""
    old = {0: Copy(WORK_S, run.expires_s)}
    made = stampede_model.simulate(run.protection, run.offered, ttl_s=TTL_S, workers=WORKERS, kept=old)
    return len(made.computations)


def stampede_table(runs: list[Stampede]) -> Table:
    """For each run: pages made (and in the model for the same readers), the longest queue, and what readers saw."""
    rows = []
    for run in runs:
        p50_s, p99_s = run.trace.percentiles((50, 99))
        row = (run.protection, len(run.made), in_the_model(run), run.peak)
        rows.append((*row, round(1000 * p50_s), round(1000 * p99_s), run.trace.count("ok")))
    columns = ["protection", "pages made", "in the model", "longest queue", "p50 (ms)", "p99 (ms)", "readers served"]
    return table(pd.DataFrame(rows, columns=columns), caption="One page expires while everybody reads it")


def stampedes(product: str = "minisys") -> list[Stampede]:
    """One live stampede under each protection: 600 readers in a second, the page expires after 0.5 s.

    *product*: the cache, ours or one of real.PRODUCTS. Raises real.ProductMissing if it is not installed.
    """
    with Behind(product) as behind:
        return [behind.stampede(name, readers=600, within_s=1.0, expires_s=0.5) for name in RULES]


def in_words(runs: list[Stampede]) -> str:
    """One line that must hold on every machine: how often the page was made where one is promised, who was served."""
    made = {run.protection: len(run.made) for run in runs}
    served = "everybody was served" if all(run.trace.count("ok") == len(run.trace) for run in runs) else "some failed"
    ones = ", ".join(f"{name}: {made[name]}" for name in made if name not in ("none", "xfetch"))
    many = "many more" if made.get("none", 2) > 10 else "few"
    return f"pages made: {ones}; with no protection {many}; {served}"
