"""Lab 08, queues: from the drain of a backlog to an outbox that may be killed between any two lines.

Seven tasks, in order of depth. Each module holds the checks of one or two of them and says what it looks at; nothing is
hidden, so a learner who is stuck may read them. TASKS is what `checks.check("08", …)` runs.
"""

from __future__ import annotations

from minisys.grading.checks import Task
from minisys.grading.lab_08 import consumer, drain, groups, outbox, pressure, retry, visibility

TASKS = (
    Task(1, "How many consumers for half the drain?", drain.DRAIN),
    Task(2, "When does it come back? By hand", visibility.VISIBILITY),
    Task(3, "Try again, or give up", retry.RETRY),
    Task(4, "Order where it is needed", groups.ORDER),
    Task(5, "How long may the line be?", pressure.PRESSURE),
    Task(6, "A consumer that may be killed anywhere", consumer.CONSUMER),
    Task(7, "An outbox", outbox.OUTBOX),
)
