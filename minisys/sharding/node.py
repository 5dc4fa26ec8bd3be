"""A node of the sharded store: a primary or a replica of one shard, in one process.

What may a primary say, and when? It may say what it knows as long as it is sure to be the primary, that is while its
lease lasts or as soon as its replica has confirmed something that came after. And it says nothing that its replica does
not know: every answer, also to a read, waits until the replica has all changes made before it.

Promised: what was acknowledged survives the death of one node of a shard, and reads are linearizable per key, also
across a takeover, a pause and a dead coordinator. Not promised: that data survives the death of both (there is no
disk), nor an answer during a takeover: a connection whose answers hang on a lost leadership is closed, and its client
cannot know what was done.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING

import hiredis

from minisys.sharding.feed import Feeding, Follower
from minisys.sharding.link import Link, open_link
from minisys.sharding.store import NOOP, Store
from minisys.sharding.topology import Member, Shard, Topology
from minisys.testbed import resp
from minisys.testbed.resp_server import Patience, Server

if TYPE_CHECKING:
    from minisys.sharding.session import ClientSession

BEAT_S = 0.1


class ShardNode:
    """One node that belongs to the coordinator on port *coordinator*.

    maxmemory: bytes of data beyond which writes are refused. shard, role: what it is now; role "" is a spare.
    seq: number of the last change made here; acked: of the last one that is safe; lease_until_s: the loop's clock.
    """

    def __init__(self, coordinator: int, maxmemory: int = 256 * 2**20) -> None:
        self.id, self.coordinator, self.maxmemory = secrets.token_hex(20), coordinator, maxmemory
        self.store, self.seq, self.acked = Store(), 0, 0
        self.topology = Topology(0, (), ("",) * 16_384)
        self.shard: Shard | None = None
        self.role = ""
        self.lease_until_s = 0.0
        self.feeding: Feeding | None = None
        self.follower: Follower | None = None
        self.relied = self.reported = ""  # a joining node for which answers wait; the same once it has caught up
        self.relied_seq = 0
        self.in_transit: set[bytes] = set()  # keys that are being sent to another shard right now
        self.waiting: dict[ClientSession, None] = {}
        self.held: dict[ClientSession, None] = {}
        self.now = asyncio.get_running_loop().time
        self.commands = 0
        self.assigning: dict[str, tuple[list[int], asyncio.Future[None]]] = {}
        self.link: Link | None = None

    @property
    def now_ms(self) -> int:
        """The date, in milliseconds since 1970: deadlines travel between processes."""
        return int(time.time() * 1000)

    @property
    def leased(self) -> bool:
        """Whether nobody else can be the primary now."""
        return self.now() < self.lease_until_s

    @property
    def relies(self) -> bool:
        """Whether answers wait for another node."""
        return self.shard is not None and (self.shard.replica is not None or bool(self.relied))

    def log(self, *entry: bytes) -> None:
        """Make one change, here and at the replica."""
        self.store.apply(entry)
        self.seq += 1
        if self.feeding is not None:
            self.feeding.send(self.seq, entry)
        if not self.relies:
            self.acked = self.seq

    def confirm(self) -> bool:
        """See to it that the answer about to be given is a primary's; False if that is impossible now."""
        if self.leased:
            return True
        if self.relies:
            self.log(*NOOP)  # the answer waits for it, and a replica that leads will not accept it
        return self.relies

    def acknowledged(self, feeding: Feeding, seq: int) -> None:
        """The node at the end of *feeding* has all changes up to number *seq*."""
        if feeding is not self.feeding or self.shard is None:
            return
        if self.shard.replica is None and not self.relied:
            self.relied, self.relied_seq = feeding.member.node, self.seq  # from now on no answer leaves without it
        if self.relied and seq >= self.relied_seq:
            self.reported = self.relied  # it has what was answered before, too: it may lead, and there is no way back
        if seq > self.acked:
            self.acked = seq
            self.release()

    def release(self) -> None:
        """Send the answers that waited and need not wait any more."""
        for session in list(self.waiting):
            session.release()

    def adopt(self, topology: Topology) -> None:
        """*topology* is the newest picture: be what it says."""
        if topology.epoch <= self.topology.epoch:
            return
        role_before, shard_before = self.role, self.shard
        self.topology = topology
        self.shard, self.role = topology.place(self.id) or (None, "")
        if role_before == "primary" and self.role != "primary":
            self._step_down()
        if self.role == "primary" or self._leader(self.shard) != self._leader(shard_before):
            self.follower = None
        if not self.role:
            self.store, self.seq, self.acked = Store(), 0, 0
        if self.role == "primary":
            self._lead(role_before)
            self._let_go_of_slots()

    @staticmethod
    def _leader(shard: Shard | None) -> Member | None:
        return shard.primary if shard is not None else None

    def _lead(self, role_before: str) -> None:
        """Be the primary, with the replica that the topology names."""
        assert self.shard is not None
        if role_before != "primary":
            self.acked = self.seq  # all that the old primary ever acknowledged is here
        target = self.shard.replica or self.shard.joining
        if target is None or target.node != self.relied or self.shard.replica is not None:
            self.relied = self.reported = ""
        if self.feeding is not None and self.feeding.member != target:
            self.feeding.stop()
            self.feeding = None
        if target is not None and self.feeding is None:
            self.feeding = Feeding(self, target)
        if not self.relies:
            self.acked = self.seq
            self.release()

    def _step_down(self) -> None:
        """Somebody else leads. What waits for its replica's word cannot be answered, neither with yes nor with no."""
        if self.feeding is not None:
            self.feeding.stop()
        self.feeding, self.relied, self.reported, self.lease_until_s = None, "", "", 0.0
        for session in [*self.waiting, *self.held]:
            session.abandon()
        self.acked = self.seq

    def _let_go_of_slots(self) -> None:
        """Forget keys of slots that belong to another shard and are not on the way here; settle what has arrived."""
        assert self.shard is not None
        mine, owners, store = self.shard.name, self.topology.owners, self.store
        for slot in store.slots():
            if owners[slot] != mine and slot not in store.importing:
                self.log(b"DROP", b"%d" % slot)
        arrived = [slot for slot in store.importing if owners[slot] == mine]
        for slot in arrived + [slot for slot in store.migrating if owners[slot] != mine]:
            self.log(b"STABLE", b"%d" % slot)

    def assign(self, slot: int, shard: str) -> asyncio.Future[None]:
        """Ask the coordinator to give *slot* to *shard*; requests of one moment go together. Done when it is so here.

        The future fails with ConnectionError or ValueError.
        """
        loop = asyncio.get_running_loop()
        if shard not in self.assigning:
            self.assigning[shard] = ([], loop.create_future())
            loop.call_soon(lambda: loop.create_task(self._assign(shard)))
        slots, future = self.assigning[shard]
        slots.append(slot)
        return future

    async def _assign(self, shard: str) -> None:
        slots, future = self.assigning.pop(shard)
        try:
            if self.link is None:
                raise ConnectionError("the coordinator is not there")
            reply = await self.link.ask("ASSIGN", shard, *slots)
            if isinstance(reply, hiredis.ReplyError):
                raise ValueError(str(reply))
            self.adopt(Topology.decoded(reply))
            future.set_result(None)
        except (OSError, ValueError) as problem:
            future.set_exception(problem)

    async def heartbeats(self, port: int) -> None:
        """Tell the coordinator for ever that we, on *port*, are there, and take what it says."""
        while True:
            try:
                if self.link is None or self.link.lost:
                    self.link = await open_link(self.coordinator)
                asked_s = self.now()  # the lease counts from here: an answer may lie unread for a long time
                words = ("HEARTBEAT", self.id, port, self.topology.epoch, self.reported)
                reply = await asyncio.wait_for(self.link.ask(*words), 2.0)
                lease_ms, news = reply
                if news:
                    self.adopt(Topology.decoded(news))
                if self.role == "primary":
                    self.lease_until_s = asked_s + lease_ms / 1000
            except (OSError, TypeError, ValueError):  # away, or talking nonsense: try again
                if self.link is not None:
                    self.link.close()
                self.link = None
            await asyncio.sleep(BEAT_S)


async def serve(coordinator: int, port: int = 0, maxmemory: int = 256 * 2**20) -> tuple[ShardNode, Server]:
    """A node on 127.0.0.1:*port* (0: any free one) that belongs to the coordinator on port *coordinator*."""
    from minisys.sharding import cluster_commands, commands, handover  # noqa: F401 (they fill the table)
    from minisys.sharding.session import ClientSession

    node = ShardNode(coordinator, maxmemory)
    server = Server(lambda connection: ClientSession(node, connection), resp.Limits(), Patience())
    await server.listen(port)
    server._tasks.append(asyncio.get_running_loop().create_task(node.heartbeats(server.port)))
    return node, server


def address(member: Member) -> str:
    """Where *member* is, as redirections name it."""
    return f"127.0.0.1:{member.port}"
