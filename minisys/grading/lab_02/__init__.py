"""Lab 02, scaling: from a figure by hand to a plan that holds when a machine is lost, and carts that outlive one.

Seven tasks, in order of depth. Each module holds the checks of one or two of them and says what it looks at; nothing is
hidden, so a learner who is stuck may read them. TASKS is what `checks.check("02", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_02 import carts, fitting, paper, planning, predicting, throughput

TASKS = (
    Task(1, "Change and explain", paper.CHANGE_AND_EXPLAIN),
    Task(2, "Staff it by hand", paper.BY_HAND),
    Task(3, "Measure throughput", throughput.THROUGHPUT),
    Task(4, "Fit the law", fitting.FIT),
    Task(5, "Predict what you have not measured", predicting.PREDICT),
    Task(6, "Plan the capacity", planning.PLAN),
    Task(7, "Carts that outlive their server", carts.CARTS),
)
