"""What a service's process is told beyond its command line: policies, and random numbers drawn before the run.

The policies remember things, so they are objects and not settings; they travel as a pickle, in a file of this machine
that live.py writes into its own folder. The numbers are the model's own, so that both worlds meet the same luck.

Promised: number n of a table is what the n-th call gets, in the model and here; at its end a table begins again. Never
read a job that somebody else wrote: a pickle may run anything.
"""

from __future__ import annotations

import pickle
import random
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from minisys.resilience.defences import Defences, Protection


class Table(random.Random):
    """A random.Random whose random() gives *numbers* in turn; uniform() and the like follow from them."""

    def __new__(cls, numbers: Iterable[float]) -> Table:
        return super().__new__(cls)

    def __init__(self, numbers: Iterable[float]) -> None:
        super().__init__(0)
        self.numbers: Iterator[float] = cycle(numbers)

    def random(self) -> float:
        """The next number."""
        return next(self.numbers)


@dataclass(frozen=True)
class Job:
    """Tables of *work* (seconds; empty: X-Work-S counts), *luck* and *jitter* (0 to 1; empty: drawn by the process),
    the *protection* of the service, and its *defences* as a caller of the next.
    """

    work: array = field(default_factory=lambda: array("d"))
    luck: array = field(default_factory=lambda: array("d"))
    jitter: array = field(default_factory=lambda: array("d"))
    protection: Protection = Protection()
    defences: Defences = Defences()

    def write(self, path: Path) -> None:
        """Write it to *path*."""
        path.write_bytes(pickle.dumps(self))


def read(path: str | None) -> Job:
    """The job in *path*; an empty one without a path. Raises ValueError if the file holds something else."""
    found = Job() if path is None else pickle.loads(Path(path).read_bytes())
    if not isinstance(found, Job):
        raise ValueError(f"{path} must hold a Job, it holds {type(found).__name__}")
    return found


def numbers(table: array, seed: str) -> random.Random:
    """The table, or, where it is empty, random numbers from *seed*."""
    return Table(table) if table else random.Random(seed)
