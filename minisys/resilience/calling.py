"""How one service calls another: over HTTP, behind the caller's defences, and with one reply for every call.

Orders asks payments. Payments is slow today. What orders does next, wait, ask again, ask beside it, or say no at once,
decides whether payments recovers. Those decisions are the policies' (retries.py, breaker.py, …); here they meet a
socket.

Promised: every call ends with one Reply, whatever happens on the wire; who enters a bulkhead leaves it. A deadline
travels as the seconds that are left, as gRPC's does, so clocks need not agree. Not done here: anything on the called
side (service.py).
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from dataclasses import dataclass

import aiohttp

from minisys.resilience.defences import Defences
from minisys.resilience.timeouts import DEADLINE, Deadline

OK, FAILED, TIMEOUT, REJECTED, REFUSED, RESET = "ok", "failed", "timeout", "rejected", "refused", "reset"
LATE, LOCAL = "deadline", "local"  # nothing was sent; all but OK are keys of retries.ERRORS
PRIORITY = "X-Priority"


@dataclass(frozen=True)
class Reply:
    """How a call ended: *how* is "ok", or why not; so many *attempts* were sent, hedges included."""

    how: str
    attempts: int


class Caller:
    """Calls the service at *url* behind *defences*, with jitter from *rng*. Make it in a running loop."""

    def __init__(self, url: str, defences: Defences, rng: random.Random) -> None:
        self.url, self.defences, self.rng = url.rstrip("/"), defences.start(), rng
        self.loop = asyncio.get_running_loop()
        no_limit = aiohttp.ClientTimeout(total=None)  # asyncio.timeout is exact, aiohttp's own rounds up
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=no_limit)
        self.counts: Counter[str] = Counter()

    async def close(self) -> None:
        """Let go of connections."""
        await self.session.close()

    async def call(self, path: str, headers: dict[str, str], deadline: Deadline, idempotent: bool = True) -> Reply:
        """GET *path*, and again if the defences say so, as long as somebody waits."""
        retries, attempt, waited_s, how, sent = self.defences.retries, 0, 0.0, "", list[float]()
        if retries is not None:
            retries.request()
        while True:
            before, how = how, await self._try(path, headers, deadline, sent)
            self.counts[how] += 1
            if how == OK or retries is None or not retries.again(attempt, how, idempotent):
                break
            waited_s = retries.wait_s(attempt, waited_s, self.rng)
            if deadline.passed(self.loop.time() + waited_s):
                break
            await asyncio.sleep(waited_s)
            attempt += 1
        if how == OK and retries is not None:
            retries.success(before or None)
        return Reply(how, len(sent))

    async def _try(self, path: str, headers: dict[str, str], deadline: Deadline, sent: list[float]) -> str:
        """One try, if the defences let it out."""
        now = self.loop.time()
        if deadline.passed(now):
            return LATE
        if self.defences.refused_by(now, self.rng):
            return LOCAL
        how = FAILED
        try:
            how = await self._hedged(path, headers, deadline, sent)
        finally:
            self.defences.done(None if how == OK else how, self.loop.time())
        return how

    async def _hedged(self, path: str, headers: dict[str, str], deadline: Deadline, sent: list[float]) -> str:
        """Send; if the answer takes unusually long, send once more and take the first good one."""
        hedge, begin = self.defences.hedge, self.loop.time()
        if hedge is None:
            return await self._send(path, headers, deadline, sent)
        running = {asyncio.create_task(self._send(path, headers, deadline, sent))}
        after_s = hedge.after_s(begin)
        done, _ = await asyncio.wait(running, timeout=None if after_s == math.inf else after_s)
        if not done and hedge.send():
            self.counts["hedges"] += 1
            running.add(asyncio.create_task(self._send(path, headers, deadline, sent)))
        how = await _first_good(running)
        if how == OK:
            hedge.observe(self.loop.time() - begin)
        return how

    async def _send(self, path: str, headers: dict[str, str], deadline: Deadline, sent: list[float]) -> str:
        """Put one request on the wire and wait as long as the timeout and the deadline allow."""
        now = self.loop.time()
        timeout_s = deadline.timeout_s(now, self.defences.timeout_s)
        if self.defences.deadline and deadline.at_s < math.inf:
            headers = headers | {DEADLINE: deadline.header(now)}
        sent.append(now)
        self.counts["sent"] += 1
        try:
            async with (
                asyncio.timeout(None if timeout_s == math.inf else timeout_s),
                self.session.get(self.url + path, headers=headers) as answer,
            ):
                await answer.read()
        except TimeoutError:
            return TIMEOUT
        except aiohttp.ClientConnectorError:
            return REFUSED
        except (aiohttp.ClientError, OSError):
            return RESET
        return how_of(answer.status)


async def _first_good(running: set[asyncio.Task[str]]) -> str:
    """The first good end of *running*, or the last bad one; the others are not waited for any more."""
    how = FAILED
    try:
        while running and how != OK:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            ends = [task.result() for task in done]
            how = OK if OK in ends else ends[-1]
    finally:
        for task in running:
            task.cancel()
    return how


def how_of(status: int) -> str:
    """The word for an HTTP status: 2xx is ok, 503 means that it was shed, everything else failed."""
    return OK if 200 <= status < 300 else REJECTED if status == 503 else FAILED
