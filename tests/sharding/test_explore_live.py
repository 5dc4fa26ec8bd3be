"""The live cluster that grows: what moves is what the plan says, and nothing is lost."""

from __future__ import annotations

import pytest

from minisys.sharding import explore_live


def test_the_third_shard_takes_a_third_and_every_key_can_still_be_read():
    made = explore_live.grown(2, 3, keys=600).iloc[0]
    assert made["shards"] == 2 and made["lost"] == 0
    assert made["moved_percent"] == pytest.approx(100 / 3, abs=6)  # 99.7 % of a binomial with 600 keys


def test_a_cluster_must_grow():
    with pytest.raises(ValueError, match="got 3 and 3"):
        explore_live.grown(3, 3)
