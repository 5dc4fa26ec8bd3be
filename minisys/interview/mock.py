"""A mock interview as a state machine: phases with time marks, a change in the middle, follow-ups, a score.

Forty-five minutes pass differently when somebody waits for the next word. The machine keeps the clock and the turns: it
says which phase it is and by when it should end, when the requirement changes, which weakness is asked about next, and
what may be scored. It is a pure function of what happened: `apply(mock, event)` gives the next state, and the same
events give the same state in every process. So an interview survives its kernel: replay the events and go on.

Promised: no clock, no files, no simulation in here; an event out of turn raises OutOfTurn and changes nothing; pauses
count for no phase. Not done: what the interviewer knows about the design; that is `interviewer`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from minisys.interview.rubric import PLAN, checked, verdict

MINUTES = (30, 45, 60)
PLANNED = sum(minutes for _, minutes, _ in PLAN)
PHASES = tuple(name for name, _, _ in PLAN)
DRAW, BREAK = PHASES.index("design"), PHASES.index("deep dive and failures")
FOLLOW_UPS = 3  # weaknesses that are asked about
LONGEST = 20_000  # characters of one answer or design


class OutOfTurn(ValueError):
    """Something that cannot be done in this phase; the message says what can."""


class Event(NamedTuple):
    """What happened *at_s* (seconds since 1970): a *kind* that apply() knows, and its values as JSON has them."""

    at_s: float
    kind: str
    values: Mapping[str, Any] = {}


class Line(NamedTuple):
    """One thing that was said: in which *phase*, by *who*, and what.

    *who*: "interviewer" (a prompt), "answer" (a word back from the interviewer), "candidate" or "machine".
    """

    phase: str
    who: str
    text: str


@dataclass(frozen=True)
class Mock:
    """The state of one interview; `replay()` makes it. Times in seconds, pauses left out.

    *phase* counts PHASES; len(PHASES) is scoring, one more is done. *follow_up* counts the questions of phase BREAK:
    0 is the change, 1 to FOLLOW_UPS the weaknesses. *spent_s*: what each phase took until *since_s*, when the clock
    was last read (None while paused).
    """

    case: str = ""
    minutes: int = PLANNED
    seed: int = 0
    phase: int = 0
    follow_up: int = 0
    spent_s: tuple[float, ...] = (0.0,) * len(PHASES)
    since_s: float | None = None
    lines: tuple[Line, ...] = ()
    designs: tuple[Mapping[str, Any], ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()
    attacked: int = 0  # designs there were when the weaknesses were looked for
    again: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    card: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def begun(self) -> bool:
        return bool(self.case)

    @property
    def paused(self) -> bool:
        return self.begun and self.since_s is None and not self.scoring and not self.done

    @property
    def scoring(self) -> bool:
        return self.phase == len(PHASES)

    @property
    def done(self) -> bool:
        return self.phase > len(PHASES)

    @property
    def phase_name(self) -> str:
        """The phase's name; "score" and "report" after the last one."""
        return (*PHASES, "score", "report")[self.phase]

    def planned_s(self, phase: int) -> float:
        """Seconds that are meant for a phase."""
        return 60.0 * PLAN[phase][1] * self.minutes / PLANNED

    def mark_s(self, phase: int) -> float:
        """The time on the interview's clock at which *phase* should end."""
        return sum(self.planned_s(i) for i in range(phase + 1))

    def elapsed_s(self, now_s: float) -> float:
        """The interview's clock: seconds so far, pauses left out."""
        running = max(0.0, now_s - self.since_s) if self.since_s is not None else 0.0
        return sum(self.spent_s) + running

    @property
    def is_new(self) -> bool:
        """Whether the design was changed after its weaknesses were looked for, and there are questions left."""
        return len(self.designs) > self.attacked and self.follow_up < len(self.findings)

    def findings_left(self) -> tuple[Mapping[str, Any], ...]:
        """The weaknesses that are still there: never cured, or no better in the last run."""
        return tuple(
            finding for i, finding in enumerate(self.findings) if not self.again.get(i, {}).get("cured", False)
        )

    def evidence(self) -> tuple[str, ...]:
        """What may be quoted: the candidate's own words, and of each design the lines that are not the starter's.

        What the machine measured is a fact, and nobody's answer: "p99: missed" would be quoted for any score.
        """
        said = [line.text for line in self.lines if line.who == "candidate"]
        return (*said, *(text for design in self.designs for text in design.get("own", ())))

    def points(self) -> tuple[float, str]:
        """Points of 100 and the verdict. Raises ValueError unless it was scored."""
        return verdict({name: score for name, (score, _) in self.card.items()})


def replay(events: Iterable[Event]) -> Mock:
    """The state after *events*, oldest first."""
    mock = Mock()
    for event in events:
        mock = apply(mock, event)
    return mock


def apply(mock: Mock, event: Event) -> Mock:
    """The state after one more *event*. Raises OutOfTurn if it cannot happen now; see STEPS for the kinds."""
    step = STEPS.get(event.kind)
    if step is None:
        raise OutOfTurn(f"an interview knows no {event.kind!r}; it knows {', '.join(STEPS)}")
    if mock.begun == (event.kind == "begin"):
        raise OutOfTurn("the interview has begun already" if mock.begun else "begin the interview first")
    if mock.done:
        raise OutOfTurn("the interview is over; read the report, or begin another one")
    if mock.paused and event.kind != "resume":
        raise OutOfTurn("the interview is paused; resume it first")
    values = dict(event.values)
    return step(_clocked(mock, event.at_s), event.at_s, values)


def _clocked(mock: Mock, now_s: float) -> Mock:
    """The time since the clock was last read, given to the phase it belongs to."""
    if mock.since_s is None or mock.phase >= len(PHASES):
        return mock
    spent = list(mock.spent_s)
    spent[mock.phase] += max(0.0, now_s - mock.since_s)  # a computer's clock may be set back
    return replace(mock, spent_s=tuple(spent), since_s=max(now_s, mock.since_s))


def _begin(mock: Mock, now_s: float, values: dict[str, Any]) -> Mock:
    if values.get("minutes") not in MINUTES:
        raise OutOfTurn(f"an interview takes {', '.join(map(str, MINUTES))} minutes, not {values.get('minutes')!r}")
    began = Mock(str(values["case"]), values["minutes"], int(values.get("seed", 0)), since_s=now_s)
    return _said(began, "interviewer", values.get("asks", ""))


def _say(mock: Mock, now_s: float, values: dict[str, Any]) -> Mock:
    text = str(values.get("text", "")).strip()
    if not text or len(text) > LONGEST:
        raise OutOfTurn(f"say something, in at most {LONGEST:,} characters")
    if mock.scoring:
        raise OutOfTurn("the time for words is over; score yourself")
    return _said(_said(mock, "candidate", text), "answer", str(values.get("answer", "")))


def _design(mock: Mock, now_s: float, values: dict[str, Any]) -> Mock:
    """A design was drawn and run; *values*: text, own (its lines that may be quoted), measured (lines), passed,
    and *after*: each weakness now.
    """
    if not DRAW <= mock.phase <= BREAK:
        raise OutOfTurn(f"the design is drawn in the phases {PHASES[DRAW]!r} and {PHASES[BREAK]!r}")
    drawn = replace(mock, designs=(*mock.designs, values))
    asked = [i for i, finding in enumerate(mock.findings) if finding.get("weakness")]
    drawn = replace(drawn, again={**mock.again, **dict(zip(asked, values.get("after", ()), strict=False))})
    for text in values.get("measured", ()):
        drawn = _said(drawn, "machine", text)
    return drawn


def _attack(mock: Mock, now_s: float, values: dict[str, Any]) -> Mock:
    """The weaknesses that were found in the last design, the most damaging first; what was asked about stays."""
    if mock.phase != BREAK or (mock.findings and not mock.is_new):
        raise OutOfTurn("a design is attacked once, in the deep dive")
    found = (*mock.findings[: mock.follow_up], *values.get("findings", ()))[:FOLLOW_UPS]
    again = {i: now for i, now in mock.again.items() if i < mock.follow_up}
    return replace(mock, findings=found, attacked=len(mock.designs), again=again)


def _next(mock: Mock, now_s: float, values: dict[str, Any]) -> Mock:
    """The next question: the next follow-up while there is one, otherwise the next phase."""
    if mock.scoring:
        raise OutOfTurn("score yourself, then the report comes")
    if mock.phase == BREAK and mock.follow_up < len(mock.findings):
        after = replace(mock, follow_up=mock.follow_up + 1)
    else:
        after = replace(mock, phase=mock.phase + 1)
    if after.scoring:
        after = replace(after, since_s=None)
    return _said(after, "interviewer", values.get("asks", ""))


def _pause(mock: Mock, now_s: float, values: dict[str, Any]) -> Mock:
    """Stop the clock; *back_s* seconds are taken back, for a kernel that died and could not say so in time."""
    if mock.scoring:
        raise OutOfTurn("the clock has stopped already")
    spent = list(mock.spent_s)
    spent[mock.phase] -= min(max(0.0, float(values.get("back_s", 0.0))), spent[mock.phase])
    return replace(mock, spent_s=tuple(spent), since_s=None)


def _resume(mock: Mock, now_s: float, values: dict[str, Any]) -> Mock:
    if not mock.paused:
        raise OutOfTurn("it is not paused")
    return replace(mock, since_s=now_s)


def _score(mock: Mock, now_s: float, values: dict[str, Any]) -> Mock:
    if not mock.scoring:
        raise OutOfTurn("the score comes after the last phase")
    try:
        card = checked(values.get("card", {}), mock.evidence())
    except ValueError as problem:
        raise OutOfTurn(str(problem)) from None
    return replace(mock, card=card, phase=mock.phase + 1)


def _said(mock: Mock, who: str, text: str) -> Mock:
    line = Line(mock.phase_name, who, text)
    return replace(mock, lines=(*mock.lines, line)) if text else mock


STEPS = {
    "begin": _begin, "say": _say, "design": _design, "attack": _attack, "next": _next, "pause": _pause,
    "resume": _resume, "score": _score,
}  # fmt: skip
