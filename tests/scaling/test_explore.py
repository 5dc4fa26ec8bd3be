"""What the chapter shows of queues and knees in virtual time: the figures behind its sentences."""

from __future__ import annotations

import pytest

from minisys.scaling import explore, knees, model, theory
from minisys.scaling.theory import FAST, ONE_QUEUE, OWN_QUEUES
from minisys.testbed import picture


def rows(chart: object) -> list[dict[str, object]]:
    """Every row of data in *chart*, which must be one that the course can store."""
    return [row for part in picture.spec(chart)["datasets"].values() for row in part]


def test_the_explorer_says_in_words_who_keeps_the_objective() -> None:
    chart, caption = explore.up_or_out_at(0.8, 4, 1.0, 500)
    assert "one fast server" in caption and "objective kept" in caption.split(";")[0]
    assert "objective missed, one failure takes 25 %" in caption.split(";")[2]
    assert any(row.get("says") == "objective: 500 ms" for row in rows(chart))


@pytest.mark.parametrize(("machines", "cv"), [(1, 0.0), (16, 3.0), (7, 0.25)])
def test_the_explorer_answers_at_the_ends_of_its_sliders(machines: int, cv: float) -> None:
    chart, caption = explore.up_or_out_at(0.98, machines, cv, 50)
    assert rows(chart) and caption.count("p99") == 3


def test_the_explorers_draw_their_first_chart() -> None:
    for made in (explore.up_or_out_explorer(), explore.bill_explorer()):
        assert made.error == "" and made.scene.alt


@pytest.mark.parametrize("q", [None, 99])
def test_formula_and_simulation_of_the_three_shapes_stand_on_one_chart(q: float | None) -> None:
    found = rows(explore.by_shape(q, k=4, n=20_000))
    assert {row["kind"] for row in found} == set(theory.SHAPES)
    at = [row for row in found if row["load"] == 0.8 and row["kind"] == ONE_QUEUE and row.get("low") != row.get("high")]
    exact = (
        theory.percentile(ONE_QUEUE, 3.2, 1.0, 4, q) if q else theory.response(ONE_QUEUE, 3.2, 1.0, 4).response_s
    )  # fmt: skip
    assert at and at[0]["response"] == pytest.approx(exact, rel=0.15)


def test_a_failure_ends_the_service_of_one_and_loads_the_rest_of_many() -> None:
    frame = explore.after_a_failure(0.8, 8).frame.set_index("shape")
    assert frame.loc[FAST, "mean response after it"] == "no service"
    assert float(frame.loc[OWN_QUEUES, "mean response after it"]) == pytest.approx(11.7, abs=0.05)
    crowded = explore.after_a_failure(0.9, 8).frame.set_index("shape")
    assert crowded.loc[ONE_QUEUE, "mean response after it"] == "overload"


def test_uneven_work_is_dearer_and_the_chart_says_so() -> None:
    found = rows(explore.spread_of_work((0.0, 2.0), n=40_000))
    at = {row["kind"]: row["response"] for row in found if row["utilisation"] == 0.7 and row.get("low") is not None}
    assert at["cv 2"] > 2 * at["cv 0"]


def test_the_same_utilisation_buys_far_more_servers_than_are_needed() -> None:
    frame = explore.staffing_table().frame.set_index("load (erlangs)")
    assert frame.loc["1,000", "exact"] == "1,034" and frame.loc["1,000", "same utilisation"] == "1,400"
    ends = {row["kind"]: row["spare"] for row in rows(explore.staffing()) if row["load"] == 1000}
    assert ends["same utilisation"] > 10 * ends["exact (Erlang C)"] and ends["square-root rule"] == pytest.approx(34)


def test_the_bill_turns_round_when_failures_cost() -> None:
    def last(**how: float) -> dict[str, float]:
        chart, caption = explore.bill_at(**({"premium": 0, "up_share": 99.9, "load": 0.6, "revenue": 0} | how))
        assert caption
        return {row["kind"]: row["cost"] for row in rows(chart) if row["capacity"] == 8}

    cheap = last()
    assert cheap["up"] < cheap["out"] == pytest.approx(1.125)  # without premium and failures the balancer is extra
    assert last(revenue=500)["out, with failures"] < last(revenue=500)["up, with failures"]
    assert last(premium=10)["out"] < last(premium=10)["up"]


def test_the_knee_in_two_worlds_with_room_for_the_third_and_for_a_prediction() -> None:
    chart = knees.worlds(prediction=250)
    text = str(picture.spec(chart))
    assert "objective: 250 ms" in text and "knee: 300" in text and "your prediction: 250" in text
    assert "your prediction" not in str(picture.spec(knees.worlds(prediction=None)))
    frame = knees.short_runs().set_index("rate_per_s")
    assert frame.loc[160.0, "high"] < knees.SLO_S < frame.loc[384.0, "low"]


def test_short_runs_hold_the_formula_where_there_is_no_crowd_yet() -> None:
    frame = knees.short_runs()
    exact = theory.percentile(ONE_QUEUE, 160.0, knees.SERVICE_S, knees.WORKERS, 99)
    first = frame.iloc[0]
    assert first["low"] < exact < first["high"] and first["p99_s"] == pytest.approx(exact, rel=0.05)
    run = model.simulate(ONE_QUEUE, knees.live_run(0.5, 100), knees.WORKERS)
    assert knees.live_run_simulated(0.5, 100) == model.after_the_crowd(run).percentile(99)


def test_the_knees_of_the_three_shapes() -> None:
    found = rows(knees.by_shape(0.5, 4))
    formula = {row["shape"]: row["rate_per_s"] for row in found if row["kind"] == "formula"}
    assert formula[OWN_QUEUES] < 0.7 * formula[ONE_QUEUE] and formula[ONE_QUEUE] < formula[FAST]
