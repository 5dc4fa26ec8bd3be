"""Each objective is kept or missed for its own reason, with its evidence."""

from dataclasses import replace

import pytest

from minisys.design.judge import judge, losses, seconds
from minisys.design.keepers import unkept
from minisys.design.parts import Cache, Call, Clients, Database, Design, External, Objectives, Queue, Service, Workers
from minisys.design.places import serving_regions
from tests.design.shops import solid, with_part

SIZE = 800


def test_a_solid_shop_keeps_all_it_promises() -> None:
    verdict = judge(solid(), requests=SIZE)
    assert verdict.passed and verdict.missed == ()
    assert [row.objective for row in verdict.rows] == ["p99", "availability", "rpo", "rto", "cost", "times"]
    assert "regions are taken as up" in verdict["availability"].evidence
    assert "keeps all it promises" in repr(verdict) and verdict.frame.kept.all()
    with pytest.raises(KeyError, match="no objective 'p50' was judged; there are p99"):
        verdict["p50"]


@pytest.mark.parametrize(("objective", "wanted"), [
    ("p50", 1e-6), ("p99", 1e-6), ("p999", 1e-6), ("availability", 0.9999999999), ("cost", 10.0), ("regions", 2),
    ("residency", "us"), ("times", 30.0), ("rto", 1.0),
])  # fmt: skip
def test_too_much_promised_is_missed_and_nothing_else(objective: str, wanted: float) -> None:
    shop = with_part(solid(), "db", personal=True)
    shop = replace(shop, objectives=replace(Objectives(), **{objective: wanted}))
    verdict = judge(shop, requests=SIZE)
    assert verdict.missed == (objective,) and len(verdict.rows) == 1
    assert f"misses {objective}" in repr(verdict)


def test_lost_writes_and_a_slow_heir_are_measured() -> None:
    loose = with_part(solid(), "db", replication="async", lag=3.0, failover=60.0)
    verdict = judge(loose, requests=SIZE)
    assert verdict.missed == ("rpo", "rto")
    assert verdict["rpo"].value == pytest.approx(3.0) and verdict["rto"].value > 20.0


def test_an_overloaded_design_is_neither_quick_nor_available() -> None:
    weak = with_part(solid(), "app", copies=1, queue=10, takes=0.1)
    assert {"availability", "times"} <= set(judge(weak, requests=SIZE).missed)


def test_one_seed_gives_one_verdict() -> None:
    assert judge(solid(), seed=3, requests=SIZE) == judge(solid(), seed=3, requests=SIZE)


def test_losses_are_what_is_promised_to_be_survived() -> None:
    targets = {
        survive: [p.targets[0] for p in losses(solid(survive=survive))] for survive in ("copy", "zone", "region")
    }
    assert targets["zone"] == ["eu-a", "eu-b", "eu-c"] and targets["region"] == ["eu"]
    assert targets["copy"] == ["lb/1", "app/1", "cache/1", "db/1", "orders/1", "mail/1"]


def test_a_region_serves_only_with_every_tier() -> None:
    users = Clients("users", region="eu", calls=[Call("app")])
    parts = (users, Service("app", copies=2), Database("db", zones=("eu-a",)))
    made = Design("d", parts, {"eu": ("eu-a",), "us": ("us-a",)})
    assert serving_regions(made) == ["eu"]


def test_seconds_are_written_as_people_do() -> None:
    assert [seconds(s) for s in (0.0123, 4.56, 1200, float("inf"))] == ["12.3 ms", "4.56 s", "20 min", "never"]


KEEPER, MEMORY = Database("db"), Cache("cache", hits=1.0)
ON_READS, ON_MISSES, ON_WRITES = Call("cache", on="reads"), Call("db", on="misses"), Call("db", on="writes")


@pytest.mark.parametrize(("calls", "parts", "said"), [
    ([], [], "writes of users reach no part that keeps them"),
    ([Call("cache")], [MEMORY], "writes of users reach no part that keeps them"),
    ([ON_READS, ON_MISSES], [MEMORY, KEEPER], "writes of users reach no part that keeps them"),
    ([ON_READS, ON_WRITES], [MEMORY, KEEPER], "cache answers reads of what nobody keeps"),
    ([Call("queue")], [Queue("queue"), Workers("hands", source="queue")], "writes of users reach no part"),
    ([ON_READS, ON_MISSES, ON_WRITES], [MEMORY, KEEPER], ""),
    ([Call("cache"), ON_MISSES], [MEMORY, KEEPER], ""),
    ([Call("queue")], [Queue("queue"), Workers("hands", source="queue", calls=[Call("db")]), KEEPER], ""),
    ([Call("bank", on="writes")], [External("bank")], ""),
])  # fmt: skip
def test_writes_must_reach_something_that_keeps_them(calls: list[Call], parts: list, said: str) -> None:
    users, app = Clients("users", rate=9, writes=0.2, calls=[Call("app")]), Service("app", calls=calls)
    made = Design("d", (users, app, *parts), objectives=Objectives(rpo=1.0))
    found = unkept(made)
    assert (said in found) if said else not found
    assert unkept(replace(made, parts=(replace(users, writes=0.0), app, *parts))) == ""
    if found:
        row = judge(made, requests=SIZE)["rpo"]
        assert (row.kept, row.got, row.evidence) == (False, "all writes ever: not kept", found)
