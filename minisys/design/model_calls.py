"""The caller's side of the model: which calls a visit makes, to which copy, for how long, and whether it asks again."""

from __future__ import annotations

import math

from minisys.design.draws import CHOICE, JITTER, SHARE, luck, mix
from minisys.design.flat import BALANCER, CACHE, CLIENTS, DATABASE, DNS, EDGE, EXTERNAL, MISSES, READS, SERVICE, WRITES
from minisys.design.model_state import CALLING, Ask, Visit, World
from minisys.design.timeline import UP
from minisys.load_balancing.policies import luck_of_attempt, record_latency
from minisys.resilience.retries import Backoff
from minisys.testbed.simulation import CODES

OK, REFUSED, FAILED, TIMEOUT = (CODES[word] for word in ("ok", "refused", "failed", "timeout"))
PASSES_ON = (CLIENTS, DNS, EDGE, BALANCER, CACHE)  # their caller sees what they saw; a service says "failed"
BACKOFF_CAP_S = 10.0


class Luck:
    """A draw in the shape of a generator, for policies that ask one for a number."""

    def __init__(self, value: float) -> None:
        self.value = value

    def uniform(self, low: float, high: float) -> float:
        """The number between *low* and *high* that the draw stands for."""
        return low + (high - low) * self.value


def proceed(world: World, visit: Visit) -> None:
    """Make the next calls of *visit*; when there are none left it has ended well."""
    end = world.part["arrow"][visit.part] + world.part["arrows"][visit.part]
    together = world.arrow["together"]
    while visit.next < end:
        first = visit.next
        if world.part["kind"][visit.part] == DNS:
            visit.next = end
            ask(world, visit, route(world, visit, first, end), 0)
        else:
            visit.next = first + 1
            while visit.next < end and together[visit.next]:
                visit.next += 1
            for arrow in range(first, visit.next):
                if taken(world, visit, arrow):
                    for k in range(world.arrow["times"][arrow]):
                        ask(world, visit, arrow, k)
        if visit.pending:
            return
    world.finish(world, visit, OK)


def taken(world: World, visit: Visit, arrow: int) -> bool:
    """Whether *visit* takes *arrow*: by what it is, by what the cache said, by its share."""
    on, write = world.arrow["on"][arrow], world.request["write"][visit.request]
    if (on == READS and write) or (on == WRITES and not write) or (on == MISSES and not visit.missed):
        return False
    share = world.arrow["share"][arrow]
    return share >= 1.0 or luck(mix(visit.path, world.arrow["path"][arrow]), SHARE) < share


def route(world: World, visit: Visit, first: int, end: int) -> int:
    """The arrow that a name leads to: what the resolver was told when it asked last, however old that is."""
    now, part = world.env._now, visit.part
    looked = now
    if world.part["route"][part] != 2 and world.part["ttl"][part] > 0:
        ttl = world.part["ttl"][part]
        looked = now - (now + luck(visit.path, CHOICE) * ttl) % ttl
    epoch = 0
    while epoch + 1 < len(world.start_s) and world.start_s[epoch + 1] + world.part["check"][part] <= looked:
        epoch += 1
    best, nearest = -1, math.inf
    for arrow in range(first, end):
        to = world.arrow["to"][arrow]
        if not world.healthy[epoch][to]:
            continue
        if world.part["route"][part] == 1:
            return arrow
        there = world.zone_of[world.part["first"][to]]
        far = world.half[visit.place][there] if there >= 0 else 0.0
        if far < nearest:
            best, nearest = arrow, far
    return best if best >= 0 else first


def ask(world: World, caller: Visit, arrow: int, k: int) -> None:
    """Take *arrow*; *k* counts its parallel calls."""
    one = Ask(arrow, caller, mix(mix(caller.path, world.arrow["path"][arrow]), k), world.env._now)
    world.tally.calls["calls"][arrow] += 1
    if world.arrow["waits"][arrow]:
        caller.pending += 1
    if (budget := world.budgets[arrow]) is not None:
        budget.request()
    send(world, one)


def send(world: World, one: Ask) -> None:
    """One attempt more: choose a copy, and be there after the way."""
    now, arrow, caller = world.env._now, one.arrow, one.caller
    one.tries += 1
    one.serial, one.sent = world.ticket(), now
    path = mix(one.path, one.tries)
    copy = pick(world, one, path)
    one.copy = copy
    if copy < 0:
        world.later(now, nobody, one, one.serial)
        return
    to = world.arrow["to"][arrow]
    world.pools[arrow].in_flight[copy - world.part["first"][to]] += 1
    place = world.zone_of[copy] if world.zone_of[copy] >= 0 else user_place(world, caller)
    visit = Visit(caller.request, to, copy, place, path, one)
    visit.serial, visit.server, visit.next = one.serial, copy, world.part["arrow"][to]
    world.begin_span(visit)
    world.later(now + way_s(world, arrow, caller.place, place), world.reach, visit)
    world.later(now + world.arrow["timeout"][arrow], waited_enough, one, one.serial)


def user_place(world: World, caller: Visit) -> int:
    """Where a thing that is everywhere is met: near the one who asks."""
    if world.part["kind"][caller.part] in (CLIENTS, DNS, EDGE, EXTERNAL):
        return caller.place
    return len(world.flat.zones) + world.place_region[caller.place]


def way_s(world: World, arrow: int, here: int, there: int) -> float:
    """Seconds one way along *arrow*."""
    kind = world.part["kind"][world.arrow["to"][arrow]]
    if kind == DNS:
        return 0.0
    if kind == EDGE:
        return world.flat.edge_s / 2
    return world.flat.region_s / 2 if kind == EXTERNAL else world.half[here][there]


def pick(world: World, one: Ask, path: int) -> int:
    """The copy that gets this attempt, -1 if the caller knows of none."""
    arrow, request = one.arrow, one.caller.request
    to, first = world.arrow["to"][arrow], world.part["first"][world.arrow["to"][arrow]]
    kind, known = world.part["kind"][to], eligible(world, arrow, one.caller)
    if kind == DATABASE:
        return keeper(world, to, first, request, known, path)
    if kind == SERVICE and world.part["sticky"][to]:
        home = world.request["hash"][request] % world.part["start"][to]
        return first + home if home in known else -1
    if len(known) > 1 and one.last in known:
        known = [copy for copy in known if copy != one.last]
    if not known:
        return -1
    given, pool = world.request["luck"][request], world.pools[arrow]
    drawn = luck(path, CHOICE) if given < 0 else luck_of_attempt(given, one.tries - 1)
    pool = pool._replace(eligible=known)
    return first + world.policies[arrow].choose(pool, world.request["hash"][request], drawn, world.env._now)


def keeper(world: World, to: int, first: int, request: int, known: list[int], path: int) -> int:
    """The copy of the key's shard: its primary, or for reads any that is known to be up, if replicas may be read."""
    each = world.part["each"][to]
    row = world.shard[to][request] if world.part["shards"][to] > 1 else 0
    primary = world.primary[world.epoch][first + row * each]
    if world.request["write"][request] or not world.part["replicas"][to]:
        return primary
    own = [copy for copy in known if row * each <= copy < (row + 1) * each]
    return first + own[int(luck(path, CHOICE) * len(own))] if own else primary


def eligible(world: World, arrow: int, caller: Visit) -> list[int]:
    """The copies, counted from the part's first, that the caller believes up: those of its region if there are any."""
    now, region = world.env._now, world.place_region[caller.place]
    side = world.broken["side"][world.epoch][caller.copy]
    until, found = world.known.get((arrow, region, side), (-1.0, []))
    if now < until:
        return found
    late, until, epoch = world.arrow["known"][arrow], math.inf, 0
    for start in world.start_s[1:]:
        if start + late <= now:
            epoch += 1
        else:
            until = start + late
            break
    rows, up = world.flat.copies_of(world.arrow["to"][arrow]), []
    for copy in rows:
        for moment in (world.ready[copy], world.leaves[copy]):
            until = min(until, moment) if moment > now else until
        serves = world.ready[copy] <= now < world.leaves[copy]
        if serves and world.broken["down"][epoch][copy] == UP and side * world.broken["side"][epoch][copy] != 2:
            up.append(copy - rows[0])
    near = [copy for copy in up if world.region_of[rows[0] + copy] in (-1, region)]
    world.known[arrow, region, side] = until, near or up
    return near or up


def nobody(world: World, one: Ask, serial: int) -> None:
    """There was no copy to ask."""
    if one.serial == serial:
        over(world, one, FAILED, None)


def waited_enough(world: World, one: Ask, serial: int) -> None:
    """The caller gives this attempt up; whoever works on it works on."""
    if one.serial == serial:
        world.tally.calls["timed_out"][one.arrow] += 1
        world.end_span(one.span, TIMEOUT)
        over(world, one, TIMEOUT, None)


def answered(world: World, visit: Visit) -> None:
    """The answer to an attempt has come; late answers are for nobody."""
    one = visit.ask
    assert one is not None
    if world.cut(visit.copy, one.caller.copy):
        return
    world.end_span(visit.span, visit.outcome)
    if one.serial == visit.serial:
        over(world, one, visit.outcome, visit)


def over(world: World, one: Ask, outcome: int, visit: Visit | None) -> None:
    """An attempt is over: take the answer, ask again, or give up."""
    now, arrow = world.env._now, one.arrow
    if one.copy >= 0:
        local = one.copy - world.part["first"][world.arrow["to"][arrow]]
        pool, policy = world.pools[arrow], world.policies[arrow]
        pool.in_flight[local] -= 1
        if outcome == OK and "latency" in policy.reads:
            record_latency(pool, local, now - one.sent, now)
        one.last = local
    one.serial = -1
    if not cares(world, one):
        return
    if outcome != OK and one.tries < world.arrow["tries"][arrow]:
        budget = world.budgets[arrow]
        if budget is None or budget.spend():
            one.serial = world.ticket()
            world.tally.calls["retries"][arrow] += 1
            world.later(now + pause_s(world, one), again, one, one.serial)
            return
    done(world, one, outcome, visit)


def pause_s(world: World, one: Ask) -> float:
    """Seconds before the next attempt."""
    base = world.arrow["backoff"][one.arrow]
    if base <= 0:
        return 0.0
    backoff = Backoff(base, max(BACKOFF_CAP_S, base), "full" if world.arrow["jitter"][one.arrow] else "none")
    return backoff.wait_s(one.tries - 1, 0.0, Luck(luck(mix(one.path, one.tries), JITTER)))  # type: ignore[arg-type]


def again(world: World, one: Ask, serial: int) -> None:
    """The pause is over."""
    if one.serial == serial and cares(world, one):
        send(world, one)


def cares(world: World, one: Ask) -> bool:
    """Whether it goes on: a caller that has ended, or died, waits no more; what is sent and forgotten goes on."""
    return one.caller.phase == CALLING or not world.arrow["waits"][one.arrow]


def done(world: World, one: Ask, outcome: int, visit: Visit | None) -> None:
    """The call is over for its caller, who goes on, or ends badly."""
    arrow, caller, calls = one.arrow, one.caller, world.tally.calls
    if outcome == OK:
        calls["ok_s"][arrow] += world.env._now - one.began
    else:
        calls["failed"][arrow] += 1
    if not world.arrow["waits"][arrow]:
        return
    caller.pending -= 1
    if world.part["kind"][world.arrow["to"][arrow]] in (EDGE, CACHE):
        caller.missed = visit is None or outcome != OK or visit.missed
    passes = world.part["kind"][caller.part] in PASSES_ON
    if outcome == OK:
        if passes and visit is not None:
            caller.server, caller.started = visit.server, visit.started
            caller.attempts = one.tries - 1 + visit.attempts
    elif not world.arrow["optional"][arrow]:
        caller.attempts = max(caller.attempts, one.tries)
        world.finish(world, caller, outcome if passes else FAILED)
        return
    if not caller.pending:
        proceed(world, caller)
