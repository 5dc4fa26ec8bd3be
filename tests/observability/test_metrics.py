"""Counters, histograms and the numbers that mislead."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.observability import metrics
from minisys.observability.histograms import PROMETHEUS, Classic, Exponential

LATENCIES = st.lists(st.floats(1e-4, 100.0), min_size=1, max_size=200).map(np.array)
QUANTILES = st.floats(0.01, 0.999)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("samples, grew", [
    ([], 0), ([5], 0), ([5, 9], 4), ([5, 9, 2], 6), ([5, 0, 0, 3], 3), ([0, 0], 0),
])  # fmt: skip
def test_a_counter_grows_or_begins_again(samples, grew):
    assert metrics.increase(samples) == grew
    if len(samples) > 1:
        steady = metrics.monotone(np.array(samples))
        assert steady[-1] - steady[0] == grew


@given(st.lists(st.integers(0, 50), min_size=2, max_size=50), st.integers(1, 49))
def test_a_restart_loses_only_what_nobody_saw(steps, cut):
    """A process that starts again at 0 right after a look loses nothing."""
    whole = np.cumsum(steps)
    after = np.cumsum(steps[cut:])
    assert metrics.increase([*whole[:cut], *after]) == whole[-1] - whole[0] or after[:1] >= whole[cut - 1 : cut]


def test_a_rate_is_per_second():
    assert metrics.rate_per_s([0, 10, 20], [100, 150, 20]) == 3.5


def ranked(values, q):
    """The smallest value with at least a share q of all at or below it: what a histogram can know."""
    return float(np.sort(values)[max(math.ceil(q * len(values) - 1e-9), 1) - 1])


@settings(deadline=None)
@given(LATENCIES, QUANTILES)
def test_the_true_quantile_lies_in_its_bucket(values, q):
    for made in (Classic.of(values), Exponential.of(values)):
        low, high = made.bounds(q)
        assert low * (1 - 1e-9) <= ranked(values, q) <= high * (1 + 1e-9)


@settings(deadline=None)
@given(LATENCIES, QUANTILES)
def test_an_exponential_histogram_keeps_its_error(values, q):
    made = Exponential.of(values)
    assert abs(made.quantile(q) / ranked(values, q) - 1) <= made.error * (1 + 1e-6)
    assert len(made.counts) <= 160 and sum(made.counts) == len(values)


@settings(deadline=None)
@given(LATENCIES, LATENCIES)
def test_histograms_add_up(one, two):
    both = np.concatenate([one, two])
    assert Classic.of(one) + Classic.of(two) == Classic.of(both)
    assert Exponential.of(one) + Exponential.of(two) == Exponential.of(both)


def test_prometheus_estimates():
    made = Classic((0.1, 1.0), (50, 40, 10))
    assert made.quantile(0.5) == pytest.approx(0.1)
    assert made.quantile(0.7) == pytest.approx(0.55)
    assert made.quantile(0.99) == 1.0 and made.bounds(0.99) == (1.0, math.inf)


def test_a_wide_bucket_invents_a_percentile():
    made = Classic.of(np.full(1000, 1.1), (1.0, 10.0))
    assert made.quantile(0.99) == pytest.approx(9.91)
    assert Exponential.of(np.full(1000, 1.1)).quantile(0.99) == pytest.approx(1.1, rel=1e-5)


@pytest.mark.parametrize("scale, value, index", [(0, 4.0, 1), (0, 4.1, 2), (1, 2.0, 1), (3, 1.0, -1), (-1, 3.0, 0)])
def test_opentelemetry_indices(scale, value, index):
    """Buckets are open below and closed above, as in the data model's tables."""
    assert Exponential.of(np.array([value]), scale=scale) == Exponential(scale, index, (1,))


def test_zeros_are_counted_apart():
    made = Exponential.of(np.array([0.0, 0.0, 1.0]))
    assert made.zeros == 2 and made.quantile(0.5) == 0.0 and made.quantile(0.99) > 0


def test_percentiles_do_not_average():
    parts = {"a": RNG.exponential(0.01, 9_000), "b": RNG.exponential(1.0, 1_000)}
    rows = metrics.averaged_percentile(parts, 0.99).set_index("what")["latency_s"]
    everything = np.quantile(np.concatenate(list(parts.values())), 0.99)
    assert rows["percentile of all requests"] == everything
    assert rows["weighted mean"] < 0.3 * everything and rows["largest"] > 1.5 * everything


def test_a_benchmark_that_waits_leaves_out_who_suffered():
    args = (100.0, 0.001, 100.0, 100.0, 200.0)  # Gil Tene's example
    users, benchmark = metrics.open_loop(*args), metrics.closed_loop(*args)
    assert (len(users), len(benchmark)) == (20_000, 10_001)
    assert users.mean() == pytest.approx(25.0, abs=0.01) and np.quantile(benchmark, 0.999) == 0.001
    assert len(metrics.corrected(benchmark, 0.01)) == len(users)
    assert metrics.corrected(benchmark, 0.01).mean() == pytest.approx(users.mean(), rel=0.001)


@pytest.mark.parametrize("call", [
    lambda: metrics.increase([1, -1]), lambda: metrics.rate_per_s([0], [1]), lambda: metrics.rate_per_s([1, 1], [1, 2]),
    lambda: metrics.averaged_percentile({}, 0.5), lambda: metrics.averaged_percentile({"a": np.ones(3)}, 1.0),
    lambda: metrics.open_loop(0, 1, 1, 1, 9), lambda: metrics.closed_loop(1, 1, 1, 9, 9),
    lambda: metrics.corrected(np.ones(2), 0), lambda: Classic((1.0, 0.5), (1, 1, 1)), lambda: Classic((1.0,), (1,)),
    lambda: Classic.of(np.ones(2)) + Classic.of(np.ones(2), (1.0,)),
    lambda: Classic(PROMETHEUS, (0,) * 15).quantile(0.5),
    lambda: Exponential.of(np.array([-1.0])), lambda: Exponential.of(np.ones(1), buckets=0),
    lambda: Exponential.of(np.array([])).quantile(0.5), lambda: Classic.of(np.ones(2)).quantile(1.5),
])  # fmt: skip
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError):
        call()
