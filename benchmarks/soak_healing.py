"""Crashes again and again: is every one repaired, how long does it take with and without a supervisor?

Each round is three runs of some ten seconds: three crashes with the supervisor, the same three with a human who comes
4 s after each, and one backend that dies as soon as it is there. The promise is broken if a crash was not repaired, a
user saw a failure under the supervisor, or the loop was not stopped and paged after the runbook's three restarts.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
from minisys.observability.healing import HUMAN_S, LIVE, Healed, healing

AGAIN = "`make soak PART=healing ROUNDS=10`: some 35 seconds a round."
COLUMNS = (
    "runs", "of", "crashes", "repaired", "MTTR (s), median", "longest (s)", "requests", "failed", "restarts", "pages",
)  # fmt: skip
SUPERVISED, HUMAN, LOOP = "supervisor", f"a human after {HUMAN_S:g} s", "supervisor, crash loop"
NOTE = """Three backends with 4 workers behind our balancer (checks every 0.2 s), 40 requests a second of 20 ms, \
SIGKILL to one backend every 1.5 s. Repaired: another process gets requests from the balancer and lives for 0.3 s. In \
a crash loop every new process of one backend is killed at once; it is not repaired but given up, with a page."""


def soak(rounds: int, say: Say) -> Findings:
    """*rounds* of the three runs."""
    runs: dict[str, list[Healed]] = {SUPERVISED: [], HUMAN: [], LOOP: []}
    broken = []
    for number in range(rounds):
        seed = 700 + number
        made = {
            SUPERVISED: healing(seed=seed), HUMAN: healing(None, seed=seed),
            LOOP: healing(crashes=0, loop="b", seed=seed),
        }  # fmt: skip
        found = [line for kind, run in made.items() for line in promises(kind, run)] + left_over()
        broken += [f"healing, round {number + 1}: {line}" for line in found]
        for kind, run in made.items():
            runs[kind].append(run)
        times = f"MTTR {made[SUPERVISED].mttr_s:.2f} s with, {made[HUMAN].mttr_s:.2f} s without"
        say(f"round {number + 1} of {rounds}: {times}, {len(found)} broken")
    rows = [row(kind, each) for kind, each in runs.items() if each]
    return Findings([Section("Healing: crashes repaired, a crash loop given up", NOTE, COLUMNS, rows)], broken)


def promises(kind: str, run: Healed) -> list[str]:
    """One line for each promise that *run* broke."""
    restarts = sum(act.action == "restart" for act in run.acts)
    kept = {
        f"{kind}: {run.repaired} of {len(run.outages)} crashes repaired": kind == LOOP
        or run.repaired == len(run.outages),
        f"{kind}: {run.failed} requests failed": kind == HUMAN or run.failed == 0,
        f"{kind}: {restarts} restarts, {len(run.pages)} pages": kind != LOOP
        or (restarts, len(run.pages), run.repaired) == (LIVE.limits.steps, 1, 0),
    }
    return [text for text, ok in kept.items() if not ok]


def row(kind: str, runs: Sequence[Healed]) -> Sequence[str]:
    """The counts as text."""
    took_s = [
        each.back_s - each.began_s for run in runs for each in run.outages if each.back_s is not None
    ]  # fmt: skip
    acts = [act.action for run in runs for act in run.acts]
    return (
        kind, str(len(runs)), str(sum(len(run.outages) for run in runs)), str(len(took_s)),
        f"{median(took_s):.2f}" if took_s else "never", f"{max(took_s):.2f}" if took_s else "never",
        f"{sum(len(run.trace) for run in runs):,}", str(sum(run.failed for run in runs)),
        str(acts.count("restart")), str(acts.count("page")),
    )  # fmt: skip
