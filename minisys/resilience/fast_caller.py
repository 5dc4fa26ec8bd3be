"""The caller's side of the compiled loop: tries, timeouts, hedges, retries (model.py says the same in objects)."""

from __future__ import annotations

import math

from minisys.resilience.fast_policies import (
    DEADLINE,
    FALLBACK,
    JITTER,
    NET,
    PATIENCE,
    QUANTILE,
    TIMEOUT,
    again,
    allowed,
    asked,
    hedge_after_s,
    hedged,
    observed,
    recorded,
    refunded,
    wait_s,
)
from minisys.resilience.fast_service import _done
from minisys.resilience.fast_state import (
    A_DEADLINE,
    A_ERROR,
    A_FAILED,
    A_FLYING,
    A_HOP,
    A_LIVE,
    A_OK,
    A_PARENT,
    A_REFUSED,
    A_REQUEST,
    A_SENT,
    A_TRIES,
    A_WAITED,
    ANSWERED,
    ARRIVE,
    ASKS,
    C_ASK,
    C_BEGAN,
    C_BEHIND,
    C_DEADLINE,
    C_DRAW,
    C_ENDED,
    C_FATE,
    C_HOP,
    C_SENT,
    C_TRY,
    C_USED,
    C_WORK,
    CALLS,
    FAILED,
    JITTERED,
    OK,
    REFUSED,
    RETRY,
    S_DRAWN,
    S_JITTERED,
    SECOND,
    SHED,
    TIMED_OUT,
    _set,
)


def _user(state, request):
    now = state.arrival[request]
    deadline = now + state.common[PATIENCE] if state.caller[0, DEADLINE] > 0 else math.inf
    _ask(state, 0, -1, request, deadline, now)


def _ask(state, hop, parent, request, deadline, now):
    ask = state.at[ASKS]
    state.at[ASKS] += 1
    row = state.ask[ask]
    row[A_HOP], row[A_PARENT], row[A_REQUEST], row[A_TRIES], row[A_LIVE] = hop, parent, request, 0, 0
    row[A_FLYING], row[A_ERROR] = 0, 0
    state.ask_s[ask, A_DEADLINE], state.ask_s[ask, A_WAITED] = deadline, 0.0
    asked(state.caller[hop], state.memory[hop])
    _send(state, ask, now)


def _send(state, ask, now):
    """One more try, if the caller's own defences let it out."""
    hop = state.ask[ask, A_HOP]
    caller = state.caller[hop]
    if not allowed(caller, state.memory[hop], now):
        _finish(state, ask, A_REFUSED, now)
        return
    state.ask[ask, A_TRIES] += 1
    attempt = state.ask[ask, A_TRIES]
    state.ask[ask, A_LIVE], state.ask[ask, A_FLYING], state.ask_s[ask, A_SENT] = attempt, 1, now
    _call(state, ask, now)
    left = min(caller[TIMEOUT], state.ask_s[ask, A_DEADLINE] - now)
    if left < math.inf:
        _set(state, now + left, TIMED_OUT, ask, attempt)
    if caller[QUANTILE] > 0:
        after = hedge_after_s(caller, state.memory[hop], state.latencies[0, hop])
        if after < math.inf:
            _set(state, now + after, SECOND, ask, attempt)


def _second(state, ask, now):
    """The hedge: the same call once more, if the ratio allows it."""
    hop = state.ask[ask, A_HOP]
    if hedged(state.memory[hop]):
        state.ask[ask, A_FLYING] += 1
        _call(state, ask, now)


def _call(state, ask, now):
    call, hop = state.at[CALLS], state.ask[ask, A_HOP]
    state.at[CALLS] += 1
    row, times = state.call[call], state.call_s[call]
    row[C_ASK], row[C_TRY], row[C_HOP] = ask, state.ask[ask, A_LIVE], hop
    row[C_DRAW] = state.at_service[hop, S_DRAWN] % state.tables.shape[2]
    state.at_service[hop, S_DRAWN] += 1
    row[C_FATE], row[C_USED], row[C_BEHIND] = 0, 0, -1
    times[C_SENT], times[C_BEGAN], times[C_ENDED], times[C_WORK] = now, math.nan, math.nan, 0.0
    times[C_DEADLINE] = state.ask_s[ask, A_DEADLINE] if state.caller[hop, DEADLINE] > 0 else math.inf
    _set(state, now + state.common[NET], ARRIVE, call, 0)


def _answer(state, call, now):
    """The caller has the answer, if it still waits for this one."""
    ask, fate, hop = state.call[call, C_ASK], state.call[call, C_FATE], state.call[call, C_HOP]
    if state.ask[ask, A_LIVE] != state.call[call, C_TRY]:
        return
    state.ask[ask, A_FLYING] -= 1
    if fate == OK:
        state.call[call, C_USED] = 1
        if state.caller[hop, QUANTILE] > 0:
            latency = now - state.call_s[call, C_SENT]
            observed(state.caller[hop], state.memory[hop], state.latencies[0, hop], state.latencies[1, hop], latency)
        _over(state, ask, A_OK, now)
    elif state.ask[ask, A_FLYING] == 0:
        _over(state, ask, A_REFUSED if fate == REFUSED or fate == SHED else A_FAILED, now)


def _over(state, ask, error, now):
    """One try is over; try again, or give up."""
    row, hop = state.ask[ask], state.ask[ask, A_HOP]
    caller, memory = state.caller[hop], state.memory[hop]
    row[A_LIVE] = 0
    recorded(caller, memory, error == A_OK, now)
    if error == A_OK:
        refunded(caller, memory, row[A_ERROR])
    elif now < state.ask_s[ask, A_DEADLINE] and again(caller, memory, row[A_TRIES], error == A_REFUSED):
        row[A_ERROR] = 1 if error == A_REFUSED else 2
        luck = 0.0
        if caller[JITTER] > 1:
            luck = state.tables[JITTERED, hop, state.at_service[hop, S_JITTERED] % state.tables.shape[2]]
            state.at_service[hop, S_JITTERED] += 1
        wait = wait_s(caller, row[A_TRIES] - 1, state.ask_s[ask, A_WAITED], luck)
        state.ask_s[ask, A_WAITED] = wait
        if now + wait < state.ask_s[ask, A_DEADLINE]:
            _set(state, now + wait, RETRY, ask, 0)
            return
    _finish(state, ask, error, now)


def _finish(state, ask, outcome, now):
    """The ask is over: its caller, a user or a service, hears of it."""
    parent, request = state.ask[ask, A_PARENT], state.ask[ask, A_REQUEST]
    if outcome != A_OK and state.caller[state.ask[ask, A_HOP], FALLBACK] > 0:
        state.user[request, 1], outcome = 1, A_OK
    if parent >= 0:
        _done(state, parent, OK if outcome == A_OK else REFUSED if outcome == A_REFUSED else FAILED, now)
        return
    state.user[request, 0], state.finished[request] = outcome, now
    state.at[ANSWERED] += 1
