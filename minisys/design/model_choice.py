"""Where a call goes in the model: which way a name leads, which copy is chosen, and what the caller believes is up."""

from __future__ import annotations

import math

from minisys.design.draws import CHOICE, luck
from minisys.design.flat import CLIENTS, DATABASE, DNS, EDGE, EXTERNAL, SERVICE
from minisys.design.model_state import Ask, Visit, World
from minisys.design.timeline import UP
from minisys.load_balancing.policies import luck_of_attempt


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
