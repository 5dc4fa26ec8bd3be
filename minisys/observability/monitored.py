"""A server that says how it is: counters and a latency histogram for each of its services, on a port of their own.

    python -m minisys.observability.monitored --services cart,pay

`GET /item/17` goes to the service number 17 modulo how many there are. On the admin port: `GET /metrics` in
Prometheus' text format, `POST /control/fail?service=pay&share=0.2` (a fifth of its requests answer 500 from now on),
and `/control/slow` as every backend has it. Which requests fail is decided by their header X-Luck, so that a
simulation of the same requests fails the same ones.

Promised: every answer is counted once, before it is sent. Not done: sampling, and labels that users can choose.
"""

from __future__ import annotations

import asyncio

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from minisys.testbed import backend


class Monitored(backend.Backend):
    """A backend with metrics; *services* are their names, other arguments as for Backend.

    Raises ValueError without a service, or if one is named twice.
    """

    def __init__(self, name: str, services: list[str], workers: int = 32, speed: float = 1.0) -> None:
        if not services or len(set(services)) < len(services) or not all(services):
            raise ValueError(f"services need different names, and at least one, got {services}")
        super().__init__(name, workers, None, speed)
        self.failing = dict.fromkeys(services, 0.0)
        self.registry = CollectorRegistry()
        self.requests = Counter("http_requests", "Answers given.", ["service", "code"], registry=self.registry)
        self.duration = Histogram(
            "http_request_duration_seconds", "From request to answer.", ["service"], registry=self.registry
        )
        for service in services:  # a series that exists from the beginning has a first look at 0
            self.duration.labels(service)
            for code in ("200", "500"):
                self.requests.labels(service, code)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, timed and counted."""
        began_s = asyncio.get_running_loop().time()
        answer = await super().answer(request)
        if request.path.startswith("/item/"):
            service = self.service(request)
            self.requests.labels(service, str(answer.status)).inc()
            self.duration.labels(service).observe(asyncio.get_running_loop().time() - began_s)
        return answer

    async def reply(self, request: web.BaseRequest) -> web.Response:
        """500 for the unlucky share of a failing service."""
        if float(request.headers.get("X-Luck", "1")) < self.failing[self.service(request)]:
            return self.say(500, f"{request.path}: the database said no\n")
        return await super().reply(request)

    def service(self, request: web.BaseRequest) -> str:
        """The service that *request* is for."""
        digits = request.path.removeprefix("/item/")
        return list(self.failing)[int(digits) % len(self.failing) if digits.isdigit() else 0]

    async def control(self, request: web.BaseRequest) -> web.StreamResponse:
        """The admin port: metrics, and what it is told."""
        if request.method == "GET" and request.path == "/metrics":
            return web.Response(body=generate_latest(self.registry), content_type="text/plain", charset="utf-8")
        if request.method != "POST" or request.path != "/control/fail":
            return await super().control(request)
        service, share = request.query.get("service", ""), request.query.get("share", "")
        try:
            if service not in self.failing or not 0 <= float(share) <= 1:
                raise ValueError
        except ValueError:
            known = ", ".join(self.failing)
            return self.say(400, f"need a service of {known} and a share from 0 to 1, got {service!r} and {share!r}\n")
        self.failing[service] = float(share)
        return self.say(200, f"{service} fails {float(share):.1%} of its requests\n")


if __name__ == "__main__":
    made = backend.parser("minisys.observability.monitored", __doc__)
    made.add_argument("--services", default="a", help="names, with commas between them (default: a)")
    made.set_defaults(workers=32)
    backend.main(made, lambda o: Monitored(o.name, o.services.split(","), o.workers, o.speed))
