"""Lab 06: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from minisys.grading.checks import Wrong, check
from minisys.grading.lab_06 import broken, needs, paper, vote
from minisys.replication.failover_model import MODES

answers = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("wrong_06.py"))))

WRONG = [
    # task, answer, what the report must say
    (1, answers.failover(0.6), "that is not shorter than it was"),
    (1, answers.failover(0.5), "the time-out is not the outage"),
    (1, answers.failover(0.3), "a shorter silence must be enough"),
    (1, answers.failover(0.03), "0.4 to 0.6 s"),
    (1, answers.failover(0.1), "a pause of 0.1 s is a failover"),
    (1, answers.failover(150), "milliseconds?"),
    (1, lambda: 0.2, "a dict with the keys 'predicted', 'measured' and 'because'"),
    (1, answers.failover(0.15, predicted="less"), "your guess, whatever it was"),
    (1, answers.failover(0.15, "It is shorter."), "at least 6"),
    (1, answers.failover(0.15, "Because the servers are elected and then all is well"), "nothing about noticing"),
    (2, answers.quorums(smallest_w=3), "2 + 3 = 5 is not more than 5"),
    (2, answers.quorums(smallest_w=5), "right but not the smallest"),
    (2, answers.quorums(may_be_down=2), "then only 3 of 5 are left"),
    (2, answers.quorums(stale=1 / 3), "the chance to meet the new value"),
    (2, answers.quorums(stale=66.7), "from 0 to 1, not percent"),
    (2, answers.quorums(available=0.99**2), "any two of the three will do"),
    (2, answers.quorums(available=0.99**3), "two are enough"),
    (2, answers.quorums(servers=4), "half is not more than half"),
    (2, answers.quorums(servers=3), "no majority of three"),
    (2, answers.quorums(four_survive=2), "would have two majorities"),
    (2, answers.quorums(in_both=3), "asked is the least"),
    (2, lambda: {"stale": 0.67}, "a dict with the keys smallest_w"),
    (3, answers.returns_at_once, "before a read may return a value, how many copies must have it?"),
    (3, answers.repairs_behind, "before a read may return a value, how many copies must have it?"),
    (3, answers.waits_for_one, "before a read may return a value, how many copies must have it?"),
    (3, answers.waits_for_r, "before a read may return a value, how many copies must have it?"),
    (3, answers.gives_a_new_stamp, "schedule 300"),
    (3, answers.asks_all, "stops with the first that dies"),
    (3, answers.writes_to_all, "0 of 19 reads"),
    (3, answers.reads_twice, "before a read may return a value, how many copies must have it?"),
    (3, answers.reads_again_afterwards, "before a read may return a value, how many copies must have it?"),
    (3, answers.takes_the_first, "the newest stamp wins, not the order"),
    (3, answers.forgets_to_return, "is there a `return value` at the end?"),
    (3, answers.yields_a_message, "yield Ask(Get(key), …)"),
    (3, answers.writes_back_if_somebody_is_stale, "how many others need not know?"),
    (3, answers.asks_for_ever, "does each read come to its `return`?"),
    (3, answers.returns_the_triple, "return the value, not the triple"),
    (3, answers.does_not_yield, "a generator: `answers = yield Ask(…)`"),
    (4, answers.votes_twice, "one vote a term, for whoever asked first"),
    (4, answers.for_any_log, "same last term: the longer log is more complete"),
    (4, answers.for_the_longer_log, "first the last terms, then the lengths"),
    (4, answers.for_the_later_term, "the candidate lacks an entry"),
    (4, answers.only_for_more, "a later term, equal logs: why not?"),
    (4, answers.keeps_its_vote_for_ever, "a vote counts for its own term only"),
    (4, answers.answers_only_once, "the same answer once more"),
    (4, answers.votes_in_the_past, "a late message of a term that is over"),
    (4, answers.says_nothing, "is there a `return` on every path?"),
    (5, answers.diagnosis(agate="answer a write after it is agreed"), "was it a read or a write?"),
    (5, answers.diagnosis(basalt="agreed is what a majority has"), "who voted for a leader without it?"),
    (5, answers.diagnosis(chalk="answer a write after it is agreed"), "still broken: clients were told what cannot be"),
    (5, answers.diagnosis(dolomite="votes only for complete logs"), "who had the entry when it was called agreed"),
    (5, answers.diagnosis(emery="one vote a term"), "what happened to that server in between?"),
    (5, answers.diagnosis(emery="double vote"), "one of one vote a term; votes only"),
    (5, lambda: "raft", "a dict with the keys agate"),
    (6, answers.decision(likes="raft"), "waits for the way there and back: of the quicker one"),
    (6, answers.decision(orders="async"), "acknowledged before anybody else had it"),
    (6, answers.decision(orders="all"), "stops when one is missing"),
    (6, answers.decision(seats="semi-sync"), "a primary that is cut off does not know it"),
    (6, answers.decision(seats="async"), "old values were read"),
    (6, answers.decision(ledger="raft"), "on how many machines is an entry when it is acknowledged"),
    (6, answers.decision(ledger="quorum"), "one of async, semi-sync, all, raft"),
    (6, lambda: "raft", "a dict with the keys likes"),
]


@pytest.mark.parametrize("task, answer, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
def test_a_plausible_wrong_answer_is_told_why(progress, task, answer, told):
    report = check("06", task, answer, progress=progress)
    assert not report.complete
    assert any(outcome.state == "failed" for outcome in report.outcomes)
    assert told in str(report), report


@pytest.mark.parametrize(
    "task, answer",
    [
        (1, answers.failover(0.15)),
        (1, answers.failover(0.25, predicted=5)),
        (2, answers.quorums(stale=0.67, available=0.9997)),
        (3, answers.skips_a_round),
        (3, answers.by_hand),
        (4, answers.step_by_step),
        (6, answers.decision(orders="semi-sync", seats="all")),
    ],
)
def test_a_right_answer_written_another_way_passes(progress, task, answer):
    report = check("06", task, answer, progress=progress)
    assert report.complete, report


@pytest.mark.parametrize("rule", ["votes_twice", "for_any_log", "for_the_longer_log", "keeps_its_vote_for_ever"])
def test_a_wrong_vote_rule_does_harm_in_the_model_too(rule):
    with pytest.raises(Wrong):
        vote.keeps_every_promise(getattr(answers, rule))


def test_each_incident_is_shown_and_only_its_own_rule_mends_it():
    assert len({rule for rule, _ in broken.INCIDENTS.values()}) == len(broken.INCIDENTS)
    for cluster in broken.INCIDENTS:
        assert broken.evidence(cluster).startswith(f"{cluster}: ")
        assert len(broken.told(cluster)) >= 3 or broken.evidence(cluster).count("\n") >= 5
    with pytest.raises(ValueError, match="agate, basalt"):
        broken.evidence("granite")


def test_no_mode_is_right_for_every_need():
    def right(need, mode):
        try:
            return bool(needs.JUDGES[need](mode))
        except Wrong:
            return False

    fits = {mode: {need for need in needs.JUDGES if right(need, mode)} for mode in MODES}
    assert set.union(*fits.values()) == set(needs.JUDGES)
    assert all(found and found != set(needs.JUDGES) for found in fits.values())


def test_false_alarms_and_the_parts_of_an_outage_are_counted():
    quiet, eager = paper.outage(0.3, range(3)), paper.outage(0.02, range(3))
    assert quiet.needless == 0 < eager.needless
    for found in (quiet, eager):
        assert found.noticed_s + found.elected_s + found.found_s == pytest.approx(found.mean_s)
        assert min(found.noticed_s, found.elected_s, found.found_s) > 0


def test_chalk_s_write_was_on_a_majority_s_disks():
    line = broken.evidence("chalk").splitlines()[-1]
    assert line.startswith("write y 10 was on the disks of ") and line.count(",") >= 2


@pytest.mark.parametrize(
    "task, answer",
    [
        (2, answers.quorums(stale="two thirds")),
        (2, lambda: {}),
        (3, answers.returns_the_triple),
        (5, lambda: {"agate": "one vote a term"}),
        (5, answers.diagnosis(chalk=["one vote a term"])),
        (6, answers.decision(likes="quorum")),
        (6, lambda: None),
    ],
)
def test_what_is_no_answer_fails_one_check_and_the_others_wait(progress, task, answer):
    first, *others = check("06", task, answer, progress=progress).outcomes
    assert first.state == "failed" and {outcome.state for outcome in others} == {"not run"}
