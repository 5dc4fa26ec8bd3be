"""Live Raft replicas on the virtual clock, killed, cut, slowed and restarted by a seed: what clients saw is judged."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from random import Random
from typing import Any

import hiredis
import pytest

from minisys.replication.check import linearizable
from minisys.replication.history import History, Operation
from minisys.testbed.fault_proxy import Faults
from tests.replication.stage import Stage, play

NO = ("READONLY", "CLUSTERDOWN", "ABORTED", "REDIRECT")  # surely without effect
VALUES = itertools.count(1)


async def once(stage: Stage, process: int, rng: Random, history: History) -> None:
    """One operation of one client, on any replica, recorded."""
    kind, key = rng.choice(("read", "write", "write", "cas", "incr")), f"r{rng.randrange(3)}"
    value: Any = {"write": next(VALUES), "cas": (rng.randrange(1, 50), next(VALUES)), "incr": 1}.get(kind)
    words = {"read": ("GET", key), "write": ("SET", key, value), "incr": ("INCR", f"n{key}")}.get(kind)
    key = f"n{key}" if kind == "incr" else key
    began, reply = asyncio.get_running_loop().time(), None
    try:
        client = await stage.client(rng.choice(sorted(stage.servers)))
        reply = await asyncio.wait_for(client.ask(*(words or ("CAS", key, *value))), 3)
        client.writer.close()
        stage.clients.remove(client)
    except (OSError, IndexError):  # nobody is there, or it has died, or it takes too long
        pass
    ended = asyncio.get_running_loop().time()
    refused = isinstance(reply, hiredis.ReplyError) and str(reply).startswith(NO)
    if refused or (kind == "read" and (reply is None or isinstance(reply, hiredis.ReplyError))):
        return  # a read without an answer says nothing, and None is no answer here: the keys are set at first
    if reply is None or isinstance(reply, hiredis.ReplyError):
        history.add(Operation(process, kind, key, value, None, began, outcome="indefinite"))
        return
    result = {"read": lambda: int(reply), "write": lambda: None, "cas": lambda: bool(reply)}.get(kind, lambda: reply)()
    history.add(Operation(process, kind, key, value, result, began, ended))


async def trouble(stage: Stage, rng: Random) -> None:
    """Something happens every so often; at the end all is mended."""
    for _ in range(25):
        await asyncio.sleep(rng.expovariate(1 / 0.3))
        led = [name for name, node in stage.nodes.items() if node.leads]
        victim = rng.choice(led or sorted(stage.names))
        match rng.randrange(6):
            case 0 if victim in stage.nodes and len(stage.nodes) > 1:
                await stage.kill(victim)
            case 1 | 2:
                for name in set(stage.names) - stage.nodes.keys():
                    await stage.start(name)
            case 3:
                stage.set(victim, stage.names, Faults(cut=True))
            case 4:
                other = rng.choice(sorted(set(stage.names) - {victim}))
                stage.proxy.links[f"{victim}-{other}"].set("both", Faults(cut=True))  # one way
            case 5:
                stage.set(victim, stage.names, Faults(delay_s=rng.uniform(0, 0.3)))
        if rng.random() < 0.4:
            stage.set(stage.names, stage.names, Faults())
    stage.set(stage.names, stage.names, Faults())
    for name in set(stage.names) - stage.nodes.keys():
        await stage.start(name)


def storm(folder: Path, mode: str, seed: int) -> History:
    """What four clients saw of three replicas in a bad quarter of a minute; in the end the replicas are equal."""

    async def scene(stage: Stage) -> History:
        history, over = History(), asyncio.Event()
        leader = await stage.client(await stage.leader())
        for number in range(3):
            now = asyncio.get_running_loop().time()
            await leader.ask("SET", f"r{number}", 0)
            after = asyncio.get_running_loop().time()
            history.add(Operation(99, "write", f"r{number}", 0, None, now, after))

        async def client(process: int) -> None:
            rng = Random(f"{seed}/{process}")
            while not over.is_set():
                await once(stage, process, rng, history)
                await asyncio.sleep(rng.expovariate(20))

        clients = [asyncio.ensure_future(client(process)) for process in range(4)]
        await trouble(stage, Random(seed))
        await asyncio.sleep(5)
        over.set()
        await asyncio.gather(*clients)
        await asyncio.sleep(1)  # the last heartbeats tell followers what is agreed
        assert len({str(node.store.dump()) for node in stage.nodes.values()}) == 1
        return history

    found: History = play(folder, scene, "--mode", mode, "--compact-after", "60", "--patience", "1", seed=seed * 10)
    assert len(found.ok()) > 100
    return found


@pytest.mark.parametrize("seed", range(2))
def test_what_clients_of_raft_saw_is_linearizable_whatever_happened(tmp_path: Path, seed: int) -> None:
    verdict = linearizable(storm(tmp_path, "raft", seed))
    assert verdict.holds, f"{verdict.anomaly}: {[str(o) for o in verdict.operations]}"


def test_the_same_storm_finds_asynchronous_replication_out(tmp_path: Path) -> None:
    assert not linearizable(storm(tmp_path, "async", 1)).holds
