"""More of what a queue does, case by case, through boto3: the same code for our broker and for moto."""

from __future__ import annotations

import hashlib
import json
import time

import boto3

from tests.queues.behaviours import case, waits
from tests.queues.stage import Stage


@case
def an_empty_queue_gives_no_list(on: Stage) -> None:
    assert "Messages" not in on.sqs.receive_message(QueueUrl=on.queue())


@case
def only_the_attributes_asked_for_are_told(on: Stage) -> None:
    url = on.queue(DelaySeconds=7)
    assert on.attributes(url, "DelaySeconds") == {"DelaySeconds": "7"}
    assert on.attributes(url, "QueueArn")["QueueArn"].endswith(":" + url.rpartition("/")[2])


@case
def a_redrive_policy_is_told_and_taken_away(on: Stage) -> None:
    url, dead = on.dead_letters(7)
    policy = json.loads(on.attributes(url, "RedrivePolicy")["RedrivePolicy"])
    assert policy == {"deadLetterTargetArn": on.arn(dead), "maxReceiveCount": 7}
    on.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert "RedrivePolicy" not in on.attributes(url)
    assert on.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == []


@case
def equal_texts_are_different_messages(on: Stage) -> None:
    url = on.queue()
    ids = {on.send(url, "same")["MessageId"] for _ in range(5)}
    assert len(ids) == 5
    assert {message["MessageId"] for message in on.receive(url)} == ids


@case
def messages_come_in_the_order_of_sending_while_nothing_happens(on: Stage) -> None:
    url = on.queue()
    for n in range(10):
        on.send(url, str(n))
    assert on.bodies(url) == [str(n) for n in range(10)]


@case
def a_quarter_of_a_megabyte_is_one_message(on: Stage) -> None:
    url, body = on.queue(), "0123456789abcdef" * 16_384
    on.send(url, body)
    assert on.bodies(url) == [body]


@waits
def an_extended_message_stays_hidden(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=1)
    on.send(url, "x")
    (got,) = on.receive(url)
    on.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"], VisibilityTimeout=60)
    time.sleep(1.1)
    assert on.bodies(url) == []
    on.sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    assert on.counts(url) == (0, 0, 0)


@case
def the_receive_overrides_the_queues_timeout(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=600)
    on.send(url, "x")
    assert on.bodies(url, VisibilityTimeout=0) == ["x"]
    assert on.bodies(url) == ["x"]
    assert on.bodies(url) == []


@case
def the_first_receive_is_remembered(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=0)
    on.send(url, "x")
    first = on.receive(url)[0]["Attributes"]
    time.sleep(0.01)
    second = on.receive(url)[0]["Attributes"]
    assert first["ApproximateFirstReceiveTimestamp"] == second["ApproximateFirstReceiveTimestamp"]
    assert first["SentTimestamp"] == second["SentTimestamp"]
    assert [first["ApproximateReceiveCount"], second["ApproximateReceiveCount"]] == ["1", "2"]


@case
def a_new_timeout_of_the_queue_holds_for_the_next_receive(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=0)
    on.send(url, "x")
    assert on.bodies(url) == ["x"]
    on.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    assert on.bodies(url) == ["x"]
    assert on.bodies(url) == []


@case
def a_batch_has_its_attributes_and_sums(on: Stage) -> None:
    url = on.queue()
    given = {"n": {"DataType": "Number", "StringValue": "3"}}
    entries = [{"Id": str(n), "MessageBody": "é" * n, "MessageAttributes": given} for n in range(1, 4)]
    answer = on.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    packed = b"".join(len(part).to_bytes(4, "big") + part for part in (b"n", b"Number")) + b"\1\0\0\0\0013"
    got = on.receive(url)
    for entry, message in zip(answer["Successful"], got, strict=True):
        assert entry["MD5OfMessageAttributes"] == message["MD5OfMessageAttributes"] == hashlib.md5(packed).hexdigest()
        assert entry["MD5OfMessageBody"] == hashlib.md5(message["Body"].encode()).hexdigest()
    assert [message["MessageAttributes"] for message in got] == [given] * 3


@case
def a_batch_may_delay_its_entries(on: Stage) -> None:
    url = on.queue()
    entries = [{"Id": "a", "MessageBody": "late", "DelaySeconds": 600}, {"Id": "b", "MessageBody": "now"}]
    on.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert on.bodies(url) == ["now"]
    assert on.counts(url) == (0, 1, 1)


@case
def deleting_in_a_batch_of_eleven_is_refused(on: Stage) -> None:
    url = on.queue()
    entries = [{"Id": str(n), "ReceiptHandle": "x"} for n in range(11)]
    code = on.code("delete_message_batch", QueueUrl=url, Entries=entries)
    assert code == "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"


@case
def deleting_with_the_same_id_twice_is_refused(on: Stage) -> None:
    url = on.queue()
    entries = [{"Id": "a", "ReceiptHandle": "x"}] * 2
    code = on.code("delete_message_batch", QueueUrl=url, Entries=entries)
    assert code == "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"


@waits
def a_group_goes_on_when_a_timeout_ends(on: Stage) -> None:
    url = on.queue(fifo=True, VisibilityTimeout=1)
    for n in range(2):
        on.send(url, str(n), "g", str(n))
    assert on.bodies(url, most=1) == ["0"]
    assert on.bodies(url) == []
    time.sleep(1.1)
    assert on.bodies(url) == ["0", "1"]


@case
def groups_are_received_in_parallel(on: Stage) -> None:
    url = on.queue(fifo=True)
    for group in "abc":
        on.send(url, group, group, group)
    assert [on.bodies(url, most=1) for _ in range(4)] == [["a"], ["b"], ["c"], []]


@waits
def a_fifo_queue_may_delay_all_its_messages(on: Stage) -> None:
    url = on.queue(fifo=True, DelaySeconds=1)
    on.send(url, "x", "g", "k")
    assert on.bodies(url) == []
    assert on.bodies(url, WaitTimeSeconds=5) == ["x"]


@case
def a_purged_queue_goes_on(on: Stage) -> None:
    url = on.queue()
    on.send(url, "old")
    on.sqs.purge_queue(QueueUrl=url)
    on.send(url, "new")
    assert on.bodies(url) == ["new"]


@case
def the_resource_interface_works_too(on: Stage) -> None:
    resource = boto3.resource("sqs", region_name=on.sqs.meta.region_name, **on.access)
    queue = resource.create_queue(QueueName=on.name(), Attributes={"VisibilityTimeout": "60"})
    queue.send_messages(Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(3)])
    first, *others = queue.receive_messages(MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    first.delete()
    others[0].change_visibility(VisibilityTimeout=0)
    queue.reload()
    assert queue.attributes["ApproximateNumberOfMessages"] == "1"
    assert resource.get_queue_by_name(QueueName=queue.url.rpartition("/")[2]).url == queue.url
    queue.purge()
    queue.delete()
