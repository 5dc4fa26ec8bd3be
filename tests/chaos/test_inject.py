"""One plan in four worlds gives one order of events, and whatever began is ended."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.chaos.inject import ByKind, DryRun, Log, RealClock, SimClock, Undo, play, play_async, played
from minisys.chaos.plan import Fault, FaultPlan
from minisys.testbed.clock import run_virtual

PLAN = FaultPlan([Fault("pause", "a", 0.01, 0.02), Fault("kill", "b", 0.02), Fault("latency", "c", 0.02, 1, delay_s=1)])
WANTED = [
    (0.01, "begin", "a"), (0.02, "begin", "b"), (0.02, "begin", "c"), (0.03, "end", "a"),
    (0.05, "end", "c"), (0.05, "end", "b"),
]  # fmt: skip


class Switches:
    """An injector whose world is a set of what is broken; *bad* targets cannot be broken, *stuck* not mended."""

    def __init__(self, now: Any = lambda: 0.0, bad: str = "", stuck: str = "") -> None:
        self.now, self.bad, self.stuck = now, bad, stuck
        self.broken: set[tuple[str, str]] = set()
        self.seen: list[tuple[float, str, str]] = []

    def begin(self, fault: Fault) -> Undo:
        if fault.target in self.bad:
            raise ValueError(f"there is no {fault.target!r}")
        what = (fault.kind, fault.target)
        self.broken.add(what)
        self.seen.append((self.now(), "begin", fault.target))

        def undo() -> None:
            if fault.target in self.stuck:
                raise OSError("rusty")
            self.broken.remove(what)
            self.seen.append((self.now(), "end", fault.target))

        return undo


def told(log: Log) -> list[tuple[float, str, str]]:
    return [(round(entry.at_s, 9), entry.what, entry.fault.target) for entry in log.entries]


def test_one_plan_runs_the_same_in_simulated_virtual_and_real_time() -> None:
    env = simpy.Environment(100)  # the plan's start is when it is played, not zero
    simulated = Switches(lambda: round(env.now - 100, 9))
    log = play(PLAN, simulated, SimClock(env), until_s=0.05)
    assert not log.entries
    env.run()
    assert simulated.seen == told(log) == WANTED

    async def main() -> tuple[Log, Switches]:
        loop = asyncio.get_running_loop()
        virtual = Switches(lambda: round(loop.time(), 9))
        return await play_async(PLAN, virtual, until_s=0.05), virtual

    log, virtual = run_virtual(main())
    assert virtual.seen == told(log) == WANTED
    began = time.monotonic()
    real = Switches(lambda: time.monotonic() - began)
    assert told(play(PLAN, real, RealClock(), until_s=0.05)) == WANTED
    assert all(at_s >= wanted for (at_s, _, _), (wanted, _, _) in zip(real.seen, WANTED, strict=True))  # never early
    assert not simulated.broken | virtual.broken | real.broken


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(1, 9)), max_size=8), st.integers(0, 20)
)
def test_wherever_it_is_stopped_everything_is_put_back(drawn: list[tuple[str, int, int]], stop: int) -> None:
    by_target = {target: Fault("pause", target, at, lasts) for target, at, lasts in drawn}
    switches, log = Switches(), Log()
    steps = played(FaultPlan(by_target.values()), switches, log)
    for _ in range(stop):
        if next(steps, None) is None:
            break
    steps.close()
    assert not switches.broken
    assert not log.active
    assert sum(entry.what == "begin" for entry in log.entries) == sum(entry.what == "end" for entry in log.entries)


def test_one_end_that_fails_does_not_keep_the_others() -> None:
    switches = Switches(stuck="a")
    log = play(PLAN, switches, RealClock(), until_s=0.03)
    assert switches.broken == {("pause", "a")}
    assert log.problems == ["pause on a, end: OSError: rusty"]


def test_a_fault_that_cannot_begin_ends_the_play_and_the_others() -> None:
    switches = Switches(bad="c")
    with pytest.raises(ValueError, match="there is no 'c'"):
        play(PLAN, switches, RealClock(), until_s=0.03)
    assert not switches.broken
    assert [target for _, _, target in switches.seen] == ["a", "b", "b", "a"]


def test_another_thread_can_stop_it() -> None:
    clock, switches = RealClock(), Switches()
    threading.Timer(0.02, clock.stop.set).start()
    log = play(FaultPlan([Fault("pause", "a", 0, 60)]), switches, clock)
    assert not switches.broken
    assert [entry.what for entry in log.entries] == ["begin", "end"]


class Interrupted(Switches):
    """Somebody presses Ctrl-C in the middle of each thing that is done with "a"."""

    def begin(self, fault: Fault) -> Undo:
        undo = super().begin(fault)

        def interrupted() -> None:
            signal.raise_signal(signal.SIGINT)
            undo()

        if fault.target != "a":
            return undo
        signal.raise_signal(signal.SIGINT)
        return interrupted


@pytest.mark.parametrize("order", ["abc", "bac", "bca"])
def test_ctrl_c_between_a_fault_and_the_note_of_what_ends_it_leaves_nothing_broken(order: str) -> None:
    plan = FaultPlan([Fault("pause", target, 0.001 * at, 1) for at, target in enumerate(order)])
    switches, log = Interrupted(), Log()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        RealClock().follow(played(plan, switches, log))
    assert not switches.broken
    begun = order.index("a") + 1
    assert [entry.what for entry in log.entries] == ["begin"] * begun + ["end"] * begun
    assert signal.getsignal(signal.SIGINT) is before


def test_a_fault_without_an_end_needs_one_of_the_play() -> None:
    with pytest.raises(
        ValueError, match="'kill' on 'a' begins at 3 s and has no end, but the play is over at 3 s; give"
    ):
        play(FaultPlan([Fault("kill", "a", 3)]), DryRun(), RealClock())


def test_each_kind_has_its_injector() -> None:
    dry = DryRun()
    both = ByKind({"kill": dry})
    both.begin(Fault("kill", "a"))()
    assert dry.begun == [Fault("kill", "a")]
    with pytest.raises(ValueError, match="nobody here can do 'pause'; can be done: kill"):
        both.begin(Fault("pause", "a"))
