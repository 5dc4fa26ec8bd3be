"""The drills with PostgreSQL: what customers lost at each level, on the way back, by a mistake, by a bad backup."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from minisys.regions import backups_live, drill, mistakes, restores
from minisys.regions.customers import CUSTOMERS, TTL_S, Customers, Name, Order
from minisys.regions.live import two_regions
from minisys.replication import postgres_setup
from minisys.testbed import wheels
from minisys.testbed.wheels import ProductMissing


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("initdb") / "data"


@pytest.fixture
def one_initdb(template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same empty cluster for each test, copied: made anew, it would take most of their time."""
    if missing := wheels.missing("postgresql"):
        pytest.skip(missing)
    real = postgres_setup.initdb

    def copied(programs: postgres_setup.Programs, data: Path, *more: str) -> None:
        if programs.prefix == postgres_setup.BECOME:
            return real(programs, data, *more)
        if not template.exists():
            real(programs, template, *more)
        shutil.copytree(template, data)

    monkeypatch.setattr(postgres_setup, "initdb", copied)
    return (yield)


@pytest.mark.live
def test_a_backup_brings_back_what_was_archived_and_the_rest_is_lost(one_initdb: None) -> None:
    found = drill.run("backup-restore", seed=3, for_s=0.3)
    assert found.verified and found.lost > 0 and found.lost_later == 0
    assert found.restored >= found.acknowledged - found.lost > 0
    assert found.failed > 0 and 0 < found.rto_s < float("inf") and 0 < found.rpo_s


@pytest.mark.live
def test_a_late_standby_loses_what_was_on_the_wire_and_the_old_region_comes_back_without_losing_more(
    one_initdb: None,
) -> None:
    found = drill.run("warm standby", for_s=0.3, delay_s=0.2, failback=True)
    assert found.verified and found.lost > 0
    assert found.returned and found.lost_later == 0
    assert [what for _, what in found.steps][-1] == "customers are served"


@pytest.mark.live
def test_two_regions_that_wait_for_each_other_lose_nothing(one_initdb: None) -> None:
    found = drill.run("active-active", for_s=0.3)
    assert found.lost == 0 and found.rpo_s == 0 and found.verified and found.failed > 0


@pytest.mark.live
def test_the_replica_has_the_same_hole_and_only_the_log_brings_the_orders_back(one_initdb: None) -> None:
    found = mistakes.operator_error("delete", for_s=0.4)
    assert found.replica_kept == 0 < found.orders == found.restored
    assert found.verified and found.lost == 0 and found.failed == 0 and found.taken > found.orders


@pytest.mark.live
def test_a_drill_finds_each_damage_and_a_good_backup_whole(one_initdb: None) -> None:
    with restores.backed_up() as (two, backup, wanted):
        good = restores.try_out(two, backup, wanted, restores.GOOD)
        told = {damage: restores.try_out(two, backup, wanted, damage) for damage in backups_live.DAMAGES}
    assert good.verified and good.orders == wanted.orders == 300
    assert not any(found.verified for found in told.values())
    assert "checksum mismatch" in told["flipped byte"].problem
    assert "in the manifest" in told["file cut short"].problem
    assert 0 < told["missing segment"].orders < wanted.orders  # it opened and looked healthy


def test_served_again_means_an_order_that_was_sent_later() -> None:
    receipts = [
        Order(1, 0.0, 0.1, True), Order(2, 0.9, 1.1, False), Order(3, 0.95, 1.2, True), Order(4, 1.5, 1.6, False),
        Order(5, 2.0, 2.5, True),
    ]  # fmt: skip
    assert drill.unserved_s(receipts, 1.0) == pytest.approx(1.6)
    assert drill.unserved_s(receipts[:1], 1.0) == 0
    assert drill.unserved_s(receipts[:4], 1.0) == float("inf")


def test_whoever_has_asked_keeps_the_old_address_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("minisys.regions.customers.time.monotonic", lambda: now[0])
    name = Name(1, 2)
    customers = Customers(name)
    assert {customers._address(number) for number in range(CUSTOMERS)} == {1, 2}
    name.point(3)
    assert customers._address(CUSTOMERS) == 1
    now[0] = TTL_S
    assert customers._address(CUSTOMERS) == 3


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="level must be one of backup-restore"):
        drill.run("hot standby")
    with pytest.raises(ValueError, match="kind must be one of delete, ransom"):
        mistakes.operator_error("truncate")
    with pytest.raises(ValueError, match="rate_per_s must be > 0, got 0"):
        Customers(Name(), 0)
    with pytest.raises(ValueError, match="delay_s must be >= 0, got -1"), two_regions(-1):
        pass
    with pytest.raises(ValueError, match="damage must be one of flipped byte"):
        backups_live.damage(backups_live.Backup(Path(), Path()), "fire")


def test_what_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda name: None)
    monkeypatch.setattr(wheels, "_on_path", lambda *names: [])
    assert not drill.available()
    assert "make lab installs it" in capsys.readouterr().out
    with pytest.raises(ProductMissing, match="make lab installs it"), two_regions():
        pass


def test_the_tables_say_what_was_found() -> None:
    found = drill.Drill("warm standby", 0, 100, 4, 40, 0.04, 0.5, 96, True, ((0.3, "noticed"),))
    assert "warm standby" in repr(found.table()) and "adds up" in repr(found.table())
    assert "noticed" in repr(found.runbook())
    assert "standby" in repr(mistakes.Mistake("delete", 100, 0.05, 0, 100, True, 150, 0, 0, 0.7).table())
