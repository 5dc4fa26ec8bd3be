"""The virtual clock: no waiting, no surprises."""

from __future__ import annotations

import asyncio
import time

import pytest

from minisys.testbed.clock import run_virtual


def test_an_hour_passes_at_once_and_the_clock_says_so() -> None:
    async def nap() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    begin = time.monotonic()
    assert run_virtual(nap()) == pytest.approx(3600)
    assert time.monotonic() - begin < 60


def test_sleepers_wake_in_order_of_their_time_and_ties_in_order_of_asking() -> None:
    async def main() -> list[str]:
        log: list[str] = []

        async def sleeper(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            log.append(name)

        await asyncio.gather(*(sleeper(*row) for row in (("c", 3), ("a", 1), ("b", 2), ("b2", 2))))
        return log

    assert run_virtual(main()) == ["a", "b", "b2", "c"]


def test_bytes_on_a_loopback_socket_are_not_jumped_over() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(100):
                await asyncio.sleep(0.5)
                writer.write(data)
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        times = []
        for _ in range(200):
            writer.write(b"x")
            await reader.read(1)
            times.append(loop.time())
        writer.close()
        await writer.wait_closed()
        server.close()
        return times

    assert run_virtual(main()) == pytest.approx([0.5 * (i + 1) for i in range(200)])


def test_a_timeout_fires_in_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.sleep(100)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(10)


def test_it_runs_inside_a_running_loop_too_as_in_a_notebook() -> None:
    async def inner() -> str:
        await asyncio.sleep(5)
        return "done"

    async def notebook_cell() -> str:
        return run_virtual(inner())

    assert asyncio.run(notebook_cell()) == "done"


def test_an_error_comes_through() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        run_virtual(main())
