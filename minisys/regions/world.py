"""Two regions, the names that lead to them, and the data on its way between: the parts of the model.

A region is a few servers behind one address. When it is lost, its address answers nothing at all: users wait until
their patience ends, which is worse than an error. Names lead to regions, and somebody between user and name server
remembers where a name led a minute ago.

Promised: each part takes requests and answers every one of them; writes are in the account of `Ledger` from the moment
a user was told "done". Not modelled: the inside of a data centre, partial losses, congestion on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import simpy
from simpy.events import Event

from minisys.regions.levels import Copies
from minisys.regions.policies import OBEYS, Resolver
from minisys.testbed.server import FAILED, REFUSED, TIMEOUT, Alarm, Request, Server, settle

PATIENCE_S = 2.0  # of a user whose packets vanish


@dataclass
class Written:
    """A write that a user was told is done: which, when, in which region, and when the other region has it."""

    index: int
    at_s: float
    region: str
    there_s: float


@dataclass
class Ledger:
    """All acknowledged writes, and what of them is left when a region is gone."""

    copies: Copies
    phase_s: float
    written: list[Written] = field(default_factory=list)

    def note(self, index: int, now: float, region: str) -> None:
        """A write was acknowledged at *now* in *region*."""
        self.written.append(Written(index, now, region, self.copies.there_s(now, self.phase_s)))

    def lost(self, region: str, at_s: float) -> list[Written]:
        """What was acknowledged in *region* before *at_s* and was nowhere else yet."""
        return [one for one in self.written if one.region == region and one.at_s <= at_s < one.there_s]


def after(env: simpy.Environment, seconds: float, ring: Callable[[Event], None]) -> None:
    """Call *ring* in so many *seconds*."""
    Alarm(env, ring).set(env.now + seconds)


class Site:
    """A region: up to *servers* servers with *workers* each behind one address; *running* of them at first.

    The least busy takes the next request; when none runs it is refused. Once lost, nothing comes back at all and the
    user gives up after PATIENCE_S.
    """

    def __init__(self, env: simpy.Environment, name: str, *, servers: int, running: int, workers: int) -> None:
        self.env, self.name, self.lost, self.count = env, name, False, servers
        self.fleet: list[Server] = []
        self.workers = workers
        self.grow(running)

    def grow(self, running: int) -> None:
        """Start servers until so many are *running*."""
        while len(self.fleet) < running:
            self.fleet.append(Server(self.env, self.name, workers=self.workers, queue=10 * self.workers))

    def lose(self) -> None:
        """Everything in it is gone, and whoever waits for it waits in vain."""
        self.lost = True
        for server in self.fleet:
            server.kill()

    def rebuild(self) -> None:
        """It is back, with all its servers, empty."""
        self.lost, self.fleet = False, []
        self.grow(self.count)

    def serve(self, request: Request) -> Event:
        """Serve *request*, or keep silent."""
        done = Event(self.env)
        if self.lost:
            after(self.env, PATIENCE_S, lambda _: settle(done, TIMEOUT))
        elif not self.fleet:
            after(self.env, 0.0, lambda _: settle(done, REFUSED))
        else:
            inner = min(self.fleet, key=lambda one: len(one.waiting) - len(one.idle)).serve(request)
            inner.callbacks.append(lambda event: self._answered(done, event._value))
        return done

    def _answered(self, done: Event, outcome: str) -> None:
        if outcome == FAILED and self.lost:  # it died with the request inside: nobody says so
            after(self.env, PATIENCE_S, lambda _: settle(done, TIMEOUT))
        else:
            settle(done, outcome)


@dataclass
class _Cached:
    region: str
    until_s: float


class Names:
    """Where each resolver's users are sent. `lead` changes the answer; caches notice when theirs has run out.

    *mix*: kinds of resolvers and their shares. ttl_s: of the record. Anycast is *converge_s* instead: no cache at all,
    each network hears of the change within so many seconds.
    """

    def __init__(
        self, *, resolvers: int, ttl_s: float, mix: Mapping[Resolver, float], rng: np.random.Generator,
        converge_s: float | None = None,
    ) -> None:  # fmt: skip
        total = sum(mix.values())
        if resolvers < 1 or abs(total - 1) > 1e-9 or min(mix.values()) < 0:
            raise ValueError(f"need resolvers >= 1 and shares that add up to 1, got {resolvers} and {total:g}")
        self.ttl_s, self.converge_s = ttl_s, converge_s
        kinds, edges = list(mix), np.cumsum(list(mix.values()))
        drawn = np.searchsorted(edges, (np.arange(resolvers) + 0.5) / resolvers)
        self.kind = [kinds[min(int(i), len(kinds) - 1)] for i in rng.permutation(drawn)]
        self.luck = rng.random(resolvers)
        self.cached: dict[tuple[int, str], _Cached] = {}
        self.history: dict[str, list[tuple[float, str]]] = {}

    def lead(self, name: str, region: str, now: float) -> None:
        """From *now* on *name* leads to *region*."""
        self.history.setdefault(name, []).append((now, region))

    def ask(self, name: str, resolver: int, now: float) -> str:
        """Where a user behind *resolver* is sent at *now*."""
        if self.converge_s is not None:
            late = self.luck[resolver] * self.converge_s
            known = [region for at_s, region in self.history[name] if at_s + late <= now]
            return known[-1] if known else self.history[name][0][1]
        held = self.cached.get((resolver, name))
        if held is None or held.until_s <= now:
            keeps = self.kind[resolver].keeps_s(self.ttl_s)
            age = self.luck[resolver] * keeps if held is None and keeps < np.inf else 0.0  # asked before we looked
            held = _Cached(self.history[name][-1][1], now + keeps - age)
            self.cached[resolver, name] = held
        return held.region


OBEDIENT = {OBEYS: 1.0}


def nearest(place: str, regions: Sequence[str], round_trip_s: Callable[[str, str], float]) -> list[str]:
    """*regions* by their distance in time from *place*, the nearest first."""
    return sorted(regions, key=lambda region: (round_trip_s(place, region), region))
