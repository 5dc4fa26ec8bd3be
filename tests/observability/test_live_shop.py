"""Live: what the services say of themselves is what users counted, and one trace goes through all of them."""

from __future__ import annotations

import time
from urllib.request import Request, urlopen

import pytest

from minisys.observability import experiments, logs, real, traces
from minisys.observability.live import shop
from minisys.testbed.nodes import NodeFailed
from minisys.testbed.wheels import ProductMissing

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_one_request_is_one_trace_through_all_services_and_its_log_lines() -> None:
    with shop() as here:
        here.nodes["stock"].slow(10)
        with urlopen(Request(f"{here.url}/item/7", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})) as told:
            assert told.status == 200
        deadline_s = time.monotonic() + 5
        while len(here.traces().get(TRACE, [])) < 5 and time.monotonic() < deadline_s:
            time.sleep(0.01)  # a span is written after its answer has gone
        spans = here.traces()[TRACE]
        lines = logs.of_trace(here.logs(), TRACE)
        with pytest.raises(NodeFailed, match="share must be a number from 0 to 1"):
            here.fail("bank", 2.0)
        folder = here.folder
    assert {each.service for each in spans} == {each["service"] for each in lines} == set(here.nodes)
    assert traces.root_of(spans).service == "web"
    assert next(iter(traces.blame(spans))) == ("stock", "GET /item")
    assert "prices" not in {service for service, _ in traces.blame(spans)}  # beside the slow one, it costs nothing
    assert not folder.exists()


def test_prometheus_counts_what_users_counted() -> None:
    told = experiments.scraped(experiments.steady(40.0, 2.1)).set_index("quantity")
    for name in ("requests", "share that failed"):
        assert told.loc[name, "prombed"] == pytest.approx(told.loc[name, "users"])
    assert told.loc["share that failed", "users"] > 0
    assert told.loc["requests/s, last 2 s", "prombed"] == pytest.approx(40, rel=0.5)


def test_a_target_that_is_down_is_up_0_and_mistakes_are_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    with real.Prombed({"gone": "http://127.0.0.1:9"}, every_s=0.05) as prombed:
        pass
    assert prombed.value("up") == 0.0
    for promql, says in (("sum(", "was refused"), ("nothing", "has 0 values, not one"), ("up[5m]", "was refused")):
        with pytest.raises(ValueError, match=says):
            prombed.value(promql)
    with pytest.raises(ValueError, match="need a target"):
        real.Prombed({})
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ProductMissing, match="apt-get install prometheus"), real.server({}):
        pass
