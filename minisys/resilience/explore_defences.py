"""What chapter 10 lets the reader move of single defences: a fuse, a second copy, a wait with jitter.

"Five failures, thirty seconds" stands in every example of a breaker, and nobody knows why. Move it and see.

Promised: simulated when the slider moves, in a tenth of a second, with one seed (reads: three). The outage as a
whole: explore.py.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from minisys.resilience import cascades, fast, jitter, metastable
from minisys.resilience.breaker import Breaker
from minisys.resilience.chain import Trouble
from minisys.resilience.defences import Defences
from minisys.resilience.explore import CALLS, by_second
from minisys.resilience.hedging import Hedge
from minisys.resilience.hurts import one
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, explorer, slider
from minisys.testbed.tables import Table, table

# A fuse


def breaker_at(failures: int, open_s: float, fails: int) -> tuple[alt.LayerChart, str]:
    """A service fails *fails* percent of its calls from 10 s to 20 s; a breaker by count in front of it."""
    design = one(Defences(timeout_s=1.0, breaker=Breaker(failures, open_s)))
    trouble = Trouble("service", 10.0, 10.0, fails=fails / 100)
    run = fast.simulate(design, metastable.users(100.0, 1, 35.0), (trouble,), seed=1)
    frame = by_second(run).replace(CALLS, "calls that are sent")
    chart = charts.over_time(
        frame, y="rate", by="what", y_title="a second", title="What the breaker lets through, and what comes back",
        events={10.0: "it fails", 20.0: "well again"},
    )  # fmt: skip
    sent = (run.sent_s >= 10) & (run.sent_s < 20)
    came = (run.workload.arrival_s >= 10) & (run.workload.arrival_s < 20)
    good = 100 * run.goodput(10, 20)
    said = f"From 10 to 20 s {sent.sum()} of {came.sum()} calls are sent; {good:.0f} % of users are answered, "
    return chart, said + f"{100 - fails} % could be."


def breaker_explorer() -> Explorer:
    """Controls for the breaker, and for how much fails."""
    return explorer(
        breaker_at,
        title="100 calls a second, and ten seconds of trouble",
        failures=slider(1, 20, 1, 5, "failures in a row"),
        open_s=slider(0.5, 10.0, 0.5, 3.0, "stays open", "s"),
        fails=slider(10, 100, 10, 100, "calls that fail", "%"),
    )


# A second copy


def hedging_at(quantile: int, ratio: int, load: int) -> tuple[alt.LayerChart, str]:
    """Latency of 3 times 1,000 reads at *load* percent, alone and with a copy after the *quantile*th percentile."""
    hedge = Hedge(quantile / 100, ratio / 100)
    rate_per_s = load / 100 * 30 / 0.02
    rows, said, quantiles = [], [], (90, 95, 98, 99, 99.5, 99.9)
    for name, chosen in (("one copy", None), ("hedged", hedge)):
        runs = [
            fast.simulate(cascades.read(chosen), metastable.users(rate_per_s, seed, 1000 / rate_per_s), seed=seed)
            for seed in range(3)
        ]
        waits = np.mean([np.percentile(run.latency_s, quantiles) for run in runs], axis=0)
        rows += [(100 - q, wait, name) for q, wait in zip(quantiles, waits, strict=True)]
        calls = np.mean([run.amplification[0] for run in runs])
        said.append(f"{name}: p99 {1000 * waits[quantiles.index(99)]:.0f} ms, {calls:.2f} calls a read")
    chart = charts.lines(
        pd.DataFrame(rows, columns=["slower", "latency_s", "how"]), x="slower", y="latency_s", by="how",
        title="How slow the slowest reads are", x_title="share of reads that are slower (%)", y_title="latency (s)",
        log_x=True, log_y=True,
    )  # fmt: skip
    return chart, "; ".join(said) + "."


def hedging_explorer() -> Explorer:
    """Controls for when the copy follows, how many copies there may be, and the load."""
    return explorer(
        hedging_at,
        title="Reads of 20 ms on average, mostly 6, sometimes 200",
        quantile=slider(50, 99, 1, 95, "copy after percentile"),
        ratio=slider(0, 100, 5, 10, "copies at most", "%"),
        load=slider(10, 95, 5, 40, "load", "%"),
    )


# A wait


def jitter_at(clients: int) -> tuple[alt.LayerChart, str]:
    """*clients* want to write one row: how long it takes them all, and what it costs the server, by kind of wait."""
    made = {name: jitter.simulate(backoff, clients, seed=1) for name, backoff in jitter.STRATEGIES.items()}
    rows = [(name, contest.calls, contest.time_s) for name, contest in made.items()]
    frame = pd.DataFrame(rows, columns=["wait", "writes", "time_s"])
    chart = charts.dots(
        frame, x="time_s", y="wait", title=f"{clients} clients want one row: until the last has written",
        x_title="time (s)", y_title="", log_x=True,
    )  # fmt: skip
    least = min(rows, key=lambda row: row[1])[0]
    said = ", ".join(f"{name} {count}" for name, count, _ in rows)
    return chart, f"Writes sent: {said}. Fewest: {least}."


def jitter_explorer() -> Explorer:
    """A control for the number of clients."""
    return explorer(jitter_at, title="Who failed together comes back together", clients=slider(5, 60, 5, 40, "clients"))


def published_table(trials: int = 20) -> Table:
    """Each kind of wait for 100 clients, beside what Brooker published; means of *trials*."""
    made = jitter.beside_published(trials)
    made["time_s"], made["calls"] = made["time_s"].round(2), made["calls"].round(0).astype(int)
    made = made[["strategy", "time_s", "published time_s", "calls", "published calls"]]
    made.columns = ["wait", "time (s)", "published (s)", "writes", "published"]
    return table(made, caption=f"Until the last of 100 clients has written; means of {trials} trials")
