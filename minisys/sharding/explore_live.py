"""What chapter 07 shows of real processes: a cluster that grows, one that is resharded, one that loses a primary.

The formula says that the third shard takes a third of the keys, the fourth a quarter. Here a cluster is filled through
the official client, a shard is added, the mover does its work, and the new shard is asked how many keys it has. Then
users write and read while slots move and a process is killed, with ours and with Valkey.

Promised: keys are counted by the shard's own process, slot by slot; lost and failed operations by the users themselves
(experiments.py). A product that is not installed is said to be missing, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from minisys.sharding import experiments, mover
from minisys.sharding.comparison import keys_of
from minisys.sharding.experiments import Watched
from minisys.sharding.live import Sharded, cluster
from minisys.sharding.real import ProductMissing, valkey_cluster
from minisys.testbed.marks import number
from minisys.testbed.resp_client import RespSocket
from minisys.testbed.tables import Table, table


def grown(first: int = 2, last: int = 5, keys: int = 3_000) -> pd.DataFrame:
    """Start with *first* shards and *keys* keys, and add one shard after the other until there are *last*.

    Columns: shards (how many there were before), moved_percent (of the keys, to the new one), lost (keys that no longer
    can be read). Raises ValueError unless 1 <= first < last.
    """
    if not 1 <= first < last:
        raise ValueError(f"a cluster that grows needs 1 <= first < last, got {first} and {last}")
    rows, names = [], keys_of(keys)
    with cluster(shards=first) as running, running.client() as client:
        client.mset_nonatomic(dict.fromkeys(names, "here"))
        for before in range(first, last):
            new = running.add_shard()
            topology = running.topology()
            mover.move(running.topology, mover.plan(topology, [shard.name for shard in topology.shards]))
            with running.client() as reader:
                lost = sum(value is None for value in reader.mget_nonatomic(names))
            rows.append((before, 100 * held(running, new) / keys, lost))
    return pd.DataFrame(rows, columns=["shards", "moved_percent", "lost"])


def held(running: Sharded, shard: str) -> int:
    """How many keys the primary of *shard* says that it has, in all the slots that are its own."""
    slots = [slot for slot, owner in enumerate(running.topology().owners) if owner == shard]
    with RespSocket(running.primary(shard).port) as asked:
        return sum(asked.ask("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in slots)


def ours() -> list[Watched]:
    """Three shards of our own: all slots of one leave it under load, then the primary of another is killed."""
    with cluster(shards=3) as running:
        return [experiments.reshard_live(running, "a", at_once=256), experiments.kill_live(running, "b")]


def valkey() -> list[Watched]:
    """Three shards of Valkey, whose slots are moved by the same mover under the same load; nothing if it is missing."""
    try:
        with valkey_cluster() as running:
            return [experiments.reshard_live(running, "a", at_once=256)]
    except ProductMissing as problem:
        print(f"Valkey is left out: {problem}")
        return []


def watched_table(seen: Sequence[Watched]) -> Table:
    """What users saw, one row for each change."""
    made = experiments.side_by_side(seen)
    moment = made["rto_s"].notna()  # a kill takes no time: what follows is in the last column
    took, meanwhile = (made[name].map(number).mask(moment, "–") for name in ("took_s", "p99_meanwhile_ms"))
    shown = pd.DataFrame({
        "system": made["system"], "what happened": made["what"], "took (s)": took,
        "writes acknowledged": made["acknowledged"], "lost": made["lost"], "errors": made["errors"],
        "p99 before (ms)": made["p99_before_ms"], "p99 meanwhile (ms)": meanwhile,
        "no write for (s)": made["rto_s"],
    })  # fmt: skip
    return table(shown, caption="Four users with the official cluster client, while something happens")
