"""Latency, throughput, utilisation, concurrency: four words for load, and the law that ties them.

A dashboard shows 200 requests a second, 50 ms and 31 requests inside. One of the three is wrong, and no formula of
queueing is needed to see it: inside = throughput x latency, whatever the arrivals, the policy or the service.

Promised: "inside" is counted over time, apart from the latencies, so that the law can fail if a trace is wrong. Not
promised: that a short run is a typical one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from minisys.testbed.simulation import Server, simulate
from minisys.testbed.tables import Table, table
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Exponential, Poisson, workload

SERVICE_S, WORKERS = 0.02, 4


def mean_inside(trace: Trace) -> float:
    """Requests inside, counted at every moment at which one comes or goes, and averaged over time.

    Raises ValueError if a request never finished: then nobody knows how long it was inside.
    """
    frame = trace.frame
    if frame["finished_s"].isna().any():
        raise ValueError(f"{int(frame['finished_s'].isna().sum())} requests never finished; count those that did")
    came, gone = np.sort(frame["sent_s"].to_numpy()), np.sort(frame["finished_s"].to_numpy())
    at = np.sort(np.r_[came, gone])
    inside = np.searchsorted(came, at[:-1], "right") - np.searchsorted(gone, at[:-1], "right")
    return float((inside * np.diff(at)).sum() / (at[-1] - at[0]))


def littles_law(traces: Mapping[str, Trace]) -> Table:
    """Mean number inside (counted over time) beside rate times latency, for each of *traces*: Little's law."""
    rows = []
    for name, trace in traces.items():
        frame = trace.frame
        rate, stay_s = len(frame) / trace.span_s, float((frame["finished_s"] - frame["sent_s"]).mean())
        rows.append((name, mean_inside(trace), rate, stay_s, rate * stay_s))
    columns = ["run", "inside, counted", "requests_per_s", "latency_s", "rate x latency"]
    return table(pd.DataFrame(rows, columns=columns), caption="Little's law: inside = rate x latency")


def busy_server(load: float, n: int = 60_000, seed: int = 1) -> Trace:
    """A server with WORKERS workers, each busy a share *load* of the time; service takes SERVICE_S on average."""
    offered = workload(n, arrivals=Poisson(load * WORKERS / SERVICE_S), work=Exponential(SERVICE_S), seed=seed)
    return simulate(offered, lambda env, rng: Server(env, "server", workers=WORKERS))


def four_words(loads: tuple[float, ...] = (0.5, 0.8, 0.95)) -> Table:
    """Throughput, utilisation, latency (mean, median, p99) and concurrency of one server at several loads."""
    rows = []
    for load in loads:
        trace = busy_server(load)
        frame = trace.frame
        busy = float((frame["finished_s"] - frame["started_s"]).sum()) / (WORKERS * trace.span_s)
        mean_s, (p50_s, p99_s) = float(trace.latency_s.mean()), trace.percentiles((50, 99))
        rows.append((trace.throughput_per_s, 100 * busy, 1000 * mean_s, 1000 * p50_s, 1000 * p99_s, mean_inside(trace)))
    columns = ["throughput_per_s", "utilisation_percent", "mean_ms", "p50_ms", "p99_ms", "requests inside"]
    caption = f"One server, {WORKERS} workers, {1000 * SERVICE_S:.0f} ms of service on average"
    return table(pd.DataFrame(rows, columns=columns), caption=caption)
