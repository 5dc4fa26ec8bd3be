"""One replica as a process: ``python -m minisys.replication --mode raft --name a --peer b=7001 --peer c=7002``."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from minisys.replication.commands import ReplicaSession
from minisys.replication.log import LogRefused
from minisys.replication.modes import LED, Options
from minisys.replication.peers import Peers
from minisys.replication.policies import Quorum
from minisys.replication.quorum_replica import QuorumReplica
from minisys.replication.raft import Timing
from minisys.replication.replica import Replica
from minisys.testbed import http, resp
from minisys.testbed.fastest_loop import fastest_loop
from minisys.testbed.resp_server import Patience, Server


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m minisys.replication",
        description="One replica of a store on 127.0.0.1 that speaks the Redis protocol; alone, it is a durable store.",
        epilog="Example: python -m minisys.replication --port 6380, then redis-cli -p 6380. "
        "minisys.replication.live.cluster() starts several that know each other.",
    )
    made.add_argument("--mode", default="raft", choices=[*LED, "quorum"], help="when a write is done (default: raft)")
    made.add_argument("--name", default="a", help="its name among the replicas (default: a)")
    made.add_argument("--cluster", default="minisys", help="the cluster's id; others are refused (default: minisys)")
    made.add_argument("--peer", action="append", default=[], metavar="NAME=PORT", help="another replica; repeat it")
    made.add_argument("--folder", type=Path, help="where its log is (default: a new temporary folder)")
    made.add_argument("--port", type=int, default=0, help="for clients; 0: any free one (default)")
    made.add_argument("--peer-port", type=int, default=0, help="for the other replicas; 0: any free one (default)")
    made.add_argument("--k", type=int, default=1, help="semi-sync: how many replicas must have a write (default: 1)")
    made.add_argument("--reads", default="leader", help="leader, any or bounded (default: leader)")
    made.add_argument("--stale", type=float, default=1.0, help="bounded: seconds behind at most (default: 1)")
    made.add_argument(
        "--stale-versions", type=int, default=1_000, help="bounded: entries behind at most (default: 1000)"
    )
    made.add_argument("--election", type=float, nargs=2, default=(0.5, 1.0), help="timeout in s (default: 0.5 1.0)")
    made.add_argument("--heartbeat", type=float, default=0.1, help="seconds between heartbeats (default: 0.1)")
    made.add_argument("--patience", type=float, default=5.0, help="seconds that a client waits at most (default: 5)")
    made.add_argument("--compact-after", type=int, default=20_000, help="raft: entries that make a snapshot")
    made.add_argument("--r", type=int, default=2, help="quorum: answers to a read (default: 2)")
    made.add_argument("--w", type=int, default=2, help="quorum: confirmations of a write (default: 2)")
    made.add_argument("--repair", default="after", help="quorum: no, after or before the answer (default: after)")
    made.add_argument("--max-value", type=int, default=2**20, help="bytes of the largest value (default: 1 MiB)")
    made.add_argument("--seed", type=int, help="of the election timeouts (default: another one each time)")
    return made


def replica(options: argparse.Namespace, peers: Peers, folder: Path, **more: Any) -> Replica | QuorumReplica:
    """The replica that *options* describe, its log in *folder*. Raises ValueError or LogRefused."""
    path = folder / f"{options.name}.log"
    if options.mode == "quorum":
        quorum = Quorum(len(peers.ports) + 1, options.r, options.w)
        return QuorumReplica(quorum, peers, path, repair=options.repair, patience_s=options.patience, **more)
    timing = Timing(tuple(options.election), options.heartbeat)
    chosen = Options(
        options.mode, options.k, options.reads, options.stale_versions, options.stale, timing, options.patience,
        options.compact_after,
    )  # fmt: skip
    return Replica(chosen, peers, path, Random(options.seed), **more)


async def serve(node: Replica | QuorumReplica, options: argparse.Namespace) -> tuple[Server, int]:
    """Open both doors of *node* and let it take part: the server for clients, and the port for peers."""
    limits = resp.Limits(bulk_bytes=options.max_value, request_bytes=2 * options.max_value)
    server = Server(lambda connection: ReplicaSession(node, connection), limits, Patience())
    await server.listen(options.port)
    peer_port = await node.peers.listen(options.peer_port)
    node.peers.connect(server.port)
    node.start()
    return server, peer_port


async def run(options: argparse.Namespace, folder: Path) -> str | None:
    """Run a replica until it is told to stop (None), or its disk fails: why."""
    node = replica(options, Peers(options.cluster, options.name, _ports(options.peer), lambda _: None), folder)
    server, peer_port = await serve(node, options)
    print(f"READY {server.port} {peer_port}", flush=True)
    told: asyncio.Future = asyncio.ensure_future(http.until_told_to_stop())
    await asyncio.wait([told, node.failed], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    await server.close()
    await node.peers.close()
    await node.close()
    return node.failed.result() if node.failed.done() else None


def _ports(given: list[str]) -> dict[str, int]:
    peers = {}
    for one in given:
        name, _, port = one.partition("=")
        if not name or not port.isdigit() or not 0 < int(port) < 65_536:
            raise ValueError(f"--peer must be NAME=PORT, got {one!r}")
        peers[name] = int(port)
    return peers


def main() -> None:
    """Entry point; a mistake on the command line, or a log that cannot be used, is one clear line."""
    commands = parser()
    options = commands.parse_args()
    try:
        with ExitStack() as stack:
            if options.folder is None:
                options.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="minisys-replica-")))
            options.folder.mkdir(parents=True, exist_ok=True)
            runner = stack.enter_context(asyncio.Runner(loop_factory=fastest_loop()))
            problem = runner.run(run(options, options.folder))
    except (ValueError, OSError) as mistake:
        commands.error(str(mistake))
    except LogRefused as refused:
        sys.exit(f"minisys.replication: {refused}")
    if problem is not None:
        sys.exit(f"minisys.replication: stopped, its disk failed: {problem}")


if __name__ == "__main__":
    main()
