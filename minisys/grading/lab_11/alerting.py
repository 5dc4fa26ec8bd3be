"""Lab 11, task 4: the learner's alert on two hundred incidents that it has not seen.

Nothing is compared with a list: any conditions that keep to the six limits are right. The limits are what the
Workbook's own rule reaches on these incidents, with room.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from minisys.grading.checks import Check, Wrong
from minisys.observability.alerts import Condition, Rule
from minisys.observability.incidents import Incidents, Score, draw, score, scored
from minisys.testbed.tables import Table, table

Alert = Callable[[], Sequence[Condition]]
SHOWN, UNSEEN = (60, 4), (200, 611)
RECALL, PRECISION, OUTAGE_S, RESET_S, ALERTS, CAN_WAIT = 0.85, 0.75, 300.0, 2_700.0, 2.0, 0.5


@lru_cache(maxsize=2)
def incidents(count: int, seed: int) -> Incidents:
    """So many incidents by *seed*, kept."""
    return draw(count, seed=seed)


def rule_of(alert: Alert) -> Rule:
    """The learner's rule. Raises Wrong if it is none."""
    told = alert()
    if isinstance(told, Condition):
        told = [told]
    if not isinstance(told, Sequence) or not told or not all(isinstance(each, Condition) for each in told):
        raise Wrong(repr(told)[:100], expected="a list of Condition(window_s, burn, short_s, severity=…)")
    return Rule("yours", tuple(told))


@lru_cache(maxsize=4)
def _scores(rule: Rule) -> tuple[Score, Score]:
    """All of it, and the pages alone, on the unseen incidents."""
    unseen = incidents(*UNSEEN)
    never = np.zeros(unseen.bad.shape, bool)
    pages = [each for each in rule.conditions if each.severity == "page"]
    every, woken = (
        scored(rule, np.logical_or.reduce([never, *map(_fires, conditions)]), unseen)
        for conditions in (rule.conditions, pages)
    )
    return every, woken


@lru_cache(maxsize=16)
def _fires(condition: Condition) -> np.ndarray:
    """When *condition* fires in the unseen incidents; 2 MB, kept: the next attempt mostly changes one of several."""
    unseen = incidents(*UNSEEN)
    return condition.fires(unseen.times_s, unseen.bad, unseen.total, unseen.slo)


def _outages(pages: Score) -> tuple[int, int, float]:
    """Significant total outages: how many, how many paged, and the median seconds until then."""
    frame = pages.frame[(pages.frame["kind"] == "total outage") & pages.frame["significant"]]
    told = frame.loc[frame["fired"], "detection_s"]
    return len(frame), len(told), float(told.median()) if len(told) else math.inf


def _woken_for_slow(pages: Score) -> tuple[int, int]:
    """Slow burns: how many, and how many of them paged."""
    fired = pages.frame.loc[pages.frame["kind"] == "slow burn", "fired"]
    return len(fired), int(fired.sum())


def shown(alert: Alert) -> Table:
    """The judged lines, on sixty incidents that anybody may look at; nothing is judged here."""
    rule, seen = rule_of(alert), incidents(*SHOWN)
    made, pages, tickets = (score(rule, seen, severity) for severity in (None, "page", "ticket"))
    outages, paged, late_s = _outages(pages)
    slow, woken = _woken_for_slow(pages)
    rows = [
        ("significant ones reported, by page or ticket", f"{made.recall:.0%}", f"at least {RECALL:.0%}"),
        ("pages that were for such a one", f"{pages.precision:.0%}", f"at least {PRECISION:.0%}"),
        ("total outages paged", f"{paged} of {outages}", "nine of ten"),
        ("… after (min, median)", f"{late_s / 60:.0f}", f"at most {OUTAGE_S / 60:.0f}"),
        ("pages silent after the end (min, median)", f"{pages.reset_s / 60:.0f}", f"at most {RESET_S / 60:.0f}"),
        ("pages an incident", f"{pages.alerts:.1f}", f"at most {ALERTS:g}"),
        ("slow burns that woke somebody", f"{woken} of {slow}", "at most half"),
        ("tickets: significant ones reported", f"{tickets.recall:.0%}", "not judged"),
    ]
    return table(
        pd.DataFrame(rows, columns=["what", "yours", "limit"]), caption="On 60 incidents; the check takes 200 others"
    )


def conditions(alert: Alert) -> str:
    """A rule with at least one page."""
    rule = rule_of(alert)
    pages = sum(each.severity == "page" for each in rule.conditions)
    if not pages:
        look = 'a total outage must wake somebody: severity="page" (the default)'
        raise Wrong(_many(len(rule.conditions), "ticket"), expected="a page at least", look=look)
    return f"{_many(pages, 'page')}, {_many(len(rule.conditions) - pages, 'ticket')}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def recall(alert: Alert) -> str:
    """Significant incidents are reported, by page or ticket."""
    made, _ = _scores(rule_of(alert))
    if made.recall < RECALL:
        significant = made.frame[made.frame["significant"]]
        worst = significant.loc[~significant["fired"], "kind"].mode().iloc[0]
        looks = {
            "slow burn": "0.2 % for a day are below your pages: a ticket over days (burn 1) sees it",
            "total outage": "a short outage is over before `for` or a long window alone sees it",
            "flapping": "in the pauses `for` begins anew: use a second window instead",
            "bad deploy": "a tenth of an hour at 5 % is 5 times the budget of that hour: a lower burn, a longer window",
        }
        look = f"most missed: {worst}; {looks.get(str(worst), '')}"
        raise Wrong(f"{made.recall:.0%} of the significant ones were reported",
                    given="200 incidents; reported by page or ticket", expected=f"at least {RECALL:.0%}",
                    look=look)  # fmt: skip
    return f"{made.recall:.0%} of {int(made.frame['significant'].sum())} significant incidents"


def precision(alert: Alert) -> str:
    """Who is woken is woken for something."""
    _, pages = _scores(rule_of(alert))
    if not pages.precision >= PRECISION:
        came = f"{pages.precision:.0%} of the pages were for a significant one"
        came = came if not math.isnan(pages.precision) else "no page at all"
        false = pages.frame[~pages.frame["significant"] & pages.frame["fired"]]
        most = false["kind"].mode().iloc[0] if len(false) else "nothing"
        look = f"most were for: {most}; a window of minutes, or a burn near 1, pages for every blip"
        raise Wrong(came, given="200 incidents; pages only", expected=f"at least {PRECISION:.0%}", look=look)
    return f"{pages.precision:.0%} of the pages were worth it"


def soon(alert: Alert) -> str:
    """A total outage wakes somebody soon."""
    _, pages = _scores(rule_of(alert))
    outages, told, late_s = _outages(pages)
    if late_s > OUTAGE_S or told < 0.9 * outages:
        look = "an hour's window passes 14.4 x 0.1 % after a minute of total outage; `for_s` and days wait longer"
        came = f"{told} of {outages} paged"
        came += f", half of them after {late_s / 60:.0f} min or more" if told else ""
        raise Wrong(came, given=f"{outages} total outages; pages only",
                    expected=f"nine of ten paged, half of them within {OUTAGE_S / 60:.0f} min", look=look)  # fmt: skip
    return f"{told} of {outages} total outages, after {late_s / 60:.0f} min"


def silent(alert: Alert) -> str:
    """It stops when the trouble has stopped."""
    _, pages = _scores(rule_of(alert))
    if not pages.reset_s <= RESET_S:
        look = "a long window remembers: short_s, a second window of a twelfth of the first, ends it"
        raise Wrong(f"silent {pages.reset_s / 60:.0f} min after the end (median)",
                    given="200 incidents; pages only", expected=f"at most {RESET_S / 60:.0f} min",
                    look=look)  # fmt: skip
    return f"pages silent {pages.reset_s / 60:.0f} min after the incident"


def once(alert: Alert) -> str:
    """One incident is not ten pages."""
    _, pages = _scores(rule_of(alert))
    if not pages.alerts <= ALERTS:
        raise Wrong(f"{pages.alerts:.1f} pages an incident, on average", given="200 incidents; pages only",
                    expected=f"at most {ALERTS:g}", look=_flaps(alert))  # fmt: skip
    return f"{pages.alerts:.1f} pages an incident"


def _flaps(alert: Alert) -> str:
    """Why the pages go on and off."""
    short_s = min((each.short_s for each in rule_of(alert).conditions
                   if each.severity == "page" and each.short_s is not None), default=None)  # fmt: skip
    if short_s is None:
        return "a short window alone goes on and off with every flap; behind a long one it pages once"
    return f"the {short_s / 60:.0f} min window clears between flaps; a second, longer condition bridges them"


def can_wait(alert: Alert) -> str:
    """What takes days to matter wakes nobody at night."""
    _, pages = _scores(rule_of(alert))
    slow, woken = _woken_for_slow(pages)
    if woken > CAN_WAIT * slow:
        look = "0.15 to 0.8 % failing spend the month's budget in four days or more: a ticket would do for a low burn"
        raise Wrong(f"{woken} of {slow} slow burns woke somebody", given="200 incidents; pages only",
                    expected="at most half", look=look)  # fmt: skip
    return f"{woken} of {slow} slow burns woke somebody"


ALERT = (
    Check("conditions, one of them a page", conditions),
    Check("200 unseen incidents: 85 % of the significant ones", recall, 90.0),
    Check("who is woken is woken for something", precision, 90.0),
    Check("a total outage pages within 5 minutes", soon, 90.0),
    Check("the pages are silent again within 45 minutes", silent, 90.0),
    Check("at most two pages an incident", once, 90.0),
    Check("at most half of the slow burns wake somebody", can_wait, 90.0),
)
