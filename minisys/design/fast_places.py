"""The callee's side, compiled: model_places.py in arrays, function by function."""

from __future__ import annotations

from minisys.design.draws import ALIVE, BAD, ERROR
from minisys.design.fast_messages import back, drain, forget, put, taken_off
from minisys.design.fast_work import (
    account,
    admitted,
    begin,
    chance,
    crowd,
    enter,
    hit,
    is_write,
    leave,
    mean_s,
    note_loss,
    release,
    reply,
    settle,
    stayed,
    turn_away,
)
from minisys.design.flat import CACHE, CLIENTS, EDGE, EXTERNAL, QUEUE, WORKERS
from minisys.design.model_calls import FAILED, OK, REFUSED
from minisys.design.tally import bin_of
from minisys.design.timeline import SILENT, UP

# isort: off
from minisys.design.fast_state import (
    CALLING, C_ARRIVED, C_FAILED, C_QUEUE_MAX, C_REFUSED, C_SERVED, ENDED, EPOCH, L_BAD, L_DOWN, L_ERROR, L_EXTRA,
    P_ARROWS, P_ATTEMPTS, P_AVAILABLE, P_DURABLE, P_HOLDS, P_KIND, P_ROOM, P_SOURCE, P_WORKERS, S_BUSY, S_FIRST,
    S_HEAD, S_INSIDE, S_LAST, S_TAIL, S_WAITING, V_AFTER, V_BEGAN, V_COPY, V_FROM_COPY, V_LINK, V_MISSED,
    V_OUTCOME, V_PART, V_PATH, V_PHASE, V_REACHED, V_SPAN, V_STARTED, V_TRIES, broken, cut, down, end_span,
    free_visit,
)  # fmt: skip
# isort: on


def reach(state, slot, now):
    """The message is there: True if it needs no work and goes on at once."""
    row = state.visit[slot]
    copy, part = row[V_COPY], row[V_PART]
    if cut(state, copy, row[V_FROM_COPY]):
        free_visit(state, slot)
        return False
    state.count[copy, C_ARRIVED] += 1
    state.visit_s[slot, V_REACHED] = now
    is_down = down(state, copy)
    if is_down == SILENT:
        state.count[copy, C_FAILED] += 1
        free_visit(state, slot)
        return False
    outcome = OK
    if is_down != UP or chance(row[V_PATH], ERROR, broken(state, L_ERROR, copy)):
        outcome = FAILED
    elif state.part[part, P_KIND] == EXTERNAL and not admitted(state, part, now):
        outcome = REFUSED
    elif state.part[part, P_HOLDS] == 0 and mean_s(state, slot) == 0.0:
        enter(state, slot, now)
        state.visit_s[slot, V_BEGAN] = state.visit_s[slot, V_STARTED] = now
        return True
    elif not let_in(state, slot, now):
        outcome = REFUSED
    if outcome != OK:
        turn_away(state, slot, outcome, now)
    return False


def let_in(state, slot, now):
    """Work on it, or let it wait; False if there is no room."""
    row = state.visit[slot]
    copy, part = row[V_COPY], row[V_PART]
    site = state.site[copy]
    idle_hands = site[S_BUSY] < state.part[part, P_WORKERS]
    if not idle_hands and site[S_WAITING] >= state.part[part, P_ROOM]:
        return False
    enter(state, slot, now)
    if idle_hands:
        begin(state, slot, now)
        return True
    if site[S_WAITING] == 0:
        site[S_HEAD] = slot
    else:
        state.visit[site[S_TAIL], V_LINK] = slot
    site[S_TAIL] = slot
    site[S_WAITING] += 1
    state.count[copy, C_QUEUE_MAX] = max(state.count[copy, C_QUEUE_MAX], site[S_WAITING])
    return True


def served(state, slot, now):
    """After the work: fail, answer from memory, keep a message; True if it goes on to its calls."""
    row = state.visit[slot]
    part, copy = row[V_PART], row[V_COPY]
    kind = state.part[part, P_KIND]
    row[V_PHASE] = CALLING
    outcome = -1
    if chance(row[V_PATH], BAD, broken(state, L_BAD, copy)):
        outcome = FAILED
    elif kind == EXTERNAL and chance(row[V_PATH], ALIVE, 1.0 - state.part_s[part, P_AVAILABLE]):
        outcome = FAILED
    elif kind == QUEUE and not put(state, slot, now):
        outcome = REFUSED
    elif (kind == CACHE or kind == EDGE) and hit(state, slot, now):
        outcome = OK
    if outcome < 0:
        row[V_MISSED] = 1 if kind == CACHE or kind == EDGE else 0
        return True
    finish(state, slot, outcome, now)
    return False


def finish(state, slot, outcome, now):
    """It has ended at its copy; whoever asked hears of it."""
    row = state.visit[slot]
    part, copy = row[V_PART], row[V_COPY]
    kind = state.part[part, P_KIND]
    row[V_PHASE], row[V_OUTCOME] = ENDED, outcome
    if kind == CLIENTS:
        settle(state, slot, now)
        return
    leave(state, slot, now)
    if (kind == CACHE or kind == EDGE) and state.part[part, P_ARROWS] > 0:
        row[V_MISSED] = 0
    ended = C_SERVED if outcome == OK else C_REFUSED if kind == QUEUE and outcome == REFUSED else C_FAILED
    state.count[copy, ended] += 1
    state.hist[copy, bin_of(now - state.visit_s[slot, V_REACHED])] += 1
    if state.part[part, P_HOLDS] > 0:
        release(state, copy, now)
    if kind == WORKERS:
        taken_off(state, slot, outcome, now)
        return
    extra = 0.0
    if outcome == OK and is_write(state, slot):
        extra = broken(state, L_EXTRA, copy)
        note_loss(state, slot, now + extra)
    reply(state, slot, extra, now)


def kill(state, copy, now):
    """The copy is gone, with all who were in it."""
    site, silent, part = state.site[copy], down(state, copy) == SILENT, state.part_of[copy]
    account(state, copy, now)
    crowd(state, copy, now)
    slot = site[S_FIRST]
    site[S_FIRST], site[S_LAST], site[S_INSIDE], site[S_BUSY], site[S_WAITING] = -1, -1, 0, 0, 0
    while slot >= 0:
        row = state.visit[slot]
        after = row[V_AFTER]
        state.count[copy, C_FAILED] += 1
        stayed(state, slot, now)
        row[V_PHASE], row[V_OUTCOME] = ENDED, FAILED
        if state.part[part, P_KIND] == WORKERS:
            end_span(state, row[V_SPAN], FAILED, now)
            if row[V_TRIES] < state.part[part, P_ATTEMPTS]:
                back(state, state.part[part, P_SOURCE], slot, now)
            free_visit(state, slot)
        elif silent:
            free_visit(state, slot)
        else:
            reply(state, slot, 0.0, now)
        slot = after
    if state.part[part, P_KIND] == QUEUE and state.part[part, P_DURABLE] == 0:
        forget(state, part, now)


def turn(state, now):
    """Another epoch begins: kill what goes down in it, and wake the workers."""
    state.at[EPOCH] += 1
    epoch = state.at[EPOCH]
    for copy in range(len(state.site)):
        if state.line[L_DOWN, epoch, copy] != UP and state.line[L_DOWN, epoch - 1, copy] == UP:
            kill(state, copy, now)
    for part in range(len(state.part)):
        if state.part[part, P_KIND] == QUEUE:
            drain(state, part, now)
