"""Lab 08, task 2: when a message comes back, by hand.

The right moments are not written here: the chapter's broker is asked, second by second, with a clock set by hand. The
texts name the slip that leads to the number that came.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from minisys.grading.checks import Check, NotRun, Wrong
from minisys.grading.paper import Answer, given_number
from minisys.queues.attributes import ARN
from minisys.queues.broker import Broker
from minisys.queues.store import Store

NAMES = ("again", "shortened", "extended", "dead", "deaths", "late")
ASKED = {
    "again": "received at 0 with 60 s, its consumer died at 10",
    "shortened": "received at 0 with 60 s; at 15 changed to 10 s",
    "extended": "received at 0 with 30 s; at 20 and at 40 changed to 30 s; died at 45",
    "dead": "30 s, three receives allowed, each consumer dies, somebody always asks",
    "deaths": "the same: how many consumers received it?",
    "late": "received at 0 with 30 s by a consumer that needs 45 s; another, that needs 10 s, always asks: how often"
    " is the work done?",
}
UNITS = {name: "a count" if name in ("deaths", "late") else "seconds" for name in NAMES}
SLIPS: dict[str, dict[float, str]] = {
    "again": {
        10: "the queue does not notice a death; it only knows that nobody has deleted the message",
        70: "the time runs from the receive, not from the death",
    },
    "shortened": {
        60: "the change replaces the first timeout",
        70: "the change replaces the first timeout, it does not add to it",
        10: "the new timeout counts from the call, at 15, not from the receive",
        75: "the new timeout is 10 s, from the call",
    },
    "extended": {
        90: "the timeouts do not add up: the last one counts from its call",
        75: "nobody knows of the death; the last call was at 40",
        50: "there was another call, at 40",
        30: "each call sets it anew, from the call on",
    },
    "dead": {
        60: "at 60 it is received for the third time, and three are allowed",
        120: "three receives, at 0, 30 and 60; when would the fourth be?",
        0: "it must be received too often first",
    },
    "deaths": {
        4: "the fourth receive does not happen: then it is put aside",
        2: "three receives are allowed: it is put aside after the third",
        1: "each receive kills one",
    },
    "late": {
        1: "at 30 it is visible again, although the first still works",
        3: "the second has it from 30 to 40 and deletes it in time: then it is gone",
        0: "both do the work to its end; nobody dies",
    },
}


class Clock:
    """The chapter's broker with a queue of one message, sent at 0, and a clock that is set by hand."""

    def __init__(self, folder: str, hidden_s: int, receives: int | None = None) -> None:
        self.store = Store(folder, durable=False)
        self.broker, self.now, self.receipt = Broker(self.store), 0.0, ""
        attributes = {"VisibilityTimeout": str(hidden_s)}
        if receives:
            self("CreateQueue", QueueName="dead")
            target = {"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": receives}
            attributes["RedrivePolicy"] = json.dumps(target)
        self("CreateQueue", QueueName="q", Attributes=attributes)
        self("SendMessage", QueueUrl="q", MessageBody="order")

    def __call__(self, action: str, **parameters: Any) -> dict[str, Any]:
        return self.broker.call(action, parameters, self.now)

    def receives(self) -> bool:
        """Ask for the message, now."""
        found = self("ReceiveMessage", QueueUrl="q").get("Messages", [])
        self.receipt = found[0]["ReceiptHandle"] if found else self.receipt
        return bool(found)

    def change(self, at_s: float, hidden_s: int) -> None:
        """ChangeMessageVisibility by the holder, at *at_s*."""
        self.now = at_s
        self("ChangeMessageVisibility", QueueUrl="q", ReceiptHandle=self.receipt, VisibilityTimeout=hidden_s)

    def until(self, happens: Callable[[], Any]) -> float:
        """The next second at which *happens* is true."""
        while True:
            self.now += 1
            if happens():
                return self.now


def _back_s(folder: str, hidden_s: int, *changes: tuple[float, int]) -> float:
    clock = Clock(folder, hidden_s)
    clock.receives()
    for change in changes:
        clock.change(*change)
    back_s = clock.until(clock.receives)
    clock.store.close()
    return back_s


def _dead(folder: str) -> tuple[float, int]:
    """When it is put aside, and after how many receives."""
    clock = Clock(folder, 30, receives=3)
    deaths = int(clock.receives())

    def aside() -> bool:
        nonlocal deaths
        deaths += clock.receives()
        return bool(clock("ReceiveMessage", QueueUrl="dead"))

    dead_s = clock.until(aside)
    clock.store.close()
    return dead_s, deaths


def _late(folder: str) -> int:
    """How often the work is done: the slow consumer from 0 to 45, the quick one whenever it gets the message."""
    clock, done = Clock(folder, 30), 1
    clock.receives()
    clock.until(clock.receives)
    clock.now, done = clock.now + 10, done + 1
    clock("DeleteMessage", QueueUrl="q", ReceiptHandle=clock.receipt)
    for second in range(int(clock.now), 300):
        clock.now = second
        done += clock.receives()
    clock.store.close()
    return done


@lru_cache(maxsize=1)
def right() -> dict[str, float]:
    """The answers, asked of the broker."""
    with tempfile.TemporaryDirectory(prefix="minisys-clock-") as folder:
        again = _back_s(f"{folder}/1", 60)
        shortened = _back_s(f"{folder}/2", 60, (15, 10))
        extended = _back_s(f"{folder}/3", 30, (20, 30), (40, 30))
        dead, deaths = _dead(f"{folder}/4")
        late = _late(f"{folder}/5")
    return dict(zip(NAMES, (again, shortened, extended, dead, deaths, late), strict=True))


def six_numbers(answer: Answer) -> str:
    """Six numbers with the right names."""
    return ", ".join(f"{name} {given_number(name, answer, ASKED, UNITS):g}" for name in NAMES)


def one_number(name: str, answer: Answer) -> str:
    """The number called *name*; what is wrong with the dict itself is said once, by six_numbers."""
    try:
        came, expected = given_number(name, answer, ASKED, UNITS), right()[name]
    except Wrong:
        raise NotRun("there is no such number yet, see above") from None
    if came != expected:
        look = SLIPS[name].get(came, "draw a line of time: when was it received, when was the last call?")
        raise Wrong(f"{came:g}", given=ASKED[name], expected=f"{expected:g}", look=look)
    return f"{came:g}"


VISIBILITY = (
    Check("six numbers", six_numbers),
    *(Check(ASKED[name].split(":")[0].split(";")[0] + f" ({name})", partial(one_number, name)) for name in NAMES),
)
