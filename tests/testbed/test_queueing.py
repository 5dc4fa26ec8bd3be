"""The closed formulas of single queues against published tables; load balancing's tests lay simulations beside them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minisys.testbed import queueing

FACTS_5_4 = [  # offered, servers, Erlang B, Erlang C, wait in service times
    (0.8, 1, 0.444444, 0.800000, 4.000000),
    (1.6, 2, 0.329897, 0.711111, 1.777778),
    (2, 3, 0.210526, 0.444444, 0.444444),
    (8, 10, 0.121661, 0.409180, 0.204590),
    (9, 10, 0.167963, 0.668732, 0.668732),
    (10, 14, 0.056819, 0.174132, 0.043533),
    (90, 100, 0.026957, 0.216940, 0.021694),
]


@pytest.mark.parametrize(("offered", "servers", "b", "c", "wait"), FACTS_5_4)
def test_erlang_agrees_with_the_table(offered, servers, b, c, wait):
    assert queueing.erlang_b(offered, servers) == pytest.approx(b, abs=5e-7)
    assert queueing.erlang_c(offered, servers) == pytest.approx(c, abs=5e-7)
    assert queueing.mmc(offered, 1.0, servers).wait_s == pytest.approx(wait, abs=5e-7)


@pytest.mark.parametrize(
    ("offered", "servers", "b"),
    [
        (120, 100, math.exp(-1.62826407041)),  # these four by Mathematica, as quoted in the tests of a public library
        (12_000, 10_000, math.exp(-1.78927734649)),
        (20, 100, math.exp(-84.1661482002)),
        (10_000, 100, math.exp(-0.01004931575)),
    ],
)
def test_erlang_b_keeps_its_digits_from_a_full_to_an_empty_exchange(offered, servers, b):
    assert queueing.erlang_b(offered, servers) == pytest.approx(b, rel=1e-9)


def test_erlang_agrees_with_published_worked_examples():
    assert queueing.erlang_b(8.108, 15) == pytest.approx(0.01, abs=5e-6)  # erlang.com, calculator manual
    assert queueing.erlang_c(95, 100) == pytest.approx(0.506, abs=5e-4)  # Tijms 2003, A First Course in Stochastic
    assert 1 / (100 * (1 - 0.95)) == pytest.approx(  # Models, section 5.3: who waits there waits 1/5 of a service
        queueing.mmc(95, 1.0, 100).wait_s / queueing.erlang_c(95, 100)
    )


@pytest.mark.parametrize(
    ("offered", "loss"), [(0.8, 0.023493), (0.95, 0.069427), (1, 0.090909), (1.2, 0.192586), (2, 0.500244)]
)
def test_the_loss_of_a_queue_with_ten_places_agrees_with_the_table(offered, loss):
    assert queueing.mm1k_loss(offered, 10) == pytest.approx(loss, abs=5e-7)


def test_pollaczek_khinchine_agrees_with_the_table():
    assert [queueing.mg1(0.9, 1.0, cv).response_s for cv in (0, 1, 2)] == pytest.approx([5.5, 10.0, 23.5])


def test_one_exponential_server_is_the_same_in_three_formulas():
    queue = queueing.mm1(0.8, 1.0)
    assert (queue.utilisation, queue.response_s, queue.in_system) == pytest.approx((0.8, 5.0, 4.0))
    for other in (queueing.mmc(0.8, 1.0, 1), queueing.mg1(0.8, 1.0, 1.0)):
        assert other.response_s == pytest.approx(queue.response_s)
        assert other.wait_probability == pytest.approx(queue.wait_probability)


@pytest.mark.parametrize(
    ("rate", "queue"),
    [
        (12, queueing.mm1(12, 0.05)),
        (30, queueing.mmc(30, 0.1, 5)),
        (3, queueing.mg1(3, 0.2, 2)),
    ],
)
def test_littles_law_holds_and_units_are_seconds(rate, queue):
    assert queue.in_system == pytest.approx(rate * queue.response_s)
    assert 0 < queue.wait_s < queue.response_s < 1


def test_percentiles_agree_with_the_tables():
    assert queueing.mm1_percentile(0.8, 1.0, 99) == pytest.approx(23.03, abs=0.005)
    assert queueing.mm1_percentile(0.95, 1.0, 99) == pytest.approx(92.1, abs=0.05)
    assert queueing.mm1_percentile(0.9, 1.0, 99) == pytest.approx(46.052, abs=5e-4)  # PERFORMANCE A
    assert queueing.mmc_percentile(9.0, 1.0, 10, 99) == pytest.approx(6.250, abs=5e-4)
    assert queueing.mmc_percentile(9.0, 1.0, 10, 0) == pytest.approx(0.0, abs=1e-9)
    assert queueing.mmc_percentile(0.9, 1.0, 1, 99) == pytest.approx(queueing.mm1_percentile(0.9, 1.0, 99))


@pytest.mark.parametrize(("rate", "servers"), [(0.9, 1), (1.0, 2), (4.0, 5), (9.0, 10)])
def test_the_tail_of_many_servers_integrates_to_the_mean(rate, servers):
    at = np.linspace(0, 400, 400_001)
    tail = np.array([queueing.mmc_tail(rate, 1.0, servers, t) for t in at[::100]])
    assert np.trapezoid(tail, at[::100]) == pytest.approx(queueing.mmc(rate, 1.0, servers).response_s, rel=2e-3)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: queueing.mm1(1.2, 1.0), "utilisation is 1.2"),
        (lambda: queueing.mmc(3, 1.0, 3), "utilisation is 1:"),
        (lambda: queueing.mg1(2, 0.6, 1), "utilisation is 1.2"),
        (lambda: queueing.erlang_c(2, 2), "utilisation is 1:"),
        (lambda: queueing.mm1_percentile(1.5, 1, 50), "utilisation is 1.5"),
        (lambda: queueing.mm1(-1, 1), "rate_per_s=-1"),
        (lambda: queueing.mmc(1, 1, 2.5), "servers=2.5"),
        (lambda: queueing.mg1(0.5, 1, math.inf), "cv .* got inf"),
        (lambda: queueing.erlang_b(-1, 2), "-1"),
        (lambda: queueing.mm1k_loss(0, 10), "got 0"),
        (lambda: queueing.mm1_percentile(0.5, 1, 100), "got 100"),
    ],
)  # fmt: skip
def test_what_has_no_answer_is_refused_with_the_value(make, says):
    with pytest.raises(ValueError, match=says):
        make()
