"""What a queue is told when it is made: how long it hides, keeps and delays, where dead letters go, whether it is FIFO.

A visibility timeout of 43,201 seconds, a dead-letter queue that does not exist, a FIFO queue whose name does not say
so: Amazon refuses each of them when the queue is made, not on the night when it matters. So do we.

Promised: SQS's names, limits and defaults. Encryption and access policies are kept and given back, and do nothing here.
Source: Amazon SQS API reference, CreateQueue and SetQueueAttributes; developer guide, quotas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from minisys.queues.errors import SqsError

REGION, ACCOUNT = "us-east-1", "000000000000"
ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"
NUMBERS = {  # lowest, highest, default
    "DelaySeconds": (0, 900, 0),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400, 300),
    "MaximumMessageSize": (1_024, 1_048_576, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600, 345_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20, 0),
    "VisibilityTimeout": (0, 43_200, 30),
}
FLAGS = {"ContentBasedDeduplication": "false", "SqsManagedSseEnabled": "true"}
CHOICES = {
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
ONLY_FIFO = ("ContentBasedDeduplication", *CHOICES)
KEPT = ("KmsMasterKeyId", "Policy")
READ_ONLY = (
    "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn",
)  # fmt: skip
SETTABLE = (*NUMBERS, *FLAGS, *CHOICES, *KEPT, "RedrivePolicy", "RedriveAllowPolicy")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True)
class Queue:
    """A queue: its number in the store, name, times in seconds since 1970, and what was set (SQS's names, as text)."""

    id: int
    name: str
    created_s: float
    modified_s: float
    purged_s: float
    attributes: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def fifo(self) -> bool:
        """Whether it keeps the order of each group."""
        return self.name.endswith(".fifo")

    @property
    def arn(self) -> str:
        """Its Amazon resource name."""
        return ARN + self.name

    def number(self, name: str) -> int:
        """One of NUMBERS, as set or by default."""
        return int(self.attributes.get(name, NUMBERS[name][2]))

    def flag(self, name: str) -> bool:
        """One of FLAGS."""
        return self.attributes.get(name, FLAGS[name]) == "true"

    @property
    def redrive(self) -> tuple[str, int] | None:
        """The dead-letter queue's name and after how many receives, or None."""
        policy = json.loads(self.attributes.get("RedrivePolicy") or "{}")
        return (name_of(policy["deadLetterTargetArn"]), int(policy["maxReceiveCount"])) if policy else None

    def shown(self) -> dict[str, str]:
        """All that GetQueueAttributes tells, but for the counts."""
        told = {name: str(self.number(name)) for name in NUMBERS}
        own_key = bool(self.attributes.get("KmsMasterKeyId"))  # either that key or SQS's own encrypts, not both
        told["SqsManagedSseEnabled"] = "false" if own_key else FLAGS["SqsManagedSseEnabled"]
        if not own_key:
            del told["KmsDataKeyReusePeriodSeconds"]
        if self.fifo:
            told |= {name: CHOICES[name][0] for name in CHOICES} | {"FifoQueue": "true"}
            told["ContentBasedDeduplication"] = FLAGS["ContentBasedDeduplication"]
        told |= {name: value for name, value in self.attributes.items() if value != ""}
        told |= {"CreatedTimestamp": f"{self.created_s:.0f}", "LastModifiedTimestamp": f"{self.modified_s:.0f}"}
        return told | {"QueueArn": self.arn}


def name_of(arn: str) -> str:
    """The queue's name in an ARN. Raises SqsError for another region's, account's or service's."""
    if not isinstance(arn, str) or not arn.startswith(ARN):
        raise SqsError("InvalidParameterValue", f"{arn} is not the ARN of a queue here; they begin with {ARN}")
    return arn.removeprefix(ARN)


def check_name(name: str, attributes: Mapping[str, Any]) -> None:
    """Raise SqsError unless *name* may be a queue's, and says by its end whether it is FIFO."""
    fifo = str(attributes.get("FifoQueue", "")).lower()
    if fifo == "false":  # a standard queue is one that does not say it is FIFO
        raise SqsError("InvalidAttributeName", "Unknown Attribute FifoQueue.")
    if fifo not in ("", "true"):
        raise _bad_value("FifoQueue")
    if not _NAME.fullmatch(name.removesuffix(".fifo")) or len(name) > 80 or name.endswith(".fifo") != (fifo == "true"):
        raise SqsError(
            "InvalidParameterValue",
            "The name of a queue can only include alphanumeric characters, hyphens, or underscores, 1 to 80 in length; "
            "a FIFO queue's name must end with the .fifo suffix, and no other's may.",
        )


def checked(attributes: Mapping[str, Any], fifo: bool) -> dict[str, str]:
    """*attributes* as text, in one spelling. Raises SqsError for an unknown name or a value out of its range."""
    return {name: _checked(name, value, fifo) for name, value in attributes.items()}


def check_together(attributes: Mapping[str, str]) -> None:
    """Raise SqsError for attributes that exclude each other."""
    if attributes.get("KmsMasterKeyId") and attributes.get("SqsManagedSseEnabled") == "true":
        raise _bad_value("SqsManagedSseEnabled")  # one kind of encryption at a time
    per_group = attributes.get("FifoThroughputLimit") == "perMessageGroupId"
    if per_group and attributes.get("DeduplicationScope") != "messageGroup":
        raise _bad_value("FifoThroughputLimit")  # "allowed only when the value for DeduplicationScope is messageGroup"


def _checked(name: str, value: Any, fifo: bool) -> str:
    if name == "FifoQueue" and fifo:
        return "true"
    if name not in SETTABLE or (name in ONLY_FIFO and not fifo):
        raise SqsError("InvalidAttributeName", f"Unknown Attribute {name}.")
    value = str(value)
    if name in NUMBERS:
        low, high, _ = NUMBERS[name]
        if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise _bad_value(name)
        return str(int(value))
    if name in FLAGS and value.lower() not in ("true", "false"):
        raise _bad_value(name)
    if name in CHOICES and value not in CHOICES[name]:
        raise _bad_value(name)
    if name in ("RedrivePolicy", "RedriveAllowPolicy") and value:
        return _policy(name, value)
    return value.lower() if name in FLAGS else value


def _policy(name: str, value: str) -> str:
    """A redrive policy or a permission for it, as JSON in one spelling."""
    try:
        policy = json.loads(value)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        raise bad_policy(name, value, "It is not a valid JSON map.")
    return _redrive(value, policy) if name == "RedrivePolicy" else _allowed(value, policy)


def _redrive(value: str, policy: Mapping[str, Any]) -> str:
    target, count = policy.get("deadLetterTargetArn"), str(policy.get("maxReceiveCount", "10"))  # 10: the default
    if not isinstance(target, str):
        reason = "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."
        raise bad_policy("RedrivePolicy", value, reason)
    if not re.fullmatch(r"[0-9]{1,4}", count) or not 1 <= int(count) <= 1_000:
        reason = f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive."
        raise bad_policy("RedrivePolicy", value, reason)
    return _json({"deadLetterTargetArn": target, "maxReceiveCount": int(count)})


def _allowed(value: str, policy: Mapping[str, Any]) -> str:
    sources, permission = policy.get("sourceQueueArns", []), policy.get("redrivePermission")
    if permission not in ("allowAll", "denyAll", "byQueue") or not _few_names(sources):
        reason = "redrivePermission must be allowAll, denyAll or byQueue with up to 10 sourceQueueArns."
        raise bad_policy("RedriveAllowPolicy", value, reason)
    if (permission == "byQueue") != bool(sources):
        raise bad_policy("RedriveAllowPolicy", value, "sourceQueueArns goes with byQueue, and only with it.")
    return _json(dict(policy))


def _few_names(sources: object) -> bool:
    return isinstance(sources, list) and len(sources) <= 10 and all(isinstance(each, str) for each in sources)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def bad_policy(name: str, value: str, reason: str) -> SqsError:
    """What SQS says of a redrive policy that it does not take."""
    return SqsError("InvalidParameterValue", f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def may_redrive(allow_policy: str | None, source_arn: str) -> bool:
    """Whether the dead-letter queue with this RedriveAllowPolicy takes messages from *source_arn*."""
    policy = json.loads(allow_policy or "{}")
    permission = policy.get("redrivePermission", "allowAll")
    return permission == "allowAll" or (permission == "byQueue" and source_arn in policy["sourceQueueArns"])


def checked_tags(tags: Mapping[str, Any]) -> Mapping[str, str]:
    """*tags*. Raises SqsError for one that SQS would not take (its quotas: 128 and 256 characters, no "aws:")."""
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or key.startswith("aws:"):
            said = f"Tag keys must be between 1 and 128 characters in length and not begin with aws:, got {key!r}."
            raise SqsError("InvalidParameterValue", said)
        if not isinstance(value, str) or len(value) > 256:
            raise SqsError("InvalidParameterValue", f"Tag values must be text of at most 256 characters: {key!r}.")
    return tags


def _bad_value(name: str) -> SqsError:
    return SqsError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
