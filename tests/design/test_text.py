"""A design's text: what it means, that it comes back, and what it says when it is wrong."""

from __future__ import annotations

import math
import time

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minisys.design.parts import (
    Autoscaler,
    Cache,
    Call,
    Clients,
    Database,
    Design,
    Edge,
    Objectives,
    Queue,
    Service,
    Workers,
)
from minisys.design.text import DesignError, check, read, write
from tests.design.designs import designs

SHOP = """\
design: shop
regions: {eu: [eu-a, eu-b]}
parts:
  users: {kind: clients, region: eu, rate: 5k/s, writes: 10 %, calls: [edge]}
  edge: {kind: edge, hits: 50 %, calls: app}
  app: {kind: service, takes: 20 ms, workers: 8, copies: 4,
    autoscaler: {low: 2, high: 8, boot: 1 min},
    calls: [{to: cache, share: 80 %}, {to: db, on: misses, timeout: 200 ms, attempts: 2}, {to: orders, on: writes}]}
  cache: cache
  db: {kind: database, takes: 2 ms, copies: 2, replication: semi-sync, zones: eu-a}
  orders: {kind: queue, limit: 10k}
  packers: {kind: workers, source: orders, takes: 0.1}
objectives: {p99.9: 300 ms, availability: 99.99 %, rpo: 5 s, rto: 1 min, cost: $5,000/month}
"""
MEANT = Design(
    "shop",
    [
        Clients("users", region="eu", rate=5000, writes=0.1, calls=["edge"]),
        Edge("edge", hits=0.5, calls=["app"]),
        Service(
            "app",
            takes="20 ms",
            workers=8,
            copies=4,
            autoscaler=Autoscaler(2, 8, boot=60.0),
            calls=[
                Call("cache", share=0.8),
                Call("db", on="misses", timeout=0.2, attempts=2),
                Call("orders", on="writes"),
            ],
        ),
        Cache("cache"),
        Database("db", takes=0.002, copies=2, replication="semi-sync", zones=("eu-a",)),
        Queue("orders", limit=10_000),
        Workers("packers", source="orders", takes=0.1),
    ],
    {"eu": ("eu-a", "eu-b")},
    Objectives(p999=0.3, availability=0.9999, rpo=5, rto=60, cost=5000),
)


def test_the_text_and_the_python_form_mean_the_same():
    assert read(SHOP) == MEANT
    assert read(write(MEANT)) == MEANT


def test_a_number_of_zones_names_them():
    text = SHOP.replace("[eu-a, eu-b]", "2")
    assert read(text) == MEANT


def test_what_is_written_is_short_and_plain_yaml():
    text = write(MEANT)
    assert "rate: 5k/s" in text and "timeout: 200 ms" in text and "availability: 99.99 %" in text
    assert "boot" not in text  # a default
    assert all(len(line) <= 120 for line in text.splitlines())
    assert list(yaml.safe_load(text)["parts"]) == [part.name for part in MEANT.parts]


@given(designs(small=False))
@settings(max_examples=45, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_design_comes_back_from_its_text(design):
    check(design)
    assert read(write(design)) == design


@given(st.floats(0, 3e8), st.floats(0, 1), st.floats(0, 1e9), st.floats(0, 1e12))
@settings(max_examples=150, deadline=None)
def test_every_figure_comes_back_exactly(seconds, share, rate, cost):
    parts = [Clients("u", rate=rate, writes=share, calls=["a"]), Service("a", takes=seconds)]
    design = Design("d", parts, objectives=Objectives(cost=cost, p50=seconds))
    assert read(write(design)) == design


WRONG = [
    ("5k/s", "5k/m", 4, "users: rate: '5k/m' is no rate; write something like '5k/s'"),
    ("20 ms", "20 sm", 6, "app: takes: '20 sm' is no time; write something like '200 ms'"),
    ("20 ms", "-1 s", 6, "app: takes: '-1 s' is not from 0 s to 3650 days"),
    ("20 ms", "nan", 6, "app: takes: 'nan' is not"),
    ("20 ms", "1e300", 6, "app: takes: '1e300' is not from 0 s"),
    ("10 %", "110 %", 4, "users: writes: '110 %' is not from 0 % to 100 %"),
    ("10 %", "[1, 2]", 4, "users: writes is one word or figure; got a list"),
    ("300 ms", "0,3 s", 13, "objectives: p99.9: write '0.3 s' with a point, not a comma"),
    ("copies: 4", "copies: 2.5", 6, "app: copies: '2.5' is not a whole number"),
    ("copies: 4", "copies: 0", 6, "'0' is not from 1 to 2000"),
    ("to: db,", "to: bd,", 8, "there is no part 'bd'; did you mean 'db'?"),
    ("to: db,", "", 8, "call app: calls: `to` is missing"),
    ("takes: 20", "take: 20", 6, "service app has no 'take'; did you mean 'takes'?"),
    ("kind: edge", "kind: egde", 5, "there is no kind 'egde'; did you mean 'edge'?"),
    ("kind: edge", "kind: redis", 5, "no kind 'redis'; redis is a product, write kind: cache (kinds: clients, dns, "),
    ("kind: edge", "kind: robot", 5, "there is no kind 'robot'; there are clients, dns, edge, balancer, service, "),
    ("kind: edge, ", "", 5, "part 'edge' has no kind; write edge: {kind: service, …}"),
    ("semi-sync", "semisync", 10, "there is no replication 'semisync'; did you mean 'semi-sync'?"),
    ("hits: 50 %", "policy: round-robin", 5, "there is no policy 'round-robin'; did you mean 'round robin'?"),
    ("zones: eu-a", "zones: eu-x", 10, "there is no zone 'eu-x'; did you mean 'eu-"),
    ("region: eu,", "region: ue,", 4, "there is no region 'ue'; did you mean 'eu'?"),
    ("source: orders", "source: order", 12, "workers packers take from 'order', which is no queue; queues: orders"),
    ("on: misses", "on: miss", 8, "there is no on 'miss'; did you mean 'misses'?"),
    ("{to: cache, share: 80 %}, ", "", 8, "app calls db on misses, but no cache before it"),
    ("copies: 2, ", "", 10, "replication semi-sync needs 2 copies, got 1"),
    ("replication: semi-sync", "workers: 3", 10, "db has 2 copies, and nobody copies its data"),
    ("calls: app", "calls: [users]", 5, "edge calls users: clients ask, they are not asked"),
    ("calls: [edge]", "keys: 5", 4, "users call nothing; write calls: [app]"),
    ("cache: cache", "cache: {kind: cache, calls: app}", 9, "calls run in a circle: app → cache → app"),
    ("low: 2", "low: 9", 7, "an autoscaler from 9 to 8 copies"),
    ("cache: cache", "eu-a: cache", 9, "two things are called 'eu-a'"),
    ("cache: cache", "a/1: cache", 9, "'a/1' is no name"),
    ("cache: cache", "app: cache", 9, "'app' is here a second time (first in line 6)"),
    ("[eu-a, eu-b]", "[]", 2, "region 'eu' has no zone"),
    ("copies: 2", "copies: 2, replicas: 3", 10, "'copies' and 'replicas' are the same figure; write one of them"),
    ("attempts: 2", "tries: 2, attempts: 2", 8, "call app: calls: 'tries' and 'attempts' are the same figure"),
    ("p99.9: 300 ms", "p999: 1 s, p99.9: 300 ms", 13, "objectives: 'p999' and 'p99.9' are the same figure"),
    ("calls: app", "calls: *app", 5, "an alias (*app) is not read here"),
    ("calls: app", "calls: &app app", 5, "an anchor (&app) is not read here"),
    ("20 ms", "!!python/object:os.system x", 6, "a tag (tag:yaml.org,2002:python/object:os.system) is not read"),
    ("design: shop", "", 2, "`design:` is missing"),
    ("[edge]", "[edge", 4, "not YAML"),
    ("  edge:", "\tedge:", 5, "indent with spaces, not tabs"),
    ("clients, region: eu, rate: 5k/s, writes: 10 %", "service", 3, "nobody uses it: no clients"),
]


@pytest.mark.parametrize(("old", "new", "line", "told"), WRONG)
def test_what_is_wrong_is_located_and_told(old, new, line, told):
    assert old in SHOP
    with pytest.raises(DesignError) as caught:
        read(SHOP.replace(old, new, 1))
    assert told in str(caught.value)
    assert (caught.value.line, str(caught.value).partition(",")[0]) == (line, f"line {line}")
    assert caught.value.column >= 1


HOSTILE = {
    "nested": "[" * 100_000,
    "nested mappings": "{a: " * 50_000,
    "indented": "".join(" " * i + "a:\n" for i in range(500)),
    "laughs": "a: &a [x, x]\n" + "".join(f"a{i}: &a{i} [*a, *a]\n" for i in range(99)),
    "long": "x" * 200_001,
    "one long name": "design: " + "x" * 199_000,
    "many parts": "design: a\nparts:\n" + "".join(f" p{i}: service\n" for i in range(9_000)),
    "many copies": "design: a\nparts: {u: {kind: clients, calls: [a]}, a: {kind: service, copies: 2000, takes: 1}}",
    "many calls": "design: a\nparts: {u: {kind: clients, calls: [" + "a," * 40_000 + "]}, a: service}",
    "powers": "design: a\nparts: {u: {kind: clients, rate: 9**9**9**9, calls: [a]}, a: service}",
    "digits": "design: a\nparts: {u: {kind: clients, rate: " + "9" * 100_000 + ", calls: [a]}, a: service}",
    "merge": "design: a\nparts: {u: {<<: {kind: clients}}}",
    "two": "design: a\n---\ndesign: b\n",
    "nul": "design: a\0b",
    "half a character": "design: \ud800",
    "bytes of another alphabet": "\ufffe\x85",
    "list as a name": "? [a, b]\n: c",
    "comments": "#" + "x" * 100_000,
    "question marks": "?" * 50_000,
    "quotes": '"' + "\\u0041" * 30_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_costs_little_and_gets_an_answer(text):
    begin = time.process_time()
    if text is HOSTILE["many copies"]:
        assert read(text)["a"].copies == 2000
        text = text.replace("takes: 1", "autoscaler: {low: 1, high: 2000}, takes: 1}, b: {kind: service")
    with pytest.raises(DesignError) as caught:
        read(text)
    assert time.process_time() - begin < 1.0
    assert len(str(caught.value)) < 600


@given(st.text() | st.text(alphabet="abkinds:{}[],&*!|>-? \n\t\"'0%$/#"))
@settings(max_examples=150, deadline=1000)
def test_any_text_is_a_design_or_a_located_error(text):
    with pytest.raises(DesignError) as caught:
        read(text)
    assert caught.value.line >= 1


@given(st.data())
@settings(max_examples=120, deadline=1000)
def test_a_damaged_text_is_a_design_or_a_located_error(data):
    start = data.draw(st.integers(0, len(SHOP)))
    cut = data.draw(st.integers(0, 12))
    text = SHOP[:start] + data.draw(st.text(max_size=4)) + SHOP[start + cut :]
    try:
        assert read(write(read(text))) == read(text)
    except DesignError as problem:
        assert problem.line >= 1


@pytest.mark.parametrize("given_", [None, 3, b"design: a", ["a"], {"design": "a"}])
def test_what_is_no_text_is_refused(given_):
    with pytest.raises(DesignError, match="read from text"):
        read(given_)


def test_the_python_form_reads_figures_and_refuses_what_is_none():
    assert Service("a", takes="1/4 s", copies="4").takes == 0.25
    assert Service("a", calls=["db"]).calls == (Call("db"),)
    assert Call("a", timeout=None).timeout is None
    for values, told in [
        ({"takes": "soon"}, "service a: takes: 'soon' is no time"),
        ({"takes": math.nan}, "service a: takes: nan is not"),
        ({"copies": True}, "service a: copies: True is not a number"),
        ({"calls": "db"}, "service a: calls: 'db' is no list"),
        ({"calls": [3]}, "service a: calls: 3 is no call"),
        ({"stateless": "maybe"}, "service a: stateless: 'maybe' is neither true nor false"),
        ({"autoscaler": 3}, "service a: autoscaler: 3 is no Autoscaler"),
        ({"law": 3}, "service a: law: 3 is not a name"),
        ({"zones": 3}, "service a: zones: 3 is no list"),
    ]:
        with pytest.raises(ValueError, match="service a") as caught:
            Service("a", **values)
        assert told in str(caught.value)


def test_two_hundred_parts_are_read_in_time():
    parts = [Clients("u", rate=1 / 3, calls=["p0"])]
    parts += [Service(f"p{i}", takes=0.1 + i / 7, calls=[Call(f"p{i + 1}", timeout=i / 9)]) for i in range(198)]
    design = Design("long", [*parts, Service("p198")])
    begin = time.process_time()
    assert read(write(design)) == design
    assert time.process_time() - begin < 1.0
