"""The formulas of balancing against published tables, and the simulation against the formulas.

Simulation: runs with seeds 0, 1, 2 … (ten or more, never chosen), each from an empty system, its first tenth dropped
as start-up. The mean latency of a run is one observation; the theory must lie inside the 99 % Student-t interval of
the runs, and that interval must reach no further than 2 % to either side; at 0.95, where that would take 80 million
requests, 4 %.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from minisys.load_balancing import fast, theory
from minisys.load_balancing.policies import policy
from minisys.testbed import queueing
from minisys.testbed.workload import Bimodal, Deterministic, Exponential, Poisson, workload

FACTS_5_1 = {  # rho: d = 1, 2, 3, 5
    0.50: (2.0, 1.2657, 1.1252, 1.0313),
    0.80: (5.0, 1.9474, 1.5809, 1.3289),
    0.90: (10.0, 2.6141, 2.0279, 1.6329),
    0.99: (100.0, 5.4320, 3.8578, 2.9017),
}


@pytest.mark.parametrize("rho", FACTS_5_1)
def test_the_supermarket_model_agrees_with_the_table(rho):
    assert [theory.supermarket(rho, d) for d in (1, 2, 3, 5)] == pytest.approx(FACTS_5_1[rho], abs=5e-5)


@pytest.mark.parametrize(("rho", "d"), [(0.5, 1), (0.9, 2), (0.95, 3)])
def test_the_supermarket_tail_is_the_share_with_i_or_more_and_gives_the_mean_by_littles_law(rho, d):
    tails = [theory.supermarket_tail(rho, d, i) for i in range(200)]
    assert tails[:3] == pytest.approx([1.0, rho, rho ** (d + 1)])
    assert math.fsum(tails[1:]) / rho == pytest.approx(theory.supermarket(rho, d), rel=1e-4)
    assert theory.supermarket(0.0, d) == 1.0


def test_random_splitting_is_single_servers_and_the_supermarket_with_one_choice():
    queue = theory.random_splitting(8.0, 1.0, 10)
    assert queue.response_s == pytest.approx(theory.supermarket(0.8, 1)) == pytest.approx(5.0)
    assert queue.in_system == pytest.approx(8.0 * queue.response_s)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: theory.random_splitting(9, 1, 8), "utilisation is 1.125"),
        (lambda: theory.supermarket(1.0, 2), "rho=1.0"),
        (lambda: theory.supermarket(0.5, 0), "d=0"),
        (lambda: theory.supermarket_tail(0.5, 2, -1), "i=-1"),
    ],
)  # fmt: skip
def test_what_has_no_answer_is_refused_with_the_value(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def mean_latencies(runs: int, n: int, rate_per_s: float, work, name: str = "random", **shape) -> list[float]:
    """The mean latency of each of *runs* runs of *n* requests, without the first tenth of each."""
    means = []
    for seed in range(runs):
        requests = workload(n, arrivals=Poisson(rate_per_s), work=work, seed=seed)
        chosen = policy("power of d", d=shape["d"]) if "d" in shape else policy(name)
        trace = fast.simulate(chosen, requests, backends=shape.get("backends", 1), workers=shape.get("workers", 1))
        means.append(float(trace.latency_s.to_numpy()[n // 10 :].mean()))
    return means


SYSTEMS = {  # work, workers, formula, and the millions of requests that the interval needs at each utilisation
    "M/M/1": (Exponential(1.0), 1, lambda rho: queueing.mm1(rho, 1.0), (2, 4, 6, 18, 20)),
    "M/M/10": (Exponential(1.0), 10, lambda rho: queueing.mmc(10 * rho, 1.0, 10), (2, 2, 2, 8, 24)),
    "M/D/1": (Deterministic(1.0), 1, lambda rho: queueing.mg1(rho, 1.0, 0.0), (2, 2, 2, 8, 8)),
    "M/G/1, cv 1.5": (Bimodal(0.5, 5.5, 0.1), 1, lambda rho: queueing.mg1(rho, 1.0, 1.5), (2, 4, 8, 18, 20)),
}


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.5, 0.7, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_formula_lies_inside_a_narrow_interval_of_the_simulation(system, rho):
    work, workers, formula, millions = SYSTEMS[system]
    total = millions[(0.5, 0.7, 0.8, 0.9, 0.95).index(rho)]
    runs = max(10, total // 2)
    means = mean_latencies(runs, total * 1_000_000 // runs, rho * workers, work, workers=workers)
    half = stats.t.ppf(0.995, runs - 1) * np.std(means, ddof=1) / math.sqrt(runs)
    assert abs(np.mean(means) - formula(rho).response_s) < half < (0.04 if rho == 0.95 else 0.02) * np.mean(means)


@pytest.mark.slow
@pytest.mark.parametrize(("d", "rho"), [(2, 0.5), (2, 0.7), (2, 0.8), (2, 0.9), (2, 0.95), (3, 0.5), (3, 0.9)])
def test_a_thousand_backends_are_within_one_percent_of_the_supermarket_model(d, rho):
    n = 2_000_000 if rho >= 0.9 else 500_000
    means = mean_latencies(5 if rho == 0.95 else 4, n, 1000 * rho, Exponential(1.0), d=d, backends=1000)
    assert np.mean(means) == pytest.approx(theory.supermarket(rho, d), rel=0.01)


def test_a_random_choice_among_ten_is_ten_single_servers():
    means = mean_latencies(10, 200_000, 7.0, Exponential(1.0), backends=10)
    assert np.mean(means) == pytest.approx(theory.random_splitting(7.0, 1.0, 10).response_s, rel=0.02)


def test_the_percentiles_of_one_and_of_ten_servers_agree_with_the_formulas():
    for workers, exact in ((1, queueing.mm1_percentile(0.8, 1.0, 99)), (10, queueing.mmc_percentile(8.0, 1.0, 10, 99))):
        requests = workload(1_000_000, arrivals=Poisson(0.8 * workers), work=Exponential(1.0), seed=0)
        assert fast.simulate("random", requests, backends=1, workers=workers).percentile(99) == pytest.approx(
            exact, rel=0.03
        )
