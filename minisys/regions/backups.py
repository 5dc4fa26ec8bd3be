"""Which files bring last Tuesday, 14:59 back? Chains of backups, what breaks them, and which copies a mistake spares.

At 15:00 somebody ran a DELETE without a WHERE. The replica obeyed within milliseconds. What helps is history: a full
backup, the changes since, and the log up to just before. A chain is as good as its weakest file, and nobody knows a
file's state who has not read it back.

Promised: pure values; `plan` finds the files for any moment or says from when to when something is missing; `clean`
says which copies a mistake has not reached. Not here: writing and reading real files (drill.py).

Source: PostgreSQL documentation, "Continuous archiving and point-in-time recovery"; NIST SP 800-209, 2020 (storage).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

KINDS = ("full", "incremental", "log")


@dataclass(frozen=True)
class Piece:
    """A file of a backup: it brings the data from the state of *from_s* to that of *to_s* (seconds).

    kind: "full" starts from nothing (from_s is not read), "incremental" from the backup that ended at from_s, a "log"
    can be stopped at any moment within. verified: somebody has read it back. Raises ValueError if it ends before it
    begins.
    """

    kind: str
    from_s: float
    to_s: float
    size_gb: float = 0.0
    readable: bool = True
    verified: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS or (self.kind != "full" and self.from_s >= self.to_s) or self.size_gb < 0:
            raise ValueError(f"a piece is one of {', '.join(KINDS)}, ends after it begins, size 0 or more; got {self}")


class Unrestorable(ValueError):
    """No files lead to that moment; *reachable_s* is the latest moment before it that they do lead to."""

    def __init__(self, message: str, reachable_s: float) -> None:
        super().__init__(message)
        self.reachable_s = reachable_s


def plan(pieces: Iterable[Piece], at_s: float) -> list[Piece]:
    """The files to restore, in order, for the state of second *at_s*; log is used for the last stretch only.

    Of all ways the one with the least log, because replay is slow, then with the fewest files. Unreadable pieces are
    passed over. Raises Unrestorable, with the latest moment that can be had instead.
    """
    usable = sorted((one for one in pieces if one.readable), key=lambda one: (one.to_s, one.kind))
    ways = _snapshots(usable, at_s)
    logs = [one for one in usable if one.kind == "log"]
    best: list[Piece] | None = None
    reachable = -math.inf
    for state_s in sorted(ways, reverse=True):
        replay, until_s = _replay(logs, state_s, at_s)
        reachable = max(reachable, until_s)
        if until_s >= at_s:
            best = ways[state_s] + replay
            break
    if best is None:
        known = f"the latest that can be had is second {reachable:g}" if reachable > -math.inf else "no full backup"
        raise Unrestorable(f"nothing leads to second {at_s:g}: {known}", reachable)
    return best


def _snapshots(usable: Sequence[Piece], at_s: float) -> dict[float, list[Piece]]:
    """For each state up to *at_s* that backups alone give: the shortest chain that gives it."""
    ways: dict[float, list[Piece]] = {}
    for one in usable:  # in order of their ends, so what an increment builds on is known
        if one.to_s > at_s or one.kind == "log":
            continue
        base = [] if one.kind == "full" else ways.get(one.from_s)
        if base is not None and (one.to_s not in ways or len(base) + 1 < len(ways[one.to_s])):
            ways[one.to_s] = [*base, one]
    return ways


def _replay(logs: Sequence[Piece], from_s: float, at_s: float) -> tuple[list[Piece], float]:
    """The logs that lead from *from_s* as far as they go without a gap, at most to *at_s*; and how far that is."""
    used, now = [], from_s
    while now < at_s:
        further = [one for one in logs if one.from_s <= now < one.to_s]
        if not further:
            break
        used.append(max(further, key=lambda one: one.to_s))
        now = used[-1].to_s
    return used, min(now, at_s)


def schedule(
    days: int, *, full_every: int = 7, full_gb: float = 500.0, increment_gb: float = 40.0, log_every_s: float = 300.0
) -> list[Piece]:
    """The pieces of so many *days*: a full backup every *full_every* days, increments between, log all the time.

    *log_every_s*: after so many seconds a file of log is closed and archived. Raises ValueError for numbers below 1.
    """
    if days < 1 or full_every < 1 or not log_every_s > 0:
        raise ValueError(f"need days and full_every of 1 or more and log_every_s > 0, got {days}, {full_every}")
    made = []
    for day in range(days):
        end = day * 86_400.0
        full = day % full_every == 0
        made.append(
            Piece("full", 0.0, end, full_gb) if full else Piece("incremental", end - 86_400.0, end, increment_gb)
        )
    count = int(days * 86_400 // log_every_s)
    size = increment_gb * log_every_s / 86_400
    return made + [Piece("log", i * log_every_s, (i + 1) * log_every_s, size) for i in range(count)]


def kept(ends_s: Sequence[float], now_s: float, *, daily: int = 7, weekly: int = 4, monthly: int = 12) -> list[float]:
    """Of full backups that ended at *ends_s*, those to keep: the newest of each of the last days, weeks, 30 days.

    Grandfather, father, son. The newest is always kept. Raises ValueError for a negative count.
    """
    if min(daily, weekly, monthly) < 0:
        raise ValueError(f"counts are 0 or more, got {daily}, {weekly}, {monthly}")
    chosen = {max(ends_s)} if ends_s else set()
    for length_s, count in ((86_400.0, daily), (7 * 86_400.0, weekly), (30 * 86_400.0, monthly)):
        newest: dict[int, float] = {}
        for end in ends_s:
            age = int((now_s - end) // length_s)
            if 0 <= age < count:
                newest[age] = max(end, newest.get(age, -math.inf))
        chosen |= set(newest.values())
    return sorted(chosen)


@dataclass(frozen=True)
class Copy:
    """A second copy of the data: how far back it can go, what reaches it, and how.

    delay_s: it applies changes so many seconds late (a replica: about 0). history_s: how far back it can be taken
    (a replica: 0). locked: nobody with the shop's own rights can delete or overwrite it. apart: it stands in another
    region.
    """

    name: str
    delay_s: float = 0.0
    history_s: float = 0.0
    locked: bool = False
    apart: bool = True


COPIES = (
    Copy("replica in another zone", 0.01, apart=False),
    Copy("replica in another region", 1.0),
    Copy("replica delayed by an hour", 3600.0),
    Copy("backups, 30 days, same account", 300.0, 30 * 86_400.0),
    Copy("backups, 30 days, locked", 300.0, 30 * 86_400.0, locked=True),
)
THREATS = ("region lost", "operator error", "ransomware")


def clean(copy: Copy, threat: str, unseen_s: float = 0.0) -> bool:
    """Whether *copy* still has the data as it was just before *threat*, which was noticed *unseen_s* seconds later.

    A lost region takes what stands in it. A mistake is copied like any write: only delay or history longer than it
    went unseen helps. An attacker with the shop's rights also deletes history that is not locked, and does not wait.
    Raises ValueError for an unknown threat.
    """
    if threat not in THREATS:
        raise ValueError(f"threat must be one of {', '.join(THREATS)}, got {threat!r}")
    if threat == "region lost":
        return copy.apart
    if threat == "ransomware" and not copy.locked:
        return False
    return unseen_s < max(copy.delay_s, copy.history_s)
