"""A worse answer instead of none: the last good one, a default, or a page without its extras.

The recommendations are down. The shop can fail, or it can show what sold well yesterday, or leave the box out. Users
notice the first. The rule that makes this safe: the worse answer must cost less than the good one and need nobody else.

Promised: what to answer and how good it is; how many users get the extras. Not here: calling. A fallback that runs
once a year is untested code in the middle of an outage: use it a little all the time.
"""

from __future__ import annotations

from collections import OrderedDict
from random import Random
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What to send, and how good it is: "fresh", "stale" or "default"."""

    value: Any
    quality: str


class LastGood:
    """Keeps the last good answer for each key and gives it out, up to *stale_s* seconds old, when a call fails.

    *default*: what to answer when there is none, or it is too old. *most*: keys kept; the one longest not renewed goes.
    Raises ValueError unless stale_s >= 0 and most >= 1. Source: RFC 5861 (stale-if-error).
    """

    def __init__(self, stale_s: float, default: Any = None, most: int = 1000) -> None:
        if not stale_s >= 0 or most < 1:
            raise ValueError(f"need stale_s >= 0 and most >= 1, got {stale_s} and {most}")
        self.stale_s, self.default, self.most = stale_s, default, most
        self.kept: OrderedDict[str, tuple[Any, float]] = OrderedDict()

    def keep(self, key: str, value: Any, now_s: float) -> None:
        """A call for *key* went well."""
        self.kept[key] = (value, now_s)
        self.kept.move_to_end(key)
        if len(self.kept) > self.most:
            self.kept.popitem(last=False)

    def instead(self, key: str, now_s: float) -> Answer:
        """A call for *key* failed: what to answer."""
        value, kept_s = self.kept.get(key, (None, float("-inf")))
        return Answer(value, "stale") if now_s - kept_s <= self.stale_s else Answer(self.default, "default")


class Brownout:
    """Dims the optional part of the service, as lights dim when power is short, so that latency stays near *target_s*.

    After each answer the share of requests with extras moves by *gain* * (1 - latency / target): down when late, up
    when early. Raises ValueError unless target_s > 0 and 0 < gain <= 1. Source: Klein et al., "Brownout", ICSE 2014.
    """

    def __init__(self, target_s: float, gain: float = 0.05) -> None:
        if not target_s > 0 or not 0 < gain <= 1:
            raise ValueError(f"need target_s > 0 and 0 < gain <= 1, got {target_s} and {gain}")
        self.target_s, self.gain, self.share = target_s, gain, 1.0

    def extras(self, rng: Random) -> bool:
        """Whether this request gets the extras."""
        return rng.random() < self.share

    def observe(self, latency_s: float) -> None:
        """An answer took *latency_s*."""
        self.share = min(1.0, max(0.0, self.share + self.gain * (1 - latency_s / self.target_s)))
