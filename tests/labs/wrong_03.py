"""Answers to lab 03: wrong ones that a learner may well write, each with what its report must say, and right ones
written another way, which must pass."""

from __future__ import annotations

import random

from minisys.load_balancing.plan import Step

REASON = "The busier a server is, the less idle time is left in which its waiting line can drain."

# Task 1 --------------------------------------------------------------------------------------------------------------


def doubling(measured, because=REASON, predicted=0.8):
    return lambda: {"predicted": predicted, "measured": measured, "because": because}


# Task 3 --------------------------------------------------------------------------------------------------------------


def ignores_eligible(pool, key, luck, now):
    first, second = int(luck * len(pool.in_flight)), int(luck * 1000) % len(pool.in_flight)
    return first if pool.in_flight[first] <= pool.in_flight[second] else second


def answers_the_position(pool, key, luck, now):
    return int(luck * len(pool.eligible))


def forgets_to_return(pool, key, luck, now):
    if luck < 0.5:
        return pool.eligible[0]


def brings_its_own_random(pool, key, luck, now):
    first, second = random.choice(pool.eligible), random.choice(pool.eligible)
    return first if pool.in_flight[first] <= pool.in_flight[second] else second


def counts_itself(pool, key, luck, now):
    n = len(pool.eligible)
    first, second = pool.eligible[int(luck * n)], pool.eligible[int(luck * n * n) % n]
    best = first if pool.in_flight[first] <= pool.in_flight[second] else second
    pool.in_flight[best] += 1
    return best


def draws_once(pool, key, luck, now):
    n = len(pool.eligible)
    first, second = pool.eligible[int(luck * n)], pool.eligible[int(luck * n)]
    return first if pool.in_flight[first] <= pool.in_flight[second] else second


def takes_the_busier(pool, key, luck, now):
    n = len(pool.eligible)
    first, second = pool.eligible[int(luck * n)], pool.eligible[int(luck * n * n) % n]
    return first if pool.in_flight[first] >= pool.in_flight[second] else second


def looks_at_all(pool, key, luck, now):
    return min(pool.eligible, key=lambda i: pool.in_flight[i])


def draws_opposites(pool, key, luck, now):
    n = len(pool.eligible)
    first, second = pool.eligible[int(luck * n)], pool.eligible[int((1 - luck) * n) % n]
    return first if pool.in_flight[first] <= pool.in_flight[second] else second


def never_ends(pool, key, luck, now):
    first = second = pool.eligible[int(luck * len(pool.eligible))]
    while first == second:
        second = pool.eligible[int(luck * len(pool.eligible))]
    return min(first, second)


def draws_two_different(pool, key, luck, now):  # right
    n = len(pool.eligible)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j] or [(0, 0)]
    return min((pool.eligible[i] for i in pairs[int(luck * len(pairs))]), key=lambda i: pool.in_flight[i])


def peels_by_divmod(pool, key, luck, now):  # right
    n = len(pool.eligible)
    first, second = divmod(int(luck * n * n), n)
    return min(pool.eligible[first], pool.eligible[second], key=pool.in_flight.__getitem__)


# Task 4 --------------------------------------------------------------------------------------------------------------


def counts_all_failures(probes, rise, fall):
    up, noes, yeses, seen = True, 0, 0, []
    for ok in probes:
        noes, yeses = noes + (not ok), yeses + ok
        if up and noes >= fall:
            up, noes, yeses = False, 0, 0
        elif not up and yeses >= rise:
            up, noes, yeses = True, 0, 0
        seen.append("up" if up else "down")
    return seen


def falls_one_late(probes, rise, fall):
    up, streak, seen = True, 0, []
    for ok in probes:
        streak = 0 if ok == up else streak + 1
        if streak > (fall if up else rise):
            up, streak = ok, 0
        seen.append("up" if up else "down")
    return seen


def rises_at_once(probes, rise, fall):
    noes, seen = 0, []
    for ok in probes:
        noes = 0 if ok else noes + 1
        seen.append("down" if noes >= fall else "up")
    return seen


def starts_down(probes, rise, fall):
    return ["down" for _ in probes]


def only_the_last_state(probes, rise, fall):
    return "up" if all(probes) else "down"


def by_looking_back(probes, rise, fall):  # right
    seen = ["up"]
    since = 0
    for i in range(1, len(probes) + 1):
        want, count = (False, fall) if seen[-1] == "up" else (True, rise)
        last = probes[max(since, i - count) : i]
        turned = len(last) == count and all(ok is want for ok in last)
        since = i if turned else since
        seen.append(seen[-1] if not turned else "up" if want else "down")
    return seen[1:]


def worst(interval_s, timeout_s, fall):  # right
    return sum([interval_s] * fall) + timeout_s


def without_timeout(interval_s, timeout_s, fall):
    return fall * interval_s


def on_average(interval_s, timeout_s, fall):
    return (fall - 0.5) * interval_s + timeout_s


def too_careful(interval_s, timeout_s, fall):
    return fall * (interval_s + timeout_s)


# Task 5 --------------------------------------------------------------------------------------------------------------


def least_connections_again(pool, key, luck, now):
    turned = pool.eligible[int(luck * len(pool.eligible)) :] + pool.eligible
    return min(turned, key=lambda i: pool.in_flight[i])


def knows_who_is_slow(pool, key, luck, now):
    good = [i for i in pool.eligible if i != 2] or pool.eligible
    return min(good[int(luck * len(good)) :] + good, key=lambda i: pool.in_flight[i])


def runs_to_the_fastest(pool, key, luck, now):
    return min(pool.eligible, key=lambda i: pool.latency_s[i])


def shuns_whoever_was_slow_once(pool, key, luck, now):
    good = [i for i in pool.eligible if pool.latency_s[i] < 0.06] or pool.eligible
    return good[int(luck * len(good))]


def divides_by_latency(pool, key, luck, now):
    return min(pool.eligible, key=lambda i: pool.in_flight[i] / pool.latency_s[i])


def looks_at_two(pool, key, luck, now):
    n = len(pool.eligible)
    first, second = divmod(int(luck * n * n), n)
    pair = [pool.eligible[first], pool.eligible[second]]
    return min(pair, key=lambda i: (pool.latency_s[i] or 0.01) * (pool.in_flight[i] + 1))


def looks_at_three_different(pool, key, luck, now):  # right
    n = len(pool.eligible)
    left_out = int(luck * n) if n > 3 else -1
    three = [i for k, i in enumerate(pool.eligible) if k != left_out]
    return min(three, key=lambda i: (pool.latency_s[i] or 0.01) * (pool.in_flight[i] + 1))


def least_connections_of_the_fast(pool, key, luck, now):  # right
    fastest = min(pool.latency_s[i] for i in pool.eligible)
    fast = [i for i in pool.eligible if pool.latency_s[i] <= 5 * max(fastest, 0.05)]
    start = int(luck * len(fast))
    return min(fast[start:] + fast[:start], key=lambda i: pool.in_flight[i])


# Task 6 --------------------------------------------------------------------------------------------------------------


def pulls_the_plug():
    return [Step(1.0, "add", "d"), Step(4.0, "kill", "a"), Step(5.0, "remove", "a")]


def does_not_wait():
    return [Step(1.0, "add", "d"), Step(4.0, "drain", "a"), Step(4.1, "kill", "a")]


def drains_before_it_adds():
    return [Step(1.0, "drain", "a"), Step(7.0, "kill", "a"), Step(8.0, "add", "d")]


def never_switches_off():
    return [Step(1.0, "add", "d"), Step(4.0, "drain", "a")]


def adds_nobody():
    return [Step(1.0, "drain", "a"), Step(7.0, "kill", "a")]


def removes_then_kills():
    return [Step(1.0, "add", "d"), Step(4.0, "remove", "a"), Step(9.0, "kill", "a")]


def words_only():
    return ["add d", "drain a", "kill a"]


def in_any_order_with_remove():  # right: the list's order does not matter, the times do
    return [Step(11.0, "kill", "a"), Step(3.0, "drain", "a"), Step(0.0, "add", "d")]
