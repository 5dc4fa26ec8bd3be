"""Answers to lab 12: wrong ones that a learner may well write, and right ones written another way."""

from __future__ import annotations

import math

from minisys.chaos.plan import Fault

X = 3 * 90 / 365


def paper(**changed):
    right = {"exposed": 60, "missed": 0.8**12, "enough": 21, "fresh": math.exp(-X), "average": (1 - math.exp(-X)) / X}
    return lambda: right | changed


def judge(orders=20, success=0.9, calls=1.5, lost=0, of=lambda readings: readings.success):
    def well(readings):
        few = readings.answered < orders
        return not few and of(readings) >= success and readings.calls_per_order <= calls and readings.lost <= lost

    return well


def strict(readings):
    return judge()(readings) and readings.success > 0.9


def since_ever(readings):
    return readings.ok / (readings.ok + readings.bad)


def exactly(readings):
    return judge()(readings) and readings.ok == readings.stored


def silent(readings):
    judge()(readings)


def radius(pairs=({"a", "b"}, {"orders", "standby"}), most=2, longest=5, again=False):
    def allowed(fault, active):
        targets = {one.target for one in active}
        if fault.for_s > longest or len(active) >= most or (not again and fault.target in targets):
            return False
        return not any(pair <= targets | {fault.target} for pair in pairs)

    return allowed


def only_lasting(fault, active):
    return radius()(fault, [one for one in active if one.end_s > fault.at_s])


def never(fault, active):
    return False


def hunts(*suspects, rerun=True):
    def find(mine):
        findings = []
        for claim, kind, part, values, weakness in suspects:
            fault = Fault(kind, part, for_s=3.0, **values)
            if not rerun or not mine.try_out(claim, fault).ok:
                mine.repair(weakness)
                findings.append((claim, fault, weakness))
        return findings

    return find


TIMEOUT = ("orders succeed", "pause", "prices", {}, "no timeout")
RETRIES = ("prices is not flooded", "errors", "prices", {"ratio": 1.0}, "eager retries")
HEALTH = ("orders succeed", "errors", "b", {"ratio": 1.0}, "blind health check")
CACHE = ("orders succeed", "pause", "cache", {}, "cache is a must")
FAILOVER = ("orders succeed", "kill", "orders", {}, "untried failover")
COPY = ("no confirmed order is lost", "kill", "orders", {}, "single copy")
DEAD = ("orders succeed", "kill", "prices", {}, "no timeout")
SLOW = ("orders succeed", "slow answers", "prices", {"delay_s": 0.2}, "no timeout")
MISTAKEN = ("orders succeed", "pause", "prices", {}, "cache is a must")


def endless(mine):
    while True:
        mine.try_out("orders succeed", Fault("kill", "cache", for_s=0.1))


def all_of_it(faults, breaks):
    return list(faults)


def first_only(faults, breaks):
    return faults[:1]


def halves(faults, breaks):
    while len(faults) > 1:
        half = len(faults) // 2
        if breaks(faults[:half]):
            faults = faults[:half]
        elif breaks(faults[half:]):
            faults = faults[half:]
        else:
            break
    return faults


def not_undone(faults, breaks):
    kept = list(faults)
    for fault in faults:
        kept.remove(fault)
        if not breaks(kept):
            break
    return kept


def subsets(faults, breaks):
    from itertools import combinations

    for size in range(1, len(faults) + 1):
        for some in combinations(faults, size):
            if breaks(list(some)):
                return list(some)
    return faults


def until_rest(faults, breaks):  # right
    faults, at = list(faults), 0
    while at < len(faults):
        rest = faults[:at] + faults[at + 1 :]
        faults, at = (rest, 0) if breaks(rest) else (faults, at + 1)
    return faults


def live(claim="no confirmed order is lost", kind="kill", part="orders", for_s=2.0):
    return lambda: (claim, Fault(kind, part, for_s=for_s))
