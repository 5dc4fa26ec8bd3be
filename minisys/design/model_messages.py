"""Queues and their workers in the model: a message waits, is taken, and is tried again when that went wrong."""

from __future__ import annotations

from minisys.design.draws import mix
from minisys.design.flat import QUEUE
from minisys.design.model_state import MESSAGE, Visit, World
from minisys.design.timeline import UP
from minisys.testbed.simulation import CODES

OK = CODES["ok"]


def put(world: World, visit: Visit) -> bool:
    """Keep the message of *visit*, if there is room, and wake who waits for one."""
    kept = world.messages[visit.part]
    if len(kept) >= world.part["limit"][visit.part]:
        return False
    message = Visit(visit.request, visit.part, visit.copy, visit.place, mix(visit.path, QUEUE), None)
    message.phase, message.reached = MESSAGE, world.env._now
    kept.append(message)
    world.tally.copies["queue_max"][visit.copy] = max(world.tally.copies["queue_max"][visit.copy], len(kept))
    drain(world, visit.part)
    return True


def drain(world: World, queue: int) -> None:
    """Give messages to idle workers, while there are both and the queue is up."""
    kept = world.messages[queue]
    rows = world.flat.copies_of(queue)
    while kept and any(world.now_broken("down", row) == UP for row in rows):
        copy = idle(world, queue)
        if copy < 0:
            return
        message, part = kept.popleft(), world.part_of[copy]
        origin = message.copy
        message.part, message.copy, message.place, message.server = part, copy, world.zone_of[copy], copy
        message.path, message.next = mix(message.path, world.part["name"][part]), world.part["arrow"][part]
        message.missed, message.pending, message.attempts = False, 0, 1
        world.tally.copies["arrived"][copy] += 1
        world.sites[copy].inside[message] = None
        world.begin_span(message, origin)
        world.begin(world, world.sites[copy], message)


def idle(world: World, queue: int) -> int:
    """The least busy copy that reads *queue* and has a worker free, -1 if all are busy."""
    best, least, now = -1, 0, world.env._now
    for part, source in enumerate(world.part["source"]):
        if source != queue:
            continue
        for copy in world.flat.copies_of(part):
            busy = world.sites[copy].busy
            able = world.ready[copy] <= now < world.leaves[copy] and world.now_broken("down", copy) == UP
            if able and busy < world.part["workers"][part] and (best < 0 or busy < least):
                best, least = copy, busy
    return best


def taken_off(world: World, message: Visit, outcome: int) -> None:
    """A worker is done with *message*: it is gone, or tried again after the others."""
    queue = world.part["source"][message.part]
    world.mark_span(message)
    world.end_span(message.span, message.outcome)
    if outcome != OK and message.tries < world.part["attempts"][message.part]:
        back(world, queue, message)
    drain(world, queue)


def back(world: World, queue: int, message: Visit) -> None:
    """Put a message back in line as a new visit."""
    fresh = Visit(message.request, queue, message.copy, message.place, mix(message.path, message.tries), None)
    fresh.phase, fresh.tries, fresh.reached = MESSAGE, message.tries + 1, world.env._now
    world.messages[queue].append(fresh)
