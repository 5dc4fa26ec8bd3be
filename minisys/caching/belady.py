"""Belady's optimum: the best that any eviction policy could have done, known afterwards.

A hit ratio of 60 % says little until one knows that no policy at all could have got more than 66 % from the same
requests in the same room. Promised: for equal sizes, and a cache that keeps every key it fetches, no policy has more
hits. Not done here: sizes that differ (the optimum is then NP-hard), or refusing to keep a key.
"""

import heapq
from collections import deque
from collections.abc import Hashable, Sequence


class Belady:
    """The optimum, for whoever knows the future: the key that is needed last of all, or never again, goes.

    *future*: the keys of all requests to come, in order; each hit() and admit() is the next one of them. Nobody has
    it, so this is a bound to compare with. Source: Belady 1966; proof in Mattson et al. 1970. O(log n) per request.
    """

    name = "belady"

    def __init__(self, future: Sequence[Hashable]):
        self.uses: dict[Hashable, deque[int]] = {}
        for i, key in enumerate(future):
            self.uses.setdefault(key, deque()).append(i)
        self.never = len(future)
        self.next_use: dict[Hashable, int] = {}
        self.latest: list[tuple[int, Hashable]] = []  # a heap; what next_use no longer says is out of date

    def hit(self, key: Hashable) -> None:
        self.uses[key].popleft()
        self.next_use[key] = self.uses[key][0] if self.uses[key] else self.never
        heapq.heappush(self.latest, (-self.next_use[key], key))

    def admit(self, key: Hashable, size: int = 1) -> None:
        self.hit(key)

    def evict(self) -> Hashable:
        while True:
            use, key = heapq.heappop(self.latest)
            if self.next_use.get(key) == -use:
                del self.next_use[key]
                return key

    def forget(self, key: Hashable) -> None:
        del self.next_use[key]
