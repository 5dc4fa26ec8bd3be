"""Draws a question by seed, and judges an answer: pure functions, the same in the page and in the terminal.

Promised: `draw` returns only what may be shown before the answer, plus what judge() needs to undo the shuffling; the
same question and seed give the same draw in every process. Not done: judging prose. An open answer is scored by its
writer, point by point, and each point needs a line quoted from the answer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from minisys.interview import matching, reading, task
from minisys.interview.answers import EXACT, Span, span
from minisys.interview.families import FAMILIES
from minisys.interview.helper import signed, stems
from minisys.interview.matching import Matching
from minisys.interview.quotes import is_quote, plain
from minisys.interview.reading import Reading
from minisys.interview.schema import Choice, Number, Open, Ordering, Point, Question
from minisys.interview.steps import filled, lines
from minisys.interview.task import Task
from minisys.interview.verdict import Verdict, are_places
from minisys.testbed.units import UnclearError, short_name, written

LONGEST, QUOTED, FEWEST = 100_000, 8, 5  # characters of an open answer that are read, of evidence at least; its words


@dataclass(frozen=True)
class Asked:
    """A question as it is put: the prompt filled in, options or items in the *order* drawn, the unit of a number."""

    question: Question
    prompt: str
    order: tuple[int, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)

    def public(self) -> dict[str, Any]:
        """What may be shown before the answer: all types have these keys, see the view() of a type for what it adds."""
        given = self.question
        shown: dict[str, Any] = {"id": given.id, "type": given.type, "level": given.level, "prompt": self.prompt}
        shown |= {"family": FAMILIES[given.family], "hint": given.hint, "options": [], "unit": ""}
        if isinstance(given, Matching):
            shown |= matching.view(given, self.order)
        elif isinstance(given, Reading):
            shown |= reading.view(given, self.order, dict(self.values))
        elif isinstance(given, Task):
            shown |= task.view(given)
        elif isinstance(given, Choice):
            shown["options"] = [given.options[i].text for i in self.order]
        elif isinstance(given, Ordering):
            shown["options"] = [given.items[i] for i in self.order]
        elif isinstance(given, Number):
            shown["unit"] = short_name(given.unit)
        return shown


def draw(question: Question, seed: int) -> Asked:
    """*question* with parameters and order drawn by *seed*."""
    dice = random.Random(f"{question.id}/{seed}")
    if isinstance(question, Number):
        values = {name: dice.choice(options) for name, options in question.parameters.items()}
        return Asked(question, filled(question.prompt, values) if values else question.prompt, values=values)
    if isinstance(question, Open | Task):
        return Asked(question, question.prompt)
    order = list(range(_count(question)))
    dice.shuffle(order)
    if isinstance(question, Reading):
        return Asked(question, question.prompt, order=tuple(order), values=reading.drawn(question, dice))
    if isinstance(question, Ordering) and order == sorted(order):
        order.reverse()  # nobody should find it solved
    return Asked(question, question.prompt, order=tuple(order))


def _count(question: Choice | Ordering | Matching | Reading) -> int:
    """How many things are put in an order by chance."""
    if isinstance(question, Choice):
        return len(question.options)
    if isinstance(question, Matching):
        return len(question.choices)
    return len(question.causes if isinstance(question, Reading) else question.items)


def judge(asked: Asked, answer: Any) -> Verdict:
    """The verdict on *answer*: positions as shown (one, reading: a number; several, ordering, matching: a list), text
    for a number and for a design.

    An open question takes a mapping {"text": …, "evidence": {point: quote}}. Raises UnclearError if the answer cannot
    be read: then it was no answer, and costs nothing.
    """
    question = asked.question
    if isinstance(question, Choice):
        return _choice(asked, question, [answer] if isinstance(answer, int) else answer)
    if isinstance(question, Number):
        return _number(asked, question, answer)
    if isinstance(question, Ordering):
        return _ordering(asked, question, answer)
    if isinstance(question, Matching):
        return matching.judged(question, asked.order, answer)
    if isinstance(question, Reading):
        return reading.judged(question, asked.order, dict(asked.values), answer)
    if isinstance(question, Task):
        return task.judged(question, answer)
    return _open(question, answer)


def _choice(asked: Asked, question: Choice, answer: Any) -> Verdict:
    if not are_places(answer, len(asked.order)) or (question.type == "one" and len(answer) != 1):
        raise UnclearError("choose one option" if question.type == "one" else "choose at least one option")
    chosen = {asked.order[i] for i in answer}
    options = question.options
    judged_well = sum((i in chosen) == option.right for i, option in enumerate(options))
    points = judged_well / len(options) if question.type == "several" else float(options[min(chosen)].right)
    notes = tuple(
        (_mark(options[i].right, i in chosen, question.type), options[i].text, options[i].why) for i in asked.order
    )
    said = "Right." if points == 1 else "Not quite."
    if question.type == "several" and points < 1:
        said = f"{judged_well} of {len(options)} options judged rightly."
    right = "; ".join(option.text for option in options if option.right)
    return Verdict(points, said, right, question.explanation, notes)


def _mark(right: bool, chosen: bool, kind: str) -> str:
    if right:
        return "good" if chosen or kind == "one" else "missed"
    return "bad" if chosen else "note"


def _number(asked: Asked, question: Number, answer: Any) -> Verdict:
    given, values = span(str(answer), question.unit, exact=question.tolerance < EXACT), dict(asked.values)
    key = question.compute(question.calculation, values)
    right, worked = written(key, question.unit), lines(question, values)
    if _hit(given, key, question.tolerance) or _is_share(str(answer), given, question, key):
        return Verdict(1.0, f"Right: {right}.", right, question.explanation, steps=worked)
    notes = tuple(
        ("bad", _said(given, question.unit), slip.why)
        for slip in question.slips
        if _hit(given, question.slipped(slip, values), question.tolerance)
    )
    said = f"You said {_said(given, question.unit)}; it is {right}{_off(given, key)}."
    return Verdict(0.0, said, right, question.explanation, notes[:1], worked)


def _ordering(asked: Asked, question: Ordering, answer: Any) -> Verdict:
    if not are_places(answer, len(asked.order)) or len(answer) != len(asked.order):
        raise UnclearError("put every item in order")
    order = [asked.order[i] for i in answer]
    pairs = [(a, b) for place, a in enumerate(order) for b in order[place + 1 :]]
    well = sum(a < b for a, b in pairs)
    notes = tuple(
        ("good", f"{place + 1}. {question.items[i]}", "")
        if i == place
        else ("bad", f"{place + 1}. {question.items[i]}", f"belongs at {i + 1}")
        for place, i in enumerate(order)
    )
    said = "Right." if well == len(pairs) else f"{well} of {len(pairs)} pairs are in the right order."
    right = " → ".join(question.items)
    return Verdict(well / len(pairs), said, right, f"{question.why} {question.explanation}", notes)


def _open(question: Open, answer: Any) -> Verdict:
    given = answer if isinstance(answer, Mapping) else {}
    text, quotes = given.get("text"), given.get("evidence")
    text, quotes = text[:LONGEST] if isinstance(text, str) else "", quotes if isinstance(quotes, Mapping) else {}
    if len(plain(text).split()) < FEWEST:
        raise UnclearError("write at least a sentence; the model answers come when you have committed to yours")
    notes, got = [], 0.0
    for i, point in enumerate(question.rubric):
        quote = quotes.get(i, quotes.get(str(i)))
        quote = quote.strip() if isinstance(quote, str) else ""
        if problem := too_short(quote, text):
            raise UnclearError(problem)
        found = is_quote(quote, [text], QUOTED)
        got += point.weight if found else 0
        why = "not in your answer." if quote else "no evidence quoted."
        if found:
            unlikely = "" if likely(point, quote) else " None of the words that one would expect is in it."
            why = f"Your evidence: “{quote}”; does it say this?{unlikely}"
        mark = "good" if found else "bad" if quote else "note"
        notes.append((mark, question.told(point), f"{why} {point.explanation}"))
    made, whole = sum(mark == "good" for mark, _, _ in notes), sum(point.weight for point in question.rubric)
    said = f"Graded by yourself: {made} of {len(question.rubric)} points with evidence from your answer"
    said += f", {got:g} of {whole:g} by weight." if question.weighted else "."
    return Verdict(got / whole, said, "see the model answers", question.explanation, tuple(notes))


def likely(point: Point, quote: str) -> bool:
    """Whether *quote* has a word that speaks for *point*: only a warning hangs on it."""
    return signed(point, quote) or bool(set(stems(point.point)) & set(stems(quote)))


def too_short(quote: str, text: str) -> str:
    """What to say to a *quote* that stands in *text* and is too short to show anything; "" to any other."""
    if not plain(quote) or len(plain(quote)) >= QUOTED or not is_quote(quote, [text], 1):
        return ""
    return f"“{quote}” is too short to say anything: quote at least {QUOTED} letters of your answer, or leave it empty"


def _hit(given: Span, key: float, tolerance: float) -> bool:
    """Whether *key* lies in what was given, or within the tolerance of its ends."""
    room = tolerance * abs(key) + 1e-12
    return given.low - room <= key <= given.high + room


def _is_share(answer: str, given: Span, question: Number, key: float) -> bool:
    """Whether a percentage was answered as a share: "0.999" where 99.9 % is right, without a sign for its unit."""
    bare = question.unit == "percent" and not re.search(r"[A-Za-z%]", answer) and 0 < given.low <= given.high <= 1
    return bare and _hit(Span(100 * given.low, 100 * given.high), key, question.tolerance)


def _off(given: Span, key: float) -> str:
    """How far a wrong number is off, where it is several times too much or too little."""
    near = given.low if given.low > key else given.high
    if near * key <= 0:
        return ""
    times, way = (near / key, "much") if near > key else (key / near, "little")
    return f", {times:,.3g} times too {way}" if times >= 1.95 else ""


def _said(given: Span, unit: str) -> str:
    ends = dict.fromkeys(written(end, unit) for end in given)
    return " to ".join(ends)
