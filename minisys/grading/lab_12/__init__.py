"""Lab 12, chaos: from what an experiment can show to four planted weaknesses, found, proved and repaired.

Six tasks, in order of depth. Each module holds the checks of one or two of them and says what it looks at; nothing is
hidden, so a learner who is stuck may read them. TASKS is what `checks.check("12", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_12 import hunt, judging, live, minimal, paper, radius

TASKS = (
    Task(1, "What an experiment can show", paper.PAPER),
    Task(2, "A hypothesis that can be false", judging.JUDGING),
    Task(3, "The blast radius", radius.RADIUS),
    Task(4, "Four planted weaknesses", hunt.HUNT),
    Task(5, "The smallest plan", minimal.MINIMAL),
    Task(6, "Prove it live", live.LIVE),
)
