"""Redis's hash slots: 16,384 boxes between the keys and the shards, so that a box moves and never a single key.

A cluster of three shards is to become four. No key is hashed to a shard: each key belongs for ever to one of 16,384
slots, and a small table says which shard has which slot. The operator moves 4,096 slots, one after another, while
users read and write; a client that asks the wrong shard learns the new owner from its answer.

Promised: the slot that Redis, Valkey and every cluster client compute, hash tags included, checked in the tests against
redis-py; a plan that spreads slots evenly and moves no more of them than it must.
Not done here: moving the keys, or answering MOVED and ASK (the live cluster does).
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Mapping, Sequence

SLOTS = 16_384
"""How many hash slots a cluster has: 2 to the 14, so a table of owners fits in a gossip message as 2 KiB of bits."""


def key_slot(key: bytes) -> int:
    """The hash slot of *key*, 0 … 16,383: CRC16 of its hash tag, or of the whole key, modulo 16,384.

    Source: Redis cluster specification, "Key distribution model"; CRC-16/XMODEM, so "123456789" has 0x31C3.
    """
    return crc_hqx(hash_tag(key), 0) % SLOTS


def hash_tag(key: bytes) -> bytes:
    """The part of *key* that is hashed: between the first ``{`` and the next ``}`` if that is not empty, else all.

    ``{user1000}.following`` and ``{user1000}.followers`` share a tag, thus a slot, thus a shard: one command may touch
    both. ``foo{}{bar}`` has an empty first pair and is hashed whole. Source: Redis cluster specification, "Hash tags".
    """
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    return key[start + 1 : end] if 0 <= start and start + 1 < end else key


def spread(shards: Sequence[str]) -> list[str]:
    """The owner of each of the 16,384 slots when *shards* take them in equal contiguous runs, as redis-cli does.

    Raises ValueError if shards is empty or has more names than slots.
    """
    if not 0 < len(shards) <= SLOTS:
        raise ValueError(f"between 1 and {SLOTS} shards can share the slots, got {len(shards)}")
    return [shards[slot * len(shards) // SLOTS] for slot in range(SLOTS)]


def rebalance(owners: Sequence[str], shards: Sequence[str]) -> Mapping[int, str]:
    """The slots that must move, each with its new owner, so that *shards* hold equal numbers and nothing else moves.

    owners: the present owner of each slot; an owner that is not among *shards* gives away all it has. The number of
    moves is the least possible: shards that may keep one slot more are those that hold most now.
    Raises ValueError if shards is empty.
    """
    if not shards:
        raise ValueError("shards is empty: at least one must take the slots")
    held: dict[str, list[int]] = {shard: [] for shard in shards}
    loose: list[int] = []
    for slot, owner in enumerate(owners):
        (held[owner] if owner in held else loose).append(slot)
    share, larger = divmod(len(owners), len(shards))
    fullest_first = sorted(held, key=lambda shard: -len(held[shard]))  # stable: the listed order breaks ties
    target = {shard: share + (rank < larger) for rank, shard in enumerate(fullest_first)}
    for shard, slots in held.items():
        loose += slots[target[shard] :]
    takers = (shard for shard, slots in held.items() for _ in range(target[shard] - len(slots)))
    return dict(zip(loose, takers, strict=True))
