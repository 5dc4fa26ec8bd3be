"""Lab 06, for its tasks: what a client was told, in the picture's words, and checks that wait for a valid answer.

A timeline says "client 6: read → nothing"; a report that says "p6 read y -> None" about the same call makes the reader
translate. And four checks that fall over the same typing error say it four times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from minisys.grading.checks import NotRun
from minisys.replication.history import Operation
from minisys.replication.timeline import says

Run = Callable[[Any], str]


def told(operations: Iterable[Operation], between: str = "\n") -> str:
    """*operations*, one after the other: when each was sent and answered, by whom, and the words on its bar."""
    return between.join(
        f"{o.invoked_s:.3f} s to {'?' if o.responded_s == math.inf else f'{o.responded_s:.3f} s'}  "
        f"client {o.process}: {says(o)}"
        for o in operations
    )


def once_valid(valid: Run, run: Run) -> Run:
    """The check *run*, which is not run while *valid*, the task's first check, does not pass."""

    def judged(answer: Any) -> str:
        try:
            valid(answer)
        except Exception:
            raise NotRun("waits until the first check passes") from None
        return run(answer)

    return judged
