"""Replicas without a leader: who must answer, what a read repairs, what no quorum can do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import hiredis
import pytest

from minisys.testbed.fault_proxy import Faults
from tests.replication.stage import Stage, play

SLOW, CUT, GOOD = Faults(delay_s=0.05), Faults(cut=True), Faults()


def options(r: int, w: int, repair: str = "after") -> list[str]:
    return ["--mode", "quorum", "--r", str(r), "--w", str(w), "--repair", repair, "--patience", "0.5"]


def test_any_replica_takes_writes_and_any_other_reads_them(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        a, b = await stage.client("a"), await stage.client("b")
        assert await a.ask("SET", "k", b"\x00\xff") == b"OK"
        assert await b.ask("GET", "k") == b"\x00\xff"
        assert (await b.ask("DEL", "k"), await b.ask("DEL", "k"), await a.ask("GET", "k")) == (1, 0, None)
        for words in (("INCR", "k"), ("CAS", "k", "1", "2"), ("SET", "k", "1", "NX"), ("DEL", "a", "b")):
            reply = await a.ask(*words)
            assert isinstance(reply, hiredis.ReplyError) and "use mode raft" in str(reply), words
        assert (await a.ask("ROLE"))[0] == b"master"
        assert b"mode:quorum" in await a.ask("INFO")

    play(tmp_path, scene, *options(2, 2))


@pytest.mark.parametrize(("r", "w", "reads", "writes"), [(1, 1, True, True), (2, 2, False, False), (1, 2, True, False)])
def test_with_two_of_three_away_only_quorums_of_one_answer(
    tmp_path: Path, r: int, w: int, reads: bool, writes: bool
) -> None:
    async def scene(stage: Stage) -> None:
        client = await stage.client("a")
        await client.ask("SET", "k", "1")
        stage.set("a", "bc", CUT)
        got, put = await client.ask("GET", "k"), await client.ask("SET", "k", "2")
        assert (got == b"1", put == b"OK") == (reads, writes)
        assert {str(reply).split()[0] for reply in (got, put) if isinstance(reply, hiredis.ReplyError)} <= {"TIMEOUT"}

    play(tmp_path, scene, *options(r, w))


def test_r_plus_w_above_n_reads_the_newest_and_not_above_may_not(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> bool:
        a, c = await stage.client("a"), await stage.client("c")
        await a.ask("SET", "k", "1")
        stage.set("c", "ab", SLOW)
        await a.ask("SET", "k", "2")
        return bool(await c.ask("GET", "k") == b"2")

    for r, w, newest in ((2, 2, True), (1, 2, False), (1, 3, True), (3, 1, True)):
        folder = tmp_path / f"{r}{w}"
        folder.mkdir()
        assert play(folder, scene, *options(r, w)) == newest, (r, w)


@pytest.mark.parametrize(("repair", "second"), [("no", b"old"), ("before", b"new")])
def test_r_plus_w_above_n_is_not_linearizable_unless_reads_write_back_before_they_answer(
    tmp_path: Path, repair: str, second: bytes
) -> None:
    async def scene(stage: Stage) -> None:
        writer, a, b = [await stage.client(name) for name in "aab"]
        await writer.ask("SET", "k", "old")
        await asyncio.sleep(0.5)
        stage.set("a", "bc", SLOW)
        write = asyncio.ensure_future(writer.ask("SET", "k", "new"))
        while stage.nodes["a"].held["k"][1] != "new":
            await asyncio.sleep(0.001)
        for peer in "bc":  # what a says to the others now is lost; it will say it again
            stage.proxy.links[f"a-{peer}"].reset()
        stage.set("a", "bc", GOOD)
        await asyncio.sleep(0.15)
        assert await a.ask("GET", "k") == b"new"
        stage.set("a", "bc", CUT)
        assert await b.ask("GET", "k") == second
        stage.set("a", "bc", GOOD)
        assert await write == b"OK"
        assert await b.ask("GET", "k") == b"new"

    play(tmp_path, scene, *options(2, 2, repair))


def test_read_repair_brings_a_replica_up_to_date(tmp_path: Path) -> None:
    for repair, repaired in (("no", False), ("after", True), ("before", True)):
        folder = tmp_path / repair
        folder.mkdir()

        async def scene(stage: Stage) -> bool:
            a, c = await stage.client("a"), await stage.client("c")
            await c.ask("READONLY")  # what this replica alone has
            stage.set("c", "ab", CUT)
            await a.ask("SET", "k", "1")
            await stage.kill("b")
            stage.proxy.links["a-c"].reset()  # the write for c is lost
            stage.set("c", "ab", GOOD)
            await asyncio.sleep(1)
            before = await c.ask("GET", "k")
            assert await a.ask("GET", "k") == b"1"
            await asyncio.sleep(0.1)
            assert before is None
            return bool(await c.ask("GET", "k") == b"1")

        assert play(folder, scene, *options(2, 2, repair)) == repaired, repair


def test_a_full_restart_finds_everything(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        client = await stage.client("a")
        for n in range(20):
            await client.ask("SET", f"k{n % 7}", n)
        for name in "abc":
            await stage.kill(name)
        for name in "abc":
            await stage.start(name)
        client = await stage.client("c")
        assert [await client.ask("GET", f"k{n}") for n in range(7)] == [b"%d" % n for n in (14, 15, 16, 17, 18, 19, 13)]

    play(tmp_path, scene, *options(2, 2))
