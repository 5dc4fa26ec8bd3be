"""Lab 08, task 7: an outbox. No order without its message, no message without its order, wherever it is killed.

`place` writes the order; `relay`, another process, sends what is to be sent. Each is killed at every moment. What
counts is the database as others see it, and what the broker was told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_08.killing import Bench

Step = Callable[..., None]
TABLES = """
    CREATE TABLE orders (number TEXT PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents > 0));
    CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, number TEXT NOT NULL);
"""
NUMBERS = ["o9", "o10", "o2"]  # by their numbers, or as texts, they would come in another order
THREE = "INSERT INTO outbox (number) VALUES ('o9'), ('o10'), ('o2');"
LATE = "o11"


def _rows(bench: Bench) -> tuple[list[str], list[str]]:
    orders = [row[0] for row in bench.ask("SELECT number FROM orders ORDER BY number")]
    return orders, [row[0] for row in bench.ask("SELECT number FROM outbox ORDER BY seq")]


def _expect_pairs(bench: Bench, given: str, left_open: bool = False) -> None:
    """Each order has its message and each message its order."""
    orders, outbox = _rows(bench)
    if sorted(outbox) == orders:
        return
    look = "an order without its message: nobody downstream will ever hear of it; one transaction for both"
    if len(outbox) > len(orders):
        look = "a message without its order: the world hears of what never happened; one transaction for both"
        if left_open:
            look += ". What was refused stayed in the open transaction, and the next commit took it along: roll back"
    raise Wrong(f"orders {orders}, outbox {outbox}", given=given, expected="the same in both", look=look)


def places(place: Step, relay: Step) -> str:
    """An order and its message, for others to see; a refused order leaves neither."""
    with Bench(place, TABLES, wired="") as bench:
        seen = bench.run([["o1", 900, None], ["o2", 700, None]])
        if seen.problems:
            raise Wrong(seen.problems[0], given="place(db, 'o1', 900)", expected="no error")
        orders, outbox = _rows(bench)
        if orders != ["o1", "o2"] and seen.left_open:
            look = "others see only what was committed: db.commit(), or `with db:`"
            raise Wrong(f"orders {orders}", given="two orders", expected="both", look=look)
        if orders != ["o1", "o2"]:
            raise Wrong(f"orders {orders}", given="two orders", expected="both", look="INSERT INTO orders")
        _expect_pairs(bench, "two orders placed")
        _refuses(bench)
    return "two orders, two messages; what is refused leaves neither"


def _refuses(bench: Bench) -> None:
    """What the database refuses, each time followed by a good order on the same connection."""
    bad = {"o3": ["o3", -5, None], "o1": ["o1", 900, None]}
    good = [["o4", 800, None], ["o5", 600, None]]
    seen = bench.run([bad["o3"], good[0], bad["o1"], good[1]], one_connection=True)
    given = "o3 and o1 refused (-5 cents; o1 exists already), o4 and o5 placed after them on the same connection"
    _expect_pairs(bench, given, seen.left_open)
    orders = _rows(bench)[0]
    if orders != ["o1", "o2", "o4", "o5"]:
        look = "roll back what was refused, or the next order finds an open transaction: `with db:` does it"
        came = f"orders {orders}, {', '.join(seen.problems)}"
        raise Wrong(came, given=given, expected="o1, o2, o4, o5", look=look)


def placing_survives(place: Step, relay: Step) -> str:
    """Killed at every moment, placed again: both or neither, then both."""
    with Bench(place, TABLES, wired="") as bench:
        moments = bench.run([["o1", 900, None]]).moments
        for moment in range(1, moments + 1):
            bench.fresh()
            seen = bench.run([["o1", 900, None]], kill_at=moment)
            _expect_pairs(bench, f"place, killed {seen.killed}")
    return "killed at every moment: both or neither"


def _first_seen(told: list[Any]) -> list[str]:
    """The order in which numbers were sent first. Raises Wrong for what is no number of the outbox."""
    for each in told:
        if len(each) != 1 or each[0] not in (*NUMBERS, LATE):
            raise Wrong(f"send{tuple(each)!r}", expected="send('o9')", look="send takes the order's number, a text")
    return list(dict.fromkeys(each[0] for each in told))


def relays(place: Step, relay: Step) -> str:
    """Three messages: sent in order, and not once more."""
    with Bench(relay, TABLES + THREE, wired="send()") as bench:
        seen = bench.run([[None]])
        if seen.problems:
            raise Wrong(seen.problems[0], given="three messages in the outbox", expected="no error")
        came = _first_seen(seen.told)
        if came != NUMBERS:
            look = "send all there is"
            if sorted(came) == sorted(NUMBERS):
                look = "ORDER BY seq: what happened first is told first"
            raise Wrong(f"sent {came}", given=f"{', '.join(NUMBERS)} in the outbox", expected=f"{NUMBERS}", look=look)
        again = [each[0] for each in bench.run([[None]]).told]
        if again:
            look = "what was sent must leave the outbox: DELETE, and commit"
            raise Wrong(f"sent {again} again", given="a second relay()", expected="nothing", look=look)
    return "three sent in order, then nothing"


def relaying_goes_on(place: Step, relay: Step) -> str:
    """The broker does not answer at the first or second message, or somebody places an order: nothing is lost."""
    with Bench(relay, TABLES + THREE, wired="send()") as bench:
        for fails in (1, 2):
            bench.fresh()
            told = bench.run([[None]], fail_at=fails).told
            told += bench.run([[None]]).told
            given = f"send raised ConnectionError at {NUMBERS[fails - 1]}; then relay ran again"
            _expect_all(bench, _first_seen(told), given)
        bench.fresh()
        first = bench.run([[None]], placed=f"INSERT INTO outbox (number) VALUES ('{LATE}')")
        if first.placed:
            came = _first_seen(first.told + bench.run([[None]]).told)
            given = f"{LATE} was placed while the first was sent; then relay ran again"
            _expect_all(bench, came, given, [*NUMBERS, LATE])
    return "what could not be sent was sent later, in order"


def _expect_all(bench: Bench, came: list[str], given: str, expected: list[str] = NUMBERS) -> None:
    left, missing = _rows(bench)[1], set(expected) - set(came)
    look = "a message left the outbox before it was sent: send first, delete after"
    if missing == {LATE}:
        look = "it left the outbox unsent: delete what you sent, not what is there"
    if missing & set(left):
        look = "it still waits in the outbox: send all there is, from the oldest on"
    if sorted(came) == sorted(expected):
        look = "a later message was sent before an earlier one: stop at the first that fails"
    if came != expected:
        raise Wrong(f"sent {came}", given=given, expected=f"{expected}", look=look)


def relaying_survives(place: Step, relay: Step) -> str:
    """Killed at every moment and run again: each message at least once, in order."""
    two = NUMBERS[:2]
    with Bench(relay, TABLES + THREE + "DELETE FROM outbox WHERE number = 'o2';", wired="send()") as bench:
        moments = bench.run([[None]]).moments
        for moment in range(1, moments + 1):
            bench.fresh()
            seen = bench.run([[None]], kill_at=moment)
            told = seen.told + bench.run([[None]]).told
            _expect_all(bench, _first_seen(told), f"relay, killed {seen.killed}; then relay ran again", two)
            if bench.ask("SELECT * FROM outbox"):
                raise Wrong("messages left in the outbox", given="relay ran to its end", expected="none")
    return "killed at every moment: none lost, some sent twice, none left"


OUTBOX = (
    Check("an order and its message, or neither", places, 20.0),
    Check("place, killed at every line and statement", placing_survives, 60.0),
    Check("relay sends in order, once", relays, 20.0),
    Check("the broker does not answer", relaying_goes_on, 30.0),
    Check("relay, killed at every line and statement", relaying_survives, 90.0, after_others=True),
)
