"""Visits, utilisation and headroom against the multiplication by hand and against queueing theory."""

import math

import pytest

from minisys.design.flow import flows
from minisys.design.growth_steps import step
from minisys.design.headroom import headroom
from minisys.design.parts import (
    Autoscaler,
    Cache,
    Call,
    Clients,
    Database,
    Design,
    Dns,
    External,
    Queue,
    Service,
    Workers,
)
from minisys.design.places import hop_s
from minisys.testbed import queueing


def design(*parts: object, **regions: tuple[str, ...]) -> Design:
    return Design("d", parts=tuple(parts), regions=regions or {"eu": ("eu-a",)})


def test_the_cache_keeps_its_hits_from_the_store() -> None:
    aside = design(
        Clients("users", rate=5000, writes=0.1, calls=[Call("app")]),
        Service("app", calls=[Call("cache", on="reads"), Call("db", on="misses"), Call("db", on="writes")]),
        Cache("cache", hits=0.9), Database("db", takes=0.002),
    )  # fmt: skip
    through = design(
        Clients("users", rate=5000, writes=0.1, calls=[Call("app")]),
        Service("app", takes=0.001, calls=[Call("cache")]),
        Cache("cache", hits=0.9, calls=[Call("db")]), Database("db", takes=0.002),
    )  # fmt: skip
    for each in (aside, through):
        now = flows(each)
        assert (now.reads("db"), now.writes("db")) == pytest.approx((450, 500))
        assert now.utilisation(each["db"]) == pytest.approx(950 * 0.002)
    assert flows(aside, 2).rate("cache") == pytest.approx(9000)


def test_shares_fan_out_and_a_queue_reach_the_workers() -> None:
    made = design(
        Clients("users", rate=100, writes=0.5, calls=[Call("app")]),
        Service("app", calls=[Call("shard", times=10), Call("q", on="writes", share=0.2, waits=False)]),
        Service("shard", takes=0.001, workers=4), Queue("q"), Workers("w", source="q", takes=0.05, copies=2),
    )  # fmt: skip
    now = flows(made)
    assert now.rate("shard") == pytest.approx(1000)
    assert now.rate("w") == pytest.approx(10)
    assert now.utilisation(made["w"]) == pytest.approx(0.25)


def test_a_name_leads_to_the_region_of_the_user_or_to_the_first() -> None:
    parts = [
        Clients("eu users", region="eu", rate=30, calls=[Call("dns")]),
        Clients("us users", region="us", rate=70, calls=[Call("dns")]),
        Service("app eu", zones=("eu-a",)), Service("app us", zones=("us-a",)),
    ]  # fmt: skip
    calls = (Call("app eu"), Call("app us"))
    near = flows(design(*parts, Dns("dns", calls=calls), eu=("eu-a",), us=("us-a",)))
    first = flows(design(*parts, Dns("dns", route="first", calls=calls), eu=("eu-a",), us=("us-a",)))
    assert (near.rate("app eu"), near.rate("app us")) == pytest.approx((30, 70))
    assert (first.rate("app eu"), first.rate("app us")) == pytest.approx((100, 0))


def test_mean_answer_is_that_of_queues_in_a_row() -> None:
    made = design(
        Clients("users", rate=80, calls=[Call("a")]),
        Service("a", takes=0.01, calls=[Call("b")]), Service("b", takes=0.02, workers=3),
    )  # fmt: skip
    expected = queueing.mm1(80, 0.01).response_s + queueing.mmc(80, 0.02, 3).response_s
    now = flows(made)
    way_s = hop_s(made, made["a"], made["a"].calls[0])
    assert now.answer_s(made["a"]) == pytest.approx(expected + way_s)
    assert math.isinf(flows(made, 1.3).answer_s(made["a"]))


def test_a_worker_that_waits_for_its_call_is_busy_longer_by_little() -> None:
    made = design(
        Clients("users", rate=50, calls=[Call("app")]),
        Service("app", takes=0.01, workers=20, holds=True, calls=[Call("slow")]), External("slow", takes=0.19),
    )  # fmt: skip
    now = flows(made)
    way_s = hop_s(made, made["app"], made["app"].calls[0])
    assert now.busy(made["app"]) == pytest.approx(50 * (0.2 + way_s))
    assert headroom(made).at_times == pytest.approx(20 / (50 * (0.2 + way_s)), rel=0.01)


def test_workers_are_busy_while_they_wait_and_take_messages_from_anywhere() -> None:
    made = design(
        Clients("users", rate=20, writes=1, calls=[Call("orders")]), Queue("orders", takes=0.001),
        Workers("cashiers", takes=0.01, workers=4, copies=2, source="orders", calls=[Call("bank", timeout=5.0)]),
        External("bank", takes=0.19),
    )  # fmt: skip
    now, cashiers = flows(made), made["cashiers"]
    work_s = 0.2 + hop_s(made, cashiers, cashiers.calls[0])
    assert now.utilisation(cashiers) == pytest.approx(20 * work_s / 8)
    assert now.utilisation(cashiers, {"eu": 1}) == pytest.approx(20 * work_s / 4)
    room = headroom(made)
    assert room.breaks_first == "cashiers" and room.at_times == pytest.approx(8 / (20 * work_s), rel=0.01)
    far = step("regions")  # its cashiers stand in three regions, its users in two
    assert flows(far).utilisation(far["cashiers"]) < 0.06


def test_what_breaks_first_and_when() -> None:
    made = design(
        Clients("users", rate=100, writes=0.2, calls=[Call("app")]),
        Service("app", takes=0.01, workers=4, copies=1, calls=[Call("pay", on="writes"), Call("db")],
                autoscaler=Autoscaler(1, 4)),
        External("pay", takes=0.1, limit=30), Database("db", takes=0.004, workers=2),
    )  # fmt: skip
    room = headroom(made)
    assert room.breaks_first == "pay" and room.at_times == pytest.approx(1.5) and room.at_per_s == pytest.approx(150)
    at = room.parts.set_index("part").at_times
    assert at["db"] == pytest.approx(5) and at["app"] == pytest.approx(16)  # with all copies that may be started
    assert "breaks first" in repr(room.table())


def test_nothing_to_do_breaks_never_and_odd_times_are_refused() -> None:
    idle = design(Clients("users", rate=10, calls=[Call("app")]), Service("app"))
    assert headroom(idle).breaks_first == "" and math.isinf(headroom(idle).at_times)
    with pytest.raises(ValueError, match="times must be above 0"):
        flows(idle, 0)


def test_calls_in_a_circle_end() -> None:
    made = design(
        Clients("users", rate=10, calls=[Call("a")]),
        Service("a", takes=0.01, calls=[Call("b")]), Service("b", calls=[Call("a", share=0.5, waits=False)]),
    )  # fmt: skip
    assert flows(made).rate("a") == pytest.approx(20)
