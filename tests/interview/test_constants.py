"""The figures that estimates start from: each with a source and a date, and units that are units."""

from __future__ import annotations

import pytest

from minisys.interview import constants
from minisys.testbed.units import check_unit

RECENT = {  # as in the README of sirupsen/napkin-math of March 2026
    "memory_random_ns": 20, "system_call_ns": 300, "context_switch_us": 10, "memory_mb_us": 50, "ssd_mb_us": 100,
    "ssd_random_us": 100, "ssd_fsync_us": 300, "proxy_us": 50, "region_us": 250, "query_us": 500, "hdd_seek_ms": 10,
    "blob_get_ms": 80, "blob_put_ms": 200, "na_east_west_ms": 60, "eu_na_east_ms": 80, "eu_singapore_ms": 160,
    "json_mib_per_s": 100, "vcpu_dollars": 15, "memory_gb_dollars": 2, "ssd_gb_dollars": 0.2, "blob_gb_dollars": 0.02,
    "egress_gb_dollars": 0.1, "cdn_gb_dollars": 0.05, "zone_gb_dollars": 0.01, "blob_reads_dollars": 0.4,
    "blob_writes_dollars": 5,
}  # fmt: skip
CLASSIC = {  # as in the System Design Primer
    "memory_random_ns": 100, "memory_mb_us": 250, "ssd_mb_us": 1000, "ssd_random_us": 150, "region_us": 500,
    "hdd_seek_ms": 10, "california_netherlands_ms": 150,
}  # fmt: skip
ENDINGS = {
    "_ns": "nanosecond", "_us": "microsecond", "_ms": "millisecond", "_dollars": "dollar",
    "_mib_per_s": "mebibyte/second",
}  # fmt: skip


def test_the_figures_are_those_of_their_sources():
    found = constants.figures()
    assert {name: one.recent for name, one in found.items() if one.recent is not None} == RECENT
    assert {name: one.classic for name, one in found.items() if one.classic is not None} == CLASSIC


def test_a_name_ends_with_its_unit():
    for name, one in constants.figures().items():
        check_unit(one.unit)
        assert one.unit == next(unit for ending, unit in ENDINGS.items() if name.endswith(ending))


def test_each_source_says_who_and_when():
    assert constants.source("recent").endswith("napkin-math, 8 March 2026")
    assert constants.source("classic").endswith("Primer, about 2012")


@pytest.mark.parametrize("name", ["tea_ms", "california_netherlands_ms"])
def test_a_figure_that_is_not_there_is_refused(name):
    with pytest.raises(ValueError, match=f"no recent figure called '{name}'"):
        constants.constant(name)
