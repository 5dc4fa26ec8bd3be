"""Shedding, the client's throttle, limits that find themselves, hedges and fallbacks."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.resilience.concurrency import Aimd, Gradient
from minisys.resilience.fallback import Answer, Brownout, LastGood
from minisys.resilience.hedging import Hedge
from minisys.resilience.shedding import AdaptiveThrottle, CoDel, PriorityShedding, QueueLimit
from minisys.resilience.window import Window


def test_the_line_is_full():
    assert [QueueLimit(3).admit(queued) for queued in (0, 2, 3, 9)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("priority", "first_refused"), [(0, 100), (1, 80), (2, 50), (3, 20), (7, 20)]
)  # fmt: skip
def test_the_less_important_are_turned_away_earlier(priority, first_refused):
    rule = PriorityShedding(100)
    assert rule.admit(first_refused - 1, priority=priority)
    assert not rule.admit(first_refused, priority=priority)


def test_a_burst_passes_and_a_standing_line_does_not():
    burst, standing = CoDel(0.005, 0.1), CoDel(0.005, 0.1)
    waits_s = [0.08, 0.05, 0.02, 0.0, 0.0, 0.08, 0.05, 0.02, 0.0, 0.0] * 3  # each line is gone after 80 ms
    assert all(burst.admit(1, wait_s, 0, i * 0.02) for i, wait_s in enumerate(waits_s))
    admitted = [standing.admit(1, 0.05, 0, i * 0.02) for i in range(30)]
    assert admitted == [True] * 5 + [False] * 25
    assert standing.admit(1, 0.009, 0, 0.6)  # even then, who waited less than twice the target is served


def test_overload_ends_when_the_line_was_short_once():
    rule = CoDel(0.005, 0.1)
    for i in range(8):
        rule.admit(1, 0.05, 0, i * 0.02)
    assert rule.overloaded
    rule.admit(1, 0.001, 0, 0.16)
    rule.admit(1, 0.05, 0, 0.21)
    assert not rule.overloaded


@given(st.integers(0, 500), st.integers(0, 500), st.sampled_from([1.1, 2.0, 3.0]))
def test_the_drop_probability_is_the_books(requests, accepts, k):
    throttle = AdaptiveThrottle(k)
    throttle.calls.add(1.0, requests, accepts)
    assert throttle.drop_probability(2.0) == pytest.approx(max(0, (requests - k * accepts) / (requests + 1)))
    assert 0 <= throttle.drop_probability(2.0) < 1
    assert throttle.drop_probability(500.0) == 0  # all forgotten


@pytest.mark.parametrize(("offered", "capacity", "k"), [(1000, 100, 2), (1000, 100, 1.1), (150, 100, 2), (80, 100, 2)])
def test_it_settles_at_k_times_what_is_accepted(offered, capacity, k):
    """The steady state sends min(offered, k * capacity). Tolerance: 4 standard deviations of a binomial count."""
    throttle, rng, sent = AdaptiveThrottle(k, window_s=10), Random(3), 0
    for second in range(60):
        left = capacity
        for i in range(offered):
            now = second + i / offered
            if throttle.allow(now, rng):
                throttle.record(left > 0, now)
                left -= 1
                sent += second >= 20
    wanted = min(offered, k * capacity) * 40
    assert sent == pytest.approx(wanted, abs=4 * math.sqrt(wanted) + 0.02 * wanted)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 3), st.integers(0, 3)), max_size=60))
def test_a_window_counts_all_of_the_last_and_nothing_much_older(steps):
    window, now, log = Window(10, slices=5), 0.0, []
    for gap, first, second in steps:
        now += gap
        window.add(now, first, second)
        log.append((now, first, second))
        for which, total in enumerate(window.totals(now), start=1):
            assert total >= sum(each[which] for each in log if each[0] > now - 10)
            assert total <= sum(each[which] for each in log if each[0] >= now - 12 - 1e-9)


def full(limit, latency_s, ok=True, rounds=1):
    for _ in range(rounds):
        inside = 0
        while limit.enter():
            inside += 1
        for _ in range(inside):
            limit.leave(latency_s, ok)


def test_one_place_more_a_round_and_a_tenth_less_once():
    limit = Aimd(late_s=0.1, start=20)
    answers = 0
    while limit.limit < 30:  # whenever one leaves, the next comes
        while limit.enter():
            pass
        limit.leave(0.05)
        answers += 1
    assert answers == pytest.approx(sum(range(20, 30)), rel=0.03)  # ten limit-fulls
    while limit.in_flight:
        limit.leave(0.05)
    before = limit.exact
    full(limit, 0.5)  # thirty late answers of one round are one reason
    assert limit.exact == pytest.approx(before * 0.9)
    full(limit, 0.05, ok=False, rounds=100)
    assert limit.limit == 1


def test_a_limit_that_was_not_used_is_not_raised():
    limit = Aimd(late_s=0.1, start=20)
    for _ in range(1000):
        limit.enter()
        limit.leave(0.01)
    assert limit.limit == 20


def test_the_gradient_follows_latency_down_and_back_up():
    limit = Gradient(start=20, most=100)
    full(limit, 0.01, rounds=60)
    assert limit.limit == 100
    full(limit, 0.1)  # ten times slower
    low = limit.limit
    assert low < 20
    full(limit, 0.01, rounds=60)
    assert limit.limit > low
    with pytest.raises(ValueError, match="tolerance"):
        Gradient(tolerance=0.5)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.booleans()), max_size=200), st.booleans())
def test_limits_stay_in_their_bounds_and_count_right(moves, gradient):
    limit = Gradient(5, 2, 9) if gradient else Aimd(0.5, 5, 2, 9)
    inside = 0
    for enters, latency_s, ok in moves:
        if enters:
            entered = limit.enter()
            assert entered is (inside < limit.limit)
            inside += entered
        elif inside:
            limit.leave(latency_s, ok)
            inside -= 1
        assert limit.in_flight == inside
        assert 2 <= limit.limit <= 9


def test_a_hedge_waits_for_the_quantile_of_recent_answers():
    hedge = Hedge(0.95, window=100, at_least=20)
    for i in range(19):
        hedge.observe(i / 100)
    assert hedge.after_s() == math.inf
    for i in range(200):
        hedge.observe((i % 100 + 1) / 1000)
    assert hedge.after_s() == 0.095
    assert len(hedge.in_order) == len(hedge.recent) == 100
    assert sorted(hedge.recent) == hedge.in_order


def test_hedges_stop_when_everything_is_slow():
    hedge, copies = Hedge(0.95, at_most_ratio=0.05), 0
    for _ in range(1000):
        hedge.after_s()
        copies += hedge.send()  # every request is late
    assert copies == 51  # the reserve of one, and one in twenty


def test_a_hedge_needs_a_quantile():
    with pytest.raises(ValueError, match="got 1"):
        Hedge(1)


def test_a_stale_answer_has_an_age():
    pages = LastGood(60, default="sold well", most=2)
    assert pages.instead("a", 0) == Answer("sold well", "default")
    pages.keep("a", "for a", 0)
    assert pages.instead("a", 60) == Answer("for a", "stale")
    assert pages.instead("a", 61).quality == "default"
    pages.keep("b", 1, 1)
    pages.keep("a", "newer", 2)
    pages.keep("c", 1, 3)  # b is the one longest not renewed
    assert [pages.instead(key, 3).quality for key in "abc"] == ["stale", "default", "stale"]


@pytest.mark.parametrize(("extra_s", "share"), [(0.3, 0.5), (0.1, 1.0), (3.0, 0.05)])
def test_a_brownout_settles_where_latency_is_on_target(extra_s, share):
    """Base 0.05 s, target 0.2 s: the share s with 0.05 + s * extra = 0.2. Tolerance: gain times the spread."""
    rule, rng, seen = Brownout(0.2, gain=0.01), Random(5), []
    for _ in range(20_000):
        rule.observe(0.05 + (extra_s if rule.extras(rng) else 0))
        seen.append(rule.share)
    assert sum(seen[5000:]) / 15_000 == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize(
    "make",
    [
        lambda: QueueLimit(0),
        lambda: CoDel(0.2, 0.1),
        lambda: PriorityShedding(10, (0.5, 0.6)),
        lambda: AdaptiveThrottle(0.9),
        lambda: Aimd(0.1, 5, 6, 7),
        lambda: LastGood(-1),
        lambda: Brownout(0),
        lambda: Window(0),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(ValueError, match="got"):
        make()
