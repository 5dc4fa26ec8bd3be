"""Lab 05, task 6: an origin that survives its CDN's purge, judged live on the virtual clock.

Ten of a hundred prices change at once. The learner writes what the origin answers and what is purged; the network is
three edges and a shield before an origin that renders 40 pages a second, with 120 requests a second from users. Counted
are the pages rendered, the longest wait, and how long anybody saw an old price.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from minisys.caching import explore_offload
from minisys.caching.edge_model import Plan
from minisys.caching.edge_virtual import Seen, VirtualNetwork, play
from minisys.grading.checks import Check, Wrong
from minisys.testbed.backend import Backend

Respond = Callable[[int, Mapping[str, str], "Database"], tuple[int, dict[str, str], str]]
Purge = Callable[["Cdn"], Any]
PAGES, GARDEN = 100, range(10)  # pages, and those whose prices change
CHANGE_S, LASTS_S = 1.0, 4.0
RENDERED_MOST, WAIT_MOST_S, OLD_MOST_S = 25, 1.0, 1.0
PLAN = Plan(("Frankfurt", "New York", "Sydney"), shield="Frankfurt", workers=2, work_s=0.05, check_s=0.002)


class Database:
    """What the origin can ask: a page's version and category cost nothing to speak of, rendering it takes 50 ms."""

    def __init__(self, versions: dict[int, int] | None = None) -> None:
        self.versions, self.rendered = versions if versions is not None else {}, 0

    def version(self, item: int) -> int:
        """The version of page number *item*: it grows with each change."""
        return self.versions.get(item, 0)

    def category(self, item: int) -> str:
        """What page number *item* belongs to: "garden" or "kitchen"."""
        return "garden" if item in GARDEN else "kitchen"

    def render(self, item: int) -> str:
        """The page, with its price. Takes 50 ms of a worker."""
        self.rendered += 1
        return f"item {item}, version {self.version(item)}\n"


class Cdn:
    """What the learner may do to the CDN."""

    def __init__(self, net: VirtualNetwork | None = None) -> None:
        self.net, self.calls = net, list[tuple[str, str, bool]]()

    def purge(self, kind: str, what: str = "", soft: bool = False) -> int:
        """Purge the copies of a "url", with a "tag", or "all", the shield first; *soft* only calls them stale."""
        if kind not in ("url", "tag", "all") or (kind != "all" and not what):
            look = 'cdn.purge("tag", "…"), cdn.purge("url", "/item/3") or cdn.purge("all"), with soft=True or without'
            raise Wrong(f"cdn.purge({kind!r}, {what!r})", expected='"url", "tag" or "all"', look=look)
        self.calls.append((kind, what, soft))
        return self.net.purge(kind, what, soft) if self.net else 0


class Origin(Backend):
    """The learner's respond() as a server: two workers, 50 ms for each page it renders."""

    def __init__(self, respond: Respond) -> None:
        super().__init__("origin", PLAN.workers)
        self.respond, self.versions, self.rendered_s = respond, dict[int, int](), list[float]()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, on a worker as soon as one is free."""
        async with self.worker:
            database = Database(self.versions)
            status, headers, body = answered(self.respond, _item(request.path), request.headers, database)
            now_s = asyncio.get_running_loop().time()
            self.rendered_s += [now_s] * database.rendered
            await asyncio.sleep(database.rendered * PLAN.work_s or PLAN.check_s)
        return web.Response(status=status, headers=headers, text=None if status == 304 else body)


def _item(path: str) -> int:
    return int(path.rpartition("/")[2])


def answered(
    respond: Respond, item: int, headers: Mapping[str, str], database: Database
) -> tuple[int, dict[str, str], str]:
    """What respond() answers; raises Wrong unless it is a status, a dict of headers and a text."""
    answer = respond(item, headers, database)
    good = isinstance(answer, tuple) and len(answer) == 3 and isinstance(answer[1], dict) and isinstance(answer[2], str)
    if not good or not all(isinstance(text, str) for pair in answer[1].items() for text in pair):
        expected = "a status, a dict of headers (texts), a body: (200, {…}, page)"
        raise Wrong(repr(answer), given=f"item {item}, headers {dict(headers)}", expected=expected)
    return answer


# Checks on paper -----------------------------------------------------------------------------------------------------


def tells_a_version(respond: Respond, purge: Any = None) -> str:
    """A reader who has nothing gets the page, with an entity tag that changes when the page does."""
    database = Database({3: 1})
    status, headers, body = answered(respond, 3, {}, database)
    tag = headers.get("ETag", "")
    if status != 200 or "version 1" not in body:
        raise Wrong(f"status {status}, body {body!r}", given="item 3, no headers", expected="200 and the rendered page")
    if not (tag.removeprefix("W/").startswith('"') and tag.endswith('"') and len(tag) > 2):
        look = "an entity tag stands in double quotes: '\"7\"'"
        raise Wrong(f"ETag: {tag or 'none'}", given="item 3", expected="an ETag in quotes", look=look)
    other = answered(respond, 3, {}, Database({3: 2}))[1].get("ETag")
    if other == tag:
        look = "make the tag of database.version(item): a tag that stays says that the old page is still good"
        raise Wrong(
            f"ETag {tag} for both", given="item 3 in version 1 and in version 2", expected="two tags", look=look
        )
    return f"ETag {tag}"


def confirms_without_work(respond: Respond, purge: Any = None) -> str:
    """Who asks with the right tag gets 304, and nothing is rendered for it; with an old one the new page."""
    tag = answered(respond, 3, {}, Database())[1]["ETag"]
    database = Database()
    status, headers, body = answered(respond, 3, {"If-None-Match": tag}, database)
    given = f"item 3, If-None-Match: {tag}"
    if status != 304:
        look = "compare request.get('If-None-Match') with the tag of now; equal means 304 and an empty body"
        raise Wrong(f"status {status}", given=given, expected="304", look=look)
    if database.rendered:
        look = "look at the version first, and render only if the page has to be sent"
        raise Wrong("the page was rendered for a 304", given=given, expected="no rendering", look=look)
    if body or headers.get("ETag") != tag:
        raise Wrong(f"body {body!r}, ETag {headers.get('ETag')}", given=given, expected="no body, and the same ETag")
    status = answered(respond, 3, {"If-None-Match": tag}, Database({3: 1}))[0]
    if status != 200:
        raise Wrong(f"status {status}", given="item 3, If-None-Match with the tag of before the change", expected="200")
    return "304 without rendering, 200 after a change"


def tagged(respond: Respond, purge: Purge) -> str:
    """What is purged by tag carries that tag."""
    cdn = Cdn()
    purge(cdn)
    for kind, what, _ in cdn.calls:
        headers = answered(respond, GARDEN[0], {}, Database())[1]
        if kind == "tag" and what not in headers.get("Cache-Tag", "").replace(",", " ").split():
            look = f'"Cache-Tag": database.category(item) puts the word {what!r} on the pages that it belongs to'
            came_out = f"Cache-Tag: {headers.get('Cache-Tag', 'none')}"
            raise Wrong(came_out, given=f"item {GARDEN[0]}; you purge the tag {what!r}", expected="that tag", look=look)
    said = ", ".join(f"{kind} {what}{' (soft)' * soft}".replace("  ", " ") for kind, what, soft in cdn.calls)
    return f"purged: {said or 'nothing'}"


# Live ----------------------------------------------------------------------------------------------------------------


class Evening(NamedTuple):
    """What happened: pages rendered in the second after the change, longest wait then, old prices until; copies hit."""

    rendered: int
    wait_s: float
    old_until_s: float
    failed: int
    hits: int


def evening(respond: Respond, purge: Purge) -> Evening:
    """The prices of the garden change under traffic, and the learner purges."""
    sent = explore_offload.offered(rate_per_s=120.0, for_s=LASTS_S, pages=PAGES, seed=7)

    async def scene(net: VirtualNetwork) -> tuple[list[Seen], float, list[float]]:
        assert isinstance(net.shop, Origin)
        await asyncio.gather(*(net.ask(r, f"/item/{n}") for r in PLAN.regions for n in range(PAGES)))
        users, began_s = asyncio.create_task(net.users(sent)), net.now()
        await asyncio.sleep(CHANGE_S)
        net.shop.versions.update(dict.fromkeys(GARDEN, 1))
        purge(Cdn(net))
        return await users, began_s + CHANGE_S, net.shop.rendered_s

    seen, at_s, rendered_s = play(PLAN, scene, shop=lambda: Origin(respond))
    old = [each.sent_s - at_s for each in seen if _item(each.path) in GARDEN and "version 0" in each.text]
    waits_s = [each.finished_s - each.sent_s for each in seen if each.sent_s >= at_s]
    return Evening(
        sum(at_s <= when < at_s + 1 for when in rendered_s), max(waits_s), max([s for s in old if s > 0], default=0.0),
        sum(each.status != 200 for each in seen), sum(each.cache == "HIT" for each in seen),
    )  # fmt: skip


def survives(respond: Respond, purge: Purge) -> str:
    """Few pages rendered, nobody waits long, nobody sees an old price for long."""
    found = evening(respond, purge)
    given = f"{PAGES} pages, {len(GARDEN)} prices change, 120 requests a second, the origin renders 40 pages a second"
    if found.failed:
        raise Wrong(f"{found.failed} users got an error", given=given, expected="0")
    if not found.hits:
        look = "nothing is kept by the edges: which Cache-Control does respond() send?"
        raise Wrong("not one hit", given=given, expected="copies at the edges", look=look)
    if found.old_until_s > OLD_MOST_S:
        look = "was everything purged that changed? A soft purge with stale-while-revalidate shows one old page to the "
        look += "first reader, whenever he comes"
        came_out = f"an old price {found.old_until_s:.1f} s after the change"
        raise Wrong(came_out, given=given, expected=f"none after {OLD_MOST_S:g} s", look=look)
    if found.rendered > RENDERED_MOST or found.wait_s > WAIT_MOST_S:
        look = "ten pages have changed; why render ninety others again? Purge by tag, or let 304 confirm them"
        came_out = f"{found.rendered} pages rendered in a second, the longest wait {found.wait_s:.1f} s"
        expected = f"at most {RENDERED_MOST} pages and {WAIT_MOST_S:g} s"
        raise Wrong(came_out, given=given, expected=expected, look=look)
    said = f"{found.rendered} pages rendered, longest wait {1000 * found.wait_s:.0f} ms"
    return f"{said}, old prices {'none' if not found.old_until_s else f'until {found.old_until_s:.2f} s'}"


PURGE = (
    Check("a page has a version that can be asked about", tells_a_version),
    Check("a copy that is still good is confirmed without work", confirms_without_work),
    Check("pages carry the tag that is purged", tagged, after_others=True),
    Check("live, the origin survives the purge", survives, 60.0, after_others=True),
)
