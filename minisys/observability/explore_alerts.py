"""Alert rules on one incident, and on hundreds of them: chapter 11's pictures of who is woken, and when.

"Make it more sensitive" says one half of the team after a missed outage, "less" the other half after a night of false
pages. Both knobs are here, and what they cost.

Promised: predicted beside simulated; the same 240 incidents for every rule. Not here: the live incident.
"""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.observability import incidents, rules
from minisys.observability.alerts import DAILY, MINUTE_S, PUBLISHED, STEPS, Condition, ratio
from minisys.observability.incidents import LEAD_S, Incidents, Score
from minisys.observability.slo import DAY_S, HOUR_S, Slo
from minisys.testbed import charts, style
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.marks import duration
from minisys.testbed.tables import Table, table

SLO = Slo(0.999)
COUNT, SEED = 240, 1
FLOOR, WRITTEN = 0.05, "datum.value < 0.06 ? '0' : format(datum.value, '~g')"  # a logarithm has no 0
FEW = 60  # incidents behind a slider
BACK_S, AHEAD_S, STEP_S = HOUR_S, 13 * HOUR_S, MINUTE_S
SPANS = {"5 min": 300.0, "30 min": 1_800.0, "1 h": HOUR_S, "6 h": 6 * HOUR_S, "1 day": DAY_S, "3 days": 3 * DAY_S}


def published_table() -> Table:
    """The published rule, computed: what each line needs, spends, and how soon a total outage trips it."""
    rows = [
        {"severity": c.severity, "long window": rules.window(c.window_s), "short window": rules.window(c.short_s or 0),
         "burn rate": c.burn, "budget spent (%)": round(100 * c.burn * c.window_s / SLO.window_s, 6),
         "errors at 99.9 % (%)": round(100 * SLO.threshold(c.burn), 6),
         "outage trips it after (min)": c.detection_s(1.0, SLO) / 60}
        for c in (*PUBLISHED.conditions, DAILY)
    ]  # fmt: skip
    return table(pd.DataFrame(rows), caption="Burn-rate alerts for an objective over 30 days")


def burn_at(errors: float, minutes: int, window: str, burn: float) -> tuple[alt.LayerChart, str]:
    """The burn rate in a long window and in one a twelfth as long, while *errors* percent fail for *minutes*."""
    condition = Condition(SPANS[window], burn, SPANS[window] / 12)
    times_s, bad, total = _steady(errors / 100, minutes)
    fires = condition.fires(times_s, bad, total, SLO)
    until_s = LEAD_S + minutes * 60 + condition.window_s + HOUR_S / 2
    shown = (times_s >= LEAD_S - BACK_S) & (times_s <= until_s) & _worth_a_point(times_s - LEAD_S, minutes, condition)
    hours = (times_s[shown] - LEAD_S) / HOUR_S
    lines = {
        f"last {window}": ratio(times_s, bad, total, condition.window_s)[shown] / SLO.budget,
        f"last {duration(condition.window_s / 12)}": ratio(times_s, bad, total, condition.window_s / 12)[shown]
        / SLO.budget,
        "threshold": np.full(len(hours), burn),
    }
    frame = pd.concat([pd.DataFrame({"hour": hours, "burn": v.clip(FLOOR), "what": k}) for k, v in lines.items()])
    chart = charts.lines(
        frame, x="hour", y="burn", by="what", title="The burn rate in two windows; grey: the incident", log_y=True,
        x_title="hours since it began", y_title="burn rate (times as fast as allowed)",
    )  # fmt: skip
    layers = [layer.properties(data=chart.data) for layer in chart.layer]
    for layer in layers:
        layer.encoding.y.axis = alt.Axis(values=[FLOOR, 0.1, 1, 10, 100, 1000], labelExpr=WRITTEN)
        layer.encoding.y.scale = alt.Scale(type="log", domain=[FLOOR, 1000], nice=False)
    spent = 100 * SLO.spent(errors / 100, minutes * 60)
    return (
        alt.layer(_lasting(minutes), *layers, title=chart.title, description=chart.description),
        f"{_when(condition, errors / 100, minutes * 60, times_s, fires)} It spends {spent:.2g} % of the month.",
    )


def _worth_a_point(since_s: np.ndarray, minutes: int, condition: Condition) -> np.ndarray:
    """Every sixth minute, and each near the moments at which the lines bend."""
    end_s = minutes * MINUTE_S
    bends_s = (0.0, end_s, end_s + condition.window_s, end_s + (condition.short_s or 0.0))
    near = np.min([np.abs(since_s - bend_s) for bend_s in bends_s], axis=0) <= 6 * MINUTE_S
    return np.asarray(near | (since_s // MINUTE_S % 6 == 0))


def _lasting(minutes: int) -> alt.Chart:
    """A grey band as long as the incident."""
    span = alt.Chart(pd.DataFrame({"hour": [0.0], "until": [minutes / 60]}))
    return span.mark_rect(color=style.PALETTE["muted"], opacity=0.15).encode(x=alt.X("hour:Q"), x2=alt.X2("until"))


def _steady(error_ratio: float, minutes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counters of an incident without chance: 10,000 requests a minute."""
    times_s = np.arange(STEP_S, LEAD_S + AHEAD_S + STEP_S, STEP_S)
    inside = (times_s > LEAD_S) & (times_s <= LEAD_S + minutes * 60)
    return times_s, np.cumsum(inside * error_ratio * 1e4), np.arange(1.0, len(times_s) + 1) * 1e4


def _when(condition: Condition, error_ratio: float, lasted_s: float, times_s: np.ndarray, fires: np.ndarray) -> str:
    """Detection and reset in words, as the formula has them and as the looks once a minute saw them."""
    predicted = condition.detection_s(error_ratio, SLO)
    if not fires.any():
        return "It never fires."
    first, last = times_s[fires.argmax()] - LEAD_S, times_s[np.flatnonzero(fires)[-1]] - LEAD_S - lasted_s + STEP_S
    reset = condition.reset_s(error_ratio, lasted_s, SLO)
    end = "still fires at the edge of the chart" if fires[-1] else f"silent {duration(last)} after the end"
    said = f"Fires after {duration(first)} (formula: {duration(predicted)})"
    return f"{said}, {end} (formula: {duration(reset)})."


def burn_explorer() -> Explorer:
    """Controls for the incident and for the rule."""
    return explorer(
        burn_at,
        title="One incident, one condition: when does it fire, when is it silent again?",
        errors=slider(0.1, 100.0, 0.1, 2.0, "requests that fail", "%"),
        minutes=slider(1, 360, 1, 60, "for so long", "min"),
        window=choice(list(SPANS)[2:4], label="long window"),
        burn=slider(1.0, 40.0, 0.2, 14.4, "threshold", "burn rate"),
    )


@lru_cache(maxsize=4)
def drawn(count: int = COUNT, seed: int = SEED) -> Incidents:
    """The incidents of this chapter: the same for every rule."""
    return incidents.draw(count, seed, slo=SLO)


@lru_cache(maxsize=3)
def scores(severity: str | None = None) -> tuple[Score, ...]:
    """The Workbook's six rules on 240 incidents."""
    return tuple(incidents.score(rule, drawn(), severity) for rule in STEPS)


def kinds_table() -> Table:
    """What was drawn: each kind, how many of it are significant, and what they spend."""
    made = drawn()
    frame = pd.DataFrame({"kind": made.kind, "s": made.significant, "t": made.trivial, "p": 100 * made.spent})
    rows = frame.groupby("kind", sort=False).agg(
        incidents=("s", "size"), significant=("s", "sum"), trivial=("t", "sum"), median=("p", "median")
    )
    rows = rows.rename(columns={"median": "budget spent, median (%)"}).reset_index()
    return table(
        rows, caption="240 incidents: significant from 2 % of the month's budget, trivial below 1 %, else neither"
    )


def rules_table() -> Table:
    """The six rules: thresholds, precision, recall, detection and reset."""
    named = [
        *zip([rule.name for rule in STEPS], [rule.conditions for rule in STEPS], scores(), strict=True),
        ("its pages, no ticket", [c for c in PUBLISHED.conditions if c.severity == "page"], scores("page")[-1]),
    ]
    rows = [
        {"rule": name, "fires above (% errors)": " or ".join(f"{100 * SLO.threshold(c.burn):.3g}" for c in conditions),
         "precision (%)": 100 * each.precision, "recall (%)": 100 * each.recall,
         "detected after": duration(each.detection_s), "silent after": duration(each.reset_s),
         "alerts each, mean": each.alerts}
        for name, conditions, each in named
    ]  # fmt: skip
    said = "Of the significant incidents that a rule reported: medians; silent after: from the incident's end"
    return table(pd.DataFrame(rows), caption=said)


def reported_chart() -> alt.LayerChart:
    """How many of each kind of incident each rule reports, in percent."""
    rows = [
        {"rule": f"{place}. {rule.name}", "kind": kind, "reported": round(100 * part["fired"].mean())}
        for place, (rule, each) in enumerate(zip(STEPS, scores(), strict=True), 1)
        for kind, part in each.frame.groupby("kind", sort=False)
    ]
    return charts.heat(
        pd.DataFrame(rows), x="kind", y="rule", value="reported", title="Incidents reported, in percent of each kind"
    )


def quality_at(window: str, burn: float, short: str) -> tuple[alt.LayerChart, str]:
    """One condition on 60 incidents: which kinds it reports, and its four marks."""
    short_s = SPANS[window] / 12 if short == "a twelfth" else None
    made = _scored(SPANS[window], burn, short_s)
    share = 100 * made.frame.groupby("kind", sort=False)["fired"].mean()
    rows = pd.DataFrame({"incident": share.index, "reported_percent": share.to_numpy()})
    chart = charts.dots(
        rows, x="reported_percent", y="incident", title="Incidents that the rule reports", sort=False,
        x_title="reported (%)",
    )  # fmt: skip
    for layer in chart.layer:
        layer.encoding.x.scale = alt.Scale(domain=[-4, 108], nice=False)
    if np.isnan(made.precision):
        return chart, "It never fires, so nobody is woken for nothing."
    found = f"detected after {duration(made.detection_s)}, silent {duration(made.reset_s)} after the end (medians)"
    said = f"Precision {100 * made.precision:.0f} %, recall {100 * made.recall:.0f} %"
    return chart, f"{said}; {found if made.recall else 'nothing significant was reported'}."


@lru_cache(maxsize=256)
def _scored(window_s: float, burn: float, short_s: float | None) -> Score:
    """The marks of one condition; what the windows saw is kept, so that only the threshold is applied again."""
    made = drawn(FEW)
    limit = SLO.threshold(burn)
    fires = _seen(window_s) > limit
    if short_s is not None:
        fires &= _seen(short_s) > limit
    return incidents.scored(Condition(window_s, burn, short_s), fires, made)


@lru_cache(maxsize=16)
def _seen(window_s: float) -> np.ndarray:
    made = drawn(FEW)
    return ratio(made.times_s, made.bad, made.total, window_s).astype(np.float32)


def quality_explorer() -> Explorer:
    """Controls for the window, the threshold and the second window."""
    for span_s in SPANS.values():  # seen once, so that the sliders only compare
        _seen(span_s), _seen(span_s / 12)
    return explorer(
        quality_at,
        title="One condition on 60 incidents",
        window=choice(list(SPANS), "1 h", "long window"),
        burn=slider(0.5, 40.0, 0.5, 14.5, "threshold", "burn rate"),
        short=choice(["none", "a twelfth"], "a twelfth", "short window"),
    )


def never_reports(kind: str) -> str:
    """The one rule of the six that reports no incident of this *kind*. Raises ValueError unless it is one."""
    silent = [
        rule.name
        for rule, each in zip(STEPS, scores(), strict=True)
        if not each.frame.loc[each.frame["kind"] == kind, "fired"].any()
    ]
    if len(silent) != 1:
        raise ValueError(f"need one rule that never reports {kind!r}, found {silent}")
    return silent[0]
