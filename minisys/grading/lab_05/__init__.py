"""Lab 05, content delivery: from a round trip by hand to an origin that survives its CDN's purge.

Six tasks, in order of depth. Each module holds the checks of one or two of them and says what it looks at; nothing is
hidden, so a learner who is stuck may read them. TASKS is what `checks.check("05", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_05 import headers, keys, offload, paper, purge

TASKS = (
    Task(1, "What distance costs, by hand", paper.DISTANCE),
    Task(2, "Trace an age by hand", paper.AGES),
    Task(3, "What reaches the origin", offload.OFFLOAD),
    Task(4, "Write a cache key", keys.KEYS),
    Task(5, "Write the headers of a shop", headers.HEADERS),
    Task(6, "An origin that survives its CDN's purge", purge.PURGE),
)
