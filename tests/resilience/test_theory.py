"""The formulas: published numbers, and beside the policies they describe."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.resilience import theory
from minisys.resilience.hedging import Hedge
from minisys.resilience.retries import RatioBudget, Retries, TokenBudget


def test_the_published_numbers():
    assert theory.amplification(3, 5) == 243  # Builders' Library
    assert theory.expected_tries(1, 3) == 3
    assert theory.budgeted_tries(1, 3, 0.1) == pytest.approx(1.1)  # SRE book ch. 21
    assert theory.page_is_slow(0.01, 100) == pytest.approx(0.634, abs=5e-4)  # The Tail at Scale
    assert theory.page_is_slow(0.0001, 2000) == pytest.approx(0.181, abs=5e-4)
    assert theory.hedge_cost(0.95) == pytest.approx(0.05)
    load, overload = theory.cache_loss(300, 0.9)  # HotOS 2021
    assert (load, overload) == (pytest.approx(3000), pytest.approx(10))


@pytest.mark.parametrize(
    ("offered", "tries", "state"),
    [(30, 3, "stable"), (34, 3, "vulnerable"), (100, 3, "vulnerable"), (101, 3, "overloaded"), (90, 1.1, "stable"),
     (100, 1, "stable"), (91, 1.1, "vulnerable")],
)  # fmt: skip
def test_load_times_tries_against_capacity(offered, tries, state):
    load = theory.Vulnerability(offered, 100, tries)
    assert load.state == state
    assert load.sustained_per_s == pytest.approx(offered * tries)
    assert load.hidden_capacity_per_s == pytest.approx(100 / tries)


def run(failure, retries, requests=20_000):
    """Mean tries and share still failed of requests whose tries fail independently."""
    rng, tries, lost = Random(7), 0, 0
    for _ in range(requests):
        retries.request()
        attempt, paid_for = 0, None
        while True:
            tries += 1
            if rng.random() >= failure:
                retries.success(paid_for)
                break
            if not retries.again(attempt, "timeout"):
                lost += 1
                break
            attempt, paid_for = attempt + 1, "timeout"
    return tries / requests, lost / requests


@pytest.mark.parametrize("failure", [0, 0.05, 0.3, 0.8, 1])
def test_expected_tries_beside_the_policy(failure):
    """Tolerance: 4 standard errors of a geometric count cut at 3 (its deviation is below 1)."""
    tries, lost = run(failure, Retries(3))
    assert tries == pytest.approx(theory.expected_tries(failure, 3), abs=4 / math.sqrt(20_000))
    assert lost == pytest.approx(theory.still_fails(failure, 3), abs=4 * 0.5 / math.sqrt(20_000))


@pytest.mark.parametrize("failure", [0.02, 0.3, 1])
def test_budgeted_tries_beside_the_policy(failure):
    tries, _ = run(failure, Retries(3, budget=RatioBudget(0.1)))
    assert tries == pytest.approx(theory.budgeted_tries(failure, 3, 0.1), rel=0.01)


@pytest.mark.parametrize("failure", [0.01, 0.3, 0.6, 0.9])
def test_token_tries_beside_the_policy(failure):
    """Tolerance: 4 standard errors, and the purse of 500 that is spent first (500 / 14 tries of 20,000 requests)."""
    tries, _ = run(failure, Retries(3, budget=TokenBudget()))
    assert tries == pytest.approx(theory.token_tries(failure, 3), abs=4 / math.sqrt(20_000) + 36 / 20_000)


@given(st.floats(0, 1), st.integers(1, 6), st.floats(0, 2))
def test_budgets_only_ever_take_away(failure, attempts, ratio):
    free = theory.expected_tries(failure, attempts)
    assert 1 <= theory.budgeted_tries(failure, attempts, ratio) <= free <= attempts
    assert 1 <= theory.token_tries(failure, attempts) <= free + 1e-9
    assert theory.amplification(attempts, 1) == theory.expected_tries(1, attempts)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(1, 5))
def test_the_throttle_never_sends_more_than_asked_or_k_times_accepted(offered, capacity, k):
    sent = theory.throttled_per_s(offered, capacity, k)
    assert sent <= offered
    assert sent <= k * capacity
    assert sent in (offered, k * capacity)


def test_hedging_beside_the_policy():
    """Exponential answers of mean 1, hedged after p95 = 3.0: over 4 are e^-4 * e^-1 instead of e^-4."""
    hedge, rng, slow, copies, requests = Hedge(0.95, 0.1), Random(3), 0, 0, 60_000
    for _ in range(requests):
        after_s, first_s = hedge.after_s(), rng.expovariate(1)
        hedge.observe(first_s)
        latency_s = first_s
        if first_s > after_s and hedge.send():
            copies += 1
            latency_s = min(first_s, after_s + rng.expovariate(1))
        slow += latency_s > 4
    p95 = -math.log(0.05)
    assert copies / requests == pytest.approx(theory.hedge_cost(0.95), abs=0.004)
    wanted = theory.hedged_tail(math.exp(-4), math.exp(-(4 - p95)))
    assert slow / requests == pytest.approx(wanted, rel=0.2)  # 400 events; the quantile is an estimate
    assert wanted < 0.4 * math.exp(-4)


def test_timeouts_add_up_without_a_deadline():
    assert theory.chain_timeout_s(1.0, 1, 4) == 1.0
    assert theory.chain_timeout_s(1.0, 3, 2) == 9.0
    assert theory.chain_timeout_s(1.0, 2, 2, backoff_s=0.5) == pytest.approx(5.5)  # 2.5 below, twice, and a wait
    assert theory.false_timeouts_per_s(500, 0.999) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("for_s", "fixed", "sliding", "bucket"), [(0, 200, 100, 100), (59, 200, 100, 198.33), (60, 300, 200, 200)]
)
def test_the_limits_bounds(for_s, fixed, sliding, bucket):
    assert theory.window_bound(100, 60, for_s, sliding=False) == fixed
    assert theory.window_bound(100, 60, for_s, sliding=True) == sliding
    assert theory.gcra_bound(100 / 60, 100, for_s) == pytest.approx(bucket, abs=0.01)


@pytest.mark.parametrize(
    "call",
    [
        lambda: theory.amplification(0, 2),
        lambda: theory.expected_tries(1.2, 3),
        lambda: theory.throttled_per_s(1, 1, 0.5),
        lambda: theory.page_is_slow(-0.1, 3),
        lambda: theory.Vulnerability(1, 0),
        lambda: theory.cache_loss(300, 1),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with pytest.raises(ValueError, match="got"):
        call()
