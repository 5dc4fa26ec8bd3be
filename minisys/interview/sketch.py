"""Diagram practice: write a design as text, see it drawn and judged, and only then the reference beside it.

A diagram that nobody runs is always right. Here yours is drawn, run against the case's objectives, and laid beside one
that keeps them all; the table says objective by objective what each got.

Promised: the reference is hidden until a design of yours was run; traffic, work and objectives are the case's. Without
a front end `sketch(name, text)` prints the same. Not done: points; the mock interview and its score are for that.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from minisys.grading.progress import Progress
from minisys.grading.report import Shown
from minisys.interview import interviewer, mock_machine
from minisys.interview.mock import OutOfTurn
from minisys.interview.mock_machine import Case, Seen
from minisys.interview.mock_page import Talk, shown

SEED = 1
HEAD = ("objective", "wanted", "yours", "the reference", "what missed it")


@dataclass(frozen=True, repr=False)
class Sketch(Shown):
    """A design beside the reference of its *case*, both as run."""

    case: Case
    mine: Seen
    theirs: Seen
    machine: Any = mock_machine

    def rows(self) -> list[tuple[str, ...]]:
        """A row for each objective, in the order of HEAD; what was missed says so."""
        there = {row[0]: row for row in self.theirs.rows}
        return [
            (row[0], row[1], _got(row), _got(there[row[0]]), "" if row[3] else row[4])
            for row in self.mine.rows
            if row[0] in there
        ]

    def headline(self) -> str:
        """How many objectives are kept."""
        kept = sum(row[3] for row in self.mine.rows)
        return f"{self.case.title}: your design keeps {kept} of {len(self.mine.rows)} objectives"

    def text(self) -> str:
        rows = [HEAD, *self.rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
        return "\n".join([self.headline(), *lines, *self.mine.notes])

    def html(self) -> str:
        sides = "".join(
            f'<div class="ms-side"><p class="ms-kicker">{name}</p>{self.machine.picture(seen.design)}</div>'
            for name, seen in (("Yours", self.mine), ("The reference", self.theirs))
        )
        head = "".join(f'<th scope="col">{name}</th>' for name in HEAD)
        rows = "".join(
            f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
            for row in self.rows()
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.mine.notes)
        return (
            f'<section class="ms-card"><p><strong>{escape(self.headline())}</strong></p>{sides}'
            f'<table class="ms-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{notes}</section>'
        )


def sketch(name: str, text: str | None = None) -> Sketch:
    """The design in *text* (default: the starter) for the case *name*, beside the reference.

    Raises ValueError for an unknown case, and with the line and what to write for a text that is no design.
    """
    case = _case(interviewer.all_cases(), name)
    mine = mock_machine.look(case, mock_machine.starter(case) if text is None else text, SEED)
    return Sketch(case, mine, mock_machine.reference(case, SEED))


def _case(cases: Mapping[str, Case], name: str) -> Case:
    if name not in cases:
        raise ValueError(f"no case {name!r}; there are {', '.join(cases)}")
    return cases[name]


def _got(row: Sequence[Any]) -> str:
    return str(row[2]) if row[3] else f"{row[2]} (missed)"


class Practice(Talk):
    """Diagram practice in the page; `practice()` makes one. What was drawn last is kept for the next kernel."""

    def __init__(self, cases: Mapping[str, Case], progress: Progress, machine: Any = mock_machine) -> None:
        super().__init__(cases, progress, machine)
        self.about = "Diagram practice"
        self._case: Case | None = None
        self._text = ""
        self._seen: Seen | None = None
        self._reference: Seen | None = None

    def _twin(self) -> list[str]:
        names = ", ".join(self._cases)
        return [f"Diagram practice, {len(self._cases)} cases: {names}.",
                "Run this cell in JupyterLab to draw; `sketch(name, text)` runs a text without the page."]  # fmt: skip

    def _choice(self) -> dict[str, Any]:
        title = "Diagram practice: choose a case"
        return super()._choice() | {"title": title, "minutes": [], "open": [], "past": []}

    def _begin(self, content: Mapping[str, Any]) -> None:
        self._case = _case(self._cases, str(content.get("case")))
        kept = self._progress.mark(f"sketch {self._case.name}")
        self._text, self._seen, self._reference = kept or self._machine.starter(self._case), None, None

    def _draw(self, content: Mapping[str, Any]) -> None:
        if self._case is None:
            raise OutOfTurn("choose a case first")
        self._text = str(content.get("text", ""))
        self._seen = self._machine.look(self._case, self._text, SEED)
        self._progress.set_mark(f"sketch {self._case.name}", self._text)
        told = {"kept": sum(row[3] for row in self._seen.rows), "of": len(self._seen.rows), "at_s": time.time()}
        self._progress.record("sketch", interviewer.CHAPTER, self._case.name, detail=told)

    def _next(self, content: Mapping[str, Any]) -> None:
        """The reference, for somebody who has run a design."""
        if self._case is None or self._seen is None:
            raise OutOfTurn("run a design of your own first; then the reference comes")
        self._reference = self._machine.reference(self._case, SEED)

    def _another(self, _: Mapping[str, Any]) -> None:
        self._case = None

    def _show(self, _: Mapping[str, Any]) -> None:
        case = self._case
        if case is None:
            return self.send(self._choice())
        view: dict[str, Any] = {"view": "sketch", "title": case.title, "brief": case.brief, "design": self._text}
        view["wanted"] = self._machine.wanted(case)
        view |= {"seen": shown(self._seen, self._machine), "reference": shown(self._reference, self._machine)}
        if self._seen and self._reference:
            both = Sketch(case, self._seen, self._reference, self._machine)
            view["compared"] = {"head": list(HEAD), "rows": both.rows()}
        self.send(view)


def practice() -> Practice:
    """Draw a design for one of the cases, run it, and look at the reference beside it."""
    return Practice(interviewer.all_cases(), Progress())
