"""What the tests of the broker share: boto3's client for it and for moto, and short names for what they do."""

from __future__ import annotations

import itertools
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from minisys.queues.broker import Broker
from minisys.queues.errors import SqsError

REGION, ACCOUNT = "us-east-1", "000000000000"
_numbers = itertools.count()


def client(url: str | None, attempts: int = 0) -> Any:
    """boto3's SQS client for *url*, (None: moto's), that gives up after *attempts* second attempts."""
    return boto3.client("sqs", region_name=REGION, **access(url, attempts))


def access(url: str | None, attempts: int = 0) -> dict[str, Any]:
    """Where and with which keys."""
    config = Config(retries={"max_attempts": attempts}, connect_timeout=5, read_timeout=30)
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    return {"endpoint_url": url, "config": config, **keys}


class Stage:
    """boto3's client for *url* (None: moto's) and queues with names of their own."""

    def __init__(self, url: str | None) -> None:
        self.access, self.sqs = access(url), client(url)

    def queue(self, fifo: bool = False, **attributes: object) -> str:
        """The URL of a new queue."""
        given = {name: str(value) for name, value in attributes.items()} | ({"FifoQueue": "true"} if fifo else {})
        made = self.sqs.create_queue(QueueName=self.name(fifo), Attributes=given)
        return str(made["QueueUrl"])

    def name(self, fifo: bool = False) -> str:
        """A name that no queue has."""
        return f"q{next(_numbers)}" + (".fifo" if fifo else "")

    def send(self, url: str, body: str, group: str | None = None, key: str | None = None, **more: Any) -> Any:
        """Send one message."""
        if group is not None:
            more["MessageGroupId"] = group
        if key is not None:
            more["MessageDeduplicationId"] = key
        return self.sqs.send_message(QueueUrl=url, MessageBody=body, **more)

    def receive(self, url: str, most: int = 10, **more: Any) -> list[Any]:
        """Up to *most* messages, with all their attributes."""
        asked = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]} | more
        return list(self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, **asked).get("Messages", []))

    def bodies(self, url: str, **more: Any) -> list[str]:
        """The texts of up to ten messages, in order."""
        return [message["Body"] for message in self.receive(url, **more)]

    def attributes(self, url: str, *names: str) -> dict[str, str]:
        """What the queue says of itself."""
        told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names or ["All"]))
        return dict(told.get("Attributes", {}))

    def arn(self, url: str) -> str:
        """The queue's ARN."""
        return self.attributes(url, "QueueArn")["QueueArn"]

    def counts(self, url: str) -> tuple[int, int, int]:
        """Visible, in flight, delayed."""
        told = self.attributes(url)
        names = ("", "NotVisible", "Delayed")
        visible, flying, delayed = (int(told[f"ApproximateNumberOfMessages{name}"]) for name in names)
        return visible, flying, delayed

    def code(self, action: str, **parameters: Any) -> str:
        """The error code of an action that must fail ("" if it does not)."""
        try:
            getattr(self.sqs, action)(**parameters)
        except ClientError as problem:
            return str(problem.response["Error"]["Code"])
        return ""

    def dead_letters(self, most: int, fifo: bool = False) -> tuple[str, str]:
        """A queue whose messages become dead letters after *most* receives, and the queue where they go."""
        dead = self.queue(fifo)
        policy = f'{{"deadLetterTargetArn":"{self.arn(dead)}","maxReceiveCount":"{most}"}}'
        return self.queue(fifo, RedrivePolicy=policy), dead


class Local:
    """The broker without HTTP, on a clock that the test sets."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    def __call__(self, action: str, now: float = 0.0, **parameters: Any) -> dict[str, Any]:
        return self.broker.call(action, parameters, now)

    def queue(self, name: str = "q", **attributes: object) -> str:
        """The URL of a queue."""
        given = {key: str(value) for key, value in attributes.items()}
        if name.endswith(".fifo"):
            given["FifoQueue"] = "true"
        return str(self("CreateQueue", QueueName=name, Attributes=given)["QueueUrl"])

    def receive(self, url: str, now: float, **more: Any) -> list[dict[str, Any]]:
        """Up to ten messages with all attributes."""
        asked = {"MaxNumberOfMessages": 10, "AttributeNames": ["All"]} | more
        return list(self("ReceiveMessage", now, QueueUrl=url, **asked).get("Messages", []))

    def bodies(self, url: str, now: float, **more: Any) -> list[str]:
        """The texts."""
        return [message["Body"] for message in self.receive(url, now, **more)]

    def refused(self, action: str, now: float = 0.0, **parameters: Any) -> str:
        """The shape of the error of an action that must fail ("" if it does not)."""
        try:
            self(action, now, **parameters)
        except SqsError as problem:
            return problem.shape
        return ""
