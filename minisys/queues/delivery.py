"""Messages handed out: received and hidden, then visible again, or put aside as dead letters.

The consumer took message 17 at noon and was never heard of again. At 12:00:30 message 17 is in the queue as if nothing
had happened, with a 1 beside it. At the fifth such entry it is put aside, so that it does not kill a sixth consumer.

Promised: when and how often a message is delivered follows policies.py; order in groups and repeated receives of FIFO
queues follow fifo.py. Counts are exact. How messages come is in sending.py, what consumers do with them in holding.py.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from minisys.queues import messages, policies
from minisys.queues.attributes import ACCOUNT, Queue
from minisys.queues.errors import Parameters, SqsError, items, number
from minisys.queues.fifo import Fifo

if TYPE_CHECKING:
    from minisys.queues.broker import Broker

MOST_IN_FLIGHT = 120_000
Answer = dict[str, Any]
Row = sqlite3.Row


class Delivery:
    """Messages of all queues of *broker*; its actions are called through the broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker, self.db, self.fifo = broker, broker.store.db, Fifo(broker.store.db)
        self.flying: dict[int, int] = {}  # how many can be in flight at most, by queue
        self.actions = (self.receive_message,)

    def receive_message(self, parameters: Parameters, now: float) -> Answer:
        """Hand out up to ten messages that are visible, and hide them. Waiting is the caller's: see sqs.py."""
        queue = self.broker.queue(parameters)
        most = number(parameters, "MaxNumberOfMessages", 1, 10, 1)
        wait_s = number(parameters, "WaitTimeSeconds", 0, 20, queue.number("ReceiveMessageWaitTimeSeconds"))
        timeout_s = number(parameters, "VisibilityTimeout", 0, 43_200, queue.number("VisibilityTimeout"))
        attempt = messages.check_token(parameters, "ReceiveRequestAttemptId") if queue.fifo else None
        rows = self.fifo.same_again(queue, attempt, now)
        again = bool(rows)
        if not again:
            self.expire(queue, now)
            rows = [] if self._over_limit(queue, most, wait_s, now) else self._take(queue, most, now)
        visible_s = policies.visible_again_s(now, timeout_s)
        out = [self._hand_out(row, now, visible_s, again=again) for row in rows]
        self.fifo.remember_attempt(queue, attempt, out, now)
        return {"Messages": [self._shown(queue, row, parameters) for row in out]} if out else {}

    def _take(self, queue: Queue, most: int, now: float) -> list[Row]:
        """The next messages for a consumer; those that came back too often go to the dead-letter queue instead."""
        busy = self.fifo.busy(queue, now) if queue.fifo else set()
        target, limit = self._dead_letters_of(queue)
        found: list[Row] = []
        dead: list[Row] = []
        for candidate in policies.in_order(self._waiting(queue, now), busy, MOST_IN_FLIGHT):
            row = candidate.row
            (dead if policies.dead_letter(row["here"], limit) else found).append(row)
            if len(found) == most:
                break
        for row in dead:
            assert target is not None
            self._put_aside(queue, row, target, now)
        return found

    def _dead_letters_of(self, queue: Queue) -> tuple[Queue | None, int | None]:
        """Where dead letters go and after how many receives; nowhere if that queue was deleted: they stay."""
        if queue.redrive is None:
            return None, None
        try:
            return self.broker.named(queue.redrive[0]), queue.redrive[1]
        except SqsError:
            return None, None

    def _waiting(self, queue: Queue, now: float) -> Iterator[Candidate]:
        """Visible messages, first those whose turn it is. Nobody may change the table before it is read."""
        order = "AND group_id IS NOT NULL ORDER BY seq" if queue.fifo else "ORDER BY visible_s, seq"
        rows = self.db.execute(f"SELECT * FROM message WHERE queue = ? AND visible_s <= ? {order}", (queue.id, now))
        return (Candidate(row, queue.fifo) for row in rows)

    def _over_limit(self, queue: Queue, most: int, wait_s: int, now: float) -> bool:
        """Whether 120,000 are in flight. They are counted only when as many could be out by now.

        Raises SqsError for a standard queue that is asked without waiting; others get nothing, as from an empty queue.
        """
        could = self.flying.get(queue.id, MOST_IN_FLIGHT) + most
        if could > MOST_IN_FLIGHT:
            could = int(self.counts(queue, now)["ApproximateNumberOfMessagesNotVisible"]) + most
            if could > MOST_IN_FLIGHT + most - 1:
                if queue.fifo or wait_s:
                    return True
                said = f"Too many messages in flight: at most {MOST_IN_FLIGHT:,}; delete what is done."
                raise SqsError("OverLimit", said)
        self.flying[queue.id] = could
        return False

    def _put_aside(self, queue: Queue, row: Row, target: Queue, now: float) -> None:
        """A dead letter keeps its id and its age; in a FIFO queue the age starts anew (SQS developer guide)."""
        sent_s = now if queue.fifo else row["sent_s"]
        self.broker.touched.add(target.name)
        self.db.execute(
            "UPDATE message SET queue = ?, sent_s = ?, visible_s = ?, token = NULL, here = 0, source = ? WHERE seq = ?",
            (target.id, sent_s, now, queue.arn, row["seq"]),
        )

    def _hand_out(self, row: Row, now: float, visible_s: float, *, again: bool) -> Row:
        """The message as it is once it is out: hidden until *visible_s*, counted, under a receipt of its own."""
        if again:  # the same receive, asked for a second time: only its timeout starts anew
            change, values = "visible_s = ?, received_s = ?", (visible_s, now)
            return self._changed(row["seq"], change, values)
        token = f"{self.broker.rng.getrandbits(64):016x}"
        return self._changed(
            row["seq"],
            "visible_s = ?, received_s = ?, first_received_s = coalesce(first_received_s, ?), receives = receives + 1, "
            "here = here + 1, token = ?",
            (visible_s, now, now, token),
        )

    def _changed(self, sequence: int, change: str, values: tuple[object, ...]) -> Row:
        row: Row = self.db.execute(
            f"UPDATE message SET {change} WHERE seq = ? RETURNING *", (*values, sequence)
        ).fetchone()
        return row

    def expire(self, queue: Queue, now: float) -> None:
        """What is older than the queue keeps it is gone, in flight or not."""
        oldest_s = now - queue.number("MessageRetentionPeriod")
        self.db.execute("DELETE FROM message WHERE queue = ? AND sent_s <= ?", (queue.id, oldest_s))

    def counts(self, queue: Queue, now: float) -> dict[str, str]:
        """How many are visible, in flight and delayed: exact, though SQS calls them approximate."""
        self.expire(queue, now)
        visible, flying, delayed = self.db.execute(
            "SELECT count(*) FILTER (WHERE visible_s <= :now),"
            " count(*) FILTER (WHERE visible_s > :now AND token IS NOT NULL),"
            " count(*) FILTER (WHERE visible_s > :now AND token IS NULL) FROM message WHERE queue = :queue",
            {"now": now, "queue": queue.id},
        ).fetchone()
        names = ("", "NotVisible", "Delayed")
        numbers = (visible, flying, delayed)
        return {f"ApproximateNumberOfMessages{name}": str(n) for name, n in zip(names, numbers, strict=True)}

    def next_visible_s(self, queue: Queue, now: float) -> float | None:
        """When the next message that is hidden at *now* will be visible, or None."""
        asked = "SELECT min(visible_s) FROM message WHERE queue = ? AND visible_s > ?"
        found: float | None = self.db.execute(asked, (queue.id, now)).fetchone()[0]
        return found

    def _shown(self, queue: Queue, row: Row, parameters: Parameters) -> Answer:
        """A message as the consumer gets it."""
        handle = base64.urlsafe_b64encode(f"{queue.id} {row['seq']} {row['token']}".encode()).decode()
        out: Answer = {"MessageId": row["id"], "ReceiptHandle": handle, "MD5OfBody": row["md5"], "Body": row["body"]}
        system = {
            "SenderId": ACCOUNT,
            "SentTimestamp": f"{1000 * row['sent_s']:.0f}",
            "ApproximateReceiveCount": str(row["receives"]),
            "ApproximateFirstReceiveTimestamp": f"{1000 * row['first_received_s']:.0f}",
            "AWSTraceHeader": row["trace"],
            "DeadLetterQueueSourceArn": row["source"],
            "MessageGroupId": row["group_id"],
            "MessageDeduplicationId": row["deduplication_id"],
            "SequenceNumber": f"{row['seq']:020d}" if queue.fifo else None,
        }
        wanted = [*items(parameters, "AttributeNames"), *items(parameters, "MessageSystemAttributeNames")]
        told = {name: value for name, value in system.items() if value and ("All" in wanted or name in wanted)}
        given = messages.chosen(json.loads(row["attributes"]), items(parameters, "MessageAttributeNames"))
        if told:
            out["Attributes"] = told
        if given:
            out |= {"MessageAttributes": given, "MD5OfMessageAttributes": messages.md5_of_attributes(given)}
        return out


@dataclass(frozen=True)
class Candidate:
    """A row that may be handed out; only in a FIFO queue does its group hold back others."""

    row: Row
    fifo: bool

    @property
    def group(self) -> str | None:
        """The ordered group it belongs to."""
        return self.row["group_id"] if self.fifo else None
