"""A partitioned log: records stay where they are, for whoever wants to read them, as often as they want.

A queue is a pile of letters: who takes one takes it from the others. A log is a diary: billing reads it, search reads
it, and when search has had a bug it turns back to Monday and reads again.

Promised: a record that was acknowledged is on the disk, in its partition, after those acknowledged before; offsets rise
by one; a key keeps its partition; what is older than the topic's retention goes, from the front. Time is given. Groups
of readers are in readers.py. Not like Kafka: nothing is replicated. Source: Kreps, Narkhede and Rao 2011, Kafka.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from minisys.queues import assignment
from minisys.queues.store import Layout, Store

SCHEMA = """
CREATE TABLE topic (name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, retention_s REAL, turn INTEGER NOT NULL);
CREATE TABLE record (
    topic TEXT NOT NULL, number INTEGER NOT NULL, position INTEGER NOT NULL, key TEXT, body TEXT NOT NULL,
    md5 TEXT NOT NULL, at_s REAL NOT NULL
);
CREATE UNIQUE INDEX record_place ON record (topic, number, position);
CREATE TABLE part (
    topic TEXT NOT NULL, number INTEGER NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (topic, number)
) WITHOUT ROWID;
CREATE TABLE reader (name TEXT PRIMARY KEY, generation INTEGER NOT NULL);
CREATE TABLE committed (
    reader TEXT NOT NULL, topic TEXT NOT NULL, number INTEGER NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (reader, topic, number)
) WITHOUT ROWID;
"""
LOG = Layout("log.sqlite3", 0x6D736C67, 1, SCHEMA, "record")


class LogRefused(Exception):
    """The request was refused and changed nothing; status is HTTP's (404 unknown, 409 not now, 400 wrong)."""

    def __init__(self, said: str, status: int = 400) -> None:
        super().__init__(said)
        self.status = status


class Log:
    """Topics over one *store* (opened with layout=LOG). Call it inside a transaction of the store."""

    def __init__(self, store: Store) -> None:
        self.store, self.db = store, store.db

    def create(self, topic: str, partitions: int = 1, retention_s: float | None = None) -> None:
        """Make a topic; made before in the same way, it is left as it is. Raises LogRefused if it differs."""
        if not topic or not 1 <= partitions <= 1000 or (retention_s is not None and not retention_s > 0):
            raise LogRefused(f"a topic needs a name, 1 to 1000 partitions and retention_s > 0: {topic!r}, {partitions}")
        row = self.db.execute("SELECT partitions, retention_s FROM topic WHERE name = ?", (topic,)).fetchone()
        if row is None:
            self.db.execute("INSERT INTO topic VALUES (?, ?, ?, 0)", (topic, partitions, retention_s))
            parts = [(topic, number) for number in range(partitions)]
            self.db.executemany("INSERT INTO part VALUES (?, ?, 0, 0)", parts)
        elif tuple(row) != (partitions, retention_s):
            raise LogRefused(f"topic {topic!r} exists with {row[0]} partitions and retention {row[1]}", 409)

    def partitions(self, topic: str) -> list[dict[str, int]]:
        """First and next offset of each partition. Raises LogRefused if there is no such topic."""
        asked = "SELECT number, first, next FROM part WHERE topic = ? ORDER BY number"
        found = [dict(row) for row in self.db.execute(asked, (topic,))]
        if not found:
            raise LogRefused(f"there is no topic {topic!r}; create it first", 404)
        return found

    def append(self, topic: str, records: Sequence[tuple[str | None, str]], now: float) -> list[tuple[int, int]]:
        """Write (key, body) pairs; partition and offset of each."""
        parts = self.partitions(topic)
        turn = self.db.execute("SELECT turn FROM topic WHERE name = ?", (topic,)).fetchone()[0]
        places, rows = [], []
        for key, body in records:
            number = assignment.partition_of(key, len(parts), turn)
            turn += key is None
            position = parts[number]["next"]
            parts[number]["next"] += 1
            md5 = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
            rows.append((topic, number, position, key, body, md5, now))
            places.append((number, position))
        self.db.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        ends = [(part["next"], topic, part["number"]) for part in parts]
        self.db.executemany("UPDATE part SET next = ? WHERE topic = ? AND number = ?", ends)
        self.db.execute("UPDATE topic SET turn = ? WHERE name = ?", (turn, topic))
        return places

    def read(self, topic: str, number: int, offset: int, limit: int = 100) -> list[dict[str, Any]]:
        """Up to *limit* records of one partition from *offset* on. Raises LogRefused for an offset it does not hold."""
        part = self.part(topic, number)
        if not part["first"] <= offset <= part["next"]:
            raise LogRefused(
                f"partition {number} holds offsets {part['first']} to {part['next'] - 1}, not {offset}", 416
            )
        asked = "SELECT position, key, body, at_s FROM record WHERE topic = ? AND number = ? AND position >= ?"
        rows = self.db.execute(f"{asked} ORDER BY position LIMIT ?", (topic, number, offset, limit))
        return [{"offset": row[0], "key": row[1], "body": row[2], "at_s": row[3]} for row in rows]

    def expire(self, now: float) -> int:
        """Drop what is older than its topic keeps, from the front of each partition only; how many records."""
        dropped = 0
        for name, keep_s in self.db.execute("SELECT name, retention_s FROM topic WHERE retention_s > 0").fetchall():
            for part in self.partitions(name):
                asked = "SELECT min(position) FROM record WHERE topic = ? AND number = ? AND at_s > ?"
                kept = self.db.execute(asked, (name, part["number"], now - keep_s)).fetchone()[0]
                first = part["next"] if kept is None else kept
                where = "topic = ? AND number = ? AND position < ?"
                done = self.db.execute(f"DELETE FROM record WHERE {where}", (name, part["number"], first))
                dropped += done.rowcount
                change = "UPDATE part SET first = max(first, ?) WHERE topic = ? AND number = ?"
                self.db.execute(change, (first, name, part["number"]))
        return dropped

    def part(self, topic: str, number: int) -> dict[str, int]:
        """First and next offset of one partition. Raises LogRefused if there is none of that number."""
        parts = self.partitions(topic)
        if not 0 <= number < len(parts):
            raise LogRefused(f"topic {topic!r} has partitions 0 to {len(parts) - 1}, not {number}", 404)
        return parts[number]
