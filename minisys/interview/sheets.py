"""A question as a sheet with two sides, for other programs: CSV, Markdown, and what `anki` makes cards of.

Ten minutes on the bus, with the phone. A sheet's front is what the page asks, its back what the page says afterwards:
the answer, why each other option is wrong, the working, the rubric with its model answers. Numbers are drawn with one
fixed seed, so that a sheet stays the same from export to export.

Promised: every question has both sides, and a `guid` that never changes while chapter and id stay; texts are escaped.
Not done: judging; on paper you grade yourself.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape

from minisys.interview import reading_chart, task
from minisys.interview.families import FAMILIES
from minisys.interview.judge import Asked, Verdict, draw, judge
from minisys.interview.library import Item
from minisys.interview.matching import Matching
from minisys.interview.points import LEVEL_WORDS
from minisys.interview.reading import Reading
from minisys.interview.schema import Choice, Number, Open, Question
from minisys.interview.task import Task

SEED = 0
COLUMNS = ("guid", "chapter", "id", "family", "level", "type", "front", "back")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a cell that begins so for a formula


@dataclass(frozen=True)
class Sheet:
    """Two sides of plain text: *prompt* and *options* in front; *right*, *lines* and *explanation* behind.

    *picture* is a file name and its bytes, where the question shows a chart; *table* the same as aligned text.
    """

    item: Item
    prompt: str
    options: tuple[str, ...]
    right: str
    lines: tuple[str, ...]
    explanation: str
    table: str = ""
    picture: tuple[str, bytes] | None = None

    @property
    def guid(self) -> str:
        """The same for the same question in every export."""
        return hashlib.sha256(f"minisys/{self.item.chapter}/{self.item.question.id}".encode()).hexdigest()[:20]

    def front(self) -> str:
        """The question, as text."""
        options = [f"{n}. {option}" for n, option in enumerate(self.options, 1)]
        return "\n".join([self.prompt, *([self.table] if self.table else []), *options])

    def back(self) -> str:
        """The answer, as text."""
        return "\n".join([self.right, *(f"- {line}" for line in self.lines), self.explanation])


def sheets(items: Iterable[Item]) -> tuple[Sheet, ...]:
    """One sheet for each of *items*, in their order."""
    return tuple(_sheet(item) for item in items)


def as_csv(given: Sequence[Sheet]) -> str:
    """*given* as a table with a header, one row a question; a cell never begins as a formula does."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for sheet in given:
        about, chapter = sheet.item.question, sheet.item.chapter
        row = (sheet.guid, chapter, about.id, about.family, about.level, about.type, sheet.front(), sheet.back())
        rows.writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in row])
    return out.getvalue()


def as_markdown(given: Sequence[Sheet]) -> str:
    """*given* as a document: a heading for each family, the answers folded away; HTML in texts is shown, not run."""
    parts = ["# minisys: questions to take with you\n"]
    families: dict[str, list[Sheet]] = {name: [] for name in FAMILIES}
    for sheet in given:
        families[sheet.item.question.family].append(sheet)
    for name, some in families.items():
        if some:
            parts.append(f"## {FAMILIES[name].capitalize()}\n")  # type: ignore[index]
            parts += [_markdown(sheet) for sheet in some]
    return "\n".join(parts)


def html(text: str) -> str:
    """*text* as HTML: escaped, `names` as code, blank lines between paragraphs, other line ends kept."""
    said = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escape(text))
    return "".join(
        f"<p>{part.strip()}</p>".replace("\n", "<br>") for part in re.split(r"\n\s*\n", said) if part.strip()
    )


def _markdown(sheet: Sheet) -> str:
    about = sheet.item.question
    options = "\n".join(f"{n}. {escape(option, quote=False)}" for n, option in enumerate(sheet.options, 1))
    lines = "\n".join(f"- {escape(line, quote=False)}" for line in sheet.lines)
    prompt, right, why = (escape(text, quote=False) for text in (sheet.prompt, sheet.right, sheet.explanation))
    head = f"### {about.id} · {LEVEL_WORDS[about.level]} · chapter {sheet.item.chapter}"
    back = f"**{right}**\n\n{lines}\n\n{why}"
    return f"{head}\n\n{prompt}\n\n{options}\n\n<details><summary>Answer</summary>\n\n{back}\n\n</details>\n"


def _sheet(item: Item) -> Sheet:
    asked = draw(item.question, SEED)
    shown = asked.public()
    right, lines, explanation = _behind(asked)
    prompt = f"{asked.prompt} (in {shown['unit']})" if shown["unit"] else asked.prompt
    sheet = Sheet(item, prompt, tuple(shown["options"]), right, lines, explanation, shown.get("table", ""))
    if isinstance(item.question, Reading):
        drawn = reading_chart.svg(shown["columns"], shown["rows"], shown["caption"])
        return replace(sheet, picture=(f"minisys-{item.question.id}.svg", drawn.encode()))
    if isinstance(item.question, Matching):
        asks = "\n".join(f"{letter}) {text}" for letter, text in zip("abcdefghijkl", shown["items"], strict=False))
        return replace(sheet, prompt=f"{prompt}\n\n{asks}")
    return sheet


def _behind(asked: Asked) -> tuple[str, tuple[str, ...], str]:
    """Right answer, lines below it, explanation."""
    question: Question = asked.question
    if isinstance(question, Open):
        points = [f"{question.told(point).rstrip('.')}: {point.explanation}" for point in question.rubric]
        flags = [f"Red flag: {flag}" for flag in question.red_flags]
        models = [f"A {LEVEL_WORDS[level]} answer: {text}" for level, text in question.models.items()]
        return "A good answer says:", (*points, *flags, *models), question.explanation
    if isinstance(question, Matching):
        return (
            "It belongs together:",
            tuple(f"{p.item} → {p.choice.rstrip('.')}: {p.why}" for p in question.pairs),
            question.explanation,
        )
    if isinstance(question, Task):
        wanted = tuple(f"{name}: {value}" for name, value in task.asked(question.objectives).items())
        return f"A design that keeps them:\n{question.reference}", wanted, question.explanation
    verdict = _judged(asked)
    if isinstance(question, Reading):
        return verdict.right, tuple(f"{what.rstrip('.')}: {why}" for _, what, why in verdict.notes), verdict.explanation
    if isinstance(question, Choice):
        right = [option.text for option in question.options if option.right]
        why = tuple(
            f"{'Right' if option.text in right else 'Wrong'}: {option.text.rstrip('.')}: {option.why}"
            for option in question.options
        )
        return verdict.right, why, verdict.explanation
    steps = tuple(f"{what}: {how} = {result}" for what, how, result in verdict.steps)
    return verdict.right, steps, verdict.explanation


def _judged(asked: Asked) -> Verdict:
    """A verdict on some answer that can be read: it holds the right one."""
    if isinstance(asked.question, Number):
        return judge(asked, "0")
    return judge(asked, [0] if isinstance(asked.question, Choice | Reading) else list(range(len(asked.order))))
