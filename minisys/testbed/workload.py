"""The requests themselves, drawn before anything runs: five columns that every policy and every world meets alike.

Two policies are compared, and one of them happened to get the easier hour: then the comparison is worth nothing. A
Workload is data. The same arrivals, the same work and even the same luck go to the simulation, its compiled twin, our
own servers and the products.

Promised: one seed gives the same requests in every process; each column has its own stream of random numbers, so that
another law for the work leaves the arrivals as they were. Not kept here: what happened (that is the Trace).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd

from minisys.testbed.arrivals import Arrivals, Bursts, Constant, DayCurve, FlashSale, Poisson, Ramp
from minisys.testbed.laws import (
    Bimodal,
    Deterministic,
    Exponential,
    Gamma,
    HotSet,
    Keys,
    Lognormal,
    Pareto,
    Uniform,
    Work,
    Zipf,
)

__all__ = [
    "Bimodal", "Bursts", "Constant", "DayCurve", "Deterministic", "Exponential", "FlashSale", "Gamma", "HotSet",
    "Lognormal", "Pareto", "Poisson", "Ramp", "Uniform", "Workload", "Zipf", "stream", "uniform_luck", "workload",
]  # fmt: skip
KINDS = {"arrival_s": "f8", "work_s": "f8", "key": "i8", "size": "i8", "luck": "f8"}
A_THOUSAND = Uniform(1000)  # keys, where nobody asks for others


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of random numbers called *name* under *seed*: the same in every process, apart from all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(name.encode()),)))


def uniform_luck(n: int, seed: int) -> np.ndarray:
    """*n* uniform numbers in [0, 1): the one random number that a policy may use for each request."""
    return stream(seed, "luck").random(n)


@dataclass(frozen=True)
class Workload:
    """Requests to serve, as NumPy columns of equal length.

    arrival_s: seconds from the start, never decreasing. work_s: seconds of service on a server of speed 1. key: what
    is asked for. size: bytes of the answer. luck: uniform in [0, 1).
    Raises ValueError, naming the row and the value, for a column of another length or a value out of range.
    """

    arrival_s: np.ndarray
    work_s: np.ndarray
    key: np.ndarray
    size: np.ndarray
    luck: np.ndarray

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            column = np.ascontiguousarray(getattr(self, name), dtype=kind)
            object.__setattr__(self, name, column)
            if len(column) != len(self.arrival_s):
                raise ValueError(f"column {name} has {len(column)} rows, arrival_s has {len(self.arrival_s)}")
        if found := problem({name: getattr(self, name) for name in KINDS}):
            raise ValueError("request {} (from 0): {}".format(*found))

    def __len__(self) -> int:
        return len(self.arrival_s)

    def __getitem__(self, rows: slice) -> Workload:
        return Workload(*(getattr(self, name)[rows] for name in KINDS))

    @property
    def rate_per_s(self) -> float:
        """Requests a second, from the start to the last arrival."""
        return len(self) / float(self.arrival_s[-1]) if len(self) and self.arrival_s[-1] > 0 else 0.0

    @property
    def offered_erlangs(self) -> float:
        """Offered load: seconds of work arriving per second, so many servers are busy at the least."""
        return self.rate_per_s * float(self.work_s.mean()) if len(self) else 0.0

    def frame(self) -> pd.DataFrame:
        """The workload as a pandas frame."""
        return pd.DataFrame({name: getattr(self, name) for name in KINDS})

    def to_csv(self, path: str | Path) -> None:
        """Write the requests to *path* as CSV, exactly."""
        self.frame().to_csv(path, index=False)

    def to_parquet(self, path: str | Path) -> None:
        """Write the requests to *path* as Parquet."""
        self.frame().to_parquet(path)

    @classmethod
    def from_csv(cls, path: str | Path, *, seed: int = 0) -> Workload:
        """Replay requests recorded in *path*: columns arrival_s and work_s; key, size and luck if they are there.

        Raises ValueError with the line number and the bad value.
        """
        return _replayed(pd.read_csv(path, dtype=str, keep_default_na=False), path, seed, first_line=2)

    @classmethod
    def from_parquet(cls, path: str | Path, *, seed: int = 0) -> Workload:
        """Replay requests recorded in *path*; columns as in from_csv. Raises ValueError with the row and the value."""
        return _replayed(pd.read_parquet(path), path, seed, first_line=1)


def workload(
    n: int, *, arrivals: Arrivals, work: Work, keys: Keys = A_THOUSAND, size: int = 1000, seed: int
) -> Workload:  # fmt: skip
    """*n* requests that follow the laws *arrivals*, *work* and *keys*, each with *size* bytes of answer.

    Raises ValueError if n is below 1.
    """
    if n < 1:
        raise ValueError(f"a workload needs at least 1 request, got {n}")
    arrival_s, work_s = arrivals.sample(n, stream(seed, "arrivals")), work.sample(n, stream(seed, "work"))
    return Workload(arrival_s, work_s, keys.sample(n, stream(seed, "keys")), np.full(n, size), uniform_luck(n, seed))


def problem(columns: dict[str, np.ndarray]) -> tuple[int, str] | None:
    """The first bad row of *columns* and what is wrong with it, or None."""
    arrival = columns["arrival_s"]
    bad: Sequence[tuple[np.ndarray, str, str]] = (
        (~(np.isfinite(arrival) & (arrival >= 0)), "arrival_s", "must be 0 or more seconds"),
        (np.r_[False, np.diff(arrival) < 0], "arrival_s", "must not be earlier than the request before it"),
        (~(np.isfinite(columns["work_s"]) & (columns["work_s"] >= 0)), "work_s", "must be 0 or more seconds"),
        (columns["size"] < 0, "size", "must be 0 or more bytes"),
        (~((columns["luck"] >= 0) & (columns["luck"] < 1)), "luck", "must lie in [0, 1)"),
    )
    found = [(int(np.argmax(rows)), name, rule) for rows, name, rule in bad if rows.any()]
    if not found:
        return None
    row, name, rule = min(found)
    return row, f"{name} {rule}, got {columns[name][row]}"


def _replayed(frame: pd.DataFrame, path: str | Path, seed: int, first_line: int) -> Workload:
    """A workload of *frame*; errors name the line of the file."""
    missing = [name for name in ("arrival_s", "work_s") if name not in frame]
    if missing:
        raise ValueError(f"{path}: column {missing[0]!r} is missing; it has {', '.join(map(str, frame.columns))}")
    columns = {"key": np.zeros(len(frame)), "size": np.full(len(frame), 1000), "luck": uniform_luck(len(frame), seed)}
    for name in KINDS:
        if name in frame:
            numbers = pd.to_numeric(frame[name], errors="coerce")
            if numbers.isna().any():
                row = int(np.flatnonzero(numbers.isna())[0])
                bad = frame[name].iloc[row]
                raise ValueError(f"{path}, line {row + first_line}: {name} must be a number, got {bad!r}")
            columns[name] = numbers.to_numpy()
    if found := problem(columns):
        raise ValueError(f"{path}, line {found[0] + first_line}: {found[1]}")
    return Workload(*(columns[name] for name in KINDS))
