"""The database of the stampede: makes a page in the time that the request says, and remembers who asked when.

It has a few workers, as a database has a few processors; who comes when all are busy waits. When a popular page
expires, this is where the crowd is.

    python -m minisys.caching.database --workers 4

GET /counts on its admin port: JSON, of each page made [asked_s, done_s] on this machine's monotonic clock; POST
/counts forgets them. Not done: any data.
"""

from __future__ import annotations

import argparse
import asyncio
import json

from aiohttp import web

from minisys.testbed import backend
from minisys.testbed.backend import Backend


class Database(Backend):
    """The bench's backend, with an account of its work."""

    def __init__(self, name: str = "database", workers: int = 4) -> None:
        super().__init__(name, workers)
        self.made: list[tuple[float, float]] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Make one page, in turn."""
        asked_s = asyncio.get_running_loop().time()
        made = await super().answer(request)
        self.made.append((asked_s, asyncio.get_running_loop().time()))
        return made

    async def control(self, request: web.BaseRequest) -> web.StreamResponse:
        """The admin port: GET or POST /counts, or the backend's own."""
        if request.path != "/counts":
            return await super().control(request)
        if request.method == "POST":
            self.made.clear()
        return web.Response(text=json.dumps(self.made), content_type="application/json")


def make(options: argparse.Namespace) -> Database:
    """The database that the command line asks for."""
    return Database(options.name, options.workers)


if __name__ == "__main__":
    backend.main(backend.parser("minisys.caching.database", __doc__), make)
