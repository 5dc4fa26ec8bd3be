"""A shop's application server: each user who comes puts one more thing into their cart.

Tuesday, 11:00, a new version goes out, one server after the other. By 11:10 every third user asks where their cart has
gone. It was in a server's memory. Here is that server, and the same server with the carts elsewhere.

    python -m minisys.scaling.cart --name a                                  carts in its memory: needs sticky sessions
    python -m minisys.scaling.cart --name a --store http://127.0.0.1:4001    carts in store.py, or redis://…

``PUT /item/17`` is user 17 putting one more thing into the cart, ``GET /item/17`` asks how many there are. It is PUT
because a balancer may send it twice, when a server dies with it: the thing has a number, one above that of the last one
(cookie ``put``), and putting number 6 twice leaves one number 6. A POST that counts up would count twice.

The user's own cookie says how many things they believe to be in the cart (``items``). When there are fewer, the cart
was lost: the answer is 200 all the same, as in real life, but says so (``X-Remark: cart lost``). If the store does not
answer, the user is told so with 503, and no cart is begun anew. Options and admin port are those of testbed.backend.
``--carts mine.py`` puts a class of your own between server and store; OwnCarts says what it must have.
"""

from __future__ import annotations

import argparse
import re
import runpy
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from minisys.scaling.store import Store, StoreDown, open_store
from minisys.testbed import backend
from minisys.testbed.backend import Backend

LOST = "cart lost"
USER = re.compile(r"/item/([A-Za-z0-9_-]{1,64})")


def believed(cookies: Mapping[str, str]) -> tuple[int, int]:
    """What a user's cookies say: how many things are in the cart, and the number of the last one. 0, 0 if new.

    Raises ValueError for anything but whole numbers.
    """
    told = [cookies.get(name, "0") for name in ("items", "put")]
    if not all(re.fullmatch("[0-9]{1,9}", text) for text in told):
        raise ValueError(f"the cookies items and put must be whole numbers, got {told[0]!r} and {told[1]!r}")
    return int(told[0]), int(told[1])


def lost(items: int, there: int) -> bool:
    """Whether a cart was lost: the user believed in *items* things, then put one, and *there* are fewer than that."""
    return there < items + 1


class OwnCarts:
    """Carts as *kept*, an object of a reader's own, keeps them: ``put`` and ``count`` as store.Store has, both async.

    *store* is what it was given to keep them in; it is closed at the end.
    """

    def __init__(self, kept: Any, store: Store) -> None:
        self.kept, self.store = kept, store

    async def put(self, cart: str, thing: int) -> int:
        """As Carts.put."""
        return int(await self.kept.put(cart, thing))

    async def count(self, cart: str) -> int:
        """As Carts.count."""
        return int(await self.kept.count(cart))

    async def close(self) -> None:
        """Let go of the store."""
        await self.store.close()


class CartServer(Backend):
    """The work server of the test bench that also keeps carts, in *store*; the rest as there."""

    def __init__(self, name: str, workers: int, queue: int | None, speed: float, store: Store) -> None:
        super().__init__(name, workers, queue, speed)
        self.store = store

    async def reply(self, request: web.BaseRequest) -> web.Response:
        """The answer to a user whose request has had its work done."""
        user = USER.fullmatch(request.path)
        if user is None or request.method not in ("PUT", "GET"):
            return self.say(404, "known: PUT /item/17 (one more thing for user 17) and GET /item/17\n")
        try:
            items, last = believed(request.cookies)
            if request.method == "GET":
                return self.say(200, f"{await self.store.count(user[1])} things for user {user[1]}\n")
            there = await self.store.put(user[1], last + 1)
        except ValueError as problem:
            return self.say(400, f"{problem}; your cart is as it was\n")
        except StoreDown as problem:
            return self.say(503, f"{problem}; your cart is as it was, try again\n")
        remark = {"X-Remark": LOST} if lost(items, there) else {}
        answer = self.say(200, f"{there} things for user {user[1]}\n", remark)
        answer.set_cookie("items", str(there))
        answer.set_cookie("put", str(last + 1))
        return answer

    async def close(self) -> None:
        """Let go of the store."""
        await self.store.close()


def made(options: argparse.Namespace) -> CartServer:
    """The server that the command line asks for."""
    store = open_store(options.store)
    if options.carts:
        store = OwnCarts(runpy.run_path(options.carts)["MyCarts"](options.name, store), store)
    return CartServer(options.name, options.workers, options.queue, options.speed, store)


if __name__ == "__main__":
    commands = backend.parser("minisys.scaling.cart", __doc__)
    commands.add_argument("--store", help="http://host:port or redis://host:port (default: this process's memory)")
    commands.add_argument("--carts", help="a Python file whose class MyCarts(name, store) keeps the carts")
    backend.main(commands, made)
