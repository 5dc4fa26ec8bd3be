"""The linearizability and sequential checkers beside every permutation, and beside the histories of the literature."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest

from minisys.replication.check import linearizable, sequential
from minisys.replication.history import History, Operation

INF = math.inf


def op(process, kind, value, start, end, result=None, outcome="ok", key="x"):
    return Operation(process, kind, key, value, result, start, end, outcome)


def w(process, value, start, end, **more):
    return op(process, "write", value, start, end, **more)


def r(process, result, start, end, **more):
    return op(process, "read", None, start, end, result, **more)


def answer(value, operation):
    """The single copy again, written apart from the package: (answer, next value) of one operation."""
    kind = operation.kind
    if kind == "read":
        return value, value
    if kind == "write":
        return operation.result, operation.value
    if kind == "cas":
        return value == operation.value[0], operation.value[1] if value == operation.value[0] else value
    if kind == "incr":
        return (value or 0) + operation.value, (value or 0) + operation.value
    return value is not None, None


def fits(order, value):
    for operation in order:
        said, value = answer(value, operation)
        if operation.outcome == "ok" and said != operation.result:
            return False
    return True


def by_hand(history, precedes):
    """Every order of every choice of the indefinite operations."""
    known = [o for o in history if o.outcome == "ok"]
    maybe = [o for o in history if o.outcome == "indefinite"]
    for size in range(len(maybe) + 1):
        for chosen in itertools.combinations(maybe, size):
            for order in itertools.permutations([*known, *chosen]):
                late = any(precedes(b, a) for i, a in enumerate(order) for b in order[i + 1 :])
                if not late and fits(order, None):
                    return True
    return False


def clock(a, b):
    return a.outcome == "ok" and a.responded_s < b.invoked_s


def own_order(a, b):
    return a.outcome == "ok" and a.process == b.process and a.invoked_s < b.invoked_s


def random_history(rng, most=6):
    """A history of one register: answers of a real single copy, of which one in three is then falsified."""
    history, free, value, now = [], [0.0, 0.0, 0.0], None, 0.0
    for _ in range(int(rng.integers(2, most + 1))):
        process = int(rng.integers(3))
        start = max(free[process], now) + float(rng.integers(0, 3))
        now, end = max(now, start - 2), start + float(rng.integers(1, 6))
        kind = ("read", "write", "write", "cas", "incr", "delete")[rng.integers(6)]
        argument = {"write": int(rng.integers(3)), "cas": (int(rng.integers(3)), int(rng.integers(3))), "incr": 1}
        asked = Operation(process, kind, "x", argument.get(kind), None, start, end)
        outcome = ("ok", "ok", "ok", "ok", "indefinite", "failed")[rng.integers(6)]
        said, after = answer(value, asked)
        if outcome == "ok" or (outcome == "indefinite" and rng.random() < 0.5):
            value = after
        if rng.random() < 0.3 and kind in ("read", "incr"):
            said = int(rng.integers(3)) if rng.random() < 0.8 or kind == "incr" else None
        if rng.random() < 0.2 and kind in ("cas", "delete"):
            said = not said
        end = end if outcome == "ok" or rng.random() < 0.5 else INF
        free[process] = start + 5 if end == INF else end + 0.5
        history.append(
            Operation(process, kind, "x", asked.value, said if outcome == "ok" else None, start, end, outcome)
        )
    return History(history)


def test_agrees_with_every_permutation_on_10_000_small_histories():
    rng, verdicts = np.random.default_rng(5), []
    for _ in range(10_000):
        history = random_history(rng)
        verdict = linearizable(history)
        assert verdict.holds == by_hand([o for o in history if o.outcome != "failed"], clock), history
        verdicts.append(verdict)
    held = sum(v.holds for v in verdicts)
    assert 2_000 < held < 8_000  # neither answer is the only one asked for


def test_every_reduced_violation_violates():
    rng, seen = np.random.default_rng(6), 0
    for _ in range(1_000):
        verdict = linearizable(random_history(rng, most=9))
        if not verdict.holds:
            seen += 1
            assert verdict.anomaly and not by_hand(verdict.operations, clock), verdict
    assert seen > 200


def test_sequential_agrees_with_every_permutation():
    rng = np.random.default_rng(7)
    for _ in range(1_500):
        history = random_history(rng)
        expected = by_hand([o for o in history if o.outcome != "failed"], own_order)
        assert sequential(history).holds == expected, history
