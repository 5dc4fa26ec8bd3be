"""Numbers of chapter 13: how far light gets, what a backup loses, how long leaving a region takes.

Each working returns its steps in order, the last one is the answer; wrong ways stand below the working they go with.
"""

from __future__ import annotations

from minisys.interview.calculations import calculation, working

KM_PER_MS = 299_792.458 / 1.468 / 1000  # light in glass; refractive index of a single-mode fibre


@calculation
def fibre_round_trip_ms(km: float) -> float:
    """The least time there and back through a straight fibre."""
    return 2 * km / KM_PER_MS


@calculation
def fibre_one_way_ms(km: float) -> float:
    """Slip: only there."""
    return km / KM_PER_MS


@calculation
def vacuum_round_trip_ms(km: float) -> float:
    """Slip: as if glass were empty space."""
    return 2 * km / 299.792458


@calculation
def worst_backup_loss_minutes(every_h: float, takes_min: float) -> float:
    """What is lost at most: a backup holds the state of its beginning, and the one under way does not count."""
    return 60 * every_h + takes_min


@calculation
def backup_interval_minutes(every_h: float, takes_min: float) -> float:
    """Slip: the interval alone."""
    return 60 * every_h


@calculation
def mean_backup_loss_minutes(every_h: float, takes_min: float) -> float:
    """Slip: on average, not at most."""
    return 30 * every_h + takes_min


@working
def restore_minutes(size_gb: float, mb_per_s: float, log_gb: float, replay_mb_per_s: float) -> dict[str, float]:
    """Copying a base backup back, then replaying the log since."""
    copy = 1000 * size_gb / mb_per_s / 60
    replay = 1000 * log_gb / replay_mb_per_s / 60
    return {"copy": copy, "replay": replay, "restore": copy + replay}


@calculation
def restore_bits_minutes(size_gb: float, mb_per_s: float, log_gb: float, replay_mb_per_s: float) -> float:
    """Slip: megabits taken for megabytes."""
    return 8 * (1000 * size_gb / mb_per_s + 1000 * log_gb / replay_mb_per_s) / 60


@working
def busy_at_most_percent(regions: float, limit_percent: float) -> dict[str, float]:
    """How busy each of several equal regions may be, if the others must carry all when one is lost."""
    left = (regions - 1) / regions
    return {"left": left, "busy": limit_percent * left}


@calculation
def busy_divided_percent(regions: float, limit_percent: float) -> float:
    """Slip: the limit divided by the regions."""
    return limit_percent / regions


@working
def evacuated_s(every_s: float, failures: float, ttl_s: float) -> dict[str, float]:
    """Until the last obedient resolver knows the new address: noticing, then the answer's lifetime."""
    noticed = every_s * failures
    return {"noticed": noticed, "moved": noticed + ttl_s}


@calculation
def evacuated_one_check_s(every_s: float, failures: float, ttl_s: float) -> float:
    """Slip: the first failed check is enough."""
    return every_s + ttl_s


@working
def two_regions_percent(one_percent: float, works_percent: float) -> dict[str, float]:
    """Availability of two regions of which the second takes over, if the switch works."""
    down = 1 - one_percent / 100
    saved = down * works_percent / 100 * one_percent / 100
    return {"down": 100 * down, "saved": 100 * saved, "both": one_percent + 100 * saved}


@calculation
def two_regions_no_switch_percent(one_percent: float, works_percent: float) -> float:
    """Slip: two independent regions, and a switch that never fails."""
    return 100 * (1 - (1 - one_percent / 100) ** 2)
