"""Numbers as people answer them: a range, a power of ten, a thin space between thousands, somebody else's micro sign.

"100 to 200" is how estimates are said in an interview, and "1.2 × 10⁶" how they are written on a board. A grader that
takes neither teaches typing.

Promised: a range is right if the key lies in it (or within the tolerance of its ends) and its upper end is at most
WIDEST times its lower one; a wider one,
or one where a number can be exact (a tolerance below EXACT), is asked again. Nothing is evaluated but what units.read
takes, and nothing longer than LONGEST characters is looked at.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import NamedTuple

from minisys.testbed.units import UnclearError, read

LONGEST, WIDEST, EXACT = 100, 2.0, 0.015
SIGNS = str.maketrans({
    "μ": "µ", "−": "-", "‐": "-", "‑": "-", "–": "–", "—": "–", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "’": "'",
    "×": "*", "·": "*", "⋅": "*", "÷": "/", "／": "/", "％": "%",
})  # fmt: skip
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
BARE_POWER = re.compile(
    r"(?<![\d.*^eE])10\s*(?:\^|(?=[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]))([+-]?\d{1,3}|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]{1,4})(?![\d^⁰¹²³⁴⁵⁶⁷⁸⁹])"
)
POWER = re.compile(r"\*\s*10\s*(?:\^\s*|(?=[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]))([+-]?\d{1,3}|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]{1,4})")
GROUPS = re.compile(r"(?<![\d.,' ])\d{1,3}(?:[ '_]\d{3})+(?![\d'_])")
ABOUT = re.compile(r"^(?:about|around|roughly|circa|ca\.|approximately|approx\.?|~|≈)\s*", re.IGNORECASE)
SO = re.compile(r"\s+(?:or so|or thereabouts|approximately|approx\.?)$", re.IGNORECASE)
GIVE = re.compile(r"(\d[\d.]*)\s*(?:±|\+/-)\s*(\d[\d.]*)(.*)")
ODDS = re.compile(r"(\d+)\s+in\s+(\d+)")
TIMES = re.compile(r"(?:x\s*|\*\s*)?(\d[\d.]*(?:e\d+)?)\s*(?:x|\*|times|-?fold)?", re.IGNORECASE)
CLOCK = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
LONG_TIME = re.compile(
    r"(?:(\d+)\s*d(?:ays?)?)?\s*(?:(\d+)\s*h(?:ours?|rs?)?)?\s*(?:(\d+)\s*m(?:in(?:ute)?s?)?)?\s*(?:(\d+)\s*s(?:ec(?:ond)?s?)?)?"
)
PARTED = re.compile(
    r"\s*(?:–|(?<=\d)-(?=\.?\d)|(?<=[A-Za-z%])(?<!\d[eE])-(?=\.?\d)|…|\.\.+|(?<=\s)to(?=\s)|(?<=\s)-(?=\s)|(?<=\s)and(?=\s))\s*",
    re.IGNORECASE,
)


class Span(NamedTuple):
    """What was answered: from *low* to *high*, which are equal unless it is a range."""

    low: float
    high: float


def span(text: str, unit: str, *, exact: bool = False) -> Span:
    """The range or number that *text* means, in *unit*; *exact*: no range. Raises UnclearError as read does."""
    said = _in_words(plain(text), unit)
    parts = PARTED.split(re.sub(r"^between\s+", "", said, flags=re.IGNORECASE))
    if len(parts) != 2:
        value = read(said, unit)
        return Span(value, value)
    if exact:
        raise UnclearError(f"{text.strip()!r}: this can be computed exactly; give one number instead of a range")
    low, high = parts
    bare = not re.search(r"[A-Za-zµ%]", re.sub(r"(?<=\d)[eE][+-]?\d+", "", low))
    if bare and (found := re.search(r"[A-Za-zµ%°].*", re.sub(r"(?<=\d)[eE][+-]?\d+", "", high))):
        low = f"{low} {found[0]}"  # "100 to 200 ms": the unit is said once
    ends = Span(read(low, unit), read(high, unit))
    if not 0 < ends.low < ends.high:
        raise UnclearError(f"{text.strip()!r}: a range goes from a smaller number above 0 to a larger one")
    if _factor(ends, unit) > WIDEST * (1 + 1e-9):
        raise UnclearError(f"{text.strip()!r} is too wide: its upper end may be {WIDEST:g} times its lower end at most")
    return ends


def _in_words(said: str, unit: str) -> str:
    """*said* as one number or range with its unit: "5 ± 1 ms", "1 in 1000", "1 h 30 min", "5 times"."""
    if found := GIVE.fullmatch(said):
        middle, room = read(found[1], ""), read(found[2], "")
        return f"{middle - room:.12g} – {middle + room:.12g}{found[3]}"
    if found := ODDS.fullmatch(said):
        return f"{found[1]}/{found[2]}"
    if (found := LONG_TIME.fullmatch(said)) and sum(part is not None for part in found.groups()) > 1:
        return f"{sum(int(n) * s for n, s in zip(found.groups(), CLOCK.values(), strict=True) if n)} s"
    if unit in ("", "dimensionless") and (found := TIMES.fullmatch(said)):
        return found[1]
    return said


def _factor(ends: Span, unit: str) -> float:
    """How wide a range is; of percents above 50 what is missing to 100 counts, as 99 % and 99.9 % are ten apart."""
    if unit == "percent" and ends.low >= 50:
        return (100 - ends.low) / (100 - ends.high) if ends.high < 100 else math.inf
    return ends.high / ends.low


def plain(text: str) -> str:
    """*text* with one sign for each meaning. Raises UnclearError if it is longer than LONGEST characters."""
    if len(text) > LONGEST:
        raise UnclearError(f"an answer of {len(text):,} characters is no number; write at most {LONGEST}")
    seen = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")  # marks of direction, joiners
    said = SO.sub("", ABOUT.sub("", seen.strip().translate(SIGNS).strip()))
    said = GROUPS.sub(lambda found: re.sub(r"\D", "", found[0]), said)
    said = BARE_POWER.sub(lambda found: f"1e{found[1].translate(RAISED)}", said)
    return POWER.sub(lambda found: f"e{found[1].translate(RAISED)}", said).replace(" e", "e")
