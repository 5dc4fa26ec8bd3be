"""A trace cut into the six moments at which each request moves on, ready to be drawn at any time.

What exactly is on the screen at 2.54 s? Somebody who distrusts an animation can ask the film: `film.at(2.54)` counts
the requests at each place, `film.by_server(2.54)` those waiting and in service. The page draws nothing else.

Promised: at every moment the counts add up to all requests. Travel takes drawing time only, so servers are shown two
hops later than in the trace. Not known here: where an earlier attempt of a retried request failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from minisys.testbed.marks import number
from minisys.testbed.trace import OUTCOMES, Trace

PLACES = ("not sent", "to the balancer", "to a server", "waiting", "in service", "on the way back", "done")
HOP = 0.45  # seconds of watching for one hop
NEVER = 1e9


@dataclass(frozen=True)
class Film:
    """What a playback shows: for each request the six moments at which it moves on to the next of PLACES.

    *moments* is an array of n × 6 seconds: sent, at the balancer, at the server, service begins, service ends, home;
    a moment that never comes is 1e9. *server* counts into *names* (-1: none), *outcome* into OUTCOMES. *hop_s* is the
    time a hop takes in the drawing, *begin_s* and *end_s* are the first and last moment.
    """

    moments: np.ndarray
    server: np.ndarray
    outcome: np.ndarray
    attempts: np.ndarray
    names: list[str]
    hop_s: float
    begin_s: float
    end_s: float

    @classmethod
    def of(
        cls, trace: Trace, requests: int = 300, start_s: float = 0.0, watch_s: float = 30.0, *, drain: bool = True
    ) -> Film:
        """The first *requests* requests of *trace* that are in the system at or after *start_s*, to last *watch_s*.

        Who is in the system at the start stands at its server. *drain*: go on until all of them have ended, else stop
        with the last arrival. Raises ValueError if there is none, above 1,000 requests, or unless watch_s is positive.
        """
        if not 0 < requests <= 1_000:
            raise ValueError(f"a playback shows 1 to 1,000 requests, not {requests}")
        if not watch_s > 0:
            raise ValueError(f"watch_s must be above 0 seconds, not {watch_s!r}")
        rows = trace.frame[trace.frame["finished_s"].fillna(NEVER) >= start_s].head(requests)
        if not len(rows):
            raise ValueError(f"no request of the trace is in the system after {start_s} s")
        ended = rows["finished_s"].dropna()
        end = float(ended.max()) if drain and len(ended) else float(rows["sent_s"].max())
        begin = max(start_s, float(rows["sent_s"].min()))
        hop = HOP * max(end - begin, 1e-6) / watch_s
        return cls(
            _moments(rows, hop, begin),
            rows["server"].cat.codes.to_numpy(dtype=int),
            rows["outcome"].cat.codes.to_numpy(dtype=int),
            rows["attempts"].to_numpy(dtype=int),
            [str(name) for name in rows["server"].cat.categories],
            hop,
            begin,
            end + 4 * hop,
        )

    def place(self, t_s: float) -> np.ndarray:
        """The place of each request at *t_s* seconds of the film, as an index into PLACES."""
        return (self.moments <= t_s).sum(axis=1)

    def at(self, t_s: float) -> dict[str, int]:
        """How many requests are at each of PLACES at *t_s*; the counts add up to all of them."""
        counts = np.bincount(self.place(t_s), minlength=len(PLACES))
        return dict(zip(PLACES, map(int, counts), strict=True))

    def by_server(self, t_s: float) -> dict[str, tuple[int, int]]:
        """(waiting, in service) at each server at *t_s*."""
        place = self.place(t_s)
        return {
            name: (int(((place == 3) & (self.server == i)).sum()), int(((place == 4) & (self.server == i)).sum()))
            for i, name in enumerate(self.names)
        }

    @cached_property
    def workers(self) -> int:
        """The most requests that one server had in service at once."""
        most = 1
        for i in range(len(self.names)):
            begins, ends = np.sort(self.moments[self.server == i, 3]), np.sort(self.moments[self.server == i, 4])
            inside = np.arange(1, len(begins) + 1) - np.searchsorted(ends, begins, "right")
            most = max(most, int(inside.max(initial=0)))
        return most

    @cached_property
    def busiest_s(self) -> float:
        """The moment with the most requests waiting or in service: the still picture of the film."""
        at = np.linspace(self.begin_s, self.end_s, 120)
        held = [int(np.isin(self.place(t), (3, 4)).sum()) for t in at]
        return float(at[int(np.argmax(held))])

    def in_words(self) -> str:
        """The film in a sentence, for those who do not see it."""
        gone = self.moments[:, 5] <= self.end_s + 1e-9
        outcome = np.where(gone, self.outcome, OUTCOMES.index("unfinished"))
        ended = ", ".join(f"{c} {OUTCOMES[i]}" for i, c in enumerate(np.bincount(outcome, minlength=5)) if c)
        held = ", ".join(f"{n} {w} waiting and {s} in service" for n, (w, s) in self.by_server(self.busiest_s).items())
        when = number(max(0.0, self.busiest_s - 2 * self.hop_s))
        passed = f"{len(self.server)} requests pass a balancer and {len(self.names)} servers"
        return f"{passed}: {ended}. Fullest at {when} s: {held}."


def _moments(rows: pd.DataFrame, hop: float, begin: float) -> np.ndarray:
    """The six moments of each row; a request without service goes from waiting straight to its end.

    Who was sent before the film begins at *begin* is at the server then, and not on the way to it.
    """
    sent, ended = rows["sent_s"].to_numpy(), rows["finished_s"].to_numpy()
    started = np.where(np.isnan(rows["started_s"].to_numpy()), ended, rows["started_s"].to_numpy())
    moments = np.column_stack([sent, sent + hop, sent + 2 * hop, started + 2 * hop, ended + 2 * hop, ended + 4 * hop])
    moments[sent < begin, :3] = begin
    return np.where(np.isnan(moments), NEVER, np.maximum(moments, moments[:, :1]))
