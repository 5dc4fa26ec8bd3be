"""Backlog, drain time and patience against numbers worked out by hand, and against each other."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.queues import theory
from minisys.queues.theory import Spike
from minisys.testbed import queueing


def test_the_shop_of_the_docstring() -> None:
    spike = Spike(base_per_s=80 / 60, peak_per_s=500 / 60, for_s=600, capacity_per_s=100 / 60)
    assert spike.backlog == pytest.approx(4000)
    assert spike.drain_s == pytest.approx(200 * 60)
    assert spike.longest_wait_s == pytest.approx(40 * 60)


@given(base=st.floats(0, 50), more=st.floats(1, 50), peak=st.floats(0, 300), for_s=st.integers(0, 60))
def test_the_spike_is_the_fluid(base: float, more: float, peak: float, for_s: int) -> None:
    spike = Spike(base, peak, for_s, base + more)
    line = theory.backlog([peak] * for_s, base + more)
    assert max([0.0, *line]) == pytest.approx(spike.backlog, abs=1e-6)
    after = theory.backlog([base] * (int(spike.drain_s) + 2), base + more, start=spike.backlog)
    assert after[-1] == 0.0
    assert theory.capacity_to_drain(spike.backlog, base, spike.drain_s or 1) <= base + more + 1e-6


@pytest.mark.parametrize(
    ("records", "consumed", "produced", "seconds"),
    [(0, 0, 10, 0.0), (100, 10, 0, 10.0), (100, 10, 5, 20.0), (100, 10, 10, math.inf), (100, 5, 10, math.inf)],
)
def test_lag_in_seconds(records: float, consumed: float, produced: float, seconds: float) -> None:
    assert theory.lag_s(records, consumed, produced) == seconds


def test_batching() -> None:
    assert theory.batching_gain(1, 0.01, 0.001) == 1
    assert theory.batching_gain(10, 0.009, 0.001) == pytest.approx(10 * 0.010 / 0.019)
    assert theory.batching_gain(10**9, 0.009, 0.001) == pytest.approx(10)
    assert theory.fill_wait_s(1, 5) == 0
    assert theory.fill_wait_s(11, 5) == 1.0


def test_endless_patience_is_erlang_c() -> None:
    found = theory.reneging(8.0, 1.0, 10, 1e9)
    assert found.wait_probability == pytest.approx(queueing.erlang_c(8.0, 10), rel=1e-5)
    assert found.wait_s == pytest.approx(queueing.mmc(8.0, 1.0, 10).wait_s, rel=1e-5)
    assert found.abandoned < 1e-6


def test_no_patience_is_erlang_b() -> None:
    found = theory.reneging(8.0, 1.0, 10, 1e-9)
    assert found.abandoned == pytest.approx(queueing.erlang_b(8.0, 10), rel=1e-5)
    assert found.line < 1e-6


def test_patience_as_long_as_service_is_an_unlimited_server_pool() -> None:
    found = theory.reneging(12.0, 1.0, 5, 1.0)  # every one of n leaves at rate n: Poisson(12) in the system
    chances = [math.exp(-12) * 12**n / math.factorial(n) for n in range(80)]
    assert found.wait_probability == pytest.approx(sum(chances[5:]))
    assert found.line == pytest.approx(sum((n - 5) * chance for n, chance in enumerate(chances) if n > 5))


@given(rate=st.floats(0.1, 400), consumers=st.integers(1, 60), patience=st.floats(0.01, 50))
def test_what_comes_leaves(rate: float, consumers: int, patience: float) -> None:
    found = theory.reneging(rate, 0.5, consumers, patience)
    assert 0 <= found.abandoned <= 1
    assert 0 <= found.utilisation <= 1 + 1e-9
    assert found.utilisation * consumers / 0.5 + found.abandoned * rate == pytest.approx(rate)


def test_bad_numbers_are_named() -> None:
    for call in (
        lambda: Spike(10, 20, 5, 10), lambda: Spike(-1, 20, 5, 10), lambda: theory.backlog([-1.0], 1.0),
        lambda: theory.backlog([1.0], 1.0, 0.0), lambda: theory.capacity_to_drain(1, 1, 0),
        lambda: theory.lag_s(-1, 1), lambda: theory.batching_gain(0, 1, 1), lambda: theory.fill_wait_s(1, 0),
        lambda: theory.reneging(1, 1, 0, 1), lambda: theory.reneging(1, 1, 1, 0),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="need|must"):
            call()
