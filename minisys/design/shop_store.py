"""The shop's way to its replicated, sharded store: find the leader, ask, and ask again until somebody answers.

The leader of a shard dies while an order is being written. For a second nobody leads; then somebody else does, at
another port, and may or may not have the write. Because every question asked here may be asked twice with the same
result (shop_ledger.py), the answer to "did it happen?" is to ask again.

    store = Shards([[7001, 7002, 7003], [7011, 7012, 7013]])
    await store.ask(item % 2, "GET", "sold:4")

Promised: an answer, or `Silent` after *within_s* seconds; a redirect is followed; waits between attempts have full
jitter. Not done: anything for commands that may not be repeated; reads from followers.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence
from typing import Any

import hiredis

from minisys.caching.front import RespCache
from minisys.resilience.retries import Backoff

ANSWER_S, CONNECT_S, WITHIN_S = 1.0, 0.3, 3.0
BACKOFF = Backoff(0.02, 0.3)
BROKEN = (ConnectionError, OSError, TimeoutError, hiredis.HiredisError)
ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")


class Silent(ConnectionError):
    """No replica of a shard has answered in time; what was asked may or may not have happened."""


class Pipe:
    """One shared connection to 127.0.0.1:*port*, opened when it is needed, and anew when it broke."""

    def __init__(self, port: int) -> None:
        self.port, self._turn = port, asyncio.Lock()
        self._inner: RespCache | None = None

    async def ask(self, *words: str | bytes) -> Any:
        """The answer to one command. Raises one of BROKEN; without limit of time, but for connecting."""
        async with self._turn:  # else two who find it broken open two
            if self._inner is None or self._inner.listening.done():
                self.close()
                async with asyncio.timeout(CONNECT_S):
                    self._inner = RespCache(*await asyncio.open_connection("127.0.0.1", self.port))
            inner = self._inner
        return await inner.ask(*words)

    def close(self) -> None:
        """Hang up; whoever still waits is told."""
        if self._inner is not None:
            self._inner.listening.cancel()
            self._inner.writer.close()


class Shards:
    """The store behind *ports*: for each shard the ports of its replicas, in any order."""

    def __init__(self, ports: Sequence[Sequence[int]], seed: int | str = 0) -> None:
        self.ports = [list(each) for each in ports]
        self.leader = [each[0] for each in self.ports]  # as far as we know
        self.pipes = {port: Pipe(port) for each in self.ports for port in each}
        self.rng = random.Random(seed)

    async def ask(self, shard: int, *words: str, within_s: float = WITHIN_S) -> Any:
        """The answer of *shard*'s leader. Raises Silent if there is none within *within_s* seconds."""
        loop, attempt, problem = asyncio.get_running_loop(), 0, ""
        deadline_s = loop.time() + within_s
        while (left_s := deadline_s - loop.time()) > 0:
            port = self.leader[shard]
            try:
                async with asyncio.timeout(min(ANSWER_S, left_s)):
                    return await self.pipes[port].ask(*words)
            except BROKEN as error:
                problem = f"{type(error).__name__} {error}".rstrip()
                self._next(shard, port, problem)
            await asyncio.sleep(min(BACKOFF.wait_s(attempt, 0.0, self.rng), left_s))
            attempt += 1
        raise Silent(f"no answer from shard {shard} in {within_s:g} s; the last was: {problem}")

    def _next(self, shard: int, port: int, problem: str) -> None:
        """Whom to ask after *port* did not help: who was named, else the next in the row."""
        if self.leader[shard] != port:
            return  # somebody else who waits has moved on already
        ports, named = self.ports[shard], ADDRESS.search(problem)
        told = int(named[1]) if named else 0
        self.leader[shard] = told if told in ports and told != port else ports[(ports.index(port) + 1) % len(ports)]

    def close(self) -> None:
        """Hang up everywhere."""
        for pipe in self.pipes.values():
            pipe.close()
