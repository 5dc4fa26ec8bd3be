"""What became of every message of a run: one row each, from a queue or from a log.

"The queue works" says nothing. How long did the last order of the sale wait? Was any done twice, or out of order, or
never? The rows know.

Promised: every message sent is in exactly one state (`check`); times are seconds from the start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from minisys.testbed.trace import OUTCOMES, Trace

DONE, LOST, DEAD, REFUSED, SHED, EXPIRED, WAITING = "done", "lost", "dead", "refused", "shed", "expired", "waiting"
STATES = (DONE, LOST, DEAD, REFUSED, SHED, EXPIRED, WAITING)
COLUMNS = ("sent_s", "started_s", "done_s", "effects", "receives", "state", "key")
_OUTCOME = {DONE: "ok", REFUSED: "refused", WAITING: "unfinished"}


@dataclass(frozen=True)
class Delivered:
    """One pandas frame with the columns COLUMNS, in order of sending.

    started_s: when a consumer first began (NaN: never). done_s: when the work first took effect. effects: how often it
    did. receives: how often it was handed out. state: one of STATES at the end of the run.
    """

    frame: pd.DataFrame

    @property
    def wait_s(self) -> pd.Series:
        """Seconds from sent to done, NaN for what was not."""
        return (self.frame["done_s"] - self.frame["sent_s"]).rename("wait_s")

    def count(self, state: str) -> int:
        """How many messages ended so. Raises ValueError for a state there is not."""
        if state not in STATES:
            raise ValueError(f"a state is one of {', '.join(STATES)}, got {state!r}")
        return int((self.frame["state"] == state).sum())

    @property
    def twice(self) -> int:
        """Messages whose work took effect more than once."""
        return int((self.frame["effects"] > 1).sum())

    def out_of_order(self) -> int:
        """Messages done before one of the same key that was sent earlier."""
        done = self.frame.dropna(subset=["done_s"])
        latest = done.groupby("key")["done_s"].cummax()
        return int((done["done_s"] < latest).sum())

    def backlog(self, step_s: float = 1.0) -> pd.DataFrame:
        """The line in steps of *step_s* seconds: columns time_s and backlog (sent, not refused, not done).

        Raises ValueError for a step of 0 or less.
        """
        if not step_s > 0:
            raise ValueError(f"step_s must be above 0, got {step_s}")
        kept = self.frame[self.frame["state"] != REFUSED]
        ends = kept["done_s"].dropna().to_numpy()
        last = max([0.0, *kept["sent_s"].tail(1), *ends[-1:], float(ends.max()) if len(ends) else 0.0])
        times = np.arange(0.0, last + 2 * step_s, step_s)
        came = np.searchsorted(kept["sent_s"].to_numpy(), times, side="right")
        return pd.DataFrame({"time_s": times, "backlog": came - np.searchsorted(np.sort(ends), times, side="right")})

    def trace(self) -> Trace:
        """The same for the charts of requests: done is "ok", what waits is "unfinished", the rest failed."""
        frame = self.frame
        codes = [OUTCOMES.index(_OUTCOME.get(state, "failed")) for state in frame["state"]]
        ended = frame["done_s"].where(frame["state"] == DONE)
        return Trace.from_columns(
            frame["sent_s"], frame["started_s"], ended, np.zeros(len(frame), "i2"), ["consumers"], codes,
            frame["receives"].clip(1, 30_000), frame["key"],
        )  # fmt: skip

    def check(self) -> Delivered:
        """Itself, if it can be true. Raises ValueError if a message is in no state, or done and without effect."""
        frame = self.frame
        wrong = ~frame["state"].isin(STATES)
        wrong |= (frame["state"] == DONE) != ((frame["effects"] > 0) & (frame["state"] == DONE))
        wrong |= (frame["effects"] > 0) != frame["done_s"].notna()
        wrong |= frame["done_s"] < frame["sent_s"]
        wrong |= frame["state"].isin([LOST, REFUSED, EXPIRED]) & (frame["effects"] > 0)
        if wrong.any():
            raise ValueError(f"a message that cannot be: {frame[wrong].iloc[0].to_dict()}")
        return self
