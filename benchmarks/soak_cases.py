"""The classic designs, with other users each time: does each reference hold, and is each damage found?

One seed may be lucky. Each round judges every reference, and judges and attacks each of its damaged versions, with the
requests of another seed, and every reference under the change in the middle of its interview. A reference that misses
an objective, a damage that nobody notices, a planted weakness that the attack does not name first or second, and a
change that breaks something else than its file says are broken promises.
"""

from __future__ import annotations

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
from minisys.design.cases import Case, cases
from minisys.design.cases.trial import Trial, trial

AGAIN = "`make soak PART=cases ROUNDS=5`: some two minutes a round."
HOW = """4,000 requests in a run; round i has seed i. References: how often all objectives were kept. Damages found: \
how often the planted weakness came out (the objective that should be missed was, and the attack named weakness and \
component first or second). Changes: how often exactly what the case's file says broke under its change."""


def soak(rounds: int, say: Say) -> Findings:
    """*rounds* trials of every version of every case."""
    trials: list[Trial] = []
    changes: list[tuple[str, str]] = []
    for seed in range(rounds):
        for case in cases():
            trials += [trial(case, spoilt, seed=seed) for spoilt in (None, *case.damaged)]
            changes.append((case.name, changed(case, seed)))
        say(f"round {seed + 1} of {rounds}: {sum(bool(one.wrong) for one in trials)} wrong so far")
    columns = ["case", "references kept", "damages found", "trials of damages", "changes as said"]
    rows = [
        [*_row(case, [one for one in trials if one.case == case.name]), f"{changes.count((case.name, ''))} of {rounds}"]
        for case in cases()
    ]
    wrong = broken(trials) + [said for _, said in changes if said]
    return Findings([Section("Classic designs", HOW, columns, rows)], wrong + left_over())


def changed(case: Case, seed: int) -> str:
    """What is not as the case's file says when its reference runs under its change; "" if all is."""
    missed = case.change.judge(case.after(), seed=seed, requests=4_000).missed
    said = ", ".join(case.change.breaks) or "nothing"
    return "" if missed == case.change.breaks else f"{case.name}: broke {', '.join(missed) or 'nothing'}, not {said}"


def broken(trials: list[Trial]) -> list[str]:
    """One line for each trial that did not come out as it should."""
    return [one.wrong for one in trials if one.wrong]


def _row(case: Case, trials: list[Trial]) -> list[str]:
    whole, spoilt = [[one for one in trials if bool(one.spoilt) is damaged] for damaged in (False, True)]
    kept, found = (sum(not one.wrong for one in some) for some in (whole, spoilt))
    return [case.title, f"{kept} of {len(whole)}", str(found), str(len(spoilt))]
