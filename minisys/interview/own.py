"""Questions of your own, beside the bank's: YAML files in your data folder, in the bank's form.

After a real interview you know what was asked. Write it down in the form of `minisys/interview/bank/*.yaml`, add the
file once, and it is asked, repeated and exported like the others. Promised: a mistake is named by file, line and
question, and nothing of a file with a mistake is taken; an id of the bank is refused. Not done: judging the questions.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from minisys.interview import library
from minisys.interview.library import Item
from minisys.testbed.home import data_folder

CHAPTER = "own"  # where points for own questions are kept
MOST_BYTES = 1_000_000
_ID = re.compile(r"^ *-? *id: *[\"']?([a-z0-9-]+)", re.MULTILINE)


def folder() -> Path:
    """Where own questions are kept; it need not exist."""
    return data_folder() / "questions"


def items() -> tuple[Item, ...]:
    """Every own question. Raises ValueError with file, line and question for a mistake in a file."""
    found: list[Item] = []
    for path in _files():
        found += [Item(CHAPTER, question) for question in _read(path)]
    return tuple(found)


def every(chapter: str | int | None = None) -> tuple[Item, ...]:
    """The questions of *chapter*: a chapter of the course, "own", or None for the bank's and one's own.

    Raises ValueError if there is none, or a file has a mistake.
    """
    if chapter is None:
        return library.items() + items()
    if chapter != CHAPTER:
        return library.items(chapter)
    if not (found := items()):
        raise ValueError(f"there are no questions of your own in {folder()}; add a file with `minisys quiz --add FILE`")
    return found


def add(path: str | os.PathLike[str]) -> int:
    """Take the questions of the YAML file *path* as your own; returns how many. The file of that name is replaced.

    Raises ValueError for a mistake in it, and for an id that the bank or another file of yours has already.
    """
    source = Path(path)
    if source.suffix not in (".yaml", ".yml") or not source.is_file():
        raise ValueError(f"{source}: not a YAML file; name one that ends in .yaml")
    questions, target = _read(source), folder() / source.with_suffix(".yaml").name
    others = [item for item in library.items() if item.chapter]
    others += [Item(CHAPTER, question) for file in _files() if file != target for question in _read(file)]
    taken = {item.question.id: item.chapter for item in others}
    for question in questions:
        if question.id in taken:
            raise ValueError(f"{source.name}: {question.id}: this id is taken in {taken[question.id]}; choose another")
    folder().mkdir(parents=True, exist_ok=True)
    half = target.with_suffix(".part")
    half.write_bytes(source.read_bytes())
    half.replace(target)
    return len(questions)


def known() -> set[tuple[str, str]]:
    """(chapter, id) of every question there is, read off the files without loading them: in milliseconds."""
    there = {(path.name[:2], name) for path in library.BANK.glob("[0-9][0-9]_*.yaml") for name in _ids(path)}
    return there | {(CHAPTER, name) for path in _files() for name in _ids(path)}


def _read(path: Path) -> tuple[library.Question, ...]:
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path.name}: larger than {MOST_BYTES:,} bytes; split it")
    try:
        return library.load.__wrapped__(path).questions  # read anew each time: its writer may be mending it
    except UnicodeDecodeError as problem:
        raise ValueError(f"{path.name}: not a text in UTF-8: {problem}") from None
    except RecursionError:
        raise ValueError(f"{path.name}: nested too deep, or a part that holds itself") from None


def _files() -> list[Path]:
    return sorted(folder().glob("*.yaml"))


def _ids(path: Path) -> list[str]:
    return _ID.findall(path.read_text("utf-8", errors="replace"))
