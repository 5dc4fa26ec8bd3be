"""Tasks on paper: the learner's function gives a dict of named numbers, and each number is a check of its own.

Somebody who mistypes a key has not miscalculated. So a missing key names the keys that are missing and those that
nobody asked for, before any number is compared. Not here: what the numbers should be; each lab computes its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from minisys.grading.checks import Wrong

Answer = Callable[[], Mapping[str, float]]


def given_number(name: str, answer: Answer, asked: Mapping[str, str], units: Mapping[str, str]) -> float:
    """The number called *name* in what *answer* returns; *asked* and *units* say what each name means, and in what.

    Raises Wrong, with a line that helps, if the answer is no dict, lacks the name, or has something else there.
    """
    given = answer()
    if not isinstance(given, Mapping):
        raise Wrong(repr(given), expected=f"a dict with the keys {', '.join(asked)}")
    if name not in given:
        missing, other = [key for key in asked if key not in given], [str(key) for key in given if key not in asked]
        look = f"not asked for: {', '.join(other)}; a slip of the pen?" if other else ""
        raise Wrong(f"no {name!r}", expected=units[name], look=f"missing: {', '.join(missing)}. {look}".rstrip(". "))
    came = given[name]
    if isinstance(came, bool) or not isinstance(came, int | float):
        raise Wrong(repr(came), given=asked[name], expected=units[name], look="a number, without quotation marks")
    return came
