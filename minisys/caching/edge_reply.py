"""The edge's last step: an answer goes out, whole, as a range, or as "yours is still good", and says how it came about.

    X-Cache: HIT
    Cache-Status: edge; hit; ttl=42
    Age: 18

Promised: a copy answers conditional requests and one range by itself (RFC 9110, 13 and 14); every cache on the way adds
its own member to Cache-Status (RFC 9211), nearest to the origin first; half an answer looks like one.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from minisys.caching import validation
from minisys.caching.edge_store import Stored
from minisys.caching.freshness import Reuse

NO_BODY = (204, 304)


@dataclass(frozen=True)
class Answer:
    """What goes to a user: status, reason, headers and body; how it came about; what is still to come.

    result: HIT, STALE, REVALIDATED, MISS, EXPIRED, PASS or ERROR. detail: the parameters of Cache-Status. copy: the
    stored one it was taken from. rest: the origin's answer whose body, or the remainder of it, has to be passed on.
    """

    status: int
    reason: str | None
    headers: CIMultiDict[str]
    body: bytes
    result: str
    detail: str
    copy: Stored | None = None
    rest: aiohttp.ClientResponse | None = None


def from_copy(copy: Stored, verdict: Reuse = Reuse("serve", "", 1.0), waited: bool = False) -> Answer:  # noqa: B008
    """The answer that *copy* gives, by *verdict*; *waited*: for another one's fetch."""
    result = "HIT" if verdict.ttl_s > 0 else "STALE"
    detail = f"hit; ttl={int(verdict.ttl_s)}" + ("" if result == "HIT" else f"; detail={verdict.why}")
    detail += "; collapsed" if waited else ""
    return Answer(copy.status, copy.reason, copy.headers, copy.body, result, detail, copy)


async def reply(request: web.BaseRequest, answer: Answer, name: str, now_s: float) -> web.StreamResponse:
    """Send *answer* to the user who made *request*; *name* is the edge's, *now_s* the wall clock."""
    headers = _labelled(answer, name, now_s)
    status, body = answer.status, answer.body
    if request.method in ("GET", "HEAD") and status == 200 and answer.rest is None:
        if validation.not_modified(request.headers, headers):
            status, body = 304, b""
            headers = _only(headers, validation.SENT_WITH_304)
        elif answer.copy is not None and "Range" in request.headers:
            status, body = _part(request, headers, body)
    reason = answer.reason if status == answer.status else None
    response = web.StreamResponse(status=status, reason=reason, headers=headers)
    return await _send(request, response, body, answer.rest)


def _labelled(answer: Answer, name: str, now_s: float) -> CIMultiDict[str]:
    """The answer's headers with what this edge has to say."""
    headers: CIMultiDict[str] = CIMultiDict(answer.headers)
    if answer.copy is not None:
        headers.popall("Age", None)
        headers["Age"] = str(max(0, int(answer.copy.told_age_s(now_s))))
        headers["X-Served-By"] = name
        headers["Accept-Ranges"] = "bytes"
    headers["X-Cache"] = answer.result
    behind = ", ".join(headers.popall("Cache-Status", []))
    headers["Cache-Status"] = f"{behind}, {name}; {answer.detail}".removeprefix(", ")
    headers.add("Server-Timing", f'cdn-cache;desc="{answer.result} {name}"')  # readable in the browser's own JavaScript
    headers.add("Via", "1.1 minisys-edge")
    return headers


def _only(headers: CIMultiDict[str], names: tuple[str, ...]) -> CIMultiDict[str]:
    wanted = {name.lower() for name in names}
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() in wanted)


def _part(request: web.BaseRequest, headers: CIMultiDict[str], body: bytes) -> tuple[int, bytes]:
    """Status and bytes for a request with Range, answered from a copy; *headers* get what belongs to it."""
    span = validation.byte_range(request.headers, headers, len(body))
    if span is None:
        return 200, body
    first, last = span
    if last < first:
        headers["Content-Range"] = f"bytes */{len(body)}"
        return 416, b""
    headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
    return 206, body[first : last + 1]


async def _send(
    request: web.BaseRequest, response: web.StreamResponse, body: bytes, rest: aiohttp.ClientResponse | None
) -> web.StreamResponse:
    bare = request.method == "HEAD" or response.status in NO_BODY
    if rest is None and response.status not in NO_BODY and not (bare and not body):
        response.content_length = len(body)
    if rest is not None and "Content-Length" not in response.headers and not bare:
        if request.version >= aiohttp.HttpVersion11:
            response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        if not bare:
            await response.write(body)
            if rest is not None:
                async for piece in rest.content.iter_any():
                    await response.write(piece)
        await response.write_eof()
    except (aiohttp.ClientError, OSError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()  # the user left, or the origin: half an answer must look like one
    finally:
        if rest is not None:
            rest.close() if not rest.content.at_eof() else rest.release()
    return response
