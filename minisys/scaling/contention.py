"""Workers that share one thing: a lock to write it, and a copy with each worker that must never be old.

A shop keeps its stock in the memory of every server, because that is fast. Whoever sells something takes the lock,
counts, and sends the new stock to all the others before the next one may sell. With two servers nobody notices. With
twelve they do little else.

    python -m minisys.scaling.contention --workers 8 --kind waiting

starts so many processes, lets them write for a while and prints one line ``RESULT {json}``. Each operation is some work
of its own (nobody else is needed), then, with the lock held, some work on the shared thing, then its new copy to every
other worker, one after the other, each of which takes it and says so. Work is waiting (as for a database) or computing
(password hashes). By default all begin their next operation when all have finished; ``--apart`` lets each go on alone.

Promised: real processes, a real lock, real copies over loopback sockets; with lock and coherency no update is lost, and
the result says how many are without; a worker that dies ends the experiment. Not done: recovery from that.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import socket
import struct
import sys
import threading
import time
from contextlib import nullcontext
from multiprocessing import connection
from typing import Any

PATIENCE_S = 30.0  # a worker that is not there by then has died
COUNT = struct.Struct("!Q")  # the head of every copy: how many updates it has seen


class Worker:
    """One process. *shared* holds what all have in common: doors (listening sockets), lock, barrier, last (round)."""

    def __init__(self, number: int, job: argparse.Namespace, shared: dict[str, Any]) -> None:
        self.number, self.job, self.shared = number, job, shared
        self.copy = bytearray(max(job.copy_bytes, COUNT.size))
        self.spent = {"own_s": 0.0, "waited_s": 0.0, "held_s": 0.0, "told_s": 0.0, "idle_s": 0.0}
        self.others: list[socket.socket] = []

    def work(self, seconds: float) -> None:
        """Spend *seconds*: wait, or compute as many hashes as one processor does in that time."""
        if self.job.kind == "waiting":
            time.sleep(seconds)
        else:
            hashlib.pbkdf2_hmac("sha256", b"password", b"salt", max(1, int(seconds * self.job.hashes_per_s)))

    def operation(self) -> None:
        """Own work, then the shared part under the lock; notes where the time went."""
        begun = time.perf_counter()
        self.work(self.job.own_s)
        asked = time.perf_counter()
        with self.shared["lock"] if self.job.lock else nullcontext():
            got = time.perf_counter()
            (count,) = COUNT.unpack_from(self.copy)
            self.work(self.job.locked_s)
            COUNT.pack_into(self.copy, 0, count + 1)
            written = time.perf_counter()
            self.tell_the_others()
            told = time.perf_counter()
        for part, seconds in zip(self.spent, (asked - begun, got - asked, written - got, told - written), strict=False):
            self.spent[part] += seconds

    def tell_the_others(self) -> None:
        """The new copy to each other worker in turn; the old one is invalid until it has said that it took it."""
        for other in self.others:
            other.sendall(self.copy)
            if not other.recv(1):
                raise ConnectionError("another worker is gone")

    def listen_to(self, other: socket.socket) -> None:
        """Take every copy that *other* sends, for as long as it is there (a thread for each of the others)."""
        fresh = bytearray(len(self.copy))
        with other, other.makefile("rb") as stream:
            while stream.readinto(fresh) == len(fresh):
                self.copy, fresh = fresh, self.copy
                other.sendall(b".")

    def meet(self) -> None:
        """Connect to all the others, and let them connect here."""
        doors = self.shared["doors"]
        self.others = [socket.create_connection(door.getsockname()) for door in doors if door is not doors[self.number]]
        for other in self.others:
            other.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the end of a copy does not wait for more
        for _ in self.others:
            other, _ = doors[self.number].accept()
            threading.Thread(target=self.listen_to, args=(other,), daemon=True).start()
        if not self.job.coherency:
            self.others = []

    def run(self) -> None:
        """Write until the time is over, and put the result into the parent's queue."""
        self.meet()
        self.everybody_here()
        begin, done = time.perf_counter(), 0
        while True:
            self.operation()
            done += 1
            now_s = time.perf_counter() - begin
            if self.job.apart and now_s >= self.job.for_s:
                break
            if not self.job.apart and self.last_round(done, now_s):
                break
        took_s = time.perf_counter() - begin
        self.everybody_here()
        (count,) = COUNT.unpack_from(self.copy)
        self.shared["results"].put({"done": done, "took_s": took_s, "count": count, **self.spent})

    def last_round(self, done: int, now_s: float) -> bool:
        """Wait for the others to finish round *done*; whether it was the last, which worker 0 says before it waits."""
        if self.number == 0 and now_s >= self.job.for_s:
            self.shared["last"].value = done
        since = time.perf_counter()
        self.everybody_here()
        self.spent["idle_s"] += time.perf_counter() - since
        return 0 < self.shared["last"].value <= done

    def everybody_here(self) -> None:
        """Wait until all workers are here."""
        self.shared["barrier"].wait(PATIENCE_S)


def run(job: argparse.Namespace) -> dict[str, float]:
    """Start the workers of *job*, wait for them, and add up what they did; times are means an operation."""
    if job.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job.cores])
    job.hashes_per_s = _hashes_per_s() if job.kind == "computing" else 0.0
    fork, n = multiprocessing.get_context("fork"), job.workers
    shared = {
        "doors": [socket.create_server(("127.0.0.1", 0)) for _ in range(n)], "lock": fork.Lock(),
        "barrier": fork.Barrier(n), "last": fork.RawValue("Q", 0), "results": fork.SimpleQueue(),
    }  # fmt: skip
    workers = [fork.Process(target=Worker(number, job, shared).run) for number in range(n)]
    for worker in workers:
        worker.start()
    _wait_for(workers)
    results = [shared["results"].get() for _ in workers]
    done = sum(result["done"] for result in results)
    means = {part: sum(result[part] for result in results) / done for part in results[0] if part.endswith("_s")}
    means["took_s"] = max(result["took_s"] for result in results)
    counts = [result["count"] for result in results]
    lost, differ = done - max(counts), len(set(counts)) - 1
    return {"n": n, "throughput": done / means["took_s"], "operations": done, "lost": lost, "differ": differ, **means}


def _wait_for(workers: list[Any]) -> None:
    """Wait until all have ended. If one dies, kill the others, who would wait for it, and raise RuntimeError."""
    left = {worker.sentinel: worker for worker in workers}
    while left:
        for sentinel in connection.wait(list(left)):
            gone = left.pop(sentinel)
            gone.join()
            if gone.exitcode:
                for other in left.values():
                    other.kill()
                raise RuntimeError(f"a worker ended early, with code {gone.exitcode}, and took the others with it")


def _hashes_per_s(rounds: int = 30_000) -> float:
    """How many rounds of the password hash one processor does in a second (the best of three tries)."""
    took_s = []
    for _ in range(3):
        begin = time.perf_counter()
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", rounds)
        took_s.append(time.perf_counter() - begin)
    return rounds / min(took_s)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m minisys.scaling.contention", description=(__doc__ or "").split("\n")[0]
    )
    made.add_argument("--workers", type=int, default=4, help="processes (default: 4)")
    made.add_argument("--kind", choices=("waiting", "computing"), default="waiting", help="of work (default: waiting)")
    made.add_argument("--own-s", type=float, default=0.006, help="seconds of own work an operation (default: 0.006)")
    made.add_argument("--locked-s", type=float, default=0.0005, help="seconds of work with the lock (default: 0.0005)")
    made.add_argument("--copy-bytes", type=int, default=524_288, help="bytes of a copy (default: 524288)")
    made.add_argument("--for-s", type=float, default=1.0, help="seconds (default: 1)")
    made.add_argument("--cores", type=int, default=0, help="use so many processors only; 0: all (default)")
    made.add_argument("--no-lock", dest="lock", action="store_false", help="nobody waits; updates get lost")
    made.add_argument("--no-coherency", dest="coherency", action="store_false", help="nobody is told; copies differ")
    made.add_argument("--apart", action="store_true", help="do not wait for the others after each operation")
    return made


def main() -> None:
    """Entry point; a mistake on the command line is one clear line."""
    commands = parser()
    job = commands.parse_args()
    if not 1 <= job.workers <= 32 or job.copy_bytes < 0 or job.cores < 0:
        commands.error(f"need 1 to 32 workers, copy-bytes and cores of 0 or more; got {vars(job)}")
    if min(job.own_s, job.locked_s) < 0 or not job.for_s > 0:
        commands.error(f"need times of 0 or more seconds and for-s above 0; got {vars(job)}")
    try:
        print("RESULT " + json.dumps(run(job)), flush=True)
    except RuntimeError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
