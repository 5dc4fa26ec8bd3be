"""A grid of runs on several processes."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import joblib
import pytest

from minisys.testbed.sweep import sweep

GRID = {"load": [0.5, 0.9], "servers": [1, 2, 3]}


def run(load: float, servers: int, seed: int) -> dict[str, float]:
    """Something that depends on everything."""
    return {"result": load * servers + seed / 10}


def fails(load: float, servers: int, seed: int) -> dict[str, float]:
    """Breaks at one point of the grid."""
    return {"result": math.sqrt(servers - 2)}


def test_every_combination_and_seed_is_one_row_in_order():
    frame = sweep(run, GRID, seeds=range(2), jobs=1)
    assert list(frame.columns) == ["load", "servers", "seed", "result"] and len(frame) == 12
    assert frame.iloc[0].to_dict() == {"load": 0.5, "servers": 1, "seed": 0, "result": 0.5}
    assert list(frame["servers"][:4]) == [1, 1, 2, 2]


def test_threads_or_processes_give_the_same_frame():
    with joblib.parallel_config(backend="threading"):
        assert sweep(run, GRID, jobs=4).equals(sweep(run, GRID, jobs=1))


def test_a_run_that_fails_is_named():
    with pytest.raises(RuntimeError, match="'servers': 1, 'seed': 0.*ValueError"):
        sweep(fails, GRID, jobs=1)


@pytest.mark.parametrize(
    ("grid", "seeds", "jobs", "told"),
    [
        ({}, [0], 1, "at least one value"),
        ({"a": []}, [0], 1, "at least one"),
        (GRID, [], 1, "one seed"),
        (GRID, [0], 0, "jobs"),
    ],
)
def test_nothing_to_do_is_refused(grid, seeds, jobs, told):
    with pytest.raises(ValueError, match=told):
        sweep(run, grid, seeds=seeds, jobs=jobs)


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from roots import root
from minisys.testbed.sweep import sweep
print(list(sweep(root, {"x": [1.0, 4.0, 9.0]}, seeds=[0, 1], jobs=2)["root"]))
"""


def test_processes_do_the_work(tmp_path):
    (tmp_path / "roots.py").write_text("def root(x, seed):\n    return {'root': x ** 0.5}\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.stdout.strip() == "[1.0, 1.0, 2.0, 2.0, 3.0, 3.0]", done.stderr


def test_a_bar_changes_nothing():
    with joblib.parallel_config(backend="threading"):
        assert sweep(run, GRID, jobs=2, progress=True).equals(sweep(run, GRID, jobs=1))
