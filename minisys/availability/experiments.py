"""A checkout whose parts fail and are mended while users ask, and a stall that one way of measuring does not see.

"We tested it, the slowest one in a hundred took 60 ms", says the report. The users say two seconds. Both measured the
same server: the test waited politely for each answer before it asked again, and so asked nothing while it was stuck.

Promised: real processes on 127.0.0.1, real requests through Locust, the same calendar of failures as the simulation.
Not promised: the same share tomorrow; the band says how far such short runs scatter.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from minisys.availability import explore, live, outages
from minisys.testbed import charts, nodes
from minisys.testbed.load import load
from minisys.testbed.marks import duration
from minisys.testbed.tables import Table, table
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Constant, Deterministic, workload

STALL_AT_S, STALL_S, RATE_PER_S = 1.0, 1.5, 250.0


def checkout_measured(seed: int = 3) -> pd.DataFrame:
    """One run of the checkout with one, two and three payment services; columns copies, availability, simulated (%)."""
    rows = []
    for copies in (1, 2, 3):
        service = explore.checkout(copies)
        plan = outages.calendar(service, explore.LIVE_FOR_S, mttr_s=explore.FAST_MTTR_S, seed=seed)
        seen = live.run(service, explore.visitors(), plan, progress=True)
        expected = outages.simulate(service, explore.visitors(), plan)
        rows.append((copies, 100 * seen.availability, 100 * expected.availability))
    return pd.DataFrame(rows, columns=["copies", "availability", "simulated"])


def same_calendar(measured: pd.DataFrame) -> Table:
    """The same requests and the same failures, simulated and measured."""
    shown = measured[["copies", "simulated", "availability"]].round(2).astype({"simulated": str, "availability": str})
    shown = shown.rename(columns={"simulated": "simulated (%)", "availability": "measured (%)"})
    return table(shown, caption="Requests served, with the same calendar of failures")


def stalled(users: int | None = None) -> Trace:
    """A server of 5 ms that is frozen for STALL_S seconds, under some RATE_PER_S requests a second, 1,000 in all.

    users: None sends each request at its moment, whatever became of the others (open loop); a number sends the next
    request of each user when the last one is answered (closed loop).
    """
    offered = workload(1000, arrivals=Constant(RATE_PER_S), work=Deterministic(0.005), seed=1)
    with nodes.start("minisys.testbed.backend", "--workers", "8", name="server") as server:
        stall = [(STALL_AT_S, server.pause), (STALL_AT_S + STALL_S, server.resume)]
        think_s = 0.0 if users is None else max(0.0, users / RATE_PER_S - 0.007)
        return load(server.url, offered, users=users, think_s=think_s, at=stall, progress=True)


def two_reports(open_loop: Trace, closed_loop: Trace) -> alt.LayerChart:
    """The same server and the same stall, as two ways of measuring report it."""
    runs = {"waits for each answer": closed_loop, "sends when users would": open_loop}
    return charts.percentile_curve(runs, title="One server, one stall, two reports")


def reports_table(open_loop: Trace, closed_loop: Trace) -> Table:
    """Median, p99 and slowest answer of the same stall, as two ways of measuring report it."""
    rows = [
        (name, len(trace), *(duration(s) for s in (*trace.percentiles((50, 99)), float(trace.latency_s.max()))))
        for name, trace in (("waits for each answer", closed_loop), ("sends when users would", open_loop))
    ]
    columns = ["the test", "requests", "p50", "p99", "slowest"]
    return table(pd.DataFrame(rows, columns=columns), caption="The same server, frozen for 1.5 s")


def reports_in_words(open_loop: Trace, closed_loop: Trace) -> str:
    """What share of the requests each report has above half a second, in words that compare exactly."""
    wrong, right = (float((trace.latency_s > 0.5).mean()) for trace in (closed_loop, open_loop))
    said = [f"{name}: {'fewer than 1' if share < 0.01 else 'more than 10' if share > 0.1 else 'some'} % above 0.5 s"
            for name, share in (("closed loop", wrong), ("open loop", right))]  # fmt: skip
    return "; ".join(said)
