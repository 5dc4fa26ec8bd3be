"""The linearizability and sequential checkers beside every permutation, and beside the histories of the literature."""

from __future__ import annotations

import itertools
import math

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


# MIT 6.824 spring 2017, quiz 2, section VII, which Porcupine's tests use too
QUIZ_YES = [w(0, 100, 0, 100), r(1, 100, 25, 75), r(2, 0, 30, 60)]
QUIZ_NO = [w(0, 200, 0, 100), r(1, 200, 10, 30), r(2, 0, 40, 90)]
# Two processes that write and look at the other's flag: Dekker's entry, Lamport 1979. Each key alone is in order.
DEKKER = [
    w(0, 1, 0, 1, key="x"),
    r(0, None, 2, 3, key="y"),
    w(1, 1, 0, 1, key="y"),
    r(1, None, 2, 3, key="x"),
]
# Lamport's regular register ("On interprocess communication", 1986): two reads during one write, new then old
INVERSION = [w(0, 1, 0, 1), w(0, 2, 2, 9), r(1, 2, 3, 4), r(1, 1, 5, 6)]
# Attiya and Welch 1994: fine for sequential consistency, not for linearizability
LATE = [w(0, 1, 0, 1), r(1, None, 2, 3), r(1, 1, 4, 5)]
# A compare-and-set register as Jepsen tests etcd: the last set finds what the indefinite write left
CAS_YES = [w(0, 1, 0, 1), w(1, 2, 2, INF, outcome="indefinite"), op(2, "cas", (2, 3), 5, 6, True), r(0, 3, 7, 8)]
CAS_NO = [w(0, 1, 0, 1), w(1, 2, 2, 3), op(2, "cas", (1, 3), 5, 6, True)]
GHOST = [w(0, 1, 0, 1), w(1, 2, 2, 3, outcome="failed"), r(2, 2, 4, 5)]
BOTH_WON = [w(0, 0, 0, 1), op(1, "cas", (0, 1), 2, 6, True), op(2, "cas", (0, 2), 3, 7, True)]
COUNTED_TWICE = [op(0, "incr", 1, 0, 5, 1), op(1, "incr", 1, 1, 6, 2), op(2, "incr", 1, 2, 7, 2)]
TWO_TRUTHS = [w(0, 1, 0, 9), w(1, 2, 0, 9), r(2, 1, 10, 11), r(3, 2, 12, 13), r(2, 1, 14, 15)]
COMES_BACK = [w(0, 1, 0, 1), w(0, 2, 2, 3), r(1, 1, 4, 5), r(1, 2, 6, 7)]
GONE = [w(0, 1, 0, 1), w(0, 2, 2, 3), r(1, 1, 4, 5), r(1, 1, 6, 7)]


@pytest.mark.parametrize(
    ("history", "initial", "strict", "loose", "name"),
    [
        (QUIZ_YES, 0, True, True, ""),
        (QUIZ_NO, 0, False, True, "new-old inversion"),
        (DEKKER, None, False, False, "lost write"),
        (INVERSION, None, False, False, "new-old inversion"),
        (LATE, None, False, True, "stale read"),
        (CAS_YES, None, True, True, ""),
        (CAS_NO, None, False, True, "lost write"),
        (GHOST, None, False, False, "dirty read"),
        (BOTH_WON, None, False, False, "lost update"),
        (COUNTED_TWICE, None, False, False, "lost update"),
        (TWO_TRUTHS, None, False, True, "split brain"),
        (COMES_BACK, None, False, True, "stale read"),
        (GONE, None, False, True, "lost write"),
        ([r(0, 5, 0, 1)], None, False, False, "value from nowhere"),
        ([r(0, 5, 0, 1), w(1, 5, 2, 3)], None, False, True, "read from the future"),
    ],
)
def test_known_histories(history, initial, strict, loose, name):
    verdict = linearizable(history, initial)
    assert (verdict.holds, verdict.anomaly) == (strict, name), verdict
    assert sequential(history, initial).holds == loose


def long_history(rng, operations, clients=8, keys=10, lost=range(0)):
    """Clients at a real register: each operation takes effect at a random moment between its call and its answer."""
    begin = np.cumsum(rng.exponential(1.0, (clients, operations // clients)), axis=1)
    calls = []
    for client in range(clients):
        for at in range(operations // clients):
            start, room = begin[client, at], (begin[client, at + 1 : at + 2].tolist() or [begin[client, at] + 1])[0]
            end = start + (room - start) * 0.9
            calls.append((rng.uniform(start, end), client, start, end, str(rng.integers(keys)), rng.integers(4)))
    history, values = History(), dict[str, int | None]()
    for number, (_, client, start, end, key, kind) in enumerate(sorted(calls)):
        if kind < 2:
            history.add(Operation(client, "read", key, None, values.get(key), start, end))
        else:
            outcome = "indefinite" if rng.random() < 0.02 else "ok"
            history.add(Operation(client, "write", key, number, None, start, end, outcome))
            values[key] = values.get(key) if number in lost else number
    return history


@pytest.mark.parametrize("keys", [1, 10])
def test_a_history_of_10_000_operations_is_judged_and_its_fault_found(keys):
    assert linearizable(long_history(np.random.default_rng(1), 10_000, keys=keys)).holds
    broken = long_history(np.random.default_rng(1), 10_000, keys=keys, lost=range(5_000, 5_100))
    verdict = linearizable(broken)
    assert not verdict.holds and len(verdict.operations) <= 4 and verdict.anomaly in ("lost write", "stale read")
