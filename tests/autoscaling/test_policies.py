"""What each rule asks for: tables, and what it remembers between two looks."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.autoscaling.planning import Predictive, Scheduled, vertical_size
from minisys.autoscaling.policies import (
    BacklogPerInstance,
    Combined,
    Instance,
    Proportional,
    ScaleToZero,
    Seen,
    Step,
    TargetTracking,
)

OLD = -10_000.0


def fleet(count, load, *, boots=0, started_s=0.0, **seen):
    warm = [Instance(load, OLD, True, OLD)] * count
    return Seen(warm + [Instance(None, started_s, False, started_s)] * boots, **seen)


class Fixed:
    def __init__(self, count):
        self.count = count

    def desired(self, seen, now):
        return self.count


@pytest.mark.parametrize(
    ("gain", "seen", "wanted"),
    [(1, fleet(4, 0.9), 6), (1, fleet(4, 0.6), 4), (0.5, fleet(4, 0.9), 5), (1, fleet(4, 0.0), 0),
     (1, fleet(4, 1.0, boots=4), 14), (1, fleet(0, 0, boots=2), 2)],
)  # fmt: skip
def test_the_bare_ratio_orders_again_what_still_boots(gain, seen, wanted):
    assert Proportional(0.6, gain).desired(seen, 0.0) == wanted


def test_steps_and_their_cooldown():
    policy = Step(out=((0.7, 1), (0.85, 3)), into=((0.4, 1), (0.1, 5)), cooldown_s=300.0)
    assert policy.desired(fleet(4, 0.6), 0.0) == 4
    assert policy.desired(fleet(4, 0.75), 15.0) == 5
    assert policy.desired(fleet(5, 0.95), 30.0) == 5  # hands off
    assert policy.desired(fleet(5, 0.95), 315.0) == 8
    assert policy.desired(fleet(8, 0.3), 615.0) == 7
    assert policy.desired(fleet(7, 0.05), 915.0) == 2
    assert policy.desired(fleet(7, None), 2000.0) == 7
    with pytest.raises(ValueError, match="must lie below"):
        Step(out=((0.5, 1),), into=((0.6, 1),))


def test_target_tracking_waits_for_its_alarms():
    policy = TargetTracking(0.6)
    assert [policy.desired(fleet(4, 0.9), now) for now in (0.0, 60.0, 119.0)] == [4, 4, 4]
    assert policy.desired(fleet(4, 0.9), 120.0) == 6
    policy = TargetTracking(0.6)
    wanted = [policy.desired(fleet(4, 0.2), 60.0 * minute) for minute in range(15)]
    assert wanted == [4] * 14 + [2]
    policy = TargetTracking(0.6)
    assert [policy.desired(fleet(4, 0.57), 60.0 * minute) for minute in range(30)] == [4] * 30  # between the alarms


def test_what_warms_is_counted_as_capacity_and_blocks_scaling_in():
    policy = TargetTracking(0.6, warm_up_s=120.0, out_after_s=0.0, in_after_s=0.0, cooldown_s=0.0)
    assert policy.desired(fleet(4, 0.9, boots=2), 60.0) == 6  # the metric asks for 6, and 6 are there
    assert policy.desired(fleet(4, 1.0, boots=2), 60.0) == 7
    assert policy.desired(fleet(4, 0.1, boots=2), 60.0) == 6
    hot = Seen([Instance(0.5, OLD), Instance(1.0, 0.0, True, 30.0)])
    assert hot.utilisation(60.0, 120.0) == 0.5
    assert hot.utilisation() == 0.75


def test_a_scale_in_waits_for_the_cooldown_a_scale_out_does_not():
    policy = TargetTracking(0.6, warm_up_s=0.0, out_after_s=0.0, in_after_s=0.0, cooldown_s=300.0)
    assert policy.desired(fleet(4, 0.9), 0.0) == 6
    assert policy.desired(fleet(6, 0.9), 15.0) == 9
    assert policy.desired(fleet(9, 0.2), 300.0) == 9
    assert policy.desired(fleet(9, 0.2), 315.0) == 3


def test_backlog_per_instance_as_documented():
    policy = BacklogPerInstance(service_s=0.1, within_s=10.0)
    assert policy.acceptable == pytest.approx(100)
    assert policy.desired(fleet(10, 1.0, backlog=1500), 0.0) == 15
    assert policy.desired(fleet(10, 1.0, backlog=1501), 0.0) == 16
    assert policy.desired(fleet(10, 1.0), 0.0) == 0
    with pytest.raises(ValueError, match="service_s and within_s must be above 0"):
        BacklogPerInstance(0.1, 0.0)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=5))
def test_of_several_rules_the_largest_wins(counts):
    assert Combined([Fixed(count) for count in counts]).desired(fleet(3, 0.5), 0.0) == max(counts)


def test_scale_to_zero_and_back():
    policy = ScaleToZero(Fixed(3), idle_s=60.0)
    assert policy.desired(fleet(0, None), 0.0) == 0
    assert policy.desired(fleet(0, None, backlog=1), 15.0) == 1
    assert policy.desired(fleet(1, 0.2, rate_per_s=1.0), 30.0) == 3
    assert policy.desired(fleet(3, 0.0), 89.0) == 3
    assert policy.desired(fleet(3, 0.0), 90.0) == 0


@pytest.mark.parametrize(("now", "wanted"), [(0, 2), (28_799, 2), (28_800, 10), (72_000, 2), (115_200, 10)])
def test_a_timetable_repeats_every_day(now, wanted):
    assert Scheduled(((8 * 3600, 10), (20 * 3600, 2))).desired(fleet(1, 0.5), now) == wanted


@pytest.mark.parametrize("plan", [(), ((5, 1), (3, 1)), ((-1, 1),), ((90_000, 1),)])
def test_a_bad_timetable_is_refused(plan):
    with pytest.raises(ValueError, match="a plan needs times in order"):
        Scheduled(plan)


def predictive(*days, **more):
    return Predictive(
        service_s=0.5, target=0.5, slot_s=100.0, slots=4, lead_s=60.0, history=days, **{"errors": 0.0} | more
    )


def test_a_forecast_orders_before_the_rush():
    policy = predictive([4.0, 4.0, 20.0, 4.0])
    assert [policy.desired(fleet(1, 0.5), now) for now in (0.0, 139.0, 140.0, 299.0, 300.0)] == [4, 4, 20, 20, 4]
    assert policy.desired(fleet(1, 0.5), 540.0) == 10  # the mean of yesterday and of a today without traffic


def test_what_is_seen_today_is_history_tomorrow():
    policy = predictive()
    assert policy.desired(fleet(1, 0.5, rate_per_s=8.0), 0.0) == 0  # knows nothing yet
    for now in (100.0, 150.0, 200.0, 300.0):
        policy.desired(fleet(1, 0.5, rate_per_s=12.0 if now == 150.0 else 8.0), now)
    policy.desired(fleet(1, 0.5), 400.0)
    assert policy.days == [[8.0, 10.0, 8.0, 8.0]]


def test_the_error_widens_the_forecast():
    assert predictive([10.0] * 4).error == 0.0  # one day says nothing of the spread
    policy = predictive([8.0] * 4, [12.0] * 4, errors=2.0)
    assert policy.error == pytest.approx(8**0.5 / 10)  # deviations of 2, one degree of freedom a slot
    assert policy.desired(fleet(1, 0.5), 0.0) == 16  # 10 x (1 + 2 x 0.283)
    with pytest.raises(ValueError, match="every day needs 4 slots, got \\[3\\]"):
        predictive([1.0] * 3)


@pytest.mark.parametrize(("used", "size"), [([0.5] * 10, 1), ([1.0] * 10, 2), ([1] * 9 + [30], 2), ([60.0], 64)])
def test_vertical_scaling_takes_the_next_size_and_ends_at_the_largest(used, size):
    assert vertical_size(used) == size
    with pytest.raises(ValueError, match="need some use"):
        vertical_size([])


@pytest.mark.parametrize("policy", [Step(cooldown_s=300.0), TargetTracking(0.5, out_after_s=0.0, in_after_s=0.0)])
def test_a_clock_that_is_set_back_does_not_prolong_a_cooldown(policy):
    busy, idle = (Seen([Instance(load, -10_000.0, True, -10_000.0)] * 4) for load in (0.9, 0.1))
    assert policy.desired(busy, 50_000.0) > 4
    assert policy.desired(idle, 10.0) < 4


def test_a_metric_that_is_not_a_number_is_none():
    assert Instance(math.nan).utilisation is None
    seen = Seen([Instance(math.nan), Instance(0.5)])
    assert seen.utilisation() == 0.5
    for policy in (Proportional(0.5), Step(), TargetTracking(0.5)):
        assert policy.desired(seen, 0.0) == 2


def test_no_rule_asks_for_fewer_than_none():
    assert Step(into=((0.4, 5),)).desired(Seen([Instance(0.1)] * 2), 0.0) == 0
    for policy in (Proportional(), Step(), TargetTracking()):
        assert policy.desired(Seen([]), 0.0) == 0


def test_a_forecast_forgets_what_was_no_number_and_a_clock_set_back():
    policy = Predictive(1.0, slot_s=10.0, slots=2, lead_s=0.0, target=1.0)
    for now, rate in ((0.0, 4.0), (10.0, math.nan), (20.0, 4.0), (5.0, 9.0), (20.0, 4.0)):
        policy.desired(Seen([], rate), now)
    assert policy.days == [[4.0, 0.0], [9.0, 0.0]]
    assert policy.desired(Seen([], math.inf), 20.0) >= 7
