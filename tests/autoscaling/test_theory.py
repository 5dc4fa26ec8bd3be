"""The oracle, the lag and the gain, against other ways to compute them."""

import math

import numpy as np
import pytest

from minisys.autoscaling import theory
from minisys.scaling.theory import square_root_staffing
from minisys.testbed.queueing import mmc_tail


@pytest.mark.parametrize("rate", [0.5, 4.0, 16.0, 80.0, 400.0])
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_no_fewer_instances_keep_the_objective(rate, workers):
    count = theory.servers_for(rate, 0.25, 2.0, 0.01, workers)
    assert mmc_tail(rate, 0.25, count * workers, 2.0) <= 0.01
    fewer = (count - 1) * workers
    assert fewer <= rate * 0.25 or mmc_tail(rate, 0.25, fewer, 2.0) > 0.01


def test_the_objective_costs_about_the_square_root_of_the_load():
    """A tight objective on the wait is the square-root rule; the exact number stays within two servers of it."""
    for offered in (10.0, 40.0, 160.0):
        exact = theory.servers_for(offered / 0.25, 0.25, 2.0, math.exp(-8) * 1.5)
        assert offered < exact <= square_root_staffing(offered, 0.01) + 2


def test_no_traffic_needs_nobody_and_long_work_cannot_be_helped():
    assert theory.servers_for(0.0, 0.25, 2.0) == 0
    with pytest.raises(ValueError, match=r"0\.135 of the work takes longer than 2 s by itself"):
        theory.servers_for(4.0, 1.0, 2.0)
    with pytest.raises(ValueError, match="need rate >= 0"):
        theory.servers_for(-1.0, 0.25, 2.0)


def test_the_oracle_orders_ahead_and_gives_back_at_once():
    calm, rush = (theory.servers_for(rate, 0.25, 2.0) for rate in (8.0, 80.0))
    rates = [8.0] * 4 + [80.0] * 2 + [8.0] * 4
    assert theory.oracle(rates, 60.0, 0.25, 2.0) == [(0.0, calm), (240.0, rush), (360.0, calm)]
    assert theory.oracle(rates, 60.0, 0.25, 2.0, lead_s=90.0) == [(0.0, calm), (120.0, rush), (360.0, calm)]
    with pytest.raises(ValueError, match="lead_s"):
        theory.oracle(rates, 60.0, 0.25, 2.0, lead_s=-1.0)


def test_the_highest_target_leaves_room_for_what_comes_meanwhile():
    assert theory.highest_target(40.0, 0.0, 120.0) == 1.0
    assert theory.highest_target(40.0, 0.5, 80.0) == 0.5
    with pytest.raises(ValueError, match="need rate > 0"):
        theory.highest_target(0.0, 0.5, 80.0)


@pytest.mark.parametrize(
    ("start", "needed", "target", "looks"), [(2, 2, 0.5, 0), (2, 3, 0.5, 1), (2, 20, 0.5, 4), (2, 20, 0.8, 9)]
)
def test_a_metric_that_ends_at_one_needs_several_orders(start, needed, target, looks):
    assert theory.looks_until(start, needed, target) == looks
    with pytest.raises(ValueError, match="at least 1 server"):
        theory.looks_until(0, 3, 0.5)


@pytest.mark.parametrize("delay", [0, 1, 2, 4, 8, 16])
def test_the_largest_gain_is_where_the_roots_leave_the_circle(delay):
    """The roots of z^(d+1) - z^d + gain decide; NumPy finds them."""

    def radius(gain):
        coefficients = np.zeros(delay + 2)
        coefficients[0], coefficients[1] = 1.0, -1.0
        coefficients[-1] += gain
        return max(abs(np.roots(coefficients)))

    limit = theory.largest_gain(delay)
    assert radius(0.99 * limit) < 1 < radius(1.01 * limit)
    assert radius(limit) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("delay", [0, 1, 3, 8])
def test_below_the_calm_gain_nothing_overshoots(delay):
    calm, limit = theory.calm_gain(delay), theory.largest_gain(delay)
    assert max(theory.answer(0.98 * calm, delay, 600)) <= 1.0 + 1e-9
    if delay:
        assert max(theory.answer(1.5 * calm, delay, 600)) > 1.001
    assert abs(theory.answer(0.9 * limit, delay, 3000)[-1] - 1) < 0.01
    assert max(theory.answer(1.1 * limit, delay, 3000)[-50:]) > 10
    with pytest.raises(ValueError, match="delay must be a whole number"):
        theory.largest_gain(-1)


def test_the_gap_between_the_lines_must_hold_one_server():
    assert theory.safe_low_line(0.8, 2) == pytest.approx(0.4)
    assert theory.safe_low_line(0.8, 10) == pytest.approx(0.72)
    low = theory.safe_low_line(0.7, 5)
    assert low * 5 / 4 == pytest.approx(0.7)
    with pytest.raises(ValueError, match="at least 2 servers"):
        theory.safe_low_line(0.8, 1)
