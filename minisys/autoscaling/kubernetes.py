"""Kubernetes' HorizontalPodAutoscaler as one policy: the formula of one line, and the sixty lines of care around it.

``desired = ceil(current x metric / target)`` is what everybody quotes. What keeps it from harm is the rest: a tolerance
so that it lets well alone, rules for pods that are not ready or send no metric, windows that wait for a calmer moment,
and limits on how fast it may go.

Promised: the arithmetic of the controller (v1.30 and later, one metric), its defaults included. Not here: reading
metrics, several metrics (policies.Combined), the Kubernetes API. Source: Kubernetes documentation, "Horizontal Pod
Autoscaling"; kubernetes/pkg/controller/podautoscaler.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from minisys.autoscaling.policies import Instance, Seen, check_target, whole

PERIOD_S = 15.0  # the controller looks this often (--horizontal-pod-autoscaler-sync-period)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most *percent* of the pods or *pods* of them in *period_s* seconds.

    Raises ValueError unless one is given, above 0 (to allow nothing a Behaviour is "Disabled"), and the period is too.
    """

    percent: float | None = None
    pods: int | None = None
    period_s: float = PERIOD_S

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.pods is None):
            raise ValueError(f"a limit is either percent or pods, got percent={self.percent} and pods={self.pods}")
        if not (self.percent or self.pods or 0) > 0 or not self.period_s > 0:
            raise ValueError(f"a limit and its period must be above 0, got {self!r}")

    def up(self, start: int) -> int:
        """The most pods that a period which began with *start* may end with."""
        return start + self.pods if self.pods is not None else whole(start * (1 + (self.percent or 0.0) / 100))

    def down(self, start: int) -> int:
        """The fewest pods that it may end with."""
        if self.pods is not None:
            return start - self.pods
        return math.floor(start * (1 - (self.percent or 0.0) / 100) + 1e-9)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One direction: wait for a calmer moment of the last *window_s* seconds, and keep to the *limits*.

    With several limits the one that allows the largest change counts (*select* "Max"), or the smallest ("Min"), or none
    allows anything ("Disabled"). Raises ValueError for another word, no limit, or a window below 0.
    """

    window_s: float
    limits: Sequence[Limit]
    select: str = "Max"

    def __post_init__(self) -> None:
        if self.select not in ("Max", "Min", "Disabled") or not self.limits:
            raise ValueError(f"need limits, and select Max, Min or Disabled; got {self.limits!r} and {self.select!r}")
        if not self.window_s >= 0:
            raise ValueError(f"window_s must be 0 or more, got {self.window_s}")


UP = Behaviour(0.0, (Limit(percent=100), Limit(pods=4)))
DOWN = Behaviour(300.0, (Limit(percent=100),))


def proportional(current: int, metric: float, target: float, tolerance: float = 0.1) -> int:
    """The formula: ceil(*current* x *metric* / *target*), or *current* if the ratio is within *tolerance* of 1.

    50 pods at 90 % with a target of 75 % become 60. Raises ValueError for a target of 0 or less.
    """
    if not target > 0:
        raise ValueError(f"target must be above 0, got {target}")
    return current if within(metric / target, tolerance) else whole(current * metric / target)


def within(ratio: float, tolerance: float) -> bool:
    """Whether the ratio is near enough to 1 to leave things as they are."""
    return abs(ratio - 1.0) <= tolerance + 1e-9


@dataclass
class HorizontalPodAutoscaler:
    """The whole rule: ratio with tolerance, pods that are not ready or send nothing, windows, limits.

    *target*: utilisation (0 to 1). *cpu_initialisation_s*: so long after its start a pod's metric counts only if it is
    ready and was for a whole *metric_window_s*; *initial_readiness_s*: later, a pod that went unready within that time
    of its start counts as never ready. *minimum*, *maximum*: pods; where there is none at all it asks for *minimum*
    (Kubernetes takes 0 replicas for a hand on the switch and leaves them). Raises ValueError for bad numbers.
    """

    target: float = 0.6
    tolerance: float = 0.1
    minimum: int = 1
    maximum: int = 1000
    up: Behaviour = UP
    down: Behaviour = DOWN
    cpu_initialisation_s: float = 300.0
    initial_readiness_s: float = 30.0
    metric_window_s: float = PERIOD_S
    recommended: list[tuple[float, int]] = field(default_factory=list, init=False, repr=False)
    changes: list[tuple[float, int]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        check_target(self.target)
        if not 1 <= self.minimum <= self.maximum:
            raise ValueError(f"need 1 <= minimum <= maximum, got {self.minimum} and {self.maximum}")

    def desired(self, seen: Seen, now: float) -> int:
        if not seen.current:
            return self.minimum
        wanted = min(max(seen.current, self.minimum), self.maximum)
        if wanted == seen.current:  # out of bounds it goes to the bound and asks for nothing else
            recommendation = self.stabilised(self.recommendation(seen, now), seen.current, now)
            wanted = self.limited(recommendation, seen.current, now)
        if wanted != seen.current:
            self.changes.append((now, wanted - seen.current))
        return wanted

    def recommendation(self, seen: Seen, now: float) -> int:
        """What the ratio asks for: pods that are not ready use nothing if it would grow, and count not if it would
        shrink; pods without a metric use nothing if it would grow, and all they may if it would shrink.
        """
        current = seen.current
        counted = [each.utilisation for each in seen.instances if not self.is_unready(each, now)]
        known = [load for load in counted if load is not None]
        unready, missing = current - len(counted), len(counted) - len(known)
        if not known:
            return current
        ratio = fmean(known) / self.target
        growing = ratio > 1
        if not missing and not (unready and growing):
            return current if within(ratio, self.tolerance) else whole(ratio * len(known))
        known += [0.0 if growing else max(1.0, self.target)] * missing if ratio != 1 else []
        known += [0.0] * unready if growing else []
        again = fmean(known) / self.target
        wanted = whole(again * len(known))
        turned = (again > 1) != growing or (wanted < current if growing else wanted > current)
        return current if turned or within(again, self.tolerance) else wanted

    def is_unready(self, pod: Instance, now: float) -> bool:
        """Whether the rule sets a pod's metric aside. A pod that runs and sends none is not unready, but missing."""
        if pod.utilisation is None:
            return not pod.ready and pod.changed_s <= pod.started_s  # it boots
        if now < pod.started_s + self.cpu_initialisation_s:
            return not pod.ready or now < pod.changed_s + self.metric_window_s
        return not pod.ready and pod.changed_s < pod.started_s + self.initial_readiness_s

    def stabilised(self, recommendation: int, current: int, now: float) -> int:
        """Up no further than the least, down no further than the most that was recommended within the window."""
        longest = max(self.up.window_s, self.down.window_s)
        self.recommended = [(at, count) for at, count in self.recommended if now - longest < at <= now]
        least = min([recommendation, *(count for at, count in self.recommended if at > now - self.up.window_s)])
        most = max([recommendation, *(count for at, count in self.recommended if at > now - self.down.window_s)])
        self.recommended.append((now, recommendation))
        return min(max(current, least), most)

    def limited(self, wanted: int, current: int, now: float) -> int:
        """As far from *current*, which lies within the bounds, towards *wanted* as they and the limits allow."""
        if wanted > current:
            most = max(current, self._reach(self.up, current, now, math.inf))
            return min(wanted, most, self.maximum)
        least = min(current, self._reach(self.down, current, now, -math.inf))
        return max(wanted, least, self.minimum)

    def _reach(self, behaviour: Behaviour, current: int, now: float, goal: float) -> int:
        """How far one step may go towards *goal* (endless up or down): the period began before its changes."""
        longest = max(limit.period_s for limit in (*self.up.limits, *self.down.limits))
        self.changes = [(at, change) for at, change in self.changes if now - longest < at <= now]
        if behaviour.select == "Disabled":
            return current
        ends = []
        for limit in behaviour.limits:
            start = current - sum(change for at, change in self.changes if at > now - limit.period_s)
            ends.append(limit.up(start) if goal > 0 else limit.down(start))
        return max(ends) if (goal > 0) == (behaviour.select == "Max") else min(ends)
