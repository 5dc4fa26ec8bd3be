"""Every topic, pattern and product that the course promises: its chapter, its room, its lab, and questions about it.

"Is the outbox in here somewhere?" A table of contents lists titles. This one lists promises, says where each is kept,
and shows where one is not: the tests fail for a row whose chapter does not speak of it, or that nobody asks about.

Promised: computed from coverage.yaml, the bank and the notebooks. Not promised: that a word in a chapter explains it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml

from minisys.interview import library
from minisys.interview.library import Item

LIST = Path(__file__).with_name("coverage.yaml")
ROOT = Path(__file__).resolve().parents[2]


class Promise(NamedTuple):
    """One row: *what* is taught, as a topic, pattern or product, in which *chapter*, and the *words* it is known by."""

    what: str
    kind: str
    chapter: str
    words: tuple[str, ...]


@cache
def promises() -> tuple[Promise, ...]:
    """All rows of coverage.yaml."""
    return tuple(Promise(row["what"], row["kind"], row["chapter"], tuple(row["words"])) for row in _list()["covered"])


def rooms() -> dict[str, str]:
    """The package of each chapter."""
    return dict(_list()["rooms"])


def table() -> pd.DataFrame:
    """A row for each promise: what, kind, chapter, room, lab ("" if there is none), questions (how many ask about it).

    Questions of the whole bank count: a question about a queue in the workbook is one about queues.
    """
    rows = [
        (each.what, each.kind, each.chapter, rooms()[each.chapter], lab(each.chapter), len(list(questions(each))))
        for each in promises()
    ]
    return pd.DataFrame(rows, columns=["what", "kind", "chapter", "room", "lab", "questions"])


def questions(promise: Promise) -> Iterator[Item]:
    """The questions that use one of the promise's words in what is asked, offered or explained."""
    return (item for item, text in _texts() if spoken_of(promise, text))


def spoken_of(promise: Promise, text: str) -> bool:
    """Whether *text* (in small letters) has a word that begins like one of the promise's words."""
    return _pattern(promise.words).search(text) is not None


def notebook(chapter: str) -> Path | None:
    """The chapter's notebook, if it is there."""
    return next(iter(sorted((ROOT / "notebooks").glob(f"{chapter}_*.ipynb"))), None)


def lab(chapter: str) -> str:
    """The name of the chapter's lab, or nothing."""
    return next((path.name for path in sorted((ROOT / "labs").glob(f"{chapter}_*.ipynb"))), "")


def read(path: Path) -> str:
    """All text of a notebook's cells and their plain outputs, in small letters, on one line."""
    parts: list[str] = []
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        parts += cell["source"]
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            parts += [*data.get("text/plain", ()), *data.get("text/markdown", ()), *data.get("text/html", ())]
    return " ".join("".join(parts).split()).casefold()


def markdown() -> str:
    """The table as a Markdown page, for COVERAGE.md."""
    head = (
        "# What is covered, and where\n\nMade by `python tools/coverage_table.py` from "
        "`minisys/interview/coverage.yaml`, the notebooks, the labs and the question bank; not edited by hand.\n\n"
        "| topic, pattern or product | kind | chapter | room | lab | questions |\n|---|---|---|---|---|---|\n"
    )
    lines = [
        f"| {what} | {kind} | {chapter} | `{room}` | {done or '–'} | {count} |"
        for what, kind, chapter, room, done, count in table().to_numpy().tolist()
    ]
    return head + "\n".join(lines) + "\n"


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])(?:{'|'.join(map(re.escape, words))})")


@cache
def _texts() -> tuple[tuple[Item, str], ...]:
    return tuple(
        (item, json.dumps(item.question.model_dump(), ensure_ascii=False).casefold()) for item in library.items()
    )


@cache
def _list() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(LIST.read_text("utf-8"))
    return found
