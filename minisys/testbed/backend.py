"""A web server that does nothing but take time: the backend of every live experiment.

A real shop's backend waits for databases and other services most of the time, so this one sleeps as long as the
request says (header ``X-Work-S``), on one of its workers; who finds them all busy waits in line, and who finds the
line full gets 503 with Retry-After. That is the model's server, on a real socket.

    python -m minisys.testbed.backend --name a --workers 2 --queue 10

Answers ``GET /item/17`` with X-Served-By and X-Started-S (when service began, this machine's monotonic clock);
``/health`` at once. On the admin port: ``POST /control/slow?factor=10``. Not done: any work on the processor.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from collections.abc import Callable

from aiohttp import web

from minisys.testbed import entry, http


class Backend:
    """The model's server on a socket. *name* is what it calls itself, *workers*, *queue* and *speed* as in the model.

    Raises ValueError if workers < 1, queue < 0 or speed <= 0.
    """

    def __init__(self, name: str, workers: int = 1, queue: int | None = None, speed: float = 1.0) -> None:
        if workers < 1 or (queue is not None and queue < 0) or not speed > 0:
            raise ValueError(f"need workers >= 1, queue >= 0 or None, speed > 0; got {workers}, {queue}, {speed}")
        self.name, self.speed, self.factor = name, speed, 1.0
        self.room = math.inf if queue is None else workers + queue
        self.inside = 0
        self.worker = asyncio.Semaphore(workers)  # first come, first served
        self.well = asyncio.Event()  # cleared while it is paused in virtual time
        self.well.set()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request: wait for a worker, work, answer."""
        await self.well.wait()
        if request.path == "/health":
            return web.Response(text="ok\n")
        try:
            work_s = float(request.headers.get("X-Work-S", "0"))
        except ValueError:
            work_s = math.nan
        if not 0 <= work_s < 3600:
            return self.say(400, f"X-Work-S must be seconds from 0 to 3600, got {request.headers['X-Work-S']!r}\n")
        if self.inside >= self.room:
            return self.say(503, "all workers busy and the waiting line full; try again later\n", {"Retry-After": "1"})
        self.inside += 1
        try:
            async with self.worker:
                started = asyncio.get_running_loop().time()
                await asyncio.sleep(work_s / self.speed * self.factor)
                answer = await self.reply(request)
            await self.well.wait()
        finally:
            self.inside -= 1
        answer.headers["X-Started-S"] = repr(started)
        return answer

    async def reply(self, request: web.BaseRequest) -> web.Response:
        """What is said once the work is done, still on its worker: the place for a server that does more than wait."""
        body = await request.read() if request.can_read_body else b""
        return self.say(200, f"{request.path} from {self.name}, {len(body)} bytes received\n")

    async def control(self, request: web.BaseRequest) -> web.StreamResponse:
        """The admin port: POST /control/slow?factor=F."""
        if request.method != "POST" or request.path != "/control/slow":
            return self.say(404, "known: POST /control/slow?factor=10\n")
        try:
            self.slow(float(request.query["factor"]))
        except (KeyError, ValueError) as problem:
            return self.say(400, f"factor must be a number above 0: {problem}\n")
        return self.say(200, f"{self.name} is {self.factor:g} times as slow\n")

    def slow(self, factor: float) -> None:
        """Work takes *factor* times as long from now on. Raises ValueError unless factor > 0."""
        if not 0 < factor < math.inf:
            raise ValueError(f"the factor must be above 0, got {factor}")
        self.factor = factor

    async def close(self) -> None:
        """The process ends: the place to close what reply() has opened."""

    def say(self, status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
        """An answer that says who gave it."""
        return web.Response(status=status, text=text, headers={"X-Served-By": self.name, **(headers or {})})


Make = Callable[[argparse.Namespace], Backend]


async def serve(options: argparse.Namespace, make: Make) -> None:
    """Run the backend that *make* makes of *options* until it is told to stop."""
    backend = make(options)
    public, admin = await http.listen(backend.answer, options.port), await http.listen(backend.control)
    print(f"READY {public.port} {admin.port}", flush=True)
    await http.until_told_to_stop()
    await asyncio.gather(public.close(), admin.close())
    await backend.close()


def parser(module: str, doc: str | None) -> argparse.ArgumentParser:
    """The command line that every backend understands; *module* and its docstring *doc* are for the help."""
    made = argparse.ArgumentParser(prog=f"python -m {module}", description=(doc or "").split("\n")[0])
    made.add_argument("--name", default="a", help="what it calls itself in X-Served-By (default: a)")
    made.add_argument("--workers", type=int, default=1, help="requests served at the same time (default: 1)")
    made.add_argument("--queue", type=int, default=None, help="how many may wait (default: no limit)")
    made.add_argument("--speed", type=float, default=1.0, help="2 means that work takes half the time (default: 1)")
    made.add_argument("--port", type=int, default=0, help="0: any free port (default)")
    return made


def main(commands: argparse.ArgumentParser, make: Make) -> None:
    """Run a backend with the options of the command line; a mistake there is one clear line."""
    entry.main(commands, lambda options: serve(options, make))


if __name__ == "__main__":
    main(parser("minisys.testbed.backend", __doc__), lambda o: Backend(o.name, o.workers, o.queue, o.speed))
