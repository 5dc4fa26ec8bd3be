"""What Locust runs: users who send the requests of a recorded workload, each at the moment it was meant to be sent.

A load generator that waits for the slow answer before it sends the next request is kind to the server exactly when the
server deserves it least. The Replay user is not kind: request i leaves at its time, whatever became of the others.

Started by load.py in a process of its own, because `import locust` rewrites the standard library (gevent), and a
notebook's kernel does not survive that. It also runs by hand, with Locust's web page or with workers elsewhere:

    locust -f minisys/testbed/locustfile.py Shopper --host http://127.0.0.1:8080

Promised: one row a request in the rows file, and Locust's own statistics see every request. Connections are kept alive;
a GET that met a connection which the server had just closed is sent again (RFC 9112, 9.3.1), and counted.
"""

from __future__ import annotations

import csv
import errno
import gc
import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import gevent
from gevent.pool import Group
from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketPoolResponse
from locust import FastHttpUser, User, constant, events, task

SAFE_TO_REPEAT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}  # idempotent: RFC 9110, 9.2.2
SAID = ("X-Served-By", "X-Started-S", "X-Attempts", "X-Remark")
CLOSED = (errno.ECONNRESET, errno.EPIPE)


class Row(NamedTuple):
    """One request as it went; all times are seconds after the start."""

    number: int
    key: int
    intended_s: float
    sent_s: float
    finished_s: float
    status: int
    outcome: str
    server: str
    started_s: str
    attempts: str
    remark: str
    resent: int


class Connections(ConnectionPool):
    """Kept-alive connections; remembers, per greenlet, whether the one just handed out was newly opened."""

    def after_connect(self, sock: Any) -> None:
        gevent.getcurrent().fresh = True


class Replayer:
    """Everything the users of one process share: the requests, the connections, the rows written so far."""

    def __init__(self, folder: Path, environment: Any) -> None:
        job = json.loads((folder / "job.json").read_text())
        self.folder, self.environment, self.job = folder, environment, job
        self.timeout_s, self.method, self.think_s = job["timeout_s"], job["method"], job["think_s"]
        place = urlsplit(job["url"])
        host, port = place.hostname or "127.0.0.1", place.port or 80
        patience = {"network_timeout": self.timeout_s, "connection_timeout": self.timeout_s}
        self.connections = Connections(host, port, host, port, size=100_000, disable_ipv6=True, **patience)
        self.head = f" HTTP/1.1\r\nHost: {place.netloc}\r\nUser-Agent: minisys-load\r\nX-Work-S: "
        self.prefix = f"{self.method} {place.path.rstrip('/')}/item/"
        self.jars: dict[int, dict[str, str]] = {}  # the cookies of each user, when a key is a user
        self.tail = "\r\n\r\n" if self.method in ("GET", "HEAD") else "\r\nContent-Length: 0\r\n\r\n"
        with open(folder / "requests.csv", newline="") as file:
            rows = [(int(i), float(at), work, int(key), luck) for i, at, work, key, luck in csv.reader(file)]
        self.requests: Iterator[tuple[int, float, str, int, str]] = iter(rows)
        self.users_left = job["users"] or 1
        self.start = 0.0
        self.rows = open(folder / "rows.csv", "w", newline="")  # noqa: SIM115 (closed in finish)
        self.writer = csv.writer(self.rows)

    def wait_for_start(self) -> None:
        """Say that this process is ready, then wait for the moment that load.py chooses for all of them."""
        if not self.start:
            self.start = -1.0
            print("READY 0", flush=True)
        go = self.folder.parent / "go"
        while not go.exists():
            gevent.sleep(0.005)
        self.start = float(go.read_text())
        gevent.sleep(max(0.0, self.start - time.monotonic()))

    def now(self) -> float:
        return time.monotonic() - self.start

    def send(self, number: int, intended_s: float, work_s: str, key: int, luck: str) -> None:
        """Send one request, wait for its answer until its time is up, write its row, and tell Locust."""
        sent_s, size, error = self.now(), 0, None
        status, outcome, header = 0, "failed", None
        gevent.getcurrent().resent = 0
        cookies = self.cookies_of(key) if self.job["cookies"] else ""
        message = f"{self.prefix}{key}{self.head}{work_s}\r\nX-Luck: {luck}{cookies}{self.tail}".encode("ascii")
        try:
            with gevent.Timeout(max(0.001, intended_s + self.timeout_s - self.now())):
                header, size = self.exchange(message)
            status = header.get_code()
            outcome = self.judge(status, header)
            if self.job["cookies"]:
                self.keep_cookies(key, header.get("Set-Cookie", []))
        except (gevent.Timeout, TimeoutError) as problem:
            outcome, error = "timeout", problem
        except (OSError, HTTPConnectionClosed, HTTPParseError) as problem:
            error = problem
        finished_s = self.now()
        server, started_s, attempts, remark = ((header or {}).get(name, "") for name in SAID)
        times, resent = (intended_s, sent_s, finished_s), gevent.getcurrent().resent
        self.writer.writerow(Row(number, key, *times, status, outcome, server, started_s, attempts, remark, resent))
        if outcome != "ok" and error is None:
            error = RuntimeError(f"{outcome}: {status}")
        self.environment.events.request.fire(
            request_type=self.method, name="/item/[key]", response_time=(finished_s - intended_s) * 1000,
            response_length=size, exception=error, context={},
        )  # fmt: skip

    def cookies_of(self, key: int) -> str:
        """The Cookie line of user *key*, as a browser would send it; nothing before the first Set-Cookie."""
        jar = self.jars.get(key)
        return "\r\nCookie: " + "; ".join(f"{name}={value}" for name, value in jar.items()) if jar else ""

    def keep_cookies(self, key: int, lines: str | list[str]) -> None:
        """Remember what the answer's Set-Cookie *lines* gave user *key* (their attributes play no part here)."""
        for line in [lines] if isinstance(lines, str) else lines:
            name, _, value = line.partition(";")[0].partition("=")
            self.jars.setdefault(key, {})[name.strip()] = value.strip()

    def exchange(self, message: bytes) -> tuple[Any, int]:
        """Send *message* on a kept connection; on the next, at last a new one, if the server had just closed that."""
        here = gevent.getcurrent()
        while True:
            here.fresh = False
            sock = self.connections.get_socket()
            try:
                return self.converse(sock, message)
            except (HTTPConnectionClosed, OSError) as problem:
                gone = isinstance(problem, HTTPConnectionClosed) or problem.errno in CLOSED
                if here.fresh or not gone or self.method not in SAFE_TO_REPEAT:
                    raise
                here.resent += 1

    def converse(self, sock: Any, message: bytes) -> tuple[Any, int]:
        """One request and its whole answer on *sock*, which goes back to the pool only if nothing was left half way."""
        try:
            sock.sendall(message)
        except BaseException:
            self.connections.release_socket(sock)
            raise
        response = HTTPSocketPoolResponse(sock, self.connections, method=self.method)
        return response, len(response.read())

    def judge(self, status: int, header: Any) -> str:
        """The outcome that the status stands for; 503 with Retry-After is a full queue's polite refusal."""
        if 200 <= status < 300:
            return "ok"
        if status == 504:
            return "timeout"
        return "refused" if status == 503 and header.get("Retry-After") else "failed"

    def flush_now_and_then(self) -> None:
        """Let load.py see the rows so far, so that it can show the progress."""
        while not self.rows.closed:
            self.rows.flush()
            gevent.sleep(0.1)

    def finish(self) -> None:
        """Write Locust's own summary and end this process."""
        self.rows.close()
        total = self.environment.stats.total
        summary = {
            "requests": total.num_requests, "failures": total.num_failures,
            "mean_ms": total.avg_response_time, "p50_ms": total.get_response_time_percentile(0.5),
            "p99_ms": total.get_response_time_percentile(0.99), "cpu_s": sum(os.times()[:2]),
        }  # fmt: skip
        (self.folder / "summary.json").write_text(json.dumps(summary))
        gevent.spawn(self.environment.runner.quit)


@events.init_command_line_parser.add_listener
def _add_argument(parser: Any) -> None:
    parser.add_argument("--job", help="the folder that load.py prepared (leave it out by hand)", default="")


@events.init.add_listener
def _read_job(environment: Any, **_: Any) -> None:
    if environment.parsed_options.job:
        environment.replayer = Replayer(Path(environment.parsed_options.job), environment)
        gc.freeze()  # what is here now stays: the collector need not walk it during the run
        gevent.spawn(environment.replayer.flush_now_and_then)


class Replay(User):
    """Open loop: one scheduler that lets each request leave at its time, in a greenlet of its own."""

    wait_time = constant(0)

    @task
    def replay(self) -> None:
        shared = self.environment.replayer
        shared.wait_for_start()
        under_way = Group()
        for request in shared.requests:
            if (early_s := request[1] - shared.now()) > 0:
                gevent.sleep(early_s)
            under_way.start(gevent.Greenlet(shared.send, *request))
        under_way.join()
        shared.finish()
        gevent.sleep(60)  # until Locust ends this user


class Visitor(User):
    """Closed loop: sends the next request when the last one is answered and think_s seconds have passed."""

    wait_time = constant(0)

    @task
    def visit(self) -> None:
        shared = self.environment.replayer
        shared.wait_for_start()
        for number, _, *what in shared.requests:
            shared.send(number, shared.now(), *what)
            gevent.sleep(shared.think_s)
        shared.users_left -= 1
        if shared.users_left == 0:
            shared.finish()
        gevent.sleep(60)


class Shopper(FastHttpUser):
    """Locust's usual user, for its web page or for workers on several machines; load.py does not use it."""

    wait_time = constant(0.1)

    @task
    def look_at_something(self) -> None:
        self.client.get(f"/item/{int(random.paretovariate(1.1)) % 1000}", name="/item/[key]")
