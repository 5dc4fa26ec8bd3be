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
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from minisys.replication.answers import TIMEOUT, Answer
from minisys.replication.log import Disk, Log, LogFailed, LogRefused
from minisys.replication.peers import Peers, Stranger
from minisys.replication.policies import Quorum, Stamp, newest
from minisys.replication.redis_store import NULL, Command
from minisys.testbed import resp

AGAIN_S = 0.2
NO_ORDER = resp.error("ERR without a leader there are SET key value and DEL key; use mode raft")
REPAIRS = ("no", "after", "before")
Held = tuple[Stamp, str | None]  # the value is None if the key was deleted
NOTHING: Held = (Stamp(0), None)


class QuorumReplica:
    """One replica among *peers*, its log at *path*; it answers any client.

    repair: what a read does, see above. patience_s: how long a client waits. disk, threaded: as for `Replica`.
    Raises ValueError for another repair.
    """

    def __init__(
        self, quorum: Quorum, peers: Peers, path: Path, *, repair: str = "after", patience_s: float = 5.0,
        disk: Disk | None = None, threaded: bool = True,
    ) -> None:  # fmt: skip
        if repair not in REPAIRS:
            raise ValueError(f"repair must be one of {', '.join(REPAIRS)}, got {repair!r}")
        self.quorum, self.repair, self.patience_s = quorum, repair, patience_s
        self.peers, self.name = peers, peers.name
        self.log = Log.open(path, peers.cluster, disk)
        self.held: dict[str, Held] = _recovered(self.log)
        self.loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[str] = self.loop.create_future()
        self._puts: list[tuple[str, Held, Callable[[], None]]] = []
        self._asked: dict[int, Callable[[str, Any], None]] = {}  # by number: what to do with a reply
        self.writer = f"{self.name}.{secrets.token_hex(4)}"  # another one in each life: it forgets what it gave
        self._given, self._number, self._woken = 0, secrets.randbits(48), asyncio.Event()
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

    def write(self, command: Command) -> Answer:
        """SET or DEL of one key; everything else needs an order, and so a leader."""
        if (command[0] == "SET" and len(command) == 3) or (command[0] == "DEL" and len(command) == 2):
            value = command[2] if command[0] == "SET" else None
            return self._spawn(self._write(command[1], value))
        (answer := self.loop.create_future()).set_result(NO_ORDER)
        return answer

    def get(self, key: bytes, stale: bool) -> bytes | Answer:
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
        shown = {"role": "master", "mode": "quorum", "name": self.name, **vars(self.quorum), "repair": self.repair}
        return shown | {"refused_peers": self.peers.refused, "log_bytes": self.log.end}

    def size(self) -> int:
        """How many keys this replica has."""
        return sum(value is not None for _, value in self.held.values())

    @property
    def position(self) -> int:
        """There is none."""
        return 0

    async def _read(self, key: str) -> bytes:
        held, behind = await self._newest(key)
        if held != NOTHING and self.repair == "before":
            await self._ask({"type": "write", "key": key, "held": _plain(held)}, self.quorum.w)
        elif behind and self.repair == "after":
            await self._ask({"type": "write", "key": key, "held": _plain(held)}, 0)
        return _told(held)

    async def _write(self, key: str, value: str | None) -> bytes:
        (stamp, old), _ = await self._newest(key)
        self._given = max(self._given, int(stamp.number)) + 1  # two writes at once must not get the same version
        fresh = (Stamp(self._given, self.writer), value)
        await self._ask({"type": "write", "key": key, "held": _plain(fresh)}, self.quorum.w)
        return resp.OK if value is not None else resp.integer(int(old is not None))

    async def _newest(self, key: str) -> tuple[Held, list[str]]:
        """The newest of R versions, and who had something older."""
        replies = await self._ask({"type": "read", "key": key}, self.quorum.r)
        stamp, value, behind = newest((name, *held) for name, held in replies.items())
        return (stamp, value), behind

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
        question |= {"number": number, "sender": self.name}
        try:
            self._receive(question)
            for peer in self.peers.ports:
                self.peers.send(peer, [question])
            while len(replies) < needed:
                if not await _within(enough, AGAIN_S):
                    for peer in self.peers.ports.keys() - replies.keys():
                        self.peers.send(peer, [question])
        finally:
            del self._asked[number]
        return replies

    def _receive(self, told: Any) -> None:
        """A message: a reply to what we asked, or a question; a write is answered when the disk has it."""
        match told:
            case {"type": "reply", "number": int(number), "held": held, "sender": sender}:
                if take := self._asked.get(number):
                    take(sender, held and _held(held))
            case {"type": "read", "number": int(number), "key": str(key), "sender": sender}:
                self._reply(sender, number, self.held.get(key, NOTHING))
            case {"type": "write", "number": int(number), "key": str(key), "held": held, "sender": sender}:
                self._puts.append((key, _held(held), lambda: self._reply(sender, number, None)))
                self._woken.set()
            case _:
                raise Stranger(f"not a message between quorum replicas: {str(told)[:80]!r}")

    def _reply(self, sender: str, number: int, held: Held | None) -> None:
        reply = {"type": "reply", "number": number, "held": held and _plain(held), "sender": self.name}
        if sender == self.name:
            self._receive(reply)
        else:
            self.peers.send(sender, [reply])

    async def _store(self) -> None:
        """What has come in goes to the disk together, then into memory, then the answers go out."""
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                puts, self._puts = self._puts, []
                lines = [json.dumps([key, _plain(held)]) for key, held, _ in puts if self._is_newer(key, held)]
                await self.log.write_soon([line.encode() for line in lines], self._thread)
                for key, held, done in puts:
                    if self._is_newer(key, held):
                        self.held[key] = held
                    done()
        except LogFailed as problem:
            self.failed.set_result(str(problem))
        except Exception as bug:  # a replica that has lost its way must not look alive
            self.failed.set_exception(bug)

    def _is_newer(self, key: str, held: Held) -> bool:
        return held[0] > self.held.get(key, NOTHING)[0]

    def _spawn(self, work: Any) -> Answer:
        async def patiently() -> bytes:
            try:
                return bytes(await asyncio.wait_for(work, self.patience_s))
            except TimeoutError:
                return TIMEOUT

        task = self.loop.create_task(patiently())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        return await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False


def _held(told: Any) -> Held:
    """A version and its value as they come from JSON. Raises Stranger."""
    match told:
        case [[int(number), str(name)], (str() | None) as value]:
            return Stamp(number, name), value
    raise Stranger(f"not a version with its value: {str(told)[:80]!r}")


def _plain(held: Held) -> list[Any]:
    """A version and its value for JSON."""
    return [[int(held[0].number), held[0].by], held[1]]


def _told(held: Held) -> bytes:
    return NULL if held[1] is None else resp.bulk(held[1].encode("latin-1"))


def _recovered(log: Log) -> dict[str, Held]:
    try:
        found = {key: _held(held) for key, held in map(json.loads, log.records)}  # the later line of a key wins
    except (ValueError, Stranger) as problem:
        raise LogRefused(f"{log.path}: a record that cannot be: {problem}") from None
    log.records.clear()
    return found
