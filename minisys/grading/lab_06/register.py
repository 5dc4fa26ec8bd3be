"""Lab 06, task 3: a read of a quorum register that makes the register linearizable, judged on unseen schedules.

R + W > N, and yet one reader sees the new value and the next, a moment later, the old one. The learner writes `read`;
writes are as in the chapter. Clients on the seeded network read and write with it, some over slow cables;
the checker judges what clients were told. Any read that keeps the promise is right, however it does it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from inspect import isgenerator
from random import Random
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_06.words import once_valid, told
from minisys.replication import quorum_model
from minisys.replication.check import linearizable
from minisys.replication.history import History
from minisys.replication.network import Link, Network
from minisys.replication.policies import Quorum, Stamp
from minisys.replication.quorum_register import Ask, Register
from minisys.testbed.laws import Exponential

Read = Callable[[Quorum, str], Generator[Ask, Any, Any]]
THREE, FIVE = Quorum(3, 2, 2), Quorum(5, 2, 4)
NEAR, MIDDLE, FAR = Link(Exponential(0.004), loss=0.01), Link(Exponential(0.03)), Link(Exponential(0.15))
UNSEEN, CLIENTS = range(300, 340), 5
LOOK = (
    "before a read may return a value, how many copies must have it? Otherwise the next reader meets only the others, "
    "or somebody's newer value is gone"
)
AGREED = ". If two agreed: how many others need not know?"


@dataclass(frozen=True)
class Theirs(Register):
    """The chapter's register with the learner's read."""

    how: Read = field(default=lambda quorum, key: iter(()))  # type: ignore[assignment]

    def read(self, key: str) -> Any:
        steps = self.how(self.quorum, key)
        if not isgenerator(steps):
            raise Wrong(repr(steps), expected="a generator: `answers = yield Ask(…)`, and at the end `return value`")
        return steps


def returns_the_newest(read: Read) -> str:
    """Two answers by hand: the newer value comes out, whatever is asked in between."""
    old, new = ("a", Stamp(1, "p"), "old"), ("b", Stamp(2, "p"), "new")
    for answers in ([old, new], [new, old]):
        steps, asked, result = Theirs(THREE, how=read).read("x"), 0, None
        try:
            ask = next(steps)
            while asked < 10:
                if not isinstance(ask, Ask):
                    raise Wrong(
                        f"yield {ask!r}", expected="yield Ask(Get(key), …) or yield Ask(Put(key, stamp, value), …)"
                    )
                asked += 1
                ask = steps.send(answers)
        except StopIteration as end:
            result = end.value
        if result != "new":
            given = f"answers {answers}"
            look = "the newest stamp wins, not the order; is there a `return value` at the end?"
            if isinstance(result, tuple):
                look = "return the value, not the triple"
            raise Wrong(f"{result!r} after {_times(asked)}", given=given, expected="'new'", look=look)
    return f"the newest of two answers, after {_times(asked)}"


def _times(asked: int) -> str:
    return "1 question" if asked == 1 else f"{asked} questions"


def play(read: Read, quorum: Quorum, seed: int, *, down: bool = False) -> History:
    """Five clients, two seconds, one key, cables quick and slow by turns; or, with *down*, only copy a is cut off."""
    rng = Random(f"{seed}/cables")
    events = [(0.0, _cut_off)] if down else [(0.1 * i, partial(_cables, rng, quorum)) for i in range(20)]
    return quorum_model.run(
        Theirs(quorum, how=read), seed=seed, duration_s=2.0, clients=CLIENTS, link=NEAR, events=events
    ).history


def _cut_off(network: Network) -> None:
    network.partition(["a"], [f"client {n}" for n in range(CLIENTS)])


def _cables(rng: Random, quorum: Quorum, network: Network) -> None:
    """For the next moment each client is near some copies and far from others."""
    for n in range(CLIENTS):
        for node in quorum_model.NODES[: quorum.n]:
            network.links[f"client {n}", node] = rng.choice((NEAR, MIDDLE, FAR))


def linearizable_on_unseen_schedules(read: Read) -> str:
    """Forty schedules each for three and five copies."""
    operations = 0
    for quorum in (THREE, FIVE):
        asked = answered = 0
        for seed in UNSEEN:
            history = play(read, quorum, seed)
            verdict = linearizable(history)
            if not verdict.holds:
                given = f"N = {quorum.n}, R = {quorum.r}, W = {quorum.w}, schedule {seed}"
                came_out = f"{verdict.anomaly}: {told(verdict.operations, '; ')}"
                look = LOOK + (AGREED if quorum is FIVE else "")
                raise Wrong(came_out, given=given, expected="a linearizable history", look=look)
            operations += len(history.ok())
            outcomes = [operation.outcome for operation in history if operation.kind == "read"]
            asked, answered = asked + len(outcomes), answered + outcomes.count("ok")
        if answered < 0.8 * asked:
            look = "who is told nothing is told nothing wrong: does each read come to its `return`?"
            raise Wrong(f"{answered} of {asked} reads answered", expected="at least eight of ten", look=look)
    return f"{operations:,} operations in {2 * len(UNSEEN)} schedules, all linearizable"


def answers_with_a_copy_down(read: Read) -> str:
    """One of three copies is cut off: reads and writes still succeed, and take two rounds at most."""
    history = play(read, THREE, 400, down=True)
    reads = [operation for operation in history if operation.kind == "read"]
    done = [operation for operation in reads if operation.outcome == "ok"]
    if len(done) < 0.9 * len(reads) or len(done) < 10:
        look = "who waits for all copies stops with the first that dies; how many answers does a read need?"
        given = "one copy of three is cut off, and one message in a hundred is lost"
        raise Wrong(f"{len(done)} of {len(reads)} reads", given=given, expected="at least nine of ten", look=look)
    return f"{len(done)} of {len(reads)} reads answered; the others lost a message or were open at the end"


REGISTER = (
    Check("the newest value is returned", returns_the_newest, 5.0),
    Check(
        "linearizable on schedules nobody has seen",
        once_valid(returns_the_newest, linearizable_on_unseen_schedules),
        90.0,
    ),
    Check("answers while one copy of three is down", once_valid(returns_the_newest, answers_with_a_copy_down), 30.0),
)
