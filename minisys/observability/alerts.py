"""When is somebody woken? Alert rules as data, from the plain threshold to several windows and several burn rates.

Monday: a page for two bad minutes that nobody noticed. Tuesday: no page while one percent failed all day. Both rules
were sensible thresholds. The Site Reliability Workbook (2018, chapter 5) improves such a rule in six steps; all six are
here, so that they can be laid beside each other.

    PUBLISHED.fires(times_s, bad, total, Slo(0.999))

Promised: counters in (how many so far), True or False for each moment out, for one service or for hundreds of incidents
at once; thresholds computed, not copied. Not done: grouping, silencing, and finding the person who is on call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from minisys.observability.slo import DAY_S, HOUR_S, MONTH_S, Slo

SEVERITIES = ("page", "ticket")
MINUTE_S = 60.0


def burn_for(budget_share: float, window_s: float, period_s: float = MONTH_S) -> float:
    """The burn rate that spends *budget_share* of the budget of *period_s* seconds within *window_s* seconds.

    Raises ValueError unless all are positive.
    """
    if not (budget_share > 0 and window_s > 0 and period_s > 0):
        raise ValueError(f"need shares and windows above 0, got {budget_share}, {window_s} s, {period_s} s")
    return round(budget_share * period_s / window_s, 9)  # 14.4, not 14.399999999999999


@dataclass(frozen=True)
class Condition:
    """One line of a rule: the window's errors burn the budget more than *burn* times as fast as allowed.

    window_s: seconds looked back. short_s: a second, shorter window that must show it as well, so that the alert ends
    soon after the trouble (None: no such window). for_s: it must stay true so long first. severity: "page" wakes
    somebody, "ticket" waits until morning. Raises ValueError unless 0 <= short_s < window_s, burn > 0 and for_s >= 0.
    """

    window_s: float
    burn: float
    short_s: float | None = None
    for_s: float = 0.0
    severity: str = "page"

    def __post_init__(self) -> None:
        if not (self.window_s > 0 and self.burn > 0 and self.for_s >= 0):
            raise ValueError(
                f"need window_s > 0, burn > 0 and for_s >= 0, got {self.window_s}, {self.burn} and {self.for_s}"
            )
        if self.short_s is not None and not 0 < self.short_s < self.window_s:
            raise ValueError(f"the short window lies between 0 and {self.window_s:g} s, got {self.short_s}")
        if self.severity not in SEVERITIES:
            raise ValueError(f"a severity is one of {', '.join(SEVERITIES)}, not {self.severity!r}")

    def fires(self, times_s: np.ndarray, bad: np.ndarray, total: np.ndarray, slo: Slo) -> np.ndarray:
        """True where it fires. *bad* and *total* count events so far at *times_s*; the last axis is time."""
        limit = slo.threshold(self.burn)
        true = ratio(times_s, bad, total, self.window_s) > limit
        if self.short_s is not None:
            true &= ratio(times_s, bad, total, self.short_s) > limit
        return stays(times_s, true, self.for_s) if self.for_s else true

    def detection_s(self, error_ratio: float, slo: Slo) -> float:
        """Seconds from the beginning of a steady *error_ratio* until it fires, after a clean past; may be infinite."""
        windows = [self.window_s] if self.short_s is None else [self.window_s, self.short_s]
        return max(slo.detection_s(error_ratio, self.burn, window_s) for window_s in windows) + self.for_s

    def reset_s(self, error_ratio: float, lasted_s: float, slo: Slo) -> float:
        """Seconds from the end of *lasted_s* seconds of *error_ratio* until it is silent; 0 if it did not fire."""
        if lasted_s <= self.detection_s(error_ratio, slo):
            return 0.0
        windows = [self.window_s] if self.short_s is None else [self.window_s, self.short_s]
        return min(slo.reset_s(error_ratio, self.burn, window_s, lasted_s) for window_s in windows)

    def faster(self, factor: float) -> Condition:
        """The same condition on a clock that runs *factor* times as fast: every window is so much shorter."""
        short_s = None if self.short_s is None else self.short_s / factor
        return replace(self, window_s=self.window_s / factor, short_s=short_s, for_s=self.for_s / factor)


@dataclass(frozen=True)
class Rule:
    """An alert: it fires while any of its *conditions* does. Raises ValueError without a name or a condition."""

    name: str
    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if not (self.name and self.conditions):
            raise ValueError(f"a rule has a name and at least one condition, got {self.name!r}, {self.conditions}")

    def fires(
        self, times_s: np.ndarray, bad: np.ndarray, total: np.ndarray, slo: Slo, severity: str | None = None
    ) -> np.ndarray:
        """True where any condition (of this *severity*; None: of any) fires; arguments as for Condition.fires."""
        made = np.zeros(np.shape(bad), bool)
        for condition in self.conditions:
            if severity in (None, condition.severity):
                made |= condition.fires(times_s, bad, total, slo)
        return made

    def detection_s(self, error_ratio: float, slo: Slo) -> float:
        """Seconds until the first condition fires for a steady *error_ratio* after a clean past."""
        return min(condition.detection_s(error_ratio, slo) for condition in self.conditions)

    def faster(self, factor: float) -> Rule:
        """The same rule on a clock that runs *factor* times as fast."""
        return Rule(self.name, tuple(condition.faster(factor) for condition in self.conditions))


def ratio(times_s: np.ndarray, bad: np.ndarray, total: np.ndarray, window_s: float) -> np.ndarray:
    """The share of bad events in the *window_s* seconds before each moment; 0 where there was no event.

    *bad* and *total* count what happened so far, one column a moment of *times_s*. A window that begins before the
    first moment begins with it, as Prometheus does with a young series.
    """
    before = np.maximum(np.searchsorted(times_s, times_s - window_s * (1 - 1e-9), side="right") - 1, 0)
    events = total - np.take(total, before, axis=-1)
    errors = bad - np.take(bad, before, axis=-1)
    return np.divide(errors, events, out=np.zeros(np.shape(bad)), where=events > 0)


def stays(times_s: np.ndarray, true: np.ndarray, for_s: float) -> np.ndarray:
    """Where *true* has been True at every look for at least *for_s* seconds: Prometheus' ``for``."""
    places = np.arange(len(times_s))
    last_false = np.maximum.accumulate(np.where(true, -1, places), axis=-1)
    since_s = np.asarray(times_s)[np.minimum(last_false + 1, len(times_s) - 1)]
    return np.asarray(true & (times_s - since_s >= for_s * (1 - 1e-9)), dtype=bool)


def published(period_s: float = MONTH_S) -> Rule:
    """The Workbook's recommended rule (table 5-8), for a budget of *period_s* seconds: two pages and a ticket."""
    rows = (  # share of the budget, long window, short window, severity
        (0.02, HOUR_S, 5 * MINUTE_S, "page"),
        (0.05, 6 * HOUR_S, 30 * MINUTE_S, "page"),
        (0.10, 3 * DAY_S, 6 * HOUR_S, "ticket"),
    )
    return Rule(
        "several windows and rates",
        tuple(Condition(long, burn_for(share, long, period_s), short, 0.0, kind) for share, long, short, kind in rows),
    )


PUBLISHED = published()
DAILY = Condition(DAY_S, burn_for(0.10, DAY_S), 2 * HOUR_S, 0.0, "ticket")  # in its Prometheus example, and Sloth's
STEPS = (  # the Workbook's six attempts, in its order; its numbers for 99.9 % in 30 days
    Rule("threshold, 10 min", (Condition(10 * MINUTE_S, 1.0),)),
    Rule("longer window, 36 h", (Condition(36 * HOUR_S, 1.0),)),
    Rule("threshold for 1 h", (Condition(MINUTE_S, 1.0, for_s=HOUR_S),)),
    Rule("one burn rate, 1 h", (Condition(HOUR_S, burn_for(0.05, HOUR_S)),)),
    Rule("several burn rates", tuple(replace(condition, short_s=None) for condition in PUBLISHED.conditions)),
    PUBLISHED,
)
