"""Signed addresses: who paid may fetch, for an hour, and still everybody gets the same copy.

A film is sold. If the origin checks each request, all of them travel to the origin, and the edges are for nothing. So
the shop signs the address, with a time at which it ends; the edge knows the key, checks the signature itself, and takes
it out of the cache key. CloudFront's signed URLs, Azure's SAS tokens and Google's signed URLs all do this.

    /private/7?until=1799999999&signature=…      HMAC-SHA256 over path and time

Promised: no signature, a wrong or an old one is 403 before any copy is looked at. Not done: several keys at a time
(rotation), signed cookies.
"""

from __future__ import annotations

import hashlib
import hmac
import re

SIGNED = re.compile(r"(?P<target>.*)[?&]until=(?P<until>\d{1,12})&signature=(?P<signature>[0-9a-f]{64})")


def sign(target: str, until_s: float, key: str) -> str:
    """*target* (path and query) with a signature that *key* makes, good until *until_s*, seconds since 1970.

    Raises ValueError without a key, or for a target that does not start with a slash.
    """
    if not key or not target.startswith("/"):
        raise ValueError(f"need a key and a target that starts with /, got {target!r}")
    until = f"{int(until_s)}"
    return f"{target}{'&' if '?' in target else '?'}until={until}&signature={_hmac(target, until, key)}"


def unsigned(target: str, now_s: float, key: str) -> tuple[str, str]:
    """*target* without its signature, and why it must not be served ("" if it may): missing, wrong, or over."""
    found = SIGNED.fullmatch(target)
    if found is None:
        return target, "it is not signed"
    if not hmac.compare_digest(found["signature"], _hmac(found["target"], found["until"], key)):
        return target, "the signature is wrong"
    if int(found["until"]) < now_s:
        return target, "the signature has run out"
    return found["target"], ""


def _hmac(target: str, until: str, key: str) -> str:
    return hmac.new(key.encode(), f"{target}\n{until}".encode(), hashlib.sha256).hexdigest()
