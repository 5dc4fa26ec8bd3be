"""A sweep of a thousand autoscaling runs against the clock, and the compiled twin beside the SimPy model.

A reader who doubts the Pareto front of chapter 09 runs it again with more evenings; it should not take an evening.

Promised: the sweep that the chapter calls, on all cores; the twins run the same evening, and must agree.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

from benchmarks.report import Section
from minisys.autoscaling import fast, model, pareto, traffic

EVENINGS = 20
NOTE = """{rules} rules on {evenings} evenings of two hours, {requests:,} requests each, all of chapter 09's front; \
{cores} cores. Twin and model: one of these runs (Kubernetes, target 60 %), the median of {rounds} rounds of CPU time; \
start, end and machine of every request are equal."""


def section(rounds: int, say: Callable[[str], None]) -> Section:
    """The sweep's time and the twins' ratio."""
    slow_s, fast_s = twins(rounds, say)
    say(f"autoscaling: {len(pareto.rules()) * EVENINGS:,} runs")
    started = time.perf_counter()
    runs = pareto.sweep_rules(range(EVENINGS), progress=False)
    took_s = time.perf_counter() - started
    rows = [
        (f"sweep of {len(runs):,} runs", f"{took_s:.1f} s", f"{len(runs) / took_s:.1f} runs/s"),
        ("one run, compiled twin", f"{1000 * fast_s:.0f} ms", f"{slow_s / fast_s:.0f} times as fast as the model"),
        ("one run, SimPy model", f"{1000 * slow_s:.0f} ms", ""),
    ]
    note = NOTE.format(
        rules=len(pareto.rules()), evenings=EVENINGS, requests=len(pareto.evening(0)), cores=os.cpu_count(),
        rounds=rounds,
    )  # fmt: skip
    return Section("Autoscaling runs", note, ["what", "time", ""], rows)


def twins(rounds: int, say: Callable[[str], None]) -> tuple[float, float]:
    """CPU seconds of the same run in the model and in its twin. Raises AssertionError if they differ."""
    work, cloud, policy = pareto.evening(0), traffic.cloud(), pareto.pods(0.6)
    fast.warm_up().join()
    times: dict[str, list[float]] = {"model": [], "fast": []}
    for _ in range(rounds):
        say("autoscaling: model and twin")
        answers = []
        for name, simulate in (("model", model.simulate), ("fast", fast.simulate)):
            started = time.process_time()
            answers.append(simulate(policy, work, cloud=cloud).finished_s)
            times[name].append(time.process_time() - started)
        assert (answers[0] == answers[1]).all(), "the twins differ"
    return statistics.median(times["model"]), statistics.median(times["fast"])
