"""Lab 03, load balancing: from "change and explain" to a policy that wins in simulation and live.

Six tasks, in order of depth. Each module holds the checks of one or two of them and says what it looks at; nothing is
hidden, so a learner who is stuck may read them. TASKS is what `checks.check("03", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_03 import choices, health, paper, replacement, slow

TASKS = (
    Task(1, "Change and explain", paper.CHANGE_AND_EXPLAIN),
    Task(2, "Trace by hand", paper.TRACE_BY_HAND),
    Task(3, "Write two choices", choices.TWO_CHOICES),
    Task(4, "Write a health rule", health.HEALTH_RULE),
    Task(5, "Beat least connections when one backend is slow", slow.SLOW_BACKEND),
    Task(6, "Replace a backend, and nobody notices", replacement.REPLACEMENT),
)
