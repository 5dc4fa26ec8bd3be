"""The supervisor of the live shop as a process: it asks every part how it is, and has the ill ones started again.

    python -m minisys.design.live_supervisor --control-file /tmp/x/control

It decides by chapter 12's supervisor and the runbooks below, and acts through the control process, as a cluster's
supervisor acts through the machine's own agent. "Alive" is what the operating system says of a process; "answers" is
what the part itself says within PATIENCE_S. It dies like everything else; the control process, the only one that has no
parent, starts it again, as init or systemd would.

Promised: all parts are asked at the same time; a restart names the process it is meant for, so that two who see the
same death do not start two. Not done: decisions (observability/supervisor.py), replacing machines (the autoscaler).
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from minisys.observability.runbooks import Limits, Runbook, Runbooks
from minisys.observability.supervisor import Seen, Supervisor
from minisys.testbed.nodes import NodeFailed, ask

PERIOD_S, PATIENCE_S = 0.2, 1.0
ASK_EVERY = 5  # looks: a process list is cheap, a request to everybody is not
BOOK = Runbooks(
    (
        Runbook("dead", ("restart",) * 6 + ("page",), after=1),
        Runbook("silent", ("restart", "restart", "page"), after=2 * ASK_EVERY),
    ),
    Limits(steps=6, within_s=30.0, wait_s=2.5, longest_wait_s=5.0, at_once=1.0),
)


def seen(row: dict[str, Any], silent: dict[int, bool], ask_it: bool) -> Seen:
    """A look at one copy, as the control process lists it. *silent*: by process, what asking it last showed."""
    name, pid = str(row["copy"]), int(row["pid"])
    if row["state"] == "down":
        return Seen(name, alive=False)
    if row["state"] != "up":
        return Seen(name)  # it is being started: wait
    if ask_it:
        silent[pid] = not answers(row["probe"], int(row["probe_port"]))
    return Seen(name, answers=not silent.get(pid, False))


def answers(how: str, port: int) -> bool:
    """Whether a part says something sensible at *port* in time. *how*: "resp", "none" or the path of a GET."""
    if how == "none":
        return True
    try:
        if how == "resp":
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as talk:
                talk.sendall(b"PING\r\n")
                return talk.recv(64).startswith(b"+PONG")
        with urlopen(f"http://127.0.0.1:{port}{how}", timeout=PATIENCE_S):
            return True
    except HTTPError as problem:
        problem.close()
        return True  # whoever refuses is alive
    except OSError:
        return False


def watch(control_url: str, stop: threading.Event, say: Any = print) -> None:
    """Look and repair until *stop*."""
    supervisor, hands, silent = Supervisor(BOOK), ThreadPoolExecutor(24), dict[int, bool]()
    for number in count():
        if stop.wait(PERIOD_S):
            break
        try:
            rows = json.loads(ask("GET", f"{control_url}/copies"))
        except NodeFailed:
            continue  # the control process is busy; if it is dead, so are we in a moment
        pids = {row["copy"]: row["pid"] for row in rows}
        others = [row for row in rows if row["kind"] != "supervisor"]
        looks = list(hands.map(partial(seen, silent=silent, ask_it=number % ASK_EVERY == 0), others))
        for act in supervisor.decide(looks, time.monotonic()):
            say(f"{act.action} {act.target}: {act.why}")
            hands.submit(_do, control_url, act.action, act.target, pids.get(act.target, 0), act.why, say)
    hands.shutdown(cancel_futures=True)


def _do(control_url: str, action: str, target: str, pid: int, why: str, say: Any) -> None:
    told = {"action": action, "copy": target, "pid": pid, "why": why}
    try:
        ask("POST", f"{control_url}/repair", json.dumps(told).encode(), timeout_s=20.0)
    except NodeFailed as problem:  # the next look shows that nothing is better
        say(f"{action} {target}: {problem}")


def main() -> None:
    """Entry point."""
    made = argparse.ArgumentParser(prog="python -m minisys.design.live_supervisor", description=(__doc__ or "")[:80])
    made.add_argument("--control-file", type=Path, required=True, help="the file with the control process's address")
    told, stop = made.parse_args(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    url = told.control_file.read_text().strip()
    print("READY 0", flush=True)
    watch(url, stop, lambda text: print(text, flush=True))


if __name__ == "__main__":
    main()
