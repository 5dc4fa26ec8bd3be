"""One incident in three worlds: when does the alert fire by the formula, in simulation, and on a running server?

Four services of one process begin to fail at the same moment, one a quarter of its requests, one all of them. A scraper
looks ten times a second, and the published rule looks at what it saw. The clock runs 900 times as fast: the rule's hour
is four seconds, its five minutes a third of one.

    run = live(); run.detections(); three_worlds(run)

Promised: the requests are the same in simulation and live, luck included; users are Locust's, and what they counted is
laid beside the counters. Not promised: that the measured points repeat exactly.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from minisys.observability.alerts import PUBLISHED, Condition, ratio
from minisys.observability.scrape import Scraper, Store
from minisys.observability.slo import Slo
from minisys.testbed import charts, nodes
from minisys.testbed.laws import Exponential
from minisys.testbed.load import load
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Poisson, Workload, workload

MODULE = "minisys.observability.monitored"
FASTER, LOOK_S = 900.0, 0.1
BEGIN_S, LENGTH_S, RATE_PER_S = 4.0, 7.2, 375.0
SHARES = {"search": 0.25, "cart": 0.35, "pay": 0.5, "login": 1.0}
SLO, HOUR_RULE = Slo(0.99), PUBLISHED.conditions[0]
SEEDS = range(40)
DRAWN = (0.25, 0.3, 0.35, 0.4, 0.5, 0.65, 0.8, 1.0)


def requests(seed: int = 0, length_s: float = LENGTH_S, rate_per_s: float = RATE_PER_S) -> Workload:
    """The users' requests, 10 ms of work each, spread evenly over the services."""
    count = int(1.2 * rate_per_s * length_s) + 100
    drawn = workload(count, arrivals=Poisson(rate_per_s), work=Exponential(0.01), seed=seed)
    return drawn[: int(np.searchsorted(drawn.arrival_s, length_s))]


@dataclass(frozen=True)
class Run:
    """What came of it: the users' *trace*, the scraper's *store*, *begun_s*: when it began to fail, in its clock."""

    trace: Trace
    store: Store
    begun_s: float
    shares: Mapping[str, float]

    def counters(self, service: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(seconds since it began, bad so far, total so far) of *service*, a look each."""
        bad = self.store.sum("http_requests_total", service=service, code="500")
        return self.store.times_s - self.begun_s, bad, self.store.sum("http_requests_total", service=service)

    def detections(self, condition: Condition = HOUR_RULE, slo: Slo = SLO) -> pd.DataFrame:
        """When *condition* fired for each service: error_percent, minutes (of the modelled clock; NaN: it did not)."""
        quick = condition.faster(FASTER)
        return _frame({share: _first(quick, slo, *self.counters(name)) for name, share in self.shares.items()})

    @property
    def early(self) -> int:
        """How many services were reported before anything was wrong."""
        return int((self.detections()["minutes"] < 0).sum())

    def counted(self) -> dict[str, int]:
        """The same requests, as the users and as the counters have them."""
        return {
            "users: answers": len(self.trace), "counters: answers": int(self.store.sum("http_requests_total")[-1]),
            "users: failed": len(self.trace) - self.trace.count("ok"),
            "counters: failed": int(self.store.sum("http_requests_total", code="500")[-1]),
        }  # fmt: skip


def live(
    shares: Mapping[str, float] | None = None, seed: int = 0, *, begin_s: float = BEGIN_S, length_s: float = LENGTH_S,
    progress: bool = True,
) -> Run:  # fmt: skip
    """A server whose services begin to fail these *shares* of their requests after *begin_s*, under load, looked at.

    Raises ValueError for a share out of 0 to 1.
    """
    shares = SHARES if shares is None else shares
    if not shares or not all(0 <= share <= 1 for share in shares.values()):
        raise ValueError(f"shares lie between 0 and 1, got {dict(shares)}")
    begun: list[float] = []
    with nodes.start(MODULE, "--services", ",".join(shares)) as node:
        admin = f"http://127.0.0.1:{node.admin_port}"

        def fail() -> None:
            begun.append(time.monotonic())
            for name, share in shares.items():
                nodes.ask("POST", f"{admin}/control/fail?service={name}&share={share!r}")

        with Scraper(f"{admin}/metrics", LOOK_S) as scraper:
            trace = load(node.url, requests(seed, length_s), at=[(begin_s, fail)], progress=progress)
        scraper.look()  # after the last answer
    return Run(trace, scraper.store, begun[0], shares)


def simulated(
    shares: Sequence[float] = (), condition: Condition = HOUR_RULE, slo: Slo = SLO, seed: int = 0
) -> pd.DataFrame:
    """The same requests in virtual time, looked at ten times a second: columns as `Run.detections`.

    Each of *shares* (default: those of `live`) fails in one of the four services.
    """
    shares = tuple(shares or SHARES.values())
    work, looks_s = requests(seed), np.arange(0.0, LENGTH_S, LOOK_S)
    found = {}
    for place, share in enumerate(shares):
        mine = work.key % len(SHARES) == place % len(SHARES)
        failed = mine & (work.arrival_s >= BEGIN_S) & (work.luck < share)
        done_s = work.arrival_s + work.work_s
        total, bad = (np.searchsorted(np.sort(done_s[rows]), looks_s, "right") for rows in (mine, failed))
        found[share] = _first(condition.faster(FASTER), slo, looks_s - BEGIN_S, bad, total)
    return _frame(found)


def predicted(condition: Condition = HOUR_RULE, slo: Slo = SLO) -> pd.DataFrame:
    """The formula, for error ratios from just above the threshold to 1: error_percent, minutes."""
    shares = np.linspace(max(1.2 * slo.threshold(condition.burn), 0.001), 1.0, 60)
    minutes = [condition.detection_s(share, slo) / 60 for share in shares]
    return pd.DataFrame({"error_percent": 100 * shares, "minutes": minutes})


def three_worlds(run: Run, guess: float | None = None) -> alt.LayerChart:
    """Time to detection against the share that fails; the band holds 99 % of single simulated runs.

    *guess*: the reader's minutes at 50 %.
    """
    runs = pd.concat([simulated(DRAWN, seed=seed) for seed in SEEDS])
    each = runs.groupby("error_percent")["minutes"]
    band = pd.DataFrame({"minutes": each.mean(), "low": each.quantile(0.005), "high": each.quantile(0.995)})
    return charts.three_worlds(
        predicted=predicted(), simulated=band.reset_index(), measured=run.detections(), x="error_percent", y="minutes",
        title="How long until the fast page fires", prediction=(50.0, guess), x_title="requests that fail (%)",
        y_title="minutes of the modelled clock",
    )  # fmt: skip


def burn_chart(run: Run) -> alt.LayerChart:
    """The burn rate of each service in the rule's long window, as scraped; the dashed line is the threshold."""
    rows = []
    for name in run.shares:
        times_s, bad, total = run.counters(name)
        shown = (times_s > -1.5) & (times_s < LENGTH_S - BEGIN_S)
        burn = ratio(times_s, bad, total, HOUR_RULE.window_s / FASTER)[shown] / SLO.budget
        rows.append(pd.DataFrame({"minutes": times_s[shown] * FASTER / 60, "burn": burn, "what": name}))
    line = pd.DataFrame({"minutes": rows[0]["minutes"], "burn": HOUR_RULE.burn, "what": "threshold"})
    return charts.lines(
        pd.concat([*rows, line]), x="minutes", y="burn", by="what", title="Burn rate in the last hour, as scraped",
        x_title="minutes since it began (modelled clock)", y_title="times as fast as allowed",
    )  # fmt: skip


def _first(condition: Condition, slo: Slo, times_s: np.ndarray, bad: np.ndarray, total: np.ndarray) -> float:
    """Seconds from 0 to the first look at which *condition* fires; NaN if it does not."""
    fires = condition.fires(times_s, bad, total, slo)
    return float(times_s[fires.argmax()]) if fires.any() else float("nan")


def _frame(found: Mapping[float, float]) -> pd.DataFrame:
    """Seconds of the fast clock as minutes of the modelled one, by error ratio in percent."""
    minutes = np.array(list(found.values())) * FASTER / 60
    return pd.DataFrame({"error_percent": 100 * np.array(list(found)), "minutes": minutes})
