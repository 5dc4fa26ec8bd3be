"""Backends that can be paused, and who is eligible when."""

from __future__ import annotations

import math

import pytest
import simpy

from minisys.load_balancing.fleet import Backend, Fleet, Shape, at
from minisys.load_balancing.health import OutlierEjection
from minisys.load_balancing.plan import HealthCheck, Step
from minisys.load_balancing.policies import policy
from minisys.testbed.simulation import Request


def send(env: simpy.Environment, backend: Backend, at_s: float, work_s: float, answers: list) -> None:
    """Send one request to *backend* at *at_s*; (time, outcome) is appended to *answers* when it is answered."""

    def ask() -> None:
        answer = backend.serve(Request(0, at_s, work_s, 0, 0, 0.0))
        answer.callbacks.append(lambda event: answers.append((env.now, event.value)))

    at(env, at_s, ask)


def fleet_of(n: int = 3, name: str = "random", **given) -> tuple[simpy.Environment, Fleet]:
    env = simpy.Environment()
    return env, Fleet(env, policy(name), Shape(tuple("abcdef"[:n])), **given)


def eligible_at(env: simpy.Environment, fleet: Fleet, *times: float) -> list[str]:
    """The names of the eligible at each of *times*."""
    seen = []
    for time_s in times:
        env.run(time_s)
        seen.append("".join(fleet.names[i] for i in fleet.pool.eligible))
    return seen


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_due_in_a_pause_comes_out_when_it_is_over_and_then_the_backlog(workers):
    env, answers = simpy.Environment(), []
    backend = Backend(env, "a", workers=workers)
    send(env, backend, 0.0, 2.0, answers)
    send(env, backend, 3.0, 1.0, answers)
    at(env, 1.0, backend.pause)
    at(env, 5.0, backend.resume)
    env.run()
    assert answers == [(5.0, "ok"), (6.0, "ok")]


def test_work_that_ends_after_the_pause_is_not_delayed():
    env, answers = simpy.Environment(), []
    backend = Backend(env, "a")
    send(env, backend, 0.0, 9.0, answers)
    at(env, 1.0, backend.pause)
    at(env, 5.0, backend.resume)
    env.run()
    assert answers == [(9.0, "ok")]


def test_a_paused_backend_can_be_killed_and_comes_back_unpaused():
    env, answers = simpy.Environment(), []
    backend = Backend(env, "a")
    for time_s in (0.0, 1.5, 2.5):
        send(env, backend, time_s, 1.0, answers)
    at(env, 0.5, backend.pause)
    at(env, 2.0, backend.kill)
    at(env, 3.0, backend.restart)
    send(env, backend, 4.0, 1.0, answers)
    env.run()
    assert answers == [(2.0, "failed"), (2.0, "failed"), (2.5, "failed"), (5.0, "ok")]


def test_a_backend_that_stops_finishes_what_it_has_and_refuses_the_rest():
    env, answers = simpy.Environment(), []
    backend = Backend(env, "a")
    for at_s in (0.0, 0.1, 0.6):
        send(env, backend, at_s, 1.0, answers)
    at(env, 0.5, backend.stop)
    env.run()
    assert answers == [(0.6, "failed"), (1.0, "ok"), (2.0, "ok")]


def test_pausing_twice_and_resuming_twice_is_as_once():
    env, answers = simpy.Environment(), []
    backend = Backend(env, "a")
    send(env, backend, 0.0, 1.0, answers)
    for time_s, act in ((0.1, backend.pause), (0.2, backend.pause), (2.0, backend.resume), (3.0, backend.resume)):
        at(env, time_s, act)
    env.run()
    assert answers == [(2.0, "ok")]


def test_checks_find_the_dead_after_fall_intervals_and_put_it_back_after_rise():
    plan = (Step(1.0, "kill", "b"), Step(3.0, "restart", "b"), Step(9.0, "slow", "a"))
    env, fleet = fleet_of(plan=plan, health=HealthCheck(interval_s=0.5, timeout_s=0.1, rise=3, fall=2))
    assert eligible_at(env, fleet, 0.9, 1.4, 1.6, 3.9, 4.1) == ["abc", "abc", "ac", "ac", "abc"]


def test_a_paused_backend_fails_its_check_when_the_time_limit_is_over():
    plan = (Step(0.9, "pause", "b"), Step(9.3, "resume", "b"))
    env, fleet = fleet_of(plan=plan, health=HealthCheck(interval_s=0.5, timeout_s=0.2, rise=1, fall=1))
    assert eligible_at(env, fleet, 1.1, 1.3, 9.4, 9.6) == ["abc", "ac", "ac", "abc"]


def test_checks_end_with_the_run_even_if_a_backend_is_paused_for_ever():
    env, _ = fleet_of(plan=(Step(1.0, "pause", "b"),), health=HealthCheck())
    env.run()
    assert 1.0 <= env.now < 3.0


def test_drain_remove_add_and_weight_decide_who_is_eligible():
    plan = (
        Step(1.0, "drain", "a"), Step(2.0, "add", "a"), Step(3.0, "add", "d", 2.0), Step(4.0, "weight", "b", 0.0),
        Step(5.0, "remove", "c"),
    )  # fmt: skip
    env, fleet = fleet_of(plan=plan, name="ring")
    assert eligible_at(env, fleet, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5) == ["abc", "bc", "abc", "abcd", "acd", "ad"]
    assert {fleet.pool.table.count(i) for i in (0, 3)} == {160, 320} and set(fleet.pool.table) == {0, 3}


def test_who_fails_real_requests_is_put_aside_and_returns():
    env, fleet = fleet_of(ejection=OutlierEjection(consecutive=2, base_s=5.0))
    for _ in range(2):
        fleet.seen(1, ok=False)
    assert eligible_at(env, fleet, 4.9, 5.1) == ["ac", "abc"]


def test_a_backend_that_joins_warms_up():
    env, fleet = fleet_of(plan=(Step(1.0, "add", "d", 4.0),), slow_start_s=10.0)
    weights = []
    for time_s in (1.5, 6.0, 11.0, 12.0):
        env.run(time_s)
        fleet.warm()
        weights.append(fleet.pool.weight[3])
    assert weights == pytest.approx([0.4, 2.0, 4.0, 4.0]) and fleet.warming == {}


def test_without_a_plan_nothing_can_fail_and_nothing_is_scheduled():
    env, fleet = fleet_of(health=HealthCheck())
    assert not fleet.fragile and env.peek() == math.inf


def test_a_plan_or_shape_that_makes_no_sense_is_refused():
    for bad in ({"plan": [Step(1.0, "kill", "z")]}, {"plan": [Step(1.0, "add", "a")]}):
        with pytest.raises(ValueError, match="at_s=1.0"):
            fleet_of(**bad)
