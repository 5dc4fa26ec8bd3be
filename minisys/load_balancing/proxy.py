"""A layer-7 balancer: reads each HTTP/1.1 request, chooses a backend for it, and brings back the answer.

Backend b is killed with eleven requests on it. Eleven users are about to see an error; a proxy that still has their
requests in hand can ask somebody else first. When may it? If the request surely never reached b (connection refused),
always. If it may have been carried out, only when doing it twice does no harm (GET, PUT, … RFC 9110, 9.2.2), and only
while not a byte of an answer has gone out.

Promised: bodies are streamed, connections kept alive on both sides, hop-by-hop headers stay on their hop (RFC 9110,
7.6.1); an error says in one line what happened and who was tried; what a backend cuts off half way is cut off for the
user too, never passed on as if it were whole. Not done: TLS, HTTP/2, WebSocket upgrades, caching.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from minisys.load_balancing.balancer import Backend, Balancer
from minisys.load_balancing.health import IDEMPOTENT
from minisys.sharding.policies import hash64
from minisys.testbed.http import body_of, end_to_end

NO_BODY = (204, 304)


@dataclass(frozen=True)
class Limits:
    """How long and how much: times in seconds, sizes in bytes.

    connect_s: to reach a backend. answer_s: until its answer begins, and between two pieces of it. small_bytes: bodies
    up to this size are kept whole, so that they can be sent again. body_bytes: larger request bodies get 413.
    """

    connect_s: float = 1.0
    answer_s: float = 30.0
    small_bytes: int = 65_536
    body_bytes: int = 100_000_000


class Failed(Exception):
    """An attempt that did not bring an answer. *safe*: the backend surely did not act on the request."""

    def __init__(self, status: int, why: str, safe: bool = False) -> None:
        super().__init__(why)
        self.status, self.safe = status, safe


class Proxy:
    """Answers HTTP requests through *balancer*.

    retries: how many other backends a request may be sent to. trust_luck: take the policy's random number from the
    header X-Luck, so that a run can be repeated exactly (for the course; anybody could choose their backend with it).
    """

    def __init__(
        self,
        balancer: Balancer,
        *,
        retries: int = 1,
        limits: Limits = Limits(),
        trust_luck: bool = False,  # noqa: B008
    ) -> None:
        if retries < 0:
            raise ValueError(f"retries must be 0 or more, got {retries}")
        self.balancer, self.retries, self.limits, self.trust_luck = balancer, retries, limits, trust_luck
        self.codes: dict[tuple[str, int], int] = {}  # answers by backend and status, for /metrics
        self.retried = 0
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_s, sock_read=limits.answer_s)
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
            auto_decompress=False,
        )

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        now = asyncio.get_running_loop().time
        self.balancer.budget.request(now())
        try:
            # A small body is taken whole, so that it can be sent twice.
            body = await body_of(request, self.limits.body_bytes, partial(Failed, 413), self.limits.small_bytes)
        except Failed as problem:
            return self._say(problem.status, str(problem), [])
        key, luck = hash64(request.raw_path), self._luck(request)
        tried: list[str] = []
        failure = Failed(503, "no backend is available")
        while (backend := self._choose(request, key, luck, tried)) is not None:
            tried.append(backend.name)
            begin, ok = now(), False
            try:
                response = await self._attempt(request, body, backend, tried)
                ok = True
                return response
            except Failed as problem:
                failure = problem
            finally:
                self.balancer.finished(backend, ok, now() - begin, now())
            repeatable = failure.safe or (request.method in IDEMPOTENT and not isinstance(body, AsyncIterator))
            if not repeatable or len(tried) > self.retries or not self.balancer.budget.may_retry(now()):
                break
            self.retried += 1
        return self._say(failure.status, str(failure), tried)

    async def close(self) -> None:
        """Close the connections to the backends."""
        await self.session.close()

    def _choose(self, request: web.BaseRequest, key: int, luck: float, tried: list[str]) -> Backend | None:
        now, sticky = asyncio.get_running_loop().time(), self.balancer.sticky
        if sticky is not None and not tried:
            asked_for = self.balancer.stick(request.cookies.get(sticky.cookie), now)
            if asked_for is not None:
                return asked_for
        return self.balancer.choose(key, luck, now, tried, attempt=len(tried))

    async def _attempt(
        self, request: web.BaseRequest, body: bytes | AsyncIterator[bytes], backend: Backend, tried: list[str]
    ) -> web.StreamResponse:
        """Send the request to *backend* and its answer to the user. Raises Failed if nothing has gone out yet."""
        url, name = URL(f"http://{backend.address}{request.raw_path}", encoded=True), backend.name
        try:
            upstream = await self.session.request(
                request.method, url, headers=self._forwarded(request), data=body or None, allow_redirects=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )  # fmt: skip
            async with upstream:
                return await self._pass_on(request, upstream, backend, tried)
        except aiohttp.ConnectionTimeoutError:
            raise Failed(504, f"backend {name} took no connection in {self.limits.connect_s:g} s", True) from None
        except aiohttp.ClientConnectorError:
            raise Failed(502, f"backend {name} refused the connection: is its process running?", True) from None
        except TimeoutError:
            raise Failed(504, f"backend {name} did not answer within {self.limits.answer_s:g} s") from None
        except aiohttp.ClientResponseError as problem:
            raise Failed(502, f"backend {name} did not speak HTTP: {problem.message!r}") from None
        except (aiohttp.ClientError, OSError):
            raise Failed(502, f"backend {name} closed the connection before the whole answer had come") from None

    async def _pass_on(
        self, request: web.BaseRequest, upstream: aiohttp.ClientResponse, backend: Backend, tried: list[str]
    ) -> web.StreamResponse:
        """The backend's answer to the user: small ones in one piece, large ones as they come."""
        headers = end_to_end(upstream.headers)
        headers["X-Attempts"] = str(len(tried))
        size = upstream.content_length
        bare = request.method == "HEAD" or upstream.status in NO_BODY
        whole = b"" if bare else await upstream.read() if size is not None and size <= self.limits.small_bytes else None
        response = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
        if self.balancer.sticky is not None:
            response.set_cookie(self.balancer.sticky.cookie, backend.name, httponly=True, samesite="Lax")
        if not bare and size is None and request.version >= aiohttp.HttpVersion11:
            response.enable_chunked_encoding()
        self.codes[backend.name, upstream.status] = self.codes.get((backend.name, upstream.status), 0) + 1
        try:
            await response.prepare(request)
            if whole is None:
                async for piece in upstream.content.iter_any():
                    await response.write(piece)
            await response.write_eof(whole or b"")
        except (aiohttp.ClientError, OSError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()  # the user left, or the backend: half an answer must look like one
        return response

    def _forwarded(self, request: web.BaseRequest) -> CIMultiDict[str]:
        """The request's headers for the next hop, with where it came from."""
        headers = end_to_end(request.headers)
        headers.pop("Expect", None)
        before = f"{headers['X-Forwarded-For']}, " if "X-Forwarded-For" in headers else ""
        headers["X-Forwarded-For"] = f"{before}{request.remote or 'unknown'}"
        headers.setdefault("X-Forwarded-Proto", "http")
        headers.setdefault("X-Forwarded-Host", request.headers.get("Host", ""))
        headers.add("Via", "1.1 minisys")
        return headers

    def _luck(self, request: web.BaseRequest) -> float:
        if self.trust_luck and "X-Luck" in request.headers:
            return float(request.headers["X-Luck"])
        return random.random()

    def _say(self, status: int, why: str, tried: list[str]) -> web.Response:
        """An error that says what happened, who was tried and how the others are."""
        now = asyncio.get_running_loop().time()
        states = ", ".join(f"{each.name} {self.balancer.state(each, now)}" for each in self.balancer.backends)
        self.codes["-", status] = self.codes.get(("-", status), 0) + 1
        said = f" Tried: {', then '.join(tried)}." if tried else ""
        return web.Response(
            status=status,
            text=f"{status} from the balancer: {why}.{said} Backends: {states}.\n",
            headers={"X-Attempts": str(max(1, len(tried)))},
        )
