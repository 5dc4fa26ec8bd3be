"""What a log decides: which consumer of a group reads which partitions, and where it goes on.

Four colleagues share twelve letter boxes, each emptied by one of them, so that nobody works on the same letter and each
box stays in order. A fifth comes: who gives up which box? Every box that changes hands is not emptied meanwhile.

Promised: each partition belongs to exactly one member while there is one, the shares differ by at most one partition of
a topic, and the same members get the same answer whatever their order. Source: Apache Kafka, RangeAssignor,
RoundRobinAssignor, StickyAssignor (KIP-54). Simpler than there: all members of a group read the same topics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from zlib import crc32

Partition = tuple[str, int]  # topic and number
Assignment = dict[str, list[Partition]]


def partition_of(key: str | None, partitions: int, turn: int = 0) -> int:
    """The partition of a record: by its key, so that one key stays in order; without a key in turn.

    Raises ValueError for fewer than one partition. CRC-32 and not Python's hash(), which differs between processes.
    """
    if partitions < 1:
        raise ValueError(f"a topic needs at least one partition, got {partitions}")
    return turn % partitions if key is None else crc32(key.encode()) % partitions


def by_range(partitions: Iterable[Partition], members: Iterable[str]) -> Assignment:
    """Topic by topic, neighbouring partitions together; the first members get one more where it does not divide.

    With many topics of few partitions the first members carry all the extra ones.
    """
    assigned, names = _nobody(members)
    for topic in sorted({topic for topic, _ in partitions}) if names else ():
        of_topic = sorted(partition for partition in partitions if partition[0] == topic)
        share, more = divmod(len(of_topic), len(names))
        begin = 0
        for index, name in enumerate(names):
            end = begin + share + (index < more)
            assigned[name] += of_topic[begin:end]
            begin = end
    return assigned


def round_robin(partitions: Iterable[Partition], members: Iterable[str]) -> Assignment:
    """All partitions of all topics dealt out like cards."""
    assigned, names = _nobody(members)
    for partition, name in zip(sorted(partitions), cycle(names), strict=False):
        assigned[name].append(partition)
    return assigned


def sticky(
    partitions: Iterable[Partition], members: Iterable[str], before: Mapping[str, Sequence[Partition]] | None = None
) -> Assignment:
    """As balanced as round robin, and of what members had *before* they keep as much as the balance allows."""
    assigned, names = _nobody(members)
    todo = set(partitions)
    if not names:
        return assigned
    share, more = divmod(len(todo), len(names))
    had = {name: [each for each in (before or {}).get(name, ()) if each in todo] for name in names}
    for name in sorted(names, key=lambda name: (-len(had[name]), name)):  # who has most may keep one more
        room = share + (more > 0)
        kept = [each for each in had[name] if each in todo][:room]
        more -= len(kept) > share
        assigned[name] = kept
        todo -= set(kept)
    for partition in sorted(todo):
        assigned[min(names, key=lambda name: (len(assigned[name]), name))].append(partition)
    return {name: sorted(got) for name, got in assigned.items()}


ASSIGNMENTS = ("range", "round robin", "sticky")


def assign(
    kind: str, partitions: Sequence[Partition], members: Iterable[str], before: Mapping[str, Sequence[Partition]]
) -> Assignment:
    """By the policy called *kind*. Raises ValueError if there is none of that name."""
    if kind not in ASSIGNMENTS:
        raise ValueError(f"the assignment must be one of {', '.join(ASSIGNMENTS)}, got {kind!r}")
    if kind == "sticky":
        return sticky(partitions, members, before)
    return (by_range if kind == "range" else round_robin)(partitions, members)


def moved(before: Mapping[str, Sequence[Partition]], after: Mapping[str, Sequence[Partition]]) -> int:
    """How many partitions of *after* had another reader before, one who may still be there: each of them pauses."""
    owner = {partition: name for name, had in before.items() for partition in had}
    return sum(owner.get(partition, name) != name for name, got in after.items() for partition in got)


def start_offset(committed: int | None, first: int, end: int, reset: str = "earliest") -> int:
    """Where a consumer goes on in a partition that holds the offsets *first* to *end* - 1.

    At the *committed* offset, if the log still has it; else as *reset* says: "earliest" repeats or skips to what is
    left, "latest" reads only what comes. Raises ValueError for another reset. Source: Kafka, auto.offset.reset.
    """
    if reset not in ("earliest", "latest"):
        raise ValueError(f"reset must be earliest or latest, got {reset!r}")
    if committed is not None and first <= committed <= end:
        return committed
    return first if reset == "earliest" else end


def _nobody(members: Iterable[str]) -> tuple[Assignment, list[str]]:
    names = sorted(set(members))
    return {name: [] for name in names}, names
