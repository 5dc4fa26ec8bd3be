"""A shop of five services as processes that trace, log and count: something to look at with real tools.

    with shop() as here:
        load(here.url, workload); here.traces(), here.logs(); here.nodes["bank"].slow(8)

Promised: each service is a process of its own; what they wrote is read from their files when asked for, complete once
they are idle; nothing is left when the `with` block or the kernel ends. Not done: a real shop.
"""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from minisys.observability import logs, traces
from minisys.testbed import nodes

SERVICE = "minisys.observability.service"
WORK_S = {"bank": 0.020, "payment": 0.004, "stock": 0.012, "prices": 0.006, "web": 0.004}
STEPS = {"payment": (("bank",),), "web": (("prices", "stock"), ("payment",))}  # who asks whom; a step side by side
LEAVES = [name for name in WORK_S if name not in STEPS]


class Shop:
    """The running services by name in `nodes`; `shop()` starts them. url: the entrance, for users."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.nodes: dict[str, nodes.Node] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="shop-", dir=nodes._folder()))
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        try:
            with ThreadPoolExecutor(3) as starters:
                list(starters.map(self._start, LEAVES))
            for name in STEPS:  # who is asked is there first
                self._start(name)
        except BaseException:
            self.close()
            raise

    def _start(self, name: str) -> None:
        options = ["--name", name, "--work", repr(WORK_S[name])]
        options += ["--spans", str(self.folder / f"{name}.spans"), "--logs", str(self.folder / f"{name}.logs")]
        for step in STEPS.get(name, ()):
            options += ["--call", ",".join(f"{other}={self.nodes[other].url}" for other in step)]
        self.nodes[name] = self._stack.enter_context(nodes.start(SERVICE, *options, name=name))

    @property
    def url(self) -> str:
        """Where users ask: the service "web"."""
        return self.nodes["web"].url

    def fail(self, name: str, share: float) -> None:
        """Service *name* answers this *share* of its requests with 500. Raises NodeFailed outside 0 to 1."""
        nodes.ask("POST", f"http://127.0.0.1:{self.nodes[name].admin_port}/control/fail?share={share:g}")

    def traces(self) -> dict[str, list[traces.Span]]:
        """All traces so far."""
        return traces.read(sorted(self.folder.glob("*.spans")))

    def logs(self) -> list[logs.Line]:
        """All log lines so far, oldest first."""
        return logs.read(sorted(self.folder.glob("*.logs")))

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop all services and remove their files."""
        self._stack.close()


def shop() -> Shop:
    """Start the services: web asks prices and stock side by side, then payment, which asks the bank."""
    return Shop()
