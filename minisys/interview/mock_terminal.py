"""A mock interview in a terminal: `minisys mock`.

Promised: the same interview as in the page, kept in the same progress file, so that it can be begun here and finished
there; Ctrl-C or the end of the input pauses it. Each line you type is said; a line that begins with a slash is a
command: /next, /design FILE (without a file your $EDITOR opens), /pause, /help. Not done: pictures; the text is the
design.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from minisys.grading.progress import Progress
from minisys.interview import mock_machine, mock_report
from minisys.interview.interviewer import Interviewer, all_cases, mocks
from minisys.interview.mock_machine import Case
from minisys.interview.mock_report import clock
from minisys.interview.rubric import DIMENSIONS
from minisys.interview.terminal import Ask, written
from minisys.testbed.units import UnclearError

HELP = "Type what you say. /next goes on, after the last phase to the score and the report; /design [FILE] draws and "
HELP += "runs, /pause stops the clock, /help says this."
EDITOR = "Your $EDITOR opens: save and leave it to run (vim: Esc, then :wq). `/design FILE` reads a file instead."


def run(
    case: str = "", minutes: int = 45, *, cases: Mapping[str, Case] | None = None, console: Console | None = None,
    ask: Ask | None = None, machine: Any = mock_machine, now: Callable[[], float] = time.time,
) -> Interviewer:  # fmt: skip
    """Go on with the interview that is unfinished, or begin one on *case* (default: the first) of so many *minutes*.

    Returns it, finished or paused. Raises ValueError for an unknown case or length.
    """
    console, progress = console or Console(), Progress()
    talk = _talk(case, minutes, all_cases() if cases is None else cases, progress, machine, now)
    ask = ask or console.input
    shown = 0
    try:
        if talk.mock.paused:
            talk.resume()
        console.print(f"[bold]{escape(talk.case.title)}[/], {talk.mock.minutes} minutes. {escape(HELP)}")
        while not talk.mock.scoring and not talk.mock.done:
            shown = _tell(console, talk, shown)
            _turn(console, talk, ask(_prompt(talk)), now)
            if talk.mock.paused:
                return talk
        _score(console, talk, ask)
    except (EOFError, KeyboardInterrupt):
        if not (talk.mock.paused or talk.mock.scoring or talk.mock.done):
            talk.pause()
        console.print("\nPaused. `minisys mock` goes on from here, and so does the page.")
        return talk
    _finish(console, talk)
    return talk


def _talk(
    name: str, minutes: int, cases: Mapping[str, Case], progress: Progress, machine: Any, now: Callable[[], float]
) -> Interviewer:
    """The unfinished interview (on the case *name*, if given), or a new one."""
    if name and name not in cases:
        raise ValueError(f"no case {name!r}; there are {', '.join(cases)}")
    there = mocks(progress)
    left = [key for key, one in there.items() if not one.done and one.case in cases and name in ("", one.case)]
    if left:
        talk = Interviewer(left[-1], cases[there[left[-1]].case], progress, machine, now)
        talk.wake()
        return talk
    chosen = cases[name or next(iter(cases))]
    talk = Interviewer(f"{chosen.name}/{time.strftime('%Y%m%d-%H%M%S')}", chosen, progress, machine, now)
    talk.begin(minutes, seed=len(there))
    return talk


def _prompt(talk: Interviewer) -> str:
    mock = talk.mock
    at, until = clock(mock.elapsed_s(talk.now())), clock(mock.mark_s(mock.phase))
    return f"{at} of {mock.minutes}:00, {mock.phase_name} until {until} > "


def _tell(console: Console, talk: Interviewer, shown: int) -> int:
    """Print what was said since the line *shown*, but not what the candidate typed; the number of lines now."""
    new = [line for line in talk.mock.lines[shown:] if line.who != "candidate" or not shown]
    for (who, phase), some in groupby(new, key=lambda line: (line.who, line.phase)):
        said = "\n".join(line.text for line in some)  # what a run measured is one box, not one for each objective
        name = "interviewer" if who == "answer" else who
        console.print(Panel(escape(said), title=f"{name}, {phase}", title_align="left"))
    return len(talk.mock.lines)


def _turn(console: Console, talk: Interviewer, line: str, now: Callable[[], float]) -> None:
    """One line of the candidate; what cannot be done is said."""
    command, _, rest = line.strip().partition(" ")
    try:
        if command == "/next":
            talk.move_on()
        elif command == "/pause":
            talk.pause()
            console.print("Paused. `minisys mock` goes on from here.")
        elif command == "/design":
            if not rest:
                console.print(EDITOR)
            talk.draw(written(rest, talk.text() or talk.machine.starter(talk.case)))
        elif command.startswith("/"):
            console.print(escape(HELP))
        elif line.strip():
            talk.say(line)
    except (ValueError, UnclearError) as problem:
        console.print(f"[yellow]{escape(str(problem))}[/]")


def _score(console: Console, talk: Interviewer, ask: Ask) -> None:
    """Ask for the scorecard until it can be read."""
    if talk.mock.done:
        return
    console.print("Score yourself from 0 to 4. From 2 on quote your own words or your design's; below say what lacked.")
    for text in dict.fromkeys(talk.mock.evidence()):
        console.print(f"  [dim]·[/] {escape(text)}")
    card: dict[str, tuple[int, str]] = {}
    while not talk.mock.done:
        for name in DIMENSIONS:
            if name not in card:
                score = ask(f"{name} ({DIMENSIONS[name].weight}), score: ").strip()
                card[name] = (int(score) if score.isdecimal() else -1, ask("  evidence: "))
        try:
            talk.score(card)
        except ValueError as problem:
            console.print(f"[yellow]{escape(str(problem))}[/]")
            card.pop(str(problem).split(":")[0], None)


def _finish(console: Console, talk: Interviewer) -> None:
    found = mock_report.report(talk)
    console.print(found.text(), markup=False, highlight=False)
    page, pdf = found.save()
    console.print(f"Kept as {page}. {pdf or mock_report.NO_PRINTER}", markup=False, highlight=False, soft_wrap=True)
