"""Lab 04, caching: from "change and explain" to a write race that is closed for good.

Six tasks, in order of depth. Each module holds the checks of one or two of them and says what it looks at; nothing is
hidden, so a learner who is stuck may read them. TASKS is what `checks.check("04", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_04 import choices, flight, paper, races, sieve

TASKS = (
    Task(1, "Change and explain", paper.CHANGE_AND_EXPLAIN),
    Task(2, "The cache is gone", paper.LOST_CACHE),
    Task(3, "Write SIEVE", sieve.SIEVE),
    Task(4, "Write single flight", flight.SINGLE_FLIGHT),
    Task(5, "Pick a policy for four workloads", choices.CHOICES),
    Task(6, "Fix the race", races.RACE),
)
