"""NGINX and HAProxy as running processes: start, add, drain, remove and weigh, each by the product's own means.

"Take b out, but let it finish." One product wants a new file and a signal, and starts new workers beside the old ones.
The other takes commands on a socket and never restarts. Here both answer to the verbs of our own balancer.

Promised: one change at a time; a change that the product refuses raises NodeFailed with its words, and its settings
stay as they were. Not done here: which directive means which policy (products.py), users and plans (real.py).
"""

from __future__ import annotations

import csv
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from minisys.load_balancing import products
from minisys.load_balancing.live import Cluster
from minisys.load_balancing.products import Member, Settings
from minisys.testbed import nodes

PATIENCE_S = 10.0  # how long a drained backend may take to get rid of its last requests


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
        self.file = self.folder / f"{self.product}.conf"
        self.port, self.config = 0, ""

    def start_product(self) -> None:
        """Write the configuration and start the product on a free port."""
        for member in self.settings.members:
            member.port = self.nodes[member.name].port
        self.port = nodes.free_port()
        self._write()
        self.balancer = nodes.start(self.kind.argv(self.binary, self.file), name=self.product, ready=self._answers)
        self._stack.callback(self._end_product)
        self.url = self.balancer.url

    def _end_product(self) -> None:
        """Kill the product and wait for its workers too: they hold the port as long as they live."""
        family = psutil.Process(self.balancer.pid).children() if self.balancer.running else []
        self.balancer.kill()
        psutil.wait_procs(family, timeout=PATIENCE_S)

    def backends(self) -> list[dict[str, Any]]:
        """What is configured: name, address, weight, state ("in" or "draining"; HAProxy's stat() tells more)."""
        return [
            {"name": each.name, "address": f"127.0.0.1:{each.port}", "weight": each.weight,
             "state": "draining" if each.draining else "in"}
            for each in self.settings.members
        ]  # fmt: skip

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
        """Put the configuration in its place, once the product itself has found nothing wrong with it."""
        config, new = self.kind.config(self.settings, self.port, self.folder), self.folder / "new.conf"
        new.write_text(config)
        command = [*self.kind.argv(self.binary, new), self.kind.check]
        verdict = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if verdict.returncode:
            said = (verdict.stderr + verdict.stdout).strip()
            raise nodes.NodeFailed(f"{self.product} refuses its configuration:\n{said}")
        self.config = config
        new.rename(self.file)


class NginxCluster(RealCluster):
    """NGINX: new workers start with the new file, the old ones finish what they have."""

    product = "nginx"

    def _tell(self, verb: str, member: Member) -> None:
        old = set(self._workers())
        os.kill(self.balancer.pid, signal.SIGHUP)
        _until(lambda: self._reloaded(old), "NGINX did not reload", self.folder / "error.log")
        if verb == "remove":
            _until(lambda: old.isdisjoint(self._workers()), "NGINX still serves with its old configuration")

    def _reloaded(self, old: set[int]) -> bool:
        """Whether new workers accept connections and the *old* ones do not any more."""
        accepting = {pid for pid, title in self._workers().items() if "shutting down" not in title}
        return bool(accepting) and accepting.isdisjoint(old)

    def _workers(self) -> dict[int, str]:
        """The workers that have begun their work: process id and title, which NGINX keeps up to date."""
        found = {}
        for process in psutil.Process(self.balancer.pid).children():
            with suppress(psutil.Error):  # gone meanwhile
                title = " ".join(process.cmdline())
                if "worker process" in title:
                    found[process.pid] = title
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
