"""A check's report: what it says, what it counts, what it keeps."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from minisys.grading import checks
from minisys.grading.checks import Check, NotRun, Task, Wrong, check, overview
from minisys.grading.progress import Points, Progress


def doubles(answer):
    """A toy check: the function doubles."""
    if answer(4) != 8:
        raise Wrong(answer(4), given=4, expected=8, look="what is twice four?")
    return "4 becomes 8"


def live(answer):
    """A toy check that cannot be run here."""
    raise NotRun("no live world here")


TOY = (
    Task(
        1,
        "Double it",
        (
            Check("it doubles", doubles, limit_s=0.3),
            Check("it doubles zero", lambda f: "0" if f(0) == 0 else None, limit_s=0.3),
            Check("it doubles in the simulation", lambda f: None, after_others=True),
        ),
    ),
    Task(2, "Live only", (Check("it doubles", doubles), Check("it doubles live", live))),
)


@pytest.fixture
def progress(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "tasks_of", lambda lab: TOY)
    return Progress(tmp_path / "progress.sqlite3")


def test_a_right_answer_passes_and_its_points_are_kept(progress):
    report = check("03", 1, lambda x: 2 * x, progress=progress)
    assert str(report) == (
        "Lab 03, task 1 · Double it: passed 3 of 3 checks\n"
        "  ✓ passed: it doubles\n"
        "      seen      4 becomes 8\n"
        "  ✓ passed: it doubles zero\n"
        "      seen      0\n"
        "  ✓ passed: it doubles in the simulation\n"
        "3 of 3 points."
    )
    assert report.complete
    assert progress.points("03", "lab") == Points(3, 3)
    assert progress.best("lab", 3, 1).detail["checks"]["it doubles"] == "passed"


def test_a_wrong_answer_is_told_what_was_given_came_out_and_was_expected(progress):
    report = check(3, 1, lambda x: x + 1, progress=progress)
    assert "passed 0 of 3 checks, 1 failed" not in str(report)
    assert "passed 1 of 3 checks, 1 failed, 1 not run" in str(report)
    assert (
        "  ✗ failed: it doubles\n"
        "      given     4\n"
        "      came out  5\n"
        "      expected  8\n"
        "      look      what is twice four?\n"
    ) in str(report)
    assert "because   waits until no check above fails" in str(report)
    assert progress.points("03") == Points(1, 3)


def test_a_stub_is_not_started_and_leaves_no_row(progress):
    def stub(x):
        raise NotImplementedError("lab 03, task 1: double it")

    report = check("03", 1, stub, progress=progress)
    assert str(report).startswith("Lab 03, task 1 · Double it: not started (3 checks wait)")
    assert {outcome.state for outcome in report.outcomes} == {"not started"}
    assert progress.history() == []


def test_an_endless_loop_is_stopped_and_named(progress):
    def spins(x):
        while x < 10:
            x = x * 1

    text = str(check("03", 1, spins, progress=progress))
    assert "stopped after 0.3 s, in spins, line" in text
    assert ("x = x * 1" in text) or ("while x < 10:" in text)
    assert "an endless loop? Look for a `while`" in text
    assert text.count("stopped after") == 1 and "because   your code was stopped above; once is enough" in text


def test_one_error_is_told_once(progress):
    report = check("03", 1, lambda x: missing * x, progress=progress)  # noqa: F821
    text = str(report)
    assert [outcome.state for outcome in report.outcomes] == ["failed", "not run", "not run"]
    assert text.count("NameError") == 1 and "because   it fails as a check above does; once is enough" in text


def test_an_error_names_the_learners_own_line(progress):
    def breaks(x):
        return sorted([x, None])

    text = str(check("03", 1, breaks, progress=progress))
    assert "TypeError: '<' not supported" in text
    assert ", in breaks, line" in text and "return sorted([x, None])" in text


def test_a_check_that_could_not_run_is_never_counted_as_passed(progress):
    report = check("03", 2, lambda x: 2 * x, progress=progress)
    assert report.headline() == "Lab 03, task 2 · Live only: passed 1 of 2 checks, 1 not run"
    assert "because   no live world here" in str(report)
    assert not report.complete


def test_prints_of_the_learner_are_shown_but_not_without_end(progress, capsys):
    def prints(x):
        for i in range(100_000):
            print("<i>", i)
        return 2 * x

    report = check("03", 1, prints, progress=progress)
    assert capsys.readouterr().out == ""
    assert "  your code printed:\n      <i> 0\n      <i> 1\n" in str(report)
    assert "more lines" in str(report) and len(str(report)) < 2000
    assert "&lt;i&gt; 0" in report.html() and "<i> 0" not in report.html()


def test_html_says_what_the_text_says(progress):
    bundle = check("03", 1, lambda x: x + 1, progress=progress)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    for part in ("passed 1 of 3 checks, 1 failed, 1 not run", "what is twice four?", "failed", "not run", "ms-card"):
        assert part in bundle["text/html"]


def test_the_overview_counts_tasks_that_were_never_tried(progress):
    assert str(overview("03", progress)).startswith("Lab 03: passed 0 of 5 checks; 2 of 2 tasks not tried yet")
    check("03", 1, lambda x: 2 * x, progress=progress)
    check("03", 1, lambda x: x + 1, progress=progress)
    text = str(overview("03", progress))
    assert text.splitlines() == [
        "Lab 03: passed 3 of 5 checks; 1 of 2 tasks not tried yet",
        "  1  Double it: 3 of 3",
        "  2  Live only: not tried (0 of 2)",
    ]
    assert "<caption>Lab 03: passed 3 of 5 checks" in overview("03", progress).html()


def test_a_progress_file_that_cannot_be_written_is_said_beside_the_points(progress, tmp_path):
    (tmp_path / "file").write_text("")
    report = check("03", 1, lambda x: 2 * x, progress=Progress(tmp_path / "file" / "progress.sqlite3"))
    assert "3 of 3 points. minisys: cannot write the progress file" in str(report)


def test_in_another_thread_the_missing_time_limit_is_named(progress):
    reports = []
    thread = threading.Thread(target=lambda: reports.append(check("03", 1, lambda x: 2 * x, progress=progress)))
    thread.start()
    thread.join()
    assert "note      no time limit here" in str(reports[0])


def test_unknown_labs_and_tasks_name_those_there_are(progress, monkeypatch):
    with pytest.raises(ValueError, match="lab 03 has no task 9; its tasks are 1, 2"):
        check("03", 9, None, progress=progress)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="there is no lab '99'; labs: .*03"):
        check(99, 1, None, progress=progress)


def test_the_grader_never_says_all_passed():
    code = "import pathlib, minisys.grading.report as r; print(pathlib.Path(r.__file__).read_text().lower())"
    source = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "all passed" not in source and "everything passed" not in source
