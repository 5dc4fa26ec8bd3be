"""Lab 13, task 4: who promotes a standby, and when; asked question by question, then in whole nights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from minisys.grading.checks import Check, Wrong
from minisys.regions.policies import Evidence

Decide = Callable[[Evidence], Any]
ANSWERS = ("wait", "fence first", "ask a person", "promote")
PATIENCE_S, RPO_S, RTO_S = 20.0, 5.0, 60.0
ASK_EVERY_S, FENCING_S, NIGHT_S = 5, 10, 120


class Question(NamedTuple):
    """Evidence, the right answer, and why."""

    seen: Evidence
    answer: str
    look: str


def _seen(silent_s: float = 30, witnesses: int = 3, asked: int = 3, lag_s: float = 1, fenced: bool = True) -> Evidence:
    return Evidence(silent_s, witnesses, asked, lag_s, fenced)


RULES = {
    "patience: 20 s of silence": [
        Question(_seen(), "promote", "silent for long, all agree, fenced, hardly behind: this is the case it is for"),
        Question(_seen(silent_s=19.9), "wait", "below 20 s it may be a pause of the garbage collector"),
        Question(_seen(silent_s=20), "promote", "20 s will do"),
        Question(_seen(silent_s=0, fenced=False), "wait", "it has just answered"),
    ],
    "witnesses: more than half": [
        Question(_seen(witnesses=1), "wait", "two of three still reach it: it is our own line that is cut"),
        Question(_seen(witnesses=2, asked=4), "wait", "half is not more than half"),
        Question(_seen(witnesses=3, asked=5), "promote", "three of five are more than half"),
        Question(_seen(witnesses=0, asked=0), "wait", "nobody was asked: then nobody agrees"),
    ],
    "the old primary is fenced before": [
        Question(_seen(fenced=False), "fence first", "it may be alive behind a cut line, and go on taking orders"),
        Question(_seen(fenced=False, lag_s=40), "fence first", "first the fence; then there is time to ask a person"),
        Question(_seen(fenced=False, witnesses=1), "wait", "do not fence what others still reach: that is an outage"),
    ],
    "above 5 s of loss a person decides": [
        Question(_seen(lag_s=5), "promote", "5 s are within the objective"),
        Question(_seen(lag_s=40), "ask a person", "40 s of orders would be thrown away: a person must want that"),
        Question(_seen(lag_s=40, silent_s=5), "wait", "nobody is woken for 5 s of silence"),
    ],
}


@dataclass(frozen=True)
class Night:
    """What happens: *gone*: whether the primary really is; silent until *silent_until_s*; what witnesses say; lag."""

    name: str
    gone: bool
    silent_until_s: float
    witnesses: int
    lag_s: float
    ends: str

    def evidence(self, at_s: float, fenced: bool) -> Evidence:
        """What is seen *at_s* seconds after it began."""
        silent = at_s < self.silent_until_s
        return Evidence(at_s if silent else 0.0, self.witnesses if silent else 0, 3, self.lag_s, fenced)


NIGHTS = (
    Night("the region is gone", True, 1e9, 3, 1.0, "promote"),
    Night("a pause of 15 s", False, 15, 3, 1.0, "wait"),
    Night("our own line is cut", False, 1e9, 1, 1.0, "wait"),
    Night("the region is gone, the standby 40 s behind", True, 1e9, 3, 40.0, "ask a person"),
)


def asked(decide: Decide, seen: Evidence) -> str:
    """The learner's answer. Raises Wrong if it is none."""
    came = decide(seen)
    if came not in ANSWERS:
        look = "is there a `return` on every way?" if came is None else ""
        raise Wrong(repr(came), given=said(seen), expected=f"one of {', '.join(ANSWERS)}", look=look)
    return str(came)


def said(seen: Evidence) -> str:
    """Evidence in words."""
    fence = "fenced" if seen.fenced else "not fenced"
    return f"silent {seen.silent_s:g} s, {seen.witnesses} of {seen.asked} agree, {seen.lag_s:g} s behind, {fence}"


def kept(rule: str, decide: Decide) -> str:
    """Every question of *rule* is answered rightly."""
    for seen, answer, look in RULES[rule]:
        came = asked(decide, seen)
        if came != answer:
            raise Wrong(repr(came), given=said(seen), expected=repr(answer), look=look)
    return f"{len(RULES[rule])} questions"


def nights(decide: Decide) -> str:
    """Four nights, asked every five seconds; a fence takes ten."""
    took = [_night(night, decide) for night in NIGHTS]
    return f"{len(NIGHTS)} nights; promoted after {took[0]} s"


def _night(night: Night, decide: Decide) -> int:
    """Seconds until it ended as it should; NIGHT_S if nothing was to be done."""
    fenced_s = float("inf")
    for at_s in range(0, NIGHT_S, ASK_EVERY_S):
        came = asked(decide, night.evidence(at_s, at_s >= fenced_s))
        if came == "fence first":
            fenced_s = min(fenced_s, at_s + FENCING_S)
        if came == "wait":
            continue
        if not night.gone:
            raise Wrong(f"{came!r} after {at_s} s", given=night.name, expected="'wait' all night",
                        look="the primary lives: whoever fences or promotes now makes the outage")  # fmt: skip
        if came in ("promote", "ask a person") and (came != night.ends or at_s < fenced_s):
            raise Wrong(f"{came!r} after {at_s} s", given=night.name, expected=f"{night.ends!r}, once it is fenced")
        if came == night.ends:
            return _in_time(at_s, night)
    if night.gone:
        raise Wrong(f"nothing in {NIGHT_S} s", given=night.name, expected=repr(night.ends))
    return NIGHT_S


def _in_time(at_s: int, night: Night) -> int:
    if at_s > RTO_S:
        raise Wrong(f"after {at_s} s", given=night.name, expected=f"within {RTO_S:g} s")
    return at_s


FAILOVER = (
    *(Check(rule, partial(kept, rule)) for rule in RULES),
    Check("four nights, from the first second on", nights, after_others=True),
)
