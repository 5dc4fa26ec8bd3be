"""Keys, purges and private pages: what goes wrong with an edge, and what it looks like, in virtual time.

Ben opens his basket and sees Anna's. Nobody was hacked: a header said public. Each function here sends a small, fixed
crowd through the very edge that runs as a process elsewhere, and shows what each of them got.

Promised: two runs give the same figures to the last digit. Not shown: what sockets and processors cost.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from minisys.caching import explore_offload, freshness
from minisys.caching.edge_fetch import Rules
from minisys.caching.edge_model import Plan
from minisys.caching.edge_shop import Shop
from minisys.caching.edge_signing import sign
from minisys.caching.edge_virtual import Seen, VirtualNetwork, play
from minisys.testbed.tables import Table, table

BROWSERS, LANGUAGES = 40, ("en", "de", "fr")
SPELLINGS = ("gzip, deflate, br", "gzip, deflate, br, zstd", "br, gzip", "gzip", "gzip;q=1.0, br;q=0.9")
PAGES, CHANGE_S, LASTS_S = 100, 1.0, 5.0  # of the purges: pages, when prices change, how long users come
KINDS = ("everything, hard", "everything, soft", "the tag, hard", "nothing at all")


def _shop(net: VirtualNetwork) -> Shop:
    assert isinstance(net.shop, Shop)
    return net.shop


def _asked(net: VirtualNetwork) -> int:
    """Requests that reached the origin so far."""
    return _shop(net).counts["asked"]


def readers(count: int = 500, coalescing: bool = True) -> str:
    """One line: *count* readers come for a page whose copy has just expired; how often does the origin make it?"""

    async def scene(net: VirtualNetwork) -> int:
        await net.ask("Frankfurt", "/item/1")
        await asyncio.sleep(200.0)
        await asyncio.gather(*(net.ask("Frankfurt", "/item/1") for _ in range(count)))
        return _asked(net) - 1

    headers = {"item": {"Cache-Control": "public, max-age=60"}}
    asked = play(Plan(("Frankfurt",)), scene, headers=headers, rules=Rules(coalescing=coalescing))
    return f"{count} readers, {asked} request{'s' * (asked != 1)} to the origin"


def vary_traps(requests: int = 300, seed: int = 1) -> Table:
    """The same requests under different Vary headers and keys: hits, copies of one page, and bytes kept."""
    traps: list[tuple[str, str, Rules, str]] = [
        ("nothing", "", Rules(), ""),
        ("Accept-Language", "Accept-Language", Rules(), ""),
        ("Accept-Encoding", "Accept-Encoding", Rules(), ""),
        ("Accept-Encoding, made normal", "Accept-Encoding", Rules(encodings=("br", "gzip")), ""),
        ("User-Agent", "User-Agent", Rules(), ""),
        ("Cookie", "Cookie", Rules(), ""),
        ("*", "*", Rules(), ""),
        ("a campaign's parameter in the URL", "", Rules(), "?utm_source={}"),
        ("the same, left out of the key", "", Rules(ignore_query=("utm_*",)), "?utm_source={}"),
    ]
    rows = [(name, *_hits(requests, vary, rules, query, seed)) for name, vary, rules, query in traps]
    frame = pd.DataFrame(rows, columns=["the answer varies with", "hits (%)", "copies of page 1", "kept (kB)"])
    return table(
        frame,
        caption=f"{requests} requests for 5 pages, from {BROWSERS} browsers, 300 visitors, 3 languages, 200 links",
    )


def _hits(requests: int, vary: str, rules: Rules, query: str, seed: int) -> tuple[int, int, int]:
    """Per cent of hits, copies of page 1 and kilobytes kept."""
    item = {"Cache-Control": "public, max-age=3600"} | ({"Vary": vary} if vary else {})

    async def scene(net: VirtualNetwork) -> tuple[int, int, int]:
        draw = random.Random(seed)
        for _ in range(requests):
            path = f"/item/{draw.randrange(1, 6)}{query.format(draw.randrange(200))}"
            await net.ask(
                "Frankfurt", path, User_Agent=f"Browser/{draw.randrange(BROWSERS)}", Cookie=f"id={draw.randrange(300)}",
                Accept_Language=draw.choice(LANGUAGES), Accept_Encoding=draw.choice(SPELLINGS),
            )  # fmt: skip
        store = net.services["Frankfurt"].edge.store
        hits = Counter(each.cache for each in net.seen)["HIT"]
        copies = sum(len(store.find(key)) for key in store.keys() if key.partition("?")[0] == "/item/1")
        return round(100 * hits / requests), copies, round(store.used / 1000)

    found: tuple[int, int, int] = play(Plan(("Frankfurt",), work_s=0.01), scene, headers={"item": item}, rules=rules)
    return found


def private_pages() -> Table:
    """Anna, then Ben ask for their own baskets, under four sets of headers: what does Ben see?"""
    sets = {
        "public, max-age=600": {"Cache-Control": "public, max-age=600"},
        "max-age=600, Vary: Cookie": {"Cache-Control": "max-age=600", "Vary": "Cookie"},
        "private, no-cache": {"Cache-Control": "private, no-cache"},
        "no-store": {"Cache-Control": "no-store"},
    }

    async def scene(net: VirtualNetwork) -> tuple[str, str, str]:
        await net.ask("Sydney", "/account", Cookie="user=Anna")
        ben = await net.ask("Sydney", "/account", Cookie="user=Ben")
        return ben.text.strip(), ben.cache, await _again(net, ben)

    rows = [(name, *play(Plan(("Sydney",)), scene, headers={"account": headers})) for name, headers in sets.items()]
    columns = ["the origin says", "Ben sees", "from", "and when he comes again"]
    return table(pd.DataFrame(rows, columns=columns), caption="The second visitor of /account")


async def _again(net: VirtualNetwork, ben: Seen) -> str:
    """What Ben's browser does a second later: it has kept the page, or not, by the rules for a cache of one user."""
    headers = ben.headers
    if freshness.why_not_store("GET", {}, ben.status, headers, shared=False):
        return str((await net.ask("Sydney", "/account", Cookie="user=Ben")).status)
    lifetime_s = freshness.lifetime(ben.status, headers, shared=False).seconds
    if freshness.reuse({}, headers, lifetime_s, 1.0, shared=False).verb == "serve":
        return "the same, unasked"
    return str((await net.ask("Sydney", "/account", Cookie="user=Ben", If_None_Match=headers["ETag"])).status)


def signed_content(key: str = "a secret of shop and edge") -> Table:
    """A film behind signed addresses: status, where it came from, and how often the origin was asked."""

    async def scene(net: VirtualNetwork) -> list[tuple[str, int, str, int]]:
        rows, path = [], "/private/7"
        mine, bens = sign(path, 3600, key), sign(path, 7200, key)
        asks = [("no signature", path), ("Anna's, good for an hour", mine), ("Ben's, good for two", bens)]
        asks.append(("Anna's, put on another film", mine.replace("/7", "/8")))
        for name, target in asks:
            seen = await net.ask("Sydney", target)
            rows.append((name, seen.status, seen.cache, _asked(net)))
        await asyncio.sleep(4000)
        seen = await net.ask("Sydney", mine)
        rows.append(("Anna's, an hour later", seen.status, seen.cache, _asked(net)))
        return rows

    rows = play(Plan(("Sydney",)), scene, rules=Rules(sign_key=key))
    frame = pd.DataFrame(rows, columns=["address", "status", "X-Cache", "requests at the origin so far"])
    return table(frame, caption="The edge checks the signature; the copy is shared")


def purges(shield: str | None = None, kinds: Sequence[str] = KINDS) -> Table:
    """Prices of ten pages change after 1 s of 5; 120 requests a second from three regions; four ways to purge.

    What the origin had to make in the second after it, what users waited then, and how long old prices were shown.
    """
    rows = [(kind, *_purge(kind, shield)) for kind in kinds]
    columns = ["purged", "origin asked in 1 s", "p99 then (ms)", "slowest (ms)", "old prices until (s)"]
    where = f"with a shield in {shield}" if shield else "without a shield"
    return table(pd.DataFrame(rows, columns=columns), caption=f"After a price change, three regions, {where}")


def _purge(kind: str, shield: str | None) -> tuple[int, int, int, str]:
    grace = "public, max-age=60, stale-while-revalidate=60, stale-if-error=600"
    plan = Plan(("Frankfurt", "New York", "Sydney"), shield=shield, workers=2, work_s=0.05)
    sent = explore_offload.offered(rate_per_s=120.0, for_s=LASTS_S, pages=PAGES, seed=2)

    async def scene(net: VirtualNetwork) -> tuple[list[Seen], list[tuple[float, str, int]], float]:
        await asyncio.gather(*(net.ask(r, f"/item/{n}") for r in plan.regions for n in range(PAGES)))
        began_s = net.now()
        users = asyncio.create_task(net.users(sent))
        await asyncio.sleep(CHANGE_S)
        for number in range(10):
            _shop(net).versions[str(number)] += 1
            if kind == "the tag, hard":
                net.purge("tag", f"item-{number}")
        if kind.startswith("everything"):
            net.purge("all", soft=kind.endswith("soft"))
        return await users, list(_shop(net).log), began_s

    seen, log, began_s = play(plan, scene, headers={"item": {"Cache-Control": grace}})
    at_s = began_s + CHANGE_S
    asked = sum(at_s <= when < at_s + 1 for when, *_ in log)
    wait_s = [each.finished_s - each.sent_s for each in seen if at_s <= each.sent_s < at_s + 1]
    old = [each.sent_s - at_s for each in seen if _changed(each.path) and "version 0" in each.text]
    until_s = max([each for each in old if each > 0], default=0.0)
    shown = "the end of the run" if until_s > LASTS_S - CHANGE_S - 0.2 else f"{until_s:.2f}"
    return asked, round(1000 * float(np.percentile(wait_s, 99))), round(1000 * max(wait_s)), shown


def _changed(path: str) -> bool:
    return int(path.rpartition("/")[2]) < 10
