"""Pictures and tables of the shop's experiments for chapter 12.

The price service fails for two seconds; how often is it called then? By a formula, in virtual time, and by counting at
the real applications: three worlds on one chart.

Promised: what is drawn is computed or was measured; the plan is the same object in all worlds. Not promised: that the
measured dots lie on the line; twenty orders are in each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import altair as alt
import numpy as np
import pandas as pd

from minisys.chaos import schedule, shop, theory
from minisys.chaos.minimise import Minimised
from minisys.chaos.plan import Fault, FaultPlan
from minisys.chaos.shop_experiments import single_faults, try_out
from minisys.chaos.shop_runs import RATE_PER_S, ShopRun, simulate
from minisys.testbed import charts
from minisys.testbed.marks import banded
from minisys.testbed.tables import Table, table

COLUMNS = {
    "success": "orders taken (share, at least 0.9)",
    "calls_per_order": "calls to prices for each order (at most 1.5)",
    "lost": "confirmed orders lost (0)",
}
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

    Measured from the fault on until 0.3 s after its end. A value in brackets breaks its claim.
    """
    rows = []
    for fault in single_faults():
        row = {"fault": f"{fault.kind}, {fault.target}"}
        for name, claim in shop.CLAIMS.items():
            journal = try_out(weaknesses, name, FaultPlan([fault], seed), seed=seed)
            value = float(journal.observations[-1].value)
            row[COLUMNS[claim.measure]] = f"{value:.2g}" if claim.holds(value) else f"[{value:.2g}]"
        rows.append(row)
    return table(pd.DataFrame(rows), caption="One fault of 3 s at a time; in brackets: the claim did not hold")


def by_design(
    shops: Mapping[str, Iterable[str]], plan: FaultPlan, seconds: float = 6.0, title: str = ""
) -> alt.LayerChart:
    """Share of orders taken in each half second under *plan*, of *shops*: a name and its weaknesses. Five seeds."""
    rows = [
        simulate(weak, plan, seconds=seconds, seed=seed).rates().assign(shop=name)
        for name, weak in ((name, set(given)) for name, given in shops.items())
        for seed in SEEDS
    ]
    frame = banded(pd.concat(rows)[["second", "success", "shop"]], "second", "success", "shop")
    shares = [name for name in ("success", "low", "high") if name in frame]
    frame[shares] = 100 * frame[shares].clip(0, 1)  # a band does not know that there are no more than all
    said = ("second", "orders taken (%)")
    return charts.lines(
        frame, x="second", y="success", by="kind", title=title or "Orders taken", x_title=said[0], y_title=said[1]
    )


def habit(breaks_per_year: float = 2.0, years: float = 5000.0) -> alt.LayerChart:
    """Chance that failover works when it is needed, by the days between its tests: formula, and simulated years."""
    days = np.geomspace(7, 730, 40)
    said = [schedule.works(breaks_per_year, float(one)) for one in days]
    rows = []
    for i, every in enumerate((7.0, 30.0, 90.0, 180.0, 365.0, 730.0)):
        for seed in SEEDS:  # years of their own for each interval, or all points would share their luck
            outages, good = schedule.drill(breaks_per_year, every, 4.0, years, seed + 100 * i)
            rows.append({"days": every, "chance": good / outages})
    return charts.three_worlds(
        predicted=pd.DataFrame({"days": days, "chance": said}), simulated=pd.DataFrame(rows), x="days", y="chance",
        title=f"Chance that failover works when it is needed; {breaks_per_year:g} things a year break it unseen",
        x_title="days between tests", y_title="chance", log_x=True,
    )  # fmt: skip


def designs(pairs: Iterable[tuple[str, Iterable[str]]], claim: str, plan: FaultPlan) -> Table:
    """One experiment on several shops: a name and its weaknesses each, what was measured, and how it ended.

    Beside it the share of orders taken under the same plan: a claim also stands where nobody was served.
    """
    rows = []
    for name, weak in pairs:
        journal = try_out(weak, claim, plan)
        value = float(journal.observations[-1].value)
        taken = float(try_out(weak, "orders succeed", plan).observations[-1].value)
        measured = {shop.CLAIMS[claim].measure.replace("_", " "): value, "experiment": journal.status}
        rows.append({"shop": name, "orders taken (share)": taken, **measured})
    return table(pd.DataFrame(rows), caption=f"The claim: {claim}")


def plan_table(plan: FaultPlan, caption: str, hours: bool = False) -> Table:
    """*plan*, one fault a row; *hours*: times as weekday and hour, for a monkey's week."""
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    rows = []
    for fault in plan:
        day, rest = divmod(fault.at_s, 86_400)
        at = f"{names[int(day) % 7]} {int(rest // 3600):02d}:{int(rest % 3600 // 60):02d}"
        when = {"when": at} if hours else {"at_s": fault.at_s}
        rows.append({**when, "fault": fault.kind, "on": fault.target, "for_s": fault.for_s})
    return table(pd.DataFrame(rows), caption=caption)


def minimised(found: Minimised) -> alt.LayerChart:
    """The minimiser's way: faults of each plan that it played, and the smallest so far that breaks the shop."""
    smallest, rows = found.steps[0].faults, []
    for i, step in enumerate(found.steps, 1):
        smallest = min(smallest, step.faults) if step.broke else smallest
        rows += [{"run": i, "faults": step.faults, "what": "tried"},
                 {"run": i, "faults": smallest, "what": "smallest that breaks"}]  # fmt: skip
    title = "Plans tried, and the smallest so far that breaks"
    return charts.lines(
        pd.DataFrame(rows), x="run", y="faults", by="what", title=title, x_title="plan tried", y_title="faults"
    )


def while_down(weaknesses: Iterable[str]) -> float:
    """Calls to the price service for each order in the last second of PRICES_DOWN: the mean of five seeds."""
    chosen = set(weaknesses)
    runs = [_bins(simulate(chosen, PRICES_DOWN, seconds=SECONDS, seed=seed).rates()) for seed in SEEDS]
    late = [run[run["second"].between(DOWN_S[1] - 1, DOWN_S[1])]["calls_per_order"].mean() for run in runs]
    return float(np.mean(late))
