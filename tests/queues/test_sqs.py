"""The protocol: long polling on the virtual clock, groups that share an fsync, and whatever a client may send."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.queues import live
from minisys.queues.broker import Broker
from minisys.queues.errors import SqsError
from minisys.queues.sqs import Service
from minisys.queues.store import Store
from minisys.testbed.clock import run_virtual
from minisys.testbed.nodes import Node
from tests.queues.stage import Local, Stage


def played(folder: Path, *plan: tuple[float, str, dict[str, Any]], queue: dict[str, str] | None = None) -> list[Any]:
    """Play (when, action, parameters) on the virtual clock; when each was answered, and with which texts."""

    async def one(service: Service, at_s: float, action: str, parameters: dict[str, Any]) -> tuple[float, list[str]]:
        await asyncio.sleep(at_s)
        answer = await service.answer(action, {"QueueUrl": "x/q", **parameters})
        return asyncio.get_running_loop().time(), [message["Body"] for message in answer.get("Messages", [])]

    async def main() -> list[Any]:
        store = Store(folder, durable=False)
        service = Service(Broker(store, rng=Random(1)), clock=asyncio.get_running_loop().time, threaded=False)
        await service.answer("CreateQueue", {"QueueName": "q", "Attributes": queue or {}})
        seen = await asyncio.gather(*(one(service, *step) for step in plan))
        await service.close()
        store.close()
        return list(seen)

    return run_virtual(main())


def receive(at_s: float, wait_s: int, **more: Any) -> tuple[float, str, dict[str, Any]]:
    return at_s, "ReceiveMessage", {"WaitTimeSeconds": wait_s, **more}


def send(at_s: float, body: str, **more: Any) -> tuple[float, str, dict[str, Any]]:
    return at_s, "SendMessage", {"MessageBody": body, **more}


def test_a_long_poll_ends_with_the_first_message(tmp_path: Path) -> None:
    assert played(tmp_path, receive(1.0, 20), send(4.0, "x"))[0] == (4.0, ["x"])


def test_a_long_poll_without_message_ends_when_it_said(tmp_path: Path) -> None:
    waited = {"ReceiveMessageWaitTimeSeconds": "7"}
    seen = played(tmp_path, receive(1.0, 20), (0.0, "ReceiveMessage", {}), receive(0.0, 0), queue=waited)
    assert seen == [(21.0, []), (7.0, []), (0.0, [])]


def test_a_long_poll_sees_what_becomes_visible(tmp_path: Path) -> None:
    late = send(0.0, "late", DelaySeconds=5)
    assert played(tmp_path / "a", late, receive(0.0, 20))[1] == (5.0, ["late"])
    taken = receive(1.0, 0, VisibilityTimeout=6)
    assert played(tmp_path / "b", send(0.0, "x"), taken, receive(2.0, 20))[1:] == [(1.0, ["x"]), (7.0, ["x"])]


def test_each_message_goes_to_one_of_those_who_wait(tmp_path: Path) -> None:
    seen = played(tmp_path, *[receive(0.0, 20) for _ in range(3)], send(2.0, "a"), send(3.0, "b"))[:3]
    assert sorted(seen) == [(2.0, ["a"]), (3.0, ["b"]), (20.0, [])]


def test_the_same_in_two_runs(tmp_path: Path) -> None:
    plan = [receive(0.1 * n, 5, VisibilityTimeout=1) for n in range(20)] + [send(0.17 * n, str(n)) for n in range(15)]
    assert played(tmp_path / "a", *plan) == played(tmp_path / "b", *plan)


def test_many_at_once_share_an_fsync(tmp_path: Path) -> None:
    async def main() -> tuple[int, int]:
        store = Store(tmp_path)
        service = Service(Broker(store))
        await service.answer("CreateQueue", {"QueueName": "q"})
        sends = [service.answer("SendMessage", {"QueueUrl": "q", "MessageBody": str(n)}) for n in range(200)]
        await asyncio.gather(*sends)
        await service.close()
        store.close()
        return service.commit.works, service.commit.groups

    works, groups = asyncio.run(main())
    assert works == 201
    assert groups < 10


def test_one_that_fails_takes_nobody_with_it(tmp_path: Path) -> None:
    async def main() -> list[Any]:
        store = Store(tmp_path)
        service = Service(Broker(store))
        await service.answer("CreateQueue", {"QueueName": "q"})
        sends = [service.answer("SendMessage", {"QueueUrl": "q", "MessageBody": text}) for text in ("a", "\0", "b")]
        done = await asyncio.gather(*sends, return_exceptions=True)
        got = await service.answer("ReceiveMessage", {"QueueUrl": "q", "MaxNumberOfMessages": 10})
        await service.close()
        store.close()
        return [[type(each) for each in done], [message["Body"] for message in got["Messages"]]]

    assert asyncio.run(main()) == [[dict, SqsError, dict], ["a", "b"]]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
NAMES = (
    "QueueUrl", "QueueName", "Attributes", "tags", "AttributeNames", "MessageBody", "MessageAttributes", "DelaySeconds",
    "MessageSystemAttributes", "Entries", "MaxNumberOfMessages", "WaitTimeSeconds", "VisibilityTimeout", "TagKeys",
    "ReceiptHandle", "MessageGroupId", "MessageDeduplicationId", "SourceArn", "DestinationArn", "TaskHandle", "Tags",
    "MaxResults", "NextToken", "QueueNamePrefix", "MessageAttributeNames", "MessageSystemAttributeNames",
    "ReceiveRequestAttemptId", "MaxNumberOfMessagesPerSecond",
)  # fmt: skip
GOOD = {
    "QueueUrl": "http://x/q", "QueueName": "q", "MessageBody": "x", "MessageGroupId": "g", "VisibilityTimeout": 0,
    "SourceArn": "arn:aws:sqs:us-east-1:000000000000:q", "Entries": [{"Id": "a", "MessageBody": "x"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    store = Store(tmp_path_factory.mktemp("fuzz"), durable=False)
    yield Local(Broker(store, rng=Random(1)))
    store.close()


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_whatever_is_sent_is_done_or_refused(local: Local, data: st.DataObject) -> None:
    local("CreateQueue", 1e9, QueueName="other")
    if data.draw(st.integers(0, 3)):
        local.refused("CreateQueue", 1e9, QueueName="q")
    action = data.draw(st.sampled_from(sorted(local.broker.actions)))
    bad = data.draw(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3))
    if "Entries" in bad and data.draw(st.booleans()):
        bad["Entries"] = [{"Id": "a", **data.draw(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3))}]
    local.refused(action, 1e9, **{**GOOD, **bad})  # raises anything but SqsError: a bug


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with live.broker(tmp_path_factory.mktemp("abuse")) as running:
        yield running
        assert running.running
        assert "Traceback" not in running.tail(200)


def raw(node: Node, method: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(urlsplit(node.url).netloc, timeout=10)
    try:
        connection.request(method, "/", body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


SEND = {"X_Amz_Target": "AmazonSQS.SendMessage"}


@pytest.mark.live
@pytest.mark.parametrize(
    ("method", "body", "headers", "status", "said"),
    [
        ("GET", b"", {}, 400, "Send POST"),
        ("POST", b"Action=ListQueues&Version=2012-11-05", {}, 400, "JSON"),
        ("POST", b"{}", {"X_Amz_Target": "DynamoDB.ListTables"}, 400, "AmazonSQS"),
        ("POST", b"{}", {"X_Amz_Target": "AmazonSQS.Dance"}, 400, "Dance is not valid"),
        ("POST", b"{", SEND, 400, "not JSON"),
        ("POST", b"[]", SEND, 400, "not a JSON object"),
        ("POST", b"\xff\xfe", SEND, 400, "not JSON"),
        ("POST", b"[" * 100_000, SEND, 400, "not JSON"),
        ("POST", b'{"QueueUrl": "\\ud800"}', SEND, 400, ""),
        ("POST", b" " * 9_000_000, SEND, 413, "at most"),
        ("POST", b"", SEND, 400, "must contain the parameter QueueUrl"),
    ],
)
def test_what_is_no_request_is_refused(
    node: Node, method: str, body: bytes, headers: dict[str, str], status: int, said: str
) -> None:
    try:
        got, answer = raw(node, method, body, **headers)
    except (BrokenPipeError, ConnectionResetError):
        assert status == 413  # it had heard enough
        return
    assert (got, said in answer["message"]) == (status, True)
    assert answer["__type"].startswith("com.amazonaws.sqs#")


@pytest.mark.live
def test_a_client_that_leaves_takes_no_message(node: Node) -> None:
    on = Stage(node.url)
    url = on.queue()
    connection = http.client.HTTPConnection(urlsplit(node.url).netloc, timeout=10)
    body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20})
    connection.request("POST", "/", body, {"X-Amz-Target": "AmazonSQS.ReceiveMessage"})
    asked = Stage(node.url)
    assert asked.bodies(url) == []  # the first is waiting by now
    connection.close()
    assert asked.bodies(url) == []  # and has gone
    on.send(url, "x")
    assert on.bodies(url, WaitTimeSeconds=2) == ["x"]


@pytest.mark.live
def test_it_stops_when_told_and_sends_those_who_wait_home(tmp_path: Path) -> None:
    with live.broker(tmp_path) as node:
        url = Stage(node.url).queue()
        connection = http.client.HTTPConnection(urlsplit(node.url).netloc, timeout=10)
        body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20})
        connection.request("POST", "/", body, {"X-Amz-Target": "AmazonSQS.ReceiveMessage"})
        assert Stage(node.url).bodies(url) == []
        node.stop(patience_s=5.0)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"{}")
        connection.close()
