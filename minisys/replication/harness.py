"""One load, one recorder and one judge for every replicated store: what did users see when the primary died?

"No data was lost" says the dashboard, because the new primary has never heard of the writes that it lost. So clients
keep their own books: each remembers what it was told was written, and asks for all of it when the dust has settled.

    with postgres.pair("local", lag_s=0.05) as system:
        found = run(system, Load(for_s=2), kill_primary(system, at_s=1))
    found.frame()                                   # acknowledged, lost, RTO, the checker's verdict

Promised: an operation is *failed* only if the store said that it did nothing; a broken connection or a time-out is
*indefinite*, because the write may have happened. Nothing is sent twice. The same run for our store and for products.
Not promised: the same numbers twice, for these are real processes on a real clock; nor a latency benchmark.

Sources: Jepsen's method (jepsen.io); RTO as in ISO 22301, here from the clients' side.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from minisys.replication.check import Undecided, Verdict, linearizable
from minisys.replication.clients import Client, Load, Refused, Store
from minisys.replication.history import History, Operation, joined

__all__ = ["Fault", "Found", "Load", "Refused", "Store", "System", "kill_primary", "pause_primary", "run"]
BACK_WITHIN_S = 30.0  # how long the last reader waits for a store that is away


class System(Protocol):
    """A running store with its replicas. *name* and *mode* are for tables."""

    name: str
    mode: str

    def store(self) -> Store:
        """A new client's way to it, not connected yet."""

    def kill_primary(self) -> None:
        """SIGKILL whoever takes writes now; with a laggy link, what is still on it is gone too."""

    def pause_primary(self) -> None:
        """SIGSTOP whoever takes writes now: its connections stay, it says nothing."""


@dataclass(frozen=True)
class Fault:
    """*do* is called *at_s* seconds after the load began; *name* says what it is."""

    at_s: float
    name: str
    do: Callable[[], object]


def kill_primary(system: System, at_s: float = 1.0) -> Fault:
    """SIGKILL of the primary."""
    return Fault(at_s, "SIGKILL of the primary", system.kill_primary)


def pause_primary(system: System, at_s: float = 1.0) -> Fault:
    """SIGSTOP of the primary: to the others it looks dead, but it is not."""
    return Fault(at_s, "primary paused", system.pause_primary)


@dataclass(frozen=True)
class Found:
    """What the clients of one run saw. *faults*: (name, seconds) as they were played."""

    system: str
    mode: str
    history: History
    lost: tuple[Operation, ...]
    faults: tuple[tuple[str, float], ...]
    verdict: Verdict = field(repr=False)

    @property
    def acknowledged(self) -> int:
        """Writes of keys of their own that were acknowledged: those of which it is known whether they were lost."""
        return sum(_own(o) and o.outcome == "ok" for o in self.history)

    @property
    def rto_s(self) -> float:
        """From the last acknowledged write before the outage to the first after it, in seconds; inf if none came.

        The outage is the longest time without an acknowledged write that ends after the first fault; nan without one.
        """
        if not self.faults:
            return math.nan
        acks = sorted(o.responded_s for o in self.history if o.kind == "write" and o.outcome == "ok")
        gaps = [after - before for before, after in zip(acks, acks[1:], strict=False) if after > self.faults[0][1]]
        return max(gaps, default=math.inf)

    def frame(self) -> pd.DataFrame:
        """One row: who, what happened, writes by outcome, lost writes, RTO, the first anomaly the checker names."""
        outcomes = pd.Series([o.outcome for o in self.history if o.kind == "write"]).value_counts()
        verdict = "linearizable" if self.verdict.holds else self.verdict.anomaly
        fault = ", ".join(name for name, _ in self.faults) or "none"
        return pd.DataFrame([{
            "system": self.system, "mode": self.mode, "fault": fault, "acknowledged": self.acknowledged,
            "lost": len(self.lost), "refused": int(outcomes.get("failed", 0)),
            "indefinite": int(outcomes.get("indefinite", 0)), "rto_s": self.rto_s, "verdict": verdict,
        }])  # fmt: skip

    def rates(self, every_s: float = 0.05) -> pd.DataFrame:
        """For a chart: acknowledged writes a second (`per_s`) in each slice of *every_s* seconds that begins `at_s`."""
        acks = [o.responded_s for o in self.history if o.kind == "write" and o.outcome == "ok"]
        slices = pd.Series([int(at / every_s) for at in acks], dtype=int).value_counts()
        numbers = range(int(max(acks, default=0) / every_s) + 1)
        return pd.DataFrame([{"at_s": n * every_s, "per_s": slices.get(n, 0) / every_s} for n in numbers])


def run(system: System, load: Load | None = None, *faults: Fault) -> Found:
    """Put *load* on *system*, play *faults*, then read everything back and judge.

    Raises TimeoutError if nobody answers BACK_WITHIN_S seconds after the load; whatever a Store raises that is neither
    Refused nor OSError is a bug in it, and comes out here.
    """
    load = load or Load()
    began, recent = time.monotonic(), deque[str](["w0-0"], maxlen=64)
    clients = [Client(system.store(), load, number, began, recent) for number in range(load.clients)]
    try:
        for client in clients:
            client.start()
        played = _play(faults, began, load.for_s, clients)
    finally:
        for client in clients:
            client.stop.set()
        for client in clients:
            client.join()
    if broken := [client.bug for client in clients if client.bug is not None]:
        raise broken[0]
    history = joined([*(client.history for client in clients)])
    held = _read_back(Client(system.store(), load, load.clients, began, recent), history)
    lost = tuple(o for o in history if _own(o) and o.outcome == "ok" and held[o.key].result != o.value)
    history = joined([history, held.values()])
    return Found(system.name, system.mode, history, lost, tuple(played), _judged(history))


def _judged(history: History) -> Verdict:
    """The checker's verdict; a history that it cannot decide on is not called good."""
    try:
        return linearizable(history)
    except Undecided:
        return Verdict(False, anomaly="undecided")


def _own(operation: Operation) -> bool:
    """Whether it writes a key that nobody else writes."""
    return operation.kind == "write" and operation.key[0] == "w"


def _play(faults: Sequence[Fault], began: float, for_s: float, clients: Iterable[Client]) -> list[tuple[str, float]]:
    """Play the faults when they are due, and return at the end of the load."""
    played = []
    for fault in sorted(faults, key=lambda fault: fault.at_s):
        time.sleep(max(0.0, began + fault.at_s - time.monotonic()))
        played.append((fault.name, time.monotonic() - began))
        fault.do()
    time.sleep(max(0.0, began + for_s - time.monotonic()))
    return played


def _read_back(client: Client, history: History) -> dict[str, Operation]:
    """Every key that somebody tried to write, read once by *client* after the load."""
    keys = list(dict.fromkeys(o.key for o in history if o.kind == "write"))
    deadline, held = time.monotonic() + BACK_WITHIN_S, dict[str, Operation]()
    try:
        while keys:
            if client.connect() and (read := client.do("read", keys[-1])).outcome == "ok":
                held[keys.pop()] = read
            elif time.monotonic() > deadline:
                raise TimeoutError(f"nobody answered within {BACK_WITHIN_S:g} s after the load; left: {len(keys)} keys")
            else:
                time.sleep(0.01)
    finally:
        client.store.close()
    return held
