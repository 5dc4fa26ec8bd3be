"""The measured change beside the model's: what users' latencies did while slots moved, and what the queue predicts.

The model of resharding.py has lines at shards and nothing else: no client in Python, no scheduler, no two cores that
eight processes share. Given the work that the nodes were seen to do, it says how long a request waits behind a piece of
the move. What is measured on top of that is the rest of the machine, and the difference is the lesson.

Promised: the model's numbers come from this run's rates and CPU times, none is fitted to the latencies. Not promised:
that they agree; a shared laptop adds milliseconds that no queue explains.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from minisys.sharding.experiments import AT_S, Watched
from minisys.sharding.resharding import Move, latencies
from minisys.testbed import charts
from minisys.testbed.workload import Exponential, Poisson, Uniform, workload

AT_ONCE = 64  # slots in one piece of the live move
LEAST_S = 1e-6


def predicted(watched: Watched, *, seed: int = 1) -> tuple[float, float]:
    """The model's p99 in seconds, before a change that moved slots and meanwhile.

    Each request costs half of what all nodes needed for one in the second before (the replica does the other half);
    a slot costs a quarter of what they needed on top, at the shard that sends and at the one that receives.
    Raises ValueError if *watched* moved no slot.
    """
    if not watched.moved:
        raise ValueError(f"{watched.what!r} moved no slot: there is nothing to predict")
    before_s, meanwhile_s = watched.cpu_s
    answered = sum(each.invoked_s < watched.at_s for each in watched.found.history)
    rate_per_s = max(1.0, answered / watched.at_s)
    service_s = max(LEAST_S, before_s / max(1, answered) / 2)
    extra_s = max(LEAST_S, meanwhile_s - before_s / AT_S * watched.took_s)
    per_s = watched.moved / watched.took_s
    move = Move(float(watched.moved), per_s, float(AT_ONCE), extra_s / watched.moved / 4, watched.at_s)
    count = int(rate_per_s * (watched.at_s + watched.took_s))
    offered = workload(count, arrivals=Poisson(rate_per_s), work=Exponential(service_s), keys=Uniform(5_000), seed=seed)
    took_s, _ = latencies(offered, move, shards=watched.shards)
    early = offered.arrival_s < watched.at_s
    return float(np.quantile(took_s[early], 0.99)), float(np.quantile(took_s[~early], 0.99))


def beside_model(watched: Sequence[Watched]) -> pd.DataFrame:
    """p99 in milliseconds before and during each change, measured and as the model has it, and what was added."""
    rows = []
    for each in watched:
        worlds = {"measured": (each.latency_s(0.99, False), each.latency_s(0.99, True)), "model": predicted(each)}
        for world, (before_s, meanwhile_s) in worlds.items():
            rows.append({
                "system": each.found.system, "what": each.what, "world": world, "p99_before_ms": 1000 * before_s,
                "p99_meanwhile_ms": 1000 * meanwhile_s, "added_ms": 1000 * (meanwhile_s - before_s),
            })  # fmt: skip
    return pd.DataFrame(rows)


def timeline(watched: Sequence[Watched], every_s: float = 0.25) -> pd.DataFrame:
    """For each system the p99 in milliseconds of what was asked in each slice of *every_s* seconds (`at_s`)."""
    rows = []
    for each in watched:
        answered = [(o.invoked_s, o.responded_s - o.invoked_s) for o in each.found.history if o.outcome == "ok"]
        frame = pd.DataFrame(answered, columns=["at_s", "p99_ms"])
        frame = frame[frame["at_s"] < each.at_s + each.took_s + 1.0]  # what follows is the reading back
        slices = frame.groupby((frame["at_s"] // every_s) * every_s)["p99_ms"].quantile(0.99) * 1000
        rows.append(slices.reset_index().assign(system=each.found.system))
    return pd.concat(rows, ignore_index=True)


def timeline_chart(watched: Sequence[Watched], title: str) -> alt.LayerChart:
    """The users' p99 over time, a line for each system; the change begins one second after the load."""
    return charts.lines(
        timeline(watched), x="at_s", y="p99_ms", by="system", title=title,
        x_title="seconds since the load began", y_title="p99 (ms)",
    )  # fmt: skip
