"""What chapter 09 shows of a service that grows and shrinks: the bad day, the sliders, the blind metric.

One function for each picture. The control loop itself is in explore_control.py, money and forecasts in explore_cost.py.

Promised: every figure is simulated or computed when the cell runs, over five seeds where things are compared.
Not promised: real time; the live fleet is in experiments.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import altair as alt
import numpy as np
import pandas as pd

from minisys.autoscaling import fast, theory, traffic
from minisys.autoscaling.cloud import Cloud
from minisys.autoscaling.kubernetes import Behaviour, HorizontalPodAutoscaler, Limit
from minisys.autoscaling.planning import Scheduled
from minisys.autoscaling.policies import BacklogPerInstance, Combined, Policy, Proportional, Step, TargetTracking
from minisys.autoscaling.record import Run
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Workload

SEEDS = range(5)
BASE_PER_S, PEAK_PER_S, AT_S, HOLD_S, END_S = 6.0, 28.0, 600.0, 900.0, 2_100.0
SERVICE_S, SLO_S, WORKERS = traffic.SERVICE_S, traffic.SLO_S, traffic.WORKERS
KUBERNETES, TRACKING, STEP, BACKLOG, BARE, FIXED = (
    "Kubernetes", "target tracking", "step", "Kubernetes and backlog", "bare ratio", "a fixed fleet",
)  # fmt: skip
RULES: dict[str, Callable[[float], Policy]] = {
    KUBERNETES: HorizontalPodAutoscaler,
    TRACKING: TargetTracking,
    STEP: lambda target: Step(((target + 0.1, 1), (min(target + 0.2, 0.95), 3)), ((target / 2, 1),), 60.0),
    BACKLOG: lambda target: Combined([HorizontalPodAutoscaler(target), BacklogPerInstance(SERVICE_S / WORKERS, 2.0)]),
    BARE: Proportional,
    FIXED: lambda target: Scheduled(((0.0, fleet_for(PEAK_PER_S, target)),)),
}


def fleet_for(rate_per_s: float, target: float) -> int:
    """Machines that carry a rate at the target utilisation."""
    return int(np.ceil(rate_per_s * SERVICE_S / WORKERS / target))


@lru_cache(maxsize=32)
def sale(peak_per_s: float = PEAK_PER_S, seed: int = 1) -> Workload:
    """The flash sale of this chapter: 6 requests a second, from 600 s on *peak_per_s* for a quarter of an hour."""
    return traffic.requests(traffic.flash_sale(BASE_PER_S, peak_per_s, AT_S, 30.0, HOLD_S), seed, END_S)


@lru_cache(maxsize=4096)
def needed(rate_per_s: float) -> int:
    """Machines that a steady rate needs: 99 % of the requests within the objective."""
    return max(1, theory.servers_for(rate_per_s, SERVICE_S, SLO_S, workers=WORKERS))


@lru_cache(maxsize=256)
def run(rule: str, target: float, boot_s: float, warm: int, peak_per_s: float, seed: int = 1) -> Run:
    """The flash sale under the rule of that name."""
    policy = RULES[rule](target)
    first = fleet_for(peak_per_s, target) if rule == FIXED else fleet_for(BASE_PER_S, target)
    cloud = traffic.cloud(boot_s, first=first, warm=warm)
    return fast.simulate(policy, sale(peak_per_s, seed), cloud=cloud, seed=seed)


def machines(made: Run, rate: traffic.Rate, step_s: float = 15.0) -> pd.DataFrame:
    """Machines needed, ordered and serving in *made*, one row each for every *step_s*: time_s, machines, kind."""
    capacity = made.capacity(step_s)
    times = capacity["time_s"].to_numpy()
    looks = made.frame()
    at = np.searchsorted(looks["time_s"], times, side="right") - 1
    ordered = np.where(at < 0, made.cloud.first, looks["wanted"].to_numpy()[np.maximum(at, 0)])
    wanted = [needed(round(float(value), 1)) for value in rate(times)]
    kinds = {"needed (theory)": wanted, "ordered": ordered, "serving": capacity["serving"]}
    return pd.concat([pd.DataFrame({"time_s": times, "machines": v, "kind": k}) for k, v in kinds.items()])


def bad_day() -> alt.LayerChart:
    """The flash sale under Kubernetes' rule with its defaults at a target of 80 %: needed, ordered and serving."""
    made = [run(KUBERNETES, 0.8, 120.0, 0, PEAK_PER_S, seed) for seed in SEEDS]
    rate = traffic.flash_sale(BASE_PER_S, PEAK_PER_S, AT_S, 30.0, HOLD_S)
    rows = pd.concat([machines(each, rate, 30.0) for each in made])
    return charts.lines(
        rows[rows["time_s"] <= END_S], x="time_s", y="machines", by="kind",
        title="A flash sale from 600 s to 1,560 s, ramps included; machines boot in two minutes", x_title="time (s)",
        y_title="machines",
    )  # fmt: skip


def bad_day_table() -> Table:
    """What users saw in the quarter of an hour of the sale, in slices of three minutes; five runs."""
    made = [run(KUBERNETES, 0.8, 120.0, 0, PEAK_PER_S, seed) for seed in SEEDS]
    rows = []
    for start in np.arange(AT_S, AT_S + HOLD_S, 180.0):
        parts = [_slice(each, start, start + 180.0) for each in made]
        refused, late, load = np.mean(parts, axis=0)
        rows.append({
            "from the start of the sale (s)": f"{start - AT_S:.0f} to {start - AT_S + 180:.0f}",
            "refused (%)": round(refused, 1), "answered, but later than 4 s (%)": round(late, 1),
            "mean utilisation (%)": round(load, 1),
        })  # fmt: skip
    return table(pd.DataFrame(rows), caption="Kubernetes' rule, target 80 %, boots of 120 s: five runs")


def missed_percent(rule: str = KUBERNETES, target: float = 0.8, boot_s: float = 120.0, warm: int = 0) -> float:
    """Requests of the flash sale's 35 minutes that were refused or took longer than 4 s, in percent: five runs."""
    made = [run(rule, target, boot_s, warm, PEAK_PER_S, seed) for seed in SEEDS]
    return 100 * float(np.mean([each.missed(SLO_S) for each in made]))


def _slice(made: Run, start: float, end: float) -> tuple[float, float, float]:
    """Percent refused, percent late and the utilisation in percent between two moments."""
    sent = made.workload.arrival_s
    mine = (sent >= start) & (sent < end)
    refused = np.isnan(made.started_s[mine])
    late = ~refused & (made.finished_s[mine] - sent[mine] > SLO_S)
    looks = made.frame()
    load = looks["utilisation"][(looks["time_s"] > start) & (looks["time_s"] <= end)].mean()
    return 100 * refused.mean(), 100 * late.mean(), 100 * float(load)


def rule_at(rule: str, target: int, boot: int, warm: int, peak: int) -> tuple[alt.LayerChart, str]:
    """The flash sale under a rule; *target* in percent, *boot* in seconds, *peak* in requests a second."""
    made = run(rule, target / 100, float(boot), warm, float(peak))
    rows = machines(made, traffic.flash_sale(BASE_PER_S, peak, AT_S, 30.0, HOLD_S))
    chart = charts.lines(
        rows[rows["time_s"] <= END_S], x="time_s", y="machines", by="kind", title="Machines during the flash sale",
        x_title="time (s)", y_title="machines",
    )  # fmt: skip
    said = (
        f"{rule}: {100 * made.missed(SLO_S):.1f} % of the requests refused or later than 4 s, "
        f"{made.hours():.2f} machine hours; turns of the wanted number: {made.turns}."
    )
    return chart, said


def rule_explorer() -> Explorer:
    """Controls for the rule, its target, the boot time, the warm pool and the height of the sale."""
    return explorer(
        rule_at,
        title="A flash sale, and a rule that follows it",
        rule=choice([*RULES], KUBERNETES, "rule"),
        target=slider(30, 90, 5, 70, "target utilisation", "%"),
        boot=slider(5, 300, 5, 120, "boot time", "s"),
        warm=slider(0, 8, 1, 0, "warm pool (machines)"),
        peak=slider(10, 40, 2, 28, "requests/s in the sale"),
    )


BOOTS_S = (1.0, 15.0, 60.0, 120.0, 240.0)


def boot_or_rule(target: float = 0.7) -> alt.LayerChart:
    """Percent of requests missed for four rules and five boot times; five runs each."""
    rows = [
        {"boot": f"{boot_s:.0f} s", "rule": rule, "missed": missed_percent(rule, target, boot_s)}
        for rule in (KUBERNETES, TRACKING, STEP, BACKLOG)
        for boot_s in BOOTS_S
    ]
    return charts.heat(
        pd.DataFrame(rows), x="boot", y="rule", value="missed",
        title="Requests refused or later than 4 s (%), by rule and boot time", x_title="mean boot time", y_title="rule",
    )  # fmt: skip


def blind_metric(target: float = 0.7) -> alt.LayerChart:
    """What the rule sees (utilisation) and what there is (load in units of the capacity) during the sale."""
    made = run(KUBERNETES, target, 120.0, 0, PEAK_PER_S)
    looks = made.frame()
    looks = looks[(looks["time_s"] >= AT_S - 120) & (looks["time_s"] <= AT_S + 600)]
    seen = pd.DataFrame({"time_s": looks["time_s"], "percent": 100 * looks["utilisation"], "kind": "seen: utilisation"})
    load = 100 * looks["rate_per_s"] * SERVICE_S / WORKERS / looks["ready"]
    there = pd.DataFrame({"time_s": looks["time_s"], "percent": load, "kind": "there: load / capacity"})
    return charts.lines(
        pd.concat([seen, there]), x="time_s", y="percent", by="kind",
        title="Above 100 % the utilisation says nothing more", x_title="time (s)", y_title="percent of the capacity",
    )  # fmt: skip


def orders_table(start: int = 2, needed: int = 20, boot_s: float = 60.0) -> Table:
    """From *start* machines to *needed* under a load far above all of them: orders and seconds, by the target."""
    crowd = traffic.requests(lambda t: needed * WORKERS / SERVICE_S + 0.0 * t, 1, 1_200.0)
    cloud = Cloud(traffic.Deterministic(boot_s), WORKERS, 100, start, 1, 200)
    rows = []
    for target in (0.3, 0.5, 0.7, 0.9):
        policy = HorizontalPodAutoscaler(target, up=Behaviour(0.0, (Limit(percent=1_000),)), cpu_initialisation_s=0.0)
        made = fast.simulate(policy, crowd, cloud=cloud)
        looks = made.frame()
        reached = looks[looks["wanted"] >= needed]["time_s"].iloc[0]
        rows.append({
            "target (%)": round(100 * target), "orders needed (theory)": theory.looks_until(start, needed, target),
            "orders given (simulated)": int((looks["wanted"].diff().fillna(looks["wanted"].iloc[0] - start)
                                             [looks["time_s"] <= reached] > 0).sum()),
            "ordered enough after (s)": reached, "serving enough after (s)": reached + boot_s,
        })  # fmt: skip
    said = f"From {start} machines to {needed}, all overloaded; boots of {boot_s:.0f} s, no limit on an order"
    return table(pd.DataFrame(rows), caption=said)


def staffing_table(rates_per_s: tuple[float, ...] = (4.0, 16.0, 64.0)) -> Table:
    """How many machines a rate needs, in theory, and what that number and one less miss in simulation; five runs."""
    rows = []
    for rate in rates_per_s:
        count = needed(rate)
        enough, less = (_standing(rate, fleet) for fleet in (count, count - 1))
        rows.append({
            "requests a second": rate, "load (erlangs)": rate * SERVICE_S, "machines needed (theory)": count,
            "utilisation (%)": 100 * rate * SERVICE_S / count / WORKERS, "missed (%)": enough,
            "missed with one less (%)": less,
        })  # fmt: skip
    said = "Machines of two workers, work of 0.5 s, 99 % within 4 s: five simulated runs beside Erlang's formula"
    return table(pd.DataFrame(rows), caption=said)


def _standing(rate_per_s: float, count: int) -> float:
    """Percent missed by a fleet that stays as it is; its line has no end."""
    cloud = Cloud(workers=WORKERS, queue=None, first=count, maximum=1_000)
    policy, rate = Scheduled(((0.0, count),)), partial(np.full_like, fill_value=rate_per_s, dtype=float)
    length_s = max(1_200.0, 10_000 / rate_per_s)
    made = [fast.simulate(policy, traffic.requests(rate, seed, length_s), cloud=cloud) for seed in SEEDS]
    return 100 * float(np.mean([each.missed(SLO_S) for each in made]))
