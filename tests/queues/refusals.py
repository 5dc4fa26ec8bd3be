"""Requests that SQS refuses, and with which code: each row is a case for our broker and for moto.

Judge: Amazon SQS API reference (errors and limits of each action). URL and FIFO stand for a standard and a FIFO queue,
GONE for one that does not exist.
"""

from __future__ import annotations

from typing import Any

URL, FIFO, GONE = "<URL>", "<FIFO>", "<GONE>"
NONEXISTENT = "AWS.SimpleQueueService.NonExistentQueue"
BAD, MISSING = "InvalidParameterValue", "MissingParameter"
BAD_VALUE, BAD_NAME = "InvalidAttributeValue", "InvalidAttributeName"
BATCH = "AWS.SimpleQueueService."


def _create(name: str = "new", **attributes: str) -> dict[str, Any]:
    return {"QueueName": name, "Attributes": attributes}


def _send(queue: str = URL, body: str = "x", **more: Any) -> dict[str, Any]:
    return {"QueueUrl": queue, "MessageBody": body, **more}


def _attribute(name: str, kind: str, value: str | None) -> dict[str, Any]:
    return _send(MessageAttributes={name: {"DataType": kind} | ({} if value is None else {"StringValue": value})})


def _entries(*ids: str, **more: Any) -> dict[str, Any]:
    return {"QueueUrl": URL, "Entries": [{"Id": each, "MessageBody": "x", **more} for each in ids]}


def _receive(**more: Any) -> dict[str, Any]:
    return {"QueueUrl": URL, **more}


def _redrive(policy: str) -> dict[str, Any]:
    return _create(RedrivePolicy=policy)


def _range(name: str, low: int, high: int) -> dict[str, tuple[str, dict[str, Any], str]]:
    return {
        f"{name} {value}": ("create_queue", _create(**{name: str(value)}), BAD_VALUE) for value in (low - 1, high + 1)
    }


_ARN = "arn:aws:sqs:us-east-1:000000000000:"
CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "a queue's name with a blank": ("create_queue", _create("a b"), BAD),
    "a queue's name of 81 characters": ("create_queue", _create("a" * 81), BAD),
    "a FIFO name without FifoQueue": ("create_queue", {"QueueName": "x.fifo"}, BAD),
    "FifoQueue without a FIFO name": ("create_queue", _create("x", FifoQueue="true"), BAD),
    "FifoQueue that is no truth": ("create_queue", _create("x.fifo", FifoQueue="perhaps"), BAD_VALUE),
    "an attribute there is not": ("create_queue", _create(Colour="blue"), BAD_NAME),
    **_range("DelaySeconds", 0, 900),
    **_range("MaximumMessageSize", 1_024, 1_048_576),
    **_range("MessageRetentionPeriod", 60, 1_209_600),
    **_range("ReceiveMessageWaitTimeSeconds", 0, 20),
    **_range("VisibilityTimeout", 0, 43_200),
    "a timeout that is no number": ("create_queue", _create(VisibilityTimeout="soon"), BAD_VALUE),
    "content deduplication in a standard queue": ("create_queue", _create(ContentBasedDeduplication="true"), BAD_NAME),
    "a redrive policy that is no JSON": ("create_queue", _redrive("{"), BAD),
    "a redrive policy without a target": ("create_queue", _redrive('{"maxReceiveCount": 3}'), BAD),
    "dead letters to nowhere": (
        "create_queue", _redrive(f'{{"deadLetterTargetArn": "{_ARN}nowhere", "maxReceiveCount": 3}}'), BAD,
    ),
    "the URL of a queue there is not": ("get_queue_url", {"QueueName": "nowhere"}, NONEXISTENT),
    "attributes of a queue there is not": (
        "get_queue_attributes", {"QueueUrl": GONE, "AttributeNames": ["All"]}, NONEXISTENT,
    ),
    "asking for an attribute there is not": (
        "get_queue_attributes", {"QueueUrl": URL, "AttributeNames": ["Colour"]}, BAD_NAME,
    ),
    "setting an attribute there is not": (
        "set_queue_attributes", {"QueueUrl": URL, "Attributes": {"Colour": "blue"}}, BAD_NAME,
    ),
    "setting a timeout out of range": (
        "set_queue_attributes", {"QueueUrl": URL, "Attributes": {"VisibilityTimeout": "43201"}}, BAD_VALUE,
    ),
    "deleting a queue there is not": ("delete_queue", {"QueueUrl": GONE}, NONEXISTENT),
    "purging a queue there is not": ("purge_queue", {"QueueUrl": GONE}, NONEXISTENT),
    "sending to a queue there is not": ("send_message", _send(GONE), NONEXISTENT),
    "an empty message": ("send_message", _send(body=""), MISSING),
    "a message with a zero byte": ("send_message", _send(body="a\x00b"), "InvalidMessageContents"),
    "a message with U+FFFF": ("send_message", _send(body="\uffff"), "InvalidMessageContents"),
    "a message over a megabyte": ("send_message", _send(body="x" * 1_048_577), BAD),
    "a delay of 901 s": ("send_message", _send(DelaySeconds=901), BAD),
    "a negative delay": ("send_message", _send(DelaySeconds=-1), BAD),
    "a delay of one FIFO message": (
        "send_message", _send(FIFO, MessageGroupId="g", MessageDeduplicationId="d", DelaySeconds=5), BAD,
    ),
    "a deduplication id in a standard queue": ("send_message", _send(MessageDeduplicationId="d"), BAD),
    "a FIFO message without group": ("send_message", _send(FIFO, MessageDeduplicationId="d"), MISSING),
    "a FIFO message without deduplication": ("send_message", _send(FIFO, MessageGroupId="g"), BAD),
    "a group of 129 characters": (
        "send_message", _send(FIFO, MessageGroupId="g" * 129, MessageDeduplicationId="d"), BAD,
    ),
    "a group with a blank": ("send_message", _send(FIFO, MessageGroupId="a b", MessageDeduplicationId="d"), BAD),
    "eleven attributes": (
        "send_message",
        _send(MessageAttributes={f"a{n}": {"DataType": "String", "StringValue": "x"} for n in range(11)}),
        BAD,
    ),
    "an attribute called AWS.x": ("send_message", _attribute("AWS.x", "String", "x"), BAD),
    "an attribute called a..b": ("send_message", _attribute("a..b", "String", "x"), BAD),
    "an attribute called .a": ("send_message", _attribute(".a", "String", "x"), BAD),
    "an attribute without type": ("send_message", _attribute("a", "", "x"), BAD),
    "an attribute of type Text": ("send_message", _attribute("a", "Text", "x"), BAD),
    "an attribute without value": ("send_message", _attribute("a", "String", ""), BAD),
    "an attribute whose number is none": ("send_message", _attribute("a", "Number", "seven"), BAD),
    "an empty batch": ("send_message_batch", _entries(), f"{BATCH}EmptyBatchRequest"),
    "a batch of eleven": ("send_message_batch", _entries(*map(str, range(11))), f"{BATCH}TooManyEntriesInBatchRequest"),
    "a batch with the same id twice": (
        "send_message_batch", _entries("a", "b", "a"), f"{BATCH}BatchEntryIdsNotDistinct",
    ),
    "a batch with an id of blanks": ("send_message_batch", _entries("a b"), f"{BATCH}InvalidBatchEntryId"),
    "a batch with an id of 81": ("send_message_batch", _entries("a" * 81), f"{BATCH}InvalidBatchEntryId"),
    "a batch over a megabyte": (
        "send_message_batch",
        {"QueueUrl": URL, "Entries": [{"Id": str(n), "MessageBody": "x" * 524_300} for n in range(2)]},
        f"{BATCH}BatchRequestTooLong",
    ),
    "receiving from a queue there is not": ("receive_message", {"QueueUrl": GONE}, NONEXISTENT),
    "receiving no messages": ("receive_message", _receive(MaxNumberOfMessages=0), BAD),
    "receiving eleven": ("receive_message", _receive(MaxNumberOfMessages=11), BAD),
    "waiting 21 s": ("receive_message", _receive(WaitTimeSeconds=21), BAD),
    "waiting -1 s": ("receive_message", _receive(WaitTimeSeconds=-1), BAD),
    "hiding for more than 12 h": ("receive_message", _receive(VisibilityTimeout=43_201), BAD),
    "deleting by a made-up receipt": ("delete_message", _receive(ReceiptHandle="made up"), "ReceiptHandleIsInvalid"),
    "deleting in a queue there is not": ("delete_message", {"QueueUrl": GONE, "ReceiptHandle": "x"}, NONEXISTENT),
    "deleting an empty batch": ("delete_message_batch", {"QueueUrl": URL, "Entries": []}, f"{BATCH}EmptyBatchRequest"),
    "changing by a made-up receipt": (
        "change_message_visibility", _receive(ReceiptHandle="made up", VisibilityTimeout=1), "ReceiptHandleIsInvalid",
    ),
    "changing an empty batch": (
        "change_message_visibility_batch", {"QueueUrl": URL, "Entries": []}, f"{BATCH}EmptyBatchRequest",
    ),
    "moving from a queue there is not": (
        "start_message_move_task", {"SourceArn": f"{_ARN}nowhere"}, "ResourceNotFoundException",
    ),
    "moving from a queue of no dead letters": ("start_message_move_task", {"SourceArn": URL}, BAD),
    "cancelling a task there is not": (
        "cancel_message_move_task", {"TaskHandle": "made up"}, "ResourceNotFoundException",
    ),
    "a system attribute there is not": (
        "send_message",
        _send(MessageSystemAttributes={"Colour": {"DataType": "String", "StringValue": "blue"}}),
        BAD,
    ),
    "high throughput without groups": (
        "create_queue",
        _create("x.fifo", FifoQueue="true", FifoThroughputLimit="perMessageGroupId"),
        BAD_VALUE,
    ),
    "taking away no tags": ("untag_queue", {"QueueUrl": URL, "TagKeys": []}, BAD),
}  # fmt: skip
