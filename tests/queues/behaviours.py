"""What a queue does, case by case, through boto3: the same code for our broker and for moto."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.queues.stage import Stage

Case = Callable[[Stage], None]
CASES: dict[str, Case] = {}
WAITING: dict[str, Case] = {}  # cases that take more than a second of real time: they are run side by side


def waits(act: Case) -> Case:
    """Put *act* among the cases that wait."""
    WAITING[act.__name__.replace("_", " ")] = act
    return act


def case(act: Case) -> Case:
    """Put *act* among the cases, under its name."""
    CASES[act.__name__.replace("_", " ")] = act
    return act


@case
def creating_twice_gives_the_same_queue(on: Stage) -> None:
    name = on.name()
    urls = {on.sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "5"})["QueueUrl"] for _ in range(3)}
    assert len(urls) == 1
    assert on.sqs.create_queue(QueueName=name)["QueueUrl"] in urls  # no attributes: nothing to differ in


@case
def creating_again_with_other_attributes_is_refused(on: Stage) -> None:
    name = on.name()
    on.sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "5"})
    assert on.code("create_queue", QueueName=name, Attributes={"DelaySeconds": "6"}) == "QueueAlreadyExists"
    assert on.code("create_queue", QueueName=name, Attributes={"VisibilityTimeout": "31"}) == "QueueAlreadyExists"
    assert on.code("create_queue", QueueName=name, Attributes={"VisibilityTimeout": "30"}) == ""  # the default


@case
def the_error_has_its_class(on: Stage) -> None:
    try:
        on.sqs.get_queue_url(QueueName="nowhere")
    except on.sqs.exceptions.QueueDoesNotExist as problem:
        assert problem.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    else:
        raise AssertionError("no error")


@case
def a_queue_says_its_defaults(on: Stage) -> None:
    told = on.attributes(on.queue())
    wanted = {
        "DelaySeconds": "0", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0", "VisibilityTimeout": "30", "SqsManagedSseEnabled": "true",
    }  # fmt: skip
    assert wanted.items() <= told.items()
    assert "FifoQueue" not in told and "RedrivePolicy" not in told


@case
def a_fifo_queue_says_so(on: Stage) -> None:
    told = on.attributes(on.queue(fifo=True))
    assert told["FifoQueue"] == "true"
    assert told["ContentBasedDeduplication"] == "false"
    assert told["DeduplicationScope"] == "queue"
    assert told["FifoThroughputLimit"] == "perQueue"


@case
def attributes_are_changed_one_by_one(on: Stage) -> None:
    url = on.queue(DelaySeconds=3)
    on.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "77"})
    assert on.attributes(url, "VisibilityTimeout", "DelaySeconds") == {"VisibilityTimeout": "77", "DelaySeconds": "3"}


@case
def queues_are_found_by_name_and_prefix(on: Stage) -> None:
    names = [f"{on.name()}-list-{n}" for n in range(3)]
    for name in names:
        on.sqs.create_queue(QueueName=name)
    assert on.sqs.get_queue_url(QueueName=names[0])["QueueUrl"].endswith(f"/{names[0]}")
    found = on.sqs.list_queues(QueueNamePrefix=names[1])["QueueUrls"]
    assert [url.rpartition("/")[2] for url in found] == [names[1]]
    assert "QueueUrls" not in on.sqs.list_queues(QueueNamePrefix="nobody")


@case
def lists_come_in_pages(on: Stage) -> None:
    prefix = on.name() + "-page-"
    for n in range(5):
        on.sqs.create_queue(QueueName=f"{prefix}{n}")
    pages = on.sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2})
    sizes = [len(page.get("QueueUrls", [])) for page in pages]
    assert sizes == [2, 2, 1]


@case
def a_deleted_queue_is_gone(on: Stage) -> None:
    url = on.queue()
    on.send(url, "x")
    on.sqs.delete_queue(QueueUrl=url)
    assert on.code("send_message", QueueUrl=url, MessageBody="x") == "AWS.SimpleQueueService.NonExistentQueue"


@case
def a_deleted_queue_cannot_be_made_again_for_a_minute(on: Stage) -> None:
    name = on.name()
    on.sqs.delete_queue(QueueUrl=on.sqs.create_queue(QueueName=name)["QueueUrl"])
    assert on.code("create_queue", QueueName=name) == "AWS.SimpleQueueService.QueueDeletedRecently"


@case
def purging_takes_all_and_only_once_a_minute(on: Stage) -> None:
    url = on.queue()
    for body in "abc":
        on.send(url, body)
    on.receive(url, most=1)
    on.sqs.purge_queue(QueueUrl=url)
    assert on.counts(url) == (0, 0, 0)
    assert on.code("purge_queue", QueueUrl=url) == "AWS.SimpleQueueService.PurgeQueueInProgress"


@case
def tags_are_added_changed_and_taken_away(on: Stage) -> None:
    url = on.sqs.create_queue(QueueName=on.name(), tags={"team": "a", "cost": "1"})["QueueUrl"]
    on.sqs.tag_queue(QueueUrl=url, Tags={"team": "b", "env": "test"})
    on.sqs.untag_queue(QueueUrl=url, TagKeys=["cost", "nobody"])
    assert on.sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "b", "env": "test"}


@case
def a_message_arrives_as_it_was_sent(on: Stage) -> None:
    url, body = on.queue(), 'grüße 😀 \t\n<&>" \ud7ff\ue000'
    given = {
        "text": {"DataType": "String", "StringValue": "ä"},
        "number.int": {"DataType": "Number.int", "StringValue": "-1.5e3"},
        "bytes": {"DataType": "Binary.png", "BinaryValue": bytes(range(256))},
    }
    sent = on.send(url, body, MessageAttributes=given)
    (got,) = on.receive(url)
    assert (got["Body"], got["MessageId"], got["MD5OfBody"]) == (body, sent["MessageId"], sent["MD5OfMessageBody"])
    assert got["MessageAttributes"] == given
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]


@case
def attributes_come_only_if_asked_for(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=0)
    given = {name: {"DataType": "String", "StringValue": "x"} for name in ("a", "b.c", "b.d")}
    on.send(url, "x", MessageAttributes=given)
    for asked, names in (([], []), (["a"], ["a"]), (["b.*"], ["b.c", "b.d"]), (["All"], ["a", "b.c", "b.d"])):
        (got,) = on.receive(url, MessageAttributeNames=asked)
        assert sorted(got.get("MessageAttributes", {})) == names


@case
def system_attributes_come_only_if_asked_for(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=0)
    on.send(url, "x")
    assert "Attributes" not in on.sqs.receive_message(QueueUrl=url)["Messages"][0]
    (got,) = on.sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert got["Attributes"] == {"ApproximateReceiveCount": "2"}
    names = {"SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"}
    assert set(on.receive(url)[0]["Attributes"]) == names


@case
def the_trace_header_travels_with_the_message(on: Stage) -> None:
    url, trace = on.queue(), "Root=1-5759e988-bd862e3fe1be46a994272793"
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
    on.send(url, "x", MessageSystemAttributes=header)
    assert on.receive(url)[0]["Attributes"]["AWSTraceHeader"] == trace


@case
def a_received_message_is_hidden_and_counted(on: Stage) -> None:
    url = on.queue()
    on.send(url, "x")
    assert on.counts(url) == (1, 0, 0)
    assert on.bodies(url) == ["x"]
    assert on.bodies(url) == []
    assert on.counts(url) == (0, 1, 0)


@case
def a_deleted_message_is_gone_and_deleting_twice_does_no_harm(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=0)
    on.send(url, "x")
    (got,) = on.receive(url)
    on.sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    assert on.code("delete_message", QueueUrl=url, ReceiptHandle=got["ReceiptHandle"]) == ""
    assert on.bodies(url) == []


@case
def an_old_receipt_deletes_nothing(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=0)
    on.send(url, "x")
    (first,), (second,) = on.receive(url), on.receive(url)
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    on.sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    (third,) = on.receive(url)  # still there
    on.sqs.delete_message(QueueUrl=url, ReceiptHandle=third["ReceiptHandle"])
    assert on.bodies(url) == []


@case
def a_message_given_back_is_there_at_once(on: Stage) -> None:
    url = on.queue()
    on.send(url, "x")
    (got,) = on.receive(url)
    on.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = on.receive(url)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    assert again["MessageId"] == got["MessageId"]


@waits
def a_timeout_ends_and_the_message_is_back(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=1)
    on.send(url, "x")
    assert on.bodies(url) == ["x"]
    assert on.bodies(url) == []
    time.sleep(1.1)
    assert on.receive(url)[0]["Attributes"]["ApproximateReceiveCount"] == "2"


@case
def a_visible_message_has_no_timeout_to_change(on: Stage) -> None:
    url = on.queue(VisibilityTimeout=0)
    on.send(url, "x")
    (got,) = on.receive(url)
    asked = {"QueueUrl": url, "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": 10}
    assert on.code("change_message_visibility", **asked) == "AWS.SimpleQueueService.MessageNotInflight"


@case
def a_timeout_over_12_hours_is_refused(on: Stage) -> None:
    url = on.queue()
    on.send(url, "x")
    (got,) = on.receive(url)
    asked = {"QueueUrl": url, "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": 43_201}
    assert on.code("change_message_visibility", **asked) == "InvalidParameterValue"


@waits
def a_delayed_message_comes_later(on: Stage) -> None:
    url = on.queue()
    on.send(url, "late", DelaySeconds=1)
    on.send(url, "now")
    assert on.counts(url) == (1, 0, 1)
    assert on.bodies(url) == ["now"]
    time.sleep(1.1)
    assert on.bodies(url) == ["late"]


@case
def the_queue_delays_unless_the_message_says_otherwise(on: Stage) -> None:
    url = on.queue(DelaySeconds=100)
    on.send(url, "late")
    on.send(url, "now", DelaySeconds=0)
    assert on.bodies(url) == ["now"]
    assert on.counts(url) == (0, 1, 1)


@waits
def long_polling_waits_for_a_delayed_message(on: Stage) -> None:
    url = on.queue()
    on.send(url, "late", DelaySeconds=1)
    assert on.bodies(url, WaitTimeSeconds=5) == ["late"]


@waits
def long_polling_ends_empty(on: Stage) -> None:
    url, begin = on.queue(ReceiveMessageWaitTimeSeconds=1), time.monotonic()
    assert on.bodies(url) == []
    assert time.monotonic() - begin >= 0.9
    assert on.bodies(url, WaitTimeSeconds=0) == []  # the call overrides the queue


@case
def a_receive_gets_no_more_than_it_asks_for(on: Stage) -> None:
    url = on.queue()
    for n in range(12):
        on.send(url, str(n))
    assert len(on.receive(url, most=3)) == 3
    assert len(on.sqs.receive_message(QueueUrl=url)["Messages"]) == 1  # the default
    assert len(on.receive(url, most=10)) == 8


@case
def a_batch_is_kept_entry_by_entry(on: Stage) -> None:
    url = on.queue()
    entries = [{"Id": "good", "MessageBody": "x"}, {"Id": "bad", "MessageBody": "\x01"}]
    answer = on.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    ((failed),) = answer["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("bad", "InvalidMessageContents", True)
    assert on.bodies(url) == ["x"]


@case
def batches_are_sent_changed_and_deleted(on: Stage) -> None:
    url = on.queue()
    sent = on.sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(10)])
    assert [entry["Id"] for entry in sent["Successful"]] == [str(n) for n in range(10)]
    got = on.receive(url)
    handles = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(got)]
    back = on.sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**handle, "VisibilityTimeout": 0} for handle in handles[:5]]
    )
    assert len(back["Successful"]) == 5
    assert on.counts(url) == (5, 5, 0)
    gone = on.sqs.delete_message_batch(QueueUrl=url, Entries=[*handles[5:], {"Id": "bad", "ReceiptHandle": "made up"}])
    assert len(gone["Successful"]) == 5
    assert [entry["Code"] for entry in gone["Failed"]] == ["ReceiptHandleIsInvalid"]
    assert on.counts(url) == (5, 0, 0)


@case
def a_message_of_exactly_the_limit_is_taken(on: Stage) -> None:
    url = on.queue(MaximumMessageSize=1024)
    on.send(url, "é" * 512)
    assert on.code("send_message", QueueUrl=url, MessageBody="é" * 512 + "x") == "InvalidParameterValue"
    given = {"a": {"DataType": "String", "StringValue": "b"}}  # attributes count: 1 + 6 + 1 bytes
    on.send(url, "x" * 1016, MessageAttributes=given)
    asked = {"QueueUrl": url, "MessageBody": "x" * 1017, "MessageAttributes": given}
    assert on.code("send_message", **asked) == "InvalidParameterValue"
