"""What chapter 08 shows of real processes: the sale in three worlds, crashes, poison, and products beside ours.

The fluid formula says how long the line is after a sale. A broker, four consumers and 340 orders say it too.

Promised: measured rows come from the consumers' own books (experiments.py). A product that is not installed is said to
be missing in one line, and the rest goes on.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from minisys.queues import experiments, fast, live, theory
from minisys.queues.delivered import Delivered
from minisys.queues.rabbitmq import Orders, rabbitmq
from minisys.queues.real import ProductMissing, Work, jetstream
from minisys.queues.tansu import Member, Producer, tansu
from minisys.testbed import charts, nodes
from minisys.testbed.nodes import Node
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Deterministic, FlashSale, Workload, workload

WORKERS, WORK_S, ROOM = 4, 0.04, 20  # 100 orders a second
BASE_PER_S, PEAK_PER_S, AT_S, FOR_S, END_S = 30.0, 250.0, 0.5, 1.0, 3.0


def sale(seed: int = 1) -> Workload:
    """Three seconds of orders: 30 a second, but 250 a second from 0.5 s to 1.5 s; 0.04 s of work each."""
    arrivals = FlashSale(BASE_PER_S, PEAK_PER_S, AT_S, ramp_s=0.001, hold_s=FOR_S)
    drawn = workload(500, arrivals=arrivals, work=Deterministic(WORK_S), seed=seed)
    return drawn[: int(np.searchsorted(drawn.arrival_s, END_S))]


def spike(seed: int = 1) -> tuple[Delivered, Table]:
    """The sale straight into a database process, then through the broker: what became of the latter, and a table."""
    offered = sale(seed)
    straight, longest_s = experiments.straight_live(offered, WORKERS, ROOM)
    queued, told = experiments.queued_live(offered, WORKERS)
    rows = [
        ("straight", len(offered), straight.get("ok", 0), straight.get("refused", 0), straight.get("ok", 0), longest_s),
        ("through the broker", len(offered), told.get("accepted", 0), 0, queued.count("done"), queued.wait_s.max()),
    ]
    columns = ["way", "orders", "users heard yes", "users heard no", "stored", "longest until stored (s)"]
    return queued, table(
        pd.DataFrame(rows, columns=columns),
        caption=f"{BASE_PER_S:g} orders a second for {END_S:g} s, in them one second of {PEAK_PER_S:g}; real processes",
    )


def worlds_chart(measured: Delivered, seeds: int = 20) -> alt.LayerChart:
    """The line over time: fluid formula, simulation of *seeds* such sales, and the live run."""
    rows, steps = [], np.arange(0.0, 5.1, 0.2)
    step_s = 0.1  # the sale begins and ends on such a step, so the formula's corners are where they belong
    fine = np.arange(0.0, 5.0 + step_s / 2, step_s)
    rates = [_rate(at + step_s / 2) for at in fine[:-1]]
    for seed in range(seeds):
        rows.append(_line(fast.through_queue(sale(seed), WORKERS)[0], steps))
    predicted = pd.DataFrame(
        {"time_s": fine.round(1), "backlog": [0.0, *theory.backlog(rates, WORKERS / WORK_S, step_s)]}
    )
    return charts.three_worlds(
        predicted=predicted, simulated=pd.concat(rows), measured=_line(measured, steps), x="time_s", y="backlog",
        x_title="time (s)", y_title="orders accepted and not stored", title="The line of a one second sale",
        description=f"The line of a one second sale. Longest: predicted {predicted['backlog'].max():.0f} orders, "
        f"measured {_line(measured, steps)['backlog'].max()}.",
    )  # fmt: skip


def _rate(at_s: float) -> float:
    sale_now = AT_S <= at_s < AT_S + FOR_S
    return 0.0 if at_s > END_S else PEAK_PER_S if sale_now else BASE_PER_S


def _line(made: Delivered, steps: np.ndarray) -> pd.DataFrame:
    sent, done = (np.sort(made.frame[name].dropna().to_numpy()) for name in ("sent_s", "done_s"))
    inside = np.searchsorted(sent, steps, side="right") - np.searchsorted(done, steps, side="right")
    return pd.DataFrame({"time_s": steps.round(1), "backlog": inside})


def crash_table(found: pd.DataFrame) -> Table:
    """What `experiments.crashes` found."""
    columns = {"predicted": "effects, predicted", "measured": "effects, measured"}
    return table(
        found.rename(columns=columns), caption="One message; its consumer is killed with SIGKILL at each place"
    )


def poison_table() -> Table:
    """One bad message ahead of 20 good ones, 60 receives: without a dead-letter queue and with one."""
    rows = [{"dead letters after": name, **experiments.poison_live(most)} for name, most in (("never", None), ("3", 3))]
    return table(pd.DataFrame(rows), caption="One consumer that may receive 60 times; the live broker")


# Products


def products() -> pd.DataFrame:
    """Twenty messages are taken, half of them acknowledged, and the consumer is gone: who gives back what?

    Columns: broker, client, "came back" (of the ten that were not acknowledged), "back though acknowledged" (of ten).
    """
    rows: list[tuple[str, str, int, int]] = []
    tries: list[Callable[[], tuple[str, str, int, int]]] = [_ours, _moto, _nats, _rabbitmq, _tansu]
    for one in tries:
        try:
            rows.append(one())
        except ProductMissing as problem:
            print(f"Left out: {problem}")
    return pd.DataFrame(rows, columns=["broker", "client", "came back", "back though acknowledged"])


def products_table(found: pd.DataFrame) -> Table:
    """What `products` found."""
    caption = "20 taken, 10 acknowledged, then the consumer is gone: how many of each ten come again"
    return table(found, caption=caption)


def _ours() -> tuple[str, str, int, int]:
    with tempfile.TemporaryDirectory(prefix="minisys-queues-") as folder, live.broker(folder) as node:
        if find_spec("boto3") is None:
            raise ProductMissing("boto3 is not installed, so no SQS client asks our broker (make dev installs it)")
        return ("minisys", "boto3", *_sqs(node.url))


def _moto() -> tuple[str, str, int, int]:
    if find_spec("moto") is None or find_spec("boto3") is None or find_spec("flask") is None:
        raise ProductMissing("moto is not installed (a development dependency)")
    port = nodes.free_port()

    def ready(node: Node) -> bool:
        node.port = port
        return nodes.accepts(node)

    argv = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with nodes.start(argv, name="moto", ready=ready, within_s=30) as node:
        return ("moto", "boto3", *_sqs(node.url))


def _sqs(url: str) -> tuple[int, int]:
    """The same boto3 calls for every broker that speaks SQS."""
    import boto3

    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    sqs: Any = boto3.client("sqs", endpoint_url=url, **keys)
    queue = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    for number in range(20):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    held: list[Any] = []
    done: set[str] = set()
    back: set[str] = set()
    while len(held) < 20:
        held += sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    for message in held[:10]:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        done.add(message["Body"])
    while got := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1 if back else 2).get(
        "Messages", []
    ):
        for message in got:
            back.add(message["Body"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    sqs.close()
    return len(back - done), len(back & done)


def _nats() -> tuple[str, str, int, int]:
    async def play(port: int) -> tuple[int, int]:
        async with Work(port, hidden_s=1.0) as work:
            for number in range(20):
                await work.send(str(number))
            held = await work.receive(20, 2.0)
            for message in held[:10]:
                await work.delete(message)
            done = {message.data for message in held[:10]}
            back: set[bytes] = set()
            while got := await work.receive(20, 0.5 if back else 2.0):
                for message in got:
                    back.add(message.data)
                    await work.delete(message)
        return len(back - done), len(back & done)

    with jetstream() as node:
        return ("NATS JetStream", "nats-py", *_apart(lambda: asyncio.run(play(node.port))))


def _apart(act: Callable[[], tuple[int, int]]) -> tuple[int, int]:
    """Run *act* in a thread: a notebook's own has an event loop already."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act).result()


def _rabbitmq() -> tuple[str, str, int, int]:
    with rabbitmq() as node:
        with Orders(node.port, most_unacknowledged=20) as first:
            for number in range(20):
                first.send(str(number))
            held = first.receive(20, 5.0)
            for message in held[:10]:
                first.delete(message)
        with Orders(node.port, most_unacknowledged=20) as second:
            back = {message.text for message in second.receive(20, 2.0)}
    done = {message.text for message in held[:10]}
    return ("RabbitMQ", "STOMP", len(back - done), len(back & done))


def _tansu() -> tuple[str, str, int, int]:
    with tansu() as node, Producer(node.port, partitions=1) as producer:
        producer.send_all([("", str(number)) for number in range(20)])
        with Member(node.port, "workers", [0]) as first:
            held = first.receive(20, 5.0)
            first.commit(held[9])
        with Member(node.port, "workers", [0]) as second:
            back = set(second.receive(20, 2.0))
    done = set(held[:10])
    return ("tansu (Kafka's protocol)", "confluent-kafka", len(back - done), len(back & done))
