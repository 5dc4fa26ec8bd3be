"""The cache for real: a process on 127.0.0.1 that any Redis client talks to, started for the time of a `with` block.

The explorer says that SIEVE answers more of the shop's requests than LRU in the same room. Here the same keys go over a
socket to a server that holds real bytes in limited memory, ours or a product (real.py), and its own counters answer.

    with cache("sieve", "8mb") as server, server.client() as client:
        print(replay(client, keys, value_bytes=1000))

Promised: the process is gone when the block ends; its url is good for redis-py, redis-cli and redis-benchmark.
Not promised: that hit ratios equal the explorer's to the digit, for here keys and books take room beside the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from minisys.testbed import nodes
from minisys.testbed.nodes import Node
from minisys.testbed.resp_client import RespSocket


@dataclass(frozen=True)
class Stats:
    """What a server has counted since it started or was reset; used_bytes as it accounts for its memory itself."""

    hits: int
    misses: int
    evictions: int
    keys: int
    used_bytes: int

    @property
    def hit_ratio(self) -> float:
        """Hits per read; 0 before the first."""
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else 0.0


class Client(Protocol):
    """What every cache can do, whatever it speaks."""

    def get(self, key: str) -> bytes | None:
        """The value of *key*, None if it is not there."""

    def set(self, key: str, value: bytes, ttl_s: float | None = None) -> None:
        """Keep *value* for *ttl_s* seconds, or without end."""

    def delete(self, key: str) -> bool:
        """Forget *key*; whether it was there."""

    def stats(self) -> Stats:
        """The server's counters."""


class RespClient(RespSocket):
    """A client for everything that speaks the Redis protocol; `ask` takes any command."""

    def get(self, key: str) -> bytes | None:
        reply: bytes | None = self.ask("GET", key)
        return reply

    def set(self, key: str, value: bytes, ttl_s: float | None = None) -> None:
        self.ask("SET", key, value, *(() if ttl_s is None else ("PX", round(ttl_s * 1000))))

    def delete(self, key: str) -> bool:
        return bool(self.ask("DEL", key))

    def stats(self) -> Stats:
        lines = (line.split(":", 1) for line in self.ask("INFO").decode().splitlines() if ":" in line)
        told = dict(lines)
        hits, misses, evictions = (int(told[name]) for name in ("keyspace_hits", "keyspace_misses", "evicted_keys"))
        return Stats(hits, misses, evictions, self.ask("DBSIZE"), int(told["used_memory"]))


class Running:
    """A running cache, ours or a product: *name*, its *node*, its *port*, and how to *connect* to it."""

    def __init__(self, name: str, node: Node, connect: Callable[[int], Any] = RespClient) -> None:
        self.name, self.node, self.port, self._connect = name, node, node.port, connect

    @property
    def url(self) -> str:
        """For clients; redis://… if it speaks that protocol."""
        return f"{'redis' if self._connect is RespClient else 'memcached'}://127.0.0.1:{self.port}"

    def client(self) -> Any:
        """A connected Client, for a ``with`` block."""
        return self._connect(self.port)

    def kill(self) -> None:
        """SIGKILL: all that it held is gone."""
        self.node.kill()


@contextmanager
def cache(
    policy: str = "lru", maxmemory: str = "8mb", *, max_clients: int = 10_000, idle_s: float = 0.0
) -> Iterator[Running]:
    """Our cache server as a process. *policy* as in keyspace.POLICY_NAMES, *maxmemory* like "8mb", "0" without limit.

    Raises nodes.NodeFailed, with the server's words, if an argument is bad.
    """
    options = ["--policy", policy, "--maxmemory", maxmemory, "--max-clients", str(max_clients), "--idle", str(idle_s)]
    node = nodes.start("minisys.caching", *options, name="cache")
    try:
        yield Running(f"ours, {policy}", node)
    finally:
        node.kill()


def replay(client: Client, keys: Iterable[object], value_bytes: int = 1000) -> Stats:
    """Ask for each of *keys* and set what is missing (cache-aside); what the server counted meanwhile.

    *value_bytes*: how large each value is. Raises ValueError if it is below 0.
    """
    if value_bytes < 0:
        raise ValueError(f"value_bytes must be 0 or more, got {value_bytes}")
    value, before = bytes(value_bytes), client.stats()
    for key in keys:
        if client.get(str(key)) is None:
            client.set(str(key), value)
    after = client.stats()
    hits, misses = after.hits - before.hits, after.misses - before.misses
    return Stats(hits, misses, after.evictions - before.evictions, after.keys, after.used_bytes)
