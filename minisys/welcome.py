"""The first experiment of the course: one server, more and more traffic.

"We had 50 requests a second and everything was fine; now we have 90 and users complain. It is not even twice as much!"
One function draws what happened, the other says it in a number.

Promised: the formula (M/M/1) beside a simulation of 200,000 requests at each rate, five seeds. Not promised: your
server; its requests are neither all alike nor as random as these.
"""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.load_balancing import fast
from minisys.testbed import charts, queueing
from minisys.testbed.workload import Exponential, Poisson, workload

SERVICE_S = 0.01
RATES = (50, 60, 70, 80, 85, 90)


@lru_cache
def simulated(n: int = 200_000) -> pd.DataFrame:
    """Mean time to answer (ms) of one server at each of RATES (requests/s), over five seeds of *n* requests."""
    rows = []
    for rate in RATES:
        for seed in range(5):
            offered = workload(n, arrivals=Poisson(rate), work=Exponential(SERVICE_S), seed=seed)
            run = fast.simulate("round robin", offered, backends=1)
            rows.append((rate, 1000 * float(run.latency_s.mean())))
    return pd.DataFrame(rows, columns=["requests a second", "mean"])


def busy_server(prediction: object = None) -> alt.LayerChart:
    """Mean time to answer against requests a second, formula and simulation; *prediction* (ms) at 90, or None."""
    rates = np.arange(50, 91)
    exact = [1000 * queueing.mm1(float(rate), SERVICE_S).response_s for rate in rates]
    return charts.three_worlds(
        predicted=pd.DataFrame({"requests a second": rates, "mean": exact}),
        simulated=simulated(),
        x="requests a second",
        y="mean",
        prediction=(90, float(prediction) if isinstance(prediction, int | float) else None),
        title="One server that needs 10 ms for a request",
        y_title="mean time to answer (ms)",
    )


def mean_ms(rate: float) -> float:
    """Mean time to answer (ms) at *rate* requests a second (below 100), by the formula 1 / (1/service - rate)."""
    return 1000 * queueing.mm1(rate, SERVICE_S).response_s
