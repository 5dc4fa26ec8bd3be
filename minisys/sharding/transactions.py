"""A transfer between two shards in virtual time: two-phase commit, whose coordinator dies, and a saga.

Five euros go from an account on one shard to an account on another. Two-phase commit locks both until both have said
yes; the coordinator dies in between, and two accounts stay locked until it is back, though both shards are well. A
saga debits first and credits later, locks nothing, and shows everybody the moment in between.

Promised: money is conserved at the end of every run, and every transfer is whole or not at all; audits say what a
reader would have seen meanwhile. A shard's log and the coordinators' survive; a dead coordinator's transfers wait for
its return. Simplified: a message takes hop_s and none is lost; who finds an account locked gives up (no deadlocks).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import simpy
from simpy.events import Event

from minisys.sharding.comparison import shards_of
from minisys.testbed.simulation import OK, REFUSED, Request, Server
from minisys.testbed.simulation import simulate as run
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload

Steps = Generator[Event, Any, Any]
PROTOCOLS = ("two-phase commit", "saga")
START = 1_000  # money on every account at the beginning


@dataclass
class Account:
    """What a run is judged by: transfers by their end, and what audits saw, which add up all accounts at once."""

    committed: int = 0
    locked_out: int = 0  # gave up because an account was locked
    declined: int = 0  # the second account could not take it
    compensated: int = 0  # debits that a saga gave back
    longest_lock_s: float = 0.0
    audits: int = 0
    audits_blocked: int = 0  # some account was locked: the auditor has to wait
    audits_wrong: int = 0  # all were readable, and the sum was not the bank's money


@dataclass
class Run:
    """The trace, the account, and the bank's money at the end, which must be what it was."""

    protocol: str
    trace: Trace
    account: Account
    money: int
    in_doubt: frozenset[int]  # accounts that were locked for longer than a second

    def row(self) -> dict[str, float | str]:
        """The run in one row; p99 in seconds, of transfers that committed."""
        a, done = self.account, self.trace.frame["outcome"] == OK
        return {
            "protocol": self.protocol,
            "committed": a.committed,
            "locked_out": a.locked_out,
            "compensated": a.compensated,
            "p50_s": float(np.percentile(self.trace.latency_s[done], 50)),
            "longest_lock_s": a.longest_lock_s,
            "audits_blocked": a.audits_blocked / max(1, a.audits),
            "audits_wrong": a.audits_wrong / max(1, a.audits),
        }


@dataclass
class Coordinator:
    """One of several; while it is down its transfers stand still, and *back* is when they go on."""

    env: simpy.Environment
    back: Event | None = None

    def down_until(self, then_s: float) -> None:
        """Die now, and be back at *then_s* seconds with the log."""
        self.back = self.env.timeout(then_s - self.env.now)
        self.back.callbacks.append(lambda _: setattr(self, "back", None))

    def alive(self) -> Steps:
        """Wait until it runs: to be asked before each thing it does."""
        while self.back is not None:
            yield self.back


@dataclass
class Bank:
    """Accounts on shards, and the protocol between them. Fields as in simulate()."""

    env: simpy.Environment
    protocol: str
    shards: int
    accounts: int
    hop_s: float
    decline_share: float
    coordinators: int
    account: Account = field(default_factory=Account)

    def __post_init__(self) -> None:
        self.servers = [Server(self.env, name) for name in shards_of(self.shards)]
        self.clerks = [Coordinator(self.env) for _ in range(self.coordinators)]
        self.money = [START] * self.accounts
        self.locked_s: dict[int, float] = {}  # account: since when
        self.in_doubt: set[int] = set()

    def serve(self, request: Request) -> Event:
        """Transfer 1 from account request.key to another one, drawn by the request's luck."""
        other = int(takers(np.array([request.key]), np.array([request.luck]), self.accounts)[0])
        able = [clerk for clerk in self.clerks if clerk.back is None]
        clerk = able[request.index % len(able)]
        request.started_s, request.server = self.env.now, self.servers[request.key % self.shards].name
        transfer = self._two_phase if self.protocol == "two-phase commit" else self._saga
        return self.env.process(transfer(request, clerk, request.key, other))

    def _two_phase(self, request: Request, clerk: Coordinator, giver: int, taker: int) -> Steps:
        votes = yield from self._at_once([self._prepare(request, giver), self._prepare(request, taker)])
        yield from clerk.alive()  # here it hurts: prepared, and nobody knows how it ended
        yes = all(votes) and not self._declined(request)  # now in the coordinator's log: from here on it is certain
        self._count(yes, votes)
        held = [each for each, vote in zip(((giver, -1), (taker, 1)), votes, strict=True) if vote]
        yield from self._at_once([self._finish(request, account, amount * yes) for account, amount in held])
        return OK if yes else REFUSED

    def _at_once(self, parts: list[Steps]) -> Steps:
        """Do all *parts* side by side; their values, in order, when the last is done."""
        running = [self.env.process(part) for part in parts]
        yield self.env.all_of(running)
        return [each.value for each in running]

    def _count(self, yes: bool, votes: list[bool]) -> None:
        self.account.committed += yes
        self.account.declined += all(votes) and not yes
        self.account.locked_out += not all(votes)

    def _prepare(self, request: Request, account: int) -> Steps:
        """Phase 1 at one shard: lock, write the intention to the log, say yes; or no, if somebody has the lock."""
        yield self.env.timeout(self.hop_s)
        if account in self.locked_s:
            yield self.env.timeout(self.hop_s)
            return False
        self.locked_s[account] = self.env.now
        yield self._work(request, account)
        yield self.env.timeout(self.hop_s)
        return True

    def _finish(self, request: Request, account: int, amount: int) -> Steps:
        """Phase 2 at one shard: do it or forget it, and unlock."""
        yield self.env.timeout(self.hop_s)
        yield self._work(request, account)
        self.money[account] += amount
        held_s = self.env.now - self.locked_s.pop(account)
        self.account.longest_lock_s = max(self.account.longest_lock_s, held_s)
        if held_s > 1.0:
            self.in_doubt.add(account)
        yield self.env.timeout(self.hop_s)

    def _saga(self, request: Request, clerk: Coordinator, giver: int, taker: int) -> Steps:
        yield from self._step(request, giver, -1)  # a transaction of its own, visible to all
        yield from clerk.alive()
        if self._declined(request):
            self.account.declined += 1
            yield from self._step(request, giver, 1)  # not an undo: a second transaction, that must not fail
            self.account.compensated += 1
            return REFUSED
        yield from self._step(request, taker, 1)
        self.account.committed += 1
        return OK

    def _step(self, request: Request, account: int, amount: int) -> Steps:
        yield self.env.timeout(self.hop_s)
        yield self._work(request, account)
        self.money[account] += amount
        yield self.env.timeout(self.hop_s)

    def _work(self, request: Request, account: int) -> Event:
        twin = Request(request.index, self.env.now, request.work_s, account, request.size, request.luck)
        return self.servers[account % self.shards].serve(twin)

    def _declined(self, request: Request) -> bool:
        return (request.luck * 997.0) % 1.0 < self.decline_share

    def crash(self, at_s: float, back_s: float) -> Steps:
        """The first coordinator dies at *at_s* and is back at *back_s*."""
        yield self.env.timeout(at_s)
        self.clerks[0].down_until(back_s)

    def audit(self, every_s: float) -> Steps:
        """Add up all accounts again and again, as a report would."""
        while True:
            yield self.env.timeout(every_s)
            self.account.audits += 1
            self.account.audits_blocked += bool(self.locked_s)
            self.account.audits_wrong += not self.locked_s and sum(self.money) != START * self.accounts


def simulate(
    protocol: str, offered: Workload, *, shards: int = 4, accounts: int = 1_000, hop_s: float = 0.01,
    decline_share: float = 0.02, coordinators: int = 2, crash_s: float | None = None, down_s: float = 5.0,
    audit_s: float = 0.1, seed: int = 0,
) -> Run:  # fmt: skip
    """*offered* as transfers from the account request.key to another, over *shards* shards, by one of PROTOCOLS.

    Each step at a shard takes the request's work_s, each message *hop_s* seconds. *decline_share* of the transfers is
    declined by the second account. The first of *coordinators* dies at *crash_s* for *down_s* seconds (None: never);
    new transfers go to the others. Audits come every *audit_s* seconds. Raises ValueError for a number out of range,
    RuntimeError if money has been lost or made.
    """
    numbers = shards >= 1 and accounts >= 2 and hop_s >= 0 and 0 <= decline_share <= 1 and down_s > 0 and audit_s > 0
    if protocol not in PROTOCOLS or not numbers or coordinators < (1 if crash_s is None else 2):
        raise ValueError(
            f"need a protocol of {', '.join(PROTOCOLS)}, shards >= 1, accounts >= 2, hop_s >= 0, decline_share in "
            f"[0, 1], down_s and audit_s > 0, a coordinator that survives; got {protocol!r}, {shards}, {accounts}, "
            f"{hop_s}, {decline_share}, {down_s}, {audit_s}, {coordinators}"
        )
    banks: list[Bank] = []

    def build(env: simpy.Environment, rng: np.random.Generator) -> Bank:
        banks.append(Bank(env, protocol, shards, accounts, hop_s, decline_share, coordinators))
        if crash_s is not None:
            env.process(banks[0].crash(crash_s, crash_s + down_s))
        env.process(banks[0].audit(audit_s))
        return banks[0]

    trace = run(offered, build, seed=seed)
    money = sum(banks[0].money)
    if money != START * accounts or banks[0].locked_s:
        raise RuntimeError(f"the bank has {money} of {START * accounts}, and {len(banks[0].locked_s)} accounts locked")
    return Run(protocol, trace, banks[0].account, money, frozenset(banks[0].in_doubt))


def takers(key: np.ndarray, luck: np.ndarray, accounts: int = 1_000) -> np.ndarray:
    """The account that each transfer from *key* goes to: any other, by the request's *luck*."""
    return (key + 1 + (luck * (accounts - 1)).astype(int)) % accounts


def compare(offered: list[Workload], **settings: float | None) -> pd.DataFrame:
    """Both protocols on the same transfers, one row a protocol and seed; *settings* as in simulate()."""
    rows = [
        simulate(protocol, one, **settings).row() | {"seed": seed}  # type: ignore[arg-type]
        for protocol in PROTOCOLS
        for seed, one in enumerate(offered)
    ]
    return pd.DataFrame(rows)
