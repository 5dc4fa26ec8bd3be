"""Where the edge keeps its copies: found by key and Vary, thrown away by URL, by tag, or for want of room.

The marketing team replaces one picture that stands on four hundred pages. Purging by URL needs all four hundred; a tag
that the origin put on each of them ("picture-17") needs one word. And a purge need not throw away: a *soft* purge only
calls the copies stale, so that they can still help out while the new ones are fetched.

Promised: never more than the bytes it was given, counted with headers; any eviction policy of this room; no clock.
Not done: keeping anything on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from multidict import CIMultiDict

from minisys.caching import fields
from minisys.caching.cache import make_policy
from minisys.caching.freshness import current_age_s, lifetime

TAGS = ("Cache-Tag", "Surrogate-Key")  # Cloudflare, Akamai, Google and Fastly
VARIANTS = 50  # copies of one URL at the most: a Vary that never repeats must not push everything else out
OVERHEAD_BYTES = 300  # of a copy, besides its body and headers


@dataclass
class Stored:
    """One copy: the answer as it came, when it was asked for and received (seconds since 1970), whom it suits.

    vary: the request's part of the key. purged_s: when a soft purge ended its freshness. failed_s: when asking for a
    newer one failed last.
    """

    status: int
    reason: str | None
    headers: CIMultiDict[str]
    body: bytes
    requested_s: float
    received_s: float
    vary: tuple[tuple[str, str], ...] = ()
    purged_s: float | None = None
    failed_s: float | None = None
    tags: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.tags = tags_of(self.headers)

    @property
    def size(self) -> int:
        """Bytes it takes, about."""
        return len(self.body) + sum(len(name) + len(value) + 4 for name, value in self.headers.items()) + OVERHEAD_BYTES

    def age_s(self, now_s: float) -> float:
        """Its age, seconds."""
        return current_age_s(self.headers, self.requested_s, self.received_s, now_s)

    def told_age_s(self, now_s: float) -> float:
        """The age that others are told: after a soft purge so much that they, too, take the copy to be stale."""
        if self.purged_s is None:
            return self.age_s(now_s)
        return max(self.age_s(now_s), lifetime(self.status, self.headers).seconds + now_s - self.purged_s)

    @property
    def lifetime_s(self) -> float:
        """How long it is fresh, seconds from its birth: as its headers say, or until a soft purge."""
        whole_s = lifetime(self.status, self.headers).seconds
        return whole_s if self.purged_s is None else min(whole_s, self.age_s(self.purged_s))


def tags_of(headers: CIMultiDict[str]) -> frozenset[str]:
    """The tags that the origin put on an answer, separated by spaces or commas."""
    text = " ".join(fields.field(headers, name) or "" for name in TAGS)
    return frozenset(text.replace(",", " ").split())


class Store:
    """Copies by key, at most *capacity* bytes.

    policy: which key goes for want of room, one of policies.POLICIES. used: bytes now. evicted: how many keys
    had to go. Raises ValueError for a capacity below 1 or an unknown policy.
    """

    def __init__(self, capacity: int, policy: str = "lru") -> None:
        if capacity < 1:
            raise ValueError(f"a store needs at least 1 byte, got {capacity}")
        self.capacity, self.used, self.evicted = capacity, 0, 0
        self.policy = make_policy(policy, capacity)
        self._entries: dict[str, list[Stored]] = {}
        self._tagged: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    def find(self, key: str) -> list[Stored]:
        """The copies under *key*, newest first, which now counts as used."""
        if key in self._entries:
            self.policy.hit(key)
        return self._entries.get(key, [])

    def put(self, key: str, copy: Stored) -> bool:
        """Keep *copy*, in place of one for the same requests; False if it is larger than the whole store."""
        others = [each for each in self._entries.get(key, []) if each.vary != copy.vary][: VARIANTS - 1]
        self.drop(key)
        if copy.size > self.capacity:
            return False
        copies = [copy, *others]
        while (size := sum(each.size for each in copies)) > self.capacity:
            copies.pop()  # alone they would fill the store: the older variants go
        while self.used + size > self.capacity:
            victim = self.policy.evict()
            self._count(str(victim), -1)
            del self._entries[str(victim)]
            self.evicted += 1
        self._entries[key] = copies
        self.policy.admit(key, size)
        self._count(key, 1)
        return True

    def drop(self, key: str) -> int:
        """Forget everything under *key*; how many copies that were."""
        if key not in self._entries:
            return 0
        self.policy.forget(key)
        self._count(key, -1)
        return len(self._entries.pop(key))

    def purge(self, keys: list[str], now_s: float | None = None) -> int:
        """Throw away what is under *keys*, or with *now_s* (a soft purge) only call it stale; how many copies."""
        count = 0
        for key in keys:
            if now_s is None:
                count += self.drop(key)
                continue
            for copy in self._entries.get(key, []):
                copy.purged_s = now_s if copy.purged_s is None else min(copy.purged_s, now_s)
                count += 1
        return count

    def tagged(self, tag: str) -> list[str]:
        """The keys of all copies that carry *tag*."""
        return sorted(self._tagged.get(tag, ()))

    def keys(self) -> Iterator[str]:
        """All keys."""
        return iter(tuple(self._entries))

    def _count(self, key: str, sign: int) -> None:
        """Add what is under *key* to the sums and the index of tags, or take it out."""
        for copy in self._entries[key]:
            self.used += sign * copy.size
            for tag in copy.tags:
                held = self._tagged.setdefault(tag, set())
                held.add(key) if sign > 0 else held.discard(key)
                if not held:
                    del self._tagged[tag]
