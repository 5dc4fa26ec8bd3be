"""The gateway: each kind to its pool, one line for each pool, and instances that come and go."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.scaling.gateway import Gateway, NoInstance, Pool, address
from minisys.scaling.services import InProcess, Service
from minisys.testbed import http
from minisys.testbed.clock import run_virtual


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 30))
def test_a_worker_is_never_given_twice_and_those_who_wait_are_served_in_order(sizes: list[int], users: int) -> None:
    async def main() -> tuple[list[int], list[str]]:
        pool, order, busy = Pool(), list[int](), list[str]()
        for number, workers in enumerate(sizes):
            pool.add(f"url {number}", workers)

        async def visit(user: int) -> None:
            url = await pool.take()
            order.append(user)
            busy.append(url)
            assert busy.count(url) <= pool.workers[url]
            await asyncio.sleep(1 + user % 3)
            busy.remove(url)
            pool.give(url)

        await asyncio.gather(*map(visit, range(users)))
        told = pool.told()
        assert told == {"instances": len(sizes), "workers": sum(sizes), "free": sum(sizes), "waiting": 0}
        return order, busy

    assert run_virtual(main()) == (list(range(users)), [])


def test_a_lost_instance_takes_its_workers_along_and_the_last_one_everybodys_hope() -> None:
    async def main() -> list[object]:
        pool = Pool()
        pool.add("a", 1)
        pool.add("b", 1)
        taken = [await pool.take(), await pool.take()]
        waiting = [asyncio.create_task(pool.take()) for _ in range(2)]
        await asyncio.sleep(0)
        pool.lose("a")
        pool.give("a")  # whoever had it gives it back: it is not there any more
        pool.give("b")
        first = await waiting[0]
        pool.lose("b")
        return [taken, first, *await asyncio.gather(waiting[1], pool.take(), return_exceptions=True), pool.told()]

    taken, first, *refused, told = run_virtual(main())
    assert taken == ["a", "b"] and first == "b" and all(isinstance(each, NoInstance) for each in refused)
    assert told == {"instances": 0, "workers": 0, "free": 0, "waiting": 0}


@pytest.mark.parametrize("bad", [("a", 2), ("b", 0)])
def test_an_instance_that_is_there_already_or_has_no_worker_is_refused(bad: tuple[str, int]) -> None:
    pool = Pool()
    pool.add("a", 1)
    with pytest.raises(ValueError, match="not there yet, with at least 1 worker"):
        pool.add(*bad)


@pytest.mark.parametrize("names", [(), ("payment",), ("everything", "payment"), ("refund",)])
def test_pools_that_leave_a_kind_without_one_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="there is one pool everything, or one for each of payment, notification"):
        Gateway({name: Pool() for name in names})


@pytest.mark.parametrize(
    "text", ["payment", "payment=127.0.0.1:1*2", "payment=http://127.0.0.1:1", "=http://a:1*2", "a=http://a:1*x"]
)
def test_an_instance_that_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"like payment=http://127.0.0.1:4001\*2; got "):
        address(text)


class Town:
    """A gateway with a payment instance and a notification instance of one worker each, and a user."""

    def __init__(self, stack: AsyncExitStack, session: Any) -> None:
        self.stack, self.session = stack, session
        self.fronts: dict[str, http.Listening] = {}

    async def open(self) -> None:
        pools = {"payment": Pool(), "notification": Pool()}
        for name, pool in pools.items():
            pool.add(await self.instance(name), 1)
        gateway = Gateway(pools)
        public, admin = await http.listen(gateway.answer), await http.listen(gateway.admin)
        for closing in (gateway.close, public.close, admin.close):
            self.stack.push_async_callback(closing)
        self.url, self.admin = f"http://127.0.0.1:{public.port}", f"http://127.0.0.1:{admin.port}"

    async def instance(self, name: str) -> str:
        service = Service(name, 1, None, 1.0, (name,), InProcess(0.0))
        self.fronts[name] = front = await http.listen(service.answer)
        self.stack.push_async_callback(front.close, 0)
        return f"http://127.0.0.1:{front.port}"

    async def ask(self, method: str, url: str, body: object = None) -> tuple[int, str, str, float]:
        headers, data = {"X-Work-S": "1"}, json.dumps(body).encode() if body is not None else None
        async with self.session.request(method, url, headers=headers, data=data) as answer:
            text = await answer.text()
        return answer.status, answer.headers.get("X-Served-By", ""), text, asyncio.get_running_loop().time()


def play(scene: Callable[[Town], Awaitable[Any]]) -> Any:
    """The result of *scene* in town, in virtual time."""

    async def main() -> Any:
        async with AsyncExitStack() as stack:
            town = Town(stack, await stack.enter_async_context(aiohttp.ClientSession()))
            await town.open()
            return await scene(town)

    return run_virtual(main())


def test_each_kind_goes_to_its_pool_and_waits_in_its_own_line() -> None:
    async def crowd(town: Town) -> list[tuple[int, str, str, float]]:
        return await asyncio.gather(*(town.ask("GET", f"{town.url}/item/{number}") for number in (1, 3, 5, 2)))

    answers = play(crowd)
    assert [answer[1] for answer in answers] == ["notification"] * 3 + ["payment"]
    assert [answer[3] for answer in answers] == pytest.approx([1, 2, 3, 1])


def test_an_instance_that_joins_takes_whoever_waits() -> None:
    async def growing(town: Town) -> tuple[Any, ...]:
        crowd = [asyncio.create_task(town.ask("GET", f"{town.url}/item/{number}")) for number in (1, 3, 5)]
        await asyncio.sleep(0.5)
        before = json.loads((await town.ask("GET", f"{town.admin}/pools"))[2])
        joined = await town.ask(
            "POST", f"{town.admin}/pools/notification", {"url": await town.instance("notification"), "workers": 2}
        )
        return before["notification"], joined[0], [answer[3] for answer in await asyncio.gather(*crowd)]

    before, status, times = play(growing)
    assert before == {"instances": 1, "workers": 1, "free": 0, "waiting": 2} and status == 200
    assert times == pytest.approx([1, 1.5, 2.5])  # the new instance has one worker of its own


def test_a_dead_instance_is_taken_out_and_its_users_are_told() -> None:
    async def death(town: Town) -> tuple[Any, ...]:
        under_way = asyncio.create_task(town.ask("GET", f"{town.url}/item/1"))
        await asyncio.sleep(0.5)
        town.fronts["notification"].abort()
        lost, later = await under_way, await town.ask("GET", f"{town.url}/item/3")
        return lost, later, (await town.ask("GET", f"{town.url}/item/2"))[0]

    lost, later, payment = play(death)
    assert lost[0] == 502 and "(notification) broke off and was taken out" in lost[2]
    assert later[0] == 503 and "no instance is left that serves notification" in later[2]
    assert payment == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("GET", "/", None, 404, "known: GET /pools, POST /pools/(payment|notification)"),
        ("POST", "/pools/refund", {}, 404, "known:"),
        ("POST", "/pools/payment", [1], 400, "the body must be like"),
        ("POST", "/pools/payment", {"url": "http://127.0.0.1:1"}, 400, "'workers'"),
        ("POST", "/pools/payment", {"url": "ftp://a:1", "workers": 1}, 400, "an instance is pool=url*workers"),
        ("POST", "/pools/payment", {"url": "http://127.0.0.1:1", "workers": 0}, 400, "at least 1 worker"),
    ],
)
def test_bad_orders_get_the_reason(method: str, path: str, body: object, status: int, says: str) -> None:
    async def order(town: Town) -> tuple[int, str, str, float]:
        return await town.ask(method, town.admin + path, body)

    found = play(order)
    assert found[0] == status and says in found[2]


def test_a_path_that_is_no_item_is_a_404() -> None:
    async def ask(town: Town) -> tuple[int, str, str, float]:
        return await town.ask("GET", f"{town.url}/item/x")

    assert play(ask)[0] == 404


@pytest.mark.parametrize("words", [(), ("--pool", "payment=http://127.0.0.1:1*2"), ("--pool", "nonsense")])
def test_a_mistake_on_the_command_line_is_one_clear_line(words: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", "minisys.scaling.gateway", *words], capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "pool" in done.stderr.splitlines()[-1]
