"""Ten deaths and ten rolling restarts with carts in the servers' memory, in a store, and in Valkey: who lost a cart?

Three cart servers under users who put things into carts; one of them is killed and replaced, or all are restarted one
after the other, each time at other moments. The promise is broken if a request fails, if a cart is lost that was kept
outside, if no cart is lost that was in memory (then the run shows nothing), or if a process is left over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
from minisys.load_balancing.plan import Step
from minisys.scaling import real
from minisys.scaling.stateless import KILL, carts_lost, rolling
from minisys.scaling.stateless_live import IN_MEMORY, STORE, VALKEY, run
from minisys.scaling.stateless_model import GAP_S, SESSION_S, USERS_PER_S, WORKERS, shoppers
from minisys.testbed.trace import Trace

PLANS: dict[str, tuple[float, Callable[[], Sequence[Step]]]] = {  # seconds, and what is done
    "kill -9 one of three, replace it": (3.6, lambda: KILL),
    "rolling restart": (4.8, rolling),
}
AGAIN = "`make soak PART=carts ROUNDS=10`: some 7 seconds a run, three ways, two plans."
NOTE = """Three servers with {workers} workers each; {rate:g} users a second come, stay {session:g} s and put one \
thing every {gap:g} s (PUT), so that some {open:.0f} carts are open. One retry. In round k everything happens k x 37 \
ms later. Failed: every request whose user did not get 200. Carts lost: a user found fewer things than they had put. \
Second attempts: requests that the balancer sent to another server. Left over: processes still there after a run."""


@dataclass
class Count:
    """What users of one *way* saw under one *plan*, run by run."""

    way: str
    plan: str
    requests: int = 0
    failed: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    retried: int = 0
    left_over: list[str] = field(default_factory=list)

    def add(self, trace: Trace) -> None:
        """One more run."""
        frame = trace.check().frame
        self.requests += len(frame)
        self.failed.append(len(frame) - trace.count("ok"))
        self.lost.append(len(carts_lost(trace)))
        self.retried += int((frame["attempts"] > 1).sum())
        self.left_over += left_over()

    def broken(self) -> list[str]:
        """One line for each promise that did not hold."""
        name, said = f"{self.way}, {self.plan}", list(self.left_over)
        if any(self.failed):
            said.append(f"{name}: requests failed: {self.failed}")
        if self.way != IN_MEMORY and any(self.lost):
            said.append(f"{name}: carts lost: {self.lost}")
        if self.way == IN_MEMORY and not all(self.lost):
            said.append(f"{name}: a run lost no cart, so it shows nothing: {self.lost}")
        return said

    def row(self) -> Sequence[str]:
        """The counts as text."""
        failed, lost = (" ".join(map(str, each)) for each in (self.failed, self.lost))
        numbers = (str(len(self.failed)), f"{self.requests:,}", failed, lost, str(min(self.lost)), str(max(self.lost)))
        return (self.way, *numbers, str(self.retried), str(len(self.left_over)))


def soak(rounds: int, say: Say) -> Findings:
    """Every way and plan, *rounds* times."""
    missing = real.missing()
    ways = (IN_MEMORY, STORE) if missing else (IN_MEMORY, STORE, VALKEY)
    counts = [Count(way, plan) for plan in PLANS for way in ways]
    for number in range(rounds):
        for count in counts:
            for_s, steps = PLANS[count.plan]
            plan = [replace(step, at_s=step.at_s + 0.037 * number) for step in steps()]
            count.add(run(count.way, shoppers(for_s=for_s, seed=200 + number), plan))
            told = f"{count.failed[-1]} failed, {count.lost[-1]} carts lost"
            say(f"round {number + 1} of {rounds}, {count.plan}, {count.way}: {told}")
    sections = [section(plan, [count for count in counts if count.plan == plan], missing) for plan in PLANS]
    return Findings(sections, [line for count in counts for line in count.broken()])


def section(plan: str, counts: Sequence[Count], missing: str) -> Section:
    """The counts of one plan as a table."""
    shape = {"rate": USERS_PER_S, "session": SESSION_S, "gap": GAP_S, "open": USERS_PER_S * SESSION_S}
    note = NOTE.format(workers=WORKERS, **shape)
    columns = [
        "carts are kept", "runs", "requests", "failed in each run", "carts lost in each run", "fewest lost",
        "most lost", "second attempts", "left over",
    ]  # fmt: skip
    return Section(f"Carts lost: {plan}", f"{note} {missing}".strip(), columns, [count.row() for count in counts])
