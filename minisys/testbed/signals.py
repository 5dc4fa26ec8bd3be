"""When a process is told to stop: for nodes that need nothing of HTTP, whose library takes a quarter second to import.

Promised: SIGTERM (Node.stop) and SIGINT are both heard once, and the process may finish what it has. SIGKILL is not
heard by anybody.
"""

from __future__ import annotations

import asyncio
import signal


async def until_told_to_stop() -> None:
    """Return when this process gets SIGTERM or SIGINT."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()
