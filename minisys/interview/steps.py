"""The working of a drill, line by line, with the numbers that were drawn.

"It is 6,944 requests a second" teaches nothing; "10,000,000 users × 20 = 200,000,000 a day, ÷ 86,400 s = 2,315, × 3"
can be done again with other numbers. Each line says what it is, how it comes about, and what it gives, with its unit.

Promised: the results come from the same function as the key. What the text says in between is checked by the tests,
which do the arithmetic in it for every choice of numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from minisys.interview.constants import figures
from minisys.interview.schema import Number
from minisys.interview.verdict import Line
from minisys.testbed.units import written


def filled(text: str, values: Mapping[str, float], done: Mapping[str, float] | None = None) -> str:
    """*text* with parameters (*values*), steps already *done* and constants with their units in place of {names}."""
    numbers = {name: f"{value:,.12g}" for name, value in values.items()}
    return text.format(**_constants(), **numbers, **{name: written(value, "") for name, value in (done or {}).items()})


def lines(question: Number, values: Mapping[str, float]) -> tuple[Line, ...]:
    """The working of *question* for *values*; empty when it is no drill."""
    if not question.steps:
        return ()
    found = question.working(dict(values))
    return tuple(
        Line(step.what, filled(step.how, values, found), written(found[step.name], step.unit))
        for step in question.steps
    )


@cache
def _constants() -> dict[str, str]:
    return {name: written(one.recent, one.unit) for name, one in figures().items() if one.recent is not None}
