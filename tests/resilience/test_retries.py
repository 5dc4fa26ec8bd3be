"""Timeouts, retries and their budgets: tables, and what holds for any sequence of requests."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.resilience.retries import ERRORS, JITTERS, Backoff, RatioBudget, Retries, TokenBudget
from minisys.resilience.timeouts import Deadline, from_percentile


@pytest.mark.parametrize(("rate", "timeout_s"), [(0.001, 999), (0.01, 990), (0.05, 950), (0.29, 710), (0.5, 500)])
def test_the_timeout_cuts_off_that_share(rate, timeout_s):
    latencies_s = list(range(1, 1001))
    Random(1).shuffle(latencies_s)
    assert from_percentile(latencies_s, rate) == timeout_s


@given(st.lists(st.floats(0, 10), min_size=20), st.floats(0.05, 0.95))
def test_no_more_than_that_share_is_slower(latencies_s, rate):
    timeout_s = from_percentile(latencies_s, rate)
    assert sum(each > timeout_s for each in latencies_s) <= rate * len(latencies_s) + 1e-6
    shorter = [each for each in latencies_s if each < timeout_s]
    if shorter:  # and any shorter timeout would cut off more
        assert sum(each > max(shorter) for each in latencies_s) > rate * len(latencies_s) - 1e-6


@pytest.mark.parametrize(("latencies_s", "rate"), [([1.0] * 999, 0.001), ([1.0] * 10, 0), ([1.0] * 10, 1), ([], 0.5)])
def test_too_few_latencies_say_nothing(latencies_s, rate):
    with pytest.raises(ValueError, match=f"{rate}"):
        from_percentile(latencies_s, rate)


def test_a_deadline_travels_as_time_left():
    deadline = Deadline(12.0)
    assert deadline.left_s(10.5) == 1.5
    assert deadline.timeout_s(10.5, 0.4) == 0.4
    assert deadline.timeout_s(11.9, 0.4) == pytest.approx(0.1)
    assert not deadline.passed(11.9)
    assert deadline.passed(12.0)
    assert deadline.timeout_s(13, 0.4) == 0
    there = Deadline.from_header(deadline.header(10.5), 7000.0)  # another machine, another clock
    assert there.left_s(7000.0) == pytest.approx(1.5)
    assert Deadline.from_header(None, 7000.0).timeout_s(7000.0, 3) == 3
    assert Deadline.from_header(Deadline().header(0), 1.0).left_s(5) == math.inf


@pytest.mark.parametrize("text", ["-1", "soon", "nan"])
def test_a_header_that_is_no_time_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - float() words its own
        Deadline.from_header(text, 0.0)


@given(st.sampled_from(JITTERS), st.integers(0, 2000), st.floats(0, 2000), st.integers(0, 99))
def test_waits_stay_in_their_range(jitter, attempt, previous_s, seed):
    wait_s = Backoff(5, 2000, jitter).wait_s(attempt, previous_s, Random(seed))
    full_s = min(2000, 5 * 2.0 ** min(attempt, 60))
    low, high = {
        "none": (full_s, full_s),
        "equal": (full_s / 2, full_s),
        "full": (0, full_s),
        "decorrelated": (5, min(2000, max(5, 3 * previous_s))),
    }[jitter]
    assert low <= wait_s <= high


@pytest.mark.parametrize(
    ("attempt", "error", "idempotent", "again"),
    [
        (0, "timeout", True, True),
        (1, "timeout", True, True),
        (2, "timeout", True, False),  # three tries in all
        (0, "timeout", False, False),  # may have been done
        (0, "failed", False, False),
        (0, "reset", False, False),
        (0, "refused", False, True),  # was certainly not done
        (0, "rejected", False, True),
        (0, "throttled", False, True),
        (0, "invalid", True, False),  # will be wrong again
        (0, "deadline", True, False),
        (0, "local", True, False),
    ],
)
def test_which_errors_are_worth_another_try(attempt, error, idempotent, again):
    assert Retries(3).again(attempt, error, idempotent) is again
    if attempt == 0 and not idempotent:
        assert Retries(3, idempotent_only=False).again(attempt, error, False) is ERRORS[error][0]


def test_one_attempt_is_no_retry_and_no_backoff_is_at_once():
    assert not Retries(1).again(0, "timeout")
    assert Retries(2).wait_s(0, 0, Random(1)) == 0
    assert Retries(2, Backoff(1, 8, "none")).wait_s(2, 2, Random(1)) == 4


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Retries(0), "at least 1, got 0"),
        (lambda: Retries(2).again(0, "odd"), "'odd'"),
        (lambda: Backoff(5, 4), "base_s=5"),
        (lambda: Backoff(1, 4, "some"), "'some'"),
        (lambda: RatioBudget(-0.1), "-0.1"),
        (lambda: RatioBudget(0.1, reserve=5, most=4), "5, 4"),
        (lambda: TokenBudget(0), "got 0"),
    ],
)
def test_what_makes_no_sense_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@given(st.lists(st.booleans(), max_size=400), st.sampled_from([0, 0.05, 0.1, 0.2, 1]), st.integers(0, 5))
def test_retries_never_exceed_the_ratio(asks, ratio, reserve):
    """Any order of requests (True) and wishes to retry (False): always retries <= reserve + ratio * requests."""
    budget, requests, retries = RatioBudget(ratio, reserve), 0, 0
    for is_request in asks:
        if is_request:
            budget.request()
            requests += 1
        else:
            paid = budget.spend()
            assert paid or retries + 1 > min(100, reserve + ratio * requests) - 1e-6  # and none is refused in vain
            retries += paid
        assert retries <= reserve + ratio * requests + 1e-6


def test_a_total_failure_costs_a_tenth_more():
    retries = Retries(3, budget=RatioBudget(0.1))
    calls = 0
    for _ in range(1000):
        retries.request()
        calls += 1
        attempt = 0
        while retries.again(attempt, "timeout"):
            calls, attempt = calls + 1, attempt + 1
    assert calls == 1100


def test_a_quiet_night_does_not_pay_for_a_storm():
    budget = RatioBudget(0.1, most=100)
    for _ in range(1_000_000 // 100):
        budget.request()
    assert sum(budget.spend() for _ in range(1000)) == 100


@given(st.lists(st.sampled_from(["well", "timeout", "throttled", "saved"]), max_size=300))
def test_the_purse_holds_what_the_ledger_says(moves):
    budget, tokens = TokenBudget(), 500
    for move in moves:
        if move == "well":
            budget.success()
            tokens = min(500, tokens + 1)
        else:
            error = "timeout" if move == "saved" else move
            cost = 5 if error == "throttled" else 14
            assert budget.spend(error) is (tokens >= cost)
            if tokens >= cost:
                tokens -= cost
                if move == "saved":  # the retry went well: its cost comes back
                    budget.success(error)
                    tokens += cost
        assert budget.tokens == tokens


def test_the_aws_quota_in_numbers():
    assert sum(TokenBudget().spend("timeout") for _ in range(1)) == 1
    one, other = TokenBudget(), TokenBudget()
    assert sum(one.spend("timeout") for _ in range(1000)) == 35  # 500 // 14
    assert sum(other.spend("throttled") for _ in range(1000)) == 100  # 500 // 5
    for _ in range(4):
        other.success()
    assert not other.spend("throttled")
    other.success()
    assert other.spend("throttled")
