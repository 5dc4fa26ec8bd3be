"""Dead letters sent back: a task that moves messages out of a dead-letter queue, all at once or so many a second.

The bug is fixed, and 40,000 dead letters wait. All at once they would bury the consumers a second time, so the task has
a rate, can be watched and can be stopped.

Promised: each message moves exactly once, in order of arrival, and is a new message there: new id, new time. The task
goes on after a restart. It gets on when `tick` is called. Source: Amazon SQS API reference, StartMessageMoveTask.
"""

from __future__ import annotations

import base64
import json
import math
import sqlite3
from typing import TYPE_CHECKING, Any

from minisys.queues.attributes import ARN, Queue, name_of
from minisys.queues.errors import Parameters, SqsError, invalid, number, text

if TYPE_CHECKING:
    from minisys.queues.broker import Broker

Answer = dict[str, Any]
MOST_PER_S, AT_ONCE = 500, 500


class Moves:
    """The move tasks of *broker*; its actions are called through the broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker, self.db = broker, broker.store.db
        self.actions = (self.start_message_move_task, self.list_message_move_tasks, self.cancel_message_move_task)

    def start_message_move_task(self, parameters: Parameters, now: float) -> Answer:
        """Begin to move the messages of a dead-letter queue, back to where they came from or to one queue."""
        source = self._queue(parameters, "SourceArn")
        if not self.broker.sources(source.name):
            raise SqsError("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
        target = self._queue(parameters, "DestinationArn") if parameters.get("DestinationArn") else None
        if target is not None and (target.fifo != source.fifo or target.name == source.name):
            raise invalid(target.arn, "DestinationArn", "It must be another queue of the same type.")
        rate = number(parameters, "MaxNumberOfMessagesPerSecond", 1, MOST_PER_S, 0) or None
        running = "SELECT 1 FROM move WHERE source = ? AND status = 'RUNNING'"
        if self.db.execute(running, (source.name,)).fetchone():
            raise SqsError("InvalidParameterValue", "There is already a task running. Only one active task is allowed.")
        total = self.db.execute("SELECT count(*) FROM message WHERE queue = ?", (source.id,)).fetchone()[0]
        what = {"taskId": self.broker.sending.new_id(), "sourceArn": source.arn}
        handle = base64.b64encode(json.dumps(what).encode()).decode()
        self.db.execute(
            "INSERT INTO move (source, destination, rate_per_s, handle, status, started_s, moved, total)"
            " VALUES (?, ?, ?, ?, 'RUNNING', ?, 0, ?)",
            (source.name, target and target.name, rate, handle, now, total),
        )
        return {"TaskHandle": handle}

    def list_message_move_tasks(self, parameters: Parameters, now: float) -> Answer:
        """The last tasks of a queue, the newest first."""
        source, most = self._queue(parameters, "SourceArn"), number(parameters, "MaxResults", 1, 10, 1)
        asked = "SELECT * FROM move WHERE source = ? ORDER BY id DESC LIMIT ?"
        return {"Results": [self._shown(source, row) for row in self.db.execute(asked, (source.name, most))]}

    def cancel_message_move_task(self, parameters: Parameters, now: float) -> Answer:
        """Stop it; what was moved stays moved."""
        handle = text(parameters, "TaskHandle")
        row = self.db.execute("SELECT * FROM move WHERE handle = ?", (handle,)).fetchone()
        if row is None:
            raise _not_found("TaskHandle")
        if row["status"] != "RUNNING":
            raise SqsError("InvalidParameterValue", "Only active tasks can be cancelled.")
        self.db.execute("UPDATE move SET status = 'CANCELLED' WHERE id = ?", (row["id"],))
        return {"ApproximateNumberOfMessagesMoved": row["moved"]}

    def running(self) -> bool:
        """Whether any task has something to do."""
        return self.db.execute("SELECT 1 FROM move WHERE status = 'RUNNING' LIMIT 1").fetchone() is not None

    def tick(self, now: float) -> None:
        """Move what is due at *now*, at most 500 messages of each task. Call it inside a transaction."""
        for row in self.db.execute("SELECT * FROM move WHERE status = 'RUNNING'").fetchall():
            due = math.inf if row["rate_per_s"] is None else math.floor((now - row["started_s"]) * row["rate_per_s"])
            most = int(min(AT_ONCE, due - row["moved"], row["total"] - row["moved"]))
            try:
                moved = self._move(row, most, now) if most > 0 else 0
            except SqsError as problem:
                self.db.execute(
                    "UPDATE move SET status = 'FAILED', failure = ? WHERE id = ?", (problem.code, row["id"])
                )
                continue
            done = row["moved"] + moved
            status = "COMPLETED" if done >= row["total"] or moved < most else "RUNNING"
            self.db.execute("UPDATE move SET moved = ?, status = ? WHERE id = ?", (done, status, row["id"]))

    def _move(self, task: sqlite3.Row, most: int, now: float) -> int:
        source = self.broker.named(task["source"])
        asked = "SELECT * FROM message WHERE queue = ? AND visible_s <= ? ORDER BY seq LIMIT ?"
        rows = self.db.execute(asked, (source.id, now, most)).fetchall()
        for row in rows:
            target = self.broker.named(task["destination"] or self._origin(source, row))
            sending = self.broker.sending
            sending.insert(
                target, sending.new_id(), row["body"], row["attributes"], row["trace"], now, now,
                group=row["group_id"], key=row["deduplication_id"],
            )  # fmt: skip
            self.db.execute("DELETE FROM message WHERE seq = ?", (row["seq"],))
        return len(rows)

    def _origin(self, source: Queue, row: sqlite3.Row) -> str:
        """Where a dead letter came from; one that was sent here directly has no such place."""
        if row["source"] is None:
            raise SqsError("CouldNotDetermineMessageSource", f"A message of {source.name} was not put there by SQS.")
        return name_of(row["source"])

    def _queue(self, parameters: Parameters, name: str) -> Queue:
        try:
            return self.broker.named(name_of(text(parameters, name)))
        except SqsError as problem:
            if problem.shape != "QueueDoesNotExist":
                raise
            raise _not_found(name) from None

    def _shown(self, source: Queue, row: sqlite3.Row) -> Answer:
        out = {
            "Status": row["status"], "SourceArn": source.arn, "StartedTimestamp": int(1000 * row["started_s"]),
            "ApproximateNumberOfMessagesMoved": row["moved"], "ApproximateNumberOfMessagesToMove": row["total"],
        }  # fmt: skip
        if row["status"] == "RUNNING":
            out["TaskHandle"] = row["handle"]
        if row["rate_per_s"] is not None:
            out["MaxNumberOfMessagesPerSecond"] = row["rate_per_s"]
        if row["destination"] is not None:
            out["DestinationArn"] = ARN + row["destination"]
        return out | ({"FailureReason": row["failure"]} if row["failure"] else {})


def _not_found(name: str) -> SqsError:
    said = f"The resource that you specified for the {name} parameter doesn't exist."
    return SqsError("ResourceNotFoundException", said)
