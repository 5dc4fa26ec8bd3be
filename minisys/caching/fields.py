"""Header fields as a cache reads them: directives, dates, seconds, and what to do with nonsense in them.

`Cache-Control: Max-Age="60", ext="no-store, private"` says one thing, sixty seconds, and a cache that searches the line
for the word "private" gets it wrong. Every header comes from outside, so each function here has an answer for rubbish.

Promised: names are case-insensitive, repeated fields are one list (RFC 9110, 5.3), a quoted comma separates nothing;
seconds above 2^31 count as 2^31 (RFC 9111, 1.2.2). Not done here: what follows from it (freshness.py, validation.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime

MEMBER = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+')
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
MOST_S = 2**31


def field(headers: Mapping[str, str], name: str) -> str | None:
    """The value of field *name*, all its lines joined by commas, or None. *headers*: a dict or a CIMultiDict."""
    wanted = name.lower()
    lines = [value for key, value in headers.items() if key.lower() == wanted]
    return ", ".join(lines) if lines else None


def members(text: str | None) -> list[str]:
    """The members of a comma-separated list, without white space around them or empty ones."""
    return [member for part in MEMBER.findall(text or "") if (member := part.strip())]


def directives(headers: Mapping[str, str], name: str = "Cache-Control") -> dict[str, str | None]:
    """The directives in field *name*: lower-case name to value (None without one), the first of doubles.

    What is not a directive is left out (RFC 9111, 5.2.3).
    """
    found: dict[str, str | None] = {}
    for member in members(field(headers, name)):
        key, equals, value = member.partition("=")
        if TOKEN.fullmatch(key):
            found.setdefault(key.lower(), _unquoted(value) if equals else None)
    return found


def seconds(value: str | None) -> int | None:
    """A number of seconds as HTTP writes it, or None if *value* is none: "60", not "60.0", "-1" or "'60'"."""
    return min(int(value[:11]), MOST_S) if value is not None and value.isascii() and value.isdigit() else None


def http_date(value: str | None) -> float | None:
    """An HTTP date in any of its three forms (RFC 9110, 5.6.7) as seconds since 1970, or None."""
    if not value or not value.isascii():
        return None
    try:
        if value.endswith("GMT"):
            return parsedate_to_datetime(value).timestamp()
        return datetime.strptime(value, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def date(time_s: float) -> str:
    """*time_s*, seconds since 1970, as an HTTP date."""
    return formatdate(time_s, usegmt=True)


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value
