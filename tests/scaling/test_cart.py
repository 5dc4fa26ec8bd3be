"""The cart server: what users believe, what is there, and that nobody's cart is begun anew without a word."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.scaling import cart
from minisys.scaling.cart import CartServer, believed, lost
from minisys.scaling.store import Carts, Local, Store, StoreDown
from minisys.testbed import http
from minisys.testbed.clock import run_virtual


class Broken:
    """A store that is down."""

    async def put(self, cart: str, thing: int) -> int:
        raise StoreDown("the store at http://127.0.0.1:1 is not there: refused")

    async def count(self, cart: str) -> int:
        raise StoreDown("the store at http://127.0.0.1:1 is not there: refused")

    async def close(self) -> None:
        pass


class User:
    """User 17, with cookies as a browser keeps them."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url, self.jar = session, url, dict[str, str]()

    async def put(self, keep: bool = True, path: str = "/item/17", method: str = "PUT") -> tuple[int, str, str]:
        """One more thing; status, X-Remark and text. With *keep* False the answer's cookies never arrive."""
        headers = {"X-Work-S": "0.01"}
        if self.jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        async with self.session.request(method, self.url + path, headers=headers) as answer:
            if keep:
                self.jar |= {name: cookie.value for name, cookie in answer.cookies.items()}
            return answer.status, answer.headers.get("X-Remark", ""), await answer.text()


def visit(store: Store, scene: Callable[[User, CartServer], Awaitable[Any]]) -> Any:
    """The result of *scene* with user 17 at a server that keeps carts in *store*, in virtual time."""

    async def main() -> Any:
        server = CartServer("a", 4, None, 1.0, store)
        front = await http.listen(server.answer)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            result = await scene(User(session, f"http://127.0.0.1:{front.port}"), server)
        await front.close(0)
        await server.close()
        return result

    return run_virtual(main())


@pytest.mark.parametrize(
    ("items", "there", "was_lost"),
    [(0, 1, False), (5, 6, False), (5, 1, True), (5, 5, True), (1, 1, True), (5, 7, False)],
)
def test_a_cart_is_lost_when_there_is_less_than_the_user_believed_and_one_more(
    items: int, there: int, was_lost: bool
) -> None:
    assert lost(items, there) is was_lost


def test_a_new_user_believes_in_nothing() -> None:
    assert believed({}) == (0, 0) and believed({"items": "5", "put": "7", "other": "x"}) == (5, 7)


@pytest.mark.parametrize("bad", ["", "-1", "five", "1.5", "1e3", "9" * 10, "٣", " 1"])
@pytest.mark.parametrize("name", ["items", "put"])
def test_a_cookie_that_is_no_number_is_refused(name: str, bad: str) -> None:
    with pytest.raises(ValueError, match="must be whole numbers"):
        believed({name: bad})


def test_things_add_up_and_the_cookie_follows() -> None:
    async def shopping(user: User, server: CartServer) -> list[tuple[int, str, str]]:
        return [await user.put() for _ in range(3)]

    answers = visit(Local(), shopping)
    assert [answer[:2] for answer in answers] == [(200, "")] * 3
    assert answers[-1][2] == "3 things for user 17\n"


def test_a_put_that_is_repeated_because_its_answer_got_lost_counts_once() -> None:
    async def shopping(user: User, server: CartServer) -> str:
        await user.put()
        await user.put(keep=False)
        await user.put(keep=False)
        await user.put()
        return (await user.put(method="GET"))[2]

    assert visit(Local(), shopping) == "2 things for user 17\n"


@given(st.lists(st.booleans(), max_size=12))
def test_whatever_is_repeated_the_cart_holds_what_the_user_has_an_answer_for(arrives: list[bool]) -> None:
    carts, items, last = Carts(), 0, 0
    for arrived in [*arrives, True]:
        there = carts.put("17", last + 1)
        assert not lost(items, there)
        if arrived:
            items, last = there, last + 1
    assert items == sum(arrives) + 1


def test_a_cart_that_is_gone_is_remarked_once_and_a_new_one_begins() -> None:
    async def shopping(user: User, server: CartServer) -> list[tuple[str, str]]:
        await user.put()
        await user.put()
        server.store = Local()  # the process died and was started again
        repeated = await user.put(keep=False)
        answers = [repeated, await user.put(), await user.put()]
        return [answer[1:] for answer in answers]

    gone = ("cart lost", "1 things for user 17\n")
    assert visit(Local(), shopping) == [gone, gone, ("", "2 things for user 17\n")]


def test_a_store_that_is_down_is_a_503_with_the_reason_and_the_cart_is_as_it_was() -> None:
    async def shopping(user: User, server: CartServer) -> tuple[Any, ...]:
        await user.put()
        whole, server.store = server.store, Broken()
        before = dict(user.jar)
        down, unknown = await user.put(), await user.put(method="GET")
        assert user.jar == before, "no cookie may say that the cart is empty"
        server.store = whole
        return down, unknown[0], (await user.put())[1:]

    down, unknown, after = visit(Local(), shopping)
    assert down[:2] == (503, "") and "is not there: refused; your cart is as it was" in down[2]
    assert unknown == 503 and after == ("", "2 things for user 17\n")


def test_a_malformed_cookie_is_a_400_with_the_reason_and_the_cart_is_as_it_was() -> None:
    async def shopping(user: User, server: CartServer) -> tuple[Any, ...]:
        await user.put()
        user.jar["items"] = "many"
        refused = await user.put()
        user.jar["items"] = "1"
        return refused, (await user.put())[2]

    refused, after = visit(Local(), shopping)
    assert refused[0] == 400 and "must be whole numbers, got 'many' and '1'" in refused[2]
    assert after == "2 things for user 17\n"


@pytest.mark.parametrize(("method", "path"), [("POST", "/item/17"), ("PUT", "/item/"), ("PUT", "/item/a%20b")])
def test_anything_else_is_a_404_that_says_what_is_known(method: str, path: str) -> None:
    async def ask(user: User, server: CartServer) -> tuple[int, str, str]:
        return await user.put(method=method, path=path)

    status, _, text = visit(Local(), ask)
    assert status == 404 and "known: PUT /item/17" in text


OWN = """class MyCarts:
    def __init__(self, name, store):
        self.name, self.put, self.count = name, store.put, store.count
"""


def test_the_command_line_makes_the_server_it_is_asked_for(tmp_path: Path) -> None:
    commands = cart.backend.parser("minisys.scaling.cart", cart.__doc__)
    commands.add_argument("--store")
    commands.add_argument("--carts")
    server = cart.made(commands.parse_args(["--name", "x", "--workers", "3", "--queue", "2", "--speed", "2"]))
    assert (server.name, server.room, server.speed) == ("x", 5, 2.0) and isinstance(server.store, Local)
    (tmp_path / "mine.py").write_text(OWN)
    store = cart.made(commands.parse_args(["--name", "x", "--carts", str(tmp_path / "mine.py")])).store
    assert isinstance(store, cart.OwnCarts) and store.kept.name == "x", "a class of one's own is given name and store"
