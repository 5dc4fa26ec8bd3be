"""Eight shards and how keys and requests lie on them: the sharding room's placements."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from minisys.interview.readings import SCENARIOS, Played
from minisys.sharding.policies import hash64, jump, on_ring, ring
from minisys.testbed.workload import Zipf, stream

SHARDS, KEYS, REQUESTS = 8, 20_000, 60_000


def play(cause: str, seed: int) -> Played:
    """A shard a row: keys that lie there, and the requests of the last hour."""
    dice = random.Random(f"{cause}/{seed}")
    names = [f"s{i + 1}" for i in range(SHARDS)]
    place, told = _placement(cause, names, dice)
    skew = dice.uniform(0.3, 0.45)
    drawn = Zipf(KEYS, skew).sample(REQUESTS, stream(seed, "requests")).tolist()
    if cause == "hot key":
        share, star = dice.uniform(0.18, 0.3), dice.randrange(KEYS)
        luck = stream(seed, "star").random(REQUESTS)
        drawn = [star if u < share else key for u, key in zip(luck, drawn, strict=True)]
        told = f"One key took {100 * share:.0f} % of all requests."
    elif cause == "range by time":
        reach = dice.uniform(0.13, 0.2)
        drawn = [KEYS - 1 - int(key * reach) for key in drawn]  # the newest are asked for
        told = "Keys lay by the time of their making, and the newest are asked for."
    asked = Counter(drawn)
    lies = {key: place(key) for key in range(KEYS)}
    stored, load, busiest = Counter(lies.values()), Counter[int](), Counter[int]()
    for key, count in asked.items():
        load[lies[key]] += count
        busiest[lies[key]] = max(busiest[lies[key]], count)
    rows = tuple(
        (name, stored[i], round(100 * stored[i] / KEYS, 1), round(100 * load[i] / REQUESTS, 1),
         round(100 * busiest[i] / REQUESTS, 1))
        for i, name in enumerate(names)
    )  # fmt: skip
    caption = f"{KEYS:,} keys on {SHARDS} shards; requests of an hour. Last column: the busiest key's share of all."
    return Played(caption, SCENARIOS["shards"].columns, rows, told)


def _placement(cause: str, names: list[str], dice: random.Random) -> tuple[Callable[[int], int], str]:
    salt = dice.randrange(10**6)

    def number(key: int) -> int:
        return hash64(f"{salt}/{key}")

    if cause == "few points":
        few = ring([f"{name}/{salt}" for name in names], [1.0] * SHARDS, 1)
        return lambda key: on_ring(few, number(key)), "Each shard had one point on the ring."
    if cause == "range by time":
        return lambda key: key * SHARDS // KEYS, ""
    return lambda key: jump(number(key), SHARDS), "A hash spread the keys, and no key stood out."
