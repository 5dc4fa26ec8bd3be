"""A stage for the edge's tests: an edge and an origin of any kind in one virtual-time loop, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp import web

from minisys.caching import edge
from minisys.testbed import http
from minisys.testbed.clock import run_virtual

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Scripted:
    """An origin that answers with *headers* and counts; `body` is the number of the answer, after work_s seconds."""

    def __init__(self, headers: dict[str, str] | None = None, work_s: float = 0.0, status: int = 200) -> None:
        self.headers, self.work_s, self.status = headers or {}, work_s, status
        self.seen: list[web.BaseRequest] = []
        self.made = 0

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        self.seen.append(request)
        await request.read()
        await asyncio.sleep(self.work_s)
        tag = self.headers.get("ETag")
        if tag and tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=self.headers)
        self.made += 1
        return web.Response(status=self.status, text=f"answer {self.made}\n", headers=self.headers)


class Stage:
    """What a test plays with: the edge's service, a client session, the origin's front."""

    def __init__(self, service: edge.Service, session: aiohttp.ClientSession, front: Any) -> None:
        self.service, self.session, self.front = service, session, front
        self.edge = service.edge
        self.url, self.admin = f"http://127.0.0.1:{service.port}", f"http://127.0.0.1:{service.admin_port}"

    async def get(self, path: str = "/x", method: str = "GET", **headers: str) -> tuple[int, str, Any]:
        """Status, text and headers of *path*; a header's name is given with _ for -."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, self.url + path, headers=told, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers

    async def ask(self, method: str, path: str) -> tuple[int, Any]:
        """Status and JSON of the admin port."""
        async with self.session.request(method, self.admin + path) as answer:
            return answer.status, await answer.json(content_type=None)

    async def raw(self, data: bytes, wait_s: float = 100.0) -> bytes:
        """Everything the edge says to these bytes until it closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.service.port)
        writer.write(data)
        try:
            return await asyncio.wait_for(reader.read(-1), wait_s)
        finally:
            writer.close()


def play(scene: Callable[[Stage], Awaitable[Any]], origin: Any, *, raw: bool = False, **options: Any) -> Any:
    """Run *scene* on a stage with *origin* (*raw*: it speaks bytes), in virtual time; its result."""

    async def main() -> Any:
        if raw:
            front: Any = await asyncio.start_server(origin, "127.0.0.1", 0)
            port = front.sockets[0].getsockname()[1]
        else:
            front = await http.listen(origin)
            port = front.port
        now = asyncio.get_running_loop().time
        service = await edge.start(f"http://127.0.0.1:{port}", now=now, **options)
        try:
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
                return await scene(Stage(service, session, front))
        finally:
            await service.close(0.0)
            if raw:
                front.close()
            else:
                front.abort()
                await front.close(0.0)
            await asyncio.sleep(1.0)  # virtual: until the origin has seen that its connections are gone

    return run_virtual(main())
