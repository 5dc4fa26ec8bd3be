"""The model: nothing lost, theory met where there is one, the bill, and the compiled twin equal to the last bit."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minisys.autoscaling import fast, loop, model, theory
from minisys.autoscaling.cloud import Cloud, Lease, Prices
from minisys.autoscaling.kubernetes import HorizontalPodAutoscaler
from minisys.autoscaling.planning import Scheduled
from minisys.autoscaling.policies import BacklogPerInstance, Combined, Proportional, ScaleToZero, Step, TargetTracking
from minisys.testbed.queueing import mmc
from minisys.testbed.workload import Constant, Deterministic, Exponential, FlashSale, Poisson, Workload, workload

SALE = FlashSale(8, 40, 300, 60, 300)
POLICIES = {
    "bare": Proportional(),
    "pods": HorizontalPodAutoscaler(0.6),
    "target": TargetTracking(0.6, in_after_s=120.0, cooldown_s=60.0),
    "step": Step(cooldown_s=45.0),
    "backlog": Combined([BacklogPerInstance(0.25, 2.0), TargetTracking()]),
    "zero": ScaleToZero(Proportional(), idle_s=30.0),
    "plan": Scheduled(((0, 2), (200, 8), (500, 0), (530, 3))),
}


def sale(n=6_000, seed=1):
    return workload(n, arrivals=SALE, work=Exponential(0.25), seed=seed)


def same(one, other):
    for name in ("started_s", "finished_s", "server"):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True), name
    assert repr(one.looks) == repr(other.looks)  # nan is nan
    assert one.leases == other.leases
    assert one.hours() == other.hours()


def check(run):
    """No request lost, none served by a machine that is not there, and one machine at most `workers` at a time."""
    run.trace.check()
    assert run.trace.count("ok") + run.refused == len(run.workload)
    cloud = run.cloud
    for lease in run.leases:
        mine = run.server == lease.number
        assert (run.started_s[mine] >= lease.ready_s).all()
        assert (run.started_s[mine] <= lease.left_s).all()
        if mine.any() and lease.stopped_s < math.inf:
            assert run.finished_s[mine].max() <= lease.stopped_s
        moments = np.concatenate([run.started_s[mine], run.finished_s[mine]])
        change = np.concatenate([np.ones(mine.sum()), -np.ones(mine.sum())])
        assert np.cumsum(change[np.lexsort((change, moments))]).max(initial=0) <= cloud.workers
    assert all(cloud.minimum <= look.wanted <= cloud.maximum for look in run.looks)


@pytest.mark.parametrize("name", POLICIES)
def test_nothing_is_lost_and_the_twins_are_equal(name):
    cloud = Cloud(minimum=0, workers=2, queue=50, maximum=20, warm=2, spot=0.5, spot_life_s=150.0)
    for seed in (1, 2):
        slow = model.simulate(POLICIES[name], sale(2_500, seed), cloud=cloud, seed=seed)
        check(slow)
        same(slow, fast.simulate(POLICIES[name], sale(2_500, seed), cloud=cloud, seed=seed))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(sorted(POLICIES)),
    ties=st.booleans(),
    workers=st.integers(1, 4),
    queue=st.sampled_from([None, 0, 30]),
    warm=st.integers(0, 3),
    spot=st.sampled_from([0.0, 0.7]),
    boot=st.sampled_from([Deterministic(30.0), Exponential(40.0), Deterministic(1e-3)]),
    seed=st.integers(0, 1000),
)
def test_the_twins_are_equal_whatever_the_cloud(name, ties, workers, queue, warm, spot, boot, seed):
    arrivals, work = (Constant(8.0), Deterministic(0.5)) if ties else (Poisson(8.0), Exponential(0.5))
    requests = workload(800, arrivals=arrivals, work=work, seed=seed)
    cloud = Cloud(boot, workers, queue, 2, 1, 12, warm=warm, warm_s=5.0, spot=spot, spot_life_s=40.0)
    same(
        model.simulate(POLICIES[name], requests, cloud=cloud, seed=seed),
        fast.simulate(POLICIES[name], requests, cloud=cloud, seed=seed),
    )


def test_the_loop_is_the_same_without_a_compiler(monkeypatch):
    compiled = fast.simulate(POLICIES["pods"], sale(1_500))
    monkeypatch.setattr(fast, "compiled", lambda: (loop.advance, loop.open_machine, loop.close_machine))
    same(compiled, fast.simulate(POLICIES["pods"], sale(1_500)))


@pytest.mark.parametrize(("count", "workers", "rate"), [(3, 2, 16.0), (5, 1, 16.0), (2, 4, 28.0)])
def test_a_fleet_that_stays_as_it_is_waits_as_erlang_says(count, workers, rate):
    """A standing fleet is M/M/c: the mean of eight runs of 20,000 lies within their own 99.9 % interval of it."""
    cloud = Cloud(first=count, workers=workers, queue=None)
    waits = []
    for seed in range(8):
        requests = workload(20_000, arrivals=Poisson(rate), work=Exponential(0.25), seed=seed)
        run = fast.simulate(Scheduled(((0, count),)), requests, cloud=cloud)
        waits.append((run.started_s - requests.arrival_s).mean())
    half = 5.4 * np.std(waits, ddof=1) / np.sqrt(8)  # Student, 7 degrees of freedom
    assert abs(np.mean(waits) - mmc(rate, 0.25, count * workers).wait_s) < half


def test_what_the_controller_sees_is_the_offered_load():
    requests = workload(40_000, arrivals=Poisson(20.0), work=Exponential(0.25), seed=1)
    run = fast.simulate(Scheduled(((0, 4),)), requests, cloud=Cloud(first=4, workers=2))
    frame = run.frame()
    assert frame["utilisation"].mean() == pytest.approx(20 * 0.25 / 8, rel=0.03)
    assert frame["rate_per_s"].sum() * 15.0 <= len(requests)
    assert frame["rate_per_s"].mean() == pytest.approx(20.0, rel=0.03)


def test_the_oracle_keeps_the_objective():
    """Ordered in time, the pointwise formula holds: at most 1 % later than 2 s, give or take the changes' own delay."""
    rates = [8.0] * 10 + [40.0] * 10 + [8.0] * 10
    plan = theory.oracle(rates, 60.0, 0.25, 2.0, workers=2, lead_s=60.0)
    requests = workload(16_000, arrivals=FlashSale(8, 40, 600, 1, 599), work=Exponential(0.25), seed=3)
    cloud = Cloud(Deterministic(30.0), 2, None)
    assert fast.simulate(Scheduled(plan), requests, cloud=cloud).missed(2.0) < 0.015
    late = fast.simulate(Scheduled(theory.oracle(rates, 60.0, 0.25, 2.0, workers=2)), requests, cloud=cloud)
    assert late.missed(2.0) > 0.015


def test_a_saturated_metric_needs_as_many_orders_as_the_formula_says():
    boot, target = 60.0, 0.5
    requests = workload(40_000, arrivals=Constant(80.0), work=Deterministic(0.25), seed=1)  # 20 workers' worth
    policy = HorizontalPodAutoscaler(target, up=HorizontalPodAutoscaler().up, cpu_initialisation_s=0.0)
    run = fast.simulate(policy, requests, cloud=Cloud(Deterministic(boot), 1, 100, 2, 1, 100))
    orders = [
        b.wanted for a, b in zip([None, *run.looks], run.looks, strict=False) if b.wanted > (a.wanted if a else 2)
    ]
    needed = next(i for i, count in enumerate(orders, 1) if count >= 20)
    assert needed == theory.looks_until(2, 20, target)


def test_the_bill_by_hand():
    run = fast.simulate(Scheduled(((0, 3),)), sale(2_000), cloud=Cloud(first=2, maximum=3, warm=4))
    end_s = run.end_s
    by_hand = (2 * end_s + (end_s - 15.0)) / 3600 + 4 * 0.02 * end_s / 3600
    assert run.hours() == pytest.approx(by_hand)
    assert Lease(0, 100.0, 130.0, stopped_s=110.0).hours(500.0, Prices()) == pytest.approx(60 / 3600)
    assert Lease(0, 100.0, 130.0, notice_s=400.0).hours(1_000.0, Prices(spot=0.4)) == pytest.approx(0.4 * 900 / 3600)
    assert Lease(0, -3600.0, 0.0).hours(900.0, Prices()) == pytest.approx(0.25)


def test_machines_paid_and_machines_that_serve():
    run = fast.simulate(POLICIES["bare"], sale(), cloud=Cloud(Deterministic(60.0)))
    frame = run.capacity(1.0)
    assert (frame["paid"] >= frame["serving"]).all()
    assert frame["serving"].min() >= 1
    area = frame["paid"][:-1].sum() / 3600
    assert area == pytest.approx(run.hours(Prices(minimum_s=0.0)), rel=0.02)
    for look in run.looks:
        assert frame["serving"][int(look.time_s)] <= look.current + max(0, look.wanted - look.current)


def test_the_warm_pool_is_faster_and_runs_dry():
    plan = Scheduled(((0, 2), (30, 6), (45, 10)))
    run = fast.simulate(plan, sale(3_000), cloud=Cloud(Deterministic(200.0), warm=3, warm_s=10.0))
    assert [lease.ready_s - lease.started_s for lease in run.leases[2:]] == [10.0] * 3 + [200.0] * 5


def test_spot_machines_go_and_are_replaced():
    cloud = Cloud(Deterministic(20.0), first=1, spot=1.0, spot_life_s=100.0)
    run = fast.simulate(Scheduled(((0, 4),)), sale(6_000), cloud=cloud)
    check(run)
    taken = [lease for lease in run.leases if lease.left_s < math.inf]
    assert len(taken) > 5
    assert all(lease.left_s == lease.notice_s for lease in taken)
    assert run.looks[-1].wanted == 4
    with pytest.raises(ValueError, match="outlasts the notice of 0.5 s"):
        fast.simulate(POLICIES["bare"], sale(), cloud=Cloud(spot=0.5, notice_s=0.5))


def test_a_policy_is_not_changed_by_a_run():
    policy = HorizontalPodAutoscaler(0.6)
    first, again = fast.simulate(policy, sale(2_000)), fast.simulate(policy, sale(2_000))
    same(first, again)
    assert policy == HorizontalPodAutoscaler(0.6)
    assert not policy.recommended


def test_one_seed_gives_one_answer_in_two_processes():
    code = (
        "from minisys.autoscaling import fast, kubernetes, cloud; from minisys.testbed.workload import *\n"
        "w = workload(3000, arrivals=FlashSale(8, 40, 100, 60, 300), work=Exponential(0.25), seed=5)\n"
        "r = fast.simulate(kubernetes.HorizontalPodAutoscaler(), w, cloud=cloud.Cloud(spot=0.3, warm=1), seed=5)\n"
        "print(r.hours(), r.missed(2.0), r.leases)"
    )
    said = [
        subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True)
        for seed in ("1", "2")
    ]
    assert said[0].stdout == said[1].stdout != b""


class Wants:
    def __init__(self, what):
        self.what = what

    def desired(self, seen, now):
        return self.what


@pytest.mark.parametrize("world", [model, fast])
def test_bad_input_is_refused(world):
    with pytest.raises(TypeError, match="must want a whole number of instances, got 2.5"):
        world.simulate(Wants(2.5), sale(500))
    with pytest.raises(RuntimeError, match="requests still wait a day after the last came"):
        world.simulate(Wants(0), sale(1_000), cloud=Cloud(minimum=0, queue=None, period_s=60.0))
    with pytest.raises(ValueError, match="the workload has no request"):
        world.simulate(Wants(1), Workload(*[np.array([])] * 5))
    assert world.simulate(Wants(10**9), sale(500), cloud=Cloud(maximum=5)).looks[0].wanted == 5


@pytest.mark.parametrize("bad", [{"workers": 0}, {"minimum": 3}, {"period_s": 0.0}, {"spot": 1.5}, {"queue": -1}])
def test_a_cloud_that_makes_no_sense_is_refused(bad):
    with pytest.raises(ValueError, match="need workers|times must be|spot must lie"):
        Cloud(**bad)
