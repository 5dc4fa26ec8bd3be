"""A region is lost, in virtual time: who notices when, where names lead, what is gone, and the way back.

At second 120 Virginia stops. Half of the users sit in Europe and half in America; between them and the shop stand name
servers' caches. `simulate` plays it for any standby level and measures, from what users saw, the same two numbers that
theory.py predicts and a drill with PostgreSQL measures: RPO and RTO.

Promised: conservation (every request has one outcome; acknowledged writes are kept or lost), one seed gives one answer,
the same Trace as in every other room. Not modelled: half-lost regions, wrong decisions (policies.promote has them),
the inside of the database.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import simpy
from simpy.events import Event

from minisys.load_balancing.health import Health
from minisys.regions.latency import round_trip_s
from minisys.regions.levels import WARM, Level, Shop, Timing
from minisys.regions.policies import Resolver
from minisys.regions.theory import rpo_worst_s, rto_s
from minisys.regions.world import OBEDIENT, PATIENCE_S, Ledger, Names, Site, Written, after, nearest
from minisys.testbed.laws import Deterministic, Uniform
from minisys.testbed.server import OK, TIMEOUT, Request, settle
from minisys.testbed.simulation import simulate as send
from minisys.testbed.trace import BAD, Trace
from minisys.testbed.workload import Poisson, workload

SERVERS, WORKERS = 4, 1  # of each region's application, when it is all there


@dataclass(frozen=True)
class Plan:
    """A service on two regions. *home* is the one that will be lost; users sit in *users*, in equal parts.

    level, shop, timing: see levels.py. mix: resolvers and their shares; *resolvers* of them. converge_s: anycast
    instead of names, with so many seconds until every network knows (None: names). witness: synchronous copies also
    have a third place to go to, so that one lost region does not stop the other's writes.
    """

    level: Level = WARM
    shop: Shop = field(default_factory=Shop)
    timing: Timing = field(default_factory=Timing)
    home: str = "Virginia"
    other: str = "Frankfurt"
    users: tuple[str, ...] = ("Virginia", "Frankfurt")
    mix: Mapping[Resolver, float] = field(default_factory=lambda: dict(OBEDIENT))
    resolvers: int = 200
    converge_s: float | None = None
    witness: bool = True

    def first(self, place: str) -> str:
        """The region where users in *place* are sent while all is well."""
        return nearest(place, [self.home, self.other], round_trip_s)[0] if self.level.serving else self.home

    @property
    def hit(self) -> list[int]:
        """Which of *users*, by their number, are sent to *home* and so are hit when it is lost."""
        return [i for i, place in enumerate(self.users) if self.first(place) == self.home]


@dataclass(frozen=True)
class RegionLoss:
    """What came of it. Seconds from the start; *moments*: when each step of the recovery was done.

    acknowledged: writes that a user was told are done; lost: those of them that nobody has any more.
    """

    plan: Plan
    loss_at_s: float
    trace: Trace
    moments: Mapping[str, float]
    acknowledged: int
    lost: tuple[Written, ...]

    @property
    def rpo_s(self) -> float:
        """Age of the oldest lost write when the region was lost; 0 if none is lost."""
        return max((self.loss_at_s - one.at_s for one in self.lost), default=0.0)

    @property
    def rto_s(self) -> float:
        """Seconds from the loss until a user who was hit by it is served again (sent after it, answered elsewhere)."""
        frame, opened_s = self.trace.frame, self.moments.get("open", math.inf)
        hit = np.isin(frame["key"] % len(self.plan.users), self.plan.hit)
        well = frame[hit & (frame["outcome"] == OK) & (frame["sent_s"] >= opened_s)]
        return float(well["finished_s"].to_numpy().min()) - self.loss_at_s if len(well) else math.inf

    @property
    def rto_all_s(self) -> float:
        """Seconds from the loss until the last request went wrong: RTO for the last user. 0 if none went wrong."""
        frame = self.trace.frame
        wrong = frame[(frame["sent_s"] >= self.loss_at_s - PATIENCE_S) & frame["outcome"].isin(BAD)]["sent_s"]
        return float(np.max(wrong.to_numpy())) - self.loss_at_s if len(wrong) else 0.0

    def share_well(self, step_s: float = 10.0) -> pd.DataFrame:
        """How users fared in each *step_s* seconds of sending: second (from the loss, middle of the step), well (%)."""
        sent_s, well = self.trace.frame["sent_s"].to_numpy(), (self.trace.frame["outcome"] == OK).to_numpy()
        step, of_step = np.unique(np.floor(sent_s / step_s), return_inverse=True)
        share = np.bincount(of_step, weights=well) / np.bincount(of_step)
        return pd.DataFrame({"second": (step + 0.5) * step_s - self.loss_at_s, "well": 100 * share})


class World:
    """The component that users see; and the recovery, which runs beside them."""

    def __init__(self, env: simpy.Environment, rng: np.random.Generator, plan: Plan, loss_at_s: float,
                 back_at_s: float | None, write_share: float) -> None:  # fmt: skip
        level, timing = plan.level, plan.timing
        self.env, self.plan, self.write_share, self.loss_at_s = env, plan, write_share, loss_at_s
        running = math.ceil(level.app * SERVERS) if level.database else 0
        self.home = Site(env, plan.home, servers=SERVERS, running=SERVERS, workers=WORKERS)
        self.other = Site(env, plan.other, servers=SERVERS, running=running, workers=WORKERS)
        self.sites = {plan.home: self.home, plan.other: self.other}
        self.names = Names(resolvers=plan.resolvers, ttl_s=timing.ttl_s, mix=plan.mix, rng=rng,
                           converge_s=plan.converge_s)  # fmt: skip
        self.ledger = Ledger(level.copies, float(rng.uniform(0, level.copies.every_s or 1.0)) - level.copies.every_s)
        self.moments: dict[str, float] = {}
        self.noticed, self.forwards, self.held_until = False, False, 0.0
        self.phase = float(rng.random())
        for place in plan.users:
            self.names.lead(place, plan.first(place), -math.inf)
        env.process(self._recover())
        if back_at_s is not None:
            env.process(self._fail_back(back_at_s))

    def serve(self, request: Request) -> Event:
        """Send *request* where its resolver says, and over the distance there and back."""
        done, now = Event(self.env), self.env.now
        place = self.plan.users[request.key % len(self.plan.users)]
        region = self.names.ask(place, request.key, now)
        way = round_trip_s(place, region)
        if self.forwards and region == self.plan.other:
            region, way = self.plan.home, way + round_trip_s(self.plan.other, self.plan.home)
        write = request.luck < self.write_share
        held = max(0.0, self.held_until - now) if write else 0.0

        def start(_: Event) -> None:
            self.sites[region].serve(request).callbacks.append(lambda e: self._served(request, done, region, way, e))

        if held:
            after(self.env, held, start)
        else:
            start(done)
        return done

    def _served(self, request: Request, done: Event, region: str, way: float, event: Event) -> None:
        outcome = event._value
        if outcome != OK or request.luck >= self.write_share:
            after(self.env, way, lambda _: settle(done, outcome))
        elif self.plan.level.copies.synchronous:
            self._commit_everywhere(request, done, region, way)
        else:
            self.ledger.note(request.index, self.env.now, region)
            after(self.env, way, lambda _: settle(done, OK))

    def _commit_everywhere(self, request: Request, done: Event, region: str, way: float) -> None:
        """A write is done when the other region has it too: one more round trip, or a long wait if it is gone."""
        far = next(one for one in self.sites.values() if one.name != region)
        stuck = far.lost and not self.noticed and not self.plan.witness

        def there(_: Event) -> None:
            if stuck or self.sites[region].lost:
                after(self.env, PATIENCE_S, lambda _: settle(done, TIMEOUT))
                return
            self.ledger.note(request.index, self.env.now, region)
            after(self.env, way, lambda _: settle(done, OK))

        after(self.env, round_trip_s(self.plan.home, self.plan.other), there)

    def _recover(self) -> Generator[Event, None, None]:
        """Lose the region, notice it by its health checks, take the level's steps, and lead the names away."""
        timing, level = self.plan.timing, self.plan.level
        health, check = Health(fall=timing.fall), self.phase * timing.check_every_s
        yield self.env.timeout(self.loss_at_s)
        self.home.lose()
        check += math.ceil((self.loss_at_s - check) / timing.check_every_s) * timing.check_every_s
        yield self.env.timeout(check - self.env.now)
        while health.seen(ok=False) is None:
            yield self.env.timeout(timing.check_every_s)
        self.noticed, self.moments["notice"] = True, self.env.now
        for step, seconds in level.steps(self.plan.shop, timing).items():
            if step not in ("notice", "names"):
                yield self.env.timeout(seconds)
                self.moments[step] = self.env.now
        self.other.grow(max(1, math.ceil(level.app * SERVERS)) if level.app else SERVERS)
        self.moments["open"] = self.env.now
        for place in self.plan.users:
            self.names.lead(place, self.plan.other, self.env.now)
        if level.app < 1:
            yield self.env.timeout(timing.scale_out_s)
            self.other.grow(SERVERS)

    def _fail_back(self, back_at_s: float, switch_s: float = 1.0) -> Generator[Event, None, None]:
        """Home is rebuilt and in step again at *back_at_s*. Writes wait *switch_s*; nobody loses anything."""
        yield self.env.timeout(back_at_s)
        self.home.rebuild()
        self.held_until = self.env.now + switch_s
        self.forwards = not self.plan.level.serving  # until the last cache has forgotten the standby
        self.moments["back"] = self.env.now
        for place in self.plan.users:
            self.names.lead(place, self.plan.first(place), self.env.now)


def simulate(
    plan: Plan, *, rate_per_s: float = 20.0, work_s: float = 0.1, write_share: float = 0.2,
    loss_at_s: float | None = None, after_s: float | None = None, back_after_s: float | None = None, seed: int = 0,
) -> RegionLoss:  # fmt: skip
    """Play the loss of *plan*.home at second *loss_at_s* under *rate_per_s* requests a second.

    loss_at_s: None: late enough that no lost write is older than the run. after_s: how long it goes on (None: until
    theory says that all is well, and two minutes). back_after_s: seconds after the loss when home, rebuilt and caught
    up, takes over again (None: never). work_s: of a request on a server, of which a region has 4. Raises ValueError
    for times that are not in order or for an unknown region.
    """
    loss_at_s = max(120.0, rpo_worst_s(plan.level.copies) + 60) if loss_at_s is None else loss_at_s
    after_s = rto_s(plan.level, plan.shop, plan.timing) + plan.timing.scale_out_s + 120 if after_s is None else after_s
    if not (loss_at_s > 0 and after_s > 0 and (back_after_s is None or 0 < back_after_s < after_s)):
        raise ValueError(
            f"need loss_at_s > 0 and 0 < back_after_s < after_s, got {loss_at_s}, {back_after_s}, {after_s}"
        )
    round_trip_s(plan.home, plan.other)
    for_s = loss_at_s + after_s
    requests = workload(math.ceil(rate_per_s * for_s * 1.1) + 50, arrivals=Poisson(rate_per_s),
                        work=Deterministic(work_s), keys=Uniform(plan.resolvers), seed=seed)  # fmt: skip
    requests = requests[: int(np.searchsorted(requests.arrival_s, for_s))]
    back_at_s = None if back_after_s is None else loss_at_s + back_after_s
    worlds: list[World] = []

    def build(env: simpy.Environment, rng: np.random.Generator) -> World:
        worlds.append(World(env, rng, plan, loss_at_s, back_at_s, write_share))
        return worlds[0]

    trace = send(requests, build, seed=seed)
    ledger = worlds[0].ledger
    lost = ledger.lost(plan.home, loss_at_s)
    return RegionLoss(plan, loss_at_s, trace, worlds[0].moments, len(ledger.written), tuple(lost))


def anycast(plan: Plan, converge_s: float = 15.0) -> Plan:
    """The same plan with one address for all regions, which the network itself leads elsewhere."""
    return replace(plan, converge_s=converge_s)
