"""The audit of the live shop's ledger: what was sold, to whom, and was it charged, once each.

"Nothing was lost" is what everybody believes until somebody counts. Three books are compared that no one program keeps:
the store's units, the bank's charges, and the receipts in the users' hands.

    found = audit(addresses, receipts)
    found.clean, found.sentence, found.table()

Promised: reads only, from the leaders; each rule has a count of what breaks it, and is clean only at 0. A number that
was drawn and never used (its user went away in between) is no fault; it is counted, and that unit stays unsold. Not
done: repairing anything.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import hiredis

from minisys.design import shop_ledger as ledger
from minisys.design.live_commands import Addresses
from minisys.queues.client import Client
from minisys.testbed.nodes import NodeFailed, ask
from minisys.testbed.resp_client import RespSocket

if TYPE_CHECKING:
    import pandas as pd

Receipt = tuple[str, int, int]
BATCH, BEYOND, PATIENCE_S = 500, 1_000, 10.0
RULES = {
    "oversold": "units beyond the stock",
    "sold_twice": "orders that have two units",
    "lost": "acknowledged orders that are not in the ledger, or have another unit",
    "charged_twice": "orders that the bank has charged more than once",
    "not_charged": "orders in the ledger that the bank has not charged",
    "wrong_amount": "charges of another sum than the price",
    "without_order": "charges of something that is no order",
}


@dataclass(frozen=True)
class Audit:
    """What was counted. stock, orders (units with an owner), unused (numbers drawn, no owner), receipts (different
    orders that users were told of), charges, cents, waiting (messages still in the queue); then the rules' breaches.
    """

    stock: int
    orders: int
    unused: int
    receipts: int
    charges: int
    cents: int
    waiting: int
    oversold: int
    sold_twice: int
    lost: int
    charged_twice: int
    not_charged: int
    wrong_amount: int
    without_order: int
    examples: tuple[str, ...] = ()

    @property
    def broken(self) -> list[str]:
        """A line for each rule that does not hold."""
        return [f"{getattr(self, name):,} {what}" for name, what in RULES.items() if getattr(self, name)]

    @property
    def clean(self) -> bool:
        """Whether all rules hold."""
        return not self.broken

    @property
    def sentence(self) -> str:
        """What an auditor would say."""
        if self.clean:
            return (
                f"Clean: of {self.stock:,} units {self.orders:,} are sold, each charged once; of {self.receipts:,} "
                f"confirmed to users none is missing."
            )
        shown = f" (such as {'; '.join(self.examples[:3])})" if self.examples else ""
        return f"Not clean: {'; '.join(self.broken)}{shown}."

    def table(self) -> pd.DataFrame:
        """Every rule with its count."""
        import pandas as pd

        rows = [(what, getattr(self, name)) for name, what in RULES.items()]
        return pd.DataFrame(rows, columns=["rule: there are no", "found"])

    def to_dict(self) -> dict[str, Any]:
        """For the page."""
        return {**vars(self), "clean": self.clean, "sentence": self.sentence}


@dataclass(frozen=True)
class Books:
    """What was read: drawn numbers by item, the owner of each (item, unit), the bank's (order, cents), the receipts.

    due: the orders that must be charged by now; None: all that have a unit.
    """

    drawn: dict[int, int]
    owners: dict[tuple[int, int], str]
    charges: Sequence[tuple[str, int]]
    receipts: Iterable[Receipt]
    stock: int
    waiting: int = 0
    due: Iterable[str] | None = None


def compare(books: Books) -> Audit:
    """The audit of *books*; nothing but counting."""
    owned = Counter(books.owners.values())
    charged = Counter(name for name, _ in books.charges)
    price = {name: ledger.cents(item) for (item, _), name in books.owners.items()}
    receipts = {name: (item, number) for name, item, number in books.receipts}
    wrong = {
        "oversold": [f"{item}:{number}" for item, number in books.owners if number > books.stock],
        "sold_twice": [name for name, count in owned.items() if count > 1],
        "lost": [name for name, place in receipts.items() if books.owners.get(place) != name],
        "charged_twice": [name for name, count in charged.items() if count > 1],
        "not_charged": [name for name in (owned if books.due is None else books.due) if name not in charged],
        "wrong_amount": [name for name, cents in books.charges if name in price and cents != price[name]],
        "without_order": [name for name in charged if name not in owned],
    }
    drawn = sum(min(count, books.stock) for count in books.drawn.values())
    return Audit(
        stock=books.stock * len(books.drawn), orders=len(books.owners), unused=max(0, drawn - len(books.owners)),
        receipts=len(receipts), charges=len(books.charges), cents=sum(cents for _, cents in books.charges),
        waiting=books.waiting, examples=tuple(f"{name} {each[0]}" for name, each in wrong.items() if each),
        **{name: len(each) for name, each in wrong.items()},
    )  # fmt: skip


def audit(addresses: Addresses, receipts: Iterable[Receipt], settle_s: float = 20.0) -> Audit:
    """Compare the books of the shop at *addresses*, also while users buy.

    What is in the ledger when it is asked for must be charged *settle_s* seconds later; receipts are those given so
    far. Raises NodeFailed if the store, the broker or the bank cannot be read for PATIENCE_S seconds.
    """
    receipts, deadline_s = list(receipts), time.monotonic() + settle_s
    due = set(_ledger(addresses)[1].values())
    while True:
        charges = _patiently(lambda: _charges(addresses))
        if due <= {name for name, _ in charges} or time.monotonic() > deadline_s:
            break
        time.sleep(0.2)  # a worker has it, or its sweep will find it
    drawn, owners = _ledger(addresses)  # after the charges: who was charged is an order by now
    waiting = _patiently(lambda: _waiting(addresses))
    return compare(Books(drawn, owners, charges, receipts, addresses.stock, waiting, due))


def _ledger(addresses: Addresses) -> tuple[dict[int, int], dict[tuple[int, int], str]]:
    """The numbers drawn by item, and the owners of all units, some beyond the stock too: one sold by mistake."""
    drawn: dict[int, int] = {}
    owners: dict[tuple[int, int], str] = {}
    for number, ports in enumerate(addresses.shards):
        items = [item for item in range(addresses.items) if ledger.shard_of(item, len(addresses.shards)) == number]
        counts = _patiently(partial(_ask, ports, [("GET", ledger.sold(item)) for item in items]))
        drawn |= {item: int(count or 0) for item, count in zip(items, counts, strict=True)}
        keys = [(i, n) for i in items for n in range(1, min(drawn[i], addresses.stock + BEYOND) + 2)]
        for at in range(0, len(keys), BATCH):
            part = keys[at : at + BATCH]
            names = _patiently(partial(_ask, ports, [("GET", ledger.unit(*key)) for key in part]))
            owners |= {key: name.decode() for key, name in zip(part, names, strict=True) if name is not None}
    return drawn, owners


def _ask(ports: Sequence[int], commands: Sequence[tuple[str, ...]]) -> list[Any]:
    """The leader's answers. Raises ConnectionError if none of *ports* leads."""
    for port in ports:
        try:
            with RespSocket(port, 2.0) as talk:
                talk.send(commands)
                replies = talk.replies(len(commands))
        except (OSError, hiredis.HiredisError):
            continue
        if not any(isinstance(reply, hiredis.ReplyError) for reply in replies):
            return replies
    raise ConnectionError(f"nobody leads at {', '.join(map(str, ports))}")


def role(port: int) -> str:
    """What the replica at *port* is: "master", "slave", or "" if it does not say."""
    try:
        with RespSocket(port, 0.5) as talk:
            lines = talk.ask("INFO").decode().splitlines()
    except (OSError, hiredis.HiredisError):
        return ""
    return str(dict(line.split(":", 1) for line in lines if ":" in line).get("role", ""))


def _waiting(addresses: Addresses) -> int:
    """Messages in the queue, those in somebody's hands too."""
    (place,) = addresses.of("queue")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = f"http://127.0.0.1:{addresses.port[place.label]}"
    with Client(url, 2.0) as client:
        told = client("GetQueueAttributes", QueueUrl=f"{url}/{ledger.QUEUE}", AttributeNames=names)
    return sum(int(told["Attributes"][name]) for name in names)


def _charges(addresses: Addresses) -> list[tuple[str, int]]:
    """The bank's book."""
    (place,) = addresses.of("external")
    rows = json.loads(ask("GET", f"http://127.0.0.1:{addresses.port[place.label]}/charges"))
    return [(row["order"], row["cents"]) for row in rows]


def _patiently(read: Any) -> Any:
    """What *read* gives, as soon as it does. Raises NodeFailed after PATIENCE_S seconds."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return read()
        except (OSError, NodeFailed) as problem:
            if time.monotonic() > deadline_s:
                raise NodeFailed(f"the audit cannot read: {problem}") from None
            time.sleep(0.1)
