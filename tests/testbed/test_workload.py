"""The requests themselves: laws that keep their numbers, streams that do not disturb one another, replay."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from minisys.testbed.workload import (
    Bimodal,
    Bursts,
    Constant,
    DayCurve,
    Deterministic,
    Exponential,
    FlashSale,
    Gamma,
    HotSet,
    Lognormal,
    Pareto,
    Poisson,
    Ramp,
    Uniform,
    Workload,
    Zipf,
    stream,
    uniform_luck,
    workload,
)

N = 40_000


def sample(law, n=N, seed=0):
    return law.sample(n, stream(seed, "test"))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("law", "rate", "deviations"),
    [
        (Poisson(50.0), 50.0, 1.0),
        (Constant(50.0), 50.0, 0.0),
        (DayCurve(50.0, peak_to_mean=1.8, period_s=80.0), 50.0, 1.0),  # ten whole days
        (Bursts(20.0, 140.0, calm_s=3.0, burst_s=1.0), 50.0, 9.0),  # counts of bursts vary much more than Poisson
    ],
)
def test_arrivals_come_at_their_rate(law, rate, deviations, seed):
    moments = sample(law, seed=seed)
    assert (np.diff(moments) >= 0).all() and moments[0] >= 0
    found, scatter = len(moments) / moments[-1], 4 * deviations * rate / math.sqrt(N)
    assert found == pytest.approx(rate, abs=scatter + 1e-9)


def rate_between(moments, begin, end):
    return ((moments >= begin) & (moments < end)).sum() / (end - begin)


def test_a_day_has_its_peak_at_noon_and_starts_at_night():
    moments = sample(DayCurve(100.0, peak_to_mean=1.5, period_s=400.0))
    assert rate_between(moments, 195, 205) == pytest.approx(150, rel=0.15)
    assert rate_between(moments, 0, 10) == pytest.approx(50, rel=0.25)


def test_a_flash_sale_rises_holds_and_falls():
    moments = sample(FlashSale(base_per_s=20, peak_per_s=400, at_s=100, ramp_s=10, hold_s=50))
    assert rate_between(moments, 0, 100) == pytest.approx(20, rel=0.15)
    assert rate_between(moments, 100, 110) == pytest.approx(210, rel=0.15)
    assert rate_between(moments, 110, 160) == pytest.approx(400, rel=0.05)
    assert rate_between(moments, 180, 280) == pytest.approx(20, rel=0.2)


def test_a_ramp_is_a_straight_line_and_then_steady():
    moments = sample(Ramp(10, 210, over_s=100))
    assert rate_between(moments, 40, 60) == pytest.approx(110, rel=0.1)
    assert rate_between(moments, 110, 180) == pytest.approx(210, rel=0.05)


def test_bursts_vary_more_than_poisson_arrivals_do():
    def dispersion(law):
        counts = np.histogram(moments := sample(law), bins=np.arange(0, moments[-1], 1.0))[0]
        return counts.var() / counts.mean()

    assert dispersion(Poisson(50)) == pytest.approx(1, abs=0.2)
    assert dispersion(Bursts(20, 140, calm_s=3, burst_s=1)) > 5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("law", "mean", "cv"),
    [
        (Exponential(0.2), 0.2, 1.0),
        (Deterministic(0.2), 0.2, 0.0),
        (Gamma(0.2, cv=0.0), 0.2, 0.0),
        (Gamma(0.2, cv=0.5), 0.2, 0.5),
        (Gamma(0.2, cv=2.0), 0.2, 2.0),
        (Lognormal(0.2, cv=2.0), 0.2, 2.0),
        (Bimodal(0.1, 1.1, long_share=0.1), 0.2, 1.5),
        (Pareto(0.2, alpha=3.5), 0.2, 0.4364),  # cv = 1 / sqrt(alpha (alpha - 2))
    ],
)
def test_work_has_its_mean_and_its_scatter(law, mean, cv, seed):
    work = sample(law, seed=seed)
    assert (work > 0).all()
    assert work.mean() == pytest.approx(mean, abs=4 * cv * mean / math.sqrt(N) + 1e-12)
    if not isinstance(law, Lognormal | Pareto):  # the fourth moment of these makes the sample's cv unsteady
        assert work.std() / work.mean() == pytest.approx(cv, abs=0.05)


def test_paretos_tail_falls_with_its_exponent():
    work = sample(Pareto(1.0, alpha=2.0), n=400_000)
    assert (work > 5).mean() / (work > 10).mean() == pytest.approx(4, rel=0.1)


def test_keys_are_as_popular_as_their_law_says():
    counts = np.bincount(sample(Zipf(1000, 1.0)), minlength=1000)
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.15)
    hot = sample(HotSet(1000, hot=10, hot_share=0.8))
    assert (hot < 10).mean() == pytest.approx(0.8, abs=0.01) and hot.max() < 1000
    assert np.bincount(sample(Uniform(4))).std() / (N / 4) < 0.05


def test_another_law_for_one_column_leaves_the_others_as_they_were():
    one = workload(1000, arrivals=Poisson(10), work=Exponential(1.0), keys=Zipf(50), seed=3)
    other = workload(1000, arrivals=Bursts(5, 50, 10, 1), work=Exponential(1.0), keys=Uniform(50), seed=3)
    assert (one.work_s == other.work_s).all() and (one.luck == other.luck).all()
    assert (one.arrival_s != other.arrival_s).any() and (one.key != other.key).any()
    assert (uniform_luck(1000, 3) == one.luck).all() and (uniform_luck(1000, 4) != one.luck).any()


def test_one_seed_gives_the_same_requests_in_another_process():
    code = (
        "from minisys.testbed.workload import *\n"
        "w = workload(100, arrivals=Poisson(3.0), work=Pareto(1.0), keys=Zipf(9), seed=8)\n"
        "print(repr(w.frame().sum().tolist()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    here = workload(100, arrivals=Poisson(3.0), work=Pareto(1.0), keys=Zipf(9), seed=8)
    assert done.stdout.strip() == repr(here.frame().sum().tolist())


def test_a_slice_is_a_workload_and_the_rates_are_those_of_its_columns():
    requests = workload(1000, arrivals=Constant(10.0), work=Deterministic(0.05), seed=1)
    assert len(requests[:100]) == 100 and (requests[:100].luck == requests.luck[:100]).all()
    assert requests.rate_per_s == pytest.approx(10) and requests.offered_erlangs == pytest.approx(0.5)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_recorded_workload_is_replayed_exactly(tmp_path, kind):
    requests, path = workload(200, arrivals=Poisson(9.0), work=Exponential(0.1), seed=5), tmp_path / f"day.{kind}"
    getattr(requests, f"to_{kind}")(path)
    again = getattr(Workload, f"from_{kind}")(path)
    assert again.frame().equals(requests.frame())


def test_two_columns_are_enough_for_a_replay(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("arrival_s,work_s\n0.5,0.1\n0.7,0.2\n")
    assert Workload.from_csv(path, seed=1).luck[0] != Workload.from_csv(path, seed=2).luck[0]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("0.5,0.1\nsoon,0.2\n", "line 3: arrival_s must be a number, got 'soon'"),
        ("0.5,0.1\n0.4,0.2\n", "line 3: arrival_s must not be earlier than the request before it, got 0.4"),
        ("-1,0.1\n", "line 2: arrival_s must be 0 or more seconds, got -1"),
        ("0.5,\n", "line 2: work_s must be a number, got ''"),
        ("0.5,-3\n", "line 2: work_s must be 0 or more seconds, got -3"),
        ("0.5,inf\n", "line 2: work_s must be 0 or more seconds, got inf"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_value(tmp_path, rows, told):
    path = tmp_path / "day.csv"
    path.write_text("arrival_s,work_s\n" + rows)
    with pytest.raises(ValueError) as problem:
        Workload.from_csv(path)
    assert f"day.csv, {told}" in str(problem.value)


def test_a_missing_column_is_named(tmp_path):
    pd.DataFrame({"time": [1.0]}).to_parquet(tmp_path / "day.parquet")
    with pytest.raises(ValueError, match="column 'arrival_s' is missing; it has time"):
        Workload.from_parquet(tmp_path / "day.parquet")


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (([0.0, 1.0], [1.0], [0, 0], [1, 1], [0.1, 0.2]), "column work_s has 1 rows"),
        (([0.0], [1.0], [0], [-1], [0.1]), "size must be 0 or more bytes, got -1"),
        (([0.0], [1.0], [0], [1], [1.0]), r"luck must lie in \[0, 1\), got 1.0"),
    ],
)
def test_bad_columns_are_refused(columns, told):
    with pytest.raises(ValueError, match=told):
        Workload(*map(np.array, columns))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Poisson(0), "Poisson: rate_per_s must be above 0, got 0"),
        (lambda: Constant(math.nan), "Constant: rate_per_s must be above 0, got nan"),
        (lambda: DayCurve(1.0, peak_to_mean=3), "peak_to_mean must lie between 1 and 2, got 3"),
        (lambda: FlashSale(1, 2, at_s=-1), "at_s must be 0 or more, got -1"),
        (lambda: Ramp(1, 2, 0), "over_s must be above 0"),
        (lambda: Bursts(1, 2, 3, math.inf), "burst_s must be above 0, got inf"),
        (lambda: Exponential(-1), "mean_s must be above 0, got -1"),
        (lambda: Pareto(1, alpha=1), "alpha must be above 1, got 1"),
        (lambda: Lognormal(1, cv=0), "cv must be above 0"),
        (lambda: Gamma(1, cv=-1), "cv must be 0 or more, got -1"),
        (lambda: Bimodal(1, 2, 1.5), "long_share must lie between 0 and 1, got 1.5"),
        (lambda: HotSet(10, 10), "hot must be below count"),
        (lambda: HotSet(10, 1, -0.1), "hot_share must be 0 or more, got -0.1"),
        (lambda: Zipf(0), "count must be above 0"),
        (lambda: workload(0, arrivals=Poisson(1), work=Exponential(1), seed=0), "at least 1 request, got 0"),
    ],
)
def test_a_bad_parameter_is_refused_with_its_value(make, told):
    with pytest.raises(ValueError, match=told):
        make()
