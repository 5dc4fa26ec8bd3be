"""Move tasks, case by case, through boto3: dead letters on their way back; for our broker and for moto."""

from __future__ import annotations

import time

from tests.queues.behaviours import case
from tests.queues.stage import Stage

BAD = "InvalidParameterValue"


def dead_letter(on: Stage, *bodies: str) -> tuple[str, str]:
    """A queue, and its dead-letter queue in which these texts lie."""
    url, dead = on.dead_letters(1)
    for body in bodies:
        on.send(url, body)
    for _ in range(2):
        on.receive(url, VisibilityTimeout=0)
    assert on.counts(dead) == (len(bodies), 0, 0)
    return url, dead


def last(on: Stage, dead: str) -> dict[str, object]:
    """What the newest task of *dead* says, once it has ended."""
    for _ in range(200):
        (task,) = on.sqs.list_message_move_tasks(SourceArn=on.arn(dead))["Results"]
        if task["Status"] != "RUNNING":
            break
        time.sleep(0.02)
    return dict(task)


@case
def a_task_that_runs_says_all_about_itself(on: Stage) -> None:
    (_, dead), other = dead_letter(on, "a", "b"), on.queue()
    asked = {"SourceArn": on.arn(dead), "DestinationArn": on.arn(other), "MaxNumberOfMessagesPerSecond": 1}
    before = 1000 * time.time()
    handle = on.sqs.start_message_move_task(**asked)["TaskHandle"]
    (task,) = on.sqs.list_message_move_tasks(SourceArn=on.arn(dead))["Results"]
    assert asked.items() <= task.items()
    assert (task["TaskHandle"], task["Status"], task["ApproximateNumberOfMessagesToMove"]) == (handle, "RUNNING", 2)
    assert before - 1 <= task["StartedTimestamp"] <= 1000 * time.time() + 1
    assert on.code("start_message_move_task", SourceArn=on.arn(dead)) != ""  # one at a time
    assert on.sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] <= 2
    assert on.code("cancel_message_move_task", TaskHandle=handle) != ""  # it runs no more


@case
def a_task_that_is_over_has_no_handle(on: Stage) -> None:
    _, dead = dead_letter(on, "a")
    on.sqs.start_message_move_task(SourceArn=on.arn(dead))
    task = last(on, dead)
    assert task["Status"] == "COMPLETED"
    assert not {"TaskHandle", "DestinationArn", "MaxNumberOfMessagesPerSecond", "FailureReason"} & set(task)


@case
def what_is_moved_begins_anew(on: Stage) -> None:
    url, dead = dead_letter(on, "a")
    on.sqs.start_message_move_task(SourceArn=on.arn(dead))
    (back,) = on.receive(url, WaitTimeSeconds=5)
    assert back["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "DeadLetterQueueSourceArn" not in back["Attributes"]


@case
def what_was_sent_to_the_dead_has_no_way_back(on: Stage) -> None:
    _, dead = on.dead_letters(1)
    on.send(dead, "sent here")
    on.sqs.start_message_move_task(SourceArn=on.arn(dead))
    task = last(on, dead)
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert on.counts(dead) == (1, 0, 0)


@case
def the_newest_task_is_told_first_and_alone(on: Stage) -> None:
    (_, dead), other = dead_letter(on, "a"), on.queue()
    arn = on.arn(dead)
    on.sqs.start_message_move_task(SourceArn=arn)
    last(on, dead)
    on.sqs.start_message_move_task(SourceArn=arn, DestinationArn=on.arn(other))
    last(on, dead)
    (one,) = on.sqs.list_message_move_tasks(SourceArn=arn)["Results"]
    two = on.sqs.list_message_move_tasks(SourceArn=arn, MaxResults=10)["Results"]
    assert one["DestinationArn"] == on.arn(other)
    assert [task.get("DestinationArn") for task in two] == [on.arn(other), None]


@case
def a_queue_without_tasks_tells_none(on: Stage) -> None:
    _, dead = on.dead_letters(1)
    assert on.sqs.list_message_move_tasks(SourceArn=on.arn(dead))["Results"] == []


@case
def tasks_have_limits(on: Stage) -> None:
    _, dead = on.dead_letters(1)
    arn = on.arn(dead)
    for rate in (0, 501):
        assert on.code("start_message_move_task", SourceArn=arn, MaxNumberOfMessagesPerSecond=rate) == BAD
    for most in (0, 11):
        assert on.code("list_message_move_tasks", SourceArn=arn, MaxResults=most) == BAD
    assert on.code("start_message_move_task", SourceArn=arn, DestinationArn=arn) == BAD
    gone = arn.rpartition(":")[0] + ":nowhere"
    assert on.code("start_message_move_task", SourceArn=arn, DestinationArn=gone) == "ResourceNotFoundException"
