"""A bank as real processes: a gateway, instances of the monolith or of two services, and more of them while users wait.

The surge has begun, and somebody orders another instance. Until it has started, everybody waits; then the gateway
learns of it, and the line before it gets shorter. In which of the two banks does it help whom?

Promised: run() takes the model's keywords, and on the virtual clock it gives the model's times request by request; on
the real clock each instance is a process, and growing takes as long as a process takes to start. Not done here: what is
tried and drawn (surge.py).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from typing import Any

from minisys.load_balancing import virtual
from minisys.scaling.gateway import EVERYTHING, Gateway, Pool
from minisys.scaling.services import KINDS, InProcess, Service
from minisys.scaling.services_model import BOOT_S, SIZE, Grow, Shape, check
from minisys.testbed import http, nodes
from minisys.testbed.clock import run_virtual
from minisys.testbed.load import load
from minisys.testbed.nodes import Node
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload


def run(
    shape: Shape, offered: Workload, plan: Sequence[Grow] = (), *, boot_s: float = BOOT_S, clock: str = "real"
) -> Trace:
    """The trace of *offered* through a gateway and the instances of *shape*, which *plan* makes more; as the model.

    clock: "real" (processes and Locust; *boot_s* is what it is) or "virtual" (everything in this process, exact).
    ``frame.attrs["steps"]`` says, on the real clock, when instances were ordered and when they were there. Raises
    ValueError for a shape, plan or clock that makes no sense.
    """
    check(shape, plan)
    if clock not in ("real", "virtual"):
        raise ValueError(f'clock must be "virtual" or "real", got {clock!r}')
    if clock == "virtual":
        return run_virtual(_virtual(shape, offered, plan, boot_s))
    with Bank(shape) as bank:
        at: list[tuple[float, Callable[[], Any]]] = [(step.at_s, partial(bank.order, step)) for step in plan]
        trace = load(bank.url, offered, at=[(0.0, bank.begin), *at], progress=False)
        trace.frame.attrs["steps"] = bank.done()
    return trace


class Bank:
    """Running instances behind a running gateway; ends with its ``with`` block. *url*: for users.

    Raises ValueError for a shape that makes no sense.
    """

    def __init__(self, shape: Shape) -> None:
        check(shape)
        self.stack, self.hands = ExitStack(), ThreadPoolExecutor(8)
        self.stack.callback(self.hands.shutdown)
        self.count, self.start_s = dict.fromkeys(shape, 0), time.monotonic()
        self.orders, self.steps = list[Future](), dict[float, str]()
        try:
            pools = [name for name, count in shape.items() for _ in range(count)]
            started = list(self.hands.map(self._start, pools, map(self._number, pools)))
            words = [word for node, pool in zip(started, pools, strict=True) for word in ("--pool", _at(pool, node))]
            self.gateway = self.stack.enter_context(nodes.start("minisys.scaling.gateway", *words, name="gateway"))
        except BaseException:
            self.stack.close()
            raise
        self.url = self.gateway.url

    def __enter__(self) -> Bank:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def begin(self) -> None:
        """The load starts now."""
        self.start_s = time.monotonic()

    def order(self, step: Grow) -> None:
        """Begin to carry out *step*, and return at once."""
        self._note(f"order {step.instances} {step.pool}")
        self.orders += [
            self.hands.submit(self._join, step.pool, self._number(step.pool)) for _ in range(step.instances)
        ]

    def done(self) -> dict[float, str]:
        """When instances were ordered, and when the last of them was there, in seconds. Raises what an order raised."""
        for order in self.orders:
            order.result()
        return self.steps

    def pools(self) -> dict[str, dict[str, int]]:
        """What the gateway knows: instances, workers, free and waiting of each pool."""
        return dict(json.loads(nodes.ask("GET", f"http://127.0.0.1:{self.gateway.admin_port}/pools")))

    def _join(self, pool: str, number: int) -> None:
        node = self._start(pool, number)
        body = json.dumps({"url": node.url, "workers": SIZE[pool]}).encode()
        nodes.ask("POST", f"http://127.0.0.1:{self.gateway.admin_port}/pools/{pool}", body)
        self._note(f"{pool} {number} is there")

    def _start(self, pool: str, number: int) -> Node:
        serves = ",".join(KINDS) if pool == EVERYTHING else pool
        options = ["--name", f"{pool} {number}", "--workers", str(SIZE[pool]), "--serves", serves]
        node = nodes.start("minisys.scaling.services", *options, name=f"{pool}-{number}")
        self.stack.callback(node.kill)
        return node

    def _number(self, pool: str) -> int:
        self.count[pool] += 1
        return self.count[pool]

    def _note(self, what: str) -> None:
        self.steps[round(time.monotonic() - self.start_s, 4)] = what


def _at(pool: str, node: Node) -> str:
    return f"{pool}={node.url}*{SIZE[pool]}"


async def _virtual(shape: Shape, offered: Workload, plan: Sequence[Grow], boot_s: float) -> Trace:
    """The same gateway and services in one event loop."""
    async with AsyncExitStack() as stack:
        bank = _OneLoop(shape, stack)
        for name, count in shape.items():
            await bank.grow(Grow(0.0, name, count))
        gateway = Gateway(bank.pools)
        front = await http.listen(gateway.answer)
        stack.push_async_callback(front.close, 0.0)
        stack.push_async_callback(gateway.close)
        users = virtual.Users(front.port, offered, "GET", cookies=False)
        async with asyncio.TaskGroup() as group:
            for step in plan:
                group.create_task(virtual.later(step.at_s + boot_s, bank.grow, step))
            group.create_task(users.run())
    return users.trace()


class _OneLoop:
    """The instances of *shape* that live in this event loop until *stack* ends, and their pools."""

    def __init__(self, shape: Shape, stack: AsyncExitStack) -> None:
        self.pools, self.stack = {name: Pool() for name in shape}, stack

    async def grow(self, step: Grow) -> None:
        """Carry out *step* now."""
        serves = KINDS if step.pool == EVERYTHING else (step.pool,)
        for _ in range(step.instances):
            service = Service(step.pool, SIZE[step.pool], None, 1.0, serves, InProcess(0.0))
            front = await http.listen(service.answer)
            self.stack.push_async_callback(front.close, 0.0)
            self.pools[step.pool].add(f"http://127.0.0.1:{front.port}", SIZE[step.pool])
