"""The primary is killed under load, ten times in each mode: who lost a write that was acknowledged, and for how long?

Our replicas asynchronous, semi-synchronous and with Raft, PostgreSQL without and with a synchronous standby, Valkey
with sentinels, NATS with Raft; the same clients, the same books, the same checker. The promise is broken if a mode that
waits for a replica loses an acknowledged write or gives an answer that no single copy could give, if an asynchronous
mode with a late replica never loses one (then the run shows nothing), or if a process is left over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
from minisys.replication.clients import Load
from minisys.replication.experiments import AT_S, FOR_S, LAG_S, failover
from minisys.replication.harness import Found
from minisys.replication.real import ProductMissing

CASES = (
    ("minisys", "async", LAG_S), ("minisys", "async", 0.0), ("minisys", "semi-sync", LAG_S), ("minisys", "raft", LAG_S),
    ("postgresql", "local", LAG_S), ("postgresql", "local", 0.0), ("postgresql", "on", LAG_S),
    ("valkey", "asynchronous", LAG_S), ("valkey", "wait 1", LAG_S), ("nats", "R3", 0.0),
)  # fmt: skip
CAREFUL = {("minisys", "semi-sync"), ("minisys", "raft"), ("postgresql", "on"), ("nats", "R3")}
AGAIN = "`make soak PART=replication ROUNDS=10`: about a minute a round."
NOTE = f"""SIGKILL of the primary under six clients (2 ms to think), {AT_S:g} s after they began, in round k k x 37 ms \
later. Late: how much later the replicas hear the primary; what is under way then dies with it. Lost: acknowledged \
writes of keys that nobody else writes, not there when the new primary is asked for all of them. Nobody knows: writes \
whose connection broke. RTO: last acknowledged write before the outage to the first after it, as clients saw it. Not \
linearizable: runs in which the checker found answers that no single copy could give. PostgreSQL is promoted by our \
watcher after three missed signs of life 0.1 s apart; Valkey's sentinels wait for 1.2 s of silence; NATS's election \
timeout is 4 to 9 s and cannot be changed. WAIT is no promise of consistency, so nothing is promised of it here."""


@dataclass
class Count:
    """What users of *name* in *mode* saw with replicas *lag_s* late, run by run."""

    name: str
    mode: str
    lag_s: float
    found: list[Found] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)

    @property
    def lost(self) -> list[int]:
        """Acknowledged writes lost in each run."""
        return [len(each.lost) for each in self.found]

    @property
    def odd(self) -> int:
        """Runs whose history is not linearizable."""
        return sum(not each.verdict.holds for each in self.found)

    def play(self, number: int) -> str:
        """One more run; what it found, for the terminal."""
        shift_s = 0.037 * number
        load = Load(for_s=FOR_S[self.name] + shift_s, seed=600 + number)
        self.found.append(failover(self.name, self.mode, lag_s=self.lag_s, load=load, at_s=AT_S + shift_s))
        self.left_over += left_over()
        last = self.found[-1]
        return f"{last.acknowledged} acknowledged, {len(last.lost)} lost, RTO {last.rto_s:.2f} s"

    def broken(self) -> list[str]:
        """One line for each promise that did not hold."""
        name, said = f"{self.name}, {self.mode}, {self.lag_s:g} s late", list(self.left_over)
        if (self.name, self.mode) in CAREFUL and (any(self.lost) or self.odd):
            said.append(f"{name}: acknowledged writes lost: {self.lost}; runs that are not linearizable: {self.odd}")
        if self.mode in ("async", "local", "asynchronous") and self.lag_s and not any(self.lost):
            said.append(f"{name}: no run lost a write, so it shows nothing")
        return said

    def row(self) -> Sequence[str]:
        """The counts as text."""
        rto_s = [each.rto_s for each in self.found]
        acknowledged = sum(each.acknowledged for each in self.found)
        unsure = sum(int(each.frame()["indefinite"].item()) for each in self.found)
        return (
            f"{self.found[0].system}, {self.mode}", f"{1000 * self.lag_s:g} ms", str(len(self.found)),
            f"{acknowledged:,}", " ".join(map(str, self.lost)), str(sum(self.lost)), str(unsure),
            f"{median(rto_s):.2f} ({min(rto_s):.2f} to {max(rto_s):.2f})", str(self.odd), str(len(self.left_over)),
        )  # fmt: skip


def soak(rounds: int, say: Say) -> Findings:
    """Every case, *rounds* times; a product that is missing costs a line."""
    counts, missing = [Count(*case) for case in CASES], dict[str, str]()
    for number in range(rounds):
        for count in counts:
            if count.name not in missing:
                try:
                    told = count.play(number)
                    say(f"round {number + 1} of {rounds}, {count.name}, {count.mode}, {count.lag_s:g} s late: {told}")
                except ProductMissing as problem:
                    missing[count.name] = str(problem)
    return findings(counts, list(missing.values()))


def findings(counts: Sequence[Count], missing: Sequence[str] = ()) -> Findings:
    """The counts as a table, and what was broken."""
    columns = [
        "store, mode", "late", "runs", "acknowledged", "lost in each run", "lost in all", "nobody knows",
        "RTO (s): median (range)", "not linearizable", "left over",
    ]  # fmt: skip
    rows = [count.row() for count in counts if count.found]
    section = Section("Acknowledged writes lost: kill -9 the primary", " ".join([NOTE, *missing]), columns, rows)
    return Findings([section], [line for count in counts for line in count.broken()])
