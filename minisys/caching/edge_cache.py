"""An HTTP cache for many users: looks for a copy, judges it, fetches what is missing once, however many ask.

The front page's copy expires at noon, with five hundred readers waiting for it. If each of them is sent on, the origin
computes the same page five hundred times. Here the first one fetches; the others wait for that fetch and take the copy
it leaves. What may not be shared is never taken from another's fetch: who finds no copy then, asks for himself.

Promised: RFC 9111 as freshness.py and validation.py decide it; an answer says in X-Cache and Cache-Status (RFC 9211)
how it came about; half an answer from the origin is never kept nor passed on as if it were whole; a purge also stops
the fetch that began before it from bringing the old copy back. Not done: keeping single ranges, HTTP/2, TLS.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from minisys.caching import validation
from minisys.caching.edge_fetch import Fetcher, Rules
from minisys.caching.edge_reply import Answer, from_copy, reply
from minisys.caching.edge_signing import unsigned
from minisys.caching.edge_store import Store, Stored
from minisys.caching.edge_upstream import Failed, Upstream, forwarded
from minisys.caching.fields import field
from minisys.caching.freshness import Reuse, may_serve_on_error, only_if_cached, reuse
from minisys.testbed.http import body_of, end_to_end


class Edge:
    """Answers HTTP requests from *store*, or from *upstream* behind it.

    name: what it calls itself. distance_s: of the round trip between the users and here, seconds. now: the wall clock,
    seconds since 1970. counts: answers by X-Cache; collapsed: requests that waited for another one's fetch.
    """

    def __init__(
        self, name: str, upstream: Upstream, store: Store, rules: Rules = Rules(),  # noqa: B008 (frozen)
        *, distance_s: float = 0.0, now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.name, self.upstream, self.store, self.rules, self.now = name, upstream, store, rules, now
        self.distance_s, self.collapsed = distance_s, 0
        self.fetcher = Fetcher(upstream, store, rules, now)
        self.counts: Counter[str] = Counter()
        self._flights: dict[str, asyncio.Task[Answer]] = {}
        self._tasks: set[asyncio.Task[Answer]] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        await asyncio.sleep(self.distance_s / 2)
        try:
            wanted = self._admitted(request)
            if self.rules.caching and request.method in ("GET", "HEAD"):
                answer = await self._get(wanted)
            else:
                answer = await self._pass(wanted, "method" if self.rules.caching else "bypass")
        except Failed as problem:
            text = f"{problem.status} from edge {self.name}: {problem}.\n".encode()
            headers = CIMultiDict({"Content-Type": "text/plain; charset=utf-8"})
            answer = Answer(problem.status, None, headers, text, "ERROR", "detail=failed")
        self.counts[answer.result] += 1
        await asyncio.sleep(self.distance_s / 2)
        return await reply(request, answer, self.name, self.now())

    async def close(self) -> None:
        """Stop what is being fetched and close the connections."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.upstream.close()

    def purge(self, kind: str, what: str = "", soft: bool = False) -> int:
        """Throw away, or only call stale (*soft*), the copies of a "url", with a "tag", or "all"; how many."""
        if kind == "url":
            what = validation.cache_key(what, self.rules.ignore_query)
            keys = [what]
        else:
            keys = self.store.tagged(what) if kind == "tag" else list(self.store.keys())
        self.fetcher.purged("all" if kind == "all" else f"{kind} {what}")
        return self.store.purge(keys, self.now() if soft else None)

    def _admitted(self, request: web.BaseRequest) -> web.BaseRequest:
        """The request without its signature, where one is needed. Raises Failed if it is not good."""
        if not self.rules.sign_key or not request.path.startswith(self.rules.sign_prefix):
            return request
        target, why = unsigned(request.raw_path, self.now(), self.rules.sign_key)
        if why:
            raise Failed(403, why)
        return request.clone(rel_url=URL(target, encoded=True))

    async def _get(self, request: web.BaseRequest) -> Answer:
        """The answer to a GET or HEAD: from a copy if one may be used, else from a fetch, another's or ours."""
        key, waited = validation.cache_key(request.raw_path, self.rules.ignore_query), False
        while True:
            copy = self._find(key, request)
            verdict = self._judge(request, copy)
            if copy is not None and verdict is not None and verdict.verb != "validate":
                if verdict.verb == "serve stale" and key not in self._flights:
                    self._fetch(key, request, copy)
                return from_copy(copy, verdict, waited)
            if only_if_cached(request.headers):
                raise Failed(504, "there is no usable copy, and the request says only-if-cached")
            if request.method == "HEAD" or "Range" in request.headers:
                return await self._pass(request, "partial" if "Range" in request.headers else "method")
            flight, reload = self._flights.get(key), verdict is not None and verdict.why == "request"
            alone = waited or reload or self.fetcher.passes(key) or not self.rules.coalescing
            if flight is None or alone:
                break
            waited = True
            self.collapsed += 1
            await asyncio.wait([flight])
            if not flight.cancelled() and (problem := flight.exception()) is not None:
                raise Failed(getattr(problem, "status", 502), str(problem))
        forward = verdict.why if verdict else "vary-miss" if self.store.find(key) else "uri-miss"
        answer = await asyncio.shield(self._fetch(key, request, copy))
        detail = f"fwd={'stale' if forward in ('stale', 'no-cache') else forward}; {answer.detail}"
        return replace(answer, detail=detail + ("; collapsed" if waited else ""))

    def _find(self, key: str, request: web.BaseRequest) -> Stored | None:
        """The newest copy that suits this request."""
        for copy in self.store.find(key):
            mine = validation.vary_key(field(copy.headers, "Vary"), request.headers, self.rules.encodings)
            if mine == copy.vary:
                return copy
        return None

    def _judge(self, request: web.BaseRequest, copy: Stored | None) -> Reuse | None:
        """Whether *copy* may be used; right after the origin failed, one that may stand in is."""
        if copy is None:
            return None
        now_s, obey = self.now(), self.rules.obey_client
        found = reuse(request.headers, copy.headers, copy.lifetime_s, copy.age_s(now_s), obey_client=obey)
        lately = copy.failed_s is not None and now_s - copy.failed_s < self.rules.retry_s
        if found.verb == "validate" and lately and may_serve_on_error(request.headers, copy.headers, found.ttl_s):
            return Reuse("serve", "stale-if-error", found.ttl_s)
        return found

    def _fetch(self, key: str, request: web.BaseRequest, copy: Stored | None) -> asyncio.Task[Answer]:
        """Fetch in a task of its own, so that a user who leaves takes nothing from those who wait with him."""
        task = asyncio.create_task(self.fetcher.ask(key, request, copy))
        self._tasks.add(task)
        if key not in self._flights:
            self._flights[key] = task

        def landed(task: asyncio.Task[Answer]) -> None:
            self._tasks.discard(task)
            if self._flights.get(key) is task:
                del self._flights[key]
            if not task.cancelled():
                task.exception()  # seen, even if nobody waits

        task.add_done_callback(landed)
        return task

    async def _pass(self, request: web.BaseRequest, why: str) -> Answer:
        """Pass a request on and its answer back; what it changes is forgotten here."""
        body = await body_of(request, self.upstream.limits.body_bytes, partial(Failed, 413))
        upstream = await self.upstream.send(request.method, request.raw_path, forwarded(request), body)
        host = request.headers.get("Host", "")
        for target in validation.invalidated(request.method, upstream.status, request.raw_path, host, upstream.headers):
            self.purge("url", target)
        detail, headers = f"fwd={why}; fwd-status={upstream.status}", end_to_end(upstream.headers)
        return Answer(upstream.status, upstream.reason, headers, b"", "PASS", detail, rest=upstream)
