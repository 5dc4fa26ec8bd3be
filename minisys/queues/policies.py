"""What a queue decides: when a message comes back, who gets it, when to give up on it, and what to do when it is full.

A parcel lies in the hall. You carry it upstairs, and on the stairs the phone rings. Did you sign for it before or after
you carried it? Signed before, a fall on the stairs loses it; signed after, the courier rings a second time. Every queue
answers this question, and few say so.

Promised: decisions only. They are given the time, the randomness and what they may see; the model, the live broker and
the log all ask them here. Not here: storage, sockets, clocks. Which partition a consumer reads stands in assignment.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol, TypeVar

MAX_VISIBILITY_S = 43_200.0  # 12 hours, from the receive; extending does not start it anew (Amazon SQS)
DEFAULT_VISIBILITY_S = 30.0
DEDUPLICATION_S = 300.0  # a FIFO queue remembers what was sent for five minutes (Amazon SQS)

RECORD, WORK, ACKNOWLEDGE = "record", "work", "acknowledge"
DELIVERIES: dict[str, tuple[str, ...]] = {
    "at most once": (ACKNOWLEDGE, WORK),
    "at least once": (WORK, ACKNOWLEDGE),
    "effectively once": (WORK + " and " + RECORD, ACKNOWLEDGE),
}
ENQUEUE, WAIT, REFUSE, SHED_OLDEST = "enqueue", "wait", "refuse", "shed oldest"
NEW, RUNNING, DONE = "new", "running", "done"


class Grouped(Protocol):
    """A message that may belong to an ordered group (None: to none)."""

    @property
    def group(self) -> str | None: ...


Message = TypeVar("Message", bound=Grouped)
Consumer = TypeVar("Consumer")


def effects(delivery: str, crash_after: Sequence[int] = ()) -> int:
    """How often the work of one message takes effect, if its consumers die after *crash_after* steps.

    Entry k is the number of steps (0, 1 or 2) that the k-th attempt finishes before it dies; the attempt after the last
    entry lives. "Work and record" is one step because it must be: the effect and the note that it happened belong in
    one transaction (Richardson 2018, Microservices Patterns, section 3.3). Raises ValueError for an unknown delivery or
    a step there is not.
    """
    if delivery not in DELIVERIES:
        raise ValueError(f"delivery must be one of {', '.join(DELIVERIES)}, got {delivery!r}")
    steps, done, recorded, acknowledged = DELIVERIES[delivery], 0, False, False
    for finished in (*crash_after, len(steps)):
        if not 0 <= finished <= len(steps):
            raise ValueError(f"an attempt has {len(steps)} steps, so it cannot finish {finished}")
        for step in steps[:finished]:
            if step == ACKNOWLEDGE:
                acknowledged = True
            elif not recorded:
                done += 1
                recorded = RECORD in step
        if acknowledged:
            break  # the queue forgets it, whatever happened after
    return done


def visible_again_s(received_s: float, timeout_s: float = DEFAULT_VISIBILITY_S) -> float:
    """When a message received at *received_s* may be received again, unless it is deleted before.

    Raises ValueError unless 0 <= timeout_s <= 43,200 (12 hours). Source: Amazon SQS developer guide.
    """
    if not 0 <= timeout_s <= MAX_VISIBILITY_S:
        raise ValueError(f"a visibility timeout is 0 to {MAX_VISIBILITY_S:.0f} s, got {timeout_s}")
    return received_s + timeout_s


def changed_visible_s(received_s: float, now: float, timeout_s: float) -> float:
    """When the message may be received again after its holder asked, at *now*, for *timeout_s* more seconds.

    The new timeout counts from the call, not from the receive: 60 s at first, changed to 10 s after 15 s, ends at 25 s.
    Raises ValueError if it ends more than 12 hours after *received_s*. Source: as visible_again_s.
    """
    again_s = visible_again_s(now, timeout_s)
    if timeout_s and again_s > received_s + MAX_VISIBILITY_S:
        raise ValueError(
            f"Total VisibilityTimeout for the message is beyond the limit [{MAX_VISIBILITY_S:.0f} seconds]: "
            f"received {now - received_s:g} s ago, {timeout_s:g} s asked for"
        )
    return again_s


def extend_at_s(visible_s: float, timeout_s: float, share: float = 0.5) -> float:
    """When a consumer that still works should extend: with *share* of the timeout left, so that one call may fail.

    Raises ValueError unless 0 < share < 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, got {share}")
    return visible_s - share * timeout_s


def dead_letter(receive_count: int, max_receive_count: int | None) -> bool:
    """Whether a message received *receive_count* times goes to the dead-letter queue instead of out once more.

    None: there is no such queue, and it comes back for ever. Source: Amazon SQS, RedrivePolicy.
    """
    return max_receive_count is not None and receive_count >= max_receive_count


@dataclass(frozen=True)
class Backoff:
    """A failed message waits base_s, then *factor* times as long each time, up to cap_s; a share *jitter* is random.

    Raises ValueError for numbers that make no sense.
    """

    base_s: float = 1.0
    factor: float = 2.0
    cap_s: float = 900.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if not (self.base_s > 0 and self.factor >= 1 and self.cap_s >= self.base_s and 0 <= self.jitter <= 1):
            raise ValueError(f"need base_s > 0, factor >= 1, cap_s >= base_s and jitter 0 to 1, got {self}")

    def delay_s(self, receive_count: int, rng: Random) -> float:
        """Seconds until the next attempt after *receive_count* >= 1 of them."""
        power = min(receive_count - 1, math.log(self.cap_s / self.base_s, self.factor) + 1 if self.factor > 1 else 0)
        longest_s = min(self.cap_s, self.base_s * self.factor**power)
        return longest_s * (1 - self.jitter * rng.random())


def in_order(waiting: Iterable[Message], busy: set[str], limit: int) -> Iterator[Message]:
    """At most *limit* of the messages that wait (oldest first) whose group is not *busy*.

    A group is busy while one of its messages is out with a consumer: nothing passes it. Several of one group may go
    out together, in order. Messages without a group are never held back. Source: Amazon SQS FIFO delivery logic.
    """
    if limit < 1:
        return
    for message in waiting:
        if message.group is None or message.group not in busy:
            yield message
            limit -= 1
            if limit == 0:
                return


def dispatch(unacknowledged: Mapping[Consumer, int], prefetch: int) -> Consumer | None:
    """The consumer that a broker which pushes sends the next message to: the one that holds the fewest.

    None if each holds *prefetch* already: then the message waits in the queue, where another can still take it. The
    first in the mapping wins a tie. Source: RabbitMQ, consumer prefetch.
    """
    if prefetch < 1:
        raise ValueError(f"prefetch must be at least 1, got {prefetch}")
    free = [consumer for consumer, held in unacknowledged.items() if held < prefetch]
    return min(free, key=lambda consumer: unacknowledged[consumer], default=None)


def first_by_priority(waiting: Sequence[tuple[int, float]], now: float, ageing_s: float = math.inf) -> int:
    """The index of the next message among *waiting*, (priority, since when in seconds), 0 being the most urgent.

    After each *ageing_s* of waiting a message counts as one priority more urgent, so none starves (infinite: it may).
    The longest wait, then the first, wins a tie. Raises ValueError if nobody waits or ageing_s is not above 0.
    """
    if not waiting or not ageing_s > 0:
        raise ValueError(f"need somebody who waits and ageing_s > 0, got {len(waiting)} and {ageing_s}")
    return min(range(len(waiting)), key=lambda i: (waiting[i][0] - (now - waiting[i][1]) / ageing_s, waiting[i][1], i))


BACK_PRESSURE = {"block": WAIT, "reject": REFUSE, "shed oldest": SHED_OLDEST}


def admit(length: int, limit: int | None, pressure: str = "reject") -> str:
    """What happens to a message that finds *length* others in a queue for at most *limit* (None: no limit).

    "enqueue", or what *pressure* says of a full queue: "block" makes the producer "wait", "reject" is "refuse", "shed
    oldest" drops the one that has waited longest, which is the most likely to be of no use any more. Raises ValueError
    for an unknown pressure or a limit below 1.
    """
    if pressure not in BACK_PRESSURE or (limit is not None and limit < 1):
        raise ValueError(f"need a limit >= 1 and one of {', '.join(BACK_PRESSURE)}, got {limit} and {pressure!r}")
    return ENQUEUE if limit is None or length < limit else BACK_PRESSURE[pressure]


@dataclass
class Idempotency:
    """Which pieces of work were begun and done, by a key that the producer chose; forgotten *keep_s* after they began.

    lock_s: a piece that was begun and never finished may be begun again after so long: its worker is dead. In a real
    consumer `done` must be in the transaction that has the effect; this class is the decision, not the transaction.
    """

    keep_s: float = 86_400.0
    lock_s: float = 60.0
    began: dict[str, tuple[float, object]] = field(default_factory=dict)  # in order of beginning

    def begin(self, key: str, now: float) -> str:
        """ "new": do it; "running": somebody else does, come back later; "done": do nothing, the result is known."""
        for old in list(self.began):
            if self.began[old][0] + self.keep_s > now:
                break
            del self.began[old]
        since_s, result = self.began.get(key, (-math.inf, None))
        if result is not None:
            return DONE
        if now < since_s + self.lock_s:
            return RUNNING
        self.began.pop(key, None)
        self.began[key] = now, None
        return NEW

    def done(self, key: str, result: object = True) -> None:
        """The work of *key* has taken effect. Raises KeyError if it was never begun."""
        self.began[key] = self.began[key][0], result
