"""The report: what is in it, and that nothing gets out of it."""

from __future__ import annotations

import pytest

from minisys.chaos.experiment import Journal
from minisys.chaos.plan import Fault, FaultPlan
from minisys.chaos.report import report, timeline
from minisys.chaos.shop_experiments import try_out

PLAN = FaultPlan([Fault("kill", "cache", 0.0, 2.0)])


@pytest.fixture(scope="module")
def bad() -> Journal:
    return try_out({"cache is a must"}, "orders succeed", PLAN)


def test_it_has_everything_a_reader_asks_for(bad: Journal) -> None:
    rerun = try_out((), "orders succeed", PLAN)
    text = report(bad, title="Cache lost", finding="It is a must.", fix="Ask prices.", rerun=rerun).to_markdown()
    for heading in ("Hypothesis", "Blast radius", "Method", "Timeline", "Result", "Finding", "Fix", "Rerun"):
        assert f"\n## {heading}\n" in text
    assert "cache; seed 0; everything put back: yes." in text
    assert "| kill | cache | 0 s | 2 s | - |" in text
    assert "The hypothesis did not hold" in text and "The hypothesis stood." in text


def test_the_timeline_is_in_order(bad: Journal) -> None:
    rows = timeline(bad)
    assert [what.split(":")[0] for _, what in rows] == [
        "checked before", "begin kill on cache", "end kill on cache", "checked after"
    ]  # fmt: skip
    assert [float(at) for at, _ in rows] == sorted(float(at) for at, _ in rows)


def test_an_aborted_experiment_says_when() -> None:
    journal = try_out({"cache is a must"}, "orders succeed", PLAN, abort_below=0.5)
    rows = timeline(journal)
    assert [what for _, what in rows[-2:]] == [journal.why, "end kill on cache"]
    assert journal.stopped_s is not None and 0 < journal.stopped_s < 2
    assert [at for at, _ in rows[-2:]] == [f"{journal.stopped_s:.2f}"] * 2, "the fault ended when it was stopped"
    assert f"met at {journal.stopped_s:g} s" in journal.why


def test_the_report_says_what_its_figures_are_and_of_which_time(bad: Journal) -> None:
    text = report(bad, title="Cache lost").to_markdown()
    assert "share of the answered orders that were taken, at least 0.9; the last figure is over the whole time" in text
    assert f"after the faults: {round(bad.observations[-1].value, 3)}." in text


def test_words_stay_words(bad: Journal) -> None:
    evil = "<script>alert(1)</script> | `x` *y*\n# z"
    filed = report(bad, title=evil, finding=evil, fix=evil)
    assert "<script>" not in filed.to_html() and "<script>" not in filed._repr_html_()
    said = filed.to_markdown()
    assert "<script>" not in said.replace("\\<", "") and "\n# z" not in said
    assert filed.to_html().startswith("<!doctype html>") and "http" not in filed.to_html()


def test_a_rerun_of_something_else_proves_nothing(bad: Journal) -> None:
    other = try_out((), "orders succeed", FaultPlan([Fault("pause", "cache", 0.0, 2.0)]))
    with pytest.raises(ValueError, match="the rerun must be the same experiment"):
        report(bad, title="Cache lost", rerun=other)
    with pytest.raises(ValueError, match="needs a title"):
        report(bad, title=" ")
