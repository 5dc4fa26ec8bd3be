"""Lab 05, task 5: the Cache-Control headers of a shop, judged by what a live edge and a browser do with them.

The headers go into the shop, the shop stands behind the live edge in virtual time, and users come: in a minute, in an
hour, in a year, while the origin is well and while it is down. What a browser would do is asked of the same rules with
shared=False. Nothing compares texts: any header that makes the edge do what the shop needs is right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from minisys.caching import fields
from minisys.caching.edge_model import Plan
from minisys.caching.edge_shop import Shop
from minisys.caching.edge_virtual import Seen, VirtualNetwork, play
from minisys.caching.freshness import lifetime, reuse, why_not_store
from minisys.grading.checks import Check, Wrong

Answer = Callable[[], dict[str, Any]]
KINDS = ("static", "item", "price", "search", "account", "other")
KNOWN = {
    "max-age", "s-maxage", "no-store", "no-cache", "private", "public", "must-revalidate", "proxy-revalidate",
    "immutable", "stale-while-revalidate", "stale-if-error", "must-understand", "no-transform",
}  # fmt: skip
NUMBERS = {"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"}
HOUR_S, YEAR_S = 3600.0, 31_536_000.0


def lines_of(answer: Answer) -> dict[str, dict[str, str]]:
    """The headers by kind: a text stands for Cache-Control. Raises Wrong if it is no such thing."""
    given = answer()
    if not isinstance(given, dict) or set(given) != set(KINDS):
        raise Wrong(repr(given), expected=f"a dict with the keys {', '.join(KINDS)}")
    lines = {kind: {"Cache-Control": value} if isinstance(value, str) else value for kind, value in given.items()}
    for kind, headers in lines.items():
        if not isinstance(headers, dict) or not all(isinstance(text, str) for text in headers.values()):
            raise Wrong(f"{kind}: {given[kind]!r}", expected="the text of a Cache-Control header")
    return lines


def readable(answer: Answer) -> str:
    """Every directive is one that exists, with a number where one belongs."""
    for kind, headers in lines_of(answer).items():
        for name in headers:
            for directive, value in fields.directives(headers, name).items():
                if directive not in KNOWN:
                    close = ", ".join(sorted(KNOWN))
                    raise Wrong(f"{kind}: {directive}", expected="a directive that exists", look=f"known: {close}")
                if directive in NUMBERS and fields.seconds(value) is None:
                    look = "whole seconds, like max-age=60; caches take anything else for 0"
                    raise Wrong(f"{kind}: {directive}={value}", expected="a number of seconds", look=look)
    return "six kinds of page"


def visits(answer: Answer, scene: Callable[[VirtualNetwork], Any]) -> Any:
    """The result of *scene* on an edge in Sydney before a shop with the learner's headers."""
    return play(Plan(("Sydney",), work_s=0.05), scene, headers=lines_of(answer))


async def _after(net: VirtualNetwork, path: str, wait_s: float, down: bool = False, **headers: str) -> Seen:
    """What a user gets *wait_s* seconds after somebody was there first."""
    assert isinstance(net.shop, Shop)
    net.shop.down = False
    await net.ask("Sydney", path)
    net.skip(wait_s)
    net.shop.down = down
    seen = await net.ask("Sydney", path, **headers)
    await asyncio.sleep(5.0)  # what runs in the background has ended
    return seen


def _expect(seen: Seen, wanted: tuple[str, ...], given: str, look: str) -> None:
    if seen.cache not in wanted:
        kind = {"PASS": "not kept at all", "MISS": "fetched"}.get(seen.cache, seen.cache.lower())
        raise Wrong(f"{seen.cache} ({kind})", given=given, expected=" or ".join(wanted), look=look)


def static_for_a_year(answer: Answer) -> str:
    """A file whose name changes with its content is never asked for again."""

    async def scene(net: VirtualNetwork) -> Seen:
        return await _after(net, "/static/1/shop.css", 0.95 * YEAR_S)

    look = "a new version has a new name, so a copy can be good for a year: max-age=31536000"
    _expect(visits(answer, scene), ("HIT",), "/static/1/shop.css, eleven months later", look)
    headers = lines_of(answer)["static"]
    if lifetime(200, headers, shared=False).seconds < 0.95 * YEAR_S:
        raise Wrong(f"a browser keeps it for {lifetime(200, headers, shared=False).seconds:g} s", expected="a year too",
                    look="s-maxage is for shared caches only")  # fmt: skip
    return "a hit after eleven months, in browsers too"


def item_in_time(answer: Answer) -> str:
    """A product page: fresh for a minute; for another minute the old one at once, and a new one for the next reader."""

    async def scene(net: VirtualNetwork) -> list[Seen]:
        return [await _after(net, f"/item/{number}", wait_s) for number, wait_s in enumerate((55.0, 75.0, 130.0))]

    fresh, stale, late = visits(answer, scene)
    _expect(fresh, ("HIT",), "/item, 55 s later", "fresh for a minute: max-age=60")
    if stale.cache == "HIT":
        raise Wrong("HIT", given="/item, 75 s later", expected="STALE", look="fresh for a minute, not longer")
    look = "nobody waits for what has just run out: stale-while-revalidate=60; s-maxage and must-revalidate forbid it"
    _expect(stale, ("STALE",), "/item, 75 s later", look)
    if late.cache in ("HIT", "STALE"):
        look = "the two times add up: fresh for 60 s, and 60 s more while a new one is fetched"
        raise Wrong(late.cache, given="/item, 130 s later, the origin well", expected="a new one", look=look)
    return "fresh at 55 s, old but at once at 75 s, new at 130 s"


def item_outlives_the_origin(answer: Answer) -> str:
    """A product page is there for an hour when the origin is down, and no longer."""

    async def scene(net: VirtualNetwork) -> list[Seen]:
        times_s = (0.5 * HOUR_S, 1.5 * HOUR_S)
        return [await _after(net, f"/item/{number}", wait_s, down=True) for number, wait_s in enumerate(times_s)]

    early, late = visits(answer, scene)
    if early.status != 200:
        look = "the copy is there; say that it may stand in for an error: stale-if-error=3600"
        raise Wrong(
            f"status {early.status}", given="/item, the origin down, after half an hour", expected="200", look=look
        )
    if late.status == 200:
        raise Wrong("200", given="/item, the origin down, after an hour and a half", expected="an error",
                    look="an hour, in seconds")  # fmt: skip
    return "200 after half an hour without an origin, an error after an hour and a half"


def price_never_old(answer: Answer) -> str:
    """A price is kept for two seconds, and is never older, whatever happens."""

    async def scene(net: VirtualNetwork) -> list[Seen]:
        told = ((1.0, False), (3.0, False), (3.0, True))
        return [await _after(net, f"/price/{number}", wait_s, down) for number, (wait_s, down) in enumerate(told)]

    soon, later, down = visits(answer, scene)
    look = "kept for two seconds: a hundred readers of one price are one question to the origin"
    _expect(soon, ("HIT",), "/price, 1 s later", look)
    if later.cache in ("HIT", "STALE"):
        raise Wrong(later.cache, given="/price, 3 s later", expected="a new one", look="two seconds at most: max-age=2")
    if down.status == 200:
        look = "rather no price than an old one: no stale-if-error here; must-revalidate says it to every cache"
        raise Wrong("200, an old price", given="/price, 3 s later, the origin down", expected="an error", look=look)
    return "a hit at 1 s, new at 3 s, and an error when the origin is down"


def search_at_the_edge_only(answer: Answer) -> str:
    """Search results: half a minute at the edge, but a browser asks each time."""

    async def scene(net: VirtualNetwork) -> list[Seen]:
        return [await _after(net, f"/search?q={number}", wait_s) for number, wait_s in enumerate((25.0, 40.0))]

    soon, later = visits(answer, scene)
    _expect(soon, ("HIT",), "/search, 25 s later", "half a minute at the edge: s-maxage=30 (or CDN-Cache-Control)")
    if later.cache in ("HIT", "STALE"):
        raise Wrong(later.cache, given="/search, 40 s later", expected="a new one", look="half a minute, not longer")
    headers = lines_of(answer)["search"]
    kept_s = lifetime(200, headers, shared=False).seconds
    if reuse({}, headers, kept_s, 1.0, shared=False).verb != "validate":
        look = "max-age=0 is for the browser, s-maxage=30 for the edge: both in one header"
        raise Wrong(f"a browser keeps it for {kept_s:g} s", expected="a browser asks each time", look=look)
    return "a hit at 25 s, new at 40 s; browsers ask each time"


def account_is_private(answer: Answer) -> str:
    """Ben does not see Anna's basket; his own browser may keep his, and asks whether it is still good."""

    async def scene(net: VirtualNetwork) -> tuple[Seen, int]:
        await net.ask("Sydney", "/account", Cookie="user=Anna")
        ben = await net.ask("Sydney", "/account", Cookie="user=Ben")
        return ben, len(net.services["Sydney"].edge.store)

    ben, copies = visits(answer, scene)
    headers = lines_of(answer)["account"]
    if "Anna" in ben.text:
        look = "the edge kept one user's page for all: say private"
        raise Wrong(
            f"Ben sees: {ben.text.strip()}", given="/account for Anna, then for Ben", expected="Ben's", look=look
        )
    if copies:
        raise Wrong(
            f"{copies} copy at the edge", given="/account", expected="none: it is one user's own", look="private"
        )
    if why_not_store("GET", {}, 200, headers, shared=False):
        look = "no-store keeps it out of the user's own browser too; private is enough, with no-cache to be asked"
        raise Wrong("no copy in the browser", given="/account", expected="a copy in the user's own browser", look=look)
    kept_s = lifetime(200, headers, shared=False).seconds
    if reuse({}, headers, kept_s, 0.5, shared=False).verb != "validate":
        look = "a basket changes: no-cache, so that the browser asks each time whether its copy is still good"
        raise Wrong(f"the browser keeps it for {kept_s:g} s", given="/account", expected="asked each time", look=look)
    return "no copy at the edge, one in the user's own browser, asked about each time"


def checkout_nowhere(answer: Answer) -> str:
    """Everything else, the checkout among it, is on no disk at all."""
    headers = lines_of(answer)["other"]
    for shared, where in ((True, "an edge"), (False, "a browser")):
        if not why_not_store("GET", {}, 200, headers, shared=shared):
            look = "no-cache lets it be kept and asked about; no-store does not let it be kept"
            raise Wrong(f"{where} may keep it", given="/checkout", expected="nobody keeps it", look=look)
    return "kept by nobody"


HEADERS = (
    Check("the headers can be read", readable),
    Check("files with a version in their name are kept for a year", static_for_a_year, 20.0),
    Check("a product page is fresh for a minute, and then nobody waits", item_in_time, 20.0),
    Check("a product page outlives the origin by an hour", item_outlives_the_origin, 20.0),
    Check("a price is never older than two seconds", price_never_old, 20.0),
    Check("search results are kept at the edge, not in browsers", search_at_the_edge_only, 20.0),
    Check("one user's own stays one user's own", account_is_private, 20.0),
    Check("the checkout is kept by nobody", checkout_nowhere),
)
