"""The sharded store in virtual time: conservation, theory, the fast twin, and what each cure does."""

from __future__ import annotations

import numpy as np
import pytest

from minisys.sharding import fast, model, theory
from minisys.sharding.cures import CURES, Copies, ReaderCache, Replicas, Split
from minisys.sharding.placements import placement
from minisys.testbed.queueing import mm1
from minisys.testbed.workload import Exponential, HotSet, Poisson, Uniform, Workload, workload


def celebrity(seed: int, n: int = 4_000, share: float = 0.3) -> Workload:
    keys = HotSet(20_000, 1, share)
    return workload(n, arrivals=Poisson(3_000.0), work=Exponential(0.001), keys=keys, seed=seed)


@pytest.mark.parametrize("cure", CURES)
@pytest.mark.parametrize("write_share", [0.0, 0.3])
def test_the_fast_twin_is_the_model_request_by_request(cure, write_share):
    for seed in range(2):
        offered = celebrity(seed, 2_500)
        slow = model.simulate(cure, offered, write_share=write_share)
        quick = fast.simulate(cure, offered, write_share=write_share)
        for column in ("started_s", "finished_s"):
            assert np.allclose(slow.trace.frame[column], quick.trace.frame[column], rtol=0, atol=1e-9)
        assert slow.pieces == quick.pieces and slow.stale == quick.stale
        assert slow.work_s == pytest.approx(quick.work_s)
        if cure != "replicas":  # there the parts of one write often end at the same moment
            assert list(slow.trace.frame["server"]) == list(quick.trace.frame["server"])


@pytest.mark.parametrize("cure", CURES)
def test_every_request_is_answered_and_every_piece_is_counted(cure):
    offered = celebrity(1, 2_000)
    made = model.simulate(cure, offered, write_share=0.2)
    hot, writes = offered.key == 0, made.is_write
    expected = {
        "nothing": len(offered),
        "copies": len(offered) + 7 * int((hot & writes).sum()),
        "split": len(offered) + 7 * int((hot & ~writes).sum()),
        "replicas": len(offered) + 2 * int(writes.sum()),
    }
    assert made.trace.count("ok") == len(made.trace) == len(offered)
    answered_here = int((made.trace.frame["server"] == model.READER).sum())
    assert sum(made.pieces.values()) == expected.get(cure, len(offered) - answered_here)


@pytest.mark.parametrize("seed", range(3))
def test_without_a_hot_key_each_shard_is_an_mm1_queue(seed):
    shards, rate, n = 5, 3_000.0, 60_000
    placed = placement("jump", [f"s{i}" for i in range(shards)])
    offered = workload(n, arrivals=Poisson(rate), work=Exponential(0.001), keys=Uniform(50_000), seed=seed)
    made = fast.simulate("nothing", offered, placed=placed)
    shares = np.array(list(made.pieces.values())) / n
    expected = sum(share * mm1(rate * share, 0.001).response_s for share in shares)
    assert float(made.trace.latency_s[n // 10 :].mean()) == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_the_hot_shard_has_the_share_of_the_formula(share):
    n = 20_000
    busiest = [
        max(fast.simulate("nothing", celebrity(seed, n, share), placed="jump").pieces.values()) / n for seed in range(5)
    ]
    expected = theory.hot_shard(share, 10)
    assert np.mean(busiest) == pytest.approx(expected, abs=0.012)  # the others are even to 10 % of their tenth


def test_more_shards_do_not_help_a_hot_key_and_the_cures_do():
    def busiest(cure: str, shards: int) -> float:
        return float(np.mean([fast.simulate(cure, celebrity(seed), shards=shards).busiest() for seed in range(5)]))

    assert busiest("nothing", 10) > 0.9 and busiest("nothing", 40) > 0.85
    assert busiest("copies", 10) < 0.75 and busiest("replicas", 10) < 0.5 and busiest("cache", 10) < 0.5


def test_copies_help_reads_and_parts_help_writes():
    p99 = {}
    for cure in ("nothing", "copies", "split"):
        for share in (0.02, 0.98):
            runs = [fast.simulate(cure, celebrity(seed, share=0.4), write_share=share) for seed in range(5)]
            p99[cure, share] = float(np.mean([made.trace.percentile(99) for made in runs]))
    assert p99["copies", 0.02] < p99["nothing", 0.02] < p99["split", 0.02]
    assert p99["split", 0.98] < p99["nothing", 0.98] < p99["copies", 0.98]


def test_a_readers_cache_is_stale_when_somebody_writes_and_never_without():
    assert fast.simulate("cache", celebrity(1), write_share=0.0).stale == 0
    young = fast.simulate(ReaderCache(0.01), celebrity(1), write_share=0.1).stale
    old = fast.simulate(ReaderCache(1.0), celebrity(1), write_share=0.1).stale
    assert 0 < young < old


@pytest.mark.parametrize("cure", [Copies((3,), 4), Split((3,), 4), Replicas(4)])
def test_every_read_meets_the_last_write(cure):
    """A read and a write of one key have a piece in common, or a reader could miss a write for ever."""
    for luck in (0.0, 0.3, 0.9999):
        read, write = cure.pieces(3, False, luck, 0.0), cure.pieces(3, True, luck / 2, 0.0)
        assert set(read) & set(write)


def test_one_seed_gives_one_answer():
    once, again = (model.simulate("cache", celebrity(4, 500)).trace.frame for _ in range(2))
    assert once.equals(again)


@pytest.mark.parametrize(
    ("cure", "settings", "match"),
    [("pray", {}, "unknown cure 'pray'; known: nothing"), ("nothing", {"shards": 0}, "got 0"),
     ("nothing", {"write_share": 1.5}, "1.5"), ("nothing", {"placed": "ringg"}, "unknown placement 'ringg'")],
)  # fmt: skip
@pytest.mark.parametrize("world", [model, fast])
def test_a_bad_setting_is_named(world, cure, settings, match):
    with pytest.raises(ValueError, match=match):
        world.simulate(cure, celebrity(1, 10), **settings)


def test_replicas_are_at_least_one():
    with pytest.raises(ValueError, match="got 0"):
        Replicas(0)
