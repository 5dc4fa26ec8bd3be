"""The log: what was acknowledged is read back, a torn tail goes, every other damage is refused with file and offset."""

from __future__ import annotations

import errno
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.replication.log import HEAD, MAGIC, Disk, Log, LogFailed, LogRefused, frame

BATCHES = [[b"one"], [b"two", b""], [b"x" * 700, b"three"]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.log"


def written(path: Path, batches: list[list[bytes]] = BATCHES) -> list[int]:
    """A log with *batches*; the offsets at which they begin, and the file's end."""
    log = Log.open(path, "shop")
    offsets = [log.end]
    for batch in batches:
        log.write(batch)
        offsets.append(log.end)
    log.close()
    return offsets


def read(path: Path) -> list[bytes]:
    log = Log.open(path, "shop")
    log.close()
    return log.records


def flat(batches: list[list[bytes]]) -> list[bytes]:
    return [record for batch in batches for record in batch]


def test_what_was_written_is_read_back_and_appended_to(path: Path) -> None:
    written(path)
    log = Log.open(path, "shop")
    assert (log.records, log.torn) == (flat(BATCHES), 0)
    log.write([b"four"])
    log.close()
    assert read(path) == [*flat(BATCHES), b"four"]


def test_a_tail_cut_at_any_byte_keeps_every_whole_batch_and_goes_on(path: Path) -> None:
    offsets = written(path)
    data = path.read_bytes()
    for size in [*range(offsets[0], 160), *range(160, len(data), 13), len(data) - 1]:
        path.write_bytes(data[:size])
        whole = sum(end <= size for end in offsets[1:])
        log = Log.open(path, "shop")
        assert log.records == flat(BATCHES[:whole])
        assert log.torn == size - offsets[whole]
        log.write([b"on"])
        log.close()
        assert read(path) == [*flat(BATCHES[:whole]), b"on"]


def test_a_tail_with_a_sector_that_never_arrived_is_torn_too(path: Path) -> None:
    *_, begin, end = written(path)
    data = bytearray(path.read_bytes())
    data[512:1024] = bytes(len(data[512:1024]))
    assert begin < 512 < end
    path.write_bytes(data)
    assert read(path) == flat(BATCHES[:2])
    path.write_bytes(path.read_bytes() + bytes(600))  # the file had grown, its bytes had not come
    assert read(path) == flat(BATCHES[:2])


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_one_damaged_byte_anywhere_is_refused_with_file_and_offset(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "node.log"
    offsets = [0, len(MAGIC), *written(path)]
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    with pytest.raises(LogRefused) as refused:
        Log.open(path, "shop")
    assert f"{path}: offset {max(o for o in offsets if o <= at)}: " in str(refused.value)
    assert path.read_bytes() == whole  # the evidence is untouched


def test_a_zeroed_sector_in_the_middle_is_no_torn_tail(path: Path) -> None:
    written(path, [[b"a" * 3000], [b"b"]])
    data = bytearray(path.read_bytes())
    data[1024:1536] = bytes(512)
    path.write_bytes(data)
    with pytest.raises(LogRefused, match="a batch of 3004 bytes is damaged"):
        Log.open(path, "shop")


def test_a_zeroed_header_in_the_middle_is_no_torn_tail(path: Path) -> None:
    offsets = written(path)
    data = bytearray(path.read_bytes())
    data[offsets[1] : offsets[1] + HEAD.size] = bytes(HEAD.size)
    path.write_bytes(data)
    with pytest.raises(LogRefused, match=f"offset {offsets[1]}: the header"):
        Log.open(path, "shop")


def test_a_wrong_cluster_another_file_and_a_log_in_use_are_refused(path: Path) -> None:
    written(path)
    with pytest.raises(LogRefused, match="belongs to cluster 'shop', this node is one of cluster 'bank'"):
        Log.open(path, "bank")
    log = Log.open(path, "shop")
    with pytest.raises(LogRefused, match="another process has it open"):
        Log.open(path, "shop")
    log.close()
    path.write_bytes(b"#!/bin/sh\n")
    with pytest.raises(LogRefused, match="offset 0: this is no log"):
        Log.open(path, "shop")


class Full(Disk):
    """A disk with room for *room* bytes; *sync_fails*: fsync says EIO."""

    def __init__(self, room: int, sync_fails: bool = False) -> None:
        self.room, self.sync_fails = room, sync_fails

    def write(self, file: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = os.write(file, data[: self.room])
        self.room -= done
        return done

    def sync(self, file: int) -> None:
        if self.sync_fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("room", range(0, 40, 3))
def test_a_full_disk_acknowledges_nothing_and_loses_nothing(path: Path, room: int) -> None:
    end = written(path)[-1]
    log = Log.open(path, "shop", Full(room))
    acknowledged = flat(BATCHES)
    with pytest.raises(LogFailed, match=f"{path}: could not write .*No space left.*make room") as failed:
        for number in range(40):
            log.write([b"%d" % number])
            acknowledged.append(b"%d" % number)
            end = log.end
    assert f"at offset {end}:" in str(failed.value)
    with pytest.raises(LogFailed, match="No space left"):
        log.write([b"again"])  # it stays failed: nobody knows what the disk has
    log.close()
    assert read(path) == acknowledged


def test_a_failed_fsync_is_final(path: Path) -> None:
    written(path)
    log = Log.open(path, "shop", Full(10**6, sync_fails=True))
    with pytest.raises(LogFailed, match="Input/output error"):
        log.write([b"a"])
    log.disk = Disk()
    with pytest.raises(LogFailed, match="Input/output error"):
        log.write([b"a"])
    log.close()
    assert read(path) == flat(BATCHES)


def test_a_log_written_anew_has_only_the_new_records_or_stays_as_it_was(path: Path) -> None:
    written(path)
    log = Log.open(path, "shop")
    log.rewrite([b"snapshot"])
    log.write([b"next"])
    log.disk = Full(20)
    with pytest.raises(LogFailed, match="could not be written anew: No space left"):
        log.rewrite([b"never"])
    log.close()
    assert read(path) == [b"snapshot", b"next"]


def test_the_frame_is_the_documented_one() -> None:
    head = (8).to_bytes(4) + zlib.crc32(b"\0\0\0\4four").to_bytes(4)
    assert frame([b"four"]) == head + zlib.crc32(head).to_bytes(4) + b"\0\0\0\4four"
