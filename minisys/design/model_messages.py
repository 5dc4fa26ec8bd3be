"""Queues and their workers in the model: a message waits, is taken, and is tried again when that went wrong.

A queue that sees its worker fail has the message back at once, behind the others. One with a *visibility* does not see
it: the message is hidden for so long, and whoever has not said by then that it is done loses it to the next, also if
it only works slowly. Both give it up after the workers' *attempts*. Poison fails each time; a worker that crashes has
done the work and not said so.

Promised: the queues room's own decisions (queues.policies), and what its model says of the same messages, one by one.
Not modelled: a message's order in its group, producers that wait for room, messages that nobody wants any more.
"""

from __future__ import annotations

import math

from minisys.design.draws import POISON, luck, mix
from minisys.design.flat import QUEUE
from minisys.design.model_state import MESSAGE, Visit, World
from minisys.design.model_work import enter
from minisys.design.timeline import UP
from minisys.queues.delivered import DEAD, DONE, LOST, REFUSED, WAITING
from minisys.queues.policies import dead_letter, visible_again_s
from minisys.testbed.simulation import CODES

OK = CODES["ok"]


class Note:
    """What became of one message so far; times in seconds."""

    __slots__ = ("queue", "key", "sent", "started", "done", "effects", "receives", "acknowledged", "state", "luck")

    def __init__(self, queue: int, key: int, sent: float, drawn: float) -> None:
        self.queue, self.key, self.sent, self.luck = queue, key, sent, drawn
        self.started, self.done, self.effects, self.receives = math.nan, math.nan, 0, 0
        self.acknowledged, self.state = False, ""

    def ended(self) -> str:
        """Its state at the end of the run, as in queues.delivered."""
        return self.state or (DONE if self.acknowledged else WAITING)


def lengthen(world: World, queue: int) -> None:
    """Add up how many messages were in line for how long; its length is about to change."""
    now, first = world.env._now, world.part["first"][queue]
    world.tally.copies["line_s"][first] += len(world.messages[queue]) * (now - world.lined[queue])
    world.lined[queue] = now


def stand_in_line(world: World, message: Visit) -> None:
    """Put it at the end of its queue's line."""
    queue = message.part
    lengthen(world, queue)
    world.tally.copies["queued"][world.part["first"][queue]] += 1
    world.messages[queue].append(message)


def lined(world: World, queue: int, message: Visit) -> None:
    """Add up how long it was in line."""
    world.tally.copies["lined_s"][world.part["first"][queue]] += world.env._now - message.reached


def put(world: World, visit: Visit) -> bool:
    """Keep the message of *visit*, if there is room, and wake who waits for one."""
    kept = world.messages[visit.part]
    path, given = mix(visit.path, QUEUE), world.request["luck"][visit.request]
    note = Note(
        visit.part, world.request["key"][visit.request], world.env._now, luck(path, POISON) if given < 0 else given
    )
    world.tally.notes.append(note)
    if len(kept) >= world.part["limit"][visit.part]:
        note.state = REFUSED
        return False
    message = Visit(visit.request, visit.part, visit.copy, visit.place, path, None)
    message.phase, message.reached, message.note = MESSAGE, world.env._now, note
    stand_in_line(world, message)
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
        lengthen(world, queue)
        message, part = kept.popleft(), world.part_of[copy]
        lined(world, queue, message)
        hidden_s, note = world.parts[queue].visibility, message.note
        if hidden_s is not None and dead_letter(note.receives, world.part["attempts"][part]):
            note.state = note.state if note.acknowledged else DEAD
        elif not note.acknowledged:  # else: it was done while it was visible again
            hand_out(world, message, copy)
            if hidden_s is not None:
                world.later(visible_again_s(world.env._now, hidden_s), visible_again, message)


def hand_out(world: World, message: Visit, copy: int) -> None:
    """The copy works on it."""
    part, origin, note = world.part_of[copy], message.copy, message.note
    now, note.receives = world.env._now, note.receives + 1
    note.started = now if math.isnan(note.started) else note.started
    message.part, message.copy, message.place, message.server = part, copy, world.zone_of[copy], copy
    message.path, message.next = mix(message.path, world.part["name"][part]), world.part["arrow"][part]
    message.missed, message.pending, message.attempts = False, 0, 1
    world.tally.copies["arrived"][copy] += 1
    message.began = now
    enter(world, message)
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


def spoilt(world: World, message: Visit) -> bool:
    """Whether the work on it always fails."""
    return message.note.luck < world.parts[message.part].poison


def taken_off(world: World, message: Visit, outcome: int) -> None:
    """A worker has ended its work on *message*: it is gone, or tried again after the others."""
    workers, note, now = world.parts[message.part], message.note, world.env._now
    world.mark_span(message)
    world.end_span(message.span, message.outcome)
    if outcome == OK:
        note.effects += 1
        note.done = now if note.effects == 1 else note.done
    dies = message.tries == 1 and workers.poison <= note.luck < workers.poison + workers.crashes
    if dies:  # it has done the work, and says so to nobody
        world.later(now + workers.restart, back_at_work, message, world.sites[message.copy].lives)
    else:
        world.release(world, world.sites[message.copy])
    if outcome == OK and not dies:
        note.acknowledged |= note.receives == message.tries  # an old receipt changes nothing
    else:
        failed(world, message)
    drain(world, note.queue)


def back_at_work(world: World, message: Visit, lives: int) -> None:
    """The worker that crashed over *message* takes others again, unless its whole copy has died meanwhile."""
    site = world.sites[message.copy]
    if site.lives == lives:
        world.release(world, site)
        drain(world, message.note.queue)


def failed(world: World, message: Visit) -> None:
    """A queue that sees it has it back at once, or gives it up; another waits until its time is over."""
    if world.parts[message.note.queue].visibility is None:
        if dead_letter(message.tries, world.part["attempts"][message.part]):
            message.note.state = DEAD
        else:
            back(world, message)


def forget(world: World, queue: int) -> None:
    """A queue that keeps nothing on a disk, and whose last copy is gone, has lost its messages."""
    if not any(world.now_broken("down", row) == UP for row in world.flat.copies_of(queue)):
        world.tally.lost[queue] += len(world.messages[queue])
        lengthen(world, queue)
        for message in world.messages[queue]:
            lined(world, queue, message)
            message.note.state = "" if message.note.effects else LOST
        world.messages[queue].clear()


def visible_again(world: World, message: Visit) -> None:
    """Its time is over: if nobody has said that it is done, the next may have it."""
    if not message.note.acknowledged:
        back(world, message)
        drain(world, message.note.queue)


def back(world: World, message: Visit) -> None:
    """Put a message back in line as a new visit."""
    queue = message.note.queue
    fresh = Visit(message.request, queue, message.copy, message.place, mix(message.path, message.tries), None)
    fresh.phase, fresh.tries, fresh.reached = MESSAGE, message.tries + 1, world.env._now
    fresh.note = message.note
    stand_in_line(world, fresh)
