"""Lab 04, task 6: cache-aside without its race, judged by every order in which the messages may arrive.

In production the race shows once a week, and the wrong price stays until the copy expires. On the virtual clock each
message is given a delay, all combinations are played, and each run is the same again. The learner's functions run on
"many servers": they may keep nothing in variables, because another server does not see them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType, NoneType
from typing import Any, NamedTuple

from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_04.worlds import bounded, run_async

Read = Callable[[Any, Any, str], Awaitable[Any]]
Write = Callable[[Any, Any, str, int], Awaitable[None]]
KEY, HOP_S = "price of 17", 0.001
HELD_UP_S = (0.0, 0.004, 60.0)  # how much later than usual something comes; a minute: a process that was paused


@dataclass
class World:
    """A cache and a database, and what was said to them, in order."""

    rows: dict[str, int] = field(default_factory=lambda: {KEY: 1})
    copies: dict[str, int] = field(default_factory=dict)
    voided: dict[str, int] = field(default_factory=dict)  # deletes of each key so far
    reads: int = 0
    said: list[str] = field(default_factory=list)


class Cache:
    """The cache as one server sees it; *delays_s*: how much later each kind of message arrives."""

    def __init__(self, world: World, who: str, delays_s: dict[str, float]) -> None:
        self._world, self._who, self._delays_s = world, who, delays_s

    async def get(self, key: str) -> int | None:
        """The copy of *key*, or None."""
        return (await self.lease(key))[0]

    async def lease(self, key: str) -> tuple[int | None, int]:
        """The copy of *key*, or None; and a ticket, which the next delete of the key makes void."""
        await self._way("get")
        value, ticket = self._world.copies.get(key), self._world.voided.get(key, 0)
        self._note(f"get: {'nothing' if value is None else value}")
        await asyncio.sleep(HOP_S)
        return value, ticket

    async def put(self, key: str, value: int, ticket: int | None = None) -> bool:
        """Keep *value*; with a *ticket* only if it is not void. Whether it was kept."""
        await self._way("put")
        kept = ticket is None or ticket == self._world.voided.get(key, 0)
        if kept:
            self._world.copies[key] = value
        self._note(f"put {value}" + ("" if kept else ", refused"))
        await asyncio.sleep(HOP_S)
        return kept

    async def delete(self, key: str) -> None:
        """Forget *key* and make all its tickets void."""
        await self._way("delete")
        self._world.copies.pop(key, None)
        self._world.voided[key] = self._world.voided.get(key, 0) + 1
        self._note("delete")
        await asyncio.sleep(HOP_S)

    async def _way(self, verb: str) -> None:
        await asyncio.sleep(HOP_S + self._delays_s.get(verb, 0.0))

    def _note(self, what: str) -> None:
        at_ms = 1000 * asyncio.get_running_loop().time()
        self._world.said.append(f"{at_ms:.0f} ms {self._who} {what}")


class Database(Cache):
    """The database as one server sees it: `read` and `write`, on the same wires."""

    async def read(self, key: str) -> int:
        """The row."""
        await self._way("read")
        self._world.reads += 1
        value = self._world.rows[key]
        self._note(f"reads {value}")
        await asyncio.sleep(HOP_S + self._delays_s.get("row", 0.0))
        return value

    async def write(self, key: str, value: int) -> None:
        """Store it; safe when this returns."""
        await self._way("write")
        self._world.rows[key] = value
        self._note(f"writes {value}")
        await asyncio.sleep(HOP_S)


class Writer(NamedTuple):
    """When one begins, and how much later than usual its write, and its delete or put, arrive."""

    at_s: float
    write_s: float = 0.0
    delete_s: float = 0.0


class Order(NamedTuple):
    """One interleaving: a reader whose row comes late, or whose put; writers; whether there is a copy at the start."""

    row_s: float
    put_s: float
    writers: tuple[Writer, ...]
    copied: bool = False


READER_S = 0.004
CONSTANT = (ModuleType, int, float, str, tuple, bytes, NoneType)


def orders(writers: int) -> Iterator[Order]:
    """All that are played: the writers begin before, while and after the reader looks."""
    starts_s = [0.0005 + 0.001 * i for i in range(12)]
    for row_s, put_s, copied in itertools.product(HELD_UP_S, HELD_UP_S, (False, True)):
        if writers == 1:
            for each in itertools.product(starts_s, (0.0, 0.004), HELD_UP_S):
                yield Order(row_s, put_s, (Writer(*each),), copied)
        elif not put_s:
            for at_s, first_s, second_s in itertools.product(starts_s[1:], HELD_UP_S, HELD_UP_S):
                both = Writer(starts_s[0], 0.0, first_s), Writer(at_s, 0.0, second_s)
                yield Order(row_s, put_s, both, copied)


async def _play(read: Read, write: Write, order: Order) -> World:
    """One interleaving to its end, and two more reads a quiet while later. Raises Wrong."""
    world = World(copies={KEY: 1} if order.copied else {})

    def seen_by(who: str, **delays_s: float) -> tuple[Cache, Database]:
        return Cache(world, who, delays_s), Database(world, who, delays_s)

    async def reader() -> None:
        await asyncio.sleep(READER_S)
        got = await read(*seen_by("reader", row=order.row_s, put=order.put_s), KEY)
        if got not in (1, 2, 3):
            raise Wrong(
                f"read() gave {got!r}", expected="a value that the row had", look="is there a `return` on every path?"
            )

    async def writer(number: int, how: Writer) -> None:
        await asyncio.sleep(how.at_s)
        late = {"write": how.write_s, "delete": how.delete_s, "put": how.delete_s}
        await write(*seen_by(f"writer {number}", **late), KEY, number + 1)
        if world.rows[KEY] < 2:
            raise Wrong("nothing is in the database", expected="the new value is there when write() returns",
                        look="what only the cache knows is lost with it")  # fmt: skip

    start_s = asyncio.get_running_loop().time()
    await asyncio.gather(reader(), *(writer(i, each) for i, each in enumerate(order.writers, 1)))
    await asyncio.sleep(120.0)  # whatever was left to run aside has run
    world.said.append("later")
    seen = [await read(*seen_by("later reader"), KEY) for _ in range(2)]
    reads = world.reads
    seen.append(await read(*seen_by("later reader"), KEY))
    if set(seen) != {world.rows[KEY]}:
        raise _stale(world, seen, start_s)
    if world.reads > reads:
        given, look = _shown(world, start_s), "a cache that is never filled cannot be wrong, nor of any use"
        raise Wrong("the third reader in a row had to ask the database", given=given, expected="a copy", look=look)
    return world


def _stale(world: World, seen: list[Any], start_s: float) -> Wrong:
    given, expected = _shown(world, start_s), f"{world.rows[KEY]}, as in the database"
    return Wrong(f"later readers get {seen[-1]}", given=given, expected=expected, look=_reason(world.said))


def _reason(said: list[str]) -> str:
    """Which step brought the old value into the cache, or left it there."""
    said = said[: said.index("later")]
    puts = [line for line in said if " put " in line and "refused" not in line]
    deletes = sum(" delete" in line for line in said)
    if puts and " writer " in puts[-1]:
        return (
            "two writers reach the database in one order and the cache in the other: a writer deletes, it does not put"
        )
    if not deletes:
        return "after the write the cache must forget its copy; and only a delete makes tickets void"
    first = next(line for line in said if " delete" in line or " writes " in line)
    if " delete" in first and deletes == 1:
        return "the copy was deleted before the database had the new value, and a reader brought the old one back"
    look = "the reader fetched the old value before the write and put it after the delete: how could the cache know?"
    look += " lease() before the database is read, then put(…, ticket)"
    return look + ("; a second delete only moves the race: a reader may be later still" if deletes > 1 else "")


def _shown(world: World, start_s: float) -> str:
    lines = []
    for line in world.said[: world.said.index("later")]:
        at_ms, rest = line.split(" ms ", 1)
        lines.append(f"{float(at_ms) - 1000 * start_s:.0f} ms {rest}")
    return "; ".join(lines)


def nothing_is_kept_in_variables(read: Read, write: Write) -> str:
    """Functions, modules and constants only: a lock or a dictionary here is not there on the other servers."""
    for function in (read, write):
        for name, value in _used(function):
            if not callable(value) and not isinstance(value, CONSTANT):
                look = "other servers run the same function and do not see it: they share cache and database only"
                came_out = f"{function.__name__}() uses the variable {name!r}"
                raise Wrong(came_out, expected="no shared variables", look=look)
    return "no variable outside the two functions"


def _used(function: Any) -> list[tuple[str, Any]]:
    code, known = function.__code__, function.__globals__
    cells = zip(code.co_freevars, (cell.cell_contents for cell in function.__closure__ or ()), strict=True)
    return [(name, known[name]) for name in code.co_names if name in known] + list(cells)


def alone_it_works(read: Read, write: Write) -> str:
    """One after the other: a read, a write, reads."""
    for function in (read, write):
        if not asyncio.iscoroutinefunction(function):
            raise Wrong(f"{getattr(function, '__name__', function)!r} is no coroutine", expected="async def")
    order = Order(0.0, 0.0, (Writer(1.0),))
    run_async(lambda: bounded(_play(read, write, order)))
    return "read, write, read: the new value, from the cache the second time"


def _no_order_leaves_a_stale_copy(read: Read, write: Write, writers: int) -> str:
    async def main() -> int:
        played = 0
        for order in orders(writers):
            await bounded(_play(read, write, order))
            played += 1
        return played

    return f"{run_async(main, limit_s=60.0)} interleavings, stale afterwards: 0"


RACE = (
    Check("alone, reading and writing work", alone_it_works, 30.0),
    Check("nothing is kept in variables", nothing_is_kept_in_variables),
    Check("a reader and a writer, in every order", lambda r, w: _no_order_leaves_a_stale_copy(r, w, 1), 90.0, True),
    Check("a reader and two writers, in every order", lambda r, w: _no_order_leaves_a_stale_copy(r, w, 2), 90.0, True),
)
