"""Lab 08, task 5: how long may the line be, and what becomes of those who find it full?

Orders that are accepted must be done within a deadline; producers are web servers that must not wait. The plan is
judged in the chapter's model on cases the learner has not seen, for latency, loss and the length of the line, and live:
the chapter's broker, producers that ask for the length of the line, consumers that work.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from minisys.grading.checks import Check, NotRun, Wrong
from minisys.queues import live
from minisys.queues.client import Client
from minisys.queues.delivered import REFUSED, SHED, Delivered
from minisys.queues.model import Plan, through_queue
from minisys.queues.policies import BACK_PRESSURE
from minisys.testbed.arrivals import FlashSale
from minisys.testbed.workload import Deterministic, workload

Answer = Callable[[int, float, float], Any]
CASES = ((4, 0.125, 2.0), (10, 0.5, 5.0), (1, 0.0625, 0.5), (3, 0.25, 0.75))  # exact in binary: nobody rounds wrongly
LIVE = (2, 0.0625, 0.625)
SALE_S, OFFERED_PER_S, SLACK = 3.0, 96, 3.0


def most(consumers: int, work_s: float, deadline_s: float) -> int:
    """The longest line with which the last in it is done in time."""
    return int(consumers * (deadline_s / work_s - 1))


def _plan(answer: Answer, case: tuple[int, float, float]) -> tuple[int, str]:
    """The learner's limit and pressure. Raises Wrong if they are none."""
    came = answer(*case)
    if not isinstance(came, tuple) or len(came) != 2 or came[1] not in BACK_PRESSURE:
        look = f"the pressure is one of {', '.join(map(repr, BACK_PRESSURE))}"
        raise Wrong(repr(came), given=_given(case), expected="(limit, pressure)", look=look)
    limit = came[0]
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        look = "whole messages: round down" if isinstance(limit, float) else ""
        raise Wrong(f"limit {limit!r}", given=_given(case), expected="a whole number from 1", look=look)
    return came


def _plans(answer: Answer) -> list[tuple[tuple[int, float, float], int, str]]:
    """Each case with its limit and pressure. Raises NotRun if one is none: is_a_plan says why, once."""
    try:
        return [(case, *_plan(answer, case)) for case in CASES]
    except Wrong:
        raise NotRun("needs a limit and a pressure, see above") from None


def _given(case: tuple[int, float, float]) -> str:
    consumers, work_s, deadline_s = case
    return f"{consumers} consumers, {work_s:g} s of work, {deadline_s:g} s until the deadline"


def play(limit: int, pressure: str, case: tuple[int, float, float], seed: int) -> Delivered:
    """A flash sale at four times the capacity in the chapter's model."""
    consumers, work_s, deadline_s = case
    can_per_s = consumers / work_s
    sale = FlashSale(0.5 * can_per_s, 4 * can_per_s, at_s=deadline_s, ramp_s=0.1, hold_s=3 * deadline_s)
    offered = workload(int(14 * can_per_s * deadline_s), arrivals=sale, work=Deterministic(work_s), seed=seed)
    return through_queue(offered, Plan(consumers, limit=limit, pressure=pressure))


def is_a_plan(answer: Answer) -> str:
    """A limit and a pressure for each case."""
    return ", ".join("{} {}".format(*_plan(answer, case)) for case in CASES)


def keeps_the_deadline(answer: Answer) -> str:
    """What was accepted and done was done in time; the line stays short."""
    for case, limit, pressure in _plans(answer):
        waits = play(limit, pressure, case, 81).wait_s.dropna()
        late = int((waits > case[2] + 1e-6).sum())
        if late:
            look = "the last of the line waits for limit / consumers rounds of work, and then it is worked on itself"
            if pressure == "block":
                look = "who is made to wait for room waits nevertheless: for the user the line outside counts, too"
            came = f"{late} of {len(waits)} done too late, the last after {waits.max():.2f} s"
            raise Wrong(came, given=f"{_given(case)}, limit {limit}, {pressure}", expected="none", look=look)
    return f"{len(CASES)} sales, all in time"


def loses_nothing(answer: Answer) -> str:
    """What was accepted is done; who cannot be served hears so at once."""
    for case, limit, pressure in _plans(answer):
        shed = play(limit, pressure, case, 82).count(SHED)
        if shed:
            look = "they heard 'accepted'. Shedding the oldest is for readings that grow old, not for orders"
            raise Wrong(f"{shed} accepted orders dropped", given=f"{_given(case)}, {pressure}", look=look)
    return "nobody was told 'accepted' in vain"


def refuses_no_more_than_needed(answer: Answer) -> str:
    """A line that is too short refuses orders that would have been done in time."""
    for case, limit, pressure in _plans(answer):
        came, best = (play(size, pressure, case, 83).count(REFUSED) for size in (limit, most(*case)))
        if came > best:
            look = f"a line of {limit} is worked off before the deadline; longer, and more are served"
            raise Wrong(f"{came} refused", given=f"{_given(case)}, limit {limit}", expected=f"{best}", look=look)
    return "refused as few as possible"


@dataclass
class Sale:
    """A live sale: what was accepted (number to moment), done (the same), refused, and the longest line seen."""

    accepted: dict[int, float] = field(default_factory=dict)
    done: dict[int, float] = field(default_factory=dict)
    refused: int = 0
    longest: int = 0


def sell(url: str, queue: str, limit: int) -> Sale:
    """One producer that looks at the line first, and the consumers of LIVE, for SALE_S and until the line is gone."""
    sale, over = Sale(), threading.Event()
    consumers = [threading.Thread(target=_consume, args=(url, queue, sale, over)) for _ in range(LIVE[0])]
    for each in consumers:
        each.start()
    try:
        _produce(url, queue, limit, sale)
        until = time.monotonic() + 10
        while len(sale.done) < len(sale.accepted) and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        over.set()
        for each in consumers:
            each.join()
    return sale


def _produce(url: str, queue: str, limit: int, sale: Sale) -> None:
    names = ["ApproximateNumberOfMessages"]
    started = time.monotonic()
    with Client(url) as ask:
        for number in range(int(SALE_S * OFFERED_PER_S)):
            time.sleep(max(0.0, started + number / OFFERED_PER_S - time.monotonic()))
            line = int(ask("GetQueueAttributes", QueueUrl=queue, AttributeNames=names)["Attributes"][names[0]])
            sale.longest = max(sale.longest, line)
            if line >= limit:
                sale.refused += 1
                continue
            sale.accepted[number] = time.monotonic()
            ask("SendMessage", QueueUrl=queue, MessageBody=json.dumps(number))


def _consume(url: str, queue: str, sale: Sale, over: threading.Event) -> None:
    with Client(url) as ask:
        while not over.is_set():
            for each in ask("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []):
                time.sleep(LIVE[1])
                ask("DeleteMessage", QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
                sale.done[json.loads(each["Body"])] = time.monotonic()


def holds_live(answer: Answer) -> str:
    """Three times what two consumers can do, on the chapter's broker."""
    limit, _ = _plan(answer, LIVE)
    with tempfile.TemporaryDirectory(prefix="minisys-broker-") as folder, live.broker(folder) as node:
        with Client(node.url) as ask:
            queue = ask("CreateQueue", QueueName="orders")["QueueUrl"]
        sale = sell(node.url, queue, limit)
    given = f"{OFFERED_PER_S} orders a second for {SALE_S:g} s, limit {limit}"
    lost = len(sale.accepted) - len(sale.done)
    if lost:
        raise Wrong(f"{lost} accepted orders were not done", given=given, expected="none")
    took = sorted(sale.done[number] - sale.accepted[number] for number in sale.accepted)
    slow_s = took[int(0.95 * (len(took) - 1))]
    if sale.longest > limit or slow_s > SLACK * LIVE[2]:
        came = f"a line of {sale.longest}, 95 of 100 within {slow_s:.2f} s"
        raise Wrong(came, given=given, expected=f"{limit} at most, and {SLACK * LIVE[2]:g} s on a busy machine")
    if not sale.refused:
        raise Wrong("nobody was refused", given=given, expected="at three times what can be done, most are")
    return f"the line never above {limit}, all that was accepted done in time"


PRESSURE = (
    Check("a limit and a pressure", is_a_plan),
    Check("latency: what is accepted is done in time", keeps_the_deadline, 30.0),
    Check("loss: what is accepted is done", loses_nothing, 30.0),
    Check("no order refused that could have been done", refuses_no_more_than_needed, 30.0, after_others=True),
    Check("live: on the chapter's broker", holds_live, 40.0, after_others=True),
)
