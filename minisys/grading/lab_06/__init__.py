"""Lab 06, replication: from "change and explain" to finding what is wrong with five broken replicas.

Six tasks, in order of depth. Each module holds the checks of one or two of them and says what it looks at; nothing is
hidden, so a learner who is stuck may read them. TASKS is what `checks.check("06", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_06 import broken, needs, paper, register, vote

TASKS = (
    Task(1, "Change and explain", paper.CHANGE_AND_EXPLAIN),
    Task(2, "Quorums with paper and pencil", paper.QUORUMS),
    Task(3, "Make a quorum register linearizable", register.REGISTER),
    Task(4, "Write the vote rule", vote.VOTE),
    Task(5, "Find the bug in five broken replicas", broken.BROKEN),
    Task(6, "A mode for each need", needs.NEEDS),
)
