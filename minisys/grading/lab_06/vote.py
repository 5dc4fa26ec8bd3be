"""Lab 06, task 4: who gets a vote, judged case by case and then in whole clusters with crashes, cuts and restarts.

Four lines decide whether five servers can have two leaders, or a leader that lacks what was agreed. The learner's rule
is put into every server of the model and meets the very runs in which planted mistakes show (raft_bugs.py), and some
others. A rule that is too strict is safe and useless: then nobody is ever elected.
"""

from __future__ import annotations

from collections.abc import Callable

from minisys.grading.checks import Check, Wrong
from minisys.replication import raft_bugs, raft_model
from minisys.replication.raft import LEADER, Raft
from minisys.replication.raft_cluster import Design
from minisys.replication.raft_invariants import Broken
from minisys.replication.raft_messages import RequestVote
from minisys.replication.raft_mistakes import Unguarded
from minisys.replication.raft_rules import grants_vote

Rule = Callable[[RequestVote, int, str | None, tuple[int, int]], bool]
CASES: tuple[tuple[str, tuple[int, str, int, int], tuple[int, str | None, int, int], str], ...] = (
    # what it is, request (term, sender, last term, last index), voter (term, voted for, last term, last index), look
    ("the first request of a new term", (3, "b", 2, 5), (2, None, 2, 5), "a later term, equal logs: why not?"),
    ("another candidate has the vote", (3, "b", 2, 5), (3, "c", 2, 5), "one vote a term, for whoever asked first"),
    ("the same candidate again", (3, "b", 2, 5), (3, "b", 2, 5), "the reply was lost: the same answer once more"),
    ("the old vote was in an earlier term", (4, "b", 2, 5), (3, "c", 2, 5), "a vote counts for its own term only"),
    ("a request from the past", (2, "b", 2, 5), (3, None, 1, 1), "a late message of a term that is over"),
    (
        "the candidate lacks an entry",
        (4, "b", 2, 5),
        (3, None, 2, 6),
        "same last term: the longer log is more complete",
    ),
    ("the candidate has more", (4, "b", 2, 7), (3, None, 2, 6), "at least as complete is enough"),
    ("a long log that ends in an old term", (4, "b", 1, 9), (3, None, 2, 3), "first the last terms, then the lengths"),
    (
        "a short log that ends in a later term",
        (4, "b", 3, 2),
        (3, None, 2, 9),
        "first the last terms, then the lengths",
    ),
    ("two empty logs", (1, "b", 0, 0), (0, None, 0, 0), "somebody has to be the first leader"),
)
RUNS = tuple(bug.seed for bug in raft_bugs.BUGS if bug.rule == raft_bugs.VOTES) + (2_001, 2_004, 2_008)


def case_by_case(rule: Rule) -> str:
    """Each case of the Raft paper's figure 2, and each of the two answers."""
    for what, (term, sender, last_term, last_index), (own, voted_for, own_term, own_index), look in CASES:
        request = RequestVote(sender, "a", term, last_index, last_term)
        mine, right = (
            rule(request, own, voted_for, (own_term, own_index)),
            _right(request, own, voted_for, own_term, own_index),
        )
        if not isinstance(mine, bool):
            raise Wrong(repr(mine), given=what, expected="True or False", look="is there a `return` on every path?")
        if mine is not right:
            given = (
                f"{what}: {sender} asks in term {term}, its log ends in (term {last_term}, index {last_index}); the "
                f"voter is in term {own}, voted for {voted_for}, its log ends in (term {own_term}, index {own_index})"
            )
            raise Wrong(str(mine), given=given, expected=str(right), look=look)
    return f"{len(CASES)} cases"


def _right(request: RequestVote, term: int, voted_for: str | None, last_term: int, last_index: int) -> bool:
    return grants_vote(request, term, voted_for, (last_term, last_index))


def design(rule: Rule) -> Design:
    """A cluster whose servers vote by *rule*."""

    class Theirs(Raft):
        def _grants(self, now: float, request: RequestVote) -> bool:
            if request.pre and (self.role == LEADER or now - self.heard_s < self.timing.election_s[0]):
                return False
            state = self.state
            return bool(rule(request, state.term, state.voted_for, (state.last_term, state.last_index)))

    return Design(raft=Theirs, state=Unguarded)


def keeps_every_promise(rule: Rule) -> str:
    """In the model, in the runs that show what goes wrong with other rules."""
    elections = 0
    for seed in RUNS:
        try:
            elections += raft_model.run(seed, design(rule)).elections
        except Broken as broken:
            look = "nobody is elected any more: the rule is too strict" if broken.promise == "goes on again" else ""
            raise Wrong(
                str(broken), given=f"run {seed} of the model", expected="no promise broken", look=look
            ) from None
    return f"{len(RUNS)} runs, {elections} elections, every promise kept"


VOTE = (
    Check("case by case, as in the Raft paper's figure 2", case_by_case, 5.0),
    Check("five servers, crashes and cuts: every promise is kept", keeps_every_promise, 90.0, after_others=True),
)
