"""The origin: a small shop whose pages take work, behind a content delivery network or alone.

    python -m minisys.caching.edge_shop --work 0.05

Every answer takes a worker for a while, as a page that is put together from a database does; asked whether a copy is
still good, it only looks up a version number. Which answer may be kept where is said by kind of page, and can be
changed while it runs, because that is what chapter 05 is about.

Paths: / and /item/N (pages), /image/N.svg, /static/…, /price/N (JSON), /search?q=…, /account (of the cookie "user"),
/private/N (for who paid: edge_signing.py). Control port: POST /price?item=3 (a new version), /headers (JSON), /down,
/up, /slow?factor=10; GET /counts and /log. Not done: a real shop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections import Counter, deque
from html import escape
from pathlib import Path
from typing import Any

from aiohttp import web

from minisys.caching.validation import not_modified
from minisys.testbed.backend import Backend, main, parser

HERE = Path(__file__).parent
ITEMS = 24  # on the front page
KINDS = ("page", "item", "image", "static", "price", "search", "account", "private", "other")
HEADERS = {
    "page": {"Cache-Control": "public, max-age=10, stale-while-revalidate=30, stale-if-error=600"},
    "item": {"Cache-Control": "public, max-age=60, stale-while-revalidate=60, stale-if-error=600"},
    "image": {"Cache-Control": "public, max-age=86400"},
    "static": {"Cache-Control": "public, max-age=31536000, immutable"},  # its name changes when it does
    "price": {"Cache-Control": "public, max-age=2"},
    "search": {"Cache-Control": "public, max-age=30"},
    "account": {"Cache-Control": "private, no-cache"},
    "private": {"Cache-Control": "public, max-age=600"},  # only behind an edge that checks signatures
    "other": {"Cache-Control": "no-store"},
}


def kind_of(path: str) -> str:
    """Which kind of page *path* is, one of KINDS."""
    first = path.lstrip("/").partition("/")[0]
    known = {"": "page", "item": "item", "image": "image", "static": "static", "price": "price"}
    return (known | {"search": "search", "account": "account", "private": "private"}).get(first, "other")


class Shop(Backend):
    """The shop. work_s: of an answer, seconds on one of *workers*; check_s: of "still good?". headers: by kind.

    asked, computed, confirmed: requests, answers made, 304s. log: (loop time, path, status) of each request.
    """

    def __init__(
        self, name: str = "origin", workers: int = 8, *, work_s: float = 0.05, check_s: float = 0.002,
        headers: dict[str, dict[str, str]] | None = None, speed: float = 1.0, queue: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, workers, queue, speed)
        if not work_s >= 0 or not check_s >= 0:
            raise ValueError(f"work and check take 0 or more seconds, got {work_s} and {check_s}")
        self.work_s, self.check_s, self.down = work_s, check_s, False
        self.headers = HEADERS | checked(headers or {})
        self.versions: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.log: deque[tuple[float, str, int]] = deque(maxlen=100_000)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request: wait for a worker, work, answer."""
        began_s = asyncio.get_running_loop().time()
        self.counts["asked"] += 1
        if self.inside >= self.room:
            response = self.say(
                503, "all workers busy and the waiting line full; try again later\n", {"Retry-After": "1"}
            )
        else:
            self.inside += 1
            try:
                async with self.worker:
                    response = await self._work(request)
            finally:
                self.inside -= 1
        self.log.append((began_s, request.raw_path, response.status))
        return response

    async def _work(self, request: web.BaseRequest) -> web.Response:
        if self.down:
            return self.say(503, "the shop is being repaired\n")
        if request.method not in ("GET", "HEAD"):
            await request.read()
            self.versions[_item(request.path)] += 1
            return self.say(200, f"changed: {request.path}\n", self.headers["other"])
        headers = self._headers(request)
        slower = self.factor / self.speed
        if not_modified(request.headers, headers):
            await asyncio.sleep(self.check_s * slower)
            self.counts["confirmed"] += 1
            return web.Response(status=304, headers=headers)
        await asyncio.sleep(self.work_s * slower)
        self.counts["computed"] += 1
        body, kind = self._content(request)
        return web.Response(body=body, headers=headers, content_type=kind, charset=None if "svg" in kind else "utf-8")

    def _headers(self, request: web.BaseRequest) -> dict[str, str]:
        """What is said about an answer: its kind's headers, its version, its tags."""
        kind, item = kind_of(request.path), _item(request.path)
        whose = request.cookies.get("user", "") if kind == "account" else ""
        tag = f'"{kind}-{item}-{self.versions[item]}{whose and "-" + whose}"'
        tags = f"{kind} item-{item}" if item else kind
        return {"ETag": tag, "Cache-Tag": tags, "X-Served-By": self.name, **self.headers[kind]}

    def _content(self, request: web.BaseRequest) -> tuple[bytes, str]:
        """The body and its type."""
        kind, item = kind_of(request.path), _item(request.path)
        version = self.versions[item]
        if kind == "image":
            return picture(item), "image/svg+xml"
        if kind == "static":
            name = Path(request.path).name
            body = (HERE / name).read_bytes() if name in ("shop.css", "shop.js") else b""
            return body, "text/css" if name.endswith("css") else "text/javascript"
        if kind == "price":
            return json.dumps(
                {"item": item, "price": price(item, version), "version": version}
            ).encode(), "application/json"
        if kind == "account":
            return f"The basket of {request.cookies.get('user', 'nobody')}\n".encode(), "text/plain"
        if kind == "page":
            return front_page().encode(), "text/html"
        return f"{request.path}, version {version}, {price(item, version)} €\n".encode(), "text/plain"

    async def control(self, request: web.BaseRequest) -> web.StreamResponse:
        """The control port; see the first lines of this module."""
        match request.method, request.path:
            case "GET", "/counts":
                return web.json_response({name: self.counts[name] for name in ("asked", "computed", "confirmed")})
            case "GET", "/log":
                return web.json_response(list(self.log))
            case "POST", "/price":
                self.versions[request.query.get("item", "")] += 1
            case "POST", "/down" | "/up":
                self.down = request.path == "/down"
            case "POST", "/headers":
                try:
                    self.headers = HEADERS | checked(json.loads(await request.content.read(100_000)))
                except ValueError as problem:
                    return self.say(400, f"{problem}\n")
            case _:
                return await super().control(request)
        return self.say(200, "done\n")


def checked(headers: Any) -> dict[str, dict[str, str]]:
    """*headers* by kind of page. Raises ValueError for an unknown kind, or a value that is no header line."""
    if not isinstance(headers, dict) or set(headers) - set(KINDS):
        raise ValueError(f"headers are given by kind of page, one of {', '.join(KINDS)}; got {headers!r}")
    for kind, lines in headers.items():
        for name, value in lines.items() if isinstance(lines, dict) else [("", lines)]:
            if not isinstance(name, str) or not isinstance(value, str) or not name or "\n" in name + value:
                raise ValueError(f"{kind}: headers are a dict of names and texts, got {lines!r}")
    return headers


def price(item: str, version: int) -> str:
    """What item number *item* costs in its *version*."""
    return f"{10 + sum(map(ord, item)) % 90 + version}.00"


def picture(item: str, shapes: int = 220) -> bytes:
    """An SVG of some twenty kilobytes, the same for the same *item* in every process."""
    draw = random.Random(f"picture of {item}")
    hue = draw.randrange(360)
    circles = "".join(
        f'<circle cx="{draw.randrange(400)}" cy="{draw.randrange(300)}" r="{draw.randrange(4, 46)}" '
        f'fill="hsl({(hue + draw.randrange(70)) % 360},60%,{draw.randrange(35, 85)}%)" fill-opacity="0.6"/>'
        for _ in range(shapes)
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300">{circles}</svg>'.encode()


def front_page() -> str:
    """The HTML of the shop's front page: style, script and a picture for each of its items."""
    cards = "".join(
        f'<a class="card" href="/item/{n}"><img src="/image/{n}.svg" alt="Item {n}" width="160" height="120">'
        f"<span>Item {n}</span></a>" for n in range(1, ITEMS + 1)
    )  # fmt: skip
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The shop</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/1/shop.css"></head><body>'
        f'<h1>{escape("The shop")}</h1><p id="took" role="status">Loading …</p><main>{cards}</main>'
        '<script src="/static/1/shop.js"></script></body></html>'
    )


def _item(path: str) -> str:
    """The item that a path is about, "" if none."""
    parts = path.strip("/").split("/")
    return parts[1].partition(".")[0] if len(parts) > 1 and parts[0] != "static" else ""


def commands() -> argparse.ArgumentParser:
    """The command line: that of every backend, the work, and the headers."""
    made = parser("minisys.caching.edge_shop", __doc__)
    made.set_defaults(name="origin", workers=8)
    made.add_argument("--work", type=float, default=0.05, help="seconds of an answer, on a worker (default: 0.05)")
    made.add_argument("--check", type=float, default=0.002, help='seconds of "still good?" (default: 0.002)')
    made.add_argument("--headers", default="{}", help="JSON: headers by kind of page, in place of the built-in ones")
    return made


def make(options: argparse.Namespace) -> Backend:
    """The shop that the command line asks for."""
    return Shop(
        options.name, options.workers, work_s=options.work, check_s=options.check,
        headers=json.loads(options.headers), speed=options.speed, queue=options.queue,
    )  # fmt: skip


if __name__ == "__main__":
    main(commands(), make)
