"""Lab 03, task 5: a policy of one's own against least connections, while one backend is ten times slower.

A policy that wins on paper may send every request to the backend that has just answered, or never try the slow one
again. So it runs where the shipped ones run, on the same requests. Another backend is slow in every seed, so a policy
that knows an index in advance does not pass, and on a good day it must do no harm. On the real clock only the ranking
and the failures count, never a number of milliseconds.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

import altair as alt

from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_03.worlds import (
    REQUESTS,
    SEEDS,
    WORK_S,
    Choose,
    decision,
    live_run,
    nothing_failed,
    pool_of,
    yours,
)
from minisys.load_balancing import model
from minisys.load_balancing.policies import Policy, policy
from minisys.testbed import charts
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Deterministic, Exponential, Poisson, Workload, workload

SHIPPED = ("least connections", "power of two")
LIVE = 150  # requests of a live run: six seconds
FACTOR = 10.0  # how many times slower the slow backend is
GOOD_DAY = 1.5  # times least connections' mean latency that a policy may cost when nobody is slow


def bad_day(chooser: Policy | str, seed: int, slow: int | None) -> Trace:
    """20,000 requests for four backends of which number *slow* works ten times as long (None: nobody does)."""
    return model.simulate(chooser, slow_requests(seed), backends=4, speed=slow_speed(slow), health=None, seed=seed)


@lru_cache(maxsize=32)
def slow_requests(seed: int) -> Workload:
    """Traffic that three good backends carry at utilisation 0.6."""
    return workload(REQUESTS, arrivals=Poisson(36.0), work=Exponential(WORK_S), seed=seed)


def slow_speed(slow: int | None) -> list[float]:
    """The speed of each of four backends."""
    return [1.0 / FACTOR if i == slow else 1.0 for i in range(4)]


def answers_an_eligible_backend(my_policy: Choose) -> str:
    """Any pool, also one of which no latency is known yet, and one backend left."""
    for eligible in ([0, 1, 2, 3], [1, 3], [2]):
        for latency_s in ([0.0] * 4, [0.05, 0.5, 0.0, 0.04]):
            for luck in (0.0, 0.3, 0.7071, 0.999999999):
                decision(my_policy, pool_of([1, 0, 2, 0], eligible)._replace(latency_s=latency_s), luck, now=7.0)
    return "six pools, four values of luck each"


def beats_least_connections(my_policy: Choose) -> str:
    """In simulation: the p99 is below least connections' in each of five seeds, whoever is slow."""
    ratios = []
    for seed in SEEDS:
        slow = (seed + 2) % 4
        mine, theirs = bad_day(yours(my_policy), seed, slow), bad_day("least connections", seed, slow)
        ratios.append(mine.percentile(99) / theirs.percentile(99))
        if ratios[-1] >= 1.0:
            given = f"seed {seed}, backend {slow} is ten times slower, {REQUESTS:,} requests"
            expected = f"below {theirs.percentile(99):.2g} s, least connections' p99"
            raise Wrong(f"p99 {mine.percentile(99):.2g} s", given=given, expected=expected, look=_advice(mine, slow))
    return f"five seeds, another backend slow in each: p99 at most {max(ratios):.2f} of least connections'"


def _advice(trace: Trace, slow: int) -> str:
    """Where the slow requests were made slow: at the slow backend, or in the queue of a good one."""
    share = float((trace.frame.server == "abcd"[slow]).mean())
    if share < 0.01:
        return f"only {share:.1%} of the requests went there: do too many run to the same good one? Count in_flight too"
    advice = f"{share:.1%} of the requests went there: pool.latency_s tells you that it is slow"
    return f"{advice}; note that two random draws are both the slow one in 1 of 16 requests"


def no_harm_on_a_good_day(my_policy: Choose) -> str:
    """In simulation, with nobody slow: the mean latency stays near that of least connections."""
    ratios = []
    for seed in SEEDS:
        mine, theirs = (bad_day(who, seed, None).latency_s.mean() for who in (yours(my_policy), "least connections"))
        ratios.append(mine / theirs)
        if ratios[-1] > GOOD_DAY:
            given = f"seed {seed}, four equal backends, {REQUESTS:,} requests"
            look = "the fastest of late is not the idlest now: does your cost grow with pool.in_flight?"
            expected = f"at most {GOOD_DAY:g} times least connections' {theirs:.2g} s"
            raise Wrong(f"mean {mine:.2g} s", given=given, expected=expected, look=look)
    return f"five seeds, four equal backends: mean at most {max(ratios):.2f} times least connections'"


def wins_live(my_policy: Choose, clock: str = "virtual") -> str:
    """Through the live proxy: nothing fails, and the mean latency is below that of least connections."""
    requests = workload(LIVE, arrivals=Poisson(25.0), work=Deterministic(WORK_S), seed=3)
    mean_s = []
    for chooser in (yours(my_policy), policy("least connections")):
        trace = live_run(chooser, requests, backends=4, speed=slow_speed(2), health=None, clock=clock)
        nothing_failed(trace, f"{LIVE} requests through the live proxy, {chooser.name}, {clock} clock")
        mean_s.append(float(trace.latency_s.mean()))
    if mean_s[0] >= mean_s[1]:
        given = f"{LIVE} requests through the live proxy, backend 2 ten times slower, {clock} clock"
        look = "the live proxy starts knowing nothing: what does yours do while pool.latency_s is 0?"
        exact = clock == "virtual"  # on the real clock it would be another number in each run
        came_out = f"a mean of {mean_s[0]:.3g} s" if exact else "a mean above least connections'"
        expected = f"below {mean_s[1]:.3g} s, least connections' mean" if exact else "a mean below it"
        raise Wrong(came_out, given=given, expected=expected, look=look)
    return f"{LIVE} requests over real sockets, failed: 0, mean latency below least connections'"


def wins_live_in_real_time(my_policy: Choose) -> str:
    """The same with processes and Locust, six seconds for each policy."""
    return wins_live(my_policy, "real")


def your_line(my_policy: Choose) -> alt.LayerChart:
    """The tail of the bad day for the shipped policies and, once it is written, the learner's own."""
    runs = {name: [bad_day(name, seed, (seed + 2) % 4) for seed in SEEDS] for name in SHIPPED}
    with suppress(NotImplementedError):
        runs["yours"] = [bad_day(yours(my_policy), seed, (seed + 2) % 4) for seed in SEEDS]
    return charts.percentile_curve(runs, title="One of four backends is ten times slower", log_y=True)


SLOW_BACKEND = (
    Check("the answer is an eligible backend, whatever is known", answers_an_eligible_backend),
    Check("simulated, it beats least connections in five of five seeds", beats_least_connections, 120.0, True),
    Check("simulated, it does no harm when nobody is slow", no_harm_on_a_good_day, 120.0, True),
    Check("live on the virtual clock, it wins and nothing fails", wins_live, 60.0, True),
    Check("live on the real clock, it wins and nothing fails", wins_live_in_real_time, 90.0, True),
)
