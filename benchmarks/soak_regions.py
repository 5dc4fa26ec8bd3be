"""A region burns, again and again, at each standby level: how many confirmed orders were gone each time?

One drill shows that recovery is possible. Ten show what it depends on: the moment. Each drill's seed moves the loss to
another moment of the archive's second; what *active-active* promises, nothing lost, must hold in all of them, and the
audit from before the loss must add up at every level.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
from minisys.regions import drill, mistakes
from minisys.regions.drill import Drill
from minisys.regions.mistakes import Mistake

AGAIN = "`make soak PART=regions ROUNDS=10`: some 6 seconds a drill, four levels and two mistakes."
DRILLS = """PostgreSQL 18.6, 100 orders a second, two regions 40 ms apart one way, archive_timeout 1 s. Region a is \
killed (its processes, its wire, its disk) at a moment that the seed draws. Lost: orders that a customer has a receipt \
for and that the recovered ledger has not. RPO: age of the oldest of them; RTO: from the first order that failed to \
the first that was sent later and confirmed; medians and the most. Audits: count and MD5 from before the loss. Warm \
standby goes back to region a afterwards; none may be lost on the way. Left over: processes still there after all."""
MISTAKES = """The same with a mistake instead of a fire, while 100 orders a second go on. Standby: seconds until it \
had the same hole. Lost, failed: orders of customers, to the end."""


def soak(rounds: int, say: Say) -> Findings:
    """*rounds* drills of each level, and as many mistakes of each kind."""
    drills, slips = dict[str, list[Drill]](), dict[str, list[Mistake]]()
    for seed in range(rounds):
        for level in drill.LEVELS:
            found = drill.run(level, seed=seed, for_s=0.5, failback=level == "warm standby")
            drills.setdefault(level, []).append(found)
        for kind in mistakes.MISTAKES:
            slips.setdefault(kind, []).append(mistakes.operator_error(kind, for_s=0.5))
        say(f"round {seed + 1} of {rounds}: lost {[(level, runs[-1].lost) for level, runs in drills.items()]}")
    over = left_over()
    columns = ["level", "drills", "confirmed", "lost in each", "RPO s", "RTO s", "audits add up", "left over"]
    rows = [_row(level, runs, len(over)) for level, runs in drills.items()]
    slip_columns = ["mistake", "runs", "orders hit", "standby s", "right there", "lost", "failed", "audits add up"]
    sections = [
        Section("Regions lost", DRILLS, columns, rows),
        Section("Mistakes", MISTAKES, slip_columns, [_slip(kind, runs) for kind, runs in slips.items()]),
    ]
    every = [one for runs in drills.values() for one in runs]
    return Findings(sections, broken(every, [one for runs in slips.values() for one in runs]) + over)


def broken(drills: Sequence[Drill], slips: Sequence[Mistake]) -> list[str]:
    """One line for each promise that did not hold."""
    said = [f"{one.level}, seed {one.seed}: the audit does not add up" for one in drills if not one.verified]
    said += [
        f"{one.level}, seed {one.seed}: {one.lost} lost" for one in drills if one.level == "active-active" and one.lost
    ]
    said += [
        f"{one.level}, seed {one.seed}: {one.lost_later} lost after the failover" for one in drills if one.lost_later
    ]
    said += [f"{one.level}, seed {one.seed}: region a does not lead again" for one in drills
             if one.level == "warm standby" and not one.returned]  # fmt: skip
    return said + [f"{one.kind}: {one}" for one in slips if one.lost or one.failed or not one.verified]


def _row(level: str, runs: Sequence[Drill], over: int) -> list[str]:
    return [
        level, str(len(runs)), f"{sum(one.acknowledged for one in runs):,}", " ".join(str(one.lost) for one in runs),
        _middle([one.rpo_s for one in runs]), _middle([one.rto_s for one in runs]),
        str(sum(one.verified for one in runs)), str(over),
    ]  # fmt: skip


def _slip(kind: str, runs: Sequence[Mistake]) -> list[str]:
    return [
        kind, str(len(runs)), " ".join(str(one.orders) for one in runs), _middle([one.replica_s for one in runs]),
        str(sum(one.replica_kept for one in runs)), str(sum(one.lost for one in runs)),
        str(sum(one.failed for one in runs)), str(sum(one.verified for one in runs)),
    ]  # fmt: skip


def _middle(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f}, most {max(seconds):.2f}"
