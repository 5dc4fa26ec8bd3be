"""Lab 09, task 6: a policy judged on evenings that the learner has not seen, by what it costs and what it misses.

Five evenings, each with a sale at its own moment and of its own height. Our own rules run on the same evenings, and the
learner's is drawn beside them. Nothing is compared with a list: any policy that keeps to both limits is right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import altair as alt
import pandas as pd

from minisys.autoscaling import pareto, traffic
from minisys.autoscaling.policies import Instance, Policy, Seen
from minisys.grading.checks import Check, NotRun, Wrong
from minisys.testbed import charts

RIGHT_H = 12.0  # the chart ends there
FIRST, SHOWN, UNSEEN = 0, (1, 2, 3, 4), (41, 42, 43, 44, 45)
MOST_HOURS, MOST_MISSED = 11.5, 1.3  # of a machine an evening; percent of the requests, on average
OURS = (
    "Kubernetes 0.5, window 60 s", "Kubernetes 0.6, window 60 s", "Kubernetes 0.6, window 300 s",
    "Kubernetes 0.7, window 60 s", "Kubernetes 0.7, window 300 s", "Kubernetes 0.8, window 60 s",
    "forecast and Kubernetes 0.5, wide", "forecast and Kubernetes 0.6, bare",
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
    """The learner's policy beside our front and the limits, on the evenings of *seeds*; drawn, not judged."""
    mean = _means([judged(make, seed) for seed in seeds])
    yours = pd.DataFrame([{"who": "yours", **mean}])
    front = ours(tuple(seeds)).assign(who="our rules")
    front = front[front["hours"] <= RIGHT_H]
    made = charts.lines(
        pd.concat([front, yours])[["who", "hours", "missed_percent"]], x="hours", y="missed_percent", by="who",
        title=f"Evenings {seeds[0]} to {seeds[-1]}: yours {mean['hours']:.1f} machine hours, "
        f"{mean['missed_percent']:.2f} % missed",
        x_title="machine hours in an evening of two hours", y_title="refused or later than 4 s (%)", log_y=True,
    )  # fmt: skip
    lowest = max(0.01, 0.8 * min(front["missed_percent"].min(), mean["missed_percent"]))
    corner = pd.DataFrame([(min(6.0, mean["hours"]), MOST_HOURS, lowest, MOST_MISSED)], columns=["x", "x2", "y", "y2"])
    good = alt.Chart(corner.assign(says=f"at most {MOST_HOURS:g} h and {MOST_MISSED:g} %"))
    left = alt.X("x:Q", scale=alt.Scale(zero=False, nice=False))
    shade = good.mark_rect(opacity=0.15, color="#2a7f3f").encode(x=left, x2="x2:Q", y="y:Q", y2="y2:Q")
    words = good.mark_text(align="left", dx=8, dy=-10, fontSize=12).encode(x="x:Q", y="y:Q", text="says:N")
    short = front["rule"].str.replace("Kubernetes", "K8s").str.replace("window ", "")
    names = alt.Chart(front.assign(says=short)).mark_text(align="right", dx=-8, dy=9, fontSize=12)
    named = names.encode(x="hours:Q", y="missed_percent:Q", text="says:N")
    drawn = [layer.copy(deep=False) for layer in made.layer]
    for layer in drawn:
        layer.data = made.data if layer.data is alt.Undefined else layer.data
    return alt.layer(shade, *drawn, words, named, title=made.title, description=made.description)


def _means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


class _Noted:
    """The learner's policy, and the smallest number that it gave."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def desired(self, seen: Seen, now: float) -> int:
        wanted = self.policy.desired(seen, now)
        if wanted is not None and wanted < 0:
            look = "desired returns how many there should be in all, not how many more or fewer"
            raise Wrong(wanted, given=f"{seen.current} machines are there", expected="0 or more", look=look)
        return wanted


FULL, BOOTS = Instance(1.0, -3_600.0, True, -3_600.0), Instance(None, 0.0, False, 0.0)


@lru_cache(maxsize=8)
def _first(make: Callable[[], Policy]) -> dict[str, float]:
    """The evening of seed 0, before the check meets anything else."""
    return judged(lambda: _Noted(made_by(make)), FIRST)


def runs(make: Callable[[], Policy]) -> str:
    """One evening without a mistake, and a look at which no machine has a load."""
    try:
        one = _first(make)
    except (TypeError, RuntimeError) as problem:
        if "whole number" not in str(problem) and "wants no machine" not in str(problem):
            raise
        look = (
            "desired returns how many there should be in all: seen.current, or more, or fewer; math.ceil makes it whole"
        )
        raise Wrong(
            str(problem), given="the evening of seed 0", expected="a whole number at each look", look=look
        ) from None
    try:
        made_by(make).desired(Seen([BOOTS] * 3), 0.0)
    except Exception as problem:
        raise Wrong(
            f"{type(problem).__name__}: {problem}", given="three machines, and all of them boot", expected="a number",
            look="of machines that boot seen.utilisation() is None: ask for that first",
        ) from None  # fmt: skip
    return f"seed 0: {one['hours']:.1f} hours, {one['missed_percent']:.2f} % missed"


def same_again(make: Callable[[], Policy]) -> str:
    """Two runs of one evening are equal, with a storm between them: what it remembers is its own."""
    first, second = _around_a_storm(make)
    if first != second:
        look = "what is made in the class body, or a global, lives on from run to run: make it in __init__ (self.…)"
        raise Wrong(
            f"{first['hours']:.2f} and {second['hours']:.2f} hours", expected="the same", look=look,
            given="twice the evening of seed 0, each with a policy of its own; between them a third one met a storm",
        )  # fmt: skip
    return "twice the same"


@lru_cache(maxsize=8)
def _around_a_storm(make: Callable[[], Policy]) -> tuple[dict[str, float], dict[str, float]]:
    """The evening of seed 0 before and after another policy of the class had two hours far above any evening."""
    first, other = _first(make), made_by(make)
    for look in range(int(traffic.EVENING_S / 15)):
        other.desired(Seen([FULL] * 40, 200.0, 100), 15.0 * look)
    return first, judged(make, FIRST)


def _orders_again(make: Callable[[], Policy]) -> bool:
    """Whether four machines that boot are taken for four more that are full."""
    without, booting = (
        made_by(make).desired(Seen([FULL] * 4 + [BOOTS] * more, 16.0), 15.0) for more in (0, 4)
    )  # fmt: skip
    return booting >= 2 * without - 1


@lru_cache(maxsize=8)
def _unseen(make: Callable[[], Policy]) -> tuple[dict[str, float], ...]:
    first, second = _around_a_storm(make)
    if first != second:
        raise NotRun("its memory must be its own first, or each evening meets what is left of the one before")
    return tuple(judged(make, seed) for seed in UNSEEN)


def _over(number: float, digits: int) -> str:
    """*number*, which is above a limit, rounded so that one sees it."""
    return f"{math.ceil(number * 10**digits - 1e-9) / 10**digits:.{digits}f}"


def misses_few(make: Callable[[], Policy]) -> str:
    """At most MOST_MISSED percent on the unseen evenings."""
    rows = _unseen(make)
    mean, worst = _means(rows), max(rows, key=lambda row: row["missed_percent"])
    if mean["missed_percent"] > MOST_MISSED:
        look = "too little reserve, or it climbs too slowly when a sale begins"
        if mean["hours"] > MOST_HOURS:
            look = "dear and late: it has machines when nobody comes, and none when they do"
        raise Wrong(
            f"{_over(mean['missed_percent'], 2)} % missed, {worst['missed_percent']:.1f} % on the worst evening",
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
        elif _orders_again(make):
            look = "machines that boot are ordered again at each look: it takes them for as full as those that serve"
        raise Wrong(
            f"{_over(mean['hours'], 2)} machine hours", given="five evenings that you have not seen",
            expected=f"at most {MOST_HOURS:g}", look=look,
        )  # fmt: skip
    return f"{mean['hours']:.1f} machine hours"


def near_the_front(make: Callable[[], Policy]) -> str:
    """No rule of ours is much cheaper and misses less; where it stands beside our front is said, not judged."""
    mean, front = _means(_unseen(make)), ours(UNSEEN)
    gained_h, gained = mean["hours"] - front["hours"], mean["missed_percent"] - front["missed_percent"]
    better = front[(gained_h >= 0) & (gained >= 0) & (gained_h + gained > 1e-9)]
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
    return (
        f"yours {mean['hours']:.1f} hours, {mean['missed_percent']:.2f} %; for information: {best['rule']} has "
        f"{best['hours']:.1f} hours, {best['missed_percent']:.2f} %"
    )


JUDGED = (
    Check("it runs an evening", runs, 60.0),
    Check("it keeps its memory to itself", same_again, 60.0),
    Check(f"unseen evenings: at most {MOST_MISSED:g} % missed", misses_few, 120.0),
    Check(f"unseen evenings: at most {MOST_HOURS:g} machine hours", costs_little, 120.0),
    Check("no simple rule is two hours cheaper and misses less", near_the_front, 120.0, after_others=True),
)
