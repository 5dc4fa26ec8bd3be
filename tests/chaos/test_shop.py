"""The shop in virtual time: its steps, its weaknesses, what finds them, and what the pencil says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.chaos import shop, theory
from minisys.chaos.plan import Fault, FaultPlan
from minisys.chaos.shop_charts import DOWN_S, PRICES_DOWN, SECONDS, SEEDS, in_three_worlds
from minisys.chaos.shop_experiments import found_by, single_faults, try_out
from minisys.chaos.shop_runs import RATE_PER_S, ShopRun, orders, simulate

FINDS = {
    "no timeout": ("orders succeed", Fault("pause", "prices", 0.0, 3.0)),
    "eager retries": ("prices is not flooded", Fault("errors", "prices", 0.0, 3.0)),
    "blind health check": ("orders succeed", Fault("errors", "a", 0.0, 3.0)),
    "cache is a must": ("orders succeed", Fault("kill", "cache", 0.0, 3.0)),
    "untried failover": ("orders succeed", Fault("kill", "orders", 0.0, 3.0)),
    "single copy": ("no confirmed order is lost", Fault("kill", "orders", 0.0, 3.0)),
}


def steps(built: shop.Design, fails: Callable[[shop.Call], bool], cached: bool = False) -> tuple[list[str], str]:
    """The calls of one order, when those that *fails* picks are not answered; and the price's source, or "failed"."""
    order, made = shop.take_order(built, 7, 3, shop.Home()), []
    try:
        call = next(order)
        while True:
            made.append(f"{call.what} {call.target}")
            if fails(call):
                call = order.throw(shop.Unavailable("no"))
            else:
                call = order.send(3 if cached and call.what == "get" else None)
    except StopIteration as done:
        return made, done.value
    except shop.Unavailable:
        return made, "failed"


@pytest.mark.parametrize(
    ("weak", "down", "cached", "calls", "source"),
    [
        ((), "", True, ["get cache", "write orders"], "cache"),
        ((), "", False, ["get cache", "price prices", "set cache", "write orders"], "prices"),
        ((), "prices", False, ["get cache", "price prices", "write orders"], shop.LIST_PRICE),
        ((), "cache", False, ["get cache", "price prices", "set cache", "write orders"], "prices"),
        ((), "orders", True, ["get cache", "write orders", "write standby"], "cache"),
        (["cache is a must"], "cache", False, ["get cache"], "failed"),
        (["eager retries"], "prices", False, ["get cache", *["price prices"] * 4, "write orders"], shop.LIST_PRICE),
    ],
)
def test_the_steps_of_an_order(weak: list[str], down: str, cached: bool, calls: list[str], source: str) -> None:
    assert steps(shop.design(weak), lambda call: call.target == down, cached) == (calls, source)


@given(weak=st.sets(st.sampled_from(sorted(shop.WEAKNESSES))), mask=st.integers(0, 2**6 - 1))
def test_an_order_ends_whatever_fails_and_a_taken_one_was_written(weak: set[str], mask: int) -> None:
    down = {name for bit, name in enumerate(shop.PARTS) if mask >> bit & 1}
    calls, source = steps(shop.design(weak), lambda call: call.target in down)
    assert len(calls) <= 9
    if source != "failed":
        written = [call for call in calls if call.startswith("write")]
        assert written[-1].split()[1] not in down


def test_unknown_things_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown weakness 'no tests'; known: no timeout"):
        shop.design({"no tests"})
    with pytest.raises(ValueError, match="the shop has no part 'dns'"):
        simulate((), FaultPlan([Fault("kill", "dns", 0.0, 1.0)]))
    with pytest.raises(ValueError, match="'cache' can have kill, pause; not 'errors'"):
        try_out((), "orders succeed", FaultPlan([Fault("errors", "cache", 0.0, 1.0)]))
    with pytest.raises(ValueError, match="unknown claim 'all is well'"):
        try_out((), "all is well", FaultPlan())


@pytest.mark.parametrize("fault", single_faults(), ids=lambda fault: f"{fault.kind} {fault.target}")
def test_without_weaknesses_every_claim_stands_every_single_fault(fault: Fault) -> None:
    run = simulate((), FaultPlan([fault.changed(at_s=1.0)]), seconds=4.5, seed=3)
    before, after = (dict(run.samples)[second] for second in (1.0, 4.0))
    for claim in shop.CLAIMS.values():
        assert claim.holds(claim.value(after.since(before))), claim.name


@pytest.mark.parametrize("weakness", shop.WEAKNESSES)
@pytest.mark.parametrize("seed", [0, 1])
def test_each_weakness_is_found_alone_and_among_all_others(weakness: str, seed: int) -> None:
    claim, fault = FINDS[weakness]
    assert found_by({weakness}, claim, FaultPlan([fault]), seed=seed) == {weakness}
    others = set(shop.WEAKNESSES) - ({"untried failover"} if weakness == "single copy" else set())
    assert weakness in found_by(others, claim, FaultPlan([fault]), seed=seed)


def test_one_weakness_hides_another_until_it_is_repaired() -> None:
    claim, fault = FINDS["single copy"]
    assert try_out({"single copy", "untried failover"}, claim, FaultPlan([fault])).ok  # nobody ever used the copy
    assert try_out({"single copy"}, claim, FaultPlan([fault])).status == "deviated"


def test_two_harmless_faults_together_are_an_outage() -> None:
    both = FaultPlan([Fault("kill", "a", 0.0, 2.0), Fault("kill", "b", 1.0, 2.0)])
    assert try_out((), "orders succeed", both).status == "deviated"


def test_an_experiment_is_aborted_while_it_hurts() -> None:
    plan = FaultPlan([Fault("kill", "cache", 0.0, 3.0)])
    journal = try_out({"cache is a must"}, "orders succeed", plan, abort_below=0.5)
    assert (journal.status, journal.rolled_back) == ("aborted", True)
    assert journal.log.entries[-1].at_s < 1.0


def account(run: ShopRun) -> None:
    run.trace.check()
    good = run.trace.count("ok")
    assert (run.readings.ok, run.readings.bad) == (good, len(run.trace) - good)
    assert all(later.ok >= now.ok for (_, now), (_, later) in zip(run.samples, run.samples[1:], strict=False))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("weak", [(), tuple(shop.WEAKNESSES)])
def test_no_order_vanishes_however_bad_the_day(weak: tuple[str, ...], seed: int) -> None:
    faults = [fault.changed(at_s=0.4 * i, for_s=0.5) for i, fault in enumerate(single_faults())]
    account(simulate(weak, FaultPlan(faults), seconds=7.0, seed=seed))


def test_the_price_service_is_called_as_often_as_the_formula_says() -> None:
    weak = {"eager retries"}
    rows = [simulate(weak, PRICES_DOWN, seconds=SECONDS, seed=seed).rates() for seed in range(12)]
    mean = np.mean([run[run["second"].between(2.6, 4.0)]["calls_per_order"].mean() for run in rows])
    assert mean == pytest.approx(4.0, rel=0.05)
    usual = [run[run["second"].between(0.6, 1.9)]["calls_per_order"].mean() for run in rows]
    said = theory.misses(RATE_PER_S, shop.ITEMS, shop.TTL_S)
    assert np.mean(usual) == pytest.approx(said, abs=4 * np.std(usual) / len(usual) ** 0.5 + 0.02)
    assert theory.calls_per_order(DOWN_S[0], DOWN_S, RATE_PER_S, shop.ITEMS, shop.TTL_S, 4) == pytest.approx(4 * said)


def test_three_worlds_are_drawn_with_a_measured_one() -> None:
    chart = in_three_worlds({"eager retries"}, simulate({"eager retries"}, PRICES_DOWN, seconds=SECONDS, seed=9))
    assert "measured" in str(chart.to_dict()) and len(SEEDS) >= 5


def test_the_orders_of_a_seed_are_the_same_in_another_process() -> None:
    code = (
        "from minisys.chaos import shop\nfrom minisys.chaos.plan import Fault, FaultPlan\n"
        "from minisys.chaos.shop_runs import simulate\n"
        "plan = FaultPlan([Fault('errors', 'prices', 1.0, 1.0, ratio=0.5), Fault('kill', 'a', 1.5, 1.0)])\n"
        "run = simulate(shop.WEAKNESSES, plan, seconds=3.0, seed=5)\n"
        "print(run.readings, run.trace.frame['finished_s'].sum().hex())"
    )  # fmt: skip
    said = {
        subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, check=True,
                       capture_output=True, text=True).stdout for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1


def test_orders_have_numbers_of_their_own_and_come_at_their_rate() -> None:
    many = orders(100.0, seed=1)
    assert len(set(many.key.tolist())) == len(many)
    assert len(many) == pytest.approx(100 * RATE_PER_S, abs=4 * (100 * RATE_PER_S) ** 0.5)
    assert many.arrival_s[-1] < 100.0


def test_an_order_that_waits_while_another_fails_over_is_taken_too() -> None:
    home = shop.Home()
    first, second = (shop.write_down(order, home) for order in (1, 2))
    next(first), next(second)
    assert first.throw(shop.Unavailable("slow")).target == "standby"
    with pytest.raises(StopIteration):
        first.send(True)
    assert home.store == "standby"
    assert second.throw(shop.Unavailable("slow")).target == "standby"
