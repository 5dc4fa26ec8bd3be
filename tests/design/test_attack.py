"""Each weakness planted in a solid shop is found at its place; the solid shop has none that it promises to survive."""

from dataclasses import replace

import pytest

from minisys.design.attack import WEAKNESSES, attack, findings_table, suspects
from minisys.design.parts import Call, Clients, Design, Dns, Objectives, Part, Queue, Service, Workers
from minisys.design.sentences import CURES, SAID
from tests.design.shops import solid, with_call, with_part

SIZE = 800
SHOP = solid()
TWO = {"eu": ("eu-a", "eu-b"), "us": ("us-a", "us-b")}


def small(*parts: Part, rate: float = 60.0, **promised: object) -> Design:
    """A few parts in two regions, behind users who wait two seconds."""
    users = Clients("users", region="eu", rate=rate, writes=0.0, calls=[Call(parts[0].name, timeout=2.0)])
    return Design("small", (users, *parts), TWO, Objectives(**promised))


def tier(name: str, takes: float, *calls: Call, region: str = "eu", **more: object) -> Service:
    usual = {"takes": takes, "workers": 2, "copies": 2, "queue": 50, "zones": TWO[region], "calls": calls}
    return Service(name, **usual | more)


PLANTED = {
    ("single point of failure", "lb"): with_part(SHOP, "lb", copies=1),
    ("correlated zones", "app"): with_part(SHOP, "app", zones=("eu-b",)),
    ("missing timeout", "pay"): with_part(with_call(SHOP, "app", "pay", timeout=None), "app", holds=True),
    ("unbounded queue", "orders"): with_part(with_part(SHOP, "orders", limit=None), "mail", copies=1, workers=1),
    ("no headroom", "app"): with_part(with_part(SHOP, "app", takes=0.066, queue=8), "lb", copies=3),
    ("lost writes", "db"): with_part(SHOP, "db", replication="async", lag=2.0),
    ("state in the tier", "app"): with_part(SHOP, "app", stateless=False),
    ("hard dependency", "pay"): with_call(SHOP, "app", "pay", optional=False),
    ("cold cache", "cache"): with_part(with_part(SHOP, "db", takes=0.045), "cache", hits=0.95),
    ("no replica", "db"): with_part(SHOP, "db", copies=1, replication="none", failover=None),
    ("slow failover", "db"): with_part(SHOP, "db", failover=None),
    ("slow failover", "names"): small(
        Dns("names", route="first", ttl=300, check=30, calls=[Call("near"), Call("far")]),
        tier("near", 0.01),
        tier("far", 0.01, region="us"),
        p99=0.5,
        rto=60,
        survive="region",
    ),
    ("retry amplification", "stock"): small(
        tier("app", 0.002, Call("stock", timeout=0.1, attempts=4)), tier("stock", 0.02), p99=0.5
    ),
    ("bottleneck", "stock"): small(
        tier("app", 0.005, Call("stock", timeout=0.5)), tier("stock", 0.03, queue=20), p99=0.5, times=3
    ),
}


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted[0])
def test_a_planted_weakness_is_named_first_or_second(planted: tuple[str, str]) -> None:
    found = attack(PLANTED[planted], requests=SIZE)
    assert planted in [(finding.weakness, finding.component) for finding in found[:2]], findings_table(found)
    finding = next(each for each in found if (each.weakness, each.component) == planted)
    assert finding.promised and 0 < finding.damage <= 2
    assert finding.cure == CURES[finding.weakness] and "%" in finding.sentence or "writes" in finding.sentence


def test_a_solid_shop_has_only_the_region_that_it_does_not_promise() -> None:
    found = attack(SHOP, requests=SIZE)
    assert [(each.weakness, each.component, each.promised) for each in found] == [("one region", "eu", False)]
    assert "beyond the promise" in repr(findings_table(found))


OVERLOADED = {
    "endless line": small(tier("app", 0.08, queue=None)),
    "just so": small(tier("app", 0.07, queue=None)),
    "short line": small(tier("app", 0.1, queue=5)),
    "behind others": small(tier("app", 0.001, Call("stock")), tier("stock", 0.1, queue=None)),
    "messages": small(Queue("jobs", copies=2, limit=500), Workers("hands", source="jobs", takes=0.1, copies=2)),
}


@pytest.mark.parametrize("design", OVERLOADED.values(), ids=OVERLOADED)
def test_what_today_is_too_much_for_is_told_so_without_any_objective(design: Design) -> None:
    said = {each.weakness for each in attack(design, requests=SIZE) if each.promised}
    assert {"bottleneck", "no headroom"} & said, said


def test_a_finding_replays_and_its_cure_helps() -> None:
    finding = attack(PLANTED["single point of failure", "lb"], requests=SIZE)[0]
    broken, mended = finding.replay(PLANTED["single point of failure", "lb"]), finding.replay(SHOP)
    assert broken.availability < 0.2 and mended.availability > 0.95
    again = attack(PLANTED["single point of failure", "lb"], requests=SIZE)[0]
    assert again == finding


def test_every_weakness_has_a_sentence_and_a_cure_with_a_chapter() -> None:
    assert set(CURES) == set(SAID) == set(WEAKNESSES)
    assert all("chapter" in cure for cure in CURES.values())


def test_what_is_not_promised_comes_last() -> None:
    exposed = with_part(solid(survive="copy"), "app", zones=("eu-b",))
    found = [(each.weakness, each.promised) for each in attack(exposed, requests=SIZE)]
    assert ("correlated zones", False) in found


def test_a_design_without_users_or_work_has_no_suspects_that_hurt() -> None:
    empty = Design("empty", parts=[Clients("users", rate=5, calls=[Call("app")]), Service("app", takes=0.001)])
    assert {each.weakness for each in suspects(empty)} >= {"single point of failure"}
    lonely = replace(empty, parts=(replace(empty.parts[0], rate=0.001), *empty.parts[1:]))
    assert isinstance(attack(lonely, requests=100), list)
