"""No notebook holds a key: neither in its text, nor in its code, nor in what was stored when it ran."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from minisys.interview import library
from minisys.interview.schema import Choice, Matching, Number, Open, Ordering, Question, Reading, Task

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(path for folder in ("notebooks", "labs", "solutions") for path in (ROOT / folder).glob("*.ipynb"))
SHORT = 30  # shorter texts, like "By definition.", may stand anywhere


def secrets(question: Question) -> Iterator[str]:
    """What must not be read before the answer."""
    yield question.explanation
    if isinstance(question, Choice):
        yield from (option.why for option in question.options)
    elif isinstance(question, Number):
        yield from (slip.why for slip in question.slips)
        yield from (step.how for step in question.steps)
    elif isinstance(question, Ordering):
        yield question.why
        yield "; ".join(question.items)
    elif isinstance(question, Matching):
        yield from (each.why for each in (*question.pairs, *question.others))
    elif isinstance(question, Reading):
        yield from (cause.sign for cause in question.causes)
    elif isinstance(question, Task):
        yield from (question.reference, *question.misses.values())
    elif isinstance(question, Open):
        yield from (text for point in question.rubric for text in (point.point, point.explanation))
        yield from question.red_flags
        yield from question.models.values()


def words(text: str) -> str:
    """*text* on one line, as it would stand in a cell or an output."""
    return " ".join(text.split())


def whole(path: Path) -> str:
    """Everything in a notebook, its cells' sources, outputs and metadata, with line ends and JSON's escapes undone."""
    found = []

    def walk(part: object) -> None:
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, list) and all(isinstance(line, str) for line in part):
            found.append("".join(part))
        else:
            for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
                walk(inner)

    walk(json.loads(path.read_text("utf-8")))
    return words(" ".join(found))


SECRETS = {words(text) for item in library.items() for text in secrets(item.question) if len(text) >= SHORT}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_notebook_holds_nothing_of_a_key(path):
    text = whole(path)
    assert [secret for secret in SECRETS if secret in text] == []


def test_a_key_in_an_output_would_be_found(tmp_path):
    why = next(option.why for option in library.chapter_of("15").questions[0].options)
    cell = {
        "cell_type": "code",
        "source": [],
        "outputs": [{"data": {"text/html": [f"<p>{why[:20]}", f"{why[20:]}</p>"]}}],
    }
    path = tmp_path / "leaky.ipynb"
    path.write_text(json.dumps({"cells": [cell]}))
    assert words(why) in whole(path) and words(why) in SECRETS
