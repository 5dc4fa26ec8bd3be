"""A dependency that fails, waits or lies, as often as it was told to."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web

from minisys.chaos.dependency import OTHER_DIGITS, BadService, Day, total
from minisys.chaos.plan import Fault
from minisys.testbed import http
from minisys.testbed.clock import run_virtual

PRICE = b'{"item": 17, "price": 1095, "stock": 0}'


def asked(day: Day, count: int, seed: int = 0) -> tuple[list[tuple[int, bytes, float]], dict[str, int]]:
    """What *count* questions through a service on such a day came to: status, body, seconds; and its own count."""

    async def price(request: web.BaseRequest) -> web.StreamResponse:
        said = await request.read() if request.can_read_body else b""
        return web.Response(body=said or PRICE, headers={"X-Served-By": "prices"})

    async def main() -> tuple[list[tuple[int, bytes, float]], dict[str, int]]:
        real = await http.listen(price)
        bad = BadService(real.port, seed)
        bad.day = day
        listening, found, loop = await http.listen(bad.answer), [], asyncio.get_running_loop()
        async with aiohttp.ClientSession() as session:
            for number in range(count):
                began, said = loop.time(), b"7" * 5000 if number % 2 else None
                async with session.request(
                    "POST" if said else "GET", f"http://127.0.0.1:{listening.port}/", data=said
                ) as a:
                    found.append((a.status, await a.read(), loop.time() - began))
        await asyncio.gather(listening.close(), real.close(), bad.close())
        return found, bad.counts

    return run_virtual(main())


def test_on_a_good_day_it_passes_everything_on() -> None:
    found, counts = asked(Day(), 4)
    assert [(status, body) for status, body, _ in found] == [(200, PRICE), (200, b"7" * 5000)] * 2
    assert counts == {"passed": 4, "errors": 0, "wrong": 0}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_errors_and_wrong_answers_come_as_often_as_told(seed: int) -> None:
    found, counts = asked(Day(error_ratio=0.5, status=500, wrong_ratio=0.5), 400, seed)
    errors = sum(status == 500 for status, _, _ in found)
    wrong = sum(body in (PRICE.translate(OTHER_DIGITS), b"8" * 5000) for _, body, _ in found)
    assert errors == counts["errors"] == pytest.approx(200, abs=40)
    assert wrong == counts["wrong"] == pytest.approx(100, abs=35)
    assert counts["passed"] == 400 - errors - wrong


def test_it_is_late_by_what_it_was_told() -> None:
    found, _ = asked(Day(delay_s=0.75), 3)
    assert [took for _, _, took in found] == pytest.approx([0.75] * 3)


def test_a_wrong_answer_is_well_formed_and_not_true() -> None:
    wrong = json.loads(PRICE.translate(OTHER_DIGITS))
    assert wrong == {"item": 28, "price": 2016, "stock": 0}
    assert len(PRICE.translate(OTHER_DIGITS)) == len(PRICE)


def test_faults_add_up_to_a_day() -> None:
    faults = [Fault("errors", "p", ratio=0.2), Fault("slow answers", "p", delay_s=3), Fault("wrong answers", "p")]
    assert Day(**total(faults)) == Day(0.2, 503, 3, 1.0)
    for bad, problem in (
        ({"delay_s": -1}, "delay_s >= 0"),
        ({"error_ratio": 2}, "from 0 to 1"),
        ({"status": 200}, "400"),
    ):
        with pytest.raises(ValueError, match=problem):
            Day(**bad)
