"""A flash sale in virtual time: straight into the database, or through a queue with consumers behind it.

At noon 500 orders a second come, for the database 100 are too many. Straight in, four of five customers see an error.
Through a queue everybody hears "accepted" at once, and the last parcel label is printed twenty minutes later. Which of
the two your customers want is not a technical question; what each costs, this says.

Promised: the decisions are those of policies.py, which the live broker asks too; every message ends in exactly one
state; one seed, one answer; without crashes a queue is a server with an endless line, request by request. Not modelled:
the broker's own capacity, and the network.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pandas as pd
import simpy
from simpy.events import Event

from minisys.queues import policies
from minisys.queues.delivered import COLUMNS, DEAD, DONE, EXPIRED, LOST, REFUSED, SHED, WAITING, Delivered
from minisys.testbed import simulation
from minisys.testbed.server import Alarm, Server
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload


@dataclass(frozen=True)
class Plan:
    """A queue and those who work it.

    consumers: how many, each with one message at a time. visibility_s: for how long a message out is hidden.
    max_receives: after so many it is a dead letter (None: never). delivery: one of policies.DELIVERIES. crash_share: of
    messages whose first consumer dies between its two steps, and is back restart_s later. poison_share: of messages
    whose work always fails at its end; poison_kills: and takes the consumer with it. ordered: the key is a group that
    keeps its order. limit and pressure: see policies.admit. patience_s: mean of the time (exponential) after which a
    message that still waits is of no use and is thrown away. Raises ValueError for numbers that make no sense.
    """

    consumers: int = 1
    visibility_s: float = policies.DEFAULT_VISIBILITY_S
    max_receives: int | None = None
    delivery: str = "at least once"
    crash_share: float = 0.0
    restart_s: float = 5.0
    poison_share: float = 0.0
    poison_kills: bool = False
    ordered: bool = False
    limit: int | None = None
    pressure: str = "reject"
    patience_s: float = math.inf

    def __post_init__(self) -> None:
        shares = 0 <= self.crash_share and 0 <= self.poison_share and self.crash_share + self.poison_share <= 1
        if self.consumers < 1 or not shares or not (self.restart_s >= 0 and self.patience_s > 0):
            raise ValueError(f"need consumers >= 1, shares from 0 to 1, restart_s >= 0 and patience_s > 0, got {self}")
        if self.max_receives is not None and self.max_receives < 1:
            raise ValueError(f"max_receives must be at least 1, or None, got {self.max_receives}")
        policies.visible_again_s(0.0, self.visibility_s)
        policies.effects(self.delivery)
        policies.admit(0, self.limit, self.pressure)


def straight(offered: Workload, workers: int, room: int | None = None, *, seed: int = 0) -> Trace:
    """What users of the database itself see: *workers* at a time, *room* may wait (None: all), others are refused."""
    return simulation.simulate(offered, lambda env, _: Server(env, "database", workers=workers, queue=room), seed=seed)


def through_queue(offered: Workload, plan: Plan, *, until_s: float | None = None) -> Delivered:
    """What becomes of *offered* as messages: luck decides which are poison and which meet a crash.

    The run ends when nothing happens any more, or at *until_s*. Raises ValueError if it might never end: poison, and
    work that takes longer than it is hidden, come back for ever, so they need a dead-letter queue or an end.
    """
    slow = plan.delivery == "at least once" and bool((offered.work_s >= plan.visibility_s).any())
    poisoned = plan.poison_share > 0 and plan.delivery != "at most once"
    if until_s is None and plan.max_receives is None and (slow or poisoned):
        what = "poison" if poisoned else f"work longer than visibility_s={plan.visibility_s:g}"
        raise ValueError(f"{what} comes back for ever without max_receives: give until_s")
    env = simpy.Environment()
    line = Line(env, plan)
    letters = [Letter(env, line, *row) for row in _columns(offered)]
    for letter in letters:
        letter.coming.set(letter.sent_s)
    for _ in range(plan.consumers):
        env.process(consumer(env, line, plan))
    env.run(until_s)
    sent = [letter for letter in letters if until_s is None or letter.sent_s < until_s]
    rows = [
        (each.sent_s, each.started_s, each.done_s, each.effects, each.receives, each.ended(), each.key) for each in sent
    ]
    return Delivered(pd.DataFrame(rows, columns=COLUMNS)).check()


def _columns(offered: Workload) -> Any:
    return zip(*(getattr(offered, name).tolist() for name in ("arrival_s", "work_s", "key", "luck")), strict=True)


class Letter:
    """A message on its way: what is given, and what became of it so far."""

    def __init__(self, env: simpy.Environment, line: Line, sent_s: float, work_s: float, key: int, luck: float) -> None:
        plan = line.plan
        self.sent_s, self.work_s, self.key = sent_s, work_s, key
        self.poison = luck < plan.poison_share
        self.crashes = plan.poison_share <= luck < plan.poison_share + plan.crash_share
        self.patience_s = math.inf if plan.patience_s == math.inf else -plan.patience_s * math.log(1 - luck)
        self.group = str(key) if plan.ordered else None
        self.started_s = self.done_s = math.nan
        self.effects = self.receives = 0
        self.visible_s, self.acknowledged, self.state = sent_s, False, ""
        self.coming, self.back = (
            Alarm(env, lambda _: line.put(self)), Alarm(env, lambda _: line.put_back(self)),
        )  # fmt: skip

    def ended(self) -> str:
        """Its state at the end of the run."""
        return self.state or ((DONE if self.effects else LOST) if self.acknowledged else WAITING)


class Line:
    """The queue: what is visible, who waits for work, which groups are busy."""

    def __init__(self, env: simpy.Environment, plan: Plan) -> None:
        self.env, self.plan = env, plan
        self.visible: deque[Letter] = deque()
        self.blocked: deque[Letter] = deque()  # their producers wait for room
        self.idle: deque[Event] = deque()
        self.busy: set[str] = set()

    def put(self, letter: Letter) -> None:
        """A new message, if there is room for it."""
        what = policies.admit(len(self.visible), self.plan.limit, self.plan.pressure)
        if what == policies.REFUSE:
            letter.state = REFUSED
            return
        if what == policies.WAIT:
            self.blocked.append(letter)
            return
        if what == policies.SHED_OLDEST:
            self.visible.popleft().state = SHED
        self.visible.append(letter)
        self._offer()

    def put_back(self, letter: Letter) -> None:
        """The timeout of a message that is out has ended, unless it was acknowledged or is in other hands."""
        if not letter.acknowledged and self.env.now >= letter.visible_s:
            self._free(letter)
            later = (n for n, other in enumerate(self.visible) if other.sent_s > letter.sent_s)
            place = next(later, len(self.visible)) if self.plan.ordered else len(self.visible)
            self.visible.insert(place, letter)
            self._offer()

    def take(self) -> Event:
        """An event that succeeds with the next message, which is then hidden."""
        event = Event(self.env)
        self.idle.append(event)
        self._offer()
        return event

    def acknowledge(self, letter: Letter, receive: int) -> None:
        """It is done; an old receipt changes nothing, and in an ordered queue neither does one whose time is over."""
        expired = self.plan.ordered and self.env.now >= letter.visible_s
        if letter.receives == receive and not expired:
            letter.acknowledged = True
            self._free(letter)
            self._offer()

    def _free(self, letter: Letter) -> None:
        if letter.group is not None:
            self.busy.discard(letter.group)

    def _offer(self) -> None:
        """Hand out what may be handed out to those who wait for work."""
        while self.idle and (letter := self._next()) is not None:
            now = self.env.now
            letter.receives += 1
            letter.started_s = now if math.isnan(letter.started_s) else letter.started_s
            letter.visible_s = policies.visible_again_s(now, self.plan.visibility_s)
            letter.back.set(letter.visible_s)
            if letter.group is not None:
                self.busy.add(letter.group)
            event = self.idle.popleft()
            event._ok, event._value = True, letter
            self.env.schedule(event)
            if self.blocked:
                self.visible.append(self.blocked.popleft())

    def _next(self) -> Letter | None:
        """The first that may go out; those of no use any more are put aside on the way."""
        while (letter := next(policies.in_order(self.visible, self.busy, 1), None)) is not None:
            self.visible.remove(letter)
            if letter.acknowledged:  # while it was visible again
                continue
            if policies.dead_letter(letter.receives, self.plan.max_receives):
                letter.state = DEAD
            elif self.env.now > letter.sent_s + letter.patience_s:
                letter.state = EXPIRED
            else:
                return letter
        return None


def consumer(env: simpy.Environment, line: Line, plan: Plan) -> Generator[Event, Any, None]:
    """One consumer: takes a message and does the steps of its delivery, unless it dies on the way."""
    while True:
        letter = yield line.take()
        receive, dies = letter.receives, letter.crashes and letter.receives == 1
        for step in policies.DELIVERIES[plan.delivery]:
            if step == policies.ACKNOWLEDGE:
                line.acknowledge(letter, receive)
            elif not (policies.RECORD in step and letter.effects):  # else it is known to be done
                yield env.timeout(letter.work_s)
                if letter.poison:
                    dies = plan.poison_kills
                    if dies:
                        yield env.timeout(plan.restart_s)
                    break
                if not (
                    policies.RECORD in step and letter.effects
                ):  # one transaction: who comes second changes nothing
                    letter.effects += 1
                    letter.done_s = env.now if letter.effects == 1 else letter.done_s
            if dies:
                yield env.timeout(plan.restart_s)
                break
