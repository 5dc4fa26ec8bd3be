"""An API gateway: one address for the users, and behind it, for each kind of request, a pool of instances.

The bank's app knows one address. That payments and notifications are made by different programs, and how many of each
run today, is nobody's business outside. Behind a monolith stands one pool for everything.

    python -m minisys.scaling.gateway --pool payment=http://127.0.0.1:4001*2 --pool notification=http://127.0.0.1:4002*2
    python -m minisys.scaling.gateway --pool everything=http://127.0.0.1:4001*2

An instance gets only as many requests at once as it has workers (``*2``); the others wait here, in one line for each
pool, as with HAProxy's maxconn. So a pool of c workers is the c of M/M/c, whatever the number of processes.

    GET /pools                       (admin port) instances, workers, free and waiting of each pool
    POST /pools/notification         {"url": "http://127.0.0.1:4003", "workers": 2}: one more instance

Promised: first come, first served in each pool; an instance that breaks its connection is taken out, and the users
whose requests it had are told so (502). Not done: retries, health checks, streaming (chapter 03).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections import deque

import aiohttp
from aiohttp import web

from minisys.scaling.services import KINDS, kind_of
from minisys.testbed import http

EVERYTHING = "everything"
ADDRESS = re.compile(r"([a-z]+)=(http://[^/:*]+:\d{1,5})\*(\d{1,4})")
BACK = ("X-Served-By", "X-Started-S", "X-Remark", "Retry-After")


class NoInstance(Exception):
    """There is nobody in the pool."""


class Pool:
    """The free workers of one service's instances; who finds none free waits, first come, first served."""

    def __init__(self) -> None:
        self.workers: dict[str, int] = {}  # of each instance, by its url
        self.free: deque[str] = deque()
        self.waiting: deque[asyncio.Future[str]] = deque()

    def add(self, url: str, workers: int) -> None:
        """One more instance, with *workers* free workers. Raises ValueError if it is there already or has none."""
        if url in self.workers or workers < 1:
            raise ValueError(f"need an instance that is not there yet, with at least 1 worker, got {url} and {workers}")
        self.workers[url] = workers
        for _ in range(workers):
            self.give(url)

    async def take(self) -> str:
        """The url of an instance with a free worker, which is busy from now on. Raises NoInstance."""
        if not self.workers:
            raise NoInstance
        if self.free:
            return self.free.popleft()
        turn: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        return await turn

    def give(self, url: str) -> None:
        """A worker of *url* is free again: it goes to whoever has waited longest."""
        if url not in self.workers:
            return
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(url)
                return
        self.free.append(url)

    def lose(self, url: str) -> None:
        """*url* is gone, and its workers with it; if it was the last one, so is everybody's hope."""
        self.workers.pop(url, None)
        self.free = deque(each for each in self.free if each != url)
        while self.waiting and not self.workers:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_exception(NoInstance())

    def told(self) -> dict[str, int]:
        """How it is."""
        workers = sum(self.workers.values())
        waiting = sum(not turn.done() for turn in self.waiting)
        return {"instances": len(self.workers), "workers": workers, "free": len(self.free), "waiting": waiting}


class Gateway:
    """Sends each request to the pool of its kind, or to the one for everything. Make it in a running loop."""

    def __init__(self, pools: dict[str, Pool]) -> None:
        if set(pools) not in ({EVERYTHING}, set(KINDS)):
            raise ValueError(
                f"there is one pool {EVERYTHING}, or one for each of {', '.join(KINDS)}; got {list(pools)}"
            )
        self.pools = pools
        no_limit = aiohttp.TCPConnector(limit=0)
        self.session = aiohttp.ClientSession(connector=no_limit, timeout=aiohttp.ClientTimeout(None))

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one user."""
        kind = kind_of(request.path)
        if kind is None:
            return web.Response(status=404, text="known: /item/17; even numbers are payments, odd ones notifications\n")
        name = EVERYTHING if EVERYTHING in self.pools else kind
        try:
            url = await self.pools[name].take()
        except NoInstance:
            return web.Response(status=503, text=f"no instance is left that serves {name}\n")
        try:
            return await self._forward(request, url)
        except (aiohttp.ClientError, OSError) as problem:
            self.pools[name].lose(url)
            return web.Response(
                status=502, text=f"the instance at {url} ({name}) broke off and was taken out: {problem}\n"
            )
        finally:
            self.pools[name].give(url)

    async def _forward(self, request: web.BaseRequest, url: str) -> web.Response:
        headers = {"X-Work-S": request.headers.get("X-Work-S", "0")}
        async with self.session.request(request.method, url + request.path, headers=headers) as upstream:
            body = await upstream.read()
        back = {name: upstream.headers[name] for name in BACK if name in upstream.headers}
        return web.Response(status=upstream.status, body=body, headers=back)

    async def admin(self, request: web.BaseRequest) -> web.StreamResponse:
        """The admin port."""
        if (request.method, request.path) == ("GET", "/pools"):
            return web.json_response({name: pool.told() for name, pool in self.pools.items()})
        name = request.path.removeprefix("/pools/")
        if request.method != "POST" or name not in self.pools:
            return web.Response(status=404, text=f"known: GET /pools, POST /pools/({'|'.join(self.pools)})\n")
        try:
            given = json.loads(await request.content.read(10_000))
            _, url, workers = address(f"{name}={given['url']}*{given['workers']}")
            self.pools[name].add(url, workers)
        except (ValueError, TypeError, KeyError) as problem:
            example = '{"url": "http://127.0.0.1:4003", "workers": 2}'
            return web.Response(status=400, text=f"the body must be like {example}: {problem}\n")
        return web.json_response(self.pools[name].told())

    async def close(self) -> None:
        """Close the connections to the instances."""
        await self.session.close()


def address(text: str) -> tuple[str, str, int]:
    """ "payment=http://127.0.0.1:4001*2" as pool, url and workers. Raises ValueError, with that example, if not."""
    match = ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError(f"an instance is pool=url*workers, like payment=http://127.0.0.1:4001*2; got {text!r}")
    return match[1], match[2], int(match[3])


async def serve(options: argparse.Namespace) -> None:
    """Run a gateway until it is told to stop."""
    pools: dict[str, Pool] = {}
    for name, url, workers in map(address, options.pool):
        pools.setdefault(name, Pool()).add(url, workers)
    gateway = Gateway(pools)
    public, admin = await http.listen(gateway.answer, options.port), await http.listen(gateway.admin)
    print(f"READY {public.port} {admin.port}", flush=True)
    await http.until_told_to_stop()
    await asyncio.gather(public.close(), admin.close())
    await gateway.close()


def main() -> None:
    """The command line."""
    first_line = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m minisys.scaling.gateway", description=first_line)
    parser.add_argument("--pool", action="append", default=[], help="pool=url*workers; repeat it for each instance")
    parser.add_argument("--port", type=int, default=0, help="0: any free port (default)")
    try:
        asyncio.run(serve(parser.parse_args()))
    except (ValueError, OSError) as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()
