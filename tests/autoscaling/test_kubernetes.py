"""Kubernetes' rule: the documented examples, the formula as a property, pods that are not ready, windows and limits."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.autoscaling.kubernetes import DOWN, UP, Behaviour, HorizontalPodAutoscaler, Limit, proportional
from minisys.autoscaling.policies import Instance, Seen

OLD = -10_000.0
AT_ONCE = Behaviour(0.0, (Limit(percent=100_000),))
GONE = Behaviour(0.0, (Limit(percent=100),))


def pods(*utilisation):
    """Pods that have been ready for long."""
    return [Instance(each, OLD, True, OLD) for each in utilisation]


def booting(count, *, started_s=0.0):
    return [Instance(None, started_s, False, started_s) for _ in range(count)]


def free(target=0.5, **more):
    """The rule without windows and limits."""
    return HorizontalPodAutoscaler(target, up=AT_ONCE, down=GONE, **more)


@pytest.mark.parametrize(
    ("current", "metric", "target", "wanted"),
    [(50, 90, 75, 60), (1, 200, 100, 2), (2, 50, 100, 1), (10, 109, 100, 10), (10, 110, 100, 10), (10, 111, 100, 12),
     (10, 90, 100, 10), (10, 89, 100, 9), (3, 0, 50, 0), (50, 0.9, 0.75, 60)],
)  # fmt: skip
def test_the_documented_examples(current, metric, target, wanted):
    assert proportional(current, metric, target) == wanted


@given(st.integers(1, 500), st.integers(0, 400), st.integers(1, 100))
def test_the_formula_holds_for_any_numbers(current, percent, target):
    ratio = Fraction(percent, target)
    exact = current if abs(ratio - 1) <= Fraction(1, 10) else math.ceil(current * ratio)
    assert proportional(current, percent, target) == exact
    if percent <= 100:
        seen = Seen(pods(*[percent / 100] * current))
        policy = free(target / 100, maximum=10**6)
        assert policy.recommendation(seen, 0.0) == exact
        assert policy.desired(seen, 0.0) == max(1, exact)


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        ([], 1),
        (booting(3), 3),  # nothing known of any ready pod: leave it
        (pods(1, 1), 4),
        (pods(1, 1) + booting(2), 4),  # two are on their way: 4 pods at a mean of 50 % are what is asked for
        (pods(1, 1) + booting(1), 4),
        (pods(1, 1) + booting(3), 5),  # at 0 % for the newcomers it would shrink: that turns, so leave it
        (pods(0.2, 0.2) + booting(2), 1),  # scaling in, those who boot do not count
        (pods(1, 1, None), 4),  # missing: 0 % when growing
        (pods(0.1, 0.1, None), 3),  # missing: 100 % when shrinking, 0.4 / 0.5 x 3 = 2.4
        (pods(0.1, None), 2),  # missing at 100 % would grow: that turns
        (pods(0.6, 0.6, 0.6, None), 4),  # 0.45 is within the tolerance of 0.5
        (pods(0.1, 0.1, math.nan), 3),  # 0/0 is no metric
        (
            [*pods(0.2, 0.2), Instance(None, 0.0, True, 15.0)],
            3,
        ),  # it runs since 5 s and says nothing: 100 %, so 1.4/0.5
        ([*pods(0.2, 0.2), Instance(None, 0.0, False, 15.0)], 3),  # it ran, and fell silent: the same
        (pods(*[0.0] * 3), 1),
        (pods(None, None), 2),
    ],
)
def test_pods_that_are_not_ready_or_say_nothing(seen, wanted):
    assert free().desired(Seen(seen), 20.0) == wanted


@pytest.mark.parametrize(
    ("pod", "now", "unready"),
    [
        (Instance(1.0, 0.0, False, 0.0), 60, True),  # boots
        (Instance(1.0, 0.0, True, 50.0), 60, True),  # its metric is of the time before it was ready
        (Instance(1.0, 0.0, True, 45.0), 60, False),
        (Instance(1.0, 0.0, False, 100.0), 200, True),  # unready within the first five minutes
        (Instance(1.0, 0.0, False, 100.0), 400, False),  # it was ready once: an overloaded pod counts
        (Instance(1.0, 0.0, False, 0.0), 400, True),  # it never was
        (Instance(1.0, 0.0, True, 395.0), 400, False),
    ],
)
def test_which_pods_are_set_aside(pod, now, unready):
    assert free().is_unready(pod, now) is unready


def test_scaling_in_waits_for_the_highest_recommendation_of_five_minutes():
    policy, current, seen = HorizontalPodAutoscaler(0.5), 10, []
    for now in range(0, 360, 15):
        current = policy.desired(Seen(pods(*[0.5 if now == 0 else 0.1] * current)), float(now))
        seen.append(current)
    assert seen == [10] * 20 + [2] * 4  # the 10 of second 0 leaves the window at 300; the 2 of 285 stays for long


def test_scaling_out_may_wait_too():
    policy, spike = HorizontalPodAutoscaler(0.5, up=Behaviour(60.0, UP.limits)), [0.5, 1, 1, 0.5, 1, 1, 1, 1, 1, 1]
    wanted = [policy.desired(Seen(pods(*[load] * 4)), 15.0 * tick) for tick, load in enumerate(spike)]
    assert wanted == [4] * 7 + [8] * 3


def test_the_documented_limits_of_scaling_in():
    """4 pods or 10 % a minute, whichever is more, from 80: percent first, then pods."""
    limits = Behaviour(0.0, (Limit(pods=4, period_s=60.0), Limit(percent=10, period_s=60.0)))
    policy, current, seen = HorizontalPodAutoscaler(0.5, down=limits), 80, []
    for minute in range(1, 11):
        current = policy.desired(Seen(pods(*[0.01] * current)), 60.0 * minute)
        seen.append(current)
    assert seen == [72, 64, 57, 51, 45, 40, 36, 32, 28, 24]


def test_a_limit_counts_what_its_period_did_already():
    limits = Behaviour(0.0, (Limit(pods=4, period_s=60.0),))
    policy, current, seen = HorizontalPodAutoscaler(0.5, down=limits), 20, []
    for now in range(0, 135, 15):
        current = policy.desired(Seen(pods(*[0.0] * current)), float(now))
        seen.append(current)
    assert seen == [16, 16, 16, 16, 12, 12, 12, 12, 8]


def test_scaling_out_doubles_or_adds_four_each_quarter_of_a_minute():
    policy, current, seen = HorizontalPodAutoscaler(0.01), 1, []
    for tick in range(5):
        current = policy.desired(Seen(pods(*[1.0] * current)), 15.0 * tick)
        seen.append(current)
    assert seen == [5, 10, 20, 40, 80]


@pytest.mark.parametrize(("select", "wanted"), [("Max", 8), ("Min", 5), ("Disabled", 4)])
def test_which_of_several_limits_counts(select, wanted):
    up = Behaviour(0.0, (Limit(percent=100), Limit(pods=1)), select)
    assert HorizontalPodAutoscaler(0.1, up=up).desired(Seen(pods(*[1.0] * 4)), 0.0) == wanted


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(1, 10), st.integers(10, 40))
def test_the_bounds_hold(loads, minimum, maximum):
    policy = HorizontalPodAutoscaler(0.6, minimum=minimum, maximum=maximum, up=AT_ONCE, down=GONE)
    assert minimum <= policy.desired(Seen(pods(*loads)), 0.0) <= maximum


def test_a_limit_in_percent_rounds_so_that_it_can_move():
    """Out it rounds up, so that 10 % of one pod is a pod; in it keeps the fraction of a pod."""
    limits = (Limit(percent=10, period_s=60.0),)
    policy = HorizontalPodAutoscaler(0.1, up=Behaviour(0.0, limits), down=Behaviour(0.0, limits))
    assert policy.desired(Seen(pods(1.0)), 0.0) == 2
    assert policy.desired(Seen(pods(*[0.0] * 15)), 600.0) == 13


def test_the_smallest_change_of_scaling_in():
    """stabilizationWindowSeconds 0, selectPolicy Min: of 10 % and 5 pods the fewer pods go."""
    limits = (Limit(percent=10, period_s=60.0), Limit(pods=5, period_s=60.0))
    for count, wanted in ((100, 95), (20, 18)):
        policy = HorizontalPodAutoscaler(0.5, down=Behaviour(0.0, limits, "Min"))
        assert policy.desired(Seen(pods(*[0.0] * count)), 0.0) == wanted


def test_what_was_removed_may_come_back_in_the_same_period():
    """The period's start counts, not what is there now: 10 pods less 4, then up by at most 2 from 10."""
    up, down = (Behaviour(0.0, (Limit(pods=count, period_s=60.0),)) for count in (2, 4))
    policy = HorizontalPodAutoscaler(0.5, up=up, down=down)
    assert policy.desired(Seen(pods(*[0.0] * 10)), 0.0) == 6
    assert policy.desired(Seen(pods(*[1.0] * 6)), 15.0) == 12


def test_a_clock_that_is_set_back_holds_nothing_up():
    policy = HorizontalPodAutoscaler(0.5)
    assert policy.desired(Seen(pods(*[1.0] * 4)), 10_000.0) == 8
    assert policy.desired(Seen(pods(*[1.0] * 8)), 5.0) == 16
    assert [policy.desired(Seen(pods(*[0.1] * 16)), now) for now in (20.0, 306.0)] == [16, 4]


def test_out_of_bounds_it_goes_to_the_bound_whatever_the_load():
    assert HorizontalPodAutoscaler(0.5, maximum=6, down=GONE).desired(Seen(pods(*[0.0] * 20)), 0.0) == 6
    assert HorizontalPodAutoscaler(0.5, maximum=6).desired(Seen(pods(*[1.0] * 20)), 0.0) == 6
    assert HorizontalPodAutoscaler(0.5, minimum=6).desired(Seen(pods(0.0)), 0.0) == 6


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="must be above 0"):
        Limit(pods=0)
    with pytest.raises(ValueError, match="must be above 0"):
        Limit(percent=10, period_s=0.0)
    with pytest.raises(ValueError, match="window_s"):
        Behaviour(-1.0, DOWN.limits)
    with pytest.raises(ValueError, match="target must be a utilisation above 0, at most 1, got 60"):
        HorizontalPodAutoscaler(60)
    with pytest.raises(ValueError, match="need 1 <= minimum <= maximum, got 0 and 5"):
        HorizontalPodAutoscaler(minimum=0, maximum=5)
    with pytest.raises(ValueError, match="either percent or pods"):
        Limit(percent=10, pods=4)
    with pytest.raises(ValueError, match="'Most'"):
        Behaviour(0.0, DOWN.limits, "Most")
    with pytest.raises(ValueError, match="target must be above 0, got 0"):
        proportional(3, 1, 0)
