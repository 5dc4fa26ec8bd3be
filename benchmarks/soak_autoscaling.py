"""Flash sales again and again: does a user see a failure when machines come and go, and the controller dies?

Even runs are plain sales; in the odd ones two boots fail and the controller is killed and started again twice. The
promise is broken if a request failed, no machine came, none went while requests still came, the fleet did not return
to its minimum, or a process is left over.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
from minisys.autoscaling.experiments import Sale, flash_sale, offered
from minisys.autoscaling.live import Shop

AGAIN = "`make soak PART=autoscaling ROUNDS=10`: some 25 seconds a run."
COLUMNS = (
    "sales", "runs", "requests", "failed", "machines at most", "drained under load", "p99 (s), median", "left over",
)  # fmt: skip
PLAIN, TROUBLED = "plain", "boots fail, controller killed twice"
NOTE = """Our balancer, machines that boot in 1 s, Kubernetes' rule at 60 % (looks every 0.5 s, window to scale in \
1.5 s), Locust's users: 8 requests a second of 0.1 s on average, 45 from 1.5 s to 6.5 s, 20 s in all. In the second \
row two boots fail and the controller gets SIGKILL at 2.5 s and 12 s and is started again at once."""


def again(shop: Shop) -> None:
    """The controller dies and another one starts."""
    shop.kill_controller()
    shop.start_controller()


def soak(rounds: int, say: Say) -> Findings:
    """*rounds* sales, plain and troubled in turn."""
    runs: dict[str, list[Sale]] = {PLAIN: [], TROUBLED: []}
    broken = []
    steps = [(0.0, lambda shop: shop.fail_boots(2)), (2.5, again), (12.0, again)]
    for number in range(rounds):
        kind = (PLAIN, TROUBLED)[number % 2]
        sale = flash_sale("hpa", offered(20.0, seed=500 + number), at=steps if kind == TROUBLED else (), progress=False)
        runs[kind].append(sale)
        found = promises(sale) + left_over()
        broken += [f"autoscaling, round {number + 1}: {line}" for line in found]
        say(f"round {number + 1} of {rounds}, {kind}: {sale.failed} failed, {sale.most} machines, {len(found)} broken")
    rows = [row(kind, sales) for kind, sales in runs.items() if sales]
    return Findings([Section("Flash sales: machines that come and go", NOTE, COLUMNS, rows)], broken)


def promises(sale: Sale) -> list[str]:
    """One line for each promise that *sale* broke."""
    kept = {
        f"{sale.failed} requests failed": sale.failed == 0,
        "no machine was added": sale.most > 1,
        "no machine left while requests still came": sale.left_early > 0,
        "the fleet did not return to its minimum": sale.settled,
    }
    return [text for text, ok in kept.items() if not ok]


def row(kind: str, sales: Sequence[Sale]) -> Sequence[str]:
    """The counts as text."""
    p99s = sorted(float(sale.trace.percentiles((99,))[0]) for sale in sales)
    return (
        kind, str(len(sales)), f"{sum(len(sale.trace) for sale in sales):,}", str(sum(sale.failed for sale in sales)),
        f"{min(sale.most for sale in sales)} to {max(sale.most for sale in sales)}",
        str(sum(sale.left_early for sale in sales)), f"{p99s[len(p99s) // 2]:.1f}", str(len(left_over())),
    )  # fmt: skip
