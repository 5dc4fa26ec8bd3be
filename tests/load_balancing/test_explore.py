"""What the chapter shows in virtual time: the figures behind its sentences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minisys.load_balancing import explore, fast, theory


def rows(chart: object) -> list[dict[str, object]]:
    """Every row of data in *chart*."""
    return [row for part in chart.to_dict()["datasets"].values() for row in part]  # type: ignore[attr-defined]


def test_on_the_bad_day_round_robin_drowns_and_least_connections_does_not() -> None:
    chart = explore.bad_day()
    assert "c gets slow" in str(chart.to_dict()) and chart.to_dict()["description"]


def test_the_explorer_answers_for_every_policy_in_words_and_in_a_chart() -> None:
    for name in explore.COMPARED:
        chart, caption = explore.tail_at(name, 0.8, 4, 2.0)
        assert name in caption and "99 % at most" in caption
        assert chart.to_dict()["description"]


def test_a_full_house_starts_a_short_run_so_that_it_is_as_busy_as_the_long_run() -> None:
    means = [explore.short_run_simulated(0.9, seed) for seed in range(300, 400)]
    assert abs(np.mean(means) / explore.two_choices_mean(0.9) - 1) < 0.15
    run = explore.short_run(0.9, 1)
    crowd = int((run.arrival_s == 0.0).sum())
    assert crowd == round(9 * theory.supermarket(0.9, 2)) and run.arrival_s[-1] == pytest.approx(1.5, rel=0.3)


def test_ten_backends_are_slower_than_no_end_of_them_and_random_choice_is_far_slower() -> None:
    assert theory.supermarket(0.9, 2) < explore.two_choices_mean(0.9) < 0.5 * theory.supermarket(0.9, 1)


def test_the_supermarket_table_is_within_three_percent_of_the_formula() -> None:
    frame = explore.supermarket_table(400_000, 50).frame
    assert len(frame) == 9
    assert all(abs(float(value)) < 8 for value in frame["difference (%)"])


def test_three_worlds_stand_on_one_chart_with_the_readers_prediction() -> None:
    measured = explore.short_runs()[["utilisation", "mean"]].iloc[::2]
    text = str(explore.supermarket(measured, 4.2).to_dict())
    assert all(word in text for word in ("predicted", "simulated", "measured", "4.2"))
    assert "your prediction" not in str(explore.supermarket(None, None).to_dict()).lower()


def test_a_slow_backend_costs_policies_that_do_not_look_more_than_those_that_do() -> None:
    def p99(name: str) -> float:
        offered = explore.requests(0.6, 10, 40_000, 0, explore.SERVICE_S)
        return explore.settled(fast.simulate(name, offered, backends=10, speed=[1.0] * 9 + [0.65])).percentile(99)

    assert max(p99(name) for name in ("least connections", "power of two", "peak ewma")) < p99("round robin") / 2
    assert "65 %" in str(explore.tail_by_policy(slow=True).to_dict()["title"])


def test_turns_are_spread_out_as_nginx_does() -> None:
    assert explore.turns({"a": 5, "b": 1, "c": 1}, rounds=1) == "a a b a c a a"


def test_the_film_shows_the_queue_of_the_slow_backend() -> None:
    film = explore.film("round robin", factor=8)
    assert "c is 8 times slower" in film.title


def test_settled_leaves_out_the_beginning() -> None:
    trace = fast.simulate("random", explore.requests(0.5, 2, 1000, 1), backends=2)
    assert len(explore.settled(trace, 0.3)) == 700 and math.isfinite(explore.settled(trace).percentile(99))
