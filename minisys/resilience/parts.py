"""What model.py moves about: asks, the calls that they are tried with, and services with their waiting lines.

Promised: state only; who does what when is in model.py.
"""

from __future__ import annotations

import math
from collections import deque

from simpy.events import Event

from minisys.resilience.chain import Chain
from minisys.resilience.run import UNFINISHED
from minisys.testbed.simulation import Request


class Ask:
    """What somebody wants from a service: one or several tries of it. parent: the call that wants it, None: a user."""

    def __init__(self, hop: int, parent: Call | None, request: Request, deadline_s: float, done: Event | None) -> None:
        self.hop, self.parent, self.request, self.deadline_s, self.done = hop, parent, request, deadline_s, done
        self.tries, self.live, self.flying = 0, 0, 0  # live: the try that is waited for, 0: none
        self.waited_s = 0.0
        self.error: str | None = None  # of the last try, if it failed


class Call:
    """One call of a service."""

    def __init__(self, index: int, ask: Ask, draw: int, deadline_s: float, now: float) -> None:
        self.index, self.ask, self.attempt, self.draw, self.deadline_s = index, ask, ask.live, draw, deadline_s
        self.sent_s, self.arrived_s, self.began_s, self.ended_s, self.work_s = now, math.nan, math.nan, math.nan, 0.0
        self.fate, self.used, self.error = UNFINISHED, False, False


class Station:
    """One service while the simulation runs."""

    def __init__(self, chain: Chain, hop: int) -> None:
        service = chain.services[hop]
        self.workers, self.fails, self.busy, self.drawn = service.workers, service.fails, 0, 0
        self.line: deque[Call] = deque()
        self.protection = service.protection.start()
        self.concurrency = self.protection.concurrency

    def enter(self, call: Call, now: float) -> bool:
        """Whether *call* may come in."""
        if not self.protection.comes(len(self.line), call.ask.request.key, now):
            return False
        return self.concurrency is None or self.concurrency.enter()

    def leave(self, call: Call, ok: bool, now: float) -> None:
        """Give back *call*'s place."""
        if self.concurrency is not None:
            self.concurrency.leave(now - call.arrived_s, ok)
