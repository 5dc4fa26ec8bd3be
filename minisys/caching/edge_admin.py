"""The edge's own port: throw copies away, see what is kept, and what Prometheus wants to know.

A price was wrong by a factor of ten, and the page with it is fresh for an hour in forty cities. This port is why that
takes a second to mend. It listens on loopback and apart from the users' port: whoever reaches it can send all the
traffic to the origin.

    POST /purge?url=/item/3          what is kept for that path and query, all its variants
    POST /purge?tag=item-3           everything that the origin marked with this tag (Cache-Tag or Surrogate-Key)
    POST /purge?all=1                everything
         &soft=1                     call it stale instead of throwing it away
    GET /entries                     what is kept: key, variants, bytes, age and time left, tags
    GET /counts                      answers by X-Cache, requests sent on, requests that waited for another's fetch
    GET /metrics                     Prometheus text format

Promised: bad input gets 400 or 404 with the reason, and changes nothing. Not done: authentication.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from minisys.caching.edge_cache import Edge

WHAT = ("url", "tag", "all")


class Admin:
    """The admin API of *edge*."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(_Metrics(edge))

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one admin request."""
        match request.method, request.path:
            case "POST", "/purge":
                return self._purge(request)
            case "GET", "/entries":
                return web.json_response(self.entries())
            case "GET", "/counts":
                return web.json_response(counts(self.edge))
            case "GET", "/metrics":
                return web.Response(body=generate_latest(self.registry), content_type="text/plain", charset="utf-8")
        known = "see python -m minisys.caching.edge --help"
        return web.json_response({"error": f"there is no {request.method} {request.path}; {known}"}, status=404)

    def _purge(self, request: web.BaseRequest) -> web.Response:
        given = {name: request.query[name] for name in WHAT if request.query.get(name)}
        if len(given) != 1 or ("url" in given and not given["url"].startswith("/")):
            error = f"say one of url=/path, tag=name or all=1, got {dict(request.query)}"
            return web.json_response({"error": error}, status=400)
        ((kind, what),) = given.items()
        soft = request.query.get("soft", "0") not in ("0", "")
        return web.json_response({"purged": self.edge.purge(kind, what, soft), "soft": soft})

    def entries(self) -> list[dict[str, Any]]:
        """Every copy."""
        now_s, rows = self.edge.now(), []
        for key in self.edge.store.keys():
            for copy in self.edge.store._entries[key]:
                age_s = copy.age_s(now_s)
                rows.append({
                    "key": key, "vary": dict(copy.vary), "bytes": copy.size, "status": copy.status,
                    "age_s": round(age_s, 1), "ttl_s": round(copy.lifetime_s - age_s, 1), "tags": sorted(copy.tags),
                })  # fmt: skip
        return rows


def counts(edge: Edge) -> dict[str, Any]:
    """What *edge* has done so far."""
    return {
        "answers": dict(edge.counts), "sent_on": edge.upstream.asked, "collapsed": edge.collapsed,
        "copies": len(edge.store), "bytes": edge.store.used, "evicted": edge.store.evicted,
    }  # fmt: skip


class _Metrics:
    """What Prometheus reads, computed when it asks."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    def collect(self) -> Iterable[Metric]:
        now = counts(self.edge)
        answers = CounterMetricFamily("minisys_edge_answers", "answers by how they came about", labels=["cache"])
        for result, count in sorted(now["answers"].items()):
            answers.add_metric([result.lower()], count)
        yield answers
        for name, told in (("sent_on", "requests sent to the origin"), ("collapsed", "requests that waited for one"),
                           ("evicted", "keys thrown away for want of room")):  # fmt: skip
            yield CounterMetricFamily(f"minisys_edge_{name}", told, value=now[name])
        for name, told in (("copies", "copies kept"), ("bytes", "bytes they take")):
            yield GaugeMetricFamily(f"minisys_edge_{name}", told, value=now[name])
