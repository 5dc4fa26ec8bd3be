"""Lab 07, task 4: what a client does with MOVED, ASK and TRYAGAIN, tried at every moment of a slot's journey.

The small cluster of slot_model.py answers the learner's client and counts how often it was asked. Right answers are not
enough: a client that takes ASK for MOVED is right, too, and asks twice for every key that has not left yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_07.slot_model import SLOT, START, Answer, Cluster, journey
from minisys.sharding.mover import Move, steps

Send = Callable[..., Answer]
Call = Callable[[tuple, int, dict[int, str], Send], Any]


MOST = 16  # questions, before a client gives up


class Endless(Exception):
    """The client was stopped: it asked too often."""


class Wire:
    """The `send` that a client gets: it remembers what was sent. *most*: after so many questions it is cut."""

    def __init__(self, cluster: Cluster, most: int = 60) -> None:
        self.cluster, self.most = cluster, most
        self.sent: list[str] = []

    def __call__(self, node: str, words: tuple, asking: bool = False) -> Answer:
        if node not in self.cluster.nodes:
            raise Wrong(f"send({node!r}, …)", expected="one of the nodes a, b, c", look="MOVED and ASK name the node")
        self.sent.append(f"{node}{' asking' if asking else ''}")
        if len(self.sent) > self.most:
            raise Endless
        return self.cluster.ask(node, tuple(words), asking)


def _call(call: Call, cluster: Cluster, words: tuple, table: dict[int, str], look: str) -> tuple[Any, list[str]]:
    """The client's answer and where it asked. Raises Wrong if it went on for ever."""
    wire = Wire(cluster)
    try:
        return call(words, SLOT, table, wire), wire.sent
    except Endless:
        came = f"asked {', '.join(wire.sent[:5])}, … and on"
        raise Wrong(came, given=" ".join(words), expected="an answer, or an error after 16 tries", look=look) from None
    except NotImplementedError:
        raise
    except (RuntimeError, OSError, ValueError) as problem:  # what it may raise if it gives up
        came = f"{problem!r} after asking {', '.join(wire.sent[:5])}{', …' * (len(wire.sent) > 5)}"
        raise Wrong(came, given=" ".join(words), expected="an answer", look=look) from None


def _expect(came: Any, expected: Any, words: tuple, sent: list[str], look: str) -> None:
    if came != expected:
        given = f"{' '.join(words)}, asked {', '.join(sent) or 'nobody'}"
        look = "only the value: ('ok', value) is what `send` gives you" if came == ("ok", expected) else look
        raise Wrong(repr(came), given=given, expected=repr(expected), look=look)


def at_home(call: Call) -> str:
    """The table is right: one question, and the value."""
    for words, expected in ((("GET", "k1"), "1"), (("GET", "none"), None), (("SET", "k1", "9"), "OK")):
        came, sent = _call(call, Cluster(), words, {SLOT: "a"}, "an ('ok', …) ends it")
        _expect(came, expected, words, sent, "return the value of ('ok', value), also if it is None")
        if sent != ["a"]:
            raise Wrong(
                f"asked {', '.join(sent) or 'nobody'}", given=" ".join(words), expected="a, once", look="table[slot]"
            )
    return "one question each"


def moved(call: Call) -> str:
    """After MOVED the answer comes from the new node, and the table knows it."""
    cluster, table = Cluster(), {SLOT: "c"}
    look = "MOVED names the node that has the slot: ask there"
    came, sent = _call(call, cluster, ("GET", "k2"), table, look)
    _expect(came, "2", ("GET", "k2"), sent, look)
    came, sent = _call(call, cluster, ("GET", "k3"), table, look)
    if table != {SLOT: "a"} or sent != ["a"]:
        look = "MOVED is for good: write it into the table, or every question makes the detour"
        raise Wrong(
            f"table {table}, then asked {', '.join(sent)}",
            given="MOVED a, then a second question",
            expected="a at once",
            look=look,
        )
    return "one detour, then none"


def on_the_way() -> Cluster:
    """k1 has left for b, k2 and k3 are still at a."""
    cluster = Cluster()
    cluster.operate("b", ("CLUSTER", "SETSLOT", SLOT, "IMPORTING", "a"))
    cluster.operate("a", ("CLUSTER", "SETSLOT", SLOT, "MIGRATING", "b"))
    cluster.operate("a", ("MIGRATE", "b", "k1"))
    return cluster


def astray() -> Cluster:
    """a still says ASK b, but the slot has gone on from b to c."""
    cluster = on_the_way()
    for name in ("b", "c"):
        cluster.operate(name, ("CLUSTER", "SETSLOT", SLOT, "NODE", "c"))
    cluster.operate("b", ("MIGRATE", "c", "k1"))
    return cluster


def asked(call: Call) -> str:
    """ASK: this once, with asking=True, and the table stays."""
    cluster, table = on_the_way(), {SLOT: "a"}
    look = "b lets you in only with asking=True: for everybody else the slot is still a's"
    came, sent = _call(call, cluster, ("GET", "k1"), table, look)
    _expect(came, "1", ("GET", "k1"), sent, look)
    came, sent = _call(call, cluster, ("GET", "k2"), table, look)
    _expect(came, "2", ("GET", "k2"), sent, "k2 has not left: a has it")
    if table != {SLOT: "a"} or sent != ["a"]:
        look = "ASK is for this question only; the slot is still a's, and so are the keys that have not left"
        raise Wrong(
            f"table {table}, then asked {', '.join(sent)}",
            given="ASK b for k1, then GET k2",
            expected="a at once",
            look=look,
        )
    cluster = astray()
    came, sent = _call(call, cluster, ("GET", "k1"), {SLOT: "a"}, "ASK b, then MOVED c: c has it")
    _expect(came, "1", ("GET", "k1"), sent, "ASK b, then MOVED c: c has it")
    if sent != ["a", "b asking", "c"]:
        look = "asking=True is for the one question after ASK; after MOVED ask as usual"
        raise Wrong(f"asked {', '.join(sent)}", given="ASK b, then MOVED c", expected="a, b asking, c", look=look)
    return "two questions for a key that has left, one for a key that has not"


def later(call: Call) -> str:
    """TRYAGAIN: the same question once more, and it is not an answer."""
    for times in (3, MOST - 1):
        cluster = Cluster()
        cluster.try_again = times
        look = f"ask again: question {times + 1} is answered, and {MOST} may be asked"
        came, sent = _call(call, cluster, ("GET", "k1"), {SLOT: "a"}, look)
        _expect(came, "1", ("GET", "k1"), sent, "TRYAGAIN is no answer: ask the same node again")
    return f"3 times, and {MOST - 1} times"


def errors(call: Call) -> str:
    """An error is raised and not tried again; two nodes that point at one another end after 16 tries at most."""
    for cluster, words, what in (
        (Cluster(), ("FLY", "k1"), "an unknown command"),
        (_quarrel(), ("GET", "k1"), "a says b has it, b says a"),
    ):
        wire = Wire(cluster, MOST)
        try:
            came = call(words, SLOT, {SLOT: "a"}, wire)
        except Endless:
            raise Wrong(
                "more than 16 questions", given=what, expected="an exception", look="count, and give up"
            ) from None
        except (RuntimeError, OSError, ValueError) as problem:
            if what == "an unknown command" and len(wire.sent) > 1:
                raise Wrong(
                    f"asked {len(wire.sent)} times", given=what, expected="asked once", look="an error stays one"
                ) from problem
            continue
        raise Wrong(
            repr(came),
            given=what,
            expected="an exception, such as RuntimeError(text)",
            look="whoever calls must learn of it",
        )
    return "both raised"


def _quarrel() -> Cluster:
    cluster = Cluster()
    cluster.nodes["a"].owner = "b"
    return cluster


def at_every_moment(call: Call) -> str:
    """Before each step of a right move, and after the last: reads and writes that are right."""
    tried = 0
    moments = len(journey(Cluster(), steps(Move(SLOT, "a", "b"), 1), {})) + 1
    for moment in range(moments):
        for words, expected in (
            (("GET", "k1"), "1"),
            (("SET", "new", "5"), "OK"),
            (("DEL", "k3"), 1),
            (("GET", "none"), None),
        ):
            for first in ("a", "c"):
                cluster = Cluster()
                got: list[Any] = []

                def ask(cluster: Cluster = cluster, words: tuple = words, first: str = first, got: list = got) -> None:
                    got.append(
                        _call(call, cluster, words, {SLOT: first}, "follow what the nodes say, one after another")
                    )

                done = journey(cluster, steps(Move(SLOT, "a", "b"), 1), {moment: ask})
                after = f"after {done[moment - 1]}" if moment else "before the move"
                _expect(got[0][0], expected, words, got[0][1], after)
                tried += 1
    assert START
    return f"{tried} questions in {moments} moments"


CLIENT = (
    Check("the table is right: one question", at_home),
    Check("MOVED: ask there, and remember", moved),
    Check("ASK: ask there with asking, this once", asked),
    Check("TRYAGAIN: once more", later),
    Check("errors end it", errors),
    Check("right at every moment of a move", at_every_moment, 20.0, after_others=True),
)
