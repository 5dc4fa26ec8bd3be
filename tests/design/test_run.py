"""What breaks in a design does what it does for real: who fails, who waits, what is lost, who notices when."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.draws import luck, mix, mix_unsigned
from minisys.design.parts import (
    Balancer,
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
from minisys.design.result import Run
from minisys.design.run import run
from minisys.design.traffic import Traffic
from minisys.testbed.workload import stream

TWO = {"eu": ("eu-a", "eu-b")}


def design(*parts: Any, regions: dict[str, tuple[str, ...]] | None = None, rate: float = 100.0, **users: Any) -> Design:
    first = Clients("users", region="eu", rate=rate, calls=(Call(parts[0].name, timeout=2.0),), **users)
    return Design("shop", [first, *parts], regions or TWO)


def broken(what: Design, *faults: Fault, for_s: float = 30.0, **options: Any) -> Run:
    result = run(what, plan=FaultPlan(faults), for_s=for_s, seed=1, **options)
    result.conservation()
    return result


def fleet(**call: Any) -> Design:
    return design(
        Balancer("lb", check=2.0, calls=(Call("app", timeout=1.0, **call),)), Service("app", takes=0.005, copies=2)
    )


def test_a_killed_copy_costs_its_share_until_the_balancer_knows() -> None:
    result = broken(fleet(), Fault("kill", "app/1", 10, 10))
    lost = 1 - result.availability
    assert lost == pytest.approx(0.5 * 2.0 / 30, rel=0.25)  # half of the requests of two seconds
    assert result.rates().loc[13:, "failed_per_s"].sum() == 0


def test_one_attempt_more_on_another_copy_saves_them_all() -> None:
    result = broken(fleet(attempts=2), Fault("kill", "app/1", 10, 10))
    assert result.availability == 1.0
    assert result.arrows.set_index("to").loc["app", "retries"] > 50


def test_a_lost_zone_says_nothing_so_only_timeouts_end_the_wait() -> None:
    result = broken(fleet(attempts=2), Fault("zone loss", "eu-b", 10, 10))
    assert result.availability == 1.0
    assert result.latency_s(99.9) > 1.0
    assert result.arrows.set_index("to").loc["app", "timed_out"] > 50


def test_without_a_timeout_a_silent_copy_is_waited_for_to_the_end() -> None:
    what = Design("shop", [Clients("users", region="eu", calls=(Call("app"),)), Service("app", copies=2)], TWO)
    assert broken(what, Fault("zone loss", "eu-a", 10, 5)).trace.count("unfinished") > 50


def test_retries_without_a_budget_triple_the_load_of_a_failing_service() -> None:
    faults = Fault("errors", "app", 0.0, ratio=1.0)
    without, within = (broken(fleet(attempts=3, budget=budget), faults) for budget in (None, 0.1))
    calls = [one.parts.set_index("part").loc["app", "arrived"] / len(one.trace) for one in (without, within)]
    assert calls == pytest.approx([3.0, 1.1], rel=0.02)


@pytest.mark.parametrize(("mode", "lost"), [("async", True), ("semi-sync", False), ("all", False), ("raft", False)])
def test_what_a_dying_primary_had_confirmed(mode: str, lost: bool) -> None:
    what = design(Database("db", takes=0.001, copies=3, replication=mode, lag=0.5, failover=4.0), writes=1.0)
    result = broken(what, Fault("kill", "db/1", 10, 15))
    assert (result.lost_writes > 20) == lost and (result.rpo_s > 0) == lost
    assert result.rto_s == pytest.approx(4.0, abs=1.01)


def test_raft_without_a_majority_takes_no_writes_and_loses_none() -> None:
    what = design(Database("db", takes=0.001, copies=3, replication="raft", failover=1.0), writes=1.0)
    result = broken(what, Fault("kill", "db/1", 10, 10), Fault("kill", "db/2", 10, 10))
    assert result.rto_s == pytest.approx(10.0, abs=1.51) and result.lost_writes == 0


def test_a_store_that_nobody_copies_falls_back_to_its_last_backup() -> None:
    results = [
        broken(design(Database("db", takes=0.001, backup=backup, zones=("eu-a",))), Fault("zone loss", "eu-a", 10))
        for backup in (5.0, None)
    ]
    assert [one.rpo_s for one in results] == [5.0, math.inf]
    assert results[0].lost_writes < results[1].lost_writes


def test_a_flushed_cache_sends_its_hits_to_the_store() -> None:
    calls = Call("cache"), Call("db", on="misses")
    what = design(Service("app", calls=calls), Cache("cache", hits=0.9, warm_up=10.0), Database("db", takes=0.001))
    calm, flushed = broken(what), broken(what, Fault("cache flush", "cache", 10))
    asked = [one.arrows.set_index("to").loc["db", "calls"] / len(one.trace) for one in (calm, flushed)]
    assert asked[0] == pytest.approx(0.1 + 0.9 * 0.1, rel=0.1)  # writes, and a tenth of the reads
    assert asked[1] - asked[0] == pytest.approx(0.9 * 0.9 * 0.5 * 10 / 30, rel=0.15)


def test_messages_are_worked_off_later_and_tried_again() -> None:
    what = design(Queue("mail"), Workers("post", source="mail", takes=0.02, workers=3, calls=(Call("bank"),)),
                  External("bank", available=0.8))  # fmt: skip
    result = broken(what, Fault("kill", "post", 10, 5))
    rows = result.parts.set_index("part")
    assert result.availability == 1.0 and result.in_queue()["mail"].max() > 300
    assert rows.loc["post", "served"] / len(result.trace) == pytest.approx(1 - 0.2**3, abs=0.01)


def test_names_send_people_elsewhere_once_the_resolvers_forget() -> None:
    regions = {"eu": ("eu-a",), "us": ("us-a",)}
    places = Service("app eu", zones=("eu-a",)), Service("app us", zones=("us-a",))
    what = design(Dns("dns", ttl=10.0, check=5.0, calls=(Call("app eu"), Call("app us"))), *places, regions=regions)
    result = broken(what, Fault("region loss", "eu", 10), for_s=40.0)
    assert result.rto_s == pytest.approx(15.0, abs=3.0)
    assert result.rates().loc[28:, "failed_per_s"].sum() == 0


def test_state_in_the_tier_dies_with_its_copy() -> None:
    front = Balancer("lb", check=1.0, calls=(Call("app", attempts=2),))
    results = [
        broken(design(front, Service("app", copies=4, stateless=one)), Fault("kill", "app/1", 10, 10))
        for one in (True, False)
    ]
    assert results[0].availability == 1.0
    assert 1 - results[1].availability == pytest.approx(0.25 * 11 / 30, rel=0.6)


def test_what_is_not_there_cannot_break() -> None:
    with pytest.raises(ValueError, match=r"no 'apq' in 'shop' to break; there are eu, eu-a, eu-b, users, lb, app"):
        broken(fleet(), Fault("kill", "apq"))
    with pytest.raises(ValueError, match="a design cannot suffer 'clock skew'"):
        broken(fleet(), Fault("clock skew", "app", rate=2.0))


def test_the_busiest_part_is_the_bottleneck_and_most_of_the_way() -> None:
    what = design(Service("app", takes=0.001, calls=(Call("db"),)), Database("db", takes=0.009))
    result = broken(what)
    path = result.critical_path()
    assert result.bottleneck() == "db" and path["part"][0] == "db"
    assert path["share"].sum() == pytest.approx(1.0)


def test_a_comparison_shares_its_luck() -> None:
    """A part more, and all other parts' draws are as they were."""
    plain, more = fleet(), fleet()
    more = Design("shop", [*more.parts, External("bank")], more.regions)
    assert np.array_equal(broken(plain).tally.requests["finished_s"], broken(more).tally.requests["finished_s"])


def test_traffic_comes_as_its_shape_says() -> None:
    sale = Traffic.flash_sale(10.0, at_s=10.0, ramp_s=2.0, hold_s=20.0)
    arrivals = sale.arrivals(100.0, "", 60.0, stream(1, "users"))
    counts = np.histogram(arrivals, [0, 10, 12, 32, 34, 60])[0]
    assert counts == pytest.approx([1_000, 1_100, 20_000, 1_100, 2_600], rel=0.1)
    assert len(sale.times(2.0).arrivals(100.0, "", 60.0, stream(1, "users"))) == pytest.approx(
        2 * len(arrivals), rel=0.02
    )
    assert Traffic.region_shift("eu", "us").factor(40.0, "eu") == 0 and Traffic.steady() == Traffic.steady()
    with pytest.raises(ValueError, match="1 <= peak <= 2"):
        Traffic.day(3.0)


def test_draws_are_uniform_and_the_same_in_python_and_machine_code() -> None:
    paths = np.asarray(mix(7, np.arange(20_000)), dtype=np.int64)
    drawn = np.array([luck(int(path), 3) for path in paths])
    assert abs(drawn.mean() - 0.5) < 0.01 and abs(drawn.var() - 1 / 12) < 0.003
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.03
    with np.errstate(over="ignore"):
        assert all(mix_unsigned(int(path), 5) == mix(int(path), 5) for path in paths[:500])
