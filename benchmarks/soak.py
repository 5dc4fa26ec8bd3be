"""Ten deaths and ten changes each, for our proxy, NGINX and HAProxy: how many requests did users lose?

"Nobody notices" is easily said after one lucky run. Here one of three backends is killed (SIGKILL) at 200 requests a
second, each time at another moment, and backends are added, drained and removed under the same load; the failures are
counted by the load generator, which is neither proxy nor backend. `make soak ROUNDS=10` prints the counts and writes
benchmarks/SOAK.md. Exit code 1 if our proxy lost a request or a process was left over.
"""

from __future__ import annotations

import argparse
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from benchmarks import report
from benchmarks.report import Section
from minisys.load_balancing import live, real
from minisys.load_balancing.plan import Step
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Exponential, Poisson, workload

PROXIES = ("minisys", "nginx", "haproxy")
RATE_PER_S, SECONDS, MEAN_S, WORKERS = 200.0, 5.0, 0.02, 16
PLANS: dict[str, Callable[[float], list[Step]]] = {
    "kill -9 one of three": lambda shift_s: [Step(1.5 + shift_s, "kill", "b")],
    "add, drain, remove": lambda shift_s: [
        Step(1.0 + shift_s, "add", "d"), Step(2.0 + shift_s, "drain", "a"), Step(3.0 + shift_s, "remove", "a"),
    ],
}  # fmt: skip
MARK, RUN = "MINISYS_SOAK", uuid.uuid4().hex  # in the environment of everything started here
AGAIN = "`make soak ROUNDS=10`: some 6 seconds a run, three proxies, two plans."
NOTE = """{seconds:g} s a run, GET, Poisson {rate:g} requests/s, three backends with {workers} workers each, \
exponential work of {mean:g} ms, least connections, one retry. In round k everything happens k x 37 ms later, so that \
health checks and steps meet in every phase. Failed: every request whose user did not get 200. Second attempts: \
requests that the proxy sent to another backend. Sent again by users: GETs that met a kept-alive connection which the \
proxy had just closed (RFC 9112, 9.3.1; browsers do the same). Left over: processes still there after a run."""


@dataclass
class Count:
    """What users of one proxy saw under one plan, run by run."""

    proxy: str
    plan: str
    requests: int = 0
    failed: list[int] = field(default_factory=list)
    retried: int = 0
    resent: int = 0
    left_over: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    def add(self, trace: Trace) -> None:
        """One more run."""
        frame = trace.check().frame
        bad = frame[frame["outcome"] != "ok"]
        self.requests += len(frame)
        self.failed.append(len(bad))
        self.retried += int((frame["attempts"] > 1).sum())
        self.resent += frame.attrs["generator"]["resent"]
        self.details += [f"run {len(self.failed)}: {row}" for row in bad.head(5).to_dict("records")]
        self.left_over += left_over()


def run(proxy: str, plan: str, number: int) -> Trace:
    """One run; *number* gives the seed and shifts the plan."""
    offered = workload(
        int(RATE_PER_S * SECONDS), arrivals=Poisson(RATE_PER_S), work=Exponential(MEAN_S), seed=100 + number
    )
    steps = PLANS[plan](0.037 * number)
    if proxy == "minisys":
        return live.run("least connections", offered, workers=WORKERS, plan=steps, clock="real")
    return real.run(proxy, offered, policy="least connections", workers=WORKERS, plan=steps)


def left_over() -> list[str]:
    """Processes started here that still run, but for the guard, which ends with this process."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.environ().get(MARK) != RUN:
                continue
            line = " ".join(process.cmdline())
            if process.status() != psutil.STATUS_ZOMBIE and "guard.py" not in line:
                found.append(f"{process.pid}: {line}")
        except (psutil.Error, OSError):  # gone meanwhile, or not ours to read
            continue
    return found


def soak(rounds: int, say: Callable[[str], None]) -> tuple[list[Count], list[str]]:
    """All proxies in turn, *rounds* times; the counts, and one line for each product that is missing."""
    missing = [told for name, told in real.available().items() if not told[:1].isdigit()]
    here = [name for name in PROXIES if name not in real.available() or real.available()[name][:1].isdigit()]
    counts = {(plan, proxy): Count(proxy, plan) for plan in PLANS for proxy in here}
    for number in range(rounds):
        for (plan, proxy), count in counts.items():
            count.add(run(proxy, plan, number))
            say(f"round {number + 1} of {rounds}, {plan}, {proxy}: {count.failed[-1]} failed")
            for detail in count.details if count.failed[-1] else []:
                say(f"  {detail}")
    return list(counts.values()), missing


def section(plan: str, counts: list[Count], missing: list[str]) -> Section:
    """The counts of one plan as a table."""
    rows = [
        (
            count.proxy, str(len(count.failed)), f"{count.requests:,}", " ".join(map(str, count.failed)),
            str(min(count.failed)), str(sum(count.failed)), str(count.retried), str(count.resent),
            str(len(count.left_over)),
        )
        for count in counts
        if count.plan == plan
    ]  # fmt: skip
    columns = [
        "proxy", "runs", "requests", "failed in each run", "least", "in all", "second attempts", "sent again by users",
        "left over",
    ]  # fmt: skip
    note = NOTE.format(seconds=SECONDS, rate=RATE_PER_S, workers=WORKERS, mean=1000 * MEAN_S)
    return Section(f"Requests that users lost: {plan}", " ".join([note, *missing]), columns, rows)


def main() -> int:
    """Soak, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10, help="runs of each proxy and plan (default: 10)")
    console, rounds = report.console(), parser.parse_args().rounds
    os.environ[MARK] = RUN
    machine = report.machine()
    counts, missing = soak(rounds, lambda text: console.print(f"[dim]{text}[/]", highlight=False, soft_wrap=True))
    sections = [section(plan, counts, missing) for plan in PLANS]
    for table in sections:
        table.show(console)
    console.print(f"{machine}\nWritten to {report.write('SOAK.md', 'Soak', machine, sections, AGAIN)}")
    for line in [line for count in counts for line in (*count.details, *count.left_over)]:
        console.print(line, soft_wrap=True)
    return int(any(sum(c.failed) for c in counts if c.proxy == "minisys") or any(c.left_over for c in counts))


if __name__ == "__main__":
    sys.exit(main())
