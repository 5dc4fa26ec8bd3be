"""Decisions, one by one: what each promises, on tables and under hypothesis."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.load_balancing import policies
from minisys.load_balancing.policies import NAMES, Policy, luck_of_attempt, new_pool, policy, record_latency

LUCK = st.floats(0, 1, exclude_max=True)
KEY = st.integers(0, 2**63 - 1)
NAME = st.sampled_from(NAMES)
ALMOST_ONE = math.nextafter(1.0, 0.0)


def pool_of(n: int, chosen: Policy, weights=None):
    return new_pool([f"b{i}" for i in range(n)], weights, chosen)


def small(name: str) -> Policy:
    """The policy with a table small enough to be built a hundred times."""
    return policy(name, **{"maglev": {"size": 251}, "ring": {"points": 20}}.get(name, {}))


def load_of(pool, i: int) -> float:
    return (pool.in_flight[i] + 1) / pool.weight[i]


def test_smooth_weighted_round_robin_gives_the_sequence_that_nginx_published():
    chosen = policy("weighted round robin")
    pool = new_pool(["a", "b", "c"], [5, 1, 1], chosen)
    assert "".join("abc"[chosen.choose(pool, 0, 0.0, 0.0)] for _ in range(14)) == "aabacaa" * 2


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_weighted_round_robin_respects_the_weights_over_every_cycle(weights):
    chosen = policy("weighted round robin")
    pool = pool_of(len(weights), chosen, weights)
    for _ in range(2):
        turns = Counter(chosen.choose(pool, 0, 0.0, 0.0) for _ in range(sum(weights)))
        assert [turns[i] for i in range(len(weights))] == weights


@given(st.integers(1, 8), st.integers(1, 5))
def test_round_robin_gives_each_the_same_number_of_turns(n, rounds):
    chosen = policy("round robin")
    pool = pool_of(n, chosen)
    assert [chosen.choose(pool, 0, 0.0, 0.0) for _ in range(n * rounds)] == list(range(n)) * rounds


@given(NAME, st.data())
@settings(max_examples=300)
def test_no_policy_ever_picks_a_backend_that_is_not_eligible(name, data):
    n = data.draw(st.integers(1, 9))
    chosen = small(name)
    pool = pool_of(n, chosen)
    pool.eligible[:] = sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=1)))
    pool.in_flight[:] = data.draw(st.lists(st.integers(0, 50), min_size=n, max_size=n))
    pool.latency_s[:] = data.draw(st.lists(st.floats(0, 10), min_size=n, max_size=n))
    for _ in range(5):
        assert chosen.choose(pool, data.draw(KEY), data.draw(LUCK), 7.0) in pool.eligible


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("luck", [0.0, ALMOST_ONE])
@pytest.mark.parametrize("n", [1, 3, 7, 1000])
def test_the_ends_of_the_luck_are_safe(name, luck, n):
    chosen = small(name) if n < 1000 else policy(name)
    pool = pool_of(n, chosen)
    assert 0 <= chosen.choose(pool, 2**63 - 1, luck, 0.0) < n


@given(st.data())
def test_least_connections_picks_a_minimum_for_the_weights(data):
    n = data.draw(st.integers(1, 10))
    chosen = policy("least connections")
    pool = pool_of(n, chosen, data.draw(st.lists(st.integers(1, 5), min_size=n, max_size=n)))
    pool.in_flight[:] = data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    best = chosen.choose(pool, 0, data.draw(LUCK), 0.0)
    assert load_of(pool, best) == pytest.approx(min(load_of(pool, i) for i in range(n)))


def test_least_connections_does_not_give_every_quiet_hour_request_to_the_first():
    chosen = policy("least connections")
    pool = pool_of(4, chosen)
    assert {chosen.choose(pool, 0, luck, 0.0) for luck in (0.1, 0.3, 0.6, 0.9)} == {0, 1, 2, 3}


def test_power_of_two_takes_the_less_busy_of_the_two_that_its_luck_names():
    chosen = policy("power of two")
    pool = pool_of(10, chosen)
    pool.in_flight[:] = range(10)
    assert chosen.choose(pool, 0, 0.7300001, 0.0) == 3  # draws 7, then 3
    assert chosen.choose(pool, 0, 0.2900001, 0.0) == 2  # draws 2, then 9


@given(st.integers(1, 5), st.integers(1, 9), LUCK)
def test_more_choices_never_pick_a_busier_backend_for_the_same_luck(d, n, luck):
    pool = pool_of(n, policy("random"))
    pool.in_flight[:] = [(7 * i) % n for i in range(n)]
    picks = [pool.in_flight[policies.power_of_d(more)(pool, 0, luck, 0.0)] for more in range(1, d + 1)]
    assert picks == sorted(picks, reverse=True)


def test_power_of_one_is_random_choice():
    pool = pool_of(7, policy("random"))
    for luck in (0.0, 0.2, 0.5, ALMOST_ONE):
        assert policies.power_of_d(1)(pool, 0, luck, 0.0) == policies.random_choice(pool, 0, luck, 0.0)


def test_peak_ewma_avoids_the_slow_backend_and_tries_it_again_when_the_news_is_old():
    chosen = policy("peak ewma")
    pool = pool_of(2, chosen)
    pool.latency_s[:] = [0.1, 0.4]
    both = 0.25  # draws backend 0, then backend 1
    assert chosen.choose(pool, 0, both, 0.0) == 0
    pool.stamp_s[0] = 30.0  # backend 0 was heard of now, backend 1 half a minute ago
    assert chosen.choose(pool, 0, both, 30.0) == 1


def test_peak_ewma_lets_one_request_find_out_about_an_unknown_backend_not_all():
    chosen = policy("peak ewma")
    pool = pool_of(2, chosen)
    pool.latency_s[0] = 0.1
    assert chosen.choose(pool, 0, 0.25, 0.0) == 1
    pool.in_flight[1] = 1
    assert chosen.choose(pool, 0, 0.25, 0.0) == 0


def test_a_latency_peak_counts_at_once_and_good_news_gradually():
    pool = pool_of(1, policy("peak ewma"))
    record_latency(pool, 0, 2.0, 0.0)
    assert pool.latency_s[0] == 2.0
    record_latency(pool, 0, 1.0, policies.DECAY_S)
    assert pool.latency_s[0] == pytest.approx(2.0 * math.exp(-1) + 1.0 * (1 - math.exp(-1)))
    record_latency(pool, 0, 5.0, policies.DECAY_S + 1)
    assert (pool.latency_s[0], pool.stamp_s[0]) == (5.0, policies.DECAY_S + 1)


@given(st.data())
@settings(max_examples=200)
def test_the_ring_with_bounded_loads_never_exceeds_its_bound(data):
    n, c = data.draw(st.integers(1, 8)), data.draw(st.sampled_from([1.01, 1.25, 2.0]))
    chosen = policy("ring", points=10, bound=c)
    pool = pool_of(n, chosen)
    for m, key in enumerate(data.draw(st.lists(st.sampled_from([3, 2**40, 2**62]), max_size=60))):
        i = chosen.choose(pool, key, 0.0, 0.0)
        pool.in_flight[i] += 1
        assert pool.in_flight[i] <= math.ceil(c * (m + 1) / n)


@given(st.data())
def test_the_bound_of_the_ring_is_shared_out_by_weight(data):
    weights = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=6))
    chosen = policy("ring", points=5)
    pool = pool_of(len(weights), chosen, weights)
    for m in range(data.draw(st.integers(0, 40))):
        i = chosen.choose(pool, 12345, 0.0, 0.0)
        pool.in_flight[i] += 1
        assert pool.in_flight[i] <= math.ceil(1.25 * (m + 1) * weights[i] / sum(weights))


@pytest.mark.parametrize("name", ["ring", "maglev"])
def test_when_a_backend_is_out_only_its_keys_move(name):
    chosen = policy(name)
    pool = pool_of(5, chosen)
    keys = [k * (2**62 // 3000) for k in range(3000)]
    before = [chosen.choose(pool, key, 0.0, 0.0) for key in keys]
    pool.eligible.remove(2)
    after = [chosen.choose(pool, key, 0.0, 0.0) for key in keys]
    moved = [(b, a) for b, a in zip(before, after, strict=True) if a != b]
    assert {b for b, _ in moved} == {2} and {a for _, a in moved} == {0, 1, 3, 4}


def test_uri_hash_moves_most_keys_when_one_of_five_is_out():
    chosen = policy("uri hash")
    pool = pool_of(5, chosen)
    before = [chosen.choose(pool, key, 0.0, 0.0) for key in range(1000)]
    pool.eligible.remove(4)
    assert sum(chosen.choose(pool, key, 0.0, 0.0) != b for key, b in enumerate(before)) == 800


def test_only_the_policies_that_never_read_luck_are_deterministic():
    assert [name for name in NAMES if policy(name).deterministic] == [
        "round robin", "weighted round robin", "uri hash", "ring", "maglev",
    ]  # fmt: skip
    assert not Policy("mine", policies.random_choice).deterministic


def test_a_policy_passes_through_and_keeps_its_options():
    chosen = policy("ring", bound=2.0)
    assert policy(chosen) is chosen
    again = policy(chosen.name, **chosen.options)
    assert (again.name, again.choose, again.options) == ("ring", chosen.choose, {"bound": 2.0})


@given(LUCK, st.integers(0, 20))
def test_the_luck_of_an_attempt_is_a_luck(luck, attempt):
    assert 0 <= luck_of_attempt(luck, attempt) < 1
    assert luck_of_attempt(luck, 0) == luck


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: policy("least conections"), "did you mean 'least connections'"),
        (lambda: policy("xyzzy"), "'xyzzy'.*known: random, round robin"),
        (lambda: policy("ring", d=2), "takes points, bound, got d"),
        (lambda: policy("random", d=2), "takes no option, got d"),
        (lambda: policy("power of d", d=0), "got 0"),
        (lambda: policy("power of d", d=2.5), "got 2.5"),
        (lambda: policy("ring", bound=1.0), "got 1.0"),
        (lambda: policy("ring", points=0), "got 0"),
        (lambda: policy("maglev", size=100), "got 100"),
        (lambda: new_pool([], None, policy("random")), "at least one backend"),
        (lambda: new_pool(["a", "b", "a"], None, policy("random")), "'a' twice"),
        (lambda: new_pool(["a", "b"], [1, -2], policy("random")), "-2"),
        (lambda: new_pool(["a", "b"], [1, math.nan], policy("random")), "nan"),
        (lambda: new_pool(["a", "b"], [0, 0], policy("random")), "one above 0"),
        (lambda: new_pool(["a", "b"], [1], policy("random")), "2 numbers"),
    ],
)
def test_bad_input_is_refused_with_the_bad_value(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_a_backend_of_weight_0_is_not_eligible():
    assert new_pool(["a", "b"], [0, 1], policy("random")).eligible == [1]


def test_importing_the_policies_brings_no_heavy_library():
    code = (
        "import sys, minisys.load_balancing.policies, minisys.load_balancing.health, minisys.load_balancing.plan\n"
        "print([name for name in ('numpy', 'pandas', 'numba', 'simpy', 'altair', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
