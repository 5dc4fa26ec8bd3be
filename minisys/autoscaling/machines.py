"""A cloud on 127.0.0.1: it rents out processes, which boot, fail to boot, and outlive whoever ordered them.

The controller dies in the middle of the sale. The machines it ordered run on, and the bill too, because a cloud does
not know why somebody wanted a machine. So the machines belong to a process of their own, with an API like a cloud's:

    python -m minisys.autoscaling.machines --boot 1.5 --workers 2
    GET /machines                    the list: name, state, address, started_s, ready_s, reason, pid
    POST /machines                   one more; the answer comes at once, the machine after its boot
    DELETE /machines/m3              told to end (SIGTERM: it finishes what it has), and forgotten
    POST /faults {"boots": 2}        the next two machines do not boot

States: "booting", "running", "failed" (did not boot) and "lost" (died by itself). Times are this machine's monotonic
clock. Promised: no machine outlives this process. Not modelled: prices, images, several zones.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web

from minisys.testbed import entry, http, nodes

SERVER = "minisys.testbed.backend"
BOOTING, RUNNING, FAILED, LOST = "booting", "running", "failed", "lost"


@dataclass
class Machine:
    """One machine as the API lists it; *address* host:port once it runs, *reason* why it failed."""

    name: str
    started_s: float
    state: str = BOOTING
    address: str = ""
    ready_s: float | None = None
    reason: str = ""
    pid: int | None = None


@dataclass
class Cloud:
    """The machines of one account: backends with *workers* that take *boot_s* seconds to boot, at most *quota* of them.

    Raises ValueError for workers or a quota below 1, or a negative boot.
    """

    boot_s: float = 1.0
    workers: int = 2
    quota: int = 50
    machines: dict[str, Machine] = field(default_factory=dict)
    processes: dict[str, nodes.Node] = field(default_factory=dict)
    faults: int = 0
    count: int = 0
    boots: set[asyncio.Task] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.workers < 1 or self.quota < 1 or not self.boot_s >= 0:
            raise ValueError(
                f"need workers and quota >= 1, boot_s >= 0; got {self.workers}, {self.quota}, {self.boot_s}"
            )

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = [part for part in request.path.split("/") if part]
        match request.method, path:
            case "GET", ["machines"]:
                return web.json_response(self.listing())
            case "POST", ["machines"]:
                if len(self.machines) >= self.quota:
                    return web.json_response({"error": f"the account's quota is {self.quota} machines"}, status=409)
                return web.json_response(asdict(self.order()))
            case "DELETE", ["machines", name] if name in self.machines:
                await self.end(name)
                return web.json_response({"ended": name})
            case "POST", ["faults"]:
                return await self._fault(request)
        return web.json_response({"error": f"there is no {request.method} {request.path}"}, status=404)

    def listing(self) -> list[dict[str, Any]]:
        """Every machine; one whose process is gone is "lost"."""
        for name, process in self.processes.items():
            if self.machines[name].state == RUNNING and not process.running:
                self.machines[name].state, self.machines[name].reason = LOST, "its process ended by itself"
        return [asdict(machine) for machine in self.machines.values()]

    def order(self) -> Machine:
        """One more machine, which boots from now on."""
        self.count += 1
        machine = Machine(f"m{self.count}", time.monotonic())
        self.machines[machine.name] = machine
        task = asyncio.create_task(self._boot(machine, broken=self.faults > 0))
        self.faults = max(0, self.faults - 1)
        self.boots.add(task)
        task.add_done_callback(self.boots.discard)
        return machine

    async def end(self, name: str) -> None:
        """Machine *name* finishes what it has and ends; nobody waits for its last seconds."""
        del self.machines[name]
        process = self.processes.pop(name, None)
        if process is not None:
            await asyncio.to_thread(process.stop)

    async def _boot(self, machine: Machine, broken: bool) -> None:
        """Wait, then start the process; a broken image is a backend whose configuration is wrong."""
        await asyncio.sleep(self.boot_s)
        workers = 0 if broken else self.workers
        options = ("--name", machine.name, "--workers", str(workers))
        if machine.name not in self.machines:  # cancelled while it booted
            return
        try:
            process = await asyncio.to_thread(nodes.start, SERVER, *options, name=machine.name)
        except nodes.NodeFailed as problem:
            machine.state, machine.reason = FAILED, str(problem).splitlines()[-1]
            return
        if machine.name not in self.machines:
            await asyncio.to_thread(process.stop)
            return
        self.processes[machine.name] = process
        machine.address, machine.pid = f"127.0.0.1:{process.port}", process.pid
        machine.state, machine.ready_s = RUNNING, time.monotonic()

    async def _fault(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            self.faults = int(json.loads(await request.content.read(1000))["boots"])
        except (ValueError, KeyError, TypeError) as problem:
            return web.json_response({"error": f'the body must be like {{"boots": 2}}: {problem}'}, status=400)
        return web.json_response({"boots": self.faults})


async def run(options: argparse.Namespace) -> None:
    """Rent machines out until told to stop; then all of them end."""
    cloud = Cloud(options.boot, options.workers, options.quota)
    api = await http.listen(cloud.handle)
    print(f"READY {api.port}", flush=True)
    await http.until_told_to_stop()
    await api.close(1.0)
    for boot in list(cloud.boots):
        boot.cancel()
    await asyncio.gather(*cloud.boots, return_exceptions=True)
    nodes.stop_all()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m minisys.autoscaling.machines", description="A cloud of processes.")
    made.add_argument("--boot", type=float, default=1.0, help="seconds until a machine's process starts (default: 1)")
    made.add_argument("--workers", type=int, default=2, help="requests a machine serves at a time (default: 2)")
    made.add_argument("--quota", type=int, default=50, help="machines at most (default: 50)")
    return made


if __name__ == "__main__":
    entry.main(parser(), run)
