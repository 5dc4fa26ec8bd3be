"""S3-FIFO and W-TinyLFU: policies that make a new key prove itself before it may displace an old one.

Most keys of a web cache are asked for once and never again. LRU lets each of them walk through the whole cache;
these two keep newcomers in a small part of it. S3-FIFO remembers the names of those it threw out, and who comes back
was worth keeping. W-TinyLFU counts all requests, also for keys not held, and lets the more frequent one stay.

Promised: the paper's rules, keys only, no clock. Two simplifications are named where they are.
"""

from collections.abc import Hashable
from functools import lru_cache
from zlib import crc32

from minisys.caching.queues import SizedQueue


class S3FIFO:
    """Three FIFO queues: a small one for newcomers, a main one with second chances, a ghost one of names thrown out.

    Small has 10 % of the room. Its oldest key moves to main if it was asked for twice or more, else it goes and main
    is promised to it should it return soon. Main gives as many further rounds as there were hits, at most 3.
    Until anything has been evicted, what no longer fits into small goes to main, as in the authors' library.
    Source: Yang et al., FIFO queues are all you need for cache eviction, SOSP 2023.
    """

    name = "s3-fifo"

    def __init__(self, capacity: int):
        self.small, self.main, self.ghost = SizedQueue(), SizedQueue(), SizedQueue()
        self.small_room = max(1, capacity // 10)
        self.main_room, self.ghost_room = max(1, capacity - capacity // 10), max(1, capacity * 9 // 10)
        self.hits: dict[Hashable, int] = {}
        self.has_evicted = False

    def hit(self, key: Hashable) -> None:
        self.hits[key] += 1

    def admit(self, key: Hashable, size: int = 1) -> None:
        known = key in self.ghost
        if known:
            self.ghost.remove(key)
        overflow = not self.has_evicted and self.small.used >= self.small_room
        (self.main if known or overflow else self.small).push(key, size)
        self.hits[key] = 0
        while self.ghost.used > self.ghost_room:  # only now: the key just asked for may have been the oldest ghost
            self.ghost.pop()

    def evict(self) -> Hashable:
        self.has_evicted, gone = True, None
        while gone is None:
            gone = self._from_main() if self.main.used > self.main_room or not self.small else self._from_small()
        del self.hits[gone]
        return gone

    def _from_small(self) -> Hashable | None:
        while self.small:
            key, size = self.small.pop()
            if self.hits[key] < 2:
                self.ghost.push(key, size)
                return key
            self.hits[key] = 0
            self.main.push(key, size)
        return None

    def _from_main(self) -> Hashable:
        while True:
            key, size = self.main.pop()
            if not self.hits[key]:
                return key
            self.hits[key] = min(self.hits[key], 3) - 1
            self.main.push(key, size)

    def forget(self, key: Hashable) -> None:
        (self.small if key in self.small else self.main).remove(key)
        del self.hits[key]


class FrequencySketch:
    """About how often was a key asked for lately? Four rows of counters, whatever the number of keys (count-min).

    A key has one counter in each row of *width* (rounded up to a power of two); its estimate is the lowest of the
    four: others may have raised it, never lowered it. Counters stop at 15; after *sample* requests all are halved, so
    that old fame fades. Here a counter takes a byte; real ones pack two into it.
    Source: Einziger, Friedman and Manes 2017, TinyLFU, ACM TOS 13(4).
    """

    HALF = bytes(i // 2 for i in range(256))

    def __init__(self, width: int, sample: int):
        self.bits = max(4, (width - 1).bit_length())
        self.counters = bytearray(4 << self.bits)  # the four rows behind each other
        self.sample, self.counted = sample, 0

    def estimate(self, key: Hashable) -> int:
        """The lowest of the key's four counters, 0 to 15."""
        return min([self.counters[i] for i in _places(key, self.bits)])

    def add(self, key: Hashable) -> None:
        """Count a request for *key*: only counters at its minimum rise (the rest are others' doing already)."""
        counters, places = self.counters, _places(key, self.bits)
        lowest = min([counters[i] for i in places])
        if lowest < 15:
            for i in places:
                if counters[i] == lowest:
                    counters[i] += 1
        self.counted += 1
        if self.counted >= self.sample:
            self.counters, self.counted = counters.translate(self.HALF), self.counted // 2


@lru_cache(maxsize=1 << 12)  # most requests are for few keys, and the hash takes longest
def _places(key: Hashable, bits: int) -> tuple[int, int, int, int]:
    """One counter in each of four rows of 2 ** *bits*, by odd multipliers: who shares one shares hardly another."""
    x = crc32(key if isinstance(key, bytes) else repr(key).encode())  # never hash(): it differs between processes
    shift, row = 32 - bits, 1 << bits
    return (
        (x * 0x9E3779B1 & 0xFFFFFFFF) >> shift,
        row + ((x * 0x85EBCA77 & 0xFFFFFFFF) >> shift),
        2 * row + ((x * 0xC2B2AE3D & 0xFFFFFFFF) >> shift),
        3 * row + ((x * 0x27D4EB2F & 0xFFFFFFFF) >> shift),
    )


class WTinyLFU:
    """A small LRU window for newcomers, a large part in two segments, and a sketch that decides between the two.

    The window has 1 % of the room. When the cache is full, the window's oldest key meets the main part's: the one
    asked for more often stays; at a draw, the one that is there. In the main part a hit moves a key from probation to
    the protected segment (80 %), whose overflow falls back. Simplification: the window's share is fixed, while
    Caffeine's adapts. Source: TinyLFU as above; Caffeine's wiki (Efficiency).
    """

    name = "w-tinylfu"

    def __init__(self, capacity: int, sketch: FrequencySketch | None = None):
        self.window_room = max(1, capacity // 100)
        self.protected_room = (capacity - self.window_room) * 4 // 5
        self.window, self.probation, self.protected = SizedQueue(), SizedQueue(), SizedQueue()
        counters = 4 * min(capacity, 1 << 16)
        self.sketch = sketch or FrequencySketch(counters, sample=10 * min(capacity, 1 << 16))

    def hit(self, key: Hashable) -> None:
        self.sketch.add(key)
        if key in self.probation:
            self.protected.push(key, self.probation.remove(key))
            while self.protected.used > self.protected_room:
                self.probation.push(*self.protected.pop())
        else:
            (self.window if key in self.window else self.protected).refresh(key)

    def admit(self, key: Hashable, size: int = 1) -> None:
        self.sketch.add(key)
        self.window.push(key, size)
        while self.window.used > self.window_room and len(self.window) > 1:  # still room, or evict() has made some
            self.probation.push(*self.window.pop())

    def evict(self) -> Hashable:
        main = self.probation if self.probation else self.protected
        if not main or not self.window:
            return (main or self.window).pop()[0]
        newcomer, resident = self.window.oldest(), main.oldest()
        if self.sketch.estimate(newcomer) <= self.sketch.estimate(resident):
            return self.window.pop()[0]
        self.probation.push(*self.window.pop())
        return main.pop()[0]

    def forget(self, key: Hashable) -> None:
        part = next(part for part in (self.window, self.probation, self.protected) if key in part)
        part.remove(key)
