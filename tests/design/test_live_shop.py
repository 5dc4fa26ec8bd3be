"""The running shop: users buy, every component dies once, the books add up; and planted faults are found in them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import zip_longest
from urllib.request import urlopen

import psutil
import pytest

from minisys.chaos.plan import Fault
from minisys.design import commands
from minisys.design import shop_ledger as ledger
from minisys.design.live import up
from minisys.design.live_monkey import LEADER, OneCopy, kinds
from minisys.testbed.resp_client import RespSocket
from tests.design.small_shop import SMALL, ask, buy

ITEMS, STOCK = 8, 500


@pytest.fixture(scope="module")
def shop():
    with up(SMALL, items=ITEMS, stock=STOCK) as running:
        yield running
        pids = [copy.node.pid for copy in running.host.all() if copy.node is not None]
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_an_order_is_taken_once_however_often_it_is_sent(shop):
    status, first = buy(shop.url, "me-1", 3)
    again = [buy(shop.url, "me-1", 3) for _ in range(3)]
    assert status == 201 and again == [(201, first)] * 3
    assert buy(shop.url, "me-2", 3)[1]["unit"] == first["unit"] + 1
    other = buy(shop.url, "me-1", 4)[1]  # the same key for another thing is another order
    assert (other["order"], other["unit"]) == ("me-1/4", 1)
    assert buy(shop.url, "", 3)[0] == buy(shop.url, "a b", 3)[0] == buy(shop.url, "me-3", ITEMS)[0] == 400
    page = ask(f"{shop.url}/item/5")[1]
    assert page == {"item": 5, "cents": ledger.cents(5), "left": STOCK}


def test_every_component_dies_once_and_no_order_is_lost(shop):
    receipts, stop, answered = [], threading.Event(), []

    def shopper(number: int) -> None:
        for n in range(10_000):
            if stop.wait(0.05):
                return
            status, said = buy(shop.url, f"s{number}-{n}", (number + n) % ITEMS)
            answered.append(status)
            if status == 201:
                receipts.append((said["order"], said["item"], said["unit"]))

    with ThreadPoolExecutor(4) as users:
        for number in range(4):
            users.submit(shopper, number)
        monkey, before = OneCopy(shop, seed=1), len(shop.host.outages)
        for pair in zip_longest(kinds(shop)[::2], kinds(shop)[1::2]):
            for target in filter(None, pair):
                monkey.begin(Fault("kill", target))
            assert shop.whole(15.0) == [], shop.events[-6:]
        stop.set()
    dead = [label.partition("/")[0] for label, _, back_s in shop.host.outages[before:] if back_s is not None]
    assert dead == [target.removeprefix(LEADER) for target in kinds(shop)]
    found = shop.audit(receipts=receipts)
    assert set(answered) == {201} and found.clean, found.sentence
    assert found.receipts == len(receipts) == len(set(receipts)) > 20


def test_locusts_users_keep_their_receipts_for_the_audit(shop):
    before = len(shop.receipts.rows)
    seen = shop.load(1.5, 40.0, buys=0.5, seed=3)
    assert len(seen) > 30 and seen.availability == 1.0 and 0 < len(seen.orders) < len(seen)
    assert set(shop.receipts.rows[before:]) == set(seen.orders)
    found = shop.audit()
    assert found.clean and found.receipts == len(shop.receipts.rows)
    assert list(seen.table()["users"]) == ["look", "buy"]


def test_the_control_port_obeys_its_own_page_only(shop):
    page = shop.page.rstrip("/")
    with urlopen(shop.page, timeout=5) as answer:
        text, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    token = text.split('name="token" content="')[1].split('"')[0]
    assert "default-src 'none'" in policy and len(token) > 15
    dead = {"target": "cache/1"}
    assert ask(f"{page}/kill", dead)[0] == 403
    assert ask(f"{page}/kill", dead, X_Token=token, Origin="http://evil.example")[0] == 403
    assert ask(f"{page}/kill", dead, X_Token=token, Host="evil.example")[0] == 403
    assert ask(f"{page}/topology", Host="evil.example:80")[0] == 403
    assert ask(f"{page}/nothing")[0] == 404
    status, said = ask(f"{page}/kill", {"target": "castle"}, X_Token=token)
    assert status == 400 and said["error"].startswith("nothing here is called 'castle'; there are store, cache")
    pid = shop.host.copies["cache/1"].node.pid
    assert ask(f"{page}/kill", dead, X_Token=token, Origin=page) == (200, {"killed": ["cache/1"]})
    assert shop.whole() == [] and shop.host.copies["cache/1"].node.pid != pid
    rows = ask(f"{page}/topology")[1]["copies"]
    assert {row["copy"] for row in rows} == set(shop.table()["copy"]) and all(row["state"] == "up" for row in rows)


def test_a_zone_dies_and_comes_back(shop):
    died = shop.kill("eu-b")
    assert "store/2" in died and "app/2" in died
    assert buy(shop.url, "zone-1", 6)[0] == 201
    assert shop.whole() == []


def test_the_command_opens_the_books_when_its_time_is_over(shop, monkeypatch):
    monkeypatch.setattr(commands, "start", lambda name: nullcontext(shop))
    said: list[str] = []
    assert commands.up("shop", 0.2, say=said.append) == 0
    assert shop.page in said[0] and said[1] == "It ends after 0.2 s, or with Ctrl-C."
    assert said[-1].startswith("Clean: of 4,000 units ") and commands.running() is None


def test_planted_faults_are_found_in_the_running_books(shop):
    charge = f"http://127.0.0.1:{shop.addresses.port['bank/1']}/charges"
    told = [buy(shop.url, f"plant-{n}", 7)[1] for n in range(3)]
    receipts = [(each["order"], each["item"], each["unit"]) for each in told]
    assert shop.audit(receipts=receipts).clean
    body = {"order": told[0]["order"], "cents": told[0]["cents"]}
    assert ask(charge, body)[0] == 201  # a careless worker: no idempotency key
    assert shop.audit(receipts=receipts).charged_twice == 1
    ask(charge, {"order": "nobody/7", "cents": 1})
    leader = shop.addresses.port[shop.leader(1)]
    with RespSocket(leader) as store:
        store.ask("SET", ledger.unit(7, told[1]["unit"]), "thief/7")  # another write took an acknowledged unit
        store.ask("SET", ledger.unit(7, STOCK + 1), "late/7")
        store.ask("SET", ledger.sold(7), str(STOCK + 1))
    found = shop.audit(settle_s=0.5, receipts=receipts)
    assert (found.oversold, found.lost, found.charged_twice) == (1, 1, 1)
    assert found.without_order == 2  # nobody's, and that of the order whose unit was stolen
    assert "1 units beyond the stock" in found.sentence
