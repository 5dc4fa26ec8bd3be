"""Lab 07, sharding: from a count of moved keys by hand to a shard key that stands traffic nobody has seen.

Six tasks, in order of depth. Each module holds the checks of one of them and says what it looks at; nothing is hidden,
so a learner who is stuck may read them. TASKS is what `checks.check("07", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_07 import bounded, business, client, moving, paper, points

TASKS = (
    Task(1, "What moves, by hand", paper.MOVEMENT),
    Task(2, "How many points on the ring?", points.POINTS),
    Task(3, "A ring with bounded loads", bounded.BOUNDED),
    Task(4, "A client that follows", client.CLIENT),
    Task(5, "A slot mover that loses nothing", moving.MOVER),
    Task(6, "A shard key for three businesses", business.BUSINESS),
)
