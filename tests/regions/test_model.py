"""The lost region in virtual time: conservation, theory, what users saw."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from minisys.regions import theory
from minisys.regions.conflicts_model import CHOICES, play
from minisys.regions.latency import round_trip_s
from minisys.regions.levels import ACTIVE, LEVELS, WARM, Copies, Timing
from minisys.regions.model import Plan, anycast, simulate
from minisys.regions.policies import FOR_EVER, OBEYS
from minisys.regions.world import Names

FAST = Timing(
    check_every_s=3,
    decide_s=20,
    boot_db_s=30,
    boot_app_s=20,
    restore_gb_per_s=20,
    promote_s=3,
    scale_out_s=20,
    ttl_s=10,
)
SEEDS = range(6)


@pytest.mark.parametrize("name", LEVELS)
def test_conservation_and_the_two_numbers_of_each_level(name):
    level = LEVELS[name]
    level = replace(level, copies=Copies(60, 10)) if name == "backup-restore" else level
    plan = Plan(level=level, timing=FAST)
    runs = [simulate(plan, rate_per_s=10, seed=seed) for seed in SEEDS]
    for run in runs:
        trace = run.trace
        assert trace.count("ok") + trace.count("timeout") + trace.count("refused") == len(trace)
        assert 0 <= len(run.lost) <= run.acknowledged <= trace.count("ok") + trace.count("timeout")
        assert run.rpo_s <= theory.rpo_worst_s(level.copies)
        assert run.rto_s < np.inf
    waits = np.array([run.rto_s for run in runs])
    expected = theory.open_s(level, plan.shop, FAST)
    assert abs(waits.mean() - expected) < 3.5 * FAST.check_every_s / np.sqrt(12 * len(runs)) + 0.5  # and the first user
    lost = sum(len(run.lost) for run in runs)
    told = 10 * 0.2 * theory.rpo_mean_s(level.copies) * len(runs)
    spread = np.sqrt(told + len(runs) * (2 * level.copies.every_s) ** 2 / 12)  # Poisson, and where the disaster falls
    assert abs(lost - told) <= 3.5 * spread


def test_the_last_obedient_user_is_back_within_a_time_to_live():
    run = simulate(Plan(level=replace(WARM, app=1.0), timing=FAST), seed=3)
    assert 0 < run.rto_all_s - run.rto_s <= FAST.ttl_s


def test_shares_of_stale_users_are_those_of_the_formula():
    """2,000 resolvers, busy enough; the share that is still wrong in each second after the change."""
    rng, mix = np.random.default_rng(0), {OBEYS: 0.9, FOR_EVER: 0.1}
    names = Names(resolvers=2000, ttl_s=60, mix=mix, rng=rng)
    names.lead("shop", "Virginia", 0.0)
    for now in np.arange(0, 100, 0.25):
        for resolver in range(2000):
            names.ask("shop", resolver, float(now))
    names.lead("shop", "Frankfurt", 100.0)
    for now in np.arange(100, 170, 0.25):
        stale = np.mean([names.ask("shop", resolver, float(now)) == "Virginia" for resolver in range(2000)])
        if now % 10 == 0:
            assert stale == pytest.approx(theory.stale_mix(float(now) - 100, 60, mix), abs=0.04)


def test_resolvers_that_never_ask_again_lose_their_users_for_good():
    plan = Plan(level=replace(WARM, app=1.0), timing=FAST, mix={OBEYS: 0.9, FOR_EVER: 0.1})
    late = simulate(plan, seed=1, after_s=120).share_well()["well"].iloc[-1]
    assert late == pytest.approx(90, abs=5)
    assert simulate(anycast(plan, 5.0), seed=1, after_s=120).share_well()["well"].iloc[-1] == 100


def test_a_quarter_of_the_servers_serves_half_of_the_users_until_it_has_grown():
    run = simulate(Plan(level=WARM, timing=FAST), seed=2)
    well = run.share_well(5.0)
    small = well[well["second"].between(run.rto_s + 10, run.rto_s + FAST.scale_out_s)]["well"]
    assert 40 < small.mean() < 65 and run.share_well()["well"].iloc[-1] == 100


def test_of_two_serving_regions_only_the_users_of_one_are_hit():
    run = simulate(Plan(level=ACTIVE, timing=FAST), seed=0)
    frame = run.trace.frame
    assert (frame[frame["key"] % 2 == 1]["outcome"] == "ok").all(), "Frankfurt's users notice nothing"
    assert run.lost == ()


def test_without_a_witness_synchronous_writes_stop_everywhere_until_the_loss_is_noticed():
    runs = [simulate(Plan(level=ACTIVE, timing=FAST, witness=w), seed=0) for w in (True, False)]
    assert runs[1].trace.count("timeout") > runs[0].trace.count("timeout") and not runs[1].lost


def test_a_synchronous_write_takes_one_round_trip_more():
    plans = [Plan(level=replace(ACTIVE, copies=copies)) for copies in (Copies(synchronous=True), Copies(0, 1))]
    means = [simulate(plan, write_share=1.0, loss_at_s=100, after_s=1, seed=0).trace.percentile(5) for plan in plans]
    assert means[0] - means[1] == pytest.approx(round_trip_s("Virginia", "Frankfurt"), rel=0.02)


def test_failing_back_loses_and_breaks_nothing():
    run = simulate(Plan(level=replace(WARM, app=1.0), timing=FAST), back_after_s=60, after_s=120, seed=5)
    after = run.trace.frame[run.trace.frame["sent_s"] > run.loss_at_s + 50]
    assert (after["outcome"] == "ok").all() and after["server"].iloc[-1] == "Virginia"


def test_one_seed_one_answer_in_two_processes():
    code = (
        "from minisys.regions.model import *; from minisys.regions.conflicts_model import play\n"
        "r = simulate(Plan(), seed=7, rate_per_s=5); print(r.trace.frame.to_csv(), "
        "r.rto_s, r.rpo_s, len(r.lost), play('last writer wins', seed=3, for_s=20.0))"
    )
    outputs = {
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PATH": ""}, check=True,
                       capture_output=True, text=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


@pytest.mark.parametrize("times", [{"loss_at_s": -1}, {"after_s": 10, "back_after_s": 20}])
def test_times_out_of_order_are_refused(times):
    with pytest.raises(ValueError, match="need loss_at_s > 0 and 0 < back_after_s < after_s"):
        simulate(Plan(), **times)


def test_shares_of_resolvers_must_add_up():
    with pytest.raises(ValueError, match="shares that add up to 1"):
        Names(resolvers=5, ttl_s=60, mix={OBEYS: 0.5}, rng=np.random.default_rng(0))


def test_conflicts_come_as_often_as_the_formula_says():
    lag, runs = 0.2, [play("merge", lag_s=0.2, seed=seed) for seed in range(3)]
    writes = sum(run.writes for run in runs)
    expected = theory.conflict_share(100 / 2 / 500, lag) * writes
    assert abs(sum(run.conflicts for run in runs) - expected) < 3.3 * np.sqrt(2 * expected)


@pytest.mark.parametrize("cut", [None, (20.0, 30.0)])
def test_who_loses_what_when_both_write(cut):
    by = {choice: play(choice, cut=cut, lag_s=0.2) for choice in CHOICES}
    assert by["last writer wins"].lost > 0 and by["merge"].lost == by["home region"].lost == 0
    assert by["merge"].conflicts == by["last writer wins"].conflicts > by["home region"].conflicts == 0
    assert (by["home region"].refused > 0) == (cut is not None) and by["home region"].write_s > 0.03
    with pytest.raises(ValueError, match="choice must be one of"):
        play("hope")
