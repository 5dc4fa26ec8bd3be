"""The same second of trouble again and again: does the outage outlive it without cures, and end with them?

A metastable failure shown once may be luck; so may a cure. The promise is broken if the chain without cures answers a
fifth of its users in time after the trouble is over, or the cured one fails one in twenty, if somebody was lost, or a
process is left over.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
from minisys.resilience import experiments
from minisys.resilience.live import Measured

AGAIN = "`make soak PART=resilience ROUNDS=5`: some 15 seconds a round."
COLUMNS = (
    "callers", "runs", "users", "in time before", "meanwhile", "after, lowest", "after, highest", "calls of the "
    "database a user", "left over",
)  # fmt: skip
BARE, CURED = "timeouts and retries", "deadline, budget, jitter, short line"
MOST_BARE, LEAST_CURED = 0.2, 0.95
NOTE = f"""Three services and the users' app as processes, Locust's users: {experiments.RATE_PER_S:g} a second for \
8 s; the database can do 43. It takes ten times as long for one second, from 1 s on. Goodput: users with a good answer \
within {experiments.PATIENCE_S:g} s. After: those who came from {experiments.SETTLE_S:g} s after the trouble's end on. \
Both chains run at the same time, on the same random numbers; another seed in each round. Calls: until the load ends."""


def soak(rounds: int, say: Say) -> Findings:
    """*rounds* outages, each without and with cures."""
    runs: dict[str, list[Measured]] = {BARE: [], CURED: []}
    broken = []
    for number in range(rounds):
        pair = experiments.outage(experiments.offered(8.0, seed=700 + number), seed=700 + number)
        for kind, measured in zip(runs, pair, strict=True):
            runs[kind].append(measured)
        found = promises(*pair) + left_over()
        broken += [f"resilience, round {number + 1}: {line}" for line in found]
        after = [f"{experiments.after(measured):.0%}" for measured in pair]
        say(f"round {number + 1} of {rounds}: in time afterwards {' and '.join(after)}, {len(found)} broken")
    rows = [row(kind, each) for kind, each in runs.items()]
    return Findings([Section("An outage that outlives its cause, and its cure", NOTE, COLUMNS, rows)], broken)


def promises(bare: Measured, cured: Measured) -> list[str]:
    """One line for each promise that this pair broke."""
    kept = {
        f"without cures {experiments.after(bare):.0%} in time afterwards": experiments.after(bare) < MOST_BARE,
        f"with cures only {experiments.after(cured):.0%} in time afterwards": experiments.after(cured) > LEAST_CURED,
        "a user was lost": len(bare.trace) == len(cured.trace) == len(bare.workload),
    }
    return [text for text, ok in kept.items() if not ok]


def row(kind: str, runs: Sequence[Measured]) -> Sequence[str]:
    """The counts as text; shares are of all users of all runs, but for the lowest and highest."""
    last_s, first_s = experiments.ended_s(), experiments.OUTAGE[0].at_s
    after = [experiments.after(each) for each in runs]
    calls = [each.amplification[-1] for each in runs]
    return (
        kind, str(len(runs)), f"{sum(len(each.trace) for each in runs):,}",
        f"{_mean([each.goodput(0, first_s) for each in runs]):.0%}",
        f"{_mean([each.goodput(first_s, last_s) for each in runs]):.0%}",
        f"{min(after):.0%}", f"{max(after):.0%}", f"{min(calls):.2f} to {max(calls):.2f}", str(len(left_over())),
    )  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
