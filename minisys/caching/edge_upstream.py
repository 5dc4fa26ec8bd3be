"""The edge's way to what stands behind it, an origin or another cache: connections, patience, and distance.

Sydney to Frankfurt and back is a fifth of a second before anybody has done any work. On one machine it is nothing, so
the distance is added here: half of the round trip before a request leaves, half before its answer counts as come.

Promised: connections are kept open and shared; a failure says in a line what happened; hop-by-hop headers stay behind.
Not done: TLS and its extra round trips (content.py counts them), more than one address, retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from minisys.testbed.http import end_to_end


@dataclass(frozen=True)
class Limits:
    """How long and how much: times in seconds, sizes in bytes.

    connect_s: to reach the origin. answer_s: until its answer begins, and between two pieces of it. object_bytes:
    larger answers are passed on, not kept. store_bytes: for all copies together. body_bytes: larger request bodies get
    413.
    Raises ValueError for a number that is not above 0.
    """

    connect_s: float = 1.0
    answer_s: float = 30.0
    object_bytes: int = 5_000_000
    store_bytes: int = 64_000_000
    body_bytes: int = 100_000_000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")


class Failed(Exception):
    """No answer from behind: *status* is what the user is told, 502 or 504 (413 for a body that is too large)."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Upstream:
    """What the edge fetches from. url: its address; distance_s: of the round trip to it, seconds.

    asked: how many requests went there. Raises ValueError for another scheme or a negative distance.
    """

    def __init__(self, url: str, limits: Limits, distance_s: float = 0.0) -> None:
        if not url.startswith("http://") or not URL(url).host:
            raise ValueError(f"the origin's url must look like http://host:port, got {url!r}")
        if not 0 <= distance_s < 60:
            raise ValueError(f"a distance is a round trip of 0 to 60 seconds, got {distance_s}")
        self.url, self.limits, self.distance_s, self.asked = url.rstrip("/"), limits, distance_s, 0
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_s, sock_read=limits.answer_s)
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self.session.close()

    async def send(
        self, method: str, target: str, headers: CIMultiDict[str], body: bytes | AsyncIterator[bytes] = b""
    ) -> aiohttp.ClientResponse:
        """The answer to *method* *target*, its body not read yet. Raises Failed if none comes."""
        self.asked += 1
        await asyncio.sleep(self.distance_s / 2)
        try:
            answer = await self.session.request(
                method, URL(self.url + target, encoded=True), headers=headers, data=body or None, allow_redirects=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )  # fmt: skip
        except Failed:
            raise
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            raise self.failure(problem) from None
        try:
            await asyncio.sleep(self.distance_s / 2)
        except asyncio.CancelledError:
            answer.close()
            raise
        return answer

    def failure(self, problem: BaseException) -> Failed:
        """What a *problem* with the connection means for the user."""
        if isinstance(problem, aiohttp.ConnectionTimeoutError):
            return Failed(504, f"the origin took no connection in {self.limits.connect_s:g} s")
        if isinstance(problem, TimeoutError):
            return Failed(504, f"the origin did not answer within {self.limits.answer_s:g} s")
        if isinstance(problem, aiohttp.ClientConnectorError):
            return Failed(502, f"nobody takes connections at {self.url}: is the origin's process running?")
        if isinstance(problem, aiohttp.ClientResponseError):
            return Failed(502, f"the origin did not speak HTTP: {problem.message!r}")
        return Failed(502, "the origin closed the connection before the whole answer had come")


def forwarded(request: web.BaseRequest, without: tuple[str, ...] = ()) -> CIMultiDict[str]:
    """The request's headers for the next hop, less *without*; Host becomes the origin's own."""
    headers = end_to_end(request.headers)
    for name in ("Expect", "Host", *without):
        headers.popall(name, None)
    before = f"{headers['X-Forwarded-For']}, " if "X-Forwarded-For" in headers else ""
    headers["X-Forwarded-For"] = f"{before}{request.remote or 'unknown'}"
    headers.setdefault("X-Forwarded-Host", request.headers.get("Host", ""))
    headers.add("Via", "1.1 minisys-edge")
    return headers
