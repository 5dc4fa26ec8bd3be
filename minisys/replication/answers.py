"""Clients that wait for an answer: until it comes, until something is the case, or until their patience ends.

A client has sent a write, the primary has been cut off, and no confirmation will come for minutes. The client's own
time-out would tell it nothing; so it is told in time, in words that do not claim to know what nobody knows.

Promised: every answer comes once; after *patience_s* seconds it is TIMEOUT. Not done here: what the answers are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from minisys.testbed import resp

Answer = asyncio.Future[bytes]
TIMEOUT = resp.error("TIMEOUT not acknowledged in time; nobody knows whether it will be carried out")


class Waiting:
    """Those who wait now; each has *patience_s* seconds."""

    def __init__(self, patience_s: float) -> None:
        self.loop, self.patience_s = asyncio.get_running_loop(), patience_s
        self._until: deque[tuple[float, Answer]] = deque()  # in the order of time, for all have the same patience
        self._conditions: list[tuple[Callable[[], bytes | None], Answer]] = []

    def answer(self) -> Answer:
        """A new answer to wait for."""
        made: Answer = self.loop.create_future()
        while self._until and self._until[0][1].done():
            self._until.popleft()
        self._until.append((self.loop.time() + self.patience_s, made))
        return made

    def when(self, condition: Callable[[], bytes | None]) -> Answer:
        """What *condition* returns as soon as it is not None."""
        self._conditions.append((condition, self.answer()))
        return self._conditions[-1][1]

    def within(self, seconds: float, condition: Callable[[], bytes | None], late: Callable[[], bytes]) -> Answer:
        """As `when`, with a patience of its own, and what *late* returns after that."""
        made: Answer = self.loop.create_future()
        self._conditions.append((condition, made))
        self.loop.call_later(seconds, lambda: settle(made, late()))
        return made

    def look(self) -> None:
        """Something has happened, or time has passed: see whom it concerns."""
        now = self.loop.time()
        while self._until and (self._until[0][0] <= now or self._until[0][1].done()):
            settle(self._until.popleft()[1], TIMEOUT)
        if self._conditions:
            for condition, answer in self._conditions:
                if not answer.done() and (reply := condition()) is not None:
                    settle(answer, reply)
            self._conditions = [one for one in self._conditions if not one[1].done()]

    def end(self) -> None:
        """Nothing more will happen."""
        for answer in [*(one[1] for one in self._until), *(one[1] for one in self._conditions)]:
            settle(answer, TIMEOUT)


def settle(answer: Answer, reply: bytes) -> None:
    """Give *answer* its value, if its time has not run out."""
    if not answer.done():
        answer.set_result(reply)
