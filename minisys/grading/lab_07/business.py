"""Lab 07, task 6: shard keys for three businesses, judged on a day's traffic that the learner has not seen.

Each row goes to the shard that the hash of its key names. A question can be sent to one shard if the key can be worked
out from what the question knows; else all 16 are asked. What is written together must lie together. And no shard may do
much more than its part. Nothing compares keys with a list: any function that the traffic likes is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from random import Random
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.sharding.policies import hash64

Row = dict[str, Any]
Key = Callable[[Row], Hashable]
SHARDS, ROWS, SEEDS = 16, 6_000, 3
BUSIEST = 0.20  # of all writes on one of 16 shards


@dataclass(frozen=True)
class Traffic:
    """A day of one business: its *rows*, which of them are written *together*, and the *questions* that are asked.

    hours: the hour of a row.
    """

    rows: Sequence[Row]
    together: Sequence[Sequence[Row]]
    questions: Sequence[Row]
    hours: Callable[[Row], int] = lambda row: 0


def _uneven(draw: Random, count: int, largest: float) -> Callable[[], int]:
    """A draw of 0 … count - 1 in which one, nobody knows which, has the share *largest*; the others share the rest."""
    giant = draw.randrange(count)
    return lambda: giant if draw.random() < largest else draw.randrange(count)


@lru_cache(maxsize=8)
def orders_day(seed: int) -> Traffic:
    """A marketplace: orders of 1 to 4 lines; customers look at all of theirs. One merchant sells 35 % of everything."""
    draw = Random(f"lab 07 orders {seed}")
    merchant, together = _uneven(draw, 40, 0.35), []
    for number in range(ROWS // 3):
        order = {
            "order": 10_000 * seed + number,
            "customer": draw.randrange(1500),
            "merchant": merchant(),
            "hour": number * 24 // (ROWS // 3),
        }
        together.append([order | {"line": line, "article": draw.randrange(9000)} for line in range(draw.randint(1, 4))])
    rows = [row for each in together for row in each]
    questions = [{"customer": row["customer"]} for row in draw.sample(rows, 400)]
    return Traffic(rows, together, questions, lambda row: int(row["hour"]))


@lru_cache(maxsize=8)
def documents_day(seed: int) -> Traffic:
    """Office software: one tenant writes 40 % of all; projects are numbered anew in each tenant, 1 is the largest.

    A document and the entry in its project's index are written together; users list the documents of a project.
    """
    draw = Random(f"lab 07 documents {seed}")
    tenant, together = _uneven(draw, 60, 0.40), []
    for number in range(ROWS // 2):
        of = tenant()
        project = 1 if draw.random() < 0.25 and of % 7 else draw.randint(1, 40)
        row = {"tenant": of, "project": project, "user": draw.randrange(5000), "hour": number * 24 // (ROWS // 2)}
        document = f"{seed}-{number}"
        together.append([row | {"document": document}, row | {"document": f"index-{draw.randrange(3)}"}])
    rows = [row for each in together for row in each]
    questions = [{"tenant": row["tenant"], "project": row["project"]} for row in draw.sample(rows, 400)]
    return Traffic(rows, together, questions, lambda row: int(row["hour"]))


@lru_cache(maxsize=8)
def likes_day(seed: int) -> Traffic:
    """Likes of videos: one video, nobody knows which, gets 40 % of them, most in one hour. Each is a row of its own."""
    draw = Random(f"lab 07 likes {seed}")
    star, rows = draw.randrange(3000), []
    for number in range(ROWS):
        video = star if draw.random() < 0.40 else draw.randrange(3000)
        rows.append({"video": video, "viewer": draw.randrange(10**6), "second": number * 86_400 // ROWS})
    return Traffic(
        rows,
        [],
        [{"video": star}, *({"video": draw.choice(rows)["video"]} for _ in range(50))],
        lambda row: row["second"] // 3600,
    )


def shard_of(key: Hashable) -> int:
    """The shard, 0 … 15, that *key* belongs to."""
    return hash64(repr(key)) % SHARDS


def key_of(place: Key, row: Row) -> Hashable:
    """The learner's key of *row*. Raises Wrong if it is none."""
    key = place(dict(row))
    if key is None:
        raise Wrong("None", given=str(row), expected="a text, a number or a tuple", look="is there a `return`?")
    if type(key).__repr__ is object.__repr__ or isinstance(key, float | list | dict | set):
        raise Wrong(repr(key)[:60], given=str(row), expected="a text, a whole number or a tuple of them")
    return key


def lies_together(name: str, day: Callable[[int], Traffic], place: Key) -> str:
    """What is written in one transaction is on one shard, because it has one key."""
    for seed in range(SEEDS):
        for rows in day(seed).together:
            keys = {key_of(place, row) for row in rows}
            if len(keys) > 1:
                differ = [field for field in rows[0] if rows[0][field] != rows[1][field]]
                look = f"rows of one transaction differ in {', '.join(differ)}: leave that out of the key"
                raise Wrong(f"{len(keys)} keys for one {name}", given=str(rows[:2]), expected="one key", look=look)
    return f"one shard for each {name}"


def one_shard(day: Callable[[int], Traffic], place: Key) -> str:
    """The key can be worked out from what a question knows."""
    for question in day(0).questions:
        try:
            key_of(place, question)
        except KeyError as missing:
            given = ", ".join(f"{name} {value}" for name, value in question.items())
            look = f"a question knows {' and '.join(question)} only; without {missing} it must be sent to every shard"
            raise Wrong(
                f"{SHARDS} shards asked", given=f"who asks for {given}", expected="one shard", look=look
            ) from None
    return "one shard for each question"


def balanced(day: Callable[[int], Traffic], place: Key) -> str:
    """No shard does more than BUSIEST of the day's writes, nor more than twice that of an hour's."""
    worst = 0.0
    for seed in range(10, 10 + SEEDS):
        traffic = day(seed)
        shards = [shard_of(key_of(place, row)) for row in traffic.rows]
        worst = max(worst, _busiest(shards))
        if _busiest(shards) > BUSIEST:
            look = "one value of your key carries too much"
            if _share(place, traffic.rows)[1] <= BUSIEST:
                look = "two heavy keys met on one shard, as they may: more and smaller parts"
            raise Wrong(
                f"one shard does {_busiest(shards):.0%} of the writes", given=_share(place, traffic.rows)[0],
                expected=f"at most {BUSIEST:.0%} on one of {SHARDS}", look=look,
            )  # fmt: skip
        for hour in range(0, 24, 6):
            now = [shard for shard, row in zip(shards, traffic.rows, strict=True) if traffic.hours(row) == hour]
            if _busiest(now) > 2 * BUSIEST:
                look = "a key made of time sends everybody who writes now to one shard, and the other fifteen rest"
                came, given = f"one shard does {_busiest(now):.0%} of the writes of hour {hour}", f"{len(now)} writes"
                raise Wrong(came, given=given, expected=f"at most {2 * BUSIEST:.0%}", look=look)
    return f"the busiest of {SHARDS} does {worst:.0%}"


def _busiest(shards: Sequence[int]) -> float:
    return max(Counter(shards).values()) / len(shards) if shards else 0.0


def _share(place: Key, rows: Iterable[Row]) -> tuple[str, float]:
    """The heaviest key in words, and its share of all rows."""
    counts = Counter(key_of(place, row) for row in rows)
    key, count = counts.most_common(1)[0]
    return f"{len(counts):,} keys; {key!r} has {count / counts.total():.0%} of all rows", count / counts.total()


def likes_found(place: Key, all_of: Callable[[Any], Iterable[Hashable]]) -> str:
    """Whoever counts a video's likes asks few shards and misses none."""
    asked = 0
    for seed in range(SEEDS):
        traffic = likes_day(seed)
        for question in traffic.questions:
            keys = _keys(all_of, question["video"])
            shards = {shard_of(key) for key in keys}
            asked = max(asked, len(shards))
            if len(shards) > SHARDS // 2:
                look = "so many parts that every shard is asked: spread a video over fewer"
                raise Wrong(
                    f"{len(shards)} shards",
                    given=f"the likes of video {question['video']}",
                    expected=f"at most {SHARDS // 2}",
                    look=look,
                )
            for row in traffic.rows:
                if row["video"] == question["video"] and (key := key_of(place, row)) not in keys:
                    look = "likes_of must name every key that likes() can give for that video"
                    raise Wrong(f"{key!r} is not among them", given=str(row), expected="every like is found", look=look)
    return f"at most {asked} of {SHARDS} shards asked, no like missed"


def _keys(all_of: Callable[[Any], Iterable[Hashable]], video: int) -> set[Hashable]:
    found = all_of(video)
    if found is None or isinstance(found, str | bytes | Mapping):
        raise Wrong(
            repr(found), given=f"likes_of({video})", expected="a list of keys", look="each as likes() returns them"
        )
    return set(found)


def _on(number: int, run: Callable[[Key], str]) -> Callable[..., str]:
    """The check *run* on answer number *number*."""
    return lambda *answers: run(answers[number])


BUSINESS = (
    Check("orders: an order's lines lie together", _on(0, partial(lies_together, "order", orders_day)), 20.0),
    Check("orders: a customer's question goes to one shard", _on(0, partial(one_shard, orders_day))),
    Check("orders: an unseen day is spread evenly", _on(0, partial(balanced, orders_day)), 20.0),
    Check("documents: a document lies with its index", _on(1, partial(lies_together, "document", documents_day)), 20.0),
    Check("documents: a project's list comes from one shard", _on(1, partial(one_shard, documents_day))),
    Check("documents: an unseen day is spread evenly", _on(1, partial(balanced, documents_day)), 20.0),
    Check("likes: an unseen star is spread over shards", _on(2, partial(balanced, likes_day)), 20.0),
    Check(
        "likes: all are found, and not by asking everybody", lambda *answers: likes_found(answers[2], answers[3]), 20.0
    ),
)
