"""A live replica without a leader: N copies, W must confirm a write and R must answer a read (Dynamo, Cassandra, ABD).

A shop's basket must take things in even while two data centres cannot talk. So nobody leads: the replica that a client
happens to ask sends the question to all and waits for some. If R + W > N, those who answer a read include somebody who
confirmed the last finished write. That is less than it seems: while a write is under way one reader can see the new
value and the next, through other replicas, the old one again, unless the first writes back what it has seen.

Promised: a write asks R replicas for the newest version, takes the next, and is acknowledged when W disks have it; a
read returns the newest of R versions. repair says when a read writes it back to those who had less: "no", "after"
(the client does not wait) or "before" (with W confirmations; then it is ABD's register, which is linearizable if R and
W are majorities). Versions are (number, name): no clock. Not done: sloppy quorums, anti-entropy, merging of siblings.

Sources: DeCandia et al., Dynamo, SOSP 2007; Attiya, Bar-Noy, Dolev, Sharing Memory Robustly, JACM 1995.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minisys.replication.log import Disk, Log, LogFailed, LogRefused
from minisys.replication.peers import Peers, Stranger
from minisys.replication.redis_store import NULL, Command
from minisys.testbed import resp

AGAIN_S = 0.2
Version = tuple[int, str]
Held = tuple[Version, str | None]  # the value is None if the key was deleted
NOTHING: Held = ((0, ""), None)
TIMEOUT = "TIMEOUT too few replicas answered in time; nobody knows whether it will be carried out"


@dataclass(frozen=True)
class Quorum:
    """R, W and when a read repairs; *patience_s*: how long a client waits. Raises ValueError for the impossible."""

    n: int
    r: int
    w: int
    repair: str = "after"
    patience_s: float = 5.0

    def __post_init__(self) -> None:
        if not (1 <= self.r <= self.n and 1 <= self.w <= self.n) or self.repair not in ("no", "after", "before"):
            raise ValueError(f"need 1 <= r <= n, 1 <= w <= n, repair no, after or before; got {self}")


class QuorumReplica:
    """One replica among *peers*, its log at *path*; parameters as for `Replica`. It answers any client."""

    def __init__(
        self, quorum: Quorum, peers: Peers, path: Path, *, disk: Disk | None = None, threaded: bool = True
    ) -> None:
        self.quorum, self.peers, self.name = quorum, peers, peers.name
        self.log = Log.open(path, peers.cluster, disk)
        self.held: dict[str, Held] = _recovered(self.log)
        self.loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[str] = self.loop.create_future()
        self._puts: list[tuple[str, Held, Callable[[], None]]] = []
        self._asked: dict[int, Callable[[str, Any], None]] = {}  # by number: what to do with a reply
        self._number, self._woken = 0, asyncio.Event()
        self._tasks: set[asyncio.Task] = set()
        self._thread = ThreadPoolExecutor(1) if threaded else None
        peers.receive = self._receive

    def start(self) -> None:
        """Begin to take part."""
        self._tasks.add(self.loop.create_task(self._store()))

    async def close(self) -> None:
        """Stop, and let go of the log."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._thread is not None:
            self._thread.shutdown()
        self.log.close()

    def write(self, command: Command) -> asyncio.Future[bytes]:
        """SET or DEL of one key; everything else needs an order, and so a leader."""
        if (command[0] == "SET" and len(command) == 3) or (command[0] == "DEL" and len(command) == 2):
            value = command[2] if command[0] == "SET" else None
            return self._spawn(self._write(command[1], value))
        answer = self.loop.create_future()
        answer.set_result(resp.error("ERR without a leader there are SET key value and DEL key; use mode raft"))
        return answer

    def get(self, key: bytes, stale: bool) -> bytes | asyncio.Future[bytes]:
        """The newest of R values; with *stale* this replica's own."""
        name = key.decode("latin-1")
        return _told(self.held.get(name, NOTHING)) if stale else self._spawn(self._read(name))

    def after(self, position: int, key: bytes) -> bytes:
        """There is no log that all share."""
        return resp.error("ERR without a leader there are no positions")

    def wait(self, position: int, replicas: int, within_s: float) -> bytes:
        """W replicas have every acknowledged write."""
        return resp.integer(self.quorum.w)

    def role(self) -> bytes:
        """Everybody is a master."""
        return resp.array([resp.bulk(b"master"), resp.integer(0), resp.array([])])

    def info(self) -> dict[str, Any]:
        """For INFO."""
        quorum = self.quorum
        shown = {"role": "master", "mode": "quorum", "name": self.name, "n": quorum.n, "r": quorum.r, "w": quorum.w}
        return shown | {"repair": quorum.repair, "refused_peers": self.peers.refused, "log_bytes": self.log.end}

    def size(self) -> int:
        """How many keys this replica has."""
        return sum(value is not None for _, value in self.held.values())

    @property
    def position(self) -> int:
        """There is none."""
        return 0

    async def _read(self, key: str) -> bytes:
        replies = await self._ask({"type": "read", "key": key}, self.quorum.r)
        newest = max(replies.values(), key=lambda held: held[0])
        if newest != NOTHING and self.quorum.repair != "no":
            needed = self.quorum.w if self.quorum.repair == "before" else 0
            if needed or any(held != newest for held in replies.values()):
                await self._ask({"type": "write", "key": key, "held": newest}, needed)
        return _told(newest)

    async def _write(self, key: str, value: str | None) -> bytes:
        replies = await self._ask({"type": "read", "key": key}, self.quorum.r)
        newest: Held = max(replies.values(), key=lambda held: held[0])
        held = ((newest[0][0] + 1, self.name), value)
        await self._ask({"type": "write", "key": key, "held": held}, self.quorum.w)
        return resp.OK if value is not None else resp.integer(int(newest[1] is not None))

    async def _ask(self, question: dict[str, Any], needed: int) -> dict[str, Any]:
        """Ask all, ourselves too; the first *needed* replies by name. Asks again those who are silent."""
        self._number += 1
        number, enough = self._number, asyncio.Event()
        replies: dict[str, Any] = {}

        def take(sender: str, reply: Any) -> None:
            replies.setdefault(sender, reply)
            if len(replies) >= needed:
                enough.set()

        self._asked[number] = take
        try:
            self._answer(self.name, question | {"number": number})
            while len(replies) < needed or not needed:
                for peer in self.peers.ports.keys() - replies.keys():
                    self.peers.send(peer, [question | {"number": number, "sender": self.name}])
                if not needed:
                    break
                await _within(enough, AGAIN_S)
        finally:
            del self._asked[number]
        return replies

    def _receive(self, told: Any) -> None:
        if type(told.get("number")) is not int:
            raise Stranger(f"not a message between quorum replicas: {str(told)[:80]!r}")
        if told.get("type") == "reply":
            if take := self._asked.get(told["number"]):
                take(told["sender"], _held(told["held"]) if told.get("held") else None)
        else:
            self._answer(told["sender"], told)

    def _answer(self, sender: str, told: Any) -> None:
        """Do what the question says; a write is answered when the disk has it."""
        if told.get("type") == "read" and isinstance(told.get("key"), str):
            self._reply(sender, told["number"], self.held.get(told["key"], NOTHING))
        elif told.get("type") == "write" and isinstance(told.get("key"), str):
            self._puts.append((told["key"], _held(told["held"]), lambda: self._reply(sender, told["number"], None)))
            self._woken.set()
        else:
            raise Stranger(f"not a message between quorum replicas: {str(told)[:80]!r}")

    def _reply(self, sender: str, number: int, held: Held | None) -> None:
        if sender != self.name:
            self.peers.send(sender, [{"type": "reply", "number": number, "held": held, "sender": self.name}])
        elif take := self._asked.get(number):
            take(sender, held)

    async def _store(self) -> None:
        """What has come in goes to the disk together, then into memory, then the answers go out."""
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                puts, self._puts = self._puts, []
                lines = [
                    json.dumps([key, held]).encode() for key, held, _ in puts if held > self.held.get(key, NOTHING)
                ]
                if lines and self._thread is None:
                    self.log.write(lines)
                elif lines:
                    await self.loop.run_in_executor(self._thread, self.log.write, lines)
                for key, held, done in puts:
                    self.held[key] = max(held, self.held.get(key, NOTHING), key=lambda one: one[0])
                    done()
        except LogFailed as problem:
            self.failed.set_result(str(problem))

    def _spawn(self, work: Any) -> asyncio.Future[bytes]:
        async def patiently() -> bytes:
            try:
                return bytes(await asyncio.wait_for(work, self.quorum.patience_s))
            except TimeoutError:
                return resp.error(TIMEOUT)

        task = self.loop.create_task(patiently())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _within(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        pass


def _held(told: Any) -> Held:
    """A version and its value as they come from JSON. Raises Stranger."""
    match told:
        case [[int(number), str(name)], (str() | None) as value]:
            return (number, name), value
    raise Stranger(f"not a version with its value: {str(told)[:80]!r}")


def _told(held: Held) -> bytes:
    return NULL if held[1] is None else resp.bulk(held[1].encode("latin-1"))


def _recovered(log: Log) -> dict[str, Held]:
    try:
        found = {key: _held(held) for key, held in map(json.loads, log.records)}  # the later line of a key wins
    except (ValueError, Stranger) as problem:
        raise LogRefused(f"{log.path}: a record that cannot be: {problem}") from None
    log.records.clear()
    return found
