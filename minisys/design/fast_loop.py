"""The loop of fast.py, as plain functions over arrays that Numba compiles.

Every event of the model is here under the same name, and in the same order at equal times: the calendar's key is a time
and a ticket, and the tickets are handed out where the model hands them out. Read model.py first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any
from zlib import crc32

from minisys.design import draws, fast_calls, fast_choice, fast_messages, fast_places, fast_state, fast_work, tally
from minisys.design.fast_calls import arrived, cares, free_ask, free_visit, gave_up, over, proceed, send
from minisys.design.fast_messages import drain
from minisys.design.fast_places import reach, served, turn
from minisys.design.fast_work import release
from minisys.design.model_calls import FAILED, TIMEOUT
from minisys.load_balancing import fast, policies

# isort: off
from minisys.design.fast_state import (
    AGAIN, ANSWER, A_SERIAL, CALLING, COMING, EPOCH, FREE_ASKS, FREE_VISITS, P_ARROW, P_HOLDS, REACH, R_ARRIVAL,
    R_PATH, R_USERS, SIZE, State, TIMED_OUT, USER, V_ASK, V_ATTEMPTS, V_COPY, V_ID, V_NEXT, V_OUTCOME, V_PART,
    V_PATH, V_PHASE, V_PLACE, V_REQUEST, V_SERVER, WAKE, WORKED, WORKING, begin_span, later, new_visit, take,
)  # fmt: skip
# isort: on

__all__ = ["WAKE", "advance", "compiled"]


def advance(state, until, margin):
    """Everything that happens before *until*; False if the arrays are too short by *margin* entries."""
    at = state.at
    while True:
        begun = at[SIZE] == 0 or state.when[0] >= until
        now = until if begun else state.when[0]
        full = len(state.when) - at[SIZE] < margin or at[FREE_VISITS] < margin or at[FREE_ASKS] < margin
        if full:
            return False
        if at[EPOCH] + 1 < len(state.start_s) and state.start_s[at[EPOCH] + 1] <= now:
            inside = len(state.visit) - at[FREE_VISITS]
            if len(state.when) - at[SIZE] < margin + inside or at[FREE_VISITS] < margin + inside:
                return False
            turn(state, state.start_s[at[EPOCH] + 1])
            continue
        if begun:
            return True
        kind, whom, serial = state.what[0, 1], state.what[0, 2], state.what[0, 3]
        take(state)
        happen(state, kind, whom, serial, now)


def happen(state, kind, whom, serial, now):
    """One event; whatever it is, at most one visit goes on after it. One call each: what is called is copied there."""
    go = -1
    if kind == USER:
        go = user(state, whom, now)
    elif kind == REACH or kind == WORKED:
        works = reach(state, whom, now) if kind == REACH else worked(state, whom, serial, now)
        if works and served(state, whom, now):
            go = whom
    elif kind == WAKE:
        drain(state, whom, now)
    elif kind == AGAIN:
        if state.ask[whom, A_SERIAL] == serial:
            if cares(state, whom):
                send(state, whom, now)
            else:
                free_ask(state, whom)
    else:
        go = ended(state, kind, whom, serial, now)
    if go >= 0:
        proceed(state, go, now)
    if kind == USER:
        state.at[COMING] = whom + 1
        if whom + 1 < state.request_s.shape[1]:
            later(state, state.request_s[R_ARRIVAL, whom + 1], USER, whom + 1, 0)


def ended(state, kind, whom, serial, now):
    """An attempt has ended: by its answer, by the caller's patience, or because there was nobody to ask."""
    ask, outcome, visit = whom, FAILED, -1
    if kind == ANSWER:
        visit, ask, outcome = whom, state.visit[whom, V_ASK], state.visit[whom, V_OUTCOME]
        if not arrived(state, whom, now):
            free_visit(state, whom)
            return -1
    elif state.ask[whom, A_SERIAL] != serial:
        return -1
    elif kind == TIMED_OUT:
        gave_up(state, whom, now)
        outcome = TIMEOUT
    go = over(state, ask, outcome, visit, now)
    if visit >= 0:
        free_visit(state, visit)
    return go


def worked(state, slot, serial, now):
    """The work is done: whether the copy has lived to see it."""
    row = state.visit[slot]
    if row[V_ID] != serial or row[V_PHASE] != WORKING:
        return False
    if state.part[row[V_PART], P_HOLDS] == 0:
        release(state, row[V_COPY], now)
    return True


def user(state, request, now):
    """A user asks: their visit."""
    copy = state.request[R_USERS, request]
    slot = new_visit(state)
    row, part = state.visit[slot], state.part_of[copy]
    zones = len(state.place_region) - state.known.shape[1]
    row[V_REQUEST], row[V_PART], row[V_COPY], row[V_SERVER] = request, part, copy, -1
    row[V_PLACE], row[V_PATH] = zones + state.region_of[copy], state.request[R_PATH, request]
    row[V_PHASE], row[V_NEXT], row[V_ATTEMPTS] = CALLING, state.part[part, P_ARROW], 1
    begin_span(state, slot, -1, -1, -1, 1, now)
    return slot


# What is compiled, callees first, with its arguments: the State, whole numbers, reals, a pool, keys.
PIECES = (draws, tally, policies, fast_state, fast_choice, fast_work, fast_messages, fast_places, fast_calls)
ORDER = """
mix:ii luck:ii work_s:ifif bin_of:f luck_of_attempt:fi record_latency:pifff
later:Sfiii _before:Sii take:S new_visit:S free_visit:Si free_ask:Si broken:Sii down:Si cut:Sii
begin_span:Siiiiif mark_span:Sif end_span:Siif
route:Siiif user_place:Sii way_s:Siii near_by:Sii believed:Siiif eligible:Siiif keeper:Siiikii choose:ipiff pick:Siiif
chance:iif admitted:Sif reply:Siff turn_away:Siif crowd:Sif stayed:Sif enter:Sif leave:Sif is_write:Si mean_s:Si
account:Sif begin:Sif release:Sif hit:Sif note_loss:Sif settle:Sif
lengthen:Sif append:Siif idle:Sif drain:Sif put:Sif back:Siif taken_off:Siif
finish:Siif served:Sif let_in:Sif reach:Sif forget:Sif kill:Sif turn:Sf
learn:Siiff paid:Si pause_s:Si cares:Si taken:Sii send:Sif make:Siiif proceed:Sif done:Siiif over:Siiif
gave_up:Sif arrived:Sif ended:Siiif worked:Siif user:Sif happen:Siiif
"""


OPTIONS: dict[str, Any] = {
    "nogil": True,
    "_nrt": False,
    "error_model": "numpy",
}  # nothing is allocated, nothing divided by zero
INNER: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # only the loop is called from Python


@lru_cache(maxsize=1)
def compiled() -> Callable[[State, float, int], bool] | None:
    """The loop as machine code, kept on disk; None where there is no Numba. The first time takes some 15 s."""
    try:
        import numba
    except ImportError:
        return None
    kinds: dict[str, Any] = _kinds(numba)
    made: dict[str, Any] = {}
    for piece in PIECES:
        made |= vars(piece)
    made |= globals() | {"mix": draws.mix_unsigned}
    version = crc32(b"".join(Path(str(piece.__file__)).read_bytes() for piece in PIECES))
    loop = FunctionType(advance.__code__, made, "advance")
    loop.__qualname__ = f"advance_{version:08x}"  # so that what lies on disk is of these very pieces
    signature = tuple(kinds[argument] for argument in "Sfi")
    try:
        machine = numba.njit(cache=True, **OPTIONS)(loop)
    except RuntimeError:  # no folder that may be written
        machine = numba.njit(**OPTIONS)(loop)
    if machine._cache.load_overload(signature, machine.targetctx) is None:
        _compile_pieces(numba, kinds, made)
    machine.compile(signature)
    return machine


def _compile_pieces(numba: Any, kinds: dict[str, Any], made: dict[str, Any]) -> None:
    """Put machine code in the place of what the loop calls, callees first."""
    made |= {f"_{i}": fast._compile(policies.policy(name).choose) for i, name in enumerate(policies.NAMES)}
    for entry in ORDER.split():
        name, arguments = entry.split(":")
        function = FunctionType(made[name].__code__, made, name, made[name].__defaults__)
        made[name] = numba.njit(tuple(kinds[one] for one in arguments), **OPTIONS, **INNER)(function)


def _kinds(numba: Any) -> dict[str, Any]:
    """Types by their letters in ORDER."""
    from minisys.design.fast_header import HANDLE

    pool = fast._signatures(numba)[0].args[0]
    return {"S": HANDLE, "p": pool, "i": numba.int64, "f": numba.float64, "k": numba.int64[::1]}
