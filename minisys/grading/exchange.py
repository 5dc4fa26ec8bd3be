"""Progress that moves: to a new laptop, or together from two.

Half the course was done on the train and half at the desk. `save()` writes all rows of the progress file as JSON;
`merge()` adds those that are not there yet. Promised: nothing that is there is changed or lost, the same file merged
twice adds nothing, and a file with a mistake adds nothing at all and says where the mistake is. Not done: syncing.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from minisys.grading.progress import Entry, Progress, chapter_name
from minisys.interview import repetition

FORM = {"minisys": "progress", "version": 1}
FIELDS = {"at_s": float, "kind": str, "chapter": str, "item": str, "points": float, "out_of": float, "detail": dict}
MOST_BYTES = 200_000_000
COLUMNS = "at_s, kind, chapter, item, points, out_of, detail"


def save(path: str | os.PathLike[str], progress: Progress | None = None) -> int:
    """Write every row of the progress file to *path* as JSON; returns how many. *progress*: default the reader's."""
    rows = [entry._asdict() for entry in (progress or Progress()).history()]
    text = json.dumps({**FORM, "rows": rows}, ensure_ascii=False, indent=1)
    half = Path(f"{os.fspath(path)}.part")
    half.write_text(text + "\n", "utf-8")
    half.replace(path)  # never half a file under the name
    return len(rows)


def merge(path: str | os.PathLike[str], progress: Progress | None = None) -> int:
    """Add the rows of the file *path* (from save) that are not there yet; returns how many were added.

    Raises ValueError, having added nothing, if the file is no such file or a row is not as record() would take it.
    """
    rows = [_row(number, row) for number, row in enumerate(_read(Path(path)), 1)]

    def add(db: sqlite3.Connection) -> int:
        db.execute("BEGIN IMMEDIATE")
        there = Counter(_key(row) for row in db.execute(f"SELECT {COLUMNS} FROM event"))
        new = []
        for row in rows:
            key = _key(row)
            if there[key]:
                there[key] -= 1
            else:
                new.append(row)
        db.executemany("INSERT INTO event VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", new)
        if new:
            repetition.forget_cards(db)
        return len(new)

    return (progress or Progress()).do(add)


def _read(path: Path) -> list[Any]:
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path.name}: larger than {MOST_BYTES:,} bytes; this is no progress file of one person")
    try:
        data = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"{path.name}: not JSON: {problem}") from None
    if not isinstance(data, dict) or data.get("minisys") != FORM["minisys"] or not isinstance(data.get("rows"), list):
        raise ValueError(f"{path.name}: not written by `minisys progress --export`")
    if data.get("version") != FORM["version"]:
        raise ValueError(f"{path.name}: version {data.get('version')!r}; this minisys reads {FORM['version']}")
    return list(data["rows"])


def _row(number: int, row: Any) -> tuple[Any, ...]:
    """*row* checked, as the file keeps it."""
    if not isinstance(row, dict) or set(row) != set(FIELDS):
        raise ValueError(f"row {number}: needs exactly {', '.join(FIELDS)}")
    for name, kind in FIELDS.items():
        good = isinstance(row[name], (int, float) if kind is float else kind) and not isinstance(row[name], bool)
        if not good or (kind is float and not math.isfinite(row[name])):
            raise ValueError(f"row {number}: {name} must be {kind.__name__}, not {row[name]!r:.60}")
    if not 0 <= row["points"] <= row["out_of"] or not row["kind"] or not row["item"] or row["at_s"] < 0:
        raise ValueError(f"row {number}: needs a kind, an item, at_s from 0 on and 0 <= points <= out_of")
    entry = Entry(**row)._replace(chapter=chapter_name(row["chapter"]))
    return (*entry[:-1], json.dumps(entry.detail, ensure_ascii=False))


def _key(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """What makes two rows the same one; numbers as floats, the detail without the order of its keys."""
    at_s, kind, chapter, item, points, out_of, detail = row
    return (
        float(at_s),
        kind,
        chapter,
        item,
        float(points),
        float(out_of),
        json.dumps(json.loads(detail), sort_keys=True),
    )
