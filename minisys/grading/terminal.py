"""The progress board in a terminal: `minisys progress`.

Promised: the same figures as on the welcome page, in tables as wide as the terminal. Not done: anything a board lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from minisys.grading import board
from minisys.interview import families, habits


def show(console: Console | None = None) -> None:
    """Print the board: chapters (their names before the colon), families, queue, calibration, streak."""
    console, shown = console or Console(), board.board()
    console.print(f"[bold]{shown.headline()}[/]", highlight=False)
    _print(console, "Chapter by chapter", board.HEAD, map(_short, shown.rows))
    if shown.standing:
        _print(console, "Points in questions", families.HEAD, families.rows(shown.standing))
        console.print(shown.queue.text(), highlight=False, markup=False)
    if shown.habits.sure:
        _print(console, "How sure you were", habits.HEAD, shown.habits.rows())
    for line in filter(None, (shown.habits.said(), shown.mocks, shown.notice)):
        console.print(line, highlight=False, markup=False)


def _short(row: board.Row) -> tuple[str, ...]:
    chapter, title, *rest = row.cells()
    return (chapter, title.split(":")[0], *rest)


def _print(console: Console, title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in head:
        table.add_column(name)
    for row in rows:
        table.add_row(*row)
    console.print(table)
