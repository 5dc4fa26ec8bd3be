"""Lab 06, task 5: five clusters, each with one rule broken. Which? The evidence is what was seen, not the code.

An incident review has a timeline of what clients were told, and what the servers noted. Here five clusters of the model
had one each. The learner names the broken rule; the judge repairs exactly this rule and lets the cluster run again
through the same day and some others. If it was another rule, something still breaks, and the report shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_06 import words
from minisys.replication import raft_bugs, raft_model
from minisys.replication import raft_mistakes as mistakes
from minisys.replication.history import Operation
from minisys.replication.raft import LEADER, Output
from minisys.replication.raft_cluster import Design, Server
from minisys.replication.raft_invariants import Broken, Invariants
from minisys.replication.raft_messages import COMMAND, Entry, SaveVote, VoteReply

RULES: dict[str, Any] = {
    "one vote a term": mistakes.VotesTwice,
    "votes only for complete logs": mistakes.VotesForAnyLog,
    "the vote is on the disk": mistakes.ForgetsItsVote,
    "agreed is what a majority has": mistakes.AgreesWithTwoOfFive,
    "answer a write after it is agreed": mistakes.AnswersBeforeAgreement,
    "ask a majority before a read": mistakes.ReadsWithoutAsking,
    "a repeated command counts once": mistakes.NoSessions,
    "compare what stands before": mistakes.DoesNotLookBack,
}
INCIDENTS = {  # the broken rule, and the day on which it showed
    "agate": ("a repeated command counts once", 41),
    "basalt": ("votes only for complete logs", 1),
    "chalk": ("ask a majority before a read", 24),
    "dolomite": ("agreed is what a majority has", 0),
    "emery": ("the vote is on the disk", 86),
}
LOOK = {
    "linearizable": "what was the client told that cannot be, and was it a read or a write? What would make it true?",
    "election safety": "two leaders in one term: who voted for both, and what happened to that server in between?",
    "leader completeness": "who had the entry when it was called agreed, and is that three of five? If so, "
    "who voted for a leader without it?",
}
OTHER_DAYS = (2_003,)


class Diary(Invariants):
    """The servers' notes of one run: who stands, votes, leads, restarts; the assertions go on beside."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.known: dict[str, Server] = {}
        self.had: dict[tuple[str, object], str] = {}  # who had a written (key, value) when it was first carried out

    def stepped(self, server: Server, out: Output) -> None:
        """Note it, then check it."""
        name, raft = server.name, server.raft
        if self.known.get(name) is not server and name in self.known:
            self._note(server, f"{name} restarts in term {raft.state.term}, its vote: {raft.state.voted_for or 'none'}")
        self.known[name] = server
        if any(isinstance(record, SaveVote) and record.voted_for == name for record in out.records):
            last = f"term {raft.state.last_term}, index {raft.state.last_index}"
            self._note(server, f"{name} stands in term {raft.state.term}; its log ends in {last}")
        for message in out.messages:
            if isinstance(message, VoteReply) and message.granted and not message.pre:
                self._note(server, f"{name} votes for {message.to} in term {message.term}")
        if raft.role == LEADER and self.leaders.get(raft.state.term) != name:
            self._note(server, f"{name} leads in term {raft.state.term}")
        super().stepped(server, out)

    def applied(self, server: Server, entry: Entry) -> None:
        """Note on whose disks a write is by now."""
        if entry.kind == COMMAND and entry.data["kind"] == "write" and entry.index not in self.agreed:
            have = [n for n, s in sorted(self.known.items()) if s.disk.state().term_at(entry.index) == entry.term]
            self.had[entry.data["key"], entry.data["value"]] = ", ".join(have)
        super().applied(server, entry)

    def _note(self, server: Server, line: str) -> None:
        self.lines.append(f"{server.network.loop.now:7.3f} s  {line}")

    def who_has(self, index: int) -> str:
        """Which of the servers had the agreed entry at *index* in its log, in the end."""
        entry, _ = self.agreed[index]
        have = [
            name
            for name, server in sorted(self.known.items())
            if index <= server.raft.state.snapshot.index or server.raft.state.term_at(index) == entry.term
        ]
        return f"entry {index} of term {entry.term} is in the logs of {', '.join(have)}"


def _design(cluster: str) -> tuple[int, Design]:
    if cluster not in INCIDENTS:
        raise ValueError(f"cluster must be one of {', '.join(INCIDENTS)}, got {cluster!r}")
    rule, day = INCIDENTS[cluster]
    return day, raft_bugs.Bug(cluster, rule, RULES[rule], day).design


@lru_cache(maxsize=8)
def incident(cluster: str) -> tuple[Broken, tuple[str, ...]]:
    """What broke on the day of the incident, and the notes of that day. Raises ValueError for an unknown cluster."""
    (day, design), diary = _design(cluster), Diary()
    try:
        raft_model.run(day, design, diary)
    except Broken as broken:
        more = [diary.who_has(broken.index)] if broken.index else []
        for write in (operation for operation in broken.operations if operation.kind == "write"):
            where = diary.had.get((write.key, write.value), "nobody")
            more.append(f"{words.says(write)} was on the disks of {where} when the primary carried it out")
        return broken, (*diary.lines, *more)
    raise RuntimeError(f"{cluster} had no incident on day {day}: the model has changed, store another day")


def evidence(cluster: str, last: int = 12) -> str:
    """The incident as a report: which promise broke, and the servers' *last* notes before it showed."""
    broken, notes = incident(cluster)
    if broken.operations:
        notes = tuple(line for line in notes if "on the disks of" in line)
    return "\n".join([f"{cluster}: {_said(broken)}", *notes[-last:]])


def _said(broken: Broken) -> str:
    """Which promise broke; what clients were told in the words of the timeline."""
    if not broken.operations:
        return str(broken)
    return f"clients were told what cannot be:\n{words.told(broken.operations)}"


def told(cluster: str) -> tuple[Operation, ...]:
    """What clients were told about this key at the time, for a timeline; empty if the servers noticed it first."""
    broken, _ = incident(cluster)
    if not broken.operations:
        return ()
    first = min(operation.invoked_s for operation in broken.operations)
    last = max(operation.invoked_s for operation in broken.operations)
    known = [o for o in broken.history.of(broken.operations[0].key) if o.kind != "read" or o.outcome == "ok"]
    near = [o for o in known if o.end_s >= first and o.invoked_s <= last + 0.6]
    more = [operation for operation in near[:12] if operation not in broken.operations]
    return tuple(sorted([*broken.operations, *more], key=lambda o: o.invoked_s))


def repaired(cluster: str, rule: str) -> Design:
    """The cluster after *rule* was put right, whether that was the broken one or not."""
    _, design = _design(cluster)
    return Design(state=mistakes.Unguarded) if rule == INCIDENTS[cluster][0] else design


def names_five_rules(diagnose: Callable[[], dict[str, str]]) -> str:
    """One of the rules for each cluster."""
    answer = diagnose()
    if not isinstance(answer, dict) or set(answer) != set(INCIDENTS):
        raise Wrong(repr(answer), expected=f"a dict with the keys {', '.join(INCIDENTS)}")
    for cluster, rule in answer.items():
        if str(rule) not in RULES:
            raise Wrong(f"{cluster}: {rule!r}", expected=f"one of {'; '.join(RULES)}")
    return "a rule for each"


def _runs_when_repaired(cluster: str, diagnose: Callable[[], dict[str, str]]) -> str:
    rule = diagnose()[cluster]
    for day in (INCIDENTS[cluster][1], *OTHER_DAYS):
        try:
            raft_model.run(day, repaired(cluster, rule))
        except Broken as broken:
            given = f'{cluster} with "{rule}" put right, day {day}'
            look = LOOK.get(broken.promise, "")
            raise Wrong(f"still broken: {_said(broken)}", given=given, expected="a good day", look=look) from None
    return f'with "{rule}" put right it runs'


BROKEN = (
    Check("there is a rule for each cluster", names_five_rules),
    *(
        Check(
            f"{cluster} runs when this rule is put right",
            words.once_valid(names_five_rules, partial(_runs_when_repaired, cluster)),
            60.0,
        )
        for cluster in INCIDENTS
    ),
)
