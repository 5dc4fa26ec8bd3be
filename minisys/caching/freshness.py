"""May it be kept, how old is it, may it be used: RFC 9111's decisions, one function each.

A shop's page of offers sits in forty cities. At ten the offers change. Who still sees yesterday's, for how long, and
who decided that? The origin did, in one header, and every cache on the way reads it by the same rules.

Promised: functions of headers and numbers, no clock, no I/O; each decision names its reason in a word. *shared*: a
cache for many users (an edge) rather than a browser's own; a shared cache also obeys CDN-Cache-Control (RFC 9213), and
then nothing else. Stricter than RFC 9111 in one thing: it keeps an answer with Set-Cookie only if that says public.
Not done here: comparing and validating copies (validation.py), keeping them (edge_store.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from minisys.caching.fields import directives, field, http_date, members, seconds

Headers = Mapping[str, str]
HEURISTIC = frozenset((200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501))  # RFC 9110, 15.1, less 206
UNDERSTOOD = HEURISTIC | {302, 303, 307, 400, 403, 500, 502, 503, 504}
ERRORS = frozenset((500, 502, 503, 504))  # RFC 5861, 4
HEURISTIC_SHARE, HEURISTIC_MOST_S = 0.1, 86_400.0  # a tenth of its age when it came (RFC 9111, 4.2.2), a day at most
STRICT = ("must-revalidate", "no-cache")
STRICT_IF_SHARED = ("proxy-revalidate", "s-maxage")  # s-maxage says proxy-revalidate too: RFC 9111, 5.2.2.10


class Lifetime(NamedTuple):
    """How long an answer is fresh, in *seconds* from its birth, and which header said so."""

    seconds: float
    source: str


class Reuse(NamedTuple):
    """What to do with a stored answer: *verb* "serve", "serve stale" (and ask in the background) or "validate".

    why: the reason in a word or two. ttl_s: seconds of freshness left, negative if stale.
    """

    verb: str
    why: str
    ttl_s: float


def response_directives(headers: Headers, shared: bool = True) -> dict[str, str | None]:
    """The directives that bind this cache: those addressed to CDNs if there are any, else Cache-Control's."""
    return (shared and directives(headers, "CDN-Cache-Control")) or directives(headers)


def why_not_store(method: str, request: Headers, status: int, response: Headers, shared: bool = True) -> str:
    """Why the answer must not be kept, or "" if it may be (RFC 9111, 3).

    method and request: of the request; status and response: of the answer to it.
    """
    said = response_directives(response, shared)
    if method != "GET":
        return f"{method} is not kept"
    if status < 200 or status in (206, 304):
        return f"status {status} is not a whole answer"
    if "no-store" in directives(request):
        return "no-store in the request"
    if "must-understand" in said and status not in UNDERSTOOD:
        return f"must-understand, and {status} is not understood"
    if "no-store" in said and "must-understand" not in said:
        return "no-store"
    if "*" in members(field(response, "Vary")):
        return "Vary: *"
    if shared and (reason := _why_not_share(request, response, said)):
        return reason
    explicit = {"max-age", "public"} | ({"s-maxage"} if shared else {"private"})
    if status not in HEURISTIC and not explicit & set(said) and field(response, "Expires") is None:
        return f"status {status} without an explicit lifetime"
    return ""


def _why_not_share(request: Headers, response: Headers, said: dict[str, str | None]) -> str:
    """What keeps an answer out of a cache that many users share."""
    if "private" in said:
        return "private"
    if field(request, "Authorization") is not None and not {"public", "must-revalidate", "s-maxage"} & set(said):
        return "Authorization without public"
    if field(response, "Set-Cookie") is not None and "public" not in said:
        return "Set-Cookie without public"
    return ""


def lifetime(status: int, response: Headers, shared: bool = True) -> Lifetime:
    """How long the answer is fresh (RFC 9111, 4.2.1): s-maxage, max-age, Expires, or a guess from Last-Modified.

    A value that cannot be read counts as 0: better stale than wrong.
    """
    said = response_directives(response, shared)
    for name in ("s-maxage", "max-age") if shared else ("max-age",):
        if name in said:
            return Lifetime(seconds(said[name]) or 0, name)
    born, expires = http_date(field(response, "Date")), field(response, "Expires")
    targeted = shared and directives(response, "CDN-Cache-Control")
    if expires is not None and not targeted:
        until = http_date(expires)
        return Lifetime(max(0.0, until - born) if until is not None and born is not None else 0.0, "Expires")
    changed = http_date(field(response, "Last-Modified"))
    if changed is not None and born is not None and (status in HEURISTIC or "public" in said):
        return Lifetime(min(max(0.0, HEURISTIC_SHARE * (born - changed)), HEURISTIC_MOST_S), "heuristic")
    return Lifetime(0.0, "nothing")


def current_age_s(response: Headers, requested_s: float, received_s: float, now_s: float) -> float:
    """Seconds since the origin made or confirmed the answer (RFC 9111, 4.2.3).

    requested_s, received_s: when we asked and when it came; now_s; all on one clock, seconds since 1970. Counts what
    earlier caches report in Age, the way here, and the stay here.
    """
    born = http_date(field(response, "Date"))
    apparent_s = max(0.0, math.floor(received_s) - born) if born is not None else 0.0  # Date has whole seconds only
    reported = next(iter(members(field(response, "Age"))), None)
    corrected_s = (seconds(reported) or 0) + max(0.0, received_s - requested_s)
    return max(apparent_s, corrected_s) + max(0.0, now_s - received_s)


def reuse(
    request: Headers, response: Headers, lifetime_s: float, age_s: float, shared: bool = True, obey_client: bool = True
) -> Reuse:
    """Whether a stored answer may be used for *request* without asking the origin (RFC 9111, 4; RFC 5861, 3).

    lifetime_s and age_s as computed above. obey_client: do what the request's Cache-Control asks; a busy edge does not,
    or any visitor could send all the traffic to the origin.
    """
    wish, said = _wishes(request) if obey_client else {}, response_directives(response, shared)
    ttl_s = lifetime_s - age_s
    if "no-cache" in said:
        return Reuse("validate", "no-cache", ttl_s)
    if "no-cache" in wish:
        return Reuse("validate", "request", ttl_s)
    at_most, at_least = seconds(wish.get("max-age")), seconds(wish.get("min-fresh"))
    if (at_most is not None and age_s > at_most) or (at_least is not None and ttl_s < at_least):
        return Reuse("validate", "request", ttl_s)
    if ttl_s > 0:
        return Reuse("serve", "fresh", ttl_s)
    if not strict(response, shared):
        if -ttl_s < (seconds(said.get("stale-while-revalidate")) or 0):
            return Reuse("serve stale", "stale-while-revalidate", ttl_s)
        patience = wish.get("max-stale")
        if "max-stale" in wish and (patience is None or -ttl_s <= (seconds(patience) or 0)):
            return Reuse("serve", "max-stale", ttl_s)
    return Reuse("validate", "stale", ttl_s)


def strict(response: Headers, shared: bool = True) -> bool:
    """Whether the answer must never be used stale (RFC 9111, 4.2.4)."""
    said = response_directives(response, shared)
    return any(name in said for name in STRICT + (STRICT_IF_SHARED if shared else ()))


def may_serve_on_error(request: Headers, response: Headers, ttl_s: float, shared: bool = True) -> bool:
    """Whether a copy *ttl_s* seconds from its end (negative: past it) may stand in for an error (RFC 5861, 4)."""
    if ttl_s > 0:
        return "no-cache" not in response_directives(response, shared)
    offered = seconds(response_directives(response, shared).get("stale-if-error"))
    wished = seconds(directives(request).get("stale-if-error"))
    return not strict(response, shared) and -ttl_s < max(offered or 0, wished or 0)


def worth_storing(status: int, response: Headers, shared: bool = True) -> bool:
    """Whether a copy can ever be of use: fresh for a while, or good to validate, or good in an emergency."""
    said = response_directives(response, shared)
    kept = any(seconds(said.get(name)) for name in ("stale-while-revalidate", "stale-if-error"))
    validator = field(response, "ETag") or field(response, "Last-Modified")
    return bool(lifetime(status, response, shared).seconds > 0 or validator or kept)


def only_if_cached(request: Headers) -> bool:
    """Whether the client wants an answer from a cache or none at all (RFC 9111, 5.2.1.7)."""
    return "only-if-cached" in directives(request)


def _wishes(request: Headers) -> dict[str, str | None]:
    """The request's directives; Pragma only where there is no Cache-Control (RFC 9111, 5.4)."""
    said = directives(request)
    if field(request, "Cache-Control") is None and "no-cache" in directives(request, "Pragma"):
        return {"no-cache": None}
    return said
