"""The coordinator: it hears from every node, keeps the list of who does what, and lets a replica take over.

A primary falls silent. Is it dead, or only slow? Nobody can know. But if every node may work only for so long after it
was last heard (a lease), then after that time it does not matter: dead or slow, it answers no more, and the replica may
lead. A node counts its lease from the moment it asked, the coordinator from the moment it answered, which is later.

    HEARTBEAT node port epoch [caught-up-node]   the lease in milliseconds, and the topology if it is newer
    ASSIGN shard slot …   ADDSHARD   REMOVESHARD shard   TOPOLOGY

Promised: a topology is on disk before anybody hears of it (if there is a state file), and after a restart nobody is
taken for dead before a full lease has passed. Not promised: that the coordinator itself survives. It is one process
where products have several (Redis and Valkey let the primaries vote; others ask etcd or ZooKeeper). While it is gone
shards go on with their replicas, but nobody is promoted and no slot changes hands.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from minisys.sharding.topology import Member, Topology
from minisys.testbed import resp
from minisys.testbed.resp import Request
from minisys.testbed.resp_server import Connection, Patience, Server

LOOK_S = 0.02


class Coordinator:
    """Decides with the topology *topology* and leases of *lease_s* seconds; *now* is its clock.

    state: a file that survives it, or None. Raises ValueError unless lease_s > 0, or if the file holds no topology.
    """

    def __init__(self, topology: Topology, lease_s: float, now: Callable[[], float], state: Path | None = None) -> None:
        if not lease_s > 0:
            raise ValueError(f"a lease lasts longer than 0 seconds, got {lease_s}")
        self.lease_s, self.now, self.state = lease_s, now, state
        self.heard_s: dict[str, float] = {}
        self.looked_s = now()
        self.topology = topology
        if state is not None and state.exists():
            self.topology = Topology.decoded(state.read_bytes())
        for shard in self.topology.shards:  # nobody knows when the one before us last heard from them
            self.heard_s |= {member.node: now() for _, member in shard.members()}

    def heartbeat(self, member: Member, caught_up: str = "") -> None:
        """*member* is there; *caught_up* names a node that has all of its data now."""
        place = self.topology.place(member.node)
        changed = self.topology
        if place is None:
            changed = changed.taken_in(member)
        elif caught_up and place[1] == "primary" and place[0].joining is not None:
            if place[0].joining.node == caught_up:
                changed = changed.caught_up(caught_up)
        self.heard_s[member.node] = self.now()
        self.publish(changed)

    def alive(self, node: str) -> bool:
        """Whether *node* may still hold a lease."""
        return self.now() - self.heard_s.get(node, -1e9) <= self.lease_s

    def look(self) -> None:
        """Replace those whose lease has run out."""
        if self.now() - self.looked_s > self.lease_s / 2:  # it was we who slept: their heartbeats lie unread
            self.heard_s = dict.fromkeys(self.heard_s, self.now())
        self.looked_s = self.now()
        changed = self.topology
        for shard in changed.shards:
            for _, member in shard.members():
                if not self.alive(member.node):
                    changed = changed.without(member.node, self.alive)
        self.publish(changed)

    def publish(self, changed: Topology) -> None:
        """*changed* holds from now on, under the next number, and is on disk."""
        if changed is self.topology:
            return
        changed = replace(changed, epoch=self.topology.epoch + 1)
        if self.state is not None:
            _write_durably(self.state, changed.encoded())
        self.topology = changed


def _write_durably(path: Path, text: bytes) -> None:
    """*path* holds *text* or what it held before, whatever happens meanwhile."""
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Desk:
    """A node's (or an operator's) conversation with the coordinator."""

    def __init__(self, coordinator: Coordinator) -> None:
        self.coordinator = coordinator

    def execute(self, request: Request) -> bytes:
        """The answer to *request*; a mistake is an error with what was wrong."""
        command = COMMANDS.get(request[0].upper())
        if command is None:
            return resp.error(f"ERR the coordinator knows no {request[0].decode(errors='replace')!r}")
        try:
            return command(self, *request[1:])
        except OSError as problem:  # the topology could not be written, so it is not changed
            return resp.error(f"ERR the topology cannot be kept: {problem}")
        except (KeyError, TypeError, ValueError, UnicodeError) as problem:
            return resp.error(f"ERR {problem.args[0] if problem.args else problem!r}")

    def close(self) -> None:
        """Nothing to do: a connection that ends proves nothing."""

    def _ping(self) -> bytes:
        return resp.simple("PONG")

    def _heartbeat(self, node: bytes, port: bytes, epoch: bytes, caught_up: bytes = b"") -> bytes:
        self.coordinator.heartbeat(Member(node.decode(), int(port)), caught_up.decode())
        topology, lease_ms = self.coordinator.topology, round(self.coordinator.lease_s * 1000)
        news = topology.encoded() if topology.epoch != int(epoch) else b""
        return resp.array([resp.integer(lease_ms), resp.bulk(news)])

    def _assign(self, shard: bytes, *slots: bytes) -> bytes:
        coordinator = self.coordinator
        coordinator.publish(coordinator.topology.assigned([int(slot) for slot in slots], shard.decode()))
        return self._topology()

    def _addshard(self) -> bytes:
        changed = self.coordinator.topology.with_shard()
        self.coordinator.publish(changed)
        return resp.bulk(changed.shards[-1].name.encode())

    def _removeshard(self, name: bytes) -> bytes:
        self.coordinator.publish(self.coordinator.topology.without_shard(name.decode()))
        return resp.OK

    def _topology(self) -> bytes:
        return resp.bulk(self.coordinator.topology.encoded())


COMMANDS: dict[bytes, Callable[..., bytes]] = {
    b"PING": Desk._ping, b"HEARTBEAT": Desk._heartbeat, b"ASSIGN": Desk._assign, b"ADDSHARD": Desk._addshard,
    b"REMOVESHARD": Desk._removeshard, b"TOPOLOGY": Desk._topology,
}  # fmt: skip


async def serve(coordinator: Coordinator, port: int = 0) -> Server:
    """The coordinator on 127.0.0.1:*port* (0: any free one). Raises OSError if it is taken."""

    def open_desk(connection: Connection) -> Desk:
        return Desk(coordinator)

    server = Server(open_desk, resp.Limits(bulk_bytes=2**20, request_bytes=2**22), Patience(clients=1000))
    await server.listen(port)
    server._tasks.append(asyncio.get_running_loop().create_task(_look_for_ever(coordinator)))
    return server


async def _look_for_ever(coordinator: Coordinator) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        with contextlib.suppress(OSError):  # a full disk: try again, and change nothing until then
            coordinator.look()
