"""Eviction policies: the cache is full and something new arrives; who has to go?

A shop keeps its 10,000 most wanted product pages in memory. Every page that is put in pushes another one out, and
whoever is pushed out wrongly is asked for again a second later, from the database. These classes are that decision.

Promised: a policy sees keys only, in the order of the requests: no clock, no I/O, no randomness but what it is handed.
The same code decides in the simulation, in the explorers and in the live cache server. O(1) per request. Not done
here: the values, the count of the room taken and the time to live (cache.py). S3-FIFO and W-TinyLFU, which make
newcomers wait, are in admission.py; the optimum, which needs the future, in belady.py.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from difflib import get_close_matches
from random import Random
from typing import Protocol

from minisys.caching.admission import S3FIFO, WTinyLFU
from minisys.caching.queues import Bag


class Eviction(Protocol):
    """What a cache asks of its policy. Before admit() the cache calls evict() until there is room."""

    name: str

    def hit(self, key: Hashable) -> None:
        """*key* was asked for and is there."""

    def admit(self, key: Hashable, size: int = 1) -> None:
        """*key* is put in; it takes *size* of the capacity (items: 1, else bytes)."""

    def evict(self) -> Hashable:
        """Name the key that goes, and forget it. Only called when at least one key is held."""

    def forget(self, key: Hashable) -> None:
        """*key*, which is held, was deleted or expired: not this policy's doing."""


class FIFO:
    """First in, first out: the key that was put in first goes, however often it was asked for since."""

    name = "fifo"

    def __init__(self, capacity: int = 0):
        self.keys: OrderedDict[Hashable, None] = OrderedDict()  # oldest first

    def hit(self, key: Hashable) -> None:
        pass

    def admit(self, key: Hashable, size: int = 1) -> None:
        self.keys[key] = None

    def evict(self) -> Hashable:
        return self.keys.popitem(last=False)[0]

    def forget(self, key: Hashable) -> None:
        del self.keys[key]


class LRU(FIFO):
    """Least recently used: a queue as FIFO's, in which every hit sends the key to the newest end."""

    name = "lru"

    def hit(self, key: Hashable) -> None:
        self.keys.move_to_end(key)


class RandomEviction:
    """Any key, each as likely as any other: no bookkeeping on a hit, and no pattern of requests can defeat it."""

    name = "random"

    def __init__(self, capacity: int = 0, rng: Random | None = None):
        self.bag, self.rng = Bag(), rng or Random(0)

    def hit(self, key: Hashable) -> None:
        pass

    def admit(self, key: Hashable, size: int = 1) -> None:
        self.bag.add(key)

    def evict(self) -> Hashable:
        key = self.bag.draw(self.rng)
        self.bag.remove(key)
        return key

    def forget(self, key: Hashable) -> None:
        self.bag.remove(key)


class Clock:
    """FIFO with a second chance: a hit sets one bit; who is oldest and has the bit loses it and becomes the newest.

    LRU's results nearly, without moving anything on a hit. Source: Corbato 1968, A paging experiment with Multics.
    """

    name = "clock"

    def __init__(self, capacity: int = 0):
        self.asked: OrderedDict[Hashable, bool] = OrderedDict()  # oldest first; was it asked for since its last round?

    def hit(self, key: Hashable) -> None:
        self.asked[key] = True

    def admit(self, key: Hashable, size: int = 1) -> None:
        self.asked[key] = False

    def evict(self) -> Hashable:
        while True:
            key, asked = self.asked.popitem(last=False)
            if not asked:
                return key
            self.asked[key] = False

    def forget(self, key: Hashable) -> None:
        del self.asked[key]


class Sieve:
    """A hand goes from oldest to newest: who was asked for loses the mark and stays in place, the first without goes.

    New keys join at the newest end, out of the hand's reach for a while; Clock would mix them with the survivors.
    Kept as two queues, so that a dictionary is enough: those the hand has passed, and those before it.
    Source: Zhang et al., SIEVE is simpler than LRU, NSDI 2024.
    """

    name = "sieve"

    def __init__(self, capacity: int = 0):
        self.passed: OrderedDict[Hashable, None] = OrderedDict()
        self.ahead: OrderedDict[Hashable, None] = OrderedDict()
        self.marked: set[Hashable] = set()

    def hit(self, key: Hashable) -> None:
        self.marked.add(key)

    def admit(self, key: Hashable, size: int = 1) -> None:
        self.ahead[key] = None

    def evict(self) -> Hashable:
        while True:
            key, _ = self.ahead.popitem(last=False)
            spared = key in self.marked
            if spared:
                self.marked.remove(key)
                self.passed[key] = None
            self._back_to_the_oldest()
            if not spared:
                return key

    def forget(self, key: Hashable) -> None:
        self.marked.discard(key)
        del (self.ahead if key in self.ahead else self.passed)[key]
        self._back_to_the_oldest()

    def _back_to_the_oldest(self) -> None:
        if not self.ahead:  # the hand went past the newest
            self.ahead, self.passed = self.passed, self.ahead


class LFU:
    """Least frequently used: the key with the fewest requests since it was put in goes; of several the oldest.

    Pure LFU never forgets: last week's star stays. With *ageing* all counts are halved whenever the requests since the
    last halving reach *ageing* times the number of keys held (10 is TinyLFU's choice).
    Source of the O(1) form: Shah, Mitra and Matani 2010, An O(1) algorithm for implementing the LFU cache.
    """

    def __init__(self, capacity: int = 0, ageing: float | None = None):
        self.count: dict[Hashable, int] = {}
        self.with_count: dict[int, OrderedDict[Hashable, None]] = {}  # the keys of each count, oldest first
        self.fewest, self.ageing, self.requests = 1, ageing, 0
        self.name = "lfu with ageing" if ageing else "lfu"

    def hit(self, key: Hashable) -> None:
        count = self._take(key)
        if count == self.fewest and count not in self.with_count:
            self.fewest += 1
        self._place(key, count + 1)

    def admit(self, key: Hashable, size: int = 1) -> None:
        self._place(key, 1)

    def evict(self) -> Hashable:
        if self.fewest not in self.with_count:  # rare: two go at once, or forget() emptied the lowest
            self.fewest = min(self.with_count)
        key = next(iter(self.with_count[self.fewest]))
        self._take(key)
        return key

    def forget(self, key: Hashable) -> None:
        self._take(key)

    def _place(self, key: Hashable, count: int) -> None:
        self.count[key] = count
        self.with_count.setdefault(count, OrderedDict())[key] = None
        self.fewest = min(self.fewest, count)
        self.requests += 1
        if self.ageing and self.requests >= self.ageing * len(self.count):
            self._halve()

    def _take(self, key: Hashable) -> int:
        count = self.count.pop(key)
        del self.with_count[count][key]
        if not self.with_count[count]:
            del self.with_count[count]
        return count

    def _halve(self) -> None:
        before, self.with_count, self.requests = self.with_count, {}, 0
        for count in sorted(before):
            self.with_count.setdefault(count // 2, OrderedDict()).update(before[count])
        self.count = {key: count for count, keys in self.with_count.items() for key in keys}
        self.fewest = min(self.with_count)


POLICIES: dict[str, Callable[[int], Eviction]] = {
    "fifo": FIFO,
    "random": RandomEviction,
    "lru": LRU,
    "clock": Clock,
    "lfu": LFU,
    "lfu with ageing": lambda capacity: LFU(capacity, ageing=10),
    "sieve": Sieve,
    "s3-fifo": S3FIFO,
    "w-tinylfu": WTinyLFU,
}


def policy(name: str, capacity: int, *, rng: Random | None = None) -> Eviction:
    """A new policy called *name*, one of POLICIES, for a cache of *capacity* items or bytes.

    *rng* is what "random" draws from (default: Random(0)). Raises ValueError for an unknown name or a capacity below 1.
    """
    if name not in POLICIES:
        close = "".join(f", did you mean {match!r}?" for match in get_close_matches(str(name), POLICIES, n=1))
        raise ValueError(f"unknown eviction policy {name!r}{close}; known: {', '.join(POLICIES)}")
    if isinstance(capacity, bool) or int(capacity) != capacity or capacity < 1:
        raise ValueError(f"capacity must be a whole number of items or bytes, 1 or more, got {capacity!r}")
    return RandomEviction(capacity, rng) if name == "random" else POLICIES[name](int(capacity))
