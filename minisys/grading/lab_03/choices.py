"""Lab 03, task 3: the power of two choices, by decision, in simulation and live.

"It works on my three requests" is where balancers go wrong: the next pool has a backend missing, or the two draws are
one. The checks try evenly spread luck, so that how often each backend is chosen tells how the choice is made, whatever
way the learner found to draw twice. They accept drawing with and without putting back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

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
from minisys.load_balancing.policies import Policy
from minisys.testbed.workload import Exponential, Poisson, Workload, workload

LUCKS = [(i + 0.5) / 4096 for i in range(4096)]


def answers_an_eligible_backend(two_choices: Choose) -> str:
    """Any luck, with backends missing, down to one that is left."""
    for eligible in ([0, 1, 2, 3], [0, 2, 3], [3, 1], [2]):
        for luck in (0.0, 0.1, 0.25, 0.5, 0.7071, 0.999999999):
            decision(two_choices, pool_of([2, 0, 1, 5], eligible), luck)
    return "four pools, six values of luck each"


def uses_only_its_luck(two_choices: Choose) -> str:
    """The same pool and the same luck give the same answer, and the pool is left as it was."""
    for luck in LUCKS[::64]:
        pools = [pool_of([3, 0, 1, 5], [0, 1, 2, 3]) for _ in range(8)]
        answers = {decision(two_choices, pool, luck) for pool in pools}
        if len(answers) > 1:
            look = "the only random number a policy may use is luck; `random` would make every run a different one"
            given = f"the same pool and luck {luck:.4f}, eight times"
            raise Wrong(f"backends {sorted(answers)}", given=given, expected="one backend, eight times", look=look)
        if any(pool != pool_of([3, 0, 1, 5], [0, 1, 2, 3]) for pool in pools):
            look = "the caller keeps in_flight up to date: it also knows when a request ends"
            raise Wrong("a changed pool", expected="the pool as it was", look=look)
    return "64 values of luck, eight times each"


def takes_the_less_busy_of_two(two_choices: Choose) -> str:
    """Over evenly spread luck, how often each rank of business is chosen tells how the choice is made."""
    shares = _shares(two_choices, [0, 3, 6, 9])
    again, apart = (7 / 16, 5 / 16, 3 / 16, 1 / 16), (1 / 2, 1 / 3, 1 / 6, 0.0)
    if _near(shares, again) or _near(shares, apart):
        return f"the idlest of four backends got {shares[0]:.2f} of the requests, the busiest {shares[3]:.2f}"
    look = "the second draw hangs on the first: peel it off what is left of luck, `luck = luck * n - int(luck * n)`"
    if _near(shares, tuple(reversed(again))) or _near(shares, tuple(reversed(apart))):
        look = "these are the shares of a function that takes the busier of the two"
    elif _near(shares, (1.0, 0.0, 0.0, 0.0)):
        look = "this looks at every backend: that is least connections; draw two and compare only those"
    elif _near(shares, (0.25,) * 4):
        look = "this is a single random draw: are both draws the same, or is in_flight not compared?"
    expected = " ".join(f"{share:.2f}" for share in again) + " (the same one may be drawn twice) or 0.50 0.33 0.17 0.00"
    came_out = "shares " + " ".join(f"{share:.2f}" for share in shares)
    raise Wrong(came_out, given="in flight 0, 3, 6, 9 and 4,096 values of luck", expected=expected, look=look)


def spreads_over_equals(two_choices: Choose) -> str:
    """Four idle backends get a quarter each."""
    shares = _shares(two_choices, [0, 0, 0, 0])
    if not _near(shares, (0.25,) * 4):
        came_out = "shares " + " ".join(f"{share:.2f}" for share in shares)
        look = "a tie between the two may go either way, but each of them must have been drawn at random"
        raise Wrong(came_out, given="nothing in flight anywhere", expected="0.25 0.25 0.25 0.25", look=look)
    return "a quarter each"


def _shares(choose: Choose, in_flight: Sequence[int]) -> tuple[float, ...]:
    pool = pool_of(in_flight, list(range(len(in_flight))))
    chosen = [decision(choose, pool, luck) for luck in LUCKS]
    return tuple(chosen.count(i) / len(LUCKS) for i in pool.eligible)


def _near(shares: Sequence[float], wanted: Sequence[float]) -> bool:
    return all(abs(share - want) < 0.02 for share, want in zip(shares, wanted, strict=True))


@lru_cache(maxsize=32)
def crowd(seed: int) -> Workload:
    """Ten backends busy nine tenths of the time."""
    return workload(REQUESTS, arrivals=Poisson(0.9 * 10 / WORK_S), work=Exponential(WORK_S), seed=seed)


def mean_latency_s(chooser: Policy | str, seed: int) -> float:
    """The mean latency of the crowd of *seed*, seconds."""
    return float(model.simulate(chooser, crowd(seed), backends=10, health=None, seed=seed).latency_s.mean())


def near_power_of_two(two_choices: Choose) -> str:
    """In simulation, on the same requests: not more than a tenth above the shipped power of two in any seed."""
    for seed in SEEDS:
        mine, shipped = mean_latency_s(yours(two_choices), seed), mean_latency_s("power of two", seed)
        if mine > 1.1 * shipped:
            look = "draw both candidates from pool.eligible, at random, and compare pool.in_flight"
            given = f"ten backends at 0.9, {REQUESTS:,} requests, seed {seed}"
            raise Wrong(f"mean {mine:.2g} s", given=given, expected=f"{shipped:.2g} s, as power of two", look=look)
    return f"five seeds, mean latency within a tenth of power of two; random: {mean_latency_s('random', 0):.2g} s"


def serves_live(two_choices: Choose) -> str:
    """The live proxy on the virtual clock, over real sockets."""
    requests = workload(300, arrivals=Poisson(0.8 * 4 / WORK_S), work=Exponential(WORK_S), seed=3)
    trace = live_run(yours(two_choices), requests, backends=4, health=None, clock="virtual")
    nothing_failed(trace, "300 requests through the live proxy")
    return "300 requests over real sockets, failed: 0"


TWO_CHOICES = (
    Check("the answer is an eligible backend, whatever the luck", answers_an_eligible_backend),
    Check("it uses its luck and leaves the pool alone", uses_only_its_luck),
    Check("it takes the less busy of two random backends", takes_the_less_busy_of_two),
    Check("it spreads requests over equals", spreads_over_equals),
    Check("in simulation it does what power of two does", near_power_of_two, 60.0, after_others=True),
    Check("the live proxy serves with it", serves_live, 60.0, after_others=True),
)
