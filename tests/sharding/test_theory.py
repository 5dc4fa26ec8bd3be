"""The formulas against published figures, exact special cases and counting."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minisys.sharding import theory
from minisys.sharding.policies import ring


@pytest.mark.parametrize(
    ("points", "deviation"), [(1, 0.9979060), (10, 0.3151810), (100, 0.0996996), (1000, 0.0315723)]
)
def test_the_ring_spreads_as_lamping_and_veach_measured(points, deviation):
    assert theory.ring_spread(points, 1000) == pytest.approx(deviation, rel=0.01)


def test_two_shards_with_a_point_each_share_the_ring_like_a_uniform_number():
    assert theory.ring_spread(1, 2) == pytest.approx((1 / 3) ** 0.5) and theory.ring_spread(7, 1) == 0


@pytest.mark.parametrize(("points", "peak"), [(10, 1.54), (100, 1.137), (1000, 1.046)])
def test_the_fullest_of_ten_is_as_in_the_table_of_facts(points, peak):
    assert theory.ring_peak(points, 10) == pytest.approx(peak, rel=0.03)


@pytest.mark.parametrize("shards", [1, 2, 10, 100])
def test_with_one_point_each_the_fullest_has_a_harmonic_number(shards):
    assert theory.ring_peak(1, shards) == pytest.approx(sum(1 / k for k in range(1, shards + 1)), rel=1e-6)


def test_the_peak_is_what_drawn_rings_have():
    found = []
    for seed in range(120):
        owner, place = ring([f"{seed}-{i}" for i in range(8)], [1.0] * 8, 20)
        arcs = np.diff(np.array((place[-1] - 2**63, *place), dtype=object)).astype(float)
        found.append(np.bincount(owner, weights=arcs, minlength=8).max() / 2**63 * 8)
    error = np.std(found) / math.sqrt(len(found))
    assert abs(np.mean(found) - theory.ring_peak(20, 8)) < 2.6 * error


@pytest.mark.parametrize(("before", "after", "share"), [(10, 11, 10 / 11), (4, 8, 0.5), (11, 10, 10 / 11), (3, 3, 0)])
def test_modulo_movement_is_what_counting_gives(before, after, share):
    keys = range(math.lcm(before, after))
    counted = sum(key % before != key % after for key in keys) / len(keys)
    assert theory.modulo_movement(before, after) == pytest.approx(share) == pytest.approx(counted)


def test_the_least_movement_is_the_new_shards_share():
    assert theory.least_movement(10, 11) == pytest.approx(0.0909, abs=1e-4)
    assert theory.least_movement(10, 9) == pytest.approx(0.1) and theory.least_movement(5, 5) == 0


def test_at_one_in_a_hundred_a_hundred_shards_make_63_percent_slow():
    assert theory.fan_out_tail(0.01, 100) == pytest.approx(0.634, abs=5e-4)  # Dean and Barroso's example
    assert theory.fan_out_tail(0.0001, 2000) == pytest.approx(0.181, abs=5e-4)  # and their second
    assert theory.fan_out_tail(1.0, 3) == 1 and theory.fan_out_tail(0.2, 1) == pytest.approx(0.2)


def test_the_users_median_is_a_shards_tail():
    assert theory.fan_out_percentile(50, 100) == pytest.approx(99.309, abs=1e-3)
    assert theory.fan_out_percentile(99, 1) == pytest.approx(99)


def test_a_hot_key_bounds_what_more_shards_can_do():
    assert theory.zipf_top(4, 1.0) == pytest.approx(1 / (1 + 1 / 2 + 1 / 3 + 1 / 4))
    assert theory.zipf_top(10, 0) == pytest.approx(0.1)
    assert theory.hot_shard(0.2, 10) == pytest.approx(0.28)
    assert theory.capacity(0.0, 7) == pytest.approx(7) and theory.capacity(0.2, 10**6) == pytest.approx(5, rel=1e-4)


def test_scattered_requests_bound_it_too():
    assert theory.scatter_capacity(8, 0.0) == 8 and theory.scatter_capacity(8, 1.0) == 1
    assert theory.scatter_capacity(10**6, 0.1) == pytest.approx(10, rel=1e-4)


def test_transactions_over_shards():
    assert theory.transaction_availability(0.999, 3, 0.999) == pytest.approx(0.999**4)
    assert theory.single_shard(1, 8) == 1 and theory.single_shard(2, 8) == pytest.approx(1 / 8)


def test_few_keys_are_uneven_under_any_hash():
    rng = np.random.default_rng(5)
    counts = rng.multinomial(50, [0.1] * 10, size=4000)
    assert counts.std() / counts.mean() == pytest.approx(theory.hash_spread(50, 10), rel=0.02)


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (lambda: theory.ring_spread(0, 3), "0"),
        (lambda: theory.ring_peak(3, 1.5), "1.5"),
        (lambda: theory.fan_out_tail(1.2, 3), "1.2"),
        (lambda: theory.zipf_top(5, -1), "-1"),
        (lambda: theory.hot_shard(-0.1, 3), "-0.1"),
        (lambda: theory.transaction_availability(0.9, 0), "0"),
        (lambda: theory.scatter_capacity(3, 2), "2"),
        (lambda: theory.modulo_movement(0, 2), "0"),
    ],
)
def test_a_number_out_of_range_is_named(call, value):
    with pytest.raises(ValueError, match=f"got {value}"):
        call()
