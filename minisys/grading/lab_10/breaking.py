"""Lab 10, task 3: a circuit breaker: its states one by one, then a thousand calls in any order beside ours."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Protocol

from minisys.grading.checks import Check, Wrong
from minisys.resilience.breaker import Breaker


class Fuse(Protocol):
    """What the learner writes."""

    def allow(self, now_s: float) -> bool: ...

    def record(self, ok: bool, now_s: float) -> None: ...


Make = Callable[[int, float], Fuse]
STORY = "a breaker of 3 failures, open for 5 s: "


def allowed(fuse: Fuse, now_s: float, story: str) -> bool:
    """The learner's answer. Raises Wrong unless it is True or False."""
    came: Any = fuse.allow(now_s)
    if not isinstance(came, bool):
        look = "is there a `return` on every way through allow?" if came is None else "return True or False"
        raise Wrong(repr(came), given=STORY + story, expected="True or False", look=look)
    return came


def expect(fuse: Fuse, now_s: float, wanted: bool, story: str, look: str) -> None:
    """Raise Wrong if allow says something else."""
    if allowed(fuse, now_s, story) != wanted:
        raise Wrong(f"allow({now_s:g}) is {not wanted}", given=STORY + story, expected=str(wanted), look=look)


def failing(make: Make, count: int = 3, start_s: float = 0.0) -> Fuse:
    """A breaker that has seen *count* failures in a row, at start_s + 0, 0.1, …"""
    fuse = make(3, 5.0)
    for number in range(count):
        now_s = start_s + 0.1 * number
        expect(fuse, now_s, True, f"{number} failures so far, then allow({now_s:g})", "closed: calls go through")
        fuse.record(False, now_s)
    return fuse


def opens(make: Make) -> str:
    """Three in a row open it, and not three in all."""
    expect(failing(make), 0.3, False, "failures at 0, 0.1 and 0.2 s, then allow(0.3)", "three in a row open it")
    fuse = make(3, 5.0)
    for number, ok in enumerate((False, False, True, False, False)):
        fuse.record(ok, 0.1 * number)
    look = "a success starts the count again: the failures must be in a row"
    expect(fuse, 0.6, True, "fail, fail, ok, fail, fail, then allow(0.6)", look)
    return "three failures in a row, not three in all"


def rests(make: Make) -> str:
    """Open for all of open_s, from when it opened."""
    fuse = failing(make)
    for now_s in (0.5, 3.0, 5.1):
        look = "it opened at 0.2 s: closed to everybody until 5.2 s"
        expect(fuse, now_s, False, f"opened at 0.2 s, then allow({now_s:g})", look)
    expect(fuse, 5.3, True, "opened at 0.2 s, then allow(5.3)", "the time is up: one call goes to see how it is")
    return "open for 5 s"


def one_probe(make: Make) -> str:
    """When the time is up, one goes through and the others wait for its answer."""
    fuse = failing(make)
    expect(fuse, 6.0, True, "opened at 0.2 s, then allow(6)", "the time is up: one call goes to see how it is")
    look = "half-open: one probe is under way; a second one would be a herd on a service that has just come back"
    expect(fuse, 6.1, False, "opened at 0.2 s, a probe at 6 s has no answer yet, allow(6.1)", look)
    return "one probe at a time"


def closes(make: Make) -> str:
    """A good probe closes it, and the count begins at nothing."""
    fuse = failing(make)
    allowed(fuse, 6.0, "")
    fuse.record(True, 6.2)
    story = "opened, a probe at 6 s went well at 6.2 s, "
    for now_s in (6.3, 6.4):
        expect(fuse, now_s, True, f"{story}allow({now_s:g})", "a good probe closes it: everybody may call again")
    for now_s in (6.5, 6.6):
        fuse.record(False, now_s)
    look = "closing starts the count again: two failures are not three"
    expect(fuse, 6.7, True, f"{story}failures at 6.5 and 6.6 s, allow(6.7)", look)
    return "closed again, with a clean record"


def opens_again(make: Make) -> str:
    """A bad probe opens it at once, for open_s from then."""
    fuse = failing(make)
    allowed(fuse, 6.0, "")
    fuse.record(False, 7.0)
    story = "opened, a probe at 6 s failed at 7 s, "
    look = "one bad probe is enough: open again, for 5 s from then"
    for now_s in (7.1, 11.9):
        expect(fuse, now_s, False, f"{story}allow({now_s:g})", look)
    expect(fuse, 12.1, True, f"{story}allow(12.1)", "7 s and 5 s are 12: the next probe")
    return "a bad probe costs another 5 s"


def late_answers(make: Make) -> str:
    """What ends while it is open was sent before: it neither closes it nor makes it wait longer."""
    fuse = failing(make)
    fuse.record(True, 1.0)
    story = "opened at 0.2 s; a call sent before ends well at 1 s, allow(1.1)"
    expect(fuse, 1.1, False, story, "an answer that comes while it is open was asked for before: it changes nothing")
    fuse.record(False, 4.0)
    story = "opened at 0.2 s; a call sent before fails at 4 s, allow(5.3)"
    expect(fuse, 5.3, True, story, "a late failure must not make it wait longer: open_s counts from when it opened")
    return "late answers change nothing"


def any_order(make: Make) -> str:
    """A thousand calls that take their time, beside ours."""
    for seed in range(5):
        rng = random.Random(f"lab 10 task 3 {seed}")
        ours, theirs = Breaker(3, 5.0), make(3, 5.0)
        under_way: list[tuple[float, bool]] = []
        now = 0.0
        for number in range(400):
            now += rng.expovariate(2.0)
            for ended, ok in sorted(each for each in under_way if each[0] <= now):
                ours.record(ok, ended)
                theirs.record(ok, ended)
            under_way = [each for each in under_way if each[0] > now]
            story = f"call {number} of a random run, at {now:.2f} s; our breaker was {ours.state}"
            wanted = ours.allow(now)
            expect(theirs, now, wanted, story, "which of the rules above does it break here?")
            if wanted:
                under_way.append((now + rng.uniform(0.05, 1.5), rng.random() < (0.2 if number % 100 < 50 else 0.95)))
    return "2,000 calls"


BREAKER = (
    Check("three failures in a row open it", opens),
    Check("it stays open for its time", rests),
    Check("then one probe, and only one", one_probe),
    Check("a good probe closes it", closes),
    Check("a bad probe opens it again", opens_again),
    Check("late answers change nothing", late_answers),
    Check("any order: the reference's answers", any_order, after_others=True),
)
