"""The soak's report: one part is measured again, and the others keep what they found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import soak, soak_report
from benchmarks.soak_carts import Count
from benchmarks.soak_report import with_part

ROOT = Path(__file__).resolve().parents[2]


def test_a_part_measured_again_replaces_itself_and_nothing_else() -> None:
    report = with_part(with_part("", "balancer", "nobody lost"), "carts", r"eleven \1 lost")
    again = with_part(report, "balancer", "one lost")
    assert report.startswith("# Soak\n") and again.startswith("# Soak\n")
    assert "nobody lost" in report and "nobody lost" not in again and "one lost" in again
    assert again.count(r"eleven \1 lost") == 1 and again.count("<!-- part ") == 2
    assert with_part(again, "balancer", "one lost") == again


def test_the_report_on_file_has_every_part() -> None:
    text = (ROOT / "benchmarks" / "SOAK.md").read_text()
    assert all(f"<!-- part {part} -->" in text and f"<!-- end {part} -->" in text for part in soak.PARTS)


@pytest.mark.parametrize(
    ("way", "failed", "lost", "says"),
    [
        ("in memory", [0, 0], [9, 12], []),
        ("in memory", [0, 0], [9, 0], ["a run lost no cart"]),
        ("external store", [0, 0], [0, 0], []),
        ("external store", [0, 1], [0, 1], ["requests failed: [0, 1]", "carts lost: [0, 1]"]),
    ],
)
def test_a_broken_promise_is_named(way: str, failed: list[int], lost: list[int], says: list[str]) -> None:
    found = Count(way, "kill", failed=failed, lost=lost).broken()
    assert len(found) == len(says) and all(word in line for word, line in zip(says, found, strict=True))


def test_nothing_is_left_over_of_a_soak_that_has_not_begun() -> None:
    assert soak_report.left_over() == []


def test_a_part_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--part", "soup"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and "balancer" in done.stderr and "carts" in done.stderr
