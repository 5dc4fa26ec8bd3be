"""The arithmetic of nines, against published figures and by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.availability import theory

shares = st.floats(0.0, 1.0)


@pytest.mark.parametrize(
    ("availability", "a_year"),
    [
        (0.99, 87.66 * 3600),
        (0.999, 8.766 * 3600),
        (0.9995, 4.383 * 3600),
        (0.9999, 52.596 * 60),
        (0.99999, 5.2596 * 60),
    ],
)
def test_nines_as_downtime_of_a_year(availability, a_year):
    assert theory.downtime_s(availability) == pytest.approx(a_year)


def test_thirty_days_and_a_day():
    assert theory.downtime_s(0.999, theory.MONTH_S) == pytest.approx(43.2 * 60)
    assert theory.downtime_s(0.9999, theory.DAY_S) == pytest.approx(8.64)


def test_how_many_nines():
    assert theory.nines(0.999) == pytest.approx(3) and theory.nines(1.0) == math.inf
    assert theory.nines(0.9995) == pytest.approx(3.30103)


def test_a_published_product_of_eight_promises():
    from minisys.availability.explore import AZURE

    assert round(100 * theory.series(*AZURE.values()), 3) == 99.616


def test_the_quorums_of_aurora():
    assert theory.k_of_n(4, 6, 0.99) == pytest.approx(0.99998045, abs=5e-9)
    assert theory.k_of_n(3, 6, 0.99) == pytest.approx(0.99999985, abs=5e-9)
    assert theory.k_of_n(2, 3, 0.99) == pytest.approx(0.999702)


@given(st.integers(1, 8), shares)
def test_one_of_n_is_parallel_and_n_of_n_is_series(n, share):
    assert theory.k_of_n(1, n, share) == pytest.approx(theory.parallel(*[share] * n), abs=1e-12)
    assert theory.k_of_n(n, n, share) == pytest.approx(theory.series(*[share] * n), abs=1e-12)


@given(st.lists(shares, min_size=1, max_size=6))
def test_series_is_at_most_its_weakest_and_parallel_at_least_its_best(values):
    assert theory.series(*values) <= min(values) + 1e-12
    assert theory.parallel(*values) >= max(values) - 1e-12


@given(shares, st.integers(1, 5), shares)
def test_a_common_cause_is_a_floor(share, n, beta):
    found = theory.common_cause(share, n, beta)
    assert share - 1e-12 <= found <= 1 - beta * (1 - share) + 1e-12
    assert theory.common_cause(share, n, 0.0) == pytest.approx(theory.parallel(*[share] * n), abs=1e-12)


def test_repair_counts_as_much_as_failure():
    assert theory.from_repair(99.0, 1.0) == 0.99 == theory.from_repair(9900.0, 100.0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: theory.downtime_s(99.9), "99.9"),
        (lambda: theory.series(0.5, -0.1), "-0.1"),
        (lambda: theory.k_of_n(3, 2, 0.5), "k=3, n=2"),
        (lambda: theory.from_repair(0.0, 1.0), "mtbf_s > 0"),
        (lambda: theory.common_cause(0.9, 0, 0.1), "n=0"),
        (lambda: theory.common_cause(0.9, 1, 2), "beta"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_value(call, said):
    with pytest.raises(ValueError, match=said):
        call()
