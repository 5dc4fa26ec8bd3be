"""One direction of one connection through the fault proxy: bytes wait here until they may pass, or are lost.

A cable is bad in many ways. It may be slow, unsteady, narrow or cut; TCP, which sends again what was lost, turns losses
into waits and keeps the order of the bytes. So does a pipe: whatever its faults, what it passes on comes in order.

Promised: none is invented; each byte that was read is counted once, as passed, lost, or still held. Not here: sockets
and connecting (fault_proxy.py).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from minisys.testbed.fault_proxy import End, Link

HELD_BYTES = 2**18
SEGMENT_BYTES = 1448  # what TCP puts into one packet of an Ethernet: 1,500 less the headers with a timestamp


@dataclass(frozen=True)
class Faults:
    """What happens to one direction.

    delay_s: seconds more for each piece. jitter_s: up to so many more, uniformly. bytes_per_s: at most. cut: nothing
    passes, all is held. loss: the chance that a packet of 1,448 bytes is lost, which the receiver sees as *stall_s*
    seconds of silence until it was sent again. drop: all that is said is lost for good. corrupt: the chance that a
    piece, as it was read, has one byte changed.
    Raises ValueError unless times are >= 0, bytes_per_s > 0, and chances from 0 to 1.
    """

    delay_s: float = 0.0
    bytes_per_s: float = math.inf
    cut: bool = False
    jitter_s: float = 0.0
    loss: float = 0.0
    stall_s: float = 0.2
    drop: bool = False
    corrupt: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.delay_s < math.inf and self.bytes_per_s > 0):
            raise ValueError(f"need delay_s >= 0 and bytes_per_s > 0, got {self}")
        if not (0 <= self.jitter_s < math.inf and 0 <= self.stall_s < math.inf):
            raise ValueError(f"need jitter_s >= 0 and stall_s >= 0, got {self}")
        if not (0 <= self.loss <= 1 and 0 <= self.corrupt <= 1):
            raise ValueError(f"loss and corrupt are chances from 0 to 1, got {self}")


HEALTHY = Faults()


@dataclass
class Count:
    """Bytes of one direction: *read*, *passed* on, *lost* for good; and pieces that *stalled* or were *changed*."""

    read: int = 0
    passed: int = 0
    lost: int = 0
    stalled: int = 0
    changed: int = 0


class Pipe:
    """One direction of one connection: bytes from the end *source* wait here until they may pass to the end *sink*."""

    def __init__(self, link: Link, direction: str) -> None:
        self.link, self.direction, self.count = link, direction, link.counts[direction]
        self.source: End | None = None
        self.sink: End | None = None
        self.waiting: deque[tuple[float, bytes]] = deque()  # when it may pass; b"": the end of the stream
        self.held = 0
        self.free_s = -math.inf  # when the throttle lets the next byte through
        self.timer: TimerHandle | None = None
        self.stuffed = False  # the sink's own buffer is full

    @property
    def faults(self) -> Faults:
        return self.link.faults[self.direction]

    def push(self, data: bytes) -> None:
        """*data* has come from the source; b"" means that nothing more will."""
        self.count.read += len(data)
        faults = self.faults
        if data and not self.waiting and faults is HEALTHY and self.sink is not None:
            self.count.passed += len(data)
            self.sink.transport.write(data)
            return
        if faults.drop:
            self.count.lost += len(data)
            self.link.out_of_step.update(end for end in (self.source, self.sink) if end is not None)
            return
        self.waiting.append((self.link.loop.time() + self._wait_s(faults, len(data)), data))
        self.held += len(data)
        self.move()

    def _wait_s(self, faults: Faults, size: int) -> float:
        """How long a piece of *size* bytes is on its way."""
        wait_s = faults.delay_s
        if faults.jitter_s:
            wait_s += faults.jitter_s * self.link.rng.random()
        if faults.loss and self.link.rng.random() < 1 - (1 - faults.loss) ** math.ceil(size / SEGMENT_BYTES):
            self.count.stalled += 1
            wait_s += faults.stall_s
        return wait_s

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
            self._pass(data, now, faults)
        self.press()

    def _pass(self, data: bytes, now: float, faults: Faults) -> None:
        assert self.sink is not None
        if not data:
            self.sink.transport.close()
        elif faults.bytes_per_s == math.inf:
            self._write(self.sink, data, faults)
        else:
            piece = data[: max(1, int(faults.bytes_per_s / 50))]  # what passes in 20 ms
            self._write(self.sink, piece, faults)
            self.free_s = max(now, self.free_s) + len(piece) / faults.bytes_per_s
            if rest := data[len(piece) :]:
                self.waiting.appendleft((now, rest))
                self.held += len(rest)

    def _write(self, sink: End, data: bytes, faults: Faults) -> None:
        rng = self.link.rng
        if faults.corrupt and rng.random() < faults.corrupt:
            at = rng.randrange(len(data))
            data = b"%b%c%b" % (data[:at], data[at] ^ rng.randrange(1, 256), data[at + 1 :])
            self.count.changed += 1
        self.count.passed += len(data)
        sink.transport.write(data)

    def discard(self) -> None:
        """What waits is lost."""
        self.count.lost += self.held
        self.held = 0
        self.waiting.clear()

    def press(self) -> None:
        """Read from the source only while there is room for what it says."""
        if self.source is not None and not self.source.transport.is_closing():
            if self.stuffed or self.held > HELD_BYTES:
                self.source.transport.pause_reading()
            else:
                self.source.transport.resume_reading()
