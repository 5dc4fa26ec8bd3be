"""A shop of cart servers as real processes: the same users and the same plan, with carts here, there or elsewhere.

"It worked in the simulation" convinces nobody who has been called at night. So here the servers die as processes die,
the users keep real cookies, and whoever restarts a server has to wait until it has started.

Promised: cart servers behind chapter 03's balancer, users with cookies made by Locust, and a plan whose steps are
carried out one after the other; a step may also hit the process called "store". On the virtual clock the very same
server, balancer and cookies lose exactly the carts that the model loses. Not done here: what is tried and drawn
(stateless.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Protocol

from minisys.load_balancing import live, policies, virtual
from minisys.load_balancing.health import Sticky
from minisys.load_balancing.live import Cluster
from minisys.load_balancing.plan import Step, backend_names
from minisys.scaling import real
from minisys.scaling.cart import CartServer
from minisys.scaling.stateless_model import HEALTH, POLICY, WORKERS
from minisys.scaling.store import Local
from minisys.testbed import nodes
from minisys.testbed.load import load
from minisys.testbed.nodes import Node
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload

IN_MEMORY, STORE, VALKEY, ON_DISK = "in memory", "external store", "Valkey", "Valkey on disk"
WAYS = (IN_MEMORY, STORE, VALKEY, ON_DISK)
UP_WITHIN_S = 10.0


def run(way: str, offered: Workload, plan: Sequence[Step] = (), *, instances: int = 3, clock: str = "real") -> Trace:
    """The trace of *offered* through *instances* cart servers that keep carts one *way*, while *plan* is carried out.

    way: one of WAYS. plan: steps for servers ("a", "b", …) and for "store". clock: "real" (processes and Locust) or
    "virtual" (everything in this process, exact; the first two ways, no step for the store). ``frame.attrs`` has
    "remarks" (moments of lost carts) and, on the real clock, "steps" (when each was done). Raises ValueError for
    another way or clock, real.ProductMissing if Valkey is not installed.
    """
    if way not in WAYS or clock not in ("real", "virtual"):
        raise ValueError(f"carts are kept {', '.join(WAYS)}, on a real or virtual clock; got {way!r} and {clock!r}")
    if clock == "virtual":
        return _virtual(way, offered, plan, instances)
    with ExitStack() as stack:
        store = stack.enter_context(_store(way))
        server = ("minisys.scaling.cart", *(["--store", store.url] if store else []))
        shop = stack.enter_context(
            live.cluster(
                POLICY, backends=instances, workers=WORKERS, health=HEALTH, sticky=store is None, server=server
            )
        )
        hand = stack.enter_context(_Hand(shop, store))
        at: list[tuple[float, Callable[[], Any]]] = [(step.at_s, partial(hand.take, step)) for step in plan]
        trace = load(shop.url, offered, method="PUT", cookies=True, at=[(0.0, hand.begin), *at], progress=False)
        trace.frame.attrs["steps"] = hand.done()
    return trace


class StoreProcess(Protocol):
    """A running store: *url* for the cart servers, *node* the process, and how to kill it and start it again."""

    url: str
    node: Node

    def kill(self) -> None:
        """SIGKILL."""

    def restart(self) -> None:
        """Start it again at the same url."""


class OwnStore:
    """store.py as a process."""

    def __init__(self) -> None:
        self.node = nodes.start("minisys.scaling.store", name="store")
        self.url = self.node.url

    def kill(self) -> None:
        """SIGKILL: every cart is gone."""
        self.node.kill()

    def restart(self) -> None:
        """Start it again, empty, on its port."""
        self.node = nodes.start("minisys.scaling.store", "--port", str(self.node.port), name="store")


@contextmanager
def _store(way: str) -> Iterator[StoreProcess | None]:
    """The running store of this *way*; None if carts are kept in memory."""
    if way == IN_MEMORY:
        yield None
    elif way == STORE:
        own = OwnStore()
        try:
            yield own
        finally:
            own.node.kill()
    else:
        with real.valkey(durable=way == ON_DISK) as server:
            yield server


class _Hand:
    """Carries out the steps of a plan, one at a time, and notes when."""

    def __init__(self, shop: Cluster, store: StoreProcess | None) -> None:
        self.shop, self.store, self.thread = shop, store, ThreadPoolExecutor(1)
        self.futures, self.steps, self.start_s = list[Future](), dict[float, str](), 0.0

    def __enter__(self) -> _Hand:
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.shutdown(cancel_futures=True)

    def begin(self) -> None:
        """The load starts now."""
        self.start_s = time.monotonic()

    def take(self, step: Step) -> None:
        """Do *step* as soon as those before it are done."""
        self.futures.append(self.thread.submit(self._do, step))

    def done(self) -> dict[float, str]:
        """When each step was begun, in seconds. Raises what a step has raised."""
        for future in self.futures:
            future.result()
        return self.steps

    def _do(self, step: Step) -> None:
        self.steps[round(time.monotonic() - self.start_s, 4)] = f"{step.action} {step.backend}"
        if step.backend == "store":
            target: Any = self.store if step.action in ("kill", "restart") else self.store and self.store.node
            getattr(target, step.action)()
            return
        self.shop.do(step)
        deadline = time.monotonic() + UP_WITHIN_S
        while step.action == "add" and self._state(step.backend) != "up":  # before anybody else may be drained
            if time.monotonic() > deadline:
                raise nodes.NodeFailed(f"{step.backend} was added, but the balancer does not find it well")
            time.sleep(0.02)

    def _state(self, name: str) -> str:
        return next(row["state"] for row in self.shop.backends() if row["name"] == name)


def _virtual(way: str, offered: Workload, plan: Sequence[Step], instances: int) -> Trace:
    """The same on the virtual clock, where the store is an object that all servers share."""
    if way not in (IN_MEMORY, STORE) or any(step.backend == "store" for step in plan):
        raise ValueError(f"the virtual clock knows carts in memory and in a store that stays; got {way!r} and {plan}")
    shared = Local()

    def make(name: str, workers: int, queue: int | None, speed: float) -> CartServer:
        return CartServer(name, workers, queue, speed, Local() if way == IN_MEMORY else shared)

    shape: dict[str, Any] = {"workers": WORKERS, "queue": None, "weights": None, "speed": None, "timeout_s": None}
    shape |= {"names": backend_names(instances), "plan": plan, "health": HEALTH, "retries": 1, "method": "PUT"}
    sticky = Sticky() if way == IN_MEMORY else None
    return virtual.run(policies.policy(POLICY), offered, **shape, make=make, cookies=True, sticky=sticky)
