"""Somebody else's service having a bad day: an HTTP proxy that answers wrong, late, or not at all well.

The price service is not ours. It may fail, which one retries; it may be slow, which fills one's own workers; and it may
answer at once, with status 200 and the wrong price, which no dashboard shows. This stands before it and does all three.

    python -m minisys.chaos.dependency --target 8001
    PUT /faults {"error_ratio": 0.5, "status": 503, "delay_s": 0.2, "wrong_ratio": 0.1}    (admin port; {} heals)

Promised: without faults it passes on what the target says; a wrong answer has the right form and length, but other
digits; what it did is counted in GET /faults. SIGKILL of the injector's process heals it. Not done: HTTP/2, bodies
beyond a megabyte.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

import aiohttp
from aiohttp import web

from minisys.chaos.healing import owe
from minisys.chaos.inject import Undo
from minisys.chaos.kinds import DEPENDENCY
from minisys.chaos.plan import Fault
from minisys.testbed import http, nodes
from minisys.testbed.nodes import Node

OTHER_DIGITS = bytes.maketrans(b"123456789", b"234567891")  # a leading zero stays none, so a number stays one
MAX_BODY_BYTES = 2**20


@dataclass(frozen=True)
class Day:
    """How bad a day is: chances that an answer is an error of *status*, or wrong; seconds added to each.

    Raises ValueError unless ratios are from 0 to 1, delay_s >= 0, and status from 400 to 599.
    """

    error_ratio: float = 0.0
    status: int = 503
    delay_s: float = 0.0
    wrong_ratio: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.error_ratio <= 1 and 0 <= self.wrong_ratio <= 1 and 0 <= self.delay_s < math.inf):
            raise ValueError(f"need ratios from 0 to 1 and delay_s >= 0, got {self}")
        if not 400 <= self.status <= 599:
            raise ValueError(f"status must be from 400 to 599, got {self.status}")


class BadService:
    """What stands before the service on port *target*; *seed* of its moods."""

    def __init__(self, target: int, seed: int = 0) -> None:
        self.target, self.rng, self.day = target, Random(seed), Day()
        self.counts = {"passed": 0, "errors": 0, "wrong": 0}
        self.session: aiohttp.ClientSession | None = None

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request of a user."""
        day = self.day
        await asyncio.sleep(day.delay_s)
        if self.rng.random() < day.error_ratio:
            self.counts["errors"] += 1
            return web.Response(status=day.status, text="an injected error\n")
        try:
            status, headers, body = await self._asked(request)
        except (aiohttp.ClientError, OSError) as problem:
            return web.Response(status=502, text=f"the service is not there: {problem}\n")
        wrong = self.rng.random() < day.wrong_ratio
        self.counts["wrong" if wrong else "passed"] += 1
        return web.Response(status=status, headers=headers, body=body.translate(OTHER_DIGITS) if wrong else body)

    async def _asked(self, request: web.BaseRequest) -> tuple[int, Mapping[str, str], bytes]:
        if self.session is None:
            self.session = aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0))
        said = await request.content.read(MAX_BODY_BYTES) if request.can_read_body else None
        url, headers = f"http://127.0.0.1:{self.target}{request.path_qs}", http.end_to_end(request.headers)
        async with self.session.request(request.method, url, headers=headers, data=said) as answer:
            kept = http.end_to_end(answer.headers)
            kept.popall("Content-Length", None)
            return answer.status, kept, await answer.read()

    async def control(self, request: web.BaseRequest) -> web.StreamResponse:
        """The admin port: GET and PUT /faults."""
        if request.path != "/faults" or request.method not in ("GET", "PUT"):
            return web.Response(status=404, text="known: GET /faults, PUT /faults\n")
        try:
            if request.method == "PUT":
                self.day = Day(**json.loads(await request.read() or b"{}"))
        except (ValueError, TypeError) as problem:
            return web.Response(status=400, text=f"{problem}\n")
        return web.json_response(asdict(self.day) | {"counts": self.counts})

    async def close(self) -> None:
        """Let go of the connections to the service."""
        if self.session is not None:
            await self.session.close()


class Dependencies:
    """Injector of faults in *services*: by name, the node of such a proxy."""

    def __init__(self, services: Mapping[str, Node]) -> None:
        self.services = dict(services)
        self.active: dict[str, list[Fault]] = {name: [] for name in services}

    def begin(self, fault: Fault) -> Undo:
        """Make the service's day bad. Raises ValueError if it is not known."""
        if fault.kind not in DEPENDENCY:
            raise ValueError(f"{fault.kind!r} is no fault of a dependency")
        if fault.target not in self.services:
            raise ValueError(f"there is no dependency {fault.target!r}; there are {', '.join(self.services) or 'none'}")
        active = self.active[fault.target]
        url = f"http://127.0.0.1:{self.services[fault.target].admin_port}/faults"

        def tell() -> None:
            nodes.ask("PUT", url, json.dumps(total(active)).encode())

        def act() -> None:
            active.append(fault)
            tell()

        def settle() -> None:
            active.remove(fault)
            tell()

        return owe(["ask", "PUT", url, "{}"], act, settle)


def total(faults: Iterable[Fault]) -> dict[str, Any]:
    """What *faults*, at most one of a kind, come to, as fields of Day."""
    sums: dict[str, Any] = {}
    for fault in faults:
        if fault.kind == "errors":
            sums |= {"error_ratio": fault["ratio"], "status": int(fault["status"])}
        elif fault.kind == "slow answers":
            sums["delay_s"] = fault["delay_s"]
        else:
            sums["wrong_ratio"] = fault["ratio"]
    return sums


def start(target: int, name: str = "dependency", seed: int = 0) -> Node:
    """A node that stands before the service on port *target*."""
    return nodes.start("minisys.chaos.dependency", "--target", str(target), "--seed", str(seed), name=name)


async def serve(target: int, seed: int) -> None:
    """Run until told to stop."""
    service = BadService(target, seed)
    public, admin = await http.listen(service.answer), await http.listen(service.control)
    print(f"READY {public.port} {admin.port}", flush=True)
    await http.until_told_to_stop()
    await asyncio.gather(public.close(), admin.close())
    await service.close()


if __name__ == "__main__":
    commands = argparse.ArgumentParser(prog="python -m minisys.chaos.dependency", description=__doc__.split("\n")[0])
    commands.add_argument("--target", type=int, required=True, help="the port of the real service")
    commands.add_argument("--seed", type=int, default=0, help="of its moods (default: 0)")
    options = commands.parse_args()
    asyncio.run(serve(options.target, options.seed))
