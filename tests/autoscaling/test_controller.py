"""The controller on a clock of its own: it does what the model does, and harms nobody whatever goes wrong."""

from __future__ import annotations

import random

import pytest

from minisys.autoscaling.__main__ import hpa
from minisys.autoscaling.cloud import Cloud, Fleet
from minisys.autoscaling.machines import LOST
from minisys.autoscaling.policies import Policy, Proportional, Step
from minisys.testbed.laws import Deterministic
from tests.autoscaling.stage import PERIOD_S, WORKERS, Run, Stage


def wave(now: float) -> float:
    """Up, and down again."""
    return 0.95 if 1.0 < now < 4.0 else 0.1


def test_it_wants_what_the_model_wants() -> None:
    rng = random.Random(4)
    loads = [rng.random() for _ in range(80)]
    for policy in (hpa(), Proportional(), Step(cooldown_s=1.0)):
        stage = Stage(first=2)
        stage.load = lambda now: loads[int((now - 1e-9) / PERIOD_S)]
        run = Run(policy, stage, maximum=12).go(len(loads) * PERIOD_S)
        assert run.wanted == modelled(policy, loads)
        assert len(set(run.wanted)) > 3


def modelled(policy: Policy, loads: list[float]) -> list[int]:
    """What the model's own fleet wants when its machines are that busy."""
    cloud = Cloud(Deterministic(0.9), WORKERS, first=2, maximum=12, period_s=PERIOD_S)
    fleet = Fleet(type(policy)(**_settings(policy)), cloud, 0)
    for k, load in enumerate(loads, 1):
        now = k * PERIOD_S
        busy_s = [load * min(max(now - each.ready_s, 0.0), PERIOD_S) * WORKERS for each in fleet.leases]
        fleet.look(now, busy_s, 0.0, 0, 1e9)
    return [look.wanted for look in fleet.looks]


def _settings(policy: Policy) -> dict[str, object]:
    return {name: each for name, each in vars(policy).items() if type(policy).__dataclass_fields__[name].init}  # type: ignore[attr-defined]


def test_it_follows_a_sale_and_ends_nobody_who_is_busy() -> None:
    stage = Stage()
    stage.load = wave
    run = Run(hpa(), stage).go(12.0)
    assert (stage.most, stage.least, len(stage.rented)) == (7, 1, 1)
    assert [what for _, what, name in stage.done if name == "m1"] == ["order", "warm", "add", "drain", "forget", "end"]
    assert set(stage.states.values()) == {"up"} and run.lines == []


@pytest.mark.parametrize("seed", range(3))
def test_killed_between_any_two_calls_it_goes_on_from_what_is_there(seed: int) -> None:
    whole = Stage(first=2, boot_s=0.4 + 0.2 * seed)
    whole.load = wave
    Run(hpa(), whole, maximum=6).go(9.0)
    for kill_at in range(1, whole.calls, 3):
        stage = Stage(first=2, boot_s=0.4 + 0.2 * seed)
        stage.load, stage.kill_at = wave, kill_at
        run = Run(hpa(), stage, maximum=6).go(14.0)
        assert run.kills == 1
        assert stage.most <= 6 and stage.least >= 1  # no machine twice, somebody serves always
        assert len(stage.rented) == 1 and list(stage.states.values()) == ["up"]  # and none is forgotten in the cloud


def test_without_a_metric_nothing_changes_and_it_says_so_once() -> None:
    stage = Stage(first=3)
    stage.load, stage.blind = (lambda now: 1.0), True
    run = Run(hpa(), stage).go(5.0)
    assert stage.done == [] and run.wanted == []
    assert len(run.lines) == 1 and "connection refused" in run.lines[0] and "nothing is changed" in run.lines[0]
    stage.blind = False
    run.go(2.0)
    assert run.lines[1] == "the metric is back" and run.wanted[-1] > 3


def test_a_drained_machine_without_a_metric_is_not_taken_for_empty() -> None:
    stage = Stage(first=2)
    stage.load, stage.hidden = (lambda now: 0.1), {"m1"}
    stage.drain("m1")
    Run(hpa(), stage, minimum=1).go(3.0)
    assert "m1" in stage.states
    stage.hidden = set()
    Run(hpa(), stage, minimum=1).go(3.0)
    assert "m1" not in stage.states


def test_a_machine_without_a_metric_is_no_reason_to_shrink() -> None:
    stage = Stage(first=2)
    stage.load, stage.hidden = (lambda now: 0.35), {"m0"}
    assert set(Run(hpa(), stage).go(4.0).wanted) == {2}  # the other one may be full
    stage.hidden = set()
    stage.load = lambda now: 0.2
    assert Run(hpa(), stage).go(4.0).wanted[-1] == 1


def test_a_flapping_metric_moves_the_bare_rule_and_not_the_windows() -> None:
    def turns(policy: Policy) -> int:
        stage = Stage(first=4)
        stage.load = lambda now: 0.8 if int((now - 1e-9) / PERIOD_S) % 2 else 0.4
        wanted = Run(policy, stage, maximum=12).go(15.0).wanted
        steps = [b - a for a, b in zip(wanted, wanted[1:], strict=False) if a != b]
        return sum(a * b < 0 for a, b in zip(steps, steps[1:], strict=False))

    assert turns(Proportional()) > 10
    assert turns(hpa(down_window_s=5.0)) == 0


def test_boots_that_fail_are_ordered_again_ever_later() -> None:
    stage = Stage()
    stage.load, stage.faults = (lambda now: 1.0), 3
    run = Run(hpa(), stage, maximum=2, backoff_s=1.0).go(20.0)
    orders = [at for at, what, _ in stage.done if what == "order"]
    gaps = [round(b - a, 2) for a, b in zip(orders, orders[1:], strict=False)]
    assert len(orders) == 4 and gaps == sorted(gaps) and gaps[2] - gaps[1] >= 1.5  # 1, 2, 4 s and the boot itself
    failed = [line for line in run.lines if "did not boot" in line]
    assert [line.split("nothing is ordered for ")[1] for line in failed] == ["1 s", "2 s", "4 s"]
    assert "no image" in failed[0] and len(stage.states) == 2


def test_a_boot_that_never_ends_has_failed() -> None:
    stage = Stage(boot_s=1e9)
    stage.load = lambda now: 1.0
    run = Run(hpa(), stage, maximum=2, boot_limit_s=2.0).go(4.0)
    assert "not ready after 2 s" in run.lines[0]
    assert len(stage.rented) <= 2


def test_the_ceiling_is_never_passed_and_named_once() -> None:
    stage = Stage()
    stage.load = lambda now: 1.0
    run = Run(Proportional(), stage, maximum=3).go(10.0)
    assert stage.most == 3
    assert run.lines == ["4 machines wanted, 3 is the ceiling: users will wait"]


class Odd:
    """A policy that gives what it is told to, or raises it."""

    def __init__(self, gives: object) -> None:
        self.gives = gives

    def desired(self, seen: object, now: float) -> int:
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives  # type: ignore[return-value]


@pytest.mark.parametrize("gives", [ZeroDivisionError("no instances"), 2.5, None, float("nan")])
def test_a_broken_policy_changes_nothing(gives: object) -> None:
    stage = Stage(first=2)
    run = Run(Odd(gives), stage).go(3.0)
    assert stage.done == [] and len(run.lines) == 1 and "no decision" in run.lines[0]


def test_a_policy_that_wants_none_keeps_one() -> None:
    stage = Stage(first=3)
    Run(Odd(0), stage).go(3.0)
    assert list(stage.states.values()) == ["up"]


def test_a_lost_machine_leaves_the_balancer_and_is_replaced() -> None:
    stage = Stage(first=2)
    stage.load = lambda now: 0.6
    run = Run(Step(), stage, minimum=2).go(1.0)
    stage.rented[0].state, stage.rented[0].reason = LOST, "its process ended by itself"
    run.go(3.0)
    assert "m0" not in stage.states and len(stage.states) == 2 and "m0 is lost" in run.lines[0]


def test_who_is_being_drained_is_asked_back_before_a_new_one_is_ordered() -> None:
    stage = Stage(first=2, empties_s=100.0)
    stage.drain("m1")
    stage.load = lambda now: 1.0
    Run(Odd(2), stage).go(1.0)
    assert stage.states == {"m0": "up", "m1": "up"}
    assert not [what for _, what, _ in stage.done if what == "order"]


@pytest.mark.parametrize(
    "options",
    [{"minimum": 0}, {"minimum": 3, "maximum": 2}, {"backoff_s": 0.0}, {"boot_limit_s": -1.0}],
)
def test_bad_bounds_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="got"):
        Run(hpa(), Stage(), **options)
