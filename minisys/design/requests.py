"""Who asks for what, when: the requests of one run, drawn before anything happens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minisys.design.draws import mix
from minisys.design.flat import DATABASE, Flat, name_code
from minisys.design.parts import Clients
from minisys.design.traffic import Traffic
from minisys.load_balancing.fast import key_hashes
from minisys.load_balancing.policies import NAMES, policy
from minisys.sharding.policies import jump
from minisys.testbed.workload import Uniform, Workload, Zipf, stream

HASHED = np.array(["key" in policy(name).reads for name in NAMES])


@dataclass(frozen=True)
class Requests:
    """Columns, one row a request in order of arrival.

    users: the row of the Clients' copy. path: the number its draws hang on. hash: of the key, 0 where nobody looks.
    write: 1 for a write. work_s, luck: given by a workload, else -1 (the design's laws and draws).
    """

    arrival_s: np.ndarray
    users: np.ndarray
    path: np.ndarray
    key: np.ndarray
    hash: np.ndarray
    write: np.ndarray
    work_s: np.ndarray
    luck: np.ndarray

    def __len__(self) -> int:
        return len(self.arrival_s)


def drawn(flat: Flat, traffic: Traffic, for_s: float, seed: int) -> Requests:
    """The requests of all Clients in *for_s* seconds of *traffic*."""
    parts = [_of(flat, part, traffic, for_s, seed) for part in flat.design.of(Clients)]
    if not parts:
        raise ValueError(f"nobody asks anything of {flat.design.name!r}: it has no clients")
    arrival, users, path, key, write = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(arrival, kind="stable")
    nothing = np.full(len(order), -1.0)
    return Requests(
        arrival[order], users[order], path[order], key[order], _hashes(flat, key[order]), write[order], nothing, nothing
    )


def replayed(flat: Flat, workload: Workload, seed: int) -> Requests:
    """The requests of *workload*, sent by the design's one group of clients; its work and luck count.

    Those whose luck is below the clients' share of writes are writes, as in the caching room's model. Raises
    ValueError if there are more groups: whose would they be?
    """
    groups = list(flat.design.of(Clients))
    if len(groups) != 1:
        raise ValueError(
            f"a workload is for a design with one group of clients, {flat.design.name!r} has {len(groups)}"
        )
    n, users = len(workload), flat.copies_of(flat.names.index(groups[0].name))[0]
    zeros = np.zeros(n, dtype=np.int64)
    return Requests(
        workload.arrival_s, zeros + users, _paths(groups[0].name, n, seed), workload.key, _hashes(flat, workload.key),
        (workload.luck < groups[0].writes).astype(np.int64), workload.work_s, workload.luck,
    )  # fmt: skip


def _of(flat: Flat, part: Clients, traffic: Traffic, for_s: float, seed: int) -> tuple[np.ndarray, ...]:
    row = flat.copies_of(flat.names.index(part.name))[0]
    arrival = traffic.arrivals(part.rate, part.region, for_s, stream(seed, f"{part.name} arrivals"))
    n = len(arrival)
    law = Zipf(part.keys, part.skew) if part.skew > 0 else Uniform(part.keys)
    key = law.sample(n, stream(seed, f"{part.name} keys"))
    write = stream(seed, f"{part.name} writes").random(n) < part.writes
    return arrival, np.full(n, row), _paths(part.name, n, seed), key, write.astype(np.int64)


def _paths(name: str, n: int, seed: int) -> np.ndarray:
    return np.asarray(mix(mix(seed, name_code(name)), np.arange(n)), dtype=np.int64)


def _hashes(flat: Flat, key: np.ndarray) -> np.ndarray:
    """The keys' hashes, if some part of the design goes by them."""
    looked = HASHED[flat.arrows["policy"]].any() or flat.parts["sticky"].any() or flat.parts["shards"].max() > 1
    return key_hashes(key) if looked else np.zeros(len(key), dtype=np.int64)


def shard_tables(flat: Flat, requests: Requests) -> np.ndarray:
    """The shard of each request in each part, (part, request), by jump hash; zeros where there is one shard."""
    shards = np.zeros((len(flat.names), 1), dtype=np.int64)
    many = [p for p, kind in enumerate(flat.parts["kind"]) if kind == DATABASE and flat.parts["shards"][p] > 1]
    if not many:
        return shards
    shards = np.zeros((len(flat.names), len(requests)), dtype=np.int64)
    distinct, codes = np.unique(requests.hash, return_inverse=True)
    for part in many:
        count = int(flat.parts["shards"][part])
        shards[part] = np.array([jump(int(one), count) for one in distinct], dtype=np.int64)[codes]
    return shards
