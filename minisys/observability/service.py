"""A service that tells what it does: metrics to be scraped, a span for each request, structured logs with its trace id.

    python -m minisys.observability.service --name shop --work 0.01 --call stock=URL,prices=URL --call payment=URL \
        --spans spans.jsonl --logs logs.jsonl

Each --call is a step; what stands in one step is asked side by side. ``GET /metrics`` answers in Prometheus' text
format: http_requests_total{code} and the histogram http_request_seconds. On the admin port, besides the backend's own
``POST /control/slow?factor=10``: ``POST /control/fail?share=0.2``, that share of requests gets 500.

Promised: one HTTP port on loopback; the W3C header goes on to whoever is asked. If a called service fails, this one
answers 502 and says which. Not done: retries (chapter 10).
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import aiohttp
from aiohttp import web
from opentelemetry.trace import Span, StatusCode
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from minisys.observability.logs import logger
from minisys.observability.tracing import caller, traceparent, tracer_of
from minisys.testbed import backend

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
Steps = Sequence[Sequence[tuple[str, str]]]


class Service(backend.Backend):
    """A backend with *work_s* seconds of work of its own that then asks others: *steps* of (name, url).

    *spans*, *logs*: files to append to. Raises ValueError if work_s is negative or as Backend does.
    """

    def __init__(
        self, name: str, spans: Path, logs: Path, *, work_s: float = 0.0, steps: Steps = (), workers: int = 8
    ) -> None:
        super().__init__(name, workers)
        if not work_s >= 0:
            raise ValueError(f"work takes 0 or more seconds, got {work_s}")
        self.work_s, self.steps, self.fail_share = work_s, steps, 0.0
        self.tracer, self.log = tracer_of(name, spans), logger(name, logs)
        self.dice = random.Random(name)
        self.session: aiohttp.ClientSession | None = None
        self.registry = CollectorRegistry()
        self.requests = Counter("http_requests", "Requests answered", ["code"], registry=self.registry)
        self.seconds = Histogram("http_request_seconds", "Time to answer", registry=self.registry, buckets=BUCKETS_S)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, or the page for the scraper."""
        if request.path == "/metrics":
            page = generate_latest(self.registry)
            return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
        if request.path == "/health":
            return await super().answer(request)
        clock, route = asyncio.get_running_loop().time, "/" + request.path.split("/")[1]
        began_s = clock()
        with self.tracer.start_as_current_span(f"{request.method} {route}", context=caller(request.headers)) as span:
            answer = await super().answer(request)
            self._note(request, answer, span)
        self.seconds.observe(clock() - began_s)
        self.requests.labels(str(answer.status)).inc()
        return answer

    def _note(self, request: web.BaseRequest, answer: web.StreamResponse, span: Span) -> None:
        """The span's attributes and the log's line for an *answer*."""
        span.set_attribute("http.response.status_code", answer.status)
        fields = {"path": request.path, "status": answer.status}
        if answer.status >= 500:
            span.set_status(StatusCode.ERROR)
            why = answer.text if isinstance(answer, web.Response) else ""
            self.log.error("failed", extra={"fields": {**fields, "why": (why or "").strip()}})
        else:
            self.log.info("answered", extra={"fields": fields})

    async def reply(self, request: web.BaseRequest) -> web.Response:
        """Work, then ask the others, step by step."""
        await asyncio.sleep(self.work_s * self.factor)
        if self.dice.random() < self.fail_share:
            return self.say(500, "an error was ordered for this request\n")
        for step in self.steps:
            statuses = await asyncio.gather(*(self._ask(url + request.path) for _, url in step))
            wrong = [f"{name}: {told}" for (name, _), told in zip(step, statuses, strict=True) if told != "200"]
            if wrong:
                return self.say(502, f"asked in vain: {', '.join(wrong)}\n")
        return await super().reply(request)

    async def _ask(self, url: str) -> str:
        """The status that *url* answers with, or what went wrong."""
        if self.session is None:
            self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5.0))
        try:
            async with self.session.get(url, headers=traceparent()) as answer:
                await answer.read()
                return str(answer.status)
        except (aiohttp.ClientError, TimeoutError) as problem:
            return type(problem).__name__

    async def control(self, request: web.BaseRequest) -> web.StreamResponse:
        """The admin port: slow, as every backend, and fail."""
        if request.method != "POST" or request.path != "/control/fail":
            return await super().control(request)
        try:
            share = float(request.query["share"])
        except (KeyError, ValueError):
            share = -1.0
        if not 0 <= share <= 1:
            return self.say(400, "share must be a number from 0 to 1\n")
        self.fail_share = share
        return self.say(200, f"{self.name} fails {share:.0%} of its requests\n")

    async def close(self) -> None:
        """Close the connections to the others."""
        if self.session is not None:
            await self.session.close()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = backend.parser("minisys.observability.service", __doc__)
    made.set_defaults(workers=8)
    made.add_argument("--work", type=float, default=0.0, help="seconds of its own work (default: 0)")
    made.add_argument("--call", action="append", default=[], help="NAME=URL,NAME=URL: asked side by side; repeat it")
    made.add_argument("--spans", type=Path, required=True, help="file to append spans to, a line of JSON each")
    made.add_argument("--logs", type=Path, required=True, help="file to append log lines to")
    return made


def make(options: argparse.Namespace) -> Service:
    """The service of a command line. Raises ValueError for a --call that is not NAME=URL."""
    steps = [[_called(word) for word in step.split(",")] for step in options.call]
    return Service(
        options.name, options.spans, options.logs, work_s=options.work, steps=steps, workers=options.workers
    )  # fmt: skip


def _called(word: str) -> tuple[str, str]:
    name, equals, url = word.partition("=")
    if not (name and equals and url.startswith("http")):
        raise ValueError(f"--call takes NAME=URL, like stock=http://127.0.0.1:8081, got {word!r}")
    return name, url


if __name__ == "__main__":
    backend.main(parser(), make)
