"""An experiment breaks nothing that is not steady, stops when told, and puts back whatever happens."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest
import simpy

from minisys.chaos.experiment import Experiment, Hypothesis, Journal
from minisys.chaos.inject import SimClock, Undo
from minisys.chaos.plan import Fault, FaultPlan

PLAN = FaultPlan([Fault("kill", "a", 1, 4), Fault("errors", "b", 2, 1)])


class World:
    """A simulated system of two parts; it is worth what works of it."""

    def __init__(self, scars: bool = False) -> None:
        self.env, self.broken, self.rolled_back, self.scars = simpy.Environment(), [], 0, scars

    def begin(self, fault: Fault) -> Undo:
        if fault.target not in "ab":
            raise ValueError(f"there is no {fault.target!r}")
        self.broken.append(fault.target)
        return lambda: self.broken.remove(fault.target) if not self.scars else None

    def health(self) -> float:
        return 1 - len(self.broken) / 2

    def roll_back(self) -> None:
        self.rolled_back += 1

    def run(self, plan: FaultPlan = PLAN, least: float = 1.0, **options: object) -> Journal:
        steady = Hypothesis("it works", self.health, lambda health: health >= least)
        experiment = Experiment(steady, plan, rollback=self.roll_back, **options)  # type: ignore[arg-type]
        journal = experiment.run(self, SimClock(self.env))
        self.env.run()
        assert self.rolled_back == 1
        return journal


def test_a_system_that_recovers_completes() -> None:
    world = World()
    journal = world.run(settle_s=1)
    assert journal.ok
    assert [(one.at_s, one.when, one.value) for one in journal.observations] == [(0, "before", 1.0), (6, "after", 1.0)]
    assert [(e.at_s, e.what, e.fault.target) for e in journal.log.entries] == [
        (1, "begin", "a"), (2, "begin", "b"), (3, "end", "b"), (5, "end", "a"),
    ]  # fmt: skip
    assert json.loads(journal.to_json())["status"] == "completed"


def test_one_that_keeps_scars_deviates() -> None:
    journal = World(scars=True).run()
    assert (journal.status, journal.why) == ("deviated", "it did not hold after the faults: 0.0")


def test_looking_meanwhile_finds_what_heals_by_itself() -> None:
    journal = World().run(least=0.5, during=True, every_s=0.5)
    assert journal.status == "deviated"
    assert [one.at_s for one in journal.observations if not one.held] == [2.0, 2.5]
    assert World().run(least=0.5).ok


def test_the_abort_condition_ends_every_fault_at_once() -> None:
    world = World()
    journal = world.run(abort=lambda: world.health() == 0, every_s=0.1)
    assert journal.status == "aborted"
    assert world.env.now == pytest.approx(2.0)
    assert not world.broken
    assert journal.rolled_back


def test_nothing_is_broken_where_nothing_is_steady() -> None:
    world = World()
    journal = world.run(least=2)
    assert (journal.status, journal.why) == ("not started", "it did not hold before: 1.0")
    assert not journal.log.entries


def test_an_injector_that_cannot_is_a_failed_experiment() -> None:
    world = World()
    journal = world.run(FaultPlan([Fault("kill", "a", 0, 9), Fault("kill", "c", 1, 1)]))
    assert (journal.status, journal.why) == ("failed", "ValueError: there is no 'c'")
    assert not world.broken
    assert not journal.ok


def test_a_probe_that_fails_is_a_hypothesis_that_does_not_hold() -> None:
    observed = Hypothesis("it works", lambda: 1 / 0, bool).check(0, "before")
    assert (observed.held, observed.value) == (False, "ZeroDivisionError: division by zero")


def test_a_failed_rollback_is_told() -> None:
    def roll_back() -> None:
        raise OSError("no")

    steady = Hypothesis("it works", lambda: True, bool)
    journal = Experiment(steady, FaultPlan(), rollback=roll_back).run(World())
    assert (journal.status, journal.rolled_back) == ("failed", False)
    assert journal.why == "rollback: OSError: no; was: it held: True"


def test_a_ctrl_c_puts_everything_back_too() -> None:
    world = World()
    steady = Hypothesis("it works", world.health, lambda health: health == 1)
    experiment = Experiment(steady, FaultPlan([Fault("kill", "a", 0, 60)]), rollback=world.roll_back)
    journal = experiment.journal()
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        experiment.run(world, journal=journal)
    assert (world.broken, world.rolled_back) == ([], 1)
    assert journal.status == "interrupted"
    assert journal.rolled_back


def test_bad_options_are_refused() -> None:
    with pytest.raises(ValueError, match="need every_s > 0 and settle_s >= 0 seconds, got 0 and 0"):
        Experiment(Hypothesis("x", bool, bool), PLAN, every_s=0)
