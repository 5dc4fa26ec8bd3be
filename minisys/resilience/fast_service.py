"""The service's side of the compiled loop: in, in line, at work, answered (model.py says the same in objects)."""

from __future__ import annotations

from minisys.resilience.fast_policies import FAILS, NET, QUEUE, WORKERS, taken
from minisys.resilience.fast_state import (
    ANSWER,
    C_ARRIVED,
    C_BEGAN,
    C_BEHIND,
    C_DEADLINE,
    C_DRAW,
    C_ENDED,
    C_ERROR,
    C_FATE,
    C_HOP,
    C_WORK,
    EXPIRED,
    LUCK,
    REFUSED,
    S_BUSY,
    S_HEAD,
    S_QUEUED,
    S_TAIL,
    SHED,
    WORK,
    WORKED,
    _set,
)


def _arrive(state, call, now):
    """At the service: in, in line, or refused."""
    hop = state.call[call, C_HOP]
    here, service = state.at_service[hop], state.service[hop]
    state.call_s[call, C_ARRIVED] = now
    if here[S_QUEUED] >= service[QUEUE]:
        _respond(state, call, REFUSED, now)
    elif here[S_BUSY] < service[WORKERS]:
        _begin(state, call, now)
    else:
        if here[S_QUEUED] == 0:
            here[S_HEAD] = call
        else:
            state.call[here[S_TAIL], C_BEHIND] = call
        here[S_TAIL] = call
        here[S_QUEUED] += 1


def _begin(state, call, now):
    hop, draw = state.call[call, C_HOP], state.call[call, C_DRAW]
    state.at_service[hop, S_BUSY] += 1
    slow, fails = 1.0, state.service[hop, FAILS]
    for row in range(len(state.windows)):
        if state.windows[row, 0] == hop and state.windows[row, 1] <= now < state.windows[row, 2]:
            slow, fails = slow * state.windows[row, 3], max(fails, state.windows[row, 4])
    work = state.tables[WORK, hop, draw] * slow
    state.call_s[call, C_BEGAN], state.call_s[call, C_WORK] = now, work
    state.call[call, C_ERROR] = 1 if state.tables[LUCK, hop, draw] < fails else 0
    _set(state, now + work, WORKED, call, 0)


def _done(state, call, fate, now):
    """The worker lets go of *call*, and takes those who wait."""
    hop = state.call[call, C_HOP]
    here, service = state.at_service[hop], state.service[hop]
    here[S_BUSY] -= 1
    _respond(state, call, fate, now)
    while here[S_QUEUED] > 0 and here[S_BUSY] < service[WORKERS]:
        head = here[S_HEAD]
        here[S_HEAD] = state.call[head, C_BEHIND]
        here[S_QUEUED] -= 1
        waited = now - state.call_s[head, C_ARRIVED]
        if now >= state.call_s[head, C_DEADLINE]:
            _respond(state, head, EXPIRED, now)
        elif not taken(service, state.memory[hop], waited, now):
            _respond(state, head, SHED, now)
        else:
            _begin(state, head, now)


def _respond(state, call, fate, now):
    state.call[call, C_FATE], state.call_s[call, C_ENDED] = fate, now
    _set(state, now + state.common[NET], ANSWER, call, 0)
