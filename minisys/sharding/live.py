"""A sharded store for real: a coordinator and six nodes, each a process on 127.0.0.1, for the time of a `with` block.

The table says that slot 7,000 is shard b's. Here a key of slot 7,000 is in the memory of one process, a copy in that of
another, and the official client finds it. Shards are added and taken away, primaries killed and frozen, slots moved
while users write, and the same is done to Valkey (real.py).

    with cluster(shards=3) as running, running.client() as client:
        client.set("basket:17", "milk")

Promised: all processes are gone when the block ends. Promised by the store: see node.py and coordinator.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import hiredis

from minisys.sharding.topology import Member, Shard, Topology
from minisys.sharding.users import redis_cluster
from minisys.testbed import nodes
from minisys.testbed.nodes import Node
from minisys.testbed.resp_client import RespSocket

SETTLED_S = 15.0


class Cluster(Protocol):
    """What ours and Valkey's have in common, for experiments and tests. Shards are named a, b, c …"""

    name: str
    members: dict[int, Node]

    def topology(self) -> Topology:
        """Who has what now, as the cluster itself says."""

    def client(self, **options: Any) -> Any:
        """A connected redis.cluster.RedisCluster; options as users.redis_cluster has them."""

    def kill(self, shard: str) -> None:
        """SIGKILL to the primary of *shard*."""

    def pause(self, shard: str) -> Callable[[], None]:
        """SIGSTOP to the primary of *shard*; what is given back wakes it."""

    def add_shard(self) -> str:
        """Start two more nodes as a shard without slots; its name."""

    def remove_shard(self, shard: str) -> None:
        """Stop the nodes of *shard*, which must own no slot. Raises ValueError if it does."""


class Sharded:
    """Our cluster of *shards* shards, with leases of *lease_s* seconds; `cluster` makes and ends it."""

    name = "minisys"

    def __init__(self, shards: int, lease_s: float, state: str | None = None) -> None:
        self.members: dict[int, Node] = {}
        self.arguments = ("--shards", str(shards), "--lease", str(lease_s), *(("--state", state) if state else ()))
        self.coordinator = self._start_coordinator(0)
        self.extra: list[Node] = []
        self._start_nodes(2 * shards)
        self.settled()

    def _start_coordinator(self, port: int) -> Node:
        return nodes.start("minisys.sharding", "--port", str(port), "coordinator", *self.arguments, name="coordinator")

    def _start_nodes(self, count: int) -> None:
        start = partial(nodes.start, "minisys.sharding", "node", "--coordinator", str(self.coordinator.port))
        with ThreadPoolExecutor(4) as pool:
            for node in pool.map(lambda number: start(name=f"shard-node-{number}"), range(count)):
                self.members[node.port] = node

    def ask(self, *words: str | int) -> Any:
        """The coordinator's answer. Raises hiredis.ReplyError if it says no, OSError if it is not there."""
        return ask(self.coordinator.port, *words)

    def topology(self) -> Topology:
        return Topology.decoded(self.ask("TOPOLOGY"))

    def settled(self, within_s: float = SETTLED_S) -> Topology:
        """Wait until each shard has a primary and a replica that are alive, and all know it. Raises NodeFailed."""
        end_s = time.monotonic() + within_s
        while not all(map(self._complete, self.topology().shards)):
            if time.monotonic() > end_s:
                raise nodes.NodeFailed(f"a shard lacks a node after {within_s:g} s: {self.topology().shards}")
            time.sleep(0.02)
        return self.agreed(within_s)

    def _complete(self, shard: Shard) -> bool:
        """Whether *shard* has a primary and a replica, and both are alive."""
        pair = (shard.primary, shard.replica)
        return all(each is not None and self.members[each.port].running for each in pair)

    def agreed(self, within_s: float = SETTLED_S) -> Topology:
        """Wait until all nodes that are alive know the same topology. Raises NodeFailed."""
        end_s = time.monotonic() + within_s
        while True:
            told = self.topology()
            members = [each for shard in told.shards for _, each in shard.members()]
            if all(epoch_of(each.port) >= told.epoch for each in members if self.members[each.port].running):
                return told
            if time.monotonic() > end_s:
                raise nodes.NodeFailed(f"a node has not heard of topology {told.epoch} after {within_s:g} s")
            time.sleep(0.02)

    def client(self, **options: Any) -> Any:
        return redis_cluster([port for port, node in self.members.items() if node.running], **options)

    def primary(self, shard: str) -> Node:
        """The process that leads *shard* now."""
        return self._process(self.topology().leader(shard), shard)

    def replica(self, shard: str) -> Node:
        """The process that follows it."""
        return self._process(self.topology().shard(shard).replica, shard)

    def _process(self, member: Member | None, shard: str) -> Node:
        if member is None:
            raise ValueError(f"shard {shard!r} has no such node now")
        return self.members[member.port]

    def kill(self, shard: str) -> None:
        self.primary(shard).kill()

    def pause(self, shard: str) -> Callable[[], None]:
        node = self.primary(shard)
        node.pause()
        return node.resume

    def add_node(self) -> Node:
        """One more node: the first shard without a replica gets it, else it is a spare."""
        before = set(self.members)
        self._start_nodes(1)
        return self.members[(set(self.members) - before).pop()]

    def add_shard(self) -> str:
        name: str = self.ask("ADDSHARD").decode()
        self._start_nodes(2)
        self.settled()
        return name

    def remove_shard(self, shard: str) -> None:
        gone = [member.port for _, member in self.topology().shard(shard).members()]
        try:
            self.ask("REMOVESHARD", shard)
        except hiredis.ReplyError as problem:
            raise ValueError(str(problem).removeprefix("ERR ")) from None
        for port in gone:
            self.members.pop(port).kill()

    def restart_coordinator(self) -> None:
        """Start the coordinator anew on its old port; it must be dead."""
        self.coordinator = self._start_coordinator(self.coordinator.port)

    def router(self) -> Node:
        """A router to this cluster, started now; it ends with the cluster."""
        seeds = [word for port in self.members for word in ("--seed", str(port))]
        self.extra.append(nodes.start("minisys.sharding", "router", *seeds, name="router"))
        return self.extra[-1]

    def stop(self) -> None:
        """Kill all of its processes."""
        for node in [*self.extra, *self.members.values(), self.coordinator]:
            node.kill()


@contextmanager
def cluster(shards: int = 3, lease_s: float = 1.0, state: str | None = None) -> Iterator[Sharded]:
    """Our sharded store for the time of a ``with`` block: *shards* shards of two nodes each.

    lease_s: seconds of silence after which a replica takes over. state: the coordinator's file, or None.
    Raises nodes.NodeFailed if it does not start.
    """
    before = set(map(id, nodes._running))
    try:
        running = Sharded(shards, lease_s, state)
        try:
            yield running
        finally:
            running.stop()
    finally:
        for node in [each for each in nodes._running if id(each) not in before and each.name.startswith("shard-node")]:
            node.kill()  # it did not even start


def ask(port: int, *words: bytes | str | int, patience_s: float = 5.0) -> Any:
    """One answer of the server on *port*. Raises hiredis.ReplyError if it is an error, OSError if none came."""
    with RespSocket(port, patience_s) as connection:
        return connection.ask(*words)


def epoch_of(port: int) -> int:
    """The number of the topology that the node on *port* knows; -1 if it does not answer."""
    try:
        told = ask(port, "CLUSTER", "INFO", patience_s=1.0).decode()
    except (OSError, hiredis.HiredisError):
        return -1
    return int(told.split("cluster_current_epoch:")[1].split()[0])
