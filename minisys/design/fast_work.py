"""A copy's work, compiled: who is let in, who is worked on, what goes back (the inner half of model_places.py)."""

from __future__ import annotations

from minisys.design.draws import HIT, luck, work_s
from minisys.design.fast_choice import way_s
from minisys.design.flat import DATABASE, WORKERS
from minisys.design.model_calls import OK, REFUSED

# isort: off
from minisys.design.fast_state import (
    ANSWER, C_BUSY, C_ENTERED, C_FAILED, C_INSIDE, C_STAYED, C_REFUSED, C_STARTED, C_WAIT, ENDED, FOR_S, L_COLD,
    L_DELAY, L_SLOW, P_CV, P_EACH, P_FIRST, P_HITS, P_KIND, P_LAW, P_RATE, P_TAKES, P_WARM, P_WRITE, R_WORK,
    R_WRITE, S_BUSY, S_FIRST, S_HEAD, S_INSIDE, S_LAST, S_WAITING, V_AFTER, V_ARROW, V_ASK, V_ATTEMPTS, V_BEFORE,
    V_BEGAN, V_COPY, V_FROM_PLACE, V_ID, V_LINK, V_OUTCOME, V_PART, V_PATH, V_PHASE, V_PLACE, V_REACHED, V_REQUEST,
    V_SERVER, V_SPAN, V_STARTED, WORKED, WORKING, broken, end_span, free_visit, later, mark_span,
)  # fmt: skip
# isort: on


def account(state, copy, now):
    """Add up how long how many workers were busy, until the users stop coming."""
    now = min(now, state.common[FOR_S])
    state.count_s[copy, C_BUSY] += state.site[copy, S_BUSY] * (now - state.since[copy])
    state.since[copy] = now


def crowd(state, copy, now):
    """Add up how many were inside for how long."""
    state.count_s[copy, C_INSIDE] += state.site[copy, S_INSIDE] * (now - state.changed[copy])
    state.changed[copy] = now


def stayed(state, slot, now):
    """Add up how long it was inside: a message, since it was taken."""
    row = state.visit[slot]
    taken = state.part[row[V_PART], P_KIND] == WORKERS
    since = state.visit_s[slot, V_BEGAN] if taken else state.visit_s[slot, V_REACHED]
    state.count_s[row[V_COPY], C_STAYED] += now - since


def enter(state, slot, now):
    """It is inside: the last of the copy's list."""
    row = state.visit[slot]
    crowd(state, row[V_COPY], now)
    state.count[row[V_COPY], C_ENTERED] += 1
    site = state.site[row[V_COPY]]
    row[V_BEFORE], row[V_AFTER] = site[S_LAST], -1
    if site[S_LAST] >= 0:
        state.visit[site[S_LAST], V_AFTER] = slot
    else:
        site[S_FIRST] = slot
    site[S_LAST] = slot
    site[S_INSIDE] += 1


def leave(state, slot, now):
    """It is inside no more."""
    row = state.visit[slot]
    crowd(state, row[V_COPY], now)
    stayed(state, slot, now)
    site = state.site[row[V_COPY]]
    if row[V_BEFORE] >= 0:
        state.visit[row[V_BEFORE], V_AFTER] = row[V_AFTER]
    else:
        site[S_FIRST] = row[V_AFTER]
    if row[V_AFTER] >= 0:
        state.visit[row[V_AFTER], V_BEFORE] = row[V_BEFORE]
    else:
        site[S_LAST] = row[V_BEFORE]
    site[S_INSIDE] -= 1


def is_write(state, slot):
    """Whether it is a write, for a part to which that matters."""
    row = state.visit[slot]
    return state.part[row[V_PART], P_KIND] == DATABASE and state.request[R_WRITE, row[V_REQUEST]] > 0


def mean_s(state, slot):
    """Mean seconds of work it is."""
    return state.part_s[state.visit[slot, V_PART], P_WRITE if is_write(state, slot) else P_TAKES]


def begin(state, slot, now):
    """A worker takes it."""
    row = state.visit[slot]
    part, copy = row[V_PART], row[V_COPY]
    account(state, copy, now)
    state.site[copy, S_BUSY] += 1
    row[V_PHASE] = WORKING
    state.visit_s[slot, V_BEGAN] = state.visit_s[slot, V_STARTED] = now
    state.count[copy, C_STARTED] += 1
    state.count_s[copy, C_WAIT] += now - state.visit_s[slot, V_REACHED]
    given, mean = state.request_s[R_WORK, row[V_REQUEST]], mean_s(state, slot)
    if given < 0 or mean == 0.0:
        given = work_s(row[V_PATH], mean, state.part[part, P_LAW], state.part_s[part, P_CV])
    later(state, now + given * broken(state, L_SLOW, copy), WORKED, slot, row[V_ID])


def release(state, copy, now):
    """A worker is free, for the next in line."""
    account(state, copy, now)
    site = state.site[copy]
    site[S_BUSY] -= 1
    if site[S_WAITING] > 0:
        slot = site[S_HEAD]
        site[S_HEAD] = state.visit[slot, V_LINK]
        site[S_WAITING] -= 1
        state.visit[slot, V_LINK] = -1
        begin(state, slot, now)


def chance(path, purpose, share):
    """Whether what happens to a *share* happens to this one."""
    return share > 0.0 and luck(path, purpose) < share


def admitted(state, part, now):
    """Whether an external's limit lets one more through."""
    rate, bucket = state.part_s[part, P_RATE], state.tokens[part]
    bucket[0] = min(max(1.0, rate), bucket[0] + (now - bucket[1]) * rate)
    bucket[1] = now
    if bucket[0] < 1.0:
        return False
    bucket[0] -= 1.0
    return True


def hit(state, slot, now):
    """Whether a cache has it."""
    row = state.visit[slot]
    if state.request[R_WRITE, row[V_REQUEST]] > 0:
        return False
    share, warm = state.part_s[row[V_PART], P_HITS], state.part_s[row[V_PART], P_WARM]
    since = broken(state, L_COLD, row[V_COPY])
    if warm > 0.0:
        share *= min(1.0, (now - since) / warm)
    return luck(row[V_PATH], HIT) < share


def reply(state, slot, extra_s, now):
    """Send the answer on its way."""
    row = state.visit[slot]
    if row[V_ASK] >= 0:
        mark_span(state, slot, now)
        way = way_s(state, row[V_ARROW], row[V_PLACE], row[V_FROM_PLACE])
        delay = broken(state, L_DELAY, row[V_COPY]) + extra_s
        later(state, now + delay + way, ANSWER, slot, 0)


def turn_away(state, slot, outcome, now):
    """End it before it has begun."""
    row = state.visit[slot]
    state.count[row[V_COPY], C_REFUSED if outcome == REFUSED else C_FAILED] += 1
    row[V_PHASE], row[V_OUTCOME] = ENDED, outcome
    reply(state, slot, 0.0, now)


def note_loss(state, slot, confirmed_s):
    """Count a write that is confirmed and will be lost."""
    row = state.visit[slot]
    part = row[V_PART]
    first = row[V_COPY] - (row[V_COPY] - state.part[part, P_FIRST]) % state.part[part, P_EACH]
    for window in state.lost_s:
        if window[0] == first and window[1] < confirmed_s and confirmed_s <= window[2]:
            state.lost[part] += 1


def settle(state, slot, now):
    """A user has the answer."""
    row = state.visit[slot]
    mark_span(state, slot, now)
    end_span(state, row[V_SPAN], row[V_OUTCOME], now)
    request = row[V_REQUEST]
    state.finished_s[request], state.outcome[request] = now, row[V_OUTCOME]
    state.attempts[request] = row[V_ATTEMPTS]
    if row[V_OUTCOME] == OK:
        state.started_s[request], state.server[request] = state.visit_s[slot, V_STARTED], row[V_SERVER]
    free_visit(state, slot)
