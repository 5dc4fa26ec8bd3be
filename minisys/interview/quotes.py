"""What counts as evidence: words that really stand in what somebody said, not words that sound as if they did.

"I covered failover" is a memory. "The old primary is fenced first" is evidence, if it is there to be read. Promised:
case, spaces and punctuation aside, and whole words only, so that no scrap of letters proves anything. Not done: whether
the words make the point.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def plain(text: str) -> str:
    """The words of *text* in small letters, one space between them."""
    return " ".join(re.sub(r"[\W_]+", " ", text.casefold()).split())


def is_quote(quote: str, said: Iterable[str], least: int) -> bool:
    """Whether *quote* has at least *least* characters of words and stands as it is in one of the texts *said*."""
    words = plain(quote)
    return len(words) >= least and any(f" {words} " in f" {plain(one)} " for one in said)
