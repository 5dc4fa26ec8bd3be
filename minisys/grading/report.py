"""What a check looks like: the same words in the page, in the terminal and to a screen reader.

A learner reads this at the moment something is wrong, so it is short: one line a check, with a word and not only a
colour for its state, and under a failed one what was given, what came out, what was expected and where to look. The
text is deterministic (no times, no addresses), so that a stored notebook can be compared. It never says that all is
well: it says how many of how many checks passed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html import escape

from minisys.testbed import style

MARKS = {"passed": "✓", "failed": "✗", "not started": "○", "not run": "–"}
LAB_CSS = """
.ms-card.ms-report ul.ms-checks.ms-checks { list-style: none; margin: 0 0 8px; padding: 0; }
.ms-card.ms-report .ms-checks.ms-checks dl dt { float: none; width: auto; margin: 0; padding: 0; font-weight: 400; }
.ms-card.ms-report .ms-checks.ms-checks dl dd { float: none; width: auto; margin: 0; padding: 0; }
"""  # without these JupyterLab's own rules for lists win: bullets, and terms a fifth of the line wide
PRINTED = 12  # lines of the learner's own prints that are shown


@dataclass(frozen=True)
class Outcome:
    """One check's result: *state* is a key of MARKS, *facts* the lines below it (empty ones are left out)."""

    title: str
    state: str
    facts: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[tuple[str, str]]:
        """The facts there are, in order."""
        return [(name, text) for name, text in self.facts.items() if text]


class Shown:
    """Something with a text and an HTML form; Jupyter picks what it can show."""

    def text(self) -> str:
        """The plain text form."""
        raise NotImplementedError

    def html(self) -> str:
        """The HTML form, without the style sheet."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": f"<style>{style.css()}{LAB_CSS}</style>{self.html()}"}


@dataclass(frozen=True, repr=False)
class Report(Shown):
    """The result of one task: its outcomes, and what the learner's code *printed* meanwhile.

    *notice* is a line about the progress file, empty when the points were kept there.
    """

    lab: str
    task: int
    title: str
    outcomes: tuple[Outcome, ...]
    printed: str = ""
    notice: str = ""

    def with_notice(self, notice: str) -> Report:
        """The same report with a line about the progress file."""
        return replace(self, notice=notice)

    @property
    def passed(self) -> int:
        """How many checks passed."""
        return sum(outcome.state == "passed" for outcome in self.outcomes)

    @property
    def started(self) -> bool:
        """False while the answer is still the stub."""
        return any(outcome.state != "not started" for outcome in self.outcomes)

    @property
    def complete(self) -> bool:
        """True when every check was run and passed."""
        return self.passed == len(self.outcomes)

    @property
    def name(self) -> str:
        """Lab, task and its title."""
        return f"Lab {self.lab}, task {self.task} · {self.title}"

    def headline(self) -> str:
        """One line: the task, and how many of how many checks passed, failed or were not run."""
        if not self.started:
            return f"{self.name}: not started ({len(self.outcomes)} checks wait)"
        counts = [f"passed {self.passed} of {len(self.outcomes)} checks"]
        for state in ("failed", "not started", "not run"):
            number = sum(outcome.state == state for outcome in self.outcomes)
            counts += [f"{number} {state}"] if number else []
        return f"{self.name}: {', '.join(counts)}"

    def last_line(self) -> str:
        """What became of the points."""
        if not self.started:
            return "Write your answer where the cell says NotImplementedError, run it, then run this cell again."
        return f"{self.passed} of {len(self.outcomes)} points. {self.notice}".strip()

    def text(self) -> str:
        lines = [self.headline()]
        for outcome in self.outcomes:
            lines.append(f"  {MARKS[outcome.state]} {outcome.state}: {outcome.title}")
            lines += [f"      {name:<9} {text}" for name, text in outcome.lines()]
        if self.printed:
            lines += ["  your code printed:", *(f"      {line}" for line in self._printed())]
        return "\n".join([*lines, self.last_line()])

    def html(self) -> str:
        items = "".join(_item(outcome) for outcome in self.outcomes)
        lines = escape("\n".join(self._printed()))
        printed = f"<p>Your code printed:</p><pre>{lines}</pre>" if self.printed else ""
        return (
            f'<section class="ms-card ms-report"><p class="ms-title">{_said(self.headline())}</p>'
            f'<ul class="ms-checks">{items}</ul>{printed}<p>{escape(self.last_line())}</p></section>'
        )

    def _printed(self) -> list[str]:
        lines = self.printed.splitlines()
        left_out = len(lines) - PRINTED
        return lines[:PRINTED] + ([f"… and {left_out} more lines"] if left_out > 0 else [])


@dataclass(frozen=True, repr=False)
class Overview(Shown):
    """A lab at a glance: rows of (task, title, checks passed or None when never tried, checks there are)."""

    lab: str
    rows: tuple[tuple[int, str, int | None, int], ...]

    def headline(self) -> str:
        """Checks passed of all checks in the lab, and how many tasks were never tried."""
        got = sum(passed or 0 for _, _, passed, _ in self.rows)
        untried = sum(passed is None for _, _, passed, _ in self.rows)
        tail = f"; {untried} of {len(self.rows)} tasks not tried yet" if untried else ""
        return f"Lab {self.lab}: passed {got} of {sum(row[3] for row in self.rows)} checks{tail}"

    def text(self) -> str:
        lines = (f"  {task}  {title}: {_of(passed, checks)}" for task, title, passed, checks in self.rows)
        return "\n".join([self.headline(), *lines])

    def html(self) -> str:
        rows = "".join(
            f'<tr><th scope="row">{task}</th><td>{escape(title)}</td><td>{escape(_of(passed, checks))}</td></tr>'
            for task, title, passed, checks in self.rows
        )
        head = '<tr><th scope="col">task</th><th scope="col">what</th><th scope="col">checks passed</th></tr>'
        return (
            f'<section class="ms-card ms-report"><table class="ms-table"><caption>{escape(self.headline())}</caption>'
            f"<thead>{head}</thead><tbody>{rows}</tbody></table></section>"
        )


def _of(passed: int | None, checks: int) -> str:
    return f"not tried (0 of {checks})" if passed is None else f"{passed} of {checks}"


def _said(text: str) -> str:
    """*text* as HTML, `names in backticks` as code."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escape(text))


def _item(outcome: Outcome) -> str:
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{_said(text)}</dd>" for name, text in outcome.lines())
    mark = f'<span aria-hidden="true">{MARKS[outcome.state]}</span> {outcome.state}'
    state = outcome.state.replace(" ", "-")
    body = f"<dl>{facts}</dl>" if facts else ""
    return f'<li class="ms-{state}"><strong>{mark}</strong>: {escape(outcome.title)}{body}</li>'
