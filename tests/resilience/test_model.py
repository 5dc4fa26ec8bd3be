"""The chain in virtual time: nothing lost, theory met where there is one, and each rule of the model seen at work."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from minisys.resilience import cascades, fast, metastable, model, theory
from minisys.resilience.breaker import Breaker
from minisys.resilience.bulkhead import Bulkhead
from minisys.resilience.chain import Chain, Service, Trouble
from minisys.resilience.concurrency import Aimd
from minisys.resilience.defences import Defences, Protection
from minisys.resilience.fallback import LastGood
from minisys.resilience.retries import Backoff, Retries
from minisys.resilience.run import FATES, OK, REFUSED, SHED
from minisys.resilience.shedding import AdaptiveThrottle, CoDel, PriorityShedding, QueueLimit
from minisys.testbed.queueing import mmc
from minisys.testbed.workload import Constant, Deterministic, Exponential, Poisson, Uniform, workload


def users(n=400, rate=20.0, seed=1, keys=1000, arrivals=None):
    law = arrivals or Poisson(rate)
    return workload(n, arrivals=law, work=Deterministic(1.0), keys=Uniform(keys), seed=seed)


def one(caller=None, protection=None, *, workers=1, work=None, fails=0.0):
    service = Service("s", workers, work or Deterministic(0.1), protection or Protection(), fails)
    return Chain((service,), (caller or Defences(),), net_s=0.0)


def fates(run):
    return {FATES[fate]: int(count) for fate, count in enumerate(np.bincount(run.fate, minlength=6)) if count}


@pytest.mark.parametrize("seed", range(3))
def test_without_trouble_a_service_is_an_mmc_queue(seed):
    offered = users(20_000, 70.0, seed)
    run = fast.simulate(one(workers=8, work=Exponential(0.1)), offered, seed=seed)
    assert run.latency_s.mean() == pytest.approx(mmc(70.0, 0.1, 8).response_s, rel=0.08)
    assert run.in_time.mean() > 0.9 and run.wasted < 0.05


def test_every_user_has_one_outcome_and_every_call_one_fate():
    chain = replace(metastable.CURES["as it was"], net_s=0.001)
    run = model.simulate(chain, users(600, 110.0), (Trouble("database", 1.0, 2.0, slow=5.0),))
    assert len(run.outcome) == 600 and np.isfinite(run.finished_s).all() and set(run.outcome) <= {0, 1, 2, 3}
    assert run.trace().check() and run.tries[:, 0].min() >= 1
    begun = np.isfinite(run.began_s)
    assert (run.began_s[begun] >= run.sent_s[begun]).all() and (run.work_s[~begun] == 0).all()
    parents = run.hop > 0
    assert (run.hop[run.parent[parents]] == run.hop[parents] - 1).all()
    assert (run.request[run.parent[parents]] == run.request[parents]).all()
    assert not (run.useful & ~run.used).any()


def test_a_timeout_frees_the_caller_but_not_the_service():
    run = model.simulate(one(Defences(timeout_s=0.04)), users(1))
    assert run.latency_s[0] == pytest.approx(0.04) and run.outcome[0] == 3
    two = model.simulate(one(Defences(timeout_s=0.15)), users(2, arrivals=Constant(1e6)))
    assert list(two.outcome) == [0, 3] and two.wasted == pytest.approx(0.5)  # the second's work has begun


def test_retries_go_out_after_their_wait_and_stop_at_the_attempts():
    run = model.simulate(one(Defences(retries=Retries(3, Backoff(0.5, 9.0, "none"))), fails=1.0), users(1))
    assert np.diff(run.sent_s) == pytest.approx([0.1 + 0.5, 0.1 + 1.0]) and run.outcome[0] == 2


def test_a_deadline_stops_retries_and_work_nobody_waits_for():
    late = Defences(timeout_s=9.0, deadline=True, retries=Retries(99))
    chain = replace(one(late), patience_s=0.25)
    run = model.simulate(chain, users(30, arrivals=Constant(20.0)))
    # first come, first served: those nearly out of time
    assert fates(run)["expired"] > 5 and 0.05 < run.goodput() < 0.3
    begun = np.isfinite(run.began_s)
    assert (run.began_s < run.workload.arrival_s[run.request] + 0.25)[begun].all()
    assert run.latency_s.max() <= 0.25 + 1e-9


def test_the_breaker_and_the_bulkhead_answer_before_anything_is_sent():
    broken = model.simulate(one(Defences(breaker=Breaker(2, 100.0)), fails=1.0), users(10, 1.0))
    assert len(broken.fate) == 2 and (broken.outcome == 1).sum() == 8
    full = model.simulate(one(Defences(bulkhead=Bulkhead(2)), workers=10), users(5, arrivals=Constant(1e6)))
    assert len(full.fate) == 2 and (full.outcome == 1).sum() == 3


def test_a_service_holds_its_worker_until_the_next_has_answered():
    chain = Chain((Service("a", 1, Deterministic(0.01)), Service("b", 9, Deterministic(1.0))), net_s=0.0)
    run = model.simulate(chain, users(3, arrivals=Constant(1e6)))
    assert run.finished_s - run.workload.arrival_s[0] == pytest.approx([1.01, 2.02, 3.03], abs=1e-4)


@pytest.mark.parametrize(("protection", "fate"), [
    (Protection(queue_limit=QueueLimit(1)), REFUSED), (Protection(codel=CoDel(0.01, 0.05)), SHED),
    (Protection(priority=PriorityShedding(4, (1.0, 0.25))), REFUSED), (Protection(concurrency=Aimd(0.05, 2)), REFUSED),
])  # fmt: skip
def test_a_protection_turns_away_and_who_remains_is_served(protection, fate):
    run = model.simulate(one(protection=protection), users(200, 20.0, keys=2))
    assert (run.fate == fate).sum() > 20 and (run.fate == OK).sum() > 20
    if protection.priority is not None:
        good = run.outcome == 0
        assert good[run.workload.key == 0].mean() > good[run.workload.key == 1].mean() + 0.2


def test_a_throttle_sends_less_to_who_refuses():
    bare = one(protection=Protection(queue_limit=QueueLimit(1)))
    throttled = replace(bare, callers=(Defences(throttle=AdaptiveThrottle(1.1, 10.0)),))
    sent = [len(model.simulate(each, users(1500, 30.0)).fate) for each in (bare, throttled)]
    assert sent[1] < 0.65 * sent[0]


def test_a_fallback_answers_and_says_so():
    chain = one(Defences(fallback=LastGood(10.0)), fails=1.0)
    run = model.simulate(chain, users(5))
    assert (run.outcome == 0).all() and run.degraded.all()


def test_own_keys_need_no_next_service():
    run = fast.simulate(cascades.shop(), users(300, 20.0))
    assert run.tries[:, 1].astype(bool).tolist() == (run.workload.key >= cascades.OWN_KEYS).tolist()


@pytest.mark.parametrize("attempts", [2, 3])
def test_amplification_is_attempts_to_the_power_of_the_layers(attempts):
    found = cascades.amplification((1, 2, 3), attempts, users=50)
    assert (found["calls"] == [attempts**layers for layers in found["layers"]]).all()
    assert theory.amplification(attempts, 3) == attempts**3


def test_amplification_when_some_calls_fail_and_with_a_budget():
    some = cascades.amplification((1, 2), 3, 0.5, users=1000).groupby("layers").mean()
    assert some["calls"].to_numpy() == pytest.approx(some["theory"].to_numpy(), rel=0.06)
    budget = cascades.amplification((1, 2, 3), 3, users=1000, ratio=0.1).groupby("layers")["calls"].mean()
    assert budget.to_numpy() == pytest.approx([1.1, 1.21, 1.331], rel=0.01)


def test_bad_designs_are_named():
    with pytest.raises(ValueError, match="needs as many callers, got 2"):
        Chain((Service("a", 1, Deterministic(1.0)),), (Defences(), Defences()))
    with pytest.raises(ValueError, match="no service 'b' in this chain; it has s"):
        model.simulate(one(), users(1), (Trouble("b", 0, 1),))
    with pytest.raises(ValueError, match="workers >= 1"):
        Service("a", 0, Deterministic(1.0))
    with pytest.raises(ValueError, match="no request"):
        model.simulate(one(), users(1)[:0])
    with pytest.raises(ValueError, match="for_s > 0"):
        Trouble("s", 0.0, 0.0)


def test_one_seed_gives_one_answer_in_two_processes():
    code = (
        "from minisys.resilience import model, metastable as m;"
        "r = model.simulate(m.CURES['deadline, budget, short line'], m.users(60.0, 3, 5.0), seed=3);"
        "print(repr(float(r.finished_s.sum())), len(r.fate))"
    )
    said = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       env=os.environ | {"PYTHONHASHSEED": str(seed)}).stdout
        for seed in (1, 2)
    }  # fmt: skip
    assert len(said) == 1
