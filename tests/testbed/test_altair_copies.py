"""A copy of a chart is a chart of its own, and says the same."""

from __future__ import annotations

import copy

import altair as alt
import pandas as pd

from minisys.testbed import charts, picture

FRAME = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, None, 1e9], "kind": ["a", "a", "b"]})


def layered() -> alt.LayerChart:
    """Layers in layers, with an axis, a scale and a list of values."""
    dots = alt.Chart(FRAME).mark_point(filled=True, strokeDash=[2, 2]).encode(
        x=alt.X("x:Q", axis=alt.Axis(values=[1, 2]), scale=alt.Scale(domain=[0, 4])), y="y:Q"
    )  # fmt: skip
    return alt.layer(charts.lines(FRAME, x="x", y="y", by="kind", title="Lines"), dots, title="T", description="D")


def test_a_copy_says_what_the_original_says():
    chart = layered()
    assert chart.copy().to_dict() == copy.deepcopy(chart).to_dict() == chart.to_dict()
    assert picture.spec(chart.copy()) == picture.spec(chart)


def test_what_is_done_to_a_copy_does_not_touch_the_original():
    chart = layered()
    before, made = chart.to_dict(), chart.copy()
    axis = made.layer[1].encoding.x["axis"]
    axis.values.append(3)
    axis.title = "another"
    made.layer[1].mark.strokeDash[0] = 9
    made.layer[1].encoding.x["scale"].domain = [0, 9]
    made.layer.pop(0)
    assert chart.to_dict() == before and made.to_dict() != before


def test_frames_are_not_copied():
    chart = alt.Chart(FRAME).mark_point().encode(x="x:Q")
    assert chart.copy().data is FRAME
