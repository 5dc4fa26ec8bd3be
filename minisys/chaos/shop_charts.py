"""Pictures and tables of the shop's experiments for chapter 12.

The price service fails for two seconds; how often is it called then? By a formula, in virtual time, and by counting at
the real applications: three worlds on one chart.

Promised: what is drawn is computed or was measured; the plan is the same object in all worlds. Not promised: that the
measured dots lie on the line; thirty orders are in each.
"""

from __future__ import annotations

from collections.abc import Iterable

import altair as alt
import numpy as np
import pandas as pd

from minisys.chaos import shop, theory
from minisys.chaos.plan import Fault, FaultPlan
from minisys.chaos.shop_experiments import single_faults, try_out
from minisys.chaos.shop_runs import RATE_PER_S, ShopRun, simulate
from minisys.testbed import charts
from minisys.testbed.tables import Table, table

DOWN_S = (2.0, 4.0)
SECONDS = 6.0
WARM_S = 0.5  # the cache is empty at first
PRICES_DOWN = FaultPlan([Fault("errors", "prices", DOWN_S[0], DOWN_S[1] - DOWN_S[0], ratio=1.0)])
SEEDS = range(5)


def predicted(weaknesses: Iterable[str], step_s: float = 0.05) -> pd.DataFrame:
    """Calls to the price service for each order under PRICES_DOWN, by the formula: second, calls_per_order."""
    attempts = shop.design(weaknesses).price_attempts
    seconds = np.arange(WARM_S, SECONDS, step_s)
    given = (DOWN_S, RATE_PER_S, shop.ITEMS, shop.TTL_S, attempts)
    return pd.DataFrame(
        {"second": seconds, "calls_per_order": [theory.calls_per_order(float(one), *given) for one in seconds]}
    )


def in_three_worlds(
    weaknesses: Iterable[str], measured: ShopRun | None = None, prediction: tuple[float, float | None] | None = None
) -> alt.LayerChart:
    """Calls to the price service for each order, while it fails from second 2 to 4: formula, model, processes."""
    chosen = set(weaknesses)
    runs = [simulate(chosen, PRICES_DOWN, seconds=SECONDS, seed=seed).rates() for seed in SEEDS]
    simulated = pd.concat([_bins(run) for run in runs])
    counted = None if measured is None else _bins(measured.rates())
    return charts.three_worlds(
        predicted=predicted(chosen), simulated=simulated, measured=counted,
        x="second", y="calls_per_order", prediction=prediction, y_title="calls to prices for each order",
        title="The price service answers 503 from second 2 to second 4",
    )  # fmt: skip


def _bins(rates: pd.DataFrame) -> pd.DataFrame:
    """Without the warm-up, each at the middle of its half second."""
    made = rates[(rates["second"] > WARM_S) & (rates["second"] < SECONDS)]
    return made.assign(second=np.floor(made["second"] * 2) / 2 + 0.25).drop_duplicates("second")


def outcomes(weaknesses: Iterable[str], seed: int = 0) -> Table:
    """Every single fault of three seconds on a shop with *weaknesses*, and what each claim measured under it.

    A value in brackets breaks its claim.
    """
    rows = []
    for fault in single_faults():
        row = {"fault": f"{fault.kind}, {fault.target}"}
        for name, claim in shop.CLAIMS.items():
            journal = try_out(weaknesses, name, FaultPlan([fault], seed), seed=seed)
            value = float(journal.observations[-1].value)
            row[name] = f"{value:.2g}" if claim.holds(value) else f"[{value:.2g}]"
        rows.append(row)
    return table(pd.DataFrame(rows), caption="One fault at a time; in brackets: the claim did not hold")
