"""Structured logs: one line, one JSON object, and the trace id on it that says which request it belongs to.

"ERROR: payment refused", forty times a minute, from three services. Which of them belong to the user on the phone? With
a trace id on every line the question is one filter; without it, it is an evening.

    log = logger("stock", Path("logs.jsonl")); log.warning("refused", extra={"fields": {"item": 17}})
    of_trace(read([Path("logs.jsonl")]), trace)

Promised: a line is always one line, whatever a user typed (JSON escapes line ends); the trace and span ids are those of
the OpenTelemetry span around the call. Not done: shipping, rotation, an index. Field names: time_s, level, service,
message, trace, span, and the caller's own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

Line = Mapping[str, Any]


class JsonLines(logging.Formatter):
    """Formats a record of *service* as one line of JSON; ``extra={"fields": {…}}`` adds fields of the caller's own."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line. The caller's own fields never hide the standard ones."""
        context = get_current_span().get_span_context()
        standard = {
            "time_s": record.created, "level": record.levelname, "service": self.service,
            "message": record.getMessage(),
            "trace": format_trace_id(context.trace_id) if context.is_valid else "",
            "span": format_span_id(context.span_id) if context.is_valid else "",
        }  # fmt: skip
        if record.exc_info:
            standard["error"] = self.formatException(record.exc_info)
        return json.dumps({**getattr(record, "fields", {}), **standard}, default=str)


def logger(service: str, path: Path) -> logging.Logger:
    """A logger of *service* that appends to *path*; no other handler of this process gets its lines."""
    made = logging.Logger(service, logging.INFO)  # not registered: two with the same name do not share handlers
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(JsonLines(service))
    made.addHandler(handler)
    return made


def read(paths: Iterable[Path]) -> list[Line]:
    """All lines of all files, oldest first. Raises ValueError, with its place, for a line that is not an object."""
    lines: list[Line] = []
    for path in paths:
        for number, text in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], 1):
            try:
                made = json.loads(text)
                lines.append({"time_s": float(made["time_s"]), **made})
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{path.name}, line {number}: not a log line in JSON: {text[:80]!r}") from None
    return sorted(lines, key=lambda line: line["time_s"])


def of_trace(lines: Iterable[Line], trace: str) -> list[Line]:
    """The lines of one request, from all services, in their order."""
    return [line for line in lines if line.get("trace") == trace]
