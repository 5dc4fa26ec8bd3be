"""Lab 10, task 4: shedding by deadline: who can still be served in time is let in, in three overloaded servers.

No formula is compared: clear cases must come out right, and then servers that get twice what they can do must be of use
to nearly as many users as they can serve.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Any

from minisys.grading.checks import Check, Wrong

Admit = Callable[[int, int, int, float, float], bool]
CASES = (
    # free, queued, workers, work_s, left_s, expected, look
    (1, 0, 4, 0.1, 1.0, True, "a worker is free and there is time: let it in"),
    (0, 20, 4, 0.1, 5.0, True, "20 in line are half a second of work for four workers: 5 s are plenty"),
    (0, 20, 40, 0.1, 0.5, True, "40 workers clear a line of 20 at once: what counts is the line for each worker"),
    (0, 0, 4, 0.1, 1.0, True, "all are busy, but one of four is done in a moment"),
    (0, 8, 1, 0.1, 0.3, False, "8 in line before one worker are 0.8 s: it would be late"),
    (0, 100, 4, 0.1, 1.0, False, "100 in line are 2.5 s of work for four workers: it would be late"),
    (1, 0, 4, 0.1, 0.02, False, "its own work takes 0.1 s: with 20 ms left it is late even at a free worker"),
    (2, 0, 4, 0.1, 0.0, False, "nobody waits any more"),
    (0, 3, 4, 2.0, 1.0, False, "one request is 2 s of work: it cannot be done within 1 s"),
    (0, 10, 4, 0.1, 0.12, False, "it would wait some 0.25 s, and 0.12 s are left"),
)  # fmt: skip


def asked(admit: Admit, free: int, queued: int, workers: int, work_s: float, left_s: float) -> tuple[bool, str]:
    """The learner's answer, and what was given. Raises Wrong unless it is True or False."""
    given = f"{free} of {workers} workers free, {queued} in line, {work_s:g} s of work each, {left_s:.3g} s left"
    came: Any = admit(free, queued, workers, work_s, left_s)
    if came is None or came not in (True, False):
        look = "is there a `return` on every way?" if came is None else "return True or False"
        raise Wrong(repr(came), given=given, expected="True or False", look=look)
    return bool(came), given


def clear_cases(admit: Admit) -> str:
    """Cases that leave no doubt."""
    for free, queued, workers, work_s, left_s, expected, look in CASES:
        came, given = asked(admit, free, queued, workers, work_s, left_s)
        if came != expected:
            raise Wrong(came, given=given, expected=expected, look=look)
    return f"{len(CASES)} cases"


def served(admit: Admit, workers: int, work_s: float, patience_s: float, load: float, seed: int) -> tuple[float, float]:
    """Users served in time, as a share of what the server could do in that time and of all users.

    Requests come by chance for 30 s, *load* times as many as can be done; each has *patience_s* seconds.
    """
    rng = random.Random(f"lab 10 task 4 {seed}")
    frees, starts = [0.0] * workers, list[float]()
    now, good, users = 0.0, 0, 0
    while (now := now + rng.expovariate(load * workers / work_s)) < 30.0:
        users += 1
        takes_s = work_s * rng.gammavariate(16, 1 / 16)
        while starts and starts[0] <= now:
            heapq.heappop(starts)
        free = sum(at <= now for at in frees)
        if asked(admit, free, len(starts), workers, work_s, patience_s)[0]:
            begin = max(now, heapq.heappop(frees))
            heapq.heappush(frees, begin + takes_s)
            heapq.heappush(starts, begin)
            good += begin + takes_s <= now + patience_s
    return good / (30.0 * workers / work_s), good / users


SERVERS = ((4, 0.1, 0.5), (40, 0.1, 0.3), (2, 0.2, 0.8))  # workers, seconds of work, patience


def overload(admit: Admit) -> str:
    """Twice the load: nearly as many in time as could be done at all."""
    shares = []
    for seed, (workers, work_s, patience_s) in enumerate(SERVERS):
        share, _ = served(admit, workers, work_s, patience_s, 2.0, seed)
        shares.append(f"{100 * min(share, 1):.0f} %")
        if share < 0.9:
            given = (
                f"{workers} workers of {work_s:g} s, users with {patience_s:g} s of patience, twice what they can do"
            )
            look = "who is let in must be served in time, and whoever can be must not be sent away"
            if share > 0.4:
                look = "on the edge: an estimate is a mean, so half of those let in last are late: leave room"
            raise Wrong(
                f"in time: {100 * share:.0f} % of what they could do", given=given, expected="at least 90 %", look=look
            )
    sizes = ", ".join(str(each[0]) for each in SERVERS)
    return f"with {sizes} workers: {', '.join(shares)} of what could be done"


def calm(admit: Admit) -> str:
    """Half the load: hardly anybody is sent away."""
    for seed, (workers, work_s, patience_s) in enumerate(SERVERS):
        _, share = served(admit, workers, work_s, patience_s, 0.5, 10 + seed)
        if share < 0.97:
            given = (
                f"{workers} workers of {work_s:g} s, users with {patience_s:g} s of patience, half of what they can do"
            )
            look = "on a calm day a short line is no reason to send anybody away"
            raise Wrong(f"{100 * share:.0f} % of the users in time", given=given, expected="at least 97 %", look=look)
    return "on a calm day nobody notices it"


SHEDDING = (
    Check("clear cases", clear_cases),
    Check("a calm day: nobody is sent away without need", calm, 20.0),
    Check("twice the load: the server is still of use", overload, 20.0),
)
