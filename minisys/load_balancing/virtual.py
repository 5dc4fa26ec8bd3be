"""The live balancer in virtual time: users, proxy and backends in one event loop, over real sockets.

Is a difference between simulation and live system a lesson or a bug? On the virtual clock there is no excuse: sockets
cost nothing, so every request must meet the same backend and the same times as in the model, or one of them is wrong.

Promised: the very proxy and backend that run as processes otherwise. Not shown: what sockets and processors cost.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import aiohttp

from minisys.load_balancing.balancer import Backend as Entry
from minisys.load_balancing.balancer import Balancer
from minisys.load_balancing.plan import HealthCheck, Step, speeds
from minisys.load_balancing.policies import Policy
from minisys.load_balancing.proxy import Limits
from minisys.load_balancing.service import start
from minisys.testbed import http
from minisys.testbed.backend import Backend
from minisys.testbed.clock import run_virtual
from minisys.testbed.trace import OUTCOMES, Trace
from minisys.testbed.workload import Workload

Make = Callable[[str, int, int | None, float], Backend]


class Backends:
    """The backends of one run, each as *make* makes it: they can be killed, slowed down, paused, added, drained …"""

    def __init__(self, workers: int, queue: int | None, make: Make) -> None:
        self.workers, self.queue, self.make = workers, queue, make
        self.nodes: dict[str, Backend] = {}
        self.fronts: dict[str, http.Listening] = {}

    async def start(self, name: str, speed: float = 1.0, port: int = 0) -> Entry:
        """Start backend *name*, empty."""
        self.nodes[name] = self.make(name, self.workers, self.queue, speed)
        self.fronts[name] = await http.listen(self.nodes[name].answer, port)
        return Entry(name, "127.0.0.1", self.fronts[name].port)

    async def do(self, step: Step, balancer: Balancer) -> None:
        """Carry out one step of a plan."""
        name, now = step.backend, asyncio.get_running_loop().time()
        match step.action:
            case "kill":
                self.fronts[name].abort()
            case "stop":
                await self.fronts[name].close()
            case "restart":
                await self.start(name, self.nodes[name].speed, self.fronts[name].port)
            case "slow":
                self.nodes[name].slow(step.value)
            case "pause":
                self.nodes[name].well.clear()
            case "resume":
                self.nodes[name].well.set()
            case "add":
                entry = await self.start(name) if name not in self.nodes else balancer.find(name)
                balancer.add(Entry(name, entry.host, entry.port, step.value), now)
            case "drain":
                balancer.drain(name)
            case "remove":
                balancer.retire(name)
            case "weight":
                balancer.set_weight(name, step.value)

    async def close(self) -> None:
        """All gone."""
        for node in self.nodes.values():
            node.well.set()
            await node.close()
        for front in self.fronts.values():
            front.abort()
            await front.close(0.0)


def run(
    policy: Policy,
    workload: Workload,
    *,
    names: Sequence[str],
    workers: int,
    queue: int | None,
    weights: Sequence[float] | None,
    speed: Sequence[float] | None,
    plan: Sequence[Step],
    health: HealthCheck | None,
    retries: int,
    timeout_s: float | None,
    method: str,
    make: Make = Backend,
    cookies: bool = False,
    **judgements: Any,
) -> Trace:
    """The trace of *workload* in virtual time; keywords as in live.run and, for *cookies* and remarks, as in load().

    make: the backend's class or a function like it, of (name, workers, queue, speed).
    """

    async def everything() -> Trace:
        farm, rates = Backends(workers, queue, make), speeds(speed, names)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(farm.close)
            entries = [await farm.start(name, rate) for name, rate in zip(names, rates, strict=True)]
            for entry, weight in zip(entries, weights or [1.0] * len(entries), strict=True):
                entry.weight = weight
            balancer = Balancer(policy, entries, health=health, **judgements)
            limits = Limits(answer_s=timeout_s or 1e9)
            service = await start(balancer, retries=retries, limits=limits, trust_luck=True)
            stack.push_async_callback(service.close, 0.0)
            users = Users(service.port, workload, method, cookies)
            async with asyncio.TaskGroup() as group:
                for step in plan:
                    group.create_task(later(step.at_s, farm.do, step, balancer))
                group.create_task(users.run())
        return users.trace()

    return run_virtual(everything())


async def later(at_s: float, do: Any, *args: Any) -> None:
    await asyncio.sleep(at_s - asyncio.get_running_loop().time())
    await do(*args)


class Users:
    """Sends every request at its moment and writes down what came back."""

    def __init__(self, port: int, workload: Workload, method: str, cookies: bool) -> None:
        self.url, self.workload, self.method = f"http://127.0.0.1:{port}", workload, method
        self.jars: defaultdict[int, dict[str, str]] | None = defaultdict(dict) if cookies else None
        self.remarks: defaultdict[str, list[float]] = defaultdict(list)
        nothing_yet = (math.nan, math.nan, "", "unfinished", 1)
        self.rows: list[tuple[float, float, str, str, int]] = [nothing_yet] * len(workload)

    async def run(self) -> None:
        """Send everything and wait for the last answer."""
        loop = asyncio.get_running_loop()
        no_limit = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=no_limit) as session:
            async with asyncio.TaskGroup() as group:
                for i, arrival in enumerate(self.workload.arrival_s.tolist()):
                    await asyncio.sleep(max(0.0, arrival - loop.time()))
                    group.create_task(self._send(session, i))

    async def _send(self, session: aiohttp.ClientSession, i: int) -> None:
        given, loop = self.workload, asyncio.get_running_loop()
        headers = {"X-Work-S": repr(float(given.work_s[i])), "X-Luck": repr(float(given.luck[i]))}
        jar = {} if self.jars is None else self.jars[given.key[i]]
        if jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        try:
            async with session.request(self.method, f"{self.url}/item/{given.key[i]}", headers=headers) as answer:
                await answer.read()
        except (aiohttp.ClientError, OSError):
            self.rows[i] = (math.nan, loop.time(), "", "failed", 1)
            return
        said, outcome = answer.headers, judge(answer.status, answer.headers)
        jar |= {name: cookie.value for name, cookie in answer.cookies.items()}
        if "X-Remark" in said:
            self.remarks[said["X-Remark"]].append(float(given.arrival_s[i]))
        started = float(said.get("X-Started-S", "nan")) if outcome == "ok" else math.nan
        self.rows[i] = (started, loop.time(), said.get("X-Served-By", ""), outcome, int(said.get("X-Attempts", "1")))

    def trace(self) -> Trace:
        """What the users saw."""
        started, finished, server, outcome, attempts = zip(*self.rows, strict=True)
        names = sorted(set(server) - {""})
        code = {name: i for i, name in enumerate(names)} | {"": -1}
        trace = Trace.from_columns(
            self.workload.arrival_s, started, finished, [code[name] for name in server], names,
            [OUTCOMES.index(name) for name in outcome], attempts, self.workload.key,
        )  # fmt: skip
        trace.frame.attrs["remarks"] = {text: sorted(times) for text, times in self.remarks.items()}
        return trace


def judge(status: int, headers: Any) -> str:
    """The outcome that a status stands for; 503 with Retry-After is a full queue's polite refusal."""
    if 200 <= status < 300:
        return "ok"
    if status == 504:
        return "timeout"
    return "refused" if status == 503 and "Retry-After" in headers else "failed"
