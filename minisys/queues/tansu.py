"""tansu, a broker that speaks Kafka's protocol, as the same kind of log: partitions, offsets, groups.

    with tansu() as node, Producer(node.port) as producer, Member(node.port, "billing") as member:
        producer.send("customer 7", "order 1")
        member.receive(10); member.commit()

Two thirds of "we use Kafka" are its protocol and its client, and both are real here: confluent-kafka, librdkafka
inside. The broker is not Apache Kafka: tansu is one process, written in Rust, and this build keeps records in memory.
So whatever Kafka says about replicas, acks=all and disks cannot be seen with it, nor a broker that is killed and comes
back with its log.

Promised: loopback only, nothing outlives the block; a send returns when the broker has acknowledged it; offsets are
committed only when asked. Checked with tansu 0.6.0 and confluent-kafka 2.16.1. Source: kafka.apache.org, design.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple

from minisys.testbed import nodes, wheels
from minisys.testbed.nodes import Node
from minisys.testbed.wheels import ProductMissing

__all__ = ["Member", "Producer", "ProductMissing", "Record", "tansu"]
TOPIC = "orders"
GIVE_UP_S = 15.0  # for one answer of the broker
QUICK = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 300, "max.poll.interval.ms": 6000}
"""A member who joins is let in after half of the poll interval; with librdkafka's 5 minutes that took 23 s here."""


class Record(NamedTuple):
    """One record of the log: where it lies, and what it says."""

    partition: int
    offset: int
    key: str
    text: str


@contextmanager
def tansu() -> Iterator[Node]:
    """The broker for a ``with`` block. Raises ProductMissing in one sentence without broker or client."""
    binary = wheels.tansu()
    if not wheels.importable("confluent_kafka"):
        raise ProductMissing("the client confluent-kafka is not installed: make lab installs it")
    port = nodes.free_port()
    url = f"tcp://127.0.0.1:{port}"  # both must be said: by itself it listens on every interface
    argv = [str(binary), "broker", "--listener-url", url, "--advertised-listener-url", url]

    def ready(node: Node) -> bool:
        node.port = port
        return nodes.accepts(node)

    node = nodes.start([*argv, "--storage-engine", "memory://tansu/"], name="tansu", ready=ready)
    try:
        yield node
    finally:
        node.kill()


class Producer:
    """Appends to the topic of the broker at *port*, cut into *partitions* when nobody has made it yet.

    Raises ValueError unless there is at least one partition.
    """

    def __init__(self, port: int, partitions: int = 3) -> None:
        if partitions < 1:
            raise ValueError(f"a topic has at least one partition, got {partitions}")
        from confluent_kafka import KafkaException
        from confluent_kafka import Producer as Client
        from confluent_kafka.admin import AdminClient, NewTopic

        asks = AdminClient(_at(port))
        try:
            asks.create_topics([NewTopic(TOPIC, partitions, 1)], request_timeout=GIVE_UP_S)[TOPIC].result(GIVE_UP_S)
        except KafkaException as problem:
            if problem.args[0].name() != "TOPIC_ALREADY_EXISTS":
                raise
        self._client = Client(_at(port) | {"acks": "all", "linger.ms": 0, "enable.idempotence": True})

    def send(self, key: str, text: str) -> Record:
        """Append, wait for the acknowledgement, and say where it lies: one *key*, one partition."""
        return self.send_all([(key, text)])[0]

    def send_all(self, pairs: list[tuple[str, str]]) -> list[Record]:
        """Append (key, text) *pairs* and wait for all acknowledgements. Raises RuntimeError if one is missing."""
        done: list[Record] = []
        failed: list[str] = []

        def acknowledged(error: Any, message: Any) -> None:
            if error is not None:
                failed.append(str(error))
            else:
                done.append(_record(message))

        for key, text in pairs:
            self._client.produce(TOPIC, key=key, value=text, on_delivery=acknowledged)
        left = self._client.flush(GIVE_UP_S)
        if failed or left:
            raise RuntimeError(f"{left} records unanswered after {GIVE_UP_S:g} s, {len(failed)} refused: {failed[:1]}")
        return done

    def __enter__(self) -> Producer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.flush(GIVE_UP_S)


class Member:
    """One consumer of *group* at the broker on *port*. It goes on behind what the group has committed.

    The group shares the partitions out among its members (a join takes 3 s); *partitions*: take these instead, at once
    and without asking the others.
    """

    def __init__(self, port: int, group: str, partitions: list[int] | None = None) -> None:
        from confluent_kafka import Consumer, TopicPartition

        own = {"group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        self._client = Consumer(_at(port) | own | QUICK)
        if partitions is None:
            self._client.subscribe([TOPIC])
        else:
            self._client.assign([TopicPartition(TOPIC, number) for number in partitions])

    def receive(self, most: int = 10, wait_s: float = 1.0) -> list[Record]:
        """Up to *most* records, fewer after *wait_s* seconds. Nothing is committed."""
        return [_record(each) for each in self._client.consume(most, timeout=wait_s) if each.error() is None]

    @property
    def partitions(self) -> list[int]:
        """The partitions that are its own now."""
        return sorted(each.partition for each in self._client.assignment())

    def commit(self, record: Record | None = None) -> None:
        """Tell the group that everything received so far is done, or all of a partition up to *record*: a log has one
        position, and cannot acknowledge the sixth record without the five before it.
        """
        if record is None:
            self._client.commit(asynchronous=False)
        else:
            from confluent_kafka import TopicPartition

            position = TopicPartition(TOPIC, record.partition, record.offset + 1)
            self._client.commit(offsets=[position], asynchronous=False)

    def __enter__(self) -> Member:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()


def _at(port: int) -> dict[str, Any]:
    return {"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0}


def _record(message: Any) -> Record:
    return Record(message.partition(), message.offset(), message.key().decode(), message.value().decode())
