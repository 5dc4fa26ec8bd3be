"""Disaster with a pencil: what is lost, how long it takes, who still asks at the old address, what it costs a year.

Recovery is measured in two numbers. RPO: how old is what we get back? RTO: how long until somebody is served? Both can
be said beforehand from settings that stand in configuration files, and most people see them for the first time on the
day itself.

Promised: closed forms under the assumptions that each states; the tests hold them against the model and against
sampling. Not promised: that the steps of your recovery take as long as you think; that is what drills are for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from minisys.regions.levels import Copies, Level, Shop, Timing
from minisys.regions.policies import Resolver

YEAR_S = 365.25 * 86_400


def rpo_worst_s(copies: Copies) -> float:
    """Seconds of acknowledged writes that are lost at most: the disaster comes just before the next copy is there."""
    return 0.0 if copies.synchronous else copies.every_s + copies.transit_s


def rpo_mean_s(copies: Copies) -> float:
    """Seconds of acknowledged writes that are lost on average, if the disaster comes at any time alike."""
    return 0.0 if copies.synchronous else copies.every_s / 2 + copies.transit_s


def lost_writes(copies: Copies, writes_per_s: float) -> float:
    """Acknowledged writes that are lost on average: Little's law for what is on its way to the other region."""
    if writes_per_s < 0:
        raise ValueError(f"writes_per_s must be 0 or more, got {writes_per_s}")
    return writes_per_s * rpo_mean_s(copies)


def rto_s(level: Level, shop: Shop | None = None, timing: Timing | None = None) -> float:
    """Seconds from the loss until the last user whose resolver obeys is led to the other region, at worst.

    The sum of the level's steps. Whether that region can carry everybody by then is another question: all_served_s.
    """
    return sum(level.steps(shop, timing).values())


def notice_s(check_every_s: float, fall: int) -> float:
    """Mean seconds until *fall* checks in a row have failed, one every *check_every_s*: the first comes half-way."""
    if not check_every_s > 0 or fall < 1:
        raise ValueError(f"need check_every_s > 0 and fall >= 1, got {check_every_s} and {fall}")
    return check_every_s * (fall - 0.5)


def open_s(level: Level, shop: Shop | None = None, timing: Timing | None = None) -> float:
    """Mean seconds from the loss until the other region is open and names lead to it: the RTO of the luckiest user.

    As rto_s, but the checks take their mean time and nobody's cache is waited for.
    """
    timing = timing or Timing()
    steps = level.steps(shop, timing)
    return sum(steps.values()) - steps["names"] - steps["notice"] + notice_s(timing.check_every_s, timing.fall)


def all_served_s(level: Level, shop: Shop | None = None, timing: Timing | None = None) -> float:
    """Mean seconds from the loss until nobody is refused: the region is open, and grown, and the names are led there.

    Growing and the caches' forgetting both begin when the region opens, so the longer of the two counts. Assumes that
    a standby which is not of full size cannot carry everybody, and that the checks take their mean time.
    """
    timing = timing or Timing()
    grow_s = timing.scale_out_s if 0 < level.app < 1 else 0.0  # what is booted for the occasion has full size at once
    return open_s(level, shop, timing) + max(grow_s, timing.ttl_s)


def stale_share(t_s: float, ttl_s: float, asks_per_s: float = math.inf) -> float:
    """Share of requests that still go to the old address *t_s* seconds after a name was changed.

    Requests come as a Poisson process, *asks_per_s* behind each resolver, which keeps an answer *ttl_s* seconds and
    fetches it again with the next request. One cycle lasts ttl + 1/rate; at a random moment of it the rest of the
    answer's life exceeds t for ttl - t seconds. So (ttl - t) / (ttl + 1/rate); for busy resolvers 1 - t/ttl.
    Raises ValueError for a negative time or a rate of 0 or less.
    """
    if t_s < 0 or ttl_s < 0 or not asks_per_s > 0:
        raise ValueError(f"need t_s >= 0, ttl_s >= 0 and asks_per_s > 0, got {t_s}, {ttl_s}, {asks_per_s}")
    if ttl_s == math.inf:
        return 1.0
    return max(0.0, ttl_s - t_s) / (ttl_s + 1 / asks_per_s) if ttl_s else 0.0


def stale_mix(t_s: float, ttl_s: float, mix: Mapping[Resolver, float], asks_per_s: float = math.inf) -> float:
    """Like stale_share for a *mix* of resolvers and the shares of the requests behind each kind."""
    return sum(share * stale_share(t_s, kind.keeps_s(ttl_s), asks_per_s) for kind, share in mix.items())


def stale_requests(until_s: float, rate_per_s: float, ttl_s: float, mix: Mapping[Resolver, float]) -> float:
    """Requests to the old address in the first *until_s* seconds after the change, of *rate_per_s* in all."""

    def seconds(keeps_s: float) -> float:
        if keeps_s == 0:
            return 0.0
        spent = min(until_s, keeps_s)
        return spent if keeps_s == math.inf else spent - spent**2 / (2 * keeps_s)

    return rate_per_s * sum(share * seconds(kind.keeps_s(ttl_s)) for kind, share in mix.items())


def conflict_share(others_per_s: float, lag_s: float) -> float:
    """Share of writes that meet a write of another region to the same key, which neither has heard of.

    The other regions write that key *others_per_s* times a second (Poisson); news travels *lag_s* seconds. A write is
    apart from all that happened there within lag before and after it: 1 - exp(-2 rate lag).
    """
    if others_per_s < 0 or lag_s < 0:
        raise ValueError(f"need others_per_s >= 0 and lag_s >= 0, got {others_per_s} and {lag_s}")
    return -math.expm1(-2 * others_per_s * lag_s)


def whole(files: int, bad: float) -> float:
    """Chance that a chain of *files* backup files is whole if each is unreadable with chance *bad*: (1 - bad)^files."""
    if files < 1 or not 0 <= bad <= 1:
        raise ValueError(f"need files >= 1 and bad in [0, 1], got {files} and {bad}")
    return (1 - bad) ** files


def whole_on_average(incrementals: int, bad: float) -> float:
    """Chance to restore at a random moment, if after each full backup so many *incrementals* follow before the next."""
    return sum(whole(1 + i, bad) for i in range(incrementals + 1)) / (incrementals + 1)


def restore_s(full_gb: float, increment_gb: float, increments: int, log_gb: float, gb_per_s: float,
              replay_gb_per_s: float) -> float:  # fmt: skip
    """Seconds to restore: the full backup, *increments* on top of it, then the log since then, replayed more slowly.

    Raises ValueError unless both speeds are above 0.
    """
    if not (gb_per_s > 0 and replay_gb_per_s > 0):
        raise ValueError(f"speeds must be above 0 GB/s, got {gb_per_s} and {replay_gb_per_s}")
    return (full_gb + increments * increment_gb) / gb_per_s + log_gb / replay_gb_per_s


def catch_up_s(behind_gb: float, copies_gb_per_s: float, writes_gb_per_s: float) -> float:
    """Seconds until a region that is *behind_gb* behind has caught up, while new writes keep coming; inf if never.

    Each second it gains what it copies less what is written. Raises ValueError for negative sizes or speeds.
    """
    if min(behind_gb, copies_gb_per_s, writes_gb_per_s) < 0:
        raise ValueError(f"sizes and speeds are 0 or more, got {behind_gb}, {copies_gb_per_s}, {writes_gb_per_s}")
    if behind_gb == 0:
        return 0.0
    gain = copies_gb_per_s - writes_gb_per_s
    return behind_gb / gain if gain > 0 else math.inf


def recovered(history_s: float, mean_unseen_s: float) -> float:
    """Chance that history still reaches back before a mistake when it is seen, after an exponential time.

    *history_s*: how far back one can go (retention of backups, delay of a delayed replica; about 0 for a replica that
    follows at once). *mean_unseen_s*: how long a mistake goes unseen on average. 1 - exp(-history/unseen).
    """
    if history_s < 0 or not mean_unseen_s > 0:
        raise ValueError(f"need history_s >= 0 and mean_unseen_s > 0, got {history_s} and {mean_unseen_s}")
    return -math.expm1(-history_s / mean_unseen_s)


def loss_a_year(
    level: Level, *, disasters_a_year: float, down_per_s: float, lost_per_s: float,
    shop: Shop | None = None, timing: Timing | None = None,
) -> dict[str, float]:  # fmt: skip
    """Dollars a year on average: "standby" (twelve months), "down" and "data" (what disasters cost), and "together".

    Down is until names lead elsewhere (rto_s); what a small standby refuses while it grows is not counted.
    *down_per_s*: dollars that a second of outage costs; *lost_per_s*: dollars that a second of lost writes costs.
    Raises ValueError for a negative number.
    """
    if min(disasters_a_year, down_per_s, lost_per_s) < 0:
        raise ValueError(f"rates and prices are 0 or more, got {disasters_a_year}, {down_per_s}, {lost_per_s}")
    share = 0.5 if level.serving else 1.0  # of two serving regions one half of the users is hit
    made = {
        "standby": 12 * sum(level.monthly(shop).values()),
        "down": disasters_a_year * rto_s(level, shop, timing) * share * down_per_s,
        "data": disasters_a_year * rpo_mean_s(level.copies) * lost_per_s,
    }
    return {**made, "together": sum(made.values())}


def keeps(levels: Iterable[Level], *, rpo_s: float, rto_s_at_most: float, shop: Shop | None = None,
          timing: Timing | None = None) -> list[Level]:  # fmt: skip
    """Those of *levels* that keep both objectives in the worst case, the cheapest first."""
    fit = [one for one in levels if rpo_worst_s(one.copies) <= rpo_s and rto_s(one, shop, timing) <= rto_s_at_most]
    return sorted(fit, key=lambda one: sum(one.monthly(shop).values()))
