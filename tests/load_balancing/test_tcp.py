"""The layer-4 balancer: bytes through, one backend a connection."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.load_balancing.stage import Stage, play


def echo(name: bytes) -> Any:
    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(name + data)
            await writer.drain()
        writer.write(b"bye")
        writer.close()

    return backend


BOTH = {"a": echo(b"a:"), "b": echo(b"b:")}
TCP = {"mode": "tcp", "raw": ("a", "b")}


async def connect(stage: Stage) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", stage.service.port)


def test_a_connection_stays_with_its_backend_and_the_next_one_gets_another() -> None:
    async def scene(stage: Stage) -> list[bytes]:
        said = []
        for _ in range(2):
            reader, writer = await connect(stage)
            for _ in range(2):
                writer.write(b"x")
                said.append(await reader.read(100))
            writer.close()
        return said

    assert play(scene, dict(BOTH), **TCP) == [b"a:x", b"a:x", b"b:x", b"b:x"]


def test_a_client_that_has_said_everything_still_gets_the_rest_of_the_answer() -> None:
    async def scene(stage: Stage) -> bytes:
        reader, writer = await connect(stage)
        writer.write(b"x")
        writer.write_eof()
        said = await reader.read(-1)
        writer.close()
        return said

    assert play(scene, dict(BOTH), **TCP) == b"a:xbye"


def test_a_megabyte_goes_through_unchanged() -> None:
    async def sink(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = 0
        while data := await reader.read(65_536):
            size += len(data)
        writer.write(str(size).encode())
        writer.close()

    async def scene(stage: Stage) -> bytes:
        reader, writer = await connect(stage)
        writer.write(bytes(1_000_000))
        await writer.drain()
        writer.write_eof()
        said = await reader.read(-1)
        writer.close()
        return said

    assert play(scene, {"a": sink}, mode="tcp", raw=("a",)) == b"1000000"


def test_a_backend_that_refuses_is_skipped_for_the_next_one() -> None:
    async def scene(stage: Stage) -> bytes:
        stage.fronts["a"].close()
        reader, writer = await connect(stage)
        writer.write(b"x")
        said = await reader.read(100)
        writer.close()
        return said

    assert play(scene, dict(BOTH), **TCP) == b"b:x"


def test_with_nobody_there_the_connection_is_closed() -> None:
    async def scene(stage: Stage) -> bytes:
        for front in stage.fronts.values():
            front.close()
        reader, writer = await connect(stage)
        said = await reader.read(-1)
        writer.close()
        return said

    assert play(scene, dict(BOTH), **TCP) == b""
