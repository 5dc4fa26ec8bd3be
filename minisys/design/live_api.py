"""The control process's own port: the page with the topology, its buttons, and what supervisor and autoscaler ask for.

Whoever can press "kill" here can end the shop, and every page that is open in the same browser can send requests to
127.0.0.1. So a request must name this very address in its Host (a name that resolves here is not enough: DNS
rebinding), a POST must come from the page itself (Origin) and carry a token that only the page was given. Supervisor
and autoscaler have the token in their address, which is in a file that nobody else may read.

    GET  /                    the page               GET  /topology            what runs, as JSON, with rates
    POST /kill                {"target": "app/1"}    POST /audit               the ledger's audit
    /<token>/copies, /repair, /cloud/machines        for the supervisor and the autoscaler

Promised: loopback only; mistakes get 400, 403 or 404 with a sentence. Not done: users and passwords.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from minisys.autoscaling.machines import BOOTING, FAILED, RUNNING, Machine
from minisys.testbed import http, style
from minisys.testbed.nodes import NodeFailed

if TYPE_CHECKING:
    from minisys.design.live import LiveDesign
    from minisys.design.live_host import Copy

HERE = Path(__file__).parent
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'"


class Refused(Exception):
    """*status* and a sentence for whoever asked."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Api:
    """Serves *shop*'s control port from a thread; for a `with` block. url: for the browser."""

    def __init__(self, shop: LiveDesign) -> None:
        self.shop, self.token = shop, secrets.token_urlsafe(16)
        self.port, self._loop = 0, asyncio.new_event_loop()
        self._asked_s, self._known = 0.0, dict[str, str]()
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._thread.start()
        self._ready.wait(10)
        self.url = f"http://127.0.0.1:{self.port}/"
        file = shop.addresses.control_file
        with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as text:
            text.write(f"http://127.0.0.1:{self.port}/{self.token}")

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:  # it lets closed connections go before it ends
            runner.run(self._serve())

    async def _serve(self) -> None:
        listening = await http.listen(self.handle)
        self.port = listening.port
        self._ready.set()
        await self._stop.wait()
        await listening.close(0.5)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            self._check_host(request)
            path = [part for part in request.path.split("/") if part]
            if path[:1] == [self.token]:
                return await self._inside(request, path[1:])
            return await self._page(request, path)
        except Refused as problem:
            return web.json_response({"error": str(problem)}, status=problem.status)
        except (ValueError, KeyError, TypeError) as problem:
            return web.json_response({"error": str(problem.args[0] if problem.args else problem)}, status=400)
        except NodeFailed as problem:
            return web.json_response({"error": str(problem)}, status=503)

    def _check_host(self, request: web.BaseRequest) -> None:
        own = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        if request.headers.get("Host") not in own:
            raise Refused(403, f"this is 127.0.0.1:{self.port}; ask for it by that address")
        if request.method != "GET" and request.headers.get("Origin", "") not in {"", *(f"http://{one}" for one in own)}:
            raise Refused(403, "another page may not press buttons here")

    async def _page(self, request: web.BaseRequest, path: list[str]) -> web.StreamResponse:
        """What a browser may ask."""
        match request.method, path:
            case "GET", []:
                text = (HERE / "live_page.html").read_text("utf-8").replace("TOKEN", self.token)
                return self._file(text, "text/html")
            case "GET", ["live_page.js"]:
                return self._file((HERE / "live_page.js").read_text("utf-8"), "text/javascript")
            case "GET", ["live_page.css"]:
                return self._file((HERE / "live_page.css").read_text("utf-8"), "text/css")
            case "GET", ["style.css"]:
                return self._file(style.css(), "text/css")
            case "GET", ["topology"]:
                return web.json_response(
                    {**self.shop.topology(), "rates": await self._rates(), "roles": await self._roles()}
                )
            case "POST", ["kill" | "audit" as what]:
                if not secrets.compare_digest(request.headers.get("X-Token", ""), self.token):
                    raise Refused(403, "the token of this page is missing; open the page's address anew")
                if what == "kill":
                    target = str((await _object(request)).get("target", ""))
                    return web.json_response({"killed": await asyncio.to_thread(self.shop.kill, target)})
                return web.json_response((await asyncio.to_thread(self.shop.audit, 10.0)).to_dict())
        raise Refused(404, f"there is no {request.method} {request.path}")

    async def _inside(self, request: web.BaseRequest, path: list[str]) -> web.StreamResponse:
        """What the supervisor and the autoscaler may ask."""
        match request.method, path:
            case "GET", ["copies"]:
                return web.json_response(self.shop.topology()["copies"])
            case "POST", ["repair"]:
                told = await _object(request)
                action, copy, pid, why = str(told["action"]), str(told["copy"]), int(told["pid"]), str(told["why"])
                await asyncio.to_thread(self.shop.host.repair, action, copy, pid, why)
                return web.json_response({})
            case "GET", ["cloud", "machines"]:
                return web.json_response(machines(list(self.shop.host.copies.values()), self.shop.addresses.port))
            case "POST", ["cloud", "machines"]:
                return web.json_response({"name": self.shop.host.order()})
            case "DELETE", ["cloud", "machines", name]:
                await asyncio.to_thread(self.shop.host.end, name)
                return web.json_response({"ended": name})
        raise Refused(404, f"there is no {request.method} /{'/'.join(path)}")

    async def _rates(self) -> dict[str, Any] | None:
        """What the metrics process says; None while it is dead."""
        (place,) = self.shop.addresses.of("metrics")
        url = f"http://127.0.0.1:{self.shop.addresses.port[place.label]}/rates"
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.5)) as session:
                async with session.get(url) as answer:
                    return dict(await answer.json())
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    async def _roles(self) -> dict[str, str]:
        """Who leads in the store, asked once a second at the most, however many pages are open."""
        now_s = time.monotonic()
        if now_s - self._asked_s > 1.0:
            self._asked_s = now_s
            self._known = await asyncio.to_thread(self.shop.roles)
        return self._known

    @staticmethod
    def _file(text: str, kind: str) -> web.Response:
        head = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Frame-Options": "DENY"}
        return web.Response(text=text, content_type=kind, charset="utf-8", headers=head)


def machines(copies: list[Copy], port: dict[str, int]) -> list[dict[str, Any]]:
    """The servers among *copies* as a cloud lists machines. One that died is "running": the supervisor mends it."""
    found = []
    for copy in copies:
        if copy.place.kind == "service":
            state = RUNNING if copy.node is not None else BOOTING if copy.starting else FAILED
            found.append(
                Machine(copy.place.name, copy.since_s or time.monotonic(), state,
                        f"127.0.0.1:{port[copy.place.label]}", None, "", copy.node.pid if copy.node else None)
            )  # fmt: skip
    return [asdict(machine) for machine in found]


async def _object(request: web.BaseRequest) -> dict[str, Any]:
    """The JSON object in the body. Raises ValueError if it is none."""
    try:
        given = json.loads(await request.content.read(10_000))
    except ValueError as problem:
        raise ValueError(f"the body must be JSON: {problem}") from None
    if not isinstance(given, dict):
        raise ValueError(f"the body must be a JSON object, got {given!r}")
    return given
