"""What a FIFO queue does, case by case, through boto3: the same code for our broker and for moto."""

from __future__ import annotations

from tests.queues.behaviours import case
from tests.queues.stage import Stage


@case
def a_group_comes_in_order(on: Stage) -> None:
    url = on.queue(fifo=True)
    for n in range(5):
        on.send(url, str(n), "g", f"k{n}")
    got = on.receive(url)
    assert [message["Body"] for message in got] == ["0", "1", "2", "3", "4"]
    assert {message["Attributes"]["MessageGroupId"] for message in got} == {"g"}
    assert got[3]["Attributes"]["MessageDeduplicationId"] == "k3"


@case
def sequence_numbers_grow(on: Stage) -> None:
    url = on.queue(fifo=True)
    numbers = [on.send(url, str(n), "g", f"k{n}")["SequenceNumber"] for n in range(5)]
    assert numbers == sorted(set(numbers))
    assert [message["Attributes"]["SequenceNumber"] for message in on.receive(url)] == numbers


@case
def nothing_passes_a_message_of_its_group(on: Stage) -> None:
    url = on.queue(fifo=True)
    for n, group in enumerate("aabb"):
        on.send(url, f"{group}{n}", group, str(n))
    (first,) = on.receive(url, most=1)
    assert first["Body"] == "a0"
    assert on.bodies(url) == ["b2", "b3"]  # a1 waits for a0
    on.sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert on.bodies(url) == ["a1"]


@case
def a_message_given_back_comes_first(on: Stage) -> None:
    url = on.queue(fifo=True)
    for n in range(3):
        on.send(url, str(n), "g", str(n))
    (first,) = on.receive(url, most=1)
    on.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    assert on.bodies(url) == ["0", "1", "2"]


@case
def a_duplicate_is_acknowledged_and_not_kept(on: Stage) -> None:
    url = on.queue(fifo=True)
    first, second = on.send(url, "x", "g", "same"), on.send(url, "other text", "g", "same")
    assert first["MessageId"] == second["MessageId"]
    assert first["SequenceNumber"] == second["SequenceNumber"]
    (got,) = on.receive(url)
    assert got["Body"] == "x"
    on.sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    on.send(url, "x", "g", "same")  # remembered although the message is gone
    assert on.bodies(url) == []


@case
def content_is_an_id_if_the_queue_says_so(on: Stage) -> None:
    url = on.queue(fifo=True, ContentBasedDeduplication="true")
    for body in ("x", "x", "y"):
        on.send(url, body, "g")
    on.send(url, "x", "g", "its-own-id")
    assert on.bodies(url) == ["x", "y", "x"]


@case
def duplicates_may_be_looked_for_in_the_group_only(on: Stage) -> None:
    url = on.queue(fifo=True, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for group in ("a", "b", "a"):
        on.send(url, group, group, "same")
    assert on.bodies(url) == ["a", "b"]


@case
def an_expired_receipt_deletes_nothing_in_a_fifo_queue(on: Stage) -> None:
    url = on.queue(fifo=True, VisibilityTimeout=0)
    on.send(url, "x", "g", "k")
    (got,) = on.receive(url)
    asked = {"QueueUrl": url, "ReceiptHandle": got["ReceiptHandle"]}
    assert on.code("delete_message", **asked) == "InvalidParameterValue"
    assert on.bodies(url) == ["x"]


@case
def a_receive_repeated_with_its_attempt_id_gets_the_same(on: Stage) -> None:
    url = on.queue(fifo=True)
    for n in range(3):
        on.send(url, str(n), "g", str(n))
    first = on.receive(url, most=2, ReceiveRequestAttemptId="attempt-1")
    again = on.receive(url, most=2, ReceiveRequestAttemptId="attempt-1")
    assert [message["Body"] for message in first] == ["0", "1"]
    assert [message["ReceiptHandle"] for message in again] == [message["ReceiptHandle"] for message in first]
    assert on.receive(url, ReceiveRequestAttemptId="attempt-2") == []


@case
def a_fifo_batch_keeps_its_order(on: Stage) -> None:
    url = on.queue(fifo=True)
    entries = [
        {"Id": str(n), "MessageBody": str(n), "MessageGroupId": "g", "MessageDeduplicationId": str(n % 4)}
        for n in range(6)
    ]
    answer = on.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert len(answer["Successful"]) == 6
    assert on.bodies(url) == ["0", "1", "2", "3"]


@case
def poison_does_not_hold_up_its_group_for_ever(on: Stage) -> None:
    url, dead = on.dead_letters(1, fifo=True)
    on.send(url, "poison", "g", "1")
    on.send(url, "good", "g", "2")
    assert on.bodies(url, most=1, VisibilityTimeout=0) == ["poison"]
    assert on.bodies(url) == ["good"]
    assert on.bodies(dead) == ["poison"]


@case
def a_standard_queue_takes_a_group_as_a_tenant(on: Stage) -> None:
    url = on.queue()
    on.send(url, "a", "tenant")
    on.send(url, "b", "tenant")
    assert on.bodies(url, most=1) == ["a"]
    got = on.receive(url)  # in parallel, unlike in a FIFO queue
    assert [message["Body"] for message in got] == ["b"]
    assert got[0]["Attributes"]["MessageGroupId"] == "tenant"
