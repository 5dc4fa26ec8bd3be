"""The figures of a design and their units: which field is a time, a rate, a share, money or a count, and its bounds.

In an interview somebody says "it waits two hundred". Milliseconds? Seconds? Here `timeout` is a time, so "200 ms",
"0.2 s" and 0.2 are the same, "200 %" is refused, and so is a timeout of ten thousand years.

Promised: one place knows the unit of every field, for the Python form and for the text; what a figure is written as
reads back as exactly that figure. Not here: which fields a part has (boxes.py, kinds.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import MISSING, Field, fields
from functools import lru_cache
from typing import Any, NamedTuple

from minisys.queues.policies import MAX_VISIBILITY_S
from minisys.testbed import units

YEARS = 10 * 365 * 86400.0  # nothing in a design lasts longer, in seconds


class Quantity(NamedTuple):
    """What a figure is: read in *unit*, at least *low* and at most *high*; *example* is how one writes it."""

    unit: str
    low: float
    high: float
    example: str


TIME = Quantity("second", 0.0, YEARS, "200 ms")
RATE = Quantity("request/second", 0.0, 1e9, "5k/s")
SHARE = Quantity("dimensionless", 0.0, 1.0, "80 %")
MONEY = Quantity("dollar/month", 0.0, 1e12, "$5000/month")
COUNT = Quantity("dimensionless", 1, 1e9, "4")
KNOWN: dict[str, Quantity] = {
    **dict.fromkeys(
        ("timeout", "takes", "backoff", "every", "boot", "mtbf", "mttr", "ttl", "check", "warm_up", "write", "lag")
        + ("failover", "backup", "p50", "p99", "p999", "rpo", "rto", "restart"),
        TIME,
    ),
    **dict.fromkeys(("rate", "limit"), RATE),
    **dict.fromkeys(("share", "writes", "hits", "available", "availability", "single_fault"), SHARE),
    **dict.fromkeys(("poison", "crashes"), SHARE._replace(example="1 %")),
    "visibility": TIME._replace(low=0.001, high=MAX_VISIBILITY_S, example="30 s"),
    "target": SHARE._replace(low=0.01),
    "budget": SHARE._replace(high=10.0, example="20 %"),
    "cost": MONEY,
    "cv": Quantity("dimensionless", 0.0, 100.0, "1.5"),
    "skew": Quantity("dimensionless", 0.0, 10.0, "0.8"),
    **dict.fromkeys(("copies", "low", "high"), COUNT._replace(high=2000)),
    **dict.fromkeys(("attempts", "regions"), COUNT._replace(high=100)),
    **dict.fromkeys(("workers", "shards", "times"), COUNT._replace(high=100_000)),
    "queue": COUNT._replace(low=0, example="100"),
    **dict.fromkeys(("keys", "capacity"), COUNT._replace(example="10k")),
}
KINDS = {"second": "time", "request/second": "rate", "dollar/month": "cost by the month"}
YES, NO = ("true", "yes", "on"), ("false", "no", "off")
NOTHING = ("", "null", "none", "~")


def settle(thing: Any) -> None:
    """Make every field of the (frozen) dataclass *thing* what its annotation says, from what was given.

    Raises ValueError with the name of thing and field, the value, and what to write.
    """
    for one in fields(thing):
        given = getattr(thing, one.name)
        try:
            made = settled(one, given)
        except ValueError as problem:
            who = getattr(thing, "name", "") or getattr(thing, "to", "")
            kind = getattr(thing, "kind", type(thing).__name__.lower())
            raise ValueError(f"{kind} {who}: {one.name}: {problem}".replace(" :", ":")) from None
        if made is not given:
            object.__setattr__(thing, one.name, made)


def settled(one: Field[Any], given: Any) -> Any:
    """*given* as the value of the field *one*. Raises ValueError with the value and what to write."""
    wanted = str(one.type)
    if wanted.endswith("| None") and (given is None or (isinstance(given, str) and given.strip().lower() in NOTHING)):
        return None
    if wanted.startswith(("float", "int")):
        return number(one, given)
    if wanted == "bool":
        return _truth(given)
    if wanted.startswith("str"):
        return _word(given)
    if wanted == "tuple[str, ...]":
        return tuple(_word(each) for each in ([given] if isinstance(given, str) else _several(given, "names")))
    return _parts(wanted, given)


def number(one: Field[Any], given: Any) -> float | int:
    """The figure of a field in its base unit, within its bounds. Raises ValueError with what to write."""
    whole = str(one.type).startswith("int")
    what = KNOWN.get(one.name, COUNT)
    if whole and what.unit != "dimensionless":  # a queue's limit is a count, somebody's service has one per second
        what = COUNT
    hint = f"write something like {what.example!r}"
    if isinstance(given, str):
        try:
            said = _read(given, what.unit)
        except units.UnclearError as problem:
            if "comma" in str(problem):
                raise
            raise ValueError(f"{_short(given)} is no {KINDS.get(what.unit, 'number')}; {hint}") from None
    elif isinstance(given, bool) or not hasattr(given, "__float__"):
        raise ValueError(f"{_short(given)} is not a number; {hint}")
    else:
        said = float(given)
    if math.isnan(said) or not what.low <= said <= what.high:
        raise ValueError(f"{_short(given)} is not from {written(one, what.low)} to {written(one, what.high)}; {hint}")
    if whole and said != int(said):
        raise ValueError(f"{_short(given)} is not a whole number; {hint}")
    return int(said) if whole else said


@lru_cache(maxsize=4096)
def _read(text: str, unit: str) -> float:
    try:
        return float(text)  # exactly: what `written` wrote with all its digits
    except ValueError:
        return float(f"{units.read(text, unit):.15g}")  # 99.99 % is 0.9999, without the last bits of a division


def written(one: Field[Any], value: float) -> str:
    """*value* as the shortest text that `number` reads back as exactly *value*: 0.2 of a time is "200 ms"."""
    if str(one.type).startswith("int"):
        return f"{int(value)}"
    what = KNOWN.get(one.name, COUNT)
    for scale, before, after in _scales(what, value):
        text = f"{before}{value / scale:.12g}{after}"
        if "e" not in text.replace("request", "") and _read(text, what.unit) == value:
            return text
    return repr(float(value)).removesuffix(".0")


def _scales(what: Quantity, value: float) -> Iterable[tuple[float, str, str]]:
    """Units to try: (how large, what stands before the number, what after)."""
    if what.unit == "second":
        if value == 0 or not math.isfinite(value):
            return [(1.0, "", " s")]
        large = [(size, "", name) for size, name in ((86400.0, " days"), (3600.0, " h"), (60.0, " min"))]
        nice = [row for row in large if value >= 2 * row[0] and value % row[0] == 0]
        return [*nice[:1], *([(1e-3, "", " ms")] if value < 1 else []), (1.0, "", " s")]
    if what.unit == "request/second":
        return [
            *([(1e6, "", "M/s")] if value >= 1e6 else []),
            *([(1e3, "", "k/s")] if value >= 1e3 else []),
            (1, "", "/s"),
        ]
    if what.unit == "dollar/month":
        return [(1.0, "$", "/month")]
    return [(0.01, "", " %")] if what.example.endswith("%") else []


def _truth(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    if isinstance(given, str) and (said := given.strip().lower()) in YES + NO:
        return said in YES
    raise ValueError(f"{_short(given)} is neither true nor false; write true or false")


def _word(given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError(f"{_short(given)} is not a name; write a word")
    return given


def _several(given: Any, what: str) -> Iterable[Any]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ValueError(f"{_short(given)} is no list; write a list of {what}")
    return given


def _parts(wanted: str, given: Any) -> Any:
    """Arrows and autoscalers: objects of this package; a name alone is an arrow to it."""
    from minisys.design.boxes import Autoscaler, Call

    if wanted.startswith("Autoscaler"):
        if not isinstance(given, Autoscaler):
            raise ValueError(f"{_short(given)} is no Autoscaler; write Autoscaler(low=2, high=10)")
        return given
    calls = tuple(Call(each) if isinstance(each, str) else each for each in _several(given, "calls"))
    if wrong := [each for each in calls if not isinstance(each, Call)]:
        raise ValueError(f'{_short(wrong[0])} is no call; write Call("db") or the name "db"')
    return calls


def _short(given: Any) -> str:
    said = repr(given)
    return said if len(said) <= 60 else said[:57] + "..."


def required(one: Field[Any]) -> bool:
    """Whether a field has no default."""
    return one.default is MISSING and one.default_factory is MISSING
