"""Deaths under load, full and read-only disks, damaged files: nothing acknowledged is lost, and refusals are clear."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minisys.queues import live
from minisys.queues.broker import Broker
from minisys.queues.client import Client
from minisys.queues.errors import SqsError
from minisys.queues.live import Seen
from minisys.queues.store import FILE, Store, StoreRefused
from minisys.testbed import nodes
from minisys.testbed.nodes import NodeFailed
from tests.queues.stage import Local


@pytest.mark.live
@pytest.mark.parametrize("kills", [1, 2])
def test_killed_under_load_it_loses_nothing(tmp_path: Path, kills: int) -> None:
    seen = live.kill_under_load(tmp_path, kills=kills, seed=kills)
    assert seen.broken() == []
    assert seen.kills == kills
    assert len(seen.sent) > 20 and len(seen.deleted) > 10  # it was under load


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda seen: seen.sent.add("lost"), "1 lost: lost"),
        (lambda seen: seen.received["gone"].append((9.0, 9.1, 1)), "1 deleted and back: gone"),
        (lambda seen: seen.received["a"].append((5.0, 5.1, 1)), "1 miscounted: a"),
        (lambda seen: seen.received["a"].append((5.0, 5.1, 9)), "1 miscounted: a"),
        (lambda seen: seen.received["a"].append((1.1, 1.2, 2)), "1 held twice: a"),
        (lambda seen: seen.left.add("strange"), "1 never sent: strange"),
    ],
)  # fmt: skip
def test_the_harness_sees_what_is_wrong(change: object, said: str) -> None:
    seen = Seen(sent={"a", "gone"}, deleted={"gone": 2.0}, left={"a"}, unanswered=1)
    seen.received["a"].append((1.0, 1.1, 1))
    seen.received["gone"].append((1.0, 1.1, 1))
    assert seen.broken() == []
    change(seen)  # type: ignore[operator]
    assert said in seen.broken()


def filled(folder: Path, messages: int = 40) -> None:
    """A closed broker's file with messages in it."""
    with live.broker(folder) as node:
        client = Client(node.url)
        url = client("CreateQueue", QueueName="q")["QueueUrl"]
        for number in range(messages):
            client("SendMessage", QueueUrl=url, MessageBody=f"{number} " + "x" * 300)
        client.close()


@pytest.mark.live
def test_a_full_disk_refuses_what_it_cannot_keep_and_keeps_the_rest(tmp_path: Path) -> None:
    with live.broker(tmp_path, limit_mb=0.3) as node:
        client, kept = Client(node.url), 0
        url = client("CreateQueue", QueueName="q", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
        with pytest.raises(SqsError, match="full.*nothing was kept.*to make room") as refused:
            while kept < 500:
                client("SendMessage", QueueUrl=url, MessageBody="x" * 10_000)
                kept += 1
        assert refused.value.status == 503
        assert kept > 3
        assert count(client, url) == kept
        for _ in range(2):
            (got,) = client("ReceiveMessage", QueueUrl=url)["Messages"]
            client("DeleteMessage", QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])  # makes room
        client("SendMessage", QueueUrl=url, MessageBody="y" * 5_000)
        client.close()
    with live.broker(tmp_path) as node:
        assert count(Client(node.url), url) == kept - 1


@pytest.mark.live
@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files")
def test_a_file_that_may_not_grow_refuses_and_loses_nothing(tmp_path: Path) -> None:
    with live.broker(tmp_path) as node:
        client, kept = Client(node.url), 0
        url = client("CreateQueue", QueueName="q")["QueueUrl"]
        _, most = resource.prlimit(node.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (200_000, most))
        with pytest.raises(SqsError, match="cannot write.*nothing was kept"):
            while kept < 500:
                client("SendMessage", QueueUrl=url, MessageBody="x" * 10_000)
                kept += 1
        assert kept > 3
        assert count(client, url) == kept
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (most, most))
        client("SendMessage", QueueUrl=url, MessageBody="there is room again")
        kept += 1
        node.kill()
        client.close()
    with live.broker(tmp_path) as node:
        assert count(Client(node.url), url) == kept


def count(client: Client, url: str) -> int:
    """Messages in the queue."""
    told = client("GetQueueAttributes", QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    client.close()
    return int(told["Attributes"]["ApproximateNumberOfMessages"])


OPEN = "import sys; from minisys.queues.store import Store; Store(sys.argv[1])"


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a folder read-only, or needs not to be root")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    Store(folder).close()
    command = f'exec "{sys.executable}" -c "{OPEN}" "{folder}"'
    if os.geteuid() == 0:  # root may write everywhere, but not to a mount that is read-only
        mount = f'mount --bind "{folder}" "{folder}" && mount -o remount,ro,bind "{folder}"'
        argv = ["unshare", "--mount", "sh", "-c", f"{mount} && {command}"]
    else:
        folder.chmod(0o555)
        (folder / FILE).chmod(0o444)
        argv = ["sh", "-c", command]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    folder.chmod(0o755)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"this system does not let root mount: {done.stderr.strip()}")
    assert done.returncode != 0
    assert "cannot be written" in done.stderr
    assert str(folder) in done.stderr


def damaged_somewhere(path: Path, at: int) -> None:
    """Write rubbish over 64 bytes."""
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(bytes(range(64)))


@pytest.mark.live
def test_a_damaged_file_is_refused_with_a_reason(tmp_path: Path) -> None:
    filled(tmp_path)
    good, path = (tmp_path / FILE).read_bytes(), tmp_path / FILE
    somewhere = good.find(b"7 xxxx") + 100  # in the middle of a message
    for at in (0, 4096 * 3, somewhere):
        path.write_bytes(good)
        damaged_somewhere(path, at)
        with pytest.raises(StoreRefused, match="damaged.*Put back a copy"):
            Store(tmp_path)
    with pytest.raises(NodeFailed, match="damaged"):
        live.broker(tmp_path)
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(StoreRefused, match="damaged"):
        Store(tmp_path)
    path.write_bytes(good)
    Store(tmp_path).close()


@pytest.mark.parametrize("word", [b"an attribute", b"4321", b"a-tag", b"a-group", b"a-key"])
def test_one_bit_that_no_page_can_miss_is_found(tmp_path: Path, word: bytes) -> None:
    store = Store(tmp_path, durable=False)
    on = Local(Broker(store))
    set_up = {"Attributes": {"FifoQueue": "true", "VisibilityTimeout": "4321"}, "tags": {"a-tag": "x"}}
    ids = {"MessageGroupId": "a-group", "MessageDeduplicationId": "a-key"}
    attributes = {"a": {"DataType": "String", "StringValue": "an attribute"}}
    url = on("CreateQueue", QueueName="q.fifo", **set_up)["QueueUrl"]
    on("SendMessage", QueueUrl=url, MessageBody="x", MessageAttributes=attributes, **ids)
    store.close()
    content = bytearray((tmp_path / FILE).read_bytes())
    content[content.find(word) + 1] ^= 1
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(StoreRefused, match="damaged.*not what was written"):
        Store(tmp_path)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    import sqlite3

    db = sqlite3.connect(tmp_path / FILE)
    db.execute("CREATE TABLE mine (x)")
    db.close()
    with pytest.raises(StoreRefused, match="not a broker's file"):
        Store(tmp_path)


def test_one_broker_a_file(tmp_path: Path) -> None:
    first = Store(tmp_path)
    with pytest.raises(StoreRefused, match="in use by another broker"):
        Store(tmp_path)
    first.close()
    Store(tmp_path).close()


def test_a_place_where_no_folder_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreRefused, match="cannot be written"):
        Store(tmp_path / "file" / "folder")


def test_what_is_acknowledged_is_synchronised(tmp_path: Path) -> None:
    for durable, level in ((True, 2), (False, 0)):
        store = Store(tmp_path / str(durable), durable=durable)
        assert store.db.execute("PRAGMA synchronous").fetchone()[0] == level
        assert store.db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        store.close()


@pytest.mark.live
def test_when_fsync_fails_nobody_is_told_that_it_is_kept(tmp_path: Path) -> None:
    """strace makes every fsync fail from some moment on, as a dying disk does."""
    tracer = shutil.which("strace")
    if tracer is None or subprocess.run([tracer, "-qq", "true"], capture_output=True).returncode:
        pytest.skip("no strace, or it may not trace here")
    fail = "inject=fsync,fdatasync:error=EIO:when=15+"
    argv = [tracer, "-f", "-qq", "-o", os.devnull, "-e", fail, sys.executable, "-m", "minisys.queues", "--data"]
    acknowledged = []
    with nodes.start([*argv, str(tmp_path)], name="broker") as node:
        client = Client(node.url)
        url = client("CreateQueue", QueueName="q")["QueueUrl"]
        with pytest.raises(ConnectionError):
            for number in range(50):
                client("SendMessage", QueueUrl=url, MessageBody=str(number))
                acknowledged.append(str(number))
        client.close()
        node._process.wait(10)
        assert "fsync failed" in node.tail()
    assert 3 < len(acknowledged) < 20
    with live.broker(tmp_path) as node, Client(node.url) as client:
        got: list[str] = []
        while messages := client("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            got += [message["Body"] for message in messages]
    assert set(acknowledged) <= set(got)
