"""What chapter 04 shows of hit ratios: one function per picture; what goes wrong beside a database is in incidents.py.

"Would twice the memory help, or another policy?" Move a slider and see. Each function runs the policies on
the same requests for everybody and draws one chart or table.

Promised: every figure is simulated or computed when the cell runs. Not promised: what real memory adds to a key;
experiments.py measures that.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.caching import curves, theory
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Zipf, stream

SEEDS = range(5)
KEYS = 5_000
VISITS = 3_200  # requests from one visit of the robot to the next
LENGTH, STEP = 9_600, 640  # requests in the explorer, and for each point of its lines
COMPARED = ("fifo", "lru", "clock", "lfu", "sieve", "s3-fifo", "w-tinylfu")
TRACES = ("popular pages", "with scans", "a loop", "new favourites")


@lru_cache(maxsize=16)
def pages(n: int, skew: float, scan: float = 0.0, seed: int = 1, keys: int = KEYS) -> tuple[int, ...]:
    """*n* requests for *keys* pages, Zipf with *skew*; a share *scan* of them is a robot that reads all others once.

    The robot comes every 3,200 requests and stays for its share of them; its pages are never asked for again.
    """
    drawn = Zipf(keys, skew or 1e-9).sample(n, stream(seed, "keys"))
    within = np.arange(n) % VISITS
    robot = (within >= 0.4 * VISITS) & (within < (0.4 + scan) * VISITS)
    return tuple(np.where(robot, keys + np.arange(n), drawn).tolist())


@lru_cache(maxsize=64)
def _found(name: str, size: int, skew: float, scan: float) -> np.ndarray:
    """Hits of one policy in steps of STEP requests, the first third left out: the cache is not full yet."""
    trace = pages(LENGTH, skew, scan)
    return curves.hits(curves.made(name, trace, size), trace, size)[VISITS:].reshape(-1, STEP).mean(axis=1)


def hit_ratio_at(policy: str, size: int, skew: float, scan: int) -> tuple[alt.LayerChart, str]:
    """Hit ratio over time of *policy*, LRU and the optimum; and in words. *size* in items, *scan* in percent."""
    names = list(dict.fromkeys((policy, "lru", "belady")))
    frames = []
    for name in names:
        found = _found(name, size, skew, scan / 100)
        at = VISITS + STEP * np.arange(1, len(found) + 1)
        said = "the optimum" if name == "belady" else name
        frames.append(pd.DataFrame({"request": at, "hit_ratio": found, "kind": said}))
    frame = pd.concat(frames)
    mean = frame.groupby("kind")["hit_ratio"].mean()
    caption = ", ".join(f"{name} {100 * mean[name]:.1f} %" for name in dict.fromkeys(frame["kind"]))
    chart = charts.lines(
        frame, x="request", y="hit_ratio", by="kind", title="Share of requests answered by the cache",
        x_title="requests so far", y_title="hit ratio",
    )  # fmt: skip
    return chart, f"Hit ratio: {caption}."


def hit_ratio_explorer() -> Explorer:
    """Sliders for size, skew and scans; the chosen policy beside LRU and Belady's optimum."""
    return explorer(
        hit_ratio_at,
        title=f"{LENGTH:,} requests for {KEYS:,} pages",
        policy=choice([*curves.POLICIES], "sieve", "policy"),
        size=slider(50, 2_000, 50, 500, "room in the cache", "items"),
        skew=slider(0.4, 1.4, 0.05, 0.9, "skew of the popularity"),
        scan=slider(0, 50, 5, 0, "requests of a robot", "%"),
    )


def loss_table(rate_per_s: float = 1_000.0, cache_s: float = 0.001, database_s: float = 0.02) -> Table:
    """What a hit ratio does to latency and database, and what losing the cache does: arithmetic, no simulation."""
    rows = [
        (ratio, 1000 * theory.mean_latency_s(ratio, cache_s, database_s), theory.database_load(rate_per_s, ratio),
         theory.load_without_cache(ratio))
        for ratio in (0.5, 0.8, 0.9, 0.95, 0.99)
    ]  # fmt: skip
    columns = ["hit ratio", "mean latency (ms)", "reads a second at the database", "times that when the cache is lost"]
    said = f"{rate_per_s:,.0f} reads a second; cache {1000 * cache_s:g} ms, database {1000 * database_s:g} ms"
    return table(pd.DataFrame(rows, columns=columns), caption=said)


def che_rows(n: int = 1_000_000, keys: int = 10_000) -> pd.DataFrame:
    """Formula and simulation of *n* requests (and a fifth more to warm up) for LRU and FIFO, at five settings."""
    rows = []
    for skew, size in ((0.8, 100), (0.8, 1000), (1.0, 100), (1.0, 1000), (1.0, 2000)):
        shares, warm = theory.zipf(keys, skew), n // 5
        drawn = Zipf(keys, skew).sample(n + warm, stream(7, f"che {skew}"))
        distance = curves.stack_distances(drawn)[warm:]
        lru = float(((distance > 0) & (distance <= size)).mean())
        fifo = float(curves.hits(curves.made("fifo", (), size), drawn.tolist(), size)[warm:].mean())
        for kind, found in (("lru", lru), ("fifo", fifo)):
            exact = theory.che(shares, size, kind).hit_ratio
            rows.append((kind, skew, size, exact, found, 100 * abs(found / exact - 1)))
    return pd.DataFrame(rows, columns=["policy", "skew", "room (items)", "formula", "simulated", "difference (%)"])


def che_table() -> Table:
    """Che's approximation beside a million simulated requests, with the difference."""
    made = che_rows()
    made["difference (%)"] = made["difference (%)"].round(2)
    return table(made, caption="10,000 keys, 1,000,000 requests")


def three_worlds(measured: pd.DataFrame | None = None, prediction: object = None) -> alt.LayerChart:
    """LRU's hit ratio by room in three worlds, for the popular pages of measured(): formula, simulation, real caches.

    *measured*: columns items and hit_ratio. *prediction*: the reader's hit ratio in percent at a tenth of the keys.
    """
    sizes = np.unique(np.geomspace(50, 3_000, 25).astype(int))
    exact = [theory.che(theory.zipf(KEYS, 0.9), int(size)).hit_ratio for size in sizes]
    frames = []
    for seed in SEEDS:
        drawn = np.array(pages(60_000, 0.9, seed=seed))
        distance = curves.stack_distances(drawn)[20_000:]
        ratios = [float(((distance > 0) & (distance <= size)).mean()) for size in sizes]
        frames.append(pd.DataFrame({"items": sizes, "hit_ratio": ratios}))
    guess = float(prediction) / 100 if isinstance(prediction, int | float) else None
    return charts.three_worlds(
        predicted=pd.DataFrame({"items": sizes, "hit_ratio": exact}), simulated=pd.concat(frames), measured=measured,
        x="items", y="hit_ratio", prediction=(KEYS / 10, guess), title="How much a cache of pages helps (LRU)",
        x_title="room in the cache (items)", y_title="hit ratio",
    )  # fmt: skip


@lru_cache(maxsize=8)
def trace_of(kind: str, n: int = 40_000, seed: int = 1) -> tuple[int, ...]:
    """Requests of one *kind* (TRACES): Zipf; the same with a robot; a loop over all; favourites that change.

    Raises ValueError for another kind.
    """
    if kind not in TRACES:
        raise ValueError(f"unknown trace {kind!r}; known: {', '.join(TRACES)}")
    if kind == "a loop":
        return tuple(np.resize(np.arange(KEYS // 4), n).tolist())
    drawn = np.array(pages(n, 0.9, 0.25 if kind == "with scans" else 0.0, seed))
    shift = (np.arange(n) // (n // 8)) * 611 if kind == "new favourites" else 0
    return tuple(((drawn + shift) % KEYS if kind == "new favourites" else drawn).tolist())


def no_best_policy(size: int = 500) -> alt.LayerChart:
    """Hit ratio in percent of each policy on each of TRACES, in a cache of *size* items."""
    rows = []
    for kind in TRACES:
        trace = trace_of(kind)
        for name in (*COMPARED, "belady"):
            found = 100 * curves.hits(curves.made(name, trace, size), trace, size).mean()
            rows.append((kind, "the optimum" if name == "belady" else name, round(float(found), 1)))
    frame = pd.DataFrame(rows, columns=["trace", "policy", "hit_percent"])
    title = f"Hit ratio (%) in a cache of {size} items"
    return charts.heat(frame, x="trace", y="policy", value="hit_percent", title=title, x_title="", y_title="")


def curve_chart(names: Sequence[str] = ("fifo", "lru", "sieve", "s3-fifo", "belady")) -> alt.LayerChart:
    """Miss ratio by size of several policies, on the trace with scans."""
    keys, sizes = np.array(trace_of("with scans")), np.unique(np.geomspace(50, 4_000, 10).astype(int)).tolist()
    frames = [curves.curve(name, keys, sizes).assign(policy=name) for name in names]
    frame = pd.concat(frames).replace({"policy": {"belady": "the optimum"}})
    return charts.lines(
        frame, x="size", y="miss_ratio", by="policy", title="What more room would buy (a robot reads along)",
        x_title="room in the cache (items)", y_title="miss ratio", log_x=True,
    )  # fmt: skip
