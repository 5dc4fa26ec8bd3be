"""The balancer's own port: who is in, who goes, who comes, and what Prometheus wants to know.

A deployment script takes backends away one by one and nobody may notice. It talks to this port, which listens on
loopback and on a port of its own, because whoever can reach it can send all users anywhere.

    GET /backends                   the list, with state and counts
    POST /backends                  {"name": "d", "address": "127.0.0.1:8004", "weight": 1}
    POST /backends/d/drain          nothing new; finishes what it has
    DELETE /backends/d              drains, waits until it is empty (at most ?patience_s=30), forgets it
    PUT /backends/d/weight          {"weight": 2}
    GET, PUT /policy                {"name": "power of d", "options": {"d": 3}}
    GET /metrics                    Prometheus text format

Promised: bad input gets 400, 404 or 409 with the reason, and changes nothing. Not done: authentication.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from minisys.load_balancing.balancer import Balancer, parse_backend
from minisys.load_balancing.proxy import Proxy


class Admin:
    """The admin API of *balancer*; *proxy* (None in layer-4 mode) has the counts by status."""

    def __init__(self, balancer: Balancer, proxy: Proxy | None = None) -> None:
        self.balancer, self.proxy = balancer, proxy
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(_Metrics(self))

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one admin request."""
        try:
            return await self._route(request)
        except KeyError as problem:
            return _json({"error": str(problem.args[0])}, 404)
        except (ValueError, TypeError) as problem:
            return _json({"error": str(problem)}, 400)

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        path = [part for part in request.path.split("/") if part]
        now = asyncio.get_running_loop().time()
        match request.method, path:
            case "GET", ["metrics"]:
                return web.Response(body=generate_latest(self.registry), content_type="text/plain", charset="utf-8")
            case "GET", ["backends"]:
                return _json(self.listing())
            case "POST", ["backends"]:
                given = await _object(request, "name", "address")
                self.balancer.add(parse_backend(f"{given['name']}={given['address']}*{given.get('weight', 1)}"), now)
            case "POST", ["backends", name, "drain"]:
                self.balancer.drain(name)
            case "DELETE", ["backends", name]:
                if len(self.balancer.backends) == 1:
                    self.balancer.forget(name)  # says why not
                await self._empty(name, float(request.query.get("patience_s", "30")))
                self.balancer.forget(name)
            case "PUT", ["backends", name, "weight"]:
                self.balancer.set_weight(name, float((await _object(request, "weight"))["weight"]))
            case "GET", ["policy"]:
                pass
            case "PUT", ["policy"]:
                given = await _object(request, "name")
                self.balancer.set_policy(given["name"], given.get("options"))
            case _:
                known = "see python -m minisys.load_balancing --help"
                raise KeyError(f"there is no {request.method} {request.path}; {known}")
        if path == ["policy"]:
            return _json({"name": self.balancer.policy.name, "options": dict(self.balancer.policy.options)})
        return _json(self.listing())

    def listing(self) -> list[dict[str, Any]]:
        """Every backend with its state and counts."""
        now = asyncio.get_running_loop().time()
        return [
            {
                "name": each.name, "address": each.address, "weight": each.weight,
                "state": self.balancer.state(each, now), "in_flight": self.balancer.in_flight(each),
                "answered": each.answered, "failed": each.failed,
            }
            for each in self.balancer.backends
        ]  # fmt: skip

    async def _empty(self, name: str, patience_s: float) -> None:
        """Retire *name* and wait until it has nothing in flight, *patience_s* seconds at the most."""
        backend = self.balancer.retire(name)
        deadline = asyncio.get_running_loop().time() + patience_s
        while self.balancer.in_flight(backend) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)


class _Metrics:
    """What Prometheus reads, computed when it asks."""

    def __init__(self, admin: Admin) -> None:
        self.admin = admin

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("minisys_backend_up", "1 if the backend may get requests", labels=["backend"])
        flying = GaugeMetricFamily("minisys_backend_in_flight", "requests not answered yet", labels=["backend"])
        for row in self.admin.listing():
            up.add_metric([row["name"]], float(row["state"] == "up"))
            flying.add_metric([row["name"]], row["in_flight"])
        yield from (up, flying)
        proxy = self.admin.proxy
        if proxy is not None:
            answers = CounterMetricFamily("minisys_answers", "answers by backend and code", labels=["backend", "code"])
            for (name, code), count in sorted(proxy.codes.items()):
                answers.add_metric([name, str(code)], count)
            yield answers
            yield CounterMetricFamily("minisys_retries", "requests sent to another backend", value=proxy.retried)


async def _object(request: web.BaseRequest, *needed: str) -> dict[str, Any]:
    """The JSON object in the request's body. Raises ValueError if it is none or lacks one of *needed*."""
    try:
        given = json.loads(await request.content.read(100_000))
    except ValueError as problem:
        raise ValueError(f"the body must be JSON: {problem}") from None
    if not isinstance(given, dict) or not set(needed) <= set(given):
        raise ValueError(f"the body must be a JSON object with {', '.join(needed)}, got {given!r}")
    return given


def _json(what: Any, status: int = 200) -> web.Response:
    return web.json_response(what, status=status)
