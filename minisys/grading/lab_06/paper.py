"""Lab 06, tasks 1 and 2: how long a failover takes and why, and what quorums can do, by hand.

A time-out of half the length is not an outage of half the length, and four servers are no safer than three. Reference
values come from failovers in the model on seeds that the learner has not used, and from arithmetic. A reason is judged
by its structure only: a program cannot read an argument, so the learner compares it with the one in the solution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.replication.failover_model import fail_over
from minisys.replication.raft import Timing
from minisys.replication.theory import quorum_availability, stale_probability

WORDS = 6  # the shortest reason that can hold a cause and an effect
NOW_S, GOAL_S, EAGER_S = 0.6, 0.5, 0.35  # the time-out now; the outage that is wanted; below this it is too eager
LAG_S, UNSEEN = 0.02, range(101, 111)


# Task 1: change and explain ------------------------------------------------------------------------------------------


def outage(timeout_s: float, seeds: Iterable[int] = range(1, 9)) -> float:
    """Mean seconds without writes after the primary has died, over *seeds*; time-outs from timeout_s to twice that."""
    timing = Timing((timeout_s, 2 * timeout_s), timeout_s / 3)
    found = [fail_over("async", lag_s=LAG_S, timing=timing, seed=seed, clients=3, after_s=3.0).back_s for seed in seeds]
    return sum(found) / len(found)


@lru_cache(maxsize=32)
def unseen_outage(timeout_s: float) -> float:
    """The same on other seeds."""
    return outage(timeout_s, UNSEEN)


def has_three_parts(failover: Callable[[], dict[str, Any]]) -> str:
    """The answer is a dict with a prediction and a measured time-out, in seconds, and a sentence."""
    answer = failover()
    if not isinstance(answer, dict) or set(answer) != {"predicted", "measured", "because"}:
        raise Wrong(repr(answer), expected="a dict with the keys 'predicted', 'measured' and 'because'")
    if not isinstance(answer["predicted"], int | float):
        raise Wrong(f"predicted = {answer['predicted']!r}", expected="a number: your guess, whatever it was")
    measured = answer["measured"]
    if not isinstance(measured, int | float) or not 0.01 <= measured <= 5:
        look = "milliseconds? The base unit is the second" if isinstance(measured, int | float) else ""
        raise Wrong(f"measured = {measured!r}", expected="a time-out in seconds, 0.01 to 5", look=look)
    return f"predicted {answer['predicted']:g} s, measured {measured:g} s"


def reaches_the_goal(failover: Callable[[], dict[str, Any]]) -> str:
    """On other seeds the outage is what was asked for, and not bought with a time-out that takes delays for deaths."""
    timeout_s = float(failover()["measured"])
    without_s = unseen_outage(timeout_s)
    given = f"time-outs of {timeout_s:g} to {2 * timeout_s:g} s, {len(UNSEEN)} unseen failovers"
    if without_s > GOAL_S * 1.1:
        look = "a shorter silence must be enough to call the primary dead"
        if timeout_s >= NOW_S:
            look = "that is not shorter than it was"
        elif abs(timeout_s - GOAL_S) < 0.02:
            look = "the time-out is not the outage: add the election, and the clients that have to find the new primary"
        raise Wrong(
            f"{without_s:.2f} s without writes", given=given, expected=f"{GOAL_S} s or a little less", look=look
        )
    if without_s < EAGER_S:
        look = "less than was asked for, and it has a price: the next late heartbeat is a failover; take it longer"
        raise Wrong(f"{without_s:.2f} s without writes", given=given, expected=f"{EAGER_S} to {GOAL_S} s", look=look)
    return f"{without_s:.2f} s without writes instead of {unseen_outage(NOW_S):.2f} s"


def explanation_has_a_shape(failover: Callable[[], dict[str, Any]]) -> str:
    """Structure only: long enough, and about noticing the silence and about what comes after that."""
    text = str(failover()["because"])
    words = text.lower().split()
    if len(words) < WORDS:
        raise Wrong(f"{len(words)} words", expected=f"at least {WORDS}", look="say what the seconds are spent on")
    about = {
        "noticing": ("notice", "silen", "timeout", "time-out", "heartbeat", "detect", "patien", "wait"),
        "what comes after it": ("elect", "vote", "client", "retry", "retries", "find", "candidate", "stand"),
    }
    for thing, signs in about.items():
        if not any(sign in word for word in words for sign in signs):
            raise Wrong(f"nothing about {thing}", given=text, expected=f"a sentence that says something about {thing}")
    return "structure only: compare your reason with the one in the solution"


# Task 2: quorums with paper and pencil -------------------------------------------------------------------------------

ANSWERS: dict[str, float] = {
    "smallest_w": 4,
    "may_be_down": 1,
    "stale": stale_probability(3, 1, 1),
    "available": quorum_availability(3, 2, 0.99),
    "servers": 5,
    "four_survive": 1,
    "in_both": 1,
}
QUESTIONS = {
    "smallest_w": "R + W must be more than N: 2 + W > 5",
    "may_be_down": "a write waits for 4 of 5",
    "stale": "one of three copies has the new value, and the read asks one of the three at random",
    "available": "all three are up, or exactly two: p^3 + 3 p^2 (1 - p)",
    "servers": "after two deaths the rest must still be more than half of *all*",
    "four_survive": "more than half of four is three",
    "in_both": "3 + 3 of 5: how many must be counted twice at least?",
}
MISTAKES = {
    ("smallest_w", 3): "2 + 3 = 5 is not more than 5: a read can meet none of the three",
    ("smallest_w", 5): "right but not the smallest: one node less is enough",
    ("may_be_down", 2): "then only 3 of 5 are left, and a write waits for 4",
    ("may_be_down", 4): "asked is how many may be missing, not how many must be there",
    ("stale", 1 / 3): "that is the chance to meet the new value",
    ("stale", 0.5): "three copies, not two",
    ("available", 0.99): "a quorum of two of three is up more often than one node",
    ("available", 0.99**2): "that is the chance that two certain ones are up; any two of the three will do",
    ("available", 0.99**3): "that is all three; two are enough",
    ("available", 1 - 0.01**3): "that is at least one of three; two are needed",
    ("servers", 3): "of three, one is left after two deaths: no majority of three",
    ("servers", 4): "of four, two are left: half is not more than half",
    ("four_survive", 2): "two of four are not more than half: a split 2 to 2 would have two majorities",
    ("in_both", 0): "then the two would need six nodes",
    ("in_both", 3): "that is the most; asked is the least",
}


def has_every_number(quorums: Callable[[], dict[str, float]]) -> str:
    """A dict with the seven numbers."""
    answer = quorums()
    if not isinstance(answer, dict) or set(answer) != set(ANSWERS):
        raise Wrong(repr(answer), expected=f"a dict with the keys {', '.join(ANSWERS)}")
    for name, value in answer.items():
        if not isinstance(value, int | float):
            raise Wrong(f"{name} = {value!r}", expected="a number")
    return "seven numbers"


def _right(name: str, quorums: Callable[[], dict[str, float]]) -> str:
    """One of them: whole numbers exactly, shares to a hundredth of what is missing to 1."""
    value, right = quorums()[name], ANSWERS[name]
    near = 1e-5 if name == "available" else 0.005
    if abs(value - right) <= near:
        return f"{name} = {value:.6g}"
    look = QUESTIONS[name]
    if name in ("stale", "available") and 1 < value <= 100:
        look = "a share, from 0 to 1, not percent"
    for (of, wrong), told in MISTAKES.items():
        if of == name and abs(value - wrong) <= near:
            look = told
    raise Wrong(f"{name} = {value:g}", look=look)


def _pair(one: str, other: str) -> Callable[..., str]:
    return lambda quorums: f"{_right(one, quorums)}, {_right(other, quorums)}"


CHANGE_AND_EXPLAIN = (
    Check("the answer has a prediction, a measurement and a reason", has_three_parts, 60.0),
    Check("with the measured time-out, writes go on after half a second", reaches_the_goal, 60.0, after_others=True),
    Check("the reason ties noticing to what comes after it", explanation_has_a_shape, 60.0),
)
QUORUMS = (
    Check("the answer has seven numbers", has_every_number),
    Check("N = 5, R = 2: the smallest W, and who may be down", _pair("smallest_w", "may_be_down")),
    Check("N = 3: how often R = W = 1 reads the old value", lambda quorums: _right("stale", quorums)),
    Check("N = 3, W = 2: how often a write succeeds", lambda quorums: _right("available", quorums)),
    Check("majorities: how many servers, and why not four", _pair("servers", "four_survive")),
    Check("two majorities of five meet", lambda quorums: _right("in_both", quorums)),
)
