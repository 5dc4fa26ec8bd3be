"""What happened to every request: one row each, and everything the reader sees is drawn from these rows.

"The site was slow around eleven" is a feeling. A trace says which requests, how slow, served by whom, at which
attempt. Theory, simulation and the live system are compared on nothing else.

Promised: fixed columns, one row a request, in order of arrival; nothing is counted twice or lost (`check`).
Not kept here: what happened between the moments in the columns (hops, bytes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

OUTCOMES = ("ok", "refused", "failed", "timeout", "unfinished")
BAD = ["failed", "refused", "timeout"]
COLUMNS = ("sent_s", "started_s", "finished_s", "server", "outcome", "attempts", "key")


def significant(value: float, digits: int = 4) -> float:
    """*value* rounded to *digits* significant digits: the last bits of a float differ between processors."""
    return value if not isfinite(value) or value == 0 else round(value, digits - 1 - floor(log10(abs(value))))


@dataclass(frozen=True)
class Trace:
    """One pandas frame with the columns sent_s, started_s, finished_s, server, outcome, attempts, key.

    Times are seconds from the start: sent_s when the user meant to send, started_s when service began, finished_s when
    the user had the answer or the error (NaN: never). server is the one that answered (NaN: none).
    """

    frame: pd.DataFrame

    @classmethod
    def from_columns(
        cls,
        sent_s: Any,
        started_s: Any,
        finished_s: Any,
        server_code: Any,
        servers: Sequence[str],
        outcome_code: Any,
        attempts: Any,
        key: Any,
    ) -> Trace:
        """A trace from equally long arrays; server_code counts into *servers* (-1: none), outcome_code into OUTCOMES.

        Raises ValueError if the lengths differ or a code names nothing.
        """
        frame = pd.DataFrame(
            {
                "sent_s": np.asarray(sent_s, dtype="f8"),
                "started_s": np.asarray(started_s, dtype="f8"),
                "finished_s": np.asarray(finished_s, dtype="f8"),
                "server": _category(server_code, servers),
                "outcome": _category(outcome_code, OUTCOMES),
                "attempts": np.asarray(attempts, dtype="i2"),
                "key": np.asarray(key, dtype="i8"),
            }
        )
        return cls(frame)

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, rows: slice) -> Trace:
        return Trace(self.frame.iloc[rows].reset_index(drop=True))

    @property
    def servers(self) -> list[str]:
        """The names of the servers, also of those that answered nothing."""
        return list(self.frame["server"].cat.categories)

    @property
    def latency_s(self) -> pd.Series:
        """Seconds from sent to answered, NaN for every request that did not end well."""
        latency = self.frame["finished_s"] - self.frame["sent_s"]
        return latency.where(self.frame["outcome"] == "ok").rename("latency_s")

    def count(self, outcome: str) -> int:
        """How many requests ended as *outcome*, one of OUTCOMES. Raises ValueError for any other word."""
        if outcome not in OUTCOMES:
            raise ValueError(f"unknown outcome {outcome!r}; known: {', '.join(OUTCOMES)}")
        return int((self.frame["outcome"] == outcome).sum())

    def percentile(self, q: float) -> float:
        """The latency in seconds that *q* % of the answered requests do not exceed; NaN if none was answered."""
        if not 0 <= q <= 100:
            raise ValueError(f"a percentile lies between 0 and 100, got {q}")
        answered = self.latency_s.dropna().to_numpy()
        return float(np.percentile(answered, q)) if len(answered) else float("nan")

    def percentiles(self, qs: Sequence[float] = (50, 95, 99)) -> tuple[float, ...]:
        """Several percentiles of the latency, in seconds."""
        return tuple(self.percentile(q) for q in qs)

    @property
    def span_s(self) -> float:
        """Seconds from the first request sent to the last moment in the trace."""
        last = self.frame[["sent_s", "finished_s"]].max().max()
        return float(last - self.frame["sent_s"].min()) if len(self) else 0.0

    @property
    def throughput_per_s(self) -> float:
        """Requests answered a second."""
        return self.count("ok") / self.span_s if self.span_s else 0.0

    def goodput_per_s(self, within_s: float) -> float:
        """Requests answered within *within_s* seconds, a second: an answer too late helps nobody."""
        return float((self.latency_s <= within_s).sum()) / self.span_s if self.span_s else 0.0

    @property
    def availability(self) -> float:
        """Share of the finished requests that ended well (unfinished ones are not counted); NaN if none finished."""
        finished = len(self) - self.count("unfinished")
        return self.count("ok") / finished if finished else float("nan")

    def per_second(self, step_s: float = 1.0) -> pd.DataFrame:
        """A row for each *step_s* seconds in which requests were sent: second, sent, ok, failed, p50_s, p99_s.

        Raises ValueError unless step_s is positive.
        """
        if not step_s > 0:
            raise ValueError(f"step_s must be above 0 seconds, got {step_s}")
        frame = self.frame.assign(latency_s=self.latency_s, second=np.floor(self.frame["sent_s"] / step_s) * step_s)
        groups = frame.groupby("second")
        return pd.DataFrame(
            {
                "sent": groups.size(),
                "ok": groups["outcome"].agg(lambda column: int((column == "ok").sum())),
                "failed": groups["outcome"].agg(lambda column: int(column.isin(BAD).sum())),
                "p50_s": groups["latency_s"].quantile(0.50),
                "p99_s": groups["latency_s"].quantile(0.99),
            }
        ).reset_index()

    def by_server(self, step_s: float = 1.0) -> pd.DataFrame:
        """Requests answered well in each *step_s* seconds (of the answer) by each server: second, server, ok."""
        ok = self.frame[self.frame["outcome"] == "ok"]
        second = (np.floor(ok["finished_s"] / step_s) * step_s).rename("second")
        return ok.groupby([second, ok["server"]], observed=False).size().rename("ok").reset_index()

    def check(self) -> Trace:
        """This trace, after checking that no request is lost, counted twice or served before it was sent.

        Raises ValueError with the first row that breaks a rule.
        """
        f = self.frame
        done, served = f["outcome"] != "unfinished", f["outcome"] == "ok"
        rules = {
            "requests must be in order of sending": f["sent_s"].diff().fillna(0) >= 0,
            "who has finished has a time of it, and nobody else": f["finished_s"].notna() == done,
            "nobody is served before they ask": ~(f["started_s"] < f["sent_s"] - 1e-9),
            "nothing finishes before it starts": ~(f["finished_s"] < f[["started_s", "sent_s"]].max(axis=1) - 1e-9),
            "an answered request was answered by somebody": ~served | f["server"].notna(),
            "every request has an outcome": f["outcome"].notna(),
        }
        for rule, holds in rules.items():
            if not holds.all():
                row = int(np.flatnonzero(~holds.to_numpy())[0])
                raise ValueError(f"row {row} of the trace breaks a rule: {rule}; it is {f.iloc[row].to_dict()}")
        return self

    def summary(self) -> dict[str, float]:
        """The trace in one row, rounded to 4 significant digits."""
        p50, p95, p99 = self.percentiles()
        exact = {"mean_s": float(self.latency_s.mean()), "p50_s": p50, "p95_s": p95, "p99_s": p99}
        exact |= {"throughput_per_s": self.throughput_per_s, "availability": self.availability}
        return {"requests": len(self)} | {name: significant(value) for name, value in exact.items()}

    def to_parquet(self, path: str | Path) -> None:
        """Write the trace to *path* as Parquet."""
        self.frame.to_parquet(path)

    def to_csv(self, path: str | Path) -> None:
        """Write the trace to *path* as CSV."""
        self.frame.to_csv(path, index=False)

    @classmethod
    def from_parquet(cls, path: str | Path) -> Trace:
        """Read what to_parquet wrote. Raises ValueError if a column is missing or a row breaks a rule."""
        return cls._of_frame(pd.read_parquet(path), path)

    @classmethod
    def from_csv(cls, path: str | Path) -> Trace:
        """Read what to_csv wrote. Raises ValueError if a column is missing or a row breaks a rule."""
        return cls._of_frame(pd.read_csv(path), path)

    @classmethod
    def _of_frame(cls, frame: pd.DataFrame, path: str | Path) -> Trace:
        missing = [name for name in COLUMNS if name not in frame]
        if missing:
            raise ValueError(f"{path}: column {missing[0]!r} is missing; it has {', '.join(map(str, frame.columns))}")
        unknown = set(frame["outcome"].dropna().astype(str)) - set(OUTCOMES)
        if unknown:
            raise ValueError(f"{path}: unknown outcome {sorted(unknown)[0]!r}; known: {', '.join(OUTCOMES)}")
        server = pd.Categorical(frame["server"])
        outcome = pd.Categorical(frame["outcome"], categories=list(OUTCOMES))
        names = [str(name) for name in server.categories]
        return cls.from_columns(
            frame["sent_s"], frame["started_s"], frame["finished_s"], server.codes, names, outcome.codes,
            frame["attempts"], frame["key"],
        ).check()  # fmt: skip


def _category(codes: Any, names: Sequence[str]) -> Any:
    return pd.Categorical.from_codes(np.asarray(codes), dtype=pd.CategoricalDtype(list(names)))


def band(
    traces: Sequence[Trace], statistic: Callable[[Trace], float], confidence: float = 0.99
) -> tuple[float, float, float]:
    """The mean of *statistic* over runs with different seeds and its *confidence* interval: (low, mean, high).

    Student's t. Raises ValueError for fewer than two runs: one run says nothing about its own luck.
    """
    from scipy.special import stdtrit

    if len(traces) < 2:
        raise ValueError(f"a band needs at least 2 runs, got {len(traces)}: simulate with more seeds")
    values = np.array([statistic(trace) for trace in traces], dtype=float)
    half = stdtrit(len(values) - 1, 0.5 + confidence / 2) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean()), float(values.mean() + half)
