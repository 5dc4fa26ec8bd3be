"""A box and an arrow: what every part of a design has, whatever its kind (kinds.py has the kinds).

A figure is given as a number in its base unit or as people write it: ``Call("db", timeout="200 ms")``. What is no such
figure is refused with its value and what to write (quantities.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from minisys.design.quantities import settle


@dataclass(frozen=True)
class Call:
    """An arrow: the caller asks *to*, for a *share* of its requests, *on* all, reads, writes or misses.

    timeout: seconds the caller waits (None: for ever). attempts: how often it asks in all; backoff: base of the pause
    before the next attempt in seconds, doubled each time, with full jitter if *jitter*. budget: retries may be so large
    a share of the calls (None: no limit). waits: the caller's answer waits for it (False: it is sent and forgotten).
    together: it starts at the same moment as the call before it in the list, not after it. optional: when it fails the
    caller answers without it. times: that many calls, at the same moment (a fan-out).
    """

    to: str
    share: float = 1.0
    on: str = "all"  # all, reads, writes, misses (of the cache asked before)
    timeout: float | None = None
    attempts: int = 1
    backoff: float = 0.0
    jitter: bool = True
    budget: float | None = None
    waits: bool = True
    together: bool = False
    optional: bool = False
    times: int = 1

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True)
class Autoscaler:
    """Between *low* and *high* copies, so that they are busy to *target* (share); it looks every *every* seconds.

    policy: a name from the autoscaling room: "target tracking" or "hpa". boot: seconds until a new copy serves.
    """

    low: int
    high: int
    target: float = 0.6
    policy: str = "hpa"  # see POLICIES
    every: float = 15.0
    boot: float = 60.0

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True)
class Part:
    """A box. It has *copies*, which stand in turn in *zones* (() means all the design's), each with *workers*.

    takes: mean seconds of work a request is; law: how it scatters ("exponential", "constant", "lognormal" with *cv*).
    queue: how many may wait at one copy (None: no limit). calls: the arrows that leave it, taken in order. holds: a
    worker stays busy while it waits for its calls (threads), otherwise it serves others (asynchronous). policy: how a
    copy is chosen, by a name of the load balancing room. machine: what one copy is billed as (cost.py). mtbf, mttr:
    seconds between two failures of a copy and to its repair, for the exact availability.
    """

    kind: ClassVar[str] = "part"
    name: str
    calls: tuple[Call, ...] = field(default=(), kw_only=True)
    takes: float = field(default=0.0, kw_only=True)
    law: str = field(default="exponential", kw_only=True)
    cv: float = field(default=1.0, kw_only=True)
    workers: int = field(default=1, kw_only=True)
    copies: int = field(default=1, kw_only=True)
    zones: tuple[str, ...] = field(default=(), kw_only=True)
    queue: int | None = field(default=None, kw_only=True)
    holds: bool = field(default=False, kw_only=True)
    policy: str = field(default="round robin", kw_only=True)
    machine: str = field(default="", kw_only=True)
    mtbf: float = field(default=30 * 86400.0, kw_only=True)
    mttr: float = field(default=600.0, kw_only=True)

    def __post_init__(self) -> None:
        settle(self)
