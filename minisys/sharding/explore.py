"""What chapter 07 shows of sharded stores in virtual time: hot keys, fan-out, secondary indexes.

The tenth shard is at 100 % and the other nine are bored; the report that asks all shards is slow every second time. One
function for each picture; rings are in explore_ring.py, transactions and moving data in explore_writes.py.

Promised: every figure is simulated or computed when the cell runs, over five seeds where things are compared.
Not promised: real time; the live cluster is in experiments.py.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from minisys.sharding import fast, scatter, theory
from minisys.sharding.cures import CURES
from minisys.testbed import charts, style, words
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.marks import duration
from minisys.testbed.playback import Playback, playback
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Exponential, HotSet, Poisson, Workload, Zipf, stream, workload

SEEDS = range(5)
RATE_PER_S, WORK_S = 4_000.0, 0.001  # of the hot key: four shards' worth of work for ten
BUSY = "work that comes (% of its time)"


@lru_cache(maxsize=64)
def hot_day(share: float, n: int = 20_000, seed: int = 1) -> Workload:
    """*n* requests at 4,000 a second for 20,000 keys, one of which gets a *share* of them; 1 ms of work each."""
    keys = HotSet(20_000, 1, share)
    return workload(n, arrivals=Poisson(RATE_PER_S), work=Exponential(WORK_S), keys=keys, seed=seed)


# A hot key


def hot_at(share: int, shards: int, writes: int, cure: str) -> tuple[alt.LayerChart, str]:
    """Bars: how busy each server is, the busiest first, with *cure* and without; *share* and *writes* in percent."""
    offered, frames, said = hot_day(share / 100, 4_000), [], []
    for name in dict.fromkeys(("nothing", cure)):
        made = fast.simulate(name, offered, shards=shards, write_share=writes / 100)
        busy = sorted((100 * work / offered.arrival_s[-1] for work in made.work_s.values()), reverse=True)
        frames.append(pd.DataFrame({"rank": np.arange(1, len(busy) + 1), "busy_percent": busy, "kind": name}))
        p99_s = made.trace.percentile(99)
        said.append(f"{name}: the busiest server is asked for {busy[0]:.0f} % of its time, p99 {duration(p99_s)}")
    return _bars(pd.concat(frames)), "; ".join(said) + "."


def _bars(frame: pd.DataFrame) -> alt.LayerChart:
    """A bar a server, side by side for each cure in column kind, and a dashed line where a server is full."""
    names, title = list(dict.fromkeys(frame["kind"])), "How busy each server is, the busiest first"
    y = alt.Y("busy_percent:Q", title=BUSY)
    legend = alt.Legend() if len(names) > 1 else None
    colours = alt.Scale(domain=names, range=[look.colour for look in style.looks(names)])
    bars = alt.Chart(frame).mark_bar().encode(
        x=alt.X("rank:O", title="servers, the busiest first", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        y=y, xOffset=alt.XOffset("kind:N", sort=names), color=alt.Color("kind:N", scale=colours, legend=legend),
    )  # fmt: skip
    ink = style.PALETTE["ink"]
    full = alt.Chart(pd.DataFrame({"busy_percent": [100], "says": ["full: above it the line only grows"]})).encode(y=y)
    rule = full.mark_rule(strokeDash=[5, 4], color=ink)
    edges: tuple[dict[str, Any], ...] = (
        {"stroke": "white", "strokeWidth": 4},
        {},
    )  # white behind the word: bars may stand there
    word = [
        full.mark_text(align="right", dy=-8, fontSize=12, color=ink, **edge).encode(x=alt.value("width"), text="says:N")
        for edge in edges
    ]
    found = words.of_lines(frame, "rank", "busy_percent", "servers, the busiest first", BUSY)
    return alt.layer(bars, rule, *word).properties(width=style.WIDTH, title=title, description=f"{title}. {found}")


def hot_explorer() -> Explorer:
    """Controls for the hot key's share, the shards, the writes and the cure."""
    return explorer(
        hot_at,
        title="4,000 requests a second for 20,000 keys, 1 ms each: one of the keys is hot",
        share=slider(0, 60, 5, 30, "share of the hot key", "%"),
        shards=slider(5, 40, 1, 10, "shards"),
        writes=slider(0, 100, 5, 5, "requests that write", "%"),
        cure=choice([*CURES], "nothing", "cure"),
    )


def cures_table(share: float = 0.3) -> Table:
    """Every cure at 2 % and at 50 % of writes: the busiest server, p99, pieces of work a request, reads out of date."""
    days, frames = [hot_day(share, 8_000, seed) for seed in SEEDS], []
    for writes in (0.02, 0.5):
        made = fast.compare(days, write_share=writes).groupby("cure", sort=False).mean().reset_index()
        stale = 100 * made["stale"] / (8_000 * (1 - writes))
        frames.append(pd.DataFrame({
            "writes": f"{100 * writes:.0f} %", "cure": made["cure"], "busiest server (%)": 100 * made["busiest"],
            "p99 (ms)": 1000 * made["p99_s"], "pieces a request": made["pieces"], "stale reads (%)": stale,
        }))  # fmt: skip
    return table(pd.concat(frames), caption=f"One key gets {100 * share:.0f} % of 4,000 requests a second: 5 runs")


def hot_film(cure: str = "nothing") -> Playback:
    """120 requests for five shards as a film, when the line is long already; one key gets half of them."""
    day = workload(900, arrivals=Poisson(90.0), work=Exponential(0.02), keys=HotSet(500, 1, 0.5), seed=3)
    trace = fast.simulate(cure, day, shards=5, write_share=0.0).trace
    title = f"Half of the requests are for one key; cure: {cure}"
    return playback(trace, title=title, balancer="router", requests=120, start_s=4.0, drain=False)


def skew_chart(shards: int = 10, keys: int = 10_000) -> alt.LayerChart:
    """The busiest shard's share of the requests, by the skew of the popularity (Zipf).

    Predicted from the most popular key alone; the others fall as they fall: 40 placements, 20,000 requests each.
    """
    skews, rows = (0.0, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4), []
    for skew in skews:
        share = np.arange(1, keys + 1) ** -skew / (np.arange(1, keys + 1) ** -skew).sum()
        for seed in range(40):
            luck = stream(seed, "skew")
            asked = luck.multinomial(20_000, share)
            load = np.bincount(luck.integers(shards, size=keys), weights=asked, minlength=shards)
            rows.append((skew, 100 * load.max() / 20_000))
    exact = [100 * theory.hot_shard(theory.zipf_top(keys, skew), shards) for skew in skews]
    return charts.three_worlds(
        predicted=pd.DataFrame({"skew": skews, "busiest_percent": exact}),
        simulated=pd.DataFrame(rows, columns=["skew", "busiest_percent"]), x="skew", y="busiest_percent",
        title=f"The busiest of {shards} shards, by how unequal the keys are", x_title="skew of the popularity",
        y_title="requests at the busiest shard (%)", from_zero=True,
    )  # fmt: skip


# Asking all shards


@lru_cache(maxsize=2)
def _luck(n: int = 4_000, shards: int = 100) -> np.ndarray:
    """The smallest of the first 1, 2 … *shards* of uniform numbers, for each of *n* requests: who meets a slow one."""
    return np.minimum.accumulate(stream(7, "fan-out").random((n, shards)), axis=1)


def fan_out_at(slow: float, limit: int) -> tuple[alt.LayerChart, str]:
    """Requests (in percent) that meet a slow answer by the shards they ask; *slow*: percent of a shard's answers."""
    asked = np.unique(np.r_[1, np.linspace(limit / 10, limit, 10).round()].clip(1).astype(int))
    exact = [100 * theory.fan_out_tail(slow / 100, int(n)) for n in asked]
    seen = 100 * (_luck()[:, asked - 1] < slow / 100).reshape(5, -1, len(asked)).mean(axis=1)
    simulated = pd.DataFrame({"shards": np.tile(asked, 5), "slow_percent": seen.ravel()})
    chart = charts.three_worlds(
        predicted=pd.DataFrame({"shards": asked, "slow_percent": exact}), simulated=simulated, x="shards",
        y="slow_percent", title="Requests that wait for a slow answer", x_title="shards that a request asks",
        y_title="requests that wait (%)",
    )  # fmt: skip
    median = theory.fan_out_percentile(50, limit)
    said = (
        f"With {limit} shards {exact[-1]:.1f} % of the requests wait, and the users' median is a shard's "
        f"{median:.4g}th percentile."
    )
    return chart, said


def fan_out_explorer() -> Explorer:
    """Controls for how often a shard is slow and how many are asked."""
    return explorer(
        fan_out_at,
        title="A request is as slow as the slowest shard that it asks",
        slow=slider(0.1, 5.0, 0.1, 1.0, "slow answers", "%"),
        limit=slider(2, 100, 1, 100, "shards", "up to"),
    )


def index_table(shards: int = 10) -> Table:
    """Orders by customer on *shards* shards: the designs side by side, half of the requests queries; 5 runs."""
    days = [
        workload(4_000, arrivals=Poisson(800.0), work=Exponential(WORK_S), keys=Zipf(500, 0.7), seed=seed)
        for seed in SEEDS
    ]
    made = scatter.compare(days, shards=shards).groupby("design", sort=False).mean().reset_index()
    shown = pd.DataFrame({
        "design": made["design"], "query p50 (ms)": 1000 * made["query_p50_s"],
        "query p99 (ms)": 1000 * made["query_p99_s"], "write p99 (ms)": 1000 * made["write_p99_s"],
        "pieces a request": made["pieces"], "queries that missed an order (%)": 100 * made["missed"],
    })  # fmt: skip
    return table(shown, caption=f"800 requests a second, half of them queries, {shards} shards, 1 ms of work: 5 runs")
