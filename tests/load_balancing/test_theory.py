"""The formulas against published tables, and the simulation against the formulas.

Simulation: runs with seeds 0, 1, 2 … (ten or more, never chosen), each from an empty system, its first tenth dropped
as start-up. The mean latency of a run is one observation; the theory must lie inside the 99 % Student-t interval of
the runs, and that interval must reach no further than 2 % to either side. At 0.95 that takes 80 million requests.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from minisys.load_balancing import fast, theory
from minisys.load_balancing.policies import policy
from minisys.testbed.workload import Bimodal, Deterministic, Exponential, Poisson, workload

FACTS_5_4 = [  # offered, servers, Erlang B, Erlang C, wait in service times
    (0.8, 1, 0.444444, 0.800000, 4.000000),
    (1.6, 2, 0.329897, 0.711111, 1.777778),
    (2, 3, 0.210526, 0.444444, 0.444444),
    (8, 10, 0.121661, 0.409180, 0.204590),
    (9, 10, 0.167963, 0.668732, 0.668732),
    (10, 14, 0.056819, 0.174132, 0.043533),
    (90, 100, 0.026957, 0.216940, 0.021694),
]
FACTS_5_1 = {  # rho: d = 1, 2, 3, 5
    0.50: (2.0, 1.2657, 1.1252, 1.0313),
    0.80: (5.0, 1.9474, 1.5809, 1.3289),
    0.90: (10.0, 2.6141, 2.0279, 1.6329),
    0.99: (100.0, 5.4320, 3.8578, 2.9017),
}


@pytest.mark.parametrize(("offered", "servers", "b", "c", "wait"), FACTS_5_4)
def test_erlang_agrees_with_the_table(offered, servers, b, c, wait):
    assert theory.erlang_b(offered, servers) == pytest.approx(b, abs=5e-7)
    assert theory.erlang_c(offered, servers) == pytest.approx(c, abs=5e-7)
    assert theory.mmc(offered, 1.0, servers).wait_s == pytest.approx(wait, abs=5e-7)


@pytest.mark.parametrize("rho", FACTS_5_1)
def test_the_supermarket_model_agrees_with_the_table(rho):
    assert [theory.supermarket(rho, d) for d in (1, 2, 3, 5)] == pytest.approx(FACTS_5_1[rho], abs=5e-5)


@pytest.mark.parametrize(("rho", "d"), [(0.5, 1), (0.9, 2), (0.95, 3)])
def test_the_supermarket_tail_is_the_share_with_i_or_more_and_gives_the_mean_by_littles_law(rho, d):
    tails = [theory.supermarket_tail(rho, d, i) for i in range(200)]
    assert tails[:3] == pytest.approx([1.0, rho, rho ** (d + 1)])
    assert math.fsum(tails[1:]) / rho == pytest.approx(theory.supermarket(rho, d), rel=1e-4)
    assert theory.supermarket(0.0, d) == 1.0


@pytest.mark.parametrize(
    ("offered", "loss"), [(0.8, 0.023493), (0.95, 0.069427), (1, 0.090909), (1.2, 0.192586), (2, 0.500244)]
)
def test_the_loss_of_a_queue_with_ten_places_agrees_with_the_table(offered, loss):
    assert theory.mm1k_loss(offered, 10) == pytest.approx(loss, abs=5e-7)


def test_pollaczek_khinchine_agrees_with_the_table():
    assert [theory.mg1(0.9, 1.0, cv).response_s for cv in (0, 1, 2)] == pytest.approx([5.5, 10.0, 23.5])


def test_one_exponential_server_is_the_same_in_four_formulas():
    queue = theory.mm1(0.8, 1.0)
    assert (queue.utilisation, queue.response_s, queue.in_system) == pytest.approx((0.8, 5.0, 4.0))
    for other in (theory.mmc(0.8, 1.0, 1), theory.mg1(0.8, 1.0, 1.0)):
        assert other.response_s == pytest.approx(queue.response_s)
        assert other.wait_probability == pytest.approx(queue.wait_probability)
    assert theory.random_splitting(8.0, 1.0, 10).response_s == pytest.approx(theory.supermarket(0.8, 1))


@pytest.mark.parametrize(
    ("rate", "queue"),
    [
        (12, theory.mm1(12, 0.05)),
        (30, theory.mmc(30, 0.1, 5)),
        (3, theory.mg1(3, 0.2, 2)),
        (50, theory.random_splitting(50, 0.05, 4)),
    ],
)
def test_littles_law_holds_and_units_are_seconds(rate, queue):
    assert queue.in_system == pytest.approx(rate * queue.response_s)
    assert 0 < queue.wait_s < queue.response_s < 1


def test_percentiles_agree_with_the_tables():
    assert theory.mm1_percentile(0.8, 1.0, 99) == pytest.approx(23.03, abs=0.005)
    assert theory.mm1_percentile(0.95, 1.0, 99) == pytest.approx(92.1, abs=0.05)
    assert theory.mm1_percentile(0.9, 1.0, 99) == pytest.approx(46.052, abs=5e-4)  # PERFORMANCE A
    assert theory.mmc_percentile(9.0, 1.0, 10, 99) == pytest.approx(6.250, abs=5e-4)
    assert theory.mmc_percentile(9.0, 1.0, 10, 0) == pytest.approx(0.0, abs=1e-9)
    assert theory.mmc_percentile(0.9, 1.0, 1, 99) == pytest.approx(theory.mm1_percentile(0.9, 1.0, 99))


@pytest.mark.parametrize(("rate", "servers"), [(0.9, 1), (1.0, 2), (4.0, 5), (9.0, 10)])
def test_the_tail_of_many_servers_integrates_to_the_mean(rate, servers):
    at = np.linspace(0, 400, 400_001)
    tail = np.array([theory.mmc_tail(rate, 1.0, servers, t) for t in at[::100]])
    assert np.trapezoid(tail, at[::100]) == pytest.approx(theory.mmc(rate, 1.0, servers).response_s, rel=2e-3)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: theory.mm1(1.2, 1.0), "utilisation is 1.2"),
        (lambda: theory.mmc(3, 1.0, 3), "utilisation is 1:"),
        (lambda: theory.mg1(2, 0.6, 1), "utilisation is 1.2"),
        (lambda: theory.random_splitting(9, 1, 8), "utilisation is 1.125"),
        (lambda: theory.erlang_c(2, 2), "utilisation is 1:"),
        (lambda: theory.mm1_percentile(1.5, 1, 50), "utilisation is 1.5"),
        (lambda: theory.supermarket(1.0, 2), "rho=1.0"),
        (lambda: theory.supermarket(0.5, 0), "d=0"),
        (lambda: theory.supermarket_tail(0.5, 2, -1), "i=-1"),
        (lambda: theory.mm1(-1, 1), "rate_per_s=-1"),
        (lambda: theory.mmc(1, 1, 2.5), "servers=2.5"),
        (lambda: theory.mg1(0.5, 1, math.inf), "cv .* got inf"),
        (lambda: theory.erlang_b(-1, 2), "-1"),
        (lambda: theory.mm1k_loss(0, 10), "got 0"),
        (lambda: theory.mm1_percentile(0.5, 1, 100), "got 100"),
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
    "M/M/1": (Exponential(1.0), 1, lambda rho: theory.mm1(rho, 1.0), (2, 4, 6, 18, 80)),
    "M/M/10": (Exponential(1.0), 10, lambda rho: theory.mmc(10 * rho, 1.0, 10), (2, 2, 2, 8, 50)),
    "M/D/1": (Deterministic(1.0), 1, lambda rho: theory.mg1(rho, 1.0, 0.0), (2, 2, 2, 8, 30)),
    "M/G/1, cv 1.5": (Bimodal(0.5, 5.5, 0.1), 1, lambda rho: theory.mg1(rho, 1.0, 1.5), (2, 4, 8, 18, 80)),
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
    assert abs(np.mean(means) - formula(rho).response_s) < half < 0.02 * np.mean(means)


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.5, 0.7, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("d", [2, 3])
def test_a_thousand_backends_are_within_one_percent_of_the_supermarket_model(d, rho):
    n = 2_000_000 if rho >= 0.9 else 500_000
    means = mean_latencies(10 if rho == 0.95 else 4, n, 1000 * rho, Exponential(1.0), d=d, backends=1000)
    assert np.mean(means) == pytest.approx(theory.supermarket(rho, d), rel=0.01)


def test_a_random_choice_among_ten_is_ten_single_servers():
    means = mean_latencies(10, 200_000, 7.0, Exponential(1.0), backends=10)
    assert np.mean(means) == pytest.approx(theory.random_splitting(7.0, 1.0, 10).response_s, rel=0.02)


def test_the_percentiles_of_one_and_of_ten_servers_agree_with_the_formulas():
    for workers, exact in ((1, theory.mm1_percentile(0.8, 1.0, 99)), (10, theory.mmc_percentile(8.0, 1.0, 10, 99))):
        requests = workload(1_000_000, arrivals=Poisson(0.8 * workers), work=Exponential(1.0), seed=0)
        assert fast.simulate("random", requests, backends=1, workers=workers).percentile(99) == pytest.approx(
            exact, rel=0.03
        )
