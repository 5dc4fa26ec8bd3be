"""What becomes of messages that come back too often, case by case, through boto3: for our broker and for moto."""

from __future__ import annotations

import json

from tests.queues.behaviours import case
from tests.queues.stage import Stage


@case
def poison_goes_to_the_dead_letter_queue(on: Stage) -> None:
    url, dead = on.dead_letters(2)
    sent = on.send(url, "poison")
    for _ in range(2):
        assert on.bodies(url, VisibilityTimeout=0) == ["poison"]
    assert on.bodies(url, VisibilityTimeout=0) == []
    (letter,) = on.receive(dead)
    assert letter["MessageId"] == sent["MessageId"]
    assert on.counts(url) == (0, 0, 0)
    assert on.counts(dead) == (0, 1, 0)


@case
def a_dead_letter_says_where_it_comes_from(on: Stage) -> None:
    url, dead = on.dead_letters(1)
    on.send(url, "poison")
    for _ in range(2):
        on.receive(url, VisibilityTimeout=0)
    assert on.receive(dead)[0]["Attributes"]["DeadLetterQueueSourceArn"] == on.arn(url)


@case
def a_dead_letter_counts_the_receives_of_both_queues(on: Stage) -> None:
    url, dead = on.dead_letters(2)
    on.send(url, "poison")
    for _ in range(3):
        on.receive(url, VisibilityTimeout=0)
    assert on.receive(dead)[0]["Attributes"]["ApproximateReceiveCount"] == "3"


@case
def dead_letter_queues_know_their_sources(on: Stage) -> None:
    url, dead = on.dead_letters(3)
    assert on.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    assert on.sqs.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"] == []


@case
def a_fifo_queue_needs_fifo_dead_letters(on: Stage) -> None:
    policy = json.dumps({"deadLetterTargetArn": on.arn(on.queue()), "maxReceiveCount": 1})
    asked = {"QueueName": on.name(fifo=True), "Attributes": {"FifoQueue": "true", "RedrivePolicy": policy}}
    assert on.code("create_queue", **asked) == "InvalidParameterValue"


@case
def a_dead_letter_queue_may_refuse_a_source(on: Stage) -> None:
    dead = on.queue(RedriveAllowPolicy=json.dumps({"redrivePermission": "denyAll"}))
    policy = json.dumps({"deadLetterTargetArn": on.arn(dead), "maxReceiveCount": 1})
    asked = {"QueueName": on.name(), "Attributes": {"RedrivePolicy": policy}}
    assert on.code("create_queue", **asked) == "InvalidParameterValue"


@case
def dead_letters_are_moved_back(on: Stage) -> None:
    url, dead = on.dead_letters(1)
    sent = on.send(url, "poison")
    for _ in range(2):
        on.receive(url, VisibilityTimeout=0)
    assert on.counts(dead) == (1, 0, 0)
    assert on.sqs.start_message_move_task(SourceArn=on.arn(dead))["TaskHandle"]
    (back,) = on.receive(url, WaitTimeSeconds=5)
    assert back["Body"] == "poison"
    assert back["MessageId"] != sent["MessageId"]  # moved back it is a new message
    results = on.sqs.list_message_move_tasks(SourceArn=on.arn(dead))["Results"]
    assert [(task["Status"], task["ApproximateNumberOfMessagesMoved"]) for task in results] == [("COMPLETED", 1)]


@case
def dead_letters_are_moved_elsewhere(on: Stage) -> None:
    (url, dead), other = on.dead_letters(1), on.queue()
    on.send(url, "poison")
    for _ in range(2):
        on.receive(url, VisibilityTimeout=0)
    on.sqs.start_message_move_task(SourceArn=on.arn(dead), DestinationArn=on.arn(other))
    assert on.bodies(other, WaitTimeSeconds=5) == ["poison"]
