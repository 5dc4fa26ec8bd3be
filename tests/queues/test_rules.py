"""The broker's rules on a clock that the test sets: exact to the second that Amazon's documentation names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.queues.broker import Broker
from minisys.queues.store import Store
from tests.queues.stage import Local

HOUR = 3600.0


@pytest.fixture
def on(tmp_path: Path) -> Iterator[Local]:
    store = Store(tmp_path, durable=False)
    yield Local(Broker(store, rng=Random(1)))
    store.close()


def sent(on: Local, *bodies: str, now: float = 0.0, **attributes: Any) -> str:
    """A queue with these messages in it."""
    url = on.queue(**attributes)
    for body in bodies:
        on("SendMessage", now, QueueUrl=url, MessageBody=body)
    return url


def test_visibility_counts_from_the_receive(on: Local) -> None:
    url = sent(on, "x")
    assert on.bodies(url, 100.0) == ["x"]
    assert on.bodies(url, 129.999) == []
    assert on.bodies(url, 130.0) == ["x"]


def test_a_change_counts_from_the_call(on: Local) -> None:
    url = sent(on, "x", VisibilityTimeout=60)
    (got,) = on.receive(url, 0.0)
    on("ChangeMessageVisibility", 15.0, QueueUrl=url, ReceiptHandle=got["ReceiptHandle"], VisibilityTimeout=10)
    assert on.bodies(url, 24.999) == []
    assert on.bodies(url, 25.0) == ["x"]


@pytest.mark.parametrize(
    ("at_s", "timeout_s", "refused"),
    [
        (0.0, 43_200, ""),
        (1.0, 43_200, "InvalidParameterValue"),
        (6 * HOUR, 21_600, ""),
        (6 * HOUR, 21_601, "InvalidParameterValue"),
    ],
)
def test_twelve_hours_from_the_receive(on: Local, at_s: float, timeout_s: int, refused: str) -> None:
    url = sent(on, "x", VisibilityTimeout=43_200)
    (got,) = on.receive(url, 0.0)
    asked = {"QueueUrl": url, "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": timeout_s}
    assert on.refused("ChangeMessageVisibility", at_s, **asked) == refused


def test_extending_again_and_again_ends_after_twelve_hours(on: Local) -> None:
    url = sent(on, "x", VisibilityTimeout=3600)
    (got,) = on.receive(url, 0.0)
    asked = {"QueueUrl": url, "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": 3600}
    for half in range(23):
        assert on.refused("ChangeMessageVisibility", half / 2 * HOUR, **asked) == ""
    assert on.refused("ChangeMessageVisibility", 11.5 * HOUR, **asked) == "InvalidParameterValue"
    assert on.refused("ChangeMessageVisibility", 12 * HOUR, **asked) == "MessageNotInflight"
    assert on.bodies(url, 12 * HOUR) == ["x"]


@pytest.mark.parametrize("delay_s", [1, 900])
def test_a_delay_counts_from_the_sending(on: Local, delay_s: int) -> None:
    url = on.queue()
    on("SendMessage", 50.0, QueueUrl=url, MessageBody="x", DelaySeconds=delay_s)
    assert on.bodies(url, 50.0 + delay_s - 0.001) == []
    assert on.bodies(url, 50.0 + delay_s) == ["x"]


def test_messages_are_kept_as_long_as_the_queue_says(on: Local) -> None:
    url = sent(on, "old", MessageRetentionPeriod=60)
    on("SendMessage", 30.0, QueueUrl=url, MessageBody="new")
    assert on.bodies(url, 59.9, VisibilityTimeout=0) == ["old", "new"]
    assert on.bodies(url, 60.0, VisibilityTimeout=0) == ["new"]
    told = on("GetQueueAttributes", 90.0, QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert told["Attributes"] == {"ApproximateNumberOfMessages": "0"}


def test_a_message_that_is_too_old_cannot_be_held_for_longer(on: Local) -> None:
    url = sent(on, "x", MessageRetentionPeriod=60, VisibilityTimeout=600)
    (got,) = on.receive(url, 10.0)
    asked = {"QueueUrl": url, "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": 5}
    assert on.refused("ChangeMessageVisibility", 60.0, **asked) == "InvalidParameterValue"


def test_a_dead_letter_keeps_its_age(on: Local) -> None:
    dead = on.queue("dead", MessageRetentionPeriod=100)
    policy = '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}'
    url = sent(on, "x", VisibilityTimeout=10, RedrivePolicy=policy)
    assert on.bodies(url, 0.0) == ["x"]
    assert on.bodies(url, 90.0) == []  # moved now
    (letter,) = on.receive(dead, 95.0)
    assert letter["Attributes"]["SentTimestamp"] == "0"
    assert on.bodies(dead, 200.0) == []  # kept for 100 s since it was first sent


@pytest.mark.parametrize("most", [1, 3])
def test_a_message_is_received_so_often_and_no_more(on: Local, most: int) -> None:
    dead = on.queue("dead")
    policy = f'{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":{most}}}'
    url = sent(on, "x", RedrivePolicy=policy)
    seen = [on.bodies(url, 30.0 * k) for k in range(most + 2)]
    assert seen == [["x"]] * most + [[]] * 2
    assert on.bodies(dead, 1000.0) == ["x"]


def test_messages_stay_when_the_dead_letter_queue_is_gone(on: Local) -> None:
    dead = on.queue("dead")
    policy = '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}'
    url = sent(on, "x", RedrivePolicy=policy)
    on("DeleteQueue", 0.0, QueueUrl=dead)
    assert [on.bodies(url, 30.0 * k) for k in range(3)] == [["x"]] * 3


@pytest.mark.parametrize(("later_s", "kept"), [(299.999, ["x"]), (300.0, ["x", "again"])])
def test_duplicates_are_known_for_five_minutes(on: Local, later_s: float, kept: list[str]) -> None:
    url = on.queue("q.fifo")
    same = {"QueueUrl": url, "MessageGroupId": "g", "MessageDeduplicationId": "k"}
    on("SendMessage", 0.0, MessageBody="x", **same)
    on("SendMessage", later_s, MessageBody="again", **same)
    assert on.bodies(url, 400.0) == kept


def test_a_repeated_receive_starts_the_timeout_anew(on: Local) -> None:
    url = on.queue("q.fifo")
    on("SendMessage", 0.0, QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="k")
    first = on.receive(url, 0.0, ReceiveRequestAttemptId="a")
    again = on.receive(url, 20.0, ReceiveRequestAttemptId="a")
    assert first[0]["ReceiptHandle"] == again[0]["ReceiptHandle"]
    assert on.bodies(url, 49.999) == []
    assert on.bodies(url, 50.0) == ["x"]


def test_a_new_delay_holds_for_fifo_messages_that_wait_and_for_no_others(on: Local) -> None:
    for name, seen in (("q.fifo", []), ("q", ["x"])):
        url = on.queue(name)
        fifo = {"MessageGroupId": "g", "MessageDeduplicationId": "k"} if name.endswith("fifo") else {}
        on("SendMessage", 0.0, QueueUrl=url, MessageBody="x", **fifo)
        on("SetQueueAttributes", 1.0, QueueUrl=url, Attributes={"DelaySeconds": "100"})
        assert on.bodies(url, 50.0) == seen


def test_a_queue_may_be_purged_and_made_again_after_a_minute(on: Local) -> None:
    url = sent(on, "x")
    on("PurgeQueue", 10.0, QueueUrl=url)
    assert on.refused("PurgeQueue", 69.9, QueueUrl=url) == "PurgeQueueInProgress"
    assert on.refused("PurgeQueue", 70.0, QueueUrl=url) == ""
    on("DeleteQueue", 100.0, QueueUrl=url)
    assert on.refused("CreateQueue", 159.9, QueueName="q") == "QueueDeletedRecently"
    assert on.refused("CreateQueue", 160.0, QueueName="q") == ""


def test_dead_letters_are_moved_at_the_rate_asked_for(on: Local) -> None:
    dead = on.queue("dead")
    policy = '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}'
    url = sent(on, *map(str, range(10)), VisibilityTimeout=0, RedrivePolicy=policy)
    on.receive(url, 0.0)
    on.receive(url, 0.0)
    arn = "arn:aws:sqs:us-east-1:000000000000:dead"
    on("StartMessageMoveTask", 100.0, SourceArn=arn, MaxNumberOfMessagesPerSecond=2)
    assert on.refused("StartMessageMoveTask", 101.0, SourceArn=arn) == "InvalidParameterValue"
    moved = []
    for now in (100.0, 101.0, 102.5, 200.0):
        with on.broker.store.transaction():
            on.broker.moves.tick(now)
        (task,) = on("ListMessageMoveTasks", now, SourceArn=arn)["Results"]
        moved.append((task["ApproximateNumberOfMessagesMoved"], task["Status"]))
    assert moved == [(0, "RUNNING"), (2, "RUNNING"), (5, "RUNNING"), (10, "COMPLETED")]
    assert on.bodies(dead, 300.0) == []
    assert on.bodies(url, 300.0) == [str(n) for n in range(10)]


def test_a_move_can_be_stopped(on: Local) -> None:
    on.queue("dead")
    policy = '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}'
    url = sent(on, *"abcd", VisibilityTimeout=0, RedrivePolicy=policy)
    on.receive(url, 0.0)
    on.receive(url, 0.0)
    arn = "arn:aws:sqs:us-east-1:000000000000:dead"
    handle = on("StartMessageMoveTask", 0.0, SourceArn=arn, MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    with on.broker.store.transaction():
        on.broker.moves.tick(2.0)
    assert on("CancelMessageMoveTask", 2.0, TaskHandle=handle) == {"ApproximateNumberOfMessagesMoved": 2}
    with on.broker.store.transaction():
        on.broker.moves.tick(9.0)
    assert on.bodies(url, 10.0) == ["a", "b"]
    assert on.refused("CancelMessageMoveTask", 10.0, TaskHandle=handle) == "InvalidParameterValue"


def test_a_queue_made_again_has_no_tasks_of_its_predecessor(on: Local) -> None:
    policy = '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}'
    dead = on.queue("dead")
    on.queue("q", RedrivePolicy=policy)
    arn = "arn:aws:sqs:us-east-1:000000000000:dead"
    on("StartMessageMoveTask", SourceArn=arn)
    on("DeleteQueue", QueueUrl=dead)
    with on.broker.store.transaction():
        on.broker.moves.tick(1.0)
    on("CreateQueue", 61.0, QueueName="dead")
    assert on("ListMessageMoveTasks", 61.0, SourceArn=arn) == {"Results": []}


def test_in_flight_has_an_end(on: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minisys.queues.delivery.MOST_IN_FLIGHT", 12)
    url = sent(on, *map(str, range(15)))
    assert len(on.receive(url, 0.0)) == 10
    assert len(on.receive(url, 1.0, MaxNumberOfMessages=2)) == 2
    assert on.refused("ReceiveMessage", 2.0, QueueUrl=url) == "OverLimit"
    assert on.receive(url, 2.0, WaitTimeSeconds=1) == []  # who waits is not refused, and finds nothing
    assert len(on.receive(url, 30.0)) == 10  # ten are back


def test_a_fifo_queue_with_too_many_in_flight_gives_nothing(on: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minisys.queues.delivery.MOST_IN_FLIGHT", 12)
    url = on.queue("q.fifo")
    for key in map(str, range(30)):
        on("SendMessage", QueueUrl=url, MessageBody=key, MessageGroupId=key, MessageDeduplicationId=key)
    assert [len(on.receive(url, 1.0 * n)) for n in range(3)] == [10, 10, 0]
    assert len(on.receive(url, 30.0)) == 10


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from("srdcx"), st.integers(0, 40)), max_size=60), fifo=st.booleans())
def test_no_message_is_lost_or_made(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], fifo: bool
) -> None:
    """Send, receive, delete, give back, let time pass: in the queue is what was sent less what was deleted."""
    store = Store(tmp_path_factory.mktemp("steps"), durable=False)
    on, now, sent_ids, held = Local(Broker(store, rng=Random(2))), 0.0, set(), {}
    url, gone = on.queue("q.fifo" if fifo else "q"), set()
    for number, (what, amount) in enumerate(steps):
        if what == "s":
            ids = {"MessageGroupId": f"g{amount % 3}", "MessageDeduplicationId": str(number)} if fifo else {}
            sent_ids.add(on("SendMessage", now, QueueUrl=url, MessageBody=str(number), **ids)["MessageId"])
        elif what == "r":
            for got in on.receive(url, now, MaxNumberOfMessages=1 + amount % 10):
                assert got["MessageId"] not in gone
                assert got["MessageId"] not in held or held[got["MessageId"]][1] <= now  # nobody else holds it
                held[got["MessageId"]] = got["ReceiptHandle"], now + 30
        elif what in "dc" and held:
            message = sorted(held)[amount % len(held)]
            handle, until_s = held[message]
            asked = {"QueueUrl": url, "ReceiptHandle": handle}
            if what == "d" and on.refused("DeleteMessage", now, **asked) == "":
                gone.add(message)
                del held[message]
            elif what == "c" and until_s > now:
                on("ChangeMessageVisibility", now, **asked, VisibilityTimeout=0)
                held[message] = handle, now
        else:
            now += amount
    told = on("GetQueueAttributes", now, QueueUrl=url, AttributeNames=["All"])["Attributes"]
    left = sum(int(value) for name, value in told.items() if name.startswith("ApproximateNumber"))
    store.close()
    assert left == len(sent_ids - gone)


def test_one_seed_gives_one_answer(tmp_path: Path) -> None:
    answers = []
    for folder in ("a", "b"):
        store = Store(tmp_path / folder, durable=False)
        on = Local(Broker(store, rng=Random(3)))
        answers.append(on.receive(sent(on, "x"), 1.0))
        store.close()
    assert answers[0] == answers[1]


def test_sources_of_dead_letters_come_in_pages(on: Local) -> None:
    dead = on.queue("dead")
    policy = '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}'
    for number in range(3):
        on.queue(f"q{number}", RedrivePolicy=policy)
    first = on("ListDeadLetterSourceQueues", QueueUrl=dead, MaxResults=2)
    second = on("ListDeadLetterSourceQueues", QueueUrl=dead, MaxResults=2, NextToken=first["NextToken"])
    names = [url.rpartition("/")[2] for page in (first, second) for url in page["queueUrls"]]
    assert names == ["q0", "q1", "q2"]
    assert "NextToken" not in second


def test_the_trace_header_has_a_sum_of_its_own(on: Local) -> None:
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}
    sent = on("SendMessage", QueueUrl=on.queue(), MessageBody="x", MessageSystemAttributes=header)
    packed = b"".join(len(part).to_bytes(4, "big") + part for part in (b"AWSTraceHeader", b"String"))
    packed += b"\1" + (6).to_bytes(4, "big") + b"Root=1"
    assert sent["MD5OfMessageSystemAttributes"] == hashlib.md5(packed).hexdigest()
