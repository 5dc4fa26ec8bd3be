"""What chapter 13 draws: charts that say in words what they show, tables that hold what theory and model say."""

import time
from dataclasses import replace

import pandas as pd
import pytest

from minisys.regions import drilled, explorers, figures, theory
from minisys.regions.levels import LEVELS


def numbers(table):
    return table.frame.to_dict("records")


@pytest.mark.parametrize(
    ("values", "cheapest"),
    [
        ((500, 1.0, 10, 10, 300, 300), "backup-restore"),
        ((500, 1.0, 10, 100, 300, 300), "warm standby"),
        ((500, 1.0, 10, 100, 5000, 5000), "warm standby"),
        ((50, 0.25, 0, 1, 10, 10), "backup-restore"),
    ],
)
def test_the_cheapest_level_moves_with_risk_and_price(values, cheapest):
    chart, said = explorers.levels_at(*values)
    assert f"Cheapest on average: {cheapest}," in said and "dollars a year" in chart.description


@pytest.mark.parametrize("ttl_s", [0, 60, 600])
@pytest.mark.parametrize(("five", "ever"), [(0, 0), (50, 20)])
def test_anycast_is_never_slower_than_names(ttl_s, five, ever):
    chart, said = explorers.names_at(ttl_s, 30, 3, five, ever)
    cut_off, anycast = (
        float(part.split(" s")[0]) for part in (said.split("cut off for ")[1], said.split("anycast for ")[1])
    )
    assert (ttl_s, five, ever) == (0, 0, 0) or anycast <= cut_off + 8, "8 s: half of what a route takes to converge"
    assert "DNS" in chart.description and "anycast" in chart.description


def test_a_second_copy_gives_more_than_daily_full_backups():
    weekly, daily = explorers.backups_at(7, 1.0, 40, 24), explorers.backups_at(1, 1.0, 40, 24)
    assert "chance of 96.1%" in weekly[1] and "chance of 99.0%" in daily[1]
    assert theory.whole_on_average(6, 0.01**2) > 0.999


@pytest.mark.parametrize("make", [explorers.levels_explorer, explorers.names_explorer, explorers.backups_explorer])
def test_explorers_open_without_error_and_redraw_at_once(make):
    one = make()
    assert one.error == ""
    values, began = [], time.process_time()
    for _ in range(2):
        values.append(one.function(**one.values)[1])
    assert len(set(values)) == 1 and (time.process_time() - began) / 2 < 0.3


def test_tables_of_the_chapter():
    assert [row["level"] for row in numbers(figures.ladder())] == list(LEVELS)
    assert [row["cut off, DNS (s)"] for row in numbers(explorers.names_table())] == ["188", "166", "138", "117", "44"]
    rows = numbers(figures.both_write())
    assert len(rows) == 6 and {row["written"] for row in rows} == {"5,998"}
    assert [row["ransomware"] for row in numbers(figures.spared())].count("whole") == 1
    assert [row["files"] for row in numbers(figures.restore_plan(9.6))] == ["1", "2", "173"]
    assert [row["files"] for row in numbers(figures.restore_plan(9.6, broken_day=9))] == ["1", "1", "461"]
    assert "all files: 28 minutes" in figures.restore_plan(9.6).caption
    assert "cannot be read: 33 minutes" in figures.restore_plan(9.6, broken_day=9).caption


@pytest.mark.parametrize("make", [figures.distances, figures.round_trips])
def test_charts_of_distance_say_what_they_show(make):
    assert "ms" in make().description


def test_the_small_standby_is_open_long_before_it_can_carry_everybody():
    run = figures.lost("warm standby", 0)
    assert run.rto_s < theory.rto_s(LEVELS["warm standby"]) < run.rto_all_s


def test_growing_is_in_the_sum_that_fits_the_last_request():
    warm = LEVELS["warm standby"]
    assert theory.all_served_s(warm) == 75 + 30 + 240
    assert abs(figures.last_user_s() - theory.all_served_s(warm)) < 15, "half a check's period, in five runs"
    assert theory.all_served_s(LEVELS["pilot light"]) == theory.open_s(LEVELS["pilot light"]) + 60
    assert theory.all_served_s(replace(warm, app=1.0)) == 75 + 30 + 60


class Drilled:
    """What a drill returns, as far as a picture reads it."""

    def __init__(self, level, rpo_s, rto_s):
        self.level, self.rpo_s, self.rto_s = level, rpo_s, rto_s
        self.steps = ((0.1, "region a is lost"), (rto_s, "customers are served"))


@pytest.mark.parametrize("measure", ["rto_s", "rpo_s"])
def test_three_worlds_side_by_side_with_and_without_a_drill(measure):
    drills = [Drilled(level.name, 0.1, 1.0) for level in drilled.DRILLED]
    unit = {"rto_s": "seconds", "rpo_s": "ms"}[measure]
    assert unit in drilled.in_three_worlds(measure, drills, seeds=2).description
    assert drilled.in_three_worlds(measure, seeds=1).description
    assert (
        len(drilled.runbook(drills).frame) == 2
        and "–" not in str(drilled.runbook(drills).frame)
        and drilled.runbook([]).frame.empty
    )


def test_formula_and_model_of_the_drill_rank_the_levels_alike():
    said = [theory.open_s(level, drilled.DRILL_SHOP, drilled.REHEARSED) for level in drilled.DRILLED]
    seen = [drilled._simulated(level, 0).rto_s for level in drilled.DRILLED]
    assert said[0] > said[1] > said[2] >= said[3] and seen[0] > seen[1] > max(seen[2:])
    assert drilled._simulated(drilled.DRILLED[3], 0).lost == ()


def test_a_step_falls_at_its_end_and_not_half_a_step_before():
    frame = pd.DataFrame({"minute": [-0.5, 0.5, 1.5], "well": [100.0, 0.0, 100.0], "kind": "a"})
    made = figures._stepped(frame, "minute", 1.0)
    assert made["minute"].tolist() == pytest.approx([-1, 0, 0, 1, 1, 2], abs=1e-4)
    assert made["well"].tolist() == [100, 100, 0, 0, 100, 100] and made["minute"].is_unique
    assert "below 90 % from minute 0 to 1, at least 0 %" in figures._gaps(made, "minute", "t")
