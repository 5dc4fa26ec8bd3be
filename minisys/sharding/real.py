"""A Valkey cluster from its wheel behind the same calls as ours: three shards of two nodes, moved and killed alike.

"Your toy survives" says nothing about the product. So the same client, the same load and the same slot mover meet
Valkey. Two differences are to be seen. Its nodes agree by gossip and let the primaries vote on a takeover, without a
coordinator. And its primary answers before its replica knows, so a takeover may lose what was acknowledged; ours waits.

Promised: Valkey from its wheel, or redis-server/valkey-server from PATH; what is missing is one clear line
(ProductMissing) and importing this never fails. Checked with Valkey 9.1.2.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import hiredis

from minisys.sharding.live import ask
from minisys.sharding.slots import SLOTS
from minisys.sharding.topology import Member, Shard, Topology
from minisys.sharding.users import redis_cluster
from minisys.testbed import nodes, wheels
from minisys.testbed.nodes import Node
from minisys.testbed.wheels import ProductMissing

__all__ = ["ProductMissing", "ValkeyCluster", "valkey_cluster"]
SETTLED_S = 20.0


class ValkeyCluster:
    """Valkey on *shards* shards of two nodes; *timeout_s*: silence until a node is voted dead. See live.Cluster."""

    name = "valkey"

    def __init__(self, shards: int, timeout_s: float, folder: Path) -> None:
        self.folder, self.timeout_ms = folder, round(timeout_s * 1000)
        self.members: dict[int, Node] = {}
        self.shard_of: dict[int, str] = {}
        self.epoch = 0
        names = [chr(ord("a") + number) for number in range(shards)]
        with ThreadPoolExecutor(6) as pool:
            ports = [node.port for node in pool.map(self._start, [name for name in names for _ in range(2)])]
        for number, (name, port) in enumerate(zip([name for name in names for _ in range(2)], ports, strict=True)):
            self.shard_of[port] = name
            ask(port, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        first, last = 0, -1
        for number, port in enumerate(ports[::2]):
            first, last = last + 1, (number + 1) * SLOTS // shards - 1
            ask(port, "CLUSTER", "ADDSLOTSRANGE", first, last)
        self._join(ports)

    def _start(self, name: str) -> Node:
        """One node that knows nobody yet."""
        last: nodes.NodeFailed | None = None
        for _ in range(5):  # a free port may be taken a moment later, by somebody or by our own bus
            port, bus = nodes.free_port(), nodes.free_port()
            home = self.folder / f"{name}-{port}"
            home.mkdir()
            settings = {
                "port": port, "cluster-port": bus, "bind": "127.0.0.1", "dir": home, "save": "", "appendonly": "no",
                "cluster-enabled": "yes", "cluster-node-timeout": self.timeout_ms, "repl-diskless-sync-delay": 0,
                "cluster-allow-replica-migration": "no", "cluster-replica-validity-factor": 0, "protected-mode": "no",
            }  # fmt: skip
            words = [word for key, value in settings.items() for word in (f"--{key}", str(value))]
            try:
                argv = [str(wheels.valkey()), *words]
                node = nodes.start(argv, name=f"valkey-{port}", ready=lambda _, port=port: _answers(port))  # type: ignore[misc]
            except nodes.NodeFailed as problem:
                last = problem
                continue
            node.port = port
            self.members[port] = node
            return node
        raise last or nodes.NodeFailed("no free port")

    def _join(self, ports: list[int]) -> None:
        """Make *ports* (primary, replica, primary, …) part of the cluster and wait until all agree."""
        known = next(iter(self.shard_of))
        for port in ports:
            if port != known:
                ask(known, "CLUSTER", "MEET", "127.0.0.1", port, _bus(port))
        for primary, replica in zip(ports[::2], ports[1::2], strict=True):
            follow = partial(_said, replica, "CLUSTER", "REPLICATE", ask(primary, "CLUSTER", "MYID"))
            _until(lambda follow=follow: follow() == b"OK", "a replica knows its primary")  # type: ignore[misc]
        self.settled()

    def settled(self, within_s: float = SETTLED_S) -> Topology:
        """Wait until each shard has a primary with a caught-up replica, and all agree. Raises NodeFailed."""
        _until(self._agreed, "all nodes of Valkey's cluster agree", within_s)
        return self.topology()

    def _agreed(self) -> bool:
        topology, maps = self.topology(), set()
        for port in self.members:
            told = _said(port, "CLUSTER", "SLOTS")
            maps.add(str(sorted((run[0], run[1], run[2][1], len(run)) for run in told)) if told else None)
            if b"cluster_state:ok" not in (_said(port, "CLUSTER", "INFO") or b""):
                return False
            role = _said(port, "ROLE") or [b""]
            if role[0] == b"slave" and role[3] != b"connected":
                return False
        return len(maps) == 1 and all(shard.primary and shard.replica for shard in topology.shards)

    def topology(self) -> Topology:
        """What each node claims for itself; of two that claim one slot, the one with the higher epoch has it."""
        found: dict[str, dict[str, Member]] = {name: {} for name in sorted(set(self.shard_of.values()))}
        claims: list[tuple[int, str, list[str]]] = []
        leading: dict[str, int] = {}
        for port, name in self.shard_of.items():
            words = _myself(port)
            if words is None:
                continue
            member, epoch, role = Member(words[0], port), int(words[6]), "replica" if "slave" in words[2] else "primary"
            if role == "replica" or epoch >= leading.get(name, -1):
                found[name][role] = member
            if role == "primary":
                leading[name] = max(epoch, leading.get(name, -1))
                claims.append((epoch, name, words[8:]))
        owners = [""] * SLOTS
        for _, name, held in sorted(claims, key=lambda claim: claim[0]):
            for run in (word.split("-") for word in held if word[0] != "["):
                owners[int(run[0]) : int(run[-1]) + 1] = [name] * (int(run[-1]) + 1 - int(run[0]))
        self.epoch += 1
        return Topology(self.epoch, tuple(Shard(name, **roles) for name, roles in found.items()), tuple(owners))

    def client(self, **options: Any) -> Any:
        return redis_cluster([port for port, node in self.members.items() if node.running], **options)

    def primary(self, shard: str) -> Node:
        """The process that leads *shard* now. Raises ValueError if nobody does."""
        leader = self.topology().leader(shard)
        if leader is None:
            raise ValueError(f"nobody leads shard {shard!r} now")
        return self.members[leader.port]

    def kill(self, shard: str) -> None:
        self.primary(shard).kill()

    def pause(self, shard: str) -> Callable[[], None]:
        node = self.primary(shard)
        node.pause()
        return node.resume

    def add_shard(self) -> str:
        name = min(set(map(chr, range(ord("a"), ord("z") + 1))) - set(self.shard_of.values()))
        ports = [self._start(name).port for _ in range(2)]
        self.shard_of |= dict.fromkeys(ports, name)
        self._join(ports)
        return name

    def remove_shard(self, shard: str) -> None:
        topology = self.topology()
        if held := topology.owners.count(shard):
            raise ValueError(f"shard {shard!r} still owns {held} slots: move them first")
        for _, member in topology.shard(shard).members():
            self.members.pop(member.port).kill()
            for port in self.members:
                _said(port, "CLUSTER", "FORGET", member.node)
        self.shard_of = {port: name for port, name in self.shard_of.items() if name != shard}

    def stop(self) -> None:
        """Kill all of its processes."""
        for node in self.members.values():
            node.kill()


@contextmanager
def valkey_cluster(shards: int = 3, timeout_s: float = 1.0) -> Iterator[ValkeyCluster]:
    """A Valkey cluster for the time of a ``with`` block: *shards* shards (at least 3) of two nodes each.

    timeout_s: cluster-node-timeout. Raises ProductMissing if there is no Valkey, ValueError for fewer than 3 shards
    (the primaries vote), NodeFailed if it does not start.
    """
    wheels.valkey()
    if shards < 3:
        raise ValueError(f"Valkey needs 3 shards, so that the others can vote when one dies; got {shards}")
    with tempfile.TemporaryDirectory(prefix="valkey-", dir=nodes._folder()) as folder:
        made = ValkeyCluster.__new__(ValkeyCluster)
        made.members = {}
        try:
            made.__init__(shards, timeout_s, Path(folder))  # type: ignore[misc]  # what it started must end if it fails
            yield made
        finally:
            made.stop()


def _said(port: int, *words: bytes | str | int) -> Any:
    """The answer, None if there is none, b"" if it is an error."""
    try:
        return ask(port, *words, patience_s=1.0)
    except hiredis.ReplyError:
        return b""
    except OSError:
        return None


def _answers(port: int) -> bool:
    return bool(_said(port, "PING") == b"PONG")


def _bus(port: int) -> int:
    told = ask(port, "CONFIG", "GET", "cluster-port")
    return int(told[1])


def _myself(port: int) -> list[str] | None:
    """The words of the line in which the node on *port* speaks of itself; None if it does not answer."""
    told = _said(port, "CLUSTER", "NODES")
    lines = [line.split() for line in told.decode().splitlines()] if told else []
    return next((words for words in lines if "myself" in words[2]), None)


def _until(true: Callable[[], bool], what: str, within_s: float = SETTLED_S) -> None:
    end_s = time.monotonic() + within_s
    while not true():
        if time.monotonic() > end_s:
            raise nodes.NodeFailed(f"not after {within_s:g} s: {what}")
        time.sleep(0.02)
