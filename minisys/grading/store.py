"""A SQLite file that outlives its kernels.

A kernel is killed in the middle of a write, another one writes at the same moment, a sync program leaves half a file:
the next cell must still run. `Store.do(operation)` runs one operation in one transaction on the file, in write-ahead
mode, with every commit flushed to the disk. It promises: what `do` returned from is kept; kernels wait for each
other's writes; a damaged file is renamed, never deleted, and a new one starts; a file that cannot be written turns into
memory, with one clear line. It keeps no connection open between operations, and it does not repair damaged content.
Sources: sqlite.org/wal.html, sqlite.org/pragma.html (synchronous, user_version).
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

BUSY_S = 15.0  # how long a kernel waits for another one's write
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_WAITING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_memory: dict[Path, sqlite3.Connection] = {}  # one store in memory for each file that cannot be written
_lock = threading.RLock()
_said: set[str] = set()
T = TypeVar("T")


class Store:
    """One SQLite file and its schema; cheap to make, holds nothing open.

    *path* is the file, *schema* a sequence of SQL scripts: script i brings a file from version i to i + 1.
    `notice` holds the last line said about the file, which is also printed once to standard error.
    Raises nothing over a damaged, locked, full, newer or unwritable file: it goes on in memory and says so.
    """

    def __init__(self, path: Path, schema: Sequence[str]) -> None:
        self.path = path
        self.schema = schema
        self.notice = ""

    def do(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run *operation* on the file in one transaction and return what it returns."""
        with _lock:
            for _attempt in range(2):  # the second one meets the file that replaced a damaged one
                if self.path in _memory:
                    break
                try:
                    with closing(self._connect()) as db, db:
                        return operation(db)
                except (sqlite3.DatabaseError, OSError, TooNew) as problem:
                    if not self._set_aside(problem):
                        self._turn_to_memory(problem)
            if self.path not in _memory:
                self._turn_to_memory(OSError("it was damaged again as soon as it was made"))
            with _memory[self.path] as db:
                return operation(db)

    def _connect(self) -> sqlite3.Connection:
        """The file, opened and brought up to date.

        Turning on the write-ahead log does not wait for other kernels by itself, so it is tried until BUSY_S is over.
        """
        db = sqlite3.connect(self.path, timeout=BUSY_S)
        until_s = time.monotonic() + BUSY_S
        try:
            while True:
                try:
                    self._upgrade(db)  # first: a file of a later course is not touched at all
                    db.execute("PRAGMA journal_mode = WAL")  # a file system that cannot do it keeps its own mode
                    db.execute("PRAGMA synchronous = FULL")
                    return db
                except sqlite3.OperationalError as problem:
                    if problem.sqlite_errorcode not in _WAITING or time.monotonic() > until_s:
                        raise
                    time.sleep(0.02)
        except BaseException:
            db.close()
            raise

    def _upgrade(self, db: sqlite3.Connection) -> None:
        """Bring the schema up to date inside one transaction, so that two kernels on a new file do it once."""
        if _version(db) > len(self.schema):
            raise TooNew(f"it has version {_version(db)}, this minisys knows {len(self.schema)}: update the course")
        if _version(db) == len(self.schema):
            return
        db.execute("BEGIN IMMEDIATE")
        with db:
            for script in self.schema[_version(db) :]:
                for statement in filter(str.strip, script.split(";")):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(self.schema)}")

    def _set_aside(self, problem: Exception) -> bool:
        """Rename a damaged file, with its log, so that a new one can start; False when that is not the cure."""
        if getattr(problem, "sqlite_errorcode", None) not in _DAMAGED:
            return False
        aside = self.path.with_name(f"{self.path.stem}-damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.sqlite3")
        try:
            self.path.rename(aside)
        except FileNotFoundError:
            return True  # another kernel has just done the same
        except OSError:
            return False
        for end in ("-wal", "-shm"):
            with suppress(OSError):
                Path(f"{self.path}{end}").rename(f"{aside}{end}")
        self._say(f"minisys: the progress file was damaged ({problem}). It is kept as {aside}, and a new one starts.")
        return True

    def _turn_to_memory(self, problem: Exception) -> None:
        """Go on in memory, with what the file can still tell, and say so."""
        db = sqlite3.connect(":memory:", check_same_thread=False)
        source = f"{self.path.as_uri()}?mode=ro&immutable=1"
        with suppress(sqlite3.Error), closing(sqlite3.connect(source, uri=True)) as old:
            if _version(old) <= len(self.schema):
                old.backup(db)
        self._upgrade(db)
        _memory[self.path] = db
        self._say(
            f"minisys: cannot write the progress file {self.path} ({problem}). Points of this session last until the "
            "kernel stops. Make the folder writable or name another one in MINISYS_HOME, then restart the kernel."
        )

    def _say(self, line: str) -> None:
        self.notice = line
        if line not in _said:
            _said.add(line)
            print(line, file=sys.stderr)


class TooNew(Exception):  # noqa: N818
    """The file was written by a later minisys."""


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
