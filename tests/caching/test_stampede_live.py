"""The stampede over real sockets: one page made where one is promised, everybody served, and the model's numbers."""

from __future__ import annotations

import asyncio
import json
import time
from random import Random

import numpy as np
import pytest

from minisys.caching import experiments, stampede_model
from minisys.caching.front import Front
from minisys.caching.stampede import RULES, rule
from minisys.testbed import nodes
from minisys.testbed.clock import run_virtual
from minisys.testbed.load import load
from minisys.testbed.workload import Deterministic, Poisson, Uniform, Workload, workload
from tests.scaling.leftovers import nothing_left


class Memory:
    """A cache in this process."""

    def __init__(self):
        self.kept = {}

    async def get(self, key):
        return self.kept.get(key)

    async def set(self, key, value):
        self.kept[key] = value


class Workers:
    """A database in this process: some make pages, the others wait."""

    def __init__(self, workers):
        self.free, self.made = asyncio.Semaphore(workers), 0

    async def make(self, key, work_s):
        self.made += 1
        async with self.free:
            await asyncio.sleep(work_s)
        return f"page {key}\n"


async def _played(offered, protection, ttl_s, workers):
    database = Workers(workers)
    front = Front(Memory(), database, rule(protection), ttl_s, Random(1))
    loop = asyncio.get_running_loop()

    async def one(at_s, work_s, key, luck):
        await asyncio.sleep(at_s - loop.time())
        page, _ = await front.read(str(key), work_s, luck)
        assert page == f"page {key}\n"
        return loop.time() - at_s

    columns = (offered.arrival_s, offered.work_s, offered.key, offered.luck)
    took_s = await asyncio.gather(*(one(*row) for row in zip(*(c.tolist() for c in columns), strict=True)))
    while front.flights:
        await asyncio.sleep(0.01)
    return database.made, took_s


@pytest.mark.parametrize("protection", RULES)
def test_the_front_on_the_virtual_clock_is_the_model(protection):
    """The same decisions at the same moments: as many computations, and the same time for every reader."""
    for seed in range(2):
        offered = workload(1_500, arrivals=Poisson(400.0), work=Deterministic(0.05), keys=Uniform(3), seed=seed)
        made, took_s = run_virtual(_played(offered, protection, 0.7, 4))
        model = stampede_model.simulate(protection, offered, ttl_s=0.7, workers=4)
        assert made == len(model.computations)
        assert np.allclose(took_s, model.trace.latency_s, atol=1e-9)


@pytest.mark.live
def test_500_readers_on_one_expired_key_ten_times():
    """Ten crowds one after the other, each on a page of its own that is too old: ten pages made, and 5,000 served."""
    one = experiments.crowd()
    key = np.repeat(np.arange(10), 500)
    arrival_s = np.tile(one.arrival_s, 10) + 0.35 * key
    offered = Workload(arrival_s, np.tile(one.work_s, 10), key, np.full(5_000, 1000), np.tile(one.luck, 10))
    with experiments.Behind() as behind:
        for page in range(10):
            behind.client.set(str(page), json.dumps([0.05, time.monotonic() - 0.01, "old"]).encode())
        places = ("--cache", f"127.0.0.1:{behind.cache.port}", "--database", behind.database.url, "--ttl", "60")
        with nodes.start("minisys.caching.front", *places, "--protect", "single flight", name="front") as front:
            trace = load(front.url, offered, progress=False)
        assert len(behind.made(0.0)) == 10
        assert trace.count("ok") == 5_000
        bare = behind.stampede("none")
        assert len(bare.made) > 10 and bare.trace.count("ok") == 500
    assert nothing_left()


@pytest.mark.live
def test_every_protection_on_the_live_shop_and_the_model_agrees():
    runs = experiments.stampedes()
    assert experiments.in_words(runs) == (
        "pages made: single flight: 1, stale-while-revalidate: 1; with no protection many more; everybody was served"
    )
    frame = experiments.stampede_table(runs).frame
    assert list(frame["in the model"])[1:3] == ["1", "1"]
    assert experiments.stampede_chart(runs).to_dict()["description"]
    assert nothing_left()


@pytest.mark.live
def test_who_cannot_be_served_is_told_so():
    with experiments.Behind() as behind:
        places = ("--cache", f"127.0.0.1:{behind.cache.port}", "--database", behind.database.url)
        with nodes.start("minisys.caching.front", *places, "--protect", "single flight", name="front") as front:
            assert "made" not in nodes.ask("GET", f"{front.url}/item/7")
            asked, done = json.loads(nodes.ask("GET", f"http://127.0.0.1:{behind.database.admin_port}/counts"))[0]
            assert 0.05 <= done - asked < 5 and done < time.monotonic()
            behind.database.kill()
            assert "ok" in nodes.ask("GET", f"{front.url}/health")
            assert nodes.ask("GET", f"{front.url}/item/7"), "what is in the cache is still served"
            with pytest.raises(Exception, match="502"):
                nodes.ask("GET", f"{front.url}/item/8")
            behind.cache.kill()
            with pytest.raises(Exception, match="502"):
                nodes.ask("GET", f"{front.url}/item/7")
            assert front.running
    assert nothing_left()


@pytest.mark.live
def test_a_real_cache_is_as_good_as_predicted():
    """LRU in 4 MB over a socket: the hit ratio of the formula for as many items as it holds, within 0.02."""
    from minisys.caching import theory
    from minisys.caching.explore import KEYS

    found = experiments.asked("minisys", "lru", 4)
    expected = theory.che(theory.zipf(KEYS, 0.9), int(found["items"])).hit_ratio
    assert found["hit_ratio"] == pytest.approx(expected, abs=0.02)
    assert experiments.asked("minisys", "sieve", 4)["hit_ratio"] > found["hit_ratio"]
    assert nothing_left()


def test_what_is_refused():
    with pytest.raises(ValueError, match="unknown product"):
        experiments.asked("varnish", "lru", 4)
    with pytest.raises(nodes.NodeFailed, match="unknown protection"):
        nodes.start(
            "minisys.caching.front", "--cache", "127.0.0.1:1", "--database", "http://x", "--protect", "lock"
        ).kill()
