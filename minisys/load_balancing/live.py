"""The balancer for real: processes on 127.0.0.1, users made by Locust, and a plan of things that go wrong.

A backend is killed at 2.0 s with SIGKILL. The simulation said nobody would notice. Here the same requests, the same
policy and the same plan meet real sockets, and the trace that comes back has the same columns.

    run("least connections", workload, plan=[Step(2.0, "kill", "b")], clock="real")
    with cluster("least connections") as shop: shop.kill("b")

Promised: run() takes the model's keywords; with clock="virtual" it gives the model's trace, request by request.
Promised: what users saw is counted by a process that is neither proxy nor backend. Not promised: that timings on the
real clock repeat; they include sockets, two processors and whatever else runs on this machine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from minisys.load_balancing import policies, virtual
from minisys.load_balancing.health import OutlierEjection, RetryBudget, Sticky
from minisys.load_balancing.plan import HealthCheck, Step, backend_names, check_plan, speeds
from minisys.load_balancing.policies import NAMES, Policy, new_pool
from minisys.load_balancing.threaded import ThreadedBalancer
from minisys.testbed import nodes
from minisys.testbed.load import load
from minisys.testbed.nodes import Node, ask
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload

SERVER = "minisys.testbed.backend"


def run(
    policy: str | Policy,
    workload: Workload,
    *,
    backends: int | Sequence[str] = 3,
    workers: int = 1,
    queue: int | None = None,
    weights: Sequence[float] | None = None,
    speed: Sequence[float] | None = None,
    plan: Sequence[Step] = (),
    health: HealthCheck | None = HealthCheck(),  # noqa: B008 (frozen)
    retries: int = 1,
    timeout_s: float | None = None,
    method: str = "GET",
    budget: RetryBudget | None = None,
    ejection: OutlierEjection | None = None,
    slow_start_s: float = 0.0,
    clock: str = "virtual",
    users: int | None = None,
    progress: bool = False,
) -> Trace:
    """The trace of *workload* through the live proxy; keywords as in model.simulate.

    clock: "virtual" (everything in this process, exact, no waiting) or "real" (processes and Locust). users: closed
    loop with so many users (real clock only). Raises ValueError for a bad argument.
    """
    chosen, names = policies.policy(policy), backend_names(backends)
    plan = check_plan(plan, names)
    shape: dict[str, Any] = {"workers": workers, "queue": queue, "weights": weights, "speed": speed}
    judgements: dict[str, Any] = {"ejection": ejection, "slow_start_s": slow_start_s, "budget": budget}
    rest: dict[str, Any] = {"health": health, "retries": retries, "timeout_s": timeout_s}
    if clock == "virtual":
        return virtual.run(chosen, workload, names=names, plan=plan, method=method, **shape, **rest, **judgements)
    if clock != "real":
        raise ValueError(f'clock must be "virtual" or "real", got {clock!r}')
    with cluster(chosen, backends=names, **shape, **rest, **judgements) as shop, ThreadPoolExecutor(4) as hands:
        done: list[Future] = []
        at = [(step.at_s, lambda step=step: done.append(hands.submit(shop.do, step))) for step in plan]
        patience_s = timeout_s or 10.0
        trace = load(shop.url, workload, users=users, method=method, timeout_s=patience_s, at=at, progress=progress)
        for future in done:
            future.result()
    return trace


def cluster(
    policy: str | Policy = "least connections",
    *,
    backends: int | Sequence[str] = 3,
    workers: int = 1,
    queue: int | None = None,
    weights: Sequence[float] | None = None,
    speed: Sequence[float] | None = None,
    health: HealthCheck | None = HealthCheck(),  # noqa: B008 (frozen)
    retries: int = 1,
    timeout_s: float | None = None,
    mode: str = "http",
    sticky: bool = False,
    server: Sequence[str] = (SERVER,),
    **judgements: Any,
) -> Cluster:
    """Backends and a balancer as running processes: ``with cluster(…) as shop: …``. Keywords as in run().

    sticky: keep each user on one backend by cookie. server: the Python module that the backends run, and arguments of
    its own; it takes the options of testbed.backend. A policy of your own runs in a thread of this process, because no
    other process knows it; the built-in ones run in a process of their own. Raises ValueError before anything starts
    if an argument is bad.
    """
    chosen, names = policies.policy(policy), backend_names(backends)
    new_pool(names, weights, chosen)
    rates = speeds(speed, names)
    shop = Cluster(workers, queue, server)
    judgements["sticky"] = Sticky() if sticky else None
    try:
        with ThreadPoolExecutor(4) as starters:
            list(starters.map(shop.start_backend, names, rates))
        weighed = dict(zip(names, weights or [1.0] * len(names), strict=True))
        shop.start_balancer(chosen, weighed, health, retries, timeout_s, mode, judgements)
    except BaseException:
        shop.close()
        raise
    return shop


class Cluster:
    """Running backends behind a running balancer; `cluster()` starts it. Ends with its `with` block.

    url: for users; admin_url: the balancer's own port.
    """

    def __init__(self, workers: int, queue: int | None, server: Sequence[str] = (SERVER,)) -> None:
        self.workers, self.queue, self.server = workers, queue, tuple(server)
        self.nodes: dict[str, Node] = {}
        self.url = self.admin_url = ""
        self._stack = ExitStack()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the balancer, then the backends."""
        self._stack.close()
        for node in self.nodes.values():
            node.kill()

    def start_backend(self, name: str, speed: float = 1.0, port: int = 0) -> Node:
        """A backend process called *name*, ready."""
        options = ["--name", name, "--workers", str(self.workers), "--speed", repr(speed), "--port", str(port)]
        if self.queue is not None:
            options += ["--queue", str(self.queue)]
        self.nodes[name] = nodes.start(self.server[0], *self.server[1:], *options, name=name)
        return self.nodes[name]

    def start_balancer(
        self, policy: Policy, weights: dict[str, float], health: HealthCheck | None, retries: int,
        timeout_s: float | None, mode: str, judgements: dict[str, Any],
    ) -> None:  # fmt: skip
        """The balancer: a process for a built-in policy, a thread of this process for your own."""
        addresses = [f"{name}=127.0.0.1:{self.nodes[name].port}*{weight}" for name, weight in weights.items()]
        ejection, slow_start_s = judgements.get("ejection"), judgements.get("slow_start_s", 0.0)
        if policy.name not in NAMES or judgements.get("budget") is not None:
            rest: dict[str, Any] = {"health": health, "retries": retries, "timeout_s": timeout_s, "mode": mode}
            balancer: Any = self._stack.enter_context(ThreadedBalancer(policy, addresses, **rest, **judgements))
        else:
            options = ["--policy", policy.name, "--mode", mode, "--retries", str(retries)]
            options += [word for address in addresses for word in ("--backend", address)]
            options += [word for key, value in policy.options.items() for word in ("--option", f"{key}={value}")]
            options += ["--timeout", str(timeout_s or 30.0), "--slow-start", str(slow_start_s)]
            options += ["--sticky"] * (judgements.get("sticky") is not None)
            options += ["--eject-after", str(ejection.consecutive if ejection else 0)]
            options += ["--check-every", str(health.interval_s if health else 0)]
            if health:
                options += ["--check-timeout", str(health.timeout_s)]
                options += ["--rise", str(health.rise), "--fall", str(health.fall)]
            balancer = self._stack.enter_context(nodes.start("minisys.load_balancing", *options, name="balancer"))
        self.url, self.admin_url = balancer.url, f"http://127.0.0.1:{balancer.admin_port}"

    def backend(self, name: str) -> Node:
        """The process of backend *name*. Raises ValueError if there is none."""
        if name not in self.nodes:
            raise ValueError(f"there is no backend {name!r}; there are {', '.join(self.nodes)}")
        return self.nodes[name]

    def backends(self) -> list[dict[str, Any]]:
        """What the balancer knows of its backends: name, address, weight, state, in_flight, answered, failed."""
        return list(json.loads(ask("GET", f"{self.admin_url}/backends")))

    def kill(self, name: str) -> None:
        """SIGKILL backend *name*: every connection to it breaks."""
        self.backend(name).kill()

    def stop(self, name: str) -> None:
        """SIGTERM to backend *name*: it takes nobody new, finishes what it has, and ends. Returns when it has ended."""
        self.backend(name).stop()

    def restart(self, name: str) -> None:
        """Start the killed or stopped backend *name* again, empty, on its old port."""
        self.start_backend(name, port=self.backend(name).port)

    def add(self, name: str, weight: float = 1.0) -> None:
        """A new backend (or a drained one) joins."""
        node = self.nodes.get(name) or self.start_backend(name)
        entry = {"name": name, "address": f"127.0.0.1:{node.port}", "weight": weight}
        ask("POST", f"{self.admin_url}/backends", json.dumps(entry).encode())

    def drain(self, name: str) -> None:
        """Backend *name* finishes what it has and gets nothing new."""
        ask("POST", f"{self.admin_url}/backends/{name}/drain")

    def remove(self, name: str) -> None:
        """Drain backend *name*, wait until it is empty, forget it and end its process."""
        ask("DELETE", f"{self.admin_url}/backends/{name}", timeout_s=60.0)
        self.backend(name).stop()

    def weight(self, name: str, weight: float) -> None:
        """Backend *name* weighs *weight* from now on."""
        ask("PUT", f"{self.admin_url}/backends/{name}/weight", json.dumps({"weight": weight}).encode())

    def do(self, step: Step) -> None:
        """Carry out one step of a plan."""
        if step.action in ("slow", "pause", "resume"):
            node = self.backend(step.backend)
            node.slow(step.value) if step.action == "slow" else getattr(node, step.action)()
        elif step.action in ("add", "weight"):
            getattr(self, step.action)(step.backend, step.value)
        else:
            getattr(self, step.action)(step.backend)
