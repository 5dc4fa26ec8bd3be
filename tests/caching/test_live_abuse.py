"""Clients that mean no good: the server stays up, its memory bounded, and the others are served."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, suppress

import pytest

from minisys.caching import live, real
from minisys.caching.live import RespClient
from minisys.testbed import nodes
from minisys.testbed.descriptors import room_for

pytestmark = pytest.mark.live
MB = 1_000_000


@pytest.fixture
def server():
    """A small cache that must be there, and must be served by, at the end."""
    with live.cache("lru", "8mb", max_clients=1100) as running:
        yield running
        assert running.node.running
        serves(running)


def serves(server):
    """Somebody else gets an answer."""
    with server.client() as client:
        client.set("hello", b"world")
        assert client.get("hello") == b"world"


def connect(server, stack):
    made = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
    return made


def until_closed(client):
    """What the server still said before it closed."""
    told = b""
    with suppress(ConnectionError):
        while piece := client.recv(65_536):
            told += piece
    return told


def eventually(condition, within_s=10.0):
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)


@pytest.mark.parametrize(
    "stream",
    [
        b"*4000000000\r\n", b"*1\r\n$99999999999\r\n", b"*1\r\n*1\r\n$1\r\na\r\n", b"*1\r\n:1\r\n", b"*x\r\n",
        b"*1\r\n$x\r\n", b"GET 'open\r\n", b"*3\r\n~900000000\r\n", b"x" * 100_000, b"*" * 100_000,
        b"*1\r\n$" + b"9" * 200,
    ],
)  # fmt: skip
def test_what_is_no_request_is_answered_and_closed(server, stream):
    with ExitStack() as stack:
        client = connect(server, stack)
        with suppress(ConnectionError):
            client.sendall(b"PING\r\n" + stream)
        told = until_closed(client)
        assert told.startswith(b"+PONG\r\n") or not told  # a reset may overtake the answer
        if len(stream) < 1000:
            assert b"-ERR Protocol error" in told


def test_half_requests_of_many_clients_take_no_more_than_all_may_hold():
    node = nodes.start("minisys.caching", "--policy", "lru", "--maxmemory", "8mb", "--max-value", "64mb")
    with node, ExitStack() as stack:
        before, piece = node.memory_mb, b"x" * MB
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", node.port), timeout=5)) for _ in range(20)
        ]
        for client in clients:
            with suppress(ConnectionError):
                client.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$60000000\r\n")
                for _ in range(25):
                    client.sendall(piece)
        assert node.memory_mb - before < 400  # 500 MB were sent, 268 MB may be held
        with RespClient(node.port) as other:
            assert other.ask("PING") == b"PONG"


def test_a_client_that_never_reads_does_not_grow_the_server(server):
    with server.client() as writer:
        writer.set("large", b"x" * MB)
    before = server.node.memory_mb
    with ExitStack() as stack:
        deaf = connect(server, stack)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(0.5)
        with suppress(TimeoutError, ConnectionError):
            for _ in range(200):
                deaf.sendall(b"GET large\r\n" * 1000)
        assert server.node.memory_mb - before < 60  # 200 GB were asked for
        for _ in range(20):
            serves(server)


def test_a_client_that_never_reads_is_closed_in_the_end():
    with (
        nodes.start("minisys.caching", "--stuck", "0.5") as node,
        RespClient(node.port) as control,
        ExitStack() as stack,
    ):
        control.set("large", b"x" * MB)
        deaf = stack.enter_context(socket.create_connection(("127.0.0.1", node.port), timeout=5))
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(b"GET large\r\n" * 50)
        eventually(lambda: control.ask("CLIENT", "LIST").count(b"id=") == 1)


def test_a_slow_reader_gets_all_of_it_in_order(server):
    with server.client() as writer, ExitStack() as stack:
        for i in range(20):
            writer.set(f"k{i}", b"%d" % (i % 10) * 300_000)
        slow = connect(server, stack)
        slow.sendall(b"".join(b"GET k%d\r\n" % i for i in range(20)) + b"QUIT\r\n")
        told = b""
        while piece := slow.recv(50_000):
            told += piece
            time.sleep(0.002)
    expected = b"".join(b"$300000\r\n%s\r\n" % (b"%d" % (i % 10) * 300_000) for i in range(20)) + b"+OK\r\n"
    assert told == expected


def test_a_thousand_idle_clients_cost_little_and_one_too_many_is_told(server):
    assert room_for(1010) == 1010, "this system lets no process open a thousand connections"
    before = server.node.memory_mb
    with ExitStack() as stack:
        for _ in range(1000):
            connect(server, stack)
        with server.client() as control:
            eventually(lambda: control.ask("INFO", "clients").count(b"connected_clients:1001") == 1)
            serves(server)
            assert server.node.memory_mb - before < 30
            control.ask("CONFIG", "SET", "maxclients", 1001)
            late = connect(server, stack)
            assert until_closed(late) == b"-ERR max number of clients reached\r\n"


def test_silent_clients_are_closed_when_told_to(server):
    with ExitStack() as stack:
        ask(server, "CONFIG", "SET", "timeout", 1)
        silent = connect(server, stack)
        silent.sendall(b"PING\r\n")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and ask(server, "CLIENT", "LIST").count(b"id=") > 1:
            time.sleep(0.1)
        assert until_closed(silent) == b"+PONG\r\n"
        ask(server, "CONFIG", "SET", "timeout", 0)


def ask(server, *words):
    """The answer on a connection of its own, which a busy machine cannot keep silent for too long."""
    with server.client() as client:
        return client.ask(*words)


def test_transactions_and_watches_have_bounds(server):
    with server.client() as client:
        client.ask("MULTI")
        large = b"x" * (8 * MB)
        said = []
        for _ in range(6):
            try:
                said.append(client.ask("SET", "a", large))
            except Exception as problem:
                said.append(str(problem))
        assert said[0] == b"QUEUED" and "too large" in said[-1]
        with pytest.raises(Exception, match="EXECABORT"):
            client.ask("EXEC")
        with pytest.raises(Exception, match="10000 keys at most"):
            client.ask("WATCH", *range(11_000))
    assert server.node.memory_mb < 250


@pytest.mark.parametrize("policy", ["lru", "sieve", "s3-fifo", "w-tinylfu", "lfu"])
def test_maxmemory_bounds_the_process(policy):
    with live.cache(policy, "16mb") as server, server.client() as client:
        before = server.node.memory_mb
        for begin in range(0, 100_000, 500):
            client.ask("MSET", *(word for i in range(begin, begin + 500) for word in (i, b"x" * 300)))
        stats = client.stats()
        assert stats.used_bytes <= 16 * 2**20 and stats.evictions > 50_000
        assert server.node.memory_mb - before < 2 * 17


def test_expired_values_go_without_being_asked_for():
    with live.cache("noeviction", "64mb") as server, server.client() as client:
        for i in range(2000):
            client.set(str(i), b"x", ttl_s=0.2)
        client.set("stays", b"x")
        eventually(lambda: client.ask("DBSIZE") < 600)  # Redis's rule leaves about a quarter at most
        assert client.get("stays") == b"x"


def test_a_killed_cache_comes_back_empty():
    with live.cache() as server, server.client() as client:
        client.set("a", b"1")
        server.kill()
        with pytest.raises(ConnectionError):
            client.get("a")
    assert not server.node.running


@pytest.mark.parametrize("bad", [{"policy": "best"}, {"maxmemory": "much"}, {"policy": "lru", "maxmemory": "-1"}])
def test_bad_options_are_one_clear_line(bad):
    with pytest.raises(nodes.NodeFailed, match="error: ") as raised, live.cache(**bad):
        pass
    assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize("name", ["ours", *real.PRODUCTS])
def test_the_same_call_for_ours_and_the_products(name):
    if name != "ours" and (why := real.missing(name)):
        pytest.skip(why)
    with live.cache("lru", "4mb") if name == "ours" else real.product(name, "lru", "4mb") as server:
        with server.client() as client:
            assert client.get("a") is None and client.delete("a") is False
            client.set("a", b"1\r\n2", ttl_s=100)
            assert client.get("a") == b"1\r\n2" and client.delete("a") is True
            keys = [i % 7 for i in range(100)] + list(range(100, 6000))
            told = live.replay(client, keys, 1000)
            assert (told.hits, told.misses) == (93, 5907)
            assert 0 < told.keys < 5907 and told.evictions >= 5907 - told.keys - 1
            assert server.url.startswith(("redis://127.0.0.1:", "memcached://127.0.0.1:"))


def test_unknown_products_and_policies_are_named():
    with pytest.raises(ValueError, match="known: valkey, redis, memcached"):
        real.binary("garnet")
    if not real.missing("valkey"):
        with (
            pytest.raises(ValueError, match="valkey has no policy 'sieve'; it has lru, lfu"),
            real.product("valkey", "sieve"),
        ):
            pass
