"""Lab 09, task 6: a policy judged on evenings that the learner has not seen, by what it costs and what it misses.

Five evenings, each with a sale at its own moment and of its own height. Our own rules run on the same evenings, and the
learner's is drawn beside them. Nothing is compared with a list: any policy that keeps to both limits is right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import altair as alt
import pandas as pd

from minisys.autoscaling import pareto, traffic
from minisys.autoscaling.policies import Policy
from minisys.grading.checks import Check, Wrong
from minisys.testbed import charts

SHOWN, UNSEEN = (0, 1, 2, 3), (41, 42, 43, 44, 45)
MOST_HOURS, MOST_MISSED = 11.5, 1.5  # of a machine an evening; percent of the requests, on average
OURS = (
    "Kubernetes 0.5, window 60 s", "Kubernetes 0.6, window 60 s", "Kubernetes 0.6, window 300 s",
    "Kubernetes 0.7, window 60 s", "Kubernetes 0.7, window 300 s", "Kubernetes 0.8, window 60 s",
    "forecast and Kubernetes 0.5, 1 errors", "forecast and Kubernetes 0.6, 0 errors",
    "step 0.5, cooldown 60 s", "step 0.7, cooldown 60 s", "target tracking 0.5, in after 180 s",
    "target tracking 0.7, in after 180 s",
)  # fmt: skip


def made_by(make: Callable[[], Policy]) -> Policy:
    """A policy that *make* (the learner's class) makes. Raises Wrong if it has no `desired`."""
    policy = make()
    if not hasattr(policy, "desired"):
        raise Wrong(type(policy).__name__, expected="an object with desired(self, seen, now)")
    return policy


def judged(make: Callable[[], Policy], seed: int) -> dict[str, float]:
    """Hours, percent missed and turns of the learner's policy on the evening of *seed*."""
    policy = made_by(make)
    return pareto.judge(policy, pareto.evening(seed), traffic.cloud(), seed)


@lru_cache(maxsize=4)
def ours(seeds: Sequence[int] = SHOWN) -> pd.DataFrame:
    """Our rules that nobody of ours beats, on the evenings of *seeds*: columns rule, hours, missed_percent."""
    rows = [
        {"rule": name, "boot_s": 120.0, "seed": seed, **pareto.judged(name, seed=seed)}
        for name in OURS
        for seed in seeds
    ]
    made = pareto.means(pd.DataFrame(rows))
    return made[made["front"]].sort_values("hours")[["rule", "hours", "missed_percent"]]


def beside(make: Callable[[], Policy], seeds: Sequence[int] = SHOWN) -> alt.LayerChart:
    """The learner's policy beside our front, on the evenings of *seeds*; drawn, not judged."""
    mean = _means([judged(make, seed) for seed in seeds])
    yours = pd.DataFrame([{"who": "yours", "hours": mean["hours"], "missed_percent": mean["missed_percent"]}])
    limits = pd.DataFrame(
        [(f"limit ({MOST_HOURS:g} h, {MOST_MISSED:g} %)", MOST_HOURS, MOST_MISSED)],
        columns=["who", "hours", "missed_percent"],
    )  # fmt: skip
    front = ours(tuple(seeds)).assign(who="our front")
    return charts.lines(
        pd.concat([front, yours, limits])[["who", "hours", "missed_percent"]], x="hours", y="missed_percent", by="who",
        title=f"Yours: {mean['hours']:.1f} machine hours, {mean['missed_percent']:.2f} % missed",
        x_title="machine hours in an evening of two hours", y_title="refused or later than 4 s (%)", log_y=True,
    )  # fmt: skip


def _means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def runs(make: Callable[[], Policy]) -> str:
    """One evening without a mistake."""
    try:
        one = judged(make, SHOWN[0])
    except (TypeError, RuntimeError) as problem:
        if "whole number" not in str(problem) and "wants no machine" not in str(problem):
            raise
        look = (
            "desired returns how many there should be in all: seen.current, or more, or fewer; math.ceil makes it whole"
        )
        raise Wrong(
            str(problem), given="the evening of seed 0", expected="a whole number at each look", look=look
        ) from None
    return f"seed 0: {one['hours']:.1f} hours, {one['missed_percent']:.2f} % missed"


def same_again(make: Callable[[], Policy]) -> str:
    """Two runs of one evening are equal: what it remembers is its own."""
    first, second = judged(make, SHOWN[0]), judged(make, SHOWN[0])
    if first != second:
        look = "a list in the class body, or a global, lives on from run to run: make it in __init__ (self.…)"
        raise Wrong(f"{first['hours']:.2f} and {second['hours']:.2f} hours", given="twice the evening of seed 0",
                    expected="the same", look=look)  # fmt: skip
    return "twice the same"


@lru_cache(maxsize=8)
def _unseen(make: Callable[[], Policy]) -> tuple[dict[str, float], ...]:
    return tuple(judged(make, seed) for seed in UNSEEN)


def misses_few(make: Callable[[], Policy]) -> str:
    """At most MOST_MISSED percent on the unseen evenings."""
    rows = _unseen(make)
    mean, worst = _means(rows), max(rows, key=lambda row: row["missed_percent"])
    if mean["missed_percent"] > MOST_MISSED:
        look = "too little reserve, or it climbs too slowly when a sale begins"
        if mean["hours"] > MOST_HOURS:
            look = "dear and late: it has machines when nobody comes, and none when they do"
        raise Wrong(
            f"{mean['missed_percent']:.2f} % missed, {worst['missed_percent']:.1f} % on the worst evening",
            given=f"five evenings that you have not seen, {mean['hours']:.1f} hours each",
            expected=f"at most {MOST_MISSED:g} %", look=look,
        )  # fmt: skip
    return f"{mean['missed_percent']:.2f} % missed"


def costs_little(make: Callable[[], Policy]) -> str:
    """At most MOST_HOURS on the unseen evenings."""
    mean = _means(_unseen(make))
    if mean["hours"] > MOST_HOURS:
        look = "more reserve than this needs (a higher target), or too slow to send machines home"
        if mean["turns"] == 0:
            look = "it never changed its mind: a fixed fleet is paid all night for one hour of sale"
        raise Wrong(
            f"{mean['hours']:.1f} machine hours", given="five evenings that you have not seen",
            expected=f"at most {MOST_HOURS:g}", look=look,
        )  # fmt: skip
    return f"{mean['hours']:.1f} machine hours"


def near_the_front(make: Callable[[], Policy]) -> str:
    """Where it stands beside our front: said, not judged beyond the two limits."""
    mean, front = _means(_unseen(make)), ours(UNSEEN)
    better = front[(front["hours"] <= mean["hours"]) & (front["missed_percent"] <= mean["missed_percent"])]
    if better.empty:
        return "no rule of ours beats it in both: it is on the front"
    best: Any = better.iloc[0]
    gap_h = mean["hours"] - best["hours"]
    if gap_h > 2.0:
        raise Wrong(
            f"{mean['hours']:.1f} hours, {mean['missed_percent']:.2f} % missed", given="the same evenings",
            expected=f"{best['rule']} has {best['hours']:.1f} and {best['missed_percent']:.2f} %",
            look="a simple rule is cheaper by two hours and misses less",
        )  # fmt: skip
    return f"{best['rule']} beats it: {best['hours']:.1f} hours, {best['missed_percent']:.2f} %"


JUDGED = (
    Check("it runs an evening", runs, 60.0),
    Check("it keeps its memory to itself", same_again, 60.0),
    Check("unseen evenings: at most 1.5 % missed", misses_few, 120.0),
    Check("unseen evenings: at most 11.5 machine hours", costs_little, 120.0),
    Check("beside our front", near_the_front, 120.0, after_others=True),
)
