"""What a run left behind, as frames to draw and numbers to judge by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from minisys.chaos.plan import FaultPlan
from minisys.design import critical, rows
from minisys.design.flat import ENDLESS, QUEUE, Flat
from minisys.design.parts import Design
from minisys.design.requests import Requests
from minisys.design.rows import ENDS
from minisys.design.tally import CALLS, Tally, quantile_s
from minisys.design.timeline import Timeline
from minisys.design.traffic import Traffic
from minisys.queues.delivered import COLUMNS, Delivered
from minisys.testbed.trace import OUTCOMES, Trace

OUT = 0.9  # an outage: of a moment's requests fewer than this share are answered well
ENOUGH = 20  # requests that a moment must have on average, to be judged


@dataclass(frozen=True)
class Run:
    """One run. for_s: seconds in which users came; inside: visits still at each copy at the end; seed, plan, traffic.

    engine: the one that ran it, "fast" or "model". Latencies of parts come from histograms with steps of 2.3 %; those
    of users are exact.
    """

    flat: Flat
    requests: Requests
    tally: Tally
    inside: list[int]
    line: Timeline
    plan: FaultPlan
    traffic: Traffic
    seed: int
    for_s: float
    engine: str = "fast"

    @property
    def design(self) -> Design:
        return self.flat.design

    @cached_property
    def trace(self) -> Trace:
        """The users' requests; server is the copy that answered."""
        kept, asked = self.tally.requests, self.requests
        columns = asked.arrival_s, kept["started_s"], kept["finished_s"], kept["server"]
        return Trace.from_columns(*columns, self.flat.copies, kept["outcome"], kept["attempts"], asked.key)

    @cached_property
    def copies(self) -> pd.DataFrame:
        """A row a copy: copy, part, kind, arrived, served, refused, failed, unfinished, utilisation, wait_s, …"""
        flat, counts = self.flat, self.tally.copies
        frame = pd.DataFrame({"copy": flat.copies, "part": [flat.names[part] for part in flat.part_of]})
        frame["kind"] = [flat.design.parts[part].kind for part in flat.part_of]
        for name in ENDS[:-1]:
            frame[name] = counts[name]
        frame["unfinished"] = self.inside
        workers = flat.parts["workers"][flat.part_of].astype(float)
        workers[workers >= ENDLESS] = np.nan
        frame["utilisation"] = np.minimum(1.0, counts["busy_s"] / (workers * self.for_s))
        frame["wait_s"] = counts["wait_s"] / np.maximum(1, counts["started"])
        frame["p50_s"] = [quantile_s(row, 0.5) for row in self.tally.hist]
        frame["p99_s"] = [quantile_s(row, 0.99) for row in self.tally.hist]
        frame["queue_max"] = counts["queue_max"]
        return frame[~frame["kind"].isin(["clients"])].reset_index(drop=True)

    @cached_property
    def parts(self) -> pd.DataFrame:
        """A row a part: part, kind, arrived, served, refused, failed, unfinished, utilisation, wait_s, p50_s, p99_s, …

        wait_s: mean seconds in line (of a message: in its queue). Clients' rows say what their users saw.
        """
        return pd.DataFrame([rows.of_part(self, row) for row in range(len(self.flat.names))])

    @cached_property
    def arrows(self) -> pd.DataFrame:
        """A row an arrow: from, to, calls, failed, timed_out (attempts), retries, mean_s (of those that went well)."""
        flat, calls = self.flat, self.tally.calls
        frame = pd.DataFrame({"from": [flat.names[row] for row in flat.arrows["origin"]]})
        frame["to"] = [flat.names[row] for row in flat.arrows["to"]]
        for name in CALLS:
            frame[name] = calls[name]
        well = calls["calls"] - calls["failed"]
        frame["mean_s"] = calls["ok_s"] / np.where(well > 0, well, np.nan)
        return frame

    @cached_property
    def spans(self) -> pd.DataFrame:
        """Some 500 requests, all they did: request, parent (a row), from, to, copy, attempt, begin_s … end_s, outcome.

        begin_s: sent; reached_s: at the copy; began_s: work began; done_s: ended there; end_s: the caller knew (NaN:
        never). *from* is "" for the users themselves and for messages taken from a queue.
        """
        flat, used = self.flat, self.tally.used
        whole, times = self.tally.spans[:used], self.tally.spans_s[:used]
        of = [*(flat.names[part] for part in flat.part_of), ""]
        frame = pd.DataFrame({"request": whole[:, 0], "parent": whole[:, 1], "from": [of[row] for row in whole[:, 3]]})
        frame["to"], frame["copy"] = [of[row] for row in whole[:, 4]], [flat.copies[row] for row in whole[:, 4]]
        frame["attempt"] = whole[:, 5]
        for column, name in enumerate(("begin_s", "reached_s", "began_s", "done_s", "end_s")):
            frame[name] = times[:, column]
        frame["outcome"] = [OUTCOMES[code] for code in whole[:, 6]]
        return frame

    @property
    def availability(self) -> float:
        """The share of all requests that were answered well; who never got an answer counts. NaN if nobody asked."""
        return float((self.tally.requests["outcome"] == 0).mean()) if len(self.requests) else math.nan

    @property
    def goodput_per_s(self) -> float:
        """Requests answered well, a second."""
        return float((self.tally.requests["outcome"] == 0).sum()) / self.for_s

    def latency_s(self, q: float) -> float:
        """The seconds within which *q* percent of the answered requests were answered (99: p99)."""
        return self.trace.percentile(q)

    @property
    def lost_writes(self) -> int:
        """Writes and messages that had been confirmed and are gone."""
        return int(self.tally.lost.sum())

    @property
    def rpo_s(self) -> float:
        """Seconds of confirmed writes that the plan's faults cost at most; inf: all, there is no backup; 0: none."""
        return max((end - start for _, start, end in self.line.lost), default=0.0)

    @property
    def rto_s(self) -> float:
        """The longest outage in seconds, of reads or of writes: moments on end with fewer than OUT answered well."""
        return max((self._outage_s(self.requests.write == write) for write in (0, 1)), default=0.0)

    def _outage_s(self, mine: np.ndarray) -> float:
        n = int(mine.sum())
        if not n:
            return 0.0
        step = max(0.5, ENOUGH * self.for_s / n)
        moment = np.minimum(self.requests.arrival_s[mine] / step, math.ceil(self.for_s / step) - 1).astype(int)
        asked = np.bincount(moment)
        well = np.bincount(moment, weights=self.tally.requests["outcome"][mine] == 0)
        longest = run = 0
        for bad in (well < OUT * asked) & (asked > 0):
            run = run + 1 if bad else 0
            longest = max(longest, run)
        return min(self.for_s, longest * step)

    def delivered(self, queue: str) -> Delivered:
        """What became of each message that came to *queue*, in the queues room's own form.

        Raises ValueError unless the engine was "model": the fast one does not keep it.
        """
        if self.engine != "model":
            raise ValueError(f"who got which message of {queue!r} is kept by run(…, engine='model') only")
        row = self.flat.names.index(self.design[queue].name)
        notes = [note for note in self.tally.notes if note.queue == row]
        told = [(n.sent, n.started, n.done, n.effects, n.receives, n.ended(), n.key) for n in notes]
        return Delivered(pd.DataFrame(told, columns=list(COLUMNS))).check()

    def critical_path(self) -> pd.DataFrame:
        """Where the answered requests' time went: see critical.critical_path."""
        return critical.critical_path(self.spans)

    def bottleneck(self) -> str:
        """The busiest part; of several nearly as busy the one furthest from the users: the others wait for it."""
        frame = self.parts.dropna(subset=["utilisation"])
        if frame.empty:
            return ""
        busy = set(frame.loc[frame["utilisation"] >= 0.9 * frame["utilisation"].max(), "part"])
        return max(frame.loc[frame["part"].isin(busy), "part"], key=lambda name: (self._depth[name], name))

    @cached_property
    def _depth(self) -> dict[str, int]:
        """How many arrows lie between the users and each part, at most."""
        depth = {name: 0 for name in self.flat.names}
        for _ in self.flat.names:
            for origin, to in zip(self.arrows["from"], self.arrows["to"], strict=True):
                depth[to] = min(len(depth), max(depth[to], depth[origin] + 1))
            for part in self.design.parts:
                source = getattr(part, "source", "")
                if source:
                    depth[part.name] = min(len(depth), max(depth[part.name], depth[source] + 1))
        return depth

    def rates(self, step_s: float = 1.0) -> pd.DataFrame:
        """By the moment of sending: t, served_per_s, failed_per_s, p99_s."""
        frame = self.trace.per_second(step_s)
        rates = {"served_per_s": frame["ok"] / step_s, "failed_per_s": (frame["sent"] - frame["ok"]) / step_s}
        return pd.DataFrame({"t": frame["second"], **rates, "p99_s": frame["p99_s"]})

    def in_queue(self) -> pd.DataFrame:
        """How many waited at each part over time: t, and a column a part (a queue's are its messages)."""
        return self._series(1)

    def in_service(self) -> pd.DataFrame:
        """How many copies each part had over time: t, and a column a part."""
        return self._series(2)

    def _series(self, which: int) -> pd.DataFrame:
        frame = pd.DataFrame([row[which] for row in self.tally.series], columns=list(self.flat.names))
        frame.insert(0, "t", [row[0] for row in self.tally.series])
        return frame

    def little(self) -> pd.DataFrame:
        """A row a copy, and one for a queue's messages: number (mean over the whole run), per_s, stay_s (mean).

        number is added up over time, stay_s over visits (until the end for those still inside), and per_s is how many
        were let in per second; Little's law says that number = per_s x stay_s, exactly, in any run that is closed so.
        """
        counts, until_s = self.tally.copies, self.tally.until_s
        frame = pd.DataFrame({"copy": self.flat.copies, "number": counts["inside_s"] / until_s})
        frame["per_s"] = counts["entered"] / until_s
        frame["stay_s"] = counts["stayed_s"] / np.maximum(1, counts["entered"])
        queues = self.flat.parts["first"][self.flat.parts["kind"] == QUEUE]
        lines = pd.DataFrame({"copy": [f"messages in {self.flat.names[self.flat.part_of[row]]}" for row in queues]})
        came = counts["queued"][queues]
        lines["number"], lines["per_s"] = counts["line_s"][queues] / until_s, came / until_s
        lines["stay_s"] = counts["lined_s"][queues] / np.maximum(1, came)
        return pd.concat([frame, lines], ignore_index=True)

    def conservation(self) -> None:
        """Raises ValueError unless arrived = served + refused + failed + unfinished, at every copy and for users.

        And unless Little's law holds at every copy, and for a queue's messages.
        """
        law = self.little()
        off = (law["number"] - law["per_s"] * law["stay_s"]).abs() > 1e-9 * (1 + law["number"])
        if off.any():
            raise ValueError(f"Little's law fails: {law[off].iloc[0].to_dict()}")
        for frame, name in ((self.copies, "copy"), (self.parts, "part")):
            missing = frame["arrived"] - frame[list(ENDS[1:])].sum(axis=1)
            if missing.any():
                row = frame.iloc[int(np.flatnonzero(missing)[0])]
                raise ValueError(f"requests got lost: {row[name]}: {row[list(ENDS)].to_dict()}")
