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
THREE = "INSERT INTO outbox (number) VALUES ('o1'), ('o2'), ('o3');"
NUMBERS = ["o1", "o2", "o3"]


def _rows(bench: Bench) -> tuple[list[str], list[str]]:
    orders = [row[0] for row in bench.ask("SELECT number FROM orders ORDER BY number")]
    return orders, [row[0] for row in bench.ask("SELECT number FROM outbox ORDER BY seq")]


def _expect_pairs(bench: Bench, given: str) -> None:
    """Each order has its message and each message its order."""
    orders, outbox = _rows(bench)
    if sorted(outbox) == orders:
        return
    look = "an order without its message: nobody downstream will ever hear of it; one transaction for both"
    if len(outbox) > len(orders):
        look = "a message without its order: the world hears of what never happened; one transaction for both"
    raise Wrong(f"orders {orders}, outbox {outbox}", given=given, expected="the same in both", look=look)


def places(place: Step, relay: Step) -> str:
    """An order and its message, for others to see; a refused order leaves neither."""
    with Bench(place, TABLES, wired=False) as bench:
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
        for bad, why in ((["o3", -5, None], "its cents are refused"), (["o1", 900, None], "o1 exists already")):
            bench.run([bad])
            _expect_pairs(bench, f"an order that the database refuses ({why})")
    return "two orders, two messages; what is refused leaves neither"


def placing_survives(place: Step, relay: Step) -> str:
    """Killed at every moment, placed again: both or neither, then both."""
    with Bench(place, TABLES, wired=False) as bench:
        moments = bench.run([["o1", 900, None]]).moments
        for moment in range(1, moments + 1):
            bench.fresh()
            seen = bench.run([["o1", 900, None]], kill_at=moment)
            _expect_pairs(bench, f"place, killed {seen.killed}")
    return "killed at every moment: both or neither"


def _first_seen(told: list[Any]) -> list[str]:
    """The order in which numbers were sent first. Raises Wrong for what is no number of the outbox."""
    for each in told:
        if len(each) != 1 or each[0] not in NUMBERS:
            raise Wrong(f"send{tuple(each)!r}", expected="send('o1')", look="send takes the order's number, a text")
    return list(dict.fromkeys(each[0] for each in told))


def relays(place: Step, relay: Step) -> str:
    """Three messages: sent in order, and not once more."""
    with Bench(relay, TABLES + THREE) as bench:
        seen = bench.run([[None]])
        if seen.problems:
            raise Wrong(seen.problems[0], given="three messages in the outbox", expected="no error")
        came = _first_seen(seen.told)
        if came != NUMBERS:
            look = "ORDER BY seq: what happened first is told first" if sorted(came) == NUMBERS else "send all there is"
            raise Wrong(f"sent {came}", given="o1, o2, o3 in the outbox", expected=f"{NUMBERS}", look=look)
        again = [each[0] for each in bench.run([[None]]).told]
        if again:
            look = "what was sent must leave the outbox: DELETE, and commit"
            raise Wrong(f"sent {again} again", given="a second relay()", expected="nothing", look=look)
    return "three sent in order, then nothing"


def relaying_goes_on(place: Step, relay: Step) -> str:
    """The broker does not answer at the first, second or third message: nothing is lost or out of order."""
    with Bench(relay, TABLES + THREE) as bench:
        for fails in (1, 2, 3):
            bench.fresh()
            told = bench.run([[None]], fail_at=fails).told
            told += bench.run([[None]]).told
            _expect_all(_first_seen(told), f"send raised ConnectionError at o{fails}; then relay ran again")
    return "what could not be sent was sent later, in order"


def _expect_all(came: list[str], given: str, expected: list[str] = NUMBERS) -> None:
    look = "a message left the outbox before it was sent: send first, delete after"
    if sorted(came) == expected:
        look = "a later message was sent before an earlier one: stop at the first that fails"
    if came != expected:
        raise Wrong(f"sent {came}", given=given, expected=f"{expected}", look=look)


def relaying_survives(place: Step, relay: Step) -> str:
    """Killed at every moment and run again: each message at least once, in order."""
    two = NUMBERS[:2]
    with Bench(relay, TABLES + THREE + "DELETE FROM outbox WHERE number = 'o3';") as bench:
        moments = bench.run([[None]]).moments
        for moment in range(1, moments + 1):
            bench.fresh()
            seen = bench.run([[None]], kill_at=moment)
            told = seen.told + bench.run([[None]]).told
            _expect_all(_first_seen(told), f"relay, killed {seen.killed}; then relay ran again", two)
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
