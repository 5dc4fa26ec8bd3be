"""What chapter 10 lets the reader move: retries that multiply, an outage that stays, a fuse, a second copy, a wait.

The outage of metastable.py is a story; with a slider it becomes a question. At which load does it begin to stay?

Promised: every picture is simulated when the slider moves, in a tenth of a second (fast.py), with one seed; tables over
several seeds are in metastable.py, cascades.py and hurts.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.resilience import cascades, fast, hurts, metastable, theory
from minisys.resilience.breaker import Breaker
from minisys.resilience.chain import Chain, Trouble
from minisys.resilience.defences import Defences, Protection
from minisys.resilience.retries import Backoff, RatioBudget, Retries
from minisys.resilience.run import Run
from minisys.resilience.shedding import CoDel, QueueLimit
from minisys.testbed import charts, style
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.marks import number
from minisys.testbed.tables import Table, table

TRIGGER = Trouble("database", 10.0, 5.0, slow=4.0)
GOOD, CALLS = "answered in time", "calls of the database"


# Retries that multiply


def amplification_at(depth: int, attempts: int, fails: int) -> tuple[alt.LayerChart, str]:
    """Calls of the last service a user when *fails* percent of them fail, by layers: each retries, one, budgets."""
    layers, share = list(range(1, depth + 1)), fails / 100
    rows = [(layer, cascades.expected_calls(layer, attempts, share), "every layer retries") for layer in layers]
    rows += [(layer, theory.expected_tries(share, attempts), "the lowest layer alone") for layer in layers]
    for layer in layers:
        most = min(1.1**layer, cascades.expected_calls(layer, attempts, share))
        rows.append((layer, most, "a budget of 10 % in each"))
    frame = pd.DataFrame(rows, columns=["layers", "calls", "who"])
    chart = charts.lines(
        frame, x="layers", y="calls", by="who", title="Calls of the last service for one request of a user",
        x_title="layers of callers", y_title="calls", log_y=True,
    )  # fmt: skip
    every, alone, budget = (frame[frame["who"] == who]["calls"].iloc[-1] for who in frame["who"].unique())
    return chart, f"{depth} layers: {number(every)} calls; the lowest alone {number(alone)}; budgets {number(budget)}."


def amplification_explorer() -> Explorer:
    """Controls for the depth of the chain, the tries of each layer, and how much fails."""
    return explorer(
        amplification_at,
        title="Every layer means well",
        depth=slider(1, 6, 1, 3, "layers of callers"),
        attempts=slider(1, 5, 1, 3, "tries of each"),
        fails=slider(10, 100, 10, 100, "calls that fail", "%"),
    )


# An outage that stays


CURES = (
    "none", "backoff with jitter", "a retry budget of 10 %", "a deadline", "a line of 20 at most", "CoDel", "a breaker",
)  # fmt: skip


def cured(name: str, attempts: int) -> Chain:
    """`metastable.alone` with one of CURES."""
    backoff = Backoff(0.05, 1.0, "full")
    retries = {
        CURES[1]: Retries(attempts, backoff), CURES[2]: Retries(attempts, backoff, RatioBudget(0.1)),
    }.get(name, Retries(attempts))  # fmt: skip
    app = Defences(
        timeout_s=0.5,
        retries=retries,
        deadline=name == CURES[3],
        breaker=Breaker(10, 1.0) if name == CURES[6] else None,
    )
    guard = {CURES[4]: Protection(queue_limit=QueueLimit(20)), CURES[5]: Protection(codel=CoDel(0.02, 0.1))}
    bare = metastable.alone(attempts)
    return replace(
        bare, services=(replace(bare.services[0], protection=guard.get(name, Protection())),), callers=(app,)
    )


def by_second(run: Run, step_s: float = 1.0) -> pd.DataFrame:
    """Users who come, are answered in time, and calls of the last service: columns second, rate, what."""
    made = run.by_second(step_s).rename(columns={"come": "users who come", "calls": CALLS})
    return made.melt("second", var_name="what", value_name="rate")


def metastable_at(load: int, attempts: int, length: float, cure: str) -> tuple[alt.LayerChart, str]:
    """The smallest system at *load* percent; the database is four times as slow for *length* seconds."""
    design = cured(cure, attempts)
    rate = load / 100 * design.capacity_per_s
    run = fast.simulate(design, metastable.users(rate, 1, 40.0), (replace(TRIGGER, for_s=length),), seed=1)
    chart = charts.over_time(
        by_second(run), y="rate", by="what", y_title="a second", title="Users, answers in time, and calls",
        events={TRIGGER.at_s: "slow", TRIGGER.at_s + length: "well again"},
    )  # fmt: skip
    late = 100 * run.goodput(TRIGGER.at_s + length + 10.0)
    said = f"From ten seconds after it on {late:.0f} % are answered in time. By the formula, without a cure: "
    return chart, said + kind(theory.Vulnerability(rate, design.capacity_per_s, attempts)) + "."


def kind(edge: theory.Vulnerability) -> str:
    """The state of *edge* in words; when stable, what is left a second to drain the line while every try fails."""
    if edge.state != "stable":
        return edge.state
    left = edge.capacity_per_s - edge.offered_per_s * edge.tries
    return f"stable, with {max(left, 0.0):.0f} requests a second left to drain the line"


def metastable_explorer() -> Explorer:
    """Controls for the load, the tries, the length of the trigger, and a cure."""
    return explorer(
        metastable_at,
        title="Users and one database of 160 requests a second",
        load=slider(10, 100, 5, 65, "load", "%"),
        attempts=slider(1, 4, 1, 3, "tries of the app"),
        length=slider(0.5, 8.0, 0.5, 3.0, "slow for", "s"),
        cure=choice(CURES, CURES[0], "cure"),
    )


def outage_chart(run: Run) -> alt.LayerChart:
    """Users who come and are answered in time, and calls of the last service, by the second, in metastable's outage."""
    return charts.over_time(
        by_second(run), y="rate", by="what", y_title="a second", title="Five seconds of slowness",
        events={metastable.TRIGGER.at_s: "slow", metastable.OVER_S: "well again"},
    )  # fmt: skip


def _percents(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    return frame.assign(**{name: [f"{100 * value:.0f}" for value in frame[name]] for name in names})


def served_table(found: pd.DataFrame, by: str, said: str) -> Table:
    """Users answered in time afterwards for each value of column *by*, called *said*; means over the seeds."""
    made = _percents(found.groupby(by)["afterwards"].mean().reset_index(), ("afterwards",))
    made.columns = [said, "answered in time afterwards (%)"]
    return table(made, caption="Means over the seeds")


def cures_table(designs: Mapping[str, Chain] = metastable.CURES) -> Table:
    """*designs* in metastable's outage: means of five seeds."""
    made = metastable.compare(designs).groupby("design", sort=False).mean().reset_index().drop(columns="seed")
    made = _percents(made, ("before", "during", "afterwards", "wasted"))
    made["calls_per_user"] = [f"{value:.2f}" for value in made["calls_per_user"]]
    made.columns = [
        "all callers, all services", "before (%)", "during (%)", "15 s after (%)", "calls a user", "wasted work (%)",
    ]  # fmt: skip
    return table(made, caption="Users answered in time; calls of the database; means of 5 runs")


def hang_table() -> Table:
    """cascades.CASCADES while payments hangs: means of five seeds."""
    made = cascades.hang().groupby("design", sort=False).mean().reset_index()
    made = _percents(made, ("own", "others", "afterwards"))
    made.columns = ["the shop asks payments with", "need the shop alone (%)", "need payments (%)", "afterwards (%)"]
    return table(made, caption="Pages answered in time while payments hangs; means of 5 runs")


def harm_table() -> Table:
    """hurts.compare as a table."""
    return table(hurts.compare(), caption="Each defence where it hurts; means of 3 runs")


# What the workers are busy with


@lru_cache(maxsize=8)
def outage(design: str) -> Run:
    """The outage of metastable.py in one of its designs, with seed 0."""
    return metastable.outage(metastable.CURES[design])


STATES = ("in line", "at work, somebody waits", "at work, nobody waits")


def awaited_until_s(run: Run) -> np.ndarray:
    """Until when each call has somebody who waits for it: its caller, that one's caller, and so on to the user."""
    timeouts = np.array([each.timeout_s for each in run.chain.callers])
    until_s = run.sent_s + timeouts[run.hop]
    for hop in range(1, len(timeouts)):
        here = np.flatnonzero(run.hop == hop)
        until_s[here] = np.minimum(until_s[here], until_s[run.parent[here]])
    return until_s


def inside(run: Run, at_s: float) -> pd.DataFrame:
    """Calls in each service at *at_s*: columns service, state (STATES), calls; "at work" is holding a worker."""
    here = (run.sent_s <= at_s) & ~(run.ended_s <= at_s)
    begun = here & (run.began_s <= at_s)
    gone = awaited_until_s(run) < at_s
    rows = []
    for hop, service in enumerate(run.chain.services):
        for state, chosen in zip(STATES, (here & ~begun, begun & ~gone, begun & gone), strict=True):
            rows.append((service.name, state, int((chosen & (run.hop == hop)).sum())))
    return pd.DataFrame(rows, columns=["service", "state", "calls"])


def inside_chart(frame: pd.DataFrame, title: str) -> alt.LayerChart:
    """Bars of *frame* (see `inside`); the scale is near to logarithmic and always the same, as lines grow to 10,000."""
    scale = alt.Scale(type="symlog", constant=5, domain=[0, 30_000])
    looks = style.looks(STATES)
    colours = alt.Scale(domain=list(STATES), range=[look.colour for look in looks])
    ticks = alt.Axis(values=[0, 10, 100, 1_000, 10_000], format=",d")
    base = alt.Chart(frame.assign(says=[f"{value:,}" for value in frame["calls"]])).encode(
        x=alt.X("calls:Q", title="calls", scale=scale, axis=ticks),
        y=alt.Y("service:N", title="", sort=list(dict.fromkeys(frame["service"]))),
        yOffset=alt.YOffset("state:N", sort=list(STATES)),
    )
    bars = base.mark_bar().encode(color=alt.Color("state:N", scale=colours, sort=list(STATES), legend=alt.Legend()))
    numbers = base.mark_text(align="left", dx=4, color=style.PALETTE["ink"]).encode(text=alt.Text("says:N"))
    rows = "; ".join(f"{row.service}, {row.state}: {row.calls:,}" for row in frame.itertuples())
    return alt.layer(bars, numbers).properties(title=title, height=alt.Step(22), description=f"{title}. {rows}.")


def replay_at(second: int, design: str) -> tuple[alt.LayerChart, str]:
    """Who is inside the services at *second* of the outage."""
    run = outage(design)
    frame = inside(run, float(second))
    chart = inside_chart(frame, f"Inside the services at second {second}")
    busy = frame[frame["service"] == "database"].set_index("state")["calls"]
    good = 100 * run.goodput(second - 1.0, second + 1.0)
    workers, wasted = run.chain.services[-1].workers, busy[STATES[2]]
    said = f"Database: {wasted + busy[STATES[1]]} of {workers} workers are busy, {wasted} of them for nobody. "
    return chart, said + f"Of the users who come now {good:.0f} % are answered in time."


def replay_explorer() -> Explorer:
    """Controls for the moment and the design."""
    return explorer(
        replay_at,
        title="The outage, second by second: slow from 10 to 15, and well ever after",
        second=slider(1, 55, 1, 9, "second", "s"),
        design=choice([*metastable.CURES], "as it was", "design"),
    )
