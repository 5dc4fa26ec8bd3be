"""What chapter 01 shows: the picture marks what is weak, the tables and charts say what was computed."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from minisys.availability import explore, graph
from minisys.availability.draw import draw, percent


def test_the_picture_marks_the_single_point_in_words():
    drawing = explore.hidden_point()
    assert drawing.words.endswith("Single points of failure: name server.")
    assert drawing.svg.count("single point<") == 1 == drawing.mermaid.count("⚠ single point")
    assert ET.fromstring(drawing.svg).tag.endswith("svg")
    assert "text/vnd.mermaid" in drawing._repr_mimebundle_() and "\nflowchart TB\n" in drawing.mermaid


def test_names_that_would_break_a_picture_are_escaped(tmp_path):
    service = graph.Service().add('<b>"x" & y</b>', 0.9)
    assert ET.parse(draw(service).save(tmp_path / "a.svg"))
    assert "<b>" not in draw(service).mermaid.replace("<br/>", "")


@pytest.mark.parametrize(("share", "said"), [(0.999, "99.9 %"), (1.0, "100 %"), (0.99995, "99.995 %"), (0.5, "50 %")])
def test_percent(share, said):
    assert percent(share) == said


def test_the_balancer_is_what_is_left():
    chart, caption = explore.spares_at(paths=2, balancers=1, web=2, databases=2, shared=0)
    assert "Single points of failure: balancer." in caption and chart.to_dict()
    assert "No part is there only once." in explore.spares_at(2, 2, 2, 2, 5)[1]


def test_the_explorer_and_the_graph_agree():
    _, caption = explore.spares_at(2, 1, 3, 2, 0)
    assert f"{100 * graph.availability(explore.shop(web=3, databases=2, balancers=1, paths=2)):.4f} %" in caption


def test_every_sampled_interval_holds_the_exact_value():
    frame = explore.exact_and_sampled().frame
    for exact, interval in zip(frame["exact (%)"], frame["sampled, 99 % interval"], strict=True):
        low, high = map(float, interval.split(" to "))
        assert low <= float(exact) <= high


def test_the_nines_table_knows_that_four_nines_are_less_than_an_hour():
    assert "52.6 min" in repr(explore.nines_table())


def test_half_the_repair_time_is_worth_twice_the_time_between_failures():
    rows = explore.repair_table().frame.set_index(["between failures", "to repair"])["availability"]
    assert rows["30 days", "2 h"] == rows["60 days", "4 h"] == "99.723 %"


def test_a_majority_of_three_is_worse_than_one_of_two_and_aurora_is_as_published():
    rows = explore.quorum_table().frame.set_index("needed")["availability"]
    assert rows["2 of 3"] < rows["1 of 2"]
    assert (rows["4 of 6"], rows["3 of 6"]) == ("99.998045 %", "99.999985 %")  # FACTS 5.8


def test_a_shared_cause_is_a_floor_that_the_second_copy_does_not_pass():
    frame = explore.shared_causes().frame
    shares = [float(text.removesuffix(" %")) for text in frame["one of two is up"]]
    assert shares[0] == 99.99 and all(
        share <= float(cause.removesuffix(" %")) for share, cause in zip(shares, frame["which is up"], strict=True)
    )


def test_short_runs_scatter_around_the_exact_share():
    frame = explore.short_runs().set_index("copies")
    for copies in (1, 2, 3):
        exact = 100 * graph.availability(explore.checkout(copies))
        assert frame.loc[copies, "low"] < exact < frame.loc[copies, "high"]
        assert frame.loc[copies, "availability"] == pytest.approx(exact, abs=1.0)
    assert np.isfinite(frame.to_numpy()).all() and explore.checkout_worlds(prediction=90).to_dict()
