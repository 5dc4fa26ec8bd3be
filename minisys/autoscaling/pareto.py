"""Every rule with every setting on many evenings: what it costs, and what it misses.

"Use a target of 60 %" is advice without a price. Each rule here is run on the same evenings, and each becomes a point:
hours of machines paid, share of requests too late. The points that no other one beats in both are the front, and a
choice among them is not a matter of skill but of what a lost customer costs.

Promised: the same requests, boots and interruptions for all; the oracle, who has seen the evening, as the bound for
rules that order ahead of the load. Not here: how to choose; see chapter 09.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import pandas as pd

from minisys.autoscaling import fast, traffic
from minisys.autoscaling.cloud import Cloud
from minisys.autoscaling.kubernetes import DOWN, UP, Behaviour, HorizontalPodAutoscaler
from minisys.autoscaling.planning import Predictive, Scheduled
from minisys.autoscaling.policies import Combined, Policy, Step, TargetTracking
from minisys.testbed.sweep import sweep
from minisys.testbed.workload import Workload

TARGETS = (0.4, 0.5, 0.6, 0.7, 0.8)
PODS, TRACKING, STEP, FORECAST, STANDING, ORACLE = FAMILIES = (
    "Kubernetes", "target tracking", "step", "forecast and Kubernetes", "a fixed fleet", "oracle",
)  # fmt: skip
SLOTS = 24


def pods(target: float, window_s: float = 300.0) -> HorizontalPodAutoscaler:
    """Kubernetes' rule with one window for scaling in."""
    return HorizontalPodAutoscaler(target, up=UP, down=Behaviour(window_s, DOWN.limits))


@lru_cache(maxsize=4)
def known(days: int = 3) -> tuple[tuple[float, ...], ...]:
    """The evenings before, as a forecast has them."""
    return tuple(tuple(day) for day in traffic.history(range(900, 900 + days)))


def forecast(target: float, errors: float = 1.0, lead_s: float = 180.0) -> Predictive:
    """The forecast of the evenings before, for the service of this chapter."""
    return Predictive(
        traffic.SERVICE_S, traffic.WORKERS, target, lead_s, errors, slot_s=300.0, history=known(), slots=SLOTS
    )


def rules() -> dict[str, tuple[str, Policy | None]]:
    """Every rule by its name: its family and the policy (None: the oracle, which needs the evening)."""
    made: dict[str, tuple[str, Policy | None]] = {}
    for target in TARGETS:
        for window_s in (60.0, 300.0, 900.0):
            made[f"{PODS} {target}, window {window_s:.0f} s"] = PODS, pods(target, window_s)
        for after_s in (180.0, 840.0):
            tracking = TargetTracking(target, in_after_s=after_s, cooldown_s=after_s / 3)
            made[f"{TRACKING} {target}, in after {after_s:.0f} s"] = TRACKING, tracking
        for errors in (0.0, 1.0):
            both = Combined([forecast(target, errors), pods(target)])
            made[f"{FORECAST} {target}, {'wide' if errors else 'bare'}"] = FORECAST, both
        for cooldown_s in (60.0, 300.0):
            out = ((target + 0.1, 1), (min(target + 0.2, 0.95), 3))
            made[f"{STEP} {target}, cooldown {cooldown_s:.0f} s"] = STEP, Step(out, ((target / 2, 1),), cooldown_s)
    made |= {f"{count} machines": (STANDING, Scheduled(((0, count),))) for count in (6, 8, 10, 12)}
    return made | {f"{ORACLE} {missed:g} %": (ORACLE, None) for missed in (0.1, 1.0, 5.0)}


@lru_cache(maxsize=8)
def evening(seed: int) -> Workload:
    """The requests of the evening of *seed*."""
    return traffic.requests(traffic.evening(seed), seed)


@lru_cache(maxsize=1)
def _rules() -> dict[str, tuple[str, Policy | None]]:
    return rules()


def judged(rule: str, boot_s: float = 120.0, seed: int = 0) -> dict[str, object]:
    """The *rule* of that name on the evening of *seed*: hours paid, percent missed, turns of the wanted number.

    Raises ValueError for an unknown rule.
    """
    if rule not in _rules():
        raise ValueError(f"no rule {rule!r}; there are {', '.join(_rules())}")
    family, policy = _rules()[rule]
    cloud, work = _cloud(boot_s, rule), evening(seed)
    policy = policy or traffic.oracle(work, float(rule.split()[1]) / 100, lead_s=boot_s + 60.0)
    return {"family": family, **judge(policy, work, cloud, seed)}


def judge(policy: Policy, work: Workload, cloud: Cloud, seed: int) -> dict[str, float]:
    """One run as three numbers: hours of machines paid, percent of requests missed, turns."""
    run = fast.simulate(policy, work, cloud=cloud, seed=seed)
    return {"hours": run.hours(), "missed_percent": 100 * run.missed(traffic.SLO_S), "turns": run.turns}


def _cloud(boot_s: float, rule: str) -> Cloud:
    """A fixed fleet is there from the beginning; all others begin with three."""
    standing = rule.endswith("machines")
    return traffic.cloud(boot_s, first=int(rule.split()[0]) if standing else 3)


def sweep_rules(
    seeds: Sequence[int] = range(20), *, boot_s: float = 120.0, jobs: int | None = None, progress: bool = True
) -> pd.DataFrame:
    """Every rule on every evening of *seeds*, one row a run: rule, boot_s, seed, family, hours, missed_percent, turns.

    With 20 seeds these are more than a thousand runs. *jobs*: processes; *progress* shows a bar.
    """
    return sweep(judged, {"rule": list(rules()), "boot_s": [boot_s]}, seeds=seeds, jobs=jobs, progress=progress)


def means(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each rule, its mean over the evenings, and whether it is on the front (the oracle is not judged)."""
    made = runs.groupby(["family", "rule"], sort=False)[["hours", "missed_percent", "turns"]].mean().reset_index()
    others = made[made["family"] != ORACLE]
    return made.assign(front=[row.family != ORACLE and not beaten(row, others) for row in made.itertuples()])


def beaten(row: object, others: pd.DataFrame) -> bool:
    """Whether one of *others* is no worse than *row* in hours and in misses, and better in one of them."""
    hours, missed = row.hours, row.missed_percent  # type: ignore[attr-defined]
    no_worse = (others["hours"] <= hours) & (others["missed_percent"] <= missed)
    return bool((no_worse & ((others["hours"] < hours) | (others["missed_percent"] < missed))).any())
