"""The slot mover without a cluster: its plan, the order of its steps, and the model beside a measured move."""

from __future__ import annotations

import math

import pytest

from minisys.replication.check import Verdict
from minisys.replication.harness import Found
from minisys.replication.history import History, Operation
from minisys.sharding import beside, mover
from minisys.sharding.experiments import Watched
from minisys.sharding.slots import SLOTS, key_slot
from minisys.sharding.topology import Topology


def test_plan_moves_as_little_as_it_can_and_evens_out():
    grown = Topology.new(3).with_shard()
    moves = mover.plan(grown, ["a", "b", "c", "d"])
    assert len(moves) == SLOTS // 4 and {each.target for each in moves} == {"d"}
    assert all(grown.owners[each.slot] == each.source for each in moves)
    out = mover.emptying(Topology.new(3), "b")
    assert len(out) == Topology.new(3).owners.count("b") and {each.source for each in out} == {"b"}
    with pytest.raises(KeyError, match="no shard 'z'"):
        mover.plan(grown, ["a", "z"])
    with pytest.raises(ValueError, match="shards is empty"):
        mover.emptying(Topology.new(1), "a")


def test_steps_open_the_door_first_and_hand_over_last():
    running, answers = mover.steps(mover.Move(7, "a", "b"), most=2), [["k1", "k2"], ["k3"], []]
    done, answer = [], None
    while True:
        try:
            shard, words = running.send(answer)
        except StopIteration:
            break
        answer = answers.pop(0) if "GETKEYSINSLOT" in words else "OK"
        done.append(f"{shard} {' '.join(map(str, words[-3:]))}")
    assert done == [
        "b 7 IMPORTING a", "a 7 MIGRATING b", "a GETKEYSINSLOT 7 2", "a b k1 k2", "a GETKEYSINSLOT 7 2",
        "a MIGRATE b k3", "a GETKEYSINSLOT 7 2", "b 7 NODE b", "a 7 NODE b",
    ]  # fmt: skip


def test_nothing_to_move_asks_nobody_and_nobody_there_is_said():
    topology = Topology.new(2)
    assert mover.move(lambda: topology, [mover.Move(0, "b", "a")]) == 0
    with pytest.raises(mover.MoveFailed, match="nobody leads shard"):
        mover.move(lambda: topology, [mover.Move(0, "a", "b")], patience_s=0.1)


def watched(moved: int = 1000, slots: frozenset[int] = frozenset()) -> Watched:
    """A made-up second of 1 ms answers, then two seconds of change with 3 ms answers."""
    history = History(
        Operation(0, "write", f"k{n}", n, None, n / 100, n / 100 + (0.001 if n < 100 else 0.003), "ok")
        for n in range(300)
    )
    history.add(Operation(1, "write", "gone", 1, None, 2.0, math.inf, "indefinite"))
    found = Found("minisys", "cluster", history, (), (("x", 1.0),), Verdict(True))
    return Watched("x", found, 1.0, 2.0, 0, "", slots, moved, 3, (0.2, 2.4))


def test_latencies_before_and_meanwhile_are_told_apart():
    seen = watched()
    assert seen.latency_s(0.5, False) == pytest.approx(0.001) and seen.latency_s(0.99, True) == pytest.approx(0.003)
    assert (seen.lost, seen.errors) == (0, 1) and math.isnan(seen.rto_s)
    every = frozenset(range(SLOTS))
    assert watched(0, every).rto_s == pytest.approx(0.012, abs=1e-6)
    assert watched(0, every - {key_slot(f"k{n}".encode()) for n in range(300)}).rto_s == math.inf


def test_model_is_given_the_work_and_predicts_that_a_move_is_felt():
    before_s, meanwhile_s = beside.predicted(watched())
    assert 0 < before_s < meanwhile_s < 1
    assert beside.predicted(watched()) == (before_s, meanwhile_s)
    frame = beside.beside_model([watched()])
    assert list(frame["world"]) == ["measured", "model"] and (frame["added_ms"] > 0).all()
    with pytest.raises(ValueError, match="moved no slot"):
        beside.predicted(watched(0))
    assert beside.timeline([watched()])["p99_ms"].max() == pytest.approx(3.0, abs=0.01)
    beside.timeline_chart([watched()], "p99").to_dict()
