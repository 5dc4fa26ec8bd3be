"""Progress from one machine to another: merged, checked, never lost."""

from __future__ import annotations

import json

import pytest

from minisys.grading import exchange
from minisys.grading.progress import Progress
from minisys.interview import repetition

GOOD = {"at_s": 1e9, "kind": "question", "chapter": "03", "item": "a", "points": 0.5, "out_of": 1, "detail": {}}


@pytest.fixture
def here(tmp_path):
    progress = Progress(tmp_path / "here.sqlite3")
    progress.record("question", 3, "a", 0.5, 1, {"family": "data", "said": "naïve ✓"})
    progress.record("lab", 4, 1, 2, 2)
    return progress


@pytest.fixture
def file(tmp_path):
    return tmp_path / "progress.json"


def write(file, *rows, **changed):
    file.write_text(json.dumps({**exchange.FORM, "rows": list(rows), **changed}))


def test_what_was_saved_is_there_on_the_other_machine(here, file, tmp_path):
    there = Progress(tmp_path / "there.sqlite3")
    assert exchange.save(file, here) == 2 and exchange.merge(file, there) == 2
    assert there.history() == here.history()
    assert not list(tmp_path.glob("*.part"))


def test_merging_again_or_at_home_adds_nothing(here, file):
    exchange.save(file, here)
    assert exchange.merge(file, here) == 0 and len(here.history()) == 2


def test_both_halves_of_a_course_come_together_whichever_way(here, file, tmp_path):
    train = Progress(tmp_path / "train.sqlite3")
    train.record("question", 3, "a", 1, 1, {"family": "data"})
    exchange.save(file, train)
    assert exchange.merge(file, here) == 1
    exchange.save(file, here)
    assert exchange.merge(file, train) == 2
    key = [sorted(map(str, progress.history())) for progress in (here, train)]
    assert key[0] == key[1] and here.points("03").got == 1


def test_two_rows_that_are_alike_stay_two(here, file):
    write(file, GOOD, GOOD)
    assert exchange.merge(file, here) == 2 and exchange.merge(file, here) == 0


def test_older_answers_count_for_the_cards_in_the_order_they_were_given(file, tmp_path):
    both, later = Progress(tmp_path / "both.sqlite3"), Progress(tmp_path / "later.sqlite3")
    rows = [GOOD | {"at_s": 1e9 + n * 86_400, "points": n % 2} for n in range(4)]
    write(file, *rows)
    exchange.merge(file, both)
    write(file, *rows[2:])
    exchange.merge(file, later)
    repetition.catch_up(later)
    write(file, *rows[:2])
    exchange.merge(file, later)
    assert repetition.queue(later) == repetition.queue(both) and len(repetition.queue(both).cards) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "not JSON"), ("[]", "not written by"), ('{"minisys": "progress", "version": 9, "rows": []}', "version 9"),
     ("[" * 100_000, "not JSON"), ('{"minisys": "progress", "version": 1, "rows": 3}', "not written by")],
)  # fmt: skip
def test_another_file_is_refused_in_words(here, file, text, said):
    file.write_text(text)
    with pytest.raises(ValueError, match=said):
        exchange.merge(file, here)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"points": 2}, "row 2: needs a kind"), ({"points": "1"}, "row 2: points must be float"), ({"kind": ""}, "row 2"),
     ({"detail": []}, "row 2: detail must be dict"), ({"at_s": float("nan")}, "row 2: at_s"), ({"at_s": -1}, "row 2"),
     ({"more": 1}, "row 2: needs exactly"), ({"out_of": float("inf")}, "row 2: out_of"), ({"item": 3}, "row 2: item")],
)  # fmt: skip
def test_one_wrong_row_and_nothing_is_taken(here, file, wrong, said):
    write(file, GOOD, GOOD | wrong)
    with pytest.raises(ValueError, match=said):
        exchange.merge(file, here)
    assert len(here.history()) == 2
