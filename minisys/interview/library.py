"""Reads the bank: one YAML file a chapter, and a mistake in it is named by file, line and question.

Promised: safe loading only (no objects, no code from YAML); duplicate keys and ids are refused; every mistake of a file
is reported at once, so that an author mends them in one go.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from minisys.interview import yaml_file
from minisys.interview.families import FAMILIES, LEVELS
from minisys.interview.schema import Chapter, Number, Question

BANK = Path(__file__).with_name("bank")
TURNS = ("one", "number", "several", "matching", "reading", "number", "ordering", "open")  # in a quiz, in turn
TAGS = ("one", "several", "number", "ordering", "matching", "reading", "design", "open", "[key]")  # pydantic's own
KINDS: dict[str, Callable[[Question], bool]] = {
    "choice": lambda question: question.type in ("one", "several"),
    "number": lambda question: question.type == "number",
    "drill": lambda question: isinstance(question, Number) and bool(question.steps),
    "ordering": lambda question: question.type == "ordering",
    "matching": lambda question: question.type == "matching",
    "reading": lambda question: question.type == "reading",
    "design": lambda question: question.type == "design",
    "open": lambda question: question.type == "open",
}


class Item(NamedTuple):
    """A question, and the chapter whose file it is in."""

    chapter: str
    question: Question


def chapters() -> tuple[str, ...]:
    """The chapters that have questions, like ("00", "03")."""
    return tuple(sorted(path.name[:2] for path in BANK.glob("[0-9][0-9]_*.yaml")))


def chapter_of(name: str | int) -> Chapter:
    """The questions of a chapter, "03" or 3. Raises ValueError if it has none, or its file has a mistake."""
    two = str(name).zfill(2)
    if two not in chapters():
        raise ValueError(f"chapter {name!r} has no questions; there are {', '.join(chapters())}")
    return load(next(BANK.glob(f"{two}_*.yaml")))


def notebook(chapter: str) -> str:
    """The file name of a chapter's notebook, which is that of its questions."""
    return next(path.stem for path in BANK.glob(f"{chapter}_*.yaml")) + ".ipynb"


@cache
def load(path: Path) -> Chapter:
    """The chapter in the file *path*. Raises ValueError with file, line, question and what is wrong, one line each."""
    tree = yaml_file.tree(path)
    found = _repeated_keys(tree)
    loader = yaml.SafeLoader("")
    try:
        data = loader.construct_document(tree)
        chapter = Chapter.model_validate(data)
    except ValidationError as problem:
        found += [_told(tree, data, error) for error in problem.errors()]
    except yaml.YAMLError as problem:
        found.append((1, f"not plain YAML: {problem}"))
    finally:
        loader.dispose()
    if not found:
        found = _repeated_ids(tree, chapter)
    if found:
        raise ValueError("\n".join(f"{path.name}, line {line}: {text}" for line, text in sorted(found)))
    return chapter


def items(chapter: str | int | None = None) -> tuple[Item, ...]:
    """The questions of one *chapter*, or of all (None). Raises ValueError if it has none, or a file has a mistake."""
    chosen = chapters() if chapter is None else (chapter,)
    banks = [chapter_of(name) for name in chosen]
    return tuple(Item(bank.chapter, question) for bank in banks for question in bank.questions)


def choose(
    given: Sequence[Item],
    count: int,
    *,
    family: str | None = None,
    level: str | None = None,
    kind: str | None = None,
    seed: int,
) -> tuple[Item, ...]:
    """*count* of the *given* questions: shuffled by *seed*, types alternating, easier ones first.

    Only those of a *family* (see families.FAMILIES), *level* and *kind* (see KINDS) where these are given.
    Raises ValueError for a count below 1, an unknown word, or if no question is left.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    left = _fitting(given, {"family": family, "level": level, "kind": kind})
    random.Random(f"choose/{seed}").shuffle(left)
    chosen: list[Item] = []
    while left and len(chosen) < count:
        turn = TURNS[len(chosen) % len(TURNS)]
        chosen.append(left.pop(next((i for i, item in enumerate(left) if item.question.type == turn), 0)))
    return tuple(sorted(chosen, key=lambda item: LEVELS.index(item.question.level)))


def _fitting(given: Sequence[Item], wanted: dict[str, str | None]) -> list[Item]:
    """Those that are as *wanted*; what is None is left open."""
    said = {name: word for name, word in wanted.items() if word is not None}
    for name, word in said.items():
        known = {"family": tuple(FAMILIES), "level": LEVELS, "kind": tuple(KINDS)}[name]
        if word not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {word!r}")
    kind = KINDS.get(said.pop("kind", ""), lambda question: True)
    left = [i for i in given if kind(i.question) and all(getattr(i.question, name) == said[name] for name in said)]
    if not left:
        asked = ", ".join(f"{name} {word}" for name, word in wanted.items() if word)
        raise ValueError(f"there is no question with {asked} here; leave one of them open")
    return left


def _told(tree: yaml.Node, data: Any, error: Any) -> tuple[int, str]:
    """Line and text of one of pydantic's errors."""
    place = [part for part in error["loc"] if part not in TAGS]
    node, steps = tree, []
    for part in place:
        inner = _child(node, part)
        if inner is None:
            steps.append(str(part))
            break
        node = inner
        steps.append(f"{part + 1}." if isinstance(part, int) else str(part))
    who = ""
    if len(place) > 1 and place[0] == "questions" and isinstance(place[1], int):
        given = data["questions"][place[1]]
        named = given.get("id") if isinstance(given, dict) else None
        who, steps = f"{named or f'question {place[1] + 1}'}: ", steps[2:]
    text = error["msg"].removeprefix("Value error, ")
    return node.start_mark.line + 1, f"{who}{' '.join(steps)}{': ' if steps else ''}{text}"


def _child(node: yaml.Node, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part]
    return None


def _repeated_keys(node: yaml.Node) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                found.append((key.start_mark.line + 1, f"{key.value!r} is given twice"))
            seen.add(str(key.value))
            found += _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            found += _repeated_keys(value)
    return found


def _repeated_ids(tree: yaml.Node, chapter: Chapter) -> list[tuple[int, str]]:
    found, seen = [], set[str]()
    for i, question in enumerate(chapter.questions):
        if question.id in seen:
            node = _child(_child(tree, "questions") or tree, i) or tree
            found.append((node.start_mark.line + 1, f"{question.id}: this id is given twice"))
        seen.add(question.id)
    return found
