"""The compiled twin: every user and every call as in the model, to the last bit; with Numba and without."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from minisys.resilience import fast, fast_loop, metastable, model
from minisys.resilience.breaker import Breaker, RateBreaker
from minisys.resilience.bulkhead import Bulkhead
from minisys.resilience.chain import Chain, Service, Trouble
from minisys.resilience.concurrency import Aimd
from minisys.resilience.defences import Defences, Protection
from minisys.resilience.fallback import LastGood
from minisys.resilience.hedging import Hedge
from minisys.resilience.retries import Backoff, RatioBudget, Retries, TokenBudget
from minisys.resilience.shedding import AdaptiveThrottle, CoDel, QueueLimit
from minisys.testbed.workload import Deterministic, Exponential, Lognormal, Poisson, Uniform, workload

TROUBLES = (Trouble("db", 2.0, 1.5, slow=6.0), Trouble("stock", 3.0, 1.0, fails=0.4))


def retries(jitter, budget=None):
    return Retries(3, Backoff(0.03, 0.5, jitter), budget)


CALLERS = {
    "bare": Defences(),
    "timeout": Defences(timeout_s=0.15),
    "at once": Defences(timeout_s=0.15, retries=Retries(4)),
    **{name: Defences(timeout_s=0.15, retries=retries(name)) for name in ("none", "equal", "full", "decorrelated")},
    "ratio": Defences(timeout_s=0.15, deadline=True, retries=retries("full", RatioBudget(0.2, 5.0))),
    "tokens": Defences(timeout_s=0.15, retries=retries("full", TokenBudget(100))),
    "breaker": Defences(timeout_s=0.15, breaker=Breaker(4, 0.3, 2), bulkhead=Bulkhead(12)),
    "hedge": Defences(timeout_s=0.5, hedge=Hedge(0.8, 0.3, window=100)),
    "fallback": Defences(timeout_s=0.15, deadline=True, fallback=LastGood(1.0)),
    "all": Defences(timeout_s=0.2, deadline=True, retries=retries("equal", TokenBudget(60)), breaker=Breaker(6, 0.2),
                    bulkhead=Bulkhead(30), hedge=Hedge(0.9)),
}  # fmt: skip
GUARDS = {"open": Protection(), "limit": Protection(queue_limit=QueueLimit(6)),
          "codel": Protection(queue_limit=QueueLimit(40), codel=CoDel(0.01, 0.05))}  # fmt: skip


def chain(caller, guard):
    services = (Service("shop", 20, Exponential(0.01), guard, own_keys=100),
                Service("stock", 10, Lognormal(0.02, 2.0), guard, 0.02),
                Service("db", 5, Exponential(0.025), guard))  # fmt: skip
    return Chain(services, (caller,) * 3, patience_s=0.6)


def users(seed, n=700):
    return workload(n, arrivals=Poisson(140.0), work=Deterministic(1.0), keys=Uniform(1000), seed=seed)


def same(one, other):
    for each in fields(one):
        if each.name not in ("chain", "workload"):
            a, b = getattr(one, each.name), getattr(other, each.name)
            assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), each.name


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("caller", CALLERS)
def test_the_twin_equals_the_model_call_by_call(caller, guard):
    design, seed = chain(CALLERS[caller], GUARDS[guard]), len(caller)
    same(
        model.simulate(design, users(seed), TROUBLES, seed=seed),
        fast.simulate(design, users(seed), TROUBLES, seed=seed),
    )


def test_without_numba_it_is_the_same_loop(monkeypatch):
    design = chain(CALLERS["all"], GUARDS["codel"])
    compiled = fast.simulate(design, users(1, 250), TROUBLES, seed=1)
    monkeypatch.setattr(fast, "compiled", lambda: fast_loop.run)
    same(compiled, fast.simulate(design, users(1, 250), TROUBLES, seed=1))


def test_a_run_that_outgrows_its_arrays_is_run_again():
    design = metastable.alone(60)  # sixty calls a user
    down = (Trouble("database", 0.0, 1e4, fails=1.0),)
    run = fast.simulate(design, users(1, 300), down)
    same(model.simulate(design, users(1, 300), down), run)
    assert run.amplification[0] == 60


@pytest.mark.parametrize("design", [
    chain(Defences(throttle=AdaptiveThrottle()), Protection()),
    chain(Defences(breaker=RateBreaker()), Protection()),
    chain(Defences(), Protection(concurrency=Aimd(0.1))),
])  # fmt: skip
def test_what_it_does_not_express_it_says(design):
    assert not fast.expresses(design)
    with pytest.raises(ValueError, match=r"use model\.simulate"):
        fast.simulate(design, users(1, 5))


def test_what_it_expresses_it_says_too():
    assert all(fast.expresses(design) for design in metastable.CURES.values())
    fast.warm_up().join()
