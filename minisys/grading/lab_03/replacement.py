"""Lab 03, task 6: replace a machine under traffic, and no user sees it.

A machine is to be switched off, and a request that is being served there must not go with it. The learner writes the
steps as a plan; here it is carried out in the simulation and in the live proxy, without retries, so that nothing covers
up a lost request. When the new backend comes too late the queues run over, and that is seen too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_03.worlds import SEEDS, live_run
from minisys.load_balancing import model
from minisys.load_balancing.plan import Step, backend_names, check_plan
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Bimodal, Poisson, Workload, workload

TRAFFIC_S = 12.0


def is_a_plan(replacement: Callable[[], Sequence[Step]]) -> str:
    """Steps that make sense for a, b, c: d joins, and a is switched off before the traffic ends."""
    plan = list(replacement())
    if not plan or not all(isinstance(step, Step) for step in plan):
        raise Wrong(repr(plan), expected='a list of steps such as Step(2.0, "drain", "a")')
    try:
        check_plan(plan, backend_names(3))
    except ValueError as problem:
        raise Wrong(problem, expected="steps that make sense one after the other") from None
    if not any(step.action == "add" and step.backend == "d" for step in plan):
        raise Wrong("d never joins", expected='a step with "add", "d"', look="two backends cannot carry this traffic")
    if not any(step.action == "kill" and step.backend == "a" and step.at_s <= TRAFFIC_S for step in plan):
        expected = f'a step with "kill", "a" at {TRAFFIC_S:g} s or before'
        raise Wrong("a is never switched off", expected=expected, look="switching the machine off is the point")
    return f"{len(plan)} steps, in order: " + ", ".join(
        f"{step.action} {step.backend}" for step in check_plan(plan, backend_names(3))
    )


@lru_cache(maxsize=8)
def long_and_short(seed: int) -> Workload:
    """Twelve seconds of traffic that keeps three backends of four workers busy at 0.8; one request in ten takes 1 s."""
    work = Bimodal(short_s=0.1, long_s=1.0, long_share=0.1)
    rate_per_s = 0.8 * 12 / 0.19
    return workload(int(rate_per_s * TRAFFIC_S), arrivals=Poisson(rate_per_s), work=work, seed=seed)


def nobody_notices(replacement: Callable[[], Sequence[Step]], run: Callable[..., Trace] = model.simulate) -> str:
    """Every request is answered, without any retry, and a is empty when it is switched off."""
    plan = tuple(replacement())
    keywords = {"backends": 3, "workers": 4, "queue": 8, "plan": plan, "retries": 0}
    keywords |= {"clock": "virtual"} if run is live_run else {}
    for seed in SEEDS if run is model.simulate else [0]:
        trace = run("least connections", long_and_short(seed), **keywords)
        if trace.count("refused"):
            look = "the queues ran over: between draining a and the arrival of d only two backends are left"
            given = f"seed {seed}, twelve seconds of traffic at 0.8, your plan"
            raise Wrong(f"{trace.count('refused')} requests refused", given=given, expected="0", look=look)
        if trace.count("ok") < len(trace.frame):
            look = "what a still had was lost with it: a request may take 1 s, and may have waited in a's queue before"
            given = f"seed {seed}, twelve seconds of traffic at 0.8, your plan, no retries"
            raise Wrong(f"{len(trace.frame) - trace.count('ok')} requests failed", given=given, expected="0", look=look)
    where = "in each of five seeds" if run is model.simulate else "over real sockets"
    return f"{len(long_and_short(0)):,} requests {where}, failed: 0, refused: 0"


def nobody_notices_live(replacement: Callable[[], Sequence[Step]]) -> str:
    """The same through the live proxy on the virtual clock."""
    return nobody_notices(replacement, live_run)


REPLACEMENT = (
    Check("the steps make sense", is_a_plan),
    Check("simulated, no request fails", nobody_notices, 60.0, True),
    Check("live on the virtual clock, no request fails", nobody_notices_live, 120.0, True),
)
