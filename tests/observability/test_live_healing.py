"""Live: crashes are repaired and a crash loop is not restarted for ever; a place may change its process."""

from __future__ import annotations

import pytest

from minisys.load_balancing.live import cluster
from minisys.observability.healing import LIVE, healing
from minisys.observability.repairs import World
from minisys.observability.runbooks import Limits, Runbooks
from minisys.observability.supervisor import Act

QUICK = Runbooks(LIVE.books, Limits(steps=2, within_s=30.0, wait_s=0.3, longest_wait_s=0.6))


def test_a_crash_is_repaired_and_a_crash_loop_is_paged_and_no_user_notices() -> None:
    run = healing(QUICK, crashes=1, every_s=0.8, loop="c")
    crash, loop = (next(each for each in run.outages if each.name == name) for name in "ac")
    assert crash.back_s is not None
    assert loop.back_s is None
    about = [act.action for act in run.acts if act.target == "c"]
    assert about == ["restart", "restart", "page"]
    assert [act.target for act in run.pages] == ["c"]
    assert run.failed == 0


def test_what_the_supervisor_does_changes_the_live_shop() -> None:
    pages: list[Act] = []
    with cluster(backends=["a", "b", "spare"]) as shop:
        world = World(shop, pages.append, spare="spare")
        shop.drain("spare")  # it stands by

        def do(action: str) -> None:
            world.do(Act(0.0, action, "a", "silent", ""))

        shop.backend("a").pause()
        assert [each.symptom for each in world.look()] == ["silent", ""]
        do("restart")
        assert [each.symptom for each in world.look()] == ["", ""]
        do("drain")
        assert {row["name"]: row["state"] for row in shop.backends()}["a"] == "draining"
        do("return")
        do("replace")
        assert world.at["a"] == "a1"
        do("fail over")
        assert world.at["a"] == "spare"
        do("fail over")
        do("page")
        world.close()
        assert {row["name"] for row in shop.backends()} == {"b", "spare"}
    assert world.lines == ["fail over a: there is no standby to fail over to"]
    assert [act.action for act in pages] == ["page"]


def test_bad_arguments_are_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match="there are backends a, b and c, not 'd'"):
        healing(loop="d")
    with pytest.raises(ValueError, match="crashes >= 0"):
        healing(crashes=-1)
