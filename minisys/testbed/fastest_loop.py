"""The event loop of the live nodes: a server that shares two cores with its clients should not spend them on asyncio.

Promised: whichever loop it is, the node behaves the same; only its speed differs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop where it is installed (no wheel for Windows), else None: asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
