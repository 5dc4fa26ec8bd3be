"""Why a rule swings, how to scale in with care, and what sleeping costs: chapter 09's pictures of the control loop.

An autoscaler is a thermostat with a pipe between tap and shower: turn hard, and you scald and freeze in turn.

Promised: simulated beside the formula. Not here: money (explore_cost.py).
"""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.autoscaling import fast, pareto, theory, traffic
from minisys.autoscaling.cloud import Cloud
from minisys.autoscaling.kubernetes import HorizontalPodAutoscaler
from minisys.autoscaling.policies import Policy, Proportional, ScaleToZero, TargetTracking
from minisys.autoscaling.record import Run
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, explorer, slider
from minisys.testbed.laws import Deterministic, Exponential
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Poisson, Workload, workload

SEEDS = range(5)
PERIOD_S, TARGET = 15.0, 0.5
SERVICE_S, SLO_S, WORKERS = traffic.SERVICE_S, traffic.SLO_S, traffic.WORKERS
LOW_PER_S, HIGH_PER_S, JUMP_S, END_S = 20.0, 28.0, 300.0, 1_800.0  # 10 and 14 machines at the target


@lru_cache(maxsize=8)
def jump(seed: int = 1) -> Workload:
    """A load that goes from 20 to 28 requests a second at 300 s and stays there."""
    return traffic.requests(traffic.ramp(LOW_PER_S, HIGH_PER_S, 1.0, JUMP_S), seed, END_S)


def swing_at(gain: int, boot: int) -> tuple[alt.LayerChart, str]:
    """The bare rule's number of machines after a jump of the load; *gain* in percent, *boot* in looks of 15 s.

    Beside it the linear theory: the rule is gain times the error, seen *boot* looks late.
    """
    start, goal = (rate * SERVICE_S / WORKERS / TARGET for rate in (LOW_PER_S, HIGH_PER_S))
    cloud = Cloud(Deterministic(max(boot * PERIOD_S, 1e-3)), WORKERS, 100, round(start), 1, 60)
    made = fast.simulate(Proportional(TARGET, gain / 100), jump(), cloud=cloud)
    looks = made.frame()
    after = int((END_S - JUMP_S) / PERIOD_S)
    linear = np.clip(theory.answer(gain / 100, boot, after, start=start, goal=goal), 0, 60)
    times = JUMP_S + PERIOD_S * np.arange(1, after + 2)
    frames = [
        pd.DataFrame({"time_s": times, "machines": linear, "kind": "linear theory"}),
        pd.DataFrame({"time_s": looks["time_s"], "machines": looks["wanted"], "kind": "ordered (simulated)"}),
    ]
    chart = charts.lines(
        pd.concat(frames), x="time_s", y="machines", by="kind", x_title="time (s)",
        title=f"The load jumps at {JUMP_S:.0f} s: from {start:.0f} machines to {goal:.0f}",
        y_title="machines",
    )  # fmt: skip
    limit, calm = theory.largest_gain(boot), theory.calm_gain(boot)
    word = "is calm" if gain / 100 <= calm else "overshoots, then settles" if gain / 100 < limit else "swings for ever"
    said = (
        f"Gain {gain / 100:.2f}, {boot} looks late: calm up to {calm:.3f}, stable up to {limit:.3f}, so in theory it "
        f"{word}. Simulated turns: {made.turns}."
    )
    return chart, said


def swing_explorer() -> Explorer:
    """Controls for the gain and the boot time."""
    return explorer(
        swing_at,
        title="The bare ratio rule after a jump of the load",
        gain=slider(5, 100, 5, 100, "gain", "%"),
        boot=slider(0, 8, 1, 8, "boot time", "looks of 15 s"),
    )


@lru_cache(maxsize=8)
def steady(seed: int) -> Workload:
    """An hour of the same load, 20 requests a second: all that changes is chance."""
    return traffic.requests(traffic.ramp(LOW_PER_S, LOW_PER_S, 1.0), seed, 3_600.0)


def flapping_table(boot_s: float = 120.0) -> Table:
    """An hour of *steady* traffic under five rules: how often the wanted number turns, and what it costs; five runs."""
    gentle = theory.calm_gain(int(boot_s / PERIOD_S))
    rules: dict[str, Policy] = {
        "bare ratio": Proportional(TARGET),
        f"bare ratio, gain {gentle:.3f}": Proportional(TARGET, gentle),
        "Kubernetes, no window": pareto.pods(TARGET, 0.0),
        "Kubernetes, window 300 s": HorizontalPodAutoscaler(TARGET),
        "target tracking": TargetTracking(TARGET),
    }
    cloud = traffic.cloud(boot_s, first=10)
    rows = []
    for name, policy in rules.items():
        made = [fast.simulate(policy, steady(seed), cloud=cloud, seed=seed) for seed in SEEDS]
        looks = [each.frame()["wanted"] for each in made]
        rows.append({
            "rule": name, "turns in an hour": np.mean([each.turns for each in made]),
            "fewest machines": round(np.mean([each.min() for each in looks])),
            "most machines": round(np.mean([each.max() for each in looks])),
            "machine hours": np.mean([each.hours() for each in made]),
            "missed (%)": np.mean([100 * each.missed(SLO_S) for each in made]),
        })  # fmt: skip
    long = 100 * np.mean([(steady(seed).work_s > SLO_S).mean() for seed in SEEDS])
    said = f"20 requests a second, 10 machines meet the target; five runs; {long:.2g} % ask for more than 4 s of work"
    return table(pd.DataFrame(rows), caption=said)


def scale_in_table(windows_s: tuple[float, ...] = (0.0, 60.0, 300.0, 900.0)) -> Table:
    """Kubernetes' rule with several windows on five evenings: cost, misses, and what a stop without draining breaks."""
    rows = []
    for window_s in windows_s:
        made = [
            fast.simulate(pareto.pods(0.6, window_s), pareto.evening(seed), cloud=traffic.cloud(), seed=seed)
            for seed in SEEDS
        ]
        rows.append({
            "window (s)": round(window_s), "machine hours": np.mean([each.hours() for each in made]),
            "missed (%)": np.mean([100 * each.missed(SLO_S) for each in made]),
            "turns": np.mean([each.turns for each in made]),
            "machines sent away": np.mean([len(sent_away(each)) for each in made]),
            "requests they still served": np.mean([sum(sent_away(each)) for each in made]),
        })  # fmt: skip
    return table(pd.DataFrame(rows), caption="Kubernetes' rule, target 60 %: the mean of five evenings of two hours")


def sent_away(made: Run) -> list[int]:
    """For each machine that was told to go while it served: how many requests it had in its hands."""
    held = []
    for lease in made.leases:
        if lease.ready_s < lease.left_s < np.inf:
            mine = made.server == lease.number
            held.append(int(((made.started_s[mine] <= lease.left_s) & (made.finished_s[mine] > lease.left_s)).sum()))
    return held


def zero_table(
    gaps_s: tuple[float, ...] = (60.0, 300.0, 1_200.0), idle_s: float = 300.0, boot_s: float = 20.0
) -> Table:
    """Scale to zero after *idle_s* without a request, for requests that come every *gaps_s* on average."""
    cloud = Cloud(Deterministic(boot_s), 1, None, 0, 0, 4)
    rows = []
    for gap_s in gaps_s:
        work = workload(400, arrivals=Poisson(1 / gap_s), work=Exponential(SERVICE_S), seed=1)
        made = fast.simulate(ScaleToZero(Proportional(), idle_s), work, cloud=cloud)
        waited = made.started_s - work.arrival_s
        rows.append({
            "one every (s)": round(gap_s), "cold (%, theory)": 100 * theory.cold_share(1 / gap_s, idle_s),
            "cold (%, simulated)": 100 * np.mean(waited > boot_s / 2),
            "its median wait (s)": np.median(waited[waited > boot_s / 2]),
            "paid (% of always on)": 100 * made.hours() / (made.end_s / 3600),
        })  # fmt: skip
    said = f"Nothing runs after {idle_s:.0f} s idle; a look every {cloud.period_s:.0f} s, a start of {boot_s:.0f} s; "
    said += "400 requests each"
    return table(pd.DataFrame(rows), caption=said)
