"""The calendar of failures: its long run, its beginning, and what users see of it."""

from __future__ import annotations

import numpy as np
import pytest

from minisys.availability.graph import Service, any_of, availability
from minisys.availability.outages import Repair, calendar, is_up, simulate
from minisys.testbed.workload import Deterministic, Poisson, workload


def checkout() -> Service:
    service = Service().add("checkout", needs=["cart", any_of("pay 1", "pay 2")])
    return service.add("cart", 0.95).add("pay 1", 0.8).add("pay 2", 0.8)


def visitors(n: int = 4000, rate: float = 100.0):
    return workload(n, arrivals=Poisson(rate), work=Deterministic(0.001), seed=1)


def test_in_the_long_run_users_see_the_exact_share():
    shares = []
    for seed in range(10):
        plan = calendar(checkout(), 400.0, mttr_s=0.1, seed=seed)
        shares.append(simulate(checkout(), visitors(40_000), plan).check().availability)
    half = 3.25 * np.std(shares, ddof=1) / np.sqrt(len(shares))
    assert abs(np.mean(shares) - availability(checkout())) < half < 0.01


def test_it_begins_in_the_steady_state():
    """At second 0 a component is down as often as at any other moment."""
    law = Repair.of(0.6, 5.0)
    down = [is_up(law.outages(1.0, np.random.default_rng(seed)), np.array([0.0]))[0] for seed in range(2000)]
    assert np.mean(down) == pytest.approx(0.6, abs=2.58 * np.sqrt(0.24 / 2000))


def test_outages_follow_one_another():
    times = Repair(1.0, 0.5).outages(200.0, np.random.default_rng(1)).ravel()
    assert (np.diff(times) > 0).all() and times[-2] < 200.0


def test_up_and_down_by_hand():
    assert is_up(np.array([[1.0, 2.0], [5.0, 6.0]]), np.array([0.5, 1.0, 1.9, 2.0, 5.5, 9.0])).tolist() == [
        True, False, False, True, False, True,
    ]  # fmt: skip


def test_a_component_keeps_its_calendar_when_others_are_added():
    small, large = Service().add("a", 0.9), Service().add("b", 0.9, ["a"]).add("a", 0.9)
    assert np.array_equal(calendar(small, 9.0, mttr_s=0.1, seed=1)["a"], calendar(large, 9.0, mttr_s=0.1, seed=1)["a"])


def test_nobody_notices_what_is_not_needed_and_everybody_what_is():
    plan = {"cart": np.array([[10.0, 20.0]]), "pay 1": np.array([[0.0, 99.0]])}
    trace = simulate(checkout(), visitors(), plan)
    at = trace.frame["sent_s"].to_numpy()
    assert ((trace.frame["outcome"] == "failed") == ((at >= 10.0) & (at < 20.0))).all()


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Repair(0.0, 1.0), "mtbf_s > 0"),
        (lambda: Repair.of(1.0, 1.0), "below 1, got 1.0"),
        (lambda: calendar(checkout(), 0.0, mttr_s=0.1, seed=1), "for_s must be above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(build, said):
    with pytest.raises(ValueError, match=said):
        build()
