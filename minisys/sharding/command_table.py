"""The table of a node's commands: what each is called, how many words it takes, and where its keys stand.

A cluster client asks for this table (COMMAND) before it sends anything, for it must know which word of a command is the
key. So the table is not only for our own use. Promised: names, arities and key positions as Redis 7 has them, for the
commands that exist here. Not here: the commands (commands.py, cluster_commands.py, handover.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minisys.testbed.resp import Request

if TYPE_CHECKING:
    from minisys.sharding.session import ClientSession

Answer = bytes | asyncio.Future[bytes]
Run = Callable[["ClientSession", Request], Answer]


class Refused(Exception):
    """The command is not carried out; the text is the error that the client gets."""


class InTransit(Exception):
    """The key is on its way to another shard at this moment: ask again when it has arrived."""


@dataclass(frozen=True)
class Command:
    """A command: *arity* counts its name, negative means "at least"; *keys* first, last and step, as Redis has them.

    alone: the client's next commands wait for its answer.
    """

    name: str
    run: Run
    arity: int
    flags: tuple[str, ...]
    keys: tuple[int, int, int]
    alone: bool = False

    def takes(self, words: int) -> bool:
        """Whether so many words are right for it."""
        return words == self.arity if self.arity > 0 else words >= -self.arity

    def keys_of(self, request: Request) -> Sequence[bytes]:
        """The keys of *request*."""
        first, last, step = self.keys
        if not first:
            return ()
        return request[first : last + 1 if last >= 0 else len(request) + 1 + last : step]


COMMANDS: dict[bytes, Command] = {}  # by name in lower case
NOWHERE = (0, 0, 0)


def command(
    name: str, arity: int, flags: str = "readonly fast", keys: tuple[int, int, int] = (1, 1, 1), alone: bool = False
) -> Callable[[Run], Run]:
    """Put the decorated function into the table as *name*."""

    def register(run: Run) -> Run:
        COMMANDS[name.encode()] = Command(name, run, arity, tuple(flags.split()), keys, alone)
        return run

    return register
