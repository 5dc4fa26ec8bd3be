"""`minisys up shop` and `minisys down`: a running design in the terminal, until Ctrl-C or another terminal ends it.

You started the shop yesterday, closed the laptop, and no longer know in which of nine windows. So who runs one leaves a
note in the learner's folder: which process, since when, at which address. A note whose process is gone, or is another
program by now, is stale and is swept away.

Promised: one at a time; whatever ends the command (Ctrl-C, `minisys down`, a closed window, SIGKILL), no process of the
shop is left. Not done: running in the background.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from minisys.design.live import LiveDesign
from minisys.design.live import up as start
from minisys.design.live_plan import NotLive
from minisys.testbed.home import data_folder
from minisys.testbed.nodes import NodeFailed

Say = Callable[[str], Any]
PATIENCE_S, AT_ONCE_S = 15.0, 3600.0
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # minisys down, Ctrl-C, a closed window


def note() -> Path:
    """Where it is written who runs a shop."""
    return data_folder() / "running.json"


def running() -> tuple[psutil.Process, str] | None:
    """The process that runs a shop and the address of its page; None if there is none. Sweeps a stale note away."""
    try:
        told = json.loads(note().read_text())
        process = psutil.Process(int(told["pid"]))
        if abs(process.create_time() - float(told["since"])) < 1.0 and process.status() != psutil.STATUS_ZOMBIE:
            return process, str(told["page"])
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        pass
    note().unlink(missing_ok=True)
    return None


def up(name: str = "shop", for_s: float | None = None, per_s: float = 0.0, say: Say = print) -> int:
    """Run the design called *name* until Ctrl-C, or for *for_s* seconds, with *per_s* users a second; the exit code.

    0: the audit at the end is clean; 1: it is not, or the shop could not start, and *say* was told why.
    """
    with _told_to_stop() as stop:
        try:
            with _noted() as told, start(name) as shop:
                told(shop.page)
                return _run(shop, for_s, per_s, stop, say)
        except FileExistsError:
            other = running()
            where = f", process {other[0].pid}: {other[1]}" if other else ""
            say(f"A shop is running already{where}\nEnd it with: minisys down")
            return 1
        except (NotLive, ValueError, NodeFailed, OSError) as problem:
            say(f"The design {name!r} did not start: {problem}")
            return 1


def _run(shop: LiveDesign, for_s: float | None, per_s: float, stop: threading.Event, say: Say) -> int:
    """The shop is up: wait, with users or without, and open the books at the end."""
    say(f"Look at it and kill things:  {shop.page}\nUsers buy at:                {shop.url}/item/0")
    say("Ctrl-C ends it." if for_s is None else f"It ends after {for_s:g} s, or with Ctrl-C.")
    if per_s > 0:
        seen = shop.load(for_s or AT_ONCE_S, per_s, stop=stop)
        say(f"{len(seen):,} users: {seen.availability:.3%} got an answer, {seen.at_once:.2%} at their first attempt.")
    else:
        stop.wait(for_s)
    shop.whole()
    found = shop.audit(10.0)
    say(found.sentence)
    return int(not found.clean)


def down(say: Say = print) -> int:
    """End the shop that another terminal runs: SIGTERM, and SIGKILL after PATIENCE_S seconds; 1 if there is none."""
    found = running()
    if found is None:
        say("No shop is running.")
        return 1
    process, page = found
    process.terminate()
    try:
        process.wait(PATIENCE_S)
        say(f"The shop at {page} has ended.")
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(5)
        say(f"The shop at {page} did not end by itself within {PATIENCE_S:g} s; it was killed, its processes with it.")
    note().unlink(missing_ok=True)
    return 0


@contextmanager
def _noted() -> Iterator[Callable[[str], None]]:
    """The note is there from before the start to after the end. Raises FileExistsError if somebody else's is."""
    own = psutil.Process()

    def tell(page: str, how: str = "w") -> None:
        with open(note(), how) as file:
            json.dump({"pid": own.pid, "since": own.create_time(), "page": page}, file)

    running()  # sweeps
    tell("it is starting", "x")
    try:
        yield tell
    finally:
        note().unlink(missing_ok=True)


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """An event that any of ENDS sets; how signals were handled before comes back afterwards."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in ENDS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
