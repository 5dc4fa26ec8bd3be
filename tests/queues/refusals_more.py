"""More requests that SQS refuses: see refusals.py, to whose table these rows are added."""

from __future__ import annotations

import json

from tests.queues import refusals
from tests.queues.refusals import _ARN, BAD, BAD_NAME, BAD_VALUE, BATCH, FIFO, URL, _attribute, _create, _receive, _send


def _allow(**policy: object) -> dict[str, object]:
    return _create(RedriveAllowPolicy=json.dumps(policy))


_LONG = {"a": {"DataType": "String", "StringValue": "y" * 524_281}}  # with the text and the names half a megabyte and 1
CASES = {
    "a queue's name with a dot": ("create_queue", _create("a.b"), BAD),
    "a queue's name with an umlaut": ("create_queue", _create("ärger"), BAD),
    "a FIFO name of 81 characters": ("create_queue", _create("a" * 76 + ".fifo", FifoQueue="true"), BAD),
    "a queue called .fifo": ("create_queue", _create(".fifo", FifoQueue="true"), BAD),
    "a timeout of no digits": ("create_queue", _create(VisibilityTimeout=""), BAD_VALUE),
    "a timeout of 1.5 s": ("create_queue", _create(VisibilityTimeout="1.5"), BAD_VALUE),
    "encryption perhaps": ("create_queue", _create(SqsManagedSseEnabled="perhaps"), BAD_VALUE),
    "a key reused for 59 s": ("create_queue", _create(KmsDataKeyReusePeriodSeconds="59"), BAD_VALUE),
    "a key reused for 86401 s": ("create_queue", _create(KmsDataKeyReusePeriodSeconds="86401"), BAD_VALUE),
    "a timeout of Arabic digits": ("create_queue", _create(VisibilityTimeout="٣"), BAD_VALUE),
    "two kinds of encryption": ("create_queue", _create(KmsMasterKeyId="k", SqsManagedSseEnabled="true"), BAD_VALUE),
    "a redrive permission of no names": (
        "create_queue", _allow(redrivePermission="byQueue", sourceQueueArns=[1]), BAD,
    ),
    "a scope there is not": ("create_queue", _create("x.fifo", FifoQueue="true", DeduplicationScope="all"), BAD_VALUE),
    "a scope in a standard queue": ("create_queue", _create(DeduplicationScope="queue"), BAD_NAME),
    "turning a queue into FIFO": (
        "set_queue_attributes", {"QueueUrl": URL, "Attributes": {"FifoQueue": "true"}}, BAD_NAME,
    ),
    "setting the number of messages": (
        "set_queue_attributes", {"QueueUrl": URL, "Attributes": {"ApproximateNumberOfMessages": "0"}}, BAD_NAME,
    ),
    "a redrive permission there is not": ("create_queue", _allow(redrivePermission="some"), BAD),
    "a redrive permission of 11 queues": (
        "create_queue", _allow(redrivePermission="byQueue", sourceQueueArns=[f"{_ARN}q{n}" for n in range(11)]), BAD,
    ),
    "a redrive permission for all and for one": (
        "create_queue", _allow(redrivePermission="allowAll", sourceQueueArns=[_ARN + "q"]), BAD,
    ),
    "lists of 0 queues": ("list_queues", {"MaxResults": 0}, BAD),
    "lists of 1001 queues": ("list_queues", {"MaxResults": 1001}, BAD),
    "a tag without a name": ("tag_queue", {"QueueUrl": URL, "Tags": {"": "x"}}, BAD),
    "a tag of 129 characters": ("tag_queue", {"QueueUrl": URL, "Tags": {"k" * 129: "x"}}, BAD),
    "a tag's value of 257 characters": ("tag_queue", {"QueueUrl": URL, "Tags": {"k": "v" * 257}}, BAD),
    "a tag of Amazon's": ("tag_queue", {"QueueUrl": URL, "Tags": {"aws:k": "x"}}, BAD),
    "a message with a vertical tab": ("send_message", _send(body="\x0b"), "InvalidMessageContents"),
    "a message with an escape": ("send_message", _send(body="\x1b[31m"), "InvalidMessageContents"),
    "a deduplication id of 129 characters": (
        "send_message", _send(FIFO, MessageGroupId="g", MessageDeduplicationId="d" * 129), BAD,
    ),
    "a deduplication id with an umlaut": (
        "send_message", _send(FIFO, MessageGroupId="g", MessageDeduplicationId="ü"), BAD,
    ),
    "an attribute called amazon.x": ("send_message", _attribute("amazon.x", "String", "x"), BAD),
    "an attribute called a.": ("send_message", _attribute("a.", "String", "x"), BAD),
    "an attribute called a b": ("send_message", _attribute("a b", "String", "x"), BAD),
    "an attribute's name of 257 characters": ("send_message", _attribute("a" * 257, "String", "x"), BAD),
    "an attribute's type of 257 characters": ("send_message", _attribute("a", "String." + "x" * 250, "x"), BAD),
    "an attribute of type string": ("send_message", _attribute("a", "string", "x"), BAD),
    "an attribute of type Strings": ("send_message", _attribute("a", "Strings", "x"), BAD),
    "an attribute that is infinite": ("send_message", _attribute("a", "Number", "inf"), BAD),
    "an attribute that is not a number": ("send_message", _attribute("a", "Number", "nan"), BAD),
    "an attribute of a Python number": ("send_message", _attribute("a", "Number", "1_000"), BAD),
    "an attribute of a Thai number": ("send_message", _attribute("a", "Number", "๓"), BAD),
    "an attribute of a number too large": ("send_message", _attribute("a", "Number", "1e127"), BAD),
    "an attribute of 39 digits": ("send_message", _attribute("a", "Number", "1" * 39), BAD),
    "an attribute of bytes given as text": ("send_message", _attribute("a", "Binary", "x"), BAD),
    "an attribute of no bytes": (
        "send_message", _send(MessageAttributes={"a": {"DataType": "Binary", "BinaryValue": b""}}), BAD,
    ),
    "an attribute with a bell": ("send_message", _attribute("a", "String", "\x07"), BAD),
    "a trace header of bytes": (
        "send_message",
        _send(MessageSystemAttributes={"AWSTraceHeader": {"DataType": "Binary", "BinaryValue": b"x"}}),
        BAD,
    ),
    "a batch with an empty id": (
        "send_message_batch",
        {"QueueUrl": URL, "Entries": [{"Id": "", "MessageBody": "x"}]},
        f"{BATCH}InvalidBatchEntryId",
    ),
    "a batch over a megabyte by its attributes": (
        "send_message_batch",
        {"QueueUrl": URL, "Entries": [{"Id": each, "MessageBody": "x", "MessageAttributes": _LONG} for each in "ab"]},
        f"{BATCH}BatchRequestTooLong",
    ),
    "receiving -1": ("receive_message", _receive(MaxNumberOfMessages=-1), BAD),
    "hiding for less than nothing": ("receive_message", _receive(VisibilityTimeout=-1), BAD),
    "an attempt of 129 characters": (
        "receive_message", {"QueueUrl": FIFO, "ReceiveRequestAttemptId": "a" * 129}, BAD,
    ),
    "an attempt with a blank": ("receive_message", {"QueueUrl": FIFO, "ReceiveRequestAttemptId": "a b"}, BAD),
    "moving from an ARN that is none": ("start_message_move_task", {"SourceArn": "queue"}, BAD),
}  # fmt: skip
refusals.CASES |= CASES
