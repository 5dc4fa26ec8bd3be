"""What chapter 15 shows: tables and charts that come from the data."""

from __future__ import annotations

import pytest

from minisys.interview import explore
from minisys.interview.constants import figures
from minisys.testbed import picture


def test_the_tables_show_every_figure_with_its_date():
    times, prices = str(explore.times()), str(explore.prices())
    assert all(one.what in (prices if one.monthly else times) for one in figures().values())
    assert "about 2012" in times and "8 March 2026" in times and "8 March 2026" in prices


def test_the_chart_compares_only_what_has_both_figures():
    made = picture.spec(explore.then_and_now())
    rows = next(iter(made["datasets"].values()))
    both = [one for one in figures().values() if None not in (one.classic, one.recent)]
    assert {row["what"] for row in rows} == {one.what for one in both} and len(rows) == 2 * len(both)
    assert "random read of 64 bytes of memory 100 ns, now 20 ns" in made["description"]
    assert {"20 ns", "250 µs", "1 ms", "10 ms"} <= {row["says"] for row in rows}


def test_the_plan_fills_45_minutes_without_a_gap():
    rows = next(iter(picture.spec(explore.plan())["datasets"].values()))
    assert [row["begin"] for row in rows] == [0, *(row["end"] for row in rows[:-1])] and rows[-1]["end"] == 45


def test_a_drill_is_worked_with_numbers_of_ones_own():
    shown = str(explore.worked("wb-drill-far-page", calls=4, own_ms=30))
    assert "in 4 calls one after the other" in shown and "4 × 80 ms" in shown and "350 ms" in shown
    assert explore.answer("wb-drill-far-page", calls=4, own_ms=30) == 350


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [("wb-drill-tea", {}, "there is no drill 'wb-drill-tea'; drills: .*wb-drill-peak"),
     ("lb-number-layers", {"layers": 3, "attempts": 3}, "there is no drill"),
     ("wb-drill-far-page", {"calls": 4}, "wb-drill-far-page needs calls, own_ms, got calls")],
)  # fmt: skip
def test_an_unknown_drill_or_number_is_refused(name, values, told):
    with pytest.raises(ValueError, match=told):
        explore.worked(name, **values)
