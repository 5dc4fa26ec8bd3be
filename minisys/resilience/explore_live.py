"""What chapter 10 shows of three worlds: the load at which an outage stays, by the formula, simulated and measured.

Capacity over attempts, says the formula. A process with three workers, an app that tries three times and a second of
slowness say it too, or they do not.

Promised: measured means processes and Locust's users (live.py); the simulation has the same chain and the same users.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import altair as alt
import numpy as np
import pandas as pd

from minisys.resilience import fast, live, metastable, theory
from minisys.resilience.chain import Chain, Trouble
from minisys.testbed import charts
from minisys.testbed.workload import Workload

LOADS, LENGTH_S, LATE_S = (0.15, 0.55), 7.0, 4.5
TRIGGER = Trouble("database", 1.0, 1.0, slow=10.0)


def small(attempts: int = 3) -> Chain:
    """metastable.alone in a size that this machine can show several times at once: 43 requests a second."""
    return metastable.alone(attempts, workers=3, mean_s=0.07)


def offered(load: float, seed: int = 0) -> Workload:
    """Seven seconds of users at *load* (1: the capacity of `small`)."""
    return metastable.users(load * small().capacity_per_s, seed, LENGTH_S)


def predicted(attempts: int = 3) -> pd.DataFrame:
    """Goodput afterwards by the formula: all or nothing, with the step at 1 / attempts."""
    edge = theory.Vulnerability(1.0, 1.0, attempts).hidden_capacity_per_s
    return pd.DataFrame({"load": [0.05, edge, edge + 1e-6, 0.95], "afterwards": [1.0, 1.0, 0.0, 0.0]})


def simulated(loads: Sequence[float] = LOADS, seeds: Sequence[int] = range(40)) -> pd.DataFrame:
    """The same, simulated: load, afterwards (mean over *seeds*), low and high (the worst and the best seed)."""
    rows = []
    for load in loads:
        runs = [fast.simulate(small(), offered(load, seed), (TRIGGER,), seed=seed) for seed in seeds]
        good = [run.goodput(LATE_S) for run in runs]
        rows.append((load, float(np.mean(good)), min(good), max(good)))
    return pd.DataFrame(rows, columns=["load", "afterwards", "low", "high"])


def measured(loads: Sequence[float] = LOADS) -> pd.DataFrame:
    """The same with processes under Locust's users, all loads at the same time: a row a load."""

    def one(load: float) -> float:
        return live.run(small(), offered(load), (TRIGGER,)).goodput(LATE_S)

    with ThreadPoolExecutor(len(loads)) as hands:
        return pd.DataFrame({"load": list(loads), "afterwards": list(hands.map(one, loads))})


def begin() -> Future[pd.DataFrame]:
    """`measured` in the background: its result() is the frame."""
    hand = ThreadPoolExecutor(1)
    begun = hand.submit(measured)
    hand.shutdown(wait=False)
    return begun


def worlds_chart(found: pd.DataFrame) -> alt.LayerChart:
    """Formula, simulation (40 seeds) and *found* (see `measured`) on one chart."""

    def percent(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{name: 100 * frame[name] for name in frame.columns if name != "load"})

    at = *np.round(np.arange(0.1, 0.6, 0.05), 2), 0.6, 0.8
    return charts.three_worlds(
        predicted=percent(predicted()), simulated=percent(simulated([float(load) for load in at])),
        measured=percent(found),
        x="load", y="afterwards", title="A second of slowness: who is served when it has long been over",
        x_title="load (1: the capacity of the database)", y_title="answered in time (%)",
        description="Goodput after a second of slowness against load: by the formula 100 % up to a third "
        "and 0 above it; simulated with 40 seeds, and measured at two loads.",
    )  # fmt: skip
