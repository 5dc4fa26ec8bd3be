"""Stop code that does not come to an end.

A learner's loop never moves its index, and the notebook shows [*] for ever: was it the task, the course or the laptop?
`time_limit(seconds)` stops the block and says where it was. It promises to end any loop of Python code in the main
thread: by the kernel's alarm signal where there is one, otherwise (Windows) by the interrupt that Jupyter's stop button
uses. It cannot stop other threads, where it yields a line that says so, nor compiled code that never returns to Python.
"""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

AGAIN_S = 0.05  # a bare `except:` inside the loop swallows one alarm, so it rings again
NO_LIMIT = "no time limit here: this is not the main thread. If the check hangs, interrupt the kernel (■)."


class TooLong(BaseException):
    """The time is over. Not an Exception, so that `except Exception` in the stopped code lets it through."""


@contextmanager
def time_limit(seconds: float) -> Iterator[str]:
    """Run the block for at most *seconds*, then raise TooLong inside it; yields "" or a line why there is no limit.

    Raises ValueError unless seconds > 0. Source: docs.python.org/3/library/signal.html#signal.setitimer.
    """
    if not seconds > 0:
        raise ValueError(f"a time limit must be positive, not {seconds!r} s")
    if threading.current_thread() is not threading.main_thread():
        yield NO_LIMIT
    elif hasattr(signal, "SIGALRM"):
        with _alarm(seconds):
            yield ""
    else:
        with _interrupt(seconds):
            yield ""


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    ringing = True

    def ring(signum: int, frame: Any) -> None:
        if ringing:  # the last alarm may arrive after the block has ended
            raise TooLong(f"stopped after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
        yield
    finally:
        ringing = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _interrupt(seconds: float) -> Iterator[None]:
    over = threading.Event()

    def ring() -> None:
        over.set()
        _thread.interrupt_main()

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    except KeyboardInterrupt:
        if over.is_set():
            raise TooLong(f"stopped after {seconds:g} s") from None
        raise
    finally:
        timer.cancel()
