"""Two hundred bad days, made to order: how good is an alert, before anybody is woken by it?

A rule that fired in time last month may have been lucky. Here it stands its trial on many incidents whose truth is
known: total outages, slow burns, flapping, bad deploys, and quiet nights in which nothing is wrong but one failed
request of few looks like one percent.

    score(PUBLISHED, draw(240, seed=1)).precision

Promised: one seed, one set of incidents; the same counters a scraper would have seen, once a minute; an incident counts
as significant by what it spends of the month's budget, not by whether a rule likes it. Not promised: that your
incidents come in these proportions. Change them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from minisys.observability.alerts import MINUTE_S, Condition, Rule
from minisys.observability.slo import DAY_S, HOUR_S, Slo
from minisys.testbed.workload import stream

LEAD_S, LENGTH_S = 3 * DAY_S, 7 * DAY_S  # three quiet days first, so that the longest window is full
SIGNIFICANT, TRIVIAL = 0.02, 0.01  # of the month's budget; what lies between is counted neither way
QUIET = 0.05  # without an incident, this share of what is allowed fails
REQUESTS_PER_S, FEW_PER_S = 50.0, 1 / 60

Shape = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def total_outage(rng: np.random.Generator, times_s: np.ndarray) -> np.ndarray:
    """Everything fails for 1 to 20 minutes."""
    return _between(times_s, np.exp(rng.uniform(np.log(60), np.log(1_200))), 1.0)


def slow_burn(rng: np.random.Generator, times_s: np.ndarray) -> np.ndarray:
    """0.15 to 0.8 % fail for 6 to 60 hours: nobody calls, and the month's budget is gone."""
    return _between(times_s, rng.uniform(6, 60) * HOUR_S, rng.uniform(0.0015, 0.008))


def flapping(rng: np.random.Generator, times_s: np.ndarray) -> np.ndarray:
    """3 to 30 % fail for some minutes of every 6 to 30, for 1 to 8 hours."""
    period_s, on_s = rng.uniform(6, 30) * MINUTE_S, rng.uniform(1, 4) * MINUTE_S
    phase = (times_s - LEAD_S) % period_s < on_s
    return _between(times_s, rng.uniform(1, 8) * HOUR_S, rng.uniform(0.03, 0.3)) * phase


def bad_deploy(rng: np.random.Generator, times_s: np.ndarray) -> np.ndarray:
    """1 to 20 % fail from one release to its rollback, 10 to 90 minutes later."""
    return _between(times_s, rng.uniform(10, 90) * MINUTE_S, np.exp(rng.uniform(np.log(0.01), np.log(0.2))))


def blip(rng: np.random.Generator, times_s: np.ndarray) -> np.ndarray:
    """2 to 30 % fail for one to four minutes: a restart, a lost packet. Not worth a night's sleep."""
    return _between(times_s, rng.uniform(1, 4) * MINUTE_S, rng.uniform(0.02, 0.3))


def low_traffic(rng: np.random.Generator, times_s: np.ndarray) -> np.ndarray:
    """Nothing is wrong, but only a request a minute comes: one unlucky one is 1.7 % of an hour."""
    return np.zeros(len(times_s))


KINDS: Mapping[str, Shape] = {
    "total outage": total_outage, "slow burn": slow_burn, "flapping": flapping, "bad deploy": bad_deploy,
    "blip": blip, "low traffic": low_traffic,
}  # fmt: skip


@dataclass(frozen=True)
class Incidents:
    """Incidents, one a row. *kind*: its name. *times_s*: the minutes. *bad*, *total*: events so far (rows x minutes).

    *ratio*: the extra error ratio that was set, which an alert cannot see. All incidents begin at LEAD_S.
    """

    kind: tuple[str, ...]
    times_s: np.ndarray
    bad: np.ndarray
    total: np.ndarray
    ratio: np.ndarray
    slo: Slo

    def __len__(self) -> int:
        return len(self.kind)

    @cached_property
    def end_s(self) -> np.ndarray:
        """When each incident's last bad minute is over; its beginning where nothing was wrong."""
        last = self.ratio.shape[1] - 1 - np.argmax(self.ratio[:, ::-1] > 0, axis=1)
        return np.where(self.ratio.any(axis=1), self.times_s[last], LEAD_S)

    @cached_property
    def spent(self) -> np.ndarray:
        """What each incident spends of the month's budget (1 is all of it), at steady traffic."""
        return self.ratio.sum(axis=1) * MINUTE_S / (self.slo.budget * self.slo.window_s)

    @cached_property
    def significant(self) -> np.ndarray:
        """Which are worth waking somebody: they spend at least 2 % of the month's budget."""
        return self.spent >= SIGNIFICANT

    @cached_property
    def trivial(self) -> np.ndarray:
        """Which are not: they spend less than 1 %."""
        return self.spent < TRIVIAL

    def frame(self, row: int) -> pd.DataFrame:
        """One incident, a minute a row: hour (0: it begins), bad, total."""
        bad, total = (np.diff(column[row], prepend=0) for column in (self.bad, self.total))
        return pd.DataFrame({"hour": (self.times_s - LEAD_S) / HOUR_S, "bad": bad, "total": total})


def draw(
    count: int = 240, seed: int = 0, *, slo: Slo | None = None, kinds: Mapping[str, Shape] | None = None,
    quiet: float = QUIET,
) -> Incidents:  # fmt: skip
    """*count* incidents of all *kinds* in turn, each seven days long, the first three of them without trouble.

    *quiet*: the share of the budget that fails every day anyway. A shape maps (rng, minutes in s) to error ratios.
    Raises ValueError unless count is positive, quiet is from 0 to 1 and there is a kind.
    """
    slo, kinds = slo or Slo(), KINDS if kinds is None else kinds
    if count < 1 or not kinds or not 0 <= quiet <= 1:
        raise ValueError(f"need count >= 1, a kind and quiet from 0 to 1; got {count}, {list(kinds)}, {quiet}")
    times_s = np.arange(MINUTE_S, LENGTH_S + MINUTE_S, MINUTE_S)
    names = tuple(list(kinds)[i % len(kinds)] for i in range(count))
    ratio = np.zeros((count, len(times_s)), np.float32)
    bad, total = np.zeros(ratio.shape, np.int32), np.zeros(ratio.shape, np.int32)
    for row, name in enumerate(names):
        rng = stream(seed, f"incident {row} {name}")
        ratio[row] = kinds[name](rng, times_s)
        rate = FEW_PER_S if name == "low traffic" else REQUESTS_PER_S
        events = rng.poisson(rate * MINUTE_S, len(times_s))
        errors = rng.binomial(events, np.minimum(1.0, ratio[row] + quiet * slo.budget))
        total[row], bad[row] = np.cumsum(events), np.cumsum(errors)
    return Incidents(names, times_s, bad, total, ratio, slo)


def _between(times_s: np.ndarray, for_s: float, error_ratio: float) -> np.ndarray:
    """*error_ratio* in the minutes that end within *for_s* seconds after the quiet days; at least one minute."""
    minutes = max(1, round(for_s / MINUTE_S))
    inside = (times_s > LEAD_S) & (times_s <= LEAD_S + minutes * MINUTE_S)
    return np.where(inside, error_ratio, 0.0)


@dataclass(frozen=True)
class Score:
    """How *rule* did: `frame` has one incident a row (kind, spent, significant, trivial, fired, detection_s, reset_s,
    alerts: how often it began to fire, and early: it fired before anything was wrong)."""

    rule: Rule | Condition
    frame: pd.DataFrame

    @property
    def recall(self) -> float:
        """The share of the significant incidents that it reported while they lasted."""
        return float(self.frame.loc[self.frame["significant"], "fired"].mean())

    @property
    def precision(self) -> float:
        """The share of what it reported that was significant; trivial incidents and alerts out of the blue are not.

        NaN if it never fired.
        """
        right = int((self.frame["significant"] & self.frame["fired"]).sum())
        wrong = int((self.frame["trivial"] & self.frame["fired"]).sum() + self.frame["early"].sum())
        return right / (right + wrong) if right + wrong else float("nan")

    @property
    def detection_s(self) -> float:
        """The median time from the beginning of a significant incident to its first alert, among those reported."""
        return float(self._reported["detection_s"].median())

    @property
    def reset_s(self) -> float:
        """The median time from the end of a significant incident until nothing fires, among those reported."""
        return float(self._reported["reset_s"].median())

    @property
    def alerts(self) -> float:
        """How often it began to fire, on average, in a significant incident that it reported."""
        return float(self._reported["alerts"].mean())

    @property
    def _reported(self) -> pd.DataFrame:
        return self.frame[self.frame["significant"] & self.frame["fired"]]


def score(rule: Rule, incidents: Incidents, severity: str | None = None) -> Score:
    """Let *rule* (its conditions of this *severity*; None: all) watch *incidents*."""
    return scored(
        rule, rule.fires(incidents.times_s, incidents.bad, incidents.total, incidents.slo, severity), incidents
    )


def scored(rule: Rule | Condition, fires: np.ndarray, incidents: Incidents) -> Score:
    """The marks of a *rule* that *fires* at these minutes of *incidents* (one row each)."""
    times_s = incidents.times_s
    begun, over = times_s > LEAD_S, times_s > incidents.end_s[:, None]
    nothing_wrong = np.asarray(~incidents.ratio.any(axis=1))[:, None]
    during, after = fires & begun & (~over | nothing_wrong), fires & over
    quiet_again = np.where(after.any(axis=1), _last(after, times_s) - incidents.end_s + MINUTE_S, 0.0)
    rises = np.diff((fires & begun).astype(np.int8), axis=1, prepend=0) == 1
    fired = during.any(axis=1)
    frame = pd.DataFrame({
        "kind": incidents.kind, "spent": incidents.spent, "significant": incidents.significant,
        "trivial": incidents.trivial, "fired": fired,
        "detection_s": np.where(fired, times_s[np.argmax(during, axis=1)] - LEAD_S, np.nan),
        "reset_s": quiet_again, "alerts": rises.sum(axis=1), "early": (fires & ~begun).any(axis=1),
    })  # fmt: skip
    return Score(rule, frame)


def _last(true: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """The last moment of each row at which *true* is True."""
    return np.asarray(times_s[true.shape[1] - 1 - np.argmax(true[:, ::-1], axis=1)])
