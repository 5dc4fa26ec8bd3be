"""One test for two systems: our sharded store and Valkey's cluster, under the official client while slots move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from minisys.replication.harness import Load
from minisys.sharding import experiments, mover
from minisys.sharding.live import ask, cluster
from minisys.sharding.real import valkey_cluster
from minisys.sharding.slots import key_slot
from minisys.testbed import wheels

pytest.importorskip("redis")
pytestmark = pytest.mark.live


@contextmanager
def started(name: str) -> Iterator:
    if name == "minisys":
        with cluster(3) as made:
            yield made
        return
    if why := wheels.missing("valkey"):
        pytest.skip(why)
    with valkey_cluster(3) as made:
        yield made


@pytest.fixture(scope="module", params=["minisys", "valkey"])
def running(request):
    with started(request.param) as made:
        yield made


def test_redirections_have_the_same_words(running):
    topology = running.topology()
    port = {name: topology.leader(name).port for name in ("a", "b", "c")}
    slot = key_slot(b"{same}")
    here = topology.owners[slot]
    there = next(name for name in port if name != here)
    questions = [
        (there, "GET", "{same}1"), (here, "GET", "{same}1"), (here, "MGET", "{same}1", "{other}"),
        (here, "CLUSTER", "SETSLOT", slot, "IMPORTING", topology.leader(there).node),
        (there, "CLUSTER", "SETSLOT", slot, "MIGRATING", topology.leader(here).node),
        (here, "CLUSTER", "KEYSLOT", "{same}x"), (here, "CLUSTER", "COUNTKEYSINSLOT", slot),
        (here, "SET", "{same}1", "1", "XX"), (here, "INCR", "{same}n"), (here, "GETKEYS"), (here, "SET", "{same}1"),
        (here, "DEL", "{same}1", "{same}n"),
    ]  # fmt: skip
    answers = []
    for name, *words in questions:
        try:
            answers.append(ask(port[name], *words))
        except Exception as problem:  # an error is an answer, too
            answers.append(f"{problem} ".split("GETKEYS")[0].replace("'getkeys'", "'"))
    assert [str(answer).split(",")[0].rstrip(". '") for answer in answers] == [
        f"MOVED {slot} 127.0.0.1:{port[here]}", "None", "CROSSSLOT Keys in request don't hash to the same slot",
        f"ERR I'm already the owner of hash slot {slot}", f"ERR I'm not the owner of hash slot {slot}",
        str(slot), "0", "None", "1", "ERR unknown command", "ERR wrong number of arguments for 'set' command", "1",
    ]  # fmt: skip


def test_slots_move_under_load_without_a_lost_write_or_an_error(running):
    seen = experiments.reshard_live(running, "a", most=400, load=Load(for_s=1.5, clients=4))
    assert (seen.lost, seen.errors) == (0, 0) and seen.found.acknowledged > 100
    assert seen.found.verdict.holds, seen.found.verdict
    topology = running.topology()
    back = [mover.Move(slot, owner, "a") for slot, owner in enumerate(topology.owners[:400]) if owner != "a"]
    assert mover.move(running.topology, back) == 400 and running.topology().owners[:400] == ("a",) * 400
    assert mover.move(running.topology, back) == 0
