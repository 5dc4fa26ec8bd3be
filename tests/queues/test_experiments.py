"""The live experiments: what consumers' books and users say, with real processes and SIGKILL."""

from __future__ import annotations

import numpy as np
import pytest

from minisys.queues import experiments, explore_live, policies
from minisys.testbed import nodes
from minisys.testbed.workload import Workload

pytestmark = pytest.mark.live


@pytest.mark.parametrize(("delivery", "finished"), [("at most once", 1), ("at least once", 1), ("effectively once", 1)])
def test_a_consumer_killed_between_its_steps_does_what_the_policy_says(delivery, finished):
    with experiments.shop_floor() as floor:
        assert experiments.crash_at(floor, delivery, finished) == policies.effects(delivery, [finished])
        folder = floor.folder
    assert not folder.exists() and not nodes._running


def test_a_step_there_is_not_is_refused():
    with experiments.shop_floor() as floor, pytest.raises(ValueError, match="cannot finish 3"):
        experiments.crash_at(floor, "at least once", 3)


def test_poison_is_taken_three_times_with_a_rule_and_for_ever_without():
    assert experiments.poison_live(3) == {"good done": 20, "receives of the bad one": 3, "dead letters": 1}
    endless = experiments.poison_live(None)
    assert endless["dead letters"] == 0 and endless["receives of the bad one"] >= 10


def test_a_burst_is_refused_straight_and_stored_through_the_broker():
    n = 40
    offered = Workload(np.zeros(n), np.full(n, 0.1), np.arange(n), np.zeros(n), np.zeros(n))
    straight, longest_s = experiments.straight_live(offered, 2, 3)
    assert longest_s >= 0.1  # its own work
    assert straight["refused"] > 0 and straight["ok"] >= 5 and sum(straight.values()) == n and "failed" not in straight
    queued, told = experiments.queued_live(offered, 2)
    assert told == {"accepted": n} and queued.count("done") == n and queued.twice == 0
    made = explore_live.worlds_chart(queued, seeds=2)
    assert made.title
