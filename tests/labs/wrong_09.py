"""Answers to lab 09: wrong ones that a learner may well write, each with what its report must say, and right ones
written another way, which must pass."""

from __future__ import annotations

import math
import time

from minisys.autoscaling import pareto
from minisys.autoscaling.planning import Scheduled

# Task 1 and 2 --------------------------------------------------------------------------------------------------------


def pods(**changed):
    right = {"plain": 60, "tolerance": 10, "booting": 5, "silent": 4, "window": 9, "limits": 64}
    return lambda: right | changed


def boots(boot_s=75, target=0.6, why="late"):
    return lambda: {"boot_s": boot_s, "target": target, "why": why}


# Task 3 --------------------------------------------------------------------------------------------------------------


def rule(whole=math.ceil, tolerant=True, keep=300, most=max, note="asked", window_out=False, bounded=True):
    """The rule with one thing wrong."""

    def decide(now, current, load, recent):
        ratio = load / 0.6
        asked = current if tolerant and abs(ratio - 1) <= 0.1 else whole(round(current * ratio, 9))
        recent[:] = [(at, count) for at, count in recent if at > now - keep]
        if note == "asked":
            recent.append((now, asked))
        window = [count for _, count in recent] or [asked]
        wanted = most(window)
        if asked >= current and not window_out:
            wanted = asked
        elif bounded and asked < current:
            wanted = min(current, wanted)
        if note == "returned":
            recent.append((now, wanted))
        return wanted

    return decide


def near_in_load(now, current, load, recent):
    return current if abs(load - 0.6) <= 0.1 else rule()(now, current, load, recent)


def says_nothing(*_):
    return None


def in_another_way(now, current, load, recent):  # right
    tolerated = 0.54 - 1e-9 <= load <= 0.66 + 1e-9
    recent.insert(0, (now, current if tolerated else -(-round(current * load * 1e6) // 600_000)))
    asked = recent[0][1]
    calm = max(count for at, count in recent if now - at < 300)
    return max(asked, min(current, calm))


# Task 4 --------------------------------------------------------------------------------------------------------------


def constant_low(high, servers):
    return 0.6 * high


def cautious(high, servers):
    return high / 3


def too_low(high, servers):
    return max(0.01, high - 1 / servers)


def two_thirds(high, servers):
    return 0.69 * high * (servers - 1) / servers


def above(high, servers):
    return high * servers / (servers - 1)


def wrong_end(high, servers):
    return 1.0 * high * servers / (servers + 1)


def exact(high, servers):  # right
    return high - high / servers


# Task 5 --------------------------------------------------------------------------------------------------------------


def at_once():
    yield "stop"
    yield "forget"


def only_stops():
    yield "stop"


def gives_up():
    yield "drain"
    for _ in range(60):
        if not (yield "in flight"):
            break
        yield "wait", 1.0
    yield "stop"
    yield "forget"


def sleeps():
    yield "drain"
    while (yield "in flight"):
        time.sleep(0.5)
    yield "stop"
    yield "forget"


def asks_too_often():
    yield "drain"
    while (yield "in flight"):
        yield "wait", 1e-4
    yield "stop"
    yield "forget"


def fixed_wait():
    yield "drain"
    yield "wait", 30
    yield "stop"
    yield "forget"


def never_drains():
    while (yield "in flight"):
        yield "wait", 1.0
    yield "stop"
    yield "forget"


def asks_once():
    yield "drain"
    if (yield "in flight"):
        yield "wait", 5.0
    yield "stop"
    yield "forget"


def forgets_first():
    yield "drain"
    yield "forget"
    while (yield "in flight"):
        yield "wait", 0.5
    yield "stop"


def never_stops():
    yield "drain"
    while (yield "in flight"):
        yield "wait", 0.5
    yield "forget"


def stays_listed():
    yield "drain"
    while (yield "in flight"):
        yield "wait", 0.5
    yield "stop"


def spins():
    yield "drain"
    while (yield "in flight"):
        pass
    yield "stop"
    yield "forget"


def ten_minutes():
    yield "drain"
    yield "wait", 600
    yield "stop"
    yield "forget"


def returns_a_list():
    return ["drain", "stop", "forget"]


def unknown_word():
    yield "kill"


def listed_last():  # right: forget before stop, but after it was seen empty
    yield "drain"
    count = yield "in flight"
    while count > 0:
        yield ("wait", 2)
        count = yield "in flight"
    yield "forget"
    yield "stop"


def polls_fast():  # right
    yield "drain"
    while (yield "in flight"):
        yield "wait", 0.1
    yield "forget"
    yield "stop"


# Task 6 --------------------------------------------------------------------------------------------------------------


def eight():
    return Scheduled(((0, 8),))


def kubernetes(target, window_s=300.0):
    return lambda: pareto.pods(target, window_s)


def six():
    return Scheduled(((0, 6),))


class Half:
    def desired(self, seen, now):
        return seen.rate_per_s / 4


class Shared:
    """Its memory belongs to the class, and so to every run."""

    wished = []

    def desired(self, seen, now):
        self.wished.append((now, math.ceil(seen.rate_per_s / 2.4)))
        return max(1, max(count for at, count in self.wished if at > now - 300))


class SharedTop:
    """So does this one, without a list."""

    top = 2

    def desired(self, seen, now):
        SharedTop.top = max(seen.rate_per_s / 2.4, SharedTop.top - 0.05)
        return math.ceil(SharedTop.top)


class Bare:
    """Counts machines that boot as if they were as full as the others; calm for 300 s."""

    def __init__(self):
        self.wished = []

    def desired(self, seen, now):
        load = seen.utilisation()
        self.wished.append((now, math.ceil(seen.current * (0.6 if load is None else load) / 0.6)))
        return max(1, max(count for at, count in self.wished if at > now - 300))


class Unguarded:
    def desired(self, seen, now):
        serving = sum(each.ready for each in seen.instances)
        return max(1, math.ceil(serving * seen.utilisation() / 0.6))


class Change:
    """Gives how many more, instead of how many in all."""

    def desired(self, seen, now):
        return math.ceil(seen.rate_per_s / 2.4) - seen.current


class NoPolicy:
    pass
