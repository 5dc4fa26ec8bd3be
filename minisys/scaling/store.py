"""The shopping carts, kept outside the shop's servers: one process that all of them ask, so that any of them may die.

A server that remembers its users cannot be switched off at noon. Put what it remembers somewhere else and the server
becomes like any other: add one, kill one, nobody can tell. The memory has to be somewhere, though, and now it is here.

    python -m minisys.scaling.store --max-carts 100000 --max-things 1000

    PUT /carts/17/6   thing number 6 is in cart 17; the answer says how many things are in it
    GET /carts/17     how many things are in cart 17

Promised: an increment that may be repeated. Things have numbers, and putting one twice has the effect of putting it
once. Each request is done whole or not at all, and memory has a bound: beyond it the answer is 507 and nothing changes.
Not promised: that anything outlives this process (real.py has a store that writes to disk).
"""

from __future__ import annotations

import argparse
import asyncio
import re
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from minisys.testbed import http

PATIENCE_S = 1.0  # how long a shop's server waits for the store before it tells the user
CART = re.compile(r"/carts/([A-Za-z0-9_-]{1,64})(?:/(\d{1,9}))?")


class StoreDown(Exception):
    """The store did not do what it was asked; the message says why. Nobody's cart has lost anything by it."""


class Carts:
    """The numbers of the things in each cart, in this process's memory.

    At most *max_carts* carts of *max_things* things each. Raises ValueError if one of them is below 1.
    """

    def __init__(self, max_carts: int = 100_000, max_things: int = 1_000) -> None:
        if max_carts < 1 or max_things < 1:
            raise ValueError(f"need max_carts >= 1 and max_things >= 1, got {max_carts} and {max_things}")
        self.max_carts, self.max_things = max_carts, max_things
        self.carts: dict[str, set[int]] = {}

    def put(self, cart: str, thing: int) -> int:
        """Thing number *thing* is in *cart* from now on; how many things that makes. Raises StoreDown if it is full."""
        things = self.carts.get(cart, set())
        if cart not in self.carts and len(self.carts) >= self.max_carts:
            raise StoreDown(f"there is room for {self.max_carts} carts only")
        if thing not in things and len(things) >= self.max_things:
            raise StoreDown(f"a cart has room for {self.max_things} things only")
        things.add(thing)
        self.carts[cart] = things
        return len(things)

    def count(self, cart: str) -> int:
        """How many things are in *cart*; 0 if there is no such cart."""
        return len(self.carts.get(cart, ()))


class Store(Protocol):
    """Where a shop's server keeps carts. Each method may raise StoreDown."""

    async def put(self, cart: str, thing: int) -> int:
        """As Carts.put."""

    async def count(self, cart: str) -> int:
        """As Carts.count."""

    async def close(self) -> None:
        """Let go of connections."""


class Local:
    """The server's own memory: fast, simple, and gone with the server."""

    def __init__(self) -> None:
        self.carts = Carts()

    async def put(self, cart: str, thing: int) -> int:
        return self.carts.put(cart, thing)

    async def count(self, cart: str) -> int:
        return self.carts.count(cart)

    async def close(self) -> None:
        self.carts = Carts()


class Remote:
    """The store process at *url*, asked over HTTP on kept-alive connections."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE_S))

    async def put(self, cart: str, thing: int) -> int:
        return await self._ask("PUT", f"/carts/{cart}/{thing}")

    async def count(self, cart: str) -> int:
        return await self._ask("GET", f"/carts/{cart}")

    async def close(self) -> None:
        await self.session.close()

    async def _ask(self, method: str, path: str) -> int:
        try:
            async with self.session.request(method, self.url + path) as answer:
                said = (await answer.text()).strip()
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            why = str(problem) or f"no answer within {PATIENCE_S:g} s"
            raise StoreDown(f"the store at {self.url} is not there: {why}") from None
        if answer.status != 200 or not said.isdigit():
            raise StoreDown(f"the store at {self.url} said {answer.status}: {said[:200]}")
        return int(said)


class Redis:
    """Valkey or Redis at *url*: each cart is one of its sets, so that SADD and SCARD do what Carts does."""

    def __init__(self, url: str) -> None:
        try:  # only here: a server that needs no Redis shall not carry its client
            from redis.asyncio import Redis as Client
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import RedisError
        except ImportError:
            raise ValueError(f"{url}: the client redis is not installed; make lab installs it") from None
        self.url, self.error = url, RedisError
        self.client = Client.from_url(
            url, retry=Retry(NoBackoff(), 1), socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S
        )

    async def put(self, cart: str, thing: int) -> int:
        try:
            async with self.client.pipeline(transaction=True) as both:  # MULTI … EXEC: nobody comes in between
                both.sadd(f"cart:{cart}", thing)
                both.scard(f"cart:{cart}")
                return int((await both.execute())[1])
        except self.error as problem:
            raise StoreDown(f"the store at {self.url} is not there: {problem}") from None

    async def count(self, cart: str) -> int:
        try:
            return int(await self.client.scard(f"cart:{cart}"))
        except self.error as problem:
            raise StoreDown(f"the store at {self.url} is not there: {problem}") from None

    async def close(self) -> None:
        await self.client.aclose()


def open_store(url: str | None) -> Store:
    """The store at *url*: None is this process's own memory, http://host:port our store, redis://host:port Valkey.

    Call it in a running event loop. Raises ValueError for any other url, and if Redis's client is not installed.
    """
    if url is None:
        return Local()
    try:
        parts = urlsplit(url)
        complete = bool(parts.hostname and parts.port)
    except ValueError:
        complete = False
    if not complete or parts.scheme not in ("http", "redis"):
        raise ValueError(f"a store is http://host:port or redis://host:port, got {url!r}")
    return Remote(url) if parts.scheme == "http" else Redis(url)


class Service:
    """The HTTP face of *carts*."""

    def __init__(self, carts: Carts) -> None:
        self.carts = carts

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request; between its first and its last line no other one runs."""
        if request.path == "/health":
            return web.Response(text="ok\n")
        match = CART.fullmatch(request.path)
        if match is None or request.method != ("PUT" if match[2] else "GET"):
            return web.Response(status=404, text="known: PUT /carts/17/6 and GET /carts/17\n")
        try:
            there = self.carts.put(match[1], int(match[2])) if match[2] else self.carts.count(match[1])
        except StoreDown as problem:
            return web.Response(status=507, text=f"{problem}\n")
        return web.Response(text=f"{there}\n")


async def serve(options: argparse.Namespace) -> None:
    """Run the store until it is told to stop."""
    service = Service(Carts(options.max_carts, options.max_things))
    public = await http.listen(service.answer, options.port)
    print(f"READY {public.port}", flush=True)
    await http.until_told_to_stop()
    await public.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m minisys.scaling.store", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--max-carts", type=int, default=100_000, help="how many carts (default: 100000)")
    parser.add_argument("--max-things", type=int, default=1_000, help="how many things in each (default: 1000)")
    parser.add_argument("--port", type=int, default=0, help="0: any free port (default)")
    try:
        asyncio.run(serve(parser.parse_args()))
    except (ValueError, OSError) as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()
