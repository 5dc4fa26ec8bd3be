"""Lab 14, the capstone: an architecture for a bicycle rental, as text, judged on evenings it has not seen.

Six tasks, in order of depth. Each module holds the checks of one of them and says what it looks at; nothing is hidden,
so a learner who is stuck may read them. TASKS is what `checks.check("14", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_14 import bank, budget, final, paper, peak, zones
from minisys.grading.lab_14.scene import to_paste

TASKS = (
    Task(1, "The busiest hour on paper", paper.PAPER),
    Task(2, "A text that holds the busiest hour", tuple(map(to_paste, peak.PEAK))),
    Task(3, "Any copy, any zone", tuple(map(to_paste, zones.ZONES))),
    Task(4, "The bank hangs, the cache is empty", tuple(map(to_paste, bank.BANK))),
    Task(5, "All that, within the budget", tuple(map(to_paste, budget.WITHIN))),
    Task(6, "Evenings you have not seen", tuple(map(to_paste, final.FINAL))),
)
