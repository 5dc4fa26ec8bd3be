"""The carts outside the shop's servers: putting twice is putting once, memory has a bound, down is not empty."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from minisys.scaling import store
from minisys.scaling.store import Carts, Local, Remote, Service, StoreDown, open_store
from minisys.testbed import http
from minisys.testbed.clock import run_virtual

Talk = Callable[[aiohttp.ClientSession, str], Awaitable[object]]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 9))))
def test_a_cart_holds_each_thing_once_however_often_it_is_put(
    puts: list[tuple[str, int]],
) -> None:
    carts, expected = Carts(), {"a": set(), "b": set()}
    for cart, thing in puts:
        expected[cart].add(thing)
        assert carts.put(cart, thing) == len(expected[cart])
    assert {name: carts.count(name) for name in "ab"} == {name: len(things) for name, things in expected.items()}


def test_what_has_no_room_is_refused_and_changes_nothing() -> None:
    carts = Carts(max_carts=2, max_things=2)
    for cart, thing in (("a", 1), ("a", 2), ("b", 1)):
        carts.put(cart, thing)
    with pytest.raises(StoreDown, match="room for 2 carts"):
        carts.put("c", 1)
    with pytest.raises(StoreDown, match="room for 2 things"):
        carts.put("a", 3)
    assert [carts.count(name) for name in "abc"] == [2, 1, 0]
    assert carts.put("a", 2) == 2, "a thing that is there already needs no room"


@pytest.mark.parametrize("bad", [{"max_carts": 0}, {"max_things": 0}])
def test_a_store_without_room_makes_no_sense(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=">= 1"):
        Carts(**bad)


@pytest.mark.parametrize(
    "url", ["", "here", "http://", "http://127.0.0.1", "ftp://127.0.0.1:1", "http://127.0.0.1:99999", "http://[:1"]
)
def test_a_store_that_is_no_address_is_refused_with_two_examples(url: str) -> None:
    with pytest.raises(ValueError, match=r"a store is http://host:port or redis://host:port, got '"):
        open_store(url)


def test_no_url_is_the_servers_own_memory() -> None:
    assert isinstance(open_store(None), Local)


def talk(conversation: Talk, carts: Carts | None = None) -> object:
    """The result of *conversation* with a store, in virtual time."""

    async def main() -> object:
        front = await http.listen(Service(carts or Carts()).answer)
        async with aiohttp.ClientSession() as session:
            result = await conversation(session, f"http://127.0.0.1:{front.port}")
        await front.close(0)
        return result

    return run_virtual(main())


def test_a_hundred_puts_at_once_are_a_hundred_things() -> None:
    async def crowd(session: aiohttp.ClientSession, url: str) -> int:
        remote = Remote(url)
        counts = await asyncio.gather(*(remote.put("17", thing) for thing in [*range(100), *range(50)]))
        await remote.close()
        assert sorted(set(counts)) == list(range(1, 101))
        return max(counts)

    assert talk(crowd) == 100


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/carts/17/6", 200), ("GET", "/carts/17", 200), ("GET", "/health", 200), ("POST", "/carts/17/6", 404),
        ("PUT", "/carts/17", 404), ("PUT", "/carts/17/six", 404), ("PUT", "/carts/17/-6", 404), ("GET", "/", 404),
        ("PUT", f"/carts/{'x' * 65}/1", 404), ("PUT", "/carts/17/9999999999", 404),
    ],
)  # fmt: skip
def test_it_knows_two_requests_and_says_so_to_the_others(method: str, path: str, status: int) -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> tuple[int, str]:
        async with session.request(method, url + path) as answer:
            return answer.status, await answer.text()

    said = talk(ask)
    assert said[0] == status and (status == 200 or "known: PUT /carts/17/6" in said[1])  # type: ignore[index]


def test_a_full_store_says_507_and_its_client_says_why() -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> str:
        remote = Remote(url)
        assert await remote.put("a", 1) == 1
        with pytest.raises(StoreDown) as refused:
            await remote.put("b", 1)
        await remote.close()
        return str(refused.value)

    assert "said 507: there is room for 1 carts only" in str(talk(ask, Carts(max_carts=1)))


def test_a_store_that_is_gone_is_down_and_not_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> str:
        front = await http.listen(Service(Carts()).answer)
        remote = Remote(f"http://127.0.0.1:{front.port}")
        assert await remote.put("a", 1) == 1
        front.abort()
        await front.close(0)
        for question in (remote.put("a", 2), remote.count("a")):
            with pytest.raises(StoreDown, match="is not there"):
                await question
        await remote.close()
        return "asked"

    assert run_virtual(ask()) == "asked"


def test_a_store_that_says_nothing_is_given_up_after_a_while() -> None:
    async def silence(_: web.BaseRequest) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def ask() -> float:
        front = await http.listen(silence)
        remote = Remote(f"http://127.0.0.1:{front.port}")
        with pytest.raises(StoreDown, match="no answer within 1 s"):
            await remote.count("a")
        given_up_s = asyncio.get_running_loop().time()
        await remote.close()
        front.abort()
        await front.close(0)
        return given_up_s

    assert run_virtual(ask()) == pytest.approx(store.PATIENCE_S, abs=0.1)
