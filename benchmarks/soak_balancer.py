"""Ten deaths and ten changes each, for our proxy, NGINX and HAProxy: how many requests did users lose?

"Nobody notices" is easily said after one lucky run. Here one of three backends is killed (SIGKILL) at 200 requests a
second, each time at another moment, and backends are added, drained and removed under the same load; the failures are
counted by the load generator, which is neither proxy nor backend. The promise is broken if our proxy loses a request
or a process is left over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
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
AGAIN = "`make soak PART=balancer ROUNDS=10`: some 6 seconds a run, three proxies, two plans."
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


def soak(rounds: int, say: Say) -> Findings:
    """All proxies in turn, *rounds* times."""
    missing = [told for name, told in real.available().items() if not told[:1].isdigit()]
    here = [name for name in PROXIES if name not in real.available() or real.available()[name][:1].isdigit()]
    counts = {(plan, proxy): Count(proxy, plan) for plan in PLANS for proxy in here}
    for number in range(rounds):
        for (plan, proxy), count in counts.items():
            count.add(run(proxy, plan, number))
            say(f"round {number + 1} of {rounds}, {plan}, {proxy}: {count.failed[-1]} failed")
            for detail in count.details if count.failed[-1] else []:
                say(f"  {detail}")
    found = list(counts.values())
    broken = [
        line for count in found for line in (*(count.details if count.proxy == "minisys" else ()), *count.left_over)
    ]
    return Findings([section(plan, found, missing) for plan in PLANS], broken)


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
