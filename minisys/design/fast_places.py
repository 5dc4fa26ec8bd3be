"""The callee's side, compiled: model_places.py and model_messages.py in arrays, function by function."""

from __future__ import annotations

from minisys.design.draws import ALIVE, BAD, ERROR, HIT, luck, mix, work_s
from minisys.design.fast_choice import way_s
from minisys.design.fast_state import (
    ANSWER,
    C_ARRIVED,
    C_BUSY,
    C_FAILED,
    C_QUEUE_MAX,
    C_REFUSED,
    C_SERVED,
    C_STARTED,
    C_WAIT,
    CALLING,
    ENDED,
    EPOCH,
    FOR_S,
    L_BAD,
    L_COLD,
    L_DELAY,
    L_DOWN,
    L_ERROR,
    L_EXTRA,
    L_SLOW,
    MESSAGE,
    P_ARROW,
    P_ARROWS,
    P_ATTEMPTS,
    P_AVAILABLE,
    P_CV,
    P_DURABLE,
    P_EACH,
    P_FIRST,
    P_HITS,
    P_HOLDS,
    P_KIND,
    P_LAW,
    P_LIMIT,
    P_N,
    P_NAME,
    P_RATE,
    P_ROOM,
    P_SOURCE,
    P_TAKES,
    P_WARM,
    P_WORKERS,
    P_WRITE,
    Q_HEAD,
    Q_N,
    Q_TAIL,
    R_WORK,
    R_WRITE,
    S_BUSY,
    S_FIRST,
    S_HEAD,
    S_INSIDE,
    S_LAST,
    S_TAIL,
    S_WAITING,
    V_AFTER,
    V_ARROW,
    V_ASK,
    V_ATTEMPTS,
    V_BEFORE,
    V_BEGAN,
    V_COPY,
    V_FROM_COPY,
    V_FROM_PLACE,
    V_ID,
    V_LINK,
    V_MISSED,
    V_NEXT,
    V_OUTCOME,
    V_PART,
    V_PATH,
    V_PENDING,
    V_PHASE,
    V_PLACE,
    V_REACHED,
    V_REQUEST,
    V_SERVER,
    V_SPAN,
    V_STARTED,
    V_TRIES,
    WORKED,
    WORKING,
    begin_span,
    broken,
    cut,
    down,
    end_span,
    free_visit,
    later,
    mark_span,
    new_visit,
)  # fmt: skip
from minisys.design.flat import CACHE, CLIENTS, DATABASE, EDGE, EXTERNAL, QUEUE, WORKERS
from minisys.design.model_calls import FAILED, OK, REFUSED
from minisys.design.tally import bin_of
from minisys.design.timeline import SILENT, UP


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
        enter(state, slot)
        state.visit_s[slot, V_BEGAN] = state.visit_s[slot, V_STARTED] = now
        return True
    elif not let_in(state, slot, now):
        outcome = REFUSED
    if outcome != OK:
        turn_away(state, slot, outcome, now)
    return False


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


def turn_away(state, slot, outcome, now):
    """End it before it has begun."""
    row = state.visit[slot]
    state.count[row[V_COPY], C_REFUSED if outcome == REFUSED else C_FAILED] += 1
    row[V_PHASE], row[V_OUTCOME] = ENDED, outcome
    reply(state, slot, 0.0, now)


def let_in(state, slot, now):
    """Work on it, or let it wait; False if there is no room."""
    row = state.visit[slot]
    copy, part = row[V_COPY], row[V_PART]
    site = state.site[copy]
    idle_hands = site[S_BUSY] < state.part[part, P_WORKERS]
    if not idle_hands and site[S_WAITING] >= state.part[part, P_ROOM]:
        return False
    enter(state, slot)
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


def enter(state, slot):
    """It is inside: the last of the copy's list."""
    row = state.visit[slot]
    site = state.site[row[V_COPY]]
    row[V_BEFORE], row[V_AFTER] = site[S_LAST], -1
    if site[S_LAST] >= 0:
        state.visit[site[S_LAST], V_AFTER] = slot
    else:
        site[S_FIRST] = slot
    site[S_LAST] = slot
    site[S_INSIDE] += 1


def leave(state, slot):
    """It is inside no more."""
    row = state.visit[slot]
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


def account(state, copy, now):
    """Add up how long how many workers were busy, until the users stop coming."""
    now = min(now, state.common[FOR_S])
    state.count_s[copy, C_BUSY] += state.site[copy, S_BUSY] * (now - state.since[copy])
    state.since[copy] = now


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


def finish(state, slot, outcome, now):
    """It has ended at its copy; whoever asked hears of it."""
    row = state.visit[slot]
    part, copy = row[V_PART], row[V_COPY]
    kind = state.part[part, P_KIND]
    row[V_PHASE], row[V_OUTCOME] = ENDED, outcome
    if kind == CLIENTS:
        settle(state, slot, now)
        return
    leave(state, slot)
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


def note_loss(state, slot, confirmed_s):
    """Count a write that is confirmed and will be lost."""
    row = state.visit[slot]
    part = row[V_PART]
    first = row[V_COPY] - (row[V_COPY] - state.part[part, P_FIRST]) % state.part[part, P_EACH]
    for window in state.lost_s:
        if window[0] == first and window[1] < confirmed_s and confirmed_s <= window[2]:
            state.lost[part] += 1


def reply(state, slot, extra_s, now):
    """Send the answer on its way."""
    row = state.visit[slot]
    if row[V_ASK] >= 0:
        mark_span(state, slot, now)
        way = way_s(state, row[V_ARROW], row[V_PLACE], row[V_FROM_PLACE])
        delay = broken(state, L_DELAY, row[V_COPY]) + extra_s
        later(state, now + delay + way, ANSWER, slot, 0)


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


def append(state, queue, slot, now):
    """Put a message at the end of the line."""
    line = state.queue[queue]
    state.visit[slot, V_PHASE] = MESSAGE
    state.visit_s[slot, V_REACHED] = now
    if line[Q_N] == 0:
        line[Q_HEAD] = slot
    else:
        state.visit[line[Q_TAIL], V_LINK] = slot
    line[Q_TAIL] = slot
    line[Q_N] += 1


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
        line[Q_HEAD] = row[V_LINK]
        line[Q_N] -= 1
        origin = row[V_COPY]
        row[V_LINK], row[V_PART], row[V_COPY], row[V_PLACE], row[V_SERVER] = -1, part, copy, state.zone_of[copy], copy
        row[V_PATH], row[V_NEXT] = mix(row[V_PATH], state.part[part, P_NAME]), state.part[part, P_ARROW]
        row[V_MISSED], row[V_PENDING], row[V_ATTEMPTS] = 0, 0, 1
        state.count[copy, C_ARRIVED] += 1
        enter(state, slot)
        begin_span(state, slot, -1, -1, origin, row[V_TRIES], now)
        begin(state, slot, now)


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


def back(state, queue, slot, now):
    """Put a message back in line as a new visit."""
    row = state.visit[slot]
    message = new_visit(state)
    fresh = state.visit[message]
    fresh[V_REQUEST], fresh[V_PART], fresh[V_COPY], fresh[V_PLACE] = row[V_REQUEST], queue, row[V_COPY], row[V_PLACE]
    fresh[V_PATH], fresh[V_TRIES] = mix(row[V_PATH], row[V_TRIES]), row[V_TRIES] + 1
    append(state, queue, message, now)


def kill(state, copy, now):
    """The copy is gone, with all who were in it."""
    site, silent, part = state.site[copy], down(state, copy) == SILENT, state.part_of[copy]
    account(state, copy, now)
    slot = site[S_FIRST]
    site[S_FIRST], site[S_LAST], site[S_INSIDE], site[S_BUSY], site[S_WAITING] = -1, -1, 0, 0, 0
    while slot >= 0:
        row = state.visit[slot]
        after = row[V_AFTER]
        state.count[copy, C_FAILED] += 1
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
        forget(state, part)


def forget(state, queue):
    """A queue that keeps nothing on a disk, and whose last copy is gone, has lost its messages."""
    first = state.part[queue, P_FIRST]
    for copy in range(first, first + state.part[queue, P_N]):
        if down(state, copy) == UP:
            return
    line = state.queue[queue]
    state.lost[queue] += line[Q_N]
    while line[Q_N] > 0:
        slot = line[Q_HEAD]
        line[Q_HEAD] = state.visit[slot, V_LINK]
        line[Q_N] -= 1
        free_visit(state, slot)


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
