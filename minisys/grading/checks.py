"""Checks that teach: what was given, what came out, what was expected, where to look.

"Assertion failed" sends a learner to the solution; "given in flight [3, 0], your function chose backend 0, expected 1"
sends them back to their own line. `check("03", 2, answer)` runs every check of one lab task on the learner's object,
in the page, offline, under a time limit, and keeps the points. It promises to report each check it has: passed, failed,
not started, or not run with the reason; "passed n of m" counts them all. It does not sandbox: the learner's code
runs in the learner's own kernel.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import linecache
import sysconfig
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minisys.grading.progress import Progress, chapter_name
from minisys.grading.report import Outcome, Overview, Report
from minisys.grading.timelimit import TooLong, time_limit

NOT_THEIRS = (str(Path(__file__).resolve().parents[1]), sysconfig.get_paths()["stdlib"], "<frozen")
STOPPED = "an endless loop? Look for a `while` whose condition never changes, or a `for` that feeds its own list."
EARLIER = "waits until no check above fails"
SAME = "it fails as a check above does; once is enough"


class Wrong(AssertionError):  # noqa: N818 (a verdict, not an error of ours)
    """A check's verdict: *given* this input, this *came out*, that was *expected*; *look* says where to look next.

    Any of them may be empty, and is then left out of the report.
    """

    def __init__(self, came_out: object = "", *, given: object = "", expected: object = "", look: str = "") -> None:
        super().__init__(f"came out {came_out}, expected {expected}")
        self.facts = {"given": str(given), "came out": str(came_out), "expected": str(expected), "look": look}


class NotRun(Exception):  # noqa: N818
    """A check cannot be run here; the text says why and what would make it possible."""


@dataclass(frozen=True)
class Check:
    """One thing that is looked at: *title* is a sentence about a right answer, *run* takes the learner's objects.

    *run* returns a short line of what was seen (or None), or raises Wrong or NotRun. *limit_s* is its time limit in
    seconds. *after_others*: worth running only when no check above it fails (simulations, live runs).
    """

    title: str
    run: Callable[..., str | None]
    limit_s: float = 5.0
    after_others: bool = False


@dataclass(frozen=True)
class Task:
    """One lab task: its *number*, *title* and *checks*; each check is worth one point."""

    number: int
    title: str
    checks: tuple[Check, ...]


def check(lab: str | int, task: int, *answer: Any, progress: Progress | None = None) -> Report:
    """Run every check of *task* in *lab* on the learner's *answer* and keep the points; show the result in the page.

    *answer*: what the task's cell defines, mostly one function. *progress*: where the points go (default: the learner's
    file). Raises ValueError for an unknown lab or task, naming those there are.
    """
    chapter = chapter_name(lab)
    tasks = {each.number: each for each in tasks_of(chapter)}
    if task not in tasks:
        raise ValueError(f"lab {chapter} has no task {task!r}; its tasks are {', '.join(map(str, tasks))}")
    outcomes: list[Outcome] = []
    printed = _Printed()
    with contextlib.redirect_stdout(printed):
        for each in tasks[task].checks:
            outcomes.append(_once(_outcome(each, answer, outcomes), outcomes))
    report = Report(chapter, task, tasks[task].title, tuple(outcomes), printed.getvalue())
    return report.with_notice(_keep(progress or Progress(), report))


def overview(lab: str | int, progress: Progress | None = None) -> Overview:
    """Where the learner stands in *lab*: checks passed of all there are, task by task, tried or not."""
    chapter = chapter_name(lab)
    progress = progress or Progress()
    rows = []
    for task in tasks_of(chapter):
        best = progress.best("lab", chapter, task.number)
        rows.append((task.number, task.title, int(best.points) if best else None, len(task.checks)))
    return Overview(chapter, tuple(rows))


def sizes(lab: str | int, progress: Progress) -> dict[str, int]:
    """How many checks each task of *lab* has, by its number.

    Kept in the progress file until the lab's code changes: importing a lab takes its whole room along.
    """
    chapter = chapter_name(lab)
    files = sorted(Path(__file__).parent.glob(f"lab_{chapter}*/*.py")) or [Path(__file__)]
    version = [len(files), max(path.stat().st_mtime for path in files), str(files[0])]
    kept = json.loads(progress.mark(f"lab {chapter}") or "[[], {}]")
    if kept[0] != version:
        kept = [version, {str(task.number): len(task.checks) for task in tasks_of(chapter)}]
        progress.set_mark(f"lab {chapter}", json.dumps(kept))
    found: dict[str, int] = kept[1]
    return found


def tasks_of(lab: str | int) -> Sequence[Task]:
    """The tasks of a lab, from `minisys.grading.lab_NN`; raises ValueError for one that does not exist."""
    chapter = chapter_name(lab)
    if chapter not in labs():
        raise ValueError(f"there is no lab {chapter!r}; labs: {', '.join(labs())}")
    tasks: Sequence[Task] = importlib.import_module(f"minisys.grading.lab_{chapter}").TASKS
    return tasks


def labs() -> list[str]:
    """The chapters that have a lab, as two digits."""
    found = (path.stem.removeprefix("lab_") for path in Path(__file__).parent.glob("lab_[0-9][0-9]*"))
    return sorted(set(found))


def look_at(each: Check, *answer: Any) -> Outcome:
    """One check by itself, without points: for what is shown before a task is handed in."""
    return _outcome(each, answer, [])


def _outcome(each: Check, answer: tuple[Any, ...], before: Sequence[Outcome]) -> Outcome:
    """Run one check; whatever the learner's code does, the answer is an Outcome."""
    if any(outcome.state == "not started" for outcome in before):
        return Outcome(each.title, "not started")
    if any(outcome.facts.get("look") == STOPPED for outcome in before):
        return Outcome(each.title, "not run", {"because": "your code was stopped above; once is enough"})
    if each.after_others and any(outcome.state == "failed" for outcome in before):
        return Outcome(each.title, "not run", {"because": EARLIER})
    try:
        with time_limit(each.limit_s) as no_limit:
            seen = each.run(*answer)
        return Outcome(each.title, "passed", {"seen": seen or "", "note": no_limit})
    except Wrong as wrong:
        return Outcome(each.title, "failed", wrong.facts)
    except NotRun as reason:
        return Outcome(each.title, "not run", {"because": str(reason)})
    except NotImplementedError:
        return Outcome(each.title, "not started")
    except TooLong as problem:
        facts = {"came out": f"{problem}{_where(problem)}", "expected": "an answer", "look": STOPPED}
        return Outcome(each.title, "failed", facts)
    except Exception as problem:
        return Outcome(each.title, "failed", {"came out": f"{_line(problem)}{_where(problem)}"})


def _once(outcome: Outcome, before: Sequence[Outcome]) -> Outcome:
    """The outcome; if a check before it failed in the very same words, a short one that does not repeat them."""
    if outcome.state == "failed" and any(outcome.facts == each.facts for each in before if each.state == "failed"):
        return Outcome(outcome.title, "not run", {"because": SAME})
    return outcome


class _Printed(io.StringIO):
    """What the learner's code prints, up to a size: an endless loop may print too."""

    def write(self, text: str) -> int:
        if self.tell() < 10_000:
            super().write(text[:10_000])
        return len(text)


def _line(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {problem}".rstrip(": ")


def _where(problem: BaseException) -> str:
    """The learner's own line in which it happened: the last frame that is neither ours nor a library's."""
    for frame in reversed(traceback.extract_tb(problem.__traceback__)):
        text = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
        if text and not frame.filename.startswith(NOT_THEIRS) and "site-packages" not in frame.filename:
            return f", in {frame.name}, line {frame.lineno}: {text}"
    return ""


def _keep(progress: Progress, report: Report) -> str:
    """Record the points; a task that was not started leaves no row."""
    if not report.started:
        return ""
    states = {outcome.title: outcome.state for outcome in report.outcomes}
    progress.record("lab", report.lab, report.task, report.passed, len(report.outcomes), {"checks": states})
    return progress.notice
