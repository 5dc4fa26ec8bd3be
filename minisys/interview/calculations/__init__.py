"""The code behind the bank's numbers: a question names one of these, and its parameters are the arguments.

A key that was worked out on paper is wrong in one of thirty cases. Here it runs: the formulas are those of the
chapters, and wrong ways that people often go stand beside them, so that the feedback can say which way it was. One
module for each chapter; those of the estimation drills are in `amounts` and `times`.

Promised: each function is pure; its name ends with the unit of its result where it has one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

Calculation = Callable[..., float]
Working = Callable[..., dict[str, float]]
CALCULATIONS: dict[str, Calculation] = {}
WORKINGS: dict[str, Working] = {}


def calculation(function: Calculation) -> Calculation:
    """Makes *function* available to the bank under its name. Raises ValueError if there is another of that name."""
    if function.__name__ in CALCULATIONS:
        raise ValueError(f"there are two calculations called {function.__name__}")
    CALCULATIONS[function.__name__] = function
    return function


def working(function: Working) -> Working:
    """Makes *function*, which returns named steps in order, available with its steps; the last step is its result."""

    @wraps(function)
    def result(**values: float) -> float:
        return list(function(**values).values())[-1]

    calculation(result)
    WORKINGS[function.__name__] = function
    return function


from minisys.interview.calculations import (  # noqa: E402 (they register themselves)
    amounts,  # noqa: F401
    autoscaling,  # noqa: F401
    availability,  # noqa: F401
    caching,  # noqa: F401
    chaos,  # noqa: F401
    content_delivery,  # noqa: F401
    design,  # noqa: F401
    load_balancing,  # noqa: F401
    observability,  # noqa: F401
    queues,  # noqa: F401
    regions,  # noqa: F401
    replication,  # noqa: F401
    resilience,  # noqa: F401
    scaling,  # noqa: F401
    sharding,  # noqa: F401
    times,  # noqa: F401
)
