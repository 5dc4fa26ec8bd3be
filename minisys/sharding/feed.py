"""The way from a primary to its replica: first everything that is there, then every change, and acknowledgements back.

The primary promises its users that what it acknowledged survives it. So before an answer goes out, the replica must say
that it has every change the answer rests on. A replica that was away gets everything anew, and keeps what it had until
the new picture is complete: it may be called upon to lead in the middle of it.

    FOLLOW node   then LOAD entry …   LOADED number   then APPLY number entry …

Promised: entries arrive in order and without a gap, or the connection ends and all begins anew. Not done: sending only
what a replica missed while it was away (Redis keeps a backlog for that).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minisys.sharding.link import Link, open_link, pack
from minisys.sharding.store import Entry, Store
from minisys.sharding.topology import Member

if TYPE_CHECKING:
    from minisys.sharding.node import ShardNode

AGAIN_S = 0.05
UNREAD_BYTES = 32 * 2**20  # beyond that the primary takes no more writes until the replica has read some


class Feed(Link):
    """The primary's end of one connection. *acknowledge*: called with the number of the last entry the replica has."""

    def __init__(self, acknowledge: Callable[[int], None]) -> None:
        super().__init__()
        self.acknowledge = acknowledge

    def answered(self, reply: Any) -> None:
        if self.asked:
            super().answered(reply)
        elif not isinstance(reply, int):  # it follows somebody else by now
            self.close()
        elif reply >= 0:
            self.acknowledge(reply)

    def begin(self, seq: int, store: Store) -> None:
        """Send all of *store* as it is after entry number *seq*."""
        packed = [pack((b"LOAD", *entry)) for entry in store.snapshot()]
        packed.append(pack((b"LOADED", seq)))
        self.transport.write(b"".join(packed))

    def send(self, seq: int, entry: Entry) -> None:
        """Send entry number *seq*."""
        if not self.closed:
            self.transport.write(pack((b"APPLY", seq, *entry)))

    @property
    def full(self) -> bool:
        """Whether the replica has not read for too long."""
        return not self.closed and self.transport.get_write_buffer_size() > UNREAD_BYTES


class Feeding:
    """Keeps a feed from *node* to *member* going, connection after connection, until `stop`."""

    def __init__(self, node: ShardNode, member: Member) -> None:
        self.node, self.member = node, member
        self.feed: Feed | None = None
        self.task = asyncio.get_running_loop().create_task(self._run())

    def send(self, seq: int, entry: Entry) -> None:
        """Send entry number *seq*, if there is anybody to send it to."""
        if self.feed is not None:
            self.feed.send(seq, entry)

    @property
    def full(self) -> bool:
        """Whether the replica has not read for too long."""
        return self.feed is not None and self.feed.full

    def stop(self) -> None:
        """No more."""
        self.task.cancel()
        if self.feed is not None:
            self.feed.close()

    async def _run(self) -> None:
        while True:
            feed = Feed(lambda seq: self.node.acknowledged(self, seq))
            try:
                await open_link(self.member.port, link=feed)
                accepted = await asyncio.wait_for(feed.ask("FOLLOW", self.node.id), 1.0)
            except OSError as problem:
                accepted = problem
            if accepted == b"OK" and not feed.closed:
                feed.begin(self.node.seq, self.node.store)
                self.feed = feed  # no await since the picture was taken: no change can slip between
                while not feed.lost:
                    await asyncio.sleep(AGAIN_S)
            self.feed = None
            feed.close()
            await asyncio.sleep(AGAIN_S)


class Follower:
    """The replica's end: what one connection from a primary has brought so far. Raises ValueError for a gap."""

    def __init__(self, node: ShardNode, leader: str) -> None:
        self.node, self.leader = node, leader
        self.loading: Store | None = Store()

    def load(self, entry: list[bytes]) -> int:
        """One entry of the picture; -1, which acknowledges nothing."""
        if self.loading is None:
            raise ValueError("LOAD after LOADED")
        self.loading.apply(entry)
        return -1

    def loaded(self, seq: int) -> int:
        """The picture is complete and stands for all entries up to number *seq*."""
        if self.loading is None:
            raise ValueError("LOADED twice")
        self.node.store, self.loading = self.loading, None
        self.node.seq = self.node.acked = seq
        return seq

    def apply(self, seq: int, entry: list[bytes]) -> int:
        """Entry number *seq*."""
        if self.loading is not None or seq != self.node.seq + 1:
            raise ValueError(f"entry {seq} does not follow entry {self.node.seq}")
        self.node.store.apply(entry)
        self.node.seq = self.node.acked = seq
        return seq
