"""What an answer was worth, in the form that page and terminal show, and how positions in an answer are checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

MARKS = ("good", "bad", "missed", "note")


class Line(NamedTuple):
    """One step of a working as it is shown: what it is, how it comes about, and the result with its unit."""

    what: str
    how: str
    result: str


@dataclass(frozen=True)
class Verdict:
    """*points* from 0 to 1; *said* in a sentence; *notes* as (mark, what, why); *steps* is the working of a drill."""

    points: float
    said: str
    right: str
    explanation: str
    notes: tuple[tuple[str, str, str], ...] = ()
    steps: tuple[Line, ...] = ()


def is_place(answer: Any, count: int) -> bool:
    """Whether *answer* is one position below *count*; True and "0" are none."""
    return isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < count


def are_places(answer: Any, count: int) -> bool:
    """Whether *answer* is a list of different positions below *count*, with at least one in it."""
    if not isinstance(answer, Sequence) or isinstance(answer, str) or not 0 < len(answer) <= count:
        return False
    return all(is_place(i, count) for i in answer) and len(set(answer)) == len(answer)
