"""How many requests at once? A limit that finds itself, from how long they take.

A fixed limit of 100 is right on the day it was measured. Then the database gets slower, and 100 at once is 80 too many.
What tells is latency: while more at once costs no time there is room; when each takes longer, they wait for each other.

Promised: ``enter()`` and ``leave(latency_s, ok)`` around each request, `limit` in between. Not here: what happens to
those refused. Not promised: the right limit on a server whose latency depends on anything but the load.
"""

from __future__ import annotations

import math


class Limit:
    """A number of places that changes: what both rules share. *start*, *least*, *most*: requests at once.

    Raises ValueError unless 1 <= least <= start <= most.
    """

    def __init__(self, start: int, least: int, most: int) -> None:
        if not 1 <= least <= start <= most:
            raise ValueError(f"need 1 <= least <= start <= most, got {least}, {start}, {most}")
        self.least, self.most, self.exact, self.in_flight = least, most, float(start), 0

    @property
    def limit(self) -> int:
        """Requests allowed at once now."""
        return int(self.exact)

    def enter(self) -> bool:
        """Whether there is a place; if so it is taken, and leave() must follow."""
        if self.in_flight >= self.limit:
            return False
        self.in_flight += 1
        return True

    def _out(self) -> bool:
        """Give the place back; tells whether at least half of the places were in use, so that the limit was a test."""
        if self.in_flight == 0:
            raise RuntimeError("leave() without enter(): call it once for each enter() that said True")
        self.in_flight -= 1
        return (self.in_flight + 1) * 2 >= self.limit

    def _set(self, wanted: float) -> None:
        self.exact = min(float(self.most), max(float(self.least), wanted))


class Aimd(Limit):
    """Additive increase, multiplicative decrease: one place more for each limit-full that went well, a share *down* of
    the places less when one was late or failed.

    *late_s*: latency in seconds that counts as too slow. Those already in flight at a decrease cannot cause another:
    they were let in under the old limit. Raises ValueError also unless 0 < down < 1 and late_s > 0. Source: Chiu and
    Jain 1989; Netflix's concurrency-limits (AIMDLimit).
    """

    def __init__(self, late_s: float, start: int = 20, least: int = 1, most: int = 200, down: float = 0.1) -> None:
        super().__init__(start, least, most)
        if not 0 < down < 1 or not late_s > 0:
            raise ValueError(f"need 0 < down < 1 and late_s > 0, got {down} and {late_s}")
        self.late_s, self.down, self.old = late_s, down, 0

    def leave(self, latency_s: float, ok: bool = True) -> None:
        """A request ended after *latency_s*; *ok*: with an answer."""
        tested = self._out()
        fresh, self.old = self.old == 0, max(0, self.old - 1)
        if ok and latency_s <= self.late_s:
            if tested:
                self._set(self.exact + 1 / self.exact)
        elif fresh:
            self._set(self.exact * (1 - self.down))
            self.old = self.in_flight


class Gradient(Limit):
    """Follows the gradient of latency: *tolerance* times the usual latency over the present one, at most 1, at least
    0.5, times the limit, plus *headroom* places to wait in.

    *memory*: requests over which the usual latency is averaged; *smoothing*: how far each step goes, 0 to 1. A failed
    request counts as the worst gradient and teaches no latency. Raises ValueError also unless tolerance >= 1,
    0 < smoothing <= 1, memory >= 1 and headroom >= 0. Source: Netflix's concurrency-limits (Gradient2Limit).
    """

    def __init__(
        self,
        start: int = 20,
        least: int = 1,
        most: int = 200,
        *,
        tolerance: float = 1.5,
        headroom: float = 4.0,
        smoothing: float = 0.2,
        memory: int = 600,
    ) -> None:
        super().__init__(start, least, most)
        if not (tolerance >= 1 and 0 < smoothing <= 1 and memory >= 1 and headroom >= 0):
            raise ValueError(
                f"need tolerance >= 1, 0 < smoothing <= 1, memory >= 1 and headroom >= 0, "
                f"got {tolerance}, {smoothing}, {memory}, {headroom}"
            )
        self.tolerance, self.headroom, self.smoothing, self.memory = tolerance, headroom, smoothing, memory
        self.usual_s, self.seen = math.nan, 0

    def leave(self, latency_s: float, ok: bool = True) -> None:
        """A request ended after *latency_s*; *ok*: with an answer."""
        tested = self._out()
        gradient = 0.5
        if ok:
            self._learn(latency_s)
            gradient = max(0.5, min(1.0, self.tolerance * self.usual_s / max(latency_s, 1e-9)))
        if tested:
            wanted = gradient * self.exact + self.headroom
            self._set((1 - self.smoothing) * self.exact + self.smoothing * wanted)

    def _learn(self, latency_s: float) -> None:
        self.seen += 1
        weight = 1 / min(self.seen, self.memory)
        self.usual_s = latency_s if self.seen == 1 else self.usual_s + weight * (latency_s - self.usual_s)
        if self.usual_s > 2 * latency_s:  # after a long overload, back to normal faster than the average would
            self.usual_s *= 0.95
