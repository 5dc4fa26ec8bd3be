"""The same deaths and changes again and again: how often does a promise to users break?

"Nobody notices" is easily said after one lucky run. `make soak ROUNDS=10` runs every part, `PART=carts` one of them,
and writes what it counted into benchmarks/SOAK.md, where the other parts keep their results. Exit code 1 if a promise
was broken or a process left over.
"""

from __future__ import annotations

import argparse
import os
import sys

from rich.console import Console

from benchmarks import (
    report,
    soak_autoscaling,
    soak_balancer,
    soak_carts,
    soak_cases,
    soak_chaos,
    soak_edge,
    soak_healing,
    soak_queues,
    soak_raft,
    soak_regions,
    soak_replication,
    soak_report,
    soak_resilience,
    soak_sharding,
    soak_shop,
)

PARTS = {
    "autoscaling": soak_autoscaling, "balancer": soak_balancer, "carts": soak_carts, "cases": soak_cases,
    "chaos": soak_chaos, "edge": soak_edge, "healing": soak_healing, "queues": soak_queues, "raft": soak_raft,
    "regions": soak_regions, "replication": soak_replication, "resilience": soak_resilience,
    "sharding": soak_sharding, "shop": soak_shop,
}  # fmt: skip


def run(part: str, rounds: int, console: Console) -> list[str]:
    """Soak one part *rounds* times, print and write what it found; one line for each broken promise."""
    machine = report.machine()
    found = PARTS[part].soak(rounds, lambda text: console.print(f"[dim]{text}[/]", highlight=False, soft_wrap=True))
    for section in found.sections:
        section.show(console)
    path = soak_report.write(part, machine, found.sections, PARTS[part].AGAIN)
    console.print(f"{machine}\nPart {part} written to {path}")
    return found.broken


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10, help="how often each run is repeated (default: 10)")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given again")
    options, console = parser.parse_args(), report.console()
    os.environ[soak_report.MARK] = soak_report.RUN
    broken = [line for part in options.part or PARTS for line in run(part, options.rounds, console)]
    for line in broken:
        console.print(line, soft_wrap=True)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
