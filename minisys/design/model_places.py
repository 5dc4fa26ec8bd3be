"""The callee's side of the model: arriving, waiting, being worked on, ending; and dying in the middle of it."""

from __future__ import annotations

from minisys.design.draws import ALIVE, BAD, ERROR, HIT, luck, work_s
from minisys.design.flat import CACHE, CLIENTS, DATABASE, EDGE, EXTERNAL, QUEUE, WORKERS
from minisys.design.model_calls import FAILED, OK, REFUSED, answered, proceed
from minisys.design.model_choice import way_s
from minisys.design.model_messages import back, drain, put, taken_off
from minisys.design.model_state import CALLING, ENDED, WORKING, Site, Visit, World
from minisys.design.tally import bin_of
from minisys.design.timeline import SILENT, UP


def reach(world: World, visit: Visit) -> None:
    """The message is there: refused, failed at once, or let in."""
    copy, part, now = visit.copy, visit.part, world.env._now
    counts = world.tally.copies
    caller = visit.ask.caller.copy if visit.ask else copy
    if world.cut(copy, caller):
        return
    counts["arrived"][copy] += 1
    visit.reached = now
    down = world.now_broken("down", copy)
    if down == SILENT:
        counts["failed"][copy] += 1
    elif down != UP or chance(visit.path, ERROR, world.now_broken("error", copy)):
        turn_away(world, visit, FAILED)
    elif world.part["kind"][part] == EXTERNAL and not admitted(world, part, now):
        turn_away(world, visit, REFUSED)
    else:
        let_in(world, visit)


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


def let_in(world: World, visit: Visit) -> None:
    """Work on it, or let it wait, or refuse it."""
    site, part = world.sites[visit.copy], visit.part
    if not world.part["holds"][part] and mean_s(world, visit) == 0.0:
        site.inside[visit] = None
        visit.began = visit.started = world.env._now
        served(world, visit)
    elif site.busy < world.part["workers"][part]:
        site.inside[visit] = None
        begin(world, site, visit)
    elif len(site.waiting) < world.part["room"][part]:
        site.inside[visit] = None
        site.waiting.append(visit)
        most = world.tally.copies["queue_max"]
        most[visit.copy] = max(most[visit.copy], len(site.waiting))
    else:
        turn_away(world, visit, REFUSED)


def mean_s(world: World, visit: Visit) -> float:
    """Mean seconds of work it is."""
    write = world.part["kind"][visit.part] == DATABASE and world.request["write"][visit.request]
    return world.part["write" if write else "takes"][visit.part]


def begin(world: World, site: Site, visit: Visit) -> None:
    """A worker takes it."""
    now, part = world.env._now, visit.part
    account(world, site)
    site.busy += 1
    visit.phase, visit.began, visit.started = WORKING, now, now
    world.tally.copies["started"][site.copy] += 1
    world.tally.copies["wait_s"][site.copy] += now - visit.reached
    given, mean = world.request["work_s"][visit.request], mean_s(world, visit)
    if given < 0 or mean == 0.0:
        given = work_s(visit.path, mean, world.part["law"][part], world.part["cv"][part])
    world.later(now + given * world.now_broken("slow", site.copy), worked, visit)


def worked(world: World, visit: Visit) -> None:
    """The work is done, if the copy has lived to see it."""
    if visit.phase == WORKING:
        if not world.part["holds"][visit.part]:
            release(world, world.sites[visit.copy])
        served(world, visit)


def served(world: World, visit: Visit) -> None:
    """After the work: fail, answer from memory, keep a message, or make the calls."""
    part, copy = visit.part, visit.copy
    kind, visit.phase = world.part["kind"][part], CALLING
    if chance(visit.path, BAD, world.now_broken("bad", copy)):
        finish(world, visit, FAILED)
    elif kind == EXTERNAL and chance(visit.path, ALIVE, 1.0 - world.part["available"][part]):
        finish(world, visit, FAILED)
    elif kind == QUEUE and not put(world, visit):
        finish(world, visit, REFUSED)
    elif kind in (CACHE, EDGE) and hit(world, visit):
        finish(world, visit, OK)
    else:
        visit.missed = kind in (CACHE, EDGE)
        proceed(world, visit)


def hit(world: World, visit: Visit) -> bool:
    """Whether a cache has it: its share of the reads, less while it warms up."""
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


def release(world: World, site: Site) -> None:
    """A worker is free, for the next in line."""
    account(world, site)
    site.busy -= 1
    if site.waiting:
        begin(world, site, site.waiting.popleft())


def finish(world: World, visit: Visit, outcome: int) -> None:
    """It has ended at its copy; whoever asked hears of it."""
    part, copy, now = visit.part, visit.copy, world.env._now
    kind, site = world.part["kind"][part], world.sites[copy]
    visit.phase, visit.outcome = ENDED, outcome
    if kind == CLIENTS:
        settle(world, visit, now)
        return
    site.inside.pop(visit)
    if kind in (CACHE, EDGE) and world.part["arrows"][part]:
        visit.missed = False  # it has fetched what it had not
    name = "served" if outcome == OK else "refused" if kind == QUEUE and outcome == REFUSED else "failed"
    world.tally.copies[name][copy] += 1
    world.tally.hist[copy][bin_of(now - visit.reached)] += 1
    if world.part["holds"][part]:
        release(world, site)
    if kind == WORKERS:
        taken_off(world, visit, outcome)
        return
    extra = 0.0
    if kind == DATABASE and outcome == OK and world.request["write"][visit.request]:
        extra = world.now_broken("extra", copy)
        note_loss(world, visit, now + extra)
    reply(world, visit, extra)


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


def kill(world: World, copy: int) -> None:
    """The copy is gone, with all who were in it."""
    site, silent = world.sites[copy], world.now_broken("down", copy) == SILENT
    account(world, site)
    lost, site.inside, site.busy = list(site.inside), {}, 0
    site.waiting.clear()
    part = world.part_of[copy]
    for visit in lost:
        world.tally.copies["failed"][copy] += 1
        visit.phase, visit.outcome = ENDED, FAILED
        if world.part["kind"][part] == WORKERS:
            world.end_span(visit.span, visit.outcome)
            if visit.tries < world.part["attempts"][part]:
                back(world, world.part["source"][part], visit)
        elif not silent:
            reply(world, visit, 0.0)
    if world.part["kind"][part] == QUEUE and not world.part["durable"][part]:
        if all(world.now_broken("down", row) != UP for row in world.flat.copies_of(part)):
            world.tally.lost[part] += len(world.messages[part])
            world.messages[part].clear()


def turn(world: World, epoch: int) -> None:
    """Another epoch begins: kill what goes down in it, and wake the workers."""
    before, world.epoch = world.epoch, epoch
    for copy in range(len(world.sites)):
        if world.now_broken("down", copy) != UP and world.broken["down"][before][copy] == UP:
            kill(world, copy)
    for part, kind in enumerate(world.part["kind"]):
        if kind == QUEUE:
            drain(world, part)


def user(world: World, row: int) -> None:
    """A user asks."""
    copy = world.request["users"][row]
    part = world.part_of[copy]
    place = len(world.flat.zones) + world.region_of[copy]
    visit = Visit(row, part, copy, place, world.request["path"][row], None)
    visit.phase, visit.next = CALLING, world.part["arrow"][part]
    world.begin_span(visit)
    proceed(world, visit)
    world.coming = row + 1
    if world.coming < len(world.request["arrival_s"]):
        world.later(world.request["arrival_s"][world.coming], user, world.coming)
