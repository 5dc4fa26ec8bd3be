"""Lab 02, task 7: carts that are still there when their server is not.

The shop runs on three servers, and each keeps the carts of its users. The learner's class takes its place in that same
server, behind the same balancer, without sticky sessions. It is asked by hand first; then users fill their carts, one
server is killed, on the virtual clock and as a process, and what counts is what those users saw.
"""

from __future__ import annotations

import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from minisys.grading.checks import Check, NotRun, Wrong
from minisys.grading.lab_02.own_source import cell_of
from minisys.load_balancing import live, policies, virtual
from minisys.load_balancing.plan import Step, backend_names
from minisys.scaling.cart import CartServer, OwnCarts
from minisys.scaling.stateless import carts_lost
from minisys.scaling.stateless_live import OwnStore
from minisys.scaling.stateless_model import HEALTH, POLICY, WORKERS, shoppers
from minisys.scaling.store import Local, StoreDown
from minisys.testbed.load import load
from minisys.testbed.trace import Trace

KILL = Step(1.25, "kill", "b")  # between two health checks
FOR_S = 2.4
SERVERS = 3
PREFACE = "from __future__ import annotations\n\nfrom minisys.scaling.store import Carts, Local, Store, StoreDown\n\n\n"
IN_MEMORY = "a balancer sends a user now here, now there: what one server remembers, the others do not know"


class Unsteady(Local):
    """A store in this process that can be away for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False

    async def put(self, cart: str, thing: int) -> int:
        self._there()
        return await super().put(cart, thing)

    async def count(self, cart: str) -> int:
        self._there()
        return await super().count(cart)

    def _there(self) -> None:
        if self.away:
            raise StoreDown("the store is not there")


def answer(question: Coroutine[Any, Any, Any]) -> Any:
    """What *question* answers, run here and now: no event loop is needed, as the store answers at once."""
    try:
        for _ in range(1_000):  # whoever yields to others meanwhile is let go on
            question.send(None)
    except StopIteration as done:
        return done.value
    question.close()
    raise Wrong("it still waits", expected="an answer", look="wait for nothing but the store")


def said(carts: Any, what: str, *words: Any) -> int:
    """The answer of put or count as a whole number; raises Wrong unless it is one."""
    question = getattr(carts, what)(*words)
    given = f"{what}{words!r}"
    if not isinstance(question, Coroutine):
        raise Wrong(repr(question), given=given, expected="a coroutine: `async def`")
    found = answer(question)
    if isinstance(found, Coroutine):
        found.close()
        raise Wrong("a coroutine", given=given, expected="a number", look="`await` the store")
    if isinstance(found, bool) or not isinstance(found, int):
        raise Wrong(repr(found), given=given, expected="a number", look="how many things are in the cart? `return` it")
    return found


def any_server_knows_every_cart(my_carts: Any) -> str:
    """Two servers with one store: what was put at one is counted at the other; a server started later knows it too."""
    store = Local()
    a, b = my_carts("a", store), my_carts("b", store)
    steps = ((a, "a", 1, 1), (b, "b", 2, 2), (a, "a", 3, 3))
    for carts, name, thing, expected in steps:
        if (found := said(carts, "put", "17", thing)) != expected:
            given = f"user 17 puts thing {thing}, at server {name}"
            raise Wrong(f"{found} things", given=given, expected=f"{expected} things", look=IN_MEMORY)
    if (found := said(b, "put", "18", 1)) != 1:
        given = "user 18 puts the first thing, at server b"
        raise Wrong(f"{found} things", given=given, expected="1 thing", look="each user has a cart")
    for name in "abc":
        if (found := said(my_carts(name, store), "count", "17")) != 3:
            given = f"server {name} is started anew and asked for user 17's cart"
            raise Wrong(
                f"{found} things", given=given, expected="3 things", look="whatever is not in the store is gone"
            )
    return "three servers and two users, and a restart: every count right"


def sent_twice_is_there_once(my_carts: Any) -> str:
    """The balancer sends a request again when a server dies with it: the thing has a number and is there once."""
    store = Local()
    a, b = my_carts("a", store), my_carts("b", store)
    for carts, thing, expected, given in (
        (a, 1, 1, "thing 1"), (a, 2, 2, "thing 2"), (b, 2, 2, "thing 2 once more, at the other server"),
        (b, 3, 3, "thing 3"), (b, 3, 3, "thing 3 once more"),
    ):  # fmt: skip
        if (found := said(carts, "put", "17", thing)) != expected:
            look = "use the thing's own number: a put that counts up counts twice when it is sent twice"
            if str(found).isdigit() and int(found) < expected:
                look = IN_MEMORY
            raise Wrong(f"{found} things", given=given, expected=f"{expected} things", look=look)
    return "five puts, of which two were sent twice: three things"


def no_cart_is_begun_anew(my_carts: Any) -> str:
    """While the store is away the user is told so (StoreDown gets through), and nothing is lost by it."""
    store = Unsteady()
    carts = my_carts("a", store)
    said(carts, "put", "17", 1)
    store.away = True
    for what, words in (("put", ("17", 2)), ("count", ("17",))):
        try:
            found = said(carts, what, *words)
        except StoreDown:
            continue
        look = "let StoreDown through: the server then says 503, and the user tries again with all things in the cart"
        raise Wrong(
            f"{found} things", given=f"{what}{words!r} while the store is away", expected="StoreDown", look=look
        )
    store.away = False
    if (found := said(my_carts("b", store), "put", "17", 2)) != 2:
        given = "the store is back, and thing 2 is sent again, to server b"
        raise Wrong(
            f"{found} things", given=given, expected="2 things", look="what was in the cart before must be there"
        )
    return "store away: the user is told so; store back: two things"


def nothing_lost(trace: Trace, where: str, look: str) -> str:
    """Raises Wrong unless every request was answered and no user found a cart lost."""
    bad, lost = len(trace) - trace.count("ok"), len(carts_lost(trace))
    if lost:
        raise Wrong("carts were lost", given=where, expected="0 carts lost", look=look)
    if bad:
        look = "the balancer asks another server when one dies; does put raise an error there?"
        raise Wrong("requests failed", given=where, expected="0 requests failed", look=look)
    return f"{len(trace)} requests of users with cookies, server b killed: 0 carts lost, 0 requests failed"


def lives_on_the_virtual_clock(my_carts: Any) -> str:
    """The real proxy and cart servers on a clock that jumps: one of three is killed, and nobody's cart is lost."""
    shared = Local()

    def make(name: str, workers: int, queue: int | None, speed: float) -> CartServer:
        return CartServer(name, workers, queue, speed, OwnCarts(my_carts(name, shared), Local()))

    how: dict[str, Any] = {"names": backend_names(SERVERS), "workers": WORKERS, "queue": None, "weights": None}
    how |= {"speed": None, "timeout_s": None, "plan": [KILL], "health": HEALTH, "retries": 1, "method": "PUT"}
    offered = shoppers(for_s=FOR_S, seed=3)
    trace = virtual.run(policies.policy(POLICY), offered, **how, make=make, cookies=True)
    return nothing_lost(trace, f"{SERVERS} servers on the virtual clock, b is killed", IN_MEMORY)


def lives_as_processes(my_carts: Any) -> str:
    """Three processes and a store; b gets SIGKILL while Locust's users put things into carts."""
    text = PREFACE + cell_of(my_carts) + f"\n\nMyCarts = {my_carts.__name__}\n"
    stands_alone(text)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "my_carts.py"
        path.write_text(text, "utf-8")
        try:
            trace = _run(path)
        except (ImportError, OSError, RuntimeError) as problem:
            raise NotRun(f"the live world cannot start here ({problem}); `minisys doctor` tells more") from None
    look = "each server is a process now: a variable of the class or of the notebook is another one in each of them"
    return nothing_lost(trace, f"{SERVERS} processes, b is killed", look)


def stands_alone(text: str) -> None:
    """Raises Wrong unless the class works where nothing but its own cell is known."""
    names: dict[str, Any] = {}
    try:
        exec(compile(text, "<your class, alone>", "exec"), names)
        said(names["MyCarts"]("a", Local()), "put", "17", 1)
    except NameError as problem:
        look = "a server is a process of its own: put what the class needs, imports too, into its cell"
        raise Wrong(f"NameError: {problem}", given="your class in a process of its own", look=look) from None


def _run(path: Path) -> Trace:
    store = OwnStore()
    try:
        server = ("minisys.scaling.cart", "--store", store.url, "--carts", str(path))
        with live.cluster(POLICY, backends=SERVERS, workers=WORKERS, health=HEALTH, server=server) as shop:
            kill = [(KILL.at_s, lambda: shop.kill(KILL.backend))]
            return load(shop.url, shoppers(for_s=FOR_S, seed=3), method="PUT", cookies=True, at=kill, progress=False)
    finally:
        store.node.kill()


CARTS = (
    Check("any server knows every cart", any_server_knows_every_cart),
    Check("a thing that is sent twice is there once", sent_twice_is_there_once),
    Check("while the store is away, no cart is begun anew", no_cart_is_begun_anew),
    Check("live on the virtual clock, a server dies and no cart is lost", lives_on_the_virtual_clock, 40.0, True),
    Check("live as processes, a server is killed and no cart is lost", lives_as_processes, 60.0, True),
)
