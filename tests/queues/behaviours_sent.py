"""What is sent and what arrives, case by case, through boto3: attributes, sums, receipts; for our broker and moto."""

from __future__ import annotations

import hashlib
import time

from tests.queues.behaviours import case
from tests.queues.stage import Stage

TEXT, NUMBER, BYTES = "String", "Number", "Binary"


def packed(*attributes: tuple[str, str, bytes]) -> str:
    """The MD5 over (name, type, value), as the developer guide describes it."""
    out = b""
    for name, kind, value in sorted(attributes):
        mark = b"\2" if kind.startswith(BYTES) else b"\1"
        parts = [(b"", name.encode()), (b"", kind.encode()), (mark, value)]
        out += b"".join(before + len(part).to_bytes(4, "big") + part for before, part in parts)
    return hashlib.md5(out).hexdigest()


@case
def binary_attributes_have_the_documented_sum(on: Stage) -> None:
    url, value = on.queue(), b"\x00\xff\x80 \n"
    given = {"Z": {"DataType": "Binary.gif", "BinaryValue": value}, "a": {"DataType": TEXT, "StringValue": "ü"}}
    wanted = packed(("Z", "Binary.gif", value), ("a", TEXT, "ü".encode()))
    assert on.send(url, "x", MessageAttributes=given)["MD5OfMessageAttributes"] == wanted
    (got,) = on.receive(url)
    assert got["MD5OfMessageAttributes"] == wanted
    assert got["MessageAttributes"] == given


@case
def the_sum_is_of_the_attributes_that_come(on: Stage) -> None:
    url = on.queue()
    given = {name: {"DataType": TEXT, "StringValue": name * 3} for name in ("one", "two")}
    on.send(url, "x", MessageAttributes=given)
    (got,) = on.receive(url, MessageAttributeNames=["two"])
    assert set(got["MessageAttributes"]) == {"two"}
    assert got["MD5OfMessageAttributes"] == packed(("two", TEXT, b"twotwotwo"))


@case
def a_prefix_ends_at_its_own_characters(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=0)
    names = ("bar.one", "bar.two", "barber", "Bar.three")
    on.send(url, "x", MessageAttributes={name: {"DataType": TEXT, "StringValue": "v"} for name in names})
    for asked, wanted in (
        (["bar.*"], ["bar.one", "bar.two"]), ([".*"], sorted(names)), (["nothing", "barber"], ["barber"]),
        (["nothing.*"], []),
    ):  # fmt: skip
        (got,) = on.receive(url, MessageAttributeNames=asked)
        assert sorted(got.get("MessageAttributes", {})) == wanted, asked


@case
def both_lists_of_system_attributes_are_heard(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=0)
    on.send(url, "x")
    asked = {"QueueUrl": url, "AttributeNames": ["SenderId"], "MessageSystemAttributeNames": ["SentTimestamp"]}
    (got,) = on.sqs.receive_message(**asked)["Messages"]
    assert set(got["Attributes"]) == {"SenderId", "SentTimestamp"}
    (got,) = on.sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert {"SenderId", "SentTimestamp", "ApproximateReceiveCount"} <= set(got["Attributes"])


@case
def times_of_a_message_are_milliseconds(on: Stage) -> None:
    url, before = on.queue(), int(1000 * time.time())
    on.send(url, "x")
    told = on.receive(url)[0]["Attributes"]
    sent, first = int(told["SentTimestamp"]), int(told["ApproximateFirstReceiveTimestamp"])
    assert before <= sent + 1
    assert sent <= first <= 1000 * time.time() + 1


@case
def a_delayed_message_was_sent_when_it_was_sent(on: Stage) -> None:
    url = on.queue(DelaySeconds=900)
    on.send(url, "x")
    assert on.counts(url) == (0, 0, 1)
    assert "Messages" not in on.sqs.receive_message(QueueUrl=url)


@case
def a_standard_queue_has_no_sequence(on: Stage) -> None:
    url = on.queue()
    assert "SequenceNumber" not in on.send(url, "x")
    assert "SequenceNumber" not in on.receive(url)[0]["Attributes"]


@case
def numbers_stay_as_they_are_written(on: Stage) -> None:
    url = on.queue()
    written = ["0", "-0.50", "+7", "1e10", "1E-128", "12345678901234567890123456789012345678", ".5"]
    given = {f"n{place}": {"DataType": NUMBER, "StringValue": each} for place, each in enumerate(written)}
    on.send(url, "x", MessageAttributes=given)
    assert on.receive(url)[0]["MessageAttributes"] == given


@case
def ten_attributes_and_long_names_are_taken(on: Stage) -> None:
    url = on.queue()
    given = {f"{n}" + "n" * 255: {"DataType": f"String.{'l' * 249}", "StringValue": "v"} for n in range(10)}
    on.send(url, "x", MessageAttributes=given)
    assert on.receive(url)[0]["MessageAttributes"] == given


@case
def names_that_only_begin_like_amazons_are_taken(on: Stage) -> None:
    url = on.queue()
    given = {name: {"DataType": TEXT, "StringValue": "v"} for name in ("AWSome", "amazon", "x.aws.y", "Amazonas.z")}
    on.send(url, "x", MessageAttributes=given)
    assert on.receive(url)[0]["MessageAttributes"] == given


@case
def the_smallest_and_the_whitest_messages_are_taken(on: Stage) -> None:
    url = on.queue()
    for body in ("0", " ", "\n", "\U0010ffff", "\r\n"):
        on.send(url, body)
    assert sorted(on.bodies(url)) == sorted(("0", " ", "\n", "\U0010ffff", "\r\n"))


@case
def a_batch_says_of_each_what_was_wrong(on: Stage) -> None:
    url = on.queue(MaximumMessageSize=1024)
    bad_attribute = {"a": {"DataType": "Colour", "StringValue": "x"}}
    entries = [
        {"Id": "good", "MessageBody": "x"},
        {"Id": "long", "MessageBody": "x" * 1025},
        {"Id": "late", "MessageBody": "x", "DelaySeconds": 901},
        {"Id": "attribute", "MessageBody": "x", "MessageAttributes": bad_attribute},
    ]
    answer = on.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    failed = {entry["Id"]: (entry["Code"], entry["SenderFault"]) for entry in answer["Failed"]}
    assert failed == dict.fromkeys(("long", "late", "attribute"), ("InvalidParameterValue", True))
    assert all(entry["Message"] for entry in answer["Failed"])


@case
def a_batch_of_timeouts_says_of_each_what_was_wrong(on: Stage) -> None:
    url = on.queue()
    for body in "abc":
        on.send(url, body)
    handles = [message["ReceiptHandle"] for message in on.receive(url)]
    on.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handles[2], VisibilityTimeout=0)
    entries = [
        {"Id": "good", "ReceiptHandle": handles[0], "VisibilityTimeout": 5},
        {"Id": "long", "ReceiptHandle": handles[1], "VisibilityTimeout": 43_201},
        {"Id": "back", "ReceiptHandle": handles[2], "VisibilityTimeout": 5},
        {"Id": "false", "ReceiptHandle": "made up", "VisibilityTimeout": 5},
    ]
    answer = on.sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert {entry["Id"]: entry["Code"] for entry in answer["Failed"]} == {
        "long": "InvalidParameterValue",
        "back": "AWS.SimpleQueueService.MessageNotInflight",
        "false": "ReceiptHandleIsInvalid",
    }


@case
def a_deleted_message_has_no_timeout_to_change(on: Stage) -> None:
    url = on.queue()
    on.send(url, "x")
    (got,) = on.receive(url)
    on.sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    asked = {"QueueUrl": url, "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": 5}
    assert on.code("change_message_visibility", **asked) in ("InvalidParameterValue", "ReceiptHandleIsInvalid")


@case
def an_old_receipt_changes_nothing(on: Stage) -> None:
    url = on.queue()
    on.send(url, "x")
    (first,) = on.receive(url, VisibilityTimeout=0)
    (second,) = on.receive(url)
    asked = {"QueueUrl": url, "ReceiptHandle": first["ReceiptHandle"], "VisibilityTimeout": 0}
    on.code("change_message_visibility", **asked)  # the documentation does not say whether this is an error
    assert on.bodies(url) == []
    assert first["ReceiptHandle"] != second["ReceiptHandle"]


@case
def the_last_receipt_deletes_although_its_time_is_over(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=0)
    on.send(url, "x")
    (got,) = on.receive(url)
    on.sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    assert on.counts(url) == (0, 0, 0)


@case
def a_receipt_of_another_queue_is_none(on: Stage) -> None:
    mine, other = on.queue(), on.queue()
    on.send(mine, "x")
    (got,) = on.receive(mine)
    assert on.code("delete_message", QueueUrl=other, ReceiptHandle=got["ReceiptHandle"]) == "ReceiptHandleIsInvalid"
    assert on.counts(mine) == (0, 1, 0)


@case
def a_timeout_may_be_changed_more_than_once(on: Stage) -> None:
    url = on.queue()
    on.send(url, "x")
    (got,) = on.receive(url)
    for timeout_s in (43_199, 1_000, 0):
        on.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"], VisibilityTimeout=timeout_s)
        assert on.counts(url) == ((1, 0, 0) if timeout_s == 0 else (0, 1, 0))


@case
def a_purge_takes_the_delayed_too(on: Stage) -> None:
    url = on.queue()
    on.send(url, "late", DelaySeconds=600)
    on.send(url, "held")
    assert on.counts(url) == (1, 0, 1)
    assert on.bodies(url) == ["held"]
    on.sqs.purge_queue(QueueUrl=url)
    assert on.counts(url) == (0, 0, 0)


@case
def messages_that_were_sent_keep_the_old_delay(on: Stage) -> None:
    url = on.queue(DelaySeconds=600)
    on.send(url, "late")
    on.sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    on.send(url, "now")
    assert on.bodies(url) == ["now"]
    assert on.counts(url) == (0, 1, 1)


@case
def a_smaller_limit_holds_for_the_next_message(on: Stage) -> None:
    url, body = on.queue(), "x" * 2_000
    on.send(url, body)
    on.sqs.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1024"})
    assert on.code("send_message", QueueUrl=url, MessageBody=body) == "InvalidParameterValue"
    assert on.bodies(url) == [body]
