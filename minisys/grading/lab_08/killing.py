"""Kills a learner's function at every moment there is, each time in a process of its own with a real SQLite file.

"I acknowledge after the commit, so nothing can happen": between the two lines the power fails. A Bench has a database
in a temporary folder; `run` starts victim.py on it, which dies where it is told to, and says what the world was told.
Nothing of it is simulated: what the next process finds is what SQLite made of a file whose writer is gone.

Not promised: loss of power (SQLite's own tests cover that), and functions that need more than their own cell.
"""

from __future__ import annotations

import ast
import inspect
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from minisys.grading.checks import NotRun, Wrong
from minisys.grading.lab_02.own_source import needed

VICTIM = Path(__file__).with_name("victim.py")
LATER = "the source of your function is not to be had here: define it in a notebook cell, run the cell and try again"
IMPORTS = "your function runs in a process of its own: what it imports or uses belongs in the same cell"
LIMIT_S = 10.0


def source_of(answer: Callable[..., Any]) -> str:
    """The definition of *answer* with what it needs from its cell, a statement a line. Raises NotRun without source."""
    try:
        tree = ast.parse("".join(inspect.findsource(answer)[0]))
    except (OSError, TypeError, IndexError, SyntaxError):
        raise NotRun(LATER) from None
    parts = needed(tree, answer.__name__)
    if not parts:
        raise NotRun(LATER)
    return "\n\n".join(ast.unparse(part) for part in parts)


def started(answer: Callable[..., Any]) -> str:
    """The source, unless it is the lab's gap: that raises NotImplementedError as calling it would."""
    source = source_of(answer)
    if "raise NotImplementedError" in source:
        raise NotImplementedError
    return source


@dataclass
class Seen:
    """What one process did: *told* the world (arguments), *receipts*, *killed* where, *problems*, *moments* passed.

    *meanwhile*: where another consumer had its turn; *placed*: another connection wrote during the first call of the
    wire.
    """

    told: list[Any] = field(default_factory=list)
    receipts: list[Any] = field(default_factory=list)
    killed: str = ""
    meanwhile: list[str] = field(default_factory=list)
    placed: bool = False
    problems: list[str] = field(default_factory=list)
    left_open: bool = False
    calls: int = 0
    moments: int = 0


class Bench:
    """A database made by the SQL *tables*, in a folder that is gone after the `with` block.

    *wired*: what the learner calls the function that tells the world, "delete()"; empty if the answer gets none.
    """

    def __init__(self, answer: Callable[..., Any], tables: str, *, wired: str = "") -> None:
        self.source, self.name, self.wired = started(answer), answer.__name__, wired
        self._tables, self._folder = tables, tempfile.TemporaryDirectory(prefix="minisys-killed-")
        self._runs = 0

    def __enter__(self) -> Bench:
        self.folder = Path(self._folder.name)
        self.fresh()
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._folder.cleanup()

    def fresh(self) -> None:
        """A new database."""
        self._runs += 1
        self.file = self.folder / f"{self._runs}.sqlite3"
        with closing(sqlite3.connect(self.file)) as db:
            db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + self._tables)

    def run(self, calls: Sequence[Sequence[Any]], **task: Any) -> Seen:
        """A process that calls the answer once with each of *calls* (the last of each is the receipt).

        kill_at, fail_at: the moment, from 1, at which it dies, or the call of the wire that raises ConnectionError.
        meanwhile_at: the moment of each call at which another consumer does its calls in *meanwhile*, a list for each
        of *calls*. placed: SQL that somebody else runs during the first call of the wire. one_connection: for all
        calls. Raises Wrong with what the process said if it failed.
        """
        self._runs += 1
        log = self.folder / f"{self._runs}.log"
        given = {"source": self.source, "name": self.name, "file": str(self.file), "log": str(log), "calls": calls}
        words = [sys.executable, "-S", "-E", str(VICTIM)]
        text = json.dumps(given | {"wired": self.wired} | task)
        try:
            done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            raise Wrong(f"still running after {LIMIT_S:g} s", expected="an end", look="an endless loop?") from None
        seen = _read(log)
        if done.returncode and not seen.killed:
            came = (done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"])[0]
            where = f"{self.name}({', '.join(map(repr, calls[0][:-1]))}, …)" if calls else ""
            raise Wrong(came, given=where, look=IMPORTS if came.startswith("NameError") else "")
        return seen

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database holds for everybody else."""
        with closing(sqlite3.connect(self.file)) as db:
            return db.execute(sql).fetchall()


def _read(log: Path) -> Seen:
    seen = Seen()
    for line in log.read_text("utf-8").splitlines() if log.exists() else []:
        facts = json.loads(line)
        if "told" in facts:
            seen.told.append(facts["told"])
            seen.receipts.append(facts["receipt"])
        seen.killed = facts.get("killed", seen.killed)
        seen.meanwhile += [facts["meanwhile"]] if "meanwhile" in facts else []
        seen.placed |= facts.get("placed", False)
        seen.problems += [facts["problem"]] if "problem" in facts else []
        seen.left_open |= facts.get("open", False)
        seen.calls = facts.get("calls", seen.calls)
        seen.moments = facts.get("moments", seen.moments)
    return seen
