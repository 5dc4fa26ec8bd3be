"""A bulkhead: so many calls at once to one dependency, and no more.

A ship has walls below deck so that one hole floods one room. A shop with forty threads and one slow payment service
has forty threads that wait for it, and none that sells. With ten places for payments, thirty are left for the rest.

Promised: a counter with a limit. Not here: a queue for those who find no place: they are refused at once.
"""

from __future__ import annotations


class Bulkhead:
    """At most *limit* calls at once. Raises ValueError unless limit >= 1. Source: Nygard, "Release It!", 2007."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a bulkhead has room for at least 1 call, got {limit}")
        self.limit, self.in_flight = limit, 0

    def enter(self) -> bool:
        """Whether there is a place; if so it is taken, and leave() must follow."""
        if self.in_flight >= self.limit:
            return False
        self.in_flight += 1
        return True

    def leave(self) -> None:
        """Give the place back. Raises RuntimeError if nobody was inside."""
        if self.in_flight == 0:
            raise RuntimeError("leave() without enter(): call it once for each enter() that said True")
        self.in_flight -= 1
