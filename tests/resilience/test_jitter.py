"""The published comparison, and what must hold in any trial."""

import math

import pytest

from minisys.resilience import jitter
from minisys.resilience.jitter import PUBLISHED, STRATEGIES, beside_published, compare, picture, simulate


@pytest.mark.parametrize(("clients", "trials"), [(10, 300), (100, 12)])
def test_the_published_comparison(clients, trials):
    """5 %, or four standard errors of so few trials where they scatter more; `python -m benchmarks.jitter` runs 100."""
    frame = compare([clients], trials)
    for strategy, published in PUBLISHED[clients].items():
        rows = frame[frame["strategy"] == strategy]
        for column, wanted in zip(("time_s", "calls"), published, strict=True):
            error = 4 * rows[column].std() / math.sqrt(trials)
            assert rows[column].mean() == pytest.approx(wanted, abs=max(0.05 * wanted, error)), (strategy, column)


def test_what_jitter_is_worth_at_a_hundred_clients():
    means = compare([100], 8).groupby("strategy")[["time_s", "calls"]].mean()
    time_s, calls = means["time_s"], means["calls"]
    assert calls["full jitter"] < calls["no backoff"] / 2.5  # published: 1/3
    assert time_s["full jitter"] < time_s["exponential"] / 10  # published: 1/13
    assert 1.15 < calls["decorrelated"] / calls["full jitter"] < 1.4


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_client_writes_once_and_one_alone_needs_one_call(strategy):
    alone = simulate(STRATEGIES[strategy], 1, seed=4)
    assert alone.calls == 1
    assert 0.02 < alone.time_s < 0.06  # four hops, give or take
    assert simulate(STRATEGIES[strategy], 20, seed=4).calls >= 20
    assert simulate(STRATEGIES[strategy], 20, seed=4) == simulate(STRATEGIES[strategy], 20, seed=4)


def test_a_seed_gives_one_trial_in_every_process():
    assert simulate(STRATEGIES["full jitter"], 20, seed=4) == jitter.Contest(time_s=0.7847897172019418, calls=96)


def test_the_chart_and_the_table_say_what_was_run():
    chart = picture(compare([2, 4], 2), "calls")
    assert "no backoff" in chart.description
    table = beside_published(3, clients=10)
    assert list(table["strategy"]) == list(STRATEGIES)
    assert table["published time_s"].tolist() == [pair[0] for pair in PUBLISHED[10].values()]
    with pytest.raises(ValueError, match="got 11"):
        beside_published(clients=11)
    with pytest.raises(ValueError, match="got 0"):
        simulate(None, 0)
    with pytest.raises(ValueError, match="got 0"):
        compare(trials=0)
