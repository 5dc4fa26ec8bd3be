"""A chaos experiment: what we believe, how we put it to the test, when we stop, and that all is put back.

"Let us kill the cache and see" finds out little. Written down beforehand: "with the cache dead for ten seconds, 99 % of
orders still succeed; we stop at once if it is less than half" can be false, and then something was learnt.

    steady = Hypothesis("orders succeed", probe=success_ratio, holds=lambda ratio: ratio >= 0.99)
    journal = Experiment(steady, plan, abort=lambda: success_ratio() < 0.5).run(injector)

Promised: nothing is broken unless the hypothesis holds before; faults end and *rollback* runs, whatever happens: the
end, the abort condition, an exception, Ctrl-C. The journal is filled as it goes; hand one in to have it after a Ctrl-C.
Works in real time, in SimPy and on the virtual loop. Not promised: rollback after SIGKILL of this process; that is
healing.py's. Method after "Principles of Chaos Engineering" (principlesofchaos.org) and the Chaos Toolkit's journal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any

from minisys.chaos.inject import Clock, Entry, Injector, Log, RealClock, Steps, played
from minisys.chaos.plan import FaultPlan
from minisys.testbed import signals

STATUSES = ("running", "not started", "completed", "deviated", "aborted", "failed", "interrupted")


@dataclass(frozen=True)
class Hypothesis:
    """A steady state that can be measured: *name* says it, *probe* measures it, *holds* judges what was measured.

    measures: in words what the probe's value is, of which time, and its limit; for the report.
    """

    name: str
    probe: Callable[[], Any]
    holds: Callable[[Any], bool]
    measures: str = ""

    def check(self, at_s: float, when: str) -> Observation:
        """Measure and judge now; a probe that fails is a hypothesis that does not hold."""
        try:
            value = self.probe()
            return Observation(at_s, when, value, bool(self.holds(value)))
        except Exception as problem:  # a system that cannot even be asked is not in its steady state
            return Observation(at_s, when, f"{type(problem).__name__}: {problem}", False)


@dataclass(frozen=True)
class Observation:
    """The *value* that a probe gave *at_s*; *when*: "before", "during" or "after" the faults; *held*: as believed."""

    at_s: float
    when: str
    value: Any
    held: bool


@dataclass
class Journal:
    """What happened: *status* (one of STATUSES), observations, the log of faults, and why it ended as it did.

    measures: as in Hypothesis. stopped_s: when the abort condition was met, in seconds; None: it was not.
    """

    hypothesis: str
    plan: FaultPlan
    status: str = "running"
    why: str = ""
    observations: list[Observation] = field(default_factory=list)
    log: Log = field(default_factory=Log)
    rolled_back: bool = False
    measures: str = ""
    stopped_s: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the hypothesis stood the test, and everything was put back."""
        return self.status == "completed" and self.rolled_back

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "hypothesis": self.hypothesis, "status": self.status, "why": self.why, "rolled_back": self.rolled_back,
            "observations": [vars(one) for one in self.observations],
            "faults": [entry.to_dict() for entry in self.log.entries], "plan": self.plan.to_dict(),
        }  # fmt: skip

    def to_json(self) -> str:
        """All of it as JSON; a value that JSON does not know is written as text."""
        return json.dumps(self.to_dict(), indent=2, default=str)


@dataclass(frozen=True)
class Experiment:
    """An experiment on one *hypothesis*: it is checked, *plan* is played, it is checked again.

    abort: asked every *every_s* seconds meanwhile; True stops everything. rollback: called at the end, always.
    during: check the hypothesis every *every_s* seconds too; if it fails there, the experiment has deviated.
    settle_s: seconds between the last fault's end and the last check. until_s: as in inject.play.
    Raises ValueError unless every_s > 0 and settle_s >= 0.
    """

    hypothesis: Hypothesis
    plan: FaultPlan
    abort: Callable[[], bool] | None = None
    rollback: Callable[[], None] | None = None
    every_s: float = 0.1
    during: bool = False
    settle_s: float = 0.0
    until_s: float | None = None

    def __post_init__(self) -> None:
        if not self.every_s > 0 or not self.settle_s >= 0:
            raise ValueError(f"need every_s > 0 and settle_s >= 0 seconds, got {self.every_s} and {self.settle_s}")

    def run(self, injector: Injector, clock: Clock | None = None, journal: Journal | None = None) -> Journal:
        """Run it with *injector* on *clock* (default: the wall clock) and return the journal (a new one, or *journal*).

        On a SimClock it returns at once, and the journal is filled while the simulation runs. An error of the injector
        gives the status "failed"; KeyboardInterrupt is raised again after the rollback, as is SystemExit.
        """
        journal = journal or self.journal()
        (clock or RealClock()).follow(self.steps(injector, journal))
        return journal

    def journal(self) -> Journal:
        """An empty journal of this experiment."""
        return Journal(self.hypothesis.name, self.plan, measures=self.hypothesis.measures)

    def steps(self, injector: Injector, journal: Journal) -> Steps:
        """The whole experiment as steps for a clock; *journal* is filled meanwhile."""
        try:
            yield from self._method(injector, journal)
        except Exception as problem:
            journal.status, journal.why = "failed", f"{type(problem).__name__}: {problem}"
        except BaseException as stopped:  # Ctrl-C, or the clock was stopped (GeneratorExit)
            journal.status, journal.why = "interrupted", f"it was stopped from outside ({type(stopped).__name__})"
            raise
        finally:
            self._put_back(journal)

    def _method(self, injector: Injector, journal: Journal) -> Steps:
        before = self._check(journal, 0.0, "before")
        if not before.held:
            journal.status, journal.why = "not started", f"it did not hold before: {_said(before.value)}"
            return
        now_s = yield from self._broken(injector, journal)
        if journal.status != "running":
            return
        if self.settle_s:
            yield now_s + self.settle_s
        after = self._check(journal, now_s + self.settle_s, "after")
        bad = [one for one in journal.observations if not one.held]
        journal.status = "deviated" if bad else "completed"
        first = bad[0] if bad else after
        said = f"it did not hold {first.when} the faults" if bad else "it held"
        journal.why = f"{said}: {_said(first.value)}"

    def _broken(self, injector: Injector, journal: Journal) -> Generator[float, None, float]:
        """Play the plan, looking every now and then; returns when, in seconds, it was over."""
        plan = played(self.plan, injector, journal.log, self.until_s)
        now_s, next_look_s = 0.0, self.every_s
        looks = self.abort is not None or self.during
        try:
            for at_s in plan:
                while looks and next_look_s < at_s:
                    yield next_look_s
                    now_s, next_look_s = next_look_s, next_look_s + self.every_s
                    if self._stopped(journal, now_s):
                        return now_s
                yield at_s
                now_s = at_s
        finally:
            _close(plan, journal.log, now_s)
        return now_s

    def _stopped(self, journal: Journal, now_s: float) -> bool:
        if self.during:
            self._check(journal, now_s, "during")
        if self.abort is not None and self.abort():
            journal.status, journal.why = "aborted", f"the abort condition was met at {now_s:g} s"
            journal.stopped_s = now_s
            return True
        return False

    def _check(self, journal: Journal, at_s: float, when: str) -> Observation:
        journal.observations.append(self.hypothesis.check(at_s, when))
        return journal.observations[-1]

    def _put_back(self, journal: Journal) -> None:
        try:
            if self.rollback is not None:
                with signals.deferred():
                    self.rollback()
        except Exception as problem:
            journal.status, journal.why = "failed", f"rollback: {type(problem).__name__}: {problem}; was: {journal.why}"
            return
        journal.rolled_back = not journal.log.active and not any(e.what == "end" for e in _bad(journal.log))


def _close(plan: Steps, log: Log, now_s: float) -> None:
    """End a play that was stopped; what is put back then was put back *now_s*, which the play itself cannot know."""
    known = len(log.entries)
    plan.close()
    log.entries[known:] = [replace(entry, at_s=max(entry.at_s, now_s)) for entry in log.entries[known:]]


def _said(value: Any) -> Any:
    """A measured *value* for a sentence."""
    return round(value, 3) if isinstance(value, float) else value


def _bad(log: Log) -> list[Entry]:
    return [entry for entry in log.entries if entry.problem]
