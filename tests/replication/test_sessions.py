"""Session guarantees and causal consistency beside every order of the writes, and beside the textbook's stories."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from minisys.replication.check import causal, linearizable, monotonic_reads, read_your_writes, sequential
from minisys.replication.history import History, Operation


def op(process, kind, value, start, end, result=None, outcome="ok", key="x"):
    return Operation(process, kind, key, value, result, start, end, outcome)


def w(process, value, start, end, **more):
    return op(process, "write", value, start, end, **more)


def r(process, result, start, end, **more):
    return op(process, "read", None, start, end, result, **more)


def random_history(rng, keys=("x",)):
    """Each value is written once; reads return anything that was written before, the way a careless cache would."""
    history, free, written = History(), [0.0] * 3, {key: [None] for key in keys}
    for number in range(1, int(rng.integers(3, 8))):
        process, key = int(rng.integers(3)), str(rng.choice(keys))
        start = free[process] + float(rng.integers(1, 3))
        end = start + float(rng.integers(1, 5))
        free[process] = end + 0.5
        if rng.random() < 0.5:
            outcome = "ok" if rng.random() < 0.8 else "indefinite"
            history.add(w(process, number, start, end, key=key, outcome=outcome))
            written[key].append(number)
        else:
            history.add(r(process, written[key][rng.integers(len(written[key]))], start, end, key=key))
    return history


def orders(history, key):
    """Every order of the writes of *key* that agrees with the clock, the initial value first."""
    writes = [o for o in history.of(key) if o.kind == "write"]
    for order in itertools.permutations(writes):
        pairs = itertools.combinations(order, 2)
        if not any(later.end_s < earlier.invoked_s for earlier, later in pairs):
            yield [None, *(o.value for o in order)]


def session(history, key, process):
    mine = [o for o in history.of(key) if o.process == process and o.outcome == "ok"]
    return sorted(mine, key=lambda o: o.invoked_s)


def own_writes_by_hand(history, key="x"):
    def kept(order):
        for process in range(3):
            least = 0
            for o in session(history, key, process):
                if o.kind == "read" and order.index(o.result) < least:
                    return False
                least = max(least, order.index(o.value)) if o.kind == "write" else least
        return True

    return any(kept(order) for order in orders(history, key))


def monotonic_by_hand(history, key="x"):
    def kept(order):
        reads = [[order.index(o.result) for o in session(history, key, p) if o.kind == "read"] for p in range(3)]
        return all(places == sorted(places) for places in reads)

    return any(kept(order) for order in orders(history, key))


def causal_by_hand(history):
    """Each read returns the last write of some order of what is in its past, in which causes come before effects."""
    ops = sorted(history, key=lambda o: o.invoked_s)
    before = {(i, j) for i, a in enumerate(ops) for j, b in enumerate(ops) if _own(a, b) or _read_from(a, b)}
    for k, i, j in itertools.product(range(len(ops)), repeat=3):
        before |= {(i, j)} if (i, k) in before and (k, j) in before else set()
    if any((i, i) in before for i in range(len(ops))):
        return False
    for j, read in enumerate(ops):
        if read.kind == "read":
            past = [i for i, o in enumerate(ops) if (i, j) in before and o.kind == "write" and o.key == read.key]
            last = [
                ops[order[-1]].value if order else None
                for order in itertools.permutations(past)
                if not any((b, a) in before for a, b in itertools.combinations(order, 2))
            ]
            if read.result not in last:
                return False
    return True


def _own(a, b):
    return a.process == b.process and a.invoked_s < b.invoked_s and a.outcome == "ok"


def _read_from(a, b):
    return a.kind == "write" and b.kind == "read" and a.key == b.key and a.value == b.result


def test_sessions_agree_with_every_order_of_the_writes():
    rng, held = np.random.default_rng(8), []
    for _ in range(2_000):
        history = random_history(rng)
        verdicts = read_your_writes(history).holds, monotonic_reads(history).holds
        assert verdicts == (own_writes_by_hand(history), monotonic_by_hand(history)), list(map(str, history))
        held.append(verdicts)
    assert 0.2 < np.mean(held) < 0.95


def test_causal_agrees_with_every_order_of_the_past():
    rng, held = np.random.default_rng(9), []
    for _ in range(2_000):
        history = random_history(rng, keys=("x", "y"))
        held.append(causal(history).holds)
        assert held[-1] == causal_by_hand(history), list(map(str, history))
    assert 0.2 < np.mean(held) < 0.95


def test_what_is_linearizable_keeps_every_looser_promise():
    rng, seen = np.random.default_rng(10), 0
    for _ in range(1_500):
        history = random_history(rng)
        if linearizable(history).holds:
            seen += 1
            assert sequential(history).holds and causal(history).holds, list(map(str, history))
            assert read_your_writes(history).holds and monotonic_reads(history).holds, list(map(str, history))
    assert seen > 200


# Lloyd et al. 2011 (COPS): the photo and the album that refers to it
ALBUM = [
    w(0, "photo", 0, 1, key="photo"),
    w(0, "album", 2, 3, key="album"),
    r(1, "album", 4, 5, key="album"),
    r(1, None, 6, 7, key="photo"),
]
# "I lost my ring" / "found it" / "glad to hear": the third person sees the answer but not what it answers
RING = [
    w(0, "lost", 0, 1),
    w(0, "found", 2, 3),
    r(1, "found", 4, 5),
    w(1, "glad", 6, 7, key="y"),
    r(2, "glad", 8, 9, key="y"),
    r(2, "lost", 10, 11),
]
# Two readers see two independent writes in opposite order: causal, not sequential (Ahamad et al. 1995)
OPPOSITE = [w(0, 1, 0, 9), w(1, 2, 0, 9), r(2, 1, 10, 11), r(2, 2, 12, 13), r(3, 2, 10, 11), r(3, 1, 12, 13)]
PROFILE = [w(0, "old", 0, 1), w(1, "new", 2, 3), r(1, "old", 4, 5)]
BACK = [w(0, 1, 0, 1), w(0, 2, 2, 3), r(1, 2, 4, 5), r(1, 1, 6, 7)]
AGREED = [w(0, 1, 0, 9), w(1, 2, 0, 9), r(0, 2, 10, 11), r(1, 1, 10, 11)]  # each overwritten by the other


@pytest.mark.parametrize(
    ("history", "is_causal", "own", "monotonic", "strict"),
    [
        (ALBUM, False, True, True, False),
        (RING, False, True, True, False),
        (OPPOSITE, True, True, False, False),
        (PROFILE, True, False, True, False),
        (BACK, False, True, False, False),
        (AGREED, True, False, True, False),
        ([w(0, 1, 0, 1), r(1, None, 2, 3), r(1, 1, 4, 5)], True, True, True, False),
    ],
)
def test_known_stories(history, is_causal, own, monotonic, strict):
    found = causal(history), read_your_writes(history), monotonic_reads(history), linearizable(history)
    assert [v.holds for v in found] == [is_causal, own, monotonic, strict]
    assert all(v.holds or (v.operations and v.anomaly) for v in found)


def test_a_write_of_unknown_outcome_binds_nobody():
    assert read_your_writes([w(0, 1, 0, 1, outcome="indefinite"), r(0, None, 2, 3)]).holds
    assert causal([w(0, 1, 0, 1, outcome="indefinite"), r(0, None, 2, 3), r(0, 1, 4, 5)]).holds


def test_long_histories_take_seconds():
    rng, history, now = np.random.default_rng(2), History(), 0.0
    values = dict.fromkeys("abcdefgh")
    for number in range(10_000):
        now, key = now + 1, "abcdefgh"[rng.integers(8)]
        if rng.random() < 0.5:
            values[key] = number
            history.add(w(int(rng.integers(8)), number, now, now + 0.5, key=key))
        else:
            history.add(r(int(rng.integers(8)), values[key], now, now + 0.5, key=key))
    assert causal(history).holds and read_your_writes(history).holds and monotonic_reads(history).holds
    history.add(r(0, None, now + 1, now + 2, key="a"))
    assert not causal(history).holds and not read_your_writes(history).holds and not monotonic_reads(history).holds


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: op(0, "swap", 1, 0, 1), "swap"),
        (lambda: op(0, "read", None, 2, 1), "before it was sent"),
        (lambda: op(0, "read", None, 0, math.inf), "has an answer"),
        (lambda: op(0, "cas", 1, 0, 1), "expected, new"),
        (lambda: linearizable([w(0, 1, 0, 5), w(0, 2, 1, 3)]), "two calls open"),
    ],
)
def test_a_history_that_cannot_be_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        wrong()


def test_a_history_answers_questions():
    history = History([w(0, 1, 0, 1), r(1, 1, 0.5, 2, key="y"), w(0, 2, 3, math.inf, outcome="indefinite")])
    assert history.keys() == ["x", "y"] and len(history.ok()) == 2 and len(history.of("x")) == 2
    frame = history.frame()
    assert list(frame["invoked_s"]) == [0, 0.5, 3] and frame["outcome"].tolist()[-1] == "indefinite"
    assert str(history[0]) == "[0, 1] p0 write x 1 -> None" and "?" in str(history[2])
