"""A cache: values with a time to live, a limit on the room they take, and a policy that says who goes.

A page of the shop is 20 kB, the machine has 2 GB to spare, prices may be a minute old. Room and time are two separate
reasons to lose a value, and the counters here keep them apart: evicted (no room) and expired (too old).

Promised: never more than the capacity, in items or in bytes; a value past its time is never given out. `now` is handed
in, in seconds on any clock that does not go back. Not done here: which key goes (policies.py), locks, the network.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from random import Random
from typing import Any

from minisys.caching.policies import Eviction, policy
from minisys.caching.queues import Bag


@dataclass
class Counts:
    """What has happened to a cache since it was made; `refused` are values larger than the whole cache."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    expired: int = 0
    refused: int = 0

    @property
    def hit_ratio(self) -> float:
        """Hits per get; 0 before the first."""
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else 0.0


class Cache:
    """A key-value cache of *capacity* items, or bytes if *size_of* is given: ``size_of(key, value) -> int``, 1 or more.

    *policy*: a name from policies.POLICIES, or an Eviction made for the same capacity. Raises ValueError for an
    unknown policy or a capacity below 1.
    """

    def __init__(
        self,
        policy: str | Eviction,
        capacity: int,
        *,
        size_of: Callable[[Hashable, Any], int] | None = None,
        rng: Random | None = None,
    ):
        self.policy = make_policy(policy, capacity, rng)
        self.capacity, self.size_of = capacity, size_of
        self.counts, self.used = Counts(), 0
        self.values: dict[Hashable, Any] = {}
        self.sizes: dict[Hashable, int] = {}
        self.deadline_s: dict[Hashable, float] = {}  # only of keys that have one
        self.mortal = Bag()  # the same keys, to draw from

    def __len__(self) -> int:
        return len(self.values)

    def __contains__(self, key: Hashable) -> bool:
        """Whether a value is held, expired or not; no request is counted and the policy is not told."""
        return key in self.values

    def get(self, key: Hashable, default: Any = None, *, now: float = 0.0) -> Any:
        """The value of *key*, or *default*: a miss. A value past its time goes now (lazy expiry) and is a miss."""
        if self.expire_if_due(key, now) or key not in self.values:
            self.counts.misses += 1
            return default
        self.counts.hits += 1
        self.policy.hit(key)
        return self.values[key]

    def put(self, key: Hashable, value: Any, *, now: float = 0.0, ttl_s: float | None = None) -> bool:
        """Hold *value* under *key*, for *ttl_s* seconds or without end; others go if there is no room.

        A key that is there counts as used; if its size changes it is as good as new. False if the value is larger
        than the whole cache (the old value goes all the same). Raises ValueError if ttl_s is not above 0.
        """
        if ttl_s is not None and not ttl_s > 0:
            raise ValueError(f"ttl_s must be above 0 seconds, got {ttl_s!r}; delete() removes a key at once")
        self.expire_if_due(key, now)
        size = self.size_of(key, value) if self.size_of else 1
        if key in self.values and self.sizes[key] == size:
            self.policy.hit(key)
        else:
            self.delete(key)
            if size > self.capacity:
                self.counts.refused += 1
                return False
            self._admit(key, size)
        self.values[key] = value
        self.set_deadline(key, None if ttl_s is None else now + ttl_s)
        return True

    def delete(self, key: Hashable) -> bool:
        """Remove *key*; whether it was there."""
        if key not in self.values:
            return False
        self.policy.forget(key)
        self._drop(key)
        return True

    def set_deadline(self, key: Hashable, at_s: float | None) -> None:
        """*key*, which is held, expires when the clock reads *at_s*; None: never."""
        if at_s is not None:
            self.deadline_s[key] = at_s
            self.mortal.add(key)
        elif key in self.deadline_s:
            del self.deadline_s[key]
            self.mortal.remove(key)

    def expire_if_due(self, key: Hashable, now: float) -> bool:
        """Lazy expiry: remove *key* if its time is over at *now*; whether it was."""
        due = self.deadline_s.get(key)
        if due is None or now < due:
            return False
        self.delete(key)
        self.counts.expired += 1
        return True

    def expire(self, now: float, rng: Random, *, draws: int = 20, enough: float = 0.25, rounds: int = 0) -> int:
        """Active expiry, for values that nobody asks for again: how many went.

        Redis's way: draw *draws* of the keys that have a deadline, remove those past it, and do it again as long as
        more than the share *enough* of a round was past it. Expired keys left are then about that share at most.
        *rounds*: stop after so many even so (0: never), so that a server gets back to its clients.
        """
        gone, last = 0, draws
        while self.mortal and last > enough * draws:
            rounds -= 1
            drawn = {self.mortal.draw(rng) for _ in range(draws)}
            last = sum(self.expire_if_due(key, now) for key in drawn)
            gone += last
            if rounds == 0:
                break
        return gone

    def _admit(self, key: Hashable, size: int) -> None:
        while self.used + size > self.capacity:
            self._drop(self.policy.evict())
            self.counts.evictions += 1
        self.policy.admit(key, size)
        self.sizes[key] = size
        self.used += size

    def _drop(self, key: Hashable) -> None:
        del self.values[key]
        self.used -= self.sizes.pop(key)
        self.set_deadline(key, None)


def make_policy(name: str | Eviction, capacity: int, rng: Random | None = None) -> Eviction:
    """The policy called *name* for *capacity*; an Eviction comes back as it is, once capacity is known to be right."""
    if isinstance(name, str):
        return policy(name, capacity, rng=rng)
    policy("fifo", capacity)
    return name
