"""Why jitter: a hundred clients want to change one row, and whoever loses asks again.

Each client reads the row's version, then writes; the write counts only if nobody wrote in between. The losers wait by a
Backoff and start over. Doubling the wait without jitter keeps them in step: they lose together, wait together and
come back together. Spreading them out needs a third of the calls and a tenth of the time.

Promised: Brooker's simulator of optimistic concurrency control, with this room's Backoff; means over 100 trials within
5 % of his program's. Not here: a server with a capacity (model.py): this row answers all at once, however many ask.
Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015; aws-samples/aws-arch-backoff-simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
from random import Random

import altair as alt
import pandas as pd

from minisys.resilience.retries import Backoff
from minisys.testbed import charts

BASE_S, CAP_S = 0.005, 2.0
STRATEGIES: dict[str, Backoff | None] = {
    "no backoff": None,
    "exponential": Backoff(BASE_S, CAP_S, "none"),
    "equal jitter": Backoff(BASE_S, CAP_S, "equal"),
    "full jitter": Backoff(BASE_S, CAP_S, "full"),
    "decorrelated": Backoff(BASE_S, CAP_S, "decorrelated"),
}
PUBLISHED: dict[int, dict[str, tuple[float, float]]] = {  # seconds and calls, means over 100 trials of his program
    10: {
        "no backoff": (0.382, 50),
        "exponential": (3.590, 51),  # 100 trials scatter by 4 % (one standard error); 3,000 trials say 3.44
        "equal jitter": (0.732, 42),
        "full jitter": (0.465, 38),
        "decorrelated": (0.434, 37),
    },
    100: {
        "no backoff": (2.027, 2421),
        "exponential": (62.862, 1853),
        "equal jitter": (6.658, 812),
        "full jitter": (4.879, 797),
        "decorrelated": (4.530, 1002),
    },
}
HOP_S, SPREAD_S = 0.010, 0.002  # one way through the network: |normal(mean, standard deviation)|


@dataclass(frozen=True)
class Contest:
    """How one trial went: *time_s* until the last client had written, and *calls*, the writes that all of them sent."""

    time_s: float
    calls: int


def simulate(backoff: Backoff | None, clients: int = 100, *, seed: int = 0) -> Contest:
    """One trial: *clients* start at 0 s and each must write the row once; *backoff* None: losers start over at once.

    Raises ValueError unless clients >= 1.
    """
    if clients < 1:
        raise ValueError(f"need at least 1 client, got {clients}")
    rng, version, calls, last_s = Random(seed), 0, 0, 0.0
    seen, tries, wait_s = [0] * clients, [0] * clients, [BASE_S] * clients

    def hop() -> float:
        return abs(rng.normalvariate(HOP_S, SPREAD_S))

    queue = [(hop(), client, False) for client in range(clients)]  # (when, who, is a write) at the server
    heapify(queue)
    while queue:
        now, client, is_write = queue[0]
        if not is_write:
            seen[client] = version
            heapreplace(queue, (now + hop() + hop(), client, True))
            continue
        calls += 1
        back_s = now + hop()
        if seen[client] == version:
            version += 1
            last_s = max(last_s, back_s)
            heappop(queue)
            continue
        if backoff is not None:
            tries[client] += 1  # before: Brooker's first wait is already doubled
            wait_s[client] = backoff.wait_s(tries[client], wait_s[client], rng)
            back_s += wait_s[client]
        heapreplace(queue, (back_s + hop(), client, False))
    return Contest(last_s, calls)


def compare(clients: Sequence[int] = (10, 30, 100), trials: int = 20, *, seed: int = 0) -> pd.DataFrame:
    """Every strategy against every number of clients: one row a trial, with columns strategy, clients, time_s, calls.

    Raises ValueError unless trials >= 1.
    """
    if trials < 1:
        raise ValueError(f"need at least 1 trial, got {trials}")
    rows = []
    for name, backoff in STRATEGIES.items():
        for count in clients:
            for trial in range(trials):
                contest = simulate(backoff, count, seed=seed + trial)
                rows.append((name, count, contest.time_s, contest.calls))
    return pd.DataFrame(rows, columns=["strategy", "clients", "time_s", "calls"])


def beside_published(trials: int = 100, *, clients: int = 100, seed: int = 0) -> pd.DataFrame:
    """The means of *trials* beside Brooker's: a row a strategy, his columns under "published", differences in percent.

    Raises ValueError if *clients* is not in PUBLISHED.
    """
    if clients not in PUBLISHED:
        raise ValueError(f"published for {' and '.join(map(str, PUBLISHED))} clients, got {clients}")
    means = compare([clients], trials, seed=seed).groupby("strategy", sort=False)[["time_s", "calls"]].mean()
    for place, column in enumerate(("time_s", "calls")):
        means[f"published {column}"] = [PUBLISHED[clients][name][place] for name in means.index]
        means[f"{column} differs by (%)"] = 100 * (means[column] / means[f"published {column}"] - 1)
    return means.reset_index()


def picture(frame: pd.DataFrame, y: str = "time_s") -> alt.LayerChart:
    """A line for each strategy of compare(): *y* is "time_s" or "calls", against the number of clients, both log."""
    title = {"time_s": "How long until all have written", "calls": "What it costs the server"}[y]
    y_title = {"time_s": "time until the last has written (s)", "calls": "writes sent by all clients"}[y]
    return charts.lines(
        frame, x="clients", y=y, by="strategy", title=title,
        x_title="clients that want the same row", y_title=y_title, log_x=True, log_y=True,
    )  # fmt: skip
