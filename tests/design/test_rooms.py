"""A cache with keys and a queue with its workers are, request by request, what the models of their rooms say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minisys.caching import model as caching
from minisys.caching.policies import POLICIES
from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.flow import flows
from minisys.design.hits import hit_share
from minisys.design.network import Network, without_distance
from minisys.design.parts import Cache, Call, Clients, Database, Design, Part, Queue, Service, Workers
from minisys.design.run import Run, run
from minisys.design.text import DesignError, read, write
from minisys.queues import fast as queues_fast
from minisys.queues.model import Plan, through_queue
from minisys.testbed.workload import Exponential, Poisson, Workload, Zipf, workload
from tests.design.designs import designs
from tests.design.same import plans

HOP_S, TTL_S, ROOM, CRASH_S = 0.0005, 1.0, 60, 1.5
BESIDE = (  # the steps of caching.patterns.CacheAside, an arrow each
    Call("cache", on="reads"), Call("database", on="misses"), Call("cache", on="misses"),
    Call("database", on="writes"), Call("cache", on="writes"),
)  # fmt: skip


def asked(seed: int, n: int = 1_200) -> Workload:
    return workload(n, arrivals=Poisson(400.0), work=Exponential(0.004), keys=Zipf(500, 0.9), seed=seed)


def cached(eviction: str, *middle: Part, calls: tuple[Call, ...] = (), **more: object) -> Design:
    users = Clients("users", writes=0.1, calls=[Call(middle[0].name if middle else "cache")])
    cache = Cache("cache", capacity=ROOM, ttl=TTL_S, eviction=eviction, workers=1000, calls=calls, **more)
    return Design("cached", (users, *middle, cache, Database("database", takes=0.004, workers=2)))


def room_of(pattern: str, policy: str, seed: int, hop_s: float) -> caching.Run:
    return caching.simulate(
        pattern, asked(seed), write_share=0.1, capacity=ROOM, ttl_s=TTL_S, hop_s=hop_s, workers=2, policy=policy,
        crash_s=CRASH_S,
    )  # fmt: skip


def assert_like_the_room(ours: Run, room: caching.Run) -> None:
    assert np.array_equal(ours.trace.frame["finished_s"], room.trace.frame["finished_s"])
    assert 0.2 < room.counts.hits / room.counts.reads < 0.8  # both are seen often


@pytest.mark.parametrize("policy", POLICIES)
def test_a_cache_asked_beside_its_store_is_the_caching_rooms(policy: str) -> None:
    flushed = FaultPlan([Fault("cache flush", "cache", CRASH_S)])
    room, design = room_of("cache-aside", policy, 3, HOP_S), cached(policy, Service("app", calls=BESIDE))
    ours = run(design, plan=flushed, workload=asked(3), network=Network(2 * HOP_S, 0.0, 0.0))
    assert_like_the_room(ours, room)
    parts = ours.parts.set_index("part")
    assert parts.loc["database", "arrived"] == room.counts.database_reads + room.counts.database_writes


@pytest.mark.parametrize(("policy", "seed"), [("lru", 1), ("s3-fifo", 2), ("random", 6)])
def test_a_cache_that_fetches_what_it_misses_is_the_caching_rooms_hit_by_hit(policy: str, seed: int) -> None:
    flushed = FaultPlan([Fault("cache flush", "cache", CRASH_S)])
    room, design = room_of("read-through", policy, seed, 0.0), cached(policy, calls=(Call("database"),))
    ours = run(design, plan=flushed, workload=asked(seed), network=without_distance(design))
    assert_like_the_room(ours, room)
    assert list(ours.trace.frame["server"].astype(str)) == list(room.trace.frame["server"].astype(str))


def test_without_a_call_that_brings_it_the_answer_is_put_in_at_once() -> None:
    """The short form, and no distance: the same hits as with every step an arrow."""
    short = (Call("cache", on="reads"), Call("database", on="misses"), *BESIDE[3:])
    both = [cached("lru", Service("app", calls=calls)) for calls in (short, BESIDE)]
    one, other = (run(each, workload=asked(4), network=without_distance(each)).trace.frame for each in both)
    assert np.array_equal(one["finished_s"], other["finished_s"])


def test_the_fast_engine_says_that_it_is_not_the_one() -> None:
    keyed = cached("lru", calls=(Call("database"),))
    one, other = (run(keyed, for_s=2.0, seed=2, engine=engine) for engine in ("fast", "model"))
    assert one.engine == other.engine == "model"
    assert np.array_equal(one.trace.frame["finished_s"], other.trace.frame["finished_s"])
    plain = Design("plain", (Clients("users", calls=[Call("app")]), Service("app", takes=0.001)))
    assert run(plain, for_s=1.0).engine == "fast"
    with pytest.raises(ValueError, match="kept by run"):
        run(plain, for_s=1.0).delivered("app")


def test_copies_and_a_death_each_have_their_own_memory() -> None:
    """Two copies by hash hold twice as much as two that are asked in turn; one that died begins empty."""
    calls, asks = (Call("database"),), asked(5)
    hits = {}
    for policy in ("ring", "round robin"):
        design = cached("lru", calls=calls, copies=2, policy=policy)
        hits[policy] = (run(design, workload=asks).trace.frame["server"] != "database").mean()
    assert hits["ring"] > hits["round robin"] + 0.05
    killed = FaultPlan([Fault("kill", "cache", 2.0, 0.01)])
    ours = run(cached("lru", calls=calls), plan=killed, workload=asks).trace.frame
    late = ours[(ours["sent_s"] > 2.01) & (ours["sent_s"] < 2.05)]
    assert (late["server"] == "cache").mean() < 0.2 < hits["round robin"]


def jobs(seed: int = 5) -> Workload:
    return workload(1_000, arrivals=Poisson(240.0), work=Exponential(0.01), seed=seed)


PLANS = {
    "nothing fails": (Plan(consumers=3), {}, {"copies": 3}),
    "a limit": (Plan(consumers=2, limit=4), {"limit": 4}, {"workers": 2}),
    "poison": (
        Plan(consumers=3, visibility_s=0.5, max_receives=4, poison_share=0.05),
        {"visibility": 0.5}, {"copies": 3, "attempts": 4, "poison": 0.05},
    ),
    "crashes": (
        Plan(consumers=4, visibility_s=0.5, max_receives=4, poison_share=0.03, crash_share=0.02, restart_s=0.2),
        {"visibility": 0.5}, {"copies": 4, "attempts": 4, "poison": 0.03, "crashes": 0.02, "restart": 0.2},
    ),
    "slower than hidden": (
        Plan(consumers=4, visibility_s=0.03, max_receives=3),
        {"visibility": 0.03}, {"copies": 2, "workers": 2, "attempts": 3},
    ),
    "all at once": (
        Plan(consumers=4, visibility_s=0.03, max_receives=3, limit=10, poison_share=0.01, crash_share=0.02,
             restart_s=0.1),
        {"visibility": 0.03, "limit": 10},
        {"copies": 2, "workers": 2, "attempts": 3, "poison": 0.01, "crashes": 0.02, "restart": 0.1},
    ),
}  # fmt: skip


def worked(queue: dict, workers: dict) -> Design:
    parts = Queue("jobs", **queue), Workers("hands", source="jobs", takes=0.01, **workers)
    return Design("jobs", (Clients("users", calls=[Call("jobs")]), *parts))


@pytest.mark.parametrize("name", PLANS)
def test_a_queue_and_its_workers_are_the_queues_rooms_message_by_message(name: str) -> None:
    plan, queue, workers = PLANS[name]
    offered, design = jobs(len(name)), worked(queue, workers)
    room = through_queue(offered, plan, until_s=float(offered.arrival_s[-1]) + 30).frame
    result = run(design, workload=offered, network=without_distance(design), engine="model")
    result.conservation()
    ours = result.delivered("jobs").frame
    for column in ("sent_s", "started_s", "done_s", "effects", "receives", "key"):
        assert np.array_equal(ours[column], room[column], equal_nan=True), column
    assert list(ours["state"]) == list(room["state"])
    told = {"poison": "dead", "a limit": "refused", "all at once": "refused"}.get(name, "done")
    assert (room["state"] == told).sum() > 20 and (name != "crashes" or (room["effects"] > 1).sum() > 5)


def test_the_compiled_queue_is_the_rooms_fast_twin() -> None:
    offered, design = jobs()[:900], worked({}, {"copies": 3})
    room, _ = queues_fast.through_queue(offered, 3)
    seen = run(design, workload=offered, network=without_distance(design))
    assert seen.engine == "fast"
    taken = seen.spans[seen.spans["from"] == "jobs"].sort_values("request")
    assert np.array_equal(taken["began_s"], room.frame["started_s"])
    assert np.allclose(taken["done_s"], room.frame["done_s"], rtol=0, atol=1e-12)


TEXT = """\
design: kept
parts:
  users: {kind: clients, rate: 100/s, keys: 5k, skew: 0.9, calls: [cache, jobs]}
  cache: {kind: cache, capacity: 200, eviction: s3-fifo, ttl: 30 s, calls: db}
  db: {kind: database, takes: 2 ms, workers: 4}
  jobs: {kind: queue, visibility: 30 s}
  hands: {kind: workers, source: jobs, takes: 1 ms, poison: 1 %, crashes: 0.5 %, restart: 2 s}
"""


def test_the_text_says_it_all_and_comes_back() -> None:
    design = read(TEXT)
    assert design["cache"] == Cache("cache", capacity=200, eviction="s3-fifo", ttl=30.0, calls=("db",))
    assert design["hands"] == Workers("hands", source="jobs", takes=0.001, poison=0.01, crashes=0.005, restart=2.0)
    assert read(write(design)) == design
    result = run(design, for_s=3.0, seed=1)
    result.conservation()
    assert result.delivered("jobs").count("done") > 200


@pytest.mark.parametrize(("old", "new", "line", "told"), [
    ("s3-fifo", "s3fifo", 4, "there is no eviction 's3fifo'; did you mean 's3-fifo'?"),
    ("capacity: 200", "capacity: 0", 4, "cache: capacity: '0' is not from 1 to"),
    ("capacity: 200, ", "", 4, "cache has eviction and no capacity; write capacity: 10000"),
    ("capacity: 200", "capacity: 200, hits: 80 %", 4, "cache has hits and a capacity: the hits follow from the keys"),
    ("ttl: 30 s", "ttl: 0", 4, "cache keeps things for 0 s; write ttl: 60 s"),
    ("visibility: 30 s", "visibility: 13 h", 6, "jobs: visibility: '13 h' is not from 1 ms to 12 h"),
    ("poison: 1 %", "poison: 99.9 %", 7, "hands: poison and crashes are shares of the same messages"),
])  # fmt: skip
def test_what_is_wrong_with_keys_and_messages_is_located(old: str, new: str, line: int, told: str) -> None:
    with pytest.raises(DesignError, match=f"^line {line}, ") as caught:
        read(TEXT.replace(old, new, 1))
    assert told in str(caught.value)


@pytest.mark.parametrize("more", [{}, {"ttl": 2.0, "eviction": "sieve"}, {"copies": 2}])
def test_a_flow_has_the_share_of_hits_that_a_long_run_has(more: dict) -> None:
    users = Clients("users", rate=300, keys=2_000, skew=0.9, writes=0.0, calls=("cache",))
    parts = Cache("cache", capacity=200, calls=("database",), **more), Database("database", takes=0.001)
    design = Design("long", (users, *parts))
    seen = run(design, for_s=20.0, seed=1, network=without_distance(design)).trace.frame
    late = seen[seen["sent_s"] > 5.0]["server"].astype(str)
    assert hit_share(design, design["cache"]) == pytest.approx((late != "database").mean(), abs=0.02)
    assert flows(design).rate("database") == pytest.approx((late == "database").sum() / 15.0, rel=0.06)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_design_with_keys_and_slow_messages_loses_nobody(data: st.DataObject) -> None:
    design = data.draw(designs(kept=True))
    assert read(write(design)) == design
    result = run(design, plan=data.draw(plans(design)), for_s=2.0, seed=1)
    result.conservation()
    result.trace.check()
    for queue in design.of(Queue) if result.engine == "model" else ():
        told = result.delivered(queue.name).frame
        most = [one.attempts for one in design.of(Workers) if one.source == queue.name]
        assert told["receives"].max() <= max(most, default=0) if len(told) else True
