"""The mock interview: turns, clock, restarts, follow-ups, score and report, with a machine that simulates nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.grading.progress import Progress
from minisys.interview import mock_report, mock_study
from minisys.interview.interviewer import DECIDE, Interviewer, mocks
from minisys.interview.mock import BREAK, DRAW, MINUTES, PHASES, STEPS, Event, Mock, OutOfTurn, apply, replay
from minisys.interview.mock_doubts import doubts
from minisys.interview.rubric import DIMENSIONS, PLAN, checked
from tests.interview.mocks import GOOD, WEAK, Clock, Machine, Small, card


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path / "progress.sqlite3")


@pytest.fixture
def talk(progress, clock):
    """An interview that has just begun."""
    made = Interviewer("guest-book/1", Small(), progress, Machine(), clock)
    made.begin(45, seed=3)
    return made


def again(talk):
    """The same interview in another kernel."""
    return Interviewer(talk.name, talk.case, Progress(talk.progress.path), talk.machine, talk.now)


def to(talk, phase):
    """On to *phase*, with a word in each."""
    while talk.mock.phase < phase:
        talk.say(f"In {talk.mock.phase_name}: {GOOD}")
        talk.move_on()


def whole(talk, drawn="one db", mended="two db"):
    """The whole interview, with a design and one that mends it."""
    to(talk, DRAW)
    talk.draw(drawn)
    to(talk, BREAK)
    talk.move_on()
    talk.draw(mended)
    to(talk, len(PHASES))
    talk.score(card())


@pytest.mark.parametrize("minutes", MINUTES)
def test_the_time_marks_are_the_plans_share_of_the_minutes(minutes):
    mock = replay([Event(0, "begin", {"case": "x", "minutes": minutes})])
    assert mock.mark_s(len(PHASES) - 1) == pytest.approx(60 * minutes)
    assert [mock.planned_s(i) / minutes for i in range(len(PHASES))] == [60 * one[1] / 45 for one in PLAN]


def test_the_clock_runs_by_phase_and_stands_still_in_a_pause(talk, clock):
    clock += 100
    talk.move_on()
    clock += 30
    talk.pause()
    clock += 5000
    assert talk.mock.elapsed_s(clock()) == 130
    with pytest.raises(OutOfTurn, match="paused"):
        talk.say("Am I heard?")
    talk.resume()
    clock += 20
    talk.move_on()
    assert talk.mock.spent_s[:2] == (100, 50) and talk.mock.elapsed_s(clock()) == 150


def test_a_killed_kernel_costs_no_minute_and_no_word(talk, clock):
    talk.say("It must never lose a line")
    clock += 60
    talk.keep_draft("half a sent", "design: x")
    clock += 3600
    woken = again(talk)
    woken.wake()
    assert woken.mock.paused and woken.mock.elapsed_s(clock()) == 60
    assert woken.draft()["words"] == "half a sent" and woken.mock.lines[-1].text == "It must never lose a line"
    woken.resume()
    clock += 10
    assert woken.mock.elapsed_s(clock()) == 70
    woken.wake()
    assert not woken.mock.paused


def test_two_kernels_see_one_interview(talk):
    other = again(talk)
    other.say("From the other page")
    talk.say("And from this one")
    other.load()
    assert [line.text for line in other.mock.lines[1:]] == ["From the other page", "And from this one"]
    assert other.mock == talk.mock


def test_the_requirement_changes_in_the_middle(talk):
    to(talk, DRAW)
    assert not any("changed" in line.text for line in talk.mock.lines)
    to(talk, BREAK)
    said = talk.mock.lines[-1].text
    assert "Lines may now carry a picture" in said and "2 times the traffic, 200 requests a second" in said
    assert "cost $2000/month (before: $1000/month); p99 200 ms (before: 300 ms)." in said
    assert talk.mock.mark_s(DRAW) / 60 == 25


def test_follow_ups_come_from_the_candidates_own_design_with_evidence(talk):
    to(talk, DRAW)
    talk.draw("one db")
    to(talk, BREAK)
    talk.move_on()
    said = talk.mock.lines[-1].text
    assert "“db” in your own design" in said and "60 % of the requests" in said
    assert "kill of db/1 at 10 s; seed 3; damage 0.6" in said and said.endswith("What now?")
    talk.draw("one db, faster")
    assert talk.mock.lines[-1].text.endswith("damage 0.6 before, 0.6 now: still there")
    talk.draw("two db")
    assert talk.mock.lines[-1].text.endswith("damage 0.6 before, 0 now: cured")
    assert [f.get("weakness") for f in talk.mock.findings_left()] == [None, None]
    talk.move_on()
    assert talk.mock.lines[-1].text == "Tell me about failures." and talk.mock.phase == BREAK


def test_what_was_cured_is_not_asked_about_but_what_the_new_design_lacks(talk, monkeypatch):
    app, cache = (WEAK | {"component": part, "sentence": f"Your {part} is full."} for part in ("app", "cache"))
    found = {"one db": (WEAK, app), "more app": (WEAK, app, cache), "two db": (cache,)}
    monkeypatch.setattr(Machine, "weaknesses", lambda self, case, text, seed, changed=False: found[text])
    to(talk, DRAW)
    talk.draw("one db")
    to(talk, BREAK)
    talk.move_on()
    talk.draw("two db")  # cures app, too, before it was asked about
    talk.move_on()
    talk.move_on()
    asked = [line.text.split("\n")[0] for line in talk.mock.lines if line.who == "interviewer"][-3:]
    assert "“db”" in asked[0] and "Your cache is full" in asked[1] and asked[2] == "Tell me about failures."
    assert [one.get("component") for one in talk.mock.findings] == ["db", "cache", None]
    assert talk.mock.again[0]["cured"] and again(talk).mock == talk.mock
    with pytest.raises(OutOfTurn, match="attacked once"):
        apply(talk.mock, Event(talk.now(), "attack", {"findings": [app]}))


def test_a_question_gets_a_word_back_that_is_no_prompt(talk):
    talk.say("Is 300 ms fine?")
    assert (
        talk.mock.lines[-1].who == "answer"
        and "p99: 300 ms; cost: $1000/month. The rest you" in talk.mock.lines[-1].text
    )
    talk.say("Only signed-in users.")
    assert talk.mock.lines[-1].who == "candidate"
    to(talk, 1)
    talk.say("Which bytes?")
    assert talk.mock.lines[-1].text == DECIDE


def test_a_high_score_after_five_minutes_is_doubted(talk, clock):
    clock += 200
    talk.say(GOOD)
    for _ in PHASES:
        talk.move_on()
    while not talk.mock.scoring:
        talk.move_on()
    talk.score(card(1, "a word was missing") | {"scoping": (3, "Two copies in two")})
    said = doubts(talk.mock)
    assert said[0].startswith("Hardly took place (below 20 % of the plan): estimate 0.0 of 5.0 min; interface")
    assert said[1] == "scope, answered in 8 words: “Tell me about scope.”"
    assert said[-1] == "High scores on fewer than 8 words of evidence: scoping 3 (“Two copies in two”)"
    assert "estimate, never answered: “Tell me about estimate.”" in said and "scope" not in said[0]
    assert "nothing that can be counted" not in str(mock_report.report(talk))


def test_without_a_design_or_a_weakness_the_case_asks(talk):
    to(talk, BREAK)
    talk.move_on()
    assert [finding["sentence"] for finding in talk.mock.findings] == [
        "Tell me about failures.", "Who deletes what is rude?", "What is old?",
    ]  # fmt: skip


def test_a_design_that_cannot_be_read_is_no_turn(talk):
    to(talk, DRAW)
    before = talk.mock
    with pytest.raises(ValueError, match="line 1"):
        talk.draw("nonsense")
    assert talk.mock == before and talk.text() == ""


def test_a_design_has_its_phases(talk):
    with pytest.raises(OutOfTurn, match="drawn in the phases 'design'"):
        talk.draw("two db")


def test_the_score_needs_words_that_were_said(talk):
    to(talk, len(PHASES))
    with pytest.raises(OutOfTurn, match="scoping: “I was splendid throughout” was not said"):
        talk.score(card(3, "I was splendid throughout"))
    for scrap in ("nothing", "------------------", " , . ; "):
        with pytest.raises(OutOfTurn, match="no score without evidence"):
            talk.score(card(1, scrap))
    with pytest.raises(OutOfTurn, match="communication: choose a score"):
        talk.score({name: row for name, row in card().items() if name != "communication"})
    with pytest.raises(OutOfTurn, match="choose a score"):
        talk.score(card(5))
    with pytest.raises(OutOfTurn, match="time for words is over"):
        talk.say("One more thing")
    talk.score(card(3, GOOD.upper().replace(" ", "  ")))
    assert talk.mock.done and talk.mock.points() == (75.0, "hire")
    with pytest.raises(OutOfTurn, match="is over"):
        talk.move_on()


def test_a_low_score_says_what_was_missing():
    assert checked(card(1, "nothing on the failover"), ["other words"])["scoping"] == (1, "nothing on the failover")


NO_EVIDENCE = (
    "p99: wanted 300 ms, got 900 ms: missed",  # measured
    "single point of failure of db: damage 0.6 before", "missed the failover",
    "Your db has one copy", "Lines may now carry a picture",  # the interviewer's
    "wo copies in two zones, because one d", "one dies In deep dive",  # a scrap of letters; across two answers
    "one db to begin with",  # the starter's
)  # fmt: skip


def test_evidence_is_what_the_candidate_said_or_drew(talk, monkeypatch):
    monkeypatch.setattr(Machine, "starter", lambda self, case: "one db to begin with")
    to(talk, DRAW)
    talk.draw("one db to begin with\n  and a balancer before it")
    to(talk, BREAK)
    talk.move_on()
    talk.draw("one db to begin with\n  and a balancer before it")
    to(talk, len(PHASES))
    for evidence in NO_EVIDENCE:
        with pytest.raises(OutOfTurn, match="was not said; copy words"):
            talk.score(card(2, evidence))
    talk.score(card(2) | {"scoping": (2, "and a balancer, before it"), "estimation": (1, NO_EVIDENCE[0])})
    assert talk.mock.done


def test_two_things_to_study_are_the_worst_weakness_and_the_dearest_dimension(talk):
    whole(talk, mended="one db, faster")
    first, second = mock_study.study(talk.mock)
    assert first.what == "single point of failure (db)" and first.notebook.startswith("01_")
    assert second.what == "deep dive" and GOOD in second.why


def test_a_cured_weakness_is_not_studied(talk):
    whole(talk)
    first, second = mock_study.study(talk.mock)
    assert first.what == "deep dive" and second.chapter != first.chapter


def test_a_dimension_that_ended_it_comes_first_and_stands_beside_the_verdict(talk):
    whole(talk, mended="one db, faster")
    talk.mock = replace(talk.mock, card=talk.mock.card | {"trade-offs": (1, "none was named at all")})
    first, second = mock_study.study(talk.mock)
    assert first.what == "trade-offs" and "this alone ends it" in first.why
    assert second.what == "single point of failure (db)"
    assert mock_report.report(talk).headline().endswith("no hire (trade-offs 1)")


def test_every_weakness_and_dimension_has_a_chapter():
    assert set(mock_study.CHAPTERS) == set(DIMENSIONS)


def test_the_report_is_one_file_with_everything_and_nothing_that_runs(talk, tmp_path, monkeypatch):
    monkeypatch.setattr(mock_report.browser, "chromium", lambda: None)
    talk.say("<script>alert(1)</script> & more")
    whole(talk)
    file, pdf = mock_report.report(again(talk)).save(tmp_path)
    page = file.read_text()
    assert pdf is None and file.name == "mock-guest-book-1.html"
    assert "<script" not in page and "&lt;script&gt;" in page and page.count("<svg") == 2
    assert not re.search(r'(src|href)="https?:', page) and "@media print" in page
    for words in (
        "75 of 100 points, hire",
        "Study first",
        "The reference",
        "What was said",
        "0 after your change",
        "After the change",
        "Yours: held p99; broke nothing.",
        "The reference: held nothing; broke p99 (wanted",
    ):
        assert words in page
    assert page.count("notebooks/") == 2 and "single point of failure of db" in page


def test_the_report_reads_in_a_terminal_and_comes_after_the_score(talk):
    with pytest.raises(ValueError, match="'scope'; the report comes after"):
        mock_report.report(talk)
    whole(talk)
    text = str(mock_report.report(talk))
    assert text.startswith("A guest book: 75 of 100 points, hire") and "Study first:\n  1. deep dive" in text
    assert "deep dive and failures" in text and "<" not in text
    assert "The reference: held nothing; broke p99 (wanted 300 ms, got 900 ms; seed 0)." in text


def test_a_design_from_before_the_change_is_run_under_it_for_the_report(talk):
    to(talk, DRAW)
    talk.draw("one db")
    to(talk, len(PHASES))
    talk.score(card())
    found = mock_report.report(talk)
    assert not talk.mock.designs[-1]["changed"] and [name for name, _ in found.changed] == ["Yours", "The reference"]
    assert found.held()[1].startswith("Yours: held nothing; broke p99 ")


def test_an_unreadable_interview_is_left_out_and_the_others_stay(talk, progress):
    progress.record("mock", "15", "broken/1", detail={"kind": "next", "at_s": 1, "values": {}})
    progress.record("mock", "15", "broken/2", detail={"kind": "dance", "at_s": 1, "values": {}})
    assert list(mocks(progress)) == ["guest-book/1"]


EVENTS = st.lists(st.tuples(st.sampled_from([*STEPS, "dance"]), st.floats(0, 900), st.text(max_size=8)), max_size=40)


@settings(max_examples=25, deadline=None)
@given(EVENTS)
def test_whatever_happens_the_clock_adds_up_and_a_replay_is_equal(steps):
    now, kept, mock = 1000.0, [], Mock()
    for kind, seconds, text in steps:
        now += seconds
        values = {"case": "c", "minutes": 30, "text": text, "findings": [{"sentence": "s"}], "asks": text}
        try:
            mock = apply(mock, Event(now, kind, values))
            kept.append(Event(now, kind, values))
        except OutOfTurn:
            continue
        assert 0 <= mock.elapsed_s(now) <= now - 1000 and all(spent >= 0 for spent in mock.spent_s)
    assert replay(kept) == mock
    json.dumps([event.values for event in kept])
