"""The decisions on which Raft's safety hangs, each a few lines, without clock, mail or disk.

Five servers must never have two leaders in one term, nor lose a line that was once agreed on. Whether they do is
decided in a handful of places: who gets a vote, whose log may replace whose, when a line counts as agreed.

Promised: pure functions of what they are given; raft.py asks them and nothing else in these matters. Each names the
rule of figure 2 that it is, or the part of Ongaro's thesis.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from minisys.replication.raft_messages import Entry, RequestVote


def up_to_date(candidate: tuple[int, int], voter: tuple[int, int]) -> bool:
    """Is the candidate's log at least as complete? Each is (term, index) of its last entry: the later term wins first.

    Section 5.4.1. The longer log is *not* the better one: a lonely old leader can have written much in vain.
    """
    return candidate >= voter


def grants_vote(request: RequestVote, term: int, voted_for: str | None, last: tuple[int, int]) -> bool:
    """Does a server in *term* that voted for *voted_for* in it, and whose log ends in *last*, vote for this one?

    Figure 2, RequestVote: not for a past term, one vote a term, and only for a log at least as complete. In a later
    term the old vote no longer counts.
    """
    if request.term < term or not up_to_date((request.last_term, request.last_index), last):
        return False
    return request.term > term or voted_for in (None, request.sender)


def majority(names: Iterable[str], members: Collection[str]) -> bool:
    """Are *names* more than half of the members? Names of strangers do not count."""
    return 2 * len(set(names) & set(members)) > len(members)


def agreed_index(match: Sequence[int]) -> int:
    """The highest index that a majority has; *match* holds for each member up to where its log is the leader's."""
    return sorted(match, reverse=True)[len(match) // 2] if match else 0


def commit_index(commit: int, match: Sequence[int], term: int, term_at: Callable[[int], int | None]) -> int:
    """Up to where a leader of *term* may say "agreed": what a majority has, if that entry is of its own term.

    Section 5.4.2 and figure 8: an entry of an earlier term can lie on a majority and still be replaced by the next
    leader; it is agreed only together with a later entry of the leader's own term.
    """
    agreed = agreed_index(match)
    return agreed if agreed > commit and term_at(agreed) == term else commit


def first_conflict(entries: Iterable[Entry], term_at: Callable[[int], int | None]) -> int | None:
    """The index of the first of *entries* that the log has not, or has with another term; None if it has them all.

    Figure 2, AppendEntries 3 and 4. A late copy of an old message conflicts with nothing: what came after it stays.
    """
    return next((entry.index for entry in entries if term_at(entry.index) != entry.term), None)
