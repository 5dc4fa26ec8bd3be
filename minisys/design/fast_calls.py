"""The caller's side, compiled: model_calls.py in arrays, function by function."""

from __future__ import annotations

from minisys.design.draws import JITTER, SHARE, luck, mix
from minisys.design.fast_choice import pick, route, user_place, way_s
from minisys.design.fast_places import finish
from minisys.design.flat import BALANCER, CACHE, CLIENTS, DNS, EDGE, MISSES, READS, WRITES
from minisys.design.model_calls import BACKOFF_CAP_S, FAILED, OK, TIMEOUT
from minisys.load_balancing.policies import DECAY_S, NAMES, Pool, record_latency

# isort: off
from minisys.design.fast_state import (
    AGAIN, A_ARROW, A_BEGAN, A_CALLER, A_CALLER_ID, A_CHOSEN, A_COPY, A_LAST, A_PARENT, A_PART, A_PATH, A_PLACE,
    A_REQUEST, A_SENT, A_SERIAL, A_SPAN, A_TRIES, CALLING, FREE_ASKS, K_CALLS, K_FAILED, K_RETRIES, K_TIMED_OUT,
    NOBODY, P_ARROW, P_ARROWS, P_FIRST, P_KIND, REACH, R_WRITE, SERIAL, TIMED_OUT, V_ARROW, V_ASK, V_ATTEMPTS,
    V_COPY, V_FROM_COPY, V_FROM_PLACE, V_ID, V_MISSED, V_NEXT, V_OUTCOME, V_PART, V_PATH, V_PENDING, V_PHASE,
    V_PLACE, V_REQUEST, V_SERIAL, V_SERVER, V_SPAN, V_STARTED, W_BACKOFF, W_BUDGET, W_JITTER, W_ON, W_OPTIONAL,
    W_PATH, W_POLICY, W_SHARE, W_TIMEOUT, W_TIMES, W_TO, W_TOGETHER, W_TRIES, W_WAITS, begin_span, cut, end_span,
    free_ask, free_visit, later, new_visit,
)  # fmt: skip
# isort: on

PEAK_EWMA = NAMES.index("peak ewma")  # the one policy that learns from latencies
MOST_TOKENS = 100.0  # as resilience.retries.RatioBudget keeps

__all__ = ["arrived", "cares", "free_ask", "free_visit", "gave_up", "over", "proceed", "send"]


def proceed(state, slot, now):
    """Make the next calls of a visit; when there are none left it has ended well."""
    row = state.visit[slot]
    part = row[V_PART]
    end = state.part[part, P_ARROW] + state.part[part, P_ARROWS]
    while row[V_NEXT] < end:
        first = row[V_NEXT]
        if state.part[part, P_KIND] == DNS:
            row[V_NEXT] = end
            make(state, slot, route(state, slot, first, end, now), 0, now)
        else:
            row[V_NEXT] = first + 1
            while row[V_NEXT] < end and state.way[row[V_NEXT], W_TOGETHER] > 0:
                row[V_NEXT] += 1
            for arrow in range(first, row[V_NEXT]):
                if taken(state, slot, arrow):
                    for k in range(state.way[arrow, W_TIMES]):
                        make(state, slot, arrow, k, now)
        if row[V_PENDING] > 0:
            return
    finish(state, slot, OK, now)


def taken(state, slot, arrow):
    """Whether a visit takes *arrow*: by what it is, by what the cache said, by its share."""
    row, on = state.visit[slot], state.way[arrow, W_ON]
    write = state.request[R_WRITE, row[V_REQUEST]] > 0
    if (on == READS and write) or (on == WRITES and not write) or (on == MISSES and row[V_MISSED] == 0):
        return False
    share = state.way_s[arrow, W_SHARE]
    return share >= 1.0 or luck(mix(row[V_PATH], state.way[arrow, W_PATH]), SHARE) < share


def make(state, caller, arrow, k, now):
    """Take *arrow*; *k* counts its parallel calls."""
    row = state.visit[caller]
    state.at[FREE_ASKS] -= 1
    slot = state.free_ask[state.at[FREE_ASKS]]
    one = state.ask[slot]
    one[A_ARROW], one[A_CALLER], one[A_CALLER_ID], one[A_REQUEST] = arrow, caller, row[V_ID], row[V_REQUEST]
    one[A_COPY], one[A_PLACE], one[A_PART], one[A_PARENT] = row[V_COPY], row[V_PLACE], row[V_PART], row[V_SPAN]
    one[A_PATH] = mix(mix(row[V_PATH], state.way[arrow, W_PATH]), k)
    one[A_TRIES], one[A_SERIAL], one[A_LAST], one[A_CHOSEN], one[A_SPAN] = 0, -1, -1, -1, -1
    state.ask_s[slot, A_BEGAN] = now
    state.calls[arrow, K_CALLS] += 1
    if state.way[arrow, W_WAITS] > 0:
        row[V_PENDING] += 1
    if state.way_s[arrow, W_BUDGET] >= 0:
        state.budget[arrow] = min(MOST_TOKENS, state.budget[arrow] + state.way_s[arrow, W_BUDGET])
    send(state, slot, now)


def send(state, slot, now):
    """One attempt more: choose a copy, and be there after the way."""
    one = state.ask[slot]
    arrow = one[A_ARROW]
    one[A_TRIES] += 1
    state.at[SERIAL] += 1
    one[A_SERIAL] = state.at[SERIAL]
    state.ask_s[slot, A_SENT] = now
    path = mix(one[A_PATH], one[A_TRIES])
    copy = pick(state, slot, arrow, path, now)
    one[A_CHOSEN] = copy
    if copy < 0:
        later(state, now, NOBODY, slot, one[A_SERIAL])
        return
    to = state.way[arrow, W_TO]
    state.in_flight[arrow, copy - state.part[to, P_FIRST]] += 1
    place = state.zone_of[copy]
    if place < 0:
        place = user_place(state, one[A_PART], one[A_PLACE])
    visit = new_visit(state)
    row = state.visit[visit]
    row[V_REQUEST], row[V_PART], row[V_COPY], row[V_PLACE], row[V_PATH] = one[A_REQUEST], to, copy, place, path
    row[V_ASK], row[V_SERIAL], row[V_ARROW], row[V_FROM_COPY] = slot, one[A_SERIAL], arrow, one[A_COPY]
    row[V_FROM_PLACE], row[V_SERVER], row[V_NEXT] = one[A_PLACE], copy, state.part[to, P_ARROW]
    begin_span(state, visit, one[A_PARENT], arrow, one[A_COPY], one[A_TRIES], now)
    if row[V_SPAN] >= 0:
        one[A_SPAN] = row[V_SPAN]
    later(state, now + way_s(state, arrow, one[A_PLACE], place), REACH, visit, 0)
    later(state, now + state.way_s[arrow, W_TIMEOUT], TIMED_OUT, slot, one[A_SERIAL])


def over(state, slot, outcome, visit, now):
    """An attempt is over: take the answer, ask again, or give up; the caller that may go on, or -1."""
    one = state.ask[slot]
    arrow = one[A_ARROW]
    if one[A_CHOSEN] >= 0:
        local = one[A_CHOSEN] - state.part[state.way[arrow, W_TO], P_FIRST]
        state.in_flight[arrow, local] -= 1
        if outcome == OK and state.way[arrow, W_POLICY] == PEAK_EWMA:
            learn(state, arrow, local, now - state.ask_s[slot, A_SENT], now)
        one[A_LAST] = local
    one[A_SERIAL] = -1
    if not cares(state, slot):
        free_ask(state, slot)
        return -1
    if outcome != OK and one[A_TRIES] < state.way[arrow, W_TRIES] and paid(state, arrow):
        state.at[SERIAL] += 1
        one[A_SERIAL] = state.at[SERIAL]
        state.calls[arrow, K_RETRIES] += 1
        later(state, now + pause_s(state, slot), AGAIN, slot, one[A_SERIAL])
        return -1
    return done(state, slot, outcome, visit, now)


def gave_up(state, slot, now):
    """The caller gives this attempt up; whoever works on it works on."""
    state.calls[state.ask[slot, A_ARROW], K_TIMED_OUT] += 1
    end_span(state, state.ask[slot, A_SPAN], TIMEOUT, now)


def arrived(state, slot, now):
    """The answer to an attempt is there: whether its caller hears it, and still waits for it."""
    row = state.visit[slot]
    if cut(state, row[V_COPY], row[V_FROM_COPY]):
        return False
    end_span(state, row[V_SPAN], row[V_OUTCOME], now)
    return state.ask[row[V_ASK], A_SERIAL] == row[V_SERIAL]


def learn(state, arrow, local, latency_s, now):
    """Note how long a copy took."""
    none = state.known[arrow, 0, 0][:0]
    pool = Pool(
        none, state.weight[arrow], state.in_flight[arrow], state.latency_s[arrow], state.stamp_s[arrow],
        state.credit[arrow], state.cursor[arrow], none, none,
    )  # fmt: skip
    record_latency(pool, local, latency_s, now, DECAY_S)


def paid(state, arrow):
    """Whether the budget pays for one retry: RatioBudget.spend."""
    if state.way_s[arrow, W_BUDGET] < 0:
        return True
    if state.budget[arrow] < 1 - 1e-9:
        return False
    state.budget[arrow] -= 1
    return True


def pause_s(state, slot):
    """Seconds before the next attempt: Backoff.wait_s."""
    one = state.ask[slot]
    base = state.way_s[one[A_ARROW], W_BACKOFF]
    if base <= 0:
        return 0.0
    full = min(max(BACKOFF_CAP_S, base), base * 2.0 ** min(one[A_TRIES] - 1, 60))
    if state.way[one[A_ARROW], W_JITTER] == 0:
        return full
    return full * luck(mix(one[A_PATH], one[A_TRIES]), JITTER)


def cares(state, slot):
    """Whether it goes on: a caller that has ended, or died, waits no more; what is sent and forgotten goes on."""
    one = state.ask[slot]
    row = state.visit[one[A_CALLER]]
    alive = row[V_ID] == one[A_CALLER_ID] and row[V_PHASE] == CALLING
    return alive or state.way[one[A_ARROW], W_WAITS] == 0


def done(state, slot, outcome, visit, now):
    """The call is over for its caller, who ends badly, or waits for more (-1), or goes on (its slot)."""
    one = state.ask[slot]
    arrow, caller, tries = one[A_ARROW], one[A_CALLER], one[A_TRIES]
    if outcome == OK:
        state.calls_s[arrow] += now - state.ask_s[slot, A_BEGAN]
    else:
        state.calls[arrow, K_FAILED] += 1
    free_ask(state, slot)
    if state.way[arrow, W_WAITS] == 0:
        return -1
    row = state.visit[caller]
    row[V_PENDING] -= 1
    to, kind = state.part[state.way[arrow, W_TO], P_KIND], state.part[row[V_PART], P_KIND]
    if to == EDGE or to == CACHE:
        row[V_MISSED] = 1 if visit < 0 or outcome != OK else state.visit[visit, V_MISSED]
    passes = kind == CLIENTS or kind == DNS or kind == EDGE or kind == BALANCER or kind == CACHE
    if outcome == OK:
        if passes and visit >= 0:
            row[V_SERVER] = state.visit[visit, V_SERVER]
            row[V_ATTEMPTS] = tries - 1 + state.visit[visit, V_ATTEMPTS]
            state.visit_s[caller, V_STARTED] = state.visit_s[visit, V_STARTED]
    elif state.way[arrow, W_OPTIONAL] == 0:
        row[V_ATTEMPTS] = max(row[V_ATTEMPTS], tries)
        finish(state, caller, outcome if passes else FAILED, now)
        return -1
    return caller if row[V_PENDING] == 0 else -1
