"""What Raft servers write into their logs and say to each other, as small values that go through JSON unchanged.

Two servers disagree about the past, and all they have is the mail between them. So each letter carries the sender's
term, and enough of the log before the new entries for the reader to see whether both have read the same book.

Promised: `from_dict(to_dict(x)) == x` for every message, entry and snapshot, also after json.dumps and json.loads if
its commands are JSON values; anything else raises ValueError with what was wrong, so that a peer which speaks garbage
is found at the door. Not done: framing, sockets, authentication (live.py).

Source: Ongaro and Ousterhout, In Search of an Understandable Consensus Algorithm, USENIX ATC 2014, figures 2 and 13;
Ongaro's thesis (Stanford 2014), 9.6 for pre-vote, 6.4 for the rounds of read-index.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

COMMAND, NO_OP, MEMBERS = "command", "no-op", "members"  # kinds of entry


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: its place from 1, the term of the leader that wrote it, what kind it is, and the data.

    kind "command": *data* is for the state machine. "no-op": the first entry of a leader. "members": the names of the
    servers from here on.
    """

    index: int
    term: int
    kind: str
    data: Any = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state machine's *data* after the entry *index* of *term*, and who was a member then (figure 12)."""

    index: int
    term: int
    members: tuple[str, ...]
    data: Any = None


@dataclass(frozen=True, slots=True)
class RequestVote:
    """A candidate asks for a vote in *term*; with *pre* it only asks whether it would get one."""

    sender: str
    to: str
    term: int
    last_index: int
    last_term: int
    pre: bool = False


@dataclass(frozen=True, slots=True)
class VoteReply:
    """The answer. A granted pre-vote carries the term that was asked for, every other reply the voter's own."""

    sender: str
    to: str
    term: int
    granted: bool
    pre: bool = False


@dataclass(frozen=True, slots=True)
class AppendEntries:
    """The leader sends the entries after *previous_index*; with none it is a heartbeat.

    commit: the leader's commit index. round: counts the leader's heartbeats; the reply repeats it, which proves that
    it was still the leader after it had sent this one.
    """

    sender: str
    to: str
    term: int
    previous_index: int
    previous_term: int
    entries: tuple[Entry, ...]
    commit: int
    round: int = 0


@dataclass(frozen=True, slots=True)
class AppendReply:
    """To AppendEntries and InstallSnapshot. *match_index*: up to where the follower's log is surely the leader's.

    Without *success* it is the place from which the leader should try again (the end of the paper's 5.3).
    """

    sender: str
    to: str
    term: int
    success: bool
    match_index: int
    round: int = 0


@dataclass(frozen=True, slots=True)
class InstallSnapshot:
    """The leader no longer has the entries that a follower lacks: here is the state instead, whole (figure 13)."""

    sender: str
    to: str
    term: int
    snapshot: Snapshot
    round: int = 0


Message = RequestVote | VoteReply | AppendEntries | AppendReply | InstallSnapshot


# What a server must have on its disk before it says anything that follows from it (figure 2, "persistent state").


@dataclass(frozen=True, slots=True)
class SaveVote:
    """The term and who got this server's vote in it."""

    term: int
    voted_for: str | None


@dataclass(frozen=True, slots=True)
class SaveEntries:
    """New entries at the end of the log."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Truncate:
    """Every entry after *index* goes: a new leader has other ones."""

    index: int


@dataclass(frozen=True, slots=True)
class SaveSnapshot:
    """The snapshot takes the place of all entries up to its index."""

    snapshot: Snapshot


Record = SaveVote | SaveEntries | Truncate | SaveSnapshot

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Entry, Snapshot, RequestVote, VoteReply, AppendEntries, AppendReply, InstallSnapshot,
        SaveVote, SaveEntries, Truncate, SaveSnapshot,
    )
}  # fmt: skip
_PLAIN: dict[str, type | tuple[type, ...]] = {
    "int": int, "str": str, "bool": bool, "str | None": (str, type(None)), "Any": object,
}  # fmt: skip


def to_dict(value: Any) -> dict[str, Any]:
    """A message, record, entry or snapshot as a dict of JSON values, its type under "type"."""
    told: dict[str, Any] = {"type": type(value).__name__}
    for name in value.__slots__:
        part = getattr(value, name)
        if name == "entries":
            part = [to_dict(entry) for entry in part]
        elif name == "snapshot":
            part = to_dict(part)
        elif name == "members":
            part = list(part)
        told[name] = part
    return told


def from_dict(told: Any) -> Any:
    """What `to_dict` was given. Raises ValueError for an unknown type, and a missing, strange or ill-typed field."""
    if not isinstance(told, dict) or not isinstance(told.get("type"), str) or told["type"] not in _KINDS:
        raise ValueError(f"not a Raft message: {str(told)[:80]!r}")
    kind = _KINDS[told["type"]]
    wanted = {field.name: str(field.type) for field in fields(kind)}
    if told.keys() - {"type"} != wanted.keys():
        raise ValueError(f"{kind.__name__} has the fields {', '.join(wanted)}, got {', '.join(map(str, told))[:200]}")
    return kind(**{name: _field(kind.__name__, name, wanted[name], told[name]) for name in wanted})


def _field(kind: str, name: str, wanted: str, part: Any) -> Any:
    if name == "entries" and isinstance(part, list):
        entries = tuple(from_dict(entry) for entry in part)
        if all(isinstance(entry, Entry) for entry in entries):
            return entries
    elif name == "members" and isinstance(part, list) and all(isinstance(member, str) for member in part):
        return tuple(part)
    elif name == "snapshot" and isinstance(snapshot := from_dict(part), Snapshot):
        return snapshot
    elif wanted in _PLAIN and isinstance(part, _PLAIN[wanted]) and (wanted != "int" or not isinstance(part, bool)):
        return part
    raise ValueError(f"{kind}.{name} must be {wanted}, got {str(part)[:80]!r}")
