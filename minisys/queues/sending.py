"""Messages coming in: checked, kept once, perhaps delayed.

The producer sent an order and the answer was lost on the way. It sends it again. Two orders, or one? A standard queue
keeps both; a FIFO queue knows the second by its id.

Promised: a message is kept as it was sent, or refused with SQS's reason; of a batch each is kept or refused for itself.
See broker.py for how calls are made, and fifo.py for duplicates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from minisys.queues import messages
from minisys.queues.attributes import Queue
from minisys.queues.errors import Parameters, SqsError, invalid, number, pairs
from minisys.queues.fifo import Fifo
from minisys.queues.store import seal

if TYPE_CHECKING:
    from minisys.queues.broker import Broker

Answer = dict[str, Any]


class Sending:
    """New messages for the queues of *broker*; its actions are called through the broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker, self.db, self.fifo = broker, broker.store.db, Fifo(broker.store.db)
        self.actions = (self.send_message, self.send_message_batch)

    def send_message(self, parameters: Parameters, now: float) -> Answer:
        """Keep a message."""
        return self._send(self.broker.queue(parameters), parameters, now)

    def send_message_batch(self, parameters: Parameters, now: float) -> Answer:
        """Keep up to ten; each for itself, but no more than a megabyte in all."""
        queue, entries = self.broker.queue(parameters), messages.entries_of(parameters, "SendMessageBatch")
        size = sum(messages.size_of(entry) for entry in entries)
        if size > messages.MOST_BYTES:
            said = f"Batch requests cannot be longer than {messages.MOST_BYTES} bytes. You have sent {size} bytes."
            raise SqsError("BatchRequestTooLong", said)
        return each(entries, lambda entry: self._send(queue, entry, now))

    def _send(self, queue: Queue, entry: Parameters, now: float) -> Answer:
        body, given = self._checked(queue, entry)
        trace, delay_s = messages.check_trace(entry), self._delay_s(queue, entry)
        group, key = self.fifo.ids(queue, entry, body)
        first = self.fifo.sent_before(queue, group, key, now)
        sequence, message_id = first or (None, self.new_id())
        if sequence is None:
            sequence = self.insert(
                queue, message_id, body, json.dumps(given), trace, now, now + delay_s, group=group, key=key
            )
            self.fifo.remember(queue, group, key, now, message_id, sequence)
        answer = {"MessageId": message_id, "MD5OfMessageBody": messages.md5(body.encode())}
        if given:
            answer["MD5OfMessageAttributes"] = messages.md5_of_attributes(given)
        if trace is not None:
            header = {messages.TRACE: {"DataType": "String", "StringValue": trace}}
            answer["MD5OfMessageSystemAttributes"] = messages.md5_of_attributes(header)
        return answer | ({"SequenceNumber": f"{sequence:020d}"} if queue.fifo else {})

    def _checked(self, queue: Queue, entry: Parameters) -> tuple[str, dict[str, Any]]:
        """Text and attributes of what is sent. Raises SqsError."""
        body, given = messages.check_body(entry), dict(pairs(entry, "MessageAttributes"))
        size = len(body.encode()) + messages.check_attributes(given)
        messages.check_size(size, queue.number("MaximumMessageSize"))
        return body, given

    def _delay_s(self, queue: Queue, entry: Parameters) -> int:
        own = entry.get("DelaySeconds")
        if queue.fifo and own:
            said = "The request include parameter that is not valid for this queue type."
            raise invalid(own, "DelaySeconds", said)
        own = number(entry, "DelaySeconds", 0, 900, queue.number("DelaySeconds"))
        return queue.number("DelaySeconds") if queue.fifo else own

    def insert(
        self, queue: Queue, message_id: str, body: str, given: str, trace: str | None, sent_s: float, visible_s: float,
        *, group: str | None, key: str | None,
    ) -> int:  # fmt: skip
        """Put a new message into *queue*; its number in the store, which is also its place in the order.

        Raises SqsError if the store is full.
        """
        if self.broker.store.full():
            said = (
                f"The broker's file is full ({self.broker.store.limit_bytes:,} bytes); nothing was kept of this message"
            )
            raise SqsError("ServiceUnavailable", f"{said}; delete messages to make room.", 503)
        self.broker.touched.add(queue.name)
        md5 = messages.md5(body.encode())
        check = seal(message_id, md5, given, trace, group, key)
        done = self.db.execute(
            "INSERT INTO message (queue, id, body, md5, attributes, trace, sent_s, visible_s, receives, here, group_id,"
            " deduplication_id, seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?)",
            (queue.id, message_id, body, md5, given, trace, sent_s, visible_s, group, key, check),
        )
        assert done.lastrowid is not None
        return done.lastrowid

    def delay_again(self, queue: Queue, delay_s: int) -> None:
        """A FIFO queue's new delay holds for messages that wait already; a standard queue's does not."""
        change = "UPDATE message SET visible_s = sent_s + ? WHERE queue = ? AND receives = 0"
        self.db.execute(change, (delay_s, queue.id))
        self.broker.touched.add(queue.name)

    def new_id(self) -> str:
        """A message's id."""
        return str(UUID(int=self.broker.rng.getrandbits(128), version=4))


def each(entries: Sequence[Parameters], act: Callable[[Parameters], Answer]) -> Answer:
    """A batch: what was done and what was not, entry by entry."""
    done, failed = [], []
    for entry in entries:
        try:
            done.append({"Id": entry["Id"], **act(entry)})
        except SqsError as problem:
            failed.append(problem.entry(entry["Id"]))
    return {"Successful": done} | ({"Failed": failed} if failed else {})
