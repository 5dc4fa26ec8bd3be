"""NATS JetStream as a queue: the guarantees that ours has, asked of the product."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from minisys.queues.real import Work, jetstream
from minisys.testbed import wheels

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(bool(wheels.missing("nats")), reason=f"no NATS: {wheels.missing('nats')}"),
]


def test_a_message_comes_back_until_it_is_acknowledged() -> None:
    async def play(port: int) -> list[list[tuple[str, int]]]:
        seen = []
        async with Work(port, hidden_s=0.5) as work:
            await work.send("a")
            await work.send("b")
            for wait_s in (0.3, 0.1, 1.5, 0.1):
                got = await work.receive(10, wait_s)
                seen.append([(message.data.decode(), message.metadata.num_delivered) for message in got])
                if len(seen) == 3:
                    for message in got:
                        await work.delete(message)
        return seen

    with jetstream() as node:
        assert asyncio.run(play(node.port)) == [[("a", 1), ("b", 1)], [], [("a", 2), ("b", 2)], []]


def test_killed_it_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    async def send(port: int) -> int:
        async with Work(port) as work:
            for number in range(50):
                await work.send(str(number))
        return 50

    async def take(port: int) -> list[str]:
        async with Work(port) as work:
            return [message.data.decode() for message in await work.receive(100, 2.0)]

    with jetstream(folder=tmp_path) as node:
        sent = asyncio.run(send(node.port))
        node.kill()
    with jetstream(folder=tmp_path) as node:
        assert asyncio.run(take(node.port)) == [str(number) for number in range(sent)]
