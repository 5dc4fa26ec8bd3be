"""Caches with keys in the model: what a copy holds is the caching room's own cache, and its policy says who goes.

"90 % hits" is a hope. Ten thousand items, Zipf keys and LRU are figures, and the hits follow from them, request by
request, until somebody empties the cache at noon.

    a read that is there   answered from memory
    a read that is not     goes on to the cache's calls, or to the caller's call on misses; what comes back is put in
    a write                what was written is deleted: behind the store by a cache that passes it on, at once by one
                           that is asked beside it, and again when a caller's call on misses has answered

A caller that has a later call on misses to the same cache puts the value in with that call, which takes its time; one
that has none does so with its answer. A cache that passes requests on gives each miss a ticket, which a write of the
same key makes void (leases, as in caching.patterns.ReadThrough).

Promised: capacity, time to live and eviction as in caching.cache, for each copy (of an edge: in each region) by itself;
a flush or a death empties it. Not modelled: values, so nothing is stale; sizes; misses that are coalesced.
"""

from __future__ import annotations

from minisys.caching.cache import Cache
from minisys.design.flat import CACHE, EDGE, MISSES
from minisys.design.model_state import Visit, World
from minisys.design.parts import Cache as CachePart


class Shelf:
    """What one copy holds, and for each key how many writes have made tickets void."""

    def __init__(self, part: CachePart) -> None:
        assert part.capacity is not None
        self.cache, self.ttl_s = Cache(part.eviction, part.capacity), part.ttl
        self.tickets: dict[int, int] = {}

    def put(self, key: int, now: float) -> None:
        """The value of *key* was fetched."""
        self.cache.put(key, True, now=now, ttl_s=self.ttl_s)

    def delete(self, key: int) -> None:
        """*key* was written: what is held, or on its way here, is old."""
        self.cache.delete(key)
        if key in self.tickets:
            self.tickets[key] += 1


def shelf(world: World, visit: Visit) -> Shelf:
    """The one that *visit* has come to."""
    where = visit.copy, visit.place
    if where not in world.shelves:
        world.shelves[where] = Shelf(world.parts[visit.part])
    return world.shelves[where]


def found(world: World, visit: Visit) -> bool:
    """Whether the visit ends here: its key is there, or was brought. A write never does."""
    one, key, now = shelf(world, visit), world.request["key"][visit.request], world.env._now
    if world.request["write"][visit.request]:
        if not world.part["arrows"][visit.part]:
            one.delete(key)
        return False
    if visit.ask is not None and brings(world, visit.ask.arrow):
        one.put(key, now)
        return True
    if one.cache.get(key, now=now) is not None:
        return True
    visit.ticket = one.tickets.setdefault(key, 0)
    return False


def brings(world: World, arrow: int) -> bool:
    """Whether a call on misses goes to a cache that its caller has asked before: it brings what was missed."""
    to, origin = world.arrow["to"][arrow], world.arrow["origin"][arrow]
    first = world.part["arrow"][origin]
    return world.arrow["on"][arrow] == MISSES and to in world.arrow["to"][first:arrow] and world.has_keys[to]


def passed_on(world: World, visit: Visit, well: bool) -> None:
    """A cache has the answer of its own calls."""
    one, key = shelf(world, visit), world.request["key"][visit.request]
    if world.request["write"][visit.request]:
        one.delete(key)
    elif well and visit.ticket == one.tickets.get(key):
        one.put(key, world.env._now)


def answered_caller(world: World, caller: Visit, arrow: int, visit: Visit | None) -> None:
    """A caller has an answer (of None: it gave up): a miss is noted, and what a call on misses brought is put in."""
    to = world.arrow["to"][arrow]
    beside = world.part["kind"][to] in (CACHE, EDGE) and not world.part["arrows"][to]
    if visit is not None and beside and visit.missed and world.has_keys[to]:
        first = world.part["arrow"][caller.part]
        later = range(first, first + world.part["arrows"][caller.part])
        if not any(world.arrow["to"][one] == to and brings(world, one) for one in later):
            caller.lacks = [*caller.lacks, shelf(world, visit)]
    elif world.arrow["on"][arrow] == MISSES and visit is not None and not visit.missed:
        write, key = world.request["write"][caller.request], world.request["key"][caller.request]
        for one in caller.lacks:
            one.delete(key) if write else one.put(key, world.env._now)
        caller.lacks = []


def emptied(world: World, before: int) -> None:
    """An epoch begins: what was flushed in it, or has come back from the dead, holds nothing."""
    cold = world.broken["cold"]
    for where in list(world.shelves):
        if cold[world.epoch][where[0]] != cold[before][where[0]]:
            del world.shelves[where]
