"""How long to wait for an answer, and how the services below learn how long is left.

A page must be there within two seconds. It asks a service that asks a database, each with its own timeout of two
seconds. The user is gone when the database starts. Two rules help: a timeout is chosen by how many good answers it
would cut off, and one deadline travels with the request, so that nobody works for a user who has left.

Promised: arithmetic on times given as arguments. Not here: a clock, sockets, what to do after a timeout (retries.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DEADLINE = "x-deadline-s"  # request header: seconds left when the request was sent (as grpc-timeout does)


def from_percentile(latencies_s: Sequence[float], false_timeout_rate: float) -> float:
    """The shortest timeout in seconds that cuts off at most that share of the answers that would have come.

    *latencies_s*: seconds that good answers took, in any order. *false_timeout_rate*: share of them to give up on, 0 to
    1; 0.001 is the 99.9th percentile. Raises ValueError if the rate is outside 0 to 1, or if there are fewer latencies
    than 1 / rate: ten answers say nothing about one in a thousand. Source: Amazon Builders' Library, Brooker 2019.
    """
    if not 0 < false_timeout_rate < 1:
        raise ValueError(f"false_timeout_rate must be between 0 and 1, got {false_timeout_rate}")
    needed = math.ceil(1 / false_timeout_rate - 1e-9)
    if len(latencies_s) < needed:
        raise ValueError(f"a rate of {false_timeout_rate} needs {needed} latencies or more, got {len(latencies_s)}")
    too_slow = math.floor(false_timeout_rate * len(latencies_s) + 1e-9)  # 0.29 * 100 is 28.999999999999996
    return sorted(latencies_s)[len(latencies_s) - 1 - too_slow]


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment after which nobody wants the answer any more, the same for all services of one request.

    *at_s*: seconds on the clock of this process; infinity: no deadline. Clocks of two machines differ, so what travels
    in the header is the time left. The way there is not counted: the receiver's deadline is late by one network delay.
    Source: gRPC's deadlines and its header grpc-timeout.
    """

    at_s: float = math.inf

    def left_s(self, now_s: float) -> float:
        """Seconds until the deadline, 0 when it has passed."""
        return max(0.0, self.at_s - now_s)

    def passed(self, now_s: float) -> bool:
        """Whether it is too late to start or go on."""
        return now_s >= self.at_s

    def timeout_s(self, now_s: float, at_most_s: float = math.inf) -> float:
        """How long one call may take: *at_most_s*, or the time left if that is less."""
        return min(at_most_s, self.left_s(now_s))

    def header(self, now_s: float) -> str:
        """The text to send under DEADLINE: seconds left."""
        return f"{self.left_s(now_s):.6f}"

    @classmethod
    def from_header(cls, text: str | None, now_s: float) -> Deadline:
        """The deadline that came with a request; None: none was sent.

        Raises ValueError if *text* is no time of 0 s or more.
        """
        if text is None:
            return cls()
        left_s = float(text)
        if not left_s >= 0:
            raise ValueError(f"{DEADLINE} must be seconds left, 0 or more, got {text!r}")
        return cls(now_s + left_s)
