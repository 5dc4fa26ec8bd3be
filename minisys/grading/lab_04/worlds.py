"""What the tasks of lab 04 share: coroutines of the learner's, run to their end or stopped, on either clock.

A waiter that nobody wakes hangs a notebook for good, and a loop around `asyncio.sleep(0)` hangs it on the virtual
clock, where no time passes. So each run has two limits: virtual seconds, after which it is said to wait for ever, and
real ones, after which it is stopped. It runs in a thread of its own, because the notebook's own loop is busy with the
cell; Python code in it can be stopped, compiled code cannot.
"""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from minisys.grading.checks import Wrong
from minisys.grading.timelimit import TooLong
from minisys.testbed.clock import VirtualLoop

Result = TypeVar("Result")
FOREVER_S = 600.0  # on the run's own clock


def run_async(
    main: Callable[[], Coroutine[Any, Any, Result]], *, virtual: bool = True, limit_s: float = 20.0
) -> Result:
    """The result of ``main()`` in an event loop of its own, on the virtual clock or the real one.

    Raises Wrong if something in it is `bounded` and waits for ever, or if it has not ended within *limit_s* real
    seconds; else whatever it raises.
    """
    done: dict[str, Any] = {}

    def work() -> None:
        try:
            with asyncio.Runner(loop_factory=VirtualLoop if virtual else None) as runner:
                runner.get_loop().set_exception_handler(lambda loop, context: None)  # reported by what the caller sees
                done["result"] = runner.run(main())
        except BaseException as problem:
            done["problem"] = problem

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        thread.join(limit_s)
    finally:
        if thread.is_alive():
            _stop(thread)
    if "problem" in done:
        raise _verdict(done["problem"])
    if "result" not in done:
        raise _verdict(TooLong())
    result: Result = done["result"]
    return result


async def bounded(waiting: Coroutine[Any, Any, Result]) -> Result:
    """What *waiting* gives; TimeoutError if that takes more than FOREVER_S."""
    async with asyncio.timeout(FOREVER_S):
        return await waiting


def _verdict(problem: BaseException) -> BaseException:
    if isinstance(problem, TooLong):
        look = (
            "a loop that never ends, or one around asyncio.sleep(0)? Wait for something that happens: a Future, a Task"
        )
        return Wrong("it did not end and was stopped", expected="an answer", look=look)
    if isinstance(problem, TimeoutError):
        look = "who wakes the waiters, also when the one they wait for fails?"
        return Wrong("somebody still waits after ten minutes", expected="an answer", look=look)
    if isinstance(problem, asyncio.CancelledError):
        return Wrong("CancelledError", expected="an answer", look="a cancelled task takes along who awaits it")
    return problem


def _stop(thread: threading.Thread) -> None:
    """Raise TooLong in *thread* until it has ended, or two seconds are over."""
    end = time.monotonic() + 2.0
    while thread.is_alive() and time.monotonic() < end:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(TooLong))
        thread.join(0.05)
