"""A durable log: what it has said is written survives the loss of power, and it knows when it has been damaged.

A shop says "your order is placed". A second later the machine loses its power. If the order was in a buffer of the
operating system, it is gone, and the shop has lied. So a replica writes to a file, waits until the disk has it (fsync),
and answers then. All that came while the disk was busy is written at once: one fsync for many (group commit).

    log = Log.open(path, cluster="shop")      # log.records: what was there
    log.write([b"a", b"b"])                   # returns when both are on the disk

Promised: a batch is read whole or not at all. A torn tail, left by a crash in the middle of a write, is cut off; it
was never acknowledged. Any other damage is refused with file and offset, for what is missing there may have been
acknowledged. After a failed write nothing more is written (after a failed fsync nobody knows what the disk has:
Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020). Not promised: to notice whole batches cut
off at the end by somebody else; that needs another replica. Torn or corrupt is decided as in etcd's WAL (decoder.go).

The file: MAGIC, then frames of: length, CRC32 of the payload, CRC32 of these eight bytes, payload (each record with
its length before it). The first frame's only record is the cluster's id.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from pathlib import Path

MAGIC = b"minisys log 1\n\0\0"
HEAD, LENGTH, SECTOR = struct.Struct(">III"), struct.Struct(">I"), 512


class LogRefused(RuntimeError):
    """The log cannot be used; the message says which file, where in it, and what to do."""


class LogFailed(OSError):
    """The disk did not take a write, so nothing in that write may be acknowledged; the message says why."""


class Disk:
    """The calls of the operating system that a log needs; tests hand in one that is full or that lies."""

    def write(self, file: int, data: bytes) -> int:
        return os.write(file, data)

    def sync(self, file: int) -> None:
        os.fsync(file)


class Log:
    """An open log; `Log.open` makes it. *records*: what was in it; *end*: its length in bytes; torn: bytes cut off."""

    def __init__(self, path: Path, cluster: str, disk: Disk) -> None:
        self.path, self.cluster, self.disk = path, cluster, disk
        self.records: list[bytes] = []
        self.end = self.torn = 0
        self.failure: str | None = None
        self._file = -1

    @classmethod
    def open(cls, path: Path, cluster: str, disk: Disk | None = None) -> Log:
        """Read the log at *path*, or begin one, for *cluster*.

        Raises LogRefused if it is damaged, belongs to another cluster or is in use.
        """
        log = cls(path, cluster, disk or Disk())
        if not path.exists():
            log._replace([])
        log._file = _locked(path)
        try:
            log._recover(path.read_bytes())
        except BaseException:
            log.close()
            raise
        return log

    def write(self, records: Iterable[bytes]) -> None:
        """Append *records* as one batch; they are on the disk when this returns. Raises LogFailed."""
        if self.failure is not None:
            raise LogFailed(self.failure)
        data = frame(records)
        try:
            self._put(self._file, data)
        except OSError as problem:
            self.failure = (
                f"{self.path}: could not write {len(data)} bytes at offset {self.end}: {problem.strerror}. Nothing in "
                "this batch was acknowledged, all before it is safe; make room on the disk and restart this node"
            )
            self._undo()
            raise LogFailed(self.failure) from None
        self.end += len(data)

    def rewrite(self, records: Iterable[bytes]) -> None:
        """Replace all that is in the log by *records*, or nothing of it (a new file takes the old one's name)."""
        if self.failure is not None:
            raise LogFailed(self.failure)
        try:
            self._replace(list(records))
        except OSError as problem:  # the old file is untouched and good
            raise LogFailed(f"{self.path}: could not be written anew: {problem.strerror}") from None
        os.close(self._file)
        self._file = _locked(self.path)
        self.end = self.path.stat().st_size

    async def write_soon(self, records: list[bytes], thread: Executor | None, anew: bool = False) -> None:
        """`write`, or `rewrite` if *anew*, in *thread* while the event loop goes on; None: here and now."""
        save = self.rewrite if anew else self.write
        if not records:
            return
        if thread is None:
            save(records)
        else:
            await asyncio.get_running_loop().run_in_executor(thread, save, records)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _put(self, file: int, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self.disk.write(file, left) :]  # type: ignore[arg-type]
        self.disk.sync(file)

    def _undo(self) -> None:
        try:
            os.ftruncate(self._file, self.end)
        except OSError:  # then it is a torn tail, and the next start cuts it off
            pass

    def _replace(self, records: list[bytes]) -> None:
        fresh = self.path.with_name(self.path.name + ".new")
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            self._put(file, MAGIC + frame([self.cluster.encode()]) + (frame(records) if records else b""))
        finally:
            os.close(file)
        os.rename(fresh, self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else the new name may be lost with the power
        finally:
            os.close(folder)

    def _recover(self, data: bytes) -> None:
        if not data.startswith(MAGIC):
            raise LogRefused(f"{self.path}: offset 0: this is no log of minisys; nothing was changed")
        self.end = len(MAGIC)
        batches = []
        while self.end < len(data):
            problem, batch, after = read_frame(data, self.end)
            if problem is not None and not _torn(data, self.end):
                raise LogRefused(
                    f"{self.path}: offset {self.end}: {problem}. Acknowledged writes may be missing here, so this node "
                    "does not start; move the file away and let the node copy from the others"
                )
            if problem is not None:
                self.torn = len(data) - self.end
                os.ftruncate(self._file, self.end)
                self.disk.sync(self._file)
                break
            batches.append(batch)
            self.end = after
        found = batches[0][0].decode(errors="replace") if batches and batches[0] else None
        if found != self.cluster:
            raise LogRefused(f"{self.path}: belongs to cluster {found!r}, this node is one of cluster {self.cluster!r}")
        self.records = [record for batch in batches[1:] for record in batch]


def frame(records: Iterable[bytes]) -> bytes:
    """*records* as one batch that is read back whole or not at all."""
    payload = b"".join(LENGTH.pack(len(record)) + record for record in records)
    head = LENGTH.pack(len(payload)) + LENGTH.pack(zlib.crc32(payload))
    return head + LENGTH.pack(zlib.crc32(head)) + payload


def read_frame(data: bytes, at: int) -> tuple[str | None, list[bytes], int]:
    """The frame at offset *at*: what is wrong with it (None if nothing), its records, and where the next begins."""
    if len(data) - at < HEAD.size:
        return "the file ends in the middle of a header", [], at
    length, checksum, head_checksum = HEAD.unpack_from(data, at)
    if zlib.crc32(data[at : at + 8]) != head_checksum:
        return "the header of a batch is damaged (its checksum does not fit)", [], at
    begin, after = at + HEAD.size, at + HEAD.size + length
    if after > len(data):
        return f"the file ends {after - len(data)} bytes before the end of a batch", [], after
    if zlib.crc32(data[begin:after]) != checksum:
        return f"a batch of {length} bytes is damaged (its checksum does not fit)", [], after
    return None, list(_records(data, begin, after)), after


def _records(data: bytes, at: int, end: int) -> Iterator[bytes]:
    while at < end:
        (length,) = LENGTH.unpack_from(data, at)
        yield data[at + 4 : at + 4 + length]
        at += 4 + length


def _torn(data: bytes, at: int) -> bool:
    """Whether the bad frame at *at* is an unfinished last write: cut short, or with a sector that never arrived.

    A batch is begun only when the one before it is on the disk, so a bad frame with another after it is no torn write.
    """
    problem, _, after = read_frame(data, at)
    if len(data) - at < HEAD.size or (after > len(data)):
        return True
    if after != at and after < len(data):
        return False
    edges = [at, *range(at - at % SECTOR + SECTOR, len(data), SECTOR), len(data)]
    blank = any(not any(data[a:b]) for a, b in zip(edges, edges[1:], strict=False))
    return blank and not any(read_frame(data, later)[0] is None for later in range(at + 1, len(data) - HEAD.size))


def _locked(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_APPEND)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise LogRefused(f"{path}: another process has it open; two nodes must not share a log") from None
    return file
