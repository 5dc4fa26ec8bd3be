"""One popular key expires, and everybody who wants it runs to the database: what should each of them do?

The front page is rebuilt every ten minutes and takes half a second. In that half-second 500 readers miss, and 500
copies of the same page are built. Four rules, each given what it may know: the copy, the time, whether somebody is
computing already, and one random number.

Promised: no clock, no I/O; the same functions decide in the simulation (stampede_model.py) and in the live shop
(database.py). Not done here: locks between processes, which need a place to keep them (Redis: SET key token NX PX).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

SERVE, COMPUTE, WAIT, REFRESH = "serve", "compute", "wait", "refresh"


@dataclass(frozen=True)
class Copy:
    """A value in the cache: computed in *took_s* seconds, fresh until *expires_s* on the clock."""

    took_s: float
    expires_s: float


Rule = Callable[[Copy | None, float, bool, float], str]
"""rule(copy, now, computing, luck) -> one of SERVE, COMPUTE, WAIT (for the one who computes), REFRESH (serve the old
copy, compute aside)."""


def none(copy: Copy | None, now: float, computing: bool, luck: float) -> str:
    """No protection: whoever finds no fresh copy computes one."""
    return SERVE if copy and now < copy.expires_s else COMPUTE


def single_flight(copy: Copy | None, now: float, computing: bool, luck: float) -> str:
    """One computes, the others wait for the answer. Source: Go's singleflight, groupcache 2013."""
    if copy and now < copy.expires_s:
        return SERVE
    return WAIT if computing else COMPUTE


def stale_while_revalidate(copy: Copy | None, now: float, computing: bool, luck: float, stale_s: float = 60.0) -> str:
    """The old copy is good enough for *stale_s* seconds more while one computes. Source: RFC 5861."""
    if copy and copy.expires_s <= now < copy.expires_s + stale_s:
        return SERVE if computing else REFRESH
    return single_flight(copy, now, computing, luck)


def xfetch(copy: Copy | None, now: float, computing: bool, luck: float, beta: float = 1.0) -> str:
    """Each reader may decide to be early, the more likely the nearer the expiry and the longer a computation takes.

    Needs no lock and no word between processes, and so does not look at *computing*. Source: Vattani, Chierichetti and
    Lowenstein 2015, Optimal probabilistic cache stampede prevention, VLDB 8(8).
    """
    early_s = copy.took_s * beta * -math.log(1.0 - luck) if copy else 0.0
    return SERVE if copy and now + early_s < copy.expires_s else COMPUTE


RULES: dict[str, Rule] = {
    "none": none,
    "single flight": single_flight,
    "stale-while-revalidate": stale_while_revalidate,
    "xfetch": xfetch,
}


def rule(name: str | Rule) -> Rule:
    """The rule called *name*, one of RULES; a function comes back as it is. Raises ValueError for another name."""
    if callable(name):
        return name
    if name not in RULES:
        raise ValueError(f"unknown protection {name!r}; known: {', '.join(RULES)}")
    return RULES[name]
