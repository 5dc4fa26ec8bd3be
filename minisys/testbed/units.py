"""Numbers as people write them: "200 ms", "1/8", "12.5 %", "7,000 requests/s", "5k/s", "10 million", "$5,000/month".

Promised: the same quantity in any unit of its kind is the same answer; a number without a unit is taken in the unit
that was asked for; what cannot be read is refused with a reason and costs nothing. Not done: words ("two hundred").
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

THINGS = (
    "request", "user", "backend", "server", "connection", "key", "choice", "retry", "attempt", "core", "write", "shard",
    "probe", "dollar", "link", "object", "character", "message", "worker", "partition", "pod", "slot", "row",
    "machine", "instance", "node", "replica", "box", "query", "call", "operation", "event", "item", "record",
)  # fmt: skip
READABLE = re.compile(r"[0-9A-Za-zµ°%.+\-*/() ]{1,60}")
THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
LARGE = {
    "thousand": "e3", "million": "e6", "billion": "e9", "trillion": "e12", "mio": "e6", "mn": "e6", "bn": "e9",
}  # fmt: skip
SUFFIX = {"k": "e3", "K": "e3", "M": "e6", "B": "e9"}  # behind digits; Pint knows Boltzmann, kelvin, molar and byte
SPOKEN = {  # as people write it, and what Pint would take for revolutions, barns and atomic units
    r"(?:rps|qps|tps)": "request/s", r"(?:rpm|qpm|tpm)": "request/min", r"reqs?": "request", r"ops?": "operation",
    r"USD": "dollar", r"([kMGT])req": r"\1request", r"([kmgtp])b": r"\1byte", r"([kKMGTP])bps": r"\1bit/s",
    r"([kKMGTP])b(?=\s*/)": r"\1bit", r"([kMGTP])Bps": r"\1B/s", r"K(i?)B": r"k\1B",
}  # fmt: skip


class UnclearError(ValueError):
    """An answer that could not be read; the message says what to write instead."""


@lru_cache(maxsize=1)
def registry() -> Any:
    """Pint's units, and things to count (a request is 1, so that requests/s and 1/s are the same)."""
    import pint

    units: Any = pint.UnitRegistry(cache_folder=None)
    for thing in THINGS:
        units.define(f"{thing} = 1 = _ = {_plural(thing)}")
    return units


def check_unit(unit: str) -> None:
    """Raises ValueError unless *unit* is one that Pint knows."""
    try:
        registry().Unit(unit)
    except Exception as problem:  # pint raises several kinds, some of them not its own
        raise ValueError(f"unit: {unit!r} is no unit that Pint knows ({problem})") from None


def read(text: str, unit: str) -> float:
    """The number that *text* means, in *unit*. Raises UnclearError with what to write instead."""
    said = THOUSANDS.sub(lambda found: found[0].replace(",", ""), text.strip())
    said = re.sub(rf"(?<=\d)\s*({'|'.join(LARGE)})\b", lambda found: LARGE[found[1].lower()], said, flags=re.IGNORECASE)
    said = _spoken(said, unit)
    if re.fullmatch(r"[\d.]*\d,\d+\D*", said):
        raise UnclearError(f"write {said.replace('.', '').replace(',', '.')!r} with a point, not a comma")
    if not READABLE.fullmatch(said) or "**" in said or not any(letter.isdigit() for letter in said):
        raise UnclearError(f"{text!r} is not a number; write something like {_example(unit)!r}")
    units = registry()
    try:
        value = units.Quantity(units.parse_expression(said))
    except Exception:  # pint raises several kinds, some of them not its own
        raise UnclearError(f"{text!r} could not be read; write something like {_example(unit)!r}") from None
    plain = not re.search(r"[A-Za-zµ°%]", re.sub(r"(?<=\d)[eE][+-]?\d+", "", said))
    if plain:
        return _finite(float(value.magnitude), text)
    if not value.is_compatible_with(unit) or _is_data(value.units) != _is_data(unit):
        wanted = short_name(unit) or "no unit"
        raise UnclearError(f"{text!r} is another kind of quantity; the answer is in {wanted}, like {_example(unit)!r}")
    return _finite(float(value.to(unit).magnitude), text)


def _spoken(said: str, unit: str) -> str:
    """*said* with Pint's words for what people write; *unit* decides whether a B is a byte or a billion."""
    count = "kKM" if _is_data(unit) else "kKMB"
    space = r"\s?" if unit.partition("/")[0] in (*THINGS, "", "1", "dimensionless") else ""  # "5 M" may be minutes
    said = re.sub(rf"(?<=\d){space}([{count}])(?![A-Za-z])", lambda found: SUFFIX[found[1]], said)
    for way, word in SPOKEN.items():
        said = re.sub(rf"(?<![A-Za-z]){way}(?![A-Za-z])", word, said)
    said = re.sub(r"([kmgtp])byte", lambda found: f"{found[1].upper()}B".replace("KB", "kB"), said)
    said = re.sub(r"/\s*mo\b", "/month", said)
    said = re.sub(r"\$\s*([\d.]+(?:e\d+)?)", r"\1 dollar", said)
    said = re.sub(r"([\d.]+(?:e\d+)?)\s*\$", r"\1 dollar", said)
    said = re.sub(r"(?<=[a-z])\s+(?:an?|each)\s+(?=(?:second|minute|hour|day|month|year)\b)", "/", said)
    if unit.startswith("dollar/") and re.fullmatch(r"[\d.e+]+ dollars?", said):  # "$5,000" of what costs by the month
        return said.partition(" ")[0]
    return said


def _is_data(unit: Any) -> bool:
    """Whether a unit is one of data; to Pint a bit is a pure number, and 16 bits would be 16 requests."""
    return any(word in str(unit) for word in ("bit", "byte"))


def written(value: float, unit: str) -> str:
    """*value* to four significant digits with its unit: "200 millisecond" is "200 ms"."""
    short = f" {said}" if (said := short_name(unit)) else ""
    if 1e-4 <= abs(value) < 1e15 or value == 0:
        digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
        text = f"{value:,.{min(digits, 8)}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text) + short
    return f"{value:.4g}{short}"


def short_name(unit: str) -> str:
    """ "ms" for "millisecond", "requests/s" for "request/second", nothing for a pure number."""
    if unit in ("dimensionless", "1", ""):
        return ""
    thing, slash, rest = unit.partition("/")
    if thing in THINGS:
        return _plural(thing) + slash + ("day" if rest == "day" else short_name(rest))
    return f"{registry().Unit(unit):~P}"


def _plural(thing: str) -> str:
    if thing[-1] == "x":
        return f"{thing}es"
    return thing[:-1] + "ies" if thing in ("retry", "query") else f"{thing}s"


def _example(unit: str) -> str:
    return written(12, unit)


def _finite(value: float, text: str) -> float:
    if not math.isfinite(value):
        raise UnclearError(f"{text!r} is not a finite number")
    return value
