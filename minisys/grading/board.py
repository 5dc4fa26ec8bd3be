"""The progress board: what is done, and the one next step.

After a week away the reader opens the welcome page and asks "where was I?". The board lists the chapters that are in
the notebooks folder with what the progress file knows of each (predictions made, points in questions, lab checks
passed) and names the next step, with a link. Once questions were answered, their points stand below by family and
level. It shows only what was recorded; a chapter that was read without answering anything counts as not started.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from minisys.grading import checks
from minisys.grading.progress import Entry, Points, Progress, best_of
from minisys.grading.report import Shown
from minisys.interview import families, habits, repetition
from minisys.interview.habits import Habits
from minisys.interview.repetition import Queue

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
ENOUGH = 0.7
HEAD = ("chapter", "what", "predictions", "questions", "lab", "state")


@dataclass(frozen=True)
class Row:
    """One chapter: its number, file and title, how often the reader predicted, question points, lab checks.

    *lab* is None where there is no lab; *task* is the number of the first lab task that is not complete, or None.
    """

    chapter: str
    file: str
    title: str
    predictions: int
    questions: Points
    lab: Points | None
    task: int | None

    @property
    def state(self) -> str:
        """ "done", "started" or "not started".

        Done: every lab check passed; where there is no lab, ENOUGH of the points in the questions that were answered,
        after a prediction.
        """
        if self.lab and self.lab.got == self.lab.out_of:
            return "done"
        tried, asked = self.predictions or self.questions.out_of or (self.lab and self.lab.got), self.questions
        if not self.lab and self.predictions and (self.chapter == "00" or asked.got >= ENOUGH * asked.out_of > 0):
            return "done"
        return "started" if tried else "not started"

    def cells(self) -> tuple[str, ...]:
        """The row's texts in the order of HEAD."""
        asked, lab = self.questions, self.lab
        return (
            self.chapter,
            self.title,
            str(self.predictions),
            f"{round(asked.got, 1):g} of {asked.out_of:g} points" if asked.out_of else "none answered",
            f"{lab.got:g} of {lab.out_of:g} checks" if lab else "no lab",
            self.state,
        )


@dataclass(frozen=True, repr=False)
class Board(Shown):
    """The board as Jupyter shows it; `board()` makes one.

    *standing*: the points of questions by family and level; *queue*: what is due today; *habits*: streak, calibration;
    *mocks*: a line on the interviews.
    """

    rows: tuple[Row, ...]
    notice: str = ""
    standing: families.Standing = field(default_factory=dict)
    queue: Queue = Queue(())
    habits: Habits = Habits(0, 0, ())
    mocks: str = ""

    def next_step(self) -> tuple[str, str]:
        """What to do next, and the file it is in: first what was started, then the next chapter."""
        for row in self.rows:
            if row.state == "started":
                if row.task is not None and (row.questions.out_of or (row.lab and row.lab.got)):
                    return f"lab {row.chapter}, task {row.task}", f"../labs/{row.file}"
                return f"go on with chapter {row.chapter}: {row.title}", row.file
        for row in self.rows:
            if row.state == "not started":
                return f"open chapter {row.chapter}: {row.title}", row.file
        return "everything recorded here is done: go through the questions again", ""

    def headline(self) -> str:
        """One line for the whole course."""
        done = sum(row.state == "done" for row in self.rows)
        return f"{done} of {len(self.rows)} chapters done. Next step: {self.next_step()[0]}"

    def text(self) -> str:
        parts = [self.headline(), _aligned([HEAD, *(row.cells() for row in self.rows)])]
        if self.standing:
            parts.append(_aligned([families.HEAD, *families.rows(self.standing)]))
        if self.habits.sure:
            parts.append(_aligned([habits.HEAD, *self.habits.rows()]))
        parts += [self.habits.said(), self.mocks, self.queue.text() if self.standing else ""]
        return "\n".join(filter(None, [*parts, self.notice]))

    def html(self) -> str:
        step, file = self.next_step()
        link = f'<a href="{escape(file)}">{escape(step)}</a>' if file else escape(step)
        done = escape(self.headline().split(" Next step")[0])
        notice = f"<p>{escape(self.notice)}</p>" if self.notice else ""
        chapters = _table("Your progress, chapter by chapter", HEAD, [_html_row(row) for row in self.rows])
        return (
            f'<section class="ms-card ms-board"><p><strong>{done}</strong> Next step: {link}</p>'
            f"{chapters}{self._families()}{self._habits()}{notice}</section>"
        )

    def _families(self) -> str:
        if not self.standing:
            return ""
        rows = [
            f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
            for name, *cells in families.rows(self.standing)
        ]
        table = _table("Your points in questions, by family and level", families.HEAD, rows)
        return f"<p><strong>{escape(self.queue.text())}</strong></p>{table}"

    def _habits(self) -> str:
        rows = [
            f'<tr><th scope="row">{escape(word)}</th><td>{count}</td><td>{share}</td></tr>'
            for word, count, share in self.habits.rows()
        ]
        table = _table("How sure you were, and what it earned", habits.HEAD, rows) if rows else ""
        said = " ".join(filter(None, [self.habits.said(), self.mocks]))
        return f"{table}<p>{escape(said)}</p>" if said else table


def board(notebooks: str | os.PathLike[str] | None = None, progress: Progress | None = None) -> Board:
    """The progress board over the chapters in *notebooks* (default: the current folder if it holds some, else ours).

    *progress* is the file to read (default: the learner's). Raises ValueError if the folder holds no chapter.
    """
    folder = Path(notebooks) if notebooks is not None else Path.cwd() if len(_chapters(Path.cwd())) > 1 else NOTEBOOKS
    files = _chapters(folder)
    if not files:
        raise ValueError(f"no chapter (NN_topic.ipynb) in {folder}; open the course's own folder and try again")
    progress = progress or Progress()
    tried: dict[str, list[Entry]] = {}
    for entry in best_of(progress.history()):
        tried.setdefault(entry.chapter, []).append(entry)
    rows = tuple(_row(path, tried.get(path.name[:2], []), progress) for path in files)
    from minisys.interview import interviewer, own  # these load the bank and the design room

    due = repetition.queue(progress, known=own.known())
    return Board(
        rows, progress.notice, families.standing(progress), due, habits.habits(progress), interviewer.summary(progress)
    )


def _chapters(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[0-9][0-9]_*.ipynb"))


def _row(path: Path, tried: Sequence[Entry], progress: Progress) -> Row:
    """The row of the chapter in *path*, from the best entry of each item that was *tried* there."""
    chapter = path.name[:2]
    lab, task = None, None
    if chapter in checks.labs():
        sizes = checks.sizes(chapter, progress)
        passed = {entry.item: int(entry.points) for entry in tried if entry.kind == "lab"}
        lab = Points(sum(passed.get(number, 0) for number in sizes), sum(sizes.values()))
        task = next((int(number) for number, of in sizes.items() if passed.get(number) != of), None)
    asked = [entry for entry in tried if entry.kind == "question"]
    points = Points(sum(entry.points for entry in asked), sum(entry.out_of for entry in asked))
    predictions = sum(entry.kind == "prediction" for entry in tried)
    return Row(chapter, path.name, _title(path), predictions, points, lab, task)


def _title(path: Path) -> str:
    """The notebook's first heading without its number; the file's name when it cannot be read."""
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        text = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        heading = re.search(r"^# +(.+)$", text, re.MULTILINE)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        heading = None
    name = heading.group(1) if heading else path.stem[3:].replace("_", " ").capitalize()
    return re.sub(r"^(Chapter )?\d\d?\W+", "", name)


def _html_row(row: Row) -> str:
    chapter, title, *rest = row.cells()
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in rest)
    link = f'<a href="{escape(row.file)}">{escape(title)}</a>'
    state = row.state.replace(" ", "-")
    return f'<tr class="ms-{state}"><th scope="row">{chapter}</th><td>{link}</td>{cells}</tr>'


def _table(caption: str, head: Sequence[str], rows: Sequence[str]) -> str:
    """An HTML table of *rows* that are HTML already."""
    names = "".join(f'<th scope="col">{name}</th>' for name in head)
    return (
        f'<table class="ms-table"><caption>{caption}</caption>'
        f"<thead><tr>{names}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells as columns of text."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
