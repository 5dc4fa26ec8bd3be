"""Lab 08, task 6: a consumer whose effect happens exactly once, wherever it is killed.

The queue delivers at least once, so each message comes again when its consumer died before it acknowledged; and
producers send again, so the same order may come in two messages. What counts is the balance in the database at the end.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from random import Random
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_08.killing import Bench, Seen
from minisys.queues import live
from minisys.queues.client import Client

Consume = Callable[..., None]
TABLES = """
    CREATE TABLE account (name TEXT PRIMARY KEY, cents INTEGER NOT NULL);
    CREATE TABLE done (number TEXT PRIMARY KEY);
    INSERT INTO account VALUES ('ada', 0), ('bob', 0);
"""
CENTS, PAIRS, ORDERS = 500, 6, 24


def message(number: str, name: str = "ada", again: int = 0) -> list[Any]:
    """One delivery: the message and its receipt. *again*: the producer sent the order once more, as a new message."""
    identity = f"m-{number}-{again}"
    return [{"id": identity, "number": number, "account": name, "cents": CENTS}, identity]


def balance(bench: Bench, name: str = "ada") -> int:
    """Cents of the account, as others see them."""
    return int(bench.ask(f"SELECT cents FROM account WHERE name = '{name}'")[0][0])


def books_and_acknowledges(consume: Consume) -> str:
    """One message, nobody dies."""
    with Bench(consume, TABLES, wired="delete()") as bench:
        seen = bench.run([message("o1")])
        _refuse_problems(seen)
        if balance(bench) != CENTS:
            look = "others see only what was committed: db.commit(), or `with db:`"
            if not seen.left_open:
                look = "add message['cents'] to the account's cents"
            raise Wrong(f"{balance(bench)} cents", given=f"{CENTS} cents for ada", expected=f"{CENTS}", look=look)
        if balance(bench, "bob"):
            raise Wrong("bob was paid, too", given="a message for ada", look="UPDATE … WHERE name = ?")
        if len(seen.told) != 1:
            look = "call delete() once, at the end; a message that is not deleted comes again for ever"
            raise Wrong(f"{len(seen.told)} calls of delete()", given="one message", expected="one", look=look)
    return f"{CENTS} cents booked, one acknowledgement"


def _refuse_problems(seen: Seen) -> None:
    if seen.problems:
        raise Wrong(seen.problems[0], given="one message, nobody else there", expected="no error")


def once_for_each_order(consume: Consume) -> str:
    """The same delivery twice, the same order in two messages, another order of the same amount."""
    with Bench(consume, TABLES, wired="delete()") as bench:
        twice = [message("o1"), message("o1")]
        for what, calls, right, look in (
            ("one message, delivered twice", twice, 1, "has this order been booked already? Ask the table `done`"),
            (
                "the same order in two messages", [message("o1"), message("o1", again=1)], 1,
                "the producer sent it again under a new message id: remember message['number'], not message['id']",
            ),
            (
                "two orders of the same amount", [message("o1"), message("o2")], 2,
                "two orders may be alike in all but their number: both are to be booked",
            ),
        ):  # fmt: skip
            bench.fresh()
            seen = bench.run(calls)
            if seen.problems:
                expected = f"{right * CENTS} cents, {len(calls)} calls of delete()"
                known = "an order that was booked before is no failure: book nothing, and delete its message"
                raise Wrong(seen.problems[0], given=what, expected=expected, look=known)
            if balance(bench) != right * CENTS:
                raise Wrong(f"{balance(bench)} cents", given=what, expected=f"{right * CENTS}", look=look)
            if len(seen.told) != len(calls):
                look = "a message whose order was booked before must be deleted too, or it comes again for ever"
                raise Wrong(f"{len(seen.told)} calls of delete()", given=what, expected=f"{len(calls)}", look=look)
    return "each order once, each message acknowledged"


def _finish(bench: Bench, was: Seen, where: str) -> None:
    """After a death: what was not acknowledged is delivered again; then the order must have been booked once."""
    last = was
    if not was.told:
        last = bench.run([message("o1")])
    came = balance(bench)
    if came == CENTS and last.told:
        return
    look = "the message came again and was booked again: put the booking and the note in `done` into one transaction"
    if came < CENTS and was.told:
        look = "it was acknowledged before it was booked: nobody brings it again; delete() comes after the commit"
    elif came < CENTS:
        look = "the note in `done` was committed without the booking: both belong in one transaction"
    elif came == CENTS:
        look = "booked, but never acknowledged: also for an order that is done, delete() must be called"
    raise Wrong(f"{came} cents", given=f"killed {where}, delivered again", expected=f"{CENTS}", look=look)


def survives_every_moment(consume: Consume) -> str:
    """SIGKILL before each line and each statement."""
    with Bench(consume, TABLES, wired="delete()") as bench:
        moments = bench.run([message("o1")]).moments
        for moment in range(1, moments + 1):
            bench.fresh()
            seen = bench.run([message("o1")], kill_at=moment)
            _finish(bench, seen, seen.killed)
    return "killed at every moment, booked once each time"


def survives_two_deaths(consume: Consume) -> str:
    """The second consumer dies as well, somewhere else; some of all pairs."""
    with Bench(consume, TABLES, wired="delete()") as bench:
        moments, rng = bench.run([message("o1")]).moments, Random(8)
        for _ in range(PAIRS):
            bench.fresh()
            first = bench.run([message("o1")], kill_at=rng.randint(1, moments))
            if first.told:
                continue
            second = bench.run([message("o1")], kill_at=rng.randint(1, moments))
            _finish(bench, second, f"{first.killed}, then {second.killed}")
    return f"{PAIRS} pairs of deaths"


def survives_another_consumer(consume: Consume) -> str:
    """At each moment of ada's order a second consumer does the same one, at each of bob's another order of bob."""
    calls = [message("o1"), message("o2", "bob")]
    others = [message("o1"), message("o3", "bob")]
    with Bench(consume, TABLES, wired="delete()") as bench:
        moments = bench.run(calls[:1]).moments
        for moment in range(1, moments + 1):
            bench.fresh()
            seen = bench.run(calls, meanwhile_at=moment, meanwhile=[[other] for other in others])
            left = [call for call in (*calls, others[1]) if call[1] not in seen.receipts]
            if left:
                bench.run(left)
            _judge_meanwhile(bench, *(seen.meanwhile[:1] or [""]), *(seen.meanwhile[-1:] or [""]))
    return "a second consumer at every moment, with the same order or another: each booked once"


def _judge_meanwhile(bench: Bench, with_ada: str, with_bob: str) -> None:
    """One order of ada's and two of bob's must have been booked; the rest says where the second consumer came."""
    same, other = (f"a second consumer with {what}" for what in ("the same message", "another order of the account"))
    came, done = balance(bench), {number for (number,) in bench.ask("SELECT number FROM done")}
    if came > CENTS:
        look = "between your question and your booking somebody else booked: let the INSERT into `done` decide"
        raise Wrong(f"{came} cents", given=f"{same}, {with_ada}", expected=f"{CENTS}", look=look)
    lost = "acknowledged, but not booked: if the database refuses, let the error pass; the message comes again"
    if came < CENTS:
        raise Wrong(f"{came} cents", given=f"{same}, {with_ada}", expected=f"{CENTS}", look=lost)
    came = balance(bench, "bob")
    if came != 2 * CENTS:
        look = lost
        if {"o2", "o3"} <= done:
            look = "you wrote over what another consumer booked since you read: let the database add, cents = cents + ?"
        raise Wrong(f"{came} cents for two orders", given=f"{other}, {with_bob}", expected=f"{2 * CENTS}", look=look)


def survives_behind_the_broker(consume: Consume) -> str:
    """The chapter's broker, real consumers killed at moment after moment: every order of the queue once."""
    with (
        tempfile.TemporaryDirectory(prefix="minisys-broker-") as folder,
        live.broker(folder) as node,
        Client(node.url) as ask,
        Bench(consume, TABLES, wired="delete()") as bench,
    ):
        url = ask("CreateQueue", QueueName="orders", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
        for number in range(ORDERS):
            body = json.dumps(message(f"o{number}")[0])
            ask("SendMessage", QueueUrl=url, MessageBody=body)
        queue = {"broker": node.url, "queue": url, "most": 10}
        killed = sum(bool(bench.run([], kill_at=moment, **queue).killed) for moment in range(2, 60, 6))
        until = time.monotonic() + 15
        while balance(bench) < ORDERS * CENTS or _left(ask, url):
            if time.monotonic() > until:
                break
            if not bench.run([], **queue).calls:
                time.sleep(0.2)
        came, left = balance(bench), _left(ask, url)
        if came != ORDERS * CENTS or left:
            given = f"{ORDERS} orders, {killed} consumers killed"
            raise Wrong(f"{came} cents, {left} messages left", given=given, expected=f"{ORDERS * CENTS} cents, 0 left")
    return f"{ORDERS} orders booked once each, consumers killed all the while"


def _left(ask: Client, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(map(int, ask("GetQueueAttributes", QueueUrl=url, AttributeNames=names)["Attributes"].values()))


CONSUMER = (
    Check("one message is booked and acknowledged", books_and_acknowledges, 15.0),
    Check("each order once, however often it comes", once_for_each_order, 20.0, after_others=True),
    Check("SIGKILL at every line and statement", survives_every_moment, 90.0, after_others=True),
    Check("and at another one when it comes again", survives_two_deaths, 60.0, after_others=True),
    Check("a second consumer at every moment", survives_another_consumer, 60.0, after_others=True),
    Check("live: behind the chapter's broker", survives_behind_the_broker, 60.0, after_others=True),
)
