"""Twenty outages in the time of one: the compiled twin of model.py, for sliders and for runs over many seeds.

"It came back in my simulation" is one seed. A sentence about metastable failure wants twenty, with and without each
cure, and a slider wants its answer before the finger has moved on.

Promised: outcome and times of every user and of every call equal model.simulate's to the last bit, for the designs that
`expresses` says yes to. Without Numba the same loop runs in plain Python. Not here: rate breakers, adaptive throttles,
concurrency limits, rate limits, shedding by priority; model.simulate runs those.
"""

from __future__ import annotations

import math
import threading

import numpy as np

from minisys.resilience import fast_policies as rules
from minisys.resilience import fast_state as at
from minisys.resilience.chain import Chain, Trouble, draws, windows
from minisys.resilience.fast_loop import compiled
from minisys.resilience.fast_state import State
from minisys.resilience.run import Run
from minisys.testbed.workload import Workload

Pair = tuple[np.ndarray, np.ndarray]


def simulate(chain: Chain, workload: Workload, troubles: tuple[Trouble, ...] = (), *, seed: int = 0) -> Run:
    """What came of *workload*'s users in *chain* while *troubles* happened: model.simulate, compiled.

    Raises what model.simulate raises, and ValueError for a design that `expresses` does not know.
    """
    if not len(workload):
        raise ValueError("the workload has no request")
    settings = rules.settings(chain)
    given = draws(chain, seed), windows(chain, troubles)
    loop, room = compiled(), 4 * len(workload) * len(chain.services) + 64
    while True:
        state = _state(chain, workload, settings, given, room)
        if loop(state):
            return _run(chain, workload, state)
        room *= 4


def expresses(chain: Chain) -> bool:
    """Whether simulate knows every policy of *chain*."""
    try:
        rules.settings(chain)
    except ValueError:
        return False
    return True


def _state(chain: Chain, workload: Workload, settings: Pair, given: Pair, room: int) -> State:
    caller, service = settings
    tables, rows = given
    hops, n = len(chain.services), len(workload)
    user = np.zeros((n, 3), "i8")  # outcome, degraded, key
    user[:, 2] = workload.key
    whole, latencies = np.zeros((hops, 6), "i8"), np.zeros((2, hops, int(caller[:, rules.WINDOW].max()) + 2))
    return State(
        workload.arrival_s, caller, service, np.array([chain.net_s, chain.patience_s]), rows, tables,
        np.empty(room), np.empty((room, 4), "i8"),
        np.empty((room, 7), "i8"), np.empty((room, 3)), np.empty((room, 8), "i8"), np.empty((room, 6)),
        whole, rules.memory(chain), latencies, user, np.full(n, math.nan), np.zeros(6, "i8"),
    )  # fmt: skip


def _run(chain: Chain, workload: Workload, state: State) -> Run:
    made, asks = int(state.at[at.CALLS]), int(state.at[at.ASKS])
    call, call_s, ask = state.call[:made], state.call_s[:made], state.ask[:asks]
    whose = ask[call[:, at.C_ASK]]
    return Run(
        chain, workload, state.user[:, 0].copy(), state.finished, state.user[:, 1] > 0,
        request=whose[:, at.A_REQUEST], hop=call[:, at.C_HOP].copy(), parent=whose[:, at.A_PARENT],
        sent_s=call_s[:, at.C_SENT].copy(), began_s=call_s[:, at.C_BEGAN].copy(),
        ended_s=call_s[:, at.C_ENDED].copy(), work_s=call_s[:, at.C_WORK].copy(),
        fate=call[:, at.C_FATE].copy(), used=call[:, at.C_USED] > 0,
    )  # fmt: skip


def warm_up() -> threading.Thread:
    """Compile the loop in a background thread and return the thread; some seconds the first time on a machine."""
    thread = threading.Thread(target=compiled, name="minisys warm_up")
    thread.start()
    return thread
