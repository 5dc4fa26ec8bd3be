"""What an autoscaler decides: how many servers, from what it saw in the last quarter of a minute.

It is eight in the evening, the advertisement has run, and every server is at 100 %. How many more? The one metric at
hand cannot tell 110 % from 400 %, and what you order now serves in two minutes. Every rule here is an answer to that,
with one verb: ``desired(seen, now)``, the number of servers that there should be.

Promised: decisions only, from what they are given and what they noted at earlier calls; the model, its fast twin and
the live controller ask the same objects. Copy a policy (copy.deepcopy) before a run: it remembers. Not here: the rule
of Kubernetes (kubernetes.py), forecasts and plans (planning.py), starting and stopping anything (model.py, live.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Instance:
    """One server that is there and not being drained, as an autoscaler sees it.

    *utilisation*: share of its workers that was busy since the last look, 0 to 1; None: no metric came (so is NaN).
    *started_s*: when it was asked for; *ready*: whether it takes requests; *changed_s*: when `ready` last changed (at
    the start: the start). All times in seconds of the caller's clock.
    """

    utilisation: float | None = None
    started_s: float = 0.0
    ready: bool = True
    changed_s: float = 0.0

    def __post_init__(self) -> None:
        if self.utilisation is not None and math.isnan(self.utilisation):  # 0/0 in a metric is no metric
            object.__setattr__(self, "utilisation", None)


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a policy may see: the instances, *rate_per_s* (requests that came a second since the last look) and
    *backlog* (requests that wait in line now).
    """

    instances: Sequence[Instance]
    rate_per_s: float = 0.0
    backlog: int = 0

    @property
    def current(self) -> int:
        """How many instances there are, those that still boot included."""
        return len(self.instances)

    def utilisation(self, now: float = math.inf, warm_up_s: float = 0.0) -> float | None:
        """The mean utilisation of the ready instances that report one and started *warm_up_s* ago; None: of nobody."""
        known = [
            each.utilisation
            for each in self.instances
            if each.ready and each.utilisation is not None and now >= each.started_s + warm_up_s
        ]
        return fmean(known) if known else None


@dataclass(frozen=True)
class Look:
    """One look of the controller: what it saw at *time_s*, and what it wanted."""

    time_s: float
    current: int
    ready: int
    utilisation: float
    rate_per_s: float
    backlog: int
    wanted: int


class Policy(Protocol):
    """A rule with one verb."""

    def desired(self, seen: Seen, now: float) -> int:
        """How many instances there should be, of which `seen.current` are there or booting."""
        ...


def whole(servers: float) -> int:
    """The next whole number of servers; 1e-9 of a server is the dust of floating point, not a server."""
    return math.ceil(servers - 1e-9)


def check_target(target: float) -> None:
    """Raises ValueError unless 0 < *target* <= 1."""
    if not 0 < target <= 1:
        raise ValueError(f"target must be a utilisation above 0, at most 1, got {target}")


@dataclass
class Proportional:
    """The bare rule: servers x utilisation / *target*, with no care at all. It shows what the care is for.

    *gain* 1 goes the whole way to the new number at once, 0.5 half of it. Servers that still boot are counted as
    servers while the metric does not know them: that is the mistake that makes it overshoot. Raises ValueError for a
    target outside (0, 1] or a gain of 0 or less.
    """

    target: float = 0.6
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_target(self.target)
        if not self.gain > 0:
            raise ValueError(f"gain must be above 0, got {self.gain}")

    def desired(self, seen: Seen, now: float) -> int:
        load = seen.utilisation()
        if load is None:
            return seen.current
        return whole(seen.current * (1 + self.gain * (load / self.target - 1)))


@dataclass
class Step:
    """So many servers more above one line, fewer below another; then hands off for *cooldown_s* seconds.

    *out*: (utilisation, servers to add), the highest line that is crossed counts; *into*: (utilisation, servers to
    remove), the lowest that is undercut counts. Raises ValueError if a line of *into* is not below all of *out*.
    Source: Amazon EC2 Auto Scaling, step scaling policies; its simple scaling policy has one step a side.
    """

    out: Sequence[tuple[float, int]] = ((0.7, 1), (0.85, 3))
    into: Sequence[tuple[float, int]] = ((0.4, 1),)
    cooldown_s: float = 300.0
    acted_s: float = field(default=-math.inf, init=False, repr=False)

    def __post_init__(self) -> None:
        lowest = min((line for line, _ in self.out), default=math.inf)
        if any(line >= lowest for line, _ in self.into):
            raise ValueError(f"the lines to scale in, {self.into}, must lie below those to scale out, {self.out}")

    def desired(self, seen: Seen, now: float) -> int:
        load = seen.utilisation()
        if load is None or self.acted_s <= now < self.acted_s + self.cooldown_s:  # a clock set back waits for nothing
            return seen.current
        more = max(((line, count) for line, count in self.out if load >= line), default=(0.0, 0))[1]
        fewer = min(((line, count) for line, count in self.into if load <= line), default=(0.0, 0))[1]
        if more or fewer:
            self.acted_s = now
        return max(0, seen.current + more - fewer)


@dataclass
class TargetTracking:
    """Two alarms round a *target*: out when above it for *out_after_s*, in when below *low* x target for *in_after_s*.

    An instance counts in the metric *warm_up_s* after its start, in the capacity at once: what is on its way is not
    ordered again, and nothing is removed while one warms or within *cooldown_s* of the last change. The defaults are
    three minutes' points above and fifteen below, so 120 and 840 s after the first. Raises ValueError for a target
    outside (0, 1], or low outside (0, 1). Source: Amazon EC2 Auto Scaling, target tracking; the alarms' numbers are as
    users see them in CloudWatch (the documentation does not promise them).
    """

    target: float = 0.6
    warm_up_s: float = 120.0
    cooldown_s: float = 300.0
    out_after_s: float = 120.0
    in_after_s: float = 840.0
    low: float = 0.9
    above_s: float = field(default=math.inf, init=False, repr=False)
    below_s: float = field(default=math.inf, init=False, repr=False)
    acted_s: float = field(default=-math.inf, init=False, repr=False)

    def __post_init__(self) -> None:
        check_target(self.target)
        if not 0 < self.low < 1:
            raise ValueError(f"low must be a share of the target between 0 and 1, got {self.low}")

    def desired(self, seen: Seen, now: float) -> int:
        load = seen.utilisation(now, self.warm_up_s)
        if load is None:
            return seen.current
        self.above_s = min(self.above_s, now) if load > self.target else math.inf
        self.below_s = min(self.below_s, now) if load < self.low * self.target else math.inf
        warm = sum(each.ready and now >= each.started_s + self.warm_up_s for each in seen.instances)
        wanted = whole(warm * load / self.target)
        steady = warm == seen.current and not self.acted_s <= now < self.acted_s + self.cooldown_s
        out = now >= self.above_s + self.out_after_s and wanted > seen.current
        into = now >= self.below_s + self.in_after_s and wanted < seen.current and steady
        if not (out or into):
            return seen.current
        self.acted_s = now
        return wanted


@dataclass
class BacklogPerInstance:
    """As many instances as work off the line in time: backlog / acceptable backlog of one instance.

    Acceptable is *within_s* / *service_s*: whoever may wait 10 s for work of 0.1 s may stand behind 100 others. What is
    in service is not in the backlog, so an empty line says nothing of the load: combine it with a rule that looks at
    the utilisation. Raises ValueError unless both are above 0. Source: Amazon EC2 Auto Scaling, scaling based on
    Amazon SQS.
    """

    service_s: float
    within_s: float

    def __post_init__(self) -> None:
        if not (self.service_s > 0 and self.within_s > 0):
            raise ValueError(f"service_s and within_s must be above 0, got {self.service_s} and {self.within_s}")

    @property
    def acceptable(self) -> float:
        """Messages that one instance may have before it."""
        return self.within_s / self.service_s

    def desired(self, seen: Seen, now: float) -> int:
        return whole(seen.backlog / self.acceptable)


@dataclass
class Combined:
    """Several rules, and the largest number wins: out if any rule says so, in only if all agree.

    Source: Kubernetes, HorizontalPodAutoscaler with several metrics; Amazon EC2 Auto Scaling, multiple policies.
    """

    policies: Sequence[Policy]

    def desired(self, seen: Seen, now: float) -> int:
        return max(policy.desired(seen, now) for policy in self.policies)


@dataclass
class ScaleToZero:
    """Nothing runs, and nothing is paid, once no request came for *idle_s*; the first one then waits for a cold start.

    Otherwise *policy* decides, with at least one instance. Source: Knative, KEDA (cooldownPeriod 300 s).
    """

    policy: Policy
    idle_s: float = 300.0
    busy_s: float = field(default=-math.inf, init=False, repr=False)

    def desired(self, seen: Seen, now: float) -> int:
        busy = seen.rate_per_s > 0 or seen.backlog > 0 or any(each.utilisation for each in seen.instances)
        self.busy_s = now if busy else min(self.busy_s, now)
        if now >= self.busy_s + self.idle_s:
            return 0
        return max(1, self.policy.desired(seen, now)) if seen.current else 1
