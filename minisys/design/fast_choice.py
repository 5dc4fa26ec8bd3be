"""Where a call goes, compiled: model_choice.py in arrays, function by function."""

from __future__ import annotations

import math

from minisys.design.draws import CHOICE, luck
from minisys.design.flat import CLIENTS, DATABASE, DNS, EDGE, EXTERNAL, SERVICE
from minisys.load_balancing.policies import NAMES, Pool, luck_of_attempt, policy

# isort: off
from minisys.design.fast_state import (
    A_COPY, A_LAST, A_PLACE, A_REQUEST, A_TRIES, EDGE_S, EPOCH, L_DOWN, L_SIDE, P_ARROW, P_CHECK, P_EACH, P_FIRST,
    P_KIND, P_N, P_REPLICAS, P_ROUTE, P_SHARDS, P_START, P_STICKY, P_TTL, REGION_S, R_HASH, R_LUCK, R_WRITE,
    V_PART, V_PATH, V_PLACE, W_KNOWN, W_POLICY, W_TO,
)  # fmt: skip
# isort: on

__all__ = ["P_ARROW", "Pool", "eligible", "keeper", "pick", "route", "user_place", "way_s"]


def route(state, slot, first, end, now):
    """The arrow that a name leads to."""
    row = state.visit[slot]
    part = row[V_PART]
    looked, ttl = now, state.part_s[part, P_TTL]
    if state.part[part, P_ROUTE] != 2 and ttl > 0:
        looked = now - (now + luck(row[V_PATH], CHOICE) * ttl) % ttl
    epoch = 0
    while epoch + 1 < len(state.start_s) and state.start_s[epoch + 1] + state.part_s[part, P_CHECK] <= looked:
        epoch += 1
    best, nearest = -1, math.inf
    for arrow in range(first, end):
        to = state.way[arrow, W_TO]
        if state.healthy[epoch, to] == 0:
            continue
        if state.part[part, P_ROUTE] == 1:
            return arrow
        there = state.zone_of[state.part[to, P_FIRST]]
        far = state.half_s[row[V_PLACE], there] if there >= 0 else 0.0
        if far < nearest:
            best, nearest = arrow, far
    return best if best >= 0 else first


def user_place(state, part, place):
    """Where a thing that is everywhere is met: near the one who asks."""
    kind = state.part[part, P_KIND]
    if kind == CLIENTS or kind == DNS or kind == EDGE or kind == EXTERNAL:
        return place
    return len(state.place_region) - state.known.shape[1] + state.place_region[place]


def way_s(state, arrow, here, there):
    """Seconds one way along *arrow*."""
    kind = state.part[state.way[arrow, W_TO], P_KIND]
    if kind == DNS:
        return 0.0
    if kind == EDGE:
        return state.common[EDGE_S] / 2
    return state.common[REGION_S] / 2 if kind == EXTERNAL else state.half_s[here, there]


def pick(state, slot, arrow, path, now):
    """The copy that gets this attempt, -1 if the caller knows of none."""
    one = state.ask[slot]
    request, to = one[A_REQUEST], state.way[arrow, W_TO]
    first, kind = state.part[to, P_FIRST], state.part[to, P_KIND]
    region = state.place_region[one[A_PLACE]]
    side = state.line[L_SIDE, state.at[EPOCH], one[A_COPY]]
    n = eligible(state, arrow, region, side, now)
    known = state.known[arrow, region, side]
    if kind == DATABASE:
        return keeper(state, to, first, request, known, n, path)
    if kind == SERVICE and state.part[to, P_STICKY] > 0:
        home = state.request[R_HASH, request] % state.part[to, P_START]
        for i in range(n):
            if known[i] == home:
                return first + home
        return -1
    if n == 0:
        return -1
    if n > 1 and one[A_LAST] >= 0:
        m = 0
        for i in range(n):
            if known[i] != one[A_LAST]:
                state.some[m] = known[i]
                m += 1
        known, n = state.some, m
    given = state.request_s[R_LUCK, request]
    drawn = luck(path, CHOICE) if given < 0 else luck_of_attempt(given, one[A_TRIES] - 1)
    pool = Pool(
        known[:n], state.weight[arrow], state.in_flight[arrow], state.latency_s[arrow], state.stamp_s[arrow],
        state.credit[arrow], state.cursor[arrow], state.table[state.table_at[arrow] : state.table_at[arrow + 1]],
        state.place[state.place_at[arrow] : state.place_at[arrow + 1]],
    )  # fmt: skip
    return first + choose(state.way[arrow, W_POLICY], pool, state.request[R_HASH, request], drawn, now)


_0, _1, _2, _3, _4, _5, _6, _7, _8, _9 = (policy(name).choose for name in NAMES)  # by the code of their name


def choose(code, pool, key, drawn, now):
    """The policies of load balancing, by number: machine code that lies on disk must not point to functions."""
    if code == 0:
        return _0(pool, key, drawn, now)
    if code == 1:
        return _1(pool, key, drawn, now)
    if code == 2:
        return _2(pool, key, drawn, now)
    if code == 3:
        return _3(pool, key, drawn, now)
    if code == 4:
        return _4(pool, key, drawn, now)
    if code == 5:
        return _5(pool, key, drawn, now)
    if code == 6:
        return _6(pool, key, drawn, now)
    if code == 7:
        return _7(pool, key, drawn, now)
    return _8(pool, key, drawn, now) if code == 8 else _9(pool, key, drawn, now)


def keeper(state, to, first, request, known, n, path):
    """The copy of the key's shard: its primary, or for reads any that is known to be up, if replicas may be read."""
    each = state.part[to, P_EACH]
    row = state.shard[to, request] if state.part[to, P_SHARDS] > 1 else 0
    primary = state.primary[state.at[EPOCH], first + row * each]
    if state.request[R_WRITE, request] > 0 or state.part[to, P_REPLICAS] == 0:
        return primary
    low = 0
    while low < n and known[low] < row * each:
        low += 1
    high = low
    while high < n and known[high] < (row + 1) * each:
        high += 1
    return first + known[low + int(luck(path, CHOICE) * (high - low))] if high > low else primary


def eligible(state, arrow, region, side, now):
    """How many copies the caller believes up; they are in state.known, counted from the part's first."""
    if now < state.known_until[arrow, region, side]:
        return state.known_n[arrow, region, side]
    late, until, epoch = state.way_s[arrow, W_KNOWN], math.inf, 0
    for start in state.start_s[1:]:
        if start + late <= now:
            epoch += 1
        else:
            until = start + late
            break
    to = state.way[arrow, W_TO]
    first, known, near = state.part[to, P_FIRST], state.known[arrow, region, side], False
    for local in range(state.part[to, P_N]):
        copy = first + local
        if state.ready[copy] > now:
            until = min(until, state.ready[copy])
        if state.leaves[copy] > now:
            until = min(until, state.leaves[copy])
        if believed(state, copy, epoch, side, now) and near_by(state, copy, region):
            near = True
    n = 0
    for local in range(state.part[to, P_N]):
        copy = first + local
        if believed(state, copy, epoch, side, now) and (not near or near_by(state, copy, region)):
            known[n] = local
            n += 1
    state.known_until[arrow, region, side], state.known_n[arrow, region, side] = until, n
    return n


def believed(state, copy, epoch, side, now):
    """Whether *copy* is there, was up in *epoch*, and can be heard from *side*."""
    serves = state.ready[copy] <= now and now < state.leaves[copy]
    return serves and state.line[L_DOWN, epoch, copy] == 0 and side * state.line[L_SIDE, epoch, copy] != 2


def near_by(state, copy, region):
    """Whether it stands in *region*, or everywhere."""
    return state.region_of[copy] == -1 or state.region_of[copy] == region
