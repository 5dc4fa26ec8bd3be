"""One shard's data in memory: values, their deadlines, which keys are in which slot, and which slots are on the way.

A slot has to leave the shard while users use it. So the store can say which keys a slot holds without looking at all
of them, and it knows which slots are being handed over and which are being received.

Promised: the store is changed by entries (`apply`) and by nothing else; two stores that applied the same entries hold
the same. That is what makes a replica one. Not done here: who may ask, what waits for whom, disks (there is none).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from minisys.sharding.slots import key_slot

Entry = tuple[bytes, ...]
"""One change: SET key value deadline, DEL key …, DROP slot, MIGRATING slot shard, IMPORTING slot shard,
STABLE slot, NOOP."""

NOOP: Entry = (b"NOOP",)
KEY_BYTES = 100  # what a key costs beside its bytes and its value's


class Store:
    """Nothing at first. values: by key; deadline_ms: of those that have one (milliseconds since 1970).

    migrating: slot → the shard that it goes to; importing: slot → where it comes from; used_bytes: an estimate.
    """

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.deadline_ms: dict[bytes, int] = {}
        self.migrating: dict[int, str] = {}
        self.importing: dict[int, str] = {}
        self.used_bytes = 0
        self._slots: dict[int, dict[bytes, None]] = {}  # a dict keeps the order in which keys came

    def apply(self, entry: Iterable[bytes]) -> None:
        """Carry out one entry. Raises ValueError for an unknown one."""
        name, *words = entry
        if name == b"SET":
            self._set(words[0], words[1], int(words[2]) if words[2] else None)
        elif name == b"DEL":
            for key in words:
                self._delete(key)
        elif name == b"MIGRATING":
            self.migrating[int(words[0])] = words[1].decode()
        elif name == b"IMPORTING":
            self.importing[int(words[0])] = words[1].decode()
        elif name == b"STABLE":
            self.migrating.pop(int(words[0]), None)
            self.importing.pop(int(words[0]), None)
        elif name == b"DROP":
            for key in self.keys(int(words[0]), len(self.values)):
                self._delete(key)
        elif name != b"NOOP":
            raise ValueError(f"unknown entry {name!r}")

    def there(self, key: bytes, now_ms: int) -> bool:
        """Whether *key* is there and not out of date."""
        return key in self.values and self.deadline_ms.get(key, now_ms + 1) > now_ms

    def expired(self, key: bytes, now_ms: int) -> bool:
        """Whether *key* is there, but out of date."""
        return self.deadline_ms.get(key, now_ms + 1) <= now_ms

    def slots(self) -> list[int]:
        """The slots that hold keys."""
        return list(self._slots)

    def count(self, slot: int) -> int:
        """How many keys *slot* holds."""
        return len(self._slots.get(slot, ()))

    def keys(self, slot: int, most: int) -> list[bytes]:
        """Up to *most* keys of *slot*."""
        return list(islice(self._slots.get(slot, ()), most))

    def snapshot(self) -> Iterator[Entry]:
        """Entries that make an empty store into this one."""
        for key, value in self.values.items():
            deadline = self.deadline_ms.get(key)
            yield b"SET", key, value, b"" if deadline is None else b"%d" % deadline
        for name, moving in ((b"MIGRATING", self.migrating), (b"IMPORTING", self.importing)):
            for slot, shard in moving.items():
                yield name, b"%d" % slot, shard.encode()

    def _set(self, key: bytes, value: bytes, deadline_ms: int | None) -> None:
        before = self.values.get(key)
        if before is None:
            self._slots.setdefault(key_slot(key), {})[key] = None
            self.used_bytes += KEY_BYTES + len(key)
        self.used_bytes += len(value) - len(before or b"")
        self.values[key] = value
        if deadline_ms is None:
            self.deadline_ms.pop(key, None)
        else:
            self.deadline_ms[key] = deadline_ms

    def _delete(self, key: bytes) -> None:
        value = self.values.pop(key, None)
        if value is None:
            return
        self.deadline_ms.pop(key, None)
        self.used_bytes -= KEY_BYTES + len(key) + len(value)
        slot = key_slot(key)
        del self._slots[slot][key]
        if not self._slots[slot]:
            del self._slots[slot]
