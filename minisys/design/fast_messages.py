"""Queues and their workers, compiled: model_messages.py in arrays, function by function."""

from __future__ import annotations

from minisys.design.draws import mix
from minisys.design.fast_work import begin, enter
from minisys.design.flat import QUEUE
from minisys.design.model_calls import OK
from minisys.design.timeline import UP

# isort: off
from minisys.design.fast_state import (
    C_ARRIVED, C_LINE, C_LINED, C_QUEUED, C_QUEUE_MAX, MESSAGE, P_ARROW, P_ATTEMPTS, P_FIRST, P_LIMIT, P_N, P_NAME,
    P_SOURCE, P_WORKERS, Q_HEAD, Q_N, Q_TAIL, S_BUSY, V_ATTEMPTS, V_COPY, V_LINK, V_MISSED, V_NEXT, V_OUTCOME,
    V_PART, V_PATH, V_PENDING, V_PHASE, V_PLACE, V_REACHED, V_REQUEST, V_SERVER, V_SPAN, V_TRIES, begin_span, down,
    end_span, free_visit, mark_span, new_visit,
)  # fmt: skip
# isort: on


def lengthen(state, queue, now):
    """Add up how many messages were in line for how long; its length is about to change."""
    state.count_s[state.part[queue, P_FIRST], C_LINE] += state.queue[queue, Q_N] * (now - state.lined[queue])
    state.lined[queue] = now


def append(state, queue, slot, now):
    """Put a message at the end of the line."""
    line = state.queue[queue]
    lengthen(state, queue, now)
    state.count[state.part[queue, P_FIRST], C_QUEUED] += 1
    state.visit[slot, V_PHASE] = MESSAGE
    state.visit_s[slot, V_REACHED] = now
    if line[Q_N] == 0:
        line[Q_HEAD] = slot
    else:
        state.visit[line[Q_TAIL], V_LINK] = slot
    line[Q_TAIL] = slot
    line[Q_N] += 1


def idle(state, queue, now):
    """The least busy copy that reads *queue* and has a worker free, -1 if all are busy."""
    best, least = -1, 0
    for part in range(len(state.part)):
        if state.part[part, P_SOURCE] != queue:
            continue
        first = state.part[part, P_FIRST]
        for copy in range(first, first + state.part[part, P_N]):
            busy = state.site[copy, S_BUSY]
            able = state.ready[copy] <= now and now < state.leaves[copy] and down(state, copy) == UP
            if able and busy < state.part[part, P_WORKERS] and (best < 0 or busy < least):
                best, least = copy, busy
    return best


def drain(state, queue, now):
    """Give messages to idle workers, while there are both and the queue is up."""
    line, first = state.queue[queue], state.part[queue, P_FIRST]
    up = False
    for copy in range(first, first + state.part[queue, P_N]):
        if down(state, copy) == UP:
            up = True
    while up and line[Q_N] > 0:
        copy = idle(state, queue, now)
        if copy < 0:
            return
        slot = line[Q_HEAD]
        row, part = state.visit[slot], state.part_of[copy]
        lengthen(state, queue, now)
        state.count_s[first, C_LINED] += now - state.visit_s[slot, V_REACHED]
        line[Q_HEAD] = row[V_LINK]
        line[Q_N] -= 1
        origin = row[V_COPY]
        row[V_LINK], row[V_PART], row[V_COPY], row[V_PLACE], row[V_SERVER] = -1, part, copy, state.zone_of[copy], copy
        row[V_PATH], row[V_NEXT] = mix(row[V_PATH], state.part[part, P_NAME]), state.part[part, P_ARROW]
        row[V_MISSED], row[V_PENDING], row[V_ATTEMPTS] = 0, 0, 1
        state.count[copy, C_ARRIVED] += 1
        enter(state, slot, now)
        begin_span(state, slot, -1, -1, origin, row[V_TRIES], now)
        begin(state, slot, now)


def put(state, slot, now):
    """Keep a message, if there is room, and wake who waits for one."""
    row = state.visit[slot]
    part, copy = row[V_PART], row[V_COPY]
    if state.queue[part, Q_N] >= state.part[part, P_LIMIT]:
        return False
    message = new_visit(state)
    fresh = state.visit[message]
    fresh[V_REQUEST], fresh[V_PART], fresh[V_COPY], fresh[V_PLACE] = row[V_REQUEST], part, copy, row[V_PLACE]
    fresh[V_PATH] = mix(row[V_PATH], QUEUE)
    append(state, part, message, now)
    state.count[copy, C_QUEUE_MAX] = max(state.count[copy, C_QUEUE_MAX], state.queue[part, Q_N])
    drain(state, part, now)
    return True


def back(state, queue, slot, now):
    """Put a message back in line as a new visit."""
    row = state.visit[slot]
    message = new_visit(state)
    fresh = state.visit[message]
    fresh[V_REQUEST], fresh[V_PART], fresh[V_COPY], fresh[V_PLACE] = row[V_REQUEST], queue, row[V_COPY], row[V_PLACE]
    fresh[V_PATH], fresh[V_TRIES] = mix(row[V_PATH], row[V_TRIES]), row[V_TRIES] + 1
    append(state, queue, message, now)


def taken_off(state, slot, outcome, now):
    """A worker is done with a message: it is gone, or tried again after the others."""
    row = state.visit[slot]
    queue = state.part[row[V_PART], P_SOURCE]
    mark_span(state, slot, now)
    end_span(state, row[V_SPAN], row[V_OUTCOME], now)
    if outcome != OK and row[V_TRIES] < state.part[row[V_PART], P_ATTEMPTS]:
        back(state, queue, slot, now)
    free_visit(state, slot)
    drain(state, queue, now)


def forget(state, queue, now):
    """A queue that keeps nothing on a disk, and whose last copy is gone, has lost its messages."""
    first = state.part[queue, P_FIRST]
    for copy in range(first, first + state.part[queue, P_N]):
        if down(state, copy) == UP:
            return
    line = state.queue[queue]
    state.lost[queue] += line[Q_N]
    lengthen(state, queue, now)
    while line[Q_N] > 0:
        slot = line[Q_HEAD]
        state.count_s[first, C_LINED] += now - state.visit_s[slot, V_REACHED]
        line[Q_HEAD] = state.visit[slot, V_LINK]
        line[Q_N] -= 1
        free_visit(state, slot)
