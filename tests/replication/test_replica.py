"""Replicas on the virtual clock: what clients are told, failover, fencing, a store built anew, the mode's promises."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import hiredis
import pytest

from minisys.testbed.fault_proxy import Faults
from tests.replication.stage import Stage, play

SLOW, CUT, GOOD = Faults(delay_s=0.05), Faults(cut=True), Faults()
LED = ("async", "semi-sync", "all", "raft")


def error(reply: Any) -> str:
    assert isinstance(reply, hiredis.ReplyError), reply
    return str(reply)


@pytest.mark.parametrize("mode", LED)
def test_commands_do_what_redis_says_and_ours_what_the_docs_say(tmp_path: Path, mode: str) -> None:
    async def scene(stage: Stage) -> None:
        client = await stage.client(await stage.leader())
        for words, reply in (
            (("SET", "k", b"\x00\xff\r\n"), b"OK"), (("get", "k"), b"\x00\xff\r\n"), (("GET", "no"), None),
            (("SET", "k", "2", "NX"), None), (("SET", "k", "2", "XX", "GET"), b"\x00\xff\r\n"),
            (("SET", "k", "3", "IFEQ", "1"), None), (("SET", "k", "3", "IFEQ", "2"), b"OK"),
            (("CAS", "k", "2", "4"), 0), (("CAS", "k", "3", "4"), 1), (("INCR", "k"), 5), (("INCRBY", "k", "-7"), -2),
            (("ONCE", "me", "1", "incr", "k"), -1), (("ONCE", "me", "1", "incr", "k"), -1), (("GET", "k"), b"-1"),
            (("DBSIZE",), 1), (("DEL", "k", "no"), 1), (("PING",), b"PONG"), (("ECHO", "x"), b"x"),
            (("WAIT", "2", "1000"), 2), (("SELECT", "0"), b"OK"), (("CLIENT", "SETINFO", "LIB-NAME", "x"), b"OK"),
        ):  # fmt: skip
            assert await client.ask(*words) == reply, words
        for words, text in (
            (("INCR",), "ERR wrong number of arguments for 'incr' command"),
            (("SET", "k", "v", "EX", "1"), "ERR syntax error"),
            (("INCRBY", "k", "x"), "ERR value is not an integer or out of range"),
            (("FLUSHALL",), "ERR unknown command 'FLUSHALL'"),
            (("ONCE", "me", "0", "INCR", "k"), "ERR request 0 is older than this client's last, 1"),
            (("ONCE", "me", "x", "INCR", "k"), "the number must be 0 or more"),
            (("SELECT", "1"), "ERR DB index is out of range"),
            (("WAIT", "x", "1"), "ERR WAIT replicas ms"),
        ):
            assert text in error(await client.ask(*words)), words
        await client.ask("HELLO", "3")
        assert await client.ask("GET", "no") is None

    play(tmp_path, scene, "--mode", mode)


@pytest.mark.parametrize("mode", LED)
def test_a_follower_says_who_leads_and_serves_reads_that_were_asked_to_be_stale(tmp_path: Path, mode: str) -> None:
    async def scene(stage: Stage) -> None:
        leader = await stage.leader()
        writer = await stage.client(leader)
        await writer.ask("SET", "k", "1")
        position = await writer.ask("POSITION")
        follower = min(set("abc") - {leader})
        client, there = await stage.client(follower), f"127.0.0.1:{stage.servers[leader].port}"
        assert error(await client.ask("SET", "k", "2")) == (
            f"READONLY You can't write against a read only replica. The primary is {there}"
        )
        assert error(await client.ask("GET", "k")) == f"REDIRECT {there}"
        await asyncio.sleep(0.2)  # the next heartbeat tells followers that the write is agreed
        stage.set(leader, follower, CUT)
        await writer.ask("SET", "later", "x") if mode != "all" else None
        later = await stage.client(follower)
        assert await client.ask("AFTER", position, "GET", "k") == b"1"
        await client.ask("READONLY")
        assert (await client.ask("GET", "k"), await client.ask("GET", "later")) == (b"1", None)
        if mode != "all":
            assert "TIMEOUT" in error(await later.ask("AFTER", position + 1, "GET", "later"))

    play(tmp_path, scene, "--mode", mode, "--patience", "0.3")


def test_a_bounded_follower_answers_only_while_it_hears_the_leader(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        leader = await stage.leader()
        follower = min(set("abc") - {leader})
        client = await stage.client(follower)
        await (await stage.client(leader)).ask("SET", "k", "1")
        await asyncio.sleep(0.2)
        assert await client.ask("GET", "k") == b"1"
        stage.set(follower, "abc", CUT)
        await asyncio.sleep(0.35)
        assert "REDIRECT" in error(await client.ask("GET", "k"))

    play(tmp_path, scene, "--reads", "bounded", "--stale", "0.3")


@pytest.mark.parametrize(("mode", "lost"), [("async", True), ("semi-sync", False), ("all", False), ("raft", False)])
def test_only_asynchronous_loses_what_it_acknowledged_when_the_primary_dies(
    tmp_path: Path, mode: str, lost: bool
) -> None:
    async def scene(stage: Stage) -> None:
        primary = await stage.leader()
        stage.set(primary, "abc", SLOW)
        client, acknowledged = await stage.client(primary), 0
        ends = asyncio.get_running_loop().time() + 1.0
        while asyncio.get_running_loop().time() < ends:
            assert await client.ask("SET", f"k{acknowledged}", "x") == b"OK"
            acknowledged += 1
            await asyncio.sleep(0.01)
        await stage.kill(primary)
        stage.set(primary, "abc", GOOD)
        fresh = await stage.leader()
        reader = await stage.client(fresh)
        missing = [n for n in range(acknowledged) if await reader.ask("GET", f"k{n}") is None]
        assert bool(missing) == lost
        assert missing == list(range(acknowledged - len(missing), acknowledged))  # the newest ones
        await reader.ask("SET", "after", "1") if mode != "all" else None
        await stage.start(primary)  # it comes back, and its store is built anew without what was lost
        await asyncio.sleep(3)
        stores = [node.store.dump() for node in stage.nodes.values()]
        assert stores[0] == stores[1] == stores[2]
        assert len(stores[0]["values"]) == acknowledged - len(missing) + (mode != "all")

    play(tmp_path, scene, "--mode", mode)


@pytest.mark.parametrize("mode", ["async", "raft"])
def test_a_deposed_primary_is_fenced_and_only_raft_answers_nobody_meanwhile(tmp_path: Path, mode: str) -> None:
    async def scene(stage: Stage) -> None:
        old = await stage.leader()
        client = await stage.client(old)
        assert await client.ask("SET", "k", "old") == b"OK"
        stage.set(old, "abc", CUT)
        new = await stage.leader(but=old)
        assert await (await stage.client(new)).ask("SET", "k", "new") == b"OK"
        read, written = await client.ask("GET", "k"), await client.ask("SET", "k", "in vain")
        if mode == "raft":
            assert {error(read).split()[0], error(written).split()[0]} <= {"TIMEOUT", "CLUSTERDOWN"}
        else:
            assert (read, written) == (b"old", b"OK")  # two primaries: a stale read, and a write that will be lost
        stage.set(old, "abc", GOOD)
        await asyncio.sleep(3)
        assert "READONLY" in error(await client.ask("SET", "k", "late"))
        assert [node.store.values for node in stage.nodes.values()] == [{"k": "new"}] * 3

    play(tmp_path, scene, "--mode", mode)


@pytest.mark.parametrize(("mode", "down", "answers"), [
    ("async", 2, True), ("semi-sync", 1, True), ("semi-sync", 2, False), ("all", 1, False), ("raft", 1, True),
    ("raft", 2, False),
])  # fmt: skip
def test_who_can_still_write_when_replicas_are_away(tmp_path: Path, mode: str, down: int, answers: bool) -> None:
    async def scene(stage: Stage) -> None:
        primary = await stage.leader()
        for name in sorted(set("abc") - {primary})[:down]:
            await stage.kill(name)
        reply = await (await stage.client(primary)).ask("SET", "k", "v")
        assert reply == b"OK" if answers else "TIMEOUT not acknowledged in time" in error(reply)

    play(tmp_path, scene, "--mode", mode, "--patience", "0.3")


@pytest.mark.parametrize("mode", LED)
def test_a_full_restart_finds_everything_that_was_acknowledged(tmp_path: Path, mode: str) -> None:
    async def scene(stage: Stage) -> None:
        client = await stage.client(await stage.leader())
        for n in range(20):
            assert await client.ask("ONCE", "me", n, "INCR", "k") == n + 1
        for name in "abc":
            await stage.kill(name)
        for name in "abc":
            await stage.start(name)
        client = await stage.client(await stage.leader())
        assert await client.ask("ONCE", "me", "19", "INCR", "k") == 20  # the sessions have survived too
        assert await client.ask("GET", "k") == b"20"

    play(tmp_path, scene, "--mode", mode)


def test_raft_compacts_its_log_and_a_late_replica_gets_the_snapshot(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        leader = await stage.leader()
        late = max(set("abc") - {leader})
        await stage.kill(late)
        client = await stage.client(leader)
        for n in range(200):
            await client.ask("SET", f"k{n % 5}", n)
        assert len(stage.nodes[leader].machine.state.entries) <= 50
        assert (tmp_path / f"{leader}.log").stat().st_size < 10_000
        await stage.start(late)
        await asyncio.sleep(1)
        assert stage.nodes[late].store.dump() == stage.nodes[leader].store.dump()
        await stage.kill(late)
        await stage.start(late)  # from the snapshot in its own log
        await asyncio.sleep(1)
        assert stage.nodes[late].store.dump() == stage.nodes[leader].store.dump()

    play(tmp_path, scene, "--compact-after", "40")


def test_a_jump_of_the_wall_clock_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(stage: Stage) -> Any:
        leader = await stage.leader()
        client, wall = await stage.client(leader), time.time
        for jump_s in (86_400.0, -86_400.0):
            monkeypatch.setattr(time, "time", lambda jump_s=jump_s: wall() + jump_s)
            for n in range(20):
                assert await client.ask("SET", f"k{n}", "v") == b"OK"
                await asyncio.sleep(0.1)
        assert await stage.leader() == leader
        return stage.nodes[leader].machine.state.term

    assert play(tmp_path, scene) == 1


@pytest.mark.parametrize(("options", "problem"), [
    ("--mode semi-sync --k 3", "cannot wait for k = 3 replicas, there are 2"),
    ("--mode quorum --r 4", "need 1 <= r <= n"), ("--mode quorum --repair x", "one of no, after, before"),
    ("--heartbeat 2", "0 < heartbeat_s"), ("--reads all", "reads leader, any or bounded"), ("--k 0", "at least 1"),
    ("--patience 0", "seconds above 0"),
])  # fmt: skip
def test_bad_options_are_refused_with_what_would_be_possible(tmp_path: Path, options: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        play(tmp_path, lambda stage: asyncio.sleep(0), *options.split())


def test_one_seed_elects_the_same_leader_at_the_same_time(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> Any:
        return await stage.leader(), asyncio.get_running_loop().time()

    results = []
    for run, seed in enumerate((1, 1, 10, 20)):
        (tmp_path / f"{run}").mkdir()
        results.append(play(tmp_path / f"{run}", scene, seed=seed))
    assert results[0] == results[1]
    assert len({at for _, at in results}) == 3
