"""The partitioned log: its rules on a clock that the test sets, and its API with real connections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.queues import live
from minisys.queues.log import LOG, Log, LogRefused
from minisys.queues.readers import Readers
from minisys.queues.store import Store


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    store = Store(tmp_path, durable=False, layout=LOG)
    yield Log(store)
    store.close()


@pytest.fixture
def readers(log: Log) -> Readers:
    log.create("t", 4)
    return Readers(log)


def parts(told: dict[str, Any]) -> list[int]:
    return [part["partition"] for part in told["partitions"]]


def test_offsets_rise_by_one_and_a_key_keeps_its_partition(log: Log) -> None:
    log.create("t", 3)
    places = log.append("t", [("a", "1"), (None, "2"), ("a", "3"), (None, "4")], 0.0)
    assert places[0][0] == places[2][0] and places[2][1] > places[0][1]
    for number, part in enumerate(log.partitions("t")):
        assert [record["offset"] for record in log.read("t", number, 0)] == list(range(part["next"]))


@settings(max_examples=20, deadline=None)
@given(keys=st.lists(st.sampled_from(["a", "b", "c", None]), max_size=30), partitions=st.integers(1, 5))
def test_everything_written_is_read_in_order_of_its_key(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str | None], partitions: int
) -> None:
    store = Store(tmp_path_factory.mktemp("log"), durable=False, layout=LOG)
    log = Log(store)
    log.create("t", partitions)
    log.append("t", [(key, str(number)) for number, key in enumerate(keys)], 0.0)
    read = [record for number in range(partitions) for record in log.read("t", number, 0)]
    store.close()
    assert sorted(int(record["body"]) for record in read) == list(range(len(keys)))
    for key in "abc":
        assert [int(r["body"]) for r in read if r["key"] == key] == [n for n, each in enumerate(keys) if each == key]


def test_a_topic_is_made_once(log: Log) -> None:
    log.create("t", 3, 60.0)
    log.create("t", 3, 60.0)
    for partitions, retention_s, said in ((2, 60.0, "exists with 3"), (0, None, "1 to 1000"), (1, -1.0, "1 to 1000")):
        with pytest.raises(LogRefused, match=said):
            log.create("t", partitions, retention_s)
    for call in (lambda: log.append("u", [], 0.0), lambda: log.read("t", 3, 0), lambda: log.read("t", 0, 1)):
        with pytest.raises(LogRefused, match="no topic|partitions 0 to 2|holds offsets"):
            call()


def test_retention_takes_from_the_front_and_offsets_stay(log: Log) -> None:
    log.create("t", 1, 60.0)
    for now in (0.0, 30.0, 60.0):
        log.append("t", [(None, str(now))], now)
    assert log.expire(59.9) == 0
    assert log.expire(60.0) == 1
    assert log.partitions("t") == [{"number": 0, "first": 1, "next": 3}]
    with pytest.raises(LogRefused, match="holds offsets 1 to 2, not 0"):
        log.read("t", 0, 0)
    assert log.expire(1000.0) == 2
    assert log.append("t", [(None, "x")], 1000.0) == [(0, 3)]


def test_members_share_the_partitions_and_a_leaver_gives_them_back(readers: Readers) -> None:
    assert parts(readers.join("g", "a", ["t"], 0.0)) == [0, 1, 2, 3]
    assert parts(readers.join("g", "b", ["t"], 0.0)) == [2, 3]
    told = readers.heartbeat("g", "a", 1.0)
    assert (told["generation"], parts(told)) == (2, [0, 1])
    readers.leave("g", "a")
    assert parts(readers.heartbeat("g", "b", 2.0)) == [0, 1, 2, 3]


def test_a_silent_member_is_dropped_and_fenced(readers: Readers) -> None:
    readers.log.append("t", [(None, str(n)) for n in range(8)], 0.0)
    first = readers.join("g", "a", ["t"], 0.0)
    readers.join("g", "b", ["t"], 0.0)
    with pytest.raises(LogRefused, match="generation 1 is over"):
        readers.commit("g", "a", first["generation"], {("t", 0): 2}, 1.0)
    readers.commit("g", "a", 2, {("t", 0): 2}, 1.0)
    with pytest.raises(LogRefused, match="partition 3 of 't' is not a's"):
        readers.commit("g", "a", 2, {("t", 3): 1}, 1.0)
    readers.heartbeat("g", "b", 9.9)
    told = readers.heartbeat("g", "b", 11.0)  # a was last heard at 1 s
    assert parts(told) == [0, 1, 2, 3]
    assert told["partitions"][0]["offset"] == 2
    with pytest.raises(LogRefused, match="not in group"):
        readers.commit("g", "a", 2, {("t", 0): 2}, 11.0)


def test_lag_and_replay(readers: Readers) -> None:
    log = readers.log
    log.append("t", [(None, str(n)) for n in range(8)], 5.0)
    log.append("t", [(None, str(n)) for n in range(4)], 50.0)
    assert readers.lag("g", "t") == {0: 3, 1: 3, 2: 3, 3: 3}
    told = readers.join("g", "a", ["t"], 0.0)
    readers.commit("g", "a", told["generation"], {("t", n): 3 for n in range(4)}, 1.0)
    assert sum(readers.lag("g", "t").values()) == 0
    with pytest.raises(LogRefused, match="is being read by a"):
        readers.seek("g", "t", "earliest", 2.0)
    readers.leave("g", "a")
    for to, lag in (("earliest", 12), (10.0, 4), ("latest", 0), (99.0, 0)):
        readers.seek("g", "t", to, 2.0)
        assert sum(readers.lag("g", "t").values()) == lag
    assert sum(readers.lag("another", "t").values()) == 12  # nobody else moved


def test_a_group_reads_in_one_way(readers: Readers) -> None:
    readers.join("g", "a", ["t"], 0.0, kind="range")
    with pytest.raises(LogRefused, match="reads t by range"):
        readers.join("g", "b", ["t"], 0.0, kind="sticky")
    with pytest.raises(LogRefused, match="need group"):
        readers.join("h", "b", [], 0.0)
    with pytest.raises(LogRefused, match="ends at 0"):
        readers.commit("g", "a", 1, {("t", 0): 5}, 1.0)


def ask(method: str, url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data=data, method=method), timeout=10) as answer:
        return json.loads(answer.read())


@pytest.mark.live
def test_the_log_lives_through_a_sigkill(tmp_path: Path) -> None:
    with live.log(tmp_path) as node:
        ask("PUT", f"{node.url}/topics/t", {"partitions": 2})
        ask("POST", f"{node.url}/topics/t/records", {"records": [{"key": "k", "body": str(n)} for n in range(5)]})
        told = ask("POST", f"{node.url}/groups/g/join", {"member": "a", "topics": ["t"]})
        number = next(n for n in (0, 1) if ask("GET", f"{node.url}/topics/t/{n}/records")["records"])
        offsets = {f"t/{number}": 3}
        ask("POST", f"{node.url}/groups/g/commit", {"member": "a", "generation": 1, "offsets": offsets})
        node.kill()
    with live.log(tmp_path) as node:
        again = ask("POST", f"{node.url}/groups/g/join", {"member": "a", "topics": ["t"]})
        assert again["generation"] > told["generation"]
        start = next(part["offset"] for part in again["partitions"] if part["partition"] == number)
        got = ask("GET", f"{node.url}/topics/t/{number}/records?offset={start}&wait_s=1")["records"]
        assert [record["body"] for record in got] == ["3", "4"]
        assert ask("GET", f"{node.url}/groups/g/lag?topic=t") == {"lag": {str(number): 2, str(1 - number): 0}}
        for method, path, body, status in (
            ("GET", "/topics/nobody", None, 404), ("PUT", "/topics/t", {"partitions": 9}, 409),
            ("POST", "/topics/t/records", {"records": "x"}, 400), ("POST", "/topics/t/records", [1], 400),
            ("POST", "/groups/g/commit", {"member": "a", "generation": 0, "offsets": {}}, 409),
            ("GET", "/topics/t/0/records?offset=99", None, 416), ("DELETE", "/", None, 404),
        ):  # fmt: skip
            with pytest.raises(HTTPError) as refused:
                ask(method, node.url + path, body)
            assert refused.value.code == status
            assert "error" in json.loads(refused.value.read())
            refused.value.close()
