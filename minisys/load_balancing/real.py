"""NGINX and HAProxy behind the very same call as our own proxy: same backends, same users, same plan, same trace.

"Would a real one have done better?" is answered by asking it. The backends are our work servers, the users are
Locust's, and only the process in the middle is another one.

    run("nginx", workload, policy="least connections", plan=[Step(2.0, "kill", "b")])
    with cluster("haproxy") as shop: shop.drain("a")

Promised: the product's own configuration, shown by config(); changes by its own means (NGINX: new file and reload;
HAProxy: its socket); a missing product is one clear line, and importing this module never fails. Not promised: that a
product does what our proxy does; products.py says where they differ. Loopback only; works as root and without.
"""

from __future__ import annotations

import csv
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from minisys.load_balancing import policies, products
from minisys.load_balancing.live import Cluster
from minisys.load_balancing.plan import HealthCheck, Step, all_names, backend_names, check_plan, speeds
from minisys.load_balancing.policies import Policy, new_pool
from minisys.load_balancing.products import Member, ProductMissing, Settings
from minisys.testbed import nodes
from minisys.testbed.load import load
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload

__all__ = ["ProductMissing", "RealCluster", "available", "cluster", "config", "run"]
PATIENCE_S = 10.0  # how long a drained backend may take to get rid of its last requests


def available() -> dict[str, str]:
    """Each product with its version and place, or with the one line that says why it is not there."""
    told = {}
    for name in products.PRODUCTS:
        try:
            told[name] = products.version(name)
        except ProductMissing as problem:
            told[name] = str(problem)
    return told


def config(
    product: str,
    policy: str | Policy = "least connections",
    backends: int | Sequence[str] = 3,
    *,
    weights: Sequence[float] | None = None,
    health: HealthCheck | None = HealthCheck(),  # noqa: B008 (frozen)
    retries: int = 1,
    timeout_s: float | None = None,
) -> str:
    """The configuration that run() and cluster() would give to *product*, with made-up ports and folder.

    Raises ValueError for an unknown product, or a policy or weights that it cannot do.
    """
    settings = _settings(policy, backends, weights, health, retries, timeout_s)
    for port, member in enumerate(settings.members, 8001):
        member.port = port
    return products.product(product).config(settings, 8080, Path("/tmp/balancer"))


def run(
    product: str,
    workload: Workload,
    *,
    policy: str | Policy = "least connections",
    plan: Sequence[Step] = (),
    method: str = "GET",
    users: int | None = None,
    progress: bool = False,
    **shape: Any,
) -> Trace:
    """The trace of *workload* through *product* ("nginx" or "haproxy"), while *plan* is carried out.

    shape: backends, workers, queue, weights, speed, health, retries and timeout_s as in live.run. method, users and
    progress as in load(). Raises ProductMissing in one line if it is not installed, ValueError for a bad argument.
    """
    names = backend_names(shape.get("backends", 3))
    steps, done = check_plan(plan, names), list[Future]()
    with cluster(product, policy, **shape) as shop, ThreadPoolExecutor(4) as hands:
        at: list[tuple[float, Callable[[], Any]]] = [
            (step.at_s, lambda step=step: done.append(hands.submit(shop.do, step))) for step in steps
        ]
        timeout_s = shape.get("timeout_s") or 10.0
        trace = load(shop.url, workload, users=users, method=method, timeout_s=timeout_s, at=at, progress=progress)
        for future in done:
            future.result()  # a step that failed fails the run
    return Trace(trace.frame.assign(server=trace.frame["server"].cat.set_categories(list(all_names(steps, names)))))


def cluster(
    product: str,
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
) -> RealCluster:
    """Backends behind *product*, running: ``with cluster("nginx") as shop: …``. Keywords and verbs as in live.cluster.

    Raises ProductMissing or ValueError before anything starts.
    """
    binary = products.binary(product)
    settings = _settings(policy, backends, weights, health, retries, timeout_s)
    config(product, policy, backends, weights=weights, health=health)  # an impossible policy complains here
    names = [member.name for member in settings.members]
    shop = KINDS[product](binary, settings, workers, queue)
    try:
        with ThreadPoolExecutor(4) as starters:
            list(starters.map(shop.start_backend, names, speeds(speed, names)))
        shop.start_product()
    except BaseException:
        shop.close()
        raise
    return shop


def _settings(
    policy: str | Policy, backends: int | Sequence[str], weights: Sequence[float] | None, health: HealthCheck | None,
    retries: int, timeout_s: float | None,
) -> Settings:  # fmt: skip
    """The arguments, checked."""
    chosen, names = policies.policy(policy), backend_names(backends)
    new_pool(names, weights, chosen)
    if retries < 0 or (timeout_s is not None and not timeout_s > 0):
        raise ValueError(f"need retries >= 0 and timeout_s > 0 or None, got retries={retries}, timeout_s={timeout_s}")
    weighed = zip(names, weights or [1.0] * len(names), strict=True)
    return Settings([Member(name, 0, weight) for name, weight in weighed], chosen, health, retries, timeout_s or 30.0)


class RealCluster(Cluster):
    """Running backends behind a running product; `cluster()` starts it. Ends with its `with` block.

    url: for users. balancer: the product's process. config: its configuration as it is now.
    """

    product = ""

    def __init__(self, binary: Path, settings: Settings, workers: int, queue: int | None) -> None:
        super().__init__(workers, queue)
        self.binary, self.settings, self.kind = binary, settings, products.product(self.product)
        self.change = threading.Lock()  # one change at a time, whoever asks
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="real-", dir=nodes._folder())))
        self.port, self.config = 0, ""

    def start_product(self) -> None:
        """Write the configuration and start the product on a free port."""
        for member in self.settings.members:
            member.port = self.nodes[member.name].port
        self.port = nodes.free_port()
        self._write()
        self.balancer = nodes.start(self.kind.argv(self.binary, self.folder), name=self.product, ready=self._answers)
        self._stack.callback(self.balancer.kill)
        self.url = self.balancer.url

    def backends(self) -> list[dict[str, Any]]:
        """What is configured: name, address, weight, state ("in" or "draining"; HAProxy's stat() tells more)."""
        states = {False: "in", True: "draining"}
        return [
            {"name": each.name, "address": f"127.0.0.1:{each.port}", "weight": each.weight, "state": states[each.draining]}
            for each in self.settings.members
        ]

    def add(self, name: str, weight: float = 1.0) -> None:
        """A new backend (or a drained one) joins."""
        with self.change:
            member = next((each for each in self.settings.members if each.name == name), None)
            if member is not None and not member.draining:
                raise ValueError(f"there is a backend {name!r} already, at port {member.port}")
            if member is None:
                node = self.nodes.get(name) or self.start_backend(name)
                self._apply("add", Member(name, node.port, weight))
            else:
                self._apply("ready", replace(member, draining=False, weight=weight))

    def drain(self, name: str) -> None:
        """Backend *name* finishes what it has and gets nothing new."""
        with self.change:
            self._apply("drain", replace(self._member(name), draining=True))

    def remove(self, name: str) -> None:
        """Drain backend *name*, wait until it is empty, forget it and end its process."""
        with self.change:
            if len(self.settings.members) == 1:
                raise ValueError(f"{name!r} is the last backend; add another one first")
            self._apply("remove", self._member(name))
            self.nodes.pop(name).stop()

    def weight(self, name: str, weight: float) -> None:
        """Backend *name* weighs *weight* from now on."""
        with self.change:
            self._apply("weight", replace(self._member(name), weight=weight))

    def _member(self, name: str) -> Member:
        self.backend(name)  # complains, with the names that there are
        return next(each for each in self.settings.members if each.name == name)

    def _apply(self, verb: str, member: Member) -> None:
        """Put *member* into the settings (or take it out), rewrite the file, and tell the product."""
        before, others = self.settings, [each for each in self.settings.members if each.name != member.name]
        if verb == "add":
            others.append(member)
        elif verb != "remove":
            others.insert([each.name for each in before.members].index(member.name), member)
        self.settings = replace(before, members=others)
        try:
            self._write()
            self._tell(verb, member)
        except BaseException:
            self.settings = before
            raise

    def _tell(self, verb: str, member: Member) -> None:
        raise NotImplementedError

    def _answers(self, node: nodes.Node) -> bool:
        node.port = self.port
        return nodes.accepts(node)

    def _write(self) -> None:
        self.config = self.kind.config(self.settings, self.port, self.folder)
        (self.folder / "new").write_text(self.config)
        (self.folder / "new").rename(self.folder / f"{self.product}.conf")


class NginxCluster(RealCluster):
    """NGINX: new workers start with the new file, the old ones finish what they have."""

    product = "nginx"

    def _tell(self, verb: str, member: Member) -> None:
        old = self._workers()
        os.kill(self.balancer.pid, signal.SIGHUP)
        _until(lambda: bool(self._workers() - old), "NGINX did not reload", self.folder / "error.log")
        if verb == "remove":
            _until(lambda: not self._workers() & old, "NGINX still serves with its old configuration")

    def _workers(self) -> set[int]:
        """The process ids of the workers that have begun their work."""
        found = set()
        for process in psutil.Process(self.balancer.pid).children():
            try:
                if "worker process" in " ".join(process.cmdline()):
                    found.add(process.pid)
            except psutil.Error:  # gone meanwhile
                continue
        return found


class HaproxyCluster(RealCluster):
    """HAProxy: commands to its socket; nothing restarts, and the file is only kept up to date."""

    product = "haproxy"

    def _tell(self, verb: str, member: Member) -> None:
        server, kind = f"backends/{member.name}", self.kind
        assert isinstance(kind, products.Haproxy)
        if verb == "add":
            self.ask(f"add server backends/{kind.server(self.settings, member)}")
            if self.settings.health:
                self.ask(f"enable health {server}")
            self.ask(f"enable server {server}")
            return
        if verb in ("drain", "remove"):
            self.ask(f"set server {server} state drain")
        if verb == "remove":
            _until(lambda: self.stat()[member.name]["scur"] == "0", f"{member.name} did not get empty")
            self.ask(f"set server {server} state maint")
            _until(lambda: "deleted" in self.ask(f"del server {server}", anyhow=True), f"{member.name} did not go")
        if verb in ("weight", "ready"):
            self.ask(f"set weight {server} {self.settings.whole(member.weight)}")
        if verb == "ready":
            self.ask(f"set server {server} state ready")

    def stat(self) -> dict[str, dict[str, str]]:
        """HAProxy's `show stat`, by backend: status, scur (requests in flight), stot, … as it prints them."""
        rows = csv.DictReader(self.ask("show stat").lstrip("# ").splitlines())
        return {row["svname"]: row for row in rows if row["pxname"] == "backends" and row["svname"] != "BACKEND"}

    def ask(self, command: str, anyhow: bool = False) -> str:
        """HAProxy's answer on its control socket. Raises NodeFailed if it refuses, unless *anyhow*."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.folder / "admin.sock"))
            control.sendall(command.encode() + b"\n")
            said = b"".join(iter(lambda: control.recv(65_536), b"")).decode().strip()
        if said and not anyhow and not said.startswith(("#", "New server registered", "Server deleted")):
            raise nodes.NodeFailed(f"HAProxy refused {command!r}: {said}")
        return said


def _until(condition: Callable[[], bool], otherwise: str, log: Path | None = None) -> None:
    """Wait for *condition*; after PATIENCE_S seconds raise NodeFailed with *otherwise* and the end of *log*."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            said = log.read_text()[-1000:] if log else ""
            raise nodes.NodeFailed(f"{otherwise} within {PATIENCE_S:g} s\n{said}".rstrip())
        time.sleep(0.01)


KINDS: dict[str, type[RealCluster]] = {"nginx": NginxCluster, "haproxy": HaproxyCluster}
