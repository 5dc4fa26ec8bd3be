"""Which processes a design becomes, and what is refused: with a sentence that says what to write instead."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from minisys.design.live import up
from minisys.design.live_commands import HIGH, LOW, Addresses, free_ports
from minisys.design.live_metrics import Rates
from minisys.design.live_monkey import LEADER, turns
from minisys.design.live_plan import SHOP, NotLive, plan
from minisys.design.live_scaler import worst
from minisys.design.parts import Autoscaler, Design, Service


def changed(which: str, **fields: object) -> Design:
    """The shop with one part changed."""
    return replace(SHOP, parts=tuple(replace(p, **fields) if p.name == which else p for p in SHOP.parts))


def test_the_shop_becomes_twenty_processes_with_their_zones():
    places = plan(SHOP)
    assert [place.label for place in places if place.kind == "database"] == [f"store/{n}" for n in range(1, 7)]
    assert [(p.zone, p.shard) for p in places[:6]] == [("eu-a", 1), ("eu-b", 1), ("eu-c", 1),
                                                       ("eu-a", 2), ("eu-b", 2), ("eu-c", 2)]  # fmt: skip
    assert len(places) == 20 and [p.label for p in places[-3:]] == ["metrics/1", "autoscaler/1", "supervisor/1"]
    without = plan(changed("app", autoscaler=None))
    assert "autoscaler/1" not in [place.label for place in without]


@pytest.mark.parametrize(
    ("design", "says"),
    [
        (changed("store", replication="async", copies=3), 'store: the live store is replicated by Raft, not "async"'),
        (changed("app", stateless=False), "app: the live server keeps nothing; make it stateless"),
        (changed("orders", limit=100), "orders: the live queue has no limit of messages; leave limit out"),
        (changed("cache", copies=2), "cache: the live servers ask one cache; write copies: 1"),
        (changed("cache", capacity=500), "cache: capacity is played in virtual time only; leave it out"),
        (changed("orders", visibility=30), "orders: visibility is played in virtual time only"),
        (changed("bank", copies=2), "one process each; write copies: 1"),
        (changed("edge", copies=30), "shop: 48 processes are too many for one machine; write fewer copies"),
        (replace(SHOP, parts=SHOP.parts[:-3]), "shop: a live shop needs a queue, and there is none; add one"),
        (replace(SHOP, parts=(*SHOP.parts, Service("more"))), "the live form has one service, not 2 (app, more)"),
        (replace(SHOP, regions={"eu": ("eu-a",), "us": ("us-a",)}), "stands in one region, this design in 2"),
        (changed("cache", name="metrics"), "supervisor are the live form's own; name no part so"),
    ],
)
def test_what_cannot_be_live_is_refused_before_anything_starts(design, says):
    with pytest.raises(NotLive) as refused:
        plan(design)
    assert says in str(refused.value)


def test_up_says_what_is_wrong_with_its_arguments():
    with pytest.raises(ValueError, match="'nothing' is neither"):
        up("nothing")
    with pytest.raises(ValueError, match="got 0 and 5"):
        up(items=0, stock=5)


def test_ports_are_free_and_outside_of_where_the_system_takes_its_own():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = free_ports(30)
    assert len(set(found)) == 30 and all(LOW <= port < HIGH for port in found)


def test_everybody_is_told_where_the_others_are(tmp_path):
    addresses = Addresses(SHOP, plan(SHOP), tmp_path, items=20, stock=9)
    words = {place.label: addresses.words(place, addresses.of("service")) for place in addresses.places}
    assert words["edge/2"][2] == f"http://127.0.0.1:{addresses.port['balancer/2']}"
    assert f"app-2=127.0.0.1:{addresses.port['app/2']}" in words["balancer/1"]
    shard = ",".join(str(addresses.port[f"store/{n}"]) for n in (4, 5, 6))
    assert shard in words["app/1"] and shard in words["workers/2"]
    assert f"b={addresses.admin['store/5']}" in words["store/4"]


def test_rates_survive_a_counter_that_begins_again():
    rates, line = Rates(), 'minisys_answers_total{{backend="app-1",code="{}"}} {}\n'
    for at_s, ok, bad in ((1.0, 10, 0), (2.0, 30, 2), (3.0, 5, 0), (4.0, 15, 0)):  # its balancer died after 2 s
        rates.add(at_s, "one", line.format(200, ok) + line.format(503, bad))
    assert rates.now(4.0)["codes"] == {"200": 45, "503": 2}
    assert rates.now(4.0)["failed"] == pytest.approx(2 / 47)


def test_a_server_is_in_when_every_balancer_says_so():
    assert worst(["up", "up"]) == "up" and worst(["up", ""]) == "" and worst(["draining", "up"]) == "draining"


def test_the_monkey_leaves_nothing_out_and_repeats_itself():
    targets = ["a", "b", f"{LEADER}c"]
    plan_of = turns(targets, 40.0, 3.0, seed=4)
    assert turns(targets, 40.0, 3.0, seed=4) == plan_of != turns(targets, 40.0, 3.0, seed=5)
    order = [fault.target for fault in plan_of]
    assert len(order) == 11 and all(set(order[at : at + 3]) == set(targets) for at in (0, 3, 6))
    with pytest.raises(ValueError, match="every_s > 0"):
        turns(targets, 40.0, 0.0, seed=1)


def test_an_autoscaler_of_an_unknown_rule_is_refused():
    design = changed("app", autoscaler=Autoscaler(1, 2))
    odd = object.__new__(Autoscaler)
    for name, value in vars(design["app"].autoscaler).items():
        object.__setattr__(odd, name, "guess" if name == "policy" else value)
    with pytest.raises(NotLive, match="the live autoscaler knows hpa"):
        plan(changed("app", autoscaler=odd))
