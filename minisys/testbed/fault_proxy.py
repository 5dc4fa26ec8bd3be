"""A bad network on loopback: a TCP proxy between two nodes that delays, throttles, cuts and resets what passes.

A replica is not dead, its cable is. The others elect a new primary while the old one still takes orders. To see that on
one machine the two must talk through something that can be cut, in one direction if need be, and healed.

    proxy = FaultProxy()
    link = await proxy.add("a-b", port_of_b)      # a connects to link.port instead of to b
    link.set("forward", Faults(delay_s=0.05))     # what a says takes 50 ms longer
    link.set("both", Faults(cut=True))            # a partition

Promised: bytes keep their order and none is invented. As TCP sends again what was lost, a cut holds bytes, connection
attempts and goodbyes back until it is healed; only a reset loses them. At most HELD_BYTES wait in a direction, then the
sender is not read from any more. Runs on the virtual clock too. Not here: datagrams, losses TCP would hide anyway.
"""

from __future__ import annotations

import asyncio
import math
import struct
from collections import deque
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

HELD_BYTES = 2**18
DIRECTIONS = ("forward", "backward", "both")


@dataclass(frozen=True)
class Faults:
    """What happens to one direction: *delay_s* seconds more, *bytes_per_s* at most, *cut*: nothing passes.

    Raises ValueError unless delay_s >= 0 and bytes_per_s > 0.
    """

    delay_s: float = 0.0
    bytes_per_s: float = math.inf
    cut: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.delay_s < math.inf and self.bytes_per_s > 0):
            raise ValueError(f"need delay_s >= 0 and bytes_per_s > 0, got {self}")


HEALTHY = Faults()


class Pipe:
    """One direction of one connection: bytes from the end *source* wait here until they may pass to the end *sink*."""

    def __init__(self, link: Link, direction: str) -> None:
        self.link, self.direction = link, direction
        self.source: End | None = None
        self.sink: End | None = None
        self.waiting: deque[tuple[float, bytes]] = deque()  # when it may pass; b"": the end of the stream
        self.held = 0
        self.free_s = -math.inf  # when the throttle lets the next byte through
        self.timer: asyncio.TimerHandle | None = None
        self.stuffed = False  # the sink's own buffer is full

    @property
    def faults(self) -> Faults:
        return self.link.faults[self.direction]

    def push(self, data: bytes) -> None:
        """*data* has come from the source; b"" means that nothing more will."""
        if data and not self.waiting and self.faults is HEALTHY and self.sink is not None:
            self.sink.transport.write(data)
            return
        self.waiting.append((self.link.loop.time() + self.faults.delay_s, data))
        self.held += len(data)
        self.move()

    def move(self) -> None:
        """Pass on what is due, and come back for the rest."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        now, faults = self.link.loop.time(), self.faults
        while self.waiting and self.sink is not None and not faults.cut:
            due_s = max(self.waiting[0][0], self.free_s)
            if due_s > now:
                self.timer = self.link.loop.call_at(due_s, self.move)
                break
            data = self.waiting.popleft()[1]
            self.held -= len(data)
            self._pass(data, now, faults.bytes_per_s)
        self.press()

    def _pass(self, data: bytes, now: float, bytes_per_s: float) -> None:
        assert self.sink is not None
        if not data:
            self.sink.transport.close()
        elif bytes_per_s == math.inf:
            self.sink.transport.write(data)
        else:
            piece = data[: max(1, int(bytes_per_s / 50))]  # what passes in 20 ms
            self.sink.transport.write(piece)
            self.free_s = max(now, self.free_s) + len(piece) / bytes_per_s
            if rest := data[len(piece) :]:
                self.waiting.appendleft((now, rest))
                self.held += len(rest)

    def press(self) -> None:
        """Read from the source only while there is room for what it says."""
        if self.source is not None and not self.source.transport.is_closing():
            if self.stuffed or self.held > HELD_BYTES:
                self.source.transport.pause_reading()
            else:
                self.source.transport.resume_reading()


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
        self.outgoing.source = None
        self.outgoing.push(b"")
        self.incoming.sink = None
        self.incoming.waiting.clear()

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

    def __init__(self, name: str, target: int) -> None:
        self.name, self.target = name, target
        self.loop = asyncio.get_running_loop()
        self.faults = {"forward": HEALTHY, "backward": HEALTHY}
        self.ends: set[End] = set()
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
        if any(one.cut for one in self.faults.values()):
            self.healed.clear()
        else:
            self.healed.set()
        for end in list(self.ends):
            end.incoming.move()  # and not outgoing: a goodbye waits in the pipe of an end that is gone

    def reset(self) -> None:
        """Every connection breaks at once, with all that was on its way."""
        for task in self.dialling:
            task.cancel()
        for end in list(self.ends):
            end.outgoing.waiting.clear()
            end.reset()

    def close(self) -> None:
        """Accept nobody new and break what there is."""
        self.sockets.close()
        self.reset()


class FaultProxy:
    """Any number of links, by name."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}

    async def add(self, name: str, target: int) -> Link:
        """A new link to port *target*. Raises ValueError if the name is taken."""
        if name in self.links:
            raise ValueError(f"there is a link {name!r} already, to port {self.links[name].target}")
        link = Link(name, target)
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
