"""Plays a fault plan against what runs: ``python -m minisys.chaos plan.yaml --process cache=4711 …``.

A plan is a file and the system is running; somebody has to turn the one on the other, from a shell, a game day's script
or a scheduler. Each event is printed as it happens. Ctrl-C, SIGTERM and SIGKILL all put everything back.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from minisys.chaos.dependency import Dependencies
from minisys.chaos.inject import ByKind, Injector, RealClock, Undo, play
from minisys.chaos.kinds import CLOCK, DEPENDENCY, DISK, NETWORK, PROCESS
from minisys.chaos.links import Links
from minisys.chaos.machines import Machines, StateFile
from minisys.chaos.plan import Fault, FaultPlan
from minisys.chaos.processes import Processes
from minisys.testbed.fault_control import Network
from minisys.testbed.nodes import Node, NodeFailed


class Printed:
    """An injector that says what *inner* does."""

    def __init__(self, inner: Injector) -> None:
        self.inner = inner

    def begin(self, fault: Fault) -> Undo:
        """Do it and say so."""
        undo = self.inner.begin(fault)
        values = ", ".join(f"{name} {value}" for name, value in fault.values.items())
        print(f"begin {fault.kind} on {fault.target} {values}".rstrip(), flush=True)

        def told() -> None:
            undo()
            print(f"end {fault.kind} on {fault.target}", flush=True)

        return told


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m minisys.chaos", description="Plays a fault plan against what runs.")
    made.add_argument("plan", type=Path, help="YAML or JSON")
    made.add_argument("--process", type=_pair, action="append", default=[], help="name=process id; may be repeated")
    made.add_argument("--state", type=_pair, action="append", default=[], help="name=state file of a wrapped node")
    made.add_argument("--dependency", type=_pair, action="append", default=[], help="name=admin port")
    made.add_argument("--network", help="the fault proxy's control port, as http://127.0.0.1:8001")
    made.add_argument("--until", type=float, help="seconds until the play is over (default: with its last event)")
    return made


def injector(options: argparse.Namespace) -> Injector:
    """All the kinds that the options make possible."""
    numbers = {name: int(text) for name, text in options.process}
    processes: Injector = Processes(numbers)
    machines: Injector = Machines({name: StateFile(Path(text)) for name, text in options.state})
    services = {name: cast(Node, SimpleNamespace(admin_port=int(text))) for name, text in options.dependency}
    by_kind: dict[str, Injector] = dict.fromkeys(PROCESS, processes) | dict.fromkeys((*CLOCK, *DISK), machines)
    by_kind |= dict.fromkeys(DEPENDENCY, Dependencies(services))
    if options.network:
        by_kind |= dict.fromkeys(NETWORK, Links(Network(cast(Node, SimpleNamespace(url=options.network)))))
    return Printed(ByKind(by_kind))


def main(argv: list[str] | None = None) -> int:
    """Play the plan; 2 for a mistake in it, 1 if something could not be broken or put back, 130 after Ctrl-C."""
    options = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        plan = FaultPlan.from_yaml(options.plan.read_text())
        log = play(plan, injector(options), RealClock(), options.until)
    except KeyboardInterrupt:
        return 130
    except (ValueError, OSError, NodeFailed) as problem:
        print(f"{options.plan}: {problem}", file=sys.stderr)
        return 2 if isinstance(problem, ValueError) else 1
    for line in log.problems:
        print(line, file=sys.stderr)
    return int(bool(log.problems))


def _pair(text: str) -> Any:
    name, _, value = text.partition("=")
    if not name or not value:
        raise argparse.ArgumentTypeError(f"expected name=value, got {text!r}")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
