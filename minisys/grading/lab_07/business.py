"""Lab 07, task 6: shard keys for three businesses, judged on a day's traffic that the learner has not seen.

Each row goes to the shard that the hash of its key names. A question can be sent to one shard if the key can be worked
out from what the question knows; else all 16 are asked. What is written together must lie together. And no shard may do
much more than its part. Nothing compares keys with a list: any function that the traffic likes is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_07.traffic import Row, Traffic, documents_day, likes_day, orders_day
from minisys.sharding.policies import hash64

Key = Callable[[Row], Hashable]
SHARDS, SEEDS = 16, 3
HASHES = 5  # other hash functions for each day: the luck of one spelling of a key shall not decide
BUSIEST = 0.20  # of all writes on one of 16 shards


def shard_of(key: Hashable, hashed: int = 0) -> int:
    """The shard, 0 … 15, that *key* belongs to under hash function number *hashed*."""
    return hash64(f"{hashed}:{key!r}") % SHARDS


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
    """No shard does more than BUSIEST of a day's writes, nor more than twice that of an hour's.

    Judged is the median of SEEDS days under HASHES hash functions each.
    """
    days = [day(seed) for seed in range(10, 10 + SEEDS)]
    keys = [[key_of(place, row) for row in traffic.rows] for traffic in days]
    found = _median_busiest(keys)
    if found > BUSIEST:
        raise Wrong(
            f"one shard does {found:.1%} of the writes", given=_heaviest(keys[0])[0],
            expected=f"at most {BUSIEST:.0%} on one of {SHARDS}{TYPICAL}", look=_too_heavy(keys[0], days[0]),
        )  # fmt: skip
    for hour in range(0, 24, 6):
        now = [
            [key for key, row in zip(each, traffic.rows, strict=True) if traffic.hours(row) == hour]
            for each, traffic in zip(keys, days, strict=True)
        ]
        if (busy := _median_busiest(now)) > 2 * BUSIEST:
            look = "a key made of time sends everybody who writes now to one shard, and the other fifteen rest"
            came, given = f"one shard does {busy:.1%} of the writes of hour {hour}", f"{len(now[0])} writes"
            raise Wrong(came, given=given, expected=f"at most {2 * BUSIEST:.0%}{TYPICAL}", look=look)
    return f"the busiest of {SHARDS} does {found:.1%}{TYPICAL}"


TYPICAL = f" (median of {SEEDS} days, each under {HASHES} hash functions)"


def _median_busiest(days: Sequence[Sequence[Hashable]]) -> float:
    """The busiest shard's share of the rows with these keys: the median over days and hash functions."""
    shares = []
    for keys in days:
        counts = Counter(keys)
        for hashed in range(HASHES):
            shards = [0] * SHARDS
            for key, count in counts.items():
                shards[shard_of(key, hashed)] += count
            shares.append(max(shards) / len(keys))
    return median(shares)


def _heaviest(keys: Sequence[Hashable]) -> tuple[str, Hashable, float]:
    """The heaviest key in words, itself, and its share of all rows."""
    counts = Counter(keys)
    key, count = counts.most_common(1)[0]
    share = count / len(keys)
    return f"{len(counts):,} key{'s' * (len(counts) > 1)}; {key!r} has {share:.0%} of all rows", key, share


def _too_heavy(keys: Sequence[Hashable], traffic: Traffic) -> str:
    """Why one shard has too much, and what to do."""
    if (count := len(set(keys))) < SHARDS:
        return f"fewer keys than shards: {count} for {SHARDS}, so {SHARDS - count} shards at least rest"
    _, heaviest, share = _heaviest(keys)
    if share + (1 - share) / SHARDS > BUSIEST:
        rows = [row for row, key in zip(traffic.rows, keys, strict=True) if key == heaviest]
        return f"one value of your key carries too much; {traffic.cure(rows)}"
    return "several heavy keys meet on one shard: more and smaller parts, and many more keys than shards"


def likes_found(place: Key, all_of: Callable[[Any], Iterable[Hashable]]) -> str:
    """Whoever counts a video's likes asks few shards and misses none."""
    asked = 0
    for seed in range(SEEDS):
        traffic = likes_day(seed)
        for question in traffic.questions:
            keys = _keys(all_of, question["video"])
            shards = max(len({shard_of(key, hashed) for key in keys}) for hashed in range(HASHES))
            asked = max(asked, shards)
            if shards > SHARDS // 2:
                look = "so many parts that every shard is asked: spread a video over fewer"
                raise Wrong(
                    f"{shards} shards",
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
