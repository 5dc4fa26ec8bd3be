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
)  # fmt: skip
READABLE = re.compile(r"[0-9A-Za-zµ°%.+\-*/() ]{1,60}")
THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
LARGE = {"thousand": "e3", "million": "e6", "billion": "e9"}
SUFFIX = {
    "k": "e3",
    "M": "e6",
}  # "5k/s" right behind the digits; with a space Pint would take k for Boltzmann's constant


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
    said = re.sub(r"(?<=\d)([kM])(?![A-Za-z])", lambda found: SUFFIX[found[1]], said)
    said = re.sub(r"\$\s*([\d.]+(?:e\d+)?)", r"\1 dollar", said)
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
    if not value.is_compatible_with(unit):
        wanted = short_name(unit) or "no unit"
        raise UnclearError(f"{text!r} is another kind of quantity; the answer is in {wanted}, like {_example(unit)!r}")
    return _finite(float(value.to(unit).magnitude), text)


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
    return thing[:-1] + "ies" if thing == "retry" else f"{thing}s"


def _example(unit: str) -> str:
    return written(12, unit)


def _finite(value: float, text: str) -> float:
    if not math.isfinite(value):
        raise UnclearError(f"{text!r} is not a finite number")
    return value
