"""The fault proxy as a process of its own, and the small HTTP port that turns its faults on and off.

In a chaos experiment somebody has to pull the cable at a given second and put it back, from a notebook, while the load
runs. `network()` starts the proxy and gives an object for that; underneath it is HTTP, for any other language too:

    GET /links                      all, with target, port, faults, and bytes read, passed and lost
    PUT /links/a-b                  {"target": 8001}  new, or an old one to another target; the answer has its port
    PUT /links/a-b/forward          {"delay_s": 0.05, …}: fields of fault_pipe.Faults; also /backward, /both; {} heals
    POST /links/a-b/reset           every connection breaks
    POST /links/a-b/half-open       the far ends are gone, the near ones have not heard; healing resets them

Promised: bad input gets 400 or 404 with the reason, and changes nothing. Not done: authentication; loopback only.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from aiohttp import web

from minisys.testbed import http, nodes
from minisys.testbed.fault_proxy import FaultProxy, Faults, Link


class Control:
    """The control port of *proxy*."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one control request."""
        try:
            given = json.loads(await request.read() or b"{}")
            told = await self._route(request.method, request.path.strip("/").split("/"), given)
        except KeyError as problem:
            return web.Response(status=404, text=f"{problem.args[0]}\n")
        except (ValueError, TypeError, OverflowError) as problem:
            return web.Response(status=400, text=f"{problem}\n")
        return web.json_response(told)

    async def _route(self, method: str, path: list[str], given: Any) -> Any:
        if not isinstance(given, dict):
            raise ValueError(f"expected a JSON object, got {given!r}")
        match method, path:
            case "GET", ["links"]:
                return {name: _told(link) for name, link in self.proxy.links.items()}
            case "PUT", ["links", name]:
                return _told(await self._target(name, given.get("target")))
            case "PUT", ["links", name, direction]:
                self._link(name).set(direction, Faults(**given))
                return _told(self._link(name))
            case "POST", ["links", name, "reset"]:
                self._link(name).reset()
                return _told(self._link(name))
            case "POST", ["links", name, "half-open"]:
                self._link(name).half_open()
                return _told(self._link(name))
        raise KeyError(
            f"there is no {method} /{'/'.join(path)}; known: GET /links, PUT /links/a-b[/both], "
            "POST /links/a-b/reset, POST /links/a-b/half-open"
        )

    async def _target(self, name: str, target: Any) -> Link:
        if type(target) is not int or not 0 < target < 65_536:
            raise ValueError(f'"target" must be a port, got {target!r}')
        if name in self.proxy.links:
            self.proxy.links[name].target = target
            return self.proxy.links[name]
        return await self.proxy.add(name, target)

    def _link(self, name: str) -> Link:
        if name not in self.proxy.links:
            raise KeyError(f"there is no link {name!r}; there are {', '.join(self.proxy.links) or 'none'}")
        return self.proxy.links[name]


def _told(link: Link) -> dict[str, Any]:
    faults = {way: asdict(one) | {"bytes_per_s": _finite(one.bytes_per_s)} for way, one in link.faults.items()}
    counts = {way: asdict(count) for way, count in link.counts.items()}
    return {"target": link.target, "port": link.port, **faults, "counts": counts, "connections": len(link.ends)}


def _finite(rate: float) -> float | None:
    return None if math.isinf(rate) else rate  # JSON has no infinity


class Network:
    """A running fault proxy; *node* is its process. Link names are the caller's own, such as "a-b"."""

    def __init__(self, node: nodes.Node) -> None:
        self.node = node

    def link(self, name: str, target: int) -> int:
        """The port of the link *name* to port *target*; made if it is new, pointed there if it is not."""
        return int(self._ask("PUT", f"links/{name}", {"target": target})["port"])

    def set(self, name: str, direction: str = "both", **faults: Any) -> None:
        """Give *direction* of link *name* the *faults* (fields of fault_pipe.Faults); none heals it."""
        self._ask("PUT", f"links/{name}/{direction}", faults)

    def cut(self, name: str, direction: str = "both") -> None:
        """Nothing passes in *direction* any more; the connections stay."""
        self.set(name, direction, cut=True)

    def heal(self, name: str) -> None:
        """The link is a good one again, in both directions."""
        self.set(name)

    def reset(self, name: str) -> None:
        """Every connection on the link breaks."""
        self._ask("POST", f"links/{name}/reset", {})

    def half_open(self, name: str) -> None:
        """Every connection loses its far end, and the near end does not hear of it until the link is healed."""
        self._ask("POST", f"links/{name}/half-open", {})

    def links(self) -> dict[str, Any]:
        """All links: target, port, faults and counts of both directions, open sockets."""
        told: dict[str, Any] = json.loads(nodes.ask("GET", f"{self.node.url}/links"))
        return told

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(nodes.ask(method, f"{self.node.url}/{path}", json.dumps(body).encode()))
        return told


@contextmanager
def network() -> Iterator[Network]:
    """A fault proxy without links, as a process that ends with the block."""
    with nodes.start("minisys.testbed.fault_control", name="network") as node:
        yield Network(node)


async def serve() -> None:
    """Run a fault proxy until this process is told to stop."""
    proxy = FaultProxy()
    listening = await http.listen(Control(proxy).answer)
    print(f"READY {listening.port}", flush=True)
    await http.until_told_to_stop()
    await listening.close()
    await proxy.close()


if __name__ == "__main__":
    asyncio.run(serve())
