"""When a process is told to stop: at the right moment, and never between two things that belong together.

An experiment had paused the database and was about to note how to let it go on, when somebody pressed Ctrl-C. Apart
from http.py, as its library takes a quarter second to import, which not every node needs.

Promised: SIGTERM (Node.stop) and SIGINT are both heard once, and the process may finish what it has. SIGKILL is not
heard by anybody.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TOLD = (signal.SIGTERM, signal.SIGINT)


async def until_told_to_stop() -> None:
    """Return when this process gets SIGTERM or SIGINT."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in TOLD:
        loop.add_signal_handler(number, told.set)
    await told.wait()


@contextmanager
def deferred() -> Iterator[None]:
    """SIGTERM and SIGINT that come meanwhile take effect when the block is over: once, however often they came."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread: nothing interrupts this one
        return
    before = {number: handler for number in TOLD if (handler := signal.getsignal(number)) is not None}
    came: list[int] = []
    try:
        for number in before:
            signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
