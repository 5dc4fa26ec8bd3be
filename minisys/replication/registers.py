"""What one register may answer when operations come one after another: the yardstick a replicated store is held to.

With one copy and one client there is nothing to argue about: after `write 3` a read says 3. A replicated store is
right if its clients cannot tell it from such a single copy. This file is that single copy, as one function.

Promised: reads, writes, compare-and-set, increments and deletes as a Redis string has them; an absent key reads as
None and counts as 0 for an increment. An operation of unknown outcome is asked for its effect only. Not done here:
in which order operations took effect; see search.py.
"""

from __future__ import annotations

from typing import Any

from minisys.replication.history import Operation


class _Mark:
    """A value that no client can have written."""

    def __init__(self, says: str) -> None:
        self.says = says

    def __repr__(self) -> str:
        return self.says


IMPOSSIBLE = _Mark("impossible")
UNSEEN = _Mark("unseen")  # some value that no answer mentions
UNKNOWN = _Mark("unknown")  # a register about which nothing is known until something is read from it or written


def step(value: Any, operation: Operation) -> Any:
    """The register's value after *operation* took effect on *value*; IMPOSSIBLE if its answer contradicts *value*.

    Raises TypeError for an increment of something that is not a number.
    """
    if operation.kind == "write":
        return operation.value
    known, result = operation.outcome == "ok", operation.result
    if operation.kind == "read":
        return value if not known or value == result else result if value is UNKNOWN else IMPOSSIBLE
    if operation.kind == "delete":
        wrong = known and value is not UNKNOWN and result is not None and result != (value is not None)
        return IMPOSSIBLE if wrong else None
    return _add(value, operation, known) if operation.kind == "incr" else _compare_and_set(value, operation, known)


def _add(value: Any, operation: Operation, known: bool) -> Any:
    if value is UNKNOWN:
        return operation.result if known and operation.result is not None else UNKNOWN
    after = (0 if value is None else value) + operation.value
    return IMPOSSIBLE if known and operation.result is not None and operation.result != after else after


def _compare_and_set(value: Any, operation: Operation, known: bool) -> Any:
    expected, new = operation.value
    said = operation.result if known else None
    if value is UNKNOWN:
        return new if said else UNKNOWN
    equal = value == expected
    return IMPOSSIBLE if said is not None and bool(said) != equal else (new if equal else value)


def pure(operation: Operation) -> bool:
    """Whether it leaves every value as it is, so that nothing can depend on it: reads, and sets that were refused."""
    return operation.kind == "read" or (operation.outcome == "ok" and refused(operation))


def refused(operation: Operation) -> bool:
    """A compare-and-set whose comparison failed, or a delete that found nothing."""
    return operation.kind in ("cas", "delete") and operation.result is not None and not operation.result


def sees(operation: Operation) -> Any:
    """The value that must have been there for its answer; IMPOSSIBLE if its answer does not say."""
    if operation.kind == "read":
        return operation.result if operation.outcome == "ok" else IMPOSSIBLE
    if operation.kind == "cas":
        return operation.value[0] if not refused(operation) else IMPOSSIBLE
    if operation.kind == "incr" and operation.outcome == "ok" and operation.result is not None:
        return operation.result - operation.value
    return IMPOSSIBLE


def leaves(operation: Operation) -> Any:
    """The value that it leaves behind, if it took effect; IMPOSSIBLE if it leaves none of its own, or nobody knows."""
    if operation.outcome == "failed" or pure(operation):
        return IMPOSSIBLE
    if operation.kind == "write":
        return operation.value
    if operation.kind == "cas":
        return operation.value[1]
    if operation.kind == "delete":
        return None
    return operation.result if operation.outcome == "ok" and operation.result is not None else IMPOSSIBLE


def tells_more(operation: Operation) -> bool:
    """Whether its answer depends on more than one value being there: then any other write may have made it possible."""
    if operation.kind == "incr":
        return True
    if operation.outcome != "ok":
        return False
    return (operation.kind == "delete" and operation.result is not None) or (
        operation.kind == "cas" and not operation.result
    )
