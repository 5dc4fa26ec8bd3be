"""The broker as a process of its own, and what becomes of its promises when it is killed under load.

    with broker(folder) as node:
        Client(node.url)("CreateQueue", QueueName="orders")

    kill_under_load(folder, kills=3).broken()        # []

Producers send, consumers receive and delete, and again and again the broker dies without warning. Who got an answer can
rely on it; who got none knows nothing, and both outcomes are right. So the harness writes down what each call saw, and
at the end asks the queue what is left.

Promised: `broken` has a line for every acknowledged message that is lost, every deleted one that came back, every
receive count that does not add up, and every message that two consumers had at once. Not shown: a power cut. After a
SIGKILL the system still has the bytes, fsynced or not; see Store.
"""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from minisys.queues.client import Client
from minisys.testbed import nodes
from minisys.testbed.nodes import Node

HIDDEN_S = 1  # the visibility timeout of the run
QUEUE = "orders"


def broker(folder: Path | str, *, port: int = 0, durable: bool = True, limit_mb: float | None = None) -> Node:
    """A broker that keeps its messages in *folder*. Raises NodeFailed, with its reason, if it refuses to start."""
    options = ["--data", str(folder), "--port", str(port), *([] if durable else ["--not-durable"])]
    options += [] if limit_mb is None else ["--limit-mb", str(limit_mb)]
    return nodes.start("minisys.queues", *options, name="broker")


def log(folder: Path | str, *, port: int = 0, durable: bool = True) -> Node:
    """A partitioned log that keeps its records in *folder*; otherwise as broker()."""
    options = ["--data", str(folder), "--port", str(port), *([] if durable else ["--not-durable"])]
    return nodes.start("minisys.queues", "log", *options, name="log")


@dataclass
class Seen:
    """What clients saw: times in seconds of the monotonic clock, messages by the text that names them.

    sent, deleted: acknowledged. perhaps_deleted: no answer. received: (asked, answered, count) of each receive.
    unanswered: receives without an answer, each of which may have counted. left: what the queue still had at the end.
    """

    sent: set[str] = field(default_factory=set)
    perhaps_sent: set[str] = field(default_factory=set)
    deleted: dict[str, float] = field(default_factory=dict)
    perhaps_deleted: set[str] = field(default_factory=set)
    received: dict[str, list[tuple[float, float, int]]] = field(default_factory=lambda: defaultdict(list))
    unanswered: int = 0
    left: set[str] = field(default_factory=set)
    kills: int = 0

    def lost(self) -> list[str]:
        """Acknowledged messages that are neither in the queue nor deleted by anybody."""
        return sorted(self.sent - self.left - set(self.deleted) - self.perhaps_deleted)

    def back(self) -> list[str]:
        """Messages received again although their deletion had been acknowledged."""
        gone = self.deleted.items()
        return sorted(name for name, at_s in gone if any(asked > at_s for asked, *_ in self.received[name]))

    def miscounted(self) -> list[str]:
        """Messages whose receive counts do not rise, or by more than receives without an answer explain."""
        wrong = []
        for name, receives in self.received.items():
            counts = [count for *_, count in receives]
            rises = all(a < b for a, b in zip(counts, counts[1:], strict=False))
            if counts and not (rises and counts[-1] <= len(counts) + self.unanswered):
                wrong.append(name)
        return sorted(wrong)

    def held_twice(self) -> list[str]:
        """Messages handed out while somebody else still had them."""
        wrong = []
        for name, receives in self.received.items():
            pairs = zip(receives, receives[1:], strict=False)
            if any(answered < asked_first + HIDDEN_S for (asked_first, *_), (_, answered, _) in pairs):
                wrong.append(name)
        return sorted(wrong)

    def broken(self) -> list[str]:
        """A line for each promise that did not hold."""
        found = {
            "lost": self.lost(), "deleted and back": self.back(), "miscounted": self.miscounted(),
            "held twice": self.held_twice(), "never sent": sorted(self.left - self.sent - self.perhaps_sent),
        }  # fmt: skip
        return [f"{len(names)} {what}: {', '.join(names[:5])}" for what, names in found.items() if names]


class Run:
    """Clients of one broker that is killed; `kill_under_load` makes it."""

    def __init__(self, folder: Path | str, seed: int, durable: bool) -> None:
        self.seen, self.rng, self.folder, self.durable = Seen(), random.Random(seed), folder, durable
        self.node = broker(folder, durable=durable)
        self.url, self.port = self.node.url, self.node.port
        attributes = {"VisibilityTimeout": str(HIDDEN_S)}
        with Client(self.url) as client:
            self.queue = str(client("CreateQueue", QueueName=QUEUE, Attributes=attributes)["QueueUrl"])
        self.over, self.lock = threading.Event(), threading.Lock()

    def kill(self) -> None:
        """SIGKILL, and a new process on the same file and port."""
        self.node.kill()
        self.seen.kills += 1
        self.node = broker(self.folder, port=self.port, durable=self.durable)

    def produce(self, who: int) -> None:
        """Send numbered messages until the run is over."""
        client, number = Client(self.url), 0
        while not self.over.is_set():
            name, number = f"{who}-{number}", number + 1
            try:
                client("SendMessage", QueueUrl=self.queue, MessageBody=name)
            except OSError:
                self.seen.perhaps_sent.add(name)
                self.over.wait(0.02)
            else:
                self.seen.sent.add(name)
        client.close()

    def consume(self, who: int) -> None:
        """Receive, and delete two of three; the third is forgotten, as by a consumer that dies."""
        client, rng = Client(self.url), random.Random(who)
        while not self.over.is_set():
            for name, handle in self.receive(client):
                if rng.random() < 2 / 3:
                    self.delete(client, name, handle)
        client.close()

    def receive(self, client: Client) -> list[tuple[str, str]]:
        """One receive: text and receipt of each message."""
        asked_s = time.monotonic()
        more = {"MaxNumberOfMessages": 10, "AttributeNames": ["ApproximateReceiveCount"]}
        try:
            answer = client("ReceiveMessage", QueueUrl=self.queue, **more)
        except OSError:
            with self.lock:
                self.seen.unanswered += 1
            self.over.wait(0.02)
            return []
        answered_s = time.monotonic()
        got = answer.get("Messages", [])
        with self.lock:
            for message in got:
                count = int(message["Attributes"]["ApproximateReceiveCount"])
                self.seen.received[message["Body"]].append((asked_s, answered_s, count))
        return [(message["Body"], message["ReceiptHandle"]) for message in got]

    def delete(self, client: Client, name: str, handle: str) -> None:
        """Delete a message, unless its time may be over: then the receipt may be an old one, which deletes nothing."""
        begun_s = self.seen.received[name][-1][0]
        try:
            client("DeleteMessage", QueueUrl=self.queue, ReceiptHandle=handle)
        except OSError:
            self.seen.perhaps_deleted.add(name)
        else:
            now = time.monotonic()
            if now < begun_s + HIDDEN_S:
                self.seen.deleted[name] = now
            else:
                self.seen.perhaps_deleted.add(name)

    def drain(self) -> None:
        """Ask the queue for all that is left."""
        client = Client(self.url)
        time.sleep(HIDDEN_S + 0.05)  # what was held is visible again
        while got := self.receive(client):
            self.seen.left |= {name for name, _ in got}
            entries = [{"Id": str(n), "ReceiptHandle": handle} for n, (_, handle) in enumerate(got)]
            client("DeleteMessageBatch", QueueUrl=self.queue, Entries=entries)
        client.close()


def kill_under_load(
    folder: Path | str, *, kills: int = 2, producers: int = 3, consumers: int = 2, seed: int = 0, durable: bool = True
) -> Seen:
    """What clients saw of a broker in *folder* that was killed *kills* times, each 0.1 to 0.5 s after it was ready.

    Raises ValueError for fewer than one of anything.
    """
    if min(kills, producers, consumers) < 1:
        raise ValueError(f"need kills, producers and consumers >= 1, got {kills}, {producers} and {consumers}")
    run = Run(folder, seed, durable)
    try:
        clients = [threading.Thread(target=run.produce, args=(who,)) for who in range(producers)]
        clients += [threading.Thread(target=run.consume, args=(who,)) for who in range(consumers)]
        for client in clients:
            client.start()
        try:
            for _ in range(kills):
                time.sleep(run.rng.uniform(0.1, 0.5))
                run.kill()
            time.sleep(0.2)
        finally:
            run.over.set()
            for client in clients:
                client.join()
        run.drain()
    finally:
        run.node.stop()
    return run.seen
