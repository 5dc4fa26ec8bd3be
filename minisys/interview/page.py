"""Questions in the notebook: one after the other, everything by keyboard, feedback for every option.

A quiz whose answers can be read in the page's source is a reading exercise. Here the page knows the question only; the
answer travels to the kernel as a message, and the verdict comes back as one. Neither the widget's state nor a saved
notebook holds the key.

Promised: points and confidence go to the progress file; without a front end (CI, a saved page) the cell is one line of
text. Not done: grading prose; an open answer is scored by its writer, with a quoted line for each point.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from minisys.grading.progress import Progress
from minisys.interview import library, reading_chart
from minisys.interview.judge import Asked, Verdict, draw, judge
from minisys.interview.library import Item
from minisys.interview.points import CONFIDENCE, LEVEL_WORDS, about, default_seed, record
from minisys.interview.schema import Open
from minisys.testbed import style
from minisys.testbed.scripts import program
from minisys.testbed.units import UnclearError


def part(name: str) -> str:
    """The text of a file beside this one: a part of a page's program or style."""
    return Path(__file__).with_name(name).read_text("utf-8")


class Quiz(anywidget.AnyWidget):
    """A run through some questions; `quiz()` makes one. The page asks for what to show, and gets it as messages.

    *about* says in words what is asked, *items* are the questions with their chapters, in this order.
    """

    _esm = program(*map(Path(__file__).with_name, ("page_common.js", "page_kinds.js", "page.js")))
    _css = style.css() + part("page.css")
    about = traitlets.Unicode().tag(sync=True)
    choices = traitlets.Dict().tag(sync=True)  # the drop-downs above the questions; none here

    def __init__(self, about: str, items: tuple[Item, ...], seed: int, progress: Progress) -> None:
        super().__init__(about=about)
        self._items, self._seed, self._progress = items, seed, progress
        self._verdicts: dict[int, Verdict] = {}
        self._surprises: list[str] = []  # goals of those that the reader was sure of and did not get right
        self._at, self._written = 0, ""
        self._view: dict[str, Any] = {}
        self.on_msg(self._receive)

    def _receive(self, _: object, content: Mapping[str, Any], __: object = None) -> None:
        """What the page wants: show, ask, commit, evidence, next or again. What cannot be done is said, not raised."""
        steps = {"show": self._show, "ask": self._choose, "commit": self._commit, "evidence": self._commit,
                 "next": self._next, "again": self._again}  # fmt: skip
        try:
            steps[str(content.get("do"))](content)
        except UnclearError as problem:
            self.send({"view": "unclear", "text": str(problem)})
        except Exception as problem:  # a silent page would leave the reader waiting
            self.send({"view": "unclear", "text": f"The kernel could not do that: {type(problem).__name__}: {problem}"})

    def _show(self, _: Mapping[str, Any]) -> None:
        if not self._view:
            self._ask()
        self.send(self._view)

    def _choose(self, content: Mapping[str, Any]) -> None:
        """A quiz has its questions already; a chooser picks them here."""
        raise UnclearError("these questions are chosen already")

    def _tell(self, view: dict[str, Any]) -> None:
        self._view = view
        self.send(view)

    def _asked(self) -> Asked:
        return draw(self._items[self._at].question, self._seed)

    def _ask(self) -> None:
        shown, self._written = self._asked().public(), ""
        if shown["type"] == "reading":
            drawn = reading_chart.svg(shown["columns"], shown["rows"], shown["caption"])
            shown["picture"] = "data:image/svg+xml;base64," + b64encode(drawn.encode()).decode()
        shown["level"] = LEVEL_WORDS[shown["level"]]
        place = {"number": self._at + 1, "count": len(self._items), "done": len(self._verdicts)}
        self._view = {"view": "question", **shown, **place}

    def _commit(self, content: Mapping[str, Any]) -> None:
        """An answer, or the evidence for an open one; once judged it stays judged."""
        if self._view.get("view") not in ("question", "rubric"):
            return
        asked, answer = self._asked(), content.get("answer")
        if isinstance(asked.question, Open):
            self._commit_open(asked.question, content)
            if content.get("do") == "commit":
                return
            answer = {"text": self._written, "evidence": content.get("quotes") or {}}
        verdict = judge(asked, answer)
        confidence = str(content.get("confidence", ""))
        self._verdicts[self._at] = verdict
        sure = confidence if confidence in CONFIDENCE else ""
        if sure == "sure" and verdict.points < 1:
            self._surprises.append(asked.question.goal)
        record(self._progress, self._items[self._at].chapter, asked, verdict, sure)
        last = self._at + 1 == len(self._items)
        self._tell(self._view | {"view": "verdict", **_shown(asked, verdict), "last": last})

    def _commit_open(self, question: Open, content: Mapping[str, Any]) -> None:
        """First the text is committed; then, and not before, rubric and model answers come."""
        if content.get("do") != "commit":
            return
        self._written = str(content.get("answer", ""))
        judge(self._asked(), {"text": self._written})  # says so if there is nothing to judge
        rubric = {
            "points": [question.told(point) for point in question.rubric],
            "models": [[LEVEL_WORDS[level], text] for level, text in question.models.items()],
            "flags": list(question.red_flags),
        }
        self._tell(self._view | {"view": "rubric", "written": self._written, **rubric})

    def _next(self, _: Mapping[str, Any]) -> None:
        if self._view.get("view") != "verdict":
            return
        if self._at + 1 < len(self._items):
            self._at += 1
            self._ask()
            self.send(self._view)
        else:
            self._tell(self._summary())

    def _summary(self) -> dict[str, Any]:
        weak = [self._items[i].question.goal for i, verdict in self._verdicts.items() if verdict.points < 1]
        got = sum(verdict.points for verdict in self._verdicts.values())
        count = {"points": round(got, 2), "count": len(self._verdicts)}
        return {"view": "summary", **count, "study": weak, "surprises": self._surprises}

    def _again(self, _: Mapping[str, Any]) -> None:
        """Those that were not right, drawn afresh; all of them if all were right."""
        wrong = tuple(self._items[i] for i, verdict in self._verdicts.items() if verdict.points < 1)
        self._begin(wrong or self._items, self._seed + 1)

    def _begin(self, items: tuple[Item, ...], seed: int) -> None:
        """Ask *items* from the first one on."""
        self._items, self._seed, self._verdicts, self._at = items, seed, {}, 0
        self._surprises = []
        self._ask()
        self.send(self._view)

    def _heading(self) -> str:
        return f"Quiz: {len(self._items)} questions of {self.about}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        shown, how = super()._repr_mimebundle_(**kwargs) or ({}, {})
        text = f"{self._heading()}. Run this cell in JupyterLab to answer them."
        html = f'<style>{style.css()}</style><section class="ms-card"><p>{escape(text)}</p></section>'
        return shown | {"text/plain": text, "text/html": html}, how


def quiz(chapter: str | int, *, count: int = 8, level: str | None = None, seed: int | None = None) -> Quiz:
    """*count* questions of *chapter* ("03" or 3), of one *level* if given; the same *seed* asks the same ones.

    Without a seed each new run draws others. Raises ValueError for a chapter without questions, a count below 1 or an
    unknown level. Over all chapters: `workbook.workbook()`.
    """
    progress = Progress()
    seed = default_seed(chapter, progress) if seed is None else seed
    chosen = library.choose(library.items(chapter), count, level=level, seed=seed)
    return Quiz(about(chapter, level=level), chosen, seed, progress)


def _shown(asked: Asked, verdict: Verdict) -> dict[str, Any]:
    return {
        "points": round(verdict.points, 2), "said": verdict.said, "right": verdict.right,
        "explanation": verdict.explanation, "notes": [list(note) for note in verdict.notes],
        "source": asked.question.source, "steps": [list(line) for line in verdict.steps],
        "reference": verdict.right if asked.question.type == "design" else "",
    }  # fmt: skip
