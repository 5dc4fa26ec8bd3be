"""A shop with planted weaknesses: what each weakness is, how an order is taken, what "well" means.

Every one of these shops works. Orders come in, pages are quick, the dashboards are green, and somewhere in it is a
timeout that nobody set, or a standby that nobody has ever let take over. No test of the healthy shop shows the
difference; an experiment does.

    shop = design({"cache is a must"})                   # a shop with this one weakness
    take_order(shop, order=17, item=3, home=Home())      # the steps of one order: what is asked of whom, how patiently

Promised: the steps of an order exist once; the model (shop_model.py) and the processes (shop_nodes.py) both run them.
A design without weaknesses keeps every hypothesis below under any *one* fault. Not here: clocks, sockets, faults.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

WEAKNESSES = {
    "no timeout": "the call to the price service has no timeout",
    "eager retries": "a price call that failed is repeated three times, at once and without a budget",
    "blind health check": "an application answers its health check without looking whether it can take orders",
    "cache is a must": "an order fails if the cache does not answer",
    "untried failover": "the standby of the order book is still read-only: its promotion was written and never tried",
    "single copy": "orders are not copied to the standby before they are confirmed",
}
APPS = ("a", "b")
PARTS = (*APPS, "prices", "cache", "orders", "standby")
ITEMS = 20
TTL_S = 0.75  # of a price in the cache
CACHE_TIMEOUT_S, PRICE_TIMEOUT_S, STORE_TIMEOUT_S = 0.08, 0.12, 0.3
COPY_TIMEOUT_S = 0.1  # the standby's time to confirm its copy; the book goes on without it then
ANSWER_S = 0.8  # the balancer's patience with one application, before it tries the other one
WORKERS = 16  # orders that one application takes in hand at the same time
CHECK_EVERY_S, CHECK_TIMEOUT_S, CHECK_FALL = 0.15, 0.1, 2
PRICE_S, STORE_S, CACHE_S = 0.01, 0.004, 0.001  # how long each part takes over one call
FAULTS: dict[str, tuple[str, ...]] = {name: ("kill", "pause") for name in PARTS}
FAULTS |= {name: ("kill", "pause", "errors") for name in APPS}
FAULTS["prices"] = ("kill", "pause", "errors", "slow answers")
LIST_PRICE = "the price list of this morning"


class Unavailable(Exception):
    """A part did not do what it was asked: it refused, failed, or took too long."""


@dataclass(frozen=True)
class Design:
    """How a shop is built; `design()` makes one of a list of weaknesses.

    price_timeout_s: seconds, None: no limit. price_attempts: calls to the price service for one order, at the most.
    """

    price_timeout_s: float | None = PRICE_TIMEOUT_S
    price_attempts: int = 1
    check_looks: bool = True
    cache_may_fail: bool = True
    standby_writable: bool = True
    copies: bool = True


def design(weaknesses: Iterable[str] = ()) -> Design:
    """A shop with these *weaknesses*, and no other. Raises ValueError for one that is not in WEAKNESSES."""
    has = set(weaknesses)
    if unknown := sorted(has - set(WEAKNESSES)):
        raise ValueError(f"unknown weakness {unknown[0]!r}; known: {', '.join(WEAKNESSES)}")
    return Design(
        price_timeout_s=None if "no timeout" in has else PRICE_TIMEOUT_S,
        price_attempts=4 if "eager retries" in has else 1,
        check_looks="blind health check" not in has,
        cache_may_fail="cache is a must" not in has,
        standby_writable="untried failover" not in has,
        copies="single copy" not in has,
    )


def check_fault(kind: str, target: str) -> None:
    """Raises ValueError if the shop has no part *target*, or the part cannot have a fault of *kind*."""
    if target not in FAULTS:
        raise ValueError(f"the shop has no part {target!r}; it has {', '.join(PARTS)}")
    if kind not in FAULTS[target]:
        raise ValueError(f"{target!r} can have {', '.join(FAULTS[target])}; not {kind!r}")


def item_of(order: int) -> int:
    """What is bought with order number *order*: spread evenly over ITEMS, without a pattern."""
    return crc32(b"item %d" % order) % ITEMS


class Call(NamedTuple):
    """Ask *target* for *what* ("get", "set", "price", "write") about *key*; give up after *timeout_s* (None: never)."""

    target: str
    what: str
    key: int
    timeout_s: float | None


@dataclass
class Home:
    """Where an application writes orders: *store* is "orders", until that one fails it; then "standby" for good.

    priced: calls made to the price service.
    """

    store: str = "orders"
    priced: int = 0


Order = Generator[Call, Any, str]


def take_order(shop: Design, order: int, item: int, home: Home) -> Order:
    """The steps of one order, as calls; whoever runs them sends in each answer, or throws Unavailable.

    Returns the price's source: "cache", "prices" or LIST_PRICE. Raises Unavailable if the order could not be taken.
    """
    source = "cache"
    try:
        known = yield Call("cache", "get", item, CACHE_TIMEOUT_S)
    except Unavailable:
        if not shop.cache_may_fail:
            raise
        known = None
    if known is None:
        source = yield from look_up(shop, item, home)
    yield from write_down(order, home)
    return source


def look_up(shop: Design, item: int, home: Home) -> Order:
    """Ask the price service, and keep the price in the cache; without an answer, use the list of this morning."""
    for _ in range(shop.price_attempts):
        home.priced += 1
        try:
            yield Call("prices", "price", item, shop.price_timeout_s)
        except Unavailable:
            continue
        try:
            yield Call("cache", "set", item, CACHE_TIMEOUT_S)
        except Unavailable:
            if not shop.cache_may_fail:
                raise
        return "prices"
    return LIST_PRICE


def write_down(order: int, home: Home) -> Generator[Call, Any, None]:
    """Write the order into the book; if the book cannot be reached, fail over to its standby and stay there."""
    store = home.store  # another order may fail over while this one waits
    try:
        yield Call(store, "write", order, STORE_TIMEOUT_S)
    except Unavailable:
        if store == "standby":
            raise
        yield Call("standby", "write", order, STORE_TIMEOUT_S)
        home.store = "standby"


async def run_order(steps: Order, ask: Callable[[Call], Awaitable[Any]]) -> str:
    """Run the *steps* of an order; *ask* makes one call, or raises Unavailable. Raises it if the order fails."""
    try:
        call = next(steps)
        while True:
            try:
                answer = await ask(call)
            except Unavailable as problem:
                call = steps.throw(problem)
            else:
                call = steps.send(answer)
    except StopIteration as done:
        return str(done.value)


@dataclass(frozen=True)
class Readings:
    """What monitoring has counted so far: orders answered well (*ok*) and not (*bad*), *priced* calls to the price
    service, orders *stored* in the book that is in use; *seen_ok*, *seen_bad*, *seen_priced*: where counting begins."""

    ok: int
    bad: int
    priced: int
    stored: int
    seen_ok: int = 0
    seen_bad: int = 0
    seen_priced: int = 0

    def since(self, before: Readings) -> Readings:
        """The same, with ratios counted from *before* on; what is lost counts from the beginning."""
        return Readings(self.ok, self.bad, self.priced, self.stored, before.ok, before.bad, before.priced)

    @property
    def answered(self) -> int:
        """Orders answered since counting began."""
        return self.ok + self.bad - self.seen_ok - self.seen_bad

    @property
    def success(self) -> float:
        """Share of the answered orders that were taken; 0 if none was answered."""
        return (self.ok - self.seen_ok) / self.answered if self.answered else 0.0

    @property
    def calls_per_order(self) -> float:
        """Calls to the price service for each answered order."""
        return (self.priced - self.seen_priced) / self.answered if self.answered else 0.0

    @property
    def lost(self) -> int:
        """Orders that were confirmed and are not in the book in use."""
        return max(0, self.ok - self.stored)


@dataclass(frozen=True)
class Claim:
    """A steady state: *measure*, a property of Readings, is *at_least*, or *at_most*, so much."""

    name: str
    measure: str
    at_least: float = float("-inf")
    at_most: float = float("inf")

    def value(self, readings: Readings) -> float:
        """What it is about."""
        return float(getattr(readings, self.measure))

    def holds(self, value: float) -> bool:
        """Whether *value* is as claimed."""
        return self.at_least <= value <= self.at_most


CLAIMS = {
    claim.name: claim
    for claim in (
        Claim("orders succeed", "success", at_least=0.9),
        Claim("prices is not flooded", "calls_per_order", at_most=1.5),
        Claim("no confirmed order is lost", "lost", at_most=0),
    )
}
