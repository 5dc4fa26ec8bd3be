"""The fit against other people's fits of the same data, against data with known coefficients, and its honesty."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.scaling import data, theory, usl

TOY = [1, 2, 4, 6, 8, 10], [1, 1.8868, 3.0769, 3.5294, 3.5398, 3.3557]


def fitted(published, **how):
    return usl.fit(published.frame["n"], published.frame["throughput"], **how)


def test_the_data_are_the_published_ones():
    frames = {name: each.frame for name, each in data.PUBLISHED.items()}
    assert {name: len(frame) for name, frame in frames.items()} == {
        "SPEC SDM91": 7, "ray tracer": 11, "Cisco benchmark": 32,
    }  # fmt: skip
    assert frames["ray tracer"].iloc[-1].tolist() == [64, 310] and frames["SPEC SDM91"].iloc[1].tolist() == [18, 995.9]
    assert frames["Cisco benchmark"]["throughput"].max() == 12_211.41
    assert all(each.source and each.what for each in data.PUBLISHED.values())


@pytest.mark.parametrize(
    ("published", "alpha", "beta", "gamma", "peak", "most"),
    [
        (data.SPECSDM91, 0.0277285, 0.00010437, 89.995, 96.52, 1884),  # R package usl, README; FACTS 5.5
        (data.CISCO, 0.02671591, 7.690945e-4, 995.6486, 35.57, 12_342),  # Schwartz's book, as in usl4j's tests
    ],
)
def test_the_fit_agrees_with_published_fits(published, alpha, beta, gamma, peak, most):
    found = fitted(published)
    values = (found.alpha, found.beta, found.gamma, found.peak, found.maximum)
    assert values == pytest.approx((alpha, beta, gamma, peak, most), rel=5e-4)


def test_limits_of_the_sparccenter_agree_with_the_published_ones():
    found = fitted(data.SPECSDM91)
    assert found.limit == pytest.approx(3246, rel=5e-4) and theory.linear_until(found.alpha) == pytest.approx(
        36.06, rel=5e-4
    )


def test_the_ray_tracer_shows_contention_only():
    found = fitted(data.RAYTRACER)
    assert (found.alpha, found.gamma) == pytest.approx((0.05777, 21.85), rel=1e-3)
    assert found.beta == 0.0 and found.peak == math.inf and found.maximum == found.limit


def test_the_toy_is_exact():
    found = usl.fit(*TOY)
    assert (found.alpha, found.beta, found.gamma) == pytest.approx((0.02, 0.02, 1.0), rel=1e-3)
    assert found.peak == pytest.approx(7, rel=1e-4)


def test_intervals_agree_with_those_of_r_where_linearisation_is_good():
    """R's confint linearises; published half widths: raytracer, tests/confint.Rout.save; specsdm91, its README."""
    ray = fitted(data.RAYTRACER).intervals()
    assert ray["alpha"] == pytest.approx((0.0337, 0.0819), rel=0.25)
    assert ray["gamma"] == pytest.approx((17.9, 25.8), rel=0.06)
    assert ray["beta"][0] == 0.0 < ray["beta"][1] < 0.000214  # R's reaches below zero
    low, high = fitted(data.SPECSDM91).intervals()["beta"]
    assert (high - low) / 2 == pytest.approx(2.776 * 0.0000199, rel=0.15)


@settings(max_examples=60)
@given(st.floats(0, 0.5), st.floats(0, 0.05), st.floats(0.1, 1e5))
def test_it_finds_the_coefficients_of_exact_data_again(alpha, beta, gamma):
    n = np.array([1, 2, 3, 4, 6, 8, 12, 16])
    found = usl.fit(n, gamma * usl.curve(n, alpha, beta))
    assert (found.alpha, found.beta) == pytest.approx((alpha, beta), abs=1e-6)
    assert found.gamma == pytest.approx(gamma, rel=1e-5)
    for name, (low, high) in found.intervals().items():
        assert low * (1 - 1e-9) <= getattr(found, name) <= high * (1 + 1e-9)


def test_95_percent_intervals_and_bands_hold_the_truth_about_95_times_in_100():
    n, rng, runs = np.array([1, 2, 3, 4, 6, 8, 12.0]), np.random.default_rng(0), 300
    hits = np.zeros(4)
    for _ in range(runs):
        found = usl.fit(n, 200 * usl.curve(n, 0.1, 0.01) + rng.normal(0, 15, len(n)))
        low, high = found.band(24)
        ends = [*found.intervals().values(), (low[0], high[0])]
        truth = (0.1, 0.01, 200, 200 * usl.curve(24, 0.1, 0.01))
        hits += [a <= value <= b for value, (a, b) in zip(truth, ends, strict=True)]
    assert (abs(hits / runs - 0.95) < 3.3 * math.sqrt(0.05 * 0.95 / runs)).all(), hits / runs


def test_the_band_widens_beyond_the_data_and_holds_the_curve():
    found = fitted(data.SPECSDM91)
    n = np.array([36.0, 216.0, 432.0, 864.0])
    low, high = found.band(n)
    assert (low <= found.predict(n)).all() and (found.predict(n) <= high).all()
    assert (np.diff((high - low) / found.predict(n)) > 0).all()


def test_coherency_is_worth_a_coefficient_where_throughput_falls_and_nowhere_else():
    sparc = usl.compared(*(data.SPECSDM91.frame[name] for name in ("n", "throughput"))).set_index("law")
    assert sparc.loc["USL", "p"] < 0.01 and sparc.loc["USL", "error"] < sparc.loc["Amdahl", "error"] / 1.5
    ray = usl.compared(*(data.RAYTRACER.frame[name] for name in ("n", "throughput"))).set_index("law")
    assert ray.loc["USL", "p"] == pytest.approx(0.5) and ray.loc["USL", "alpha"] == pytest.approx(
        ray.loc["Amdahl", "alpha"]
    )


def test_no_coherency_is_called_real_once_in_twenty_times():
    n, rng = np.array([1, 2, 3, 4, 6, 8, 12, 16.0]), np.random.default_rng(1)
    runs = [usl.compared(n, usl.curve(n, 0.1, 0.0) + rng.normal(0, 0.1, len(n))) for _ in range(200)]
    assert 0.01 <= np.mean([run["p"].iloc[1] < 0.05 for run in runs]) <= 0.10


def test_a_straight_line_has_neither_contention_nor_coherency():
    found = usl.fit([1, 2, 3, 4], [5, 10, 15, 20])
    assert (found.alpha, found.beta) == (0.0, 0.0) and found.gamma == pytest.approx(5) and found.limit == math.inf


def test_several_measurements_of_one_number_of_workers_are_welcome():
    n = np.repeat([1, 2, 4, 8], 5)
    noise = np.tile([0.98, 0.99, 1.0, 1.01, 1.02], 4)
    found = usl.fit(n, usl.curve(n, 0.1, 0.02) * noise)
    assert (found.alpha, found.beta) == pytest.approx((0.1, 0.02), rel=1e-3) and found.spare == 17


def test_as_many_measurements_as_coefficients_leave_nothing_to_judge_the_fit_by():
    found = usl.fit([1, 2, 4], [1, 1.8, 3])
    assert math.isnan(found.error)
    for ask in (found.intervals, lambda: found.band(8), lambda: usl.worth_it(found, found)):
        with pytest.raises(ValueError, match="nothing to judge|no spare measurement"):
            ask()


@pytest.mark.parametrize(
    ("n", "x", "says"),
    [
        ([1, 2], [1, 2], "3 different numbers of workers"),
        ([1, 1, 2], [1, 1, 2], "3 different"),
        ([1, 2, 3], [1, 2], "3 different"),
        ([0, 2, 3], [1, 2, 3], "every n must be 1 or more"),
        ([1, 2, 3], [1, 2, 0], "every throughput above 0"),
        ([1, 2, 3], [1, 2, math.nan], "every throughput"),
    ],
)
def test_data_that_say_nothing_are_refused(n, x, says):
    with pytest.raises(ValueError, match=says):
        usl.fit(n, x)
