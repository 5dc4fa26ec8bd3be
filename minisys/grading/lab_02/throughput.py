"""Lab 02, task 3: requests answered a second, while the system was warm and users still came.

A benchmark reported several times what the server can do. It had counted errors: nothing is faster than a refusal, and
a user in a closed loop who was refused is back at once. Here the learner's function meets a trace small
enough to count on the fingers, a simulated overload, and a live server in exactly that state. What is expected is
counted from the same trace, so no timing decides.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from minisys.grading.checks import Check, NotRun, Wrong
from minisys.load_balancing import fast
from minisys.testbed import nodes
from minisys.testbed.load import load
from minisys.testbed.trace import OUTCOMES, Trace
from minisys.testbed.workload import Deterministic, Exponential, Poisson, workload

Measure = Callable[[Trace, float, float], float]
WORKERS, WORK_S, QUEUE = 4, 0.05, 4
CAPACITY_PER_S = WORKERS / WORK_S
CLOSE = 1e-6
ROWS = (  # sent, finished, outcome; None: never
    (0.0, 0.9, "ok"), (0.5, 1.8, "ok"), (1.2, 2.7, "ok"), (2.1, 2.1, "refused"), (2.5, 3.6, "ok"), (3.0, 4.5, "ok"),
    (3.2, 3.2, "refused"), (3.5, 5.5, "timeout"), (4.1, 5.4, "ok"), (5.0, 6.3, "ok"), (5.5, 5.5, "refused"),
    (5.8, 7.2, "ok"), (6.5, None, "unfinished"),
)  # fmt: skip


def answered_per_s(trace: Trace, begin_s: float, end_s: float) -> float:
    """What is expected: requests answered well between *begin_s* and *end_s*, a second."""
    done_s = trace.frame["finished_s"].where(trace.frame["outcome"] == "ok")
    return float(done_s.between(begin_s, end_s).sum() / (end_s - begin_s))


def by_mistake(trace: Trace, begin_s: float, end_s: float) -> dict[str, float]:
    """What comes out of known mistakes, each with its name."""
    f, window_s = trace.frame, end_s - begin_s
    ok = f["outcome"] == "ok"
    sent, finished = (f[name].between(begin_s, end_s) for name in ("sent_s", "finished_s"))
    counted = {
        "you count whoever got any answer: refused and timed out requests did no work for anybody": finished,
        "you count requests sent, but the question is what was answered": sent,
        "you count requests that were sent in the window and answered some time; those answered in it count, "
        "whenever they were sent": sent & ok,
        "you leave out those sent before the window and answered in it": sent & finished & ok,
        "you count the answers of the whole run, the warm-up too": ok,
    }
    made = {name: float(rows.sum() / window_s) for name, rows in counted.items()}
    made["that is the whole run: the warm-up counts, and so does the end, when users had stopped coming"] = (
        trace.throughput_per_s
    )
    made["divide by the length of the window, not by that of the run"] = float((ok & finished).sum()) / trace.span_s
    return made | {"a number of requests; divide by the seconds of the window": float((ok & finished).sum())}


def small() -> Trace:
    """Thirteen requests to one server, for counting on the fingers."""
    sent, finished, outcome = zip(*ROWS, strict=True)
    done = np.array([np.nan if at is None else at for at in finished], dtype=float)
    server = [0 if word == "ok" else -1 for word in outcome]
    codes = [OUTCOMES.index(word) for word in outcome]
    started = np.where([word == "ok" for word in outcome], done - 0.1, np.nan)
    return Trace.from_columns(sent, started, done, server, ["a"], codes, [1] * len(ROWS), range(len(ROWS))).check()


@lru_cache
def overloaded() -> Trace:
    """Twice the traffic that four workers can take, who let four wait and refuse the rest."""
    offered = workload(2_000, arrivals=Poisson(2 * CAPACITY_PER_S), work=Exponential(WORK_S), seed=2)
    return fast.simulate("random", offered, backends=1, workers=WORKERS, queue=QUEUE)


def _look(measure: Measure) -> str:
    """The name of the mistake, if the answers for both traces are what it gives."""
    made = [(float(measure(*each)), by_mistake(*each)) for each in ((small(), 2.0, 6.0), (overloaded(), 2.0, 10.0))]
    for name in made[0][1]:
        if all(abs(answer - slips[name]) <= 0.02 * slips[name] for answer, slips in made):
            return name
    return "count the rows whose outcome is ok and whose finished_s lies in the window; divide by its seconds"


def counts_on_the_fingers(measure: Measure) -> str:
    """Thirteen requests, of which the window sees some answered, some refused and one given up."""
    answer, right = measure(small(), 2.0, 6.0), answered_per_s(small(), 2.0, 6.0)
    try:
        number = float(answer)
    except (TypeError, ValueError):
        raise Wrong(repr(answer), expected="one number: requests a second") from None
    if not abs(number - right) <= CLOSE:
        given = "13 requests of which 4 were answered from second 2 to second 6"
        raise Wrong(f"{number:.4g} a second", given=given, expected=f"{right:g} a second", look=_look(measure))
    return "4 answered in 4 seconds, whatever else was refused meanwhile"


def stays_below_the_capacity(measure: Measure) -> str:
    """Overloaded, simulated: the figure is what the workers did, not what was asked of them."""
    trace = overloaded()
    for begin_s, end_s in ((2.0, 10.0), (4.0, 8.0), (3.5, 4.5)):
        number, right = float(measure(trace, begin_s, end_s)), answered_per_s(trace, begin_s, end_s)
        if not abs(number - right) <= 1.01 / (end_s - begin_s):  # one on the edge may count or not
            given = f"{2 * CAPACITY_PER_S:g} requests a second come, {CAPACITY_PER_S:g} can be served; "
            given += f"from {begin_s:g} s to {end_s:g} s"
            raise Wrong(f"{number:.4g} a second", given=given, expected=f"{right:.4g} a second", look=_look(measure))
    return f"three windows of a run with twice the traffic that fits: about {CAPACITY_PER_S:g} a second, as can be"


def is_not_fooled_by_a_closed_loop(measure: Measure) -> str:
    """Live: twelve users in a closed loop, of whom some are refused and come again at once."""
    offered = workload(1_000, arrivals=Poisson(500.0), work=Deterministic(WORK_S), seed=1)
    words = ("--workers", str(WORKERS), "--queue", str(QUEUE))
    try:
        with nodes.start("minisys.testbed.backend", *words) as node:
            trace = load(node.url, offered, users=12, think_s=0.01, progress=False)
    except (OSError, RuntimeError) as problem:
        raise NotRun(f"the live world cannot start here ({problem}); `minisys doctor` tells more") from None
    begin_s, end_s = (float(trace.frame["sent_s"].quantile(share)) for share in (0.2, 0.8))
    number, right = float(measure(trace, begin_s, end_s)), answered_per_s(trace, begin_s, end_s)
    if not abs(number - right) <= 1.01 / (end_s - begin_s):
        given = f"12 users in a closed loop, a server for {CAPACITY_PER_S:g} requests a second"
        raise Wrong(f"{number:.4g} a second", given=given, expected=f"{right:.4g} a second", look=_look(measure))
    return f"12 users who come again at once: yours is within the {CAPACITY_PER_S:g} a second that can be"


THROUGHPUT = (
    Check("it counts what was answered in the window, and nothing else", counts_on_the_fingers, 20.0),  # may compile
    Check("simulated, an overload does not raise it", stays_below_the_capacity, 30.0, True),
    Check("live, users in a closed loop do not raise it", is_not_fooled_by_a_closed_loop, 40.0, True),
)
