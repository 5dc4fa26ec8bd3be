"""A broker that is killed under load, again and again: is a message lost that it acknowledged, or back from the dead?

Three producers and two consumers; the broker gets SIGKILL two times a run at moments of its own and starts again on the
same file. The promise is broken if an acknowledged message is gone, a deleted one is back, a receive count does not add
up, two consumers hold one message, a run did nothing, or a process is left over.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
from minisys.queues.live import HIDDEN_S, Seen, kill_under_load

KILLS = 2
AGAIN = "`make soak PART=queues ROUNDS=30`: some 3 seconds a run."
COLUMNS = (
    "broker", "runs", "kills", "sent", "received", "deleted", "without an answer", "lost", "deleted and back",
    "miscounted", "held twice", "left over",
)  # fmt: skip
NOTE = f"""Three producers that send one message after the other, two consumers that receive up to ten and delete two \
of three; visibility timeout {HIDDEN_S} s; SQLite's log with fsync before each answer. Two SIGKILLs a run, each 0.1 to \
0.5 s after the broker was ready. At the end the queue is emptied and compared with what clients saw. Without an \
answer: sends, receives and deletes whose connection broke; each may have taken effect or not. A SIGKILL leaves the \
system's memory alone, so this shows the order of writing and answering, not the fsync."""


def soak(rounds: int, say: Say) -> Findings:
    """*rounds* runs."""
    runs, broken = [], []
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="soak-queues-") as folder:
            seen = kill_under_load(folder, kills=KILLS, seed=400 + number)
        runs.append(seen)
        found = seen.broken() + left_over()
        if not (seen.sent and seen.deleted):
            found.append("nothing was sent or deleted, so it shows nothing")
        broken += [f"queues, round {number + 1}: {line}" for line in found]
        told = f"{len(seen.sent)} sent, {len(seen.deleted)} deleted, {len(found)} promises broken"
        say(f"round {number + 1} of {rounds}: {told}")
    return Findings([Section("Messages lost: kill -9 of the broker", NOTE, COLUMNS, [row(runs)])], broken)


def row(runs: Sequence[Seen]) -> Sequence[str]:
    """The counts as text."""
    totals = (
        sum(run.kills for run in runs), sum(len(run.sent) for run in runs),
        sum(len(each) for run in runs for each in run.received.values()), sum(len(run.deleted) for run in runs),
        sum(len(run.perhaps_sent) + run.unanswered + len(run.perhaps_deleted) for run in runs),
        sum(len(run.lost()) for run in runs), sum(len(run.back()) for run in runs),
        sum(len(run.miscounted()) for run in runs), sum(len(run.held_twice()) for run in runs), len(left_over()),
    )  # fmt: skip
    return ("minisys", str(len(runs)), *(f"{total:,}" for total in totals))
