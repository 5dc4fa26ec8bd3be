"""Lab 13, task 6: a whole plan, judged on paper, in the model under traffic it has not seen, and by a drill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.regions import drill, theory
from minisys.regions.levels import Level, Shop, Timing
from minisys.regions.model import Plan, simulate
from minisys.testbed import wheels

Planned = Callable[[], Any]
RPO_S, RTO_S, BUDGET, BACKUPS = 5.0, 60.0, 1650.0, 2
SHOP = Shop()
TIMING = Timing(check_every_s=5.0, fall=4, promote_s=15.0, ttl_s=20.0)
RATE_PER_S, WELL = 24.0, 0.99
SEEDS, SPARE_SEEDS = (61, 62), (63, 64)


def asked(planned: Planned) -> Level:
    """The learner's plan. Raises Wrong if it is none."""
    came = planned()
    if not isinstance(came, Level):
        raise Wrong(repr(came), expected="a Level", look="is there a `return`?" if came is None else "")
    if not 0 <= came.app <= 1 or came.kept < 0:
        raise Wrong(f"app={came.app}, kept={came.kept}", expected="a share from 0 to 1, and a count of 0 or more")
    return came


def loses(planned: Planned) -> str:
    """On paper: RPO, for a lost region and for a mistake."""
    level = asked(planned)
    worst = theory.rpo_worst_s(level.copies)
    if worst > RPO_S:
        look = "collecting every so many seconds loses up to all of them; every_s=0 streams"
        raise Wrong(f"up to {worst:g} s of orders", given=repr(level.copies), expected=f"{RPO_S:g} s", look=look)
    if level.kept < BACKUPS:
        look = "a replica copies a DELETE within milliseconds, and the newest backup may hold the mistake already"
        raise Wrong(f"{level.kept} backups kept", expected=f"{BACKUPS} or more", look=look)
    return f"at most {worst:g} s of orders; {level.kept} backups"


def takes(planned: Planned) -> str:
    """On paper: RTO."""
    level = asked(planned)
    steps = level.steps(SHOP, TIMING)
    if sum(steps.values()) > RTO_S:
        parts = " + ".join(f"{name} {seconds:g}" for name, seconds in steps.items())
        look = f"the longest step is {max(steps, key=lambda name: steps[name])!r}: which field of the level saves it?"
        raise Wrong(f"{parts} = {sum(steps.values()):g} s", expected=f"{RTO_S:g} s or less", look=look)
    return f"{sum(steps.values()):g} s"


def costs(planned: Planned) -> str:
    """Within the budget."""
    items = asked(planned).monthly(SHOP)
    if sum(items.values()) > BUDGET:
        parts = ", ".join(f"{name} {dollars:,.0f}" for name, dollars in items.items())
        look = "which item is the largest, and how much of it do you need in the first minutes?"
        raise Wrong(f"${sum(items.values()):,.0f} a month: {parts}", expected=f"${BUDGET:,.0f}", look=look)
    return f"${sum(items.values()):,.0f} a month"


def carries(planned: Planned) -> str:
    """In the model: the region that is left carries everybody."""
    return _modelled(asked(planned), SEEDS)


def _modelled(level: Level, seeds: tuple[int, ...]) -> str:
    lowest = 1.0
    for seed in seeds:
        found = simulate(Plan(level=level, shop=SHOP, timing=TIMING), rate_per_s=RATE_PER_S, after_s=150.0, seed=seed)
        frame = found.trace.frame
        later = frame[frame["sent_s"] >= found.loss_at_s + RTO_S]
        well = float((later["outcome"] == "ok").to_numpy().mean())
        lowest = min(lowest, well)
        if well < WELL:
            look = "open but too small, and new machines take minutes. Half of what was half busy is full, "
            look += "and peaks need headroom: what does the budget leave?"
            raise Wrong(f"{well:.0%} of the orders from {RTO_S:g} s after the loss on are taken",
                        given=f"{RATE_PER_S:g} orders a second, seed {seed}", expected=f"{WELL:.0%}",
                        look=look)  # fmt: skip
        if found.rpo_s > RPO_S:
            raise Wrong(f"{found.rpo_s:.1f} s of orders lost", given=f"seed {seed}", expected=f"{RPO_S:g} s")
    return f"{len(seeds)} losses of a region, {lowest:.1%} of the orders taken from {RTO_S:g} s on"


def level_name(level: Level) -> str:
    """Which of the drill's levels *level* is."""
    if not level.database:
        return "backup-restore"
    if not level.app:
        return "pilot light"
    return "active-active" if level.copies.synchronous or level.serving else "warm standby"


def drilled(planned: Planned) -> str:
    """By a drill with PostgreSQL; where that is not installed, by more runs of the model."""
    level = asked(planned)
    if wheels.missing("postgresql") or not wheels.importable("psycopg"):
        return (
            f"PostgreSQL is not installed (make lab installs it), so again the model: {_modelled(level, SPARE_SEEDS)}"
        )
    found = drill.run(level_name(level), seed=13, for_s=0.4)
    if found.rpo_s > RPO_S or found.rto_s > RTO_S or not found.verified:
        said = f"{found.lost} of {found.acknowledged} confirmed orders lost, RPO {found.rpo_s:.2f} s, "
        said += f"RTO {found.rto_s:.2f} s" + ("" if found.verified else "; the audit does not add up")
        raise Wrong(said, given=f"a drill, {found.level}", expected=f"RPO {RPO_S:g} s, RTO {RTO_S:g} s")
    lost = f"{found.lost} of {found.acknowledged} confirmed orders lost, RPO {1000 * found.rpo_s:.0f} ms"
    return f"{found.level}: {lost}, RTO {found.rto_s:.2f} s, the audit adds up"


FINAL = (
    Check("at most 5 s of orders are lost, and a mistake can be undone", loses),
    Check("names lead there within 60 s", takes),
    Check("for at most $1,650 a month", costs),
    Check("the region that is left carries the traffic", carries, limit_s=30.0, after_others=True),
    Check("live: a region is lost, receipts are counted", drilled, limit_s=60.0, after_others=True),
)
