"""Four ways in which the monitoring of chapter 11 misled, each beside what was true.

A mean, an average of percentiles, a benchmark that waited, buckets that were too wide. One function for each picture;
alerts are in explore_alerts.py.

Promised: every figure is computed when the cell runs, from seeded latencies. Not here: live processes.
"""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.observability import metrics
from minisys.observability.histograms import PROMETHEUS, Classic, Exponential
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.marks import duration
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import stream

QUANTILES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
TICKS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
EDGES = {
    "14, the client library's": PROMETHEUS,
    "4 (0.1, 1, 5, 10 s)": (0.1, 1.0, 5.0, 10.0),
    "8 around 0.3 s": (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.6),
}
SERVERS, REQUESTS, NORMAL_S = 10, 20_000, 0.05


@lru_cache(maxsize=64)
def latencies(sigma: float, count: int = 20_000, seed: int = 1) -> np.ndarray:
    """*count* latencies around 80 ms; *sigma*: the standard deviation of their logarithm. Sorted; do not change it."""
    made = np.sort(stream(seed, "latencies").lognormal(np.log(0.08), sigma, count))
    made.flags.writeable = False
    return np.asarray(made)


def buckets_at(edges: str, scale: int, spread: float) -> tuple[alt.LayerChart, str]:
    """How far the percentiles that two histograms estimate are from the true ones, in percent.

    *edges*: one of EDGES, for the classic histogram; *scale* of the exponential one; *spread*: sigma of the latencies.
    """
    values = latencies(spread)
    true = np.quantile(values, QUANTILES)
    classic, exponential = Classic.of(values, EDGES[edges]), _exponential(spread, scale)
    used = f"exponential, scale {exponential.scale}"  # it may have taken a coarser one than was asked
    made: dict[str, Classic | Exponential] = {"classic": classic, used: exponential}
    rows = [
        {"tail": -np.log10(1 - q), "error_percent": 100 * (each.quantile(q) / real - 1), "what": name}
        for name, each in made.items()
        for q, real in zip(QUANTILES, true, strict=True)
    ]
    chart = charts.lines(
        pd.DataFrame(rows), x="tail", y="error_percent", by="what", title="What the estimate adds to the truth",
        x_title="percentile", y_title="error of the estimate (%)",
    )  # fmt: skip
    written = "format(100 * (1 - pow(10, -datum.value)), '.3~r') + ' %'"
    axis = alt.Axis(values=[float(-np.log10(1 - q)) for q in TICKS], labelExpr=written)
    for layer in chart.layer:
        layer.encoding.x.axis = axis
    low, high = classic.bounds(0.99)
    span = f"between {duration(low)} and {duration(high)}" if np.isfinite(high) else f"above {duration(low)}"
    said = (
        f"The 99th percentile is {duration(true[QUANTILES.index(0.99)])}. The classic histogram knows that it is "
        f"{span} and says {duration(classic.quantile(0.99))}; the exponential one, at scale {exponential.scale} with "
        f"{len(exponential.counts)} buckets, is at most {100 * exponential.error:.1f} % off."
    )
    return chart, said


@lru_cache(maxsize=64)
def _exponential(spread: float, scale: int) -> Exponential:
    return Exponential.of(latencies(spread), scale)


def buckets_explorer() -> Explorer:
    """Controls for the edges, the scale and the spread of the latencies."""
    return explorer(
        buckets_at,
        title="20,000 latencies in buckets: how wrong is the percentile?",
        edges=choice(list(EDGES), label="classic edges"),
        scale=slider(0, 6, 1, 3, "exponential scale"),
        spread=slider(0.2, 1.4, 0.1, 0.8, "spread of latencies"),
    )


@lru_cache(maxsize=256)
def fleet(slow_percent: int, factor: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Latencies of ten servers; the last is *factor* times as slow and gets *slow_percent* of the requests."""
    rng = stream(seed, "fleet")
    slow = max(20, REQUESTS * slow_percent // 100)
    each = (REQUESTS - slow) // (SERVERS - 1)
    made = {f"server {i}": rng.exponential(NORMAL_S, each) for i in range(1, SERVERS)}
    return made | {f"server {SERVERS}": rng.exponential(NORMAL_S * factor, slow)}


def averaged(slow_percent: int = 4, factor: int = 20, q: float = 0.99) -> pd.DataFrame:
    """The fleet's percentile as four dashboards would show it: columns what, latency_s."""
    rows = metrics.averaged_percentile(fleet(slow_percent, factor), q).tail(4)
    mean = float(np.mean(np.concatenate(list(fleet(slow_percent, factor).values()))))
    first = pd.DataFrame([{"what": "mean of all requests", "latency_s": mean}])
    return pd.concat([first, rows[["what", "latency_s"]]], ignore_index=True)


def averaging_at(slow: int, factor: int, percentile: str) -> tuple[alt.LayerChart, str]:
    """The percentile of a fleet as dashboards show it, one server being slow."""
    frame = averaged(slow, factor, float(percentile) / 100)
    chart = charts.dots(
        frame, x="latency_s", y="what", title=f"The {percentile}th percentile of ten servers, as dashboards show it",
        sort=False, log_x=True, x_title="latency (s)",
    )  # fmt: skip
    value = frame.set_index("what")["latency_s"]
    true, shown = value["percentile of all requests"], value["mean of the percentiles"]
    off = f"{100 * (shown / true - 1):+.0f}".replace("-", "−")
    return chart, f"All requests: {duration(true)}. Mean of the percentiles: {duration(shown)}, off by {off} %."


def averaging_explorer() -> Explorer:
    """Controls for the slow server's share and slowness."""
    return explorer(
        averaging_at,
        title="Ten servers, one of them slow: what does the dashboard say?",
        slow=slider(0, 30, 1, 4, "to the slow one", "%"),
        factor=slider(1, 40, 1, 20, "times as slow"),
        percentile=choice(["50", "90", "95", "99"], "99", "percentile"),
    )


def omission_table(stall_s: float = 10.0) -> Table:
    """One stall in a minute of requests, as users saw it and as a benchmark that waits for its answers recorded it."""
    args = (100.0, 0.01, 20.0, stall_s, 60.0)
    made = {
        "users, who come on time": metrics.open_loop(*args),
        "a benchmark that waits": metrics.closed_loop(*args),
        "the same, corrected": metrics.corrected(metrics.closed_loop(*args), 1 / args[0]),
    }
    rows = [
        {"who recorded": name, "samples": len(v), "mean (s)": float(v.mean()), "p50 (s)": float(np.quantile(v, 0.5)),
         "p90 (s)": float(np.quantile(v, 0.9)), "p99 (s)": float(np.quantile(v, 0.99)), "max (s)": float(v.max())}
        for name, v in made.items()
    ]  # fmt: skip
    said = f"100 requests a second for a minute, 10 ms each; the server stands still for {stall_s:g} s"
    return table(pd.DataFrame(rows), caption=said)


def sampled_table(every_s: tuple[float, ...] = (1.0, 15.0, 60.0, 300.0)) -> Table:
    """A load that is at 100 % for 20 s in every 5 minutes, as gauges show it that are read at different intervals."""
    second = np.arange(3_600)
    busy = np.where(second % 300 >= 280, 100.0, 30.0)
    rows = []
    for each in every_s:
        looks = busy[:: int(each)]
        averages = busy.reshape(-1, int(each)).mean(axis=1)
        rows.append({
            "read every (s)": int(each), "gauge: highest seen (%)": float(looks.max()),
            "gauge: share of looks at 100 %": float((looks == 100).mean() * 100),
            "averaged over it: highest (%)": float(averages.max()),
        })  # fmt: skip
    return table(pd.DataFrame(rows), caption="A processor at 100 % for 20 s in every 5 min, else at 30 %; an hour")
