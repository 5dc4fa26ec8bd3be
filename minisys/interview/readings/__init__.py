"""Scenarios for reading questions: a room's simulation, run with one of several causes in it.

Each says which causes it can have and which columns it shows; play() runs it for a cause and a seed. Rooms are imported
when a scenario is played, not when the bank is read.

Promised: pure functions of cause and seed, a fraction of a second each, at most 24 rows; parameters are drawn from the
seed, and the caption says those that an operator would know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module

MOST_ROWS = 24


@dataclass(frozen=True)
class Played:
    """One run: what the reader is told (*caption*), the *columns* and *rows* to read, and *told*, said afterwards."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]
    told: str = ""


@dataclass(frozen=True)
class Scenario:
    """*causes* that it can be played with, the names of its *columns*, and the *module* here whose play() runs it."""

    module: str
    causes: tuple[str, ...]
    columns: tuple[str, ...]

    def play(self, cause: str, seed: int) -> Played:
        """The run with *cause* and *seed*. Raises ValueError for an unknown cause."""
        if cause not in self.causes:
            raise ValueError(f"there is no cause {cause!r}; there are {', '.join(self.causes)}")
        run: Callable[[str, int], Played] = import_module(f"{__name__}.{self.module}").play
        found = run(cause, seed)
        rows = tuple(tuple(cell.item() if hasattr(cell, "item") else cell for cell in row) for row in found.rows)
        return replace(found, rows=rows)


SCENARIOS: dict[str, Scenario] = {
    "errors": Scenario(
        "errors", ("total outage", "slow burn", "flapping", "bad deploy", "low traffic"),
        ("period", "requests", "failed", "failed %", "month's budget spent %"),
    ),
    "backends": Scenario(
        "backends", ("one slow", "hot client", "overload", "unequal weights", "short of workers"),
        ("backend", "requests/s", "busy %", "p50 ms", "p99 ms", "refused/s"),
    ),
    "cache": Scenario(
        "cache", ("flush", "scan", "shift", "more traffic", "expiry together"),
        ("second", "reads/s", "hit %", "database reads/s", "different keys", "answers held"),
    ),
    "queue": Scenario(
        "queue", ("spike", "consumers lost", "slower work", "too slow for good", "limit reached"),
        ("minute", "arrive/s", "finished/s", "time per message s", "refused/s", "waiting", "age of the oldest s"),
    ),
    "retries": Scenario(
        "retries", ("retry storm", "slow for a while", "overload", "failing calls", "budget holds"),
        ("second", "users/s", "answered in time/s", "calls to the database/s", "calls for one user"),
    ),
    "autoscaler": Scenario(
        "autoscaler", ("flapping", "slow boot", "at the maximum", "wrong signal", "well"),
        ("minute", "requests/s", "serving", "wanted", "started", "stopped", "busy %", "refused/s"),
    ),
    "shards": Scenario(
        "shards", ("hot key", "few points", "range by time", "even"),
        ("shard", "keys", "keys %", "requests %", "busiest key %"),
    ),
    "shop": Scenario(
        "shop", ("zone loss", "region loss", "bad deploy", "flash sale", "slow answers"),
        ("second", "arrive/s", "answered/s", "failed/s", "p99 ms"),
    ),
    "workers": Scenario(
        "workers", ("linear", "serial part", "talking", "ceiling"),
        ("workers", "requests/s", "per worker", "latency ms"),
    ),
}  # fmt: skip
