"""The whole balancer in one event loop: front port, admin port, health checks, a gentle end.

`python -m minisys.load_balancing` runs it as a process; the tests run it in virtual time, with clients and backends in
the same loop. Both start it with `start()`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import aiohttp

from minisys.load_balancing.admin import Admin
from minisys.load_balancing.balancer import Backend, Balancer
from minisys.load_balancing.plan import HealthCheck
from minisys.load_balancing.proxy import Limits, Proxy
from minisys.load_balancing.tcp import Splicer
from minisys.testbed import http


@dataclass
class Service:
    """A running balancer: port (users) and admin_port, both on 127.0.0.1."""

    balancer: Balancer
    port: int
    admin_port: int
    front: http.Listening | asyncio.Server
    worker: Proxy | Splicer
    admin: http.Listening
    checks: asyncio.Task | None = None
    _closed: bool = field(default=False)

    async def close(self, patience_s: float = 5.0) -> None:
        """Accept nobody new, finish what is in hand within *patience_s* seconds, then go."""
        if self._closed:
            return
        self._closed = True
        if isinstance(self.front, http.Listening):
            await self.front.close(patience_s)
            await self.worker.close()
        else:
            self.front.close()
            await self.worker.close(patience_s)  # type: ignore[call-arg]
        await self.admin.close(1.0)
        if self.checks is not None:
            self.checks.cancel()
            await asyncio.gather(self.checks, return_exceptions=True)


async def start(
    balancer: Balancer,
    *,
    mode: str = "http",
    port: int = 0,
    admin_port: int = 0,
    retries: int = 1,
    limits: Limits = Limits(),  # noqa: B008 (frozen)
    header_timeout_s: float = http.HEADER_TIMEOUT_S,
    trust_luck: bool = False,
) -> Service:
    """Start a balancer in the running loop. *mode*: "http" (layer 7) or "tcp" (layer 4).

    Raises ValueError for another mode, OSError if a port is taken.
    """
    if mode not in ("http", "tcp"):
        raise ValueError(f'mode must be "http" or "tcp", got {mode!r}')
    proxy = Proxy(balancer, retries=retries, limits=limits, trust_luck=trust_luck) if mode == "http" else None
    worker = proxy or Splicer(balancer, limits.connect_s)
    try:
        front: http.Listening | asyncio.Server
        if proxy is not None:
            front = await http.listen(proxy.handle, port, header_timeout_s=header_timeout_s)
            bound = front.port
        else:
            front = await asyncio.start_server(worker.handle, "127.0.0.1", port)  # type: ignore[arg-type]
            bound = front.sockets[0].getsockname()[1]
        admin = await http.listen(Admin(balancer, proxy).handle, admin_port)
    except BaseException:
        await worker.close()
        raise
    checks = asyncio.create_task(check_forever(balancer, balancer.health)) if balancer.health else None
    return Service(balancer, bound, admin.port, front, worker, admin, checks)


async def check_forever(balancer: Balancer, check: HealthCheck) -> None:
    """Ask every backend's /health every check.interval_s seconds; nobody waits for a slow one."""
    loop = asyncio.get_running_loop()
    timeout = aiohttp.ClientTimeout(total=check.timeout_s)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)  # a kept connection would hide a port that is gone
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        due, asked = loop.time(), set[asyncio.Task]()
        while True:
            due += check.interval_s
            await asyncio.sleep(due - loop.time())
            for backend in list(balancer.backends):
                task = asyncio.create_task(_check(session, balancer, backend))
                asked.add(task)
                task.add_done_callback(asked.discard)


async def _check(session: aiohttp.ClientSession, balancer: Balancer, backend: Backend) -> None:
    try:
        async with session.get(f"http://{backend.address}/health") as answer:
            ok = answer.status < 400
    except (aiohttp.ClientError, OSError, TimeoutError):
        ok = False
    balancer.checked(backend, ok, asyncio.get_running_loop().time())
