"""The products behind the harness: what users lost, what a certain no is, what is missing, and what is left behind."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psutil
import pytest

from minisys.replication import experiments, jetstream, postgres, postgres_setup, real, sentinel
from minisys.replication.clients import Load, Refused
from minisys.replication.harness import kill_primary, run
from minisys.replication.postgres_store import query
from minisys.testbed import wheels
from minisys.testbed.wheels import ProductMissing

LOAD = Load(for_s=1.4, think_s=0.004)


def installed(name: str) -> None:
    if missing := wheels.missing(name):
        pytest.skip(missing)


def no_shared_memory_of(pid: int) -> bool:
    rows = Path("/proc/sysvipc/shm").read_text().splitlines()[1:] if Path("/proc/sysvipc/shm").exists() else []
    return all(int(row.split()[4]) != pid for row in rows)


@pytest.mark.live
def test_postgresql_with_a_synchronous_standby_tells_yes_no_and_perhaps_and_loses_nothing() -> None:
    installed("postgresql")
    with postgres.pair("on") as system:
        store = system.store()
        store.connect()
        store.write("quote", "it's")
        assert store.read("quote") == "it's" and store.read("none") is None
        with pytest.raises(Refused, match="read-only"):
            query(system.standby.port, "insert into kv values ('a', 'b')")
        postgres.pause(system.standby)
        told = _cancelled(system, store)
        with pytest.raises(TimeoutError):  # nobody confirms: it may be written
            store.write("perhaps", "1")
        store.close()
        postgres.resume(system.standby)
        found, pid = run(system, LOAD, kill_primary(system, 0.4)), system.primary.pid
        assert system.promoted.is_set()
    assert "canceling wait for synchronous replication" in told  # with success, which many drivers report alone
    assert found.lost == () and found.verdict.holds and found.acknowledged > 20
    assert 0 < found.rto_s < 5
    assert no_shared_memory_of(pid)


def _cancelled(system: postgres.Pair, store: postgres.PostgresStore) -> str:
    """What the client is told when somebody cancels its wait for the standby."""
    told = list[str]()

    def write() -> None:
        try:
            store.write("cancelled", "1")
        except ConnectionError as problem:
            told.append(str(problem))

    client = threading.Thread(target=write)
    client.start()
    wanted = "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'"
    while query(system.primary.port, wanted) is None and client.is_alive():
        time.sleep(0.01)
    client.join()
    return told[0]


@pytest.mark.live
def test_postgresql_that_does_not_wait_loses_what_its_late_standby_has_not_heard() -> None:
    installed("postgresql")
    found = experiments.failover("postgresql", "local", load=LOAD)
    assert len(found.lost) > 0 and not found.verdict.holds
    assert found.frame()["lost"].item() == len(found.lost)


@pytest.mark.live
def test_valkey_fails_over_to_a_late_replica_and_loses_acknowledged_writes() -> None:
    installed("valkey")
    found = experiments.failover("valkey", "asynchronous", load=Load(for_s=3.7, think_s=0.01))
    assert len(found.lost) > 0 and not found.verdict.holds
    assert 0 < found.rto_s < 4


@pytest.mark.live
def test_nats_keeps_and_reads_what_it_acknowledged_and_its_leader_is_known() -> None:
    installed("nats")
    with jetstream.triple() as system:
        found = run(system, Load(for_s=0.5, clients=2, think_s=0.01))
        assert system.leader.name in system.servers
    assert found.lost == () and found.verdict.holds and found.acknowledged > 5


@pytest.mark.live
def test_a_primary_cut_off_from_its_replicas_goes_on_saying_yes_and_all_of_that_is_lost() -> None:
    found = experiments.failover("minisys", "async", fault="partition", load=Load(for_s=2.6, think_s=0.005))
    assert len(found.lost) > 0 and not found.verdict.holds


def test_what_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda name: None)
    monkeypatch.setattr(wheels, "_on_path", lambda *names: [])
    monkeypatch.setattr(wheels.sys, "executable", "/nowhere/python")
    for name, modes in real.MODES.items():
        assert "make lab installs it" in real.available()[name]
        with pytest.raises(ProductMissing, match="make lab installs it"), real.product(name, modes[0]):
            pass
    assert experiments.failovers([("postgresql", "on"), ("valkey", "wait 1")]) == []
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_root_without_namespaces_and_without_setpriv_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed("postgresql")
    monkeypatch.setattr(postgres_setup, "_works", lambda *words: False)
    monkeypatch.setattr(postgres_setup.os, "geteuid", lambda: 0)
    monkeypatch.setattr(postgres_setup.os, "chown", lambda *words: None)
    with pytest.raises(ProductMissing, match="refuses to run as root, and neither unshare -U nor setpriv works here"):
        postgres_setup.programs(tmp_path)


def test_a_program_that_fails_is_told_in_its_own_last_words(tmp_path: Path) -> None:
    script = tmp_path / "initdb"
    script.write_text("#!/bin/sh\necho first >&2\necho 'no room' >&2\nexit 3\n")
    script.chmod(0o755)
    with pytest.raises(ProductMissing, match="^postgresql: initdb failed here: no room$"):
        postgres_setup.initdb(postgres_setup.Programs(tmp_path), tmp_path / "data")


@pytest.mark.parametrize(
    ("name", "mode", "lag_s"), [("oracle", "on", 0), ("valkey", "on", 0), ("nats", "R3", 0.1), ("valkey", "wait 1", -1)]
)
def test_a_product_or_mode_that_is_unknown_is_refused(name: str, mode: str, lag_s: float) -> None:
    with (
        pytest.raises(ValueError, match="unknown product or mode|NATS has no lag|lag_s >= 0"),
        real.product(name, mode, lag_s=lag_s),
    ):
        pass


def test_a_partition_is_for_our_replicas_only() -> None:
    with pytest.raises(ValueError, match="partition: ours only"):
        experiments.failover("valkey", "wait 1", fault="partition")


def test_sentinels_that_are_gone_are_a_broken_connection() -> None:
    with pytest.raises(ConnectionError, match="no sentinel answers"):
        sentinel.SentinelStore([1], 0).connect()
    assert not any("valkey" in child.name() for child in psutil.Process().children())
