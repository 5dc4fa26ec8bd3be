"""What is drawn is what the design says: every part and arrow once, nothing on top of another, nothing unescaped."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.draw import mermaid, picture, png, svg
from minisys.design.film import MOST, film, journeys
from minisys.design.layout import BOX, HEIGHT, along, arrows, layout
from minisys.design.parts import Clients, Design, Service
from minisys.design.run import run
from minisys.design.text import read
from tests.design.designs import designs

SHOP = """\
design: shop
regions: {eu: 2, us: 1}
parts:
  users: {kind: clients, region: eu, rate: 60/s, calls: [lb]}
  lb: {kind: balancer, zones: [eu-a, eu-b], copies: 2, calls: [app]}
  app: {kind: service, zones: [eu-a, eu-b], takes: 20 ms, workers: 2, copies: 2, queue: 20,
    calls: [{to: cache, on: reads}, {to: db, on: misses, timeout: 200 ms, attempts: 2}, {to: orders, on: writes}]}
  cache: {kind: cache, zones: eu-a, hits: 50 %}
  db: {kind: database, takes: 5 ms, copies: 3, replication: raft}
  orders: {kind: queue, zones: eu-a}
  packers: {kind: workers, zones: us-a, source: orders, takes: 100 ms}
"""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def shop() -> Design:
    return read(SHOP)


@pytest.fixture(scope="module")
def shop_run(shop):
    return run(shop, plan=FaultPlan([Fault("zone loss", "eu-a", 3, 2)]), for_s=8, seed=3)


def texts(drawn: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


@given(designs(most=9))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_design_is_drawn_whole_and_nothing_overlaps(design):
    at = layout(design)
    for a, b in combinations(at.boxes.values(), 2):
        assert abs(a.x - b.x) >= BOX - 1e-6 or abs(a.y - b.y) >= HEIGHT
    assert all(BOX / 2 <= box.x <= at.width - BOX / 2 and box.y + HEIGHT <= at.height for box in at.boxes.values())
    assert all(at.boxes[to].row > at.boxes[origin].row for origin, to in arrows(design))
    drawn = svg(design)
    tree = ElementTree.fromstring(drawn)
    assert [each.get("data-part") for each in tree.iter(f"{SVG}g") if each.get("data-part")] == [
        part.name for part in design.parts
    ]
    heads = [each for each in tree.iter(f"{SVG}path") if each.get("marker-end")]
    assert len(heads) == len(arrows(design)) == mermaid(design).count("->")
    assert svg(design) == drawn


def test_boxes_stand_in_the_frame_of_their_region(shop):
    at = layout(shop)
    for name, region in [("app", "eu"), ("orders", "eu"), ("packers", "us")]:
        x, y, width, height = at.frames[region]
        box = at.boxes[name]
        assert x <= box.x - BOX / 2 and box.x + BOX / 2 <= x + width and y <= box.y <= y + height - HEIGHT
    x, _, width, _ = at.frames["eu"]
    assert not x < at.boxes["db"].x < x + width  # in both regions, so in no frame


def test_copies_stand_in_their_zones(shop):
    tree = ElementTree.fromstring(svg(shop))
    chips = {
        (each.get("data-of"), each.get("data-zone")): len(list(each.iter(f"{SVG}rect"))) - 1
        for each in tree.iter(f"{SVG}g")
        if each.get("data-zone")
    }
    assert chips["app", "eu-a"] == chips["app", "eu-b"] == 1
    assert chips["db", "eu-a"] == chips["db", "eu-b"] == chips["db", "us-a"] == 1
    many = Design("d", [Clients("u", calls=["a"]), Service("a", copies=40)])
    assert "× 40" in texts(svg(many))


def test_a_design_shows_its_figures_and_a_run_what_it_did(shop, shop_run):
    assert {"misses, ≤ 200 ms, 2 tries", "writes", "service, 2 × 20 ms"} <= set(texts(svg(shop)))
    row = shop_run.parts.set_index("part").loc["app"]
    said = texts(svg(shop, shop_run))
    assert any(text.startswith(f"{row['arrived'] / 8:.3g}/s, p99") for text in said)
    assert f"{row['utilisation']:.0%}" in said
    assert any(text.endswith(" failed") for text in said)  # eu-a was lost
    assert f"{row['utilisation']:.0%} busy" in mermaid(shop, shop_run)


def test_nothing_in_a_name_is_read_as_markup():
    bad = '<script>alert("1")</script>&"]\n end'
    design = Design(bad, [Clients("u", calls=[bad]), Service(bad)])
    drawn = svg(design)
    assert "<script" not in drawn and ElementTree.fromstring(drawn).find(f"{SVG}title").text == bad
    assert not re.search(r'[<>]script|"1"|\n end', mermaid(design).replace("<b>", "").replace("<br>", ""))


def test_who_does_not_see_it_is_told(shop, shop_run):
    tree = ElementTree.fromstring(svg(shop, shop_run))
    said = tree.find(f"{SVG}desc").text
    assert tree.get("role") == "img" and tree.get("aria-label") == said
    assert "app to db" in said and "busiest part" in said and "us with us-a" in said


def test_a_cell_gets_png_and_words(shop, shop_run):
    shown, how = picture(shop, shop_run)._repr_mimebundle_()
    assert set(shown) == {"image/png", "text/plain"} and how["image/png"]["width"] <= 820
    assert png(shop)[:4] == b"\x89PNG"
    assert list(mermaid(shop)._repr_mimebundle_()) == ["text/markdown", "text/plain"]
    assert 'subgraph r0["eu"]' in mermaid(shop) and 'subgraph r0z0["eu-a"]' in mermaid(shop)


def test_the_film_plays_what_the_run_recorded(shop, shop_run):
    data = film(shop, shop_run, watch_s=20).data
    assert data["sampled"] == shop_run.spans["request"].nunique() and data["requests"] == len(shop_run.trace.frame)
    assert [row[3] for row in data["events"]] == ["eu-a"] and data["events"][0][:2] == [3, 5]
    begins = shop_run.spans.groupby("request")["begin_s"].min()
    for way, part, *times, outcome, request in data["spans"]:
        assert times == sorted(times) and times[0] >= begins[request] - 1e-4
        assert part in data["boxes"] and -1 <= way < len(data["ways"]) and 0 <= outcome < 5
    well = sum(row[1] for row in data["rates"]) * (data["rates"][1][0] - data["rates"][0][0])
    assert well == pytest.approx(shop_run.availability * data["requests"], rel=0.02)
    for (origin, to), points in zip(zip(data["from"], layout(shop).ways, strict=True), data["ways"], strict=True):
        assert origin == to[0] and len(points) >= 2


def test_a_longer_journey_takes_longer_to_watch_and_keeps_its_shares(shop_run):
    spans = shop_run.spans
    rows = journeys(spans, 1.0)
    took = spans.groupby("request")["end_s"].max() - spans.groupby("request")["begin_s"].min()
    shown = rows.groupby("request")["end_s"].max() - rows.groupby("request")["begin_s"].min()
    order = took.dropna().sort_values().index
    assert (shown[order].diff().dropna() >= -1e-6).all() and shown.between(0.599, 6.001).all()
    assert len(rows) <= MOST


def test_a_film_is_of_the_design_that_ran(shop, shop_run):
    with pytest.raises(ValueError, match="run 'shop' again"):
        film(read(SHOP.replace("20 ms", "30 ms")), shop_run)
    with pytest.raises(ValueError, match="watch_s must be above 0"):
        film(shop, shop_run, watch_s=0)


def test_a_way_is_followed_from_end_to_end(shop):
    for points in layout(shop).ways.values():
        way = along(points)
        assert way[0] == points[0] and way[-1] == pytest.approx(points[-1])
