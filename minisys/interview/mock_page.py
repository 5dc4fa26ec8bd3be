"""The mock interview in the notebook: `mock()` is a cell that interviews you; all by keyboard.

Promised: the page holds no state that matters: it shows what the kernel sends, and what you write is kept every few
seconds, so that a dead kernel costs nothing. Without a front end the cell is text: which cases there are, which
interviews are unfinished, and that `minisys mock` does the same in a terminal. Not done: a voice.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from minisys.grading.progress import Progress
from minisys.interview import interviewer, mock_machine, mock_report
from minisys.interview.interviewer import Interviewer, mocks
from minisys.interview.mock import BREAK, DRAW, MINUTES, PHASES, Mock, OutOfTurn
from minisys.interview.mock_machine import Case, Seen
from minisys.interview.mock_report import clock
from minisys.interview.mock_study import study
from minisys.interview.page import part
from minisys.interview.rubric import DIMENSIONS, PLAN
from minisys.testbed import style
from minisys.testbed.scripts import program


class Talk(anywidget.AnyWidget):
    """A mock interview, or the choice of one; `mock()` makes it. *cases* by name."""

    _esm = program(*map(Path(__file__).with_name, ("page_common.js", "mock_page.js")))
    _css = style.css() + part("page.css") + part("mock_page.css")
    about = traitlets.Unicode("Mock interview").tag(sync=True)

    def __init__(self, cases: Mapping[str, Case], progress: Progress, machine: Any = mock_machine) -> None:
        super().__init__()
        self._cases, self._progress, self._machine = cases, progress, machine
        self._talk: Interviewer | None = None
        self._saved = ""
        self.on_msg(self._receive)

    def _receive(self, _: object, content: Mapping[str, Any], __: object = None) -> None:
        """What the page wants; what cannot be done is said, not raised."""
        steps = {"show": self._show, "begin": self._begin, "open": self._open, "say": self._say, "draw": self._draw,
                 "next": self._next, "pause": self._pause, "resume": self._resume, "draft": self._draft,
                 "score": self._score, "another": self._another}  # fmt: skip
        try:
            if content.get("do") == "draft":
                return self._draft(content)
            steps[str(content.get("do"))](content)
            self._show(content)
        except (OutOfTurn, ValueError) as problem:
            self.send({"view": "unclear", "text": str(problem)})
        except Exception as problem:  # a silent page would leave the reader waiting
            self.send({"view": "unclear", "text": f"The kernel could not do that: {type(problem).__name__}: {problem}"})

    @property
    def _now(self) -> Interviewer:
        if self._talk is None:
            raise OutOfTurn("begin an interview, or go on with one")
        return self._talk

    def _begin(self, content: Mapping[str, Any]) -> None:
        case = self._cases[str(content.get("case"))]
        name = f"{case.name}/{time.strftime('%Y%m%d-%H%M%S')}"
        self._talk = Interviewer(name, case, self._progress, self._machine)
        self._talk.begin(int(content.get("minutes", 45)), seed=len(mocks(self._progress)))

    def _open(self, content: Mapping[str, Any]) -> None:
        name = str(content.get("name"))
        self._talk = Interviewer(name, self._cases[name.split("/")[0]], self._progress, self._machine)
        self._talk.wake()

    def _say(self, content: Mapping[str, Any]) -> None:
        self._now.say(str(content.get("text", "")))
        self._now.keep_draft("", str(self._now.draft().get("design", "")))

    def _draw(self, content: Mapping[str, Any]) -> None:
        self._draft(content)
        self._now.draw(str(content.get("text", "")))

    def _next(self, content: Mapping[str, Any]) -> None:
        if str(content.get("words", "")).strip():
            self._now.say(str(content["words"]))
        self._now.move_on()
        self._now.keep_draft("", str(content.get("design", "")))

    def _pause(self, content: Mapping[str, Any]) -> None:
        self._draft(content)
        self._now.pause()

    def _resume(self, _: Mapping[str, Any]) -> None:
        self._now.resume()

    def _draft(self, content: Mapping[str, Any]) -> None:
        kept = str(self._now.draft().get("design", ""))
        self._now.keep_draft(str(content.get("words", "")), str(content.get("design", "")) or kept)

    def _score(self, content: Mapping[str, Any]) -> None:
        self._now.score(dict(content.get("card") or {}))

    def _another(self, _: Mapping[str, Any]) -> None:
        self._talk, self._saved = None, ""

    def _show(self, _: Mapping[str, Any]) -> None:
        if self._talk is None:
            self.send(self._choice())
        elif self._talk.mock.done:
            self.send(self._report())
        elif self._talk.mock.scoring:
            self.send(_scoring(self._talk.mock))
        else:
            self.send(self._talking(self._talk))

    def _choice(self) -> dict[str, Any]:
        there = {name: one for name, one in mocks(self._progress).items() if name.split("/")[0] in self._cases}
        unfinished = [{"name": name, "title": self._where(name, one)} for name, one in there.items() if not one.done]
        past = [[name, f"{one.points()[0]:g}", one.points()[1]] for name, one in there.items() if one.done]
        cases = [[name, case.title] for name, case in self._cases.items()]
        title = "A mock interview: choose a case and how long"
        return {"view": "choose", "title": title, "cases": cases, "minutes": list(MINUTES), "open": unfinished[::-1],
                "past": past[::-1][:10]}  # fmt: skip

    def _where(self, name: str, one: Mock) -> str:
        return f"{self._cases[one.case].title}, {one.phase_name}, {clock(sum(one.spent_s))} of {one.minutes}:00"

    def _talking(self, talk: Interviewer) -> dict[str, Any]:
        mock, draft = talk.mock, talk.draft()
        last = mock.phase + 1 == len(PHASES)
        more = mock.phase == BREAK and (not mock.findings or mock.follow_up < len(mock.findings))
        begin = talk.text() or (talk.machine.starter(talk.case) if mock.phase == DRAW else "")
        return {
            "view": "talk", "title": f"{talk.case.title} · {mock.minutes} minutes", "phase": mock.phase,
            "phases": [{"name": name, "mark_s": mock.mark_s(i)} for i, (name, _, _) in enumerate(PLAN)],
            "elapsed_s": mock.elapsed_s(talk.now()), "running": not mock.paused,
            "lines": folded(mock), "words": draft.get("words", ""),
            "drawing": DRAW <= mock.phase <= BREAK, "design": draft.get("design") or begin,
            "wanted": talk.machine.wanted(talk.case, talk.changed),
            "seen": shown(talk.seen, talk.machine),
            "next": "Next question" if more else "To the score" if last else
            f"On to: {PHASES[mock.phase + 1]}",
        }  # fmt: skip

    def _report(self) -> dict[str, Any]:
        talk = self._now
        found = mock_report.report(talk)
        if not self._saved:
            page, pdf = found.save()
            self._saved = f"Kept as {page} and {pdf.name}." if pdf else f"Kept as {page}. {mock_report.NO_PRINTER}"
        return {
            "view": "report", "headline": found.headline(), "study": [list(advice) for advice in study(talk.mock)],
            "scores": found.scores(), "times": found.times(), "asked": found.asked(), "changed": found.held(),
            "doubts": found.doubts(),
            "saved": self._saved,
        }  # fmt: skip

    def _twin(self) -> list[str]:
        """What stands here without a front end, line by line."""
        view = self._choice()
        return [
            f"Mock interviews, {len(view['cases'])} cases: {', '.join(title for _, title in view['cases'])}.",
            *(f"Unfinished: {one['title']}." for one in view["open"]),
            "Run this cell in JupyterLab to begin or to go on; `minisys mock` does the same in a terminal.",
        ]

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        shown, how = super()._repr_mimebundle_(**kwargs) or ({}, {})
        lines = self._twin()
        html = "".join(f"<p>{escape(line)}</p>" for line in lines)
        card = f'<style>{style.css()}</style><section class="ms-card">{html}</section>'
        return shown | {"text/plain": "\n".join(lines), "text/html": card}, how


def shown(seen: Seen | None, machine: Any) -> dict[str, Any] | None:
    """A design as the page shows it: its picture as a data URI, the verdict's rows, notes."""
    if seen is None:
        return None
    rows = [
        [what, wanted, got, "kept" if kept else "missed", "" if kept else why]
        for what, wanted, got, kept, why in seen.rows
    ]
    picture = "data:image/svg+xml;base64," + b64encode(machine.picture(seen.design).encode()).decode()
    return {"picture": picture, "rows": rows, "notes": list(seen.notes)}


def folded(mock: Mock) -> list[dict[str, Any]]:
    """What was said; the lines that a run measured as one, "Run 3: 4 of 7 kept", with *more* to unfold.

    What became of a weakness, and what was put right in the text, is not folded: *beside*.
    """
    told: list[dict[str, Any]] = []
    runs = iter([list(design.get("measured", ())) for design in mock.designs])
    left: list[str] = []
    number = 0
    for line in mock.lines:
        if line.who != "machine":
            told.append(line._asdict())
            continue
        if not left:
            left, number = next(runs, [line.text]) or [line.text], number + 1
            kept, missed = (sum(text.endswith(end) for text in left) for end in (": kept", ": missed"))
            told.append(
                line._asdict() | {"text": f"Run {number}: {kept} of {kept + missed} kept", "more": [], "beside": []}
            )
        told[-1]["more" if line.text.endswith((": kept", ": missed")) else "beside"].append(line.text)
        left = left[1:]
    return told


def _scoring(mock: Mock) -> dict[str, Any]:
    dimensions = [
        {"name": name, "weight": one.weight, "three": f"A 3 at mid level {one.mid}; senior: {one.senior}."}
        for name, one in DIMENSIONS.items()
    ]
    return {
        "view": "score",
        "dimensions": dimensions,
        "said": folded(mock),
        "lines": [line[:200] for line in dict.fromkeys(mock.evidence())],
    }


def mock() -> Talk:
    """A mock interview: choose a case and 30, 45 or 60 minutes, or go on with one that was interrupted."""
    return Talk(interviewer.all_cases(), Progress())


def last_report(progress: Progress | None = None) -> mock_report.Report | mock_report.NoReport:
    """The report of the interview finished last, also where there are no widgets; before the first a line says so."""
    progress = progress or Progress()
    done = [name for name, one in mocks(progress).items() if one.done]
    if not done:
        return mock_report.NoReport()
    return mock_report.report(Interviewer(done[-1], interviewer.all_cases()[done[-1].split("/")[0]], progress))
