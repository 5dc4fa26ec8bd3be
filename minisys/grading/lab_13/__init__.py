"""Lab 13, regions: five seconds of orders at most, a minute without service at most, and a budget.

Six tasks, in order of depth. Each module holds the checks of one of them and says what it looks at; nothing is hidden,
so a learner who is stuck may read them. TASKS is what `checks.check("13", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_13 import failover, final, names, paper, proof, schedule

TASKS = (
    Task(1, "Two numbers on paper", paper.PAPER),
    Task(2, "What to back up tonight", schedule.SCHEDULE),
    Task(3, "Would this backup bring it back?", proof.PROOF),
    Task(4, "Who promotes, and when", failover.FAILOVER),
    Task(5, "Health checks and a name", names.NAMES),
    Task(6, "The plan, within the budget", final.FINAL),
)
