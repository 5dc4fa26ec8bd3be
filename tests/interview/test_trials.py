"""Grader trials: answers that are right in an unusual form pass, and what a typical slip gives fails with its reason.

The table is trials.yaml. Other unusual and all hostile answers are below.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from minisys.interview import library
from minisys.interview.answers import plain, span
from minisys.interview.judge import Asked, draw, judge
from minisys.testbed.units import UnclearError

NAMED = {item.question.id: item.question for item in library.items()}
TRIALS = yaml.safe_load(Path(__file__).with_name("trials.yaml").read_text("utf-8"))
RATE = Asked(NAMED["wb-drill-egress"], "", values={"rate": 1000, "kilobytes": 125})  # 1 Gbit/s


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial["question"])
def test_unusual_right_answers_pass_and_slips_fail_with_their_reason(trial):
    asked = Asked(NAMED[trial["question"]], "", values=trial["values"])
    assert [(text, judge(asked, text).points) for text in trial["right"]] == [(text, 1.0) for text in trial["right"]]
    verdict = judge(asked, trial["wrong"])
    assert verdict.points == 0 and verdict.notes and verdict.notes[0][2].startswith(trial["said"])


def test_there_are_enough_trials_over_all_chapters():
    chapters = {item.chapter for item in library.items() if item.question.id in {trial["question"] for trial in TRIALS}}
    assert len(TRIALS) >= 40 and len(chapters) >= 13


@pytest.mark.parametrize(
    "text",
    ["1 Gbit/s", "1000 Mbit/s", "125 MB/s", "0.125 GB/s", "1e9 bit/s", "1 × 10⁹ bit/s", "1.0 * 10^9 bit/s",
     "125 000 kB/s", "125,000 kB/s", "125'000 kB/s", "0.9 to 1.1 Gbit/s", "between 100 and 150 MB/s", "≈1 Gbit/s",
     "about 1 Gbit/s", "1", "  1 gigabit / second ", "1\u00a0Gbit/s", "1000 million bit/s"],
)  # fmt: skip
def test_one_rate_in_many_words(text):
    assert judge(RATE, text).points == 1


@pytest.mark.parametrize("text", ["8 Gbit/s", "1 GB/s", "125 Mbit/s", "1.2 to 2 Gbit/s", "1 Mbit/s", "0.5–0.9"])
def test_and_what_is_another_rate(text):
    assert judge(RATE, text).points == 0


@pytest.mark.parametrize(("text", "unit", "value"), [
    ("500 μs", "millisecond", 0.5), ("500 µs", "millisecond", 0.5), ("7.2 kB/s", "kilobit/second", 57.6),
    ("57.6 kbit/s", "kilobyte/second", 7.2), ("1 1/2 h".replace("1 1/2", "3/2"), "minute", 90), ("−5 °", "degree", -5),
    ("12 345 678", "", 12345678), ("1.5×10⁻³ s", "millisecond", 1.5), ("2·10^3 ms", "second", 2),
])  # fmt: skip
def test_signs_are_read_as_they_are_meant(text, unit, value):
    assert span(text, unit).low == pytest.approx(value)


@pytest.mark.parametrize(("text", "told"), [
    ("100 to 900 ms", "too wide"), ("200 to 100 ms", "from a smaller"), ("0 to 5 ms", "from a smaller"),
    ("1 to 2 to 3 ms", "not a number|could not be read"), ("to 5", "not a number|could not be read"),
    ("some to many", "not a number"), ("1,5 ms", "with a point"), ("5 MB", "another kind"), ("", "not a number"),
])  # fmt: skip
def test_what_is_no_answer_is_asked_again(text, told):
    with pytest.raises(UnclearError, match=told):
        span(text, "millisecond")


@pytest.mark.parametrize(("text", "fits"), [("99.8 to 99.9 %", True), ("60 to 100 %", False), ("98 to 99.5 %", False)])
def test_percents_near_a_hundred_are_measured_from_the_top(text, fits):
    if fits:
        assert span(text, "percent") == pytest.approx((99.8, 99.9))
    else:
        with pytest.raises(UnclearError, match="too wide"):
            span(text, "percent")


def test_a_range_is_no_answer_where_one_number_is_exact():
    asked = draw(NAMED["rg-number-backup-loss"], 0)
    with pytest.raises(UnclearError, match="exactly"):
        judge(asked, "200 to 300 min")


@pytest.mark.parametrize("text", [
    "9**9**9", "9^9^9^9", "__import__('os').system('true')", "().__class__", "1e999", "nan", "inf", "0x41", "1/0",
    "second.__class__", "factorial(9999999)", "9" * 90, "9" * 10_000_000, "(" * 90, "1 to " * 20, "١٢٣", "１２３",
    "𝟙𝟚", "Ⅻ", "\x00", "\ud800", "ms ms ms", "=1+1", "<script>alert(1)</script>", "lambda: 1", "1;2", "{rate}",
])  # fmt: skip
def test_hostile_answers_are_refused_or_wrong_and_nothing_is_evaluated(text):
    try:
        verdict = judge(RATE, text)
    except UnclearError as problem:
        assert len(str(problem)) < 400
    else:
        assert verdict.points == 0


def test_signs_become_one():
    assert plain("≈ 1 234 567") == "1234567" and plain("1’000") == "1000" and plain("12 34") == "12 34"
