"""Traces: the critical path as a property, faults found where they were put, spans and logs of the SDK."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace as otel

from minisys.observability import logs, shop_traces, traces
from minisys.observability.experiments import mean_blame
from minisys.observability.traces import Span, blame, critical_path, root_of
from minisys.observability.tracing import caller, traceparent, tracer_of

HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"  # the example of W3C Trace Context


def span(name: str, parent: str, start_s: float, end_s: float) -> Span:
    return Span("t", name, parent, name, "call", start_s, end_s)


def test_side_by_side_only_the_later_one_counts_and_a_straggler_does_not() -> None:
    spans = [span("web", "", 0, 10), span("a", "web", 1, 4), span("b", "web", 1, 7), span("late", "web", 2, 12)]
    path = [(piece.span.span, piece.start_s, piece.end_s) for piece in critical_path(spans)]
    assert path == [("web", 0, 1), ("b", 1, 7), ("web", 7, 10)]
    assert blame(spans) == {("b", "call"): 6, ("web", "call"): 4}


def test_one_after_the_other_both_count() -> None:
    spans = [span("web", "", 0, 10), span("a", "web", 1, 4), span("b", "web", 5, 9), span("c", "b", 6, 8)]
    names = [piece.span.span for piece in critical_path(spans)]
    assert names == ["web", "a", "web", "b", "c", "b", "web"]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_the_pieces_of_the_path_fill_the_root_without_gap(seed: int) -> None:
    spans = shop_traces.one(shop_traces.SHOP, random.Random(seed))
    path, root = critical_path(spans), root_of(spans)
    assert (path[0].start_s, path[-1].end_s) == (root.start_s, root.end_s)
    assert all(one.end_s == two.start_s for one, two in zip(path, path[1:], strict=False))


def test_a_trace_with_a_hole_is_refused() -> None:
    spans = shop_traces.one(shop_traces.SHOP, random.Random(1))
    hole = [each for each in spans if each.service != "payment"]
    with pytest.raises(ValueError, match="one root, this one has 2: web GET /checkout, bank POST /charge"):
        root_of(hole)
    with pytest.raises(ValueError, match="ends .* before it begins"):
        span("a", "", 2, 1)


@pytest.mark.parametrize("fault", shop_traces.FAULTS)
@pytest.mark.parametrize("seed", range(3))
def test_the_cause_is_what_grew_on_the_critical_path_and_not_what_grew_most(fault: str, seed: int) -> None:
    case = shop_traces.draw(fault, seed=seed)
    was, now = mean_blame(case.before), mean_blame(case.after)
    assert max(now, key=lambda key: now[key] - was.get(key, 0.0)) == case.cause


def test_traces_of_a_seed_repeat() -> None:
    assert shop_traces.draw(seed=5) == shop_traces.draw(seed=5)
    with pytest.raises(ValueError, match="a fault of slow query"):
        shop_traces.draw("fire")


def test_the_chart_says_in_words_what_it_shows() -> None:
    spans = shop_traces.draw("slow partner", seed=1).after[0]
    chart = traces.waterfall(spans, title="A slow checkout").to_dict()
    assert chart["description"].startswith("Waterfall of a trace: 12 spans, ")
    assert "bank POST /charge" in chart["description"]
    unsolved = str(traces.waterfall(spans, title="A slow checkout", path=False).to_dict())
    assert "black" not in unsolved and "critical path" not in unsolved
    frame = traces.frame(spans)
    assert frame["critical_ms"].sum() == pytest.approx(1e3 * root_of(spans).duration_s)


def test_spans_and_logs_carry_the_callers_trace(tmp_path: Path) -> None:
    tracer = tracer_of("stock", tmp_path / "spans")
    log = logs.logger("stock", tmp_path / "logs")
    with tracer.start_as_current_span("GET /item", context=caller({"Traceparent": HEADER})) as outer:
        log.warning("refused\n{}", extra={"fields": {"item": 17, "trace": "forged"}})
        with tracer.start_as_current_span("SELECT"):
            sent = traceparent()["traceparent"]
        outer.set_status(otel.StatusCode.ERROR)
    log.info("idle")
    log.handlers[0].close()
    assert traceparent() == {}
    ((trace, spans),) = traces.read([tmp_path / "spans"]).items()
    assert trace == HEADER[3:35]
    assert [(each.name, each.ok) for each in spans] == [("GET /item", False), ("SELECT", True)]
    assert (spans[0].parent, spans[1].parent) == (HEADER[36:52], spans[0].span)
    assert sent == f"00-{trace}-{spans[1].span}-01"
    lines = logs.read([tmp_path / "logs"])
    assert len((tmp_path / "logs").read_text().splitlines()) == len(lines) == 2
    (line,) = logs.of_trace(lines, trace)
    assert (line["message"], line["item"], line["span"]) == ("refused\n{}", 17, spans[0].span)


@pytest.mark.parametrize("header", ["", "00-0-0-01", "ff-" + HEADER[3:], "x" * 9000])
def test_a_header_that_is_not_one_begins_a_new_trace(header: str) -> None:
    assert not otel.get_current_span(caller({"traceparent": header})).get_span_context().is_valid


def test_a_broken_log_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text(json.dumps({"time_s": 1}) + "\nTraceback (most recent call last):\n")
    with pytest.raises(ValueError, match="logs, line 2: not a log line in JSON: 'Traceback"):
        logs.read([tmp_path / "logs"])
