"""A consumer as a process of its own: takes messages, works, acknowledges, and can be killed between any two steps.

    python -m minisys.queues.consumer http://127.0.0.1:9324 orders --database shop.db --delivery "at least once"

The work is one row in a small SQLite database, so afterwards anybody can count how often it was done. With
``--stop-after 1`` it stops after the first step of its first message, says STOPPED, and waits for its end.

Promised: the steps are those of policies.DELIVERIES, in that order; "work and record" is one transaction. Prints READY
when it takes messages. A message is a JSON object with "id" and, if it has one, "work_s" (seconds of work).
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any

from minisys.queues.client import Client
from minisys.queues.policies import ACKNOWLEDGE, DELIVERIES, RECORD

TABLES = """CREATE TABLE IF NOT EXISTS effects (id TEXT, started_s REAL, done_s REAL);
CREATE TABLE IF NOT EXISTS done (id TEXT PRIMARY KEY)"""


def shop(path: Path | str) -> sqlite3.Connection:
    """The database in which work takes effect; durable against SIGKILL."""
    made = sqlite3.connect(path, timeout=10.0, isolation_level=None)
    made.execute("PRAGMA journal_mode=WAL")
    made.execute("PRAGMA synchronous=NORMAL")  # a SIGKILL is not a power cut
    made.executescript(TABLES)
    return made


class Consumer:
    """Works one queue; stop_after: stop for ever after so many steps of the first message (None: never)."""

    def __init__(self, url: str, queue: str, database: Path, delivery: str, stop_after: int | None = None) -> None:
        self.client, self.shop = Client(url), shop(database)
        self.queue = str(self.client("GetQueueUrl", QueueName=queue)["QueueUrl"])
        self.steps, self.stop_after = DELIVERIES[delivery], stop_after

    def run(self) -> None:
        """Take one message after the other, until killed."""
        while True:
            for message in self.client("ReceiveMessage", QueueUrl=self.queue, WaitTimeSeconds=20).get("Messages", []):
                self.carry_out(message)

    def carry_out(self, message: dict[str, Any]) -> None:
        """The steps of one message."""
        for finished, step in enumerate(self.steps):
            self.stop_here(finished)
            if step == ACKNOWLEDGE:
                self.client("DeleteMessage", QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
            else:
                self.work(json.loads(message["Body"]), once=RECORD in step)
        self.stop_here(len(self.steps))

    def stop_here(self, finished: int) -> None:
        """Wait for the end, if this is the place."""
        if finished == self.stop_after:
            print("STOPPED", flush=True)
            threading.Event().wait()

    def work(self, order: dict[str, Any], *, once: bool) -> None:
        """The effect: a row. *once*: in one transaction with the note that it happened, and not if there is one."""
        started_s = time.time()
        time.sleep(order.get("work_s", 0.0))
        name = str(order["id"])
        self.shop.execute("BEGIN IMMEDIATE")
        new = not once or self.shop.execute("INSERT OR IGNORE INTO done VALUES (?)", (name,)).rowcount == 1
        if new:
            self.shop.execute("INSERT INTO effects VALUES (?, ?, ?)", (name, started_s, time.time()))
        self.shop.execute("COMMIT")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m minisys.queues.consumer", description=(__doc__ or "").split("\n")[0])
    made.add_argument("url", help="of the broker")
    made.add_argument("queue", help="name of the queue")
    made.add_argument("--database", type=Path, required=True, help="SQLite file in which the work takes effect")
    made.add_argument("--delivery", choices=DELIVERIES, default="at least once")
    made.add_argument("--workers", type=int, default=1, help="messages at the same time (default: 1)")
    made.add_argument("--stop-after", type=int, help="stop after so many steps of the first message")
    return made


def main() -> int:
    """Entry point."""
    options = parser().parse_args()

    def work() -> None:
        Consumer(options.url, options.queue, options.database, options.delivery, options.stop_after).run()

    shop(options.database).close()
    threads = [threading.Thread(target=work, daemon=True) for _ in range(options.workers)]
    for thread in threads:
        thread.start()
    print("READY 0", flush=True)
    for thread in threads:
        thread.join()  # returns when the broker is gone
    return 1


if __name__ == "__main__":
    sys.exit(main())
