"""A stage for the proxy's tests: a balancer and any backends in one virtual-time loop, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from minisys.load_balancing.balancer import Backend, Balancer
from minisys.load_balancing.service import Service, start
from minisys.testbed import http
from minisys.testbed.clock import run_virtual

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Stage:
    """What a test plays with: the service, its balancer, a client session, the backends' fronts by name."""

    def __init__(self, service: Service, session: aiohttp.ClientSession, fronts: dict[str, Any]) -> None:
        self.service, self.session, self.fronts = service, session, fronts
        self.balancer = service.balancer
        self.url = f"http://127.0.0.1:{service.port}"
        self.admin = f"http://127.0.0.1:{service.admin_port}"

    async def get(self, path: str = "/", **given: Any) -> tuple[int, str, Any]:
        """Status, text and headers of GET *path*."""
        return await self.ask("GET", self.url + path, **given)

    async def ask(self, method: str, url: str, **given: Any) -> tuple[int, str, Any]:
        async with self.session.request(method, url, **given) as answer:
            return answer.status, await answer.text(), answer.headers

    async def raw(self, data: bytes, wait_s: float = 100.0) -> bytes:
        """Everything the balancer says to these bytes until it closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.service.port)
        writer.write(data)
        try:
            return await asyncio.wait_for(reader.read(-1), wait_s)
        finally:
            writer.close()


def named(name: str, status: int = 200) -> Answer:
    """A backend that answers at once with its name."""

    async def answer(request: web.BaseRequest) -> web.Response:
        body = await request.content.read(-1) if request.can_read_body else b""
        return web.Response(status=status, text=f"{name} {request.method} {request.raw_path} {len(body)}\n")

    return answer


@asynccontextmanager
async def listening(backend: Answer | Raw, raw: bool) -> Any:
    if raw:
        server = await asyncio.start_server(backend, "127.0.0.1", 0)  # type: ignore[arg-type]
        try:
            yield server.sockets[0].getsockname()[1], server
        finally:
            server.close()
        return
    front = await http.listen(backend)  # type: ignore[arg-type]
    try:
        yield front.port, front
    finally:
        front.abort()
        await front.close(0.0)


def play(
    scene: Callable[[Stage], Awaitable[Any]],
    backends: dict[str, Answer | Raw],
    *,
    raw: tuple[str, ...] = (),
    policy: str = "round robin",
    judgements: dict[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Run *scene* on a stage with *backends* (those named in *raw* speak bytes), in virtual time; its result."""

    async def main() -> Any:
        async with AsyncExitStack() as stack:
            fronts, entries = {}, []
            for name, backend in backends.items():
                port, fronts[name] = await stack.enter_async_context(listening(backend, name in raw))
                entries.append(Backend(name, "127.0.0.1", port))
            balancer = Balancer(policy, entries, **(judgements or {}))
            service = await start(balancer, **options)
            try:
                async with aiohttp.ClientSession() as session:
                    return await scene(Stage(service, session, fronts))
            finally:
                await service.close(0.0)
                await asyncio.sleep(1.0)  # virtual: until the backends have seen that their connections are gone

    return run_virtual(main())
