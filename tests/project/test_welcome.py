"""The first experiment of the course."""

from __future__ import annotations

from minisys import welcome


def test_ninety_percent_busy_is_ten_times_the_service_time() -> None:
    assert round(welcome.mean_ms(90), 6) == 100 and round(welcome.mean_ms(50), 6) == 20


def test_the_simulation_agrees_with_the_formula() -> None:
    means = welcome.simulated().groupby("requests a second")["mean"].mean()
    assert all(abs(mean / welcome.mean_ms(rate) - 1) < 0.03 for rate, mean in means.items())


def test_the_chart_shows_the_prediction_if_there_is_one() -> None:
    assert "36" in str(welcome.busy_server(36.0).to_dict()["datasets"])
    assert welcome.busy_server(None).to_dict()["description"]
