"""A plan is checked before anything starts, and its errors name the step."""

from __future__ import annotations

import math

import pytest

from minisys.load_balancing.plan import ACTIONS, HealthCheck, Step, all_names, backend_names, check_plan, speeds


def test_names_are_letters_and_then_numbers():
    assert backend_names(3) == ("a", "b", "c")
    assert backend_names(28)[24:] == ("y", "z", "b26", "b27")
    assert backend_names(["x", "y"]) == ("x", "y")


@pytest.mark.parametrize("backends", [0, -1, [], ["a", "a"], "abc"])
def test_bad_backends_are_refused(backends):
    with pytest.raises(ValueError, match="backend"):
        backend_names(backends)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_makes_a_step(action):
    assert Step(1.0, action, "a", 2.0).action == action


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Step(1.0, "explode", "a"), "'explode'.*known: kill"),
        (lambda: Step(-1.0, "kill", "a"), "-1.0"),
        (lambda: Step(math.nan, "kill", "a"), "nan"),
        (lambda: Step(1.0, "slow", "a", 0.0), "0.0"),
        (lambda: Step(1.0, "weight", "a", -2.0), "-2.0"),
        (lambda: Step(1.0, "slow", "a", math.inf), "inf"),
        (lambda: HealthCheck(interval_s=0), "interval_s=0"),
        (lambda: HealthCheck(interval_s=0.1, timeout_s=0.2), "timeout_s=0.2"),
        (lambda: HealthCheck(rise=0), "rise=0"),
    ],
)
def test_bad_values_are_refused_with_the_bad_value(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_a_plan_comes_back_in_order_of_time():
    plan = (Step(4, "restart", "b"), Step(2, "kill", "b"))
    assert [step.action for step in check_plan(plan, ("a", "b"))] == ["kill", "restart"]


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ((Step(2, "kill", "z"),), "'z' at that time"),
        ((Step(1, "kill", "c"), Step(2, "add", "c")), "'c' at that time"),
        ((Step(1, "add", "a"),), "'a' is in;"),
        ((Step(1, "remove", "a"), Step(2, "kill", "a")), "'a' at that time"),
        ((Step(1, "remove", "a"), Step(2, "add", "a")), "'a' is gone;"),
    ],
)
def test_a_step_that_makes_no_sense_is_named(plan, says):
    with pytest.raises(ValueError, match=says):
        check_plan(plan, ("a", "b"))


def test_a_drained_backend_may_return_and_an_added_one_may_be_killed():
    plan = (Step(1, "drain", "a"), Step(2, "add", "a"), Step(3, "add", "c"), Step(4, "kill", "c"))
    assert check_plan(plan, ("a", "b")) == plan
    assert all_names(plan, ("a", "b")) == ("a", "b", "c")


def test_speeds_default_to_one_and_must_be_positive():
    assert speeds(None, "abc") == [1.0, 1.0, 1.0]
    assert speeds([1, 2], "ab") == [1.0, 2.0]
    for bad in ([1.0], [1.0, 0.0], [1.0, -1.0], [1.0, math.nan]):
        with pytest.raises(ValueError, match="above 0"):
            speeds(bad, "ab")
