"""Lab 09, autoscaling: from Kubernetes' arithmetic on paper to a policy for evenings that nobody has seen.

Six tasks, in order of depth. Each module holds the checks of one or two of them and says what it looks at; nothing is
hidden, so a learner who is stuck may read them. TASKS is what `checks.check("09", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_09 import boots, flapping, judging, leaving, paper, rule

TASKS = (
    Task(1, "Kubernetes by hand", paper.ARITHMETIC),
    Task(2, "Boot time or rule?", boots.BOOTS),
    Task(3, "Tolerance, and a window", rule.RULE),
    Task(4, "Why it flaps", flapping.FLAPPING),
    Task(5, "Scale in and lose nothing", leaving.LEAVING),
    Task(6, "A policy for evenings you have not seen", judging.JUDGED),
)
