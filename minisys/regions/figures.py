"""Pictures and tables of chapter 13: distance, the four levels, names that move, backups, two regions that write.

"How long are we down?" is a curve, not a number: who is served, second by second, and who still asks the dead region.

Promised: what is drawn is computed here, by theory.py beside model.py, with a band over seeds. The drill's pictures are
in drilled.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.regions import backups, theory
from minisys.regions.conflicts_model import CHOICES, play
from minisys.regions.latency import cable_km, distance_km, light_s, round_trip_s
from minisys.regions.levels import BACKUP, LEVELS, PILOT_LIGHT, WARM, Copies, Level, Shop, Timing
from minisys.regions.model import Plan, RegionLoss, simulate
from minisys.regions.policies import FIVE_MINUTES, FOR_EVER, OBEYS, Resolver
from minisys.testbed import charts
from minisys.testbed.marks import banded, duration
from minisys.testbed.tables import Table, table

SEEDS = range(5)
PAIRS = (
    ("London", "Frankfurt"),
    ("Virginia", "London"),
    ("Virginia", "Tokyo"),
    ("London", "Tokyo"),
    ("Frankfurt", "Sydney"),
)
SEEN: dict[Resolver, float] = {OBEYS: 0.88, FIVE_MINUTES: 0.10, FOR_EVER: 0.02}  # an example, not a survey


def bad_day() -> alt.LayerChart:
    """Requests served by two shops whose region is lost: one has hourly backups elsewhere, one a copy that follows."""
    rows = [
        simulate(Plan(level=level), rate_per_s=1.0, loss_at_s=300.0, after_s=2940.0, seed=seed)
        .share_well(60.0).assign(shop=shop)
        for shop, level in (("hourly backups", BACKUP), ("a following database", PILOT_LIGHT)) for seed in SEEDS
    ]  # fmt: skip
    frame = pd.concat(rows)
    frame = _shares(frame.assign(minute=frame["second"] / 60), "minute", "well", "shop")
    frame, title = _stepped(frame, "minute", 1.0), "Virginia is lost at minute 0; all resolvers obey"
    return charts.lines(frame, x="minute", y="well", by="kind", title=title, description=_gaps(frame, "minute", title),
                        x_title="minutes since the loss", y_title="requests served (%)")  # fmt: skip


def _shares(frame: pd.DataFrame, x: str, y: str, by: str | None = None) -> pd.DataFrame:
    """The mean and band of several runs, in per cent; a band does not know that there are no more than all."""
    made = banded(frame[[name for name in (x, y, by) if name]], x, y, by)
    return made.assign(**{name: made[name].clip(0, 100) for name in (y, "low", "high")})


def _stepped(frame: pd.DataFrame, x: str, width: float) -> pd.DataFrame:
    """From the middles of steps of *width* to their ends: what falls at 0 falls there, and not half a step before."""
    ends = [frame.assign(**{x: (frame[x] + side * width / 2).round(6)}) for side in (-0.9999, 0.9999)]
    return pd.concat(ends).sort_values(x, kind="stable", ignore_index=True)


def _gaps(frame: pd.DataFrame, x: str, title: str) -> str:
    """In words: from when to when each kind served fewer than 90 % of its requests."""
    low = frame[frame["well"] < 90].groupby("kind", sort=False)
    said = [
        f"{kind}: below 90 % from {x} {f[x].min():.0f} to {f[x].max():.0f}, at least {f['well'].min():.0f} %"
        for kind, f in low
    ]
    return f"{title}. Requests served: {'; '.join(said)}."


def distances() -> alt.LayerChart:
    """Round trips of some pairs: light in a straight fibre, our formula, and what a provider publishes."""
    from minisys.regions.latency import PUBLISHED

    rows = []
    for a, b in PAIRS:
        pair = f"{a} – {b}, {distance_km(a, b):,.0f} km"
        published = PUBLISHED.get((a, b), PUBLISHED.get((b, a), np.nan))
        values = {"light, straight": light_s(distance_km(a, b)), "formula": round_trip_s(a, b), "published": published}
        rows += [{"pair": pair, "ms": 1000 * value, "what": what} for what, value in values.items()]
    title = "There and back between two regions"
    chart = charts.dots(pd.DataFrame(rows), x="ms", y="pair", by="what", sort=False, title=title, x_title="ms",
                        y_title="", written=lambda ms: f"{ms:.0f}")  # fmt: skip
    return chart.properties(width=480, height=alt.Step(24))


def round_trips(names: Sequence[str] = ("Virginia", "Oregon", "Sao Paulo", "Frankfurt", "Singapore", "Tokyo", "Sydney"),
                ) -> alt.LayerChart:  # fmt: skip
    """Milliseconds there and back between all of *names*; in the same region: between two zones."""
    rows = [{"from": a, "to": b, "ms": round(1000 * round_trip_s(a, b), 1)} for a in names for b in names]
    return charts.heat(pd.DataFrame(rows), x="to", y="from", value="ms", title="Round trips between regions (ms)")


def detour(a: str, b: str) -> float:
    """How many times as long the way along the cables is as the great circle."""
    return cable_km(a, b) / distance_km(a, b)


def ladder(shop: Shop | None = None, timing: Timing | None = None) -> Table:
    """The four levels: what stands elsewhere, what is lost, when names lead there at the latest, dollars a month."""
    rows = [
        {"level": level.name, "stands there": _stands(level), "RPO at most": duration(theory.rpo_worst_s(level.copies)),
         "open after": duration(theory.rto_s(level, shop, timing)),
         "$ a month": round(sum(level.monthly(shop).values()))}
        for level in LEVELS.values()
    ]  # fmt: skip
    return table(pd.DataFrame(rows), caption="Four levels of standby for a shop with 500 GB")


def served_after() -> Table:
    """The four levels: mean seconds until the other region opens, and until it serves everybody."""
    rows = [
        {"level": level.name, "open (s)": theory.open_s(level), "all served (s)": theory.all_served_s(level)}
        for level in LEVELS.values()
    ]
    return table(pd.DataFrame(rows), caption="When the first is served, and when all are, on average")


def _stands(level: Level) -> str:
    if not level.database:
        return "files"
    share = {0.0: "", 1.0: ", all of the application"}.get(level.app, f", {level.app:.0%} of the application")
    return f"database{share}"


def lost(name: str, seed: int, app: float | None = None) -> RegionLoss:
    """The loss of a region at level *name*; *app*: another share of the application there."""
    return _lost(name, seed, app)


@lru_cache(maxsize=64)
def _lost(name: str, seed: int, app: float | None) -> RegionLoss:
    level = LEVELS[name]
    plan = Plan(level=level if app is None else replace(level, app=app))
    return simulate(plan, seed=seed, rate_per_s=10.0, work_s=0.2, loss_at_s=60.0, after_s=430.0)


def served() -> alt.LayerChart:
    """Users served before and after the loss: a quarter of the application, all of it, and two serving regions."""
    which = {"warm standby, a quarter": ("warm standby", None), "warm standby, full size": ("warm standby", 1.0),
             "active-active": ("active-active", None)}  # fmt: skip
    frames = [
        lost(name, seed, app).share_well(20.0).assign(level=label, seed=seed)
        for label, (name, app) in which.items() for seed in SEEDS
    ]  # fmt: skip
    frame = pd.concat(frames)
    frame = frame[frame["second"].between(-40, 420)].assign(second=lambda f: f["second"].round())
    frame, title = _stepped(_shares(frame, "second", "well", "level"), "second", 20.0), "Virginia is lost at second 0"
    return charts.lines(frame, x="second", y="well", by="kind", title=title, description=_gaps(frame, "second", title),
                        x_title="seconds since the loss", y_title="requests served (%)")  # fmt: skip


def last_user_s(name: str = "warm standby") -> float:
    """Mean seconds until the last request went wrong, five seeds."""
    return float(np.mean([lost(name, seed).rto_all_s for seed in SEEDS]))


def loss_by_interval(minutes: Sequence[float] = (0, 15, 30, 60)) -> alt.LayerChart:
    """Confirmed orders that a lost region takes with it, by the minutes between two copies: formula and model.

    A copy travels 10 s; 0 minutes between two copies is a stream.
    """
    rate, share, runs = 1.0, 1.0, 10

    def orders(every: float, seed: int) -> int:
        level = replace(BACKUP, copies=Copies(60 * every, 10.0))
        seed += 1000 * round(every)  # other disasters for each interval
        return len(simulate(Plan(level=level), rate_per_s=rate, write_share=share, after_s=1.0, seed=seed).lost)

    smooth = np.linspace(minutes[0], minutes[-1], 30)
    predicted = [{"minutes": m, "lost": theory.lost_writes(Copies(60 * m, 10.0), rate * share)} for m in smooth]
    simulated = [{"minutes": m, "lost": orders(m, seed)} for m in minutes for seed in range(runs)]
    return charts.three_worlds(
        predicted=pd.DataFrame(predicted), simulated=pd.DataFrame(simulated), x="minutes", y="lost",
        title="Orders lost with the region: one a second, a copy travels 10 s, 10 disasters each",
        x_title="minutes between two copies", y_title="orders lost",
    )  # fmt: skip


def stale_users(mix: Mapping[Resolver, float] = SEEN, ttl_s: float = 60.0) -> alt.LayerChart:
    """Requests that still go to the lost region, by seconds since the name was changed: formula and model."""
    plan = Plan(level=replace(WARM, app=1.0), timing=Timing(ttl_s=ttl_s), mix=mix)
    rows = []
    for seed in SEEDS:
        run = simulate(plan, seed=seed, rate_per_s=20.0, loss_at_s=70.0, after_s=430.0, work_s=0.02)
        frame = run.trace.frame
        since = frame["sent_s"] - run.moments["open"]
        for low in range(0, 330, 10):
            sent = frame[(since >= low) & (since < low + 10)]
            rows.append({"second": low + 5.0, "stale": 100 * float((sent["outcome"] == "timeout").mean())})
    seconds = np.linspace(0, 330, 100)
    asks = 20.0 / plan.resolvers
    predicted = [{"second": t, "stale": 100 * theory.stale_mix(float(t), ttl_s, mix, asks)} for t in seconds]
    chart = charts.three_worlds(
        predicted=pd.DataFrame(predicted), simulated=_shares(pd.DataFrame(rows), "second", "stale"),
        x="second", y="stale",
        title=f"Who still goes to the lost region; the TTL is {ttl_s:.0f} s",
        x_title="seconds since the name was changed", y_title="requests at the old address (%)",
    )  # fmt: skip
    for layer in chart.layer:
        layer.encoding.y.scale = alt.Scale(domain=[0, 100])
    return chart


def both_write() -> Table:
    """Two regions that both take writes, for a minute: what each choice costs, in quiet and with a cut of 10 s."""
    rows = []
    for label, cut in (("quiet", None), ("cut for 10 s", (20.0, 30.0))):
        for choice in CHOICES:
            run = play(choice, cut=cut)
            rows.append({"regions": label, "choice": choice, "written": run.writes, "conflicts": run.conflicts,
                         "lost": run.lost, "refused": run.refused, "mean wait (ms)": 1000 * run.write_s})  # fmt: skip
    return table(pd.DataFrame(rows), caption="Items put into 500 baskets from Virginia and Frankfurt, 100 a second")


def spared(unseen_s: float = 600.0) -> Table:
    """Which copy still has the data, by threat, if the mistake is seen *unseen_s* seconds later."""
    rows = [
        {"copy": copy.name, **{t: "whole" if backups.clean(copy, t, unseen_s) else "gone" for t in backups.THREATS}}
        for copy in backups.COPIES
    ]
    return table(pd.DataFrame(rows), caption=f"What is left of yesterday's data, noticed after {duration(unseen_s)}")


def restore_plan(day: float, *, broken_day: int | None = None) -> Table:
    """The files for the state of *day* (days, from 0) under a weekly full backup; *broken_day*: an increment is bad.

    Minutes: 24 GB a minute are copied, a quarter as much log is replayed.
    """
    pieces = [
        replace(one, readable=not (one.kind == "incremental" and one.to_s == 86_400 * (broken_day or -1)))
        for one in backups.schedule(14)
    ]
    chain = backups.plan(pieces, day * 86_400)
    rows = []
    for kind in backups.KINDS:
        some = [one for one in chain if one.kind == kind]
        if some:
            begins, ends = some[0].to_s if kind == "full" else some[0].from_s, some[-1].to_s
            rows.append({"kind": kind, "files": len(some), "from day": begins / 86_400, "to day": ends / 86_400,
                         "GB": sum(one.size_gb for one in some)})  # fmt: skip
    frame = pd.DataFrame(rows)
    frame["minutes"] = frame["GB"] / np.where(frame["kind"] == "log", 6.0, 24.0)
    label = "all files" if broken_day is None else f"day {broken_day} cannot be read"
    return table(frame, caption=f"What leads to day {day:g}, {label}: {frame['minutes'].sum():.0f} minutes")
