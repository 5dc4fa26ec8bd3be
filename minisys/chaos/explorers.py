"""What chapter 12 lets you turn: how large an experiment must be, how many, how often, and how a bad day gets short.

"Let us test it in production, on one user in a hundred": is that enough to see anything? The sliders answer with the
same formulas that the text uses, and with the minimiser itself.

Promised: every curve is computed when the slider moves, from theory.py, schedule.py or minimise.py. Not promised: that
your system fails as independently as a binomial law.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

import altair as alt
import numpy as np
import pandas as pd

from minisys.chaos import schedule, theory
from minisys.chaos.minimise import Minimised, minimise
from minisys.chaos.plan import Fault, FaultPlan
from minisys.chaos.shop import WEAKNESSES
from minisys.chaos.shop_charts import minimised
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, explorer, slider
from minisys.testbed.tables import Table, table

USUAL = 0.001  # share of orders that fail on any day


def radius_explorer() -> Explorer:
    """Sliders for traffic, time and how badly a weakness hurts; the chance to notice it against users harmed."""
    return explorer(
        radius_at,
        title="How large must the blast radius be?",
        rate_per_s=slider(1, 200, 1, 60, "orders", "per second"),
        minutes=slider(0.5, 10.0, 0.5, 2.0, "how long", "min"),
        hurts=slider(0.01, 1.0, 0.01, 0.2, "share that would fail"),
    )


def radius_at(rate_per_s: float, minutes: float, hurts: float) -> tuple[alt.LayerChart, str]:
    """Chance to notice the weakness, by the share of orders exposed; *hurts*: how many of those fail if there is one.

    False alarms: 1 in 100. And in words from which radius on it notices with 95 %, and how many orders that costs.
    The curve has teeth: the alarm needs a whole number of failed orders, and with every step up it is harder to raise.
    """
    total = rate_per_s * minutes * 60
    radii = np.geomspace(0.0005, 1.0, 80)
    chance = [theory.noticed(max(1, round(total * one)), USUAL, hurts) for one in radii]
    frame = pd.DataFrame({"exposed_percent": radii * 100, "chance": chance, "what": "notices the weakness"})
    title = "Chance to notice a weakness, by the share of orders that is exposed to it"
    says = ("orders exposed (%)", "chance")
    chart = charts.lines(
        frame, x="exposed_percent", y="chance", by="what", title=title, log_x=True, x_title=says[0], y_title=says[1]
    )
    first = max((i + 1 for i, p in enumerate(chance) if p < 0.95), default=0)
    if first == len(radii):
        return chart, f"Not even all {total:,.0f} orders are enough for 95 %: run longer."
    orders = max(1, round(total * radii[first]))
    needed = theory.alarm_at(orders, USUAL)
    return chart, (
        f"{radii[first]:.2%} of the orders are enough for 95 %: {orders:,} exposed, "
        f"{orders * hurts:.0f} of which fail if the weakness is there; an alarm needs {needed}."
    )


def search_explorer() -> Explorer:
    """Sliders for weaknesses and how rarely an experiment meets one; the chance that random experiments found all."""
    return explorer(
        search_at,
        title="Experiments drawn at random, until every weakness is found",
        weaknesses=slider(1, 6, 1, 4, "weaknesses"),
        share=slider(0.01, 0.15, 0.01, 0.04, "chance to meet each"),
        experiments=slider(10, 300, 10, 200, "experiments"),
    )


def search_at(weaknesses: int, share: float, experiments: int) -> tuple[alt.LayerChart, str]:
    """Chance that the first weakness, and that all of them, are found within so many *experiments*."""
    counts = np.unique(np.linspace(0, experiments, 60).astype(int))
    rows = [{"experiments": n, "chance": 1 - (1 - share * weaknesses) ** n, "what": "at least one"} for n in counts]
    rows += [{"experiments": n, "chance": theory.found_within([share] * weaknesses, int(n)), "what": "all of them"}
             for n in counts]  # fmt: skip
    title = "Chance that weaknesses are found, by the number of random experiments"
    chart = charts.lines(pd.DataFrame(rows), x="experiments", y="chance", by="what", title=title, y_title="chance")
    found = theory.found_within([share] * weaknesses, experiments)
    return chart, f"After {experiments} experiments all {weaknesses} are found with a chance of {found:.1%}."


def minimiser_explorer() -> Explorer:
    """Sliders for the length of a bad day and how many faults really did it; the minimiser's steps."""
    return explorer(
        minimiser_at,
        title="From a bad day to its cause",
        faults=slider(2, 64, 1, 20, "faults of the day"),
        cause=slider(1, 5, 1, 2, "of which really needed"),
        seed=slider(0, 20, 1, 1, "seed"),
    )


def minimiser_at(faults: int, cause: int, seed: int) -> tuple[alt.LayerChart, str]:
    """How many faults each played plan had, in order; the plan breaks if it holds *cause* faults drawn by *seed*."""
    found = bad_day(faults, min(cause, faults), seed)
    chart = minimised(found)
    return (
        chart,
        f"{faults} faults became {len(found.plan)} in {found.runs} runs; trying each subset would take 2^{faults}.",
    )


@lru_cache(maxsize=64)
def bad_day(faults: int, cause: int, seed: int) -> Minimised:
    """The minimiser at work on a made-up system that breaks when *cause* of *faults* faults come together."""
    plan = FaultPlan([Fault("pause", f"node {i}", float(i), 1.0) for i in range(faults)])
    needed = set(Random(seed).sample(plan.faults, cause))
    return minimise(plan, lambda some: needed <= set(some.faults), shorten=False)


def habit_explorer() -> Explorer:
    """Sliders for what breaks failover and what an outage costs; minutes down a year, by the test interval."""
    return explorer(
        habit_at,
        title="How often should failover be tested?",
        breaks=slider(0.2, 12.0, 0.2, 2.0, "breaks unseen", "per year"),
        outages=slider(0.5, 12.0, 0.5, 2.0, "outages", "per year"),
        bad_min=slider(5, 240, 5, 90, "a bad outage", "min"),
        test_min=slider(0.1, 10.0, 0.1, 0.5, "a test disturbs", "min"),
    )


def habit_at(breaks: float, outages: float, bad_min: float, test_min: float) -> tuple[alt.LayerChart, str]:
    """Minutes down in a year by the days between two tests: from outages, from tests, and together."""
    year, days = schedule.Year(outages, 0.5, bad_min, test_min), np.geomspace(1, 730, 60)
    together = np.array([year.down_min(breaks, one) for one in days])
    tests = schedule.DAYS / days * test_min
    parts = {"together": together, "by tests": tests, "by outages": together - tests}
    frame = pd.concat([pd.DataFrame({"days": days, "down_min": y, "what": name}) for name, y in parts.items()])
    title = "Minutes down in a year, by the days between two tests of failover"
    chart = charts.lines(
        frame, x="days", y="down_min", by="what", title=title, log_x=True, log_y=True, x_title="days between tests",
        y_title="minutes a year",
    )  # fmt: skip
    best = year.best_days(breaks)
    often = "never" if best >= 3600 else f"every {best:.0f} days"
    return chart, (
        f"Least time down: test {often}, {year.down_min(breaks, best):.0f} min a year; failover then works with a "
        f"chance of {schedule.works(breaks, best):.0%}. Tested once a year: {year.down_min(breaks, 365):.0f} min, "
        f"{schedule.works(breaks, 365):.0%}."
    )


def weaknesses() -> Table:
    """The shop's weaknesses, named and said."""
    frame = pd.DataFrame({"weakness": list(WEAKNESSES), "which means": list(WEAKNESSES.values())})
    return table(frame, caption="Six places where a weakness can sit")
