"""The course keeps what it promises: each row has a chapter that speaks of it, a room, and questions."""

from __future__ import annotations

import importlib.util
from functools import cache

import pytest

from minisys.interview import coverage, library
from minisys.interview.coverage import Promise, promises


@cache
def chapter(name):
    """The text of a chapter's notebook."""
    path = coverage.notebook(name)
    if path is None:
        pytest.skip(f"the notebook of chapter {name} is not there yet")
    return coverage.read(path)


@pytest.mark.parametrize("promise", promises(), ids=lambda each: f"{each.chapter}-{each.what}")
def test_the_chapter_speaks_of_it(promise):
    assert coverage.spoken_of(promise, chapter(promise.chapter))


@pytest.mark.parametrize("promise", promises(), ids=lambda each: f"{each.chapter}-{each.what}")
def test_somebody_asks_about_it(promise):
    own = [item for item in coverage.questions(promise) if item.chapter == promise.chapter]
    assert own or len(list(coverage.questions(promise))) >= 2


def test_every_chapter_with_questions_promises_something_and_has_its_room():
    rooms = coverage.rooms()
    assert {each.chapter for each in promises()} == set(library.chapters()) - {"00"}
    assert set(rooms) == set(library.chapters())
    assert [room for room in rooms.values() if importlib.util.find_spec(room) is None] == []


def test_there_are_rows_of_each_kind_and_none_twice():
    names = [each.what for each in promises()]
    assert len(names) >= 100 and len(set(names)) == len(names)
    assert {each.kind for each in promises()} == {"topic", "pattern", "product"}


def test_the_page_is_up_to_date():
    assert (coverage.ROOT / "COVERAGE.md").read_text("utf-8") == coverage.markdown(), "python tools/coverage_table.py"


def test_a_promise_that_nobody_keeps_would_be_found():
    missing = Promise("time travel", "topic", "04", ("time travel",))
    assert not coverage.spoken_of(missing, chapter("04")) and list(coverage.questions(missing)) == []
    assert not coverage.spoken_of(Promise("", "topic", "04", ("aching",)), "caching")
