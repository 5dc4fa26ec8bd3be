"""A grid of runs on all cores: every combination of some settings, each with several seeds.

"How does p99 depend on load and on the number of servers?" is 60 simulations, one after the other an evening, side by
side a coffee. Each run is a function of its settings and its seed, so it does not matter where it runs.

Promised: the same frame, in the same order, however many processes there are; an error names the run it happened in.
Past one machine: joblib's own switch, ``with joblib.parallel_config(backend="dask"):`` around the call (README).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import joblib
import pandas as pd


def sweep(
    function: Callable[..., Mapping[str, Any]],
    grid: Mapping[str, Sequence[Any]],
    *,
    seeds: Sequence[int] = range(5),
    jobs: int | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Call ``function(**settings, seed=seed)`` for every combination in *grid* and every seed; one row for each call.

    *function* is one that other processes can import (not a lambda) and returns a mapping: these are columns beside
    the settings and the seed. *jobs*: processes (default: one for each core, of the cluster if there is one).
    *progress* shows a bar. Raises ValueError for an empty grid, no seed or jobs below 1, RuntimeError with the settings
    of a run that failed.
    """
    runs = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if not grid or not runs or not len(seeds):
        given = f"{dict(grid)} and seeds {list(seeds)}"
        raise ValueError(f"a sweep needs at least one value of each setting and one seed, got {given}")
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    tasks = [run | {"seed": seed} for run in runs for seed in seeds]
    each = (joblib.delayed(_one)(function, task) for task in tasks)
    if not progress:
        return pd.DataFrame(joblib.Parallel(n_jobs=jobs or -1)(each))
    return pd.DataFrame(_shown(joblib.Parallel(n_jobs=jobs or -1, return_as="generator")(each), len(tasks)))


def _shown(rows: Iterable[dict[str, Any]], total: int) -> Iterator[dict[str, Any]]:
    """*rows* one by one beside a bar: IPython's in a notebook (rich's is a widget, and not kept), rich's elsewhere."""
    from rich.console import Console
    from rich.progress import track

    if not Console().is_jupyter:
        yield from track(rows, f"{total} runs", total=total, transient=True)
        return
    from IPython.display import ProgressBar

    bar = ProgressBar(total)
    bar.display()
    for row in rows:
        yield row
        bar.progress += 1


def _one(function: Callable[..., Mapping[str, Any]], task: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {**task, **function(**task)}
    except Exception as problem:
        raise RuntimeError(f"the run with {dict(task)} failed: {type(problem).__name__}: {problem}") from problem
