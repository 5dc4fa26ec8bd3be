"""Lab 03, tasks 1 and 2: a measurement with a reason, and an order traced by hand.

A utilisation that looks harmless doubles the queue, and a rotation that looks fair sends bursts. Reference values are
computed from the formula and from the package's own policy, never written down. A reason is judged by its structure
only: a program cannot read an argument, so the learner compares it with the one in the solution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.load_balancing.policies import new_pool, policy, smooth_weighted_round_robin

DOUBLING = 2 / 3  # rho / (1 - rho) = 2 x 0.5 / (1 - 0.5): M/M/1, Kleinrock 1975
WEIGHTS = {"a": 4.0, "b": 2.0, "c": 1.0}
WORDS = 6  # the shortest reason that can hold a cause and an effect


# Task 1: change and explain ------------------------------------------------------------------------------------------


def has_three_parts(doubling: Callable[[], dict[str, Any]]) -> str:
    """The answer is a dict with a prediction (any number), a measured utilisation, and a sentence."""
    answer = doubling()
    if not isinstance(answer, dict) or set(answer) != {"predicted", "measured", "because"}:
        raise Wrong(repr(answer), expected="a dict with the keys 'predicted', 'measured' and 'because'")
    if not isinstance(answer["predicted"], int | float):
        raise Wrong(f"predicted = {answer['predicted']!r}", expected="a number: your guess, whatever it was")
    if not isinstance(answer["measured"], int | float) or not 0.5 < answer["measured"] < 1:
        look = "a utilisation is a share of the time: 0.8, not 80; and it must rise for the wait to double"
        raise Wrong(f"measured = {answer['measured']!r}", expected="a number above 0.5 and below 1", look=look)
    return f"predicted {answer['predicted']:.2g}, measured {answer['measured']:.2g}"


def measured_the_doubling(doubling: Callable[[], dict[str, Any]]) -> str:
    """The measured utilisation doubles the mean wait, by M/M/1: the wait is rho / (1 - rho) service times."""
    rho = doubling()["measured"]
    times = (rho / (1 - rho)) / (0.5 / (1 - 0.5))
    if abs(rho - DOUBLING) <= 0.03:
        return f"there the mean wait is {times:.1f} times the one at 0.5"
    look = "measure closer: try three utilisations around the place where the wait doubles, with 50,000 requests each"
    if abs(rho - 0.75) <= 0.01:
        look = "that doubles the mean latency, waiting plus service; the question is about waiting alone"
    given = f"measured utilisation {rho:.3g}"
    raise Wrong(f"a mean wait {times:.1f} times the one at 0.5", given=given, expected="2.0 times", look=look)


def explanation_has_a_shape(doubling: Callable[[], dict[str, Any]]) -> str:
    """Structure only: long enough, and about waiting and about utilisation."""
    text = str(doubling()["because"])
    words = text.lower().split()
    if len(words) < WORDS:
        raise Wrong(f"{len(words)} words", expected=f"at least {WORDS}", look="say what rises, and why it rises faster")
    about = {"waiting": ("wait", "queue"), "utilisation": ("utili", "busy", "idle", "load", "rho", "ρ")}
    for thing, signs in about.items():
        if not any(sign in word for word in words for sign in signs):
            raise Wrong(f"nothing about {thing}", given=text, expected=f"a sentence that ties waiting to {thing}")
    return "structure only: compare your reason with the one in the solution"


# Task 2: trace by hand -----------------------------------------------------------------------------------------------


def _smooth(choices: int) -> Iterator[tuple[str, dict[str, float]]]:
    """The reference: each choice for WEIGHTS, with the credits after it."""
    names = list(WEIGHTS)
    pool = new_pool(names, list(WEIGHTS.values()), policy("weighted round robin"))
    for _ in range(choices):
        chosen = names[smooth_weighted_round_robin(pool, 0, 0.0, 0.0)]
        yield chosen, dict(zip(names, pool.credit, strict=True))


def _order(smooth_order: Any) -> str:
    answer = smooth_order() if callable(smooth_order) else smooth_order
    return "".join(str(name).strip(" ,'\"") for name in answer if str(name) not in " ,->'\"")


def one_whole_cycle(smooth_order: Any) -> str:
    """As many choices as the weights add up to, each backend as often as its weight says."""
    order, cycle = _order(smooth_order), int(sum(WEIGHTS.values()))
    if len(order) != cycle or set(order) - set(WEIGHTS):
        raise Wrong(f"{len(order)} choices: {order}", expected=f"{cycle} choices among a, b and c: 4 + 2 + 1")
    for name, weight in WEIGHTS.items():
        if order.count(name) != weight:
            raise Wrong(f"{name} {order.count(name)} times in {order}", expected=f"{name} {weight:g} times")
    return f"{cycle} choices in the ratio 4 : 2 : 1"


def smooth_all_along(smooth_order: Any) -> str:
    """The order is the algorithm's, choice by choice; the first wrong one is shown with the credits before it."""
    order, credit = _order(smooth_order), dict.fromkeys(WEIGHTS, 0.0)
    for i, (right, after) in enumerate(_smooth(7)):
        if order[i : i + 1] != right:
            before = ", ".join(f"{name} {value + WEIGHTS[name]:g}" for name, value in credit.items())
            look = "the largest credit is chosen and pays 7; then everybody earns their weight again"
            if order == "".join(name * int(weight) for name, weight in WEIGHTS.items()):
                look = f"that is weighted round robin without the smoothing: a burst of four for a; {look}"
            given = f"choice {i + 1}, credits after earning: {before}"
            raise Wrong(order[i : i + 1] or "nothing", given=given, expected="the largest credit", look=look)
        credit = after
    return f"all credits are back at 0 after {order}"


CHANGE_AND_EXPLAIN = (
    Check("the answer has a prediction, a measurement and a reason", has_three_parts, 60.0),
    Check("the measured utilisation doubles the mean wait", measured_the_doubling, 60.0, after_others=True),
    Check("the reason ties waiting to utilisation", explanation_has_a_shape, 60.0),
)
TRACE_BY_HAND = (
    Check("the order is one whole cycle", one_whole_cycle),
    Check("every choice is the algorithm's", smooth_all_along),
)
