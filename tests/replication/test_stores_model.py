"""What each level and each store forbids, as the checkers see it; and the timeline that draws a violation."""

from __future__ import annotations

import pytest

from minisys.replication import levels_model, stores_model
from minisys.replication.check import linearizable
from minisys.replication.history import Operation
from minisys.replication.levels_model import BOUND, LEVELS, broken, play
from minisys.replication.timeline import timeline
from minisys.testbed import picture


@pytest.fixture(scope="module")
def table():
    return broken(seeds=range(8)).pivot(index="promise", columns="level", values="value")


# what each level forbids (0 % of the runs break it); everything else must be seen to break
FORBIDS = {
    "strong": {"linearizable", "read your writes", "monotonic reads", "a prefix of the writes", BOUND},
    "bounded staleness": {"a prefix of the writes", BOUND},
    "session": {"read your writes", "monotonic reads", "a prefix of the writes"},
    "consistent prefix": {"a prefix of the writes"},
    "eventual": set(),
}


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_forbids_what_it_says(table, level):
    for promise in FORBIDS[level]:
        assert table.loc[promise, level] == 0, promise
    for promise in {"linearizable", "read your writes", "monotonic reads"} - FORBIDS[level]:
        assert table.loc[promise, level] > 50, promise
    assert (table.loc["a prefix of the writes", level] > 50) == (level == "eventual")


def test_a_stronger_promise_costs_the_reader_time(table):
    cost = table.loc["mean read (ms)"]
    assert cost["eventual"] < cost["session"] < cost["strong"]
    assert cost["strong"] == pytest.approx(80, rel=0.02)  # there and back, 40 ms each


def test_without_the_bound_copies_fall_further_behind():
    assert not all(play("consistent prefix", seed=seed).bounded for seed in range(30))


def test_aurora_writes_without_a_zone_and_reads_without_one_more():
    table = stores_model.zone_losses(range(2)).groupby(["layout", "lost", "kind"])["answered_percent"].mean()
    three, six = stores_model.LAYOUTS
    assert table[six, "a zone", "write"] == 100 and table[six, "a zone + 1", "read"] == 100
    assert table[six, "a zone + 1", "write"] == 0 and table[six, "a zone + 2", "read"] == 0
    assert table[three, "a zone", "write"] == 100 and table[three, "a zone + 1", "read"] == 0


@pytest.mark.parametrize("seed", range(3))
def test_waiting_twice_the_uncertainty_is_just_enough(seed):
    assert stores_model.overwritten(stores_model.bookings(0.008, seed=seed)) == 0
    for wait_s in (0.0, 0.004):
        found = stores_model.overwritten(stores_model.bookings(wait_s, pairs=2_000, seed=seed))
        assert found == pytest.approx(stores_model.reversed_share(wait_s), abs=0.035)
    assert stores_model.reversed_share(0.0) == 0.5 and stores_model.reversed_share(0.008) == 0


def test_a_level_that_nobody_sells_is_refused():
    with pytest.raises(ValueError, match="hopeful"):
        play("hopeful")
    assert play("eventual", seed=2) == play("eventual", seed=2)
    assert levels_model.REPLICAS


LOST = [
    Operation(0, "write", "x", 1, None, 0.0, 0.1),
    Operation(0, "write", "x", 2, None, 0.2, 0.3),
    Operation(3, "cas", "x", (7, 8), False, 0.2, 0.4),
    Operation(1, "write", "y", 5, None, 0.25, 0.5, "failed"),
    Operation(2, "write", "x", 9, None, 0.35, outcome="indefinite"),
    Operation(1, "read", "x", None, 1, 0.6, 0.7),
]


@pytest.mark.parametrize("to_scale", [True, False])
def test_a_timeline_says_what_happened_also_to_those_who_cannot_see_it(to_scale):
    made = picture.spec(
        timeline(LOST, title="A lost write", events={0.5: "failover"}, to_scale=to_scale, names=["Ann"])
    )
    said = str(made)
    for word in (
        "write 2",
        "read → 1",
        "cas 7 to 8 refused",
        "write y 5 ✗",
        "write 9 ?",
        "failover",
        "Ann",
        "client 3",
    ):
        assert word in said, word
    assert "A lost write" in made["description"] and "p1 read x -> 1" in made["description"]


def test_a_verdict_is_drawn_with_its_name():
    made = picture.spec(timeline(linearizable(LOST)))
    assert "lost write" in str(made["title"])
    with pytest.raises(ValueError, match="not 0"):
        timeline([])
