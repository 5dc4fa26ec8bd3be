"""What the patterns promise: who may be stale, who may lose writes, who pays for what; and the race, step by step."""

from __future__ import annotations

import pytest

from minisys.caching import model, races
from minisys.caching.patterns import PATTERNS
from minisys.testbed.workload import Exponential, Poisson, Zipf, workload

SEEDS = range(4)


def day(seed, n=4_000, keys=500):
    return workload(n, arrivals=Poisson(400.0), work=Exponential(0.005), keys=Zipf(keys, 0.9), seed=seed)


def runs(name, **settings):
    return [model.simulate(name, day(seed), **({"ttl_s": 5.0, "crash_s": 5.3} | settings)) for seed in SEEDS]


@pytest.mark.parametrize("name", PATTERNS)
def test_every_request_is_counted_once(name):
    for run in runs(name):
        c = run.counts
        assert c.reads + c.writes == len(run.trace) == run.trace.count("ok")
        assert c.hits + c.database_reads == c.reads
        assert c.writes == run.is_write.sum()
        assert 0 <= c.stale <= c.reads and 0 <= c.lost <= c.writes


def test_only_write_behind_loses_confirmed_writes():
    lost = {name: [run.counts.lost for run in runs(name)] for name in PATTERNS}
    assert min(lost.pop("write-behind")) > 0
    assert all(not any(found) for found in lost.values())
    assert not any(run.counts.lost for run in runs("write-behind", crash_s=None))


def test_what_is_lost_was_confirmed_within_one_flush_before_the_crash():
    """What was confirmed before the last flush is safe, whatever its number."""
    for seed in SEEDS:
        run = model.simulate("write-behind", day(seed), crash_s=5.3, flush_s=1.0)
        frame = run.trace.frame
        at_risk = (run.is_write & (frame["finished_s"] > 4.0) & (frame["finished_s"] <= 5.31)).sum()
        assert 0 < run.counts.lost <= at_risk


def test_write_around_is_stale_up_to_the_time_to_live():
    for ttl_s in (0.5, 5.0):
        for run in runs("write-around", ttl_s=ttl_s):
            assert run.counts.stale > 0
            assert run.counts.longest_stale_s <= ttl_s + 0.1
    assert sum(r.counts.stale for r in runs("write-around")) > 50 * sum(r.counts.stale for r in runs("cache-aside"))


def test_read_through_is_never_stale():
    assert not any(run.counts.stale for run in runs("read-through"))


def test_who_pays():
    rows = {name: runs(name)[0].row() for name in PATTERNS}
    assert rows["write-behind"]["write_s"] < rows["write-around"]["write_s"] < rows["cache-aside"]["write_s"]
    assert rows["write-through"]["hit_ratio"] > rows["cache-aside"]["hit_ratio"]
    assert rows["write-behind"]["database_writes"] < rows["write-through"]["database_writes"]


def test_a_crash_costs_hits():
    for name in PATTERNS:
        assert sum(r.counts.hits for r in runs(name)) < sum(r.counts.hits for r in runs(name, crash_s=None))


def test_one_seed_one_answer():
    first, second = (model.simulate("cache-aside", day(1), crash_s=3.0) for _ in range(2))
    assert first.trace.frame.equals(second.trace.frame) and first.counts == second.counts


def test_the_race_leaves_the_old_value_unless_tickets_are_checked():
    assert {name: races.race(name).stale for name in PATTERNS} == {
        "cache-aside": True, "read-through": False, "write-through": True, "write-behind": True, "write-around": True,
    }  # fmt: skip
    quiet = races.race("cache-aside", write_at_s=0.01)  # the writer comes after the reader is done
    assert not quiet.stale and quiet.seen == 2


def test_the_timeline_says_what_happened():
    chart = races.timeline(races.race("cache-aside")).to_dict()
    assert "old value" in chart["description"] and "put 0" in chart["description"]
    assert "refused" in races.timeline(races.race("read-through")).to_dict()["description"]


def test_what_is_refused():
    with pytest.raises(ValueError, match="unknown pattern 'write-back'"):
        model.simulate("write-back", day(1))
    for bad in ({"capacity": 0}, {"ttl_s": 0}, {"flush_s": 0}, {"write_share": 2}, {"crash_s": -1}, {"workers": 0}):
        with pytest.raises(ValueError, match="need capacity"):
            model.simulate("cache-aside", day(1), **bad)
