"""Payday: theory, model and live code against each other; then, on the real clock, who waited and who was told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minisys.scaling import calls, services_live, services_model, surge
from minisys.scaling.gateway import EVERYTHING
from minisys.scaling.services import KINDS, NOTIFICATION, PAYMENT
from minisys.scaling.services_model import MONOLITH, SERVICES, Grow, of_kind, payday, simulate
from minisys.testbed.workload import Poisson, workload
from tests.scaling.leftovers import nothing_left


def test_a_payday_has_steady_payments_and_a_surge_of_notifications() -> None:
    counts = np.zeros((2, 2))
    for seed in range(20):
        day = payday(4.0, seed=seed)
        surging = (day.arrival_s >= 1.0).astype(int)
        np.add.at(counts, (day.key % 2, surging), 1)
    expected = 20 * np.array([[24.0 * 1.0, 24.0 * 3.0], [20 * 0.8 + 90 * 0.2, 160.0 * 3.0]])
    assert (abs(counts - expected) < 4 * np.sqrt(expected)).all(), counts
    assert len(np.unique(payday(4.0, seed=1).key)) == len(payday(4.0, seed=1)), "no two requests have the same number"


def test_the_requests_are_the_same_whoever_serves_them_and_another_seed_gives_others() -> None:
    first, again, other = payday(3.0, seed=1), payday(3.0, seed=1), payday(3.0, seed=2)
    assert (first.arrival_s == again.arrival_s).all() and (first.work_s == again.work_s).all()
    assert len(first) != len(other) or (first.work_s != other.work_s).any()


@pytest.mark.parametrize("shape", [surge.GROWN[name] for name in surge.SHAPES], ids=["monolith", "two services"])
def test_in_a_steady_surge_each_pool_is_an_mmc_queue(shape: dict[str, int]) -> None:
    means: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for seed in range(6):
        streams = [
            workload(round(rate * 400), arrivals=Poisson(rate), work=services_model.WORK, seed=10 * seed + number)
            for number, rate in enumerate(surge.SURGE_PER_S.values())
        ]
        trace = simulate(shape, services_model.merged(*streams))
        for kind in KINDS:
            means[kind].append(float(of_kind(trace, kind, 20.0, 380.0).latency_s.mean()))
    for kind, queue in services_model.steady(shape, surge.SURGE_PER_S).items():
        error = np.std(means[kind], ddof=1) / math.sqrt(6)
        assert abs(np.mean(means[kind]) - queue.response_s) < 4.03 * error + 0.002  # Student, 99 %


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", surge.SHAPES)
def test_the_live_code_gives_the_models_times_request_by_request(name: str, seed: int) -> None:
    day, shape, plan = payday(5.0, seed=seed), surge.SHAPES[name], surge.PLANS[name]
    found, expected = services_live.run(shape, day, plan, clock="virtual"), simulate(shape, day, plan)
    for column in ("started_s", "finished_s"):
        np.testing.assert_allclose(found.frame[column], expected.frame[column], rtol=0, atol=1e-6)
    assert found.count("ok") == expected.count("ok") == len(day)


@pytest.mark.parametrize("world", [simulate, services_live.run])
@pytest.mark.parametrize(
    ("shape", "plan", "complaint"),
    [
        ({}, (), "need instances of everything, or of payment and notification"),
        ({PAYMENT: 1}, (), "got {'payment': 1}"),
        ({PAYMENT: 1, NOTIFICATION: 0}, (), "'notification': 0"),
        (MONOLITH, (Grow(1.0, PAYMENT, 1),), "there is no pool 'payment'; there are everything"),
    ],
)
def test_a_bank_that_cannot_serve_is_refused(world, shape, plan, complaint) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=complaint):
        world(shape, payday(1.0, seed=1), plan)


def test_other_nonsense_is_refused() -> None:
    for bad in ((-1.0, PAYMENT, 1), (math.nan, PAYMENT, 1), (1.0, PAYMENT, 0)):
        with pytest.raises(ValueError, match="need at_s >= 0"):
            Grow(*bad)
    with pytest.raises(ValueError, match='clock must be "virtual" or "real"'):
        services_live.run(MONOLITH, payday(1.0, seed=1), clock="wall")
    with pytest.raises(ValueError, match="got -1"):
        services_model.cost(MONOLITH, (), 1.0, -1)
    with pytest.raises(ValueError, match="may kill or pause, got 'shout'"):
        calls.notification_fails("shout")


def test_what_an_hour_costs_follows_from_workers_and_the_moment_of_the_order() -> None:
    plan = (Grow(1800.0, NOTIFICATION, 1),)
    assert services_model.workers(SERVICES) == services_model.workers(MONOLITH) == 16
    assert services_model.cost(SERVICES, (), 3600.0, 0.5) == 8.0
    assert services_model.cost(SERVICES, plan, 3600.0, 0.5) == 8.0 + 12 / 2 * 0.5
    assert services_model.cost(SERVICES, plan, 900.0, 0.5) == 2.0


def test_split_pools_wait_longer_on_a_quiet_day_and_protect_payments_in_a_surge() -> None:
    quiet = {name: services_model.steady(shape, surge.QUIET_PER_S) for name, shape in surge.SHAPES.items()}
    assert quiet[surge.ONE][PAYMENT].response_s < quiet[surge.TWO][PAYMENT].response_s
    waits = {name: [] for name in surge.SHAPES}  # type: dict[str, list[float]]
    for seed in range(10):
        for name, trace in surge.payday_simulated(seed).items():
            waits[name].append(of_kind(trace, PAYMENT, *surge.PHASES["surge"]).percentile(50))
    assert np.mean(waits[surge.ONE]) > 2 * np.mean(waits[surge.TWO])


def test_the_tables_say_which_banks_are_overrun() -> None:
    shown = surge.choices(0.1, runs=2).frame.set_index("bank")
    grows = shown.map(lambda cell: cell == "grows").sum(axis=1).to_dict()
    assert grows == {
        "monolith": 2, "monolith, doubled": 0, "two services": 1, "notifications doubled": 0,
        "both services doubled": 0,
    }  # fmt: skip
    assert shown.loc["notifications doubled", "price of an hour"] == "2.8"
    better = surge.monolith_or_services(hop_ms=0.4, runs=5).frame.set_index("question")
    assert better.loc["a call between the parts (ms)", "two services"] == "0.4"
    assert float(better.loc["a payment in the surge, p99 of 5 paydays (ms)", "monolith"]) > float(
        better.loc["a payment in the surge, p99 of 5 paydays (ms)", "two services"]
    )


@pytest.mark.live
def test_on_payday_payments_wait_for_notifications_only_in_the_monolith() -> None:
    measured = surge.payday_measured()
    assert surge.in_words(measured) == (
        "in the surge payments wait longer in the monolith: yes; notifications wait longer in their own service: yes; "
        "0 requests failed"
    )
    late = of_kind(measured[surge.TWO], NOTIFICATION, 4.0).frame["server"]
    assert {str(name) for name in late} == {"notification 1", "notification 2"}, "the new one has its share"
    assert len(surge.phases(measured).frame) == 12 and len(surge.grown_worlds(measured, runs=5).frame) == 4
    for kind in KINDS:
        assert f"Payday: half of the {kind}s" in str(surge.latency_over_time(measured, kind, runs=5).to_dict())
    assert nothing_left()


@pytest.mark.live
def test_a_dead_notification_service_costs_payments_only_those_who_wait_for_it() -> None:
    traces = calls.notification_fails("kill")
    assert calls.failure_in_words(traces) == (
        "call: some payments failed, everybody who paid was told\n"
        "fallback: 0 payments failed, not everybody who paid was told\n"
        "queue: 0 payments failed, everybody who paid was told"
    )
    shown = calls.failure_table(traces).frame.set_index("told by")
    assert shown.loc["queue", "made and not told"] == "0" != shown.loc["fallback", "made and not told"]
    assert "it is started again" in str(calls.failure_chart(traces).to_dict())


def test_what_a_call_costs_is_the_difference_in_the_middle() -> None:
    day = payday(2.0, seed=1)
    quick, slow = simulate(MONOLITH, day), simulate(MONOLITH, day)
    slow.frame["finished_s"] += 0.002
    traces = {calls.INSIDE: quick, calls.OUTSIDE: slow}
    assert calls.hop_ms(traces) == pytest.approx(2.0)
    assert calls.hop_table(traces).frame.iloc[2].tolist() == ["difference", "2", "2"]


@pytest.mark.live
def test_a_bank_that_cannot_start_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services_live, "_at", lambda pool, node: "nonsense")
    with pytest.raises(services_live.nodes.NodeFailed, match="an instance is pool=url"):
        services_live.Bank(SERVICES)
    assert nothing_left()


def test_every_pool_grows_as_planned_in_the_model() -> None:
    day = payday(6.0, seed=4)
    grown, stuck = simulate(SERVICES, day, (Grow(2.0, NOTIFICATION, 1),)), simulate(SERVICES, day)
    assert of_kind(grown, PAYMENT).frame.equals(of_kind(stuck, PAYMENT).frame), "payments feel nothing of it"
    assert of_kind(grown, NOTIFICATION, 4.5).percentile(50) < of_kind(stuck, NOTIFICATION, 4.5).percentile(50) / 2
    assert len(grown) == grown.count("ok") == len(day) and EVERYTHING not in grown.servers
