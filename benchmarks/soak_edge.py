"""Five hundred readers of one expired page, and an origin that dies under its edge: ten times, on real sockets.

An edge promises that a crowd is one question to the origin, and that a page which may be old outlives the origin. The
promise is broken if the origin makes the page more than once, if a reader gets anything but the page, if a request
fails while the origin is dead, or if a process is left over. NGINX is counted beside it, and nothing is promised of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import aiohttp

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
from minisys.caching import edge_conformance, edge_real
from minisys.testbed import nodes
from minisys.testbed.nodes import Node, ask

READERS, ITEMS = 500, 20
AGAIN = "`make soak PART=edge ROUNDS=10`: some 8 seconds a round."
HEADERS = {"item": {"Cache-Control": "public, max-age=1, stale-if-error=600"}}
NOTE = f"""One page that takes the origin 0.2 s; its copy is let run out, then {READERS} readers come at once, each on \
a connection of their own. Made: how often the origin made the page. Other answers: readers who did not get the page. \
NGINX's lock is for pages that it does not have; for one that has run out it would need `proxy_cache_use_stale \
updating`, and then shows the old one."""
DEAD = f"""{ITEMS} pages are read once, their copies run out, the origin is killed (SIGKILL), and each page is read \
five times. Failed: readers who got an error instead of the old page."""


@dataclass
class Count:
    """What happened behind one *cache*, round by round."""

    cache: str
    made: list[int] = field(default_factory=list)
    other: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)

    def broken(self) -> list[str]:
        """One line for each promise that did not hold."""
        said = list(self.left_over)
        if self.cache == "minisys":
            said += [f"the origin made the page {self.made} times"] * any(made != 1 for made in self.made)
            said += [f"readers without the page: {self.other}"] * any(self.other)
            said += [f"failed while the origin was dead: {self.failed}"] * any(self.failed)
        return said


async def crowd(url: str, count: int) -> list[tuple[int, str]]:
    """Status and body that *count* readers get who come at once; status 0: none."""
    timeout, connector = aiohttp.ClientTimeout(total=30), aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:

        async def reader() -> tuple[int, str]:
            try:
                async with session.get(url) as answer:
                    return answer.status, await answer.text()
            except (aiohttp.ClientError, OSError, TimeoutError):
                return 0, ""

        return list(await asyncio.gather(*(reader() for _ in range(count))))


def one_round(cache: str, count: Count, number: int) -> None:
    """Both experiments once, on new processes."""
    with ExitStack() as stack:
        words = ("--work", "0.2", "--workers", "600", "--headers", json.dumps(HEADERS))
        origin = stack.enter_context(nodes.start("minisys.caching.edge_shop", *words, name="origin"))
        node = stack.enter_context(edge_conformance.cache(cache, origin.url))
        page = ask("GET", f"{node.url}/item/1")
        _run_out(number)
        before = _made(origin)
        found = asyncio.run(crowd(f"{node.url}/item/1", READERS))
        count.made.append(_made(origin) - before)
        count.other.append(sum(answer != (200, page) for answer in found))
        for item in range(ITEMS):
            ask("GET", f"{node.url}/item/{item}")
        _run_out(number)
        origin.kill()
        answers = [asyncio.run(crowd(f"{node.url}/item/{item}", 5)) for item in range(ITEMS)]
        count.failed.append(sum(status != 200 for each in answers for status, _ in each))
    count.left_over += left_over()


def _run_out(number: int) -> None:
    """Wait until a copy of one second has run out, each round a little longer."""
    asyncio.run(asyncio.sleep(2.1 + 0.037 * number))


def _made(origin: Node) -> int:
    """How many answers the origin has made or confirmed so far."""
    counts = json.loads(ask("GET", f"http://127.0.0.1:{origin.admin_port}/counts"))
    return int(counts["computed"] + counts["confirmed"])


def soak(rounds: int, say: Say) -> Findings:
    """Our edge and, where it is installed, NGINX, *rounds* times."""
    missing = {name: told for name, told in edge_real.available().items() if "not installed" in told}
    counts = [Count("minisys")] + [Count("nginx")] * ("nginx" not in missing)
    for number in range(rounds):
        for count in counts:
            one_round(count.cache, count, number)
            told = f"page made {count.made[-1]} times, {count.other[-1]} without it, {count.failed[-1]} failed"
            say(f"round {number + 1} of {rounds}, {count.cache}: {told}")
    return Findings(sections(counts, missing.get("nginx", "")), [line for count in counts for line in count.broken()])


def sections(counts: Sequence[Count], missing: str) -> list[Section]:
    """Both tables."""

    def row(count: Count, *columns: Sequence[int]) -> list[str]:
        texts = [" ".join(map(str, column)) for column in columns]
        return [count.cache, str(len(count.made)), *texts, str(len(count.left_over))]

    readers = [row(count, count.made, count.other) for count in counts]
    dead = [row(count, count.failed) for count in counts]
    columns = ["cache", "runs", "made in each run", "other answers in each run", "left over"]
    return [
        Section(f"{READERS} readers of one expired page", f"{NOTE} {missing}".strip(), columns, readers),
        Section("An origin dies behind its edge", DEAD, ["cache", "runs", "failed in each run", "left over"], dead),
    ]
