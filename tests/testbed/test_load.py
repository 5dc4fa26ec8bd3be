"""Real requests from Locust to a small server that misbehaves on demand: what does the trace say about each?"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import psutil
import pytest

from minisys.testbed.load import load
from minisys.testbed.workload import Workload

OK, BUSY, BROKEN, SLAMS_THE_DOOR, SILENT, HALF, ONE_PER_CONNECTION, GATEWAY_TIMEOUT, WAITS_FOR_ALL = range(9)
CROWD = 40
REMEMBERING = 100  # keys from here on are users whose visits are counted in a cookie


class Server:
    """Answers by the key that is asked for; counts requests as they come in."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}
        self.inside = self.most_inside = 0
        self.closing = False
        self.loop = asyncio.new_event_loop()
        self.crowd = asyncio.Event()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.server = asyncio.run_coroutine_threadsafe(self.listen(), self.loop).result()
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def listen(self) -> asyncio.Server:
        return await asyncio.start_server(self.talk, "127.0.0.1", 0)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await self.converse(reader, writer)
        finally:
            writer.transport.abort() if self.closing else writer.close()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served = key = 0
        while key != HALF:
            head = await reader.readuntil(b"\r\n\r\n")
            key = int(head.split()[1].rsplit(b"/", 1)[1])
            self.seen[key] = self.seen.get(key, 0) + 1
            if key in (SLAMS_THE_DOOR, SILENT) or (key == ONE_PER_CONNECTION and served):
                await asyncio.sleep(30 if key == SILENT else 0)
                return
            self.inside += 1
            self.most_inside = max(self.inside, self.most_inside)
            await self.answer(key, writer, _remembering(key, head) if key >= REMEMBERING else "")
            self.inside, served = self.inside - 1, served + 1

    async def answer(self, key: int, writer: asyncio.StreamWriter, remembered: str = "") -> None:
        started_s = time.monotonic()
        if key == WAITS_FOR_ALL:
            if self.seen[key] >= CROWD:
                self.crowd.set()
            await self.crowd.wait()
        await asyncio.sleep(0.002)
        bad = {BUSY: "503 Busy\r\nRetry-After: 1", BROKEN: "500 Oops", GATEWAY_TIMEOUT: "504 Late"}
        status = bad.get(key, "200 OK")
        length = 100 if key == HALF else 2
        more = f"X-Served-By: s{key}\r\nX-Started-S: {started_s!r}\r\nX-Attempts: {key + 1}{remembered}"
        writer.write(f"HTTP/1.1 {status}\r\n{more}\r\nContent-Length: {length}\r\n\r\nhi".encode())
        await writer.drain()

    def close(self) -> None:
        async def end() -> None:
            self.closing = True
            self.server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for other in others:
                other.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)  # connections are closed by then

        asyncio.run_coroutine_threadsafe(end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


def _remembering(key: int, head: bytes) -> str:
    """Headers that give user *key* one more visit in a cookie, and say what the cookies were that came."""
    came = next((line[8:] for line in head.decode().split("\r\n") if line.startswith("Cookie: ")), "none")
    visits = came.count("visits") and int(came.partition("visits=")[2].partition(";")[0])
    set_ = f"\r\nSet-Cookie: visits={visits + 1}; Path=/; HttpOnly\r\nSet-Cookie: user={key}"
    return f"{set_}\r\nX-Remark: {came}"


@pytest.fixture
def server() -> Iterator[Server]:
    it = Server()
    yield it
    it.close()


def requests(keys: list[int], apart_s: float = 0.01) -> Workload:
    n = len(keys)
    return Workload(np.arange(n) * apart_s, np.full(n, 0.001), np.array(keys), np.full(n, 100), np.full(n, 0.5))


def test_every_way_to_fail_gets_its_outcome(server: Server) -> None:
    keys = [SLAMS_THE_DOOR, OK, BUSY, BROKEN, SILENT, HALF, GATEWAY_TIMEOUT, OK]
    trace = load(server.url, requests(keys), timeout_s=0.5, progress=False).check()
    expected = ["failed", "ok", "refused", "failed", "timeout", "failed", "timeout", "ok"]
    assert trace.frame["outcome"].tolist() == expected
    assert trace.frame["key"].tolist() == keys
    assert server.seen[SLAMS_THE_DOOR] == 1, "a new connection that is closed is a failure, not something to try again"
    assert trace.frame.attrs["locust"][0]["requests"] == 8
    assert trace.frame.attrs["locust"][0]["failures"] == 6


def test_a_row_says_when_by_whom_and_at_which_attempt_the_request_was_served(server: Server) -> None:
    workload = requests([OK, BROKEN], apart_s=0.05)
    frame = load(server.url, workload, progress=False).check().frame
    assert frame["sent_s"].tolist() == workload.arrival_s.tolist()
    assert frame["server"].tolist() == ["s0", "s2"]
    assert frame["attempts"].tolist() == [1, 3]
    assert frame["started_s"].between(frame["sent_s"], frame["finished_s"]).all()


def test_latency_counts_from_the_moment_the_user_meant_to_send(server: Server) -> None:
    """Nobody is answered before request 40 has come in: who waits for answers before sending never gets there."""
    workload = requests([WAITS_FOR_ALL] * CROWD)
    trace = load(server.url, workload, progress=False).check()
    assert trace.count("ok") == CROWD
    waited_s = workload.arrival_s[-1] - workload.arrival_s
    assert (trace.latency_s >= waited_s).all()


def test_a_closed_loop_hides_the_stall_because_its_users_wait(server: Server) -> None:
    trace = load(server.url, requests([WAITS_FOR_ALL] * 4), users=2, timeout_s=0.2, progress=False).check()
    assert trace.count("timeout") == 4
    assert server.seen[WAITS_FOR_ALL] == 4 < CROWD


def test_users_in_a_closed_loop_are_never_more_than_asked_for(server: Server) -> None:
    trace = load(server.url, requests([OK] * 60, apart_s=0.0), users=3, progress=False).check()
    assert trace.count("ok") == 60
    assert server.most_inside <= 3


def test_a_get_on_a_connection_just_closed_is_sent_again_and_counted(server: Server) -> None:
    trace = load(server.url, requests([ONE_PER_CONNECTION] * 5, apart_s=0.05), users=1, progress=False)
    assert trace.count("ok") == 5
    assert trace.frame.attrs["generator"]["resent"] == 4
    assert server.seen[ONE_PER_CONNECTION] == 9


def test_it_costs_nobody_a_request_if_all_kept_connections_are_closed_at_once(server: Server) -> None:
    crowd = requests([ONE_PER_CONNECTION] * 9, apart_s=0.0)
    crowd.arrival_s[-1] = 0.5  # eight connections are kept, and this one finds them closed
    trace = load(server.url, crowd, progress=False)
    assert trace.count("ok") == 9
    assert trace.frame.attrs["generator"]["resent"] > 1


def test_a_post_is_not_sent_twice(server: Server) -> None:
    trace = load(server.url, requests([ONE_PER_CONNECTION] * 2), users=1, method="POST", progress=False)
    assert trace.frame["outcome"].tolist() == ["ok", "failed"]
    assert server.seen[ONE_PER_CONNECTION] == 2


def test_two_workers_send_every_request_once_and_steps_happen_while_they_do(server: Server) -> None:
    done: list[str] = []
    workload = requests([OK] * 60)
    steps = [(0.3, lambda: done.append("second")), (0.1, lambda: done.append("first"))]
    trace = load(server.url, workload, workers=2, at=steps, progress=False).check()
    assert trace.count("ok") == 60 == server.seen[OK]
    assert trace.frame["sent_s"].tolist() == workload.arrival_s.tolist()
    assert done == ["first", "second"]
    assert "gevent" not in sys.modules, "Locust must stay out of this process"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": "ftp://x"}, "url must start with http://, got 'ftp://x'"),
        ({"users": 0}, "users=0"),
        ({"workers": 0}, "workers=0"),
        ({"timeout_s": 0}, "timeout_s > 0"),
        ({"think_s": -1}, "think_s >= 0"),
        ({"method": "TEAPOT"}, "got 'TEAPOT'"),
        ({"workload": requests([])}, "no request"),
    ],
)
def test_a_bad_argument_is_named(change: dict, message: str) -> None:
    arguments = {"url": "http://127.0.0.1:1", "workload": requests([OK])} | change
    with pytest.raises(ValueError, match=message):
        load(**arguments)


def test_an_error_in_a_step_ends_the_load_and_its_processes(server: Server) -> None:
    with pytest.raises(ZeroDivisionError):
        load(server.url, requests([OK] * 3, apart_s=1.0), at=[(0.0, lambda: 1 / 0)], progress=False)
    assert not _locusts(os.getpid())


def test_a_killed_kernel_leaves_no_load_behind(server: Server) -> None:
    code = (
        "import numpy as np; from minisys.testbed.load import load; from minisys.testbed.workload import Workload\n"
        "n = 1000; a = np.arange(n) * 0.05\n"
        f"load({server.url!r}, Workload(a, a, np.zeros(n), np.zeros(n), np.zeros(n)))"
    )
    kernel = subprocess.Popen([sys.executable, "-c", code])
    while not server.seen:
        assert kernel.poll() is None
        time.sleep(0.02)
    started = _locusts(kernel.pid)
    assert started
    os.kill(kernel.pid, signal.SIGKILL)
    kernel.wait()
    assert not psutil.wait_procs(started, timeout=10)[1]


def _locusts(parent: int) -> list[psutil.Process]:
    """Locust processes below the process *parent*; one that has ended and was not yet waited for is not running."""
    found = []
    for process in psutil.Process(parent).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # gone meanwhile, or a zombie (ZombieProcess is a NoSuchProcess)
            if "locust" in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_each_key_is_a_user_with_cookies_of_its_own_and_remarks_are_kept_with_their_times(server: Server) -> None:
    trace = load(server.url, requests([100, 101, 100, 100], apart_s=0.1), cookies=True, progress=False)
    remarks = trace.frame.attrs["remarks"]
    assert remarks == {"none": [0.0, 0.1], "visits=1; user=100": [0.2], "visits=2; user=100": [0.3]}
    assert load(server.url, requests([100, 100]), progress=False).frame.attrs["remarks"] == {"none": [0.0, 0.01]}


def test_users_with_cookies_live_in_one_process() -> None:
    with pytest.raises(ValueError, match="use workers=1, not 2"):
        load("http://127.0.0.1:1", requests([1]), cookies=True, workers=2)
