"""Numbers of chapter 08: backlog and waiting, workers, partitions, redelivery, dead letters, group commit, duplicates.

Each working returns its steps in order, the last one is the answer; wrong ways stand below the working they go with.
"""

from __future__ import annotations

from math import ceil, exp

from minisys.interview.calculations import calculation, working


@working
def last_of_spike_waits_s(peak: float, capacity: float, spike_s: float) -> dict[str, float]:
    """Wait of the last message of a spike in a first-in, first-out queue that was empty before (fluid)."""
    backlog = (peak - capacity) * spike_s
    return {"backlog": backlog, "wait": backlog / capacity}


@calculation
def last_of_spike_behind_all_s(peak: float, capacity: float, spike_s: float) -> float:
    """Slip: the messages that were done during the spike counted as waiting."""
    return peak * spike_s / capacity


@calculation
def last_of_spike_by_the_peak_s(peak: float, capacity: float, spike_s: float) -> float:
    """Slip: the backlog divided by the rate at which it came."""
    return (peak - capacity) * spike_s / peak


@working
def dead_letter_after_s(receives: float, visibility_s: float) -> dict[str, float]:
    """From the first receive of a message that kills every consumer to its dead-letter queue, if somebody always asks.

    Each receive holds it for one visibility timeout. Source: Amazon SQS documentation, maxReceiveCount.
    """
    return {"until": receives * visibility_s}


@calculation
def dead_letter_at_last_receive_s(receives: float, visibility_s: float) -> float:
    """Slip: moved at the last allowed receive, not after it."""
    return (receives - 1) * visibility_s


@working
def workers_to_drain(backlog: float, arriving: float, work_ms: float, drain_min: float) -> dict[str, float]:
    """Workers that are done with a backlog in time while new messages come."""
    rate = arriving + backlog / (drain_min * 60)
    each = 1000 / work_ms
    return {"rate": rate, "each": each, "workers": ceil(rate / each - 1e-9)}


@calculation
def workers_for_the_backlog(backlog: float, arriving: float, work_ms: float, drain_min: float) -> float:
    """Slip: nothing new comes."""
    return ceil(backlog / (drain_min * 60) * work_ms / 1000 - 1e-9)


@calculation
def workers_for_arrivals(backlog: float, arriving: float, work_ms: float, drain_min: float) -> float:
    """Slip: keeping up, and no more."""
    return ceil(arriving * work_ms / 1000 - 1e-9)


@working
def partitions_needed(rate: float, work_ms: float, busy_percent: float) -> dict[str, float]:
    """Partitions for consumers that take one record at a time and shall be busy for a share of the time at most."""
    busy = rate * work_ms / 1000
    return {"busy": busy, "partitions": ceil(busy / (busy_percent / 100) - 1e-9)}


@calculation
def partitions_share_the_other_way(rate: float, work_ms: float, busy_percent: float) -> float:
    """Slip: multiplied by the share instead of divided."""
    return rate * work_ms / 1000 * busy_percent / 100


@calculation
def handed_out_again_percent(mean_s: float, visibility_s: float) -> float:
    """Messages whose work, exponential with a mean, is longer than the visibility timeout."""
    return 100 * exp(-visibility_s / mean_s)


@calculation
def done_in_time_percent(mean_s: float, visibility_s: float) -> float:
    """Slip: the others."""
    return 100 - handed_out_again_percent(mean_s, visibility_s)


@calculation
def mean_over_visibility_percent(mean_s: float, visibility_s: float) -> float:
    """Slip: mean over timeout, which is only Markov's bound."""
    return 100 * mean_s / visibility_s


@working
def group_commit_per_s(fsync_ms: float, batch: float, each_us: float) -> dict[str, float]:
    """Durable messages a second when one fsync serves a whole batch."""
    batch_ms = fsync_ms + batch * each_us / 1000
    return {"batch_ms": batch_ms, "a_second": batch * 1000 / batch_ms}


@calculation
def fsync_each_per_s(fsync_ms: float, batch: float, each_us: float) -> float:
    """Slip: an fsync for each message."""
    return 1000 / (fsync_ms + each_us / 1000)


@calculation
def group_commit_fsync_only_per_s(fsync_ms: float, batch: float, each_us: float) -> float:
    """Slip: the handling left out."""
    return batch * 1000 / fsync_ms


@working
def duplicates_a_day(messages: float, window_ms: float, crash_h: float) -> dict[str, float]:
    """Messages done twice in a day because a worker crashed between effect and acknowledgement.

    Crashes come once in *crash_h* hours of work, at any moment alike.
    """
    window_s = messages * window_ms / 1000
    return {"window_s": window_s, "duplicates": window_s / (crash_h * 3600)}


@calculation
def crashes_a_day(messages: float, window_ms: float, crash_h: float) -> float:
    """Slip: every crash of one worker makes a duplicate."""
    return 24 / crash_h
