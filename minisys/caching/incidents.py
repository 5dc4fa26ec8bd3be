"""What chapter 04 shows of caches beside a database: restarts, crashes, stale answers, stampedes, hot and missing keys.

The hit ratio was 95 % for a year, and then the cache was restarted at noon. Each function runs a model of this room on
the same requests with several seeds and draws one chart or table.

Promised: every figure is simulated when the cell runs. Not promised: real time; the stampede over real sockets is in
experiments.py.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from minisys.caching import model, stampede_model, tiers
from minisys.caching.stampede import RULES
from minisys.testbed import charts
from minisys.testbed.tables import Table, table
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Deterministic, Exponential, HotSet, Poisson, Workload, Zipf, workload

SEEDS = range(5)


def bad_day(restart_s: float = 20.0) -> alt.LayerChart:
    """Slowest 1 % by the second, while the cache is restarted empty at *restart_s*; 5 seeds."""
    days = [
        workload(14_000, arrivals=Poisson(400.0), work=Exponential(0.02), keys=Zipf(3_000, 1.1), seed=seed)
        for seed in SEEDS
    ]

    def run(day: Workload, crash_s: float | None) -> Trace:
        made = model.simulate(
            "cache-aside", day, write_share=0.0, capacity=3_000, ttl_s=None, workers=3, crash_s=crash_s
        )
        return made.trace[int(np.searchsorted(day.arrival_s, restart_s / 2)) :]  # it was warm when the day began

    runs = {"restarted": [run(day, restart_s) for day in days], "left alone": [run(day, None) for day in days]}
    title = "The cache is restarted: how long the slowest 1 % of page views take"
    return charts.over_time(runs, events={restart_s: "cache restarted"}, title=title, step_s=2.0)


def shop_day(seed: int, n: int = 8_000) -> Workload:
    """*n* reads and writes of 2,000 products at 400 a second; the database needs 5 ms on average."""
    return workload(n, arrivals=Poisson(400.0), work=Exponential(0.005), keys=Zipf(2_000, 0.9), seed=seed)


def patterns_table(crash_s: float | None = 10.5) -> Table:
    """Every pattern on the same 8,000 requests, one in ten a write, with a crash of the cache; means of 5 seeds."""
    rows = model.compare([shop_day(seed) for seed in SEEDS], crash_s=crash_s, ttl_s=5.0)
    made = rows.drop(columns="seed").groupby("pattern", sort=False).mean().reset_index()
    made["read (ms)"], made["write (ms)"] = 1000 * made.pop("read_s"), 1000 * made.pop("write_s")
    crash = f", the cache dies at {crash_s:g} s" if crash_s is not None else ""
    return table(made.round(4), caption=f"8,000 requests in 20 s, 10 % writes, 5 s to live{crash}: means of 5 runs")


def readers(seed: int, rate_per_s: float = 500.0, for_s: float = 12.0) -> Workload:
    """Readers of one page: *rate_per_s* a second for *for_s* seconds; to make the page takes 50 ms."""
    n = int(rate_per_s * for_s)
    day = workload(n, arrivals=Poisson(rate_per_s), work=Deterministic(0.05), seed=seed)
    return Workload(day.arrival_s, day.work_s, np.zeros(n), day.size, day.luck)


def stampede_chart(seed: int = 1) -> alt.LayerChart:
    """Computations at the database, waiting or at work, under each protection; the page expires every 2 s."""
    frames = [
        stampede_model.simulate(name, readers(seed, for_s=7.0), ttl_s=2.0, workers=2).queue().assign(protection=name)
        for name in RULES
    ]
    frame = pd.concat(frames).rename(columns={"time_s": "second"})
    title = "One page expires every 2 s: copies of it being made at once"
    return charts.over_time(
        frame, y="computations", by="protection", title=title, y_title="pages being made, or waiting"
    )


def stampede_rows() -> pd.DataFrame:
    """Per protection and seed: computations for each time the page expired, stale answers, p99 and p99.9."""
    rows = []
    for name in RULES:
        for seed in SEEDS:
            run = stampede_model.simulate(name, readers(seed), ttl_s=2.0, workers=2)
            expiries = run.trace.span_s / 2.0
            p99_s, worst_s = run.trace.percentiles((99, 99.9))
            share = 100 * run.stale / len(run.trace)
            rows.append((name, len(run.computations) / expiries, share, 1000 * p99_s, 1000 * worst_s))
    columns = ["protection", "computations an expiry", "stale answers (%)", "p99 (ms)", "p99.9 (ms)"]
    return pd.DataFrame(rows, columns=columns)


def stampede_table() -> Table:
    """The protections side by side, means of 5 seeds."""
    made = stampede_rows().groupby("protection", sort=False).mean().reset_index()
    return table(made.round(3), caption="500 readers a second of one page, 50 ms to make it, 2 s to live: 5 runs")


def hot_key() -> alt.LayerChart:
    """The busiest of ten cache nodes' share of the requests when 30 % of them are for one key, and three cures."""
    cures: dict[str, dict] = {
        "nothing done": {}, "8 copies": {"hot": [0], "copies": 8},
        "local tier, 1 s": {"local_items": 100, "local_ttl_s": 1.0},
        "both": {"hot": [0], "copies": 8, "local_items": 100},
    }  # fmt: skip
    rows = []
    for name, cure in cures.items():
        for seed in SEEDS:
            offered = workload(
                20_000, arrivals=Poisson(5_000.0), work=Deterministic(0.001), keys=HotSet(20_000, 1, 0.3), seed=seed
            )
            rows.append((name, max(tiers.cluster(offered, **cure).answered.values()) / offered.arrival_s[-1]))
    frame = pd.DataFrame(rows, columns=["cure", "requests_per_s"])
    title = "One key gets 30 % of 5,000 requests a second: the busiest of ten nodes"
    return charts.dots(
        frame, x="requests_per_s", y="cure", title=title, x_title="requests a second at the busiest node", sort=False
    )  # fmt: skip


def missing_table() -> Table:
    """A robot asks for 50 products that are not there, a fifth of all requests: with and without remembering "none"."""
    rows = []
    for kept in (None, 5.0):
        for seed in SEEDS:
            day = shop_day(seed)
            absent = 2_000 + np.floor(day.luck * 250).astype(int)  # 50 different ones for the fifth below
            keys = np.where(day.luck < 0.2, absent, day.key)
            offered = Workload(day.arrival_s, day.work_s, keys, day.size, day.luck)
            found = tiers.missing_keys(offered, existing=2_000, negative_ttl_s=kept)
            rows.append(("no" if kept is None else f"{kept:g} s", found.for_existing, found.for_missing))
    columns = ["'not there' is remembered", "database reads of products", "database reads of nothing"]
    made = pd.DataFrame(rows, columns=columns).groupby(columns[0], sort=False).mean().reset_index()
    return table(made, caption="8,000 requests, one in five for a product that does not exist: means of 5 runs")
