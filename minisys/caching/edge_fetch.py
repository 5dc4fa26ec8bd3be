"""The edge's errands: ask the origin, with conditions if there is an old copy, and keep what may be kept.

The old copy of a page has run out. Nine times in ten it is still the right one, and "is it still version 7?" brings
back a header instead of a page. The tenth time the origin is down, and the question is whether yesterday's page is
better than none: its own headers say so (stale-if-error).

Promised: a purge also stops the errand that began before it from bringing the old copy back; a 304 that speaks of
another version is asked again without conditions; half an answer is never kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from minisys.caching import validation
from minisys.caching.edge_reply import Answer, from_copy
from minisys.caching.edge_store import Store, Stored
from minisys.caching.edge_upstream import Failed, Upstream, forwarded
from minisys.caching.fields import date, directives, field
from minisys.caching.freshness import ERRORS, Reuse, may_serve_on_error, why_not_store, worth_storing
from minisys.testbed.http import end_to_end

PASSING_S = 10.0  # how long nobody waits for the fetch of an answer that turned out not to be shared
REMEMBERED = 10_000  # purges, and keys that are passed, at the most
NOT_KEPT = ("Content-Length", "Cache-Status", "Server-Timing", "X-Cache", "X-Served-By", "X-Started-S")


@dataclass(frozen=True)
class Rules:
    """What the operator decides.

    ignore_query: query parameters left out of the key ("utm_*"). encodings: those the origin makes, best first (empty:
    Accept-Encoding as it comes). obey_client: do what requests ask in Cache-Control. caching: False passes everything
    on. retry_s: after a failure of the origin, seconds until a copy that may stand in is tried to be renewed again.
    sign_key: what signs the addresses that begin with sign_prefix (edge_signing.py); empty: none is signed.
    coalescing: False lets each reader of a missing page fetch it for himself.
    """

    ignore_query: tuple[str, ...] = ()
    encodings: tuple[str, ...] = ()
    obey_client: bool = True
    caching: bool = True
    retry_s: float = 1.0
    sign_key: str = ""
    sign_prefix: str = "/private/"
    coalescing: bool = True


class Fetcher:
    """Brings answers from *upstream* into *store* by *rules*. now: the wall clock."""

    def __init__(self, upstream: Upstream, store: Store, rules: Rules, now: Callable[[], float]) -> None:
        self.upstream, self.store, self.rules, self.now = upstream, store, rules, now
        self._passing: dict[str, float] = {}
        self._purged: dict[str, int] = {}  # what was purged lately, to the number of that purge
        self.purges = 0

    def purged(self, mark: str) -> None:
        """Remember that *mark* was purged: "url " and a key, "tag " and a tag, or "all"."""
        self.purges += 1
        _remember(self._purged, mark, self.purges)

    async def ask(self, key: str, request: web.BaseRequest, copy: Stored | None) -> Answer:
        """The origin's answer, kept if it may be; or the old copy, if that one is confirmed or may stand in."""
        purges = self.purges
        try:
            upstream, asked_s = await self._conditional(request, copy)
            if copy is not None and upstream.status == 304:
                upstream.release()
                headers = validation.merge_304(copy.headers, self._kept(upstream))
                copy = Stored(copy.status, copy.reason, headers, copy.body, asked_s, self.now(), copy.vary)
                kept = self._keep(key, request, copy, purges)
                return replace(from_copy(copy), result="REVALIDATED", detail=f"fwd-status=304{kept}")
            received_s = self.now()
            body, rest = await self._read(upstream)
        except Failed as problem:
            if copy is not None and (stale := self._stand_in(request, copy)):
                return stale
            raise problem
        if upstream.status in ERRORS and copy is not None and (stale := self._stand_in(request, copy)):
            return stale
        headers, told = self._kept(upstream), f"fwd-status={upstream.status}"
        vary = validation.vary_key(field(headers, "Vary"), request.headers, self.rules.encodings)
        fresh = Stored(upstream.status, upstream.reason, headers, body, asked_s, received_s, vary)
        kept = "" if rest else self._keep(key, request, fresh, purges)
        result = ("EXPIRED" if copy else "MISS") if kept else "PASS"
        as_sent = end_to_end(upstream.headers)
        return Answer(upstream.status, upstream.reason, as_sent, body, result, told + kept, rest=rest)

    async def _conditional(self, request: web.BaseRequest, copy: Stored | None) -> tuple[aiohttp.ClientResponse, float]:
        """The origin's answer and when it was asked; asked without conditions again if its 304 means another copy."""
        headers = forwarded(request, (*validation.CONDITIONS, "Range", "If-Range"))
        if self.rules.encodings and "Accept-Encoding" in headers:
            headers["Accept-Encoding"] = validation.vary_key("Accept-Encoding", headers, self.rules.encodings)[0][1]
        conditions = validation.validators(copy.headers) if copy else {}
        asked_s = self.now()
        upstream = await self.upstream.send("GET", request.raw_path, CIMultiDict({**headers, **conditions}))
        if upstream.status == 304 and (copy is None or not validation.confirms(copy.headers, upstream.headers)):
            upstream.release()
            asked_s = self.now()
            upstream = await self.upstream.send("GET", request.raw_path, headers)
        return upstream, asked_s

    async def _read(self, upstream: aiohttp.ClientResponse) -> tuple[bytes, aiohttp.ClientResponse | None]:
        """The whole body; or its beginning, and the answer with the rest of it, if it is too large to keep."""
        pieces, size = [], 0
        try:
            async for piece in upstream.content.iter_any():
                pieces.append(piece)
                size += len(piece)
                if size > self.upstream.limits.object_bytes:
                    return b"".join(pieces), upstream
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            upstream.close()
            raise self.upstream.failure(problem) from None
        except asyncio.CancelledError:
            upstream.close()
            raise
        return b"".join(pieces), None

    def _kept(self, upstream: aiohttp.ClientResponse) -> CIMultiDict[str]:
        """An answer's headers as they are kept: those of a hop or of one delivery stay behind, Date is there."""
        headers = end_to_end(upstream.headers)
        for name in NOT_KEPT:
            headers.popall(name, None)
        headers.setdefault("Date", date(self.now()))
        return headers

    def _keep(self, key: str, request: web.BaseRequest, copy: Stored, purges: int) -> str:
        """Keep *copy* if that is allowed and useful; "; stored" if it was."""
        reason = why_not_store(request.method, request.headers, copy.status, copy.headers)
        if reason or not worth_storing(copy.status, copy.headers):
            of_one = "no-store" in directives(request.headers) or "Authorization" in request.headers
            if copy.status < 500 and not of_one:  # what we have is no longer what the origin would say
                self.store.drop(key)
                _remember(self._passing, key, self.now() + PASSING_S)
            return ""
        marks = ("all", f"url {key}", *(f"tag {tag}" for tag in copy.tags))
        purged_meanwhile = any(self._purged.get(mark, 0) > purges for mark in marks)
        return "; stored" if not purged_meanwhile and self.store.put(key, copy) else ""

    def passes(self, key: str) -> bool:
        """Whether the answer for *key* turned out, lately, to be one that nobody else may have."""
        return self._passing.get(key, 0.0) > self.now()

    def _stand_in(self, request: web.BaseRequest, copy: Stored) -> Answer | None:
        """The old *copy* instead of an error, if its headers allow that."""
        ttl_s = copy.lifetime_s - copy.age_s(self.now())
        if not may_serve_on_error(request.headers, copy.headers, ttl_s):
            return None
        copy.failed_s = self.now()
        return from_copy(copy, Reuse("serve", "stale-if-error", min(ttl_s, 0.0)))


def _remember(notes: dict[str, Any], key: str, value: float) -> None:
    """Note *value* under *key* as the newest, and forget the oldest note if there are too many."""
    notes.pop(key, None)
    notes[key] = value
    if len(notes) > REMEMBERED:
        del notes[next(iter(notes))]
