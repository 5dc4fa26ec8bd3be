"""More of FIFO queues, case by case, through boto3: groups in flight, duplicates, repeated receives; ours and moto."""

from __future__ import annotations

import hashlib

from tests.queues.behaviours import case
from tests.queues.stage import Stage


def group_of(on: Stage, count: int, **attributes: object) -> str:
    """A FIFO queue with messages 0, 1, … of one group."""
    url = on.queue(fifo=True, **attributes)
    for number in range(count):
        on.send(url, str(number), "g", f"k{number}")
    return url


def drop(on: Stage, url: str, message: dict[str, str]) -> None:
    on.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@case
def a_group_goes_on_only_when_all_that_is_out_is_done(on: Stage) -> None:
    url = group_of(on, 4)
    first, second, third = on.receive(url, most=3)
    for done in (second, first):
        drop(on, url, done)
        assert on.bodies(url) == []
    drop(on, url, third)
    assert on.bodies(url) == ["3"]


@case
def what_is_given_back_waits_for_what_is_out_before_it(on: Stage) -> None:
    url = group_of(on, 3)
    first, second = on.receive(url, most=2)
    on.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    assert on.bodies(url) == []
    drop(on, url, first)
    assert on.bodies(url) == ["1", "2"]


@case
def a_receive_takes_from_several_groups(on: Stage) -> None:
    url = on.queue(fifo=True)
    for number, group in enumerate("abcabc"):
        on.send(url, f"{group}{number}", group, str(number))
    got = on.bodies(url)
    assert sorted(got) == ["a0", "a3", "b1", "b4", "c2", "c5"]
    for group in "abc":
        own = [body for body in got if body.startswith(group)]
        assert own == sorted(own)


@case
def the_id_of_a_content_is_its_sha_256(on: Stage) -> None:
    url, key = on.queue(fifo=True, ContentBasedDeduplication="true"), hashlib.sha256("é".encode()).hexdigest()
    on.send(url, "é", "g")
    on.send(url, "another text", "g", key)  # the same id, so the same message
    (got,) = on.receive(url)
    assert (got["Body"], got["Attributes"]["MessageDeduplicationId"]) == ("é", key)


@case
def attributes_are_no_part_of_a_content(on: Stage) -> None:
    url = on.queue(fifo=True, ContentBasedDeduplication="true")
    on.send(url, "x", "g", MessageAttributes={"a": {"DataType": "String", "StringValue": "1"}})
    on.send(url, "x", "g", MessageAttributes={"a": {"DataType": "String", "StringValue": "2"}})
    (got,) = on.receive(url)
    assert got["MessageAttributes"]["a"]["StringValue"] == "1"


@case
def the_same_id_in_two_groups_is_a_duplicate(on: Stage) -> None:
    url = on.queue(fifo=True)
    on.send(url, "x", "a", "same")
    on.send(url, "y", "b", "same")
    assert on.bodies(url) == ["x"]


@case
def an_id_is_known_in_one_queue_only(on: Stage) -> None:
    for url in (on.queue(fifo=True), on.queue(fifo=True)):
        on.send(url, "x", "g", "same")
        assert on.bodies(url) == ["x"]


@case
def an_id_is_known_after_its_message_is_deleted(on: Stage) -> None:
    url = group_of(on, 1)
    drop(on, url, on.receive(url)[0])
    assert on.send(url, "again", "g", "k0")["MessageId"]
    assert on.counts(url) == (0, 0, 0)


@case
def ids_may_be_128_signs(on: Stage) -> None:
    url, sign = on.queue(fifo=True), "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~aZ0"
    long = (sign * 4)[:128]
    on.send(url, "x", long, long)
    told = on.receive(url)[0]["Attributes"]
    assert (told["MessageGroupId"], told["MessageDeduplicationId"]) == (long, long)


@case
def another_attempt_gets_other_messages(on: Stage) -> None:
    url = on.queue(fifo=True)
    for group in "ab":
        on.send(url, group, group, group)
    assert on.bodies(url, most=1, ReceiveRequestAttemptId="one") == ["a"]
    assert on.bodies(url, most=1, ReceiveRequestAttemptId="two") == ["b"]
    assert on.bodies(url, most=1, ReceiveRequestAttemptId="three") == []


@case
def an_attempt_is_over_when_a_message_of_it_is_deleted(on: Stage) -> None:
    url = group_of(on, 3)
    first, _ = on.receive(url, most=2, ReceiveRequestAttemptId="one")
    drop(on, url, first)
    assert on.receive(url, most=2, ReceiveRequestAttemptId="one") == []


@case
def an_attempt_repeated_counts_as_one_receive(on: Stage) -> None:
    url = group_of(on, 1)
    for _ in range(3):
        (got,) = on.receive(url, ReceiveRequestAttemptId="one")
        assert got["Attributes"]["ApproximateReceiveCount"] == "1"


@case
def a_number_of_a_batch_is_its_place(on: Stage) -> None:
    url = on.queue(fifo=True, ContentBasedDeduplication="true")
    entries = [{"Id": str(n), "MessageBody": str(n), "MessageGroupId": f"g{n % 2}"} for n in range(10)]
    numbers = [
        entry["SequenceNumber"] for entry in on.sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]
    ]
    assert numbers == sorted(set(numbers), key=int)
    assert {len(number) for number in numbers} == {20}


@case
def a_batch_with_one_message_delayed_keeps_the_others(on: Stage) -> None:
    url = on.queue(fifo=True)
    own = {"MessageGroupId": "g"}
    entries = [
        {"Id": "now", "MessageBody": "now", "MessageDeduplicationId": "1", **own},
        {"Id": "late", "MessageBody": "late", "MessageDeduplicationId": "2", "DelaySeconds": 9, **own},
    ]
    answer = on.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("late", "InvalidParameterValue")]
    assert on.bodies(url) == ["now"]


@case
def a_fifo_dead_letter_keeps_group_and_id(on: Stage) -> None:
    url, dead = on.dead_letters(1, fifo=True)
    on.send(url, "poison", "g", "k")
    on.receive(url, VisibilityTimeout=0)
    assert on.bodies(url) == []
    told = on.receive(dead)[0]["Attributes"]
    assert (told["MessageGroupId"], told["MessageDeduplicationId"]) == ("g", "k")
