"""How much may fail, and how fast it is being used up: SLI, SLO, error budget, burn rate.

"Is one percent of errors bad?" For ten minutes at night, no; for a day, the month is over. An objective of 99.9 % in 30
days turns the question into arithmetic: 0.1 % of the requests is the budget, and a burn rate of 10 spends it in three
days.

Promised: exact arithmetic, every number with its unit. Not here: what should be measured, and what the objective
should be; users decide that. Source: Beyer et al., The Site Reliability Workbook, 2018, chapters 2 and 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

HOUR_S, DAY_S = 3_600.0, 86_400.0
MONTH_S = 30 * DAY_S  # the Workbook's window


def sli(good: float, total: float) -> float:
    """The share of good events, the usual indicator; 1.0 when nothing was asked, as nobody was let down.

    Raises ValueError unless 0 <= good <= total.
    """
    if not 0 <= good <= total:
        raise ValueError(f"need 0 <= good <= total events, got {good} of {total}")
    return good / total if total else 1.0


@dataclass(frozen=True)
class Slo:
    """*objective*: the share of events that must be good (0.999) within any *window_s* seconds (30 days).

    Raises ValueError unless 0 < objective < 1 and window_s is positive. An objective of 1 has no budget: every failure
    would be a breach, and every change a risk nobody may take.
    """

    objective: float = 0.999
    window_s: float = MONTH_S

    def __post_init__(self) -> None:
        if not (0 < self.objective < 1 and 0 < self.window_s < math.inf):
            raise ValueError(
                f"need 0 < objective < 1 and window_s > 0 seconds, got {self.objective} and {self.window_s}"
            )

    @property
    def budget(self) -> float:
        """The error budget: the share of events that may be bad."""
        return round(1 - self.objective, 12)  # 1 - 0.999 is 0.0010000000000000009

    @property
    def downtime_s(self) -> float:
        """The budget as seconds of total outage in a window, at steady traffic."""
        return self.budget * self.window_s

    def burn_rate(self, error_ratio: float) -> float:
        """How many times as fast as allowed *error_ratio* (0 to 1) spends the budget."""
        return _share(error_ratio) / self.budget

    def threshold(self, burn: float) -> float:
        """The error ratio at which the budget burns *burn* times as fast as allowed."""
        return burn * self.budget

    def spent(self, error_ratio: float, for_s: float) -> float:
        """The share of the window's budget that *error_ratio* uses up in *for_s* seconds at steady traffic."""
        return self.burn_rate(error_ratio) * for_s / self.window_s

    def lasts_s(self, error_ratio: float) -> float:
        """Seconds until a full budget is gone; infinite without errors."""
        burn = self.burn_rate(error_ratio)
        return self.window_s / burn if burn else math.inf

    def left(self, good: float, total: float) -> float:
        """The share of the budget that is left after *good* of *total* events; negative once it is overspent."""
        return 1 - (1 - sli(good, total)) / self.budget

    def detection_s(self, error_ratio: float, burn: float, window_s: float) -> float:
        """Seconds until a window of *window_s* shows *burn*, if *error_ratio* begins at once after a clean past.

        After t seconds the window holds errors for t of its length: error_ratio × t / window_s has to exceed
        burn × budget. Infinite if it never does.
        """
        needed = self.threshold(burn)
        return window_s * needed / error_ratio if _share(error_ratio) > needed else math.inf

    def reset_s(self, error_ratio: float, burn: float, window_s: float, for_s: float) -> float:
        """Seconds from the end of *for_s* seconds of *error_ratio* until the window is below *burn* again.

        The window forgets the stretch from its beginning on, so what may stay is what was needed to fire. 0 if it never
        fired.
        """
        fires_after_s = self.detection_s(error_ratio, burn, window_s)
        return max(0.0, window_s - fires_after_s) if for_s > fires_after_s else 0.0


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"an error ratio is a share from 0 to 1, got {value}")
    return value
