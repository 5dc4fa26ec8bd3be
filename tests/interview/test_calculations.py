"""The keys of the bank's numbers hold against a second way to the same number: counting, drawing, or an exact law."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from minisys.interview.calculations import (
    autoscaling,
    caching,
    chaos,
    content_delivery,
    observability,
    queues,
    replication,
    resilience,
    scaling,
    sharding,
)
from minisys.resilience import theory
from minisys.resilience.rate_limits import TokenBucket
from minisys.scaling.theory import usl
from minisys.testbed import queueing

SEEDS = (1, 2, 3)


@pytest.mark.parametrize(("rate", "service_ms"), [(60, 10), (80, 10), (20, 40)])
def test_kingmans_wait_with_one_as_spread_is_that_of_mm1_and_no_spread_is_half(rate, service_ms):
    wait_ms = 1000 * queueing.mm1(rate, service_ms / 1000).wait_s
    assert scaling.kingman_wait_ms(rate, service_ms, 1) == pytest.approx(wait_ms)
    assert scaling.kingman_wait_ms(rate, service_ms, 0) == pytest.approx(wait_ms / 2)


@pytest.mark.parametrize(("service_ms", "slo_ms"), list(itertools.product([10, 20], [200, 400])))
def test_at_the_knee_the_p99_is_at_its_limit(service_ms, slo_ms):
    rate = scaling.knee_rate(service_ms, slo_ms)
    assert rate == pytest.approx(1000 / service_ms - math.log(100) * 1000 / slo_ms)
    assert 1000 * queueing.mm1_percentile(rate, service_ms / 1000, 99) == pytest.approx(slo_ms)


@pytest.mark.parametrize(("contention", "coherency"), list(itertools.product([2, 4], [0.02, 0.05, 0.1])))
def test_beyond_the_peak_and_before_it_throughput_is_lower(contention, coherency):
    peak = scaling.peak_workers(contention, coherency)
    before, at, after = (usl(n, contention / 100, coherency / 100) for n in (peak - 1, peak, peak + 1))
    assert at > before and at > after


@pytest.mark.parametrize("factor", [4, 9, 25])
def test_a_pool_that_grew_by_the_root_lets_about_as_many_wait(factor):
    waiting = queueing.erlang_c(16, 20)
    grown = queueing.erlang_c(16 * factor, round(scaling.staff_grown(20, 16, factor)))
    assert grown == pytest.approx(waiting, rel=0.15)  # the rule is exact for endless pools only
    assert queueing.erlang_c(16 * factor, round(scaling.staff_same_spare(20, 16, factor))) > 1.5 * waiting
    assert queueing.erlang_c(16 * factor, round(scaling.staff_in_proportion(20, 16, factor))) < waiting / 2


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hit_ratio_of_one_key_is_that_of_counted_reads(seed):
    rate_per_min, ttl_min, reads = 1.5, 2, 40_000
    arrivals = np.cumsum(np.random.default_rng(seed).exponential(1 / rate_per_min, reads))
    hits, until = 0, -1.0
    for now in arrivals:
        hits += now < until
        until = until if now < until else now + ttl_min
    key = caching.ttl_hit_percent(rate_per_min, ttl_min)
    assert 100 * hits / reads == pytest.approx(key, abs=1)  # four standard errors of 40,000 reads


@pytest.mark.parametrize("seed", SEEDS)
def test_early_refreshes_are_as_many_as_were_drawn(seed):
    left_s, compute_s, beta, draws = 2, 1, 2, 40_000
    early = -compute_s * beta * np.log(1 - np.random.default_rng(seed).random(draws)) >= left_s
    assert 100 * early.mean() == pytest.approx(caching.early_refresh_percent(left_s, compute_s, beta), abs=1)


def test_reads_through_caches_are_those_of_a_hundred_users():
    times = [2] * 90 + [2 + 50] * 10
    assert caching.read_ms(90, 2, 50) == pytest.approx(sum(times) / len(times))
    past_local = [user for user in range(100) if user >= 60]  # 60 of 100 are answered locally
    past_both = [user for n, user in enumerate(past_local) if n % 10 == 0]  # nine of ten by the shared cache
    assert caching.past_two_tiers_percent(60, 90) == len(past_both)


def test_the_share_of_bytes_is_that_of_a_hundred_requests():
    hits, misses = 90 * 20, 10 * 2000
    assert content_delivery.origin_bytes_percent(90, 20, 2000) == pytest.approx(100 * misses / (hits + misses))


def test_behind_a_shield_one_question_is_asked_for_each_object_and_lifetime():
    objects, edges, ttl, seconds = 5, 7, 3, 30
    asked, shield, edge = 0, [-1] * objects, [[-1] * objects for _ in range(edges)]  # until when a copy is fresh
    for now, place, thing in itertools.product(range(seconds), range(edges), range(objects)):
        if now >= edge[place][thing]:
            if now >= shield[thing]:
                asked, shield[thing] = asked + 1, now + ttl
            edge[place][thing] = shield[thing]  # Age is passed on, so both copies expire together
    assert asked / seconds == pytest.approx(content_delivery.origin_rate_with_shield(objects, edges, ttl))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("servers", [3, 7])
def test_the_first_of_many_timeouts_is_that_of_drawn_ones(seed, servers):
    draws = np.random.default_rng(seed).uniform(150, 300, (20_000, servers - 1))
    first = draws.min(axis=1)
    key = replication.new_leader_ms(servers, 150, 300, 10)["leader_ms"]
    assert first.mean() + 10 == pytest.approx(key, abs=1.2)  # nearly five standard errors of 20,000 elections


def test_a_missing_majority_is_counted_over_all_states():
    down = 0.03
    states = itertools.product((0, 1), repeat=3)  # 1: down
    missing = sum(down ** sum(state) * (1 - down) ** (3 - sum(state)) for state in states if sum(state) >= 2)
    assert replication.majority_down_minutes(3)["minutes"] == pytest.approx(missing * 30 * 24 * 60)


@pytest.mark.parametrize("seed", SEEDS)
def test_versions_behind_are_those_of_drawn_copies(seed):
    copies, written, versions, reads = 5, 2, 2, 20_000
    rng = np.random.default_rng(seed)
    got = rng.random((reads, versions, copies)).argsort(axis=2)[:, :, :written]  # who got each of the last writes
    behind = ~(got == rng.integers(0, copies, (reads, 1, 1))).any(axis=(1, 2))
    key = replication.versions_behind_percent(copies, written, versions)["behind"]
    assert 100 * behind.mean() == pytest.approx(key, abs=1.5)  # four standard errors of 20,000 reads


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_on_a_ring_are_as_even_as_the_points_promise(seed):
    shards, points = 100, int(sharding.ring_points(10)["points"])
    rng = np.random.default_rng(seed)
    places = np.sort(rng.random(shards * points))
    gaps = np.diff(places, prepend=places[-1] - 1)
    shares = np.bincount(rng.permutation(np.arange(shards * points) % shards), weights=gaps)
    assert shares.std() / shares.mean() == pytest.approx(0.10, rel=0.25)  # over three errors of a spread of 100


def test_a_hot_shard_is_full_at_the_limit_and_no_other():
    shards, capacity, hot = 20, 5000, 10
    total = sharding.hot_key_limit_per_s(shards, capacity, hot)["total"]
    others = total * (1 - hot / 100) / shards
    assert total * hot / 100 + others == pytest.approx(capacity) and others < capacity / 2


def test_the_last_of_a_spike_waits_as_long_as_in_a_counted_queue():
    peak, capacity, spike_s = 2000, 400, 60
    place = peak * spike_s  # the last one is done when all before it and itself are
    assert place / capacity - spike_s == pytest.approx(queues.last_of_spike_waits_s(peak, capacity, spike_s)["wait"])


@pytest.mark.parametrize("seed", SEEDS)
def test_messages_handed_out_again_are_those_drawn_too_long(seed):
    longer = np.random.default_rng(seed).exponential(15, 20_000) > 30
    assert 100 * longer.mean() == pytest.approx(queues.handed_out_again_percent(15, 30), abs=1)  # four errors


@pytest.mark.parametrize("seed", SEEDS)
def test_duplicates_are_as_many_as_random_crashes_hit(seed):
    messages, work_ms, window_ms, crash_h, days = 2_000_000, 75, 25, 20, 4_000
    rng, busy_h = np.random.default_rng(seed), messages * (work_ms + window_ms) / 3.6e6
    crashes = rng.poisson(busy_h / crash_h, days).sum()
    hits = (rng.random(crashes) * (work_ms + window_ms) > work_ms).sum()  # between the commit and the acknowledgement
    key = queues.duplicates_a_day(messages, window_ms, crash_h)["duplicates"]
    assert hits / days == pytest.approx(key, abs=4 * (key / days) ** 0.5)


def test_servers_for_a_forecast_are_enough_in_19_of_20_drawn_hours():
    rate, error, per_server = 8000, 10, 150
    hours = np.random.default_rng(1).normal(rate, rate * error / 100, 20_000)
    servers = autoscaling.servers_for_forecast(rate, error, per_server)["servers"]
    assert (hours <= servers * per_server).mean() > 0.945 > (hours <= (servers - 2) * per_server).mean()


def test_a_rule_that_fires_at_its_trigger_has_new_servers_just_in_time():
    load = autoscaling.trigger_percent(10, 4, 90)["trigger"]
    for _ in range(4):
        load *= 1.1
    assert load == pytest.approx(90)


def test_an_hourly_bill_adds_up_to_the_share_that_is_saved():
    bill = sum(40 if 16 <= hour < 20 else 10 for hour in range(24))
    assert autoscaling.saved_percent(40, 4, 10)["saved"] == pytest.approx(100 * (1 - bill / (40 * 24)))


@pytest.mark.parametrize(("start", "path"), [(1, [5, 10, 20, 40, 80, 160]), (2, [6, 12, 24, 48, 96, 192])])
def test_a_deployment_grows_by_four_or_doubles(start, path):
    steps = {wanted: autoscaling.steps_up(start, wanted) for wanted in (40, 70, 90)}
    assert steps == {wanted: next(i for i, pods in enumerate(path, 1) if pods >= wanted) for wanted in steps}


@pytest.mark.parametrize(("layers", "attempts"), [(3, 3), (4, 4)])
def test_calls_through_layers_are_those_of_nested_loops(layers, attempts):
    def calls(left):
        return 1 if left == 0 else sum(calls(left - 1) for _ in range(attempts))

    assert resilience.layered_calls(layers, attempts) == calls(layers) == theory.amplification(attempts, layers)


def test_a_full_bucket_lets_through_what_the_key_says():
    bucket = TokenBucket(20, 100)
    passed = sum(bucket.allow(tick / 100) for tick in range(801) for _ in range(3))
    assert passed == resilience.bucket_lets_through(20, 100, 8)


@pytest.mark.parametrize("fail_percent", [40, 50, 60])
def test_the_quota_and_the_hedged_page_are_those_of_the_theory(fail_percent):
    retries = theory.token_tries(fail_percent / 100, 3, cost=14) - 1
    assert resilience.quota_retries(14, fail_percent)["retries"] == pytest.approx(100 * retries)
    assert resilience.hedged_page_percent(50, 2)["pages"] == pytest.approx(100 * theory.page_is_slow(0.02**2, 50))
    assert resilience.recovers_up_to(3000, 3) == theory.Vulnerability(1, 3000, 3).hidden_capacity_per_s
    assert resilience.throttled_percent(1000, 200, 2)["dropped"] == 100 - theory.throttled_per_s(1000, 200, 2) / 10


def test_an_interpolated_quantile_is_numpys_of_requests_that_lie_evenly():
    even = np.concatenate([np.full(900, 50.0), np.linspace(100, 250, 82)[1:-1], np.full(20, 400.0)])
    assert observability.interpolated_p95_ms(900, 980)["p95"] == pytest.approx(np.sort(even)[949], rel=0.01)


def test_budgets_minute_by_minute():
    failed = sum(0.3 for _ in range(2) for _ in range(6 + 8))  # two incidents of 14 minutes, 30 % each
    assert observability.budget_eaten_percent(2, 30, 6, 8)["used"] == pytest.approx(
        100 * failed / (30 * 24 * 60 * 0.001)
    )
    hours, left = 0, 30 * 24 * 0.001
    while left > 1e-12:
        left, hours = left - 0.02, hours + 1
    assert observability.budget_gone_h(99.9, 2)["gone"] == pytest.approx(hours)


@pytest.mark.parametrize("drills", [10, 30, 60])
def test_a_row_of_successes_has_a_chance_of_one_in_twenty_at_the_bound(drills):
    bound = chaos.failure_bound_percent(drills) / 100
    assert (1 - bound) ** drills == pytest.approx(0.05)
    assert bound == pytest.approx(3 / drills, rel=0.15)  # the rule of three


@pytest.mark.parametrize("faults", [20, 32, 60])
def test_halving_as_it_is_done(faults):
    left, runs = faults, 0
    while left > 1:
        left, runs = left - left // 2, runs + 1  # the larger half, at worst
    assert chaos.halving_minutes(faults, 3) == 3 * runs


@pytest.mark.parametrize("seed", SEEDS)
def test_the_monkey_drawn_day_by_day(seed):
    kills = np.random.default_rng(seed).random((20_000, 5, 8)) < 0.02
    assert 100 * kills.any(axis=(1, 2)).mean() == pytest.approx(chaos.some_kill_percent(8, 2)["some"], abs=1.5)
    assert kills.sum() / 20_000 == pytest.approx(chaos.kills_expected(8, 2, 1), rel=0.05)
