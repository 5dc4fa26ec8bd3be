"""What a consumer does with a message that it holds: delete it, keep it for longer, give it back.

A holder has a receipt for one receive. When the time is over and somebody else has the message, the old receipt must
not delete it under the new holder's hands.

Promised: a new timeout counts from the call and ends at most 12 hours after the receive (policies.py); an old receipt
changes nothing. Source: Amazon SQS API reference, DeleteMessage and ChangeMessageVisibility.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from minisys.queues import messages, policies
from minisys.queues.attributes import Queue
from minisys.queues.errors import Parameters, SqsError, invalid, missing, number, text
from minisys.queues.sending import each

if TYPE_CHECKING:
    from minisys.queues.broker import Broker

Answer = dict[str, Any]


class Holding:
    """Messages in flight of *broker*; its actions are called through the broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker, self.db = broker, broker.store.db
        self.actions = (
            self.delete_message, self.delete_message_batch,
            self.change_message_visibility, self.change_message_visibility_batch,
        )  # fmt: skip

    def delete_message(self, parameters: Parameters, now: float) -> Answer:
        """The work is done; deleting twice does no harm."""
        self._delete(self.broker.queue(parameters), parameters, now)
        return {}

    def delete_message_batch(self, parameters: Parameters, now: float) -> Answer:
        """Up to ten of them."""
        queue, entries = self.broker.queue(parameters), messages.entries_of(parameters, "DeleteMessageBatch")
        return each(entries, lambda entry: self._delete(queue, entry, now))

    def _delete(self, queue: Queue, entry: Parameters, now: float) -> Answer:
        sequence, token = receipt(queue, entry)
        row = self.db.execute("SELECT * FROM message WHERE seq = ?", (sequence,)).fetchone()
        if row is None or row["queue"] != queue.id:
            return {}
        latest = row["token"] == token
        if queue.fifo and not (latest and row["visible_s"] > now):
            raise invalid(entry["ReceiptHandle"], "ReceiptHandle", "The receipt handle has expired.")
        if latest:  # in a standard queue an older receipt succeeds and deletes nothing: somebody else has it now
            self.db.execute("DELETE FROM message WHERE seq = ?", (sequence,))
            self.broker.touched.add(queue.name)  # the next of its group may go
        return {}

    def change_message_visibility(self, parameters: Parameters, now: float) -> Answer:
        """Hide it for longer, or give it back (0)."""
        self._change(self.broker.queue(parameters), parameters, now)
        return {}

    def change_message_visibility_batch(self, parameters: Parameters, now: float) -> Answer:
        """Up to ten of them."""
        queue, kind = self.broker.queue(parameters), "ChangeMessageVisibilityBatch"
        return each(messages.entries_of(parameters, kind), lambda entry: self._change(queue, entry, now))

    def _change(self, queue: Queue, entry: Parameters, now: float) -> Answer:
        sequence, token = receipt(queue, entry)
        if entry.get("VisibilityTimeout") is None:
            raise missing("VisibilityTimeout")
        timeout_s = number(entry, "VisibilityTimeout", 0, 43_200, 0)
        self.broker.delivery.expire(queue, now)
        row = self.db.execute("SELECT * FROM message WHERE seq = ?", (sequence,)).fetchone()
        if row is None or row["queue"] != queue.id:
            said = "Message does not exist or is not available for visibility timeout change."
            raise invalid(entry["ReceiptHandle"], "ReceiptHandle", said)
        if row["token"] != token or row["visible_s"] <= now:
            raise SqsError("MessageNotInflight", "The specified message isn't in flight.")
        try:
            visible_s = policies.changed_visible_s(row["received_s"], now, timeout_s)
        except ValueError as problem:
            raise invalid(timeout_s, "VisibilityTimeout", str(problem)) from None
        self.db.execute("UPDATE message SET visible_s = ? WHERE seq = ?", (visible_s, sequence))
        self.broker.touched.add(queue.name)
        return {}


def receipt(queue: Queue, entry: Parameters) -> tuple[int, str]:
    """The message's number and the receive that a receipt handle stands for. Raises SqsError if it is none of ours."""
    handle = text(entry, "ReceiptHandle")
    try:
        queue_id, sequence, token = base64.urlsafe_b64decode(handle).decode().split(" ")
        if int(queue_id) == queue.id:
            return int(sequence), token
    except ValueError:  # binascii's and Unicode's errors are ValueErrors
        pass
    raise SqsError("ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.')
