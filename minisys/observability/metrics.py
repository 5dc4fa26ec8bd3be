"""What numbers about a system mean, and four ways in which true numbers mislead.

The dashboard is green: mean 80 ms, the servers' 99th percentiles averaged 120 ms. The users see two seconds. Every
number on it was right; what was done with them was not.

Promised: the meaning of counters and gauges as Prometheus has it (a counter only grows, or starts again at 0), and
demonstrations that compute the wrong number beside the right one. Not done: extrapolation to the edges of a window, as
Prometheus' increase() does it. Histograms are in histograms.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def increase(samples: Sequence[float]) -> float:
    """How much a counter grew over its *samples*, oldest first; a smaller sample means that it began again at 0.

    What was counted between the last look and the restart is lost: nobody saw it. 0.0 for fewer than two samples.
    Raises ValueError for a negative sample, which no counter has.
    """
    if any(value < 0 for value in samples):
        raise ValueError(f"a counter is never negative, got {min(samples)}")
    steps = zip(samples, samples[1:], strict=False)
    return float(sum(now - before if now >= before else now for before, now in steps))


def rate_per_s(times_s: Sequence[float], samples: Sequence[float]) -> float:
    """Events per second between the first and the last look at a counter. Raises ValueError below two looks."""
    if len(samples) != len(times_s) or len(samples) < 2 or not times_s[-1] > times_s[0]:
        raise ValueError(f"a rate needs two looks at different times, got {list(times_s)} with {list(samples)}")
    return increase(samples) / (times_s[-1] - times_s[0])


def monotone(samples: np.ndarray) -> np.ndarray:
    """A counter's *samples* with its restarts taken out, so that differences are increases."""
    values = np.asarray(samples, float)
    steps = np.diff(values, prepend=values[:1])
    return np.asarray(values[:1].sum() + np.cumsum(np.where(steps >= 0, steps, values)))


def averaged_percentile(parts: Mapping[str, np.ndarray], q: float) -> pd.DataFrame:
    """The q-quantile of each part, their mean, their mean weighted by traffic, and the quantile of all together.

    *parts* maps a server to its latencies in seconds. Only the last row is a quantile of what users saw. Raises
    ValueError unless 0 < q < 1 and every part has latencies.
    """
    if not 0 < q < 1 or not parts or not all(len(part) for part in parts.values()):
        raise ValueError(f"need 0 < q < 1 and latencies in every part, got q = {q}")
    each = {name: float(np.quantile(part, q)) for name, part in parts.items()}
    sizes = [len(part) for part in parts.values()]
    values = list(each.values())
    rows = [(name, len(parts[name]), value) for name, value in each.items()]
    rows += [
        ("mean of the percentiles", sum(sizes), float(np.mean(values))),
        ("weighted mean", sum(sizes), float(np.average(values, weights=sizes))),
        ("largest", sum(sizes), max(values)),
        ("percentile of all requests", sum(sizes), float(np.quantile(np.concatenate(list(parts.values())), q))),
    ]
    return pd.DataFrame(rows, columns=["what", "requests", "latency_s"])


def open_loop(rate_per_s: float, service_s: float, stall_at_s: float, stall_s: float, until_s: float) -> np.ndarray:
    """Latencies that users see who come every 1 / *rate_per_s* seconds, whatever the server does.

    It answers after *service_s*, but does nothing for *stall_s* seconds from *stall_at_s* on; afterwards it answers
    everybody who waits at once. Raises ValueError unless all are positive and the stall lies before *until_s*.
    """
    _check(rate_per_s, service_s, stall_at_s, stall_s, until_s)
    come = np.arange(0.0, until_s, 1 / rate_per_s)
    caught = (come + service_s > stall_at_s) & (come < stall_at_s + stall_s)
    return np.where(caught, stall_at_s + stall_s - come + service_s, service_s)


def closed_loop(rate_per_s: float, service_s: float, stall_at_s: float, stall_s: float, until_s: float) -> np.ndarray:
    """What a benchmark records that sends the next request only after the answer: it stops asking when it hurts.

    The same server and the same intended rate as in `open_loop`; the stall is one sample. Gil Tene called this
    coordinated omission (How NOT to measure latency, 2013).
    """
    _check(rate_per_s, service_s, stall_at_s, stall_s, until_s)
    gap_s, now, seen = 1 / rate_per_s, 0.0, []
    while now < until_s:
        caught = now + service_s > stall_at_s and now < stall_at_s + stall_s
        seen.append(stall_at_s + stall_s - now + service_s if caught else service_s)
        now += max(gap_s, seen[-1])
    return np.array(seen)


def corrected(latencies_s: np.ndarray, expected_every_s: float) -> np.ndarray:
    """*latencies_s* and those of the requests that were not sent meanwhile, one for each *expected_every_s* seconds.

    HdrHistogram's recordValueWithExpectedInterval: a sample of 1 s at 0.1 s apart stands for 1.0, 0.9, … 0.1 s. It is a
    guess; sending on time is better. Raises ValueError unless expected_every_s is positive.
    """
    if not expected_every_s > 0:
        raise ValueError(f"expected_every_s must be above 0 seconds, got {expected_every_s}")
    made = [np.arange(value, expected_every_s * (1 - 1e-9), -expected_every_s) for value in latencies_s]
    return np.concatenate([part if len(part) else np.array([v]) for part, v in zip(made, latencies_s, strict=True)])


def _check(rate_per_s: float, service_s: float, stall_at_s: float, stall_s: float, until_s: float) -> None:
    if not (min(rate_per_s, service_s, stall_at_s, stall_s) > 0 and stall_at_s + stall_s <= until_s):
        raise ValueError(
            f"need a rate, service and stall above 0 that end before until_s, got {rate_per_s} per s, {service_s} s, "
            f"a stall of {stall_s} s at {stall_at_s} s, until {until_s} s"
        )
