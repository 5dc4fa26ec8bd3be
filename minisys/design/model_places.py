"""The callee's side of the model: arriving, waiting, being worked on, ending; and dying in the middle of it."""

from __future__ import annotations

from minisys.design.draws import ALIVE, BAD, ERROR, work_s
from minisys.design.flat import CACHE, CLIENTS, DATABASE, EDGE, EXTERNAL, QUEUE, WORKERS
from minisys.design.model_caches import emptied, passed_on
from minisys.design.model_calls import FAILED, OK, REFUSED, proceed
from minisys.design.model_messages import drain, failed, forget, put, spoilt, taken_off
from minisys.design.model_state import CALLING, ENDED, WORKING, Site, Visit, World
from minisys.design.model_work import (
    account,
    admitted,
    chance,
    crowd,
    enter,
    hit,
    leave,
    mean_s,
    note_loss,
    reply,
    settle,
    stayed,
    turn_away,
)  # fmt: skip
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


def let_in(world: World, visit: Visit) -> None:
    """Work on it, or let it wait, or refuse it."""
    site, part = world.sites[visit.copy], visit.part
    if not world.part["holds"][part] and mean_s(world, visit) == 0.0:
        enter(world, visit)
        visit.began = visit.started = world.env._now
        served(world, visit)
    elif site.busy < world.part["workers"][part]:
        enter(world, visit)
        begin(world, site, visit)
    elif len(site.waiting) < world.part["room"][part]:
        enter(world, visit)
        site.waiting.append(visit)
        most = world.tally.copies["queue_max"]
        most[visit.copy] = max(most[visit.copy], len(site.waiting))
    else:
        turn_away(world, visit, REFUSED)


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
    elif kind == WORKERS and spoilt(world, visit):
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
    leave(world, visit)
    if kind in (CACHE, EDGE) and world.part["arrows"][part]:
        visit.missed = False  # it has fetched what it had not
        if world.has_keys[part]:
            passed_on(world, visit, outcome == OK)
    name = "served" if outcome == OK else "refused" if kind == QUEUE and outcome == REFUSED else "failed"
    world.tally.copies[name][copy] += 1
    world.tally.hist[copy][bin_of(now - visit.reached)] += 1
    if kind == WORKERS:
        taken_off(world, visit, outcome)
        return
    if world.part["holds"][part]:
        release(world, site)
    extra = 0.0
    if kind == DATABASE and outcome == OK and world.request["write"][visit.request]:
        extra = world.now_broken("extra", copy)
        note_loss(world, visit, now + extra)
    reply(world, visit, extra)


def kill(world: World, copy: int) -> None:
    """The copy is gone, with all who were in it."""
    site, silent = world.sites[copy], world.now_broken("down", copy) == SILENT
    account(world, site)
    crowd(world, site)
    lost, site.inside, site.busy, site.lives = list(site.inside), {}, 0, site.lives + 1
    site.waiting.clear()
    part = world.part_of[copy]
    for visit in lost:
        world.tally.copies["failed"][copy] += 1
        stayed(world, visit)
        visit.phase, visit.outcome = ENDED, FAILED
        if world.part["kind"][part] == WORKERS:
            world.end_span(visit.span, visit.outcome)
            failed(world, visit)
        elif not silent:
            reply(world, visit, 0.0)
    if world.part["kind"][part] == QUEUE and not world.part["durable"][part]:
        forget(world, part)


def turn(world: World, epoch: int) -> None:
    """Another epoch begins: kill what goes down in it, and wake the workers."""
    before, world.epoch = world.epoch, epoch
    for copy in range(len(world.sites)):
        if world.now_broken("down", copy) != UP and world.broken["down"][before][copy] == UP:
            kill(world, copy)
    emptied(world, before)
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
