"""From a command line to a node that runs in an event loop.

Somebody mistypes a port, or takes one that is busy. They want the one line that says so, not a traceback of asyncio.

Promised: a ValueError or OSError of the node's start is that line, on standard error, with exit code 2.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Run = Callable[[argparse.Namespace], Coroutine[Any, Any, None]]
Loop = Callable[[], asyncio.AbstractEventLoop] | None


def main(commands: argparse.ArgumentParser, run: Run, loop: Loop = None) -> None:
    """Run the node *run* with the options of *commands* until it returns. loop: makes the event loop."""
    options = commands.parse_args()
    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(run(options))
    except (ValueError, OSError) as problem:
        commands.error(str(problem))
