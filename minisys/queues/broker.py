"""A queue service's rules: queues made, found, changed, emptied and deleted; messages are in sending.py, delivery.py.

    broker = Broker(Store(folder))
    broker.call("CreateQueue", {"QueueName": "orders"}, now=0.0)

Twenty producers and thirty consumers have one thing in common: this process. It must be exact about what it promises
and when a promise ends, so it has no clock and no threads: each call is given the time, changes the store inside the
transaction that is open, and answers or raises SqsError.

Promised: the actions of Amazon SQS with its limits, defaults and error codes, exact in time (`now`, seconds since 1970
or of a virtual clock). Where SQS is loose (a queue takes a minute to go, counts are approximate, standard queues mix up
the order) this is stricter, which SQS allows. Not done: permissions, encryption, quotas on requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from minisys.queues import attributes as rules
from minisys.queues.attributes import Queue
from minisys.queues.delivery import Delivery
from minisys.queues.errors import Parameters, SqsError, items, missing, no_queue, number, optional, pairs, text
from minisys.queues.holding import Holding
from minisys.queues.moves import Moves
from minisys.queues.sending import Sending
from minisys.queues.store import Store

RECREATE_AFTER_S = PURGE_EVERY_S = 60.0
Answer = dict[str, Any]


class Broker:
    """The rules over one store.

    url: what queue URLs begin with. rng: where ids come from (None: the system's randomness).
    """

    def __init__(self, store: Store, *, url: str = "http://127.0.0.1", rng: Random | None = None) -> None:
        self.store, self.url, self.rng = store, url, rng or Random()
        self.known: dict[str, Queue] = {}  # forgotten whenever a queue changes or a transaction fails
        self.touched: set[str] = set()  # queues in which those who wait may find something now
        self.sending, self.delivery, self.holding = Sending(self), Delivery(self), Holding(self)
        self.moves = Moves(self)
        own = (
            self.create_queue, self.get_queue_url, self.list_queues, self.get_queue_attributes,
            self.set_queue_attributes, self.delete_queue, self.purge_queue, self.list_dead_letter_source_queues,
            self.tag_queue, self.untag_queue, self.list_queue_tags,
        )  # fmt: skip
        parts: Any = (self.sending, self.delivery, self.holding, self.moves)
        self.actions: Mapping[str, Callable[[Parameters, float], Answer]] = {
            "".join(word.title() for word in action.__name__.split("_")): action
            for action in (*own, *(action for part in parts for action in part.actions))
        }

    def call(self, action: str, parameters: Parameters, now: float) -> Answer:
        """Do *action* at *now*, durably, and answer as SQS does. Raises SqsError; then nothing has changed."""
        with self.store.transaction():
            return self.apply(action, parameters, now)

    def apply(self, action: str, parameters: Parameters, now: float) -> Answer:
        """As call, inside a transaction that the caller has opened and takes back if this raises: see commit.py."""
        if action not in self.actions:
            raise SqsError("UnsupportedOperation", f"The action {action} is not valid for this endpoint.")
        try:
            return self.actions[action](parameters, now)
        except BaseException:
            self.known.clear()  # what the transaction takes back
            raise

    def queue(self, parameters: Parameters) -> Queue:
        """The queue whose URL is given. Raises SqsError if there is none."""
        return self.named(text(parameters, "QueueUrl").rstrip("/").rpartition("/")[2])

    def named(self, name: str) -> Queue:
        """The queue called *name*. Raises SqsError if there is none."""
        found = self.known.get(name)
        if found is None:
            row = self.store.db.execute("SELECT * FROM queue WHERE name = ?", (name,)).fetchone()
            if row is None:
                raise no_queue()
            found = self.known[name] = Queue(
                row["id"], row["name"], row["created_s"], row["modified_s"], row["purged_s"],
                json.loads(row["attributes"]), json.loads(row["tags"]),
            )  # fmt: skip
        return found

    def url_of(self, name: str) -> str:
        """The URL of the queue called *name*."""
        return f"{self.url}/{rules.ACCOUNT}/{name}"

    def create_queue(self, parameters: Parameters, now: float) -> Answer:
        """Make a queue; made before with the same attributes, it is left as it is."""
        name, given = text(parameters, "QueueName"), pairs(parameters, "Attributes")
        rules.check_name(name, given)
        wanted = rules.checked(given, name.endswith(".fifo"))
        rules.check_together(wanted)
        self._check_redrive(name, wanted)
        try:
            self._check_same(self.named(name), wanted)
        except SqsError as problem:
            if problem.shape != "QueueDoesNotExist":
                raise
            self._insert(name, wanted, rules.checked_tags(pairs(parameters, "tags")), now)
        return {"QueueUrl": self.url_of(name)}

    def get_queue_url(self, parameters: Parameters, now: float) -> Answer:
        """Where a queue is, by its name; other accounts have none here."""
        if optional(parameters, "QueueOwnerAWSAccountId") not in ("", rules.ACCOUNT):
            raise no_queue()
        return {"QueueUrl": self.url_of(self.named(text(parameters, "QueueName")).name)}

    def list_queues(self, parameters: Parameters, now: float) -> Answer:
        """Queues whose names begin with a prefix, page by page if MaxResults is given."""
        prefix = optional(parameters, "QueueNamePrefix")
        names = [row[0] for row in self.store.db.execute("SELECT name FROM queue ORDER BY name")]
        return self._page("QueueUrls", [name for name in names if name.startswith(prefix)], parameters)

    def get_queue_attributes(self, parameters: Parameters, now: float) -> Answer:
        """What was set, and how many messages there are."""
        queue, wanted = self.queue(parameters), items(parameters, "AttributeNames")
        for name in wanted:
            if name not in (*rules.SETTABLE, *rules.READ_ONLY, "FifoQueue", "All"):
                raise SqsError("InvalidAttributeName", f"Unknown Attribute {name}.")
        told = queue.shown() | self.delivery.counts(queue, now)
        found = {name: value for name, value in told.items() if "All" in wanted or name in wanted}
        return {"Attributes": found} if found else {}

    def set_queue_attributes(self, parameters: Parameters, now: float) -> Answer:
        """Change some attributes; the others stay."""
        queue, given = self.queue(parameters), pairs(parameters, "Attributes")
        if not given:
            raise missing("Attribute.Name")
        if "FifoQueue" in given and not (queue.fifo and str(given["FifoQueue"]).lower() == "true"):
            raise SqsError("InvalidAttributeName", "Unknown Attribute FifoQueue.")
        wanted = rules.checked(given, queue.fifo)
        rules.check_together({**queue.attributes, **wanted})
        self._check_redrive(queue.name, wanted)
        self._write(queue, {**queue.attributes, **wanted}, queue.tags, now)
        if "DelaySeconds" in wanted and queue.fifo:
            self.sending.delay_again(queue, int(wanted["DelaySeconds"]))
        return {}

    def delete_queue(self, parameters: Parameters, now: float) -> Answer:
        """The queue and all its messages are gone."""
        queue, db = self.queue(parameters), self.store.db
        for table, column in (("queue", "id"), ("message", "queue"), ("sent", "queue"), ("attempt", "queue")):
            db.execute(f"DELETE FROM {table} WHERE {column} = ?", (queue.id,))
        db.execute("DELETE FROM move WHERE source = ?", (queue.name,))
        db.execute("DELETE FROM gone WHERE deleted_s <= ?", (now - RECREATE_AFTER_S,))
        db.execute("INSERT OR REPLACE INTO gone VALUES (?, ?)", (queue.name, now))
        self.known.clear()
        return {}

    def purge_queue(self, parameters: Parameters, now: float) -> Answer:
        """All messages are gone, those in flight too; at most once a minute."""
        queue = self.queue(parameters)
        if now < queue.purged_s + PURGE_EVERY_S:
            said = f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds."
            raise SqsError("PurgeQueueInProgress", said)
        self.store.db.execute("DELETE FROM message WHERE queue = ?", (queue.id,))
        self.store.db.execute("UPDATE queue SET purged_s = ? WHERE id = ?", (now, queue.id))
        self.known.clear()
        return {}

    def list_dead_letter_source_queues(self, parameters: Parameters, now: float) -> Answer:
        """The queues whose dead letters go to this one."""
        names = [queue.name for queue in self.sources(self.queue(parameters).name)]
        return {"queueUrls": []} | self._page("queueUrls", names, parameters)

    def sources(self, dead_letter_queue: str) -> list[Queue]:
        """The queues whose dead letters go to *dead_letter_queue*."""
        names = [row[0] for row in self.store.db.execute("SELECT name FROM queue ORDER BY name")]
        queues = [self.named(name) for name in names]
        return [queue for queue in queues if queue.redrive is not None and queue.redrive[0] == dead_letter_queue]

    def tag_queue(self, parameters: Parameters, now: float) -> Answer:
        """Add tags, or change them."""
        queue, tags = self.queue(parameters), rules.checked_tags(pairs(parameters, "Tags"))
        if not tags:
            raise missing("Tags")
        self._write(queue, queue.attributes, {**queue.tags, **tags}, queue.modified_s)
        return {}

    def untag_queue(self, parameters: Parameters, now: float) -> Answer:
        """Take tags away."""
        queue, keys = self.queue(parameters), items(parameters, "TagKeys")
        if not keys:
            raise SqsError("InvalidParameterValue", "Tag keys must be between 1 and 128 characters in length.")
        kept = {name: value for name, value in queue.tags.items() if name not in keys}
        self._write(queue, queue.attributes, kept, queue.modified_s)
        return {}

    def list_queue_tags(self, parameters: Parameters, now: float) -> Answer:
        """All tags."""
        return {"Tags": dict(self.queue(parameters).tags)}

    def _page(self, what: str, names: list[str], parameters: Parameters) -> Answer:
        """The URLs of *names* (sorted) after NextToken, at most MaxResults; the next token only if that was given."""
        token, most = optional(parameters, "NextToken"), number(parameters, "MaxResults", 1, 1000, 1000)
        rest = [name for name in names if name > token]
        answer: Answer = {what: [self.url_of(name) for name in rest[:most]]} if rest else {}
        more = parameters.get("MaxResults") is not None and len(rest) > most
        return answer | ({"NextToken": rest[most - 1]} if more else {})

    def _check_same(self, queue: Queue, wanted: Mapping[str, str]) -> None:
        """SQS compares what is given with what is set or the default."""
        shown = queue.shown()
        for name, value in wanted.items():
            if shown.get(name, "") != value:
                said = f"A queue already exists with the same name and a different value for attribute {name}"
                raise SqsError("QueueNameExists", said)

    def _check_redrive(self, name: str, wanted: Mapping[str, str]) -> None:
        if not wanted.get("RedrivePolicy"):
            return
        policy, reason = json.loads(wanted["RedrivePolicy"]), ""
        try:
            target = self.named(rules.name_of(policy["deadLetterTargetArn"]))
            if target.fifo != name.endswith(".fifo"):
                reason = "Dead-letter queue must be same type of queue as the source."
            elif not rules.may_redrive(target.attributes.get("RedriveAllowPolicy"), rules.ARN + name):
                reason = "The dead-letter queue's RedriveAllowPolicy forbids it."
        except SqsError:
            reason = "Dead letter target does not exist."
        if reason:
            raise rules.bad_policy("RedrivePolicy", wanted["RedrivePolicy"], reason)

    def _insert(self, name: str, wanted: Mapping[str, str], tags: Mapping[str, str], now: float) -> None:
        gone = self.store.db.execute("SELECT deleted_s FROM gone WHERE name = ?", (name,)).fetchone()
        if gone is not None and now < gone[0] + RECREATE_AFTER_S:
            said = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
            raise SqsError("QueueDeletedRecently", said)
        self.store.db.execute(
            "INSERT INTO queue (name, created_s, modified_s, purged_s, attributes, tags, seal)"
            " VALUES (?1, ?2, ?2, ?3, ?4, ?5, seal(?1, ?4, ?5))",
            (name, now, now - PURGE_EVERY_S, json.dumps(dict(wanted)), json.dumps(dict(tags))),
        )

    def _write(self, queue: Queue, attributes: Mapping[str, str], tags: Mapping[str, str], now: float) -> None:
        self.store.db.execute(
            "UPDATE queue SET attributes = ?1, tags = ?2, modified_s = ?3, seal = seal(name, ?1, ?2) WHERE id = ?4",
            (json.dumps(dict(attributes)), json.dumps(dict(tags)), now, queue.id),
        )
        self.known.clear()
