"""The process that is killed: runs a learner's function on a SQLite file and dies by SIGKILL at the n-th moment.

A moment is: before each line of the learner's, before each SQL statement (BEGIN and COMMIT among them), and before and
after each call of `wire`, the function that tells the world outside (an acknowledgement, a message). What was told
is appended to a file at once, so it stays told, as with a real broker.

Promised: nothing gets a chance to tidy up. Runs as a script, on the standard library alone, so that it starts quickly.
Its task comes as JSON on standard input, see killing.py.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from contextlib import suppress
from typing import Any

SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows SIGTERM ends a process at once
LEARNER = "<answer>"
ACCEPTED = (sqlite3.OperationalError, sqlite3.IntegrityError, ConnectionError)  # the message comes back, no harm done


class Victim:
    """One run of *task*: source, name, file, log, calls (lists of arguments), and what happens at which moment."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.task, self.moment, self.began, self.tracing = task, 0, 0, True
        self.others: list[list[Any]] = []  # what another consumer does during the present call
        self.lines = task["source"].splitlines()
        names: dict[str, Any] = {}
        exec(compile(task["source"], LEARNER, "exec"), names)
        self.answer = names[task["name"]]
        self.log = os.open(task["log"], os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def note(self, **facts: Any) -> None:
        """Append one line to the log."""
        os.write(self.log, (json.dumps(facts) + "\n").encode())

    def at(self, where: str) -> None:
        """A moment: nothing, or death, or another consumer has its turn."""
        if not self.tracing:
            return
        self.moment += 1
        if self.moment == self.task.get("kill_at"):
            self.note(killed=where)
            os.kill(os.getpid(), SIGKILL)
        if self.moment - self.began == self.task.get("meanwhile_at"):
            self.note(meanwhile=where)
            self.tracing = False
            for arguments in self.others:
                self.call(self.connect(), arguments)
            self.tracing = True

    def traced(self, frame: Any, event: str, argument: object) -> Any:
        """Python's trace function: each line of the learner's, and the end of each of their functions."""
        if frame.f_code.co_filename != LEARNER:
            return None
        if event == "line":
            self.at(f"before `{self.lines[frame.f_lineno - 1].strip()}`")
        elif event == "return":
            self.at("at the end")
        return self.traced

    def connect(self) -> sqlite3.Connection:
        """A connection of its own."""
        db = sqlite3.connect(self.task["file"], timeout=0.1)
        db.set_trace_callback(lambda sql: self.at(f"before SQL {sql}"))
        return db

    def call(self, db: sqlite3.Connection, arguments: list[Any]) -> None:
        """The learner's function once. What may go wrong in a database or a network is noted, and no more."""
        *given, receipt = arguments

        def wire(*told: Any) -> None:
            self.at(f"just before `{self.task['wired']}`")
            if (self.task.get("fail_at") or 0) and self.told + 1 == self.task["fail_at"]:
                self.told += 1
                raise ConnectionError("nobody answers")
            self.told += 1
            self.tell(receipt, told)
            if self.told == 1 and "placed" in self.task:
                self.place(self.task["placed"])
            self.at(f"just after `{self.task['wired']}`")

        try:
            self.answer(db, *given, *([wire] if self.task["wired"] else []))
        except ACCEPTED as problem:
            self.note(problem=repr(problem))
        with suppress(sqlite3.Error):
            if db.in_transaction:
                self.note(open=True)
        if not self.task.get("one_connection"):
            db.close()  # what was not committed is gone

    told = 0

    def place(self, sql: str) -> None:
        """*sql* on another connection, unless the learner's holds the lock: then that one would have to wait."""
        with suppress(sqlite3.OperationalError), sqlite3.connect(self.task["file"], timeout=0.1) as other:
            other.execute(sql)
            self.note(placed=True)

    def tell(self, receipt: Any, told: tuple[Any, ...]) -> None:
        """To the log, or to a broker that speaks Amazon SQS."""
        if url := self.task.get("broker"):
            sqs(url, "DeleteMessage", QueueUrl=self.task["queue"], ReceiptHandle=receipt)
        self.note(told=list(told), receipt=receipt)

    def run(self) -> None:
        """All calls, each on a connection of its own or all on one; how many moments there were is noted at the end."""
        calls = self.task["calls"]
        if url := self.task.get("broker"):
            got = sqs(url, "ReceiveMessage", QueueUrl=self.task["queue"], MaxNumberOfMessages=self.task["most"])
            calls = [[json.loads(each["Body"]), each["ReceiptHandle"]] for each in got.get("Messages", [])]
        self.note(calls=len(calls))
        db = self.connect()
        for number, arguments in enumerate(calls):
            self.began = self.moment
            self.others = self.task["meanwhile"][number] if "meanwhile" in self.task else []
            if number and not self.task.get("one_connection"):
                db = self.connect()
            sys.settrace(self.traced)
            try:
                self.call(db, arguments)
            finally:
                sys.settrace(None)
        self.note(moments=self.moment)


def sqs(url: str, action: str, **parameters: Any) -> Any:
    """One call of the broker at *url*."""
    import urllib.request  # only here: it takes longer to load than the rest of a run

    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{action}"}
    request = urllib.request.Request(url, json.dumps(parameters).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"{}")


if __name__ == "__main__":
    Victim(json.load(sys.stdin)).run()
