"""Which copy answers which request: cache keys and Vary, conditional requests, ranges, and what a change invalidates.

"Show me /offers" from a German phone and from a French desktop may be one copy, two, or a thousand: the key decides.
Too coarse, and somebody reads another's page; too fine, and nothing is ever found again. And a copy that has grown old
need not travel again: "is it still version 7?" fits into one header.

Promised: RFC 9111, 4.1, 4.3 and 4.4, and RFC 9110, 8.8, 13 and 14 for one range; functions of headers, no I/O.
Not done: several ranges in one request (the whole answer is a legal reply), combining partial answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from urllib.parse import urljoin, urlsplit

from multidict import CIMultiDict

from minisys.caching.fields import field, http_date, members

Headers = Mapping[str, str]
SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
CONDITIONS = ("If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since")
NOT_UPDATED = frozenset(("content-length", "content-encoding", "content-range", "transfer-encoding", "set-cookie"))
SENT_WITH_304 = ("Cache-Control", "CDN-Cache-Control", "Content-Location", "Date", "ETag", "Expires", "Vary", "Age",
                 "Last-Modified", "Cache-Status", "X-Cache", "X-Served-By", "Via", "Server-Timing")  # fmt: skip


def cache_key(target: str, ignore: Sequence[str] = ()) -> str:
    """The key of a GET for *target* (path and query as sent): without the query parameters whose name fits *ignore*.

    ignore: names, or patterns such as "utm_*". The order of the rest stays: to some servers it matters.
    """
    path, mark, query = target.partition("?")
    if not mark or not ignore:
        return target
    kept = [pair for pair in query.split("&") if not any(fnmatchcase(pair.partition("=")[0], each) for each in ignore)]
    return f"{path}?{'&'.join(kept)}" if kept else path


def vary_key(vary: str | None, request: Headers, encodings: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """What of *request* the answer depends on, by its Vary field: the second half of the key (RFC 9111, 4.1).

    Two requests share a copy if these are equal. encodings: those the origin really makes, best first; then
    Accept-Encoding counts only as the first of them that the client takes, and a dozen spellings become one.
    """
    names = sorted({name.lower() for name in members(vary)})
    return tuple((name, _normal(name, field(request, name), encodings)) for name in names)


def _normal(name: str, value: str | None, encodings: Sequence[str]) -> str:
    if name == "accept-encoding" and encodings:
        taken = {member.partition(";")[0].strip().lower() for member in members(value) if not _refused(member)}
        return next((each for each in encodings if each in taken), "identity")
    return "\0none" if value is None else ",".join(members(value))


def _refused(member: str) -> bool:
    return member.replace(" ", "").lower().partition(";q=")[2].rstrip("0") in ("0.", "0", "") and ";" in member


def opaque_tag(tag: str) -> str:
    """An entity tag without its mark of weakness: the weak comparison of RFC 9110, 8.8.3.2."""
    return tag.removeprefix("W/")


def validators(stored: Headers) -> dict[str, str]:
    """The conditional headers that ask "is my copy still good?" (RFC 9111, 4.3.1); empty if it has no validator."""
    asked = {"If-None-Match": field(stored, "ETag"), "If-Modified-Since": field(stored, "Last-Modified")}
    return {name: value for name, value in asked.items() if value}


def confirms(stored: Headers, answer: Headers) -> bool:
    """Whether a 304 speaks of the stored copy: its entity tag, if it has one, is the copy's (RFC 9111, 4.3.4)."""
    told, ours = field(answer, "ETag"), field(stored, "ETag")
    return told is None or ours is None or opaque_tag(told) == opaque_tag(ours)


def merge_304(stored: Headers, answer: Headers) -> CIMultiDict[str]:
    """The stored headers brought up to date by those of a 304 (RFC 9111, 3.2): replaced, not mixed.

    Age goes unless the 304 brings one; what describes the stored bytes stays.
    """
    merged: CIMultiDict[str] = CIMultiDict(stored.items())
    merged.popall("Age", None)
    for name in {name.lower() for name in answer} - NOT_UPDATED:
        merged.popall(name, None)
    for name, value in answer.items():
        if name.lower() not in NOT_UPDATED:
            merged.add(name, value)
    return merged


def not_modified(request: Headers, response: Headers) -> bool:
    """Whether the client's own copy is still good, so that 304 is enough (RFC 9110, 13.1.2 and 13.1.3)."""
    tags = field(request, "If-None-Match")
    if tags is not None:
        mine = field(response, "ETag")
        return tags.strip() == "*" or (mine is not None and opaque_tag(mine) in map(opaque_tag, members(tags)))
    since, changed = http_date(field(request, "If-Modified-Since")), http_date(field(response, "Last-Modified"))
    return since is not None and changed is not None and changed <= since


def byte_range(request: Headers, response: Headers, size: int) -> tuple[int, int] | None:
    """The bytes asked for, first and last, of an answer of *size* bytes; None: send all of it (RFC 9110, 14.2).

    (size, -1) if they lie behind its end, which is status 416. If-Range with another version means all of it.
    """
    wanted, version = field(request, "Range"), field(request, "If-Range")
    if wanted is None or (version is not None and not _same_version(version, response)):
        return None
    unit, _, spec = wanted.partition("=")
    first, dash, last = spec.strip().partition("-")
    if unit.strip().lower() != "bytes" or not dash or not all(part.isdecimal() or not part for part in (first, last)):
        return None
    if not first:
        return None if not last else (max(0, size - int(last)), size - 1) if int(last) and size else (size, -1)
    if int(first) >= size:
        return size, -1
    end = min(int(last), size - 1) if last else size - 1
    return (int(first), end) if end >= int(first) else None


def _same_version(version: str, response: Headers) -> bool:
    """The strong comparison: a weak tag never fits (RFC 9110, 13.1.5)."""
    if version.startswith(('"', "W/")):
        return version == field(response, "ETag") and not version.startswith("W/")
    return version == field(response, "Last-Modified")


def invalidated(method: str, status: int, target: str, host: str, response: Headers) -> list[str]:
    """The targets whose copies a request has made doubtful (RFC 9111, 4.4): its own, and what it says it changed.

    Only an unsafe method that did not fail counts, and Location or Content-Location only on the same *host*.
    """
    if method in SAFE or not 200 <= status < 400:
        return []
    named = (field(response, name) for name in ("Location", "Content-Location"))
    return [target, *_same_host((each for each in named if each), target, host)]


def _same_host(locations: Iterable[str], target: str, host: str) -> list[str]:
    found = []
    for location in locations:
        place = urlsplit(urljoin(f"http://{host}{target}", location))
        if place.netloc == host:
            found.append(place.path + (f"?{place.query}" if place.query else ""))
    return found
