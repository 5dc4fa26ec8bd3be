"""The same questions in a terminal: `minisys quiz 03`, or `minisys quiz --family data --level senior`.

Promised: the same draw and the same verdict as in the page, points in the same progress file; end of input or Ctrl-C
ends it politely with what was scored. Not done: anything that a screen reader could not read line by line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from minisys.grading.progress import Progress
from minisys.interview import library, own, repetition
from minisys.interview.families import FAMILIES
from minisys.interview.judge import QUOTED, Asked, Verdict, draw, judge, too_short
from minisys.interview.points import CONFIDENCE, LEVEL_WORDS, about, default_seed, record
from minisys.interview.quotes import is_quote
from minisys.interview.schema import Open
from minisys.testbed.units import UnclearError

LETTERS = "abcdefghijkl"
MARKS = {"good": "[green]✓[/]", "bad": "[red]✗[/]", "missed": "[yellow]! left out:[/]", "note": "[dim]·[/]"}
Ask = Callable[[str], str]


def repeat(count: int = 20, *, console: Console | None = None, ask: Ask | None = None) -> float:
    """Ask today's queue, up to *count* questions; returns the points got. Raises ValueError for a count below 1."""
    from minisys.interview.workbook import due_items

    console, progress = console or Console(), Progress()
    chosen = due_items(count, progress)
    if not chosen:
        console.print(repetition.queue(progress, known=own.known()).text())
        return 0.0
    return _ask_all(console, chosen, "Today's queue", default_seed(None, progress), progress, ask)


def run(
    chapter: str | int | None = None,
    *,
    count: int = 8,
    family: str | None = None,
    level: str | None = None,
    kind: str | None = None,
    seed: int | None = None,
    console: Console | None = None,
    ask: Ask | None = None,
) -> float:
    """Ask *count* questions of *chapter* (None: of all); returns the points got, from 0 to 1 for each question.

    *family*, *level* and *kind* as in library.choose. *ask* reads one line (default: the keyboard). Raises ValueError
    for a chapter without questions or an unknown word.
    """
    console, progress = console or Console(), Progress()
    seed = default_seed(chapter, progress) if seed is None else seed
    filters = {"family": family, "level": level, "kind": kind}
    chosen = library.choose(own.every(chapter), count, **filters, seed=seed)
    return _ask_all(console, chosen, about(chapter, **filters).capitalize(), seed, progress, ask)


def _ask_all(
    console: Console, chosen: Sequence[library.Item], title: str, seed: int, progress: Progress, ask: Ask | None
) -> float:
    """Ask the *chosen* questions one after the other; the points got."""
    console.print(f"[bold]{title}[/]: {len(chosen)} questions. Ctrl-C ends it.\n")
    got, answered = 0.0, 0
    try:
        for number, item in enumerate(chosen, 1):
            asked = draw(item.question, seed)
            _show(console, asked, f"{number} of {len(chosen)}, {_place(item)}")
            verdict, sure = _answer(console, asked, ask or console.input)
            record(progress, item.chapter, asked, verdict, sure)
            got, answered = got + verdict.points, answered + 1
            _tell(console, asked, verdict)
    except (EOFError, KeyboardInterrupt):
        console.print("\nStopped here.")
    console.print(f"[bold]{got:.3g} points for {answered} questions.[/]")
    return got


def _place(item: library.Item) -> str:
    return f"{LEVEL_WORDS[item.question.level]}, {FAMILIES[item.question.family]}"


def _show(console: Console, asked: Asked, where: str) -> None:
    shown = asked.public()
    body = escape(shown["prompt"])
    for letter, item in zip(LETTERS, shown.get("items", ()), strict=False):
        body += f"\n  [bold]{letter}[/]  {escape(item)}"
    if "table" in shown:
        body += f"\n\n{escape(shown['caption'])}\n{escape(shown['table'])}\n"
    for name, wanted in shown.get("objectives", ()):
        body += f"\n  {escape(name)}: {escape(wanted)}"
    for position, option in enumerate(shown["options"], 1):
        body += f"\n  [bold]{position}[/]  {escape(option)}"
    body += "\n[dim]? shows a hint[/]" if shown["hint"] else ""
    console.print(Panel(body, title=where, title_align="left"))


def _answer(console: Console, asked: Asked, ask: Ask) -> tuple[Verdict, str]:
    """Ask until the answer can be read; the verdict, and how sure its writer was before they saw it."""
    while True:
        try:
            answer = _read(console, asked, ask)
            if not isinstance(asked.question, Open):
                verdict = judge(asked, answer)
                return verdict, _sure(ask)
            judge(asked, {"text": answer})  # says so if there is nothing to judge
            sure = _sure(ask)
            return judge(asked, {"text": answer, "evidence": _evidence(console, asked.question, answer, ask)}), sure
        except UnclearError as problem:
            console.print(f"[yellow]{escape(str(problem))}[/]")


def _sure(ask: Ask) -> str:
    """One of CONFIDENCE by its first letter; none at the end of the input, so that an answer given counts."""
    more = ""
    while True:
        try:
            word = (
                ask(f"{more}How sure are you: s(ure), f(airly sure), g(uessing)? Enter: not said. ").strip().casefold()
            )
        except EOFError:
            return ""
        found = [known for known in CONFIDENCE[1:] if known.startswith(word)]
        if found or not word:
            return found[0] if word else ""
        more = f"{word[:20]!r} is none of them. "


def _read(console: Console, asked: Asked, ask: Ask) -> Any:
    """One line as judge() takes it; "?" prints the hint."""
    kind, unit = asked.question.type, asked.public()["unit"]
    how = {
        "one": "Your choice (a number): ",
        "several": "Your choices (numbers with spaces): ",
        "ordering": "The order (numbers with spaces): ",
        "number": f"Your answer{f' in {unit}' if unit else ''}: ",
        "open": "Your answer, in one line: ",
        "reading": "What happened? (a number): ",
        "matching": "What belongs to a, b, c …? (numbers with spaces): ",
        "design": "A file with your design (Enter: edit the starter): ",
    }
    line = ask(how[kind])
    if line.strip() == "?":
        raise UnclearError(asked.question.hint or "there is no hint to this one")
    if kind == "design":
        return written(line, asked.public()["starter"])
    if kind in ("number", "open"):
        return line
    return positions(line, asked.public()["options"])


def positions(line: str, options: Sequence[str]) -> list[int]:
    """Which *options* a line means: their numbers ("2 1 3", "2>1>3"), or their texts or beginnings between commas.

    Raises UnclearError for what is no number and begins none of them, or several.
    """
    words = [word for word in re.split(r"[\s,;>→]+", line) if word]
    if words and all(re.fullmatch("[0-9]{1,4}", word) for word in words):
        return [int(word) - 1 for word in words]
    found = []
    for part in filter(None, (part.strip().casefold() for part in re.split("[,;>→]", line))):
        same = [i for i, text in enumerate(options) if text.casefold() == part]
        same = same or [i for i, text in enumerate(options) if text.casefold().startswith(part)]
        if len(same) != 1:
            raise UnclearError(f"{part[:60]!r}: write the numbers that stand before the options")
        found += same
    if not found:
        raise UnclearError("write the numbers that stand before the options")
    return found


def written(name: str, starter: str) -> str:
    """The text of the file *name*; without a name, *starter* as it comes back from the editor ($EDITOR)."""
    if not name.strip():
        return click.edit(starter, extension=".yaml") or starter
    try:
        return Path(name.strip()).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UnclearError(f"{name.strip()}: cannot be read: {problem}") from None


def _evidence(console: Console, question: Open, text: str, ask: Ask) -> dict[int, str]:
    for level, model in question.models.items():
        console.print(Panel(escape(model), title=f"a {LEVEL_WORDS[level]} answer", title_align="left"))
    for flag in question.red_flags:
        console.print(f"[red]red flag:[/] {escape(flag)}")
    console.print("You grade yourself. Of each quote ask: does it say this?")
    return {i: _quote(console, question.told(point), text, ask) for i, point in enumerate(question.rubric)}


def _quote(console: Console, told: str, text: str, ask: Ask) -> str:
    """The words for one point: asked again while they are too short, or stand nowhere in *text*; Enter is none."""
    while True:
        quote = ask(f"{told}\n  Quote your words that say so (Enter: none): ").strip()
        problem = too_short(quote, text)
        if not problem and quote and not is_quote(quote, [text], QUOTED):
            problem = f"“{quote[:60]}” is not in your answer: copy words as they stand there, or press Enter"
        if not problem:
            return quote
        console.print(f"[yellow]{escape(problem)}[/]")


def _tell(console: Console, asked: Asked, verdict: Verdict) -> None:
    console.print(f"[bold]{escape(verdict.said)}[/]")
    for mark, what, why in verdict.notes:
        console.print(f" {MARKS[mark]} {escape(what)}" + (f": {escape(why)}" if why else ""))
    for what, how, result in verdict.steps:
        console.print(f"   {escape(what)}: {escape(how)} = [bold]{escape(result)}[/]")
    source = f" ({asked.question.source})" if asked.question.source else ""
    console.print(f"{escape(verdict.explanation + source)}\n")
