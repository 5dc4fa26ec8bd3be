"""Formulas against sampling, written apart from them; and the ladder of the four levels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.regions import theory
from minisys.regions.levels import ACTIVE, BACKUP, LEVELS, PILOT_LIGHT, PRICES, WARM, Copies, Shop, Timing, level
from minisys.regions.policies import FIVE_MINUTES, FOR_EVER, OBEYS

rng = np.random.default_rng(1)


def test_the_four_levels_rise_in_price_and_fall_in_time():
    costs = [sum(one.monthly().values()) for one in LEVELS.values()]
    times = [theory.rto_s(one) for one in LEVELS.values()]
    points = [theory.rpo_worst_s(one.copies) for one in LEVELS.values()]
    assert costs == sorted(costs) and times == sorted(times, reverse=True) and points == sorted(points, reverse=True)
    assert len(set(costs)) == len(set(times)) == 4


def test_cost_by_hand():
    """Pilot light: 16 vCPU x 15 + 128 GB x 2 + 500 GB x 0.20 = 596; two backups, a month of log."""
    costs = PILOT_LIGHT.monthly()
    month_gb = 40 * 365.25 / 12
    assert costs["database"] == pytest.approx(596) and costs["application"] == 0
    assert costs["backups"] == pytest.approx((1000 + month_gb) * 0.02)
    assert costs["transfer"] == pytest.approx(2 * month_gb * 0.02)
    dearer = PILOT_LIGHT.monthly(prices={**PRICES, "vcpu": 30.0})
    assert dearer["database"] - costs["database"] == pytest.approx(16 * 15)


@pytest.mark.parametrize("copies", [Copies(3600, 600), Copies(60, 1), Copies(0, 2)])
def test_mean_and_worst_loss_are_what_disasters_at_random_find(copies):
    """The age of the newest write that is there, at 20,000 random moments."""
    written = np.arange(0, 40 * 3600, 1.0)
    there = np.array([copies.there_s(t) for t in written.tolist()])
    moments = rng.uniform(10 * 3600, 39 * 3600, 20_000)
    ages = moments - written[np.searchsorted(there, moments, side="right") - 1]
    assert np.mean(ages) == pytest.approx(theory.rpo_mean_s(copies) + 0.5, rel=0.02)
    assert np.max(ages) <= theory.rpo_worst_s(copies) + 1


def test_synchronous_copies_lose_nothing():
    assert theory.rpo_worst_s(Copies(synchronous=True)) == theory.lost_writes(Copies(synchronous=True), 100) == 0


@pytest.mark.parametrize("asks_per_s", [0.01, 0.1, 10.0])
@pytest.mark.parametrize("t_s", [0.0, 20.0, 50.0])
def test_stale_answers_against_resolvers_played_one_by_one(asks_per_s, t_s):
    """Life of one resolver: fetch, keep, wait for the next request; the record changes in the middle of it."""
    ttl, changed, stale, lives = 60.0, 2000.0, 0, 4000
    for _ in range(lives):
        fetched = rng.uniform(0, ttl + 1 / asks_per_s)
        while (then := fetched + ttl + rng.exponential(1 / asks_per_s)) < changed:
            fetched = then
        stale += changed + t_s < fetched + ttl
    expected = theory.stale_share(t_s, ttl, asks_per_s)
    assert abs(stale / lives - expected) < 3.5 * math.sqrt(max(expected * (1 - expected), 0.01) / lives)


def test_a_mix_of_resolvers_and_the_requests_it_costs():
    mix = {OBEYS: 0.8, FIVE_MINUTES: 0.15, FOR_EVER: 0.05}
    assert theory.stale_mix(0.0, 60.0, mix) == pytest.approx(1.0)
    assert theory.stale_mix(1e6, 60.0, mix) == pytest.approx(0.05)
    times = np.arange(0, 600, 0.01) + 0.005
    area = 100 * 0.01 * sum(theory.stale_mix(float(t), 60.0, mix) for t in times)
    assert theory.stale_requests(600.0, 100.0, 60.0, mix) == pytest.approx(area, rel=1e-3)
    assert theory.stale_requests(600.0, 100.0, 0.0, {OBEYS: 1.0}) == 0


@given(st.floats(0, 1e4), st.floats(0.1, 1e4), st.floats(1e-3, 1e3))
def test_a_share_is_a_share_and_falls_with_time(t_s, ttl_s, asks):
    now, later = theory.stale_share(t_s, ttl_s, asks), theory.stale_share(t_s + 1, ttl_s, asks)
    assert 0 <= later <= now <= 1


def test_chains_of_backups_against_coins():
    good = rng.random((200_000, 7)) >= 0.02
    share = np.mean([good[:, : 1 + i].all(axis=1).mean() for i in range(7)])
    assert theory.whole_on_average(6, 0.02) == pytest.approx(share, abs=0.002)
    assert theory.whole(1, 0.1) == pytest.approx(0.9) and theory.whole(100, 0.0) == 1


def test_restoring_and_catching_up():
    assert theory.restore_s(500, 40, 3, 20, 0.4, 0.05) == pytest.approx(620 / 0.4 + 400)
    assert theory.catch_up_s(100, 0.5, 0.1) == pytest.approx(250)
    assert theory.catch_up_s(100, 0.1, 0.1) == math.inf and theory.catch_up_s(0, 0, 1) == 0


def test_history_against_mistakes_seen_late():
    unseen = rng.exponential(3.0, 100_000)
    assert theory.recovered(7.0, 3.0) == pytest.approx((unseen < 7.0).mean(), abs=0.005)
    assert theory.recovered(0.0, 3.0) == 0


def test_a_year_of_each_level_adds_up():
    for one in LEVELS.values():
        year = theory.loss_a_year(one, disasters_a_year=0.1, down_per_s=5.0, lost_per_s=5.0)
        assert year["together"] == pytest.approx(year["standby"] + year["down"] + year["data"])
    assert theory.loss_a_year(WARM, disasters_a_year=0, down_per_s=9, lost_per_s=9)["down"] == 0


def test_who_keeps_the_objectives_cheapest_first():
    assert [one.name for one in theory.keeps(LEVELS.values(), rpo_s=5, rto_s_at_most=300)] == [
        "warm standby", "active-active",
    ]  # fmt: skip
    assert theory.keeps(LEVELS.values(), rpo_s=1e6, rto_s_at_most=1e6)[0] == BACKUP
    quick = Timing(check_every_s=10, ttl_s=10, promote_s=15)
    assert theory.keeps(LEVELS.values(), rpo_s=5, rto_s_at_most=60, timing=quick)[0] == WARM


def test_steps_grow_with_the_data():
    small, large = BACKUP.steps(Shop(data_gb=50)), BACKUP.steps(Shop(data_gb=5000))
    assert large["restore"] == pytest.approx(100 * small["restore"]) and set(ACTIVE.steps()) == {"notice", "names"}


@pytest.mark.parametrize(
    "call",
    [
        lambda: level("cold"), lambda: Copies(-1), lambda: theory.stale_share(-1, 60), lambda: theory.whole(0, 0.1),
        lambda: theory.notice_s(0, 3), lambda: theory.conflict_share(-1, 1), lambda: theory.restore_s(1, 1, 1, 1, 0, 1),
        lambda: theory.catch_up_s(-1, 1, 1), lambda: theory.recovered(1, 0), lambda: theory.lost_writes(Copies(), -1),
        lambda: theory.loss_a_year(WARM, disasters_a_year=-1, down_per_s=1, lost_per_s=1),
    ],
)  # fmt: skip
def test_impossible_numbers_are_refused(call):
    with pytest.raises(ValueError, match=r"got|known"):
        call()
