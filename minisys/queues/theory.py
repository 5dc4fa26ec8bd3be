"""Backlog, drain time and patience in closed form: how long is the line after a spike, and who goes home?

A shop that packs 100 orders a minute gets 500 a minute for ten minutes. The line is then 4,000 orders long, and if 80 a
minute come afterwards it takes 200 minutes to be gone: twenty times as long as the spike. No simulation is needed to
see that, and no queue makes it untrue; it only decides where the line stands.

Promised: each function names its source; tests hold them against a simulation. Not covered: line lengths of a few
messages, where chance matters more than rates (testbed.queueing has M/M/c).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spike:
    """*base_per_s* messages a second, and *peak_per_s* for *for_s* seconds; consumers take *capacity_per_s*.

    Raises ValueError unless 0 <= base < capacity and peak, for_s >= 0: a base at capacity never drains.
    """

    base_per_s: float
    peak_per_s: float
    for_s: float
    capacity_per_s: float

    def __post_init__(self) -> None:
        if not (0 <= self.base_per_s < self.capacity_per_s < math.inf and self.peak_per_s >= 0 and self.for_s >= 0):
            raise ValueError(f"need 0 <= base_per_s < capacity_per_s, peak_per_s >= 0 and for_s >= 0, got {self}")

    @property
    def backlog(self) -> float:
        """Messages in line when the spike ends: the longest line."""
        return max(0.0, (self.peak_per_s - self.capacity_per_s) * self.for_s)

    @property
    def drain_s(self) -> float:
        """Seconds from the end of the spike until the line is gone."""
        return self.backlog / (self.capacity_per_s - self.base_per_s)

    @property
    def longest_wait_s(self) -> float:
        """The wait of the message that comes last in the spike."""
        return self.backlog / self.capacity_per_s


def backlog(
    rates_per_s: Sequence[float], capacity_per_s: float, step_s: float = 1.0, start: float = 0.0
) -> list[float]:
    """The line at the end of each step of a fluid that arrives at *rates_per_s*: never below 0.

    Lindley's recursion with rates for counts. Raises ValueError for a negative rate, capacity or line, or no step.
    Source: Newell 1982, Applications of Queueing Theory, chapter 2.
    """
    if min([*rates_per_s, capacity_per_s, start]) < 0 or not step_s > 0:
        raise ValueError(f"rates, capacity and start must not be negative and step_s above 0, got {step_s}")
    line, seen = start, []
    for rate in rates_per_s:
        line = max(0.0, line + (rate - capacity_per_s) * step_s)
        seen.append(line)
    return seen


def capacity_to_drain(spike_backlog: float, base_per_s: float, within_s: float) -> float:
    """The messages a second that consumers must take for a line to be gone *within_s* seconds, while base goes on.

    Raises ValueError for a negative line or rate, or within_s of 0 or less.
    """
    if spike_backlog < 0 or base_per_s < 0 or not within_s > 0:
        raise ValueError(f"need a line and a rate >= 0 and within_s > 0, got {spike_backlog}, {base_per_s}, {within_s}")
    return base_per_s + spike_backlog / within_s


def lag_s(lag_records: float, consumed_per_s: float, produced_per_s: float = 0.0) -> float:
    """How long until a consumer that is *lag_records* behind has caught up, in seconds; infinite if it never does.

    The same 10,000 records are a second to one consumer and a day to another: alert on seconds. With produced_per_s 0
    it is the age of the work in hand if records came as fast as they are consumed. Raises ValueError if negative.
    """
    if min(lag_records, consumed_per_s, produced_per_s) < 0:
        raise ValueError(f"must not be negative: {lag_records}, {consumed_per_s}, {produced_per_s}")
    if lag_records == 0:
        return 0.0
    spare = consumed_per_s - produced_per_s
    return lag_records / spare if spare > 0 else math.inf


def batching_gain(batch: int, per_call_s: float, per_message_s: float) -> float:
    """How many times the throughput of single calls a batch gives, at a fixed cost a call and a cost a message.

    Never more than 1 + per_call_s / per_message_s. Raises ValueError for batch < 1 or costs that are not above 0.
    """
    if batch < 1 or per_call_s < 0 or not per_message_s > 0:
        raise ValueError(f"need batch >= 1, per_call_s >= 0, per_message_s > 0: {batch}, {per_call_s}, {per_message_s}")
    return batch * (per_call_s + per_message_s) / (per_call_s + batch * per_message_s)


def fill_wait_s(batch: int, rate_per_s: float) -> float:
    """What a message waits on average until a batch is full: the price of batching when few messages come.

    Raises ValueError for batch < 1 or a rate of 0 or less.
    """
    if batch < 1 or not rate_per_s > 0:
        raise ValueError(f"need batch >= 1 and rate_per_s > 0, got {batch} and {rate_per_s}")
    return (batch - 1) / (2 * rate_per_s)


@dataclass(frozen=True)
class Reneging:
    """M/M/c with impatient customers, in steady state: shares and means.

    wait_probability: who finds no free consumer; abandoned: share of all that leave unserved; wait_s: mean wait of all,
    those who leave counted; line: mean number waiting; utilisation: busy share of the consumers.
    """

    wait_probability: float
    abandoned: float
    wait_s: float
    line: float
    utilisation: float


def reneging(rate_per_s: float, service_s: float, consumers: int, patience_s: float) -> Reneging:
    """M/M/c+M ("Erlang A"): Poisson arrivals, exponential service, and an exponential patience of mean *patience_s*.

    It is steady under any load: those who leave make room for the rest. In balance what leaves the line unserved is
    line / patience_s, so abandoned = line / (patience_s * rate). Raises ValueError for numbers of 0 or less. Source:
    Palm 1946; Mandelbaum and Zeltyn 2007, Service Engineering in Action.
    """
    if not (rate_per_s > 0 and service_s > 0 and patience_s > 0) or consumers < 1:
        raise ValueError(f"need positive numbers, got {rate_per_s}, {service_s}, {consumers}, {patience_s}")
    chances = _birth_death(rate_per_s, service_s, consumers, patience_s)
    total = math.fsum(chances)
    waiting = math.fsum(chances[consumers:]) / total
    line = math.fsum((n - consumers) * chance for n, chance in enumerate(chances) if n > consumers) / total
    abandoned = line / patience_s / rate_per_s
    busy = rate_per_s * (1 - abandoned) * service_s / consumers
    return Reneging(waiting, abandoned, line / rate_per_s, line, busy)


def _birth_death(rate_per_s: float, service_s: float, consumers: int, patience_s: float) -> list[float]:
    """Relative chances of n messages in the system, scaled by the largest so far, until they no longer count."""
    chances, n, largest = [1.0], 0, 1.0
    while n <= consumers or chances[-1] > 1e-17 * largest:
        n += 1
        leave_per_s = min(n, consumers) / service_s + max(0, n - consumers) / patience_s
        chances.append(chances[-1] * rate_per_s / leave_per_s)
        largest = max(largest, chances[-1])
        if largest > 1e200:
            chances, largest = [chance / 1e200 for chance in chances], largest / 1e200
    return chances
