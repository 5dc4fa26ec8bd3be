"""Carts and dying servers: rule, model and live code against each other; then, on the real clock, what users saw."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.load_balancing.plan import Step
from minisys.scaling import real, stateless
from minisys.scaling import stateless_model as model
from minisys.scaling.stateless import KILL, MORNINGS_S, carts_lost, rolling
from minisys.scaling.stateless_live import IN_MEMORY, ON_DISK, STORE, VALKEY, run
from minisys.scaling.stateless_model import shoppers
from minisys.testbed.trace import Trace
from tests.scaling.leftovers import nothing_left

NONE: tuple[Step, ...] = ()
TWO_DEATHS = (Step(2.25, "kill", "c"), Step(3.45, "kill", "b"))


@given(st.integers(0, 10_000), st.sampled_from([(5.0, 2.0, 0.4), (30.0, 0.9, 0.3), (1.0, 3.0, 3.0)]))
def test_users_come_at_their_pace_and_their_visits_do_not_overlap(seed: int, shape: tuple[float, float, float]) -> None:
    rate, session_s, gap_s = shape
    offered = shoppers(rate, session_s, gap_s, for_s=6.0, seed=seed)
    for _, visits in pd.DataFrame({"key": offered.key, "at": offered.arrival_s}).groupby("key")["at"]:
        assert np.allclose(np.diff(visits), gap_s) and visits.max() - visits.min() <= session_s + 1e-9


def test_the_house_is_as_full_at_the_start_as_littles_law_says() -> None:
    counts = [
        [model.open_carts(shoppers(for_s=4.4, seed=seed), at_s) for at_s in (0.45, 1.2, 2.0)] for seed in range(60)
    ]
    expected = model.carts_lost(model.USERS_PER_S, model.SESSION_S, 1)
    off = np.mean(counts, axis=0) - expected
    assert (abs(off) < 3 * math.sqrt(expected / 60)).all(), off


@pytest.mark.parametrize("bad", [(0.0, 2.0, 0.4), (1.0, 0.3, 0.4), (1.0, 2.0, 0.0)])
def test_shoppers_that_make_no_sense_are_refused(bad: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="need 0 < gap_s <= session_s"):
        shoppers(*bad, for_s=1.0, seed=1)


def test_the_rule_of_thumb_and_its_limits() -> None:
    assert model.carts_lost(22.0, 2.0, 4) == 11.0
    assert model.rolling_losses(3) == pytest.approx(1 / 3 + 1 / 2 + 3 / 4)
    assert model.rolling_losses(1_000_000) == pytest.approx(math.e - 1, rel=1e-5)
    for bad in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="above 0"):
            model.carts_lost(*bad)
    with pytest.raises(ValueError, match="at least 2 servers, got 1"):
        model.rolling_losses(1)


@pytest.mark.parametrize("instances", [2, 3, 5])
def test_one_of_n_servers_takes_one_nth_of_the_carts_with_it(instances: int) -> None:
    shares = []
    for seed in range(40):
        day = shoppers(for_s=2.4, seed=seed)
        found = len(carts_lost(model.simulate(day, KILL[:1], instances=instances)))
        shares.append(found / model.open_carts(day, KILL[0].at_s))
    error = np.std(shares, ddof=1) / math.sqrt(len(shares))
    assert abs(np.mean(shares) - 1 / instances) < 3 * error


@pytest.mark.parametrize("instances", [2, 3, 4])
def test_a_rolling_restart_costs_each_user_more_than_one_cart(instances: int) -> None:
    plan = rolling("abcd"[:instances], begin_s=2.0, every_s=4.0)
    day = shoppers(0.5, 300.0, 0.4, for_s=2.0 + 4.0 * instances, seed=2)  # 150 users who hardly come or go
    found = len(carts_lost(model.simulate(day, plan, instances=instances))) / model.open_carts(day, 2.0)
    assert found == pytest.approx(model.rolling_losses(instances), rel=0.05)


@pytest.mark.parametrize(
    ("plan", "seed"),
    [(KILL, 1), (KILL, 2), (rolling(), 1), (TWO_DEATHS, 2), (NONE, 1)],
    ids=["kill-1", "kill-2", "rolling", "two deaths", "nothing"],
)
def test_the_live_code_loses_the_same_carts_as_the_model(plan: tuple[Step, ...], seed: int) -> None:
    day = shoppers(for_s=4.4, seed=seed)
    for way in (IN_MEMORY, STORE):
        found, expected = run(way, day, plan, clock="virtual"), model.simulate(day, plan, in_memory=way == IN_MEMORY)
        assert carts_lost(found) == carts_lost(expected)
        assert bool(carts_lost(found)) == (way == IN_MEMORY and bool(plan))
        assert found.count("ok") == expected.count("ok") == len(day)
        np.testing.assert_allclose(found.frame["finished_s"], expected.frame["finished_s"], rtol=0, atol=1e-6)
        if plan != KILL:  # there two requests die at one moment, and either may be sent again first
            assert (found.frame["server"].astype(str) == expected.frame["server"].astype(str)).all()


@pytest.mark.parametrize(
    ("way", "clock", "plan"),
    [("in a box", "real", NONE), (STORE, "wall", NONE), (VALKEY, "virtual", NONE),
     (STORE, "virtual", (Step(1.0, "kill", "store"),))],
)  # fmt: skip
def test_a_way_or_clock_that_there_is_not_is_refused(way: str, clock: str, plan: tuple[Step, ...]) -> None:
    with pytest.raises(ValueError, match="got '"):
        run(way, shoppers(for_s=1.0, seed=1), plan, clock=clock)


def test_the_chart_shows_three_worlds_and_the_readers_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    few = stateless.deaths_simulated(3)
    monkeypatch.setattr(stateless, "deaths_simulated", lambda: few)
    measured = pd.DataFrame({"instances": [3], "share": [31.0], "simulated": [33.0]})
    drawn = str(stateless.deaths_chart(measured, 40).to_dict())
    assert all(word in drawn for word in ("predicted", "simulated", "measured", "your prediction: 40"))


@pytest.mark.live
def test_a_rolling_restart_and_a_death_fail_no_request_and_without_state_nobody_can_tell() -> None:
    plan = (*rolling(), Step(4.25, "kill", "b"))
    traces = stateless.each_way((IN_MEMORY, STORE), lambda way: run(way, shoppers(for_s=5.2, seed=3), plan))
    assert stateless.lost_in_words(traces) == (
        "in memory: some carts lost, 0 requests failed\nexternal store: 0 carts lost, 0 requests failed"
    )
    steps = traces[IN_MEMORY].frame.attrs["steps"]
    blows = [at_s for at_s, word in steps.items() if word.startswith(("drain", "kill"))]
    in_time = [at_s for at_s in blows if at_s < 4.0]  # a busy machine may still be restarting when the users have left
    assert len(blows) == 4 and all(_lost_between(traces[IN_MEMORY], at_s, at_s + 1.0) for at_s in in_time)
    assert "drain a" in str(stateless.lost_over_time(traces).to_dict())
    assert stateless.side_by_side(traces).frame["carts lost"].iloc[1] == "0"
    assert nothing_left()


@pytest.mark.live
def test_valkey_keeps_the_carts_when_a_server_dies_and_on_disk_when_it_dies_itself() -> None:
    if real.missing():
        pytest.skip(real.missing())
    plan = (*KILL[:1], Step(1.65, "kill", "store"), Step(1.8, "restart", "store"))
    trace = run(ON_DISK, shoppers(for_s=2.6, seed=3), plan)
    assert carts_lost(trace) == []
    assert set(trace.frame.attrs["generator"]["status"]) == {"200", "503"}, "users are told while the store is away"
    failed = trace.frame[trace.frame["outcome"] == "failed"]
    assert len(failed) == trace.frame.attrs["generator"]["status"]["503"]
    assert failed["finished_s"].min() > 1.65, "nobody failed before it died"
    assert nothing_left()


def _lost_between(trace: Trace, from_s: float, to_s: float) -> int:
    return sum(from_s - 0.1 <= at_s < to_s for at_s in carts_lost(trace))


def test_two_bad_mornings_take_carts_at_the_death_and_at_both_restarts_and_only_from_memory() -> None:
    plan = (*KILL, *rolling("ac", begin_s=2.6))
    day = shoppers(for_s=MORNINGS_S, seed=3)
    trace = model.simulate(day, plan)
    found = np.array(carts_lost(trace))
    assert all(((begin <= found) & (found < begin + 1.1)).any() for begin in (1.25, 2.6, 3.7))
    assert trace.count("ok") == len(trace) and not carts_lost(model.simulate(day, plan, in_memory=False))
    (share,) = stateless.one_death(trace)["share"]
    assert 15 < share < 55
