"""The controller as a process of its own: ``python -m minisys.autoscaling --balancer URL --cloud URL``."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict

from minisys.autoscaling.controller import Controller, run
from minisys.autoscaling.kubernetes import Behaviour, HorizontalPodAutoscaler, Limit
from minisys.autoscaling.policies import Policy, Proportional, Step, TargetTracking
from minisys.autoscaling.world import LiveWorld


def hpa(target: float = 0.6, tolerance: float = 0.1, down_window_s: float = 1.5, period_s: float = 0.5) -> Policy:
    """Kubernetes' rule for machines that boot in a second: its defaults, with 15 s made *period_s* and 300 s made
    *down_window_s*.
    """
    up = Behaviour(0.0, (Limit(percent=100, period_s=period_s), Limit(pods=4, period_s=period_s)))
    down = Behaviour(down_window_s, (Limit(percent=100, period_s=period_s),))
    return HorizontalPodAutoscaler(
        target, tolerance, up=up, down=down, cpu_initialisation_s=0.0, initial_readiness_s=2 * period_s,
        metric_window_s=period_s,
    )  # fmt: skip


RULES: dict[str, Callable[..., Policy]] = {
    "hpa": hpa, "proportional": Proportional, "step": Step, "target tracking": TargetTracking,
}  # fmt: skip


def rule(name: str, **options: float) -> Policy:
    """The rule called *name*, with its numbers in *options*. Raises ValueError for an unknown rule or option."""
    if name not in RULES:
        raise ValueError(f"no rule {name!r}; there are {', '.join(RULES)}")
    try:
        return RULES[name](**options)
    except TypeError as problem:
        raise ValueError(f"rule {name!r}: {problem}") from None


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m minisys.autoscaling",
        description="An autoscaler: reads a balancer's metrics, orders, warms, drains and ends machines.",
        epilog="Lines on standard output: LOOK {json} for each look, SAY text for each trouble.",
    )
    made.add_argument("--balancer", required=True, help="its admin port, like http://127.0.0.1:8081")
    made.add_argument(
        "--cloud", required=True, help="python -m minisys.autoscaling.machines, like http://127.0.0.1:8082"
    )
    made.add_argument("--rule", default="hpa", help=f"one of: {', '.join(RULES)} (default: hpa)")
    made.add_argument("--option", action="append", default=[], help="of the rule, like target=0.6; repeat it")
    made.add_argument("--minimum", type=int, default=1, help="machines at least (default: 1)")
    made.add_argument("--maximum", type=int, default=10, help="machines at most (default: 10)")
    made.add_argument("--workers", type=int, default=2, help="of a machine (default: 2)")
    made.add_argument("--period", type=float, default=0.5, help="seconds between two looks (default: 0.5)")
    made.add_argument("--backoff", type=float, default=1.0, help="seconds after a boot that failed (default: 1)")
    made.add_argument("--boot-limit", type=float, default=60.0, help="seconds until a boot has failed (default: 60)")
    return made


def main() -> None:
    """Entry point; a mistake on the command line is one clear line."""
    commands = parser()
    options = commands.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        numbers = {name: float(value) for name, _, value in (text.partition("=") for text in options.option)}
        controller = Controller(
            rule(options.rule, **numbers), LiveWorld(options.balancer, options.cloud), minimum=options.minimum,
            maximum=options.maximum, workers=options.workers, period_s=options.period, backoff_s=options.backoff,
            boot_limit_s=options.boot_limit, say=lambda text: print("SAY", text, flush=True),
        )  # fmt: skip
    except ValueError as problem:
        commands.error(str(problem))
    print("READY 0", flush=True)
    run(controller, stop, lambda look: print("LOOK", json.dumps(asdict(look)), flush=True))


if __name__ == "__main__":
    main()
