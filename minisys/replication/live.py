"""A replicated store for real: processes on 127.0.0.1 behind links that can be cut, for the time of a `with` block.

"Failover works" was tested once, by pulling the right plug on a quiet afternoon. Here any plug can be pulled while the
load runs: a replica is killed, frozen, cut off in one direction, started again with its log, and clients keep asking.

    with cluster("semi-sync", size=3) as c:
        primary = c.primary()                   # waits until there is one
        c.kill(primary)
        c.primary(but=primary)                  # the next one
        c.restart(primary)                      # same port, same log

Promised: addresses stay what they are for the time of the block; all messages between replicas go through a link that
can be cut (testbed/fault_proxy.py); everything is gone when the block ends. Not here: load, histories (harness.py).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hiredis

from minisys.testbed import nodes
from minisys.testbed.fault_control import Network, network
from minisys.testbed.resp_client import RespSocket

NAMES = "abcdefghi"
NOBODY = 1  # a port on which nobody listens
ASK_S = 0.5  # how long a replica that may be frozen is waited for


class NoPrimary(RuntimeError):
    """Nobody leads, or not in time; the message says what each replica said."""


class Cluster:
    """Running replicas, called "a", "b", …; `cluster` makes it. *nodes*: the process of each, dead ones too."""

    def __init__(self, names: Iterable[str], options: list[str], net: Network, folder: Path) -> None:
        self.names, self.network, self.folder = tuple(names), net, folder
        self.options = options
        self.nodes: dict[str, nodes.Node] = {}
        for name in self.names:
            for peer in self.names:
                if peer != name:
                    net.link(f"{name}-{peer}", NOBODY)  # until the peer says where it listens
        try:
            with ThreadPoolExecutor(len(self.names)) as threads:
                begun = [threads.submit(self._start, name) for name in self.names]
            for one in begun:
                one.result()
        except BaseException:
            self.stop()
            raise

    @property
    def addresses(self) -> dict[str, int]:
        """The port of each replica for clients, on 127.0.0.1."""
        return {name: node.port for name, node in sorted(self.nodes.items())}

    def url(self, name: str) -> str:
        """For redis-py: redis://127.0.0.1:port."""
        return f"redis://127.0.0.1:{self.nodes[name].port}"

    def client(self, name: str, timeout_s: float = 10.0) -> RespSocket:
        """A plain connection to replica *name*, for a ``with`` block."""
        return RespSocket(self.nodes[name].port, timeout_s)

    def info(self, name: str) -> dict[str, str]:
        """What *name* says to INFO. Raises OSError if it does not answer in ASK_S seconds."""
        with self.client(name, ASK_S) as client:
            lines = client.ask("INFO").decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def primary(self, within_s: float = 10.0, but: str | None = None) -> str:
        """The replica that leads with the highest term, not counting *but*; waits for one.

        Raises NoPrimary if there is none *within_s* seconds.
        """
        deadline, said = time.monotonic() + within_s, {}
        while True:
            said = {name: self._said(name) for name in self.names if name != but}
            leaders = [(int(told["term"]), name) for name, told in said.items() if told.get("role") == "master"]
            if leaders:
                return max(leaders)[1]
            if time.monotonic() > deadline:
                roles = ", ".join(f"{name}: {told.get('role', 'no answer')}" for name, told in said.items())
                raise NoPrimary(f"no primary within {within_s:g} s; {roles}")
            time.sleep(0.02)

    def replicas(self) -> list[str]:
        """Everybody but the primary."""
        primary = self.primary()
        return [name for name in self.names if name != primary]

    def kill(self, name: str) -> None:
        """SIGKILL, and what was still on its way through a slow link is lost too, as when a machine dies."""
        self.nodes[name].kill()
        for peer in self.names:
            if peer != name:
                self.network.reset(f"{name}-{peer}")

    def pause(self, name: str) -> None:
        """SIGSTOP: it stays connected and says nothing."""
        self.nodes[name].pause()

    def resume(self, name: str) -> None:
        """SIGCONT: it goes on, and does not know that time has passed."""
        self.nodes[name].resume()

    def restart(self, name: str) -> None:
        """Start a dead replica again, with its log and at its old port. Raises NodeFailed with what it says."""
        self.nodes[name].kill()
        self._start(name, self.nodes[name].port)

    def log(self, name: str) -> Path:
        """The file of its durable log."""
        return self.folder / f"{name}.log"

    def partition(self, *sides: Iterable[str], one_way: bool = False) -> None:
        """Replicas of different *sides* no longer hear each other; *one_way*: only those of the first are not heard.

        ("a", "bc") cuts a off. A replica on no side keeps its links. Clients reach all of them as before.
        """
        where = {name: number for number, side in enumerate(sides) for name in side}
        if strangers := where.keys() - set(self.names):
            raise ValueError(f"no replica is called {', '.join(sorted(strangers))}; there are {', '.join(self.names)}")
        for name in where:
            for peer in where:
                if where[name] != where[peer] and not (one_way and where[name]):
                    self.network.cut(f"{name}-{peer}")

    def delay(self, name: str, delay_s: float) -> None:
        """What *name* says to the others, and they to it, takes *delay_s* seconds longer."""
        for peer in self.names:
            if peer != name:
                self.network.set(f"{name}-{peer}", "forward", delay_s=delay_s)
                self.network.set(f"{peer}-{name}", "forward", delay_s=delay_s)

    def heal(self) -> None:
        """All links are good again."""
        for link in self.network.links():
            self.network.heal(link)

    def stop(self) -> None:
        """SIGKILL for all."""
        for node in self.nodes.values():
            node.kill()

    def _start(self, name: str, port: int = 0) -> None:
        links = self.network.links()
        peers = [f"{peer}={links[f'{name}-{peer}']['port']}" for peer in self.names if peer != name]
        options = [*self.options, "--name", name, "--folder", str(self.folder), "--port", str(port)]
        options += [word for peer in peers for word in ("--peer", peer)]
        node = nodes.start("minisys.replication", *options, name=name)
        self.nodes[name] = node
        for peer in self.names:
            if peer != name:
                self.network.link(f"{peer}-{name}", node.admin_port or 0)

    def _said(self, name: str) -> dict[str, str]:
        try:
            return self.info(name) if self.nodes[name].running else {}
        except (OSError, hiredis.HiredisError):
            return {}


@contextmanager
def cluster(mode: str = "raft", size: int = 3, **options: Any) -> Iterator[Cluster]:
    """*size* replicas in *mode*: async, semi-sync, all, raft or quorum. *options* as on the command line, `k=2`.

    Raises ValueError for a size that has no names, NodeFailed with a replica's words if an option is bad.
    """
    if not 1 <= size <= len(NAMES):
        raise ValueError(f"size must be 1 to {len(NAMES)}, got {size}")
    words = ["--mode", mode]
    for key, value in options.items():
        words += [f"--{key.replace('_', '-')}", *(map(str, value) if isinstance(value, tuple) else [str(value)])]
    with tempfile.TemporaryDirectory(prefix="replicas-", dir=nodes._folder()) as folder, network() as net:
        made = Cluster(NAMES[:size], words, net, Path(folder))
        try:
            yield made
        finally:
            made.stop()
