"""The cache as a process of its own: ``python -m minisys.caching --policy lru --maxmemory 8mb``."""

from __future__ import annotations

import argparse

from minisys.caching.commands import memory
from minisys.caching.keyspace import POLICY_NAMES
from minisys.caching.service import start
from minisys.testbed import entry, http, resp
from minisys.testbed.descriptors import room_for
from minisys.testbed.fastest_loop import fastest_loop
from minisys.testbed.resp_server import Patience


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m minisys.caching",
        description="A cache server on 127.0.0.1 that speaks the Redis protocol.",
        epilog="Example: python -m minisys.caching --policy sieve --maxmemory 8mb --port 6380, then redis-cli -p 6380",
    )
    made.add_argument("--policy", default="noeviction", help=f"who goes: {', '.join(POLICY_NAMES)}")
    made.add_argument("--maxmemory", default="0", help="such as 8mb or 1gb; 0: no limit (default)")
    made.add_argument("--port", type=int, default=0, help="0: any free one (default)")
    made.add_argument(
        "--max-clients", type=int, default=10_000, help="at once (default: 10000, or as many as may be open)"
    )
    made.add_argument("--idle", type=float, default=0.0, help="seconds until a silent client is closed; 0: never")
    made.add_argument("--stuck", type=float, default=10.0, help="seconds until one that reads nothing is closed")
    made.add_argument("--max-value", default="16mb", help="the largest value (default: 16mb)")
    return made


async def run(options: argparse.Namespace) -> None:
    """Run a cache until it is told to stop."""
    largest = memory(options.max_value.encode())
    service = await start(
        options.policy,
        memory(options.maxmemory.encode()),
        port=options.port,
        limits=resp.Limits(bulk_bytes=largest, request_bytes=2 * largest),
        patience=Patience(room_for(options.max_clients), options.idle, options.stuck),
    )
    print(f"READY {service.port}", flush=True)
    await http.until_told_to_stop()
    await service.close()


if __name__ == "__main__":
    entry.main(parser(), run, fastest_loop())
