"""Real users for a real server: a workload sent by Locust, request by request at its moment, and a trace comes back.

A team tested its shop with fifty patient robots, each waiting for its page before it clicked again. Every figure was
fine. On the day, the users did not wait for one another. So requests leave here when the workload says (open loop), and
latency counts from that moment, also when the request itself could not be sent in time. `users=N` gives the patient
robots, to see the difference.

Promised: Locust runs in processes of its own and is never imported here (it rewrites the standard library under a
kernel's feet); nothing is left running after an interrupt or a killed kernel; a generator that could not keep up says
so. Not promised: figures under a millisecond, or more than a few thousand requests a second from one process.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from minisys.testbed import nodes, style
from minisys.testbed.trace import OUTCOMES, Trace
from minisys.testbed.workload import Workload

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
LAG_LIMIT_S = 0.010  # p99 of (actual - intended) send time above this: the figures are partly the generator's own
METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH")
ROWS = (
    "number", "key", "intended_s", "sent_s", "finished_s", "status", "outcome", "server", "started_s", "attempts",
    "remark", "resent",
)  # fmt: skip
KINDS = {"server": "str", "started_s": "str", "attempts": "str", "remark": "str"}
Step = tuple[float, Callable[[], Any]]


def load(
    url: str,
    workload: Workload,
    *,
    users: int | None = None,
    think_s: float = 0.0,
    workers: int = 1,
    timeout_s: float = 10.0,
    method: str = "GET",
    cookies: bool = False,
    at: Sequence[Step] = (),
    progress: bool = True,
    warn: bool = True,
) -> Trace:
    """Send *workload* to ``{url}/item/{key}`` with headers X-Work-S and X-Luck; return what the users saw.

    Open loop unless *users* is given: then so many users each send the next request *think_s* seconds after their last
    answer. *workers*: Locust processes that share the requests. *timeout_s*: a user gives up so long after the intended
    moment. *cookies*: each key is a user with cookies of their own, kept as a browser keeps them (one worker only).
    *at*: [(seconds, action), …], called on time while the load runs. *progress*: a line that clears itself.
    *warn*: say so when the generator was late; without it the caller says it, for several runs at once.
    ``trace.frame.attrs`` holds "generator" (its lag, repeated sends, CPU), "remarks" (what answers said in the header
    X-Remark, with the seconds at which those requests were sent) and "locust" (Locust's own statistics).
    Raises ValueError for a bad argument, RuntimeError with its log if Locust fails.
    """
    _check(url, workload, users, think_s, workers, timeout_s, method)
    if cookies and workers > 1:
        raise ValueError(f"users with cookies live in one process: use workers=1, not {workers}")
    job = {"url": url, "users": users, "think_s": think_s, "timeout_s": timeout_s, "method": method}
    job["cookies"] = cookies
    with tempfile.TemporaryDirectory(prefix="load-", dir=nodes._folder()) as name, ExitStack() as stack:
        folders = [Path(name) / str(part) for part in range(workers)]
        for part, folder in enumerate(folders):
            _write_job(folder, job, workload, part, workers)
        processes = [_start(folder, users is not None, stack) for folder in folders]
        start_s = time.monotonic() + 0.1
        _write_whole(folders[0].parent / "go", repr(start_s))
        _follow(processes, folders, len(workload), start_s, sorted(at, key=lambda step: step[0]), progress)
        trace = _trace(folders, start_s, len(workload))
    if warn:
        _warn(trace)
    return trace


def _check(
    url: str, workload: Workload, users: int | None, think_s: float, workers: int, timeout_s: float, method: str
) -> None:
    """Raise ValueError for the first argument that makes no sense."""
    if not url.startswith("http://"):
        raise ValueError(f"url must start with http://, got {url!r}")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if not len(workload):
        raise ValueError("the workload holds no request")
    if workers < 1 or (users is not None and users < workers):
        raise ValueError(f"need workers >= 1 and users >= workers (or None), got workers={workers}, users={users}")
    if not timeout_s > 0 or not think_s >= 0:
        raise ValueError(f"need timeout_s > 0 and think_s >= 0 seconds, got {timeout_s} and {think_s}")


def _write_job(folder: Path, job: dict[str, Any], workload: Workload, part: int, workers: int) -> None:
    """The share of process number *part*: every workers-th request, and its share of the users."""
    folder.mkdir()
    users = job["users"] and len(range(part, job["users"], workers))
    _write_whole(folder / "job.json", json.dumps(job | {"users": users}))
    share = slice(part, None, workers)
    columns = [np.arange(len(workload)), workload.arrival_s, workload.work_s, workload.key, workload.luck]
    with open(folder / "requests.csv", "w", newline="") as file:
        csv.writer(file).writerows(zip(*(column[share].tolist() for column in columns), strict=True))


def _write_whole(path: Path, text: str) -> None:
    """Write *text* so that a reader sees all of it or no file at all."""
    path.with_suffix(".part").write_text(text)
    path.with_suffix(".part").rename(path)


def _start(folder: Path, closed: bool, stack: ExitStack) -> nodes.Node:
    """A Locust process for the job in *folder*, ready to send; the end of *stack* is its end too."""
    users = str(json.loads((folder / "job.json").read_text())["users"] or 1)
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "Visitor" if closed else "Replay", "--headless"]
    command += ["-u", users, "-r", users, "--only-summary", "--loglevel", "WARNING", "--exit-code-on-error", "0"]
    node = nodes.start([*command, "--job", str(folder)], name=f"load-{folder.name}")
    stack.callback(node.kill)
    return node


def _follow(
    processes: list[nodes.Node], folders: list[Path], n: int, start_s: float, at: list[Step], progress: bool
) -> None:
    """Wait until all processes are done, taking the steps *at* on time and showing how far it is."""
    coming, line, counts = list(at), _Line(progress), [_Count(folder / "rows.csv") for folder in folders]
    done = [folder / "summary.json" for folder in folders]
    try:
        while not all(path.exists() for path in done):
            while coming and time.monotonic() - start_s >= coming[0][0]:
                coming.pop(0)[1]()
            for process, path in zip(processes, done, strict=True):
                if not process.running and not path.exists():
                    raise RuntimeError(f"Locust ended early; its log says:\n{process.tail()}")
            answered = sum(count.rows() for count in counts)
            line.show(f"{max(0.0, time.monotonic() - start_s):6.1f} s  {answered:,} of {n:,} requests answered")
            time.sleep(0.01 if coming else 0.05)
    finally:
        line.clear()


class _Count:
    """Counts the rows of a file that somebody is still writing, reading each byte once."""

    def __init__(self, path: Path) -> None:
        self.path, self.offset, self.seen = path, 0, 0

    def rows(self) -> int:
        if self.path.exists():
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                fresh = file.read()
            self.offset, self.seen = self.offset + len(fresh), self.seen + fresh.count(b"\n")
        return self.seen


class _Line:
    """One line of progress, in a terminal or a notebook; clear() leaves nothing behind, not even in a stored output."""

    def __init__(self, wanted: bool) -> None:
        self.next_s, self.handle = 0.0, None
        if wanted and _in_a_kernel():
            from IPython.display import display

            self.handle = display({}, raw=True, display_id=True)
        self.terminal = wanted and self.handle is None and sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Replace the line, at most ten times a second."""
        if time.monotonic() < self.next_s:
            return
        self.next_s = time.monotonic() + 0.1
        if self.handle is not None:
            self.handle.update({"text/plain": text}, raw=True)
        elif self.terminal:
            print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self.handle is not None:
            self.handle.update({}, raw=True)
        elif self.terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _trace(folders: list[Path], start_s: float, n: int) -> Trace:
    """The rows of all processes as one trace, in order of sending. Raises RuntimeError if a row is missing."""
    rows = pd.concat([pd.read_csv(folder / "rows.csv", names=ROWS, dtype=KINDS) for folder in folders])
    if len(rows) != n:
        raise RuntimeError(f"{n} requests were given to Locust, but {len(rows)} rows came back")
    rows = rows.sort_values(["intended_s", "number"], ignore_index=True)
    started_s = pd.to_numeric(rows["started_s"], errors="coerce") - start_s  # both are this machine's monotonic clock
    possible = (started_s >= rows["intended_s"]) & (started_s <= rows["finished_s"])
    server = pd.Categorical(rows["server"].where(rows["server"] != ""))
    outcome = pd.Categorical(rows["outcome"], categories=list(OUTCOMES))
    attempts = pd.to_numeric(rows["attempts"], errors="coerce").fillna(1)
    trace = Trace.from_columns(
        rows["intended_s"], started_s.where(possible), rows["finished_s"],
        server.codes, list(server.categories), outcome.codes, attempts, rows["key"],
    )  # fmt: skip
    lag_s = rows["sent_s"] - rows["intended_s"]
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in folders]
    trace.frame.attrs["generator"] = {
        "lag_p50_s": float(lag_s.quantile(0.5)), "lag_p99_s": float(lag_s.quantile(0.99)),
        "lag_max_s": float(lag_s.max()),
        "kept_up": bool(lag_s.quantile(0.99) <= LAG_LIMIT_S), "resent": int(rows["resent"].sum()),
        "status": {str(code): int(count) for code, count in rows["status"].value_counts().items()},
    }  # fmt: skip
    remarked = rows[rows["remark"].fillna("") != ""]
    trace.frame.attrs["remarks"] = {
        str(text): part.round(4).tolist() for text, part in remarked.groupby("remark")["intended_s"]
    }
    trace.frame.attrs["locust"] = summaries
    return trace


def _warn(trace: Trace) -> None:
    """Say so when the load generator was late itself: a note in the notebook, else a line on standard error."""
    generator = trace.frame.attrs["generator"]
    if generator["kept_up"]:
        return
    text = (
        f"load(): the generator could not keep up: 1 % of the requests left more than "
        f"{generator['lag_p99_s'] * 1000:.0f} ms late, so these latencies are partly its own. "
        f"Send fewer a second, use workers=2, or close other programs."
    )
    if _in_a_kernel():
        from IPython.display import display

        note = (
            f'<style>{style.css()}</style><section class="ms-card"><div class="ms-note">{escape(text)}</div></section>'
        )
        display({"text/plain": text, "text/html": note}, raw=True)
    else:
        print(text, file=sys.stderr)


def _in_a_kernel() -> bool:
    """Whether this runs in a notebook; asked without importing IPython, which nobody else may have needed."""
    kernel = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(kernel, "kernel")
