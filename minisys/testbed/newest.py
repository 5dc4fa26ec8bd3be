"""Work on the newest request only: what a slider needs that is dragged through thirty values.

Thirty simulations one after the other would still be running when the hand has stopped. Here one thread takes the
newest values, and a result that has been overtaken is thrown away. It keeps no queue and gives no promise that any
value but the last is worked on.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any


class Newest:
    """Runs `work(values)` in a thread and hands the result to `show`, always for the newest values asked for.

    While one piece of work runs, further requests overwrite each other; a result that is no longer the newest is not
    shown. `work` may raise: then `show` gets the exception. `dropped` counts what was not run or not shown.
    """

    def __init__(self, work: Callable[[dict[str, Any]], Any], show: Callable[[Any, float], None]) -> None:
        self.work, self.show = work, show
        self.asked = self.dropped = 0
        self._waiting: tuple[int, dict[str, Any]] | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def ask(self, values: dict[str, Any]) -> None:
        """Ask for the result of *values*; returns at once."""
        with self._lock:
            self.asked += 1
            self.dropped += self._waiting is not None
            self._waiting = (self.asked, values)
            if self._thread is None:
                here = contextvars.copy_context()  # so that what it prints lands in this cell
                self._thread = threading.Thread(target=here.run, args=(self._run,), daemon=True, name="explorer")
                self._thread.start()

    def wait(self, timeout_s: float = 10.0) -> None:
        """Wait until nothing is left to do. Raises TimeoutError after *timeout_s* seconds."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
            if thread.is_alive():
                raise TimeoutError(f"the explorer's function is still running after {timeout_s} s")

    def _run(self) -> None:
        while (job := self._next()) is not None:
            number, values = job
            begin = time.perf_counter()
            try:
                result = self.work(values)
            except Exception as problem:  # shown in the page, see Explorer
                result = problem
            if number == self.asked:
                self.show(result, 1000 * (time.perf_counter() - begin))
            else:
                self.dropped += 1

    def _next(self) -> tuple[int, dict[str, Any]] | None:
        with self._lock:
            job, self._waiting = self._waiting, None
            if job is None:
                self._thread = None
            return job
