"""Numbers as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.testbed.units import UnclearError, check_unit, read, written

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "second": 1.0, "milliseconds": 1e-3, "hour": 3600.0}


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("200 ms", "second", 0.2), ("0.2", "second", 0.2), (" 1/8 ", "dimensionless", 0.125), ("2e-1 s", "second", 0.2),
        ("12.5 %", "dimensionless", 0.125), ("12.5%", "percent", 12.5), ("12.5", "percent", 12.5),
        ("450 requests/s", "1/second", 450), ("27000/min", "requests/second", 450), ("450", "requests/second", 450),
        ("3 backends", "dimensionless", 3), ("12 GB", "megabyte", 12_000), ("-3", "dimensionless", -3), ("+3", "1", 3),
        ("3 µs", "millisecond", 0.003), ("5 retries", "retry", 5), ("7,000 requests/s", "request/second", 7000),
        ("200,000,000", "request/day", 2e8), ("1,234.5", "second", 1234.5), ("10 million", "request/second", 1e7),
        ("1.5 billion links", "link", 1.5e9), ("3 Thousand", "dollar", 3000), ("0.048 GB/s", "gigabit/second", 0.384),
        ("5k rps", "request/second", 5000), ("300k rpm", "request/second", 5000), ("5 kreq/s", "request/second", 5000),
        ("5K/s", "request/second", 5000), ("2B", "request", 2e9), ("2 M users", "user", 2e6), ("2B", "byte", 2),
        ("1 Gbps", "gigabit/second", 1), ("1.5 gb", "gigabyte", 1.5), ("64 KB", "kilobyte", 64), ("3 boxes", "box", 3),
        ("$5k", "dollar/month", 5000), ("5k$ a month", "dollar/month", 5000), ("4 queries", "query", 4),
    ],
)  # fmt: skip
def test_what_is_meant_is_read(text, unit, value):
    assert read(text, unit) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "unit", "told"),
    [
        ("5 kg", "second", "another kind of quantity"),
        ("16 bits", "request", "another kind of quantity"),
        ("1000 requests", "gigabyte", "another kind of quantity"),
        ("5 M", "second", "another kind of quantity"),
        ("1,5", "second", "'1.5' with a point"),
        ("0,125", "second", "'0.125' with a point"),
        ("12,34 s", "second", "'12.34 s' with a point"),
        ("million", "dollar", "not a number"),
        ("", "second", "not a number"),
        ("fast", "second", "not a number; write something like '12 s'"),
        ("9**9**9", "dimensionless", "not a number"),
        ("2 blinks", "second", "could not be read"),
        ("1/0", "dimensionless", "could not be read"),
        ("1e999", "dimensionless", "not a finite number"),
        ("__import__('os')", "second", "not a number"),
        ("1" * 100, "second", "not a number"),
    ],
)
def test_what_cannot_be_read_is_told_and_costs_nothing(text, unit, told):
    with pytest.raises(UnclearError, match=None) as problem:
        read(text, unit)
    assert told in str(problem.value)


@given(st.floats(0.001, 1000), st.sampled_from(sorted(SECONDS)), st.sampled_from(sorted(SECONDS)))
def test_the_same_quantity_in_any_unit_is_the_same_answer(value, one, other):
    said = value * SECONDS[one] / SECONDS[other]
    assert read(f"{said!r} {other}", one) == pytest.approx(value)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (200, "millisecond", "200 ms"), (0.125, "dimensionless", "0.125"), (12.3456, "percent", "12.35 %"),
        (0, "s", "0 s"), (1234567, "1", "1,234,567"), (14, "backend", "14 backends"), (90.0, "1/second", "90 1/s"),
        (2e8, "request/day", "200,000,000 requests/day"), (6944.4, "request/second", "6,944 requests/s"),
        (0.384, "gigabit/second", "0.384 Gbit/s"), (0, "", "0"),
    ],
)  # fmt: skip
def test_a_number_is_written_short(value, unit, text):
    assert written(value, unit) == text


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match="florin"):
        check_unit("florin")
