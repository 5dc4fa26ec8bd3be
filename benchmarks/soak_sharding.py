"""Ten times: every slot of a shard leaves under load, a shard is added, a primary dies; ours and Valkey's cluster.

Users write and read through the official RedisCluster client and keep their own books. The promise is broken if an
acknowledged write is gone or a user gets an error while slots move (both systems), if ours loses an acknowledged write
when a primary dies or its history is not linearizable, or if a process is left over. What Valkey loses at a takeover is
counted, not promised: its primary answers before its replica knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
from minisys.replication.harness import Load
from minisys.sharding import live, real
from minisys.sharding.experiments import Watched, grow_live, kill_live, reshard_live
from minisys.testbed import wheels

AGAIN = "`make soak PART=sharding ROUNDS=10`: about a minute a round."
CLIENTS = 4
SYSTEMS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "minisys": live.cluster, "valkey": real.valkey_cluster,
}  # fmt: skip
CHANGES: dict[str, Callable[[Any, int], Watched]] = {
    "every slot of a shard leaves": lambda running, seed: reshard_live(running, "a", load=_load(2.0, seed)),
    "a shard is added and filled": lambda running, seed: grow_live(running, load=_load(2.0, seed)),
    "SIGKILL of a primary": lambda running, seed: kill_live(running, "b", load=_load(4.0, seed)),
}
NOTE = f"""Three shards of two nodes, {CLIENTS} users who wait for each answer, 2,000 keys that were there before. \
Lost: acknowledged writes that nobody can read afterwards. Errors: operations that the client gave up on. Took: \
seconds from the first step to the last (of a kill: without an acknowledged write to that shard). The client for the \
added shard is redis-py with its ASK to unknown nodes repaired (redis/redis-py#2432)."""


def _load(for_s: float, seed: int) -> Load:
    return Load(for_s=for_s, clients=CLIENTS, seed=seed)


@dataclass
class Count:
    """What users of *system* saw of one *change*, round by round."""

    system: str
    change: str
    seen: list[Watched] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)

    @property
    def kills(self) -> bool:
        """Whether this is the change after which errors are allowed."""
        return "KILL" in self.change

    def broken(self) -> list[str]:
        """One line for each promise that did not hold."""
        said, name = list(self.left_over), f"{self.system}, {self.change}"
        lost, errors = [each.lost for each in self.seen], [each.errors for each in self.seen]
        promised = self.system == "minisys" or not self.kills
        said += [f"{name}: acknowledged writes lost: {lost}"] * (promised and any(lost))
        said += [f"{name}: errors: {errors}"] * (not self.kills and any(errors))
        anomalies = [each.found.verdict.anomaly for each in self.seen if not each.found.verdict.holds]
        said += [f"{name}: not linearizable: {anomalies}"] * (promised and bool(anomalies))
        return said

    def row(self) -> Sequence[str]:
        """The counts as text."""
        took = sorted(each.rto_s if self.kills else each.took_s for each in self.seen)
        p99 = sorted(1000 * each.latency_s(0.99, True) for each in self.seen)
        words = [
            self.system,
            self.change,
            str(len(self.seen)),
            f"{sum(each.found.acknowledged for each in self.seen):,}",
        ]
        words += [" ".join(str(each.lost) for each in self.seen), " ".join(str(each.errors) for each in self.seen)]
        words.append(f"{took[0]:.1f} to {took[-1]:.1f}")
        words.append("" if self.kills else f"{p99[len(p99) // 2]:.1f}")
        held = sum(each.found.verdict.holds for each in self.seen)
        return [*words, f"{held} of {len(self.seen)}", str(len(self.left_over))]


def soak(rounds: int, say: Say) -> Findings:
    """Every change on every system, *rounds* times, each round on new processes."""
    missing = wheels.missing("valkey")
    counts = [Count(system, change) for system in SYSTEMS if not (missing and system == "valkey") for change in CHANGES]
    for number in range(rounds):
        one_round(counts, number, say)
    return findings(counts, missing)


def one_round(counts: Sequence[Count], number: int, say: Say) -> None:
    """Every change of *counts* once more, with the seed of round *number*."""
    for system in dict.fromkeys(count.system for count in counts):
        those = [count for count in counts if count.system == system]
        with SYSTEMS[system]() as running:
            for count in those:
                seen = CHANGES[count.change](running, 500 + number)
                count.seen.append(seen)
                say(f"round {number + 1}, {system}, {count.change}: {seen.lost} lost, {seen.errors} errors")
        those[-1].left_over += left_over()


def findings(counts: Sequence[Count], missing: str) -> Findings:
    """*counts* as a table, and what they say of the promises. missing: why Valkey was not there."""
    columns = [
        "system", "what happens", "runs", "acknowledged", "lost in each run", "errors in each run", "took, s",
        "p99 meanwhile, ms (median)", "linearizable", "left over",
    ]  # fmt: skip
    rows = [count.row() for count in counts]
    section = Section("Sharded stores changed under load", f"{NOTE} {missing}".strip(), columns, rows)
    return Findings([section], [line for count in counts for line in count.broken()])
