"""Payments and notifications: who serves what, and what becomes of a payment whose message does not get out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from minisys.scaling import services
from minisys.scaling.services import KINDS, Service, kind_of, notifier, parts
from minisys.testbed import http
from minisys.testbed.clock import run_virtual

Scene = Callable[["Bank"], Awaitable[Any]]


class Other:
    """A notification service that can be gone, silent, slow or full."""

    def __init__(self) -> None:
        self.mood, self.messages = "well", list[str]()

    async def answer(self, request: web.BaseRequest) -> web.Response:
        await asyncio.sleep({"well": 0.02, "slow": 3.0, "silent": 60.0}.get(self.mood, 0.0))
        if self.mood == "full":
            return web.Response(status=503, text="the waiting line is full\n")
        self.messages.append(request.path)
        return web.Response(text="told\n")


class Bank:
    """A payment service, the notification service that it tells, and a user."""

    def __init__(self, url: str, admin: str, other: Other, front: http.Listening, session: Any) -> None:
        self.url, self.admin, self.other, self.front, self.session = url, admin, other, front, session

    async def pay(self, number: int = 16) -> tuple[int, str, str, float]:
        """Status, remark, text and seconds of payment *number*."""
        start_s = asyncio.get_running_loop().time()
        async with self.session.put(f"{self.url}/item/{number}", headers={"X-Work-S": "0.01"}) as answer:
            text = await answer.text()
        took_s = asyncio.get_running_loop().time() - start_s
        return answer.status, answer.headers.get("X-Remark", ""), text, took_s

    async def counts(self) -> dict[str, int]:
        async with self.session.get(f"{self.admin}/control/notified") as answer:
            return dict(json.loads(await answer.text()))


def play(scene: Scene, how: str | None = "call", serves: tuple[str, ...] = ("payment",), work_s: float = 0.02) -> Any:
    """The result of *scene* in a bank that tells its customers this way (None: a function call), in virtual time."""

    async def main() -> Any:
        other = Other()
        front = await http.listen(other.answer)
        url = f"http://127.0.0.1:{front.port}" if how else None
        service = Service("pay", 2, None, 1.0, serves, notifier(how or "call", url, work_s))
        public, admin = await http.listen(service.answer), await http.listen(service.control)
        async with aiohttp.ClientSession() as session:
            places = f"http://127.0.0.1:{public.port}", f"http://127.0.0.1:{admin.port}"
            result = await scene(Bank(*places, other, front, session))
        await asyncio.gather(public.close(0), admin.close(0), service.close())
        front.abort()
        await front.close(0)
        return result

    return run_virtual(main())


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/item/0", "payment"), ("/item/17", "notification"), ("/item/16", "payment"), ("/item/", None),
     ("/item/x", None), ("/health", None), ("/item/1/2", None), (f"/item/{'9' * 19}", None)],
)  # fmt: skip
def test_even_numbers_are_payments_and_odd_ones_notifications(path: str, kind: str | None) -> None:
    assert kind_of(path) == kind


@pytest.mark.parametrize("text", ["", "payments", "payment,", "payment,refund"])
def test_a_part_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="serves payment or notification, or both"):
        parts(text)
    assert parts("payment,notification") == KINDS


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("shout", "http://127.0.0.1:1"), "by call, fallback, queue, got .* and 'shout'"),
        (("call", "127.0.0.1:1"), "a service at http://host:port"),
        (("call", "http://127.0.0.1"), "a service at http://host:port"),
        (("call", None, -1.0), "0 to 3600 seconds of work, got -1.0"),
        (("call", None, float("nan")), "got nan"),
    ],
)
def test_a_way_of_telling_that_makes_no_sense_is_refused(arguments: tuple[Any, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        notifier(*arguments)


def test_a_service_refuses_what_is_not_its_part() -> None:
    async def ask(bank: Bank) -> tuple[Any, ...]:
        return await bank.pay(16), await bank.pay(17)

    ours, theirs = play(ask)
    assert ours[0] == 200 and theirs[0] == 404 and "pay serves payment, not /item/17" in theirs[2]
    both = play(ask, how=None, serves=KINDS)
    assert [answer[0] for answer in both] == [200, 200]


@pytest.mark.parametrize(("how", "took_s"), [(None, 0.03), ("call", 0.03), ("fallback", 0.03), ("queue", 0.01)])
def test_on_a_good_day_everybody_is_told_and_only_the_queue_does_not_wait(how: str | None, took_s: float) -> None:
    async def two(bank: Bank) -> tuple[Any, ...]:
        answers = [await bank.pay(16), await bank.pay(18)]
        await asyncio.sleep(1)
        return answers, await bank.counts(), bank.other.messages

    answers, counts, messages = play(two, how)
    assert [answer[:2] for answer in answers] == [(200, "")] * 2
    assert [answer[3] for answer in answers] == pytest.approx([took_s] * 2)
    assert counts == {"told": 2, "waiting": 0, "given_up": 0}
    assert messages == ([] if how is None else ["/item/17", "/item/19"])


@pytest.mark.parametrize(
    ("how", "status", "remark"), [("call", 502, ""), ("fallback", 200, "not notified"), ("queue", 200, "")]
)
def test_when_the_other_service_is_gone_a_payment_fails_only_if_it_waits_for_it(
    how: str, status: int, remark: str
) -> None:
    async def pay(bank: Bank) -> tuple[int, str, str, float]:
        bank.front.abort()
        await bank.front.close(0)
        return await bank.pay()

    found = play(pay, how)
    assert found[:2] == (status, remark)
    assert status == 200 or "the payment was not made: the notification service at" in found[2]


@pytest.mark.parametrize(
    ("how", "status", "took_s"),
    [("call", 502, 11.0), ("fallback", 200, 0.11), ("queue", 200, 0.01)],  # aiohttp rounds 10 s up to a whole second
)
def test_when_the_other_service_hangs_a_payment_waits_as_long_as_it_has_patience(
    how: str, status: int, took_s: float
) -> None:
    async def pay(bank: Bank) -> tuple[int, str, str, float]:
        bank.other.mood = "silent"
        return await bank.pay()

    found = play(pay, how)
    assert found[0] == status and found[3] == pytest.approx(took_s, abs=0.02)
    assert status == 200 or "no answer within 10 s" in found[2]


def test_a_refusal_is_passed_on_in_its_own_words() -> None:
    async def pay(bank: Bank) -> tuple[int, str, str, float]:
        bank.other.mood = "full"
        return await bank.pay()

    assert "said 503: the waiting line is full" in play(pay, "call")[2]


def test_the_queue_tells_everybody_when_the_other_service_is_back() -> None:
    async def outage(bank: Bank) -> tuple[Any, ...]:
        bank.other.mood = "full"
        answers = [await bank.pay(number) for number in range(0, 20, 2)]
        waiting = (await bank.counts())["waiting"]
        bank.other.mood = "well"
        await asyncio.sleep(2)
        return [answer[0] for answer in answers], waiting, await bank.counts(), sorted(bank.other.messages)

    statuses, waiting, counts, messages = play(outage, "queue")
    assert statuses == [200] * 10 and waiting == 10
    assert counts == {"told": 10, "waiting": 0, "given_up": 0}
    assert messages == sorted(f"/item/{number + 1}" for number in range(0, 20, 2))


def test_a_queue_that_is_full_says_so_and_the_payment_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "ROOM", 2)

    async def outage(bank: Bank) -> tuple[Any, ...]:
        bank.other.mood = "full"
        answers = [await bank.pay(number) for number in range(0, 16, 2)]  # four are in the senders' hands, two wait
        return [answer[:2] for answer in answers], await bank.counts()

    answers, counts = play(outage, "queue")
    assert answers == [(200, "")] * 6 + [(200, "not notified")] * 2
    assert counts == {"told": 0, "waiting": 6, "given_up": 2}


def test_its_admin_port_is_the_test_benchs_too() -> None:
    async def slow(bank: Bank) -> tuple[int, float]:
        async with bank.session.post(f"{bank.admin}/control/slow?factor=3") as answer:
            return answer.status, (await bank.pay())[3]

    assert play(slow, None) == (200, pytest.approx(0.05))


def test_the_command_line_makes_the_server_it_is_asked_for() -> None:
    async def made(*words: str) -> Service:
        service = services.made(services.commands().parse_args(list(words)))
        await service.close()
        return service

    whole = asyncio.run(made("--workers", "3", "--notify-work", "0.5"))
    part = asyncio.run(made("--serves", "payment", "--notify", "http://127.0.0.1:1", "--how", "queue"))
    assert whole.serves == KINDS and whole.customers.work_s == 0.5 and type(whole.customers) is services.InProcess
    assert part.serves == ("payment",) and type(part.customers) is services.Queue
