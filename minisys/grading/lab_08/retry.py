"""Lab 08, task 3: what to do with a message whose work failed: try later, but when, or give up?

Judged by hand cases, and by an outage: 400 messages meet a dependency that is down for twenty seconds; when it is back
it should not be run over. Too eager is as wrong as too patient.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from minisys.grading.checks import Check, Wrong

After = Callable[[int, Exception, Random], Any]
BASE_S, CAP_S, MOST = 1.0, 60.0, 8
TRANSIENT = (ConnectionError("refused"), TimeoutError("no answer"), ConnectionResetError("reset by peer"))
PERMANENT = (ValueError("cents is -5"), KeyError("account"), FileNotFoundError("invoice.pdf"))
DRAWS, QUARTER, DISTINCT = 1_000, (0.18, 0.32), 50  # 0.25 ± 5 standard errors of 1,000 draws; whole seconds are 61
DOWN_S, MESSAGES, MOST_CALLS = 20.0, 400, 7


def _decide(after: After, receives: int, error: Exception, rng: Random) -> float | None:
    """The delay in seconds, or None for a dead letter. Raises Wrong for anything else."""
    came = after(receives, error, rng)
    if came is None or (isinstance(came, int | float) and not isinstance(came, bool) and came >= 0):
        return came
    raise Wrong(repr(came), given=f"receive {receives}, {error!r}", expected="seconds, or None for a dead letter")


def never_again(after: After) -> str:
    """An error that stays an error is not tried again."""
    for error in PERMANENT:
        if _decide(after, 1, error, Random(1)) is not None:
            look = "the message itself is wrong and will be wrong tomorrow: only ConnectionError and TimeoutError pass"
            raise Wrong("another attempt", given=f"the first receive, {error!r}", expected="None", look=look)
    return "a bad message is a dead letter at once"


def gives_up(after: After) -> str:
    """After MOST receives, not before."""
    for error in TRANSIENT:
        if _decide(after, 1, error, Random(1)) is None:
            look = "this may pass; a kind of ConnectionError is one, too: isinstance(error, ConnectionError)"
            raise Wrong("None", given=f"the first receive, {error!r}", expected="a delay", look=look)
        if _decide(after, MOST - 1, error, Random(1)) is None:
            look = f"receives counts this one: {MOST} attempts are allowed"
            raise Wrong("None", given=f"receive {MOST - 1}", expected="a delay", look=look)
        for receives in (MOST, MOST + 1, 5_000):
            if _decide(after, receives, error, Random(1)) is not None:
                look = f"{MOST} attempts are all; else one message is tried for ever"
                raise Wrong("another attempt", given=f"receive {receives}", expected="None", look=look)
    return f"{MOST} attempts, then a dead letter"


def grows(after: After) -> str:
    """Full jitter: uniform from 0 to the bound; the bound doubles up to the cap."""
    for receives in range(1, MOST):
        bound = min(CAP_S, BASE_S * 2 ** (receives - 1))
        rng = Random(receives)
        drawn = [_decide(after, receives, TRANSIENT[0], rng) or 0.0 for _ in range(DRAWS)]
        given, right = f"receive {receives}, {DRAWS:,} draws", f"0 to {bound:g} s, mean {bound / 2:g}"
        came = f"{min(drawn):.2f} to {max(drawn):.2f} s, mean {sum(drawn) / DRAWS:.2f}"
        if max(drawn) > bound:
            look = "receives starts at 1, so 2 ** 0 is the first"
            look = "the cap bounds the result: min(60, …)" if bound == CAP_S else look
            raise Wrong(came, given=given, expected=right, look=look)
        if max(drawn) - min(drawn) < 0.01 * bound:
            look = "all that failed together come together again: draw from rng, rng.uniform(0, …)"
            raise Wrong(came, given=given, expected=right, look=look)
        if abs(sum(drawn) / DRAWS - bound / 2) > 0.1 * bound or min(drawn) > 0.05 * bound:
            look = "the bound doubles with each receive, and full jitter draws from the whole of 0 to the bound"
            raise Wrong(came, given=given, expected=right, look=look)
        _is_even(drawn, bound, given)
    return f"0 to 1, 2, 4, … {CAP_S:g} s, drawn evenly"


def _is_even(drawn: list[float], bound: float, given: str) -> None:
    """Raises Wrong if a quarter of the range has more or less than its share, or if only few values come at all."""
    if len(set(drawn)) < DISTINCT:
        look = "not whole seconds: any moment between 0 and the bound, rng.uniform(0, …)"
        raise Wrong(f"{len(set(drawn))} different delays", given=given, expected="hundreds", look=look)
    quarters = Counter(min(3, int(4 * delay / bound)) for delay in drawn)
    shares = [quarters[quarter] / len(drawn) for quarter in range(4)]
    if not QUARTER[0] < min(shares) <= max(shares) < QUARTER[1]:
        came = ", ".join(f"{share:.0%}" for share in shares) + " of the delays in the four quarters of the range"
        raise Wrong(came, given=given, expected="25% in each", look="drawn evenly: rng.uniform(0, …)")


def same_luck(after: After) -> str:
    """The luck is the one that is given."""
    one, other = ([_decide(after, 4, TRANSIENT[1], rng) for _ in range(5)] for rng in (Random(5), Random(5)))
    if one != other:
        look = "use the rng that you are given, not the module random: a run must be repeatable"
        raise Wrong(f"{one[0]:.3f} and {other[0]:.3f}", given="the same rng twice", expected="the same", look=look)
    return "one seed, one answer"


def outage(after: After, seed: int) -> tuple[int, int, int]:
    """Dead letters, calls while it was down, and the most in one second afterwards."""
    rng = Random(seed)
    due = [(rng.random(), number, 1) for number in range(MESSAGES)]
    heapq.heapify(due)
    dead, during, later = 0, 0, Counter[int]()
    while due:
        now, number, receives = heapq.heappop(due)
        if now >= DOWN_S:
            later[int(now)] += 1
            continue
        during += 1
        delay_s = _decide(after, receives, TRANSIENT[0], rng)
        if delay_s is None:
            dead += 1
        else:
            heapq.heappush(due, (now + delay_s, number, receives + 1))
        if during > 100 * MESSAGES:
            break
    return dead, during, max(later.values(), default=0)


def survives_the_outage(after: After) -> str:
    """Twenty seconds down: few dead letters, few calls, no stampede afterwards."""
    for seed in (11, 12, 13):
        dead, during, most = outage(after, seed)
        given = f"{MESSAGES} messages, {DOWN_S:g} s of outage"
        if during > MOST_CALLS * MESSAGES:
            raise Wrong(f"{during} calls at a dead server", given=given, expected=f"{MOST_CALLS * MESSAGES} at most")
        if dead > MESSAGES / 20:
            look = "nothing is wrong with these messages: the waits together must outlast a short outage"
            raise Wrong(f"{dead} dead letters", given=given, expected=f"{MESSAGES / 20:g} at most", look=look)
        if most > MESSAGES / 8:
            raise Wrong(f"{most} calls in one second", given=given, expected=f"{MESSAGES / 8:g} at most", look="jitter")
    return f"{dead} dead letters of {MESSAGES} messages, {during} calls while down, {most} in a second after"


RETRY = (
    Check("a bad message is not tried again", never_again),
    Check(f"{MOST} attempts, then a dead letter", gives_up),
    Check("the delay grows and is drawn evenly", grows, 20.0),
    Check("the luck is given", same_luck),
    Check("an outage of twenty seconds", survives_the_outage, 20.0, after_others=True),
)
