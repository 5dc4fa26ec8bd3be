"""A bad network on loopback: a TCP proxy between two nodes that delays, throttles, cuts and resets what passes.

A replica is not dead, its cable is. The others elect a new primary while the old one still takes orders. To see that on
one machine the two must talk through something that can be cut, in one direction if need be, and healed.

    proxy = FaultProxy()
    link = await proxy.add("a-b", port_of_b)      # a connects to link.port instead of to b
    link.set("forward", Faults(delay_s=0.05))     # what a says takes 50 ms longer
    link.set("both", Faults(cut=True))            # a partition

Promised: bytes keep their order and none is invented. As TCP sends again what was lost, a cut holds bytes, connection
attempts and goodbyes back until it is healed. Only a reset, a drop and a half-open connection lose them; as a stream
with a hole is none, such a connection is reset when the link is healed. At most HELD_BYTES wait in a direction, then
the sender is not read from any more. Runs on the virtual clock too. Not here: datagrams; connecting that fails slowly.
"""

from __future__ import annotations

import asyncio
import struct
from random import Random
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from minisys.testbed.fault_pipe import HEALTHY, HELD_BYTES, Count, Faults, Pipe

__all__ = ["DIRECTIONS", "HEALTHY", "HELD_BYTES", "End", "FaultProxy", "Faults", "Link", "Pipe"]

DIRECTIONS = ("forward", "backward", "both")


class End(asyncio.Protocol):
    """One of a connection's two sockets: it reads into *outgoing*, and *incoming* writes to it."""

    transport: Any

    def __init__(self, link: Link, outgoing: Pipe, incoming: Pipe) -> None:
        self.link, self.outgoing, self.incoming = link, outgoing, incoming

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.link.ends.add(self)
        self.outgoing.source = self.incoming.sink = self
        if self.outgoing.direction == "forward":
            self.link.dial(self.outgoing, self.incoming)
        self.incoming.move()

    def data_received(self, data: bytes) -> None:
        self.outgoing.push(data)

    def eof_received(self) -> bool:
        return False  # connection_lost tells the other side

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.ends.discard(self)
        self.link.out_of_step.discard(self)
        self.outgoing.source = None
        self.outgoing.push(b"")
        self.incoming.sink = None
        self.incoming.discard()

    def reset(self) -> None:
        """Close with a RST instead of a goodbye."""
        self.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def pause_writing(self) -> None:
        self.incoming.stuffed = True
        self.incoming.press()

    def resume_writing(self) -> None:
        self.incoming.stuffed = False
        self.incoming.press()


class Link:
    """A way from *port*, which it listens on, to *target*, another port of 127.0.0.1; `FaultProxy.add` makes it."""

    def __init__(self, name: str, target: int, seed: int = 0) -> None:
        self.name, self.target = name, target
        self.loop, self.rng = asyncio.get_running_loop(), Random(f"{seed} {name}")
        self.faults = {"forward": HEALTHY, "backward": HEALTHY}
        self.counts = {"forward": Count(), "backward": Count()}
        self.ends: set[End] = set()
        self.out_of_step: set[End] = set()  # have lost bytes or their far end: reset when the link is healed
        self.dialling: set[asyncio.Task] = set()
        self.healed = asyncio.Event()
        self.healed.set()

    async def listen(self) -> None:
        """Accept connections on a free port."""
        self.sockets = await self.loop.create_server(self._accept, "127.0.0.1", 0)
        self.port = int(self.sockets.sockets[0].getsockname()[1])

    def _accept(self) -> End:
        return End(self, Pipe(self, "forward"), Pipe(self, "backward"))

    def dial(self, forward: Pipe, backward: Pipe) -> None:
        """Connect to the target on behalf of the end that has just come."""
        task = self.loop.create_task(self._dial(forward, backward))
        self.dialling.add(task)
        task.add_done_callback(self.dialling.discard)

    async def _dial(self, forward: Pipe, backward: Pipe) -> None:
        await self.healed.wait()  # a connection needs both directions, even where only one is cut
        try:
            if forward.source is not None:
                await self.loop.create_connection(lambda: End(self, backward, forward), "127.0.0.1", self.target)
        except OSError:  # nobody is there: what a reset says
            if backward.sink is not None:
                backward.sink.reset()

    def set(self, direction: str, faults: Faults) -> None:
        """From now on *direction* ("forward", "backward" or "both") has *faults*; Faults() heals it."""
        if direction not in DIRECTIONS:
            raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, got {direction!r}")
        for one in self.faults:
            if direction in (one, "both"):
                self.faults[one] = HEALTHY if faults == HEALTHY else faults
        if any(one.cut or one.drop for one in self.faults.values()):
            self.healed.clear()
        else:
            self._heal()
        for end in list(self.ends):
            end.incoming.move()  # and not outgoing: a goodbye waits in the pipe of an end that is gone

    def _heal(self) -> None:
        for end in list(self.out_of_step):
            end.outgoing.discard()
            end.reset()
        self.healed.set()

    def half_open(self) -> None:
        """The target's ends of all connections are gone, and the others have not heard: until set() heals the link."""
        for far in [end for end in self.ends if end.outgoing.direction == "backward"]:
            if far.outgoing.sink is not None:
                self.out_of_step.add(far.outgoing.sink)
            far.outgoing.sink = far.incoming.sink = None  # so that nobody hears the goodbye
            far.outgoing.discard()
            far.reset()

    def reset(self) -> None:
        """Every connection breaks at once, with all that was on its way."""
        for task in self.dialling:
            task.cancel()
        for end in list(self.ends):
            end.outgoing.discard()
            end.reset()

    def close(self) -> None:
        """Accept nobody new and break what there is."""
        self.sockets.close()
        self.reset()


class FaultProxy:
    """Any number of links, by name; *seed* of what happens by chance on them."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.links: dict[str, Link] = {}

    async def add(self, name: str, target: int) -> Link:
        """A new link to port *target*. Raises ValueError if the name is taken."""
        if name in self.links:
            raise ValueError(f"there is a link {name!r} already, to port {self.links[name].target}")
        link = Link(name, target, self.seed)
        self.links[name] = link  # before the wait, so that nobody takes the name meanwhile
        await link.listen()
        return link

    async def close(self) -> None:
        """Let go of everything."""
        links = list(self.links.values())
        self.links.clear()
        for link in links:
            link.close()
        while any(link.ends or link.dialling for link in links):
            await asyncio.sleep(0)
