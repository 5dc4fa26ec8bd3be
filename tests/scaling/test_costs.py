"""What a capacity costs: prices by hand, losses against a count of every combination."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.scaling import costs

shares, loads = st.floats(0, 1), st.floats(0.05, 1)


def test_prices_by_hand():
    assert costs.price_up(8, 2.0) == 16.0 and costs.price_up(1, 2.0, premium=0.5) == 2.0
    assert costs.price_up(8, 1.0, premium=0.1) == pytest.approx(10.648)
    assert costs.price_out(8, 2.0, balancer=3.0) == 19.0 and costs.price_out(1, 2.0, balancer=3.0) == 2.0
    assert costs.cost(10.0, 0.01, 500.0) == 15.0


@given(st.integers(1, 7), shares, loads)
def test_the_loss_is_that_of_every_combination_of_machines(k, up, load):
    lost = 0.0
    for states in itertools.product((True, False), repeat=k):
        chance = up ** sum(states) * (1 - up) ** (k - sum(states))
        lost += chance * (1 - min(1.0, sum(states) / k / load))
    assert costs.lost_out(k, up, load) == pytest.approx(lost, abs=1e-12)


@given(shares)
def test_one_machine_loses_what_it_is_down(up):
    assert costs.lost_up(up) == pytest.approx(1 - up)


def test_room_for_one_failure_makes_many_machines_lose_next_to_nothing():
    roomy, tight = costs.lost_out(8, 0.99, 7 / 8), costs.lost_out(8, 0.99, 1.0)
    assert roomy < tight / 20 and tight == pytest.approx(0.01)  # without room a machine down is its share lost


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: costs.price_up(0.5), "got 0.5"),
        (lambda: costs.price_up(2, price=0), "0 and 0.0"),
        (lambda: costs.price_up(2, premium=-0.1), "-0.1"),
        (lambda: costs.price_out(2.5), "got 2.5"),
        (lambda: costs.lost_out(0, 0.9, 0.5), "got 0"),
        (lambda: costs.lost_out(2, 99.9, 0.5), "99.9"),
        (lambda: costs.lost_out(2, 0.9, 0), "and 0"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_value(make, says):
    with pytest.raises(ValueError, match=says):
        make()
