"""Lab 02, tasks 1 and 2: how busy a large pool may be, and how many servers four times the load needs.

"We run at 50 %, so we need twice the load's worth of machines" was right for one machine and is waste for sixteen.
Reference values are computed from Erlang's formula, never written down. A reason is judged by its structure only: a
program cannot read an argument, so the learner compares it with the one in the solution.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.scaling import theory
from minisys.testbed.queueing import erlang_c, mmc

SERVERS = 16
ALONE_LOAD = 0.5  # one server that is busy so much makes a request wait one service time on average
CLOSE = 0.01  # how far a measured load may lie from the exact one
LOAD, STAFF, TIMES = 100.0, 110, 4  # task 2: erlangs, servers that carry them well, and how much the load grows
WORDS = 6  # the shortest reason that can hold a cause and an effect


# Task 1: change and explain ------------------------------------------------------------------------------------------


def wait(load: float) -> float:
    """The mean wait of SERVERS servers with one queue at *load* of their capacity, in service times (M/M/c)."""
    return mmc(load * SERVERS, 1.0, SERVERS).wait_s


@lru_cache
def load_where(what: Callable[[float], float], goal: float) -> float:
    """The load at which *what*, which rises with it, reaches *goal*; by bisection."""
    low, high = 1e-6, 1 - 1e-6
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if what(middle) < goal else (low, middle)
    return low


def share_that_waits(load: float) -> float:
    """Erlang C for SERVERS servers at *load* of their capacity."""
    return erlang_c(load * SERVERS, SERVERS)


def has_three_parts(sixteen: Callable[[], dict[str, Any]]) -> str:
    """The answer is a dict with a prediction (any number), a measured load, and a sentence."""
    answer = sixteen()
    if not isinstance(answer, dict) or set(answer) != {"predicted", "measured", "because"}:
        raise Wrong(repr(answer), expected="a dict with the keys 'predicted', 'measured' and 'because'")
    if not isinstance(answer["predicted"], int | float):
        raise Wrong(f"predicted = {answer['predicted']!r}", expected="a number: your guess, whatever it was")
    if not isinstance(answer["measured"], int | float) or not 0 < answer["measured"] < 1:
        look = "a load here is a share of the capacity of all sixteen: 0.8, not 80 and not 12.8 servers"
        raise Wrong(f"measured = {answer['measured']!r}", expected="a number above 0 and below 1", look=look)
    return f"predicted {answer['predicted']:.2g}, measured {answer['measured']:.3g}"


def measured_the_same_wait(sixteen: Callable[[], dict[str, Any]]) -> str:
    """At the measured load, sixteen servers with one queue make a request wait one service time, by Erlang C."""
    load = sixteen()["measured"]
    exact = load_where(wait, wait_alone())
    came_out = f"a mean wait of {wait(load):.2g} service times"
    if abs(load - exact) <= CLOSE:
        return f"{came_out} by Erlang C; it is 1 at {exact:.3f}"
    raise Wrong(came_out, given=f"measured load {load:.4g}", expected="1.0 service times", look=_advice(load))


def wait_alone() -> float:
    """The mean wait of one server at ALONE_LOAD, in service times."""
    return mmc(ALONE_LOAD, 1.0, 1).wait_s


def _advice(load: float) -> str:
    """What the learner may have measured instead."""
    known = {
        ALONE_LOAD: "that is for sixteen servers with a queue each; here all sixteen share one queue",
        1
        - 1 / SERVERS: "that is the wait of those who wait, 1 / (16 (1 - load)); most of the others do not wait at all",
        load_where(share_that_waits, ALONE_LOAD): "there half of the requests wait, as at one server, but a far "
        "shorter time; the question is about the mean wait",
    }
    near = min(known, key=lambda other: abs(other - load))
    if abs(near - load) < 0.004:
        return known[near]
    return "measure closer: three loads around the place where the wait passes 1.0"


def explanation_has_a_shape(sixteen: Callable[[], dict[str, Any]]) -> str:
    """Structure only: long enough, and about waiting and about servers that are free."""
    text = str(sixteen()["because"])
    words = text.lower().split()
    if len(words) < WORDS:
        raise Wrong(f"{len(words)} words", expected=f"at least {WORDS}", look="say who is free when a request comes")
    about = {
        "waiting": ("wait", "queue", "line", "averag", "variab"),
        "free servers": ("free", "idle", "busy", "any of", "one of", "pool"),
    }
    for thing, signs in about.items():
        if not any(sign in text.lower() for sign in signs):
            raise Wrong(f"nothing about {thing}", given=text, expected="a sentence that ties waiting to free servers")
    return "structure only: compare your reason with the one in the solution"


# Task 2: by hand -----------------------------------------------------------------------------------------------------


def same_share_waits(staff: Any) -> str:
    """The number of servers at which the same share of requests waits; the square-root rule is near enough."""
    answer = staff() if callable(staff) else staff
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        raise Wrong(repr(answer), expected="a number of servers")
    load = TIMES * LOAD
    goal = erlang_c(LOAD, STAFF)
    exact = theory.servers_needed(load, goal)
    if abs(answer - exact) <= 2:
        mine = erlang_c(load, int(answer))
        return f"with {answer:g} servers {mine:.1%} of the requests wait; before {goal:.1%} did ({exact} by Erlang C)"
    given = f"{load:g} erlangs, your {answer:g} servers"
    expected = f"{goal:.0%}, as with {LOAD:g} erlangs and {STAFF} servers"
    waits = f"{erlang_c(load, int(answer)):.1%} of the requests wait" if answer > load else "the queue grows for ever"
    raise Wrong(waits, given=given, expected=expected, look=_slip(answer, load))


def _slip(answer: float, load: float) -> str:
    """The mistake that leads to *answer*, if it is a known one."""
    spare = STAFF - LOAD
    known = {
        TIMES * STAFF: "that keeps the same share of spare servers, a tenth; luck evens out in a large pool, so the "
        "spare ones need only grow as the square root of the load",
        load + spare: f"that keeps the same {spare:g} spare servers; the ups and downs of the traffic have grown too",
        load: "that many are busy on average; without a spare one the queue never empties",
        load + spare * TIMES**2: "the spare servers grow as the square root of the load, not as its square",
        load + LOAD**0.5 * TIMES**0.25: "take the square root of the load itself",
    }
    near = min(known, key=lambda other: abs(other - answer))
    if abs(near - answer) <= 0.5:
        return known[near]
    return "spare servers = beta x square root of the load; work beta out from 100 erlangs and 110 servers first"


CHANGE_AND_EXPLAIN = (
    Check("the answer has a prediction, a measurement and a reason", has_three_parts, 60.0),
    Check("at the measured load the mean wait is one service time", measured_the_same_wait, 60.0, after_others=True),
    Check("the reason ties waiting to free servers", explanation_has_a_shape, 60.0),
)
BY_HAND = (Check("the same share of the requests waits as before", same_share_waits),)
