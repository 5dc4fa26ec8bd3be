"""The live replicas on the virtual clock beside the model: the same seeds, links and crash give the same story."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from minisys.replication.failover_model import Story, design
from minisys.replication.network import Link, Loop, Network
from minisys.replication.raft import LEADER, Output, Timing
from minisys.replication.raft_cluster import Disk, Server
from minisys.testbed.fault_proxy import Faults
from minisys.testbed.laws import Deterministic
from tests.replication.stage import Stage, play

NAMES, DELAY_S, WRITES = "abc", 0.02, 5
TIMING = Timing((0.5, 1.0), 0.1)
Line = tuple[int, int, str]


class Instant(Server):
    """A server of the model whose disk takes no time and draws nothing."""

    def _persist(self, out: Output) -> None:
        self.disk.write(out.records)
        self._carry_out(out)


def modelled(mode: str, seed: int) -> tuple[list[tuple[float, str, int]], list[Line]]:
    """Who led from when, in which term; and the log of the last leader: (index, term, kind)."""
    loop = Loop()
    network, story = Network(loop, seed=0, link=Link(Deterministic(DELAY_S))), Story(loop)
    servers = {
        name: Instant(
            name, network, Disk(NAMES), story, design(mode, 1), seed=seed + place, timing=TIMING, compact_after=10**9,  # type: ignore[arg-type]
        )
        for place, name in enumerate(NAMES)
    }  # fmt: skip
    for server in servers.values():
        server.start()

    def leader() -> Server:
        return max((s for s in servers.values() if s.raft.role == LEADER), key=lambda s: s.raft.state.term)

    def write(number: int) -> None:
        leader()._put(
            lambda now: leader().raft.propose(
                now, {"client": "c", "serial": number, "kind": "incr", "key": "k", "value": 1}
            )
        )

    for number in range(WRITES):
        loop.at(3.0 + number / 4, write, number + 1)
    loop.run(4.5)
    dead = leader().name
    network.crash(dead, wire=True)
    del servers[dead]
    loop.run(8.0)
    led = [(m.at_s, m.server, m.term) for m in story.moments if m.role == LEADER]
    return led, [(entry.index, entry.term, entry.kind) for entry in leader().raft.state.entries]


def lived(folder: Path, mode: str, seed: int) -> tuple[list[tuple[float, str, int]], list[Line]]:
    """The same of processes' code over real sockets."""

    async def scene(stage: Stage) -> Any:
        loop, led = asyncio.get_running_loop(), []

        async def watch() -> None:
            seen = set()
            while True:
                for name, node in stage.nodes.items():
                    now = name, node.machine.state.term
                    if node.leads and now not in seen:
                        seen.add(now)
                        led.append((loop.time(), *now))
                await asyncio.sleep(0.0005)

        watching = asyncio.ensure_future(watch())
        await asyncio.sleep(0.3)
        stage.set(NAMES, NAMES, Faults(delay_s=DELAY_S))
        for number in range(WRITES):
            await asyncio.sleep(3.0 + number / 4 - loop.time())
            stage.nodes[await stage.leader()].write(["INCR", "k"])
        await asyncio.sleep(4.5 - loop.time())
        await stage.kill(await stage.leader())
        await asyncio.sleep(8.0 - loop.time())
        watching.cancel()
        entries = stage.nodes[await stage.leader()].machine.state.entries
        return led, [(entry.index, entry.term, entry.kind) for entry in entries]

    result: tuple[list[tuple[float, str, int]], list[Line]] = play(folder, scene, "--mode", mode, seed=seed)
    return result


@pytest.mark.parametrize("mode", ["raft", "semi-sync"])
def test_the_same_leaders_at_the_same_times_and_the_same_log(tmp_path: Path, mode: str) -> None:
    for seed in (1, 11, 21):
        folder = tmp_path / str(seed)
        folder.mkdir()
        (led, log), (model_led, model_log) = lived(folder, mode, seed), modelled(mode, seed)
        assert [one[1:] for one in led] == [one[1:] for one in model_led]
        assert [one[0] for one in led] == pytest.approx([one[0] for one in model_led], abs=0.005)
        assert len(led) >= 2
        assert log == model_log
