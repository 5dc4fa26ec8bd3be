"""The parts of a sharded store, each a process of its own: ``python -m minisys.sharding coordinator --shards 3``."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from minisys.sharding import coordinator, node, router
from minisys.sharding.topology import Topology
from minisys.testbed import entry
from minisys.testbed.fastest_loop import fastest_loop
from minisys.testbed.signals import until_told_to_stop


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m minisys.sharding",
        description="A sharded store on 127.0.0.1 that speaks the Redis cluster protocol.",
        epilog="Example: coordinator --shards 3 --port 7000, then six times: node --coordinator 7000. "
        "The first three lead the shards, the next three follow. Then redis-cli -c -p <port of any node>.",
    )
    made.add_argument("--port", type=int, default=0, help="0: any free one (default)")
    parts = made.add_subparsers(dest="part", required=True)
    one = parts.add_parser("coordinator", help="keeps the list of who does what")
    one.add_argument("--shards", type=int, default=3, help="how many at first (default: 3)")
    one.add_argument("--lease", type=float, default=1.0, help="seconds of silence after which a node is replaced")
    one.add_argument("--state", type=Path, help="a file that survives it")
    one = parts.add_parser("node", help="a primary or replica of one shard")
    one.add_argument("--coordinator", type=int, required=True, help="its port")
    one.add_argument("--maxmemory", type=int, default=256 * 2**20, help="bytes of data (default: 256 MiB)")
    one = parts.add_parser("router", help="for clients that know nothing of clusters")
    one.add_argument("--seed", type=int, required=True, action="append", help="port of a cluster's node")
    return made


async def run(options: argparse.Namespace) -> None:
    """Run one part until it is told to stop."""
    if options.part == "coordinator":
        now = asyncio.get_running_loop().time
        first = Topology.new(options.shards)
        server = await coordinator.serve(
            coordinator.Coordinator(first, options.lease, now, options.state), options.port
        )
    elif options.part == "node":
        _, server = await node.serve(options.coordinator, options.port, options.maxmemory)
    else:
        server = await router.serve(options.seed, options.port)
    print(f"READY {server.port}", flush=True)
    await until_told_to_stop()
    await server.close()


if __name__ == "__main__":
    entry.main(parser(), run, fastest_loop())
