"""What goes wrong with disks, files, peers and clients: a clear error, and nothing that was acknowledged is lost."""

from __future__ import annotations

import errno
import os
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import hiredis
import pytest
import redis

from minisys.replication.live import Cluster, cluster
from minisys.replication.log import HEAD, MAGIC, Disk, frame
from minisys.testbed import nodes
from minisys.testbed.nodes import Node, NodeFailed
from minisys.testbed.resp_client import RespSocket
from tests.replication.stage import Stage, play


class Full(Disk):
    """A disk that has no room for more than *room* bytes."""

    room = 3_000

    def write(self, file: int, data: bytes) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = os.write(file, data[: self.room])
        self.room -= done
        return done


@pytest.mark.parametrize("mode", ["async", "semi-sync", "raft"])
def test_a_full_disk_stops_the_replica_and_what_was_acknowledged_is_there_after_it_has_room(
    tmp_path: Path, mode: str
) -> None:
    async def scene(stage: Stage) -> None:
        leader = await stage.leader()
        stage.nodes[leader].log.disk = Full()
        client, acknowledged = await stage.client(leader), 0
        while (reply := await client.ask("SET", f"k{acknowledged}", "x" * 100)) == b"OK":
            acknowledged += 1
        assert acknowledged > 5
        assert str(reply).startswith("MISCONF ") and f"{leader}.log: could not write" in str(reply)
        assert "No space left on device" in str(reply) and "make room on the disk" in str(reply)
        assert "could not write" in await stage.nodes[leader].failed
        for name in "abc":  # all lose their power; then there is room
            await stage.kill(name)
        for name in "abc":
            await stage.start(name)
        reader = await stage.client(await stage.leader())
        assert [n for n in range(acknowledged) if await reader.ask("GET", f"k{n}") is None] == []

    play(tmp_path, scene, "--mode", mode)


@pytest.fixture(scope="module")
def c() -> Iterator[Cluster]:
    with cluster("raft", election=(1.0, 1.5)) as made:
        with made.client(made.primary()) as client:
            for n in range(20):
                client.ask("SET", f"k{n}", "acknowledged")
        yield made


def nothing_lost(c: Cluster) -> None:
    with c.client(c.primary()) as client:
        assert [n for n in range(20) if client.ask("GET", f"k{n}") != b"acknowledged"] == []


def ends(node: Node, within_s: float = 10.0) -> str:
    """The last words of a process that ends by itself."""
    deadline = time.monotonic() + within_s
    while node.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not node.running
    return node.tail()


@pytest.mark.live
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process's files")
def test_a_process_whose_log_cannot_grow_says_so_and_stops(c: Cluster) -> None:
    follower = c.replicas()[0]
    size = c.log(follower).stat().st_size
    resource.prlimit(c.nodes[follower].pid, resource.RLIMIT_FSIZE, (size + 100, size + 100))  # type: ignore[attr-defined]
    with c.client(c.primary()) as client:
        for n in range(5):
            assert client.ask("SET", f"more-{n}", "x" * 100) == b"OK"  # the other two are a majority
    words = ends(c.nodes[follower])
    assert "stopped, its disk failed" in words and f"{follower}.log: could not write" in words
    assert "File too large" in words
    c.restart(follower)
    nothing_lost(c)


@pytest.mark.live
def test_a_torn_tail_recovers_and_a_corrupt_middle_does_not_start_and_says_where(c: Cluster) -> None:
    victim = c.replicas()[0]
    c.kill(victim)
    whole = c.log(victim).read_bytes()
    c.log(victim).write_bytes(whole + frame([b"never finished"])[:-3])
    c.restart(victim)  # what was torn off had not been acknowledged
    nothing_lost(c)
    c.kill(victim)
    damaged = bytearray(c.log(victim).read_bytes())
    first = len(MAGIC) + len(frame([b"minisys"]))
    damaged[first + HEAD.size + 20] ^= 1
    c.log(victim).write_bytes(damaged)
    with pytest.raises(NodeFailed, match=f"{c.log(victim)}: offset {first}: a batch of .* is damaged"):
        c.restart(victim)
    assert c.log(victim).read_bytes() == damaged
    nothing_lost(c)
    c.log(victim).write_bytes(whole)
    c.restart(victim)


@pytest.mark.live
def test_a_log_of_another_cluster_and_one_in_use_are_refused(c: Cluster, tmp_path: Path) -> None:
    victim = c.replicas()[0]
    argv = ["--name", victim, "--folder"]
    with pytest.raises(NodeFailed, match="another process has it open"):
        nodes.start("minisys.replication", *argv, str(c.folder))
    (tmp_path / f"{victim}.log").write_bytes(c.log(victim).read_bytes())
    with pytest.raises(NodeFailed, match="belongs to cluster 'minisys', this node is one of cluster 'bank'"):
        nodes.start("minisys.replication", *argv, str(tmp_path), "--cluster", "bank")


@pytest.mark.live
def test_a_peer_that_speaks_garbage_or_is_of_another_cluster_is_shown_the_door(c: Cluster) -> None:
    primary = c.primary()
    term, port = c.info(primary)["term"], c.nodes[primary].admin_port
    hello = b'{"cluster": "minisys", "from": "%s", "to": "%s", "address": 1}'
    other = next(name for name in c.names if name != primary)
    greeting = frame([hello % (other.encode(), primary.encode())])
    vote = b'{"type": "RequestVote", "sender": "%s", "to": "%s"}' % (other.encode(), primary.encode())
    for said, answer in (
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"not a frame of a replica"),
        (os.urandom(200), b"not a frame of a replica"),
        (
            frame([hello.replace(b"minisys", b"bank") % (other.encode(), primary.encode())]),
            b"you are of cluster 'bank'",
        ),
        (frame([hello % (b"z", primary.encode())]), b"its peers are"),
        (frame([b"not json"]), b"not JSON"),
        (greeting + frame([b"[]"]), b"no message of its own"),
        (greeting + frame([vote]), b"RequestVote has the fields"),
        (greeting + frame([vote.replace(b"RequestVote", b"Order66")]), b"not a Raft message"),
        (b"\xff\xff\xff\xff" * 3, b"not a frame of a replica"),
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as stranger:
            stranger.sendall(said)
            heard = b""
            try:
                while data := stranger.recv(4096):
                    heard += data
            except ConnectionResetError:
                pass
            assert answer in heard, said
    told = c.info(c.primary())
    assert (c.primary(), told["term"]) == (primary, term)  # nobody was deposed
    assert int(told["refused_peers"]) == 9
    nothing_lost(c)


@pytest.mark.live
def test_a_client_that_sends_too_much_or_nonsense_gets_an_error_and_the_others_go_on(c: Cluster) -> None:
    primary = c.primary()
    with redis.Redis.from_url(c.url(primary)) as client:
        with pytest.raises((redis.ResponseError, redis.ConnectionError)):
            client.set("huge", bytes(2 * 2**20))
    for said, answer in ((b"*2\r\n$3\r\nGET\r\n$999999999\r\n", b"invalid bulk length"), (b"*1\r\n$x\r\n", b"bulk")):
        with RespSocket(c.addresses[primary], 5.0) as bad:
            bad.socket.sendall(said)
            assert answer in bad.receive()
    with c.client(primary) as client, pytest.raises(hiredis.ReplyError, match="unknown command 'SHUTDOWN'"):
        client.ask("SHUTDOWN")
    nothing_lost(c)
