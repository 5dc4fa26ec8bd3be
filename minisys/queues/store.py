"""Where the broker keeps its queues: one SQLite file that says "kept" only when the disk has said so.

The broker answered "I have it", and the machine lost its power. If the message is gone, that answer was a lie, and no
client can make up for it. So a message is written to the log (WAL) and fsynced before anybody hears of it.

Promised: what a committed transaction wrote is there after SIGKILL, and after a power cut if the disk obeys fsync
(`durable`); a transaction that failed left nothing. A file that is damaged, of something else or in use by another
broker is refused, with a reason. Not promised: a damaged end of the WAL looks like a crash in the middle of a write, so
SQLite drops it in silence (sqlite.org, File Format, 4.1); and a disk that lies about fsync.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

FILE = "queues.sqlite3"


@dataclass(frozen=True)
class Layout:
    """What a file holds: its name, the number by which SQLite knows its kind, its version, its tables.

    bodies: the table whose rows have a body and its MD5, compared at the opening. sealed: for each table with a column
    `seal`, the columns that it is the checksum of, which never change or only with it.
    """

    file: str
    application: int
    version: int
    schema: str
    bodies: str
    sealed: Mapping[str, str] = field(default_factory=dict)


QUEUES = Layout(
    FILE,
    0x6D737173,
    2,
    """
CREATE TABLE queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created_s REAL NOT NULL, modified_s REAL NOT NULL,
    purged_s REAL NOT NULL, attributes TEXT NOT NULL, tags TEXT NOT NULL, seal INTEGER NOT NULL
);
CREATE TABLE gone (name TEXT PRIMARY KEY, deleted_s REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, queue INTEGER NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
    md5 TEXT NOT NULL, attributes TEXT NOT NULL, trace TEXT, sent_s REAL NOT NULL, visible_s REAL NOT NULL,
    received_s REAL, first_received_s REAL, receives INTEGER NOT NULL, here INTEGER NOT NULL, token TEXT,
    group_id TEXT, deduplication_id TEXT, source TEXT, seal INTEGER NOT NULL
);
CREATE INDEX message_visible ON message (queue, visible_s, seq);
CREATE INDEX message_sent ON message (queue, sent_s);
CREATE INDEX message_order ON message (queue, seq) WHERE group_id IS NOT NULL;
CREATE TABLE sent (
    queue INTEGER NOT NULL, key TEXT NOT NULL, at_s REAL NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    seal INTEGER NOT NULL, PRIMARY KEY (queue, key)
) WITHOUT ROWID;
CREATE INDEX sent_at ON sent (queue, at_s);
CREATE TABLE attempt (
    queue INTEGER NOT NULL, key TEXT NOT NULL, at_s REAL NOT NULL, tokens TEXT NOT NULL, PRIMARY KEY (queue, key)
) WITHOUT ROWID;
CREATE TABLE move (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, destination TEXT, rate_per_s INTEGER,
    handle TEXT NOT NULL, status TEXT NOT NULL, started_s REAL NOT NULL, moved INTEGER NOT NULL,
    total INTEGER NOT NULL, failure TEXT
);
""",
    "message",
    {
        "queue": "name, attributes, tags",
        "message": "id, md5, attributes, trace, group_id, deduplication_id",
        "sent": "queue, key, at_s, id, seq",
    },
)


def seal(*values: str | float | None) -> int:
    """A checksum of *values*, as the SQL function of the same name: against accidents, not against forgers."""
    return zlib.crc32(json.dumps(values).encode())


class StoreRefused(RuntimeError):
    """The file cannot be used; the message says which, why, and what to do."""


class Store:
    """An open file; `transaction()` is the only way to write to it.

    folder: where the file is, made if need be. durable: fsync at each commit; without it a SIGKILL still loses nothing,
    for the system has the bytes, but a power cut loses the last seconds and may damage the file. limit_bytes: for how
    large a file to take no more messages (None: at the disk's end). layout: what the file holds. Raises StoreRefused.
    """

    def __init__(
        self, folder: Path | str, *, durable: bool = True, limit_bytes: int | None = None, layout: Layout = QUEUES
    ) -> None:
        self.path, self.durable, self.limit_bytes, self.layout = (
            Path(folder) / layout.file,
            durable,
            limit_bytes,
            layout,
        )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=0.2)
            self.db.row_factory = sqlite3.Row
            self.db.create_function("seal", -1, seal, deterministic=True)
            self._set_up()
            fresh = self.db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
            (self._make if fresh else self._verify)()
        except (sqlite3.Error, OSError, UnicodeError) as problem:
            self._close_quietly()
            raise StoreRefused(_explained(self.path, problem)) from None
        except StoreRefused:
            self._close_quietly()
            raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: on the disk when the block has ended, or not at all if it raised."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:  # after some errors SQLite has rolled back already
                self.db.execute("ROLLBACK")
            raise

    def full(self) -> bool:
        """Whether no more messages should come in; receiving and deleting need room of their own, and go on."""
        if self.limit_bytes is None:
            return False
        size, pages, free = (
            self.db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
        )
        return bool(size * (pages - free) >= self.limit_bytes)

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        self._close_quietly()

    def _set_up(self) -> None:
        db = self.db
        db.execute("PRAGMA locking_mode = EXCLUSIVE")  # one broker a file, and no shared memory
        if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise StoreRefused(f"{self.path}: this file system cannot do SQLite's write-ahead log; use a local disk")
        db.execute(f"PRAGMA synchronous = {'FULL' if self.durable else 'OFF'}")
        db.execute("PRAGMA cache_size = -16384")

    def _make(self) -> None:
        with self.transaction() as db:
            for statement in self.layout.schema.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {self.layout.application}")
            db.execute(f"PRAGMA user_version = {self.layout.version}")

    def _verify(self) -> None:
        """Raise StoreRefused unless every page is sound, and queues and messages are what was made and sent.

        What changes with each receive (times, counts, receipts) has no checksum.
        """
        kind = self.db.execute("PRAGMA application_id").fetchone()[0]
        version = self.db.execute("PRAGMA user_version").fetchone()[0]
        if (kind, version) != (self.layout.application, self.layout.version):
            wanted = f"a broker's file of version {self.layout.version}"
            raise StoreRefused(f"{self.path} is not {wanted}; choose another folder")
        said = [row[0] for row in self.db.execute("PRAGMA integrity_check(3)")]
        if said != ["ok"]:
            raise StoreRefused(_damaged(self.path, "; ".join(said)))
        for row in self.db.execute(f"SELECT rowid AS place, * FROM {self.layout.bodies}"):
            if hashlib.md5(row["body"].encode(), usedforsecurity=False).hexdigest() != row["md5"]:
                raise StoreRefused(_damaged(self.path, f"row {row['place']} is not what was sent"))
        for table, columns in self.layout.sealed.items():
            if self.db.execute(f"SELECT 1 FROM {table} WHERE seal IS NOT seal({columns}) LIMIT 1").fetchone():
                raise StoreRefused(_damaged(self.path, f"a row of the table {table} is not what was written"))
        with self.transaction() as db:  # finds out now whether it may write
            db.execute(f"PRAGMA user_version = {self.layout.version}")

    def _close_quietly(self) -> None:
        if hasattr(self, "db"):
            self.db.close()


def _damaged(path: Path, why: str) -> str:
    return (
        f"{path} is damaged ({why}). The broker does not start on it, for it might lose or repeat messages in silence. "
        f"Put back a copy, or save what is left: sqlite3 {path} .recover"
    )


def _explained(path: Path, problem: Exception) -> str:
    """What to do about an error at the opening."""
    said = str(problem)
    if "locked" in said:
        return f"{path} is in use by another broker; stop it, or choose another folder"
    if any(word in said for word in ("malformed", "not a database", "codec", "decode", "user-defined function")):
        return _damaged(path, said)
    closed = not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK))
    if closed or "readonly" in said or isinstance(problem, OSError) or "unable to open" in said:
        return f"{path} cannot be written ({said}): a broker must keep what it acknowledges; choose another folder"
    return f"{path} cannot be opened: {said}"
