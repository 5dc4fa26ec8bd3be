"""The edge as a process of its own: ``python -m minisys.caching.edge --origin http://127.0.0.1:8000``.

Between a shop and its users stands a machine that the shop does not own, and that answers most of them. This is one, an
HTTP cache by RFC 9111, in front of an origin or of another edge (a *shield*). See edge_cache.py for what it promises.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from minisys.caching.edge_admin import Admin
from minisys.caching.edge_admin import __doc__ as admin_doc
from minisys.caching.edge_cache import Edge
from minisys.caching.edge_fetch import Rules
from minisys.caching.edge_store import Store
from minisys.caching.edge_upstream import Limits, Upstream
from minisys.caching.policies import POLICIES
from minisys.testbed import entry, http


@dataclass
class Service:
    """A running edge: port (users) and admin_port, both on 127.0.0.1."""

    edge: Edge
    front: http.Listening
    admin: http.Listening

    @property
    def port(self) -> int:
        """Where users ask."""
        return self.front.port

    @property
    def admin_port(self) -> int:
        """Where purges go."""
        return self.admin.port

    async def close(self, patience_s: float = 5.0) -> None:
        """Accept nobody new, finish what is in hand within *patience_s* seconds, then go."""
        await self.front.close(patience_s)
        await self.admin.close(1.0)
        await self.edge.close()


async def start(
    origin: str, name: str = "edge", *, port: int = 0, admin_port: int = 0, rules: Rules = Rules(),  # noqa: B008
    limits: Limits = Limits(), policy: str = "lru", distance_s: float = 0.0,  # noqa: B008 (frozen)
    to_origin_s: float = 0.0, now: Callable[[], float] = time.time,
) -> Service:  # fmt: skip
    """Start an edge in the running loop.

    origin: the url behind it. policy: who goes when the store is full (policies.POLICIES). distance_s, to_origin_s:
    round trips to the users and to the origin, seconds. now: the wall clock. Raises ValueError for a bad argument,
    OSError if a port is taken.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name):
        raise ValueError(f"an edge's name starts with a letter and has letters, digits and _ . - in it, got {name!r}")
    if not 0 <= distance_s < 60:
        raise ValueError(f"a distance is a round trip of 0 to 60 seconds, got {distance_s}")
    store = Store(limits.store_bytes, policy)
    edge = Edge(name, Upstream(origin, limits, to_origin_s), store, rules, distance_s=distance_s, now=now)
    try:
        front = await http.listen(edge.handle, port)
        admin = await http.listen(Admin(edge).handle, admin_port)
    except BaseException:
        await edge.close()
        raise
    return Service(edge, front, admin)


def plain_name(place: str) -> str:
    """A name for the edge in *place*: ASCII letters, digits and "_" only, a letter first ("S_o_Paulo")."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in place)
    return plain if plain[:1].isalpha() else f"edge{plain}"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    limits, admin = Limits(), (admin_doc or "").split("\n\n")[2]
    made = argparse.ArgumentParser(
        prog="python -m minisys.caching.edge",
        description="An HTTP cache on 127.0.0.1 by RFC 9111: the edge of a content delivery network.",
        epilog=f"The admin port answers:\n{admin}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--origin", required=True, help="what it fetches from: http://host:port, an origin or an edge")
    made.add_argument("--name", default="edge", help="what it calls itself (default: edge)")
    made.add_argument("--port", type=int, default=0, help="for users; 0: any free one (default)")
    made.add_argument("--admin-port", type=int, default=0, help="for you; 0: any free one (default)")
    made.add_argument("--distance", type=float, default=0.0, help="round trip to the users, seconds (default: 0)")
    made.add_argument("--to-origin", type=float, default=0.0, help="round trip to the origin, seconds (default: 0)")
    made.add_argument("--store-bytes", type=int, default=limits.store_bytes, help="for all copies (default: 64 MB)")
    made.add_argument("--object-bytes", type=int, default=limits.object_bytes, help="for one copy (default: 5 MB)")
    made.add_argument(
        "--policy", default="lru", choices=POLICIES, help="who goes when the store is full (default: lru)"
    )
    made.add_argument("--connect-timeout", type=float, default=limits.connect_s, help="to reach the origin, s")
    made.add_argument("--timeout", type=float, default=limits.answer_s, help="until the origin must answer, s")
    made.add_argument("--ignore-query", action="append", default=[], help="a parameter left out of the key; repeat it")
    made.add_argument("--encoding", action="append", default=[], help="one the origin makes, best first; repeat it")
    made.add_argument("--ignore-client", action="store_true", help="do not obey Cache-Control of requests")
    made.add_argument("--sign-key", default="", help="addresses below /private/ must be signed with it")
    made.add_argument("--no-coalescing", action="store_true", help="fetch once for each reader: to see the difference")
    made.add_argument("--off", action="store_true", help="cache nothing, pass everything on: to see the difference")
    return made


async def run(options: argparse.Namespace) -> None:
    """Run an edge until it is told to stop."""
    rules = Rules(tuple(options.ignore_query), tuple(options.encoding), not options.ignore_client, not options.off,
                  sign_key=options.sign_key, coalescing=not options.no_coalescing)  # fmt: skip
    limits = Limits(
        connect_s=options.connect_timeout, answer_s=options.timeout,
        object_bytes=options.object_bytes, store_bytes=options.store_bytes,
    )  # fmt: skip
    service = await start(
        options.origin, options.name, port=options.port, admin_port=options.admin_port, rules=rules, limits=limits,
        policy=options.policy,
        distance_s=options.distance, to_origin_s=options.to_origin,
    )  # fmt: skip
    print(f"READY {service.port} {service.admin_port}", flush=True)
    await http.until_told_to_stop()
    await service.close()


if __name__ == "__main__":
    entry.main(parser(), run)
