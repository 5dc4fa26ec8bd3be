"""A durable message broker that speaks Amazon SQS's JSON protocol on 127.0.0.1; what it acknowledges is on the disk.

    python -m minisys.queues --data orders-broker --port 9324
    python -m minisys.queues log --data orders-log

The second is a partitioned log with an API of its own (log_api.py). Each prints READY and its port, and stops on
SIGTERM; kill -9 loses nothing that was acknowledged.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

from minisys.queues.broker import Broker
from minisys.queues.log import LOG, Log
from minisys.queues.log_api import LogService
from minisys.queues.sqs import Service
from minisys.queues.store import QUEUES, Store, StoreRefused
from minisys.testbed import http
from minisys.testbed.fastest_loop import fastest_loop


async def serve_log(store: Store, port: int) -> None:
    """Serve the log in *store* until told to stop."""
    service = LogService(Log(store))
    listening = await http.listen(service.handle, port)
    await _until_stopped(listening, service.close, store)


async def serve_queues(store: Store, port: int) -> None:
    """Serve the queues in *store* until told to stop."""
    broker = Broker(store)
    service = Service(broker)
    listening = await http.listen(service.handle, port)
    broker.url = f"http://127.0.0.1:{listening.port}"
    service.move()  # a task that a crash interrupted goes on
    await _until_stopped(listening, service.close, store)


async def _until_stopped(listening: http.Listening, close: Callable[[], Awaitable[None]], store: Store) -> None:
    print(f"READY {listening.port}", flush=True)
    await http.until_told_to_stop()
    listening.sockets.close()
    await close()
    await listening.close()
    store.close()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    first, *rest = (__doc__ or "").split("\n\n")
    made = argparse.ArgumentParser(
        prog="python -m minisys.queues", description=first, epilog="\n\n".join(rest),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    made.add_argument("what", nargs="?", choices=("queues", "log"), default="queues", help="default: queues")
    made.add_argument("--data", required=True, help="folder in which the messages are kept")
    made.add_argument("--port", type=int, default=0, help="on 127.0.0.1 (default: any that is free)")
    made.add_argument("--not-durable", action="store_true", help="no fsync: faster, and a power cut loses messages")
    made.add_argument("--limit-mb", type=float, help="take no more messages when the file has so many megabytes")
    return made


def main() -> int:
    """Entry point; a mistake is one clear line."""
    options = parser().parse_args()
    limit = None if options.limit_mb is None else int(options.limit_mb * 1e6)
    try:
        serve, layout = (serve_log, LOG) if options.what == "log" else (serve_queues, QUEUES)
        store = Store(options.data, durable=not options.not_durable, limit_bytes=limit, layout=layout)
        with asyncio.Runner(loop_factory=fastest_loop()) as runner:
            runner.run(serve(store, options.port))
    except (StoreRefused, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
