"""What the broker says when it says no: Amazon SQS's errors, by the names and codes that its clients know.

A client decides by the code whether to try again, so a wrong code is worse than a wrong sentence. Every error has two
names: its shape in the JSON protocol, and the code that the older query protocol had, which clients still show.
Source: Amazon SQS API reference, each action's Errors; the AWS JSON 1.0 protocol with awsQueryCompatible (Smithy).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_PREFIXED = (
    "BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidBatchEntryId", "MessageNotInflight",
    "PurgeQueueInProgress", "QueueDeletedRecently", "TooManyEntriesInBatchRequest", "UnsupportedOperation",
)  # fmt: skip
CODES = {name: f"AWS.SimpleQueueService.{name}" for name in _PREFIXED} | {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
}
Parameters = Mapping[str, Any]


class SqsError(Exception):
    """The request was refused and changed nothing.

    shape: the error's name in the API. message: for people. status: HTTP's; 400 and above is the sender's fault, 500
    and above ours: try again.
    """

    def __init__(self, shape: str, message: str, status: int = 400) -> None:
        super().__init__(f"{shape}: {message}")
        self.shape, self.message, self.status = shape, message, status

    @property
    def code(self) -> str:
        """What boto3 shows as Error.Code."""
        return CODES.get(self.shape, self.shape)

    @property
    def fault(self) -> str:
        """ "Sender" or "Receiver"."""
        return "Sender" if self.status < 500 else "Receiver"

    def body(self) -> dict[str, str]:
        """The answer as the JSON protocol writes it."""
        return {"__type": f"com.amazonaws.sqs#{self.shape}", "message": self.message}

    def entry(self, entry_id: str) -> dict[str, Any]:
        """The same as one failed entry of a batch."""
        return {"Id": entry_id, "SenderFault": self.status < 500, "Code": self.code, "Message": self.message}


def invalid(value: object, name: str, reason: str) -> SqsError:
    """An InvalidParameterValue in the words of SQS."""
    return SqsError("InvalidParameterValue", f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def no_queue() -> SqsError:
    """A QueueDoesNotExist."""
    return SqsError("QueueDoesNotExist", "The specified queue does not exist.")


def missing(name: str) -> SqsError:
    """A MissingParameter."""
    return SqsError("MissingParameter", f"The request must contain the parameter {name}.")


def text(parameters: Parameters, name: str) -> str:
    """The parameter called *name*, a string that is not empty. Raises SqsError if it is anything else."""
    value = parameters.get(name)
    if value is None or value == "":
        raise missing(name)
    if not isinstance(value, str):
        raise invalid(value, name, "Must be a string.")
    return value


def optional(parameters: Parameters, name: str) -> str:
    """The string called *name*, or "". Raises SqsError if it is something else."""
    value = parameters.get(name) or ""
    if not isinstance(value, str):
        raise invalid(value, name, "Must be a string.")
    return value


def number(parameters: Parameters, name: str, low: int, high: int, default: int) -> int:
    """The whole number called *name*, or *default*. Raises SqsError if it is none between *low* and *high*."""
    value = parameters.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        reason = f"{name} must be >= {low} and <= {high}."
        raise invalid(value, name, f"Must be between {low} and {high}, if provided." if low else reason)
    return value


def items(parameters: Parameters, name: str) -> Sequence[Any]:
    """The list called *name*, empty if it is not given. Raises SqsError if it is no list."""
    value = parameters.get(name) or ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise invalid(value, name, "Must be a list.")
    return value


def pairs(parameters: Parameters, name: str) -> Mapping[str, Any]:
    """The map called *name*, empty if it is not given. Raises SqsError if it is no map."""
    value = parameters.get(name) or {}
    if not isinstance(value, Mapping):
        raise invalid(value, name, "Must be a map.")
    return value
