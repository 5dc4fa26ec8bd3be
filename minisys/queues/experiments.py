"""Live experiments of chapter 08: a spike with and without a broker, consumers killed at each step, poison.

"At least once" is a promise until somebody pulls the plug. Here consumers are processes, the broker is a process, and
SIGKILL comes exactly between two steps; what took effect is counted in the database that they wrote to.

Promised: effects are counted in the consumer's own SQLite file, messages in the broker; nothing runs or is left on the
disk afterwards. Not promised: rates that say something of another machine; all share this one's cores.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd

from minisys.queues import live, policies
from minisys.queues.client import Client
from minisys.queues.consumer import shop
from minisys.queues.delivered import COLUMNS, DONE, WAITING, Delivered
from minisys.testbed import nodes
from minisys.testbed.nodes import Node
from minisys.testbed.workload import Workload

SENDERS = 32


class Shop:
    """A broker and its consumers in a folder of their own; `shop_floor` makes it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.node = stack.enter_context(live.broker(folder / "broker"))
        self.client = stack.enter_context(Client(self.node.url))

    def queue(self, name: str, **attributes: str) -> str:
        """The URL of a new queue."""
        with Client(self.node.url) as client:  # several threads ask
            return str(client("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"])

    def consume(self, queue: str, database: Path, delivery: str, *more: str) -> Node:
        """A consumer process; *more*: options of its command line."""
        options = [self.node.url, queue, "--database", str(database), "--delivery", delivery, *more]
        return self.stack.enter_context(nodes.start("minisys.queues.consumer", *options, name="consumer"))

    def left(self, url: str) -> int:
        """How many messages the queue still has, those that are out included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        with Client(self.node.url) as client:
            told = client("GetQueueAttributes", QueueUrl=url, AttributeNames=names)
        return sum(int(value) for value in told["Attributes"].values())


@contextmanager
def shop_floor() -> Iterator[Shop]:
    """A broker for a ``with`` block, and a place for consumers."""
    with tempfile.TemporaryDirectory(prefix="minisys-queues-") as folder, ExitStack() as stack:
        yield Shop(Path(folder), stack)


def until(true: Callable[[], bool], what: str, within_s: float = 20.0) -> None:
    """Wait until *true*. Raises TimeoutError, which says what was waited for."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {within_s:g} s still not so: {what}")
        time.sleep(0.02)


# A spike


def _play(offered: Workload, send: Callable[[int], str]) -> tuple[float, np.ndarray, list[str]]:
    """Send each request at its time: when it began (wall clock), when each was answered, and what was said."""
    answered = np.full(len(offered), np.nan)

    def one(number: int) -> str:
        said = send(number)
        answered[number] = time.time() - begin_s
        return said

    with ThreadPoolExecutor(SENDERS) as pool:
        begin_s, told = time.time(), []
        for number, at_s in enumerate(offered.arrival_s.tolist()):
            time.sleep(max(0.0, begin_s + at_s - time.time()))
            told.append(pool.submit(one, number))
        return begin_s, answered, [each.result() for each in told]


def straight_live(offered: Workload, workers: int, room: int) -> tuple[dict[str, int], float]:
    """The users' answers ("ok", "refused") from a database process with *workers*, where *room* may wait, and the
    longest wait of one who heard "ok" (seconds).
    """
    with nodes.start("minisys.testbed.backend", "--workers", str(workers), "--queue", str(room)) as node:

        def send(number: int) -> str:
            ask = Request(f"{node.url}/item/{number}", headers={"X-Work-S": repr(float(offered.work_s[number]))})
            try:
                with urlopen(ask, timeout=10) as answer:
                    return "ok" if answer.status == 200 else "failed"
            except HTTPError as refusal:
                refusal.close()
                return "refused" if refusal.code == 503 else "failed"

        _, answered, told = _play(offered, send)
        well = np.array(told) == "ok"
        return dict(Counter(told)), float((answered - offered.arrival_s)[well].max(initial=0.0))


def queued_live(offered: Workload, workers: int) -> tuple[Delivered, dict[str, int]]:
    """The same through the broker to *workers* consumers: what became of each message, and the users' answers."""
    with shop_floor() as floor, ExitStack() as stack:
        url, database = floor.queue("orders"), floor.folder / "shop.db"
        floor.consume("orders", database, "at least once", "--workers", str(workers))
        clients = [stack.enter_context(Client(floor.node.url)) for _ in range(SENDERS)]

        def send(number: int) -> str:
            body, client = json.dumps({"id": number, "work_s": float(offered.work_s[number])}), clients.pop()
            try:
                client("SendMessage", QueueUrl=url, MessageBody=body)
            finally:
                clients.append(client)
            return "accepted"

        begin_s, answered, told = _play(offered, send)
        until(lambda: floor.left(url) == 0, "the queue is empty")
        with shop(database) as books:
            rows = books.execute("SELECT id, min(started_s), min(done_s), count(*) FROM effects GROUP BY id").fetchall()
        books.close()
    return _delivered(offered, begin_s, rows), dict(Counter(told))


def _delivered(offered: Workload, begin_s: float, rows: Sequence[tuple[str, float, float, int]]) -> Delivered:
    """What the consumers' books say, as the model's table."""
    made = pd.DataFrame(np.nan, index=range(len(offered)), columns=["started_s", "done_s", "effects"])
    for name, started_s, done_s, count in rows:
        made.loc[int(name)] = (started_s - begin_s, done_s - begin_s, count)
    effects = made["effects"].fillna(0).astype(int)
    made = made.assign(sent_s=offered.arrival_s, effects=effects, receives=effects, key=offered.key)
    made["state"] = np.where(effects > 0, DONE, WAITING)
    return Delivered(made[list(COLUMNS)]).check()


# A consumer killed at each step


def crash_at(floor: Shop, delivery: str, finished: int) -> int:
    """Send one message, SIGKILL its consumer after *finished* steps, let another take over: how often it took effect.

    Raises ValueError for a step that there is not.
    """
    policies.effects(delivery, [finished])
    name = f"{delivery.replace(' ', '-')}-{finished}"
    url, database = floor.queue(name, VisibilityTimeout="1"), floor.folder / f"{name}.db"
    first = floor.consume(name, database, delivery, "--stop-after", str(finished))
    with Client(floor.node.url) as client:
        client("SendMessage", QueueUrl=url, MessageBody=json.dumps({"id": name}))
    until(lambda: "STOPPED" in first.log.read_text(), f"a consumer stops after {finished} steps")
    first.kill()
    steps = policies.DELIVERIES[delivery]
    second = floor.consume(name, database, delivery, "--stop-after", str(len(steps)))
    if policies.ACKNOWLEDGE not in steps[:finished]:  # an empty queue alone may mean: acknowledged, not yet worked on
        until(lambda: "STOPPED" in second.log.read_text(), f"another consumer does all of {name}")
    until(lambda: floor.left(url) == 0, f"{name} is empty")
    with shop(database) as books:
        count = int(books.execute("SELECT count(*) FROM effects").fetchone()[0])
    books.close()
    return count


def crashes() -> pd.DataFrame:
    """Every delivery, its consumer killed at every place: columns delivery, killed, predicted, measured (effects)."""
    cases = [(name, k) for name, steps in policies.DELIVERIES.items() for k in range(len(steps) + 1)]
    with shop_floor() as floor, ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda case: crash_at(floor, *case), cases))
    rows = []
    for (delivery, finished), measured in zip(cases, found, strict=True):
        steps = policies.DELIVERIES[delivery]
        killed = f"after “{steps[finished - 1]}”" if finished else "before anything"
        rows.append((delivery, killed, policies.effects(delivery, [finished]), measured))
    return pd.DataFrame(rows, columns=["delivery", "killed", "predicted", "measured"])


# Poison


def poison_live(max_receives: int | None, receives: int = 60) -> dict[str, int]:
    """One message that always fails ahead of 20 good ones, one consumer that may receive *receives* times.

    What fails is given back at once. max_receives: then it is a dead letter (None: never). Returns how many good ones
    were done, how many receives the bad one took, and how many dead letters there are.
    """
    with shop_floor() as floor:
        dead = floor.queue("dead")
        arn = floor.client("GetQueueAttributes", QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        rule = {"deadLetterTargetArn": arn, "maxReceiveCount": max_receives}
        url = floor.queue("orders", **({} if max_receives is None else {"RedrivePolicy": json.dumps(rule)}))
        for body in ("bad", *(f"good {number}" for number in range(20))):
            floor.client("SendMessage", QueueUrl=url, MessageBody=body)
        took: Counter[str] = Counter()
        for _ in range(receives):
            for message in floor.client("ReceiveMessage", QueueUrl=url).get("Messages", []):
                handle, kind = message["ReceiptHandle"], message["Body"].split()[0]
                took[kind] += 1
                if kind == "good":
                    floor.client("DeleteMessage", QueueUrl=url, ReceiptHandle=handle)
                else:
                    floor.client("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        return {"good done": took["good"], "receives of the bad one": took["bad"], "dead letters": floor.left(dead)}
