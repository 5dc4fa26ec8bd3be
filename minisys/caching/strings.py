"""Commands on values: read them, write them with a deadline and conditions, count with them.

`SET lock:17 token NX PX 30000` is one word of protocol and three decisions: only if it is not there, for thirty
seconds, and nobody comes in between. Promised: the answers and errors of Redis 7 for every form that is listed here.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from minisys.caching.commands import INT_MAX, INT_MIN, NOT_INT, SYNTAX, Refused, command, options, whole, wrong_number
from minisys.testbed.resp import OK, Request, array, bulk, integer

if TYPE_CHECKING:
    from minisys.caching.session import ClientSession

REPLY_BYTES = 64 * 2**20  # an answer beyond that is refused: it would have to be built in memory
TIMES = {b"EX": (1.0, False), b"PX": (1e-3, False), b"EXAT": (1.0, True), b"PXAT": (1e-3, True)}
WRITE = "write denyoom fast"


def deadline(session: ClientSession, given: dict[bytes, list[bytes]], name: str) -> float | None:
    """When a value given with EX, PX, EXAT or PXAT expires (seconds since 1970), None if it has none of them."""
    unit = the_unit(given)
    return None if unit is None else at_time(session, given[unit][0], unit, name)


def the_unit(given: dict[bytes, list[bytes]]) -> bytes | None:
    """Which of TIMES is among the options; raises Refused if it is more than one."""
    units = [unit for unit in TIMES if unit in given]
    if len(units) > 1:
        raise Refused(SYNTAX)
    return units[0] if units else None


def at_time(session: ClientSession, text: bytes, unit: bytes, name: str) -> float:
    """When *text* in *unit* is over; raises Refused unless it is above 0 and within 64 bits of milliseconds."""
    seconds, absolute = TIMES[unit]
    number = whole(text)
    if number <= 0 or number * round(seconds * 1000) > INT_MAX:
        raise Refused(f"ERR invalid expire time in '{name}' command")
    return number * seconds + (0.0 if absolute else session.now())


def read(session: ClientSession, key: bytes) -> bytes:
    """The encoded value of *key*, or null; counts as a hit or a miss."""
    value = session.keys.get(key, now=session.now())
    return session.wire.null if value is None else bulk(value)


def peek(session: ClientSession, key: bytes) -> bytes | None:
    """The value of *key* for a command that will overwrite it; counts nothing."""
    return session.keys.values[key] if session.keys.there(key, session.now()) else None


def store(session: ClientSession, key: bytes, value: bytes) -> None:
    """Overwrite *key* and leave its deadline as it is."""
    if len(value) > session.limits.bulk_bytes:
        raise Refused("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
    session.keys.set(key, value, session.now(), session.keys.deadline_s.get(key))


@command("get", 2)
def get(session: ClientSession, request: Request) -> bytes:
    return read(session, request[1])


@command("set", -3, "write denyoom")
def set_(session: ClientSession, request: Request) -> bytes:
    if len(request) == 3:
        session.keys.set(request[1], request[2], session.now())
        return OK
    known = {b"NX": 0, b"XX": 0, b"GET": 0, b"KEEPTTL": 0, b"EX": 1, b"PX": 1, b"EXAT": 1, b"PXAT": 1}
    given = options(request, 3, known)
    if {b"NX", b"XX"} <= given.keys() or (b"KEEPTTL" in given and TIMES.keys() & given.keys()):
        raise Refused(SYNTAX)
    at_s = deadline(session, given, "set")
    key, before = request[1], peek(session, request[1])
    old = session.wire.null if before is None else bulk(before)
    if (b"NX" in given and before is not None) or (b"XX" in given and before is None):
        return old if b"GET" in given else session.wire.null
    at_s = session.keys.deadline_s.get(key) if b"KEEPTTL" in given else at_s
    session.keys.set(key, request[2], session.now(), at_s)
    return old if b"GET" in given else OK


@command("setnx", 3, WRITE)
def setnx(session: ClientSession, request: Request) -> bytes:
    if peek(session, request[1]) is not None:
        return integer(0)
    session.keys.set(request[1], request[2], session.now())
    return integer(1)


@command("setex", 4, "write denyoom")
def setex(session: ClientSession, request: Request) -> bytes:
    at_s = at_time(session, request[2], b"EX", "setex")
    session.keys.set(request[1], request[3], session.now(), at_s)
    return OK


@command("psetex", 4, "write denyoom")
def psetex(session: ClientSession, request: Request) -> bytes:
    at_s = at_time(session, request[2], b"PX", "psetex")
    session.keys.set(request[1], request[3], session.now(), at_s)
    return OK


@command("getset", 3, WRITE)
def getset(session: ClientSession, request: Request) -> bytes:
    before = read(session, request[1])
    session.keys.set(request[1], request[2], session.now())
    return before


@command("getdel", 2, "write fast")
def getdel(session: ClientSession, request: Request) -> bytes:
    before = read(session, request[1])
    session.keys.delete(request[1])
    return before


@command("getex", -2, "write fast")
def getex(session: ClientSession, request: Request) -> bytes:
    given = options(request, 2, {b"PERSIST": 0, b"EX": 1, b"PX": 1, b"EXAT": 1, b"PXAT": 1})
    if the_unit(given) is not None and b"PERSIST" in given:
        raise Refused(SYNTAX)
    value = read(session, request[1])
    if given and request[1] in session.keys:
        session.keys.set_deadline(request[1], deadline(session, given, "getex"))
        session.keys.there(request[1], session.now())  # a time in the past
        session.keys.touch(request[1])
    return value


@command("mget", -2, keys=(1, -1, 1))
def mget(session: ClientSession, request: Request) -> bytes:
    held = session.keys.values
    if len(request) > 64 and sum(len(held.get(key, b"")) for key in request) > REPLY_BYTES:
        raise Refused(f"ERR the answer would be larger than {REPLY_BYTES} bytes, ask for fewer keys")
    return array([read(session, key) for key in request[1:]])


@command("mset", -3, "write denyoom", keys=(1, -1, 2))
def mset(session: ClientSession, request: Request) -> bytes:
    if len(request) % 2 == 0:
        raise Refused(wrong_number("mset"))
    for i in range(1, len(request), 2):
        session.keys.set(request[i], request[i + 1], session.now())
    return OK


@command("append", 3, WRITE)
def append(session: ClientSession, request: Request) -> bytes:
    value = (peek(session, request[1]) or b"") + request[2]
    store(session, request[1], value)
    return integer(len(value))


@command("strlen", 2)
def strlen(session: ClientSession, request: Request) -> bytes:
    return integer(len(peek(session, request[1]) or b""))


def _add(session: ClientSession, key: bytes, by: int) -> bytes:
    before = peek(session, key)
    number = (0 if before is None else whole(before)) + by
    if not INT_MIN <= number <= INT_MAX:
        raise Refused("ERR increment or decrement would overflow")
    store(session, key, b"%d" % number)
    return integer(number)


@command("incr", 2, WRITE)
def incr(session: ClientSession, request: Request) -> bytes:
    return _add(session, request[1], 1)


@command("decr", 2, WRITE)
def decr(session: ClientSession, request: Request) -> bytes:
    return _add(session, request[1], -1)


@command("incrby", 3, WRITE)
def incrby(session: ClientSession, request: Request) -> bytes:
    return _add(session, request[1], whole(request[2], NOT_INT))


@command("decrby", 3, WRITE)
def decrby(session: ClientSession, request: Request) -> bytes:
    by = whole(request[2], NOT_INT)
    if by == INT_MIN:
        raise Refused("ERR decrement would overflow")
    return _add(session, request[1], -by)


@command("incrbyfloat", 3, WRITE)
def incrbyfloat(session: ClientSession, request: Request) -> bytes:
    before = peek(session, request[1])
    total = _long_double(_float(b"0" if before is None else before) + _float(request[2]))
    sign, digits = "-" * (total < 0), f"{round(abs(total) * 10**17):018d}"  # as C's %.17Lf, less the zeros at its end
    text = f"{sign}{digits[:-17]}.{digits[-17:]}".rstrip("0").rstrip(".")
    value = b"0" if text == "-0" else text.encode()
    store(session, request[1], value)
    return bulk(value)


def _float(text: bytes) -> Fraction:
    """A decimal number as Redis reads it. Raises Refused; infinity and NaN are refused here, as their sums would be."""
    if re.fullmatch(rb"[+-]?(inf|infinity)", text.lower()):
        raise Refused("ERR increment would produce NaN or Infinity")
    match = re.fullmatch(rb"[+-]?(\d+\.?\d*|\.\d+)(?:e([+-]?\d{1,4}))?", text.lower())
    if match is None or len(text) > 300:
        raise Refused("ERR value is not a valid float")
    return _long_double(Fraction(text.decode()))


def _long_double(number: Fraction) -> Fraction:
    """Rounded to the 64 binary digits that Redis calculates with (x86's long double)."""
    if not number:
        return number
    exponent = abs(number.numerator).bit_length() - number.denominator.bit_length()
    exponent -= abs(number) < Fraction(2) ** exponent
    unit = Fraction(2) ** (exponent - 63)
    return round(number / unit) * unit
