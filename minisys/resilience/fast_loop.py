"""The loop of fast.py, as plain functions over arrays that Numba compiles; without Numba they run as they are.

Every event of model.py is here under the same name, and in the same order at equal times: the calendar's key is a time
and a ticket, and the tickets are handed out where the model hands them out.

Promised: no objects, no randomness of its own. Not promised: comfort; read model.py first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any
from zlib import crc32

from minisys.resilience import fast_caller, fast_policies, fast_service, fast_state
from minisys.resilience.fast_caller import _answer, _ask, _over, _second, _send, _user
from minisys.resilience.fast_policies import OWN
from minisys.resilience.fast_service import _arrive, _done
from minisys.resilience.fast_state import (
    A_LIVE,
    A_REQUEST,
    A_TIMEOUT,
    ANSWER,
    ANSWERED,
    ARRIVE,
    ASKS,
    C_ASK,
    C_DEADLINE,
    C_ERROR,
    C_HOP,
    CALLS,
    EXPIRED,
    FAILED,
    NEXT,
    OK,
    RETRY,
    SIZE,
    TIMED_OUT,
    WORKED,
    State,
    _pop,
    signatures,
)


def run(state):
    """Everything, until each user has an answer; False if the arrays were too short."""
    at, n = state.at, len(state.arrival)
    while at[ANSWERED] < n:
        if at[SIZE] + 16 > len(state.when) or at[CALLS] + 16 > len(state.call) or at[ASKS] + 16 > len(state.ask):
            return False
        if at[NEXT] < n and (at[SIZE] == 0 or state.arrival[at[NEXT]] < state.when[0]):
            at[NEXT] += 1
            _user(state, at[NEXT] - 1)
            continue
        now = state.when[0]
        kind, whom, attempt = state.what[0, 1], state.what[0, 2], state.what[0, 3]
        _pop(state)
        if kind == ARRIVE:
            _arrive(state, whom, now)
        elif kind == WORKED:
            _worked(state, whom, now)
        elif kind == ANSWER:
            _answer(state, whom, now)
        elif kind == TIMED_OUT:
            if state.ask[whom, A_LIVE] == attempt:
                _over(state, whom, A_TIMEOUT, now)
        elif kind == RETRY:
            _send(state, whom, now)
        elif state.ask[whom, A_LIVE] == attempt:
            _second(state, whom, now)
    return True


def _worked(state, call, now):
    """The service's own work is done: an error, the answer, or the next service is asked."""
    hop, deadline = state.call[call, C_HOP], state.call_s[call, C_DEADLINE]
    request = state.ask[state.call[call, C_ASK], A_REQUEST]
    if state.call[call, C_ERROR] > 0:
        _done(state, call, FAILED, now)
    elif hop + 1 == len(state.service) or state.user[request, 2] < state.service[hop, OWN]:
        _done(state, call, OK, now)
    elif now >= deadline:
        _done(state, call, EXPIRED, now)
    else:
        _ask(state, hop + 1, call, request, deadline, now)


@lru_cache(maxsize=1)
def compiled() -> Callable[[State], bool]:
    """The loop as machine code, kept on disk, where Numba is installed."""
    try:
        import numba
    except ImportError:
        return run
    parts = fast_policies, fast_state, fast_service, fast_caller
    made: dict[str, Any] = {name: each for part in parts for name, each in vars(part).items()} | globals()
    version = crc32(b"".join(Path(str(part.__file__)).read_bytes() for part in parts))
    for name, signature in signatures(numba.types).items():  # each sees those before it as machine code
        function = FunctionType(made[name].__code__, made, name)
        function.__qualname__ = f"{name}_{version:08x}"  # so that what lies on disk is of these very parts
        options: dict[str, Any] = {"nogil": True, "_nrt": False}  # nothing is allocated: no references to count
        try:
            made[name] = numba.njit(signature, cache=True, **options)(function)
        except RuntimeError:  # no folder that may be written
            made[name] = numba.njit(signature, **options)(function)
    return made["run"]
