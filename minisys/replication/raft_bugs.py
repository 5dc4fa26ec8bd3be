"""Planted bugs: does the model notice each of them?

A checker that has never found anything may be perfect or asleep. So the mistakes of raft_mistakes.py are planted, one
at a time, into servers that are otherwise right, and the model has to find every one.

Promised: `BUGS` says which rule each breaks and in which seeded run that shows; `found(bug)` searches anew. Not
promised: that a bug shows in every run. Some need a crash between two messages, and that is why they live long in real
systems. Another law, fault or client in the model makes the stored seeds void; `make soak PART=raft` finds others.
"""

from __future__ import annotations

from dataclasses import dataclass

from minisys.replication import raft_mistakes as mistakes
from minisys.replication import raft_model
from minisys.replication.raft import Raft
from minisys.replication.raft_cluster import Design, Server
from minisys.replication.raft_invariants import Broken
from minisys.replication.raft_store import Store


@dataclass(frozen=True)
class Bug:
    """One planted bug: its *name*, the *rule* it breaks (sections of the paper), the part that is wrong, a *seed*."""

    name: str
    rule: str
    part: type[Raft] | type[Server] | type[Store]
    seed: int

    @property
    def does(self) -> str:
        """What is wrong, in a sentence."""
        return (self.part.__doc__ or "").strip()

    @property
    def design(self) -> Design:
        """A cluster with it; its state is without assertions, so that the bug has to show by what it does."""
        for name, kind in (("raft", Raft), ("server", Server), ("store", Store)):
            if issubclass(self.part, kind):
                return Design(**{"state": mistakes.Unguarded, name: self.part})  # type: ignore[arg-type]
        raise TypeError(f"no part of a cluster: {self.part}")


VOTES, TERMS, LOGS = "5.2 and 5.4.1: who gets a vote", "5.1: a later term ends the own role", "5.3: equal logs"
AGREEMENT, DISK, READS = "5.3 and 5.4.2: what is agreed", "figure 2: on the disk before the reply", "8: reads"
MEMBERS, SNAPSHOTS, ONCE = "6: one change of members at a time", "7: snapshots", "8: every command once"
BUGS = (
    Bug("votes twice", VOTES, mistakes.VotesTwice, 1),
    Bug("votes for any log", VOTES, mistakes.VotesForAnyLog, 1),
    Bug("takes the longer log", VOTES, mistakes.TakesTheLongerLog, 9),
    Bug("counts pre-votes", VOTES, mistakes.CountsPreVotes, 0),
    Bug("stays leader", TERMS, mistakes.StaysLeader, 0),
    Bug("does not look back", LOGS, mistakes.DoesNotLookBack, 0),
    Bug("cuts what matches", LOGS, mistakes.CutsWhatMatches, 0),
    Bug("believes its own tail", LOGS, mistakes.BelievesItsOwnTail, 0),
    Bug("agrees on old terms", AGREEMENT, mistakes.AgreesOnOldTerms, 5),
    Bug("agrees with two of five", AGREEMENT, mistakes.AgreesWithTwoOfFive, 0),
    Bug("counts what it sent", AGREEMENT, mistakes.CountsWhatItSent, 0),
    Bug("answers before agreement", AGREEMENT, mistakes.AnswersBeforeAgreement, 0),
    Bug("forgets its vote", DISK, mistakes.ForgetsItsVote, 86),
    Bug("forgets its log", DISK, mistakes.ForgetsItsLog, 1),
    Bug("loses its disk", DISK, mistakes.LosesItsDisk, 1),
    Bug("speaks before the disk", DISK, mistakes.SpeaksBeforeTheDisk, 63),
    Bug("reads without asking", READS, mistakes.ReadsWithoutAsking, 6),
    Bug("answers when deposed", READS, mistakes.AnswersWhenDeposed, 15),
    Bug("reads before its no-op", READS, mistakes.ReadsBeforeItsNoOp, 0),
    Bug("changes two at once", MEMBERS, mistakes.ChangesTwoAtOnce, 0),
    Bug("snapshots one too far", SNAPSHOTS, mistakes.SnapshotsOneTooFar, 1),
    Bug("snapshots without sessions", SNAPSHOTS, mistakes.SnapshotsWithoutSessions, 33),
    Bug("no sessions", ONCE, mistakes.NoSessions, 4),
)


def shows(bug: Bug, seed: int) -> Broken | None:
    """The promise that breaks in the run with *seed*, or None if this run goes well."""
    try:
        raft_model.run(seed, bug.design)
    except Broken as broken:
        return broken
    return None


def found(bug: Bug, most: int = 200) -> tuple[int, Broken] | None:
    """The first of the seeds 0 to *most* - 1 in which the bug shows, and how; None if it never does."""
    return next(((seed, broken) for seed in range(most) if (broken := shows(bug, seed))), None)
