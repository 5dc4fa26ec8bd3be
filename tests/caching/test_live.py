"""The same client code on our cache and on Valkey: same answers, same errors, same exceptions in redis-py."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

import pytest

from minisys.caching import live, real

redis = pytest.importorskip("redis")
pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def servers():
    """Both, or ours alone where Valkey has no wheel."""
    with live.cache("noeviction", "64mb") as ours:
        if real.missing("valkey"):
            yield {"ours": ours}
        else:
            with real.product("valkey", "noeviction", "64mb") as valkey:
                yield {"ours": ours, "valkey": valkey}


@pytest.fixture(params=["ours", "valkey"])
def port(request, servers):
    if request.param not in servers:
        pytest.skip(real.missing("valkey"))
    port = servers[request.param].port
    with redis.Redis(port=port) as client:
        client.flushall()
    return port


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(request, port):
    with redis.Redis(port=port, protocol=request.param, decode_responses=True) as client:
        yield client


def test_values_come_back_decoded_or_as_bytes(client, port):
    assert client.ping() and client.set("name", "Zoë") and client.get("name") == "Zoë"
    with redis.Redis(port=port) as raw:
        raw.set("raw", b"\x00\xff\r\n$3\r\n")
        assert raw.get("raw") == b"\x00\xff\r\n$3\r\n" and raw.get("name") == "Zoë".encode()
    assert client.get("nothing") is None and client.mget("name", "nothing") == ["Zoë", None]
    assert client.strlen("name") == 4 and client.append("name", "!") == 5 and client.type("name") == "string"
    assert client.type("nothing") == "none" and client.mset({"a": 1, "b": 2}) and client.dbsize() == 4


def test_conditions_of_set(client):
    assert client.set("a", 1, nx=True) is True and client.set("a", 2, nx=True) is None
    assert client.set("b", 1, xx=True) is None and client.set("a", 3, xx=True) is True
    assert client.set("a", 4, get=True) == "3" and client.set("new", 1, get=True) is None
    assert client.set("a", 5, px=60_000) and 59_000 < client.pttl("a") <= 60_000
    assert client.set("a", 6, keepttl=True) and client.ttl("a") == 60
    assert client.set("a", 7) and client.ttl("a") == -1 and client.ttl("nothing") == -2
    assert client.set("a", 1, exat=int(time.time()) + 100) and 99 <= client.ttl("a") <= 100


def test_expiry(client):
    client.set("a", 1, px=30)
    client.set("b", 1)
    assert client.pexpire("b", 30) and client.get("a") == "1"
    time.sleep(0.06)
    assert client.get("a") is None and client.exists("a", "b") == 0 and client.pttl("b") == -2
    client.set("c", 1, ex=100)
    assert client.expire("c", 50, gt=True) is False and client.expire("c", 200, gt=True) is True
    assert client.expire("c", 10, nx=True) is False and client.persist("c") is True and client.persist("c") is False
    assert client.expire("c", -1) is True and client.get("c") is None and client.expire("c", 10) is False
    assert (
        client.execute_command("SETEX", "d", 100, 1)
        and client.getex("d", persist=True) == "1"
        and client.ttl("d") == -1
    )
    assert client.getdel("d") == "1" and client.getdel("d") is None


def test_counters(client):
    assert [client.incr("n"), client.incrby("n", 10), client.decr("n"), client.decrby("n", 5)] == [1, 11, 10, 5]
    assert client.incrbyfloat("n", 0.1) == 5.1 and client.incrbyfloat("n", "-0.1") == 5 and client.get("n") == "5"
    assert client.incrbyfloat("n", "1e3") == 1005 and client.incr("n") == 1006
    client.set("big", 2**63 - 1)
    for call in (client.incr, lambda key: client.incrby(key, 5)):
        with pytest.raises(redis.ResponseError, match="overflow"):
            call("big")
    assert client.get("big") == str(2**63 - 1)


def test_keys_and_scan(client):
    names = {f"user:{i}" for i in range(200)}
    client.mset(dict.fromkeys(names, "x"))
    client.set("other", 1)
    assert set(client.keys("user:*")) == set(client.scan_iter("user:*", count=7)) == names
    assert client.keys("user:1[0-2]?") and not client.keys("user") and list(client.scan_iter(_type="LIST")) == []
    assert client.delete("user:1", "user:2", "nope") == 2 and client.unlink("user:3") == 1
    assert client.touch("user:4", "nope") == 1 and client.flushdb() and client.keys() == []


def test_pipelines_answer_in_order(client):
    with client.pipeline(transaction=False) as many:
        for i in range(3000):
            many.set(i, "x" * (i % 50)).get(i).incr("count")
        answers = many.execute()
    assert len(answers) == 9000 and answers[-1] == 3000 and answers[1::3] == ["x" * (i % 50) for i in range(3000)]


def test_a_transaction_is_all_or_nothing(client, port):
    with client.pipeline() as both:
        assert both.set("a", 1).incr("a").get("a").execute() == [True, 2, "2"]
    with client.pipeline() as both, redis.Redis(port=port) as other:
        both.watch("a")
        other.set("a", 10)
        both.multi()
        both.set("a", 3)
        with pytest.raises(redis.WatchError):
            both.execute()
    assert client.get("a") == "10"
    with client.pipeline() as both:
        both.watch("a", "b")
        both.multi()
        assert both.incr("a").execute() == [11]
    with client.pipeline() as both:
        both.set("word", "x").incr("word").set("after", 1)
        answers = both.execute(raise_on_error=False)
    assert answers[0] is True and isinstance(answers[1], redis.ResponseError) and client.get("after") == "1"


def test_a_watched_key_that_expires_has_changed(client):
    client.set("a", 1, px=20)
    with client.pipeline() as both:
        both.watch("a")
        time.sleep(0.05)
        both.multi()
        both.set("b", 1)
        with pytest.raises(redis.WatchError):
            both.execute()


def test_exactly_one_of_many_gets_the_lock(client, port):
    import threading

    got = []

    def grab(name):
        with redis.Redis(port=port) as mine:
            if mine.set("lock", name, nx=True, px=30_000):
                got.append(name)

    threads = [threading.Thread(target=grab, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1 and client.get("lock") == str(got[0])


def test_what_the_server_says_of_itself(client):
    assert client.client_setname("me") and client.client_getname() == "me" and client.client_id() > 0
    assert any(each["name"] == "me" for each in client.client_list())
    assert client.config_set("maxmemory", "32mb") and client.config_get("maxmemory") == {"maxmemory": "33554432"}
    assert (
        client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"} and client.config_get("nope") == {}
    )
    client.config_resetstat()
    client.set("a", 1)
    client.get("a"), client.get("b")
    told = client.info("stats")
    assert (told["keyspace_hits"], told["keyspace_misses"]) == (1, 1)
    assert client.info("keyspace")["db0"]["keys"] == 1 and client.memory_usage("a") > 1
    assert client.memory_usage("b") is None and client.echo("x") == "x" and client.select(0)


ERRORS = [
    "NOPE", "NOPE a b c", "GET", "GET a b", "SET a", "SET a 1 EX", "SET a 1 EX x", "SET a 1 EX 0",
    "SET a 1 PX -5", "SET a 1 NX XX", "SET a 1 EX 5 PX 5", "SET a 1 KEEPTTL EX 5", "SET a 1 BOGUS",
    "SET a 1 EX 99999999999999999", "MSET a", "MSET a 1 b", "INCRBY a", "INCRBY a x", "INCRBY a 1.5",
    "INCRBY a 99999999999999999999", "INCRBYFLOAT a x", "DECRBY a -9223372036854775808", "EXPIRE a",
    "EXPIRE a x", "EXPIRE a 5 NX XX", "EXPIRE a 5 GT LT", "EXPIRE a 9223372036854775807", "SCAN x",
    "SCAN 0 COUNT 0", "SCAN 0 COUNT x", "SCAN 0 BOGUS", "SELECT 16", "SELECT x", "HELLO 4", "HELLO x",
    "HELLO 3 BOGUS", "HELLO 3 AUTH a b c", "CONFIG", "CONFIG GET", "CONFIG SET nope 1",
    "CONFIG SET maxmemory x", "CONFIG SET maxmemory-policy best", "CLIENT", "CLIENT NOPE", "CLIENT SETNAME",
    "EXEC", "DISCARD", "MEMORY", "MEMORY USAGE", "FLUSHALL NOW", "PING a b", "SETEX a 0 1", 
    "GETEX a EX 5 PERSIST", "WATCH", "COMMAND NOPE",
]  # fmt: skip


@pytest.mark.parametrize("line", ERRORS)
def test_errors_begin_as_valkeys_do(line, servers):
    if "valkey" not in servers:
        pytest.skip(real.missing("valkey"))
    said = {}
    for name, server in servers.items():
        with redis.Redis(port=server.port, protocol=2) as client:
            with pytest.raises(redis.RedisError) as raised:
                client.execute_command(*line.split())
            said[name] = type(raised.value), str(raised.value)
    assert said["ours"][0] is said["valkey"][0], said
    words = 4 if not line.startswith(("CONFIG SET max", "COMMAND")) else 3
    assert said["ours"][1].split()[:words] == said["valkey"][1].split()[:words], said


@pytest.mark.parametrize(
    "lines", [["MULTI", "MULTI"], ["MULTI", "WATCH a"], ["MULTI", "GET", "EXEC"], ["MULTI", "NOPE", "EXEC"]]
)
def test_wrong_transactions_end_as_valkeys_do(lines, servers):
    endings = {}
    for name, server in servers.items():
        with server.client() as client:
            for line in lines:
                try:
                    endings[name] = client.ask(*line.split())
                except Exception as problem:
                    endings[name] = str(problem).split()[0]  # the rest differs between Redis 7 and Valkey 9
    assert len(set(map(str, endings.values()))) == 1, endings


def lacking(tool):
    """Leave a test out at a user's, and fail it in CI, where `make test` installs the tool."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{tool} is missing: apt-get install redis-tools")


def bench(*words, port):
    """redis-benchmark or valkey-benchmark on *port*; what it printed."""
    tool = shutil.which("valkey-benchmark") or shutil.which("redis-benchmark")
    if tool is None:
        lacking("redis-benchmark")
    done = subprocess.run(
        [tool, "-p", str(port), "-q", "-n", "20000", "-r", "1000", *words], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and "rror" not in done.stdout + done.stderr, done
    return done.stdout


@pytest.mark.parametrize("pipeline", ["1", "16"])
def test_redis_benchmark_completes(pipeline):
    """-t has no mget before Valkey 8.1, so MGET is given as a command."""
    with live.cache("lru", "8mb") as server:
        told = bench("-t", "set,get,incr,mset", "-P", pipeline, port=server.port)
        assert all(f"{name}: " in told for name in ("SET", "GET", "INCR", "MSET (10 keys)"))
        assert "requests per second" in bench("-P", pipeline, "MGET", "key:__rand_int__", "b", "c", port=server.port)


def test_redis_cli_talks_to_it():
    tool = shutil.which("valkey-cli") or shutil.which("redis-cli")
    if tool is None:
        lacking("redis-cli")
    with live.cache("lru", "8mb") as server:
        lines = "set k 'a b'\nget k\nhello 3\nget nope\nnope\n"
        done = subprocess.run([tool, "-p", str(server.port)], input=lines, capture_output=True, text=True, timeout=20)
    assert (
        done.stdout.startswith("OK\na b\n") and "proto 3" in done.stdout and "ERR unknown command 'nope'" in done.stdout
    )
