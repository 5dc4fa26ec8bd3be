"""What only FIFO queues do: keep the order of a group, forget duplicates for five minutes, repeat a lost answer.

A bank books two withdrawals in the order in which they were sent, and books each once, although the sender, having
heard nothing, sent the second again. Both need names that the sender chooses: a group, and an id for each message.

Promised: of one group nothing is handed out while an earlier message is out; a message with an id seen in the last five
minutes is acknowledged and not kept; a receive that is repeated with its attempt id gets the same messages. Source:
Amazon SQS developer guide, FIFO delivery logic and exactly-once processing.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence

from minisys.queues import messages, policies
from minisys.queues.attributes import Queue
from minisys.queues.errors import Parameters, SqsError, invalid, missing
from minisys.queues.store import seal


class Fifo:
    """The memory of FIFO queues, in *db*."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def ids(self, queue: Queue, entry: Parameters, body: str) -> tuple[str | None, str | None]:
        """The group and the deduplication id of what is sent. Raises SqsError if the queue needs or forbids one."""
        group = messages.check_token(entry, "MessageGroupId")
        key = messages.check_token(entry, "MessageDeduplicationId")
        if not queue.fifo:
            if key is not None:
                said = "The request include parameter that is not valid for this queue type."
                raise invalid(key, "MessageDeduplicationId", said)
            return group, None  # a standard queue's group names a tenant and orders nothing
        if group is None:
            raise missing("MessageGroupId")
        if key is None and not queue.flag("ContentBasedDeduplication"):
            raise SqsError(
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
                "explicitly",
            )
        return group, key or hashlib.sha256(body.encode()).hexdigest()

    def sent_before(self, queue: Queue, group: str | None, key: str | None, now: float) -> tuple[int, str] | None:
        """Sequence number and id of the message that the new one repeats, or None."""
        if key is None:
            return None
        since_s = now - policies.DEDUPLICATION_S
        self.db.execute("DELETE FROM sent WHERE queue = ? AND at_s <= ?", (queue.id, since_s))
        asked = "SELECT seq, id FROM sent WHERE queue = ? AND key = ?"
        row = self.db.execute(asked, (queue.id, self._scope(queue, group, key))).fetchone()
        return None if row is None else (row["seq"], row["id"])

    def remember(
        self, queue: Queue, group: str | None, key: str | None, now: float, message_id: str, sequence: int
    ) -> None:
        """For five minutes, also after the message is deleted."""
        if key is not None:
            row = (queue.id, self._scope(queue, group, key), float(now), message_id, sequence)
            self.db.execute("INSERT INTO sent VALUES (?, ?, ?, ?, ?, ?)", (*row, seal(*row)))

    def busy(self, queue: Queue, now: float) -> set[str]:
        """The groups of which a message is out at *now*."""
        asked = "SELECT DISTINCT group_id FROM message WHERE queue = ? AND visible_s > ? AND token IS NOT NULL"
        return {row[0] for row in self.db.execute(asked, (queue.id, now))}

    def same_again(self, queue: Queue, attempt: str | None, now: float) -> list[sqlite3.Row]:
        """The messages of the receive with this *attempt* id, if it was lately and none has changed since."""
        if attempt is None:
            return []
        asked = "SELECT * FROM attempt WHERE queue = ? AND key = ? AND at_s > ?"
        row = self.db.execute(asked, (queue.id, attempt, now - policies.DEDUPLICATION_S)).fetchone()
        if row is None:
            return []
        found = []
        for sequence, token, visible_s in json.loads(row["tokens"]):
            asked = "SELECT * FROM message WHERE seq = ? AND token = ? AND visible_s = ? AND visible_s > ?"
            found.append(self.db.execute(asked, (sequence, token, visible_s, now)).fetchone())
        return [] if None in found else found

    def remember_attempt(self, queue: Queue, attempt: str | None, rows: Sequence[sqlite3.Row], now: float) -> None:
        """What a receive with an *attempt* id got."""
        if attempt is None or not rows:
            return
        self.db.execute("DELETE FROM attempt WHERE queue = ? AND at_s <= ?", (queue.id, now - policies.DEDUPLICATION_S))
        got = json.dumps([(row["seq"], row["token"], row["visible_s"]) for row in rows])
        self.db.execute("INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?)", (queue.id, attempt, now, got))

    def _scope(self, queue: Queue, group: str | None, key: str) -> str:
        """Duplicates are looked for in the whole queue, or only in the group."""
        by_group = queue.attributes.get("DeduplicationScope") == "messageGroup"
        return f"{group} {key}" if by_group else key
