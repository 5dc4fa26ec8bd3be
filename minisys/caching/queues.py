"""Two containers that eviction policies are made of: a queue that knows its size, and a bag to draw from.

S3-FIFO and W-TinyLFU divide one cache into parts and move keys between them, each part with its own share of the
room; random eviction and Redis's active expiry draw a key by chance. All operations are O(1). No numpy, no clock.
"""

from collections import OrderedDict
from collections.abc import Hashable
from random import Random


class SizedQueue:
    """Keys from oldest to newest with the room that each takes; `used` is the sum."""

    def __init__(self) -> None:
        self.sizes: OrderedDict[Hashable, int] = OrderedDict()
        self.used = 0

    def __contains__(self, key: Hashable) -> bool:
        return key in self.sizes

    def __len__(self) -> int:
        return len(self.sizes)

    def push(self, key: Hashable, size: int) -> None:
        """Put *key*, which is not there yet, at the newest end."""
        self.sizes[key] = size
        self.used += size

    def pop(self) -> tuple[Hashable, int]:
        """Take the oldest key and its size."""
        key, size = self.sizes.popitem(last=False)
        self.used -= size
        return key, size

    def remove(self, key: Hashable) -> int:
        """Take *key* out of wherever it stands; its size."""
        size = self.sizes.pop(key)
        self.used -= size
        return size

    def refresh(self, key: Hashable) -> None:
        """*key* becomes the newest."""
        self.sizes.move_to_end(key)

    def oldest(self) -> Hashable:
        """The key that pop() would take."""
        return next(iter(self.sizes))


class Bag:
    """A set from which a key can be drawn by chance in O(1): a list, and where in it each key stands."""

    def __init__(self) -> None:
        self.keys: list[Hashable] = []
        self.place: dict[Hashable, int] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self.place

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, key: Hashable) -> None:
        """Put *key* in; nothing happens if it is there."""
        if key not in self.place:
            self.place[key] = len(self.keys)
            self.keys.append(key)

    def remove(self, key: Hashable) -> None:
        """Take *key* out: the last key of the list moves into its place. KeyError if it is not there."""
        hole, last = self.place.pop(key), self.keys.pop()
        if last != key:
            self.keys[hole] = last
            self.place[last] = hole

    def draw(self, rng: Random) -> Hashable:
        """A key of this bag, each as likely as any other; it stays in."""
        return self.keys[int(rng.random() * len(self.keys))]
