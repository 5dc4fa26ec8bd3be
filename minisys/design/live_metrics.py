"""The metrics of the live shop as a process: it reads the balancers' counters again and again, and answers with rates.

    python -m minisys.design.live_metrics --balancer http://127.0.0.1:8101 --port 8200
    GET /rates      {"per_s": 48.2, "failed": 0.001, "codes": {"200": 9120, "201": 870, "503": 11}, "at_s": 17.5}

What a dead balancer had counted is gone with it, and the next one begins at 0. So increases are added up, never
counters: a counter that is smaller than before began again (as Prometheus' rate() has it). When this process dies its
memory dies too; the shop does not notice, only the page does.

Promised: rates of the last *window_s* seconds. Not done: storing, queries (chapter 12 has both).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque

import aiohttp
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from minisys.testbed import backend, http

EVERY_S, WINDOW_S, PATIENCE_S = 0.5, 5.0, 0.5
GOOD = ("200", "201", "304", "409")  # "sold out" is an answer


class Rates:
    """Answers by code so far, and over the last *window_s* seconds, from counters that may begin again at 0."""

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self.window_s, self.total = window_s, Counter[str]()
        self.last: dict[tuple[str, str, str], float] = {}
        self.looks: deque[tuple[float, Counter[str]]] = deque([(0.0, Counter())], maxlen=10_000)

    def add(self, at_s: float, where: str, text: str) -> None:
        """A look at *where* at *at_s* seconds found *text*, in Prometheus' format."""
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "minisys_answers_total":
                    key = (where, sample.labels["backend"], sample.labels["code"])
                    before = self.last.get(key, 0.0)
                    self.total[key[2]] += round(sample.value - before if sample.value >= before else sample.value)
                    self.last[key] = sample.value
        self.looks.append((at_s, self.total.copy()))

    def now(self, at_s: float) -> dict[str, object]:
        """The figures as of *at_s*."""
        while len(self.looks) > 2 and self.looks[1][0] < at_s - self.window_s:
            self.looks.popleft()
        began_s, before = self.looks[0]
        lately = self.total - before
        count, bad = lately.total(), sum(n for code, n in lately.items() if code not in GOOD)
        per_s = count / max(at_s - began_s, EVERY_S)
        share = bad / count if count else 0.0
        return {"at_s": at_s, "per_s": per_s, "failed": share, "codes": dict(sorted(self.total.items()))}


async def follow(urls: list[str], rates: Rates, began_s: float) -> None:
    """Look at all *urls* every EVERY_S seconds, for ever."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        while True:
            for url in urls:
                try:
                    async with session.get(f"{url}/metrics") as answer:
                        rates.add(time.monotonic() - began_s, url, await answer.text())
                except (aiohttp.ClientError, OSError, TimeoutError):
                    continue  # it is being repaired
            await asyncio.sleep(EVERY_S)


async def run(urls: list[str], port: int) -> None:
    """Serve until told to stop."""
    began_s, rates = time.monotonic(), Rates()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/health":
            return web.Response(text="ok\n")
        return web.json_response(rates.now(time.monotonic() - began_s))

    listening = await http.listen(answer, port)
    following = asyncio.ensure_future(follow(urls, rates, began_s))
    print(f"READY {listening.port}", flush=True)
    await http.until_told_to_stop()
    following.cancel()
    await listening.close(1.0)


if __name__ == "__main__":
    made = backend.parser("minisys.design.live_metrics", __doc__)
    made.add_argument("--balancer", action="append", required=True, help="a balancer's admin address; repeat it")
    told = made.parse_args()
    asyncio.run(run(told.balancer, told.port))
