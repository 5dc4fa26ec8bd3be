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

from aiohttp import web

from minisys.testbed import http


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
            return self._say(400, f"X-Work-S must be seconds from 0 to 3600, got {request.headers['X-Work-S']!r}\n")
        if self.inside >= self.room:
            return self._say(503, "all workers busy and the waiting line full; try again later\n", {"Retry-After": "1"})
        self.inside += 1
        try:
            async with self.worker:
                started = asyncio.get_running_loop().time()
                await asyncio.sleep(work_s / self.speed * self.factor)
            await self.well.wait()
        finally:
            self.inside -= 1
        body = await request.read() if request.can_read_body else b""
        text = f"{request.path} from {self.name}, {len(body)} bytes received\n"
        return self._say(200, text, {"X-Started-S": repr(started)})

    async def control(self, request: web.BaseRequest) -> web.StreamResponse:
        """The admin port: POST /control/slow?factor=F."""
        if request.method != "POST" or request.path != "/control/slow":
            return self._say(404, "known: POST /control/slow?factor=10\n")
        try:
            self.slow(float(request.query["factor"]))
        except (KeyError, ValueError) as problem:
            return self._say(400, f"factor must be a number above 0: {problem}\n")
        return self._say(200, f"{self.name} is {self.factor:g} times as slow\n")

    def slow(self, factor: float) -> None:
        """Work takes *factor* times as long from now on. Raises ValueError unless factor > 0."""
        if not 0 < factor < math.inf:
            raise ValueError(f"the factor must be above 0, got {factor}")
        self.factor = factor

    def _say(self, status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
        return web.Response(status=status, text=text, headers={"X-Served-By": self.name, **(headers or {})})


async def serve(options: argparse.Namespace) -> None:
    """Run one backend until it is told to stop."""
    backend = Backend(options.name, options.workers, options.queue, options.speed)
    public, admin = await http.listen(backend.answer, options.port), await http.listen(backend.control)
    print(f"READY {public.port} {admin.port}", flush=True)
    await http.until_told_to_stop()
    await asyncio.gather(public.close(), admin.close())


def main() -> None:
    """The command line."""
    first_line = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m minisys.testbed.backend", description=first_line)
    parser.add_argument("--name", default="a", help="what it calls itself in X-Served-By (default: a)")
    parser.add_argument("--workers", type=int, default=1, help="requests served at the same time (default: 1)")
    parser.add_argument("--queue", type=int, default=None, help="how many may wait (default: no limit)")
    parser.add_argument("--speed", type=float, default=1.0, help="2 means that work takes half the time (default: 1)")
    parser.add_argument("--port", type=int, default=0, help="0: any free port (default)")
    try:
        asyncio.run(serve(parser.parse_args()))
    except ValueError as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()
