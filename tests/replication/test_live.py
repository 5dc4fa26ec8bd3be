"""Replicas as processes: real clients, SIGKILL, SIGSTOP, a cut, a full restart; counted is what clients were told."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator

import hiredis
import pytest
import redis

from minisys.replication.live import Cluster, cluster
from minisys.testbed.nodes import NodeFailed

pytestmark = pytest.mark.live
FAST = {"election": (0.3, 0.6), "heartbeat": 0.06}


@pytest.fixture(scope="module")
def raft() -> Iterator[Cluster]:
    with cluster("raft") as c:
        yield c


class Writers:
    """Clients that write keys of their own until they are stopped; *acknowledged*: what they were told is written."""

    def __init__(self, c: Cluster, clients: int = 4) -> None:
        self.c, self.acknowledged, self.over = c, set[str](), threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def _run(self, number: int) -> None:
        names, count = list(self.c.names), 0
        while not self.over.is_set():
            name = names[count % len(names)] if count % 50 == 0 else names[0]
            try:
                with self.c.client(name, 1.0) as client:
                    while not self.over.is_set():
                        key = f"{number}-{count}"
                        count += 1
                        client.ask("SET", key, "x")
                        self.acknowledged.add(key)
                        names.sort(key=lambda one: one != name)
            except (OSError, hiredis.HiredisError):
                names.append(names.pop(0))
                time.sleep(0.01)

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()


def present(c: Cluster, keys: set[str]) -> set[str]:
    with c.client(c.primary()) as client:
        return {key for key in keys if client.ask("GET", key) is not None}


def test_redis_py_writes_reads_and_is_told_where_the_primary_is(raft: Cluster) -> None:
    primary = raft.primary()
    client = redis.Redis.from_url(raft.url(primary))
    follower = redis.Redis.from_url(raft.url(raft.replicas()[0]))
    with client, follower:
        assert client.set("k", b"\x00\xff")
        assert client.get("k") == b"\x00\xff"
        assert (client.incr("n"), client.incrby("n", 4), client.delete("n"), client.wait(2, 1000)) == (1, 5, 1, 2)
        assert client.set("k", "y", nx=True) is None
        assert client.role()[0] == b"master"
        told = client.info("replication")
        assert (told["role"], told["mode"], told["connected_slaves"]) == ("master", "raft", 2)
        with pytest.raises(redis.ReadOnlyError, match=str(raft.addresses[primary])):
            follower.set("k", "z")
        with client.pipeline(transaction=False) as pipe:
            assert pipe.set("a", 1).get("a").incr("a").execute() == [True, b"1", 2]


@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="redis-cli is not installed")
def test_redis_cli(raft: Cluster) -> None:
    argv = ["redis-cli", "-p", str(raft.addresses[raft.primary()]), "--raw"]
    typed = "SET cli 1\nCAS cli 1 2\nGET cli\nFOO\n"
    said = subprocess.run(argv, input=typed, capture_output=True, text=True, check=True)
    assert said.stdout.split("\n")[:3] == ["OK", "1", "2"]
    assert "unknown command 'FOO'" in said.stdout


def test_sigkill_of_the_primary_under_load_loses_nothing_that_was_acknowledged() -> None:
    with cluster("semi-sync", **FAST) as c:
        primary, writers = c.primary(), Writers(c)
        try:
            time.sleep(0.4)
            c.kill(primary)
            before = len(writers.acknowledged)
            fresh = c.primary(but=primary)
            c.restart(primary)
            time.sleep(0.4)
        finally:
            writers.stop()
        assert fresh != primary
        assert len(writers.acknowledged) > before > 0
        assert present(c, writers.acknowledged) == writers.acknowledged


def test_asynchronous_behind_a_slow_link_loses_the_last_acknowledged_writes() -> None:
    with cluster("async", **FAST) as c:
        primary = c.primary()
        c.delay(primary, 0.1)
        writers = Writers(c)
        try:
            time.sleep(0.4)
            c.kill(primary)
        finally:
            writers.stop()
        c.heal()
        c.primary(but=primary)
        kept = present(c, writers.acknowledged)
        assert kept < writers.acknowledged


def test_a_paused_raft_leader_answers_no_read_when_it_wakes_up(raft: Cluster) -> None:
    old = raft.primary()
    with raft.client(old) as client:
        client.ask("SET", "k", "old")
        raft.pause(old)
        try:
            new = raft.primary(but=old)
            with raft.client(new) as other:
                other.ask("SET", "k", "new")
        finally:
            raft.resume(old)
        with pytest.raises(hiredis.ReplyError, match="REDIRECT|CLUSTERDOWN|TIMEOUT"):
            client.ask("GET", "k")


def test_a_leader_that_is_cut_off_is_replaced_and_comes_back_as_a_follower(raft: Cluster) -> None:
    old = raft.primary()
    raft.partition(old, set(raft.names) - {old})
    new = raft.primary(but=old)
    with raft.client(new) as client:
        assert client.ask("SET", "k", "new") == b"OK"
    raft.heal()
    deadline = time.monotonic() + 10
    while raft.info(old)["role"] != "slave" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert raft.info(old)["role"] == "slave"
    with pytest.raises(ValueError, match="no replica is called z; there are a, b, c"):
        raft.partition("z", "a")


def test_a_full_restart_with_sigkill_keeps_everything(raft: Cluster) -> None:
    with raft.client(raft.primary()) as client:
        for n in range(50):
            client.ask("SET", f"restart-{n}", n)
    ports = raft.addresses
    for name in raft.names:
        raft.kill(name)
    for name in raft.names:
        raft.restart(name)
    assert raft.addresses == ports
    assert len(present(raft, {f"restart-{n}" for n in range(50)})) == 50


def test_a_bad_option_is_one_clear_line() -> None:
    with pytest.raises(NodeFailed, match="cannot wait for k = 3 replicas, there are 2"):
        with cluster("semi-sync", k=3):
            pass
