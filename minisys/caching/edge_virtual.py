"""The live network in virtual time: shop, shield, edges and users in one event loop, over real sockets.

An hour of a copy's life passes in a blink, and two runs give the same figures to the last digit. So what the chapter
says about keys, purges and private pages is shown on the very code that `python -m minisys.caching.edge` runs, exactly.

    play(Plan(("Sydney",)), scene)            where  async def scene(net): … await net.ask("Sydney", "/item/3") …

Promised: sockets and processors cost nothing here; every answer that users got is in `seen`. Not shown: what they cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp

from minisys.caching import edge
from minisys.caching.content import round_trip_s
from minisys.caching.edge_fetch import Rules
from minisys.caching.edge_model import NEAR_S, Plan
from minisys.caching.edge_shop import Shop
from minisys.testbed import http
from minisys.testbed.backend import Backend
from minisys.testbed.clock import run_virtual
from minisys.testbed.workload import Workload

Headers = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Seen:
    """What one user got: when sent and finished (seconds), from which region, for which path, and the answer."""

    sent_s: float
    finished_s: float
    region: str
    path: str
    status: int
    text: str
    headers: Any

    @property
    def cache(self) -> str:
        """X-Cache of the edge."""
        return str(self.headers.get("X-Cache", ""))


class VirtualNetwork:
    """A network inside a virtual loop; play() makes it. shop, services (by name, the shield first), seen."""

    def __init__(self, plan: Plan, shop: Backend, session: aiohttp.ClientSession) -> None:
        self.plan, self.shop, self.session = plan, shop, session
        self.services: dict[str, edge.Service] = {}
        self.seen: list[Seen] = []
        self.now, self.skipped_s = asyncio.get_running_loop().time, 0.0

    def wall(self) -> float:
        """The caches' clock: the loop's, and what was skipped."""
        return self.now() + self.skipped_s

    def skip(self, seconds: float) -> None:
        """So many seconds pass at once for every copy: a year in which nobody comes."""
        self.skipped_s += seconds

    async def ask(self, region: str, path: str, method: str = "GET", **headers: str) -> Seen:
        """One user's request in *region*; a header's name is given with _ for -."""
        sent_s, told = self.now(), {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.services[region].port}{path}"
        async with self.session.request(method, url, headers=told, allow_redirects=False) as answer:
            body = (await answer.read()).decode(errors="replace")
            found = Seen(sent_s, self.now(), region, path, answer.status, body, answer.headers)
        self.seen.append(found)
        return found

    async def users(self, workload: Workload, path: str = "/item/{}") -> list[Seen]:
        """Send *workload*, each request at its moment and from its region; what they got, in order of sending."""

        async def user(at_s: float, region: str, key: int) -> Seen:
            await asyncio.sleep(began_s + at_s - self.now())
            return await self.ask(region, path.format(key))

        began_s, where = self.now(), self.plan.region_of(workload.luck).tolist()
        regions = (self.plan.regions[number] for number in where)
        rows = zip(workload.arrival_s.tolist(), regions, workload.key.tolist(), strict=True)
        return list(await asyncio.gather(*(user(*row) for row in rows)))

    def purge(self, kind: str, what: str = "", soft: bool = False, order: str = "shield first") -> int:
        """Purge a "url", a "tag" or "all", in the shield first, or in "edges first"; how many copies."""
        services = list(self.services.values())
        return sum(
            each.edge.purge(kind, what, soft) for each in (services if order == "shield first" else services[::-1])
        )

    async def start(self, stack: AsyncExitStack, origin_port: int, **options: Any) -> None:
        """Start the shield, if the plan has one, and the edges; *options* as in edge.start()."""
        plan, port, place = self.plan, origin_port, self.plan.origin
        if plan.shield and plan.caching:
            far_s = round_trip_s(plan.shield, place)
            port, place = await self._edge(stack, "shield", port, to_origin_s=far_s, **options), plan.shield
        for region in plan.regions:
            far_s = round_trip_s(region, place)
            await self._edge(stack, region, port, to_origin_s=far_s, distance_s=NEAR_S, **options)

    async def _edge(self, stack: AsyncExitStack, name: str, port: int, **options: Any) -> int:
        service = await edge.start(f"http://127.0.0.1:{port}", edge.plain_name(name), now=self.wall, **options)
        stack.push_async_callback(service.close, 0.0)
        self.services[name] = service
        return service.port


def play(
    plan: Plan, scene: Callable[[VirtualNetwork], Awaitable[Any]], *, headers: Headers | None = None,
    rules: Rules | None = None, policy: str = "lru", shop: Callable[[], Backend] | None = None,
) -> Any:  # fmt: skip
    """Run *scene* on the network of *plan* in virtual time; its result.

    headers: the shop's, by kind of page. rules, policy: of the edges. shop: makes another origin.
    """
    rules = rules or Rules(caching=plan.caching)

    async def everything() -> Any:
        async with AsyncExitStack() as stack:
            made = shop() if shop else Shop(
                workers=plan.workers, work_s=plan.work_s, check_s=plan.check_s, headers=headers
            )  # fmt: skip
            front = await http.listen(made.answer)
            stack.push_async_callback(asyncio.sleep, 1.0)  # virtual: until the origin has seen that all have gone
            stack.push_async_callback(front.close, 0.0)
            connector, cookies = aiohttp.TCPConnector(limit=0), aiohttp.DummyCookieJar()
            session = aiohttp.ClientSession(connector=connector, cookie_jar=cookies, auto_decompress=False)
            net = VirtualNetwork(plan, made, await stack.enter_async_context(session))
            await net.start(stack, front.port, rules=rules, policy=policy)
            return await scene(net)

    return run_virtual(everything())
