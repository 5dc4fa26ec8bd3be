"""Say a number before you see it: the reader commits, the page keeps it, and a later cell lays it beside the result.

"I would have guessed that" is what everybody says after the chart is on the screen. A prediction that was written down
before teaches more, above all when it was wrong. It is not graded and costs no points.

Promised: committed is committed; a run without a reader (CI) passes, because no prediction is a possible answer; the
prediction goes to the progress file and is there again tomorrow. Not promised: that nobody reads ahead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from minisys.testbed import style
from minisys.testbed.marks import number
from minisys.testbed.scripts import program

Answer = float | str | None
WAITING = "Commit to an answer above, then run this cell again. (To see it without one, add anyway=True.)"


@dataclass(frozen=True, repr=False)
class Verdict:
    """A prediction beside what came out. `hit` is True or False, None without a prediction; `said` is the sentence."""

    question: str
    said: str
    hit: bool | None

    def __repr__(self) -> str:
        return self.said

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        kind = {True: "ms-good", False: "ms-warn", None: "ms-note"}[self.hit]
        body = f'<p class="ms-kicker">{escape(self.question)}</p><div class="{kind}">{escape(self.said)}</div>'
        html = f'<style>{style.css()}</style><section class="ms-card">{body}</section>'
        return {"text/plain": self.said, "text/html": html}


class Prediction(anywidget.AnyWidget):
    """One question and what the reader committed to; `predict()` makes it. `value` is None until then."""

    _esm = program(Path(__file__).with_name("predict.js"))
    _css = style.css()
    question = traitlets.Unicode().tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    choices: traitlets.List[str] = traitlets.List().tag(sync=True)
    committed = traitlets.Any(None, allow_none=True).tag(sync=True)

    def __init__(
        self, question: str, answer: Answer, unit: str, choices: Sequence[str], chapter: str, item: str
    ) -> None:
        super().__init__(question=question, unit=unit, choices=list(choices))
        self.chapter, self.item = chapter, item
        kept = self._remembered()
        self._final = kept if answer is None else self._checked(answer)
        if answer is not None and self._final != kept:
            self._record("prediction", {"answer": self._final})
        self.committed = self._final
        self.observe(self._commit, "committed")

    @property
    def value(self) -> Answer:
        """What was committed: a number, one of the choices, or None."""
        return self._final

    def reveal(self, actual: float | str, *, within: float = 2.0, which: str = "", anyway: bool = False) -> Verdict:
        """The prediction beside *actual*: a hit if it is the same choice, or within a factor of *within*.

        *which* says what was counted or computed ("in the long run"). Before the reader has committed it keeps the
        answer to itself, unless *anyway*. Raises ValueError if *actual* is not of the question's kind, or *within* is
        below 1.
        """
        if not within >= 1:
            raise ValueError(f"within is a factor of at least 1, not {within!r}")
        actual = self._checked(actual)
        if self.value is None and not anyway:
            return Verdict(self.question, WAITING, None)
        said, hit = _compare(self.value, actual, within, self.unit, which)
        if hit is not None:
            self._record("reveal", {"answer": self.value, "actual": actual, "hit": hit})
        return Verdict(self.question, said, hit)

    def _checked(self, answer: Any) -> float | str:
        if self.choices:
            if answer not in self.choices:
                raise ValueError(f"{answer!r} is not one of the choices: {', '.join(self.choices)}")
            return answer
        if isinstance(answer, bool) or not _is_number(answer):
            raise ValueError(f"the answer to {self.question!r} is a finite number, not {answer!r}")
        return float(answer)

    def _commit(self, change: Any) -> None:
        """The reader pressed Commit. The first commitment stands, whatever another copy of the page sends."""
        if self._final is None and change["new"] is not None:
            self._final = self._checked(change["new"])
            self._record("prediction", {"answer": self._final})
        elif change["new"] != self._final:
            self.committed = self._final

    def _remembered(self) -> Answer:
        """What was committed to this item on another day, unless the question has changed its kind since."""
        progress = _progress()
        rows = progress.history("prediction", self.chapter, self.item) if progress is not None else []
        try:
            return self._checked(rows[-1].detail.get("answer")) if rows else None
        except ValueError:
            return None

    def _record(self, kind: str, detail: dict[str, Any]) -> None:
        progress = _progress()
        if progress is not None:
            progress.record(
                kind, self.chapter, self.item, detail=detail | {"question": self.question, "unit": self.unit}
            )

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        shown, how = super()._repr_mimebundle_(**kwargs) or ({}, {})
        options = f" ({'; '.join(self.choices)})" if self.choices else f" (in {self.unit})" if self.unit else ""
        text = f"Predict: {self.question}{options}"
        note = "Run this cell, then commit to an answer before you go on."
        card = f'<p class="ms-title">{escape(text)}</p><p class="ms-muted">{note}</p>'
        html = f'<style>{style.css()}</style><section class="ms-card">{card}</section>'
        return shown | {"text/plain": text, "text/html": html}, how


def predict(
    question: str,
    answer: Answer = None,
    *,
    unit: str = "",
    choices: Sequence[str] = (),
    chapter: str | int = "",
    item: str = "",
) -> Prediction:
    """Ask the reader to commit to a number (in *unit*) or one of *choices* before seeing the result.

    *answer* given in code commits at once; None shows a small form, or what was committed before under the same
    *chapter* and *item* (default: made of the question). Use `.value` (None: no prediction) and `.reveal(actual)`.
    Raises ValueError if *answer* is not a number or not among the choices.
    """
    name = item or re.sub(r"[^a-z0-9]+", "-", question.lower()).strip("-")[:60]
    return Prediction(question, answer, unit, choices, str(chapter), name or "prediction")


def _compare(answer: Answer, actual: float | str, within: float, unit: str, which: str) -> tuple[str, bool | None]:
    """The sentence and whether the prediction was a hit."""
    shown = {
        value: f"{number(value)} {unit}".strip() if isinstance(value, float) else str(value)
        for value in (answer, actual)
    }
    shown[actual] += f" {which}" if which and answer != actual else ""
    if answer is None:
        return f"It is {shown[actual]}.", None
    if isinstance(actual, str) or isinstance(answer, str):
        hit = answer == actual
        return (
            f"You said {shown[answer]}, and so it is." if hit else f"You said {shown[answer]}. It is {shown[actual]}."
        ), hit
    if answer == actual:
        return f"You said {shown[answer]}, and so it is.", True
    if answer * actual <= 0:
        return f"You said {shown[answer]}. It is {shown[actual]}.", False
    factor = max(answer / actual, actual / answer)
    size = "too high" if abs(answer) > abs(actual) else "too low"
    if unit == "%" and factor > within:
        return f"You said {shown[answer]}. It is {shown[actual]}: {number(abs(answer - actual))} points {size}.", False
    near = f"within a factor of {number(within)}" if factor <= within else f"{size} by a factor of {number(factor)}"
    return f"You said {shown[answer]}. It is {shown[actual]}: {near}.", factor <= within


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value)) and not isinstance(value, str)
    except (TypeError, ValueError):
        return False


def _progress() -> Any:
    """The progress file, or None where the grading room is not installed."""
    try:
        from minisys.grading.progress import Progress
    except ImportError:
        return None
    return Progress()
