"""What the sliders show, the formulas behind it, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from minisys.chaos import explorers, schedule, theory


@pytest.mark.parametrize(
    ("draw", "values", "says"),
    [
        (explorers.radius_at, (60, 2.0, 0.2), "are enough for 95 %"),
        (explorers.radius_at, (1, 0.5, 0.01), "Not even all 30 orders are enough"),
        (explorers.search_at, (4, 0.04, 100), "all 4 are found"),
        (explorers.search_at, (6, 0.15, 300), "all 6 are found"),
        (explorers.minimiser_at, (20, 2, 1), "20 faults became 2"),
        (explorers.minimiser_at, (2, 5, 1), "2 faults became 2"),
        (explorers.habit_at, (2.0, 2.0, 90, 0.5), "Least time down: test every"),
        (explorers.habit_at, (0.2, 0.5, 5, 10.0), "test never"),
    ],
)
def test_what_the_sliders_say(draw: Callable, values: tuple, says: str) -> None:
    chart, caption = draw(*values)
    assert says in caption
    assert chart.to_dict()["description"]


@pytest.mark.parametrize("hurts", [0.2, 0.05, 0.01])
def test_the_radius_said_is_enough_from_there_on(hurts: float) -> None:
    chart, caption = explorers.radius_at(60, 2.0, hurts)
    said = float(caption.split(" %")[0].split("%")[0])
    (points,) = chart.to_dict()["datasets"].values()
    assert all(one["chance"] >= 0.95 for one in points if one["exposed_percent"] > said * 1.001)
    assert any(one["chance"] < 0.95 for one in points)


def test_every_explorer_starts() -> None:
    for make in (explorers.radius_explorer, explorers.search_explorer, explorers.minimiser_explorer,
                 explorers.habit_explorer):  # fmt: skip
        assert make().error == ""


def test_minimising_a_long_day_is_quick_enough_for_a_slider() -> None:
    explorers.bad_day.cache_clear()
    began = time.process_time()
    explorers.bad_day(64, 5, 3)
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize(("shares", "experiments"), [([0.1, 0.2], 10), ([0.05] * 4, 60), ([0.3], 3), ([], 0)])
def test_search_by_chance_against_drawing(shares: list[float], experiments: int) -> None:
    rng, runs, hits = Random(4), 1500, 0
    for _ in range(runs):
        seen = {int(np.searchsorted(np.cumsum(shares), rng.random(), side="right")) for _ in range(experiments)}
        hits += set(range(len(shares))) <= seen
    said = theory.found_within(shares, experiments)
    assert hits / runs == pytest.approx(said, abs=4 * (said * (1 - said) / runs) ** 0.5 + 1e-9)


def test_noticing_keeps_its_false_alarms_and_grows() -> None:
    for orders in (10, 100, 1000):
        k = theory.alarm_at(orders, 0.02)
        assert theory.noticed(orders, 0.02, 0.02) <= 0.01
        assert 1 <= k <= orders + 1
    assert theory.noticed(50, 0.001, 0.2) < theory.noticed(200, 0.001, 0.2) <= 1.0
    with pytest.raises(ValueError, match="shares of together at most 1"):
        theory.found_within([0.7, 0.7], 3)


@pytest.mark.parametrize(("breaks", "every"), [(2.0, 30.0), (2.0, 365.0), (12.0, 90.0), (0.0, 30.0)])
def test_failover_works_as_often_as_the_formula_says(breaks: float, every: float) -> None:
    for seed in (1, 2, 3):
        outages, good = schedule.drill(breaks, every, 10.0, 600.0, seed)
        said = schedule.works(breaks, every)
        spread = (said * (1 - said) / outages) ** 0.5
        # outages between the same two tests share their luck, so the spread is wider than the binomial one
        shared = 1 + 10.0 * every / 365.0
        assert good / outages == pytest.approx(said, abs=4 * spread * shared**0.5 + 1e-9)


def test_the_best_interval_is_one_and_moves_as_it_should() -> None:
    year = schedule.Year()
    best = year.best_days(2.0)
    assert year.down_min(2.0, best) <= min(year.down_min(2.0, best * 2), year.down_min(2.0, best / 2))
    assert year.best_days(8.0) < best
    assert schedule.works(2.0, 1e-6) == pytest.approx(1.0)
    assert schedule.works_after(2.0, 365.0) == pytest.approx(np.exp(-2))
    with pytest.raises(ValueError, match="every_days > 0"):
        schedule.works(1.0, 0.0)
