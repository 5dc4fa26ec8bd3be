"""The bill of a design against the multiplication by hand."""

from dataclasses import replace

import pytest

from minisys.design.cost import MONTH_S, monthly
from minisys.design.parts import Autoscaler, Call, Clients, Database, Design, Edge, External, Service
from minisys.design.prices import PRICES, Machine, Prices
from tests.design.shops import solid


def of(bill, part, what):
    frame = bill.frame
    return frame[(frame.part == part) & (frame.what == what)].dollars.sum()


def test_machines_traffic_and_requests_by_hand() -> None:
    made = Design("d", regions={"eu": ("a", "b")}, parts=[
        Clients("users", rate=100, writes=0.25, calls=[Call("app")]),
        Service("app", workers=2, copies=4, calls=[Call("blob")]), External("blob"),
    ])  # fmt: skip
    bill = monthly(made)
    assert of(bill, "app", "machines") == pytest.approx(4 * (2 * 15 + 8 * 2))
    assert of(bill, "users", "traffic to users") == pytest.approx(100 * MONTH_S * 5e-6 * 0.10)
    assert of(bill, "blob", "reads") == pytest.approx(75 * MONTH_S / 1e6 * 0.4)
    assert of(bill, "blob", "writes") == pytest.approx(25 * MONTH_S / 1e6 * 5)
    assert bill.total == pytest.approx(bill.by_part().dollars.sum())


def test_an_edited_price_is_the_readers_price() -> None:
    cheap = replace(PRICES, vcpu=10.0, egress_gb=0.0)
    made = solid()
    assert monthly(made, cheap).total < monthly(made).total
    assert of(monthly(made, cheap), "users", "traffic to users") == 0
    with pytest.raises(ValueError, match="vcpu must be 0 or more"):
        Prices(vcpu=-1)


def test_a_named_machine_is_billed_and_an_unknown_one_refused() -> None:
    made = Design("d", parts=[Clients("users", calls=[Call("db")]), Database("db", machine="storage", shards=3)])
    bill = monthly(made)
    assert of(bill, "db", "machines") == pytest.approx(3 * (4 * 15 + 16 * 2))
    assert of(bill, "db", "disks") == pytest.approx(3 * 500 * 0.2)
    own = replace(PRICES, machines={"storage": Machine(1, 1, 10)})
    assert of(monthly(made, own), "db", "disks") == pytest.approx(3 * 10 * 0.2)
    with pytest.raises(ValueError, match="no machine 'tank' in the price table; known: small"):
        monthly(replace(made, parts=(Service("app", machine="tank"),)))


def test_zones_regions_replicas_backups_and_the_edge() -> None:
    made = Design("d", regions={"eu": ("eu-a", "eu-b"), "us": ("us-a",)}, parts=[
        Clients("users", region="eu", rate=100, writes=1.0, calls=[Call("edge")]),
        Edge("edge", calls=[Call("app")]), Service("app", zones=("eu-a", "eu-b"), copies=2, calls=[Call("db")]),
        Database("db", copies=3, replication="async", zones=("eu-a", "eu-b", "us-a"), backup=3600),
    ])  # fmt: skip
    bill, gb = monthly(made), 100 * MONTH_S / 1e6
    assert of(bill, "users", "traffic from the edge") == pytest.approx(gb * 5 * 0.05)
    assert of(bill, "app", "calls between zones") == pytest.approx(gb * 2 * 0.5 * 0.01)
    assert of(bill, "db", "replication between zones") == pytest.approx(gb * 0.01)
    assert of(bill, "db", "replication between regions") == pytest.approx(gb * 0.02)
    assert of(bill, "db", "backups") == pytest.approx(2 * 100 * 0.02)
    assert not of(bill, "edge", "machines")


def test_an_autoscaled_tier_pays_for_what_its_target_needs() -> None:
    def copies(rate):
        app = Service("app", takes=0.1, workers=1, autoscaler=Autoscaler(2, 8, target=0.5))
        bill = monthly(Design("d", parts=[Clients("users", rate=rate, calls=[Call("app")]), app]))
        return bill.frame.set_index(["part", "what"]).amount["app", "machines"]

    assert [copies(rate) for rate in (1, 20, 100)] == [2, 4, 8]


def test_tables_say_total_dates_and_sources() -> None:
    assert "at prices of 2026-03-09" in repr(monthly(solid()).table())
    assert "napkin-math" in repr(PRICES.table())
