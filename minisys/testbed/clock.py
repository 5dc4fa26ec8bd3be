"""Live code in virtual time: an asyncio loop that never waits, over real sockets.

A test of a two-minute outage should not take two minutes, nor pass on one machine and fail on a busy one. This loop
asks the operating system which sockets are ready, and when none is, it does not wait for the next timer: it sets its
clock to it. The proxy and the backends run unchanged; asyncio.sleep(60) returns at once, and loop.time() says 60.

Limits, as found. Everything must run in this one loop: a byte on its way from another process, thread or executor
counts for nothing, and the clock jumps over it. On loopback in one process a sent byte is readable at once (Linux), so
nothing was ever jumped over here; *settle_s* makes the loop look twice where that is not so. Work on the processor
takes no virtual time. Things that are due at the same moment run in the order in which they were scheduled, which need
not be the simulation's order: compare runs whose events do not fall together (random arrivals, not a metronome).
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from minisys.testbed.descriptors import room_for

Result = TypeVar("Result")


class _Jumping(selectors.DefaultSelector):
    """A selector that moves the loop's clock on instead of waiting."""

    def __init__(self, settle_s: float) -> None:
        super().__init__()
        self.now, self.settle_s = 0.0, settle_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout is None or timeout <= 0:
            return ready if ready or timeout is not None else super().select(1.0)
        if self.settle_s and (ready := super().select(self.settle_s)):
            return ready
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time() starts at 0 and jumps. *settle_s*: real seconds to look again before a jump."""

    def __init__(self, settle_s: float = 0.0) -> None:
        self._jumping = _Jumping(settle_s)
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now


def run_virtual(main: Coroutine[Any, Any, Result], *, settle_s: float = 0.0) -> Result:
    """Run *main* to its end in virtual time, as asyncio.run does in real time, and return its result.

    Works in a notebook too, where a loop runs already: it has a thread of its own there. Both ends of every connection
    are in this process, so it asks for room for as many open files as the system allows it, up to 8,192.
    """
    room_for(8_192)

    def run() -> Result:
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(settle_s)) as runner:
            return runner.run(main)

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()
