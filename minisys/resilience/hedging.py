"""Ask a second server when the first is slow, and take whichever answers first.

A page needs 100 servers; each is slow once in a hundred times, so 63 of 100 pages are slow. Nearly every slow answer is
bad luck of that one server: garbage collection, a full queue. A second copy of the question, sent only when the first
takes longer than nineteen of twenty do, costs one more request in twenty and takes most of the bad luck away.

Promised: when to send the second, and a budget for it. Not here: sending, cancelling. Not for work that must not be
done twice, and not a help when all servers are slow: then the budget is what keeps it from harm.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque

from minisys.resilience.retries import RatioBudget


class Hedge:
    """Send a second copy once the first has taken longer than *quantile* of the last *window* answers.

    *at_most_ratio*: second copies for each request, in the long run. *at_least*: latencies that must be known first.
    Raises ValueError unless 0 < quantile < 1 and 1 <= at_least <= window. Source: Dean and Barroso, "The Tail at
    Scale", CACM 2013.
    """

    def __init__(
        self, quantile: float = 0.95, at_most_ratio: float = 0.1, *, window: int = 1000, at_least: int = 20
    ) -> None:
        if not 0 < quantile < 1 or not 1 <= at_least <= window:
            raise ValueError(f"need 0 < quantile < 1 and 1 <= at_least <= window, got {quantile}, {at_least}, {window}")
        self.quantile, self.at_least, self.window = quantile, at_least, window
        self.budget = RatioBudget(at_most_ratio, reserve=1.0)
        self.recent: deque[float] = deque()
        self.in_order: list[float] = []

    def after_s(self, now_s: float = 0.0) -> float:
        """A request is sent: after how many seconds without answer a copy should follow; infinity: never.

        Call once for each request: it pays the budget in. *now_s* is there for rules that depend on the time.
        """
        self.budget.request()
        if len(self.in_order) < self.at_least:
            return math.inf
        return self.in_order[math.ceil(self.quantile * len(self.in_order)) - 1]

    def send(self) -> bool:
        """The time is up without an answer: whether the budget pays for a copy; if so it has."""
        return self.budget.spend()

    def observe(self, latency_s: float) -> None:
        """An answer took *latency_s* from its own sending. Tell those of first copies, and of all that were awaited."""
        insort(self.in_order, latency_s)
        self.recent.append(latency_s)
        if len(self.recent) > self.window:
            del self.in_order[bisect_left(self.in_order, self.recent.popleft())]
