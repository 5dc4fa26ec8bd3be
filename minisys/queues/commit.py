"""Group commit: everything that arrives while the disk is busy shares the next fsync.

A ferry that takes one car sails all day and carries few. One that takes whoever stands at the pier when it comes back
carries many, sails no more often, and nobody waits longer than two crossings. The disk is the ferry.

Promised: `do` returns after the transaction with its work is on the disk, and works run one after the other. If a
transaction fails, each of its works is tried alone, so that one message too large for the disk fails for itself. If
fsync itself fails, the process ends: the system may have dropped the pages, and a second fsync would say "done" all the
same (PostgreSQL panics for the same reason since 2019). Nobody was told that their message is kept.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from minisys.queues.errors import SqsError
from minisys.queues.store import Store

Result = TypeVar("Result")
Work = Callable[[], Any]


class GroupCommit:
    """Works for one *store*, in groups.

    threaded: the disk's work is done in a thread, so that requests gather meanwhile; without it, on the virtual clock,
    a group is what was asked for in one turn of the loop. after: called in the loop when a group is on the disk;
    failed: called when one was not. groups and works count what was done.
    """

    def __init__(
        self, store: Store, *, threaded: bool = True, after: Work = lambda: None, failed: Work = lambda: None
    ) -> None:
        self.store, self.after, self.failed, self.fatal = store, after, failed, _die
        self.groups = self.works = 0
        self._waiting: list[tuple[Work, asyncio.Future[Any]]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disk") if threaded else None
        self._writer: asyncio.Task[None] | None = None

    async def do(self, work: Callable[[], Result]) -> Result:
        """The result of *work* once it is durable. Raises what it raises, or SqsError if the disk refuses."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await done

    async def close(self) -> None:
        """Finish what was asked for."""
        while self._writer is not None:
            await asyncio.wait([self._writer])
        if self._thread is not None:
            self._thread.shutdown()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                works = [work for work, _ in group]
                if self._thread is None:
                    results = self._together(works)
                else:
                    results = await loop.run_in_executor(self._thread, self._together, works)
                self.groups, self.works = self.groups + 1, self.works + len(group)
                for (_, done), (result, problem) in zip(group, results, strict=True):
                    if done.cancelled():  # its client has gone; the work is done all the same
                        continue
                    if problem is None:
                        done.set_result(result)
                    else:
                        done.set_exception(problem)
                self.after()
        finally:
            self._writer = None

    def _together(self, works: Sequence[Work]) -> list[tuple[Any, Exception | None]]:
        """Result and error of each work; all that did not fail are durable."""
        try:
            with self.store.transaction():
                return [self._tried(work) for work in works]
        except (sqlite3.Error, OSError) as problem:
            if getattr(problem, "sqlite_errorname", "") == "SQLITE_IOERR_FSYNC":
                self.fatal(f"fsync failed ({problem}): what is on the disk is unknown, so this broker ends here")
            self.failed()
            if len(works) > 1:
                return [self._together([work])[0] for work in works]
            return [(None, _refused(problem))]

    def _tried(self, work: Work) -> tuple[Any, Exception | None]:
        """One work of a transaction; if it raises, it has changed nothing and the others go on."""
        db = self.store.db
        db.execute("SAVEPOINT one")
        try:
            result = work()
        except (sqlite3.Error, OSError):
            raise
        except Exception as problem:
            db.execute("ROLLBACK TO one")
            return None, problem
        db.execute("RELEASE one")
        return result, None


def _die(said: str) -> None:
    print(said, file=sys.stderr, flush=True)
    os._exit(1)


def _refused(problem: Exception) -> SqsError:
    """What a client is told when the disk does not take it: 503, so that it tries again later."""
    said = f"{problem}".rstrip(".")
    hint = "; delete messages or make room" if "full" in said or "disk I/O" in said or "large" in said else ""
    return SqsError(
        "ServiceUnavailable", f"The broker cannot write ({said}); nothing was kept of this request{hint}.", 503
    )
