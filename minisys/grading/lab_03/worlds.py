"""What the tasks of lab 03 share: the learner's function, put where the shipped policies run.

A function in a notebook returns None for one luck in a thousand, and the simulation breaks with an error from deep
inside. Here every answer of the learner's function is looked at on its way, in every world, and a wrong one is shown
with the pool that it was given. A live world that cannot be had is a reason, not a failure.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from IPython.utils.capture import capture_output

from minisys.grading.checks import NotRun, Wrong
from minisys.load_balancing.plan import backend_names
from minisys.load_balancing.policies import Policy, Pool, new_pool, policy
from minisys.testbed.trace import Trace

Choose = Callable[[Pool, int, float, float], int]
SEEDS = range(5)
REQUESTS = 20_000  # below that the wrong policy can win: with 600 the p99 of three policies overlap
WORK_S = 0.05


def pool_of(in_flight: Sequence[int], eligible: Sequence[int]) -> Pool:
    """A pool of equal backends with *in_flight* requests each, of which the *eligible* ones may be chosen."""
    names = backend_names(len(in_flight))
    pool = new_pool(names, [1.0] * len(names), policy("random"))
    return pool._replace(in_flight=list(in_flight), eligible=list(eligible))


def decision(choose: Choose, pool: Pool, luck: float, now: float = 0.0, key: int = 0) -> int:
    """What *choose* answers; raises Wrong, with the pool that was given, unless it is an eligible index."""
    answer = choose(pool, key, luck, now)
    try:
        index = operator.index(answer)
    except TypeError:
        index = -1
    if index not in pool.eligible:
        given = f"eligible {list(pool.eligible)}, in flight {list(pool.in_flight)}, luck {luck:.4g}"
        look = "an index from pool.eligible: pool.eligible[k], not k itself; is there a `return` on every path?"
        raise Wrong(repr(answer), given=given, expected=f"one of {list(pool.eligible)}", look=look)
    return index


def yours(choose: Choose) -> Policy:
    """The learner's function as a policy that drops into every world; each of its answers is looked at."""

    def looked_at(pool: Pool, key: int, luck: float, now: float) -> int:
        return decision(choose, pool, luck, now, key)

    return Policy("yours", looked_at)


def live_run(*arguments: Any, **keywords: Any) -> Trace:
    """live.run, or NotRun with the reason where no process or socket can be had.

    What it says of a busy machine is dropped: only failures and the ranking count here, and a report must not differ
    from run to run.
    """
    try:
        from minisys.load_balancing import live

        with capture_output(stdout=False):
            return live.run(*arguments, **keywords)
    except (ImportError, OSError, RuntimeError) as problem:
        raise NotRun(f"the live world cannot start here ({problem}); `minisys doctor` tells more") from None


def nothing_failed(trace: Trace, where: str) -> None:
    """Raises Wrong unless every request of *trace* was answered."""
    lost = len(trace.frame) - trace.count("ok")
    if lost:
        kinds = ", ".join(f"{trace.count(kind)} {kind}" for kind in trace.frame.outcome.cat.categories if kind != "ok")
        raise Wrong(f"{lost} of {len(trace.frame)} requests not answered ({kinds})", given=where, expected="0")
