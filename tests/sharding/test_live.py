"""Our sharded store under the official client: answers, redirections, moves, deaths, pauses, and a router in front."""

from __future__ import annotations

import threading
import time

import hiredis
import pytest

from minisys.replication.harness import Load
from minisys.sharding import experiments, mover
from minisys.sharding.live import Sharded, ask, cluster
from minisys.sharding.slots import key_slot
from minisys.testbed import nodes
from minisys.testbed.resp_client import RespSocket

redis = pytest.importorskip("redis")
pytestmark = pytest.mark.live
LEASE_S = 0.7


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with cluster(3, lease_s=LEASE_S, state=str(tmp_path_factory.mktemp("coordinator") / "state")) as made:
        yield made


@pytest.fixture
def healthy(running: Sharded):
    """The cluster with every shard complete; what a test killed is replaced."""
    for shard in running.topology().shards:
        missing = sum(not running.members[each.port].running for _, each in shard.members())
        for _ in range(missing or (shard.replica is None and shard.joining is None)):
            running.add_node()
    running.settled()
    return running


def key_of(running: Sharded, shard: str, number: int = 0) -> str:
    owners = running.topology().owners
    return [key for key in (f"key-{n}" for n in range(500)) if owners[key_slot(key.encode())] == shard][number]


def port_of(running: Sharded, shard: str) -> int:
    return running.primary(shard).port


def written(running: Sharded, values: dict[str, str]) -> None:
    with running.client() as client:
        client.mset_nonatomic(values)


def refused(port: int, *words) -> str:
    with pytest.raises(hiredis.ReplyError) as said:
        ask(port, *words)
    return str(said.value)


def test_official_client_reads_writes_and_draws_the_map(healthy):
    with healthy.client() as client:
        assert client.set("a", "1") and client.get("a") == b"1" and client.get("nothing") is None
        assert client.set("lock", "me", nx=True, px=50) and client.set("lock", "you", nx=True) is None
        assert 0 < client.pttl("lock") <= 50
        assert [client.incr("n"), client.incrby("n", 5), client.delete("n"), client.exists("n")] == [1, 6, 1, 0]
        assert client.mset({"{u}x": 1, "{u}y": 2}) and client.mget("{u}x", "{u}y", "{u}z") == [b"1", b"2", None]
        assert client.mset_nonatomic({"x": 1, "y": 2, "z": 3}) and client.mget_nonatomic("x", "y") == [b"1", b"2"]
        time.sleep(0.06)
        assert client.get("lock") is None and client.set("lock", "you", nx=True)
        assert client.cluster_keyslot("{user1000}.following") == key_slot(b"user1000")
        assert client.cluster_info()["cluster_state"] == "ok"
        shards = client.cluster_shards()
        assert len(shards) == 3 and all(len(shard["nodes"]) == 2 for shard in shards)
        assert sum("master" in each["flags"] for each in client.cluster_nodes().values()) == 3
        with pytest.raises(redis.exceptions.RedisClusterException, match="same"):
            client.mget("x", "y")


def test_both_protocol_versions_and_reads_from_replicas(healthy):
    for protocol in (2, 3):
        with healthy.client(protocol=protocol) as client:
            assert client.set("p", "v") and client.get("p") == b"v" and len(client.cluster_slots()) >= 3
    from redis.cluster import LoadBalancingStrategy

    with healthy.client(load_balancing_strategy=LoadBalancingStrategy.ROUND_ROBIN_REPLICAS) as client:
        assert {client.get("p") for _ in range(6)} == {b"v"}


def test_wrong_shard_wrong_slot_and_replica_are_told_apart(healthy):
    here, key = port_of(healthy, "a"), key_of(healthy, "b")
    moved = f"MOVED {key_slot(key.encode())} 127.0.0.1:{port_of(healthy, 'b')}"
    assert refused(here, "GET", key) == moved
    assert refused(here, "MGET", key_of(healthy, "a"), key).startswith("CROSSSLOT")
    with RespSocket(healthy.replica("b").port) as replica:
        replica.send([["GET", key], ["READONLY"], ["GET", key], ["SET", key, "x"], ["READWRITE"], ["GET", key]])
        said = replica.replies(6)
    assert [str(each) for each in said[::5]] == [moved, moved] and said[1:3] == [b"OK", None] and str(said[3]) == moved


def test_nonsense_gets_an_error_and_the_connection_lives(healthy):
    here, own = port_of(healthy, "a"), key_of(healthy, "a")
    wrong = [
        ["NOTHING"], ["GET"], ["SET", own], ["SET", own, "1", "EX"], ["SET", own, "1", "NX", "XX"], ["MSET", own],
        ["SET", own, "1", "PX", "0"], ["INCRBY", own, "x"], ["CLUSTER"], ["CLUSTER", "NONE"],
        ["CLUSTER", "SETSLOT", "1"], ["CLUSTER", "SETSLOT", "16384", "STABLE"],
        ["CLUSTER", "SETSLOT", "-1", "NODE", "x"], ["HELLO", "9"],
        ["CLUSTER", "SETSLOT", "1", "NODE", "nobody"], ["CLUSTER", "GETKEYSINSLOT", "1", "-5"], ["SELECT", "1"],
        ["MIGRATE", "127.0.0.1", "1", own, "0"], ["MIGRATE", "127.0.0.1", "99999", own, "0", "100"],
        ["CLUSTER", "COUNTKEYSINSLOT", "x"], ["CLIENT", "PAUSE"],
        ["FOLLOW", "me"], ["APPLY", "1", "SET", own, "forged", ""], ["LOAD", "SET", own, "forged", ""], ["LOADED", "1"],
    ]  # fmt: skip
    ask(here, "SET", own, "1")
    with RespSocket(here) as one:
        for words in wrong:
            one.send([words, ["PING"]])
            said = one.replies(2)
            assert isinstance(said[0], hiredis.ReplyError) and said[1] == b"PONG", words
    assert ask(healthy.coordinator.port, "PING") == b"PONG"


def test_slot_on_the_way_asks_and_says_try_again_and_stable_loses_nothing(healthy):
    slot = key_slot(b"{t}")
    source = healthy.topology().owners[slot]
    target = next(name for name in ("a", "b", "c") if name != source)
    here, there = port_of(healthy, source), port_of(healthy, target)
    ids = {name: healthy.topology().leader(name).node for name in (source, target)}
    ask(here, "MSET", "{t}1", "one", "{t}2", "two")
    ask(there, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
    ask(here, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
    assert ask(here, "MIGRATE", "127.0.0.1", there, "{t}1", 0, 1000) == b"OK"
    assert refused(here, "GET", "{t}1") == f"ASK {slot} 127.0.0.1:{there}"
    assert refused(here, "SET", "{t}new", "x") == f"ASK {slot} 127.0.0.1:{there}"
    assert refused(here, "MGET", "{t}1", "{t}2").startswith("TRYAGAIN") and ask(here, "GET", "{t}2") == b"two"
    assert refused(there, "GET", "{t}1").startswith("MOVED")
    with RespSocket(there) as one:
        one.send([["ASKING"], ["GET", "{t}1"], ["GET", "{t}1"], ["ASKING"], ["MGET", "{t}1", "{t}2"]])
        said = one.replies(5)
    assert said[1] == b"one" and str(said[2]).startswith("MOVED") and str(said[4]).startswith("TRYAGAIN")
    assert "keys here" in refused(there, "CLUSTER", "SETSLOT", slot, "STABLE")
    assert "still hold keys" in refused(here, "CLUSTER", "SETSLOT", slot, "NODE", ids[target])
    assert ask(here, "MIGRATE", "127.0.0.1", there, "", 0, 1000, "REPLACE", "KEYS", "{t}1", "{t}2") == b"OK"
    ask(there, "CLUSTER", "SETSLOT", slot, "NODE", ids[target])
    ask(here, "CLUSTER", "SETSLOT", slot, "NODE", ids[target])
    with healthy.client() as client:
        assert client.mget("{t}1", "{t}2") == [b"one", b"two"]
    assert ask(here, "CLUSTER", "COUNTKEYSINSLOT", slot) == 0


def test_acknowledged_writes_survive_a_kill_under_load(healthy):
    seen = experiments.kill_live(healthy, "b", load=Load(for_s=2.3, clients=3))
    assert seen.lost == 0 and seen.found.acknowledged > 100 and seen.found.verdict.holds, seen.found.verdict
    assert seen.rto_s < 15


def test_newcomer_gets_everything_before_it_leads(healthy):
    before = {f"old-{number}": str(number) for number in range(300)}
    written(healthy, before)
    first = healthy.primary("b").pid
    healthy.kill("b")
    newcomer = healthy.add_node()
    healthy.settled()
    after = {f"new-{number}": str(number) for number in range(300)}
    written(healthy, after)
    healthy.kill("b")
    while healthy.topology().shard("b").replica is not None:
        time.sleep(0.02)
    healthy.agreed()
    assert healthy.primary("b").pid == newcomer.pid != first
    with healthy.client() as client:
        assert client.mget_nonatomic([*before, *after]) == [
            each.encode() for each in [*before.values(), *after.values()]
        ]


def test_primary_that_wakes_up_after_its_replica_took_over_says_nothing_old(healthy):
    wake = []

    def sleep_through_the_takeover() -> None:
        frozen = healthy.primary("c").pid
        wake.append(healthy.pause("c"))
        while healthy.primary("c").pid == frozen:
            time.sleep(0.02)
        time.sleep(0.3)
        wake[0]()

    load = Load(for_s=2.5, clients=3)
    seen = experiments.watch(healthy, "pause", sleep_through_the_takeover, load=load, shard="c")
    assert seen.lost == 0 and seen.found.verdict.holds, seen.found.verdict
    healthy.settled()  # it came back as a replica


def test_move_goes_on_after_its_source_died_in_the_middle(healthy):
    moves = mover.emptying(healthy.topology(), "a")[:700]
    with healthy.client() as client:
        values = {f"m{number}": str(number) for number in range(3000)}
        client.mset_nonatomic(values)
        killed = threading.Timer(0.15, healthy.kill, ["a"])
        killed.start()
        assert mover.move(healthy.topology, moves) == 700
        killed.join()
    healthy.agreed()
    with healthy.client() as client:  # a new one: redis-py's pipelines give up at a dead connection
        assert client.mget_nonatomic(list(values)) == [value.encode() for value in values.values()]
    owners = healthy.topology().owners
    assert all(owners[each.slot] == each.target for each in moves)


def test_cluster_works_without_its_coordinator_and_takes_over_when_it_is_back(healthy):
    healthy.coordinator.kill()
    time.sleep(1.5 * LEASE_S)
    with healthy.client() as client:
        assert client.set("alone", "1") and client.get("alone") == b"1"
    healthy.restart_coordinator()
    written(healthy, {"before the kill": "1"})
    healthy.kill("a")
    while healthy.topology().shard("a").replica is not None:
        time.sleep(0.02)
    healthy.agreed()
    with healthy.client() as client:
        assert client.get("before the kill") == b"1" and client.set(key_of(healthy, "a"), "1")


def test_plain_client_behind_the_router_sees_one_redis(healthy):
    with redis.Redis(port=healthy.router().port) as plain:
        assert plain.mset({"x": "1", "y": "2", "z": "3"}) and plain.mget("x", "nothing", "z") == [b"1", None, b"3"]
        assert plain.delete("x", "y", "nothing") == 2 and plain.incr("r") == 1 and plain.exists("z", "r") == 2
        pipe = plain.pipeline(transaction=False)
        for number in range(300):
            pipe.set(f"piped-{number}", number)
            pipe.get(f"piped-{number}")
        assert pipe.execute()[1::2] == [str(number).encode() for number in range(300)]
        with pytest.raises(redis.ResponseError, match="unknown command"):
            plain.execute_command("CLUSTER", "SLOTS")
        healthy.kill("b")
        for number in range(300):  # no error: the router waits for the takeover
            assert plain.set(f"after-{number}", number)
        assert plain.get("after-299") == b"299"


def test_shard_is_added_filled_emptied_and_removed(healthy):
    with healthy.client(meets_newcomers=True) as client:
        values = {f"g{number}": str(number) for number in range(500)}
        client.mset_nonatomic(values)
        new = healthy.add_shard()
        mover.move(healthy.topology, mover.plan(healthy.topology(), [new])[:400])
        assert healthy.topology().owners.count(new) == 400
        with pytest.raises(ValueError, match="still owns 400 slots"):
            healthy.remove_shard(new)
        mover.move(healthy.topology, mover.emptying(healthy.topology(), new))
        healthy.remove_shard(new)
        assert client.mget_nonatomic(list(values)) == [value.encode() for value in values.values()]
        assert len(healthy.topology().shards) == 3


def test_node_without_a_coordinator_or_with_a_taken_port_says_so():
    with pytest.raises(nodes.NodeFailed, match="required: part|--coordinator"):
        nodes.start("minisys.sharding", "node", name="shard-node-x")
    with pytest.raises(nodes.NodeFailed, match="1 to 26 shards"):
        nodes.start("minisys.sharding", "coordinator", "--shards", "0")
