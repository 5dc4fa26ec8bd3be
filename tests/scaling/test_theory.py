"""Up or out, Kingman, staffing, the knee, Amdahl and the USL against published tables, limits and one another."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.scaling import theory
from minisys.scaling.theory import FAST, ONE_QUEUE, OWN_QUEUES, SHAPES
from minisys.testbed import queueing

loads, machines = st.floats(0.01, 0.98), st.integers(1, 30)

# Tijms 2003, A First Course in Stochastic Models, table 5.3.2: the fewest servers at which at most 50, 20 and 10 % of
# the requests wait, exact and by the square-root rule
TIJMS = {
    1: (2, 2, 3, 3, 3, 3), 5: (7, 7, 8, 8, 9, 9), 10: (12, 12, 14, 14, 16, 15), 50: (54, 54, 58, 58, 61, 61),
    100: (106, 106, 111, 111, 115, 115), 250: (259, 259, 268, 267, 274, 273), 500: (512, 512, 525, 524, 533, 532),
    1000: (1017, 1017, 1034, 1034, 1046, 1045),
}  # fmt: skip


@pytest.mark.parametrize("offered", TIJMS)
def test_staffing_agrees_with_the_published_table(offered):
    rules = (theory.servers_needed, theory.square_root_staffing)
    assert tuple(rule(offered, share) for share in (0.5, 0.2, 0.1) for rule in rules) == TIJMS[offered]


@given(st.floats(0.05, 300), st.floats(0.01, 0.9))
def test_one_server_fewer_than_needed_is_too_few(offered, share):
    servers = theory.servers_needed(offered, share)
    assert queueing.erlang_c(offered, servers) <= share
    assert servers - 1 <= offered or queueing.erlang_c(offered, servers - 1) > share
    if share >= 0.1:  # there the rule is "never off by more than 1" (Tijms); at 0.01 it may be by 2
        assert abs(servers - theory.square_root_staffing(offered, share)) <= 1


@given(st.floats(0.001, 0.999))
def test_the_safety_factor_is_halfin_and_whitts_function_backwards(share):
    assert theory.halfin_whitt(theory.safety_factor(share)) == pytest.approx(share, rel=1e-9)


def test_halfin_and_whitts_limit_is_erlang_c_with_many_servers():
    for beta in (0.5, 1.0, 2.0):
        assert queueing.erlang_c(1e4, round(1e4 + beta * 100)) == pytest.approx(theory.halfin_whitt(beta), rel=0.03)


def test_the_three_shapes_are_the_queues_that_they_say():
    up, out, own = (theory.response(shape, 6.4, 1.0, 8) for shape in SHAPES)
    assert up.response_s == pytest.approx(1 / 1.6) and own.response_s == pytest.approx(5.0)  # FACTS 5.4: 5 services
    assert out == queueing.mmc(6.4, 1.0, 8)
    assert theory.percentile(OWN_QUEUES, 6.4, 1.0, 8, 99) == pytest.approx(23.03, abs=0.005)
    assert theory.percentile(FAST, 6.4, 1.0, 8, 99) == pytest.approx(23.03 / 8, abs=0.005)


@given(loads, machines)
def test_one_fast_server_is_never_slower_than_one_queue_and_that_never_slower_than_a_queue_each(load, k):
    mean = [theory.response(shape, load * k, 1.0, k).response_s for shape in SHAPES]
    tail = [theory.percentile(shape, load * k, 1.0, k, 99) for shape in SHAPES]
    for values in (mean, tail):
        assert values[0] <= values[1] * (1 + 1e-9) and values[1] <= values[2] * (1 + 1e-9)
    assert mean[2] == pytest.approx(k * mean[0])  # k queues of their own are k times as slow as one k times as fast


def test_a_failure_takes_all_of_one_and_a_part_of_many():
    assert [theory.failure_domain(shape, 8) for shape in SHAPES] == [1.0, 0.125, 0.125]
    assert theory.after_a_failure(FAST, 1.0, 1.0, 8) is None
    assert theory.after_a_failure(ONE_QUEUE, 6.4, 1.0, 8) == queueing.mmc(6.4, 1.0, 7)
    assert theory.after_a_failure(OWN_QUEUES, 7.0, 1.0, 8) is None  # seven machines for seven erlangs
    assert theory.after_a_failure(ONE_QUEUE, 0.5, 1.0, 1) is None


@pytest.mark.parametrize("cv", [0.0, 0.5, 1.0, 2.0])
def test_kingman_is_pollaczek_and_khinchine_for_poisson_arrivals(cv):
    assert theory.kingman(0.9, 1.0, cv) == pytest.approx(queueing.mg1(0.9, 1.0, cv).wait_s)
    assert theory.allen_cunneen(9.0, 1.0, 10, 1.0) == pytest.approx(0.668732, abs=5e-7)  # FACTS 5.4


def test_regular_arrivals_and_regular_work_do_not_wait_at_all():
    assert theory.kingman(0.9, 1.0, 0.0, arrival_cv=0.0) == 0.0
    assert theory.kingman(0.9, 1.0, 1.0, 0.0) == theory.kingman(0.9, 1.0, 0.0, 1.0) == pytest.approx(4.5)


@given(st.floats(0.3, 20.0), machines)
def test_at_the_knee_the_percentile_is_the_objective(slo, k):
    for shape in SHAPES:
        if slo <= 5 * (1 / k if shape == FAST else 1):
            continue
        rate = theory.knee(shape, 1.0, k, slo)
        assert theory.percentile(shape, rate, 1.0, k, 99) == pytest.approx(slo, rel=1e-6)


def test_published_laws_of_scaling():
    assert theory.amdahl_limit(0.05) == pytest.approx(20)  # Amdahl 1967: 5 % serial, at most 20 times as fast
    assert theory.usl(16, 0.05, 0.0) == pytest.approx(16 / 1.75)
    assert [round(theory.usl(n, 0.02, 0.02), 4) for n in (1, 2, 4, 6, 8, 10)] == [
        1.0, 1.8868, 3.0769, 3.5294, 3.5398, 3.3557,
    ]  # fmt: skip
    assert theory.usl_peak(0.02, 0.02) == pytest.approx(7)
    assert theory.linear_until(0.0277285) == pytest.approx(36.06, abs=0.005)
    assert theory.amdahl_limit(0.0277285, 89.995) == pytest.approx(3246, abs=0.5)


@given(st.floats(0, 0.9), st.floats(1e-6, 0.5), st.floats(0.1, 1e4))
def test_nothing_beats_the_peak_and_the_maximum_is_there(alpha, beta, gamma):
    peak, most = max(1.0, theory.usl_peak(alpha, beta)), theory.usl_maximum(alpha, beta, gamma)
    assert theory.usl(peak, alpha, beta, gamma) == pytest.approx(most)
    assert max(theory.usl(peak * by, alpha, beta, gamma) for by in (1.0, 0.9, 1.1, 2.0) if peak * by >= 1) <= most * (
        1 + 1e-12
    )
    assert most <= theory.amdahl_limit(alpha, gamma) * (1 + 1e-12)


def test_without_coherency_there_is_no_peak_and_without_contention_no_limit():
    assert theory.usl_peak(0.1, 0.0) == math.inf and theory.usl_maximum(0.1, 0.0, 5.0) == pytest.approx(50)
    assert theory.amdahl_limit(0.0) == theory.usl_maximum(0.0, 0.0) == math.inf


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: theory.response("a heap", 1, 1, 2), "'a heap'; known: one fast server"),
        (lambda: theory.percentile("a heap", 1, 1, 2, 99), "a heap"),
        (lambda: theory.failure_domain("a heap", 2), "a heap"),
        (lambda: theory.response(FAST, 1, 1, 0), "got 0"),
        (lambda: theory.response(ONE_QUEUE, 1, 1, 2.5), "got 2.5"),
        (lambda: theory.response(OWN_QUEUES, 9, 1, 8), "utilisation is 1.125"),
        (lambda: theory.percentile(FAST, 1, 0.5, 1, 100), "got 100"),
        (lambda: theory.kingman(0.5, 1, -1), "got -1"),
        (lambda: theory.allen_cunneen(0.5, 1, 1, 1, math.inf), "inf"),
        (lambda: theory.kingman(1.5, 1, 1), "utilisation is 1.5"),
        (lambda: theory.halfin_whitt(0), "got 0"),
        (lambda: theory.safety_factor(1.0), "got 1.0"),
        (lambda: theory.square_root_staffing(-3, 0.1), "got -3"),
        (lambda: theory.servers_needed(10, 0.0), "got 0.0"),
        (lambda: theory.knee(ONE_QUEUE, 0.05, 8, 0.1), "idle, they take 0.2303 s"),
        (lambda: theory.knee(ONE_QUEUE, 0.0, 8, 0.1), "service_s=0.0"),
        (lambda: theory.knee(FAST, 0.05, 8, 1.0, q=100), "got 100"),
        (lambda: theory.usl(-1, 0.1, 0.1), "got -1"),
        (lambda: theory.usl(1, 1.5, 0.1), "got 1.5"),
        (lambda: theory.usl_peak(0.1, -0.1), "-0.1"),
        (lambda: theory.amdahl_limit(0.1, 0.0), "0.0"),
    ],
)  # fmt: skip
def test_what_has_no_answer_is_refused_with_the_value(make, says):
    with pytest.raises(ValueError, match=says):
        make()
