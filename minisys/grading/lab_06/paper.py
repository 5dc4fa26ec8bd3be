"""Lab 06, tasks 1 and 2: how long a failover takes and why, and what quorums can do, by hand.

A time-out of half the length is not an outage of half the length, and four servers are no safer than three. Reference
values come from failovers in the model on seeds that the learner has not used, and from arithmetic. A reason is judged
by its structure only: a program cannot read an argument, so the learner compares it with the one in the solution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from statistics import mean, stdev
from typing import Any, NamedTuple

from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_06.words import once_valid
from minisys.replication.failover_model import fail_over
from minisys.replication.raft import CANDIDATE, PRE_CANDIDATE, Timing
from minisys.replication.theory import quorum_availability, stale_probability

WORDS = 6  # the shortest reason that can hold a cause and an effect
NOW_S, GOAL_S = 0.6, (0.4, 0.6)  # the time-out now; the mean outage that is wanted, from and to
LAG_S, SEEN, UNSEEN = 0.02, range(1, 25), range(101, 125)


# Task 1: change and explain ------------------------------------------------------------------------------------------


class Outage(NamedTuple):
    """Seconds without writes, the mean of several failovers, and its parts; str() is a line for a table by eye."""

    mean_s: float
    error_s: float  # standard error of the mean
    noticed_s: float  # until the first replica stands for election
    elected_s: float  # from then until there is a primary
    found_s: float  # from then until a client's write is acknowledged
    needless: int  # how often a replica stood for election while the primary was well, in all runs

    def __str__(self) -> str:
        parts = f"{self.noticed_s:.2f} noticing + {self.elected_s:.2f} election + {self.found_s:.2f} clients"
        return f"{self.mean_s:.2f} ± {self.error_s:.2f} s without writes = {parts}; {self.needless} false alarms before"


def outage(timeout_s: float, seeds: Iterable[int] = SEEN) -> Outage:
    """Failovers after the primary has died, one a seed; time-outs are drawn from *timeout_s* seconds to twice that."""
    timing, after_s = Timing((timeout_s, 2 * timeout_s), timeout_s / 3), 2 + 2 * timeout_s
    runs = [fail_over("async", lag_s=LAG_S, timing=timing, seed=s, clients=3, after_s=after_s) for s in seeds]
    back_s = [run.back_s for run in runs]
    noticed_s, elected_s = mean(run.detected_s for run in runs), mean(run.elected_s for run in runs)
    alarms = sum(
        run.began_s <= moment.at_s < run.fault_s and moment.role in (PRE_CANDIDATE, CANDIDATE)
        for run in runs
        for moment in run.moments
    )
    error_s = stdev(back_s) / len(runs) ** 0.5
    return Outage(mean(back_s), error_s, noticed_s, elected_s - noticed_s, mean(back_s) - elected_s, alarms)


@lru_cache(maxsize=32)
def unseen_outage(timeout_s: float) -> float:
    """Mean seconds without writes on other seeds."""
    return outage(timeout_s, UNSEEN).mean_s


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
    low_s, high_s = GOAL_S
    wanted = f"{low_s} to {high_s} s"
    if without_s > high_s:
        look = "a shorter silence must be enough to call the primary dead"
        if timeout_s >= NOW_S:
            look = "that is not shorter than it was"
        elif abs(timeout_s - 0.5) < 0.02:
            look = "the time-out is not the outage: add the election, and the clients that have to find the new primary"
        raise Wrong(f"{without_s:.2f} s without writes", given=given, expected=wanted, look=look)
    if without_s < low_s:
        look = f"less than was asked for, and it has a price: a pause of {timeout_s:g} s is a failover; take it longer"
        raise Wrong(f"{without_s:.2f} s without writes", given=given, expected=wanted, look=look)
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
    return once_valid(has_every_number, lambda quorums: f"{_right(one, quorums)}, {_right(other, quorums)}")


def _single(name: str) -> Callable[..., str]:
    return once_valid(has_every_number, lambda quorums: _right(name, quorums))


CHANGE_AND_EXPLAIN = (
    Check("the answer has a prediction, a measurement and a reason", has_three_parts),
    Check("with the measured time-out, writes go on after 0.4 to 0.6 s", reaches_the_goal, 60.0, after_others=True),
    Check("the reason ties noticing to what comes after it", once_valid(has_three_parts, explanation_has_a_shape)),
)
QUORUMS = (
    Check("the answer has seven numbers", has_every_number),
    Check("N = 5, R = 2: the smallest W, and who may be down", _pair("smallest_w", "may_be_down")),
    Check("N = 3: how often R = W = 1 reads the old value", _single("stale")),
    Check("N = 3, W = 2: how often a write succeeds", _single("available")),
    Check("majorities: how many servers, and why not four", _pair("servers", "four_survive")),
    Check("two majorities of five meet", _single("in_both")),
)
