"""One file that remembers what the learner has done, whatever happens to the kernel.

Two notebooks are open, a third kernel was just killed because of its own endless loop, and the points of all three
must be there after lunch. `Progress` appends each answer, prediction and lab result as one row to a file in the
learner's data folder (`store` keeps it safe). Rows are only ever added, so the way to the points can be looked at too.
It does not sync between machines, and it sends nothing anywhere.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from minisys.grading.store import Store
from minisys.testbed.home import data_folder

FILE = "progress.sqlite3"
SCHEMA = (  # append only: entry i brings a file from version i to i + 1
    """CREATE TABLE event (
           id INTEGER PRIMARY KEY AUTOINCREMENT, at_s REAL NOT NULL, kind TEXT NOT NULL, chapter TEXT NOT NULL,
           item TEXT NOT NULL, points REAL NOT NULL, out_of REAL NOT NULL, detail TEXT NOT NULL);
       CREATE INDEX event_what ON event (chapter, kind, item);""",
    # card: when a question comes again, computed from its events and so never the only copy; mark: one value a name
    """CREATE TABLE card (
           chapter TEXT NOT NULL, item TEXT NOT NULL, family TEXT NOT NULL, due_s REAL NOT NULL, last_s REAL NOT NULL,
           stability REAL NOT NULL, difficulty REAL NOT NULL, PRIMARY KEY (chapter, item));
       CREATE INDEX card_due ON card (due_s);
       CREATE TABLE mark (name TEXT PRIMARY KEY, value TEXT NOT NULL);""",
)
T = TypeVar("T")


class Entry(NamedTuple):
    """One row of the progress file: when (seconds since 1970), what, and the points got out of those to be had."""

    at_s: float
    kind: str
    chapter: str
    item: str
    points: float
    out_of: float
    detail: dict[str, Any]


class Points(NamedTuple):
    """Points got, and how many there were to get in what has been tried so far."""

    got: float
    out_of: float


class Progress:
    """The learner's progress file; make one wherever it is needed, it is cheap and holds nothing open.

    *path* is the file (default: `progress.sqlite3` in `data_folder()`). A damaged file is set aside, an unwritable one
    replaced by memory until the kernel stops; `notice` then holds the line that said so, otherwise it is empty.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(path).absolute() if path is not None else data_folder() / FILE
        self._store = Store(self.path, SCHEMA)

    @property
    def notice(self) -> str:
        """One line on what is wrong with the file; empty when nothing is."""
        return self._store.notice

    def do(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run *operation* on the file in one transaction: for rooms that keep a table of SCHEMA of their own."""
        return self._store.do(operation)

    def mark(self, name: str) -> str | None:
        """The value that set_mark() kept under *name*; None when there is none."""
        row = self.do(lambda db: db.execute("SELECT value FROM mark WHERE name = ?", (name,)).fetchone())
        return None if row is None else str(row[0])

    def set_mark(self, name: str, value: str) -> None:
        """Keep one *value* under *name*, in place of the one before: a draft, say, which need not be remembered."""
        self.do(lambda db: db.execute("INSERT OR REPLACE INTO mark VALUES (?, ?)", (name, value)))

    def record(
        self,
        kind: str,
        chapter: str | int,
        item: str | int,
        points: float = 0.0,
        out_of: float = 0.0,
        detail: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Append one row and return it as kept.

        *kind* is "lab", "question", "prediction" or a room's own word; *chapter* "03" or 3; *item* names the thing
        within it; *points* were got of *out_of*; *detail* is whatever else JSON can hold (NumPy's numbers included).
        Raises ValueError if kind or item is empty, or unless 0 <= points <= out_of.
        """
        if not str(kind) or not str(item):
            raise ValueError(f"kind {kind!r} and item {item!r} must not be empty")
        if not 0.0 <= points <= out_of < math.inf:
            raise ValueError(f"points must lie between 0 and out_of, not {points!r} of {out_of!r}")
        text = json.dumps(dict(detail or {}), default=_plain, ensure_ascii=False)
        row = (time.time(), str(kind), chapter_name(chapter), str(item), float(points), float(out_of), text)
        self._store.do(lambda db: db.execute("INSERT INTO event VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", row))
        return _entry(row)

    def history(
        self, kind: str | None = None, chapter: str | int | None = None, item: str | int | None = None
    ) -> list[Entry]:
        """Every row that matches, oldest first; None matches all."""
        wanted = {"kind": kind, "chapter": None if chapter is None else chapter_name(chapter), "item": item}
        given = {name: str(value) for name, value in wanted.items() if value is not None}
        where = " AND ".join(f"{name} = :{name}" for name in given) or "1"
        query = f"SELECT at_s, kind, chapter, item, points, out_of, detail FROM event WHERE {where} ORDER BY id"
        return [_entry(row) for row in self._store.do(lambda db: db.execute(query, given).fetchall())]

    def best(self, kind: str, chapter: str | int, item: str | int) -> Entry | None:
        """The row with the most points for one item, the first of equals; None when it was never tried."""
        return max(self.history(kind, chapter, item), key=lambda entry: entry.points, default=None)

    def points(self, chapter: str | int | None = None, kind: str | None = None) -> Points:
        """The best points of each item added up, over one chapter or all (None), one kind or all (None)."""
        top = best_of(self.history(kind, chapter))
        return Points(sum(entry.points for entry in top), sum(entry.out_of for entry in top))


def best_of(entries: Iterable[Entry]) -> list[Entry]:
    """For each item the entry with the most points, the first of equals; items in the order of their first entry."""
    top: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        what = (entry.kind, entry.chapter, entry.item)
        if what not in top or entry.points > top[what].points:
            top[what] = entry
    return list(top.values())


def chapter_name(chapter: str | int) -> str:
    """The two digits under which a chapter is kept: 3, "3" and "03" are one."""
    text = str(chapter).strip()
    return f"{int(text):02d}" if text.isdigit() else text


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry._make((*row[:-1], json.loads(row[-1])))


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as JSON's; anything else as its text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
