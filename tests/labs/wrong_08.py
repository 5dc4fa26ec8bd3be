"""Answers to lab 08, tasks 1 to 5: wrong ones that a learner may well write, and right ones written another way."""

from __future__ import annotations

REASON = "The line drains only by what is spare beyond the new orders."

# Tasks 1, 2 and 5 ----------------------------------------------------------------------------------------------------


def sized(measured=13, because=REASON, predicted=20):
    return lambda: {"predicted": predicted, "measured": measured, "because": because}


def moments(again=60, shortened=25, extended=70, dead=90, deaths=3, late=2):
    numbers = {"again": again, "shortened": shortened, "extended": extended}
    return lambda: numbers | {"dead": dead, "deaths": deaths, "late": late}


def line(pressure="reject", own=1.0, share=1.0, kind=int, less=0):
    return lambda consumers, work_s, deadline_s: (
        kind(share * consumers * (deadline_s / work_s - own)) - less,
        pressure,
    )


# Task 3 --------------------------------------------------------------------------------------------------------------


def after(most=8, base=1.0, cap=60.0, passing=(ConnectionError, TimeoutError), first=1, low=0.0):
    def decide(receives, error, rng):
        if receives >= most or not isinstance(error, passing):
            return None
        bound = min(cap, base * 2.0 ** (receives - first))
        return rng.uniform(low * bound, bound)

    return decide


def without_jitter(receives, error, rng):
    return None if after()(receives, error, rng) is None else min(60.0, 2.0 ** (receives - 1))


def always_a_minute(receives, error, rng):
    return None if after()(receives, error, rng) is None else rng.uniform(0, 60)


def own_luck(receives, error, rng):
    import random

    return after()(receives, error, random)


def exact_type(receives, error, rng):
    return after()(receives, error, rng) if type(error) in (ConnectionError, TimeoutError) else None


def not_even(draw):
    def decide(receives, error, rng):
        return None if after()(receives, error, rng) is None else draw(rng, min(60, 2 ** (receives - 1)))

    return decide


def says_retry(receives, error, rng):
    return "retry"


def with_random(receives, error, rng):  # right
    permanent = not isinstance(error, ConnectionError | TimeoutError)
    return None if permanent or receives > 7 else rng.random() * (1, 2, 4, 8, 16, 32, 60)[receives - 1]


# Task 4 --------------------------------------------------------------------------------------------------------------


def first_come(waiting, busy, free):
    return waiting[:free]


def not_busy(waiting, busy, free):
    return [message for message in waiting if message[1] not in busy][:free]


def stops_at_busy(waiting, busy, free):
    out = []
    for number, group in waiting:
        if group in busy | {each for _, each in out} or len(out) == free:
            break
        out.append((number, group))
    return out


def all_groups(waiting, busy, free):
    first = {}
    for number, group in waiting:
        first.setdefault(group, number)
    return [(number, group) for group, number in first.items() if group not in busy]


def newest(waiting, busy, free):
    latest = {group: number for number, group in waiting if group not in busy}
    return [(number, group) for group, number in latest.items()][:free]


def changes_busy(waiting, busy, free):
    out = []
    for number, group in waiting:
        if group not in busy and len(out) < free:
            busy.add(group)
            out.append((number, group))
    return out


def one_each(waiting, busy, free):  # right
    first = {}
    for number, group in waiting:
        first.setdefault(group, number)
    return [(number, group) for group, number in first.items() if group not in busy][: max(0, free)]
