"""One live replica: the state machine of raft.py or primary.py with a real disk, real peers and real clients.

A clerk who posts each letter as soon as it is written, and files the copy later, will one day have promised what the
files do not know. So there is one order for everything here, again and again: take what has come in, let the machine
decide, get it onto the disk, and only then post, carry out and answer. While the disk is busy more comes in, and goes
with the next round: one fsync for many writes, and nobody waits for more than two of them.

Promised: each `Output` is carried out in its order; a write is answered after the rule of its mode, with what the store
said, or with an error whose first word says whether it happened: READONLY, CLUSTERDOWN, ABORTED: surely not; TIMEOUT,
MISCONF: nobody knows. The wall clock is never asked. A replica whose disk fails stops. Not here: commands (session.py),
quorums without a leader (quorum_replica.py).
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

from minisys.replication.answers import TIMEOUT, Answer, Waiting, settle
from minisys.replication.log import Disk, Log, LogFailed
from minisys.replication.modes import Options, machine, recovered
from minisys.replication.peers import Peers
from minisys.replication.policies import Reader
from minisys.replication.raft import LEADER, Output
from minisys.replication.raft_messages import COMMAND, SaveEntries, SaveSnapshot, SaveVote, from_dict, to_dict
from minisys.replication.redis_store import Command, RedisStore
from minisys.replication.status import info, redirect, role
from minisys.testbed import resp

ABORTED = resp.error("ABORTED another primary was elected; this write was not carried out and never will be")


class Replica:
    """*name* among *peers*, with its log at *path*. *rng* draws election timeouts; *disk* is for tests.

    threaded: fsync in a thread, so that the loop goes on; False on the virtual clock. applied: the last entry that the
    store has taken in. failed: set when the disk did.
    """

    def __init__(
        self, options: Options, peers: Peers, path: Path, rng: Random, *,
        disk: Disk | None = None, threaded: bool = True,
    ) -> None:  # fmt: skip
        self.options, self.peers, self.name = options, peers, peers.name
        members = tuple(sorted([self.name, *peers.ports]))
        self.log = Log.open(path, peers.cluster, disk)
        self.machine = machine(options, self.name, members, rng, recovered(self.log, members))
        self.store, self.applied = RedisStore(), 0
        self.loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[str] = self.loop.create_future()
        self._commands: list[tuple[Command, Answer]] = []
        self._readers: list[tuple[bytes, Answer]] = []
        self._outputs: list[Output] = []
        self._open: dict[int, tuple[int, Answer]] = {}  # by index: the term, and who waits
        self._waiting = Waiting(options.patience_s)
        self._woken = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._thread = ThreadPoolExecutor(1) if threaded else None
        self._gone = ABORTED if options.mode == "raft" else TIMEOUT
        peers.receive = self._receive

    def start(self) -> None:
        """Begin to take part."""
        self._task = self.loop.create_task(self._work())
        self._tick()

    async def close(self) -> None:
        """Stop, and let go of the log."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            self._thread.shutdown()
        self.log.close()

    @property
    def leads(self) -> bool:
        """Whether this is the primary, as far as it knows."""
        return self.machine.role == LEADER

    def write(self, command: Command) -> Answer:
        """Have *command* replicated and applied; its answer, or an error, comes."""
        answer = self._waiting.answer()
        self._commands.append((command, answer))
        self._woken.set()
        return answer

    def get(self, key: bytes, stale: bool) -> bytes | Answer:
        """The value of *key*: from the leader, or from here if this replica may answer (always, if *stale* will do)."""
        if stale or self._may_read_here():
            return self.store.get(key)
        answer = self._waiting.answer()
        self._readers.append((key, answer))
        self._woken.set()
        return answer

    def after(self, position: int, key: bytes) -> Answer:
        """The value of *key* once the store has taken in the entry at *position*."""
        self._woken.set()
        return self._waiting.when(lambda: self.store.get(key) if self.applied >= position else None)

    def wait(self, position: int, replicas: int, within_s: float) -> bytes | Answer:
        """How many replicas have the entry at *position*: at once if *replicas* do, else after *within_s* seconds."""
        if not self.leads:
            return resp.error("ERR WAIT cannot be used with replica instances")

        def having() -> int:
            return sum(match >= position for match in self.replicas().values())

        self._woken.set()
        return self._waiting.within(
            within_s, lambda: resp.integer(having()) if having() >= replicas else None, lambda: resp.integer(having())
        )

    @property
    def position(self) -> int:
        """The last entry that the store has taken in."""
        return self.applied

    def size(self) -> int:
        """How many keys there are."""
        return len(self.store.values)

    def role(self) -> bytes:
        """The answer to ROLE."""
        return role(self)

    def info(self) -> dict[str, Any]:
        """The fields of INFO."""
        return info(self)

    def replicas(self) -> dict[str, int]:
        """Up to which entry each follower has the primary's log, as far as the primary knows."""
        return {peer: progress.match for peer, progress in self.machine.progress.items()} if self.leads else {}

    def _may_read_here(self) -> bool:
        """Without asking anybody: what the options allow a follower, and a primary that need not be sure it is one."""
        if self.leads:
            return self.options.mode != "raft" and self.applied >= self.machine.term_start
        heard_s = self.loop.time() - self.machine.heard_s
        return self.options.may_read(Reader(self.applied, self.machine.commit, heard_s))

    def _receive(self, told: Any) -> None:
        self._outputs.append(self.machine.receive(self.loop.time(), from_dict(told)))
        self._woken.set()

    def _tick(self) -> None:
        now, due = self.loop.time(), self.machine.deadline
        if due is None or now >= due:
            self._outputs.append(self.machine.tick(now))
            self._woken.set()
        self._waiting.look()
        self._timer = None
        self._arm()

    def _arm(self) -> None:
        """Wake up at the machine's deadline, which may have come nearer."""
        due = self.machine.deadline or 0.0
        if self._timer is not None and self._timer.when() > due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self.loop.call_at(max(due, self.loop.time() + 0.001), self._tick)

    async def _work(self) -> None:
        """One round after the other: decide, make durable, carry out."""
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                self._decide()
                outputs, self._outputs = self._outputs, []
                await self._persist(outputs)
                self._post(outputs)
                for output in outputs:
                    self._carry_out(output)
                self._waiting.look()
                self._arm()
        except LogFailed as problem:
            self._stop(problem, outputs)
        except Exception as bug:  # a replica that has lost its way must not look alive
            self.failed.set_exception(bug)

    def _decide(self) -> None:
        now = self.loop.time()
        if self._commands:
            batch, self._commands = self._commands, []
            output = self.machine.propose(now, *(command for command, _ in batch))
            for entry, (_, answer) in zip(output.proposed, batch, strict=False):
                self._open[entry.index] = entry.term, answer
            if not output.proposed:
                for _, answer in batch:
                    settle(answer, redirect(self))
            self._outputs.append(output)
        if self._readers:
            readers, self._readers = self._readers, []
            self._outputs.append(self.machine.read(now, readers))
        state = self.machine.state
        long = self.options.mode == "raft" and len(state.entries) > self.options.compact_after
        if long and self.applied > state.snapshot.index:
            self._outputs.append(self.machine.compact(now, self.applied, self.store.dump()))

    async def _persist(self, outputs: list[Output]) -> None:
        records = [record for output in outputs for record in output.records]
        anew = any(isinstance(record, SaveSnapshot) for record in records)
        if anew:  # what came before the snapshot is not needed any more
            state = self.machine.state
            records = [SaveVote(state.term, state.voted_for), SaveSnapshot(state.snapshot)]
            records.append(SaveEntries(tuple(state.entries)))
        await self.log.write_soon([json.dumps(to_dict(record)).encode() for record in records], self._thread, anew)

    def _post(self, outputs: list[Output]) -> None:
        letters: dict[str, list[Any]] = {}
        for output in outputs:
            for message in output.messages:
                letters.setdefault(message.to, []).append(to_dict(message))
        for peer, messages in letters.items():
            self.peers.send(peer, messages)

    def _carry_out(self, output: Output) -> None:
        if output.restore is not None:
            self.store.load(output.restore.data)
            self.applied = output.restore.index
        for entry in output.apply:
            reply = self.store.apply(entry.data) if entry.kind == COMMAND else resp.OK
            self.applied = entry.index
            term, answer = self._open.pop(entry.index, (entry.term, None))
            if answer is not None:
                settle(answer, reply if term == entry.term else self._gone)
        for readers in output.reads:
            for key, answer in readers:
                settle(answer, self.store.get(key))
        for readers in output.refused:
            for _, answer in readers:
                settle(answer, redirect(self, write=False))

    def _stop(self, problem: LogFailed, outputs: list[Output]) -> None:
        """The disk failed. Nobody but us has seen what this round wanted to write; of the rest nobody knows."""
        for index in [entry.index for output in outputs for entry in output.proposed]:
            if index in self._open:
                settle(self._open.pop(index)[1], resp.error(f"MISCONF {problem}"))
        self._waiting.end()
        self.failed.set_result(str(problem))
