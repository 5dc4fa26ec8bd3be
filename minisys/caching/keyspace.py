"""What the cache server holds: byte strings by key, with deadlines, within a limit of memory, and who watches them.

A page of 20 kB is set 100,000 times under new keys, and the machine has room for 400. The cache (cache.py) says when
there is no room and the policy who goes; this adds what a server needs on top: Redis's names for the policies, memory
counted with what Python needs beside the bytes, transactions that notice a change, and a walk over all keys.

Promised: the memory counted never exceeds maxmemory; a key that is there during a whole SCAN is seen. Not here: the
commands (commands.py), sockets.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Hashable
from typing import Any
from zlib import crc32

from minisys.caching.cache import Cache
from minisys.caching.policies import POLICIES, policy

ENTRY_BYTES = 350  # measured: what Python needs for a key, a value and a policy's books beside their bytes
UNLIMITED = 2**62
ALIASES = {"allkeys-lru": "lru", "allkeys-lfu": "lfu with ageing", "allkeys-random": "random"}  # Redis says it so
POLICY_NAMES = ("noeviction", *POLICIES, *ALIASES)


class OutOfMemory(Exception):
    """The value does not fit, and nobody may go for it."""


class NoEviction:
    """Nobody goes: writes are refused instead (Redis's default)."""

    name = "noeviction"

    def hit(self, key: Hashable) -> None:
        pass

    def admit(self, key: Hashable, size: int = 1) -> None:
        pass

    def evict(self) -> Hashable:
        raise OutOfMemory("command not allowed when used memory > 'maxmemory'.")

    def forget(self, key: Hashable) -> None:
        pass


def entry_bytes(key: Any, value: Any) -> int:
    """What an entry takes, books included."""
    return ENTRY_BYTES + len(key) + len(value)


class Keyspace(Cache):
    """All keys of a server. *maxmemory*: bytes, 0 without limit; *policy_name*: one of POLICY_NAMES.

    Raises ValueError for an unknown policy or a negative maxmemory. *watchers* are called when their key changes.
    """

    def __init__(self, policy_name: str = "noeviction", maxmemory: int = 0, rng: random.Random | None = None) -> None:
        self.values: dict[bytes, bytes]  # type: ignore[assignment]
        self.watchers: dict[bytes, set[Callable[[], None]]] = {}
        self.rng = rng or random.Random(0)
        self.maxmemory, self.policy_name = maxmemory, policy_name
        super().__init__(self._eviction(), maxmemory or UNLIMITED, size_of=entry_bytes)
        self._order: tuple[list[int], list[bytes]] = ([], [])  # of a walk: hashes and keys

    def _eviction(self) -> Any:
        if self.maxmemory < 0:
            raise ValueError(f"maxmemory must be 0 (no limit) or more bytes, got {self.maxmemory}")
        if self.policy_name == "noeviction":
            return NoEviction()
        name = ALIASES.get(self.policy_name, self.policy_name)
        return policy(name, self.maxmemory or UNLIMITED, rng=self.rng)

    def configure(self, *, policy_name: str | None = None, maxmemory: int | None = None) -> None:
        """Change policy or limit; a new policy meets the keys in the order in which they were set.

        Raises ValueError, changing nothing, for a bad one. With noeviction a lower limit removes nothing.
        """
        before = self.policy_name, self.maxmemory
        self.policy_name = before[0] if policy_name is None else policy_name
        self.maxmemory = before[1] if maxmemory is None else maxmemory
        try:
            self.policy = self._eviction()
        except ValueError:
            self.policy_name, self.maxmemory = before
            raise
        for key, size in self.sizes.items():
            self.policy.admit(key, size)
        self.capacity = self.maxmemory or UNLIMITED
        while self.used > self.capacity and self.policy_name != "noeviction":
            self._drop(self.policy.evict())
            self.counts.evictions += 1

    def set(self, key: bytes, value: bytes, now: float, at_s: float | None = None) -> None:
        """*key* holds *value* until *at_s*, or without end. Raises OutOfMemory, changing nothing, if it cannot."""
        size = entry_bytes(key, value)
        more = size - self.sizes.get(key, 0)
        if size > self.capacity or (self.policy_name == "noeviction" and more > 0 and self.used + more > self.capacity):
            raise OutOfMemory("command not allowed when used memory > 'maxmemory'.")
        self.put(key, value, now=now)
        if at_s is not None:
            self.set_deadline(key, at_s)
        self.touch(key)

    def there(self, key: bytes, now: float) -> bool:
        """Whether *key* is held and not past its time; counts nothing."""
        return key in self.values and not self.expire_if_due(key, now)

    def touch(self, key: Hashable) -> None:
        """Tell whoever watches *key* that it changed."""
        if self.watchers:
            for tell in self.watchers.get(key, ()):  # type: ignore[call-overload]
                tell()

    def clear(self) -> None:
        """All keys go."""
        for key in list(self.values):
            self.delete(key)

    def _drop(self, key: Hashable) -> None:
        super()._drop(key)
        self.touch(key)

    def walk(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """About *count* keys from *cursor* on, in the order of their hashes, and the next cursor (0: that was all).

        The order is sorted once a walk, not once a call; keys that came since are not in it, keys gone are left out.
        """
        if cursor == 0 or not self._order[0]:
            both = sorted((crc32(key), key) for key in self.values)
            self._order = ([number for number, _ in both], [key for _, key in both])
        hashes, keys = self._order
        begin = bisect_left(hashes, cursor)
        end = min(begin + max(1, count), len(keys))
        while 0 < end < len(keys) and hashes[end] == hashes[end - 1]:
            end += 1  # equal hashes stay together: the next cursor could not tell them apart
        found = [key for key in keys[begin:end] if key in self.values]
        following = hashes[end] if end < len(keys) else 0
        if not following:
            self._order = ([], [])
        return following, found
