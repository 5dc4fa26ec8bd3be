"""What chapter 13 lets you turn: standby levels and their price, names that move, chains of backups.

"What would it cost to be back in five minutes?" The sliders answer with the formulas of theory.py, level by level.

Promised: every chart is computed when a slider moves, in well under a tenth of a second. Not promised: that your steps
take as long as the sliders say; measure them in a drill, then set them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd

from minisys.regions import theory
from minisys.regions.levels import BACKUP, LEVELS, Copies, Shop, Timing
from minisys.regions.policies import FIVE_MINUTES, FOR_EVER, OBEYS, Resolver
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, explorer, slider
from minisys.testbed.marks import duration
from minisys.testbed.tables import Table, table

CONVERGES_S = 15.0  # of a route that all networks must hear of; tens of seconds are common


def levels_explorer() -> Explorer:
    """Sliders for data, people, risk and the price of an outage; dollars a year of each standby level."""
    return explorer(
        levels_at,
        title="What each standby level costs a year, disasters included",
        data_gb=slider(50, 5000, 50, 500, "data", "GB"),
        backup_h=slider(0.25, 24.0, 0.25, 1.0, "a backup every", "h"),
        decide_min=slider(0, 120, 5, 10, "a person decides in", "min"),
        a_century=slider(1, 100, 1, 10, "disasters", "in 100 years"),
        per_min=slider(10, 5000, 10, 300, "a minute down costs", "$"),
        lost_min=slider(10, 5000, 10, 300, "a minute lost costs", "$"),
    )


def levels_at(
    data_gb: float, backup_h: float, decide_min: float, a_century: float, per_min: float, lost_min: float
) -> tuple[alt.LayerChart, str]:
    """Dollars a year for each level: the standby, what disasters cost on average, both together."""
    shop, timing = Shop(data_gb=data_gb), Timing(decide_s=60 * decide_min)
    rows, best = [], ("", np.inf)
    for level in LEVELS.values():
        level = replace(level, copies=Copies(3600 * backup_h, 600.0)) if level.name == BACKUP.name else level
        year = theory.loss_a_year(level, disasters_a_year=a_century / 100, down_per_s=per_min / 60,
                                  lost_per_s=lost_min / 60, shop=shop, timing=timing)  # fmt: skip
        lost, down = duration(theory.rpo_worst_s(level.copies)), duration(theory.rto_s(level, shop, timing))
        label = f"{level.name} ({lost}, {down})"
        parts = {"standby": year["standby"], "disasters": year["down"] + year["data"], "together": year["together"]}
        rows += [{"level": label, "a year": value, "what": what} for what, value in parts.items()]
        best = min(best, (level.name, year["together"]), key=lambda one: one[1])
    title = "Dollars a year by standby level (RPO at most, open after)"
    chart = charts.dots(pd.DataFrame(rows), x="a year", y="level", by="what", sort=False, title=title,
                        x_title="dollars a year (mean)", y_title="", written=_dollars)  # fmt: skip
    said = f"Cheapest on average: {best[0]}, {_dollars(best[1])} a year."
    chart = chart.properties(width=480, height=alt.Step(24))
    return chart, f"{said} A mean says nothing about the one bad year."


def _dollars(value: float) -> str:
    return (
        f"${value / 1000:,.0f}k" if value >= 10_000 else f"${value / 1000:,.1f}k" if value >= 100 else f"${value:.0f}"
    )


def names_explorer() -> Explorer:
    """Sliders for the time to live, checks and disobedient resolvers; who is served, second by second."""
    return explorer(
        names_at,
        title="A region is lost: who is led elsewhere, and when?",
        ttl_s=slider(0, 600, 10, 60, "time to live", "s"),
        check_s=slider(5, 60, 5, 30, "health check every", "s"),
        fall=slider(1, 5, 1, 3, "noes in a row"),
        five_percent=slider(0, 50, 1, 10, "keep 5 minutes", "%"),
        ever_percent=slider(0, 20, 1, 2, "never ask again", "%"),
    )


def names_at(
    ttl_s: float, check_s: float, fall: int, five_percent: float, ever_percent: float
) -> tuple[alt.LayerChart, str]:
    """Share of users who are served, by seconds since the loss, through DNS and through anycast.

    The loss is noticed after its mean time, and the other region is open then.
    """
    five, ever = five_percent / 100, ever_percent / 100
    mix = {OBEYS: max(0.0, 1 - five - ever), FIVE_MINUTES: five, FOR_EVER: ever}
    noticed = theory.notice_s(check_s, int(fall))
    bends = noticed + np.array([0.0, 1e-6, CONVERGES_S, *(kind.keeps_s(ttl_s) for kind in (OBEYS, FIVE_MINUTES))])
    seconds = np.unique(np.r_[np.linspace(0, noticed + 700, 60), bends])  # between its bends each line is straight
    late = np.maximum(seconds - noticed, 0.0)
    led = np.array([1 - theory.stale_mix(float(one), ttl_s, mix) for one in late])
    names, routes = (np.where(seconds < noticed, 0.0, share) for share in (led, np.minimum(late / CONVERGES_S, 1.0)))
    frame = pd.concat([
        pd.DataFrame({"second": seconds, "served": 100 * share, "through": what})
        for what, share in (("DNS", names), ("anycast", routes))
    ])  # fmt: skip
    title = "Users who are served, by seconds since their region was lost"
    chart = charts.lines(frame, x="second", y="served", by="through", title=title,
                         x_title="seconds since the loss", y_title="users served (%)")  # fmt: skip
    _, spent, anycast = _cut_off_s(ttl_s, check_s, int(fall), mix)
    at = 100 * (1 - theory.stale_mix(60.0, ttl_s, mix))
    return chart, (
        f"Noticed after {noticed:.0f} s on average. A minute later DNS has led {at:.0f} % of the users away; in the "
        f"first hour an average user is cut off for {spent:.0f} s, with anycast for {anycast:.0f} s."
    )


def _cut_off_s(ttl_s: float, check_s: float, fall: int, mix: Mapping[Resolver, float]) -> tuple[float, float, float]:
    """Mean seconds until it is noticed; and of the first hour, that a user is cut off: through DNS, through anycast."""
    noticed = theory.notice_s(check_s, fall)
    return noticed, noticed + theory.stale_requests(3600.0, 1.0, ttl_s, mix), noticed + CONVERGES_S / 2


def names_table() -> Table:
    """What a short time to live, quick checks and restarted programs save: seconds that an average user is cut off."""
    rows = []
    for ttl_s, check_s, ever in ((60, 30, 2), (10, 30, 2), (60, 10, 2), (60, 30, 0), (10, 10, 0)):
        mix = {OBEYS: 0.90 - ever / 100, FIVE_MINUTES: 0.10, FOR_EVER: ever / 100}
        noticed, names, anycast = _cut_off_s(ttl_s, check_s, 3, mix)
        rows.append({"TTL (s)": ttl_s, "a check every (s)": check_s, "never ask again (%)": ever,
                     "noticed after (s)": noticed, "cut off, DNS (s)": round(names),
                     "cut off, anycast (s)": round(anycast)})  # fmt: skip
    return table(pd.DataFrame(rows), caption="An average user in the first hour; 10 % keep an answer 5 minutes")


def backups_explorer() -> Explorer:
    """Sliders for bad files, sizes and speed; the chance to restore by the days between two full backups."""
    return explorer(
        backups_at,
        title="Full backups are dear, long chains are weak",
        days=slider(1, 30, 1, 7, "a full backup every", "days"),
        bad_percent=slider(0.1, 5.0, 0.1, 1.0, "files that cannot be read", "%"),
        change_gb=slider(5, 200, 5, 40, "changed a day", "GB"),
        gb_per_min=slider(2, 60, 1, 24, "restored a minute", "GB"),
    )


def backups_at(days: int, bad_percent: float, change_gb: float, gb_per_min: float) -> tuple[alt.LayerChart, str]:
    """Chance that the newest backup can be restored, by the days between full backups; one copy and two copies."""
    bad, full_gb, every = bad_percent / 100, Shop().data_gb, range(1, 31)
    rows = [
        {"days": n, "chance": 100 * theory.whole_on_average(n - 1, share), "kept": kept}
        for kept, share in (("one copy", bad), ("two copies", bad**2)) for n in every
    ]  # fmt: skip
    title = "Chance that the newest backup can be restored"
    chart = charts.lines(pd.DataFrame(rows), x="days", y="chance", by="kept", title=title,
                         x_title="days between full backups", y_title="chance (%)")  # fmt: skip
    worst_s = theory.restore_s(full_gb, change_gb, days - 1, change_gb / 2, gb_per_min / 60, gb_per_min / 240)
    month_gb = full_gb * 30 / days + change_gb * 30 * (1 - 1 / days)
    chance = theory.whole_on_average(days - 1, bad)
    return chart, (
        f"{_every(days)}: restorable with a chance of {chance:.1%}; up to {days} "
        f"{'file' if days == 1 else 'files'} and {duration(worst_s)} to restore; "
        f"{month_gb:,.0f} GB of backups for 30 days."
    )


def _every(days: int) -> str:
    return "Every day" if days == 1 else f"Every {days} days"
