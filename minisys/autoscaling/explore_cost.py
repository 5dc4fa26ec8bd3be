"""What it costs, and what foresight is worth: chapter 09's pictures of money.

The bill is what makes autoscaling worth its trouble, and the missed objective what makes it worth more trouble still.

Promised: hours of machines are simulated and counted by the second; prices are shares of one machine on demand, and
parameters (cloud.Prices). Not promised: your provider's list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.autoscaling import fast, pareto, theory, traffic
from minisys.autoscaling.explore import machines
from minisys.autoscaling.planning import SIZES, vertical_size
from minisys.autoscaling.policies import Combined, Policy
from minisys.testbed import charts
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Workload

SEEDS = range(5)
SERVICE_S, SLO_S, WORKERS = traffic.SERVICE_S, traffic.SLO_S, traffic.WORKERS
REACTS, FORESEES, BOTH = "Kubernetes", "forecast", "both, the larger"
SLOW, DOORS, SURPRISE, HOLIDAY = EVENINGS = (
    "a slow curve", "doors open at 1,800 s", "a slow curve, and a sale", "a holiday: half the curve",
)  # fmt: skip


def rate_of(kind: str, seed: int) -> traffic.Rate:
    """Requests a second on an evening of that kind."""
    if kind == DOORS:
        return traffic.flash_sale(3.0, 14.0, 1_800.0, 10.0, 3_600.0)
    return traffic.evening(seed, sale=kind == SURPRISE, mean_per_s=4.0 if kind == HOLIDAY else 8.0)


@lru_cache(maxsize=64)
def evening(kind: str, seed: int) -> Workload:
    """The requests of such an evening."""
    return traffic.requests(rate_of(kind, seed), seed)


@lru_cache(maxsize=2)
def before(doors: bool) -> tuple[tuple[float, ...], ...]:
    """Three evenings of history, without a sale: slow curves, or evenings on which the doors open at 1,800 s."""
    days = [evening(DOORS if doors else SLOW, seed) for seed in range(900, 903)]
    return tuple(tuple(traffic.observed_rates(day, 300.0).tolist()) for day in days)


def foresight(kind: str, target: float = 0.6) -> dict[str, Policy]:
    """The three ways to decide: from what is seen, from the evenings before, from both."""
    forecast = replace(pareto.forecast(target, errors=2.0), history=before(kind == DOORS))
    return {REACTS: pareto.pods(target), FORESEES: forecast, BOTH: Combined([forecast, pareto.pods(target)])}


def foresight_chart(kind: str = DOORS, seed: int = 2) -> alt.LayerChart:
    """Machines that serve around 1,800 s of one evening, by what is seen or foreseen, and those that are needed.

    The third way is left out: the larger of two lines lies on one of them.
    """
    frames = []
    for name, policy in list(foresight(kind).items())[:2]:
        made = fast.simulate(policy, evening(kind, seed), cloud=traffic.cloud(), seed=seed)
        rows = machines(made, rate_of(kind, seed), 15.0)
        frames.append(rows[rows["kind"] == "serving"].assign(kind=name))
    frames.insert(0, rows[rows["kind"] == "needed (theory)"])
    return charts.lines(
        pd.concat(frames).query("1_200 <= time_s <= 2_700"), x="time_s", y="machines", by="kind",
        title=f"Machines that serve: {kind}", x_title="time (s)", y_title="machines",
    )  # fmt: skip


def foresight_table() -> Table:
    """The three ways on four kinds of evening: percent missed and machine hours; five runs each."""
    rows = []
    for kind in EVENINGS:
        for name, policy in foresight(kind).items():
            judged = [pareto.judge(policy, evening(kind, seed), traffic.cloud(), seed) for seed in SEEDS]
            rows.append({
                "evening": kind, "decides by": name,
                "missed (%)": np.mean([each["missed_percent"] for each in judged]),
                "machine hours": np.mean([each["hours"] for each in judged]),
            })  # fmt: skip
    return table(pd.DataFrame(rows), caption="The forecast knows three evenings without a sale: five runs each")


def front_chart(runs: pd.DataFrame) -> alt.LayerChart:
    """The rules of each family that no other rule of their family beats, by machine hours and percent missed."""
    made = pareto.means(runs)
    kept = []
    for _, rules in made.groupby("family", sort=False):
        best = [not pareto.beaten(row, rules) for row in rules.itertuples()]
        kept.append(rules[best].sort_values("hours"))
    return charts.lines(
        pd.concat(kept), x="hours", y="missed_percent", by="family", log_y=True,
        title="What each rule costs, and what it misses", x_title="machine hours in an evening of two hours",
        y_title="refused or later than 4 s (%)",
    )  # fmt: skip


def front_table(runs: pd.DataFrame) -> Table:
    """The rules on the front, the cheapest first, with the oracle that allows 1 % below."""
    made = pareto.means(runs)
    shown = pd.concat([made[made["front"]].sort_values("hours"), made[made["rule"] == "oracle 1 %"]])
    frame = pd.DataFrame({
        "rule": shown["rule"], "machine hours": shown["hours"], "missed (%)": shown["missed_percent"],
        "turns": shown["turns"],
    })  # fmt: skip
    judged = (made["family"] != pareto.ORACLE).sum()
    said = f"{len(shown) - 1} of {judged} rules are beaten by no other one ({len(runs):,} runs)"
    return table(frame, caption=said)


def per_customer_table(runs: pd.DataFrame, lost: Sequence[float] = (0.0001, 0.001, 0.01)) -> Table:
    """Which rule is the cheapest if a missed request costs *lost* machine hours."""
    made = pareto.means(runs)
    made, requests = made[made["family"] != pareto.ORACLE], len(pareto.evening(0))
    rows = []
    for price in lost:
        total = made["hours"] + price * requests * made["missed_percent"] / 100
        best = made.iloc[int(np.argmin(total))]
        rows.append({
            "a missed request costs (machine hours)": f"{price:g}", "cheapest rule": best["rule"],
            "machine hours": best["hours"], "missed (%)": best["missed_percent"], "in all": total.min(),
        })  # fmt: skip
    return table(pd.DataFrame(rows), caption="The cheapest rule depends on what a lost request costs")


def cheaper_table(target: float = 0.7) -> Table:
    """Five ways to rent the same evenings under Kubernetes' rule: hours, misses, machines taken away; five runs."""
    usual = traffic.cloud()
    ways = {
        "on demand": usual,
        "a warm pool of 4": replace(usual, warm=4),
        "boots in 30 s (a smaller image)": traffic.cloud(30.0),
        "half of them spot": replace(usual, spot=0.5),
        "all of them spot": replace(usual, spot=1.0),
    }
    rows = []
    for name, cloud in ways.items():
        made = [fast.simulate(pareto.pods(target), pareto.evening(seed), cloud=cloud, seed=seed) for seed in SEEDS]
        rows.append({
            "rented": name, "paid (hours on demand)": np.mean([each.hours() for each in made]),
            "missed (%)": np.mean([100 * each.missed(SLO_S) for each in made]),
            "taken away": np.mean([each.taken_away for each in made]),
        })  # fmt: skip
    said = f"Kubernetes' rule, target {100 * target:.0f} %: the mean of five evenings; a spot machine lives for an hour"
    return table(pd.DataFrame(rows), caption=said)


def vertical_table(means_per_s: tuple[float, ...] = (4.0, 16.0, 64.0, 256.0)) -> Table:
    """One machine that is replaced by a larger one, beside many small ones, for evenings of growing traffic."""
    rows = []
    for mean in means_per_s:
        rate = traffic.evening(1, mean_per_s=mean)(np.arange(0.0, traffic.EVENING_S, 60.0))
        used = rate * SERVICE_S
        size = vertical_size(used.tolist())
        many = [theory.servers_for(each, SERVICE_S, SLO_S, workers=WORKERS) for each in (rate.min(), rate.max())]
        rows.append({
            "requests a second (mean)": mean, "cores busy at the peak": used.max(),
            "one machine: its size (cores)": size, "minutes that it is too small": int((used > size).sum()),
            "many of 2 cores: least, most": f"{many[0]}, {many[1]}",
        })  # fmt: skip
    return table(pd.DataFrame(rows), caption=f"Sizes on offer: {', '.join(map(str, SIZES))} cores")
