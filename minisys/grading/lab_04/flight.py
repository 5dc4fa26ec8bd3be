"""Lab 04, task 4: single flight, judged on the virtual clock and then live, with 500 readers of one expired key.

The first version always works for the reader who tries it alone. The checks are what comes after: two keys at once, a
computation that fails, a reader who gives up while others wait for what they began. The last one is live: our cache
server as a process, 500 connections, one key past its time, and a count of what the database had to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import hiredis

from minisys.grading.checks import Check, NotRun, Wrong
from minisys.grading.lab_04.worlds import bounded, run_async
from minisys.testbed.descriptors import room_for

Make = Callable[[], Any]
WORK_S, READERS = 0.05, 500


class Origin:
    """The database: `compute(key)` takes 50 ms and is counted; *fails*: how many times it raises first."""

    def __init__(self, fails: int = 0) -> None:
        self.computed: list[str] = []
        self.fails = fails

    def compute(self, key: str) -> Callable[[], Awaitable[str]]:
        """A computation for *key*, to be handed to the learner's do()."""

        async def work() -> str:
            self.computed.append(key)
            number = len(self.computed)
            await asyncio.sleep(WORK_S)
            if number <= self.fails:
                raise ConnectionError(f"the database is down (computation {number})")
            return f"{key}, computed {number}"

        return work


async def _many(flight: Any, origin: Origin, keys: str) -> list[Any]:
    """A reader for each letter of *keys*, all at once; what each of them got, or the exception."""
    readers = [asyncio.ensure_future(flight.do(key, origin.compute(key))) for key in keys]
    return await asyncio.gather(*readers, return_exceptions=True)


def _expect(came_out: object, expected: object, given: str, look: str) -> None:
    if came_out != expected:
        raise Wrong(came_out, given=given, expected=expected, look=look)


def one_computation_for_all(make: Make) -> str:
    """Ten readers of one key at once: one computation, and each gets its result."""
    origin = Origin()
    got = run_async(lambda: bounded(_many(make(), origin, "a" * 10)))
    _raised(got)
    given = "ten readers of one key at once"
    _expect(
        got, ["a, computed 1"] * 10, given, "who comes second must find what the first has begun, and await its result"
    )
    _expect(len(origin.computed), 1, given, "who comes second must not call compute() again")
    return "ten readers, one computation, ten times its result"


def _raised(got: list[Any]) -> None:
    """If readers got an exception of the learner's own making, say it as such."""
    for each in got:
        if isinstance(each, BaseException) and not isinstance(each, ConnectionError):
            raise each


def other_keys_do_not_wait(make: Make) -> str:
    """Five keys at once take as long as one."""
    origin = Origin()

    async def main() -> tuple[list[Any], float]:
        got = await _many(make(), origin, "abcde")
        return got, asyncio.get_running_loop().time()

    got, took_s = run_async(lambda: bounded(main()))
    _raised(got)
    given = "five readers of five keys at once, 50 ms of work each"
    _expect([str(each)[:1] for each in got], list("abcde"), given, "each key has a computation of its own")
    if took_s > 1.5 * WORK_S:
        look = "one lock for all keys makes everybody wait for everybody; keep what is under way by key"
        raise Wrong(f"{1000 * took_s:.0f} ms", given=given, expected="50 ms", look=look)
    return "five keys in 50 ms"


def it_is_no_cache(make: Make) -> str:
    """Once a computation is over the next reader begins a new one: keeping values is the cache's work."""
    origin = Origin()

    async def main() -> list[Any]:
        flight = make()
        return [*await _many(flight, origin, "a"), *await _many(flight, origin, "aa")]

    got = run_async(lambda: bounded(main()))
    _raised(got)
    look = "forget the key when its computation is over, or nobody will ever see a new value"
    _expect(got, ["a, computed 1", "a, computed 2", "a, computed 2"], "one reader, and when it is done two more", look)
    return "a second wave computes anew"


def an_error_reaches_all_and_is_not_kept(make: Make) -> str:
    """The computation fails: everybody who waits is told, and the next reader tries again."""
    origin = Origin(fails=1)

    async def main() -> tuple[list[Any], list[Any]]:
        flight = make()
        return await _many(flight, origin, "aaa"), await _many(flight, origin, "aa")

    first, second = run_async(lambda: bounded(main()))
    given = "three readers, a computation that raises ConnectionError, then two more readers"
    kinds = [type(each).__name__ for each in first]
    look = "whoever waits must get the exception, not None and not a computation of its own"
    _expect(kinds, ["ConnectionError"] * 3, given, look)
    look = "the failed one is still under that key: forget it, whatever came of it (finally, or a done callback)"
    _expect(second, ["a, computed 2"] * 2, given, look)
    _expect(len(origin.computed), 2, given, "three got the error of one computation, two the result of the next")
    return "three told, the next two served"


def who_gives_up_takes_nobody_along(make: Make) -> str:
    """The reader who began it has a timeout of 10 ms; the others still get their result, of the same computation."""
    origin = Origin()

    async def main() -> list[Any]:
        flight = make()
        first = asyncio.ensure_future(flight.do("a", origin.compute("a")))
        await asyncio.sleep(0.001)
        others = [asyncio.ensure_future(flight.do("a", origin.compute("a"))) for _ in range(3)]
        await asyncio.sleep(0.01)
        first.cancel()
        return (await asyncio.gather(first, *others, return_exceptions=True))[1:]

    got = run_async(lambda: bounded(main()))
    given = "the first of four readers is cancelled after 11 ms of 50"
    came_out = [each if isinstance(each, str) else type(each).__name__ for each in got]
    look = "let a task of its own compute, and let each reader await asyncio.shield(task)"
    _expect(came_out, ["a, computed 1"] * 3, given, look)
    return "one gave up, three were served"


def live_500_readers_one_computation(make: Make) -> str:
    """Our cache server as a process, 500 connections, one expired key."""
    from minisys.caching import live
    from minisys.testbed.nodes import NodeFailed

    if room_for(READERS) < READERS:
        raise NotRun(f"this process may not open {READERS} connections; `ulimit -n 1024` before `make lab` allows it")
    try:
        with live.cache("lru", "8mb") as server:
            with server.client() as client:
                client.set("front page", b"of yesterday", ttl_s=0.001)
            values, computed = run_async(lambda: _stampede(make(), server.port), virtual=False, limit_s=30.0)
    except (OSError, NodeFailed) as problem:
        raise NotRun(f"the live cache cannot be had here ({problem}); `minisys doctor` tells more") from None
    given = f"{READERS} connections read one expired key at once"
    look = "between the miss and the first await nothing may come: look and register in one go"
    _expect(computed, 1, given, look)
    _expect(values, {b"of today"}, given, "each reader gets the value")
    return f"{READERS} readers over real sockets, origin computations: 1"


async def _stampede(flight: Any, port: int) -> tuple[set[Any], int]:
    """What the readers got, and how often the origin computed."""
    computed = 0
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(READERS)]

    async def compute() -> bytes:
        nonlocal computed
        computed += 1
        await asyncio.sleep(0.3)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await _ask(reader, writer, "SET", "front page", b"of today", "EX", 60)
        writer.close()
        return b"of today"

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        value = await _ask(reader, writer, "GET", "front page")
        return await flight.do("front page", compute) if value is None else value

    try:
        return set(await asyncio.gather(*(read(*pair) for pair in pairs))), computed
    finally:
        for _, writer in pairs:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in pairs), return_exceptions=True)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *words: str | bytes | int) -> Any:
    writer.write(hiredis.pack_command(words))  # type: ignore[arg-type]
    parser = hiredis.Reader()
    while (reply := parser.gets()) is False:
        parser.feed(await reader.read(4096))
    return reply


SINGLE_FLIGHT = (
    Check("one computation for all who ask at once", one_computation_for_all, 30.0),
    Check("readers of other keys do not wait", other_keys_do_not_wait, 30.0),
    Check("it is no cache", it_is_no_cache, 30.0),
    Check("an error reaches all who wait, and is not kept", an_error_reaches_all_and_is_not_kept, 30.0),
    Check("who gives up takes nobody along", who_gives_up_takes_nobody_along, 30.0),
    Check("live, 500 readers of one expired key: one computation", live_500_readers_one_computation, 60.0, True),
)
