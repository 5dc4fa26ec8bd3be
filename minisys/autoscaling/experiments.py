"""Flash sales with real users: a sale, the machines that come and go, and what each user saw of it.

The advertisement runs at 1.5 s. The controller sees it half a second later, the new machines serve a second after that,
and meanwhile the line grows. Later they go again, and whoever is on one of them gets an answer first.

    sale = flash_sale("hpa"); sale.failed, sale.most, sale.lines
    flash_sale("hpa", at=[(2.0, Shop.kill_controller), (4.0, Shop.start_controller)])

Promised: users are Locust's, in a process of its own; what they saw is counted there. Not promised: milliseconds that
repeat; all of it shares this machine's processors.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import altair as alt
import pandas as pd

from minisys.autoscaling import fast, traffic
from minisys.autoscaling.__main__ import rule
from minisys.autoscaling.cloud import Cloud
from minisys.autoscaling.live import PERIOD_S, WORKERS, Shop, shop, wait
from minisys.autoscaling.policies import Look, Policy
from minisys.testbed import charts
from minisys.testbed.laws import Deterministic
from minisys.testbed.load import Step, load
from minisys.testbed.tables import Table, table
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload

SERVICE_S = 0.1


@dataclass(frozen=True)
class Sale:
    """What came of a flash sale: the users' *trace*, the controller's *looks* (times in the trace's seconds) and the
    *lines* that it said, and whether it was back at the *minimum* when all was over.
    """

    trace: Trace
    looks: Sequence[Look]
    lines: Sequence[str]
    settled: bool

    @property
    def failed(self) -> int:
        """Requests without a good answer."""
        return len(self.trace) - self.trace.count("ok")

    @property
    def most(self) -> int:
        """The most machines that served at a look."""
        return max(look.ready for look in self.looks)

    @property
    def left_early(self) -> int:
        """Machines that were sent home while requests still came."""
        last_s = float(self.trace.frame["sent_s"].max())
        return sum(max(0, look.current - look.wanted) for look in self.looks if look.time_s < last_s)

    def frame(self) -> pd.DataFrame:
        """The looks, one a row."""
        return pd.DataFrame([asdict(look) for look in self.looks])


def offered(
    length_s: float = 10.0, *, base_per_s: float = 8.0, peak_per_s: float = 45.0, hold_s: float = 4.0, seed: int = 0
) -> Workload:
    """Requests of 0.1 s on average: a sale from 1.5 s on for *hold_s*, then quiet up to *length_s*, so that machines go
    while users are still on them.
    """
    rate = traffic.flash_sale(base_per_s, peak_per_s, 1.5, 0.5, hold_s)
    return traffic.requests(rate, seed, length_s, SERVICE_S)


def flash_sale(
    policy: str | Policy = "hpa",
    workload: Workload | None = None,
    *,
    at: Sequence[tuple[float, Callable[[Shop], Any]]] = (),
    progress: bool = True,
    **options: Any,
) -> Sale:
    """A sale in a shop of its own: *workload* (default: `offered()`) under *policy*; *options* as in shop().

    *at*: (seconds, what to do to the shop), like ``[(3.0, Shop.kill_controller)]``. Waits until the machines have gone.
    """
    workload = offered() if workload is None else workload
    with shop(policy, **options) as here, ExitStack() as stack:
        hand = _Hand(here)
        stack.callback(hand.join)
        begun: list[float] = []
        steps: list[Step] = [(0.0, lambda: begun.append(time.monotonic()))]
        steps += [(when, partial(hand.do, what)) for when, what in at]
        trace = load(here.url, workload, timeout_s=30.0, at=steps, progress=progress)
        hand.join()
        settled = True
        try:
            here.settle(here.bounds["minimum"])
            at_rest = here.bounds["minimum"]
            wait(lambda: here.looks[-1].ready == at_rest, "the controller sees it", 5.0)
        except TimeoutError:
            settled = False
        looks = [_shifted(look, begun[0]) for look in here.looks]
        return Sale(trace, looks, here.lines, settled)


class _Hand:
    """Does things to a shop beside the load, one after the other."""

    def __init__(self, here: Shop) -> None:
        self.here, self.threads = here, list[threading.Thread]()

    def do(self, what: Callable[[Shop], Any]) -> None:
        self.threads.append(threading.Thread(target=what, args=(self.here,)))
        self.threads[-1].start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join()


def _shifted(look: Look, begin_s: float) -> Look:
    return Look(**asdict(look) | {"time_s": round(look.time_s - begin_s, 3)})


def simulated(
    policy: str | Policy, workload: Workload, *, boot_s: float = 1.0, maximum: int = 8, **numbers: float
) -> pd.DataFrame:
    """The looks of the same sale in the model, with boots that take exactly *boot_s*: columns of `Sale.frame`."""
    cloud = Cloud(Deterministic(boot_s), WORKERS, queue=None, first=1, maximum=maximum, period_s=PERIOD_S)
    made = rule(policy, **numbers) if isinstance(policy, str) else policy
    return fast.simulate(made, workload, cloud=cloud).frame()


def machines_chart(sale: Sale, model: pd.DataFrame) -> alt.LayerChart:
    """How many machines served: in the *model* (from `simulated`) and in the *sale*, look by look, to its end.

    The model ends with its last request; from then on its machines stay.
    """
    last_s = max(look.time_s for look in sale.looks)
    if model["time_s"].max() < last_s:
        model = pd.concat([model, model.tail(1).assign(time_s=last_s)])
    measured = sale.frame()
    worlds = {"simulated": model[model["time_s"] <= last_s], "measured": measured[measured["time_s"] >= 0]}
    shown: dict[str, Any] = {
        name: frame[["time_s", "ready"]].rename(columns={"ready": "machines"}) for name, frame in worlds.items()
    }
    return charts.three_worlds(**shown, x="time_s", y="machines", title="The machines follow the sale")


def users_saw(sale: Sale) -> str:
    """One line: requests, how many failed, how many machines at most, how many left while users were there."""
    p50, p99 = sale.trace.percentiles((50, 99))
    return (
        f"{len(sale.trace)} requests, {sale.failed} failed; p50 {p50:.2f} s, p99 {p99:.2f} s; {sale.most} machines at "
        f"most, {sale.left_early} drained while requests still came"
    )


def troubles_table(sales: Mapping[str, Sale]) -> Table:
    """One row for each sale by its name: what users saw, and the first line that the controller said about it."""
    rows = [
        (name, len(each.trace), each.failed, each.most, each.lines[0] if each.lines else "")
        for name, each in sales.items()
    ]
    columns = ["trouble", "requests", "failed", "machines at most", "the controller's line"]
    return table(pd.DataFrame(rows, columns=columns), caption="The same sale, with something going wrong")
