"""Budgets and burn rates: arithmetic that has to be exact."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.observability.slo import DAY_S, HOUR_S, MONTH_S, Slo, sli

SHARES = st.floats(0.0001, 1.0)


def test_a_budget_of_three_nines():
    slo = Slo(0.999)
    assert slo.budget == 0.001
    assert slo.downtime_s == pytest.approx(43.2 * 60)
    assert slo.burn_rate(0.01) == pytest.approx(10)
    assert slo.lasts_s(0.01) == pytest.approx(3 * DAY_S)
    assert slo.spent(0.0144, HOUR_S) == pytest.approx(0.02)
    assert slo.left(9_995, 10_000) == pytest.approx(0.5)
    assert slo.left(9_980, 10_000) == pytest.approx(-1)
    assert slo.lasts_s(0) == math.inf


def test_nobody_asked_nobody_was_let_down():
    assert sli(0, 0) == 1.0


@given(SHARES, st.floats(0.5, 20), st.floats(300, 3 * DAY_S))
def test_what_was_spent_when_a_window_trips_does_not_depend_on_the_error_ratio(error_ratio, burn, window_s):
    slo = Slo(0.999)
    after_s = slo.detection_s(error_ratio, burn, window_s)
    if after_s < math.inf:
        assert slo.spent(error_ratio, after_s) == pytest.approx(burn * window_s / MONTH_S)


def test_a_long_outage_leaves_the_window_as_it_entered():
    slo = Slo(0.999)
    assert slo.reset_s(1.0, 14.4, HOUR_S, 10 * HOUR_S) == pytest.approx(HOUR_S - 0.864 * 60)
    assert slo.reset_s(1.0, 14.4, HOUR_S, 600) == pytest.approx(HOUR_S - 0.864 * 60)
    assert slo.reset_s(1.0, 14.4, HOUR_S, 30) == 0
    assert slo.reset_s(0.01, 14.4, HOUR_S, DAY_S) == 0


@pytest.mark.parametrize("call", [
    lambda: Slo(1.0), lambda: Slo(0.0), lambda: Slo(0.99, 0), lambda: sli(2, 1), lambda: sli(-1, 1),
    lambda: Slo().burn_rate(1.1), lambda: Slo().detection_s(-0.1, 1, 60),
])  # fmt: skip
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError):
        call()
