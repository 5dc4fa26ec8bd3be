"""The shop as real processes: orders a second against their time in three worlds, then kills, then the books.

A design that passes every simulated trial is still a drawing. Here the same text starts sixteen processes on your
machine, Locust's users buy, processes are killed under them, and an audit reads the ledger.

Promised: theory, simulation and measurement are of one and the same design, `LIVE`; what users were told is compared
with what was written and charged. Not promised: timings of your machine; theory knows nothing of its two processors.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from minisys.design.explore import altered
from minisys.design.flow import flows
from minisys.design.live import LiveDesign
from minisys.design.live_audit import Audit
from minisys.design.live_load import Shopping
from minisys.design.live_plan import SHOP
from minisys.design.parts import Design, Edge
from minisys.design.run import run
from minisys.testbed import charts
from minisys.testbed.tables import Table, table

RATES = (10.0, 22.0, 32.0)  # orders a second; the servers can do 40
FIRST_SEED = 9  # of 2 s at each rate: about as many users come as should
DRAWN = (4.0, 12.0, 20.0, 28.0, 34.0)


def slower(design: Design = SHOP) -> Design:
    """The live shop with servers that can be filled by hand: two copies of two workers, 0.1 s an order, no autoscaler.

    Everybody buys: an order passes the edge, a balancer, a server, the store and the queue.
    """
    values = {
        "app.takes": 0.1, "app.workers": 2, "app.law": "constant", "app.policy": "random", "app.autoscaler": None,
        "store.shards": 1, "users.writes": 1.0,
    }  # fmt: skip
    return replace(altered(design, values), name="live shop")


LIVE = slower()


def at_rate(per_s: float, design: Design = LIVE) -> Design:
    """The design with so many orders a second."""
    return altered(design, {"users.rate": per_s})


def predicted(rates: Sequence[float] = DRAWN) -> pd.DataFrame:
    """Mean seconds of an order by the flow equations, with Allen and Cunneen's wait at every part."""
    return pd.DataFrame([{"rate": rate, "mean_s": _answer_s(at_rate(rate))} for rate in rates])


def _answer_s(design: Design) -> float:
    now = flows(design)
    (edge,) = design.of(Edge)
    return now.answer_s(edge)


def simulated(rates: Sequence[float] = DRAWN, orders: int = 1_500, seeds: int = 3) -> pd.DataFrame:
    """Mean seconds of an order in virtual time, *orders* of them at each rate, a row a seed."""
    rows = []
    for rate in rates:
        for seed in range(seeds):
            found = run(at_rate(rate), for_s=orders / rate, seed=seed).trace.frame
            well = found[found["outcome"] == "ok"]
            rows.append({"rate": rate, "mean_s": float((well["finished_s"] - well["sent_s"]).mean())})
    return pd.DataFrame(rows)


def measured(shop: LiveDesign, rates: Sequence[float] = RATES, for_s: float = 2.0) -> pd.DataFrame:
    """Mean seconds of an order in the running *shop*: Locust's users for *for_s* seconds at each rate."""
    rows = []
    for number, rate in enumerate(rates):
        bought = shop.load(for_s, rate, buys=1.0, seed=FIRST_SEED + number)
        took = [row[3] - row[2] for row in bought.rows if row[5] == 201]
        rows.append({"rate": len(bought) / for_s, "mean_s": float(np.mean(took))})
    return pd.DataFrame(rows)


def in_three_worlds(live: pd.DataFrame) -> alt.LayerChart:
    """The time of an order against orders a second: predicted, simulated, and *live* as `measured` gives it."""
    return charts.three_worlds(
        predicted=predicted(),
        simulated=simulated(),
        measured=live,
        x="rate",
        y="mean_s",
        title="An order through the whole shop",
        x_title="orders per second",
        y_title="mean time of an order (s)",
    )


class Evening(NamedTuple):
    """What happened: what users saw, who was killed and when (seconds), who was not up again, what the books say."""

    shopping: Shopping
    kills: tuple[tuple[float, str], ...]
    down: list[str]
    audit: Audit

    def kills_table(self) -> Table:
        """Each kill, how many users were waiting for their order just then, and for how long the slowest waited."""
        rows = []
        for at_s, name in self.kills:
            under_way = [row for row in self.shopping.rows if row[1] and row[2] <= at_s <= row[3]]
            slowest = max((row[3] - row[2] for row in under_way), default=math.nan)
            rows.append({"killed": name, "at": f"{at_s:.1f} s", "orders under way": len(under_way),
                         "slowest of them": f"{slowest:.2f} s" if under_way else "–"})  # fmt: skip
        return table(pd.DataFrame(rows), caption="Who was killed, and whose order was on its way")


def evening(
    shop: LiveDesign, targets: Sequence[str], *, per_s: float = 15.0, buys: float = 0.6, every_s: float = 1.2
) -> Evening:
    """Users come at *per_s*, a share *buys* orders; every *every_s* seconds one of *targets* is killed; then the audit.

    A target is a copy ("app/1"), a part, or "leader": whoever leads the store's first shard then.
    """
    begun = threading.Event()
    with ThreadPoolExecutor(1) as hands:
        users = hands.submit(shop.load, every_s * (len(targets) + 1), per_s, buys=buys, seed=1, begun=begun)
        while not begun.wait(0.05) and not users.done():
            pass
        start_s = time.monotonic()
        kills = [kill for target in targets for kill in _kill(shop, target, every_s, start_s)]
        shopping = users.result()
    return Evening(shopping, tuple(kills), shop.whole(), shop.audit())


def _kill(shop: Any, target: str, after_s: float, start_s: float) -> list[tuple[float, str]]:
    """When (seconds after the first user) and who."""
    time.sleep(after_s)
    at_s = time.monotonic() - start_s
    return [(at_s, name) for name in shop.kill(shop.leader() if target == "leader" else target)]
