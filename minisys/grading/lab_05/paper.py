"""Lab 05, tasks 1 and 2: round trips counted and ages traced with a pencil.

Both are what an interviewer asks for on a whiteboard. Reference values come from the package's own functions (the first
byte, the freshness rules), never from a list; a wrong number is compared with the usual mistakes and the mistake named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minisys.caching.freshness import lifetime, may_serve_on_error, reuse
from minisys.grading.checks import Check, Wrong

NEAR_MS, FAR_MS, WORK_MS = 10.0, 250.0, 50.0  # round trips user-edge and user-origin, the origin's work
TRIPS = 3  # TCP, TLS 1.3, the request
STALE = {"Cache-Control": "max-age=60, stale-while-revalidate=30, stale-if-error=600"}
CAME_WITH_S = 40  # the Age in the answer that the edge got at second 0
READERS = ((10, False), (30, False), (60, False), (60, True), (700, True))  # second, and whether the origin is down
WORDS = ("hit", "stale", "wait", "error")


# Task 1: distance ----------------------------------------------------------------------------------------------------


def three_numbers(first_byte: Callable[[], dict[str, Any]]) -> str:
    """The answer is a dict of three numbers, milliseconds."""
    answer = first_byte()
    if not isinstance(answer, dict) or set(answer) != {"no edge", "hit", "miss"}:
        raise Wrong(repr(answer), expected="a dict with the keys 'no edge', 'hit' and 'miss'")
    for name, value in answer.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Wrong(f"{name}: {value!r}", expected="a number of milliseconds")
        if 0 < value < 5:
            raise Wrong(f"{name}: {value!r}", expected="milliseconds", look="these look like seconds: times 1000")
    return ", ".join(f"{name} {value:g} ms" for name, value in answer.items())


def _expected_ms() -> dict[str, float]:
    near, between = TRIPS * NEAR_MS, FAR_MS - NEAR_MS
    return {"no edge": TRIPS * FAR_MS + WORK_MS, "hit": near, "miss": near + between + WORK_MS}


MISTAKES = {  # what came out, and why
    "no edge": {
        FAR_MS + WORK_MS: "a new connection costs two round trips before the request: TCP, then TLS",
        2 * FAR_MS + WORK_MS: "one handshake is missing: TCP and TLS 1.3 take a round trip each",
        TRIPS * FAR_MS: "the origin works before it answers",
        4 * FAR_MS + WORK_MS: "TLS 1.3 needs one round trip; the version before needed two",
    },
    "hit": {
        NEAR_MS: "also near by, a new connection is set up first",
        TRIPS * NEAR_MS + WORK_MS: "on a hit the origin does not work: that is the point of the copy",
        TRIPS * FAR_MS: "the handshakes end at the edge, not at the origin",
    },
    "miss": {
        TRIPS * FAR_MS + WORK_MS: "the user's handshakes end at the edge, and its way to the origin is open already",
        TRIPS * NEAR_MS + FAR_MS - NEAR_MS: "the origin works before it answers",
        TRIPS * NEAR_MS + FAR_MS + WORK_MS: "from the edge it is 240 ms: the user's 10 ms are in the other 250 already",
        NEAR_MS + FAR_MS - NEAR_MS + WORK_MS: "also near by, a new connection is set up first",
    },
}


def _right_number(name: str) -> Callable[[Callable[[], dict[str, Any]]], str]:
    def check(first_byte: Callable[[], dict[str, Any]]) -> str:
        came_out, expected = float(first_byte()[name]), _expected_ms()[name]
        if abs(came_out - expected) < 1:
            return f"{came_out:g} ms"
        known = {wrong: why for wrong, why in MISTAKES[name].items() if abs(came_out - wrong) < 1}
        look = next(iter(known.values()), "draw the way there and back, once for TCP, once for TLS, once for the page")
        given = f"round trips: user to edge {NEAR_MS:g} ms, user to origin {FAR_MS:g} ms; work {WORK_MS:g} ms"
        raise Wrong(f"{came_out:g} ms", given=given, expected="another number", look=look)

    return check


DISTANCE = (
    Check("three numbers, milliseconds", three_numbers),
    Check("without an edge", _right_number("no edge")),
    Check("found at the edge", _right_number("hit")),
    Check("not found there", _right_number("miss")),
)


# Task 2: ages --------------------------------------------------------------------------------------------------------


def _word(at_s: float, down: bool) -> str:
    """What a reader at *at_s* meets, by the rules of the live edge."""
    lifetime_s, age_s = lifetime(200, STALE).seconds, CAME_WITH_S + at_s
    verdict = reuse({}, STALE, lifetime_s, age_s)
    if verdict.verb != "validate":
        return "hit" if verdict.verb == "serve" else "stale"
    if not down:
        return "wait"
    return "stale" if may_serve_on_error({}, STALE, verdict.ttl_s) else "error"


def five_words(answers: Callable[[], Sequence[str]]) -> str:
    """One word for each reader, out of four."""
    came_out = list(answers())
    if len(came_out) != len(READERS) or any(word not in WORDS for word in came_out):
        raise Wrong(came_out, expected=f"{len(READERS)} words out of {', '.join(WORDS)}")
    return " ".join(came_out)


def right_words(answers: Callable[[], Sequence[str]]) -> str:
    """The first reader who is told wrong is shown with the age of the copy."""
    for (at_s, down), came_out in zip(READERS, list(answers()), strict=True):
        expected = _word(at_s, down)
        if came_out != expected:
            past = CAME_WITH_S + at_s - 60
            state = f"{past} s past its end" if past > 0 else f"{-past} s before its end"
            look = "an answer that comes with Age: 40 is 40 s old when it comes; count on from there"
            if came_out == _without_age(at_s, down):
                look = f"that would be right for a copy that was new at second 0; {look}"
            elif down and expected == "stale":
                look = "when the origin does not answer, stale-if-error counts: 600 s from the end of freshness"
            elif down:
                look = "stale-if-error has an end too: 600 s after freshness, not after the answer came"
            elif expected == "wait":
                look = "stale-while-revalidate is over 30 s after the end of freshness: then the reader has to wait"
            given = f"a reader at second {at_s}{', the origin down' if down else ''}: the copy is {state}"
            raise Wrong(came_out, given=given, expected="another word", look=look)
    return "all five as the live edge decides"


def _without_age(at_s: float, down: bool) -> str:
    past = at_s - 60
    if past < 0:
        return "hit"
    return "stale" if past < 30 or (down and past < 600) else "error" if down else "wait"


AGES = (
    Check("five words", five_words),
    Check("each is what the live edge would do", right_words),
)
