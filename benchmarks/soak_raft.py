"""A thousand bad days for Raft, and two hundred for each of its planted bugs: what breaks, and who notices?

Runs of raft_model.py with the seeds 0, 1, 2 … and every promise asserted after every step; then the same for servers
with one planted bug each, until the first run in which it shows. The promise is broken if a run of Raft breaks one, or
if a bug is not noticed in 200 runs.
"""

from __future__ import annotations

from collections import Counter

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say
from minisys.replication import raft_bugs, raft_model
from minisys.replication.raft_invariants import Broken

RUNS_A_ROUND, MOST = 100, 200
AGAIN = (
    "`make soak PART=raft ROUNDS=10`: a hundred runs a round, some 0.15 seconds each, and some minutes for the bugs."
)
NOTE = f"""Five servers and two spares, {raft_model.CLIENTS} clients, {raft_model.TROUBLE_S:g} s of crashes, restarts, \
partitions (also in one direction), pauses, loss, copies, reordering, skewed clocks and changes of members in virtual \
time, then {raft_model.QUIET_S:g} s to recover; all drawn from the seed. After every step: election safety, log \
matching, leader completeness, state machine safety, no agreed entry cut off; at the end the history of the clients is \
linearizable and new operations are answered."""
BUGS = f"""Each bug alone in servers that are otherwise right, seeds 0, 1, 2 … until a promise breaks, {MOST} at the \
most. Runs: how many it took, the last one is the one that shows it."""


def soak(rounds: int, say: Say) -> Findings:
    """*rounds* times a hundred runs, then the bugs."""
    right, broken = _right(rounds, say)
    bugs, missed = _bugs(say)
    return Findings([right, bugs], broken + missed)


def _right(rounds: int, say: Say) -> tuple[Section, list[str]]:
    faults: Counter[str] = Counter()
    broken: list[str] = []
    for seed in range(rounds * RUNS_A_ROUND):
        try:
            report = raft_model.run(seed)
        except Broken as problem:
            broken.append(f"seed {seed}: {problem}")
            say(broken[-1])
            continue
        outcomes = Counter(operation.outcome for operation in report.history)
        faults.update(
            runs=1, faults=len(report.faults), elections=report.elections, agreed=report.agreed, steps=report.steps,
            ok=outcomes["ok"], indefinite=outcomes["indefinite"],
        )  # fmt: skip
        if seed % RUNS_A_ROUND == RUNS_A_ROUND - 1:
            say(f"{seed + 1} runs, {len(broken)} with a breach")
    names = ("runs", "faults", "elections", "agreed", "steps", "ok", "indefinite")
    columns = [
        "runs", "faults", "elections", "agreed entries", "steps checked", "operations answered", "never answered",
        "promises broken",
    ]  # fmt: skip
    row = (*(f"{faults[name]:,}" for name in names), str(len(broken)))
    return Section("Raft in the model: promises broken", NOTE, columns, [row]), broken


def _bugs(say: Say) -> tuple[Section, list[str]]:
    rows, missed = [], []
    for bug in raft_bugs.BUGS:
        found = raft_bugs.found(bug, MOST)
        if found is None:
            missed.append(f"planted bug {bug.name!r} was not noticed in {MOST} runs")
        rows.append(
            (bug.name, bug.does, bug.rule, *((str(found[0] + 1), found[1].promise) if found else ("-", "none")))
        )
        say(f"{bug.name}: {rows[-1][3]} runs, {rows[-1][4]}")
    return Section(
        "Planted bugs: runs until noticed", BUGS, ["bug", "what is wrong", "rule", "runs", "broke"], rows
    ), missed
