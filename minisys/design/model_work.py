"""A copy's work in the model, without what follows from it: how long, what is answered at once, what is noted."""

from __future__ import annotations

from minisys.design.draws import HIT, luck
from minisys.design.flat import DATABASE
from minisys.design.model_caches import found
from minisys.design.model_calls import OK, REFUSED, answered
from minisys.design.model_choice import way_s
from minisys.design.model_state import ENDED, Site, Visit, World


def chance(path: int, purpose: int, share: float) -> bool:
    """Whether what happens to a *share* happens to this one."""
    return share > 0.0 and luck(path, purpose) < share


def admitted(world: World, part: int, now: float) -> bool:
    """Whether an external's limit lets one more through: a bucket that holds a second's worth."""
    rate, bucket = world.part["rate"][part], world.tokens[part]
    bucket[0] = min(max(1.0, rate), bucket[0] + (now - bucket[1]) * rate)
    bucket[1] = now
    if bucket[0] < 1.0:
        return False
    bucket[0] -= 1.0
    return True


def turn_away(world: World, visit: Visit, outcome: int) -> None:
    """End it before it has begun."""
    world.tally.copies["refused" if outcome == REFUSED else "failed"][visit.copy] += 1
    visit.phase, visit.outcome = ENDED, outcome
    reply(world, visit, 0.0)


def mean_s(world: World, visit: Visit) -> float:
    """Mean seconds of work it is."""
    write = world.part["kind"][visit.part] == DATABASE and world.request["write"][visit.request]
    return world.part["write" if write else "takes"][visit.part]


def hit(world: World, visit: Visit) -> bool:
    """Whether a cache has it: its share of the reads, less while it warms up; by its key if it has a capacity."""
    if world.has_keys[visit.part]:
        return found(world, visit)
    if world.request["write"][visit.request]:
        return False
    share, warm = world.part["hits"][visit.part], world.part["warm"][visit.part]
    since = world.now_broken("cold", visit.copy)
    if warm > 0.0:
        share *= min(1.0, (world.env._now - since) / warm)
    return luck(visit.path, HIT) < share


def account(world: World, site: Site) -> None:
    """Add up how long how many workers were busy, until the users stop coming."""
    now = min(world.env._now, world.tally.for_s)
    world.tally.copies["busy_s"][site.copy] += site.busy * (now - site.since)
    site.since = now


def crowd(world: World, site: Site) -> None:
    """Add up how many were inside for how long."""
    now = world.env._now
    world.tally.copies["inside_s"][site.copy] += len(site.inside) * (now - site.changed)
    site.changed = now


def stayed(world: World, visit: Visit) -> None:
    """Add up how long it was inside: a message, since it was taken."""
    since = visit.began if visit.note else visit.reached
    world.tally.copies["stayed_s"][visit.copy] += world.env._now - since


def enter(world: World, visit: Visit) -> None:
    """It is inside."""
    site = world.sites[visit.copy]
    crowd(world, site)
    world.tally.copies["entered"][site.copy] += 1
    site.inside[visit] = None


def leave(world: World, visit: Visit) -> None:
    """It is inside no more."""
    site = world.sites[visit.copy]
    crowd(world, site)
    stayed(world, visit)
    site.inside.pop(visit)


def note_loss(world: World, visit: Visit, confirmed_s: float) -> None:
    """Count a write that is confirmed and will be lost, because the plan says when its primary dies."""
    each = world.part["each"][visit.part]
    first = visit.copy - (visit.copy - world.part["first"][visit.part]) % each
    for shard, start, end in world.line.lost:
        if shard == first and start < confirmed_s <= end:
            world.tally.lost[visit.part] += 1


def reply(world: World, visit: Visit, extra_s: float) -> None:
    """Send the answer on its way."""
    one = visit.ask
    if one is not None:
        world.mark_span(visit)
        way = way_s(world, one.arrow, visit.place, one.caller.place)
        delay = world.now_broken("delay", visit.copy) + extra_s
        world.later(world.env._now + delay + way, answered, visit)


def settle(world: World, visit: Visit, now: float) -> None:
    """A user has the answer."""
    world.mark_span(visit)
    world.end_span(visit.span, visit.outcome)
    row, kept = visit.request, world.tally.requests
    kept["finished_s"][row], kept["outcome"][row], kept["attempts"][row] = now, visit.outcome, visit.attempts
    if visit.outcome == OK:
        kept["started_s"][row], kept["server"][row] = visit.started, visit.server
