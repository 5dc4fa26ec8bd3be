"""Playing a fault plan: each fault begins and ends at its moment, in virtual time and in real time alike.

The same plan is played in SimPy, on the virtual asyncio clock and against real processes. What differs is small: who
breaks things (an injector) and how one waits (a clock). So the order of events, the journal and the promise to put
everything back exist once, in a generator that says until when to wait.

    play(plan, injector, RealClock())                    # blocks until the plan is over
    play(plan, injector, SimClock(env))                  # at once; the log fills while the simulation runs
    await play_async(plan, injector)                     # in any event loop, the virtual one too

Promised: every fault that began is ended, last begun first, whatever stops the play: the plan's end, an exception, a
Ctrl-C at any moment or two of them; one end that fails does not keep the others from happening. Not promised here: the
death of this very process (healing.py).
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from minisys.chaos.plan import Fault, FaultPlan
from minisys.testbed import signals

Undo = Callable[[], None]
Steps = Generator[float, None, None]
"""Yields seconds after the start until which to wait; what it does, it does between."""


class Injector(Protocol):
    """Whoever can break something."""

    def begin(self, fault: Fault) -> Undo:
        """Break it, and return what puts it back. Raises ValueError for a kind or a target that it does not know."""
        ...


@dataclass(frozen=True)
class Entry:
    """A line of the log: *fault* did *what* ("begin", "end") *at_s*; *problem*: why that did not work, else ""."""

    at_s: float
    what: str
    fault: Fault
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For a journal in JSON."""
        return {"at_s": self.at_s, "what": self.what, "fault": self.fault.to_dict(), "problem": self.problem}


@dataclass
class Log:
    """What was played, in order."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def active(self) -> list[Fault]:
        """Faults that began and have not ended."""
        begun: list[Fault] = []
        for entry in self.entries:
            if entry.what == "begin" and not entry.problem:
                begun.append(entry.fault)
            elif entry.what == "end" and entry.fault in begun:
                begun.remove(entry.fault)
        return begun

    @property
    def problems(self) -> list[str]:
        """What did not work."""
        return [f"{e.fault.kind} on {e.fault.target}, {e.what}: {e.problem}" for e in self.entries if e.problem]


class Clock(Protocol):
    """How to wait: follows *steps*, and closes them if it is interrupted."""

    def follow(self, steps: Steps) -> None:
        """Run *steps* to their end (RealClock), or see to it that they run (SimClock)."""
        ...


class RealClock:
    """Waits on the wall clock; *stop* ends it early from another thread."""

    def __init__(self) -> None:
        self.stop = threading.Event()

    def follow(self, steps: Steps) -> None:
        """Block until the steps are over."""
        began = time.monotonic()
        try:
            for at_s in steps:
                if self.stop.wait(max(0.0, began + at_s - time.monotonic())):
                    break
        finally:
            steps.close()


class SimClock:
    """Waits in a SimPy environment *env*; the start is the moment of follow()."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def follow(self, steps: Steps) -> None:
        """Let a process of the environment follow the steps."""
        self.env.process(self._process(steps, self.env.now))

    def _process(self, steps: Steps, began: float) -> Iterator[Any]:
        try:
            for at_s in steps:
                yield self.env.timeout(max(0.0, began + at_s - self.env.now))
        finally:
            steps.close()


async def follow_async(steps: Steps) -> None:
    """Follow *steps* in the running event loop."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        for at_s in steps:
            await asyncio.sleep(max(0.0, began + at_s - loop.time()))
    finally:
        steps.close()


def play(plan: FaultPlan, injector: Injector, clock: Clock, until_s: float | None = None) -> Log:
    """Play *plan* with *injector* and return its log.

    until_s: when the play is over, in seconds after its start (default: with the last event). Faults that have no end
    last until then. Raises ValueError if such a fault would be over before it began.
    """
    log = Log()
    clock.follow(played(plan, injector, log, until_s))
    return log


async def play_async(plan: FaultPlan, injector: Injector, until_s: float | None = None) -> Log:
    """The same in the running event loop."""
    log = Log()
    await follow_async(played(plan, injector, log, until_s))
    return log


def played(plan: FaultPlan, injector: Injector, log: Log, until_s: float | None = None) -> Steps:
    """The steps of playing *plan*: what play() hands to a clock. An injector's error comes out after putting back."""
    over_s = plan.end_s if until_s is None else until_s
    if endless := [fault for fault in plan if math.isinf(fault.for_s) and fault.at_s >= over_s]:
        fault = endless[0]
        raise ValueError(
            f"{fault.kind!r} on {fault.target!r} begins at {fault.at_s:g} s and has no end, but the play is over at "
            f"{over_s:g} s; give the fault a for_s, or the play a later until_s"
        )
    undo: dict[Fault, Undo] = {}
    now_s = 0.0
    try:
        for event in plan.events():
            if event.at_s > over_s:
                break
            if event.at_s > now_s:
                yield event.at_s
                now_s = event.at_s
            with signals.deferred():  # Ctrl-C between a fault and the note of what ends it would leave the fault
                if event.what == "begin":
                    _begin(event.fault, injector, log, undo, now_s)
                else:
                    _end(event.fault, log, undo, now_s)
        if over_s > now_s:
            yield over_s
            now_s = over_s
    finally:
        with signals.deferred():
            for fault in reversed(list(undo)):
                _end(fault, log, undo, now_s)


def _begin(fault: Fault, injector: Injector, log: Log, undo: dict[Fault, Undo], now_s: float) -> None:
    try:
        undo[fault] = injector.begin(fault)
    except Exception as problem:
        log.entries.append(Entry(now_s, "begin", fault, f"{problem}"))
        raise
    log.entries.append(Entry(now_s, "begin", fault))


def _end(fault: Fault, log: Log, undo: dict[Fault, Undo], now_s: float) -> None:
    problem = ""
    try:
        undo.pop(fault)()
    except Exception as failed:  # the other faults must end all the same; the log has it
        problem = f"{type(failed).__name__}: {failed}"
    log.entries.append(Entry(now_s, "end", fault, problem))


class ByKind:
    """Several injectors as one: *injectors* maps kinds of faults to the one that knows them."""

    def __init__(self, injectors: Mapping[str, Injector]) -> None:
        self.injectors = dict(injectors)

    def begin(self, fault: Fault) -> Undo:
        """Let the one who knows the kind do it. Raises ValueError if nobody does."""
        if fault.kind not in self.injectors:
            raise ValueError(
                f"nobody here can do {fault.kind!r}; can be done: {', '.join(self.injectors) or 'nothing'}"
            )
        return self.injectors[fault.kind].begin(fault)


class DryRun:
    """Breaks nothing and remembers in *begun* what it would have broken."""

    def __init__(self) -> None:
        self.begun: list[Fault] = []

    def begin(self, fault: Fault) -> Undo:
        """Only note it."""
        self.begun.append(fault)
        return lambda: None
