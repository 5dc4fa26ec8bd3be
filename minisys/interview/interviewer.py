"""The interviewer: keeps a mock interview in the progress file, asks, and lets the machine look at your design.

Promised: every word, design and score is a row of the progress file as soon as it was given, so an interview goes on
after a restart where it was; the time in which the kernel was dead counts as a pause. Two pages on the same interview
see the same state. Not done: judging words; you score yourself, and evidence is what you said or drew; what was
measured stands beside it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from minisys.grading.progress import Entry, Progress
from minisys.interview import mock_machine
from minisys.interview.mock import BREAK, DRAW, FOLLOW_UPS, PHASES, Event, Mock, OutOfTurn, apply, replay
from minisys.interview.mock_machine import Case, Seen

KIND, CHAPTER = "mock", "15"
PROMPTS = dict(zip(PHASES, ("scope", "estimate", "interface", "high level", "deep dive", "wrap-up"), strict=True))
DECIDE = "The rest you decide: say aloud what you assume, and go on with it."
ALIVE_S = 30.0  # a page that lives says so at least as often


def all_cases() -> dict[str, Case]:
    """The cases there are, by name."""
    cases = import_module("minisys.design.cases")  # loads the simulation, which the rest of this room does not need
    return {name: cases.case(name) for name in cases.names()}


class Interviewer:
    """One interview, by *name* (its item in the progress file). *case* is its case, *now* a clock (s since 1970)."""

    def __init__(
        self,
        name: str,
        case: Case,
        progress: Progress,
        machine: Any = mock_machine,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name, self.case, self.progress, self.machine, self.now = name, case, progress, machine, now
        self.mock = Mock()
        self.seen: Seen | None = None  # the last design, as it was run
        self.load()

    def load(self) -> None:
        """Read what happened so far, here or in another kernel."""
        self.mock = replay(map(_event, self.progress.history(KIND, CHAPTER, self.name)))

    def _do(self, kind: str, **values: Any) -> None:
        """One event: tried first, then kept, then applied."""
        self.load()
        apply(self.mock, Event(self.now(), kind, values))
        told = {"kind": kind, "at_s": self.now(), "values": values}
        entry = self.progress.record(KIND, CHAPTER, self.name, detail=told)
        self.mock = apply(self.mock, _event(entry))

    def begin(self, minutes: int, seed: int = 0) -> None:
        """Begin it. Raises OutOfTurn if it has begun, or for a length that is none of mock.MINUTES."""
        brief = f"{self.case.title}. {self.case.brief.strip()}\n\n{self.case.prompts['scope']}"
        self._do("begin", case=self.case.name, minutes=minutes, seed=seed, asks=brief)

    def wake(self) -> None:
        """After a restart: take back the time in which nobody was there, and wait as paused."""
        if self.mock.since_s is None:
            return
        rows = self.progress.history(KIND, CHAPTER, self.name)
        last = max([_event(rows[-1]).at_s, float(self.draft().get("at_s", 0.0))])
        gap = self.now() - last
        if gap > ALIVE_S:
            self._do("pause", back_s=gap)

    def say(self, text: str) -> None:
        """What the candidate says; to a question while scoping comes what must hold, to a later one "you decide"."""
        answer = ""
        if text.rstrip().endswith("?"):
            facts = "; ".join(self.machine.wanted(self.case)) if not self.mock.phase else ""
            answer = f"{f'What must hold: {facts}. ' if facts else ''}{DECIDE}"
        self._do("say", text=text, answer=answer)

    def draw(self, text: str) -> Seen:
        """The candidate's design: read, run, kept. Raises ValueError with the line if it cannot be read."""
        if not DRAW <= self.mock.phase <= BREAK:
            apply(self.mock, Event(self.now(), "design"))  # says when it can be drawn
        changed, seed = self.changed, self.mock.seed
        seen = self.machine.look(self.case, text, seed, changed)
        found = [one for one in self.mock.findings if one.get("weakness")]  # all of them: one change may cure another
        after = [self.machine.after(self.case, text, seed, one, changed) for one in found]
        measured = [*seen.measured(), *map(_compared, found, after)]
        given = set(map(str.strip, self.machine.starter(self.case).splitlines()))
        own = [line.strip() for line in text.splitlines() if line.strip() and line.strip() not in given]
        self._do("design", text=text, own=own, measured=measured, passed=seen.passed, changed=changed, after=after)
        self.seen = seen
        return seen

    @property
    def changed(self) -> bool:
        """Whether the requirement has changed already."""
        return self.mock.phase >= BREAK

    def move_on(self) -> None:
        """To the next question: of the deep dive, or of the next phase."""
        mock = self.mock
        if mock.phase == BREAK and (not mock.findings or mock.is_new):  # what was cured is not asked about
            self._do("attack", findings=self._questions())
        if self.mock.phase == BREAK and self.mock.follow_up < len(self.mock.findings):
            self._do("next", asks=_asks(self.mock.findings[self.mock.follow_up]))
        elif mock.phase + 1 < len(PHASES):
            self._do("next", asks=self._prompt(mock.phase + 1))
            if self.mock.phase == BREAK and self.text():  # what stands on the screen is not out of date
                self.seen = self.machine.look(self.case, self.text(), self.mock.seed, True)
        else:
            self._do("next")

    def _prompt(self, phase: int) -> str:
        told = self.case.prompts[PROMPTS[PHASES[phase]]]
        if phase == DRAW and self.case.slice:
            return f"{told}\n\nHow much of it is run: {self.case.slice}"
        if phase != BREAK:
            return told
        change = self.case.change
        run = change.told(self.case.design())
        return f"Before we go deeper, something has changed. {change.says}\n\n{run}\n\n{told}"

    def _questions(self) -> list[dict[str, Any]]:
        """The follow-ups still to be asked: what the attack finds in the candidate's last design, then the case's."""
        text, asked = self.text(), self.mock.findings[: self.mock.follow_up]
        found = list(self.machine.weaknesses(self.case, text, self.mock.seed, True)) if text else []
        spare = [{"sentence": said} for said in (self.case.prompts["failures"], *self.case.follow_ups)]
        known = {_subject(one) for one in asked}
        return [one for one in (*found, *spare) if _subject(one) not in known][: FOLLOW_UPS - len(asked)]

    def text(self) -> str:
        """The last design that could be run, as text; empty before there is one."""
        return str(self.mock.designs[-1]["text"]) if self.mock.designs else ""

    def pause(self) -> None:
        """Stop the clock."""
        self._do("pause")

    def resume(self) -> None:
        """Go on."""
        self._do("resume")

    def score(self, card: Mapping[str, Any]) -> None:
        """Score each dimension: {dimension: (score, evidence)}. Raises OutOfTurn as rubric.checked() does."""
        self._do("score", card={name: list(row) for name, row in card.items()})

    def keep_draft(self, words: str, design: str) -> None:
        """What is being written, so that a restart loses no more than a few seconds; also a sign of life."""
        kept = {"at_s": self.now(), "words": words[:20_000], "design": design[:20_000]}
        self.progress.set_mark(f"mock {self.name}", json.dumps(kept))

    def draft(self) -> dict[str, Any]:
        """What was being written: {"at_s", "words", "design"}, or nothing."""
        found: dict[str, Any] = json.loads(self.progress.mark(f"mock {self.name}") or "{}")
        return found


def _event(entry: Entry) -> Event:
    return Event(float(entry.detail["at_s"]), str(entry.detail["kind"]), entry.detail["values"])


def _asks(finding: Mapping[str, Any]) -> str:
    if not finding.get("weakness"):
        return str(finding["sentence"])
    damage = f"damage {finding['damage']:.2g} (0: nobody notices, 1: all is lost)"
    shown = f"Plan: {finding['plan']}; seed {finding['seed']}; {damage}."
    beyond = "" if finding.get("promised", True) else " That is beyond what was promised; say whether it should be."
    return f"About “{finding['component']}” in your own design: {finding['sentence']}{beyond}\n\n{shown} What now?"


def _subject(finding: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a follow-up is about: a weakness of a component, or the words of a question."""
    return (finding["weakness"], finding["component"]) if finding.get("weakness") else (finding["sentence"],)


def _compared(finding: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    how = "cured" if now["cured"] else "still there"
    name = f"{finding['weakness']} of {finding['component']}"
    return f"{name}: damage {finding['damage']:.2g} before, {now['damage']:.2g} now: {how}"


def summary(progress: Progress) -> str:
    """One line on the interviews so far; empty before the first."""
    there = mocks(progress)
    done = [one for one in there.values() if one.done]
    if not there:
        return ""
    last = f", the last with {done[-1].points()[0]:g} of 100 points ({done[-1].points()[1]})" if done else ""
    left = len(there) - len(done)
    return f"Mock interviews: {len(done)} finished{last}{f', {left} unfinished' if left else ''}."


def mocks(progress: Progress) -> dict[str, Mock]:
    """Every interview in the progress file by name, the oldest first; one that cannot be replayed is left out."""
    events: dict[str, list[Event]] = {}
    for entry in progress.history(KIND, CHAPTER):
        events.setdefault(entry.item, []).append(_event(entry))
    found = {}
    for name, some in events.items():
        try:
            found[name] = replay(some)
        except (OutOfTurn, KeyError, TypeError):
            continue
    return found
