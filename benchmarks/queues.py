"""Messages a second: our broker with and without fsync, beside moto's SQS and NATS JetStream.

Sixteen clients in one process, each of which sends the next message when the last was acknowledged; then they receive
and delete them all. The first three get the same HTTP requests, so they differ only in the broker. NATS has a protocol
and a client of its own. All share this machine's cores.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import aiohttp

from benchmarks.proxies import cpu_s
from benchmarks.report import Section
from minisys.queues import live
from minisys.queues.real import ProductMissing, Work, jetstream
from minisys.testbed import nodes
from minisys.testbed.nodes import Node

CLIENTS, BODY = 16, "x" * 200
OURS, LOOSE, MOTO, NATS, NATS_LOOSE = (
    "minisys, fsync", "minisys, no fsync", "moto (in memory)", "NATS, fsync each", "NATS, as delivered"
)  # fmt: skip
COLUMNS = ("broker", "sent/s", "ratio", "in tens/s", "ratio", "received and deleted/s", "ratio", "its CPU a send (µs)")
NOTE = f"""{CLIENTS} clients in one process, closed loop, bodies of {len(BODY)} bytes, {{seconds:g}} s a measurement, \
median of {{rounds}} rounds. In tens: SendMessageBatch. Received and deleted: receives of up to ten, each message \
deleted by itself. Ratios are to moto, paired within a round. moto keeps everything in memory; "NATS, as delivered" \
acknowledges before fsync. The clients take a core of their own, in the first columns more than the brokers do."""
Act = Callable[[], Awaitable[int]]


@dataclass
class Row:
    """One broker in one round: messages a second three times, and CPU microseconds for a send."""

    sent: float
    tens: float
    received: float
    cpu_us: float


async def closed_loop(acts: Sequence[Act], seconds: float) -> float:
    """Messages a second when each of *acts* is done again and again for so many seconds, or until it gives 0."""
    begin, done = time.perf_counter(), 0

    async def one(act: Act) -> None:
        nonlocal done
        while time.perf_counter() < begin + seconds and (count := await act()):
            done += count

    await asyncio.gather(*map(one, acts))
    return done / (time.perf_counter() - begin)


class Sqs:
    """SQS's protocol, from any of its brokers."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url, self.queue = session, url, ""

    async def ask(self, action: str, **parameters: Any) -> dict[str, Any]:
        headers = {"X-Amz-Target": f"AmazonSQS.{action}", "Content-Type": "application/x-amz-json-1.0"}
        headers["Authorization"] = (
            "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/sqs/aws4_request"  # moto routes by it
        )
        async with self.session.post(self.url, json=parameters, headers=headers) as answer:
            told: dict[str, Any] = await answer.json(content_type=None)
            assert answer.status == 200, told
            return told

    async def send(self) -> int:
        await self.ask("SendMessage", QueueUrl=self.queue, MessageBody=BODY)
        return 1

    async def send_ten(self) -> int:
        entries = [{"Id": str(n), "MessageBody": BODY} for n in range(10)]
        await self.ask("SendMessageBatch", QueueUrl=self.queue, Entries=entries)
        return 10

    async def work(self) -> int:
        got = (await self.ask("ReceiveMessage", QueueUrl=self.queue, MaxNumberOfMessages=10)).get("Messages", [])
        for message in got:
            await self.ask("DeleteMessage", QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return len(got)


async def sqs_round(node: Node, seconds: float) -> Row:
    """A broker that speaks SQS."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CLIENTS)) as session:
        sqs = Sqs(session, node.url)
        sqs.queue = (await sqs.ask("CreateQueue", QueueName="q"))["QueueUrl"]
        before = cpu_s(node)
        sent = await closed_loop([sqs.send] * CLIENTS, seconds)
        cpu_us = (cpu_s(node) - before) / (sent * seconds) * 1e6
        tens = await closed_loop([sqs.send_ten] * CLIENTS, seconds)
        return Row(sent, tens, await closed_loop([sqs.work] * CLIENTS, seconds), cpu_us)


async def nats_round(node: Node, seconds: float) -> Row:
    """NATS JetStream; ten at once are ten publishes whose acknowledgements are awaited together."""
    async with Work(node.port) as work:

        async def send() -> int:
            await work.send(BODY)
            return 1

        async def send_ten() -> int:
            await asyncio.gather(*(work.send(BODY) for _ in range(10)))
            return 10

        async def take() -> int:
            got = await work.receive(10, wait_s=0.2)
            for message in got:
                await work.delete(message)
            return len(got)

        before = cpu_s(node)
        sent = await closed_loop([send] * CLIENTS, seconds)
        cpu_us = (cpu_s(node) - before) / (sent * seconds) * 1e6
        tens = await closed_loop([send_ten] * CLIENTS, seconds)
        return Row(sent, tens, await closed_loop([take], seconds), cpu_us)


@contextmanager
def started(name: str) -> Iterator[Node]:
    """The broker called *name*, running, with an empty folder. Raises ProductMissing."""
    if name in (NATS, NATS_LOOSE):
        with jetstream(durable=name == NATS) as node:
            yield node
        return
    with tempfile.TemporaryDirectory(prefix="bench-queues-") as folder:
        if name == MOTO:
            port = nodes.free_port()
            argv = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]

            def ready(node: Node) -> bool:
                node.port = port
                return nodes.accepts(node)

            with nodes.start(argv, name="moto", ready=ready, within_s=30) as node:
                yield node
        else:
            with live.broker(folder, durable=name == OURS) as node:
                yield node


def measure(rounds: int, seconds: float, say: Callable[[str], None] = print) -> tuple[dict[str, list[Row]], list[str]]:
    """The rows of each broker, round by round, and why brokers are missing."""
    rows: dict[str, list[Row]] = {}
    missing: dict[str, str] = {}
    for number in range(rounds):
        for name in (OURS, LOOSE, MOTO, NATS, NATS_LOOSE):
            say(f"brokers: round {number + 1} of {rounds}, {name}")
            try:
                with started(name) as node:
                    play = nats_round if "NATS" in name else sqs_round
                    rows.setdefault(name, []).append(asyncio.run(play(node, seconds)))
            except ProductMissing as problem:
                missing[name] = str(problem)
    return rows, sorted(set(missing.values()))


def section(rounds: int, seconds: float, say: Callable[[str], None] = print) -> Section:
    """The table."""
    found, missing = measure(rounds, seconds, say)
    lines = []
    for name, rows in found.items():
        cells = []
        for what in ("sent", "tens", "received"):
            speeds = [getattr(row, what) for row in rows]
            ratio = median(a / getattr(b, what) for a, b in zip(speeds, found[MOTO], strict=True))
            cells += [f"{median(speeds):,.0f}", f"{ratio:.2f}"]
        lines.append((name, *cells, f"{median(row.cpu_us for row in rows):.0f}"))
    return Section("Brokers", " ".join([NOTE.format(rounds=rounds, seconds=seconds), *missing]), COLUMNS, lines)
