"""Rate limits: no window of any length gets more than the rule promises, and nobody is refused in vain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.resilience.rate_limits import FixedWindow, Gcra, LeakyBucket, SlidingWindow, TokenBucket

GAPS = st.lists(st.sampled_from([0, 0, 0.01, 0.1, 0.25, 0.5, 1, 3, 10]), min_size=1, max_size=120)
MAKERS = {
    "token": lambda: TokenBucket(2, 5),
    "leaky": lambda: LeakyBucket(2, 5),
    "fixed": lambda: FixedWindow(5, 2.0),
    "sliding": lambda: SlidingWindow(5, 2.0),
    "gcra": lambda: Gcra(2, 5),
}
BOUNDS = {  # most that may start (leave, for the leaky bucket) within any t seconds, both ends counted
    "token": lambda t: 5 + 2 * t,
    "leaky": lambda t: 1 + 2 * t,
    "fixed": lambda t: 5 * (t // 2 + 2),
    "sliding": lambda t: 5 * (t // 2 + 1),
    "gcra": lambda t: 5 + 2 * t,
}


def passed(limit, gaps):
    now, times = 0.0, []
    for gap in gaps:
        now += gap
        if limit.allow(now):
            times.append(now + getattr(limit, "delay_s", 0.0))
    return times


@pytest.mark.parametrize("kind", MAKERS)
@given(gaps=GAPS)
def test_no_window_of_any_length_gets_more(kind, gaps):
    times = passed(MAKERS[kind](), gaps)
    for i in range(len(times)):
        for j in range(i, len(times)):
            assert j - i + 1 <= BOUNDS[kind](times[j] - times[i] + 1e-9) + 1e-6


@pytest.mark.parametrize("kind", MAKERS)
@given(gaps=GAPS, ask=st.floats(0, 3))
def test_wait_says_when_and_not_later(kind, gaps, ask):
    limit = MAKERS[kind]()
    passed(limit, gaps)
    now = sum(gaps) + ask
    wait_s = limit.wait_s(now)
    assert wait_s >= 0
    if wait_s > 1e-6:
        assert not limit.allow(now + wait_s * 0.999 - 1e-9)
    assert limit.allow(now + wait_s + 1e-9)


@given(gaps=GAPS, costs=st.lists(st.sampled_from([1, 1, 2, 4, 6]), min_size=120, max_size=120))
def test_one_number_decides_as_the_bucket_does(gaps, costs):
    bucket, gcra, now = TokenBucket(2, 5), Gcra(2, 5), 0.0
    for gap, cost in zip(gaps, costs, strict=False):
        now += gap
        assert bucket.allow(now, cost) is gcra.allow(now, cost)


def test_twice_the_limit_around_the_full_minute():
    around = [59.0] + [0] * 99 + [1.5] + [0] * 99  # 100 at 59 s, 100 at 60.5 s
    assert len(passed(FixedWindow(100, 60), around)) == 200
    assert len(passed(SlidingWindow(100, 60), around)) == 100
    assert len(passed(TokenBucket(100 / 60, 100), around)) == 102


def test_the_leaky_bucket_spaces_a_burst():
    bucket = LeakyBucket(10, 4)
    assert passed(bucket, [1.0, 0, 0, 0, 0]) == pytest.approx([1.0, 1.1, 1.2, 1.3])


@pytest.mark.parametrize("make", [TokenBucket, LeakyBucket, FixedWindow, SlidingWindow, Gcra])
def test_nothing_and_never_are_refused(make):
    for pair in ((0, 1), (1, 0), (float("inf"), 1)):
        with pytest.raises(ValueError, match="must be above 0"):
            make(*pair)
