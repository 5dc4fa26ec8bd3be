"""Moving slots while users read and write: what has to move, and the steps that lose nothing.

A new shard stands empty beside three full ones. Nobody may copy at night: there is no night. So a slot is opened at its
new owner, declared to be leaving at the old one, emptied key by key, and then, with nothing left in it, handed over. In
any other order there is a moment in which a client is told the truth about a key by nobody.

Promised: `steps` can be followed by anything that answers commands, a cluster or a model (the lab does that); what
`move` did not finish, because somebody died, is finished by calling it again. Not promised: that users do not notice.
Each key waits while it is in the air, and the shards do more work: *pause_s* makes room.
Source: Redis cluster specification, "Live reconfiguration"; redis-cli --cluster reshard.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import hiredis

from minisys.sharding.slots import rebalance
from minisys.sharding.topology import Member, Topology
from minisys.testbed.resp_client import RespSocket

Words = tuple[Any, ...]
Step = tuple[str, Words]
"""A shard, and the command for its primary. A shard's name among the words stands for its primary's id."""
Steps = Generator[Step, Any, None]
"""A move, step by step; each is sent the answer to the one before."""

AGAIN_S = 0.1
KEYS_AT_ONCE = 100
LANES = 16  # connections to one primary: Valkey's wait for its replica, and for its disk, after each SETSLOT


@dataclass(frozen=True, slots=True)
class Move:
    """*slot* goes from the shard *source* to the shard *target*."""

    slot: int
    source: str
    target: str


class MoveFailed(RuntimeError):
    """A shard said no, or did not answer for too long; the message says which. Calling `move` again goes on."""


def plan(topology: Topology, shards: Sequence[str]) -> list[Move]:
    """The fewest moves after which *shards* share all slots evenly; shards that are not named are emptied.

    Raises ValueError if shards is empty, KeyError if one does not exist.
    """
    for name in shards:
        topology.shard(name)
    new = rebalance(topology.owners, shards)
    return [Move(slot, topology.owners[slot], name) for slot, name in sorted(new.items())]


def emptying(topology: Topology, shard: str) -> list[Move]:
    """The moves after which *shard* owns nothing and the others share its slots."""
    return plan(topology, [each.name for each in topology.shards if each.name != shard])


def steps(move: Move, most: int = KEYS_AT_ONCE) -> Steps:
    """The commands that hand one slot over, one by one; each is sent the answer to the one before.

    *most*: how many keys go at once; while they do, who asks for them waits.
    """
    slot, source, target = move.slot, move.source, move.target
    yield target, ("CLUSTER", "SETSLOT", slot, "IMPORTING", source)  # first the door at the new place, then
    yield source, ("CLUSTER", "SETSLOT", slot, "MIGRATING", target)  # the sign at the old one that points to it
    while keys := (yield source, ("CLUSTER", "GETKEYSINSLOT", slot, most)):
        yield source, ("MIGRATE", target, *keys)
    yield target, ("CLUSTER", "SETSLOT", slot, "NODE", target)
    yield source, ("CLUSTER", "SETSLOT", slot, "NODE", target)


def move(
    topology: Callable[[], Topology],
    moves: Iterable[Move],
    *,
    at_once: int = 64,
    pause_s: float = 0.0,
    patience_s: float = 15.0,
    told: Callable[[int], object] = lambda done: None,
    steps: Callable[[Move], Steps] = steps,
) -> int:
    """Carry out *moves* on a running cluster, ours or Valkey; how many slots that were.

    topology: gives the present one. at_once: slots that move side by side; pause_s: seconds of rest after each such
    group; patience_s: how long a step is tried again while nobody answers; told: called with how many slots are done;
    steps: how one slot moves.
    Raises MoveFailed. Moves whose slot has arrived already are left out.
    """
    owners, done = topology().owners, 0
    left = [each for each in moves if owners[each.slot] != each.target]
    with _Hands(topology, patience_s) as hands:
        for first in range(0, len(left), at_once):
            group = left[first : first + at_once]
            _together([steps(each) for each in group], hands)
            done += len(group)
            told(done)
            time.sleep(pause_s)
    return done


def _together(running: Sequence[Steps], hands: _Hands) -> None:
    """Follow several slots' steps side by side: the next step of each goes out before any answer is waited for."""
    waiting = [(each, next(each)) for each in running]
    while waiting:
        answers = hands.carry_out([step for _, step in waiting])
        following = []
        for (each, _), answer in zip(waiting, answers, strict=True):
            try:
                following.append((each, each.send(answer)))
            except StopIteration:
                pass
        waiting = following


class _Hands:
    """Connections to the primaries, as they are now."""

    def __init__(self, topology: Callable[[], Topology], patience_s: float) -> None:
        self.topology, self.patience_s = topology, patience_s
        self.known = topology()
        self.sockets: dict[int, list[RespSocket]] = {}

    def __enter__(self) -> _Hands:
        return self

    def __exit__(self, *_: object) -> None:
        for sockets in self.sockets.values():
            for each in sockets:
                each.close()

    def carry_out(self, wanted: Sequence[Step]) -> list[Any]:
        """The answers to *wanted*, each step tried until it succeeds. Raises MoveFailed."""
        answers: dict[int, Any] = {}
        end_s, said = time.monotonic() + self.patience_s, ""
        while missing := [number for number in range(len(wanted)) if number not in answers]:
            if time.monotonic() > end_s:
                raise MoveFailed(f"{wanted[missing[0]]} failed for {self.patience_s:g} s: {said}")
            for shard in sorted({wanted[number][0] for number in missing}):
                those = [number for number in missing if wanted[number][0] == shard]
                try:
                    replies = self._ask(shard, [self._translated(wanted[number][1]) for number in those])
                except (OSError, LookupError) as problem:
                    said = f"shard {shard}: {problem!r}"
                    continue
                for number, reply in zip(those, replies, strict=True):
                    if not isinstance(reply, hiredis.ReplyError) or _has_happened(wanted[number][1], str(reply)):
                        answers[number] = reply
                    else:
                        said = f"shard {shard}: {reply}"
            if len(answers) < len(wanted):
                time.sleep(AGAIN_S)
                self._look_again()
        return [answers[number] for number in range(len(wanted))]

    def _leader(self, shard: str) -> Member:
        leader = self.known.leader(shard)
        if leader is None:
            raise LookupError(f"nobody leads shard {shard!r}")
        return leader

    def _translated(self, words: Words) -> Words:
        """*words* with addresses and ids instead of shards' names."""
        if words[0] == "MIGRATE":
            return ("MIGRATE", "127.0.0.1", self._leader(words[1]).port, "", 0, 5000, "REPLACE", "KEYS", *words[2:])
        if words[1] == "SETSLOT":
            return (*words[:-1], self._leader(words[-1]).node)
        return words

    def _ask(self, shard: str, commands: Sequence[Words]) -> list[Any]:
        """The answers of the shard's primary. Raises OSError, after which the connections are new ones."""
        port, lanes = self._leader(shard).port, min(LANES, len(commands))
        try:
            while len(sockets := self.sockets.setdefault(port, [])) < lanes:
                sockets.append(RespSocket(port))
            for lane in range(lanes):
                sockets[lane].send(commands[lane::lanes])
            answers: list[Any] = [None] * len(commands)
            for lane in range(lanes):
                answers[lane::lanes] = sockets[lane].replies(len(commands[lane::lanes]))
            return answers
        except OSError:
            for broken in self.sockets.pop(port, []):
                broken.close()
            raise

    def _look_again(self) -> None:
        try:
            self.known = self.topology()
        except (OSError, hiredis.HiredisError):
            pass  # the next round will try again


def _has_happened(words: Words, said: str) -> bool:
    """Whether an error says that this step of an interrupted move was done before."""
    return words[1:2] == ("SETSLOT",) and words[3] == "IMPORTING" and "already the owner" in said
