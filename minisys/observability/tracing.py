"""Spans of a live node: OpenTelemetry's SDK, its W3C header between processes, and a file instead of a collector.

A checkout took four seconds, and five teams each show a dashboard on which their own service is fast. A trace asks the
request itself: each service notes when it began and ended its part and for whom, and passes on who asked.

    tracer = tracer_of("stock", Path("spans.jsonl"))
    with tracer.start_as_current_span("GET /item", context=caller(headers)): …; headers = traceparent()

Promised: nothing leaves the machine (spans go to a file, a line each, as they end); the context travels in the header
``traceparent`` (W3C Trace Context) and nowhere else. Not done: sampling; a busy product keeps one trace of hundreds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode, Tracer, format_span_id, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_header = TraceContextTextMapPropagator()


class LineExporter(SpanExporter):
    """Writes each span that ends as one line of JSON into *path*; several processes may append to one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write *spans*."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(line(span)) + "\n" for span in spans)
        return SpanExportResult.SUCCESS


def line(span: ReadableSpan) -> dict[str, object]:
    """What is kept of a *span*: ids in hexadecimal, times in nanoseconds since 1970, as OpenTelemetry has them."""
    context = span.get_span_context()
    assert context is not None
    return {
        "trace": format_trace_id(context.trace_id),
        "span": format_span_id(context.span_id),
        "parent": format_span_id(span.parent.span_id) if span.parent else "",
        "service": str(span.resource.attributes.get("service.name", "")),
        "name": span.name,
        "start_ns": span.start_time,
        "end_ns": span.end_time,
        "ok": span.status.status_code is not StatusCode.ERROR,
    }


def tracer_of(service: str, exporter: SpanExporter | Path) -> Tracer:
    """A tracer for *service* that hands every span to *exporter*, or writes it into a file if that is a path."""
    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(LineExporter(exporter) if isinstance(exporter, Path) else exporter))
    return provider.get_tracer("minisys")


def caller(headers: Mapping[str, str]) -> Context:
    """The context that the caller sent; without a (valid) header, one in which a new trace begins."""
    return _header.extract({name.lower(): value for name, value in headers.items()}, Context())


def traceparent() -> dict[str, str]:
    """The header that tells the next service of the span we are in: ``00-{trace}-{span}-01``. Empty outside a span."""
    made: dict[str, str] = {}
    _header.inject(made)
    return made
