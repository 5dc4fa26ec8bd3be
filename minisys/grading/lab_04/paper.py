"""Lab 04, tasks 1 and 2: how much memory halves the misses, and what a lost cache does to the database.

Twice the memory looks like half the misses, and a better hit ratio looks like less risk. Reference values come from
stack distances of requests that the learner has not seen, and from arithmetic. A reason is judged by its structure
only: a program cannot read an argument, so the learner compares it with the one in the solution.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from minisys.caching.curves import stack_distances
from minisys.grading.checks import Check, Wrong
from minisys.testbed.laws import Zipf
from minisys.testbed.workload import stream

PAGES, SKEW, SMALL = 10_000, 1.0, 100
WORDS = 6  # the shortest reason that can hold a cause and an effect
RATE, HIT_RATIO, BETTER, DATABASE = 3000.0, 0.90, 0.95, 500.0  # requests a second, two hit ratios, requests a second


# Task 1: change and explain ------------------------------------------------------------------------------------------


def distances(seed: int, n: int = 200_000) -> np.ndarray:
    """The stack distances of the second half of *n* requests for the shop's pages; the first half warms the cache."""
    requests = Zipf(PAGES, SKEW).sample(n, stream(seed, "key"))
    return np.asarray(stack_distances(requests)[n // 2 :])


@lru_cache(maxsize=64)
def miss_ratio(size: int) -> float:
    """LRU's misses per request with room for *size* pages, the mean of three sets of requests."""
    found = [float(((distance == 0) | (distance > size)).mean()) for distance in _unseen()]
    return sum(found) / len(found)


@lru_cache(maxsize=1)
def _unseen() -> list[np.ndarray]:
    return [distances(seed) for seed in (101, 102, 103)]


def has_three_parts(halving: Callable[[], dict[str, Any]]) -> str:
    """The answer is a dict with a prediction (any number), a measured size, and a sentence."""
    answer = halving()
    if not isinstance(answer, dict) or set(answer) != {"predicted", "measured", "because"}:
        raise Wrong(repr(answer), expected="a dict with the keys 'predicted', 'measured' and 'because'")
    if not isinstance(answer["predicted"], int | float):
        raise Wrong(f"predicted = {answer['predicted']!r}", expected="a number: your guess, whatever it was")
    measured = answer["measured"]
    if not isinstance(measured, int | float) or not SMALL < measured <= PAGES:
        look = "a number of pages, not a factor"
        raise Wrong(f"measured = {measured!r}", expected=f"pages, above {SMALL} and at most {PAGES:,}", look=look)
    return f"predicted {answer['predicted']:g}, measured {measured:g}"


def halves_the_misses(halving: Callable[[], dict[str, Any]]) -> str:
    """On requests that nobody has seen, the measured size has half of the misses of 100 pages."""
    size = round(halving()["measured"])
    small, ratio = miss_ratio(SMALL), miss_ratio(size)
    if abs(ratio / small - 0.5) <= 0.025:
        return f"{size:,} pages: miss ratio {ratio:.3f} instead of {small:.3f}"
    look = "more room, fewer misses: try sizes on both sides, and halve the distance between them"
    if abs((1 - ratio) / (1 - small) - 2.0) <= 0.06:
        look = "that doubles the hits; the database sees the misses, and those are to be halved"
    elif size == 2 * SMALL:
        look = "twice the room is far from half the misses: measure it"
    raise Wrong(f"{ratio / small:.2f} of the misses", given=f"room for {size:,} pages", expected="0.50", look=look)


def explanation_has_a_shape(halving: Callable[[], dict[str, Any]]) -> str:
    """Structure only: long enough, and about room and about how often pages are asked for."""
    text = str(halving()["because"])
    words = text.lower().split()
    if len(words) < WORDS:
        raise Wrong(
            f"{len(words)} words", expected=f"at least {WORDS}", look="say what each further page brings, and why"
        )
    about = {
        "room": ("room", "size", "memory", "large", "more", "cache", "space"),
        "how often pages are asked for": (
            "popular",
            "rare",
            "seldom",
            "often",
            "tail",
            "hot",
            "ask",
            "request",
            "zipf",
        ),
    }
    for thing, signs in about.items():
        if not any(sign in word for word in words for sign in signs):
            raise Wrong(f"nothing about {thing}", given=text, expected=f"a sentence that says something about {thing}")
    return "structure only: compare your reason with the one in the solution"


# Task 2: the cache is gone -------------------------------------------------------------------------------------------

ANSWERS = {
    "before_per_s": RATE * (1 - HIT_RATIO),
    "after_per_s": RATE,
    "times": 1 / (1 - HIT_RATIO),
    "times_at_95": 1 / (1 - BETTER),
    "needed_hit_ratio": 1 - DATABASE / RATE,
}
QUESTIONS = {
    "before_per_s": "of 3,000 requests a second only the misses reach the database",
    "after_per_s": "an empty cache answers nothing: every request is a miss",
    "times": "after divided by before, not the difference",
    "times_at_95": "the better the cache, the fewer misses before: what is 3,000 a second divided by those?",
    "needed_hit_ratio": "the database takes 500 of 3,000; what share must the cache answer?",
}
MISTAKES = {
    ("before_per_s", RATE * HIT_RATIO): "those are the hits: the database sees the others",
    ("after_per_s", DATABASE): "that is what it can serve; what is it asked for?",
    ("times", 1 / (1 - HIT_RATIO) - 1): "that is how much more comes; asked is how many times as much",
    ("times", 1 / HIT_RATIO): "1 / hit ratio: but the database sees the misses",
    ("times_at_95", 1 / (1 - HIT_RATIO)): "as at 90 %? There are only half as many misses before",
    (
        "times_at_95",
        0.5 / (1 - HIT_RATIO),
    ): "half as bad? Before there are only half as many misses, after there are as many",
    ("needed_hit_ratio", DATABASE / RATE): "that is the share of misses that the database can take",
    ("needed_hit_ratio", HIT_RATIO): "that is what you had; the database was not full then",
}


def has_every_number(lost_cache: Callable[[], dict[str, float]]) -> str:
    """A dict with the five numbers."""
    answer = lost_cache()
    if not isinstance(answer, dict) or set(answer) != set(ANSWERS):
        raise Wrong(repr(answer), expected=f"a dict with the keys {', '.join(ANSWERS)}")
    for name, value in answer.items():
        if not isinstance(value, int | float):
            raise Wrong(f"{name} = {value!r}", expected="a number")
    return "five numbers"


def _right(name: str, lost_cache: Callable[[], dict[str, float]]) -> str:
    """One of them, to 1 %."""
    value, right = lost_cache()[name], ANSWERS[name]
    if abs(value - right) <= 0.01 * right:
        return f"{name} = {value:.4g}"
    look = QUESTIONS[name]
    if name == "needed_hit_ratio" and abs(value - 100 * right) <= right:
        look = "a ratio, from 0 to 1, not percent"
    for (of, wrong), told in MISTAKES.items():
        if of == name and abs(value - wrong) <= 0.01 * wrong:
            look = told
    raise Wrong(f"{name} = {value:g}", given="3,000 requests/s, 90 % hits, a database that does 500/s", look=look)


CHANGE_AND_EXPLAIN = (
    Check("the answer has a prediction, a measurement and a reason", has_three_parts, 60.0),
    Check("the measured size halves the misses", halves_the_misses, 60.0, after_others=True),
    Check("the reason ties room to how often pages are asked for", explanation_has_a_shape, 60.0),
)
LOST_CACHE = (
    Check("the answer has five numbers", has_every_number),
    Check(
        "what the database sees before, and after", lambda f: f"{_right('before_per_s', f)}, {_right('after_per_s', f)}"
    ),
    Check("how many times as much, at 90 % and at 95 %", lambda f: f"{_right('times', f)}, {_right('times_at_95', f)}"),
    Check("the hit ratio from which on the database can follow", lambda f: _right("needed_hit_ratio", f)),
)
