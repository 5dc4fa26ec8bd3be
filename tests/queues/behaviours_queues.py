"""Queues themselves, case by case, through boto3: names, attributes, lists, tags, policies; for our broker and moto."""

from __future__ import annotations

import json
import time

from botocore.exceptions import ClientError

from tests.queues.behaviours import case
from tests.queues.stage import Stage

NONEXISTENT = "AWS.SimpleQueueService.NonExistentQueue"


@case
def names_of_80_characters_are_taken_with_the_suffix(on: Stage) -> None:
    for name, given in (("n" * 80, {}), ("n" * 75 + ".fifo", {"FifoQueue": "true"}), ("-_-", {})):
        url = on.sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]
        assert url.endswith("/" + name)
        on.sqs.delete_queue(QueueUrl=url)


@case
def capitals_make_another_queue(on: Stage) -> None:
    name = on.name()
    lower, upper = (on.sqs.create_queue(QueueName=each)["QueueUrl"] for each in (name, name.upper()))
    assert lower != upper
    on.send(lower, "x")
    assert on.counts(upper) == (0, 0, 0)
    assert "QueueUrls" not in on.sqs.list_queues(QueueNamePrefix=name.title() + "-")


@case
def a_list_without_pages_has_no_token(on: Stage) -> None:
    prefix = on.name() + "-all-"
    for number in range(3):
        on.sqs.create_queue(QueueName=f"{prefix}{number}")
    told = on.sqs.list_queues(QueueNamePrefix=prefix)
    assert len(told["QueueUrls"]) == 3
    assert "NextToken" not in told


@case
def a_page_that_is_the_last_has_no_token(on: Stage) -> None:
    prefix = on.name() + "-two-"
    for number in range(2):
        on.sqs.create_queue(QueueName=f"{prefix}{number}")
    told = on.sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2)
    assert len(told["QueueUrls"]) == 2
    assert "NextToken" not in told


@case
def every_limit_itself_is_taken(on: Stage) -> None:
    low = {
        "DelaySeconds": 0, "MaximumMessageSize": 1_024, "MessageRetentionPeriod": 60,
        "ReceiveMessageWaitTimeSeconds": 0, "VisibilityTimeout": 0,
    }  # fmt: skip
    high = {
        "DelaySeconds": 900, "MaximumMessageSize": 1_048_576, "MessageRetentionPeriod": 1_209_600,
        "ReceiveMessageWaitTimeSeconds": 20, "VisibilityTimeout": 43_200,
    }  # fmt: skip
    for limits in (low, high):
        told = on.attributes(on.queue(**limits))
        assert {name: told[name] for name in limits} == {name: str(value) for name, value in limits.items()}


@case
def times_are_told_in_whole_seconds(on: Stage) -> None:
    before = int(time.time())
    told = on.attributes(on.queue())
    for name in ("CreatedTimestamp", "LastModifiedTimestamp"):
        assert before <= int(told[name]) <= time.time() + 1


@case
def no_names_no_attributes(on: Stage) -> None:
    assert "Attributes" not in on.sqs.get_queue_attributes(QueueUrl=on.queue())


@case
def encryption_by_a_key_turns_the_other_one_off(on: Stage) -> None:
    told = on.attributes(on.queue(KmsMasterKeyId="alias/mine"))
    assert told["KmsMasterKeyId"] == "alias/mine"
    assert told.get("SqsManagedSseEnabled", "false") == "false"
    assert told["KmsDataKeyReusePeriodSeconds"] == "300"


@case
def a_queue_that_is_gone_answers_nothing(on: Stage) -> None:
    url = on.queue()
    on.sqs.delete_queue(QueueUrl=url)
    for action, more in (
        ("delete_queue", {}), ("receive_message", {}), ("purge_queue", {}), ("list_queue_tags", {}),
        ("tag_queue", {"Tags": {"a": "b"}}), ("untag_queue", {"TagKeys": ["a"]}),
        ("list_dead_letter_source_queues", {}),
        ("set_queue_attributes", {"Attributes": {"DelaySeconds": "1"}}),
        ("delete_message_batch", {"Entries": [{"Id": "a", "ReceiptHandle": "x"}]}),
        ("send_message_batch", {"Entries": [{"Id": "a", "MessageBody": "x"}]}),
        ("change_message_visibility", {"ReceiptHandle": "x", "VisibilityTimeout": 1}),
    ):  # fmt: skip
        assert on.code(action, QueueUrl=url, **more) == NONEXISTENT, action
    assert on.code("get_queue_url", QueueName=url.rpartition("/")[2]) == NONEXISTENT


@case
def a_queue_of_another_account_is_not_there(on: Stage) -> None:
    name = on.queue().rpartition("/")[2]
    assert on.code("get_queue_url", QueueName=name, QueueOwnerAWSAccountId="111111111111") == NONEXISTENT


@case
def refusals_have_status_400(on: Stage) -> None:
    url = on.queue()
    on.sqs.purge_queue(QueueUrl=url)
    tried = {
        "purge_queue": {"QueueUrl": url},
        "delete_message": {"QueueUrl": url, "ReceiptHandle": "made up"},
        "send_message_batch": {"QueueUrl": url, "Entries": []},
        "receive_message": {"QueueUrl": url, "MaxNumberOfMessages": 99},
    }
    seen = {}
    for action, parameters in tried.items():
        try:
            getattr(on.sqs, action)(**parameters)
        except ClientError as problem:
            seen[action] = problem.response["ResponseMetadata"]["HTTPStatusCode"]
    assert seen == dict.fromkeys(tried, 400)


@case
def a_queue_without_tags_tells_none(on: Stage) -> None:
    assert on.sqs.list_queue_tags(QueueUrl=on.queue()).get("Tags", {}) == {}


@case
def a_tag_may_be_empty_and_in_any_script(on: Stage) -> None:
    url, tags = on.queue(), {"größe": "", "a b:c/d=e+f-g@h.i_j": "v" * 256, "k" * 128: "Ω"}
    on.sqs.tag_queue(QueueUrl=url, Tags=tags)
    assert on.sqs.list_queue_tags(QueueUrl=url)["Tags"] == tags


@case
def a_dead_letter_queue_may_name_its_sources(on: Stage) -> None:
    dead, friend = on.queue(), on.queue()
    allowed = {"redrivePermission": "byQueue", "sourceQueueArns": [on.arn(friend)]}
    on.sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(allowed)})
    policy = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": on.arn(dead), "maxReceiveCount": "3"})}
    on.sqs.set_queue_attributes(QueueUrl=friend, Attributes=policy)
    assert on.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [friend]
    stranger = on.queue()
    assert on.code("set_queue_attributes", QueueUrl=stranger, Attributes=policy) == "InvalidParameterValue"


@case
def dead_letters_come_after_1_to_1000_receives(on: Stage) -> None:
    dead = on.arn(on.queue())
    for count, code in ((1, ""), ("1000", ""), (0, "InvalidParameterValue"), (1001, "InvalidParameterValue")):
        policy = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": count})
        asked = {"QueueName": on.name(), "Attributes": {"RedrivePolicy": policy}}
        assert on.code("create_queue", **asked) == code, count


@case
def sources_of_dead_letters_are_told_in_pages(on: Stage) -> None:
    dead = on.queue()
    policy = json.dumps({"deadLetterTargetArn": on.arn(dead), "maxReceiveCount": 2})
    made = {on.queue(RedrivePolicy=policy) for _ in range(3)}
    pages = on.sqs.get_paginator("list_dead_letter_source_queues").paginate(
        QueueUrl=dead, PaginationConfig={"PageSize": 2}
    )
    seen = [page["queueUrls"] for page in pages]
    assert [len(page) for page in seen] == [2, 1]
    assert {url for page in seen for url in page} == made


@case
def a_fifo_queue_may_change_its_mind_about_content(on: Stage) -> None:
    url = on.queue(fifo=True)
    assert on.code("send_message", QueueUrl=url, MessageBody="x", MessageGroupId="g") == "InvalidParameterValue"
    on.sqs.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "true"})
    on.send(url, "x", "g")
    assert on.bodies(url) == ["x"]


@case
def permissions_are_refused_as_not_supported_or_kept(on: Stage) -> None:
    asked = {"QueueUrl": on.queue(), "Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]}
    assert on.code("add_permission", **asked) in ("", "AWS.SimpleQueueService.UnsupportedOperation")
