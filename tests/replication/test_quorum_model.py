"""Copies without a leader: which registers are linearizable, what repair and hints do, what clocks and cuts break."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from minisys.replication import quorum_model
from minisys.replication.check import linearizable
from minisys.replication.network import Link
from minisys.replication.policies import Quorum, Stamp
from minisys.replication.quorum_register import Ask, Get, Put, Register, StrictRegister
from minisys.testbed.laws import Exponential, Gamma

TWO_OF_THREE = Quorum(3, 2, 2)
ROUGH = Link(Gamma(0.02, cv=2.0), loss=0.05, duplicate=0.1)


def cut(network):
    network.partition(["a", "b", "client 0"], ["c", "d", "e", "client 1", "client 2"])


def heal(network):
    network.heal()


def test_overlapping_quorums_are_not_linearizable_and_the_checker_finds_a_seed():
    seed, verdict, history = quorum_model.counter_example(Register(TWO_OF_THREE), range(20))
    assert verdict.anomaly in ("new-old inversion", "stale read") and len(verdict.operations) <= 8
    assert not linearizable(verdict.operations).holds and len(history) > 100
    assert quorum_model.counter_example(Register(TWO_OF_THREE), [seed])[1] == verdict


@pytest.mark.parametrize("link", [Link(Exponential(0.005)), ROUGH])
@pytest.mark.parametrize("events", [(), ((0.5, cut), (1.2, heal))])
def test_a_read_that_first_makes_sure_is_linearizable(link, events):
    register = StrictRegister(TWO_OF_THREE)
    assert quorum_model.counter_example(register, range(15), link=link, events=events) is None


def test_one_copy_each_is_stale_at_once():
    assert quorum_model.counter_example(Register(Quorum(3, 1, 1)), range(3)) is not None


def last_of(copies):
    return {name: copies[name].kept["x"] for name in "abc"}


def test_a_cut_stops_the_small_side_of_a_strict_quorum_and_no_side_of_a_sloppy_one():
    answered = {}
    for sloppy in (False, True):
        run = quorum_model.run(StrictRegister(Quorum(3, 2, 2, sloppy=sloppy)), seed=3, events=[(0.5, cut)])
        late = [o for o in run.history if o.invoked_s > 0.6 and o.outcome == "ok"]
        answered[sloppy] = [sum(o.process in side for o in late) for side in ((0,), (1, 2))]
        assert linearizable(run.history).holds != sloppy
    assert answered[False][0] > 0 and answered[False][1] == 0
    assert min(answered[True]) > 0


def test_hints_are_handed_over_when_the_cut_is_mended():
    register = Register(Quorum(3, 2, 2, sloppy=True))
    quiet = [(2.0, cut), (2.05, heal)]
    run = quorum_model.run(register, seed=5, duration_s=6.0, events=[(0.5, cut), (1.5, heal), *quiet])
    assert sum(len(run.copies[name].kept) for name in "de") > 0  # somebody stood in
    assert not any(copy.hints for copy in run.copies.values())  # and kept nothing for himself
    assert max(last_of(run.copies).values()) >= max(
        run.copies[name].kept["x"] for name in "de" if run.copies[name].kept
    )


def test_last_write_wins_with_a_slow_clock_loses_writes_that_were_acknowledged():
    def skew(network):
        network.skew("client 0", offset_s=-0.2)

    found = quorum_model.counter_example(
        Register(TWO_OF_THREE, by_clock=True), range(5), events=[(0.0001, skew)], reads=0.3
    )
    assert found is not None and found[1].anomaly in ("lost write", "stale read")


def test_the_steps_of_a_read_and_a_write_one_by_one():
    steps = Register(TWO_OF_THREE, repair=True).read("x")
    assert next(steps) == Ask(Get("x"), 2)
    repair = steps.send([("a", Stamp(1, "p"), 1), ("b", Stamp(2, "p"), 2)])
    assert repair == Ask(Put("x", Stamp(2, "p"), 2), 0, ("a",))
    with pytest.raises(StopIteration) as end:
        steps.send([])
    assert end.value.value == 2
    write = Register(TWO_OF_THREE).write("x", 9, "q", 0.0, Stamp(7, "q"))
    next(write)
    assert write.send([("a", Stamp(3, "p"), 1), ("b", Stamp(0), None)]).message == Put("x", Stamp(8, "q"), 9)


def test_what_was_never_sent_failed_and_what_was_is_of_unknown_outcome():
    def silence(network):
        network.partition(["client 0"], list("abcde"))

    run = quorum_model.run(Register(TWO_OF_THREE), clients=1, seed=1, events=[(0.3, silence)])
    last = [o for o in run.history if o.invoked_s > 0.31]
    assert {o.outcome for o in last[:-1]} == {"failed"}  # the first round, a question, never got through
    blind = quorum_model.run(Register(TWO_OF_THREE, by_clock=True), clients=1, seed=1, events=[(0.3, silence)])
    assert "indefinite" in {o.outcome for o in blind.history if o.kind == "write" and o.invoked_s > 0.31}


def test_one_seed_gives_one_history_in_two_processes():
    code = (
        "from minisys.replication import quorum_model as q; from minisys.replication.quorum_register import *;"
        "from minisys.replication.policies import Quorum;"
        "print([str(o) for o in q.run(Register(Quorum(3, 2, 2), repair=True), seed=4).history])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": s},
        ).stdout
        for s in ("1", "2")
    }
    assert len(said) == 1 and len(said.pop()) > 1_000
