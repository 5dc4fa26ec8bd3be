"""The balancer as a process of its own: ``python -m minisys.load_balancing --backend a=127.0.0.1:8001 …``."""

from __future__ import annotations

import argparse

from minisys.load_balancing.admin import __doc__ as admin_doc
from minisys.load_balancing.balancer import Balancer, parse_backend
from minisys.load_balancing.health import OutlierEjection, Sticky
from minisys.load_balancing.plan import HealthCheck
from minisys.load_balancing.policies import NAMES, policy
from minisys.load_balancing.proxy import Limits
from minisys.load_balancing.service import start
from minisys.testbed import entry, http


def parser() -> argparse.ArgumentParser:
    """The command line."""
    admin = (admin_doc or "").split("\n\n")[2]
    made = argparse.ArgumentParser(
        prog="python -m minisys.load_balancing",
        description="A load balancer on 127.0.0.1: layer 7 (HTTP/1.1) or layer 4 (TCP).",
        epilog=f"The admin port answers:\n{admin}\n\nExample: python -m minisys.load_balancing "
        "--backend a=127.0.0.1:8001 --backend b=127.0.0.1:8002*2 --policy 'least connections' --port 8080",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--backend", action="append", default=[], help="name=host:port, or name=host:port*weight; repeat")
    made.add_argument("--policy", default="least connections", help=f"one of: {', '.join(NAMES)}")
    made.add_argument("--option", action="append", default=[], help="of the policy, like d=3 or bound=1.5; repeat it")
    made.add_argument("--mode", choices=("http", "tcp"), default="http", help="layer 7 or layer 4 (default: http)")
    made.add_argument("--port", type=int, default=0, help="for users; 0: any free one (default)")
    made.add_argument("--admin-port", type=int, default=0, help="for you; 0: any free one (default)")
    made.add_argument("--retries", type=int, default=1, help="other backends tried when one fails (default: 1)")
    made.add_argument("--timeout", type=float, default=30.0, help="seconds until a backend must answer (default: 30)")
    made.add_argument("--check-every", type=float, default=0.2, help="seconds between checks, 0: none (default: 0.2)")
    made.add_argument("--check-timeout", type=float, default=0.1, help="seconds until a check counts as failed")
    made.add_argument("--rise", type=int, default=2, help="good checks that bring a backend back (default: 2)")
    made.add_argument("--fall", type=int, default=2, help="bad checks that take it out (default: 2)")
    made.add_argument("--eject-after", type=int, default=0, help="failures in a row that eject, 0: never (default)")
    made.add_argument("--slow-start", type=float, default=0.0, help="seconds until a new backend has its full share")
    made.add_argument("--sticky", action="store_true", help="keep a user on one backend by cookie")
    made.add_argument("--trust-luck", action="store_true", help=argparse.SUPPRESS)
    return made


def parse_option(text: str) -> tuple[str, float]:
    """A policy's option, name=number. Raises ValueError if it is not."""
    name, _, value = text.partition("=")
    try:
        return name, int(value) if value.isdigit() else float(value)
    except ValueError:
        raise ValueError(f"an option is name=number, like d=3; got {text!r}") from None


async def run(options: argparse.Namespace) -> None:
    """Run a balancer until it is told to stop."""
    every = options.check_every
    health = HealthCheck(every, min(options.check_timeout, every), options.rise, options.fall) if every else None
    balancer = Balancer(
        policy(options.policy, **dict(map(parse_option, options.option))),
        [parse_backend(text) for text in options.backend],
        health=health,
        ejection=OutlierEjection(options.eject_after) if options.eject_after else None,
        slow_start_s=options.slow_start,
        sticky=Sticky() if options.sticky else None,
    )
    service = await start(
        balancer,
        mode=options.mode,
        port=options.port,
        admin_port=options.admin_port,
        retries=options.retries,
        limits=Limits(answer_s=options.timeout),
        trust_luck=options.trust_luck,
    )
    print(f"READY {service.port} {service.admin_port}", flush=True)
    await http.until_told_to_stop()
    await service.close()


if __name__ == "__main__":
    entry.main(parser(), run)
