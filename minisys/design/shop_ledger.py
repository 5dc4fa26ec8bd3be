"""How the live shop writes its orders down, so that nothing can be sold twice, charged twice or forgotten.

A shop that reads "3 left", subtracts one and writes "2 left" sells the same lamp to two people as soon as two of its
servers do it at the same moment. Here a unit has a number, as in a bakery: who draws number 17 of item 4 has the
seventeenth lamp, and if there are only sixteen, none. Three sorts of keys, each changed by one command of the
replicated store (chapter 06), which acknowledges it when a majority has it on disk:

    sold:4       how many numbers were drawn: ONCE <order> 1 INCR, so an order that asks again draws the same one
    unit:4:17    whose it is: the order's name; the same value however often it is written
    paid:4:17    the bank's receipt

An order's name is the idempotency key that the user chose, "/" and the item. Promised: names only, no I/O. Limits: the
store remembers the numbers of the last 10,000 orders of a shard; one order is for one unit.
"""

from __future__ import annotations

import re

ITEMS, STOCK = 20, 1_000
KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
QUEUE = "orders"


def cents(item: int) -> int:
    """The price of *item* in cents: from 5.00 to 49.99, another for most items, the same in every process."""
    return 500 + item * 1_777 % 4_500


def order_name(key: str, item: int) -> str:
    """What an order is called everywhere: the user's idempotency *key* and the item."""
    return f"{key}/{item}"


def sold(item: int) -> str:
    """The counter of the numbers drawn for *item*."""
    return f"sold:{item}"


def unit(item: int, number: int) -> str:
    """Where it is written whose unit *number* (from 1) of *item* is."""
    return f"unit:{item}:{number}"


def paid(item: int, number: int) -> str:
    """Where the receipt for that unit is."""
    return f"paid:{item}:{number}"


def shard_of(item: int, shards: int) -> int:
    """The shard that has all keys of *item*: one order needs one shard only, and no transaction across two."""
    return item % shards
