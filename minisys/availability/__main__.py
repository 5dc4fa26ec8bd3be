"""One component of a service as a process: it answers if it is up and if enough of what it needs answers too.

    python -m minisys.availability --name shop --needs 1:http://127.0.0.1:4001,http://127.0.0.1:4002

The admin port takes a calendar of outages, ``POST /outages`` with a JSON list of [down from, up again] in seconds from
now. While the component is down it breaks every connection that asks it something, as a dead process does.

Promised: it asks all members of a group at once, and answers 503 with the name of what failed. Not done: retries
beyond the group, caching, or any work of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json

import aiohttp
from aiohttp import web

from minisys.testbed import http

PATIENCE_S = 2.0


class Component:
    """*name*, and *needs*: groups (k, urls) of which k must answer. Raises ValueError if a group asks for too many."""

    def __init__(self, name: str, needs: list[tuple[int, list[str]]]) -> None:
        for k, urls in needs:
            if not 1 <= k <= len(urls):
                raise ValueError(f"{name}: needs {k} of {len(urls)} components")
        self.name, self.needs, self.up = name, needs, True
        self.calendar: list[asyncio.TimerHandle] = []
        self.client: aiohttp.ClientSession | None = None

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request: 200 if enough of each group answers, 503 if not; nothing but a broken connection while down."""
        if not self.up:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=503)  # nobody is there to read it
        if self.client is None:
            connector = aiohttp.TCPConnector(limit=0)
            self.client = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(PATIENCE_S))
        for k, urls in self.needs:
            answers = await asyncio.gather(*(self._asks(url) for url in urls))
            if sum(answers) < k:
                return web.Response(status=503, text=f"{self.name}: fewer than {k} of {len(urls)} answer\n")
        return web.Response(text="ok\n", headers={"X-Served-By": self.name})

    async def _asks(self, url: str) -> bool:
        assert self.client is not None
        try:
            async with self.client.get(url) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def admin(self, request: web.BaseRequest) -> web.StreamResponse:
        """POST /outages: the calendar from now on, instead of any before."""
        try:
            outages = [(float(down), float(back)) for down, back in json.loads(await request.text())]
        except (ValueError, TypeError) as problem:
            return web.Response(status=400, text=f"the body must be a list of [down from, up again]: {problem}\n")
        for handle in self.calendar:
            handle.cancel()
        loop = asyncio.get_running_loop()
        moments = [(at, state) for down, back in outages for at, state in ((down, False), (back, True))]
        self.calendar = [loop.call_later(at, setattr, self, "up", state) for at, state in moments]
        return web.Response(text=f"{len(outages)} outages ahead\n")


async def serve(component: Component) -> None:
    """Run one component until it is told to stop."""
    public, admin = await http.listen(component.answer), await http.listen(component.admin)
    print(f"READY {public.port} {admin.port}", flush=True)
    await http.until_told_to_stop()
    if component.client is not None:
        await component.client.close()
    await asyncio.gather(public.close(), admin.close())


def _group(text: str) -> tuple[int, list[str]]:
    """ "1:http://a,http://b" as (1, [http://a, http://b])."""
    k, _, urls = text.partition(":")
    return int(k), urls.split(",")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m minisys.availability", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--name", default="a", help="what it calls itself in X-Served-By (default: a)")
    parser.add_argument("--needs", action="append", default=[], type=_group, help="k:url,url,… may be given again")
    options = parser.parse_args()
    try:
        asyncio.run(serve(Component(options.name, options.needs)))
    except ValueError as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()
