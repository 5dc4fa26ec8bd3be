"""Lab 06, task 6: a mode of replication for each of four needs, measured in failovers that nobody has seen.

"We replicate synchronously, to be safe." Safe against what, and what does each write pay for it? Each need below is one
sentence from a business; each mode is put through exactly this, in the model, with seeds of its own. More than one mode
can be right, and none is right for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from statistics import median

from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_06.words import once_valid
from minisys.replication.check import linearizable
from minisys.replication.failover_model import MODES, Stage, Writer, fail_over
from minisys.replication.network import Link
from minisys.replication.raft_messages import COMMAND
from minisys.testbed.laws import Exponential

LAG_S, FAR_S, QUICK_S = 0.04, 0.08, 0.02  # one way to a replica, and to the far one; what a like may cost
UNSEEN = range(501, 507)
NEEDS_TOLD = {
    "likes": "A like must be acknowledged within 20 ms (median), a replica is 40 ms away one way. A few may get lost.",
    "orders": "If the primary burns, no acknowledged order is lost, and orders go on without anybody's help.",
    "seats": "No seat is sold from an old plan: also when the primary is cut off, nobody reads an old value.",
    "ledger": "The town with the primary and one replica burns, the third machine is 80 ms away: no acknowledged "
    "entry is lost. It may stand still then.",
}


class Watcher(Writer):
    """Client 0 is a display: it only looks at the seat. The others look and sell."""

    def _next(self) -> None:
        if self.name == "client 0" or self.rng.random() < 0.5:
            self.ask("read", "seat")
        else:
            self.ask("write", "seat", next(self.numbers))


@lru_cache(maxsize=8)
def crashed(mode: str) -> tuple[float, int, int, float]:
    """(median seconds of a write before, acknowledged writes, lost ones, longest outage) when the primary burns."""
    runs = [fail_over(mode, "crash", lag_s=LAG_S, seed=seed) for seed in UNSEEN]
    took = [o.responded_s - o.invoked_s for run in runs for o in run.history.ok() if o.responded_s < run.fault_s]
    return median(took), sum(r.acknowledged for r in runs), sum(r.lost for r in runs), max(r.back_s for r in runs)


@lru_cache(maxsize=8)
def old_reads(mode: str) -> int:
    """In how many of the runs with a primary that is cut off clients were told what cannot be."""
    runs = [fail_over(mode, "cut off", lag_s=LAG_S, seed=seed, clients=3, kind=Watcher) for seed in UNSEEN]
    return sum(not linearizable(run.history).holds for run in runs)


@lru_cache(maxsize=8)
def town_burns(mode: str) -> tuple[int, int]:
    """(acknowledged, lost) writes when the primary and the near replica burn, and the far one is left."""
    acknowledged = lost = 0
    for seed in UNSEEN:
        stage = Stage(mode, seed=seed, lag_s=0.002)
        stage.loop.run(stage.begin_s)
        near, far = sorted(set(stage.servers) - {stage.leader()})
        for name in (stage.leader(), near):
            stage.network.links[name, far] = stage.network.links[far, name] = Link(Exponential(FAR_S))
        for name in (stage.run_to_fault(), near):
            stage.network.crash(name, wire=True)
        kept = {entry.data["value"] for entry in stage.servers[far].raft.state.entries if entry.kind == COMMAND}
        done = [operation for operation in stage.history.ok() if operation.kind == "write"]
        acknowledged, lost = acknowledged + len(done), lost + sum(o.value not in kept for o in done)
    return acknowledged, lost


def likes(mode: str) -> str:
    """Quick writes."""
    took_s = crashed(mode)[0]
    if took_s > QUICK_S:
        look = "who waits for a replica waits for the way there and back: of the quicker one, or of all"
        raise Wrong(f"a write takes {1e3 * took_s:.0f} ms", look=look)
    return f"a write takes {1e3 * took_s:.0f} ms; {crashed(mode)[2]} of {crashed(mode)[1]:,} were lost in six fires"


def orders(mode: str) -> str:
    """Nothing lost with one machine, and it goes on."""
    _, acknowledged, lost, back_s = crashed(mode)
    if lost:
        look = "acknowledged before anybody else had it"
        raise Wrong(f"{lost} of {acknowledged:,} acknowledged orders are gone", look=look)
    if back_s == math.inf:
        raise Wrong("no order succeeded any more", look="who waits for every replica stops when one is missing")
    return f"none of {acknowledged:,} lost, and orders again after {back_s:.2f} s at the latest"


def seats(mode: str) -> str:
    """No old reads."""
    if count := old_reads(mode):
        look = "a primary that is cut off does not know it: who makes it ask before it answers a read?"
        raise Wrong(f"old values were read in {count} of {len(UNSEEN)} runs", look=look)
    return f"{len(UNSEEN)} runs, every one linearizable"


def ledger(mode: str) -> str:
    """Nothing lost with a town."""
    acknowledged, lost = town_burns(mode)
    if lost:
        look = "on how many machines is an entry when it is acknowledged, and how many burn?"
        raise Wrong(f"{lost} of {acknowledged:,} acknowledged entries are gone", look=look)
    return f"none of {acknowledged:,} lost, with the whole town"


JUDGES: dict[str, Callable[[str], str]] = {"likes": likes, "orders": orders, "seats": seats, "ledger": ledger}


def names_four_modes(decide: Callable[[], dict[str, str]]) -> str:
    """A mode for each need."""
    answer = decide()
    if not isinstance(answer, dict) or set(answer) != set(JUDGES):
        raise Wrong(repr(answer), expected=f"a dict with the keys {', '.join(JUDGES)}")
    for need, mode in answer.items():
        if str(mode) not in MODES:
            raise Wrong(f"{need}: {mode!r}", expected=f"one of {', '.join(MODES)}")
    return ", ".join(f"{need}: {mode}" for need, mode in answer.items())


def _judge(need: str, decide: Callable[[], dict[str, str]]) -> str:
    mode = decide()[need]
    try:
        return f"{mode}: {JUDGES[need](mode)}"
    except Wrong as wrong:
        facts = wrong.facts
        raise Wrong(
            facts["came out"], given=f"{need} with {mode}", expected=NEEDS_TOLD[need], look=facts["look"]
        ) from None


NEEDS = (
    Check("there is a mode for each need", names_four_modes),
    *(
        Check(f"{need}: the mode does what is needed", once_valid(names_four_modes, partial(_judge, need)), 60.0)
        for need in JUDGES
    ),
)
