"""What a shared HTTP cache has to do, case by case, asked of any cache: ``python -m minisys.caching.edge_conformance``.

"It honours Cache-Control" is easily said. Here an origin under our control answers what each case wants it to, a user
asks through the cache, and what comes out shows whether the origin was asked, and how. The cases are in
edge_cases.yaml, in the manner of the public suites (cache-tests.fyi), in our own words.

Promised: black box, so NGINX is judged as ours is; nobody waits, since time passes through Age and Date. Not covered:
private caches, HTTP/2, what a cache does under load.
"""

from __future__ import annotations

import argparse
import asyncio
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web
from multidict import CIMultiDict

from minisys.caching import edge_real, fields
from minisys.testbed import http, nodes

CASES = Path(__file__).with_name("edge_cases.yaml")
BODY_BYTES = 120
SERIAL = "X-Serial"  # counts the origin's answers: an old number means a copy


@dataclass(frozen=True)
class Verdict:
    """What a cache did in one case: right, or what was wrong in which step (from 1)."""

    case: str
    rule: str
    right: bool
    why: str = ""


@dataclass
class Script:
    """What the origin answers for one case now, and what it was asked."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    code: int = 200
    down: bool = False
    serial: int = 0
    confirmed: int = 0
    asked: int = 0


@lru_cache(maxsize=1)
def cases() -> tuple[dict[str, Any], ...]:
    """The cases: id, section, rule ("must", "may"), says, steps."""
    return tuple(yaml.safe_load(CASES.read_text("utf-8")))


class Origin:
    """Answers each path as its script says; knows nothing of caches but If-None-Match and If-Modified-Since."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, by the script of its path."""
        script = self.scripts[request.path]
        script.asked += 1
        if script.down:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        headers = CIMultiDict(script.headers)
        if script.code == 200 and request.method == "GET" and _unchanged(request, headers):
            script.confirmed += 1
            return web.Response(status=304, headers=headers)
        script.serial += 1
        headers[SERIAL] = str(script.serial)
        body = f"{script.serial:04d}".encode() * (BODY_BYTES // 4)
        return web.Response(status=script.code, headers=headers, body=body)


def _unchanged(request: web.BaseRequest, headers: Mapping[str, str]) -> bool:
    tag, asked = headers.get("ETag"), request.headers.get("If-None-Match")
    if asked is not None:
        return tag is not None and tag in asked
    since = request.headers.get("If-Modified-Since")
    return since is not None and since == headers.get("Last-Modified")


async def judge(url: str, origin: Origin, only: str | None = None) -> list[Verdict]:
    """Play every case (or *only* the one of that id) through the cache at *url*, which stands before *origin*."""
    run, gate = uuid.uuid4().hex[:8], asyncio.Semaphore(8)
    chosen = [case for case in cases() if only in (None, case["id"])]
    if not chosen:
        raise ValueError(f"there is no case {only!r}; see {CASES.name}")
    connector, cookies = aiohttp.TCPConnector(limit=0), aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=cookies, auto_decompress=False) as session:

        async def one(case: dict[str, Any]) -> Verdict:
            async with gate:
                path = f"/{run}/{case['id']}"
                script = origin.scripts[path] = Script()
                for number, step in enumerate(case["steps"], 1):
                    wrong = await _play(session, url + path, script, step)
                    if wrong:
                        return Verdict(case["id"], case["rule"], False, f"step {number}: {wrong}")
                return Verdict(case["id"], case["rule"], True)

        return list(await asyncio.gather(*map(one, chosen)))


async def _play(session: aiohttp.ClientSession, url: str, script: Script, step: dict[str, Any]) -> str:
    """Take one *step*; what was wrong with it, or ""."""
    if "answer" in step:
        script.headers = _dated(step["answer"])
    script.code, script.down = step.get("code", script.code), step.get("down", False)
    before = script.serial, script.confirmed, script.asked
    target = url + (f"?{step['query']}" if "query" in step else "")
    headers = CIMultiDict(_dated(step.get("ask", {})))
    method = step.get("method", "GET")
    async with session.request(method, target, headers=headers, allow_redirects=False) as answer:
        size = len(await answer.read())
    serial, found = int(answer.headers.get(SERIAL, 0)), "hit"
    if script.confirmed > before[1]:
        found = "validate"
    elif serial > before[0] or (not serial and script.asked > before[2]):
        found = "origin"
    return next(_wrong(step, answer, found, size), "")


def _wrong(step: dict[str, Any], answer: aiohttp.ClientResponse, found: str, size: int) -> Iterator[str]:
    """Everything that *answer* and how it was *found* lack of what *step* expects."""
    statuses = step.get("status", answer.status)
    if "expect" in step and found not in _listed(step["expect"]):
        yield f"{found} instead of {step['expect']}"
    if answer.status not in _listed(statuses):
        yield f"status {answer.status} instead of {statuses}"
    if "age" in step and (fields.seconds(answer.headers.get("Age")) or 0) < step["age"]:
        yield f"Age: {answer.headers.get('Age')} instead of {step['age']} or more"
    elif "age" in step and "Age" not in answer.headers:
        yield "no Age"
    for name, value in step.get("has", {}).items():
        if answer.headers.get(name) != value:
            yield f"{name}: {answer.headers.get(name)} instead of {value}"
    if step.get("lacks") in answer.headers:
        yield f"{step['lacks']} is there"
    if "bytes" in step and size != step["bytes"]:
        yield f"{size} bytes instead of {step['bytes']}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _dated(headers: Mapping[str, str] | list[list[str]]) -> list[tuple[str, str]]:
    """Header lines, "@-100" replaced by the date 100 seconds ago."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    now_s = time.time()
    return [(name, fields.date(now_s + int(text[1:])) if text.startswith("@") else text) for name, text in pairs]


def _names(step: dict[str, Any]) -> list[str]:
    return [name for name, _ in _dated(step.get("answer", {}))]


@contextmanager
def cache(name: str, origin: str) -> Iterator[nodes.Node]:
    """A running cache before *origin*: "minisys", the same with "nothing kept", or a product. Raises ProductMissing."""
    if name in ("minisys", "nothing kept"):
        with nodes.start("minisys.caching.edge", "--origin", origin, *["--off"] * (name != "minisys")) as node:
            yield node
    else:
        with edge_real.edge(name, origin) as node:
            yield node


def results(names: list[str], only: str | None = None) -> dict[str, list[Verdict]]:
    """The verdicts of every case for each cache of *names*, which run as processes of their own."""

    async def run() -> dict[str, list[Verdict]]:
        origin = Origin()
        front = await http.listen(origin.answer)
        try:
            with ExitStack() as stack:
                found = {}
                for name in names:
                    start = partial(stack.enter_context, cache(name, f"http://127.0.0.1:{front.port}"))
                    node = await asyncio.to_thread(start)
                    found[name] = await judge(node.url, origin, only)
                return found
        finally:
            await front.close(0.0)

    with ThreadPoolExecutor(1) as elsewhere:  # a notebook's kernel has a running loop already
        return elsewhere.submit(lambda: asyncio.run(run())).result()


def table(found: dict[str, list[Verdict]]) -> list[dict[str, str]]:
    """One row a case: section, rule, what it says, and each cache's verdict."""
    rows = []
    for number, case in enumerate(cases()):
        row = {"section": str(case["section"]), "rule": case["rule"], "case": case["id"], "says": case["says"]}
        rows.append(row | {name: verdicts[number].why or "right" for name, verdicts in found.items()})
    return rows


def main() -> None:
    """Print the table for our edge and every product that is installed."""
    commands = argparse.ArgumentParser(prog="python -m minisys.caching.edge_conformance", description="RFC 9111, asked")
    commands.add_argument("--wrong", action="store_true", help="only cases that some cache got wrong")
    options = commands.parse_args()
    installed = [name for name, told in edge_real.available().items() if "not installed" not in told]
    found = results(["minisys", *installed])
    for row in table(found):
        verdicts = [row[name] for name in found]
        if not options.wrong or set(verdicts) != {"right"}:
            print(f"{row['section']:<16}{row['rule']:<5}{row['says']:<76.76}  " + "  |  ".join(verdicts))
    timed = {case["id"] for case in cases() if any({"Age", "Date"} & set(_names(step)) for step in case["steps"])}
    for name, each in found.items():
        must = [verdict for verdict in each if verdict.rule == "must"]
        wrong = [verdict for verdict in each if not verdict.right]
        needs = sum(verdict.case in timed for verdict in wrong)
        kept = sum(verdict.right for verdict in must)
        print(f"{name}: {len(each) - len(wrong)} of {len(each)} right, {kept} of {len(must)} MUSTs; "
              f"of the {len(wrong)} others, {needs} need Age or Date")  # fmt: skip


if __name__ == "__main__":
    main()
