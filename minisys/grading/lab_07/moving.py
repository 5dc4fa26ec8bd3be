"""Lab 07, task 5: a slot mover, tried with users at every moment of the journey, and then on a real cluster.

The learner's steps run on the small cluster of slot_model.py. Between any two of them users come, one or two, who read,
overwrite, create and delete; afterwards everything they were told must be true. Then the same steps move slots of the
live store, under load, with the official client.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from itertools import combinations_with_replacement, product
from typing import Any

from minisys.grading.checks import Check, NotRun, Wrong
from minisys.grading.lab_07.slot_model import SLOT, START, Astray, Cluster, Refused, Steps, journey, user

Mover = Callable[[int, str, str], Steps]
QUESTIONS = (
    ("GET", "k1"),
    ("GET", "k3"),
    ("SET", "k1", "new"),
    ("SET", "k3", "new"),
    ("SET", "k4", "new"),
    ("DEL", "k2"),
)
MOST_STEPS = 40
LOOPS = {
    "ASK": "a pointed to b before b let anybody in: IMPORTING at the target comes first, then MIGRATING at the source",
    "MOVED": "a says b, b says a: the new owner hears SETSLOT NODE first, then the old one",
}
LOST = "keys were left behind: ask GETKEYSINSLOT and MIGRATE again until the answer is empty, before any SETSLOT NODE"

SIGN = (
    "a still serves as if it kept the slot: a key that has left is answered with None, and a new one stays; "
    "send it MIGRATING before the first MIGRATE"
)


def run(mover: Mover, meanwhile: dict[int, Callable[[], None]], cluster: Cluster, stop: int | None = None) -> list[str]:
    """The learner's steps on *cluster*. Raises Wrong if they are no steps, go on for ever, or are refused."""
    started: Any = mover(SLOT, "a", "b")
    if not inspect.isgenerator(started):
        look = "write `yield shard, words` for each command; `keys = yield …` gives you its answer"
        raise Wrong(repr(started)[:80], given="steps(7, 'a', 'b')", expected="a generator", look=look)
    try:
        return journey(cluster, _checked(started), meanwhile, stop)
    except Refused as problem:
        look = "which node may be told this, and when?"
        if "still hold keys" in str(problem):
            look = LOST if cluster.signed or not meanwhile else SIGN
        raise Wrong(
            f"refused: {problem}", given="your steps, one after another", expected="no refusal", look=look
        ) from None


def _checked(steps: Any) -> Steps:
    """The same steps; raises Wrong for one that is none, and for the one after MOST_STEPS."""
    answer: Any = None
    for _ in range(MOST_STEPS):
        try:
            step = steps.send(answer)
        except StopIteration:
            return
        if not (isinstance(step, tuple) and len(step) == 2 and isinstance(step[1], tuple | list) and step[1]):
            look = (
                "yield a shard and a tuple of words: `yield target, ('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source)`"
            )
            raise Wrong(repr(step)[:80], given="a yield", expected="(shard, words)", look=look)
        answer = yield step[0], tuple(step[1])
    raise Wrong(
        f"more than {MOST_STEPS} steps for three keys",
        expected="an end",
        look="does your loop stop when no keys are left?",
    )


def told(mover: Mover, moments: tuple[int, ...], questions: tuple[tuple, ...], stop: int | None = None) -> None:
    """Users with *questions* at *moments*; raises Wrong if any is told, or finds, something else than the truth."""
    cluster, truth = Cluster(), dict(START)
    happened: list[str] = []

    def ask(words: tuple) -> None:
        happened.append(" ".join(words))
        expected = _applied(truth, words)
        came = _answer(cluster, words, happened)
        if came != expected:
            raise _wrong(came, expected, words, happened, cluster)

    meanwhile: dict[int, Callable[[], None]] = {}
    for moment, words in zip(moments, questions, strict=True):
        before = meanwhile.get(moment)
        meanwhile[moment] = partial(_both, before, partial(ask, words))
    done = run(mover, meanwhile, cluster, stop)
    if stop is not None:
        happened.append(f"your program died after {done[-1] if done else 'nothing'} and was started again")
        run(mover, {}, cluster)
    for key, first in product([*START, "k4"], "abc"):
        came = _answer(cluster, ("GET", key), happened, first)
        if came != truth.get(key):
            raise _wrong(came, truth.get(key), ("GET", key), [*happened, "the move was over"], cluster)


def _both(before: Callable[[], None] | None, then: Callable[[], None]) -> None:
    if before is not None:
        before()
    then()


def _applied(truth: dict[str, str], words: tuple) -> Any:
    """What *words* must be answered; *truth* afterwards."""
    name, key, *value = words
    if name == "GET":
        return truth.get(key)
    if name == "DEL":
        return int(truth.pop(key, None) is not None)
    truth[key] = value[0]
    return "OK"


def _answer(cluster: Cluster, words: tuple, happened: list[str], first: str = "a") -> Any:
    try:
        return user(cluster, words, first)
    except Astray as trail:
        look = LOOPS["ASK" if "ASK" in str(trail) else "MOVED"]
        given = f"a user: {'; '.join(happened)}" + (
            "" if happened and happened[-1] == " ".join(words) else f"; {' '.join(words)}"
        )
        raise Wrong(f"sent round in circles: {trail}", given=given, expected="an answer", look=look) from None


def _wrong(came: Any, expected: Any, words: tuple, happened: list[str], cluster: Cluster) -> Wrong:
    look = LOST if cluster.signed or cluster.nodes["b"].owner == "b" else SIGN
    if came is not None and came != 0:
        look = "a write was lost between two of your steps: copying by hand leaves a gap, MIGRATE does not"
    elif expected == "new":
        look = f"a new value went where nobody looks any more; {look}"
    return Wrong(
        repr(came), given=f"a user: {'; '.join(happened)}; then {' '.join(words)}", expected=repr(expected), look=look
    )


def quiet(mover: Mover) -> str:
    """Without users: b owns the slot and all keys, a knows it, and nothing is on the way any more."""
    cluster = Cluster()
    done = run(mover, {}, cluster)
    a, b = cluster.nodes["a"], cluster.nodes["b"]
    if b.keys != START:
        raise Wrong(f"b holds {b.keys}", given=f"{len(done)} steps", expected=str(START), look=LOST)
    if b.owner != "b":
        raise Wrong(
            f"b takes {b.owner} for the owner", expected="b", look="SETSLOT NODE at the target hands the slot over"
        )
    if a.owner != "b" or a.migrating:
        look = "SETSLOT NODE at the source, too: until then it says ASK, and every client makes the detour for ever"
        raise Wrong(f"a takes {a.owner} for the owner", expected="b", look=look)
    if b.importing:
        raise Wrong("b still says IMPORTING", expected="SETSLOT NODE ends that")
    return f"{len(done)} steps"


def moments_of(mover: Mover) -> range:
    """Before each step, and after the last."""
    return range(len(run(mover, {}, Cluster())) + 1)


def one_user(names: str, mover: Mover) -> str:
    """A user at every moment, with each question of the kinds *names*."""
    asked = [words for words in QUESTIONS if words[0] in names]
    for moment, words in product(moments_of(mover), asked):
        told(mover, (moment,), (words,))
    return f"{len(moments_of(mover)) * len(asked)} journeys"


def two_users(mover: Mover) -> str:
    """Two questions at any two moments."""
    tried = 0
    for pair in _pairs(mover):
        told(mover, *pair)
        tried += 1
    return f"{tried:,} journeys"


def _pairs(mover: Mover) -> Iterator[tuple[tuple[int, ...], tuple[tuple, ...]]]:
    for moments in combinations_with_replacement(moments_of(mover), 2):
        for questions in product(QUESTIONS, repeat=2):
            yield moments, questions


def started_again(mover: Mover) -> str:
    """The operator's program dies after any step before the hand-over and is started anew, users in between."""
    last = _hand_over(mover)
    for stop, words in product(range(last), QUESTIONS):
        told(mover, (stop,), (words,), stop)
    return f"{last * len(QUESTIONS)} journeys"


def _hand_over(mover: Mover) -> int:
    """How many steps come before the target owns the slot: from then on there is nothing left to start again."""
    cluster = Cluster()
    owners: list[str] = []
    count = len(moments_of(mover))
    run(mover, {moment: lambda: owners.append(cluster.nodes["b"].owner) for moment in range(count)}, cluster)
    return owners.index("b") if "b" in owners else count


def live(mover: Mover) -> str:
    """Four hundred slots of the live store, under load, by the official client: nothing lost, no error."""
    if find_spec("redis") is None:
        raise NotRun("the official client is not installed: make lab installs it (redis-py)")
    from minisys.replication.harness import Load
    from minisys.sharding import experiments
    from minisys.sharding.live import cluster

    with cluster(shards=2) as running:
        how = lambda move: mover(move.slot, move.source, move.target)  # noqa: E731
        seen = experiments.reshard_live(running, "a", most=400, load=Load(for_s=1.5, clients=3), steps=how)
    if seen.lost or seen.errors:
        raise Wrong(
            f"{seen.lost} writes lost, {seen.errors} errors", given="400 slots move under load", expected="none"
        )
    return "400 slots moved under load: 0 acknowledged writes lost, 0 errors"


MOVER = (
    Check("the slot arrives, with all its keys", quiet),
    Check("a reader at every moment", partial(one_user, "GET")),
    Check("a writer at every moment", partial(one_user, "SET DEL")),
    Check("two users at any two moments", two_users, 30.0, after_others=True),
    Check("your program dies at any moment and is started again", started_again, 20.0, after_others=True),
    Check("live: slots of a real store move under load", live, 60.0, after_others=True),
)
