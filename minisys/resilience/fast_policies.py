"""The policies as the compiled loop asks them: numbers in arrays, the arithmetic of the policy modules line by line.

A policy that Numba can compile and that a newcomer can read is one text more to keep in step. So there are few of
them, and tests/resilience/test_fast.py holds each against its original in whole runs.

Promised: settings(chain) raises ValueError for a policy that is not here; nothing is left out in silence.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minisys.resilience.breaker import Breaker
from minisys.resilience.chain import Chain
from minisys.resilience.defences import Defences, Protection
from minisys.resilience.retries import RatioBudget, TokenBudget

NET, PATIENCE = range(2)
# columns of a caller's settings
(
    TIMEOUT, DEADLINE, FALLBACK, BULKHEAD, ATTEMPTS, JITTER, BASE, CAP, RATIO, MOST, COST, REJECTED, REFUND,
    FAILURES, OPEN_S, PROBES, QUANTILE, HEDGES, AT_LEAST, WINDOW,
) = range(20)  # fmt: skip
JITTERS = ("", "none", "equal", "full", "decorrelated")  # "": no backoff at all
WORKERS, FAILS, OWN, QUEUE, TARGET, INTERVAL = range(6)  # columns of a service's settings
# columns of what is remembered by hop
TOKENS, IN_FLIGHT, STATE, UNTIL, IN_A_ROW, SENT, GOOD, COPIES, KNOWN, OLDEST, ENDS, SHORTEST, OVERLOADED = range(13)
CLOSED, OPEN, HALF_OPEN = range(3)


def settings(chain: Chain) -> tuple[np.ndarray, np.ndarray]:
    """*chain*'s policies as rows: one a caller, one a service. Raises ValueError for one that is not here."""
    callers = np.array([_caller(each) for each in chain.callers])
    guards = [(each.workers, each.fails, each.own_keys, *_protection(each.protection)) for each in chain.services]
    return callers, np.array(guards)


def memory(chain: Chain) -> np.ndarray:
    """What the policies of each hop remember at the start."""
    made = np.zeros((len(chain.services), 13))
    made[:, ENDS] = -math.inf
    made[:, COPIES] = 1.0
    for hop, each in enumerate(chain.callers):
        made[hop, TOKENS] = getattr(each.retries and each.retries.budget, "tokens", 0.0)
    return made


def _caller(given: Defences) -> list[float]:
    if given.throttle is not None or (given.breaker is not None and type(given.breaker) is not Breaker):
        raise ValueError("the compiled twin has no throttle and no rate breaker: use model.simulate")
    breaker, hedge = given.breaker, given.hedge
    bulkhead = math.inf if given.bulkhead is None else given.bulkhead.limit
    return [
        given.timeout_s, given.deadline, given.fallback is not None, bulkhead, *_retries(given.retries),
        *((breaker.failures, breaker.open_s, breaker.probes) if breaker else (0, 0, 0)),
        *((hedge.quantile, hedge.budget.ratio, hedge.at_least, hedge.window) if hedge else (0, 0, 0, 0)),
    ]  # fmt: skip


def _retries(given: Any) -> list[float]:
    """Attempts, backoff and budget as numbers; a MOST of infinity: no budget."""
    if given is None:
        return [1, 0, 0, 0, 0, math.inf, 0, 0, 0]
    backoff, budget = given.backoff, given.budget
    waits = [JITTERS.index(backoff.jitter), backoff.base_s, backoff.cap_s] if backoff else [0, 0, 0]
    if isinstance(budget, RatioBudget):
        paid = [budget.ratio, budget.most, 1, 1, 0]
    elif isinstance(budget, TokenBudget):
        paid = [0, budget.most, budget.cost, budget.costs["rejected"], budget.refund]
    elif budget is None:
        paid = [0, math.inf, 0, 0, 0]
    else:
        raise ValueError(f"the compiled twin does not know the budget {type(budget).__name__}: use model.simulate")
    return [given.attempts, *waits, *paid]


def _protection(given: Protection) -> tuple[float, float, float]:
    others = (given.concurrency, given.priority, given.rate_limit)
    if any(each is not None for each in others):
        raise ValueError("the compiled twin knows queue limits and CoDel only: use model.simulate")
    limit = math.inf if given.queue_limit is None else given.queue_limit.limit
    return (limit, 0, 0) if given.codel is None else (limit, given.codel.target_s, given.codel.interval_s)


# From here on compiled. caller, service: rows of settings; mine: a row of memory.


def asked(caller, mine):
    """Retries.request."""
    if caller[RATIO] > 0:
        mine[TOKENS] = min(caller[MOST], mine[TOKENS] + caller[RATIO])


def allowed(caller, mine, now):
    """Defences.refused_by: bulkhead, then breaker."""
    if mine[IN_FLIGHT] >= caller[BULKHEAD]:
        return False
    if caller[FAILURES] > 0 and mine[STATE] != CLOSED:
        if now >= mine[UNTIL]:
            mine[STATE], mine[UNTIL], mine[SENT], mine[GOOD] = HALF_OPEN, now + caller[OPEN_S], 0, 0
        if mine[STATE] == OPEN or mine[SENT] >= caller[PROBES]:
            return False
        mine[SENT] += 1
    mine[IN_FLIGHT] += 1
    return True


def recorded(caller, mine, ok, now):
    """Defences.done: bulkhead and breaker."""
    mine[IN_FLIGHT] -= 1
    trips = False
    if mine[STATE] == CLOSED:
        mine[IN_A_ROW] = 0 if ok else mine[IN_A_ROW] + 1
        trips = caller[FAILURES] > 0 and mine[IN_A_ROW] >= caller[FAILURES]
    elif mine[STATE] == HALF_OPEN:
        mine[GOOD] += 1 if ok else 0
        trips = not ok
        if ok and mine[GOOD] >= caller[PROBES]:
            mine[STATE], mine[IN_A_ROW] = CLOSED, 0
    if trips:
        mine[STATE], mine[UNTIL] = OPEN, now + caller[OPEN_S]


def again(caller, mine, tries, rejected):
    """Retries.again."""
    if tries >= caller[ATTEMPTS]:
        return False
    if caller[MOST] == math.inf:
        return True
    cost = caller[REJECTED] if rejected else caller[COST]
    if mine[TOKENS] < (1 - 1e-9 if caller[REFUND] == 0 else cost):
        return False
    mine[TOKENS] -= cost
    return True


def refunded(caller, mine, error):
    """Retries.success; *error*: 0 the first try did it, 1 after "rejected", 2 after another."""
    if caller[REFUND] > 0:
        back = caller[REFUND] if error == 0 else caller[REJECTED] if error == 1 else caller[COST]
        mine[TOKENS] = min(caller[MOST], mine[TOKENS] + back)


def wait_s(caller, attempt, previous, luck):
    """Backoff.wait_s; *attempt* 0 is the first."""
    kind, base, cap = caller[JITTER], caller[BASE], caller[CAP]
    if kind == 0:
        return 0.0
    if kind == 4:
        return min(cap, base + (max(base, 3 * previous) - base) * luck)
    full = min(cap, base * 2.0 ** min(attempt, 60))
    if kind == 1:
        return full
    return full / 2 + full / 2 * luck if kind == 2 else full * luck


def hedge_after_s(caller, mine, in_order):
    """Hedge.after_s."""
    mine[COPIES] = min(100.0, mine[COPIES] + caller[HEDGES])
    if mine[KNOWN] < caller[AT_LEAST]:
        return math.inf
    return in_order[math.ceil(caller[QUANTILE] * mine[KNOWN]) - 1]


def hedged(mine):
    """Hedge.send."""
    if mine[COPIES] < 1 - 1e-9:
        return False
    mine[COPIES] -= 1
    return True


def place(in_order, known, latency, right):
    """Where *latency* stands among the first *known*: bisect."""
    low, high = 0, known
    while low < high:
        middle = (low + high) // 2
        if in_order[middle] < latency or (right and in_order[middle] == latency):
            low = middle + 1
        else:
            high = middle
    return low


def observed(caller, mine, in_order, recent, latency):
    """Hedge.observe: *in_order* is sorted, *recent* a ring of the same latencies by age."""
    known, window, oldest = int(mine[KNOWN]), int(caller[WINDOW]), int(mine[OLDEST])
    hole = place(in_order, known, latency, True)
    for k in range(known, hole, -1):
        in_order[k] = in_order[k - 1]
    in_order[hole] = latency
    if known == window:
        for k in range(place(in_order, known + 1, recent[oldest], False), known):
            in_order[k] = in_order[k + 1]
        known -= 1
    recent[oldest] = latency
    mine[KNOWN], mine[OLDEST] = known + 1, (oldest + 1) % window


def taken(service, mine, waited, now):
    """Protection.turn: CoDel."""
    target = service[TARGET]
    if target == 0:
        return True
    if now >= mine[ENDS]:
        mine[OVERLOADED] = 1 if mine[SHORTEST] > target else 0
        mine[ENDS], mine[SHORTEST] = now + service[INTERVAL], waited
    mine[SHORTEST] = min(mine[SHORTEST], waited)
    return not (mine[OVERLOADED] > 0 and waited > 2 * target)
