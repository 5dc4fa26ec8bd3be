"""Lab 10, resilience: save the chain. From one wait with jitter to a chain judged live under troubles not seen before.

Five tasks, in order of depth. Each module holds the checks of one of them and says what it looks at; nothing is hidden,
so a learner who is stuck may read them. TASKS is what `checks.check("10", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_10 import backoff, breaking, budget, saving, shedding

TASKS = (
    Task(1, "Wait, but not together", backoff.BACKOFF),
    Task(2, "Who pays for retries?", budget.BUDGET),
    Task(3, "A breaker", breaking.BREAKER),
    Task(4, "No, in time", shedding.SHEDDING),
    Task(5, "Save the chain", saving.SAVED),
)
