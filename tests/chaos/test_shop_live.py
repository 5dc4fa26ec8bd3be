"""The shop as processes: real clients, real kills; what users saw, what is in the book, what is left running."""

from __future__ import annotations

from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from minisys.chaos.plan import Fault
from minisys.chaos.shop_live import LiveShop


def buy(shop: LiveShop, numbers: range) -> int:
    """How many of the orders were confirmed."""
    good = 0
    for number in numbers:
        try:
            with urlopen(Request(f"{shop.url}/item/{number}", method="PUT"), timeout=5) as answer:
                good += answer.status == 200
        except HTTPError:
            pass
    return good


def test_a_shop_without_weaknesses_loses_nothing_when_its_book_and_its_cache_die() -> None:
    with LiveShop() as running:
        before = running.readings()
        assert buy(running, range(20)) == 20
        undo = [running.begin(Fault("kill", "orders")), running.begin(Fault("kill", "cache"))]
        assert buy(running, range(20, 40)) == 20
        for each in undo:
            each()
        assert buy(running, range(40, 50)) == 10
        now = running.readings().since(before)
        assert (now.success, now.lost, now.stored) == (1.0, 0, 50)
        pids = [node.pid for node in (*running._parts.values(), *running.front.nodes.values())]
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_planted_weaknesses_show_on_real_processes() -> None:
    with LiveShop({"single copy", "cache is a must", "eager retries"}) as running:
        assert buy(running, range(15)) == 15
        priced = running.readings().priced
        undo = running.begin(Fault("errors", "prices", ratio=1.0))
        assert buy(running, range(1000, 1050)) == 50  # users do not notice
        assert running.readings().priced - priced >= 4 * shopped_anew(50)
        undo()
        undo = running.begin(Fault("kill", "cache"))
        assert buy(running, range(2000, 2005)) == 0
        undo()
        running.begin(Fault("kill", "orders"))
        assert buy(running, range(3000, 3010)) == 10
        assert 0 < running.readings().lost <= 15 + 50  # an application that once waited too long has moved on before


def shopped_anew(orders: int) -> int:
    """At least so many of the orders miss the cache when nothing is filled: those after each item's last fill."""
    return orders - 40


def test_unknown_names_are_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match="unknown weakness 'haste'"):
        LiveShop({"haste"})
