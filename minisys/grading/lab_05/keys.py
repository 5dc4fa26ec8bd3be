"""Lab 05, task 4: a cache key that is as coarse as it may be and as fine as it must be.

Two mistakes are possible, and they are told apart: a key that is the same for two different pages shows somebody the
wrong one; a key that differs for the same page is a copy more and a hit less. The truth is `page`, what the shop would
answer; the learner's key is held against it for hundreds of drawn requests.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache

from minisys.caching.validation import cache_key, vary_key
from minisys.grading.checks import Check, Wrong

Key = Callable[[str, Mapping[str, str]], Hashable]
Request = tuple[str, dict[str, str]]
LANGUAGES, ENCODINGS = ("de", "fr"), ("br", "gzip")  # besides English and plain
CAMPAIGN = ("utm_*", "fbclid")
REQUESTS = 600


def page(target: str, headers: Mapping[str, str]) -> tuple[str, str, str]:
    """What the shop answers: the page without the campaign's parameters, in a language, in an encoding."""
    language = headers.get("Accept-Language", "")[:2].lower()
    encoding = vary_key("Accept-Encoding", headers, ENCODINGS)[0][1]
    return cache_key(target, CAMPAIGN), language if language in LANGUAGES else "en", encoding


@lru_cache(maxsize=1)
def drawn() -> tuple[Request, ...]:
    """Hundreds of requests, the same in every process."""
    draw = random.Random("lab 05")
    return tuple(_request(draw) for _ in range(REQUESTS))


def _request(draw: random.Random) -> Request:
    query = [f"size={draw.choice('sml')}"] if draw.random() < 0.4 else []
    query += [f"utm_source={draw.choice(['mail', 'ad', 'app'])}"] if draw.random() < 0.4 else []
    query += [f"utm_campaign={draw.randrange(9)}"] if draw.random() < 0.2 else []
    query += [f"fbclid={draw.randrange(10**6)}"] if draw.random() < 0.2 else []
    target = f"/{draw.choice(['item', 'image'])}/{draw.randrange(1, 5)}" + ("?" + "&".join(query) if query else "")
    headers = {
        "User-Agent": f"Browser/{draw.randrange(60)}",
        "Cookie": f"visitor={draw.randrange(10**6)}",
        "Accept-Language": draw.choice(["de-DE,de;q=0.9", "de", "fr-FR", "en-GB", "en", "it-IT", "ja"]),
        "Accept-Encoding": draw.choice(["gzip, deflate, br", "br, gzip", "gzip", "gzip;q=0.5, br", "gzip, br;q=0"]),
    }
    for name in ("Accept-Language", "Accept-Encoding"):
        if draw.random() < 0.1:
            del headers[name]
    return target, headers


def _told(request: Request) -> str:
    names = ("Accept-Language", "Accept-Encoding")
    return f"{request[0]} ({', '.join(f'{name}: {request[1][name]}' for name in names if name in request[1])})"


def a_key(key: Key) -> str:
    """Something hashable, the same when asked twice, also without any header."""
    for request in (("/item/1", {}), drawn()[0]):
        came_out = key(request[0], dict(request[1]))
        if came_out is None:
            raise Wrong("None", given=_told(request), expected="a text or a tuple", look="is there a `return`?")
        try:
            hash(came_out)
        except TypeError:
            raise Wrong(
                repr(came_out), given=_told(request), expected="something hashable: a text or a tuple"
            ) from None
        if key(request[0], dict(request[1])) != came_out:
            raise Wrong("two different keys", given=f"{_told(request)}, twice", expected="the same key twice")
    return f"like {key(*drawn()[0])!r}"


LOOKS = ("the page itself: path and query", "Accept-Language: its first two letters say the language",
         "Accept-Encoding: br if it is taken, else gzip, else plain; q=0 means not taken")  # fmt: skip


def nobody_sees_a_wrong_page(key: Key) -> str:
    """Requests with the same key get the same page: all pairs among hundreds."""
    first: dict[Hashable, Request] = {}
    for request in drawn():
        other = first.setdefault(key(request[0], dict(request[1])), request)
        mine, theirs = page(*request), page(*other)
        if mine != theirs:
            look = next(look for look, a, b in zip(LOOKS, mine, theirs, strict=True) if a != b)
            given = f"{_told(other)}, then {_told(request)}"
            raise Wrong(
                "the same key for both", given=given, expected=f"different keys: {look}", look=_shown(theirs, mine)
            )
    return f"{len(first)} keys for {REQUESTS} requests, none shared by two pages"


def _shown(theirs: tuple[str, str, str], mine: tuple[str, str, str]) -> str:
    return f"the second user would see {' '.join(theirs)} instead of {' '.join(mine)}"


def no_copy_too_many(key: Key) -> str:
    """The same page has one key, whoever asks: as many keys as pages."""
    first: dict[tuple[str, str, str], tuple[Hashable, Request]] = {}
    for request in drawn():
        mine = key(request[0], dict(request[1]))
        theirs, other = first.setdefault(page(*request), (mine, request))
        if mine != theirs:
            look = _too_fine(key, request, other)
            given = f"{_told(other)}, then {_told(request)}"
            raise Wrong(f"{theirs!r}, then {mine!r}", given=given, expected="one key: it is the same page", look=look)
    return f"{len(first)} pages, {len(first)} keys; with the headers as they come it would be {_as_they_come()}"


def _too_fine(key: Key, request: Request, other: Request) -> str:
    """Which part of two requests for one page makes their keys differ: exchanged alone, it changes the key."""
    looks = {
        "Accept-Language": "languages that the shop does not speak are English, and de-DE is de",
        "Accept-Encoding": "spellings of Accept-Encoding that mean the same need one key",
        "User-Agent": "User-Agent and Cookie change nothing on these pages",
        "Cookie": "User-Agent and Cookie change nothing on these pages",
    }
    before = key(request[0], dict(request[1]))
    for name, look in looks.items():
        exchanged = {header: text for header, text in request[1].items() if header != name}
        exchanged |= {name: other[1][name]} if name in other[1] else {}
        if key(request[0], exchanged) != before:
            return look
    return "the campaign's parameters, utm_… and fbclid, change nothing on the page: leave them out"


def _as_they_come() -> int:
    return len({(target, *sorted(headers.items())) for target, headers in drawn()})


def hits(key: Key) -> str:
    """Every request that is not the first for its page is a hit."""
    seen: set[Hashable] = set()
    found = 0
    for target, headers in drawn():
        mine = key(target, dict(headers))
        found += mine in seen
        seen.add(mine)
    possible = REQUESTS - len({page(*request) for request in drawn()})
    if found != possible:
        raise Wrong(
            f"{found} hits", given=f"{REQUESTS} requests, nothing evicted", expected=f"{possible}, one miss a page"
        )
    return f"{100 * found / REQUESTS:.0f} % hits"


KEYS = (
    Check("a key, the same each time", a_key),
    Check("nobody sees a wrong page", nobody_sees_a_wrong_page),
    Check("no page is kept twice", no_copy_too_many),
    Check("as many hits as there can be", hits),
)
