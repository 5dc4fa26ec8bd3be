"""Lab 11, observability and recovery: from a percentile out of buckets to a runbook that repairs live processes.

Six tasks, in order of depth. Each module holds the checks of one or two of them and says what it looks at; nothing is
hidden, so a learner who is stuck may read them. TASKS is what `checks.check("11", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_11 import alerting, buckets, causes, fleet, paper, runbook

TASKS = (
    Task(1, "A percentile out of buckets", buckets.BUCKETS),
    Task(2, "A percentile of the whole fleet", fleet.FLEET),
    Task(3, "A budget by hand", paper.BUDGET),
    Task(4, "Write the alert", alerting.ALERT),
    Task(5, "Find the cause in traces", causes.CAUSES),
    Task(6, "Write the runbook", runbook.RUNBOOK),
)
