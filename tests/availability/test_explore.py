"""What chapter 01 shows: the picture marks what is weak, the tables and charts say what was computed."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from minisys.availability import experiments, explore, graph
from minisys.availability.draw import draw, percent
from minisys.testbed.simulation import Server, simulate
from minisys.testbed.workload import Exponential, Poisson, workload


def test_the_picture_marks_the_single_point_in_words():
    drawing = explore.hidden_point()
    assert drawing.words.endswith("Single points of failure: name server.")
    assert drawing.svg.count("single point<") == 1 == drawing.mermaid.count("⚠ single point")
    assert ET.fromstring(drawing.svg).tag.endswith("svg")
    assert "text/vnd.mermaid" in drawing._repr_mimebundle_() and drawing.mermaid.startswith("flowchart TB")


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


def test_little_holds_in_the_table():
    offered = workload(500, arrivals=Poisson(50.0), work=Exponential(0.015), seed=1)
    trace = simulate(offered, lambda env, rng: Server(env, "a"))
    row = experiments.littles_law({"run": trace}).frame.iloc[0]
    assert row["inside, counted"] == row["rate x latency"]


def test_short_runs_scatter_around_the_exact_share():
    frame = explore.short_runs().set_index("copies")
    for copies in (1, 2, 3):
        exact = 100 * graph.availability(explore.checkout(copies))
        assert frame.loc[copies, "low"] < exact < frame.loc[copies, "high"]
        assert frame.loc[copies, "availability"] == pytest.approx(exact, abs=1.0)
    assert np.isfinite(frame.to_numpy()).all() and explore.checkout_worlds(prediction=90).to_dict()
