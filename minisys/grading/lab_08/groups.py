"""Lab 08, task 4: order within a group, and work in parallel between groups.

Judged by hand cases, and by a run of several consumers with uneven work: no group out of order, and done nearly as
early as the work allows. One consumer for all keeps every order and is as slow as that sounds.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable
from random import Random
from typing import Any

from minisys.grading.checks import Check, Wrong

Waiting = list[tuple[int, str]]
HandOut = Callable[[Waiting, set[str], int], Any]
CONSUMERS, GROUPS, MESSAGES = 4, 12, 240


def _ask(hand_out: HandOut, waiting: Waiting, busy: set[str], free: int) -> Waiting:
    """The learner's choice; what it was given must stay as it was."""
    given, held = list(waiting), set(busy)
    came = hand_out(given, held, free)
    told = f"hand_out({waiting[:6]}{', …' * (len(waiting) > 6)}, {sorted(busy)}, {free})"
    if not isinstance(came, list) or not all(message in waiting for message in came):
        look = "is there a `return`? A list of (number, group), some of those that wait"
        if came is not None and not isinstance(came, list):
            look = f"that is a {type(came).__name__}; make it a list: list(…)"
        raise Wrong(repr(came), given=told, expected="a list of messages", look=look)
    if given != waiting or held != busy:
        look = "leave `waiting` and `busy` as they are: the caller takes out what you return"
        raise Wrong("the lists were changed", given=told, look=look)
    _judge(came, waiting, busy, free, told)
    return came


def right(waiting: Waiting, busy: set[str], free: int) -> Waiting:
    """The oldest of each group that is not busy, oldest first."""
    taken, found = set(busy), Waiting()
    for number, group in waiting:
        if group not in taken and len(found) < free:
            found.append((number, group))
            taken.add(group)
    return found


def _judge(came: Waiting, waiting: Waiting, busy: set[str], free: int, told: str) -> None:
    expected = right(waiting, busy, free)
    if came == expected:
        return
    groups = [group for _, group in came]
    look = "the oldest first, in the order of `waiting`"
    if len(came) > free:
        look = f"{free} consumers are free, and each takes one"
    elif any(group in busy for group in groups):
        look = "an earlier message of that group is still with a consumer"
    elif len(set(groups)) < len(groups):
        look = "two consumers would work on one group at the same time: the second may be done first"
    elif any((number, group) != next(m for m in waiting if m[1] == group) for number, group in came):
        look = "an earlier message of the same group still waits"
    elif len(came) < len(expected):
        look = "others could work: pass over a busy group, do not stop at it"
    raise Wrong(f"{came}", given=told, expected=f"{expected}", look=look)


def by_hand(hand_out: HandOut) -> str:
    """Small cases, one for each rule."""
    line = [(1, "a"), (2, "a"), (3, "b"), (4, "c")]
    cases: list[tuple[Waiting, set[str], int]] = [
        (line, set(), 1), (line, set(), 2), (line, set(), 9), (line, {"a"}, 2), (line, {"a", "b", "c"}, 3),
        ([], set(), 2), (line, set(), 0), ([(9, "b"), (4, "a"), (5, "b")], set(), 2),
    ]  # fmt: skip
    for case in cases:
        _ask(hand_out, *case)
    return f"{len(cases)} cases"


def drawn(hand_out: HandOut) -> str:
    """300 lines drawn at random."""
    rng = Random(40)
    for _ in range(300):
        waiting = [(number, rng.choice("abcdef")) for number in range(rng.randint(0, 12))]
        _ask(hand_out, waiting, set(rng.sample("abcdef", rng.randint(0, 4))), rng.randint(0, 5))
    return "300 lines"


def makespan(hand_out: HandOut, seed: int) -> tuple[float, float]:
    """Seconds until the last is done, and the least that is possible. Raises Wrong if a group is out of order."""
    rng = Random(seed)
    waiting = [(number, f"g{rng.randrange(GROUPS)}") for number in range(MESSAGES)]
    work_s = [rng.expovariate(1.0) for _ in waiting]
    of_group: dict[str, float] = defaultdict(float)
    for number, group in waiting:
        of_group[group] += work_s[number]
    least_s = max(sum(work_s) / CONSUMERS, *of_group.values())
    now, out = 0.0, list[tuple[float, int, str]]()
    latest: dict[str, int] = {}
    while waiting or out:
        for number, group in _ask(hand_out, waiting, {group for *_, group in out}, CONSUMERS - len(out)):
            waiting.remove((number, group))
            heapq.heappush(out, (now + work_s[number], number, group))
        now, number, group = heapq.heappop(out)
        if number < latest.get(group, -1):
            raise Wrong(f"{number} done after {latest[group]}", given=f"group {group}", expected="in order")
        latest[group] = number
    return now, least_s


def orders_and_works(hand_out: HandOut) -> str:
    """Four consumers, twelve groups, uneven work."""
    ratios = []
    for seed in range(50, 55):
        came_s, least_s = makespan(hand_out, seed)
        ratios.append(came_s / least_s)
        if came_s > 1.25 * least_s:
            raise Wrong(f"{came_s:.0f} s", given=f"{MESSAGES} messages", expected=f"about {least_s:.0f} s")
    return f"in order, {max(ratios):.2f} times the least time at worst"


ORDER = (
    Check("by hand", by_hand),
    Check("lines that you have not seen", drawn, 20.0),
    Check("four consumers, twelve groups", orders_and_works, 20.0, after_others=True),
)
