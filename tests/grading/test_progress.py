"""The progress file: what it keeps, and what it survives."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from minisys.grading.progress import Points, Progress

WRITER = """
import sys
from minisys.grading.progress import Progress
progress = Progress(sys.argv[1])
print("ready", flush=True)
i = 0
while i < int(sys.argv[3]):
    progress.record("lab", 3, f"{sys.argv[2]}-{i}", 1, 1, {"i": i})
    print(i, flush=True)
    i += 1
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "progress.sqlite3"


def writer(path, name, count):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(count)], stdout=subprocess.PIPE, text=True, bufsize=1
    )


def test_what_was_recorded_is_there_for_the_next_kernel(path):
    Progress(path).record("lab", "03", 2, 1.0, 3.0, {"said": "naïve ✓", "mean": np.float64(0.5), "n": np.arange(2)})
    [entry] = Progress(path).history()
    assert (entry.kind, entry.chapter, entry.item, entry.points, entry.out_of) == ("lab", "03", "2", 1.0, 3.0)
    assert entry.detail == {"said": "naïve ✓", "mean": 0.5, "n": [0, 1]}
    assert Progress(path).notice == ""


def test_points_count_the_best_try_of_each_item(path):
    progress = Progress(path)
    for got in (1, 3, 2):
        progress.record("lab", 3, 1, got, 3)
    progress.record("question", 3, "1", 1, 1)
    progress.record("prediction", 3, "p99")
    progress.record("lab", 4, 1, 2, 2)
    assert progress.points("03") == Points(4, 4)
    assert progress.points(3, "lab") == Points(3, 3)
    assert progress.points() == Points(6, 6)
    assert progress.points("09") == Points(0, 0)


def test_best_is_the_first_try_with_the_most_points(path):
    progress = Progress(path)
    assert progress.best("lab", 3, 1) is None
    for i, got in enumerate((1, 3, 3)):
        progress.record("lab", "3", 1, got, 3, {"i": i})
    assert progress.best("lab", "03", "1").detail == {"i": 1}


@pytest.mark.parametrize("points, out_of", [(-1, 1), (2, 1), (float("nan"), 1), (1, float("inf"))])
def test_impossible_points_are_refused(path, points, out_of):
    with pytest.raises(ValueError, match="points must lie between"):
        Progress(path).record("lab", 3, 1, points, out_of)
    with pytest.raises(ValueError, match="must not be empty"):
        Progress(path).record("", 3, 1)


def test_two_kernels_at_once_lose_nothing(path):
    writers = [writer(path, name, 60) for name in "ab"]
    assert [process.communicate(timeout=60)[1] for process in writers] == [None, None]
    kept = sorted(entry.item for entry in Progress(path).history())
    assert kept == sorted(f"{name}-{i}" for name in "ab" for i in range(60))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_kernel_killed_in_the_middle_leaves_every_finished_row(path):
    for round_ in range(3):
        with writer(path, f"r{round_}", 10**9) as process:
            lines = [process.stdout.readline() for _ in range(15)]
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.readlines()
        said = {f"r{round_}-{line.strip()}" for line in lines if line.strip().isdigit()}
        kept = {entry.item for entry in Progress(path).history(item=None) if entry.item.startswith(f"r{round_}-")}
        assert len(said) >= 14
        assert said <= kept and len(kept) <= len(said) + 1
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    Progress(path).record("lab", 3, "after", 1, 1)


def test_a_damaged_file_is_set_aside_and_a_new_one_starts(path, capsys):
    path.write_bytes(b"half a file, left by a sync program " * 100)
    progress = Progress(path)
    progress.record("lab", 3, 1, 1, 1)
    [aside] = path.parent.glob("progress-damaged-*.sqlite3")
    assert aside.read_bytes().startswith(b"half a file")
    assert "was damaged" in progress.notice and str(aside) in progress.notice
    assert capsys.readouterr().err.count("was damaged") == 1
    assert Progress(path).points() == Points(1, 1)


def test_damage_inside_the_file_is_met_too(path):
    progress = Progress(path)
    for i in range(40):
        progress.record("lab", 3, i, 1, 1, {"text": "x" * 2000})
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (size - 8192))
    assert progress.history() == []
    assert list(path.parent.glob("progress-damaged-*.sqlite3"))
    assert Progress(path).record("lab", 3, 1, 1, 1).points == 1


def test_a_folder_that_cannot_be_written_costs_this_session_only(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "progress.sqlite3"
    progress = Progress(path)
    progress.record("lab", 3, 1, 1, 1)
    assert Progress(path).points("03") == Points(1, 1)  # another Progress of this kernel sees it
    assert "cannot write the progress file" in progress.notice and "MINISYS_HOME" in progress.notice
    assert capsys.readouterr().err.count("cannot write") == 1


def test_a_read_only_file_is_still_read(path):
    Progress(path).record("lab", 3, 1, 1, 1)
    path.chmod(0o444)
    path.parent.chmod(0o555)
    drop = "import os\nif os.getuid() == 0: os.setegid(65534); os.seteuid(65534)\n"
    code = (
        "import sys\nfrom minisys.grading.progress import Progress\n"
        + drop
        + ("p = Progress(sys.argv[1]); p.record('lab', 3, 2, 1, 1); print(len(p.history()), p.points().got)")
    )
    modes = {folder: folder.stat().st_mode for folder in path.parents} if os.getuid() == 0 else {}
    try:
        for folder, mode in modes.items():  # nobody must be able to get there
            folder.chmod(mode | 0o011)
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    finally:
        for folder, mode in modes.items():
            folder.chmod(mode)
        path.parent.chmod(0o755)
    assert done.stdout.split() == ["2", "2.0"], done.stderr
    assert "cannot write the progress file" in done.stderr


def test_a_file_from_a_later_course_is_left_alone(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    progress = Progress(path)
    progress.record("lab", 3, 1, 1, 1)
    assert "version 99" in progress.notice and "update the course" in progress.notice
    assert path.read_bytes() == before


def test_a_kernel_waits_for_another_ones_transaction(path):
    Progress(path).record("lab", 3, 1, 1, 1)
    code = "import sys\nfrom minisys.grading.progress import Progress\nprint(1, flush=True)\n"
    code += "Progress(sys.argv[1]).record('lab', 3, 2, 1, 1)"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        other = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        other.stdout.readline()
        db.execute("COMMIT")
    assert other.wait(timeout=60) == 0
    other.stdout.close()
    assert len(Progress(path).history()) == 2
