"""The backend that takes time: the model's server on a socket, here in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from minisys.testbed import http
from minisys.testbed.backend import Backend
from minisys.testbed.clock import run_virtual

Talk = Callable[[aiohttp.ClientSession, str], Awaitable[object]]


def talk(backend: Backend, conversation: Talk) -> object:
    """The result of *conversation* with *backend*, in virtual time."""

    async def main() -> object:
        front = await http.listen(backend.answer)
        async with aiohttp.ClientSession() as session:
            result = await conversation(session, f"http://127.0.0.1:{front.port}")
        await front.close(0)
        return result

    return run_virtual(main())


async def get(session: aiohttp.ClientSession, url: str, work: str = "1") -> tuple[int, float, str]:
    async with session.get(f"{url}/item/1", headers={"X-Work-S": work}) as answer:
        return answer.status, asyncio.get_running_loop().time(), await answer.text()


def test_two_workers_serve_two_at_a_time_first_come_first_served() -> None:
    async def five(session: aiohttp.ClientSession, url: str) -> list[float]:
        return [row[1] for row in await asyncio.gather(*(get(session, url) for _ in range(5)))]

    assert talk(Backend("a", workers=2), five) == pytest.approx([1, 1, 2, 2, 3])


def test_who_finds_the_line_full_is_refused_at_once_and_politely() -> None:
    async def three(session: aiohttp.ClientSession, url: str) -> list[tuple[int, float]]:
        return [row[:2] for row in await asyncio.gather(*(get(session, url) for _ in range(3)))]

    assert talk(Backend("a", workers=1, queue=1), three) == [(200, 1.0), (200, 2.0), (503, 0.0)]


def test_speed_and_slowness_change_how_long_work_takes() -> None:
    backend = Backend("a", speed=2.0)
    backend.slow(6)

    async def one(session: aiohttp.ClientSession, url: str) -> float:
        return (await get(session, url))[1]

    assert talk(backend, one) == pytest.approx(3.0)


def test_a_server_of_ones_own_replies_while_it_still_holds_its_worker() -> None:
    class Slow(Backend):
        async def reply(self, request: web.BaseRequest) -> web.Response:
            await asyncio.sleep(2)
            return self.say(201, f"{request.method} by a server of its own\n")

    async def two(session: aiohttp.ClientSession, url: str) -> list[tuple[int, float, str]]:
        return await asyncio.gather(*(get(session, url) for _ in range(2)))

    text = "GET by a server of its own\n"
    assert talk(Slow("a"), two) == [(201, pytest.approx(3.0), text), (201, pytest.approx(6.0), text)]


@pytest.mark.parametrize("work", ["minus one", "-1", "nan", "1e9"])
def test_nonsense_work_is_a_clear_400(work: str) -> None:
    async def one(session: aiohttp.ClientSession, url: str) -> tuple[int, float, str]:
        return await get(session, url, work)

    status, _, text = talk(Backend("a"), one)  # type: ignore[misc]
    assert status == 400 and "X-Work-S must be seconds" in text


@pytest.mark.parametrize("bad", [{"workers": 0}, {"queue": -1}, {"speed": 0.0}])
def test_a_backend_that_makes_no_sense_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="need workers"):
        Backend("a", **bad)  # type: ignore[arg-type]
